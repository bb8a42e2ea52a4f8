//! What was pushed of late, by the short id that announcements use.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::config::Config;
use crate::item::{Key, Topic};
use crate::trees::dist::TreeId;

const ID_CONTEXT: &str = "msec/gossip/push/1";

/// A push, named by eight bytes of a hash of its key and size.
///
/// Who takes pains can make two of its own pushes have one name: then a neighbour that has one doesn't ask for the
/// other, and reconciliation brings it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Id(pub(crate) [u8; 8]);

impl Id {
    pub(crate) fn of(key: &Key, size: u64) -> Self {
        let mut hasher = blake3::Hasher::new_derive_key(ID_CONTEXT);
        let [a, b, c, d, e, f, g, h, ..] =
            *hasher.update(&key.0).update(&size.to_le_bytes()).finalize().as_bytes();
        Self([a, b, c, d, e, f, g, h])
    }
}

/// One of them.
#[derive(Debug)]
pub(crate) struct Pushed {
    pub(crate) key: Key,
    pub(crate) topic: Topic,
    pub(crate) size: u64,
    /// The tree on which it went on from here.
    pub(crate) tree: TreeId,
    /// `None`: gone, to make room.
    pub(crate) payload: Option<Box<[u8]>>,
    /// When it came.
    pub(crate) at: Duration,
}

/// The latest of them. Bounded by `Config::recent_max`, `Config::recent_bytes_max` and `Config::recent_keep`: what was
/// first goes first, payloads before their names.
#[derive(Debug, Default)]
pub(crate) struct Recent {
    by_id: BTreeMap<Id, Pushed>,
    order: VecDeque<Id>,
    /// Those of `order` whose payload is still there.
    whole: VecDeque<Id>,
    bytes: usize,
}

impl Recent {
    pub(crate) fn get(&self, id: &Id) -> Option<&Pushed> {
        self.by_id.get(id)
    }

    pub(crate) fn len(&self) -> usize {
        self.by_id.len()
    }

    /// Keeps a push. One of the same name is kept as it is.
    pub(crate) fn insert(&mut self, config: &Config, pushed: Pushed) -> Id {
        let id = Id::of(&pushed.key, pushed.size);
        if self.by_id.contains_key(&id) {
            return id;
        }
        let now = pushed.at;
        self.bytes += pushed.payload.as_ref().map_or(0, |payload| payload.len());
        self.by_id.insert(id, pushed);
        self.order.push_back(id);
        self.whole.push_back(id);
        while self.bytes > config.recent_bytes_max
            && let Some(first) = self.whole.pop_front()
        {
            self.drop_payload(&first);
        }
        let oldest = now.saturating_sub(config.recent_keep);
        while let Some(first) = self.order.front().copied()
            && (self.order.len() > config.recent_max
                || self.by_id.get(&first).is_none_or(|pushed| pushed.at < oldest))
        {
            self.order.pop_front();
            if self.whole.front() == Some(&first) {
                self.whole.pop_front();
                self.drop_payload(&first);
            }
            self.by_id.remove(&first);
        }
        id
    }

    /// Lets go of all payloads of a key. Their names stay.
    pub(crate) fn forget(&mut self, key: &Key) {
        let ids: Vec<_> = self.by_id.iter().filter(|(_, it)| it.key == *key).map(|(id, _)| *id).collect();
        ids.iter().for_each(|id| self.drop_payload(id));
    }

    fn drop_payload(&mut self, id: &Id) {
        let payload = self.by_id.get_mut(id).and_then(|pushed| pushed.payload.take());
        self.bytes -= payload.map_or(0, |payload| payload.len());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn s(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn push(recent: &mut Recent, config: &Config, now: Duration, n: u8) -> Id {
        let topic = Topic::new("a").unwrap();
        let payload = Some(vec![n; 10].into());
        recent.insert(config, Pushed { key: Key([n; 32]), topic, size: 1, tree: TreeId(1), payload, at: now })
    }

    #[test]
    fn payloads_go_before_names_and_the_first_goes_first() {
        let config = Config { recent_max: 4, recent_bytes_max: 25, ..Config::default() };
        let mut recent = Recent::default();
        let ids: Vec<Id> = (0..6).map(|n| push(&mut recent, &config, s(0), n)).collect();
        let kept: Vec<_> = ids.iter().map(|id| recent.get(id).map(|it| it.payload.is_some())).collect();
        assert_eq!(kept, [None, None, Some(false), Some(false), Some(true), Some(true)]);
        assert_eq!((recent.bytes, recent.whole.len(), recent.order.len()), (20, 2, 4));
    }

    #[test]
    fn what_is_old_goes_when_something_comes() {
        let (config, mut recent) = (Config::default(), Recent::default());
        let old = push(&mut recent, &config, s(0), 1);
        assert_eq!(push(&mut recent, &config, s(50), 1), old, "the same push, and no younger");
        push(&mut recent, &config, s(60), 2);
        assert!(recent.get(&old).is_some());
        push(&mut recent, &config, s(61), 3);
        assert!(recent.get(&old).is_none());
        assert_eq!((recent.len(), recent.bytes, recent.whole.len()), (2, 20, 2));
    }

    #[test]
    fn a_payload_that_never_fits_is_not_kept() {
        let config = Config { recent_bytes_max: 5, ..Config::default() };
        let mut recent = Recent::default();
        let id = push(&mut recent, &config, s(0), 1);
        assert!(recent.get(&id).is_some_and(|pushed| pushed.payload.is_none()));
    }

    #[test]
    fn what_was_erased_is_not_kept_for_those_who_ask() {
        let config = Config { recent_bytes_max: 45, ..Config::default() };
        let mut recent = Recent::default();
        let ids: Vec<Id> = (0..3).map(|n| push(&mut recent, &config, s(0), n)).collect();
        recent.forget(&Key([1; 32]));
        recent.forget(&Key([9; 32]));
        let kept: Vec<_> = ids.iter().map(|id| recent.get(id).map(|it| it.payload.is_some())).collect();
        assert_eq!((kept, recent.bytes), (vec![Some(true), Some(false), Some(true)], 20));
        // And what comes later finds its room.
        for n in 3..6 {
            push(&mut recent, &config, s(0), n);
        }
        assert_eq!((recent.bytes, recent.len()), (40, 6));
    }
}
