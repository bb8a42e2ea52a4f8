//! What a peer gives to a person who carries it elsewhere, and takes from one: as if there were a link.

use std::collections::BTreeMap;

use msec_crdt_store::{LogHeader, LogState, Opened};
use msec_gossip::Interest;
use msec_identity::{Authority, ControlRecord, ControlStream, Entered, PeerId};

use super::control::stream_of;
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

/// Lets all count that a store holds of who may do what. What is refused counts for nobody.
pub(crate) fn learn(authority: &mut Authority, opened: &Opened) {
    let states: BTreeMap<_, _> = opened.logs.iter().map(|state| (state.log(), state)).collect();
    for state in &opened.logs {
        let header = state.header();
        let _ = authority.learn_shown(&header.author(), header.grants().map(ControlRecord::from));
    }
    for entry in &opened.control {
        let Some(state) = states.get(&entry.log) else { continue };
        let (Ok(record), Some(stream)) =
            (ControlRecord::from_bytes(&entry.record), stream_of(state.header()))
        else {
            continue;
        };
        if stream == ControlStream::Own && !record.is_of_itself(&state.header().author()) {
            continue;
        }
        let (author, under) = (state.header().author(), stream.under());
        let place = Entered { log: entry.log, author, under, position: entry.position };
        let _ = authority.enter(place, record);
    }
}
