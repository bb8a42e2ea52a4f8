//! What of logs others hold, for whoever lets go of what is old.
//!
//! A moment is noted, with how much of each log is on disk; later it is asked how many neighbours have said since that they
//! hold that much. Neither changes the node: what is let go stands in the store.

use std::collections::BTreeMap;

use msec_gossip::Topic;
use msec_identity::{CollectionPath, LogId};

use super::Node;
use super::logs::key_of;

/// What was on disk of some logs at one time.
#[derive(Debug)]
pub struct Mark {
    at: msec_gossip::Mark,
    logs: Vec<(LogId, u64, Topic)>,
}

impl Node {
    /// How much is on disk now of the logs in these collections and those below them.
    pub fn mark(&self, collections: &[CollectionPath]) -> Mark {
        let is_of = |path: &CollectionPath| collections.iter().any(|it| it.covers(path));
        let logs = self.logs.held().filter(|state| is_of(state.header().collection()));
        // Of a forked one others hold the evidence, and who knows which history.
        let logs = logs.filter(|state| self.forks.get(&state.log()).is_none());
        let logs = logs.filter_map(|state| {
            let (version, topic) = self.gossip.on_disk(&key_of(&state.log()))?;
            Some((state.log(), version.size, topic.clone()))
        });
        Mark { at: self.gossip.mark(), logs: logs.collect() }
    }

    /// How much of each log of a mark so many neighbours hold, as they have said since. Nothing of a log that fewer want.
    pub fn vouched(&self, mark: &Mark, copies: usize) -> BTreeMap<LogId, u64> {
        let holders: Vec<_> = self.gossip.took_in(mark.at).map(|(_, both_want)| both_want).collect();
        let holds = |topic: &Topic| holders.iter().filter(|both_want| both_want.covers(topic)).count();
        let vouched = mark.logs.iter().filter(|(.., topic)| holds(topic) >= copies);
        vouched.map(|(log, size, _)| (*log, *size)).collect()
    }
}
