//! Every pair of things that can happen at the same time, in every order: what comes of it. The tests are the cells of the
//! table in `docs/access.md`, by the thing that is said later in the table.

mod agreeing;
mod ending;
mod erasing;
mod granting;
mod restoring;
mod succeeding;

use std::collections::BTreeSet;

use super::city::*;
use crate::authority::{Admissible, Authority};
use crate::{Cut, Grant, Rights};

/// A manager's link, and what it passes on to a sensor.
fn two_links() -> (Grant, Grant) {
    let manager = first(alone().space(), ROOT, MANAGER);
    let sensor = below(&manager, MANAGER, SENSOR);
    (manager, sensor)
}

/// The manager's control log, cut there.
fn control_cut(manager: &Grant, size: u64) -> Cut {
    cut(control(MANAGER, Some(manager)), size)
}

fn in_town(events: &[Event]) -> Authority {
    in_every_order(&alone(), events)
}

fn only(grant: Grant, right: crate::Right) -> Grant {
    Grant { rights: Rights::of([right]), ..grant }
}

fn up_to(log: crate::LogId, size: u64) -> Admissible {
    Admissible::UpTo(cut(log, size))
}

#[test]
fn the_table_in_the_documents_names_these_tests_and_no_others() {
    let document = include_str!("../../../../docs/access.md");
    let (_, table) = document.split_once("## At the same time").expect("the table");
    let sources = [
        include_str!("pairs/agreeing.rs"),
        include_str!("pairs/ending.rs"),
        include_str!("pairs/erasing.rs"),
        include_str!("pairs/granting.rs"),
        include_str!("pairs/restoring.rs"),
        include_str!("pairs/succeeding.rs"),
        // What is a matter of bodies and histories.
        include_str!("../../../../crdt-store/src/storage/tests/pairs.rs"),
    ];
    let name = |after: &'static str| after.split_once('(').map(|(name, _)| name);
    let tests = sources.iter().flat_map(|source| source.split("#[test]\nfn ").skip(1)).filter_map(name);
    let cells =
        table.lines().filter_map(|line| line.strip_suffix("` |")?.rsplit_once('`')).map(|(_, name)| name);
    let (tests, cells): (BTreeSet<_>, BTreeSet<_>) =
        (tests.collect(), cells.filter(|it| it.contains('_')).collect());
    assert!(tests.len() > 50);
    assert_eq!(tests, cells);
}
