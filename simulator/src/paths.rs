//! Who can reach whom, and how well.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::PeerIndex;
use crate::link::LinkModel;

/// How a link is broken.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Broken {
    /// Nothing comes through.
    #[default]
    Drops,
    /// A bit of every message is flipped, after the handshake: with it nothing would be admitted, and nothing refused.
    Corrupts,
}

/// The state of all paths between two peers.
#[derive(Debug, Default)]
pub(crate) struct Paths {
    model: LinkModel,
    special: BTreeMap<Pair, LinkModel>,
    broken: BTreeMap<Pair, Broken>,
    /// The group of each peer; those that are not named are in group 0. Empty: no partition.
    groups: BTreeMap<PeerIndex, usize>,
}

/// Two peers, the smaller index first.
type Pair = (PeerIndex, PeerIndex);

fn pair(a: PeerIndex, b: PeerIndex) -> Pair {
    (a.min(b), a.max(b))
}

impl Paths {
    pub(crate) fn new(model: LinkModel) -> Self {
        Self { model, ..Self::default() }
    }

    pub(crate) fn model(&self, a: PeerIndex, b: PeerIndex) -> LinkModel {
        self.special.get(&pair(a, b)).copied().unwrap_or(self.model)
    }

    pub(crate) fn set_model(&mut self, a: PeerIndex, b: PeerIndex, model: LinkModel) {
        self.special.insert(pair(a, b), model);
    }

    pub(crate) fn is_open(&self, a: PeerIndex, b: PeerIndex) -> bool {
        self.group(a) == self.group(b) && self.broken.get(&pair(a, b)) != Some(&Broken::Drops)
    }

    pub(crate) fn corrupts(&self, a: PeerIndex, b: PeerIndex) -> bool {
        self.broken.get(&pair(a, b)) == Some(&Broken::Corrupts)
    }

    pub(crate) fn set_broken(&mut self, a: PeerIndex, b: PeerIndex, how: Option<Broken>) {
        match how {
            Some(how) => self.broken.insert(pair(a, b), how),
            None => self.broken.remove(&pair(a, b)),
        };
    }

    /// Group 1 and so on; whoever is in none of them is in group 0.
    pub(crate) fn partition(&mut self, groups: &[Vec<PeerIndex>]) {
        self.groups = (1..).zip(groups).flat_map(|(n, group)| group.iter().map(move |p| (*p, n))).collect();
    }

    fn group(&self, peer: PeerIndex) -> usize {
        self.groups.get(&peer).copied().unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_partition_parts_its_groups_and_the_rest() {
        let p = PeerIndex;
        let mut paths = Paths::default();
        paths.partition(&[vec![p(1), p(2)], vec![p(3)]]);
        assert!(paths.is_open(p(1), p(2)) && paths.is_open(p(0), p(4)));
        assert!(!paths.is_open(p(1), p(3)) && !paths.is_open(p(1), p(0)));
        paths.partition(&[]);
        assert!(paths.is_open(p(1), p(3)));
        paths.set_broken(p(3), p(1), Some(Broken::Drops));
        assert!(!paths.is_open(p(1), p(3)));
        paths.set_broken(p(1), p(3), None);
        assert!(paths.is_open(p(1), p(3)));
    }
}
