//! Control entries: who may do what, as the logs in [`CollectionPath::control`] say it.

use msec_gossip::Topic;
use msec_identity::CollectionPath;

/// What all of them belong to. Everybody wants it, whatever else.
pub(super) fn control() -> Topic {
    Topic::new(CollectionPath::control().as_str()).expect("a topic")
}
