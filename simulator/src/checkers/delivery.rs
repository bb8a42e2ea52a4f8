//! What is acknowledged is, in the end, with every reader that can be reached.

use std::collections::BTreeMap;

use msec_crdt_store::{Query, Reading};
use msec_identity::{LogId, PeerId};
use msec_peer::node::Receipt;

use super::readers::Readers;
use super::{Checker, Kind};
use crate::ledger::Submission;
use crate::peer::PeerIndex;
use crate::world::World;

/// Readers and authors whose readings are compared one by one. Of more pairs, every so-manieth is; that all entries are
/// there is looked at for each, and what is in them was compared when they were stored.
const PAIRS_MAX: usize = 2_000;

/// The checker. Exempt is what was forfeited with a damaged disk, what stands in a log beyond the place where its copied
/// author forked it, and what a reader lacked when it learned of that.
#[derive(Debug, Clone, Copy, Default)]
pub struct Delivery;

impl Checker for Delivery {
    fn name(&self) -> &'static str {
        "delivery"
    }

    fn kind(&self) -> Kind {
        Kind::Liveness
    }

    /// Each reader holds each entry, and its store shows it.
    fn at_end(&mut self, world: &World) -> Vec<String> {
        let readers: Vec<_> = world.peers().filter(|peer| is_reached(world, *peer)).collect();
        let mut found = Vec::new();
        for reader in &readers {
            found.extend(behind(world, *reader));
        }
        found.extend(not_shown(world, &readers));
        found
    }
}

/// Whether a peer is one that has to be reached: honest, up, its rights not over, and with somebody to dial, or linked.
pub(super) fn is_reached(world: &World, peer: PeerIndex) -> bool {
    let dials = world.spec(peer).is_some_and(|spec| spec.contacts.iter().any(|it| !world.is_over(*it)));
    let stands = |id: &PeerId| world.peer_of(id).is_none_or(|it| !world.is_over(it));
    let linked = || world.node(peer).is_some_and(|node| node.neighbours().any(|it| stands(&it.peer)));
    let is_there = world.is_honest(peer) && world.is_up(peer) && !world.is_over(peer);
    is_there && (dials || linked() || world.is_dialled(peer))
}

/// How much of a log every reader has to hold: what is acknowledged, binding, and to be had since its author's right ended.
pub(super) fn binding_size(world: &World, log: &LogId) -> u64 {
    let size = world.ledger().acknowledged_size_by(log, |peer| !world.is_hostile(peer));
    let size = world.forked_at(log).map_or(size, |forked| size.min(forked));
    match world.counts_to(log) {
        None => size,
        Some(cut) => size.min(cut.size).min(to_be_had(world, log)),
    }
}

/// How much of a log somebody holds whose rights are not over, up or down: its author is let in by nobody.
fn to_be_had(world: &World, log: &LogId) -> u64 {
    let holders = world.peers().filter(|peer| world.is_honest(*peer) && !world.is_over(*peer));
    let on_disk =
        |peer| world.promised(peer).and_then(|promised| promised.get(log)).map_or(0, |(size, _)| *size);
    holders.map(|peer| on_disk(peer).max(world.held(peer, log))).max().unwrap_or(0)
}

/// How much of it one reader has to hold: no more than it does once it knows that the author signed two histories.
pub(super) fn owed_size(world: &World, reader: PeerIndex, log: &LogId) -> u64 {
    let binding = binding_size(world, log);
    if world.contests(reader, log) { binding.min(world.held(reader, log)) } else { binding }
}

/// The first acknowledged entry of each log that a reader does not hold.
fn behind(world: &World, reader: PeerIndex) -> Vec<String> {
    let held: BTreeMap<_, _> = world.frontier(reader).into_iter().map(|(log, size, _)| (log, size)).collect();
    let ledger = world.ledger();
    let lacks = |log: LogId| {
        let size = held.get(&log).copied().unwrap_or(0);
        let binding = owed_size(world, reader, &log);
        if size >= binding || !ledger.log(&log).is_some_and(|it| world.is_reader(reader, &it.collection)) {
            return None;
        }
        let mut missed = ledger.acknowledged_in(&log, size).filter(|(_, at)| at.position < binding);
        let (submission, at) = missed.find(|(it, _)| it.peer != reader && !world.is_hostile(it.peer))?;
        Some(missing("does not hold", reader, submission, at))
    };
    ledger.acknowledged_logs().filter_map(lacks).collect()
}

/// Acknowledged entries that readers hold, and their stores do not show as they were published.
fn not_shown(world: &World, readers: &[PeerIndex]) -> Vec<String> {
    let mut by_author: BTreeMap<PeerIndex, Vec<(&Submission, Receipt)>> = BTreeMap::new();
    for (submission, receipt) in world.ledger().acknowledged(0) {
        if !world.is_hostile(submission.peer) && receipt.position < binding_size(world, &receipt.log) {
            by_author.entry(submission.peer).or_default().push((submission, receipt));
        }
    }
    let pairs = readers.iter().flat_map(|reader| by_author.iter().map(move |author| (*reader, author)));
    let every = (readers.len() * by_author.len()).div_ceil(PAIRS_MAX).max(1);
    let mut found = Vec::new();
    for (reader, (author, entries)) in pairs.step_by(every) {
        let wanted = |(s, at): &&(&Submission, Receipt)| {
            world.is_reader(reader, &s.stream.collection)
                && world.is_on_disk(reader, &at.log, at.position)
                && !world.erasures().names(&at.log, at.position)
        };
        let (Some(id), true) = (world.id(*author), reader != *author) else { continue };
        let shown = shown(world, reader, id);
        let other = |(submission, at): &(&Submission, Receipt)| {
            let shown = shown.get(&(at.log, at.position));
            !shown.is_some_and(|readings| same(readings, &submission.readings))
        };
        let wrong = entries.iter().filter(wanted).find(|entry| other(entry));
        found.extend(wrong.map(|(it, at)| missing("shows something else for", reader, it, *at)));
    }
    found
}

type Shown = BTreeMap<(LogId, u64), Vec<Reading>>;

/// What a reader's store shows of an author, entry by entry.
fn shown(world: &World, reader: PeerIndex, author: PeerId) -> Shown {
    let mut shown = Shown::new();
    for row in world.query(reader, &Query { author: Some(author), ..Query::default() }) {
        shown.entry((row.log, row.position)).or_default().push(row.reading);
    }
    shown
}

fn missing(what: &str, reader: PeerIndex, submission: &Submission, receipt: Receipt) -> String {
    let (Receipt { log, position }, author) = (receipt, submission.peer);
    format!("peer {reader} {what} entry {position} of log {log}, which peer {author} acknowledged")
}

/// The same readings, in whatever order.
fn same(a: &[Reading], b: &[Reading]) -> bool {
    let sorted = |readings: &[Reading]| {
        let mut values: Vec<_> = readings.iter().map(|r| (r.time, r.value.to_bits(), r.quality)).collect();
        values.sort();
        values
    };
    sorted(a) == sorted(b)
}

/// Acknowledged readings of honest peers, and how many readers hold them, summed up.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Deliveries {
    pub(crate) published: u64,
    pub(crate) delivered: u64,
    pub(crate) missed: u64,
}

/// Each acknowledged reading, for each reader that can be reached. What is not binding, since its author forked it, is neither
/// delivered nor missed, and what a reader lacked when it learned of that is not missed.
pub(crate) fn deliveries(world: &World) -> Deliveries {
    let (ledger, mut sum) = (world.ledger(), Deliveries::default());
    let mut readers = Readers::new(world);
    for log in ledger.acknowledged_logs() {
        let Some(known) = ledger.log(&log) else { continue };
        let binding = binding_size(world, &log);
        let counts = |it: &Submission, at: Receipt| !world.is_hostile(it.peer) && at.position < binding;
        let entries = || ledger.acknowledged_in(&log, 0).filter(|(it, at)| counts(it, *at));
        let readings = |from: u64| -> u64 {
            let entries = entries().filter(|(_, at)| at.position >= from);
            entries.map(|(it, _)| it.readings.len() as u64).sum()
        };
        let Some(author) = entries().next().map(|(it, _)| it.peer) else { continue };
        let all = readings(0);
        sum.published += all;
        for reader in readers.of(&known.collection).iter().filter(|reader| **reader != author) {
            let size = world.held(*reader, &log);
            let lacked = if size >= binding { 0 } else { readings(size) };
            sum.delivered += all - lacked;
            sum.missed += if world.contests(*reader, &log) { 0 } else { lacked };
        }
    }
    sum
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::checkers::testing::{CITIZEN, GATEWAY, SENSOR, publish, small_world};
    use crate::{Broken, Damage, DiskFault, Kept};

    #[test]
    fn an_entry_that_a_reader_does_not_hold_is_found() {
        let mut world = small_world();
        world.break_link(GATEWAY, CITIZEN, Broken::Drops);
        publish(&mut world, 1.0);
        world.run_for(Duration::from_secs(60));
        let found = Delivery.at_end(&world);
        assert!(found.len() == 1 && found[0].starts_with("peer 2 does not hold entry 1"), "{found:?}");
        let expected = Deliveries { published: 1, delivered: 1, missed: 1 };
        assert_eq!(deliveries(&world), expected, "the gateway has it");
    }

    #[test]
    fn a_store_that_shows_something_else_is_found() {
        let mut world = small_world();
        publish(&mut world, 1.0);
        world.run_for(Duration::from_secs(5));
        assert_eq!(Delivery.at_end(&world), crate::checkers::testing::NOTHING);
        // The app asked for another value than the one that its node wrote.
        world.ledger_mut().rewrite(0, vec![Reading::new(crate::EPOCH, 2.0)]);
        let found = Delivery.at_end(&world);
        assert!(found.len() == 2 && found[0].contains("shows something else for entry 1"), "{found:?}");
    }

    #[test]
    fn what_lay_on_one_damaged_disk_is_forfeited() {
        let mut world = small_world();
        world.break_link(GATEWAY, SENSOR, Broken::Drops);
        publish(&mut world, 1.0);
        world.run_for(Duration::from_secs(1));
        assert_eq!(Delivery.at_end(&world).len(), 2, "neither the gateway nor the citizen has it");
        world.crash(SENSOR, Kept::Synced);
        assert_eq!(Delivery.at_end(&world).len(), 2, "it is on a disk");
        world.damage(SENSOR, Damage::Wiped);
        assert_eq!((Delivery.at_end(&world).len(), world.ledger().forfeited()), (0, 1));
    }

    #[test]
    fn a_reader_whose_disk_writes_nothing_holds_it_in_memory() {
        let mut world = small_world();
        world.set_disk_fault(CITIZEN, Some(DiskFault::Fails));
        publish(&mut world, 1.0);
        world.run_for(Duration::from_secs(5));
        assert_eq!(Delivery.at_end(&world).len(), 0);
    }
}
