//! Laws of the fold: order, duplicates and partial deliveries change nothing, and no writer harms another.

use automerge::legacy::{Key, ObjectId, Op, OpId, OpType};
use automerge::{ActorId, ExpandedChange, ObjType, ScalarValue};
use proptest::prelude::*;

use super::super::registry::{Thing, ThingPatch, Things};
use super::super::{CHANGE_OPS_MAX, LOG_OPS_MAX};
use super::*;

/// A change of an object that is nowhere. Automerge 0.12 panics when it is applied.
const CRASHER: &[u8] = include_bytes!("fixtures/missing-object.change");

pub(in crate::document) const NOW: UnixMillis = UnixMillis(1_767_225_600_000);

fn log(n: u8) -> LogId {
    LogId([n; 32])
}

/// Somebody who edits: a log, and a replica of the document.
pub(in crate::document) struct Writer {
    pub(in crate::document) log: LogId,
    document: Document,
    pub(in crate::document) entries: Vec<ChangeEntry>,
}

pub(in crate::document) fn writer(n: u8) -> Writer {
    Writer { log: log(n), document: Document::new(), entries: Vec::new() }
}

impl Writer {
    fn publish(&mut self, body: Vec<u8>) {
        // Headers and readings stand between.
        let entry = ChangeEntry { log: self.log, position: 1 + 2 * self.entries.len() as u64, body };
        self.entries.push(entry.clone());
        self.document.fold([entry]).expect("folded");
    }

    pub(in crate::document) fn add(&mut self, id: &str, name: &str) {
        let thing = Thing { name: Some(name.into()), ..Thing::new(id) };
        let body = self.document.add_thing(self.log, NOW, &thing).expect("added").body;
        self.publish(body);
    }

    pub(in crate::document) fn name(&mut self, id: &str, name: &str) {
        let patch = ThingPatch { name: Some(Some(name.into())), ..ThingPatch::default() };
        if let Some(draft) = self.document.set_thing(self.log, NOW, id, &patch).expect("set") {
            self.publish(draft.body);
        }
    }

    pub(in crate::document) fn hears(&mut self, other: &Self) {
        self.document.fold(other.entries.iter().cloned()).expect("folded");
    }
}

/// All that two replicas must agree on.
pub(in crate::document) fn state(document: &Document) -> (Vec<[u8; 32]>, Things, u64, BTreeMap<LogId, u64>) {
    (document.heads(), document.things().expect("shown"), document.refused(), document.positions())
}

pub(in crate::document) fn folded(entries: impl IntoIterator<Item = ChangeEntry>) -> Document {
    let mut document = Document::new();
    document.fold(entries).expect("folded");
    document
}

#[derive(Debug, Clone)]
pub(in crate::document) enum Step {
    Add {
        writer: usize,
        id: u8,
        name: u8,
    },
    Set {
        writer: usize,
        id: u8,
        name: u8,
    },
    Place {
        writer: usize,
        id: u8,
        degrees: i8,
    },
    Remove {
        writer: usize,
        id: u8,
    },
    /// One hears of the first so many entries of another.
    Hear {
        writer: usize,
        other: usize,
        part: u8,
    },
}

pub(in crate::document) fn steps() -> impl Strategy<Value = Vec<Step>> {
    let (writer, id) = (0usize..4, 0u8..3);
    let step = prop_oneof![
        (writer.clone(), id.clone(), 0u8..4).prop_map(|(writer, id, name)| Step::Add { writer, id, name }),
        (writer.clone(), id.clone(), 0u8..4).prop_map(|(writer, id, name)| Step::Set { writer, id, name }),
        (writer.clone(), id.clone(), -90i8..90).prop_map(|(writer, id, degrees)| Step::Place {
            writer,
            id,
            degrees
        }),
        (writer.clone(), id).prop_map(|(writer, id)| Step::Remove { writer, id }),
        (writer.clone(), writer, any::<u8>()).prop_map(|(writer, other, part)| Step::Hear {
            writer,
            other,
            part
        }),
    ];
    proptest::collection::vec(step, 1..40)
}

/// Lets four writers do all that, and returns their entries, log by log.
pub(in crate::document) fn play(steps: &[Step]) -> Vec<Vec<ChangeEntry>> {
    let mut writers: Vec<_> = (1..=4).map(writer).collect();
    for step in steps {
        let draft = match *step {
            Step::Add { writer, id, name } => {
                let it = &writers[writer];
                let thing =
                    Thing { name: Some(format!("name {name}")), ..Thing::new(&format!("thing/{id}")) };
                (writer, it.document.add_thing(it.log, NOW, &thing).ok())
            }
            Step::Set { writer, id, name } => {
                let it = &writers[writer];
                let patch = ThingPatch { name: Some(Some(format!("name {name}"))), ..ThingPatch::default() };
                (writer, it.document.set_thing(it.log, NOW, &format!("thing/{id}"), &patch).ok().flatten())
            }
            Step::Place { writer, id, degrees } => {
                let it = &writers[writer];
                let place = crate::Place::from_degrees(degrees.into(), degrees.into());
                let patch = ThingPatch { place: Some(place), ..ThingPatch::default() };
                (writer, it.document.set_thing(it.log, NOW, &format!("thing/{id}"), &patch).ok().flatten())
            }
            Step::Remove { writer, id } => {
                let it = &writers[writer];
                (writer, it.document.remove_thing(it.log, NOW, &format!("thing/{id}")).ok())
            }
            Step::Hear { writer, other, part } => {
                let heard = writers[other].entries.len() * usize::from(part) / 255;
                let entries = writers[other].entries[..heard].to_vec();
                writers[writer].document.fold(entries).expect("folded");
                (writer, None)
            }
        };
        if let (writer, Some(draft)) = draft {
            writers[writer].publish(draft.body);
        }
    }
    writers.into_iter().map(|writer| writer.entries).collect()
}

/// Deals the logs' entries out in an order that `choices` picks, each log in its own; some again, in batches.
pub(in crate::document) fn deal(logs: &[Vec<ChangeEntry>], choices: &[u8]) -> Vec<Vec<ChangeEntry>> {
    let (mut at, mut batches, mut choices) = (vec![0; logs.len()], vec![Vec::new()], choices.iter().cycle());
    let mut state = 0u64;
    let mut choose = |n: usize| {
        // Mixed: a choice that repeats must not repeat for ever.
        let choice = u64::from(*choices.next().expect("endless"));
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407 + choice);
        (state >> 33) as usize % n
    };
    while at.iter().zip(logs).any(|(at, log)| *at < log.len()) {
        let from = choose(logs.len());
        let batch = batches.last_mut().expect("a batch");
        match choose(5) {
            // Something that was given before.
            0 if at[from] > 0 => batch.push(logs[from][choose(at[from])].clone()),
            1 => batches.push(Vec::new()),
            _ if at[from] < logs[from].len() => {
                batch.push(logs[from][at[from]].clone());
                at[from] += 1;
            }
            _ => {}
        }
    }
    batches
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 192, ..ProptestConfig::default() })]

    #[test]
    fn order_duplicates_and_batches_change_nothing(
        steps in steps(),
        orders in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 1..64), 3),
    ) {
        let logs = play(&steps);
        let whole = folded(logs.iter().flatten().cloned());
        prop_assert_eq!(whole.held(), []);
        prop_assert_eq!(whole.refused(), 0);
        for choices in orders {
            let mut other = Document::new();
            for batch in deal(&logs, &choices) {
                other.fold(batch).expect("folded");
            }
            prop_assert_eq!(state(&other), state(&whole));
            prop_assert_eq!(other.held(), []);
            // Somebody else's program reads the same in what either saves.
            let (a, b) = (Automerge::load(&other.save()).expect("loads"), Automerge::load(&whole.save()).expect("loads"));
            prop_assert_eq!(a.get_heads(), b.get_heads());
            prop_assert_eq!(a.hydrate(None), b.hydrate(None));
        }
    }

    /// What is there so far is the same whoever holds the same entries; the rest is held, and nothing is lost.
    #[test]
    fn parts_converge_and_the_rest_is_held(
        steps in steps(),
        parts in proptest::collection::vec(any::<u8>(), 4),
        choices in proptest::collection::vec(any::<u8>(), 1..64),
    ) {
        let logs = play(&steps);
        let part = |(log, part): (&Vec<ChangeEntry>, &u8)| log[..log.len() * usize::from(*part) / 255].to_vec();
        let some: Vec<_> = logs.iter().zip(&parts).map(part).collect();
        let mut one = folded(some.iter().flatten().cloned());
        let mut two = Document::new();
        for batch in deal(&some, &choices) {
            two.fold(batch).expect("folded");
        }
        prop_assert_eq!(state(&one), state(&two));
        prop_assert_eq!(one.held(), two.held());
        let given: usize = some.iter().map(Vec::len).sum();
        let held: usize = one.held().iter().map(|held| held.changes).sum();
        prop_assert_eq!(one.engine.get_changes(&[]).len() + held, given);
        one.fold(logs.iter().flatten().cloned()).expect("folded");
        prop_assert_eq!(state(&one), state(&folded(logs.iter().flatten().cloned())));
    }

    /// Whatever one writer puts into its log, nothing panics, all agree, and the others' edits are there.
    #[test]
    fn a_hostile_writer_harms_nobody(
        hostile in proptest::collection::vec(hostile(), 1..8),
        choices in proptest::collection::vec(any::<u8>(), 1..64),
    ) {
        let (mut a, mut b) = (writer(1), writer(2));
        a.add("one", "by a");
        b.hears(&a);
        b.name("one", "by b");
        a.hears(&b);
        let deps: Vec<_> = a.document.engine.get_heads();
        let mut last = None;
        let bodies = hostile.into_iter().map(|hostile| {
            let change = hostile.change(&deps, last);
            last = Some(change.hash());
            change.raw_bytes().to_vec()
        });
        let bad: Vec<_> =
            (1..).zip(bodies).map(|(position, body)| ChangeEntry { log: log(3), position, body }).collect();
        let honest = folded(a.entries.iter().chain(&b.entries).cloned());
        let logs = [a.entries.clone(), b.entries.clone(), bad];
        let whole = folded(logs.iter().flatten().cloned());
        let mut other = Document::new();
        for batch in deal(&logs, &choices) {
            other.fold(batch).expect("folded");
        }
        prop_assert_eq!(state(&other), state(&whole));
        prop_assert_eq!(other.held(), whole.held());
        for hash in honest.heads() {
            prop_assert!(whole.has(&hash));
        }
        // And it can be edited on, with a key that the hostile one does not write to: it may bring that thing before, or
        // foretell the edit and take it away.
        for entry in logs.iter().flatten() {
            a.document.fold([entry.clone()]).expect("folded");
        }
        a.add("three", "after all");
        prop_assert!(a.document.thing("three").expect("shown").is_some());
        Automerge::load(&whole.save()).expect("what is saved loads");
    }
}

/// An operation: its action, its map, its key, and what it overwrites.
type HostileOp = (u8, Option<(u64, u8)>, u8, Vec<(u64, u8)>);

/// A change as somebody would write it who knows the format, and means harm.
#[derive(Debug, Clone)]
struct Hostile {
    seq: u64,
    start_op: u64,
    build_on_all: bool,
    ops: Vec<HostileOp>,
}

fn hostile() -> impl Strategy<Value = Hostile> {
    let id = || (0u64..9, 1u8..5);
    let op = (0u8..8, proptest::option::of(id()), 0u8..3, proptest::collection::vec(id(), 0..3));
    let ops = proptest::collection::vec(op, 1..6);
    let start_op = prop_oneof![5 => 1u64..9, 1 => Just(u64::from(u32::MAX))];
    (1u64..4, start_op, any::<bool>(), ops).prop_map(|(seq, start_op, build_on_all, ops)| Hostile {
        seq,
        start_op,
        build_on_all,
        ops,
    })
}

impl Hostile {
    fn change(self, deps: &[ChangeHash], last: Option<ChangeHash>) -> Change {
        let id = |(counter, actor): (u64, u8)| OpId(counter, ActorId::from(&log(actor).0));
        let ops = self.ops.into_iter().map(|(action, obj, key, pred)| Op {
            action: match action {
                0 | 1 => OpType::Make(ObjType::Map),
                2 => OpType::Make(ObjType::List),
                3 => OpType::Delete,
                4 => OpType::Increment(1),
                _ => OpType::Put(ScalarValue::Int(action.into())),
            },
            obj: obj.map_or(ObjectId::Root, |obj| ObjectId::Id(id(obj))),
            key: Key::Map(["one", "name", "two"][usize::from(key)].into()),
            pred: pred.into_iter().map(id).collect(),
            insert: false,
        });
        let deps = deps.iter().filter(|_| self.build_on_all).copied().chain(last).collect();
        Change::from(ExpandedChange {
            operations: ops.collect(),
            actor_id: ActorId::from(&log(3).0),
            hash: None,
            seq: self.seq,
            start_op: self.start_op.try_into().expect("from 1"),
            time: 0,
            message: None,
            deps,
            extra_bytes: Vec::new(),
            author: None,
        })
    }
}

#[test]
fn a_change_under_a_foreign_actor_is_refused_and_counted() {
    let (mut a, b) = (writer(1), writer(2));
    a.add("one", "by a");
    let stolen = ChangeEntry { log: b.log, position: 1, body: a.entries[0].body.clone() };
    let mut document = Document::new();
    let folded = document.fold([stolen]).expect("folded");
    assert_eq!(folded, Folded { applied: 0, refused: 1, left: false });
    assert_eq!(document.things().expect("shown"), Things::default());
    // The one whose it is, is not kept out.
    document.fold(a.entries).expect("folded");
    assert_eq!((document.things().expect("shown").things.len(), document.refused()), (1, 1));
}

#[test]
fn what_misses_a_dependency_is_held_listed_and_applied_when_it_comes() {
    let (mut a, mut b) = (writer(1), writer(2));
    a.add("one", "by a");
    b.hears(&a);
    b.name("one", "by b");
    b.add("two", "by b");
    let mut document = folded(b.entries.clone());
    let missing = WaitsFor::Change(a.document.heads()[0]);
    let held = document.held();
    assert!(
        matches!(&held[..], [Held { log, position: 1, changes: 2, .. }] if *log == b.log),
        "{held:?}: {missing:?}"
    );
    assert_eq!(document.things().expect("shown").things.len(), 0);
    let folded = document.fold(a.entries).expect("folded");
    assert_eq!((folded.applied, document.held()), (3, vec![]));
    assert_eq!(document.heads(), b.document.heads());
    assert_eq!(document.held_bytes, 0);
}

/// Anybody can work out the bytes of another's edit before it is made, and name it or its operations.
#[test]
fn a_change_that_foretells_an_edit_is_judged_with_it_and_hinders_it_not() {
    let (mut a, b) = (writer(1), writer(2));
    a.add("one", "by a");
    let edit = a.document.heads()[0];
    let removal = a.document.remove_thing(b.log, NOW, "one").expect("removed").body;
    let unbuilt = |ops| Hostile { seq: 1, start_op: 1, build_on_all: false, ops }.change(&[], None);
    // One deletes what would come later in time; the other fits, though it builds on nothing.
    let refused = unbuilt(vec![(3, None, 0, vec![(1, 1)])]);
    let guessed = unbuilt(vec![(0, None, 2, vec![]), (3, None, 0, vec![(1, 1)])]);
    let told = [(2, 1, removal), (3, 1, refused.raw_bytes().into()), (3, 2, guessed.raw_bytes().into())]
        .map(|(n, position, body)| ChangeEntry { log: log(n), position, body });

    let mut document = folded(told.clone());
    let waits_for = WaitsFor::Operation { log: a.log, counter: 1 };
    let held = [(b.log, 1), (log(3), 2)].map(|(log, changes)| Held { log, position: 1, changes, waits_for });
    assert_eq!(document.held(), held);
    let thing = Thing { name: Some("by a".into()), ..Thing::new("one") };
    let body = document.add_thing(a.log, NOW, &thing).expect("added").body;
    assert_eq!(body, a.entries[0].body, "it was foretold");
    let all = document.fold(a.entries.clone()).expect("folded");
    // The counts are those of the whole fold, not of the entries that were given to it.
    assert_eq!(all, Folded { applied: 3, refused: 1, left: false });
    assert!(document.has(&edit));
    assert_eq!((document.held(), document.thing("one").expect("shown")), (vec![], None));
    assert!(document.thing("two").expect("shown").is_some());
    assert_eq!(state(&folded(a.entries.into_iter().chain(told))), state(&document));
    Automerge::load(&document.save()).expect("what is saved loads");
}

#[test]
fn no_draft_is_made_while_own_changes_are_held() {
    let (mut a, mut b) = (writer(1), writer(2));
    a.add("one", "by a");
    b.hears(&a);
    b.name("one", "by b");
    let document = folded(b.entries.clone());
    let refused = document.add_thing(b.log, NOW, &Thing::new("two")).expect_err("refused");
    assert!(refused.to_string().contains("has met them"), "{refused}");
}

#[test]
fn the_crasher_is_refused() {
    let mut document = Document::new();
    let folded = document.fold([ChangeEntry { log: log(3), position: 1, body: CRASHER.to_vec() }]);
    assert_eq!(folded.expect("folded").applied, 0);
    assert!(document.things().expect("shown").things.is_empty());
}

#[test]
fn one_log_does_not_fill_a_document() {
    let mut writer = writer(1);
    let mut patch = 0;
    let mut fill = |document: &Document, ops: usize| {
        patch += 1;
        document
            .draft::<DraftError>(writer.log, NOW, |edit| {
                (0..ops).try_for_each(|n| Ok(edit.put(automerge::ROOT, format!("{n}"), patch)?))
            })
            .map(|draft| draft.expect("something changed").body)
    };
    for position in 0..(LOG_OPS_MAX / CHANGE_OPS_MAX) as u64 {
        let body = fill(&writer.document, CHANGE_OPS_MAX).expect("there is room");
        writer.document.fold([ChangeEntry { log: writer.log, position, body }]).expect("folded");
    }
    assert!(matches!(fill(&writer.document, 1), Err(DraftError::LogFull)));
    let other = Thing::new("one");
    assert!(writer.document.add_thing(log(2), NOW, &other).is_ok(), "there is room for others");
}

#[test]
fn a_document_of_too_many_logs_says_so() {
    let bodies = (0..=DOCUMENT_LOGS_MAX).map(|n| {
        let mut log = LogId([9; 32]);
        log.0[..8].copy_from_slice(&(n as u64).to_le_bytes());
        ChangeEntry { log, position: 1, body: b"anything".to_vec() }
    });
    let mut document = Document::new();
    let error = document.fold(bodies).expect_err("too large");
    assert!(error.to_string().contains("another collection"), "{error}");
    assert!(matches!(document.things(), Err(DocumentError::TooLarge)));
}

#[test]
fn what_finds_no_room_is_left_and_taken_later() {
    let (mut a, mut b) = (writer(1), writer(2));
    a.add("one", "by a");
    b.hears(&a);
    let mut position = 0u64;
    let mut held = Vec::new();
    // Changes that wait for one of `a`, more than are held.
    while position as usize * 60_000 <= HELD_BYTES_MAX + 120_000 {
        let text = "x".repeat(60_000 + position as usize % 2);
        let draft = b
            .document
            .draft::<DraftError>(b.log, NOW, |edit| Ok(edit.put(automerge::ROOT, "big", text.as_str())?));
        let body = draft.expect("drafted").expect("something changed").body;
        held.push(ChangeEntry { log: b.log, position, body });
        b.document.fold(held.last().cloned()).expect("folded");
        position += 1;
    }
    let mut document = Document::new();
    let folded = document.fold(held.iter().cloned()).expect("folded");
    assert!(folded.left && document.held_bytes <= HELD_BYTES_MAX, "{} bytes", document.held_bytes);
    let next = document.positions()[&b.log];
    assert!(next < position, "to be read again from {next}");
    document.fold(a.entries).expect("folded");
    let rest = held.into_iter().filter(|entry| entry.position >= next);
    assert!(!document.fold(rest).expect("folded").left);
    assert_eq!(document.heads(), b.document.heads());
}

/// The most that one log can do to a reader: sixteen full changes, each of thousands of maps under one id, or of one map in
/// another, in another.
#[test]
#[allow(clippy::disallowed_methods, reason = "what a hostile log costs is time")]
fn the_worst_that_one_log_does_costs_little() {
    let root = |_| ObjectId::Root;
    let nested = |n: u64| match n {
        1 => ObjectId::Root,
        n => ObjectId::Id(OpId(n - 1, ActorId::from(&log(3).0))),
    };
    let shapes: [&dyn Fn(u64) -> ObjectId; 2] = [&root, &nested];
    for obj in shapes {
        let (mut entries, mut last, mut n) = (Vec::new(), None, 1);
        for seq in 1..=(LOG_OPS_MAX / CHANGE_OPS_MAX) as u64 {
            let operations = (n..n + CHANGE_OPS_MAX as u64).map(|n| Op {
                action: OpType::Make(ObjType::Map),
                obj: obj(n),
                key: Key::Map("one".into()),
                pred: Vec::new().into(),
                insert: false,
            });
            let change = Change::from(ExpandedChange {
                operations: operations.collect(),
                actor_id: ActorId::from(&log(3).0),
                hash: None,
                seq,
                start_op: n.try_into().expect("from 1"),
                time: 0,
                message: None,
                deps: last.into_iter().collect(),
                extra_bytes: Vec::new(),
                author: None,
            });
            (last, n) = (Some(change.hash()), n + CHANGE_OPS_MAX as u64);
            entries.push(ChangeEntry { log: log(3), position: seq, body: change.raw_bytes().to_vec() });
        }
        let start = std::time::Instant::now();
        let mut document = Document::new();
        for entry in entries {
            assert_eq!(document.fold([entry]).expect("folded").applied, 1);
        }
        assert_eq!(document.things().expect("shown").things.len(), 1);
        assert!(!document.save().is_empty());
        let took = start.elapsed();
        assert!(took < std::time::Duration::from_secs(30), "{took:?}");
    }
}

#[test]
#[ignore = "writes the fixture anew"]
fn make_the_crasher() {
    let ops = vec![(5, Some((1, 4)), 0, vec![])];
    let change = Hostile { seq: 1, start_op: 5, build_on_all: false, ops }.change(&[], None);
    std::fs::write("src/document/fold/fixtures/missing-object.change", change.raw_bytes()).expect("written");
}
