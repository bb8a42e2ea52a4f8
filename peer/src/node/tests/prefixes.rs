//! Neighbours that let go of a log's beginning, and one that lacks it.

use std::collections::BTreeMap;

use super::*;

/// Some nodes, and the links between them.
pub(super) struct Town {
    pub(super) rigs: Vec<Rig>,
    /// Which two, by the number of the link.
    links: BTreeMap<u64, (usize, usize)>,
    next_link: u64,
    /// Whoever answers with bytes that are not what it read.
    liar: Option<usize>,
}

const SENSOR: usize = 0;

impl Town {
    /// A sensor, and so many who hold what it writes.
    fn of(gateways: u8) -> Self {
        let gateway = |n: u8| rig(3 + n, &[Right::Relay, Right::Read], Config::default());
        Self::with(std::iter::once(sensor()).chain((0..gateways).map(gateway)))
    }

    pub(super) fn with(rigs: impl IntoIterator<Item = Rig>) -> Self {
        Self { rigs: rigs.into_iter().collect(), links: BTreeMap::new(), next_link: 0, liar: None }
    }

    pub(super) fn link(&mut self, a: usize, b: usize) {
        let link = LinkId(self.next_link);
        self.next_link += 1;
        self.links.insert(link.0, (a, b));
        let at = self.rigs[b].at;
        self.rigs[a].handle(Input::Discovered { address: at });
        self.rigs[a].link_up(link.0, Some(at));
        self.rigs[b].link_up(link.0, None);
    }

    pub(super) fn unlink_all(&mut self) {
        for (link, (a, b)) in std::mem::take(&mut self.links) {
            for end in [a, b] {
                self.rigs[end].handle(Input::LinkDown { link: LinkId(link), why: Lost::Closed });
            }
        }
    }

    /// One of them is gone, for all others.
    pub(super) fn unlink(&mut self, peer: usize) {
        let gone: Vec<_> = self.links.iter().filter(|(_, (a, b))| [*a, *b].contains(&peer)).collect();
        let gone: Vec<_> = gone.into_iter().map(|(link, ends)| (*link, *ends)).collect();
        for (link, (a, b)) in gone {
            self.links.remove(&link);
            for end in [a, b] {
                self.rigs[end].handle(Input::LinkDown { link: LinkId(link), why: Lost::Closed });
            }
        }
    }

    fn write(&mut self, values: std::ops::Range<u64>) {
        for value in values {
            self.rigs[SENSOR].publish(value, value as f64);
            self.rigs[SENSOR].pass(WINDOW);
            self.rigs[SENSOR].sync();
        }
    }

    /// Carries messages until nobody has any.
    fn carry(&mut self) {
        loop {
            let mut carried = Vec::new();
            for (from, rig) in self.rigs.iter_mut().enumerate() {
                rig.sync();
                let reads = rig.take(|output| match output {
                    Output::Read { ticket, log, from, bytes_max } => Some((*ticket, *log, *from, *bytes_max)),
                    _ => None,
                });
                for (ticket, log, at, bytes_max) in reads {
                    let mut chunk = rig.store.read(&log, at, bytes_max).expect("read");
                    if let Some(chunk) = chunk.as_mut().filter(|_| self.liar == Some(from)) {
                        *chunk.bytes.last_mut().expect("a signature") ^= 1;
                    }
                    rig.handle(Input::ReadDone { ticket, chunk });
                }
                let sends = rig.take(|output| match output {
                    Output::Send { link, bytes, .. } => Some((link.0, bytes.clone())),
                    _ => None,
                });
                carried.extend(sends.into_iter().map(|(link, bytes)| (from, link, bytes)));
            }
            if carried.is_empty() {
                return;
            }
            for (from, link, bytes) in carried {
                let Some((a, b)) = self.links.get(&link).copied() else { continue };
                let to = if from == a { b } else { a };
                self.rigs[to].handle(Input::Received { link: LinkId(link), bytes });
            }
        }
    }

    pub(super) fn run(&mut self, seconds: u64) {
        self.carry();
        for _ in 0..seconds * 4 {
            self.rigs.iter_mut().for_each(|rig| rig.pass(Duration::from_millis(250)));
            self.carry();
        }
    }

    /// Lets go of the first entries of all logs.
    fn prune(&mut self, of: usize, end: u64) {
        let rig = &mut self.rigs[of];
        let logs: Vec<_> = rig.node.frontier().map(|(log, ..)| (log, end)).collect();
        assert!(rig.store.prune(&logs).expect("let go") > 0);
    }

    /// The values that are in somebody's store, the oldest first.
    pub(super) fn stored(&self, of: usize) -> Vec<f64> {
        let rows = self.rigs[of].store.query(&msec_crdt_store::Query::default()).expect("answers");
        rows.iter().rev().map(|row| row.reading.value).collect()
    }

    fn agrees(&self, a: usize, b: usize) -> bool {
        self.rigs[a].node.frontier().eq(self.rigs[b].node.frontier())
    }
}

fn values(range: std::ops::Range<u64>) -> Vec<f64> {
    range.map(|value| value as f64).collect()
}

/// Two gateways that hold all of it; the sensor goes.
fn two_gateways(more: u8) -> Town {
    let mut town = Town::of(2 + more);
    town.link(SENSOR, 1);
    town.link(SENSOR, 2);
    town.run(2);
    town.write(0..12);
    town.run(20);
    assert_eq!((town.stored(1), town.stored(2)), (values(0..12), values(0..12)));
    town.unlink_all();
    town
}

#[test]
fn a_newcomer_begins_where_two_neighbours_agree_that_the_beginning_is_gone() {
    let mut town = two_gateways(1);
    // Entry 0 is the header.
    town.prune(1, 7);
    town.prune(2, 7);
    town.link(3, 1);
    town.link(3, 2);
    town.run(8);
    assert_eq!(town.stored(3), values(6..12), "both say so: nobody waits for a third");
    assert!(town.agrees(3, 1) && town.agrees(3, 2));
    assert_eq!(town.rigs[3].verified(), values(6..12));
    let log = town.rigs[3].node.frontier().next().expect("a log").0;
    assert_eq!(
        town.rigs[3].store.prefix(&log).expect("read"),
        town.rigs[1].store.prefix(&log).expect("read")
    );
    assert_eq!(town.rigs[3].node.sizes().prefixes, [0, 0], "nothing is left to be done");
}

#[test]
fn where_somebody_holds_all_of_it_all_of_it_comes() {
    let mut town = two_gateways(1);
    town.prune(1, 7);
    town.link(3, 1);
    town.run(4);
    town.link(3, 2);
    town.run(8);
    assert_eq!(town.stored(3), values(0..12));
    assert!(town.agrees(3, 1) && town.agrees(3, 2));
}

#[test]
fn of_two_beginnings_the_earlier_one_is_taken() {
    let mut town = two_gateways(1);
    town.prune(1, 9);
    town.prune(2, 5);
    town.link(3, 1);
    town.link(3, 2);
    town.run(20);
    assert_eq!(town.stored(3), values(4..12));
}

#[test]
fn the_only_one_that_holds_it_is_believed_after_a_while() {
    let mut town = two_gateways(1);
    town.prune(1, 7);
    town.link(3, 1);
    town.run(7);
    assert_eq!(town.stored(3), values(0..0), "somebody else may come");
    town.run(40);
    assert_eq!(town.stored(3), values(6..12));
    assert!(town.agrees(3, 1));
}

#[test]
fn who_was_away_for_longer_than_others_keep_it_goes_on_behind_what_is_gone() {
    let mut town = two_gateways(1);
    town.link(3, 1);
    town.run(20);
    assert_eq!(town.stored(3), values(0..12));
    town.unlink_all();
    town.link(SENSOR, 1);
    town.link(SENSOR, 2);
    town.run(2);
    town.write(12..30);
    town.run(20);
    town.unlink_all();
    town.prune(1, 20);
    town.prune(2, 20);
    town.link(3, 1);
    town.run(30);
    assert_eq!(
        town.stored(3),
        values(0..12),
        "one alone is not believed so soon by who has something to lose"
    );
    town.link(3, 2);
    town.run(30);
    assert_eq!(town.stored(3), values(19..30));
    assert!(town.agrees(3, 1) && town.agrees(3, 2));
    // And it serves others, as it was served.
    let papers = vec![grant(&Identity::from_seed([5; 32]), &[Right::Relay, Right::Read], 30)];
    let dir = town.rigs[3].dir.clone();
    town.unlink_all();
    town.rigs[3] = rig_with(5, papers, Config::default(), dir);
    assert!(town.agrees(3, 1), "after a restart, too");
}

#[test]
fn a_prefix_that_nobody_signed_ends_the_link() {
    let mut town = two_gateways(1);
    town.prune(1, 7);
    town.liar = Some(1);
    town.link(3, 1);
    town.run(4);
    assert!(town.rigs[3].closes().contains(&CloseReason::Misbehaved));
    assert_eq!(town.stored(3), values(0..0));
}
