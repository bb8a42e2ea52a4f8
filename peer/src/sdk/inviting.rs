//! Letting somebody in who comes with a code: the words, the owner's yes, the grant.

use std::net::SocketAddr;
use std::pin::Pin;
use std::time::Duration;

use msec_identity::pairing::{HINTS_MAX, Hints, Invite, SafetyWords};
use msec_identity::{InviteError, PeerId, UnixMillis};
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;
use tokio::time::{Sleep, sleep};

use super::access::{AccessFailed, GrantTerms, Issued};
use super::error::PeerClosed;
use super::peer::Peer;
use crate::net::{Command, Pairing, wall_clock};
use crate::node::{Event, LinkId, PairingOutcome};

/// The longest that a code for one peer is good for.
pub const INVITE_LASTS_MAX: Duration = Duration::from_secs(24 * 3600);
/// Notices that may wait for whoever invites. A code is used by one at a time, so that it is never full.
const NOTICES_MAX: usize = 16;

/// What whoever comes with a code may do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InviteTerms {
    /// What: some of `relay,read,write,manage`.
    pub rights: String,
    /// Where: a collection and those below it; everywhere if it is empty.
    #[serde(default)]
    pub collection: String,
    /// For how many days.
    pub days: u32,
    /// For how long the code is good, in seconds; at most [`INVITE_LASTS_MAX`].
    pub lasts_s: u32,
    /// Where this peer can be dialled, best first. Empty: where it tells others that it can.
    #[serde(default)]
    pub hints: Vec<SocketAddr>,
}

/// A code that was given out, for as long as this is held; then it is taken back.
#[derive(Debug)]
pub struct Inviting {
    peer: Peer,
    terms: InviteTerms,
    invite: Invite,
    until: UnixMillis,
    notices: mpsc::Receiver<Event>,
    over: Pin<Box<Sleep>>,
    asking: Option<(LinkId, PeerId)>,
    last_asked: Option<PeerId>,
    /// What became of whoever came last, until that is said.
    ended: Option<PairingOutcome>,
}

/// What becomes of a code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum InviteEvent {
    /// Somebody came with it: compare the words, then [`Inviting::approve`] or [`Inviting::decline`].
    Asks {
        /// Who. That it holds that identity is proven.
        peer: PeerId,
        /// What it calls itself. Nobody proves that.
        name: String,
        /// What both screens show.
        words: SafetyWords,
    },
    /// Whoever came is gone before anybody decided. The code is still good.
    Gone(PairingOutcome),
    /// It was tried too often by somebody who then went, and lets nobody in any more.
    UsedUp,
    /// It has expired.
    Expired,
}

/// A code that cannot be given out, or somebody who could not be let in.
#[derive(Debug, thiserror::Error)]
pub enum InviteFailed {
    /// It can't be given out.
    #[error(transparent)]
    Code(#[from] InviteError),
    /// This peer cannot grant that.
    #[error(transparent)]
    Access(#[from] AccessFailed),
    /// It would last for too long.
    #[error(
        "a code is good for at most a day, and so is what a walk-up code gives: let it last shorter, or give an invitation with `msec grant`"
    )]
    TooLong,
    /// The data directory cannot be used.
    #[error(transparent)]
    DataDir(#[from] super::error::DataDirError),
    /// It lets visitors in for as many benches as it may.
    #[error("this peer lets visitors in for as many benches as it can: end some with `msec revoke`")]
    Benches,
    /// Nobody is asking.
    #[error("nobody is asking to be let in")]
    NobodyAsks,
    /// Whoever asked was granted it, and did not hear of it.
    #[error(
        "{peer} hung up before it heard that it is let in: end the grant with `msec revoke {grant}`, and invite it again"
    )]
    Unheard {
        /// Who.
        peer: PeerId,
        /// The grant that nobody has.
        grant: msec_identity::GrantId,
    },
    /// The peer was closed.
    #[error(transparent)]
    Closed(#[from] PeerClosed),
}

impl Peer {
    /// Gives out a code for one peer. Whether this peer may grant that is looked at before.
    pub async fn invite(&self, terms: InviteTerms) -> Result<Inviting, InviteFailed> {
        let lasts = Duration::from_secs(terms.lasts_s.into());
        if lasts.is_zero() || lasts > INVITE_LASTS_MAX {
            return Err(InviteFailed::TooLong);
        }
        self.at_once(terms.grant_to(self.id())).await?;
        let lasts_s = terms.lasts_s;
        let hints = (!terms.hints.is_empty()).then(|| Hints::new(terms.hints.clone())).transpose()?;
        let (to, notices) = mpsc::channel(NOTICES_MAX);
        let invite =
            self.ask(|answer| Command::Pairing(Pairing::Invite { lasts, hints, notices: to, answer }));
        let invite = invite.await??;
        Ok(Inviting {
            peer: self.clone(),
            terms,
            invite,
            until: wall_clock().saturating_add(i64::from(lasts_s) * 1000),
            notices,
            over: Box::pin(sleep(lasts)),
            asking: None,
            last_asked: None,
            ended: None,
        })
    }
}

impl InviteTerms {
    fn grant_to(&self, peer: PeerId) -> GrantTerms {
        GrantTerms::new(peer, &self.rights, &self.collection, self.days)
    }
}

impl Inviting {
    /// What to show: for a QR code, or to be typed.
    pub fn code(&self) -> String {
        self.invite.to_string()
    }

    /// Until when it is good.
    pub fn not_after(&self) -> UnixMillis {
        self.until
    }

    /// Who asked last.
    pub fn last_asked(&self) -> Option<PeerId> {
        self.last_asked
    }

    /// What happens next. `None`: the peer was closed.
    pub async fn next(&mut self) -> Option<InviteEvent> {
        loop {
            if let Some(outcome) = self.ended {
                let tag = self.invite.door().secret.tag();
                let is_open = self.peer.look(move |node| node.codes().any(|code| code == tag));
                let is_open = is_open.await.ok()?;
                self.ended = None;
                return Some(if is_open { InviteEvent::Gone(outcome) } else { InviteEvent::UsedUp });
            }
            let notice = tokio::select! {
                biased;
                notice = self.notices.recv() => notice?,
                () = &mut self.over, if self.asking.is_none() => return Some(InviteEvent::Expired),
            };
            match notice {
                Event::Pairing { link, joiner, name, words, .. } => {
                    self.asking = Some((link, joiner));
                    self.last_asked = Some(joiner);
                    return Some(InviteEvent::Asks { peer: joiner, name, words });
                }
                Event::PairingEnded { outcome, .. } => {
                    (self.asking, self.ended) = (None, Some(outcome));
                }
                _ => {}
            }
        }
    }

    /// The words are the same: grants what was to be granted to whoever asks, and tells it.
    pub async fn approve(&mut self) -> Result<Issued, InviteFailed> {
        let (link, peer) = self.asking.take().ok_or(InviteFailed::NobodyAsks)?;
        let terms = self.peer.at_once(self.terms.grant_to(peer)).await?;
        let issued = self.peer.grant(terms).await?;
        self.decide(link, Some(issued.invitation.clone())).await?;
        match self.outcome(link).await {
            Some(PairingOutcome::Joined) => Ok(issued),
            _ => Err(InviteFailed::Unheard { peer, grant: issued.grant }),
        }
    }

    /// They are not, or it is not wanted: whoever asks is told that the owner declined, and the code is used up.
    pub async fn decline(&mut self) -> Result<(), InviteFailed> {
        let (link, _) = self.asking.take().ok_or(InviteFailed::NobodyAsks)?;
        self.decide(link, None).await?;
        self.outcome(link).await;
        Ok(())
    }

    async fn decide(&self, link: LinkId, welcome: Option<Vec<u8>>) -> Result<(), PeerClosed> {
        self.peer.tell(Command::Pairing(Pairing::Decide { link, welcome })).await
    }

    /// What became of that link.
    async fn outcome(&mut self, link: LinkId) -> Option<PairingOutcome> {
        loop {
            match self.notices.recv().await? {
                Event::PairingEnded { link: ended, outcome, .. } if ended == link => return Some(outcome),
                _ => {}
            }
        }
    }
}

impl Drop for Inviting {
    fn drop(&mut self) {
        // A peer that has no room for it lets the code expire.
        let tag = self.invite.door().secret.tag();
        self.peer.try_tell(Command::Pairing(Pairing::Withdraw { tag }));
    }
}

/// The first addresses, as many as a code holds well.
pub(crate) fn hints_of(addresses: &[SocketAddr]) -> Hints {
    const CHOSEN: usize = 4;
    const { assert!(CHOSEN <= HINTS_MAX) };
    Hints::new(addresses.iter().copied().take(CHOSEN).collect()).unwrap_or_default()
}
