//! A document that was opened from a snapshot is the one that was folded.

use proptest::prelude::*;

use super::super::fold::tests::{NOW, deal, folded, play, state, steps, writer};
use super::super::{DraftError, ThingError};
use super::*;
use crate::changes::ChangeEntry;

/// What is left to give after a snapshot.
fn after(document: &Document, entries: &[Vec<ChangeEntry>]) -> Vec<ChangeEntry> {
    let covers = document.snapshot_covers();
    let is_left = |entry: &&ChangeEntry| covers.get(&entry.log).is_none_or(|end| entry.position >= *end);
    entries.iter().flatten().filter(is_left).cloned().collect()
}

/// Automerge saves changes in the order in which they came.
fn but_for_the_engine(document: &Document) -> Vec<u8> {
    let mut bytes = document.snapshot().expect("shown");
    bytes.truncate(bytes.len() - document.save().len());
    bytes
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

    /// At whatever moment it was made, with changes that wait or without.
    #[test]
    fn a_snapshot_and_what_came_after_it_are_the_whole(
        steps in steps(),
        choices in proptest::collection::vec(any::<u8>(), 1..64),
        moment in any::<proptest::sample::Index>(),
    ) {
        let logs = play(&steps);
        let batches = deal(&logs, &choices);
        let some = folded(batches[..moment.index(batches.len() + 1)].iter().flatten().cloned());
        let bytes = some.snapshot().expect("shown");
        let mut opened = Document::from_snapshot(&bytes).expect("opens");
        prop_assert_eq!(opened.snapshot().expect("shown"), bytes.clone());
        prop_assert_eq!(opened.snapshot_covers(), some.snapshot_covers());
        prop_assert_eq!((opened.heads(), opened.operations()), (some.heads(), some.operations()));
        prop_assert_eq!(opened.things().expect("shown"), some.things().expect("shown"));
        opened.fold(after(&some, &logs)).expect("folded");
        let whole = folded(logs.iter().flatten().cloned());
        prop_assert_eq!(state(&opened), state(&whole));
        prop_assert_eq!(opened.held(), whole.held());
        prop_assert_eq!(but_for_the_engine(&opened), but_for_the_engine(&whole));
    }

    /// As far as Automerge's own part, which has a check of its own: with other bytes there is no document.
    #[test]
    fn other_bytes_panic_nowhere(
        steps in steps(),
        at in any::<proptest::sample::Index>(),
        flip in 1u8..=255,
    ) {
        let whole = folded(play(&steps).into_iter().flatten());
        let bytes = whole.snapshot().expect("shown");
        let engine = but_for_the_engine(&whole).len();
        let mut flipped = bytes.clone();
        flipped[at.index(bytes.len())] ^= flip;
        let opened = Document::from_snapshot(&flipped);
        prop_assert!(at.index(bytes.len()) < engine || opened.is_none());
        prop_assert!(Document::from_snapshot(&bytes[..at.index(bytes.len())]).is_none());
    }
}

#[test]
fn what_was_refused_and_what_waits_is_as_before() {
    let (mut a, mut b) = (writer(1), writer(2));
    a.add("one", "by a");
    b.hears(&a);
    b.name("one", "by b");
    let bad = ChangeEntry { log: b.log, position: 90, body: b"no change".to_vec() };
    // What it builds on is not there: it is held, and what is behind it is not judged yet.
    let mut some = folded(b.entries.iter().chain([&bad]).cloned());
    assert_eq!((some.held().len(), some.refused(), some.operations()), (1, 0, 0));
    let opened = Document::from_snapshot(&some.snapshot().expect("shown")).expect("opens");
    assert_eq!((opened.held(), opened.snapshot_covers()[&b.log]), (vec![], b.entries[0].position));
    some.fold(a.entries.clone()).expect("folded");
    let opened = Document::from_snapshot(&some.snapshot().expect("shown")).expect("opens");
    assert_eq!((opened.refused(), opened.positions()[&b.log]), (1, 91));
    assert_eq!(state(&opened), state(&some));
    // And an edit goes on from there.
    let thing = super::super::Thing::new("two");
    let draft = |document: &Document| document.add_thing(a.log, NOW, &thing).expect("added");
    assert_eq!(draft(&opened), draft(&some));
    // But not on changes that were erased.
    some.lose([a.log]);
    let opened = Document::from_snapshot(&some.snapshot().expect("shown")).expect("opens");
    for document in [opened, some] {
        let refused = document.add_thing(a.log, NOW, &thing).expect_err("refused");
        assert!(matches!(refused, ThingError::Draft(DraftError::OwnChangesErased)));
        document.add_thing(b.log, NOW, &thing).expect("another's log");
    }
}

/// Automerge loads no bytes as an empty document, and changes that follow one after the other as that.
#[test]
fn an_engine_that_is_not_the_document_is_noticed() {
    let mut a = writer(1);
    a.add("one", "by a");
    let whole = folded(a.entries.clone());
    let facts = but_for_the_engine(&whole);
    assert!(Document::from_snapshot(&facts).is_none());
    a.name("one", "once more");
    let other = folded(a.entries.clone());
    assert!(Document::from_snapshot(&[facts, other.save()].concat()).is_none());
    assert!(Document::from_snapshot(&[but_for_the_engine(&other), whole.save()].concat()).is_none());
}

#[test]
fn another_version_and_a_document_that_is_not_shown_have_none() {
    let bytes = Document::new().snapshot().expect("shown");
    assert!(Document::from_snapshot(&bytes).is_some());
    assert!(Document::from_snapshot(&[]).is_none());
    assert!(Document::from_snapshot(&[&[FORMAT + 1], &bytes[1..]].concat()).is_none());
}
