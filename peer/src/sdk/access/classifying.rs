//! Saying what kind of data a collection holds.

use msec_identity::{
    Class, Classified, CollectionPath, ControlStream, GrantId, Record, Right, UnixMillis, Verified,
};
use serde::{Deserialize, Serialize};

use super::error::AccessFailed;
use super::granting::VoicesView;
use super::hex;
use crate::node::Node;
use crate::sdk::Peer;

/// What a collection is to hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClassTerms {
    /// The collection, and those below it.
    pub collection: String,
    /// `public`, `personal` or `actuation`.
    pub class: String,
}

/// What was said of a collection, and what that comes to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClassView {
    /// The collection.
    pub collection: String,
    /// What was said.
    pub said: String,
    /// What it is now, by all that is said of it and of what lies above it: the most protective.
    pub class: String,
    /// The hash of what was said, by which other roots approve it.
    pub record: String,
    /// How many roots stand behind it, where more than one must.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub voices: Option<VoicesView>,
}

impl Peer {
    /// Says what kind of data a collection holds, in place of what this peer said of it before. When this returns, that is on disk.
    pub async fn classify(&self, terms: ClassTerms) -> Result<ClassView, AccessFailed> {
        let (stream, record) = self.look(move |node| draw_up(node, &terms)).await??;
        let (hash, collection, said) = (record.hash(), record.collection.clone(), record.class);
        self.enter(stream, record).await?;
        let look = move |node: &Node| {
            let authority = node.authority();
            let voices = authority.voices(&hash, &node.peer()).filter(|_| stream == ControlStream::Root);
            ClassView {
                class: authority.class_of(&collection).to_string(),
                collection: collection.to_string(),
                said: said.to_string(),
                record: hex::text(&hash),
                voices: voices.map(Into::into).filter(|voices: &VoicesView| voices.needed > 1),
            }
        };
        Ok(self.look(look).await?)
    }
}

fn draw_up(node: &Node, terms: &ClassTerms) -> Result<(ControlStream, Verified<Classified>), AccessFailed> {
    let (issuer, authority) = (node.peer(), node.authority());
    let collection: CollectionPath = terms.collection.parse()?;
    let class: Class = terms.class.parse()?;
    let stream = match authority.roots().contains(&issuer) {
        true => ControlStream::Root,
        false => ControlStream::Under(manages(node, &collection).ok_or(AccessFailed::NotManaged)?),
    };
    let (space, number) = (authority.space(), authority.next_class_number(&issuer, &collection));
    Ok((stream, node.sign(Classified { space, issuer, collection, class, number })))
}

/// The grant by which this peer manages a collection: of several that which lasts longest.
fn manages(node: &Node, collection: &CollectionPath) -> Option<GrantId> {
    let held = node
        .grants()
        .filter(|grant| grant.rights.contains(Right::Manage) && grant.resource.covers(collection));
    let held = held.map(|grant| (grant.not_after, grant.id()));
    let usable = held.filter(|(_, id): &(UnixMillis, GrantId)| node.may_issue_in(ControlStream::Under(*id)));
    usable.max().map(|(_, id)| id)
}
