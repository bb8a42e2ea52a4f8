//! What a peer gives to a person who carries it elsewhere, and takes from one: as if there were a link.

use msec_crdt_store::{LogHeader, LogState};
use msec_gossip::Interest;
use msec_identity::{Authority, PeerId};

use super::links::holdable;
use super::logs::{dated, topic_of};

/// Whether an interest covers what is held of a log.
pub(crate) fn covers(interest: &Interest, state: &LogState) -> bool {
    topic_of(state.header()).is_some_and(|topic| interest.covers(&dated(topic, state)))
}

/// Which logs of others a peer may hold, by its grants.
pub(crate) fn may_hold(authority: &Authority, peer: &PeerId) -> impl Fn(&LogHeader) -> bool + use<> {
    let interest = holdable(authority, peer, None);
    move |header| topic_of(header).is_some_and(|topic| interest.covers(&topic))
}
