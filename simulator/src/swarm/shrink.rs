//! Taking away what a failure does not need.

use std::time::Duration;

use crate::scenario::{AGREE_WITHIN, PlainSpec, Scenario};

/// The most scenarios that are tried.
pub const TRIES_MAX: usize = 200;

/// The smallest scenario found that still fails, by taking away one thing after the other until nothing more can go: as
/// delta debugging does (Zeller and Hildebrandt, "Simplifying and Isolating Failure-Inducing Input", 2002), with steps
/// that know what a scenario is made of. `fails` runs one; `false` also for what is no scenario any more. Returns it, and
/// how many were tried.
pub fn shrink(mut smallest: Scenario, mut fails: impl FnMut(&Scenario) -> bool) -> (Scenario, usize) {
    let mut tries = 0;
    loop {
        let mut smaller = None;
        for candidate in candidates(&smallest) {
            if tries == TRIES_MAX {
                return (smallest, tries);
            }
            tries += 1;
            if fails(&candidate) {
                smaller = Some(candidate);
                break;
            }
        }
        match smaller {
            Some(smaller) => smallest = smaller,
            None => return (smallest, tries),
        }
    }
}

/// Scenarios that are a step smaller, the largest steps first.
fn candidates(from: &Scenario) -> Vec<Scenario> {
    let mut all = Vec::new();
    let mut add = |change: &dyn Fn(&mut Scenario)| {
        let mut candidate = from.clone();
        change(&mut candidate);
        if candidate != *from {
            all.push(candidate);
        }
    };
    if from.faults.len() > 1 {
        add(&|it| it.faults.truncate(it.faults.len() / 2));
        add(&|it| drop(it.faults.drain(..it.faults.len() / 2)));
    }
    for nth in 0..from.faults.len() {
        add(&|it| drop(it.faults.remove(nth)));
    }
    for nth in 0..from.revokes.len() {
        add(&|it| drop(it.revokes.remove(nth)));
        add(&|it| it.revokes[nth].restore_at_s = None);
    }
    add(&|it| it.leases = crate::scenario::LeaseSpec::default());
    for nth in 0..from.erases.len() {
        add(&|it| drop(it.erases.remove(nth)));
    }
    for nth in 0..from.populations.len() {
        add(&|it| drop(it.populations.remove(nth)));
    }
    add(&|it| it.city.peers = (it.city.peers / 2).max(2).min(it.city.peers));
    add(&|it| it.city.peers = (it.city.peers - (it.city.peers / 8).max(1)).max(2).min(it.city.peers));
    for nth in 0..from.populations.len() {
        add(&|it| it.populations[nth].hostile = None);
        add(&|it| it.populations[nth].moves = None);
        add(&|it| it.populations[nth].joins = None);
        add(&|it| it.populations[nth].interfaces.clear());
        add(&|it| it.populations[nth].granted_by = None);
    }
    add(&|it| it.links.clear());
    add(&|it| it.publish = halved(it.publish));
    add(&|it| it.plain = PlainSpec { latency_ms: it.plain.latency_ms, ..PlainSpec::default() });
    add(&|it| {
        it.drain = it.drain.min(AGREE_WITHIN * 4 / 3);
        it.check.agree_within = it.check.agree_within.min(AGREE_WITHIN);
    });
    all
}

/// Half of it, in whole seconds.
fn halved(time: Duration) -> Duration {
    Duration::from_secs((time.as_secs() / 2).max(1))
}
