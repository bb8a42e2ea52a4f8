//! Whatever somebody brought under one key, somebody else can take away.

use automerge::legacy::{Key, OpId};
use automerge::transaction::Transactable;
use automerge::{ActorId, ChangeHash, ObjType, ROOT};
use msec_identity::{LogId, UnixMillis};

use super::super::error::{ChangeError, DraftError, ThingError};
use super::super::fold::Document;
use super::super::registry::{Thing, ThingPatch, Things};
use super::*;
use crate::ChangeEntry;

const NOW: UnixMillis = UnixMillis(1_767_225_600_000);
const HONEST: LogId = LogId([1; 32]);
const HOSTILE: LogId = LogId([3; 32]);
/// More than any change may name.
const MANY: u64 = 3 * CHANGE_OPS_MAX as u64;
const _: () = assert!(MANY > CHANGE_PREDS_MAX as u64);

/// What the hostile log brings: so many operations after the `from` that there are, in as few changes as they fit in.
fn brought(
    on: &Document,
    from: u64,
    op: impl Fn(u64) -> (OpType, ObjectId, &'static str),
) -> Vec<ChangeEntry> {
    let mut deps: Vec<_> = on.heads().into_iter().map(ChangeHash).collect();
    let numbers: Vec<_> = (from + 1..=from + MANY).collect();
    let mut entries = Vec::new();
    for (seq, numbers) in (1..).zip(numbers.chunks(CHANGE_OPS_MAX)) {
        let operations = numbers.iter().map(|n| {
            let (action, obj, key) = op(*n);
            Op { action, obj, key: Key::Map(key.into()), pred: Vec::new().into(), insert: false }
        });
        let change = Change::from(ExpandedChange {
            operations: operations.collect(),
            actor_id: ActorId::from(&HOSTILE.0),
            hash: None,
            seq,
            start_op: numbers[0].try_into().expect("from 1"),
            time: 0,
            message: None,
            deps: deps.clone(),
            extra_bytes: Vec::new(),
            author: None,
        });
        deps = vec![change.hash()];
        entries.push(ChangeEntry { log: HOSTILE, position: seq, body: change.raw_bytes().to_vec() });
    }
    entries
}

/// Somebody honest, and all that was said.
#[derive(Default)]
struct Desk {
    document: Document,
    said: Vec<ChangeEntry>,
    written: u64,
}

impl Desk {
    fn hear(&mut self, entries: Vec<ChangeEntry>) {
        let folded = self.document.fold(entries.clone()).expect("folded");
        assert_eq!((folded.applied, folded.refused), (entries.len(), 0));
        self.said.extend(entries);
    }

    /// Makes an edit until it is whole, and says of how many changes it was.
    fn edit(&mut self, make: impl Fn(&Document) -> Result<Draft, ThingError>) -> usize {
        for parts in 1.. {
            let Draft { body, more } = make(&self.document).expect("drafted");
            self.written += 1;
            self.hear(vec![ChangeEntry { log: HONEST, position: self.written, body }]);
            if !more {
                return parts;
            }
        }
        unreachable!("it ends, or counts for ever")
    }

    fn remove(&mut self, id: &str) -> usize {
        self.edit(|document| document.remove_thing(HONEST, NOW, id))
    }

    fn add(&mut self, id: &str) -> usize {
        let thing = Thing { name: Some("ours".into()), ..Thing::new(id) };
        self.edit(|document| document.add_thing(HONEST, NOW, &thing))
    }

    fn rename(&mut self, id: &str, name: &str) -> usize {
        let patch = ThingPatch { name: Some(Some(name.into())), ..ThingPatch::default() };
        self.edit(|document| Ok(document.set_thing(HONEST, NOW, id, &patch)?.expect("something changes")))
    }

    fn things(&self) -> Things {
        self.document.things().expect("shown")
    }

    /// Whoever is told all of it in another order comes to the same.
    fn others_agree(&self) {
        let mut other = Document::new();
        let (of_hostile, of_honest): (Vec<_>, Vec<_>) =
            self.said.iter().cloned().partition(|entry| entry.log == HOSTILE);
        other.fold(of_honest).expect("folded");
        other.fold(of_hostile).expect("folded");
        assert_eq!((other.heads(), other.refused(), other.held()), (self.document.heads(), 0, vec![]));
        assert_eq!(other.things().expect("shown"), self.things());
    }
}

fn map_under_one(_: u64) -> (OpType, ObjectId, &'static str) {
    (OpType::Make(ObjType::Map), ObjectId::Root, "one")
}

#[test]
fn a_thing_under_12_288_maps_can_be_removed() {
    let mut desk = Desk::default();
    assert_eq!(desk.add("one"), 1, "what nobody disturbs is one change");
    let maps = brought(&Document::new(), 0, map_under_one);
    assert!(maps.iter().map(|entry| entry.body.len()).sum::<usize>() < 500, "it costs next to nothing");
    desk.hear(maps);
    assert_eq!(desk.remove("one"), 4, "4,096 at a time, and ours");
    assert_eq!(desk.things(), Things::default());
    assert_eq!((desk.add("one"), desk.things().things.len()), (1, 1));
    desk.others_agree();
}

#[test]
fn a_field_of_12_288_values_can_be_set_and_is_never_seen_without() {
    let mut desk = Desk::default();
    desk.add("one");
    // Our map is operation 1, its name operation 2.
    let map = ObjectId::Id(OpId(1, ActorId::from(&HONEST.0)));
    desk.hear(brought(&desk.document, 2, |_| (OpType::Put("theirs".into()), map.clone(), "name")));
    assert_eq!(desk.things().things[0].thing.name.as_deref(), Some("theirs"));
    let patch = ThingPatch { name: Some(Some("ours again".into())), ..ThingPatch::default() };
    let part = desk.document.set_thing(HONEST, NOW, "one", &patch).expect("drafted").expect("a change");
    assert!(part.more);
    desk.written += 1;
    desk.hear(vec![ChangeEntry { log: HONEST, position: desk.written, body: part.body }]);
    assert_eq!(desk.things().things[0].thing.name.as_deref(), Some("theirs"), "until it is set");
    assert_eq!(desk.rename("one", "ours again"), 3);
    let view = desk.things().things.remove(0);
    assert_eq!((view.thing.name.as_deref(), view.conflicts), (Some("ours again"), vec![]));
    desk.others_agree();
}

#[test]
fn a_field_in_thousands_of_maps_can_be_set() {
    let mut desk = Desk::default();
    desk.add("one");
    // A map, and in the next operation its name.
    let named = |n: u64| match n % 2 {
        1 => map_under_one(n),
        _ => (OpType::Put("theirs".into()), ObjectId::Id(OpId(n - 1, ActorId::from(&HOSTILE.0))), "name"),
    };
    desk.hear(brought(&desk.document, 2, named));
    assert_eq!(desk.rename("one", "ours again"), 2, "a name in each of 6,144 maps");
    let view = desk.things().things.remove(0);
    assert_eq!((view.thing.name.as_deref(), view.conflicts), (Some("ours again"), vec![]));
    desk.others_agree();
}

#[test]
fn a_thing_can_be_added_where_there_is_much_that_is_none() {
    let mut desk = Desk::default();
    desk.hear(brought(&desk.document, 0, |_| (OpType::Put("no thing".into()), ObjectId::Root, "one")));
    assert_eq!((desk.things(), desk.add("one")), (Things::default(), 3));
    assert_eq!(desk.things().things[0].thing.name.as_deref(), Some("ours"));
    desk.others_agree();
}

#[test]
fn an_edit_that_is_too_large_by_itself_is_refused_as_before() {
    let mut desk = Desk::default();
    desk.add("one");
    let too_large = desk.document.draft::<DraftError>(HONEST, NOW, |edit| {
        (0..=CHANGE_OPS_MAX).try_for_each(|n| Ok(edit.put(ROOT, format!("{n}"), true)?))
    });
    assert!(matches!(too_large, Err(DraftError::Change(ChangeError::OverBound { .. }))), "{too_large:?}");
}
