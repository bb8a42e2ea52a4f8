//! What of ours do neighbours hold? A moment is noted, and asked about later.
//!
//! No message is for that. Who names a cursor in our life, or shows our fingerprint, says that all that we held on disk of the
//! common interest, up to some change, is on its disk, or was refused there (see `reconcile`). So it costs a number for each
//! neighbour, and is known as soon as rounds have passed. It is a neighbour's word, and no proof.

use msec_identity::PeerId;

use crate::interest::Interest;
use crate::item::{Key, Topic, Version};
use crate::machine::Gossip;
use crate::reconcile::message::Epoch;

/// A moment in the life of a [`Gossip`]: all that was on its disk then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    epoch: Epoch,
    number: u64,
}

impl Gossip {
    /// This moment.
    pub fn mark(&self) -> Mark {
        Mark { epoch: self.core.epoch, number: self.core.frontier.head() }
    }

    /// What is on disk of `key` now, and where it belongs.
    pub fn on_disk(&self, key: &Key) -> Option<(Version, &Topic)> {
        let held = self.core.frontier.get(key)?;
        Some((held.durable()?, &held.topic))
    }

    /// The neighbours that have said since that they hold what was on disk at that moment, each with what both want: that, and no
    /// more, it spoke of.
    pub fn took_in(&self, mark: Mark) -> impl Iterator<Item = (&PeerId, &Interest)> {
        let took_in = move |(epoch, number): (Epoch, u64)| epoch == mark.epoch && number >= mark.number;
        let neighbours = self.core.neighbours.iter();
        neighbours
            .filter(move |(_, it)| it.session.took_in().is_some_and(took_in))
            .map(|(peer, it)| (peer, &it.common))
    }
}
