//! A registry without its history: all things are written into another one, and the old one is erased.
//!
//! A change is never taken out of a document, since others build on it: a document is erased whole. What people see of it goes on
//! in another collection, as a few changes of whoever compacts. Each peer erases for itself: the others show the old one until they
//! do so too. Who edits the old one meanwhile, apart from everybody, does not lose that: such changes wait for what was erased,
//! [`Registry::held`] lists them, and their author makes them again in the new one.

use std::collections::BTreeMap;

use msec_crdt_store::{Thing, things_in_a_change};

use super::error::CompactFailed;
use super::registry::{Registry, Shown};

/// What became of a registry that was compacted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Compacted {
    /// How many things were written into the other one; those that it had already, with all they say, are not among them.
    pub things: usize,
    /// How many fields had several values, of which the one that was shown went on.
    pub settled: usize,
    /// How many logs were erased.
    pub logs: usize,
}

impl Registry {
    /// Writes all things into another registry of this peer, as they are shown now, and then erases what this one was made of, on
    /// this peer and for good. Where it fails in between, nothing is lost: done again, it goes on.
    pub async fn compact(&self, into: &Self) -> Result<Compacted, CompactFailed> {
        let (peer, name) = self.place();
        if name == into.place().1 {
            return Err(CompactFailed::Itself);
        }
        let Shown { things, ends, held } = self.shown().await?;
        if things.left_out > 0 || held > 0 {
            return Err(CompactFailed::NotWhole { left_out: things.left_out, held });
        }
        let there = into.shown().await?.things;
        let there: BTreeMap<_, _> = there.things.into_iter().map(|it| (it.thing.id.clone(), it)).collect();
        let (mut missing, mut settled) = (Vec::new(), 0);
        for view in things.things {
            settled += view.conflicts.len();
            match there.get(&view.thing.id) {
                None => missing.push(view.thing),
                Some(other) if other.thing == view.thing && other.conflicts.is_empty() => {}
                Some(_) => return Err(CompactFailed::Differs { id: view.thing.id }),
            }
        }
        into.add_all(&missing).await?;
        let erased: Vec<_> =
            ends.into_iter().filter(|(_, end)| *end > 1).map(|(log, end)| (log, 1..end)).collect();
        let logs = erased.len();
        peer.erase_all_here(erased).await?;
        Ok(Compacted { things: missing.len(), settled, logs })
    }

    /// Adds things, in as few changes as it takes.
    async fn add_all(&self, things: &[Thing]) -> Result<(), CompactFailed> {
        let mut rest = things;
        while !rest.is_empty() {
            let (now, later) = rest.split_at(things_in_a_change(rest).max(1));
            self.edit(|document, log, time| document.add_things(log, time, now)).await?;
            rest = later;
        }
        Ok(())
    }
}
