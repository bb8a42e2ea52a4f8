//! Once faults have ended, all who want a collection hold the same of it, up to the last root.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use msec_crdt_store::TreeHash;
use msec_identity::LogId;
use serde::Serialize;

use super::delivery::{is_reached, owed_size};
use super::readers::Readers;
use super::{Checker, Kind};
use crate::peer::PeerIndex;
use crate::scenario::AGREE_WITHIN;
use crate::world::World;

/// Faults whose agreement is waited for at once. Of further ones it is not measured.
const OPEN_MAX: usize = 256;

/// The checker: at the end, see [`disagreements`]; after each planned fault, how long it took until everybody held what was
/// acknowledged when it ended, which must be within a stated time after the last fault.
#[derive(Debug)]
pub struct Convergence {
    within: Duration,
    /// How many planned faults were looked at, in the order in which they began.
    agreements: Vec<Agreement>,
    open: BTreeMap<usize, Open>,
}

/// How long it took to agree after a planned fault.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Agreement {
    /// The fault.
    pub what: String,
    /// When it began.
    pub from: Duration,
    /// When it ended. `None`: it lasts.
    pub ended: Option<Duration>,
    /// How long after that each reader that could be reached held all that was acknowledged by then; to the second. `None`:
    /// that has not come.
    pub agreed_after: Option<Duration>,
}

/// Who lacks what, of what was acknowledged when a fault ended.
#[derive(Debug)]
struct Open {
    lacks: Vec<(PeerIndex, LogId, u64)>,
    late: bool,
}

impl Default for Convergence {
    /// With [`AGREE_WITHIN`].
    fn default() -> Self {
        Self::within(AGREE_WITHIN)
    }
}

impl Convergence {
    /// With so long to agree after the last fault.
    pub fn within(within: Duration) -> Self {
        Self { within, agreements: Vec::new(), open: BTreeMap::new() }
    }

    /// Takes in the faults that have begun or ended since.
    fn look_for_faults(&mut self, world: &World) {
        for (n, struck) in world.struck().iter().enumerate() {
            if n == self.agreements.len() {
                let (what, from) = (struck.what.clone(), struck.from);
                self.agreements.push(Agreement { what, from, ended: None, agreed_after: None });
            }
            if self.agreements[n].ended.is_none() && struck.until.is_some() {
                self.agreements[n].ended = struck.until;
                if self.open.len() < OPEN_MAX {
                    self.open.insert(n, Open { lacks: lacking(world), late: false });
                }
            }
        }
    }
}

impl Checker for Convergence {
    fn name(&self) -> &'static str {
        "convergence"
    }

    fn kind(&self) -> Kind {
        Kind::Liveness
    }

    fn during(&mut self, world: &World) -> Vec<String> {
        self.look_for_faults(world);
        let overdue = world.time() > world.faults_until() + self.within;
        let mut found = Vec::new();
        for (n, open) in &mut self.open {
            open.lacks.retain(|(peer, log, size)| {
                let size = (*size).min(owed_size(world, *peer, log));
                is_reached(world, *peer) && world.held(*peer, log) < size
            });
            let Agreement { what, ended, agreed_after, .. } = &mut self.agreements[*n];
            match open.lacks.first() {
                None => *agreed_after = ended.map(|ended| world.time().saturating_sub(ended)),
                Some((peer, log, size)) if overdue && !open.late => {
                    open.late = true;
                    let (count, within) = (open.lacks.len(), self.within.as_secs());
                    let whole = who_and_where(world, &open.lacks);
                    found.push(format!(
                        "{within} s after the last fault {count} times a reader lacks what was acknowledged when the {what} \
                         ended ({whole}): peer {peer} has not all {size} entries of log {log}"
                    ));
                }
                Some(_) => {}
            }
        }
        self.open.retain(|_, open| !open.lacks.is_empty());
        found
    }

    fn at_end(&mut self, world: &World) -> Vec<String> {
        disagreements(world)
    }

    fn agreements(&self) -> Vec<Agreement> {
        self.agreements.clone()
    }
}

/// The readers that lack something, and the collections of it: the first few, and how many there are.
fn who_and_where(world: &World, lacks: &[(PeerIndex, LogId, u64)]) -> String {
    const SHOWN: usize = 6;
    let readers: BTreeSet<PeerIndex> = lacks.iter().map(|(peer, ..)| *peer).collect();
    let collection = |log| world.ledger().log(log).map(|known| &known.collection);
    let collections: BTreeSet<_> = lacks.iter().filter_map(|(_, log, _)| collection(log)).collect();
    let peers: Vec<_> = readers.iter().take(SHOWN).map(ToString::to_string).collect();
    let places: Vec<_> = collections.iter().take(SHOWN).map(|it| it.as_str()).collect();
    let (peers, places) = (peers.join(", "), places.join(", "));
    format!("{} readers: {peers}; {} collections: {places}", readers.len(), collections.len())
}

/// Who lacks what of all that is acknowledged now.
fn lacking(world: &World) -> Vec<(PeerIndex, LogId, u64)> {
    let ledger = world.ledger();
    let mut readers = Readers::new(world);
    let mut lacks = Vec::new();
    for log in ledger.acknowledged_logs() {
        let Some(known) = ledger.log(&log) else { continue };
        for peer in readers.of(&known.collection) {
            let size = owed_size(world, *peer, &log);
            lacks.extend((world.held(*peer, &log) < size).then_some((*peer, log, size)));
        }
    }
    lacks
}

/// Logs that some honest peer holds further, or otherwise, than another that is up, wants them and is entitled to them. One
/// line for each log. Of a log that its copied author forked, all have to hold what comes before the fork, but those who know of it:
/// they take nothing more. What lies beyond a cut, or with those whose rights are over, is nobody's.
pub fn disagreements(world: &World) -> Vec<String> {
    let mut held: BTreeMap<LogId, BTreeMap<PeerIndex, (u64, TreeHash)>> = BTreeMap::new();
    let mut cuts = BTreeMap::new();
    for peer in world.peers().filter(|peer| world.is_honest(*peer) && !world.is_over(*peer)) {
        for (log, size, root) in world.frontier(peer) {
            let cut = cuts.entry(log).or_insert_with(|| world.counts_to(&log));
            let counts = cut.filter(|cut| cut.size <= size).map_or((size, root), |cut| (cut.size, cut.root));
            // What does not count at all is as if nobody held it.
            if counts.0 > 0 {
                held.entry(log).or_default().insert(peer, counts);
            }
        }
    }
    let mut readers = Readers::new(world);
    held.into_iter().filter_map(|(log, holders)| disagreement(world, &mut readers, log, &holders)).collect()
}

fn disagreement(
    world: &World,
    readers: &mut Readers<'_>,
    log: LogId,
    holders: &BTreeMap<PeerIndex, (u64, TreeHash)>,
) -> Option<String> {
    let Some(known) = world.ledger().log(&log) else {
        return Some(format!("log {log} is held, and nobody ever told of it"));
    };
    if world.is_intruded_since(&log, world.time().saturating_sub(AGREE_WITHIN)) {
        // A city gives its sensors time to finish, and hostile peers go on.
        return None;
    }
    let readers = readers.of(&known.collection);
    let of = |peer: &PeerIndex| holders.get(peer).map_or((0, None), |(size, root)| (*size, Some(*root)));
    // An author holds its own log, whether it is interested or not; one whose disk was cut back holds less of it.
    let furthest = holders.values().map(|(size, _)| *size).max()?;
    let forked = world.forked_at(&log);
    let furthest = forked.map_or(furthest, |forked| furthest.min(forked));
    let behind = readers.iter().find(|peer| of(peer).0 < furthest && !world.contests(**peer, &log));
    if let Some(peer) = behind {
        return Some(format!("peer {peer} holds {} of {furthest} entries of log {log}", of(peer).0));
    }
    let other = readers.windows(2).find(|pair| forked.is_none() && of(&pair[0]) != of(&pair[1]))?;
    Some(format!("peers {} and {} hold two histories of log {log}", other[0], other[1]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checkers::testing::{CITIZEN, GATEWAY, NOTHING, publish, small_world};
    use crate::fault::{Census, Fault, Planned, Schedule, Who};
    use crate::{Broken, Seed};

    #[test]
    fn a_citizen_behind_a_broken_link_is_found() {
        let mut world = small_world();
        publish(&mut world, 1.0);
        world.run_for(Duration::from_secs(5));
        assert_eq!(disagreements(&world), NOTHING);

        world.break_link(GATEWAY, CITIZEN, Broken::Drops);
        publish(&mut world, 2.0);
        world.run_for(Duration::from_secs(60));
        let found = Convergence::default().at_end(&world);
        assert!(found.len() == 1 && found[0].starts_with("peer 2 holds 2 of 3 entries"), "{found:?}");

        world.mend_link(GATEWAY, CITIZEN);
        world.run_for(Duration::from_secs(60));
        assert_eq!(disagreements(&world), NOTHING);
    }

    struct Three;

    impl Census for Three {
        fn peers(&self) -> usize {
            3
        }
        fn population(&self, _: &str) -> Option<Vec<PeerIndex>> {
            None
        }
        fn district(&self, _: &str) -> Option<Vec<PeerIndex>> {
            None
        }
    }

    /// The citizen is cut off for ten seconds, in which something is published; after that its link is broken or not.
    fn cut_off(broken: bool) -> (Vec<String>, Vec<Agreement>) {
        let (mut world, mut checker) = (small_world(), Convergence::within(Duration::from_secs(50)));
        let fault = Fault::Partition { who: Who::peers([CITIZEN]) };
        let mut schedule = Schedule::default();
        let planned = Planned { from_s: 5.0, until_s: Some(15.0), fault };
        schedule.plan(&[planned], &Three, Seed(1)).expect("a plan");
        let mut found = Vec::new();
        for second in 2..100 {
            world.run_until(Duration::from_secs(second));
            schedule.strike(&mut world);
            if second == 10 {
                publish(&mut world, 1.0);
            }
            if second == 14 && broken {
                world.break_link(GATEWAY, CITIZEN, Broken::Drops);
            }
            found.extend(checker.during(&world));
        }
        (found, checker.agreements())
    }

    #[test]
    fn it_is_measured_how_long_it_took_to_agree_after_a_fault() {
        let (found, agreements) = cut_off(false);
        assert_eq!(found, NOTHING);
        assert_eq!((agreements.len(), agreements[0].ended), (1, Some(Duration::from_secs(15))));
        assert!(agreements[0].agreed_after.is_some_and(|after| after <= Duration::from_secs(20)));
    }

    #[test]
    fn one_who_does_not_catch_up_in_time_is_found_once() {
        let (found, agreements) = cut_off(true);
        assert!(
            found.len() == 1 && found[0].contains("when the partition ended (1 readers: 2; "),
            "{found:?}"
        );
        assert_eq!(agreements[0].agreed_after, None);
    }
}
