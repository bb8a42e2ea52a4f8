//! Who may do what, as it is asked for and answered.

use serde::{Deserialize, Serialize};

use super::message::Answer;
use super::server::in_full;
use crate::sdk::{
    AccessFailed, AccessTree, ClassTerms, ClassView, ErasurePlan, ErasureTerms, ErasureView, Explanation,
    GrantTerms, Issued, Ordered, Peer, Question, ReplaceTerms, Replaced, ReplacementPlan, RestoreTerms,
    Restored, RevocationPlan, RevokeTerms, RevokedGrant, VoicesView,
};

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum AccessRequest {
    /// Let somebody in: one [`AccessAnswer::Issued`].
    Grant(GrantTerms),
    /// What was granted: one [`AccessAnswer::Tree`].
    Grants,
    /// What a revocation would do: one [`AccessAnswer::Plan`].
    Plan(RevokeTerms),
    /// End something: an [`AccessAnswer::Revoked`] for each grant.
    Revoke(RevokeTerms),
    /// Let logs count that a revocation left out: one [`AccessAnswer::Restored`].
    Restore(RestoreTerms),
    /// What giving a lost device's place to another would do: one [`AccessAnswer::ReplacementPlan`].
    PlanReplacement(ReplaceTerms),
    /// Give a lost device's place to another: one [`AccessAnswer::Replaced`].
    Replace(ReplaceTerms),
    /// Make another Noise key: one [`AccessAnswer::Rotated`].
    RotateKey,
    /// What an erasure would take away: one [`AccessAnswer::ErasurePlan`].
    PlanErasure(ErasureTerms),
    /// Have something erased by everybody: an [`AccessAnswer::Ordered`] for each order.
    Erase(ErasureTerms),
    /// What was ordered to be erased, and who has done so: an [`AccessAnswer::Erasure`] for each order.
    Erasures {
        /// Only that one, by the first digits of its hash.
        #[serde(default)]
        erasure: Option<String>,
    },
    /// Agree, as a root: one [`AccessAnswer::Approved`].
    Approve {
        /// The hash of what another root said, in hexadecimal digits, or the first of them, at least six.
        record: String,
    },
    /// Say what kind of data a collection holds: one [`AccessAnswer::Classified`].
    Classify(ClassTerms),
    /// Who could read: one [`AccessAnswer::Explained`].
    Explain {
        /// What, and when.
        question: Question,
        /// Whether the answer is to be signed; then an [`AccessAnswer::Signed`] follows.
        #[serde(default)]
        signed: bool,
    },
}

/// What comes back.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AccessAnswer {
    /// To [`AccessRequest::Grant`].
    Issued(Box<Issued>),
    /// To [`AccessRequest::Grants`].
    Tree(Box<AccessTree>),
    /// To [`AccessRequest::Plan`].
    Plan(Box<RevocationPlan>),
    /// To [`AccessRequest::Revoke`].
    Revoked(RevokedGrant),
    /// To [`AccessRequest::Restore`].
    Restored(Restored),
    /// To [`AccessRequest::PlanErasure`].
    ErasurePlan(Box<ErasurePlan>),
    /// To [`AccessRequest::Erase`].
    Ordered(Ordered),
    /// To [`AccessRequest::Erasures`].
    Erasure(Box<ErasureView>),
    /// To [`AccessRequest::Approve`].
    Approved {
        /// How many roots stand behind it now.
        voices: Option<VoicesView>,
    },
    /// To [`AccessRequest::Classify`].
    Classified(ClassView),
    /// To [`AccessRequest::PlanReplacement`].
    ReplacementPlan(Box<ReplacementPlan>),
    /// To [`AccessRequest::Replace`].
    Replaced(Box<Replaced>),
    /// To [`AccessRequest::RotateKey`].
    Rotated {
        /// Keys that were endorsed earlier, by the peer's clock, are over.
        since_ms: i64,
    },
    /// To [`AccessRequest::Explain`].
    Explained(Box<Explanation>),
    /// The file that shows it.
    Signed(String),
}

/// The answers, but for the last line.
pub(super) async fn answer(peer: &Peer, request: AccessRequest) -> Result<Vec<Answer>, String> {
    let answers = obey(peer, request).await.map_err(|error| in_full(&error))?;
    Ok(answers.into_iter().map(Answer::Access).collect())
}

async fn obey(peer: &Peer, request: AccessRequest) -> Result<Vec<AccessAnswer>, AccessFailed> {
    Ok(match request {
        AccessRequest::Grant(terms) => vec![AccessAnswer::Issued(Box::new(peer.grant(terms).await?))],
        AccessRequest::Grants => vec![AccessAnswer::Tree(Box::new(peer.grants().await?))],
        AccessRequest::Plan(terms) => vec![AccessAnswer::Plan(Box::new(peer.plan_revocation(terms).await?))],
        AccessRequest::Revoke(terms) => {
            peer.revoke(terms).await?.into_iter().map(AccessAnswer::Revoked).collect()
        }
        AccessRequest::Restore(terms) => vec![AccessAnswer::Restored(peer.restore(terms).await?)],
        AccessRequest::PlanReplacement(terms) => {
            vec![AccessAnswer::ReplacementPlan(Box::new(peer.plan_replacement(terms).await?))]
        }
        AccessRequest::Replace(terms) => vec![AccessAnswer::Replaced(Box::new(peer.replace(terms).await?))],
        AccessRequest::RotateKey => vec![AccessAnswer::Rotated { since_ms: peer.rotate_key().await?.0 }],
        AccessRequest::PlanErasure(terms) => {
            vec![AccessAnswer::ErasurePlan(Box::new(peer.plan_erasure(&terms).await?))]
        }
        AccessRequest::Erase(terms) => {
            peer.erase(&terms).await?.into_iter().map(AccessAnswer::Ordered).collect()
        }
        AccessRequest::Erasures { erasure } => {
            let all = peer.erasures(erasure.as_deref()).await?.into_iter();
            all.map(|it| AccessAnswer::Erasure(Box::new(it))).collect()
        }
        AccessRequest::Approve { record } => {
            let hash = peer.record_called(&record).await?;
            vec![AccessAnswer::Approved { voices: peer.approve(hash).await? }]
        }
        AccessRequest::Classify(terms) => vec![AccessAnswer::Classified(peer.classify(terms).await?)],
        AccessRequest::Explain { question, signed } => {
            let explanation = peer.explain(question).await?;
            let file = match signed {
                true => Some(peer.sign_explanation(explanation.clone()).await?.file),
                false => None,
            };
            let explained = AccessAnswer::Explained(Box::new(explanation));
            std::iter::once(explained).chain(file.map(AccessAnswer::Signed)).collect()
        }
    })
}
