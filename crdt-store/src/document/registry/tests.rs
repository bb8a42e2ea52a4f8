//! What people see of a registry that several edit.

use automerge::{ROOT, transaction::Transactable};

use super::super::DraftError;
use super::*;
use crate::ChangeEntry;

const NOW: UnixMillis = UnixMillis(1_767_225_600_000);

fn log(n: u8) -> LogId {
    LogId([n; 32])
}

fn named(id: &str, name: &str) -> Thing {
    Thing { name: Some(name.into()), ..Thing::new(id) }
}

fn rename(name: &str) -> ThingPatch {
    ThingPatch { name: Some(Some(name.into())), ..ThingPatch::default() }
}

/// Replicas of one document, of which each writes its own log.
struct Office {
    document: Document,
    log: LogId,
    written: Vec<ChangeEntry>,
}

fn offices<const N: usize>() -> [Office; N] {
    std::array::from_fn(|n| Office { document: Document::new(), log: log(n as u8 + 1), written: Vec::new() })
}

impl Office {
    fn publish(&mut self, body: Vec<u8>) {
        let entry = ChangeEntry { log: self.log, position: self.written.len() as u64, body };
        self.document.fold([entry.clone()]).expect("folded");
        self.written.push(entry);
    }

    fn add(&mut self, thing: &Thing) {
        self.publish(self.document.add_thing(self.log, NOW, thing).expect("added").body);
    }

    fn set(&mut self, id: &str, patch: &ThingPatch) {
        let body = self.document.set_thing(self.log, NOW, id, patch).expect("set");
        self.publish(body.expect("something changed").body);
    }

    fn view(&self, id: &str) -> ThingView {
        self.document.thing(id).expect("shown").expect("there")
    }
}

/// All meet, and agree.
fn meet(offices: &mut [Office]) {
    let all: Vec<_> = offices.iter().flat_map(|office| office.written.clone()).collect();
    for office in offices.iter_mut() {
        office.document.fold(all.clone()).expect("folded");
    }
    let things: Vec<_> = offices.iter().map(|office| office.document.things().expect("shown")).collect();
    assert!(things.windows(2).all(|pair| pair[0] == pair[1]), "{things:#?}");
}

#[test]
fn a_thing_is_read_back_and_changed_field_by_field() {
    let [mut office] = offices();
    let place = Place::from_degrees(-36.8485, 174.7633);
    let mic = Thing {
        id: "parks/noise/mic-1".into(),
        name: Some("the corner".into()),
        unit: Some("dB".into()),
        owner: Some("the city".into()),
        place,
    };
    office.add(&mic);
    assert_eq!(office.view(&mic.id), ThingView { thing: mic.clone(), conflicts: vec![] });
    let patch = ThingPatch { owner: Some(None), place: Some(None), ..rename("the pond") };
    office.set(&mic.id, &patch);
    let expected = Thing { name: Some("the pond".into()), owner: None, place: None, ..mic.clone() };
    assert_eq!(office.view(&mic.id).thing, expected);
    assert_eq!(office.document.set_thing(office.log, NOW, &mic.id, &patch).expect("so already"), None);
    let gone = office.document.remove_thing(office.log, NOW, &mic.id).expect("removed").body;
    office.publish(gone);
    assert_eq!(office.document.things().expect("shown"), Things::default());
}

#[test]
fn two_that_add_one_id_apart_lose_no_field() {
    let mut offices = offices::<2>();
    offices[0].add(&Thing { unit: Some("dB".into()), ..named("mic", "by the first") });
    offices[1].add(&Thing { owner: Some("parks".into()), ..named("mic", "by the second") });
    meet(&mut offices);
    let view = offices[0].view("mic");
    assert_eq!((view.thing.unit.as_deref(), view.thing.owner.as_deref()), (Some("dB"), Some("parks")));
    let name = view.thing.name.clone().expect("one of both");
    assert_eq!(view.conflicts.len(), 1);
    assert_eq!((view.conflicts[0].field, view.conflicts[0].values.len()), (ThingField::Name, 2));
    assert_eq!(view.conflicts[0].values[0], name, "the one that is shown comes first");
    // Whoever sets the field settles it, for all.
    offices[1].set("mic", &rename("settled"));
    meet(&mut offices);
    let view = offices[0].view("mic");
    assert_eq!((view.thing.name.as_deref(), view.conflicts), (Some("settled"), vec![]));
    assert_eq!(view.thing.unit.as_deref(), Some("dB"));
    // Setting what is shown settles too.
    let mut offices = self::offices::<2>();
    offices[0].add(&named("mic", "a"));
    offices[1].add(&named("mic", "b"));
    meet(&mut offices);
    let shown = offices[0].view("mic").thing.name.expect("a name");
    offices[0].set("mic", &rename(&shown));
    meet(&mut offices);
    assert_eq!(offices[1].view("mic"), ThingView { thing: named("mic", &shown), conflicts: vec![] });
}

#[test]
fn a_field_that_two_set_apart_has_one_winner_and_says_so() {
    let mut offices = offices::<3>();
    offices[0].add(&named("mic", "before"));
    meet(&mut offices);
    offices[0].set("mic", &rename("a"));
    offices[1].set("mic", &rename("b"));
    let place = ThingPatch { place: Some(Place::from_degrees(1.0, 2.0)), ..ThingPatch::default() };
    offices[2].set("mic", &place);
    offices[1]
        .set("mic", &ThingPatch { place: Some(Place::from_degrees(3.0, 4.0)), ..ThingPatch::default() });
    meet(&mut offices);
    let view = offices[2].view("mic");
    let fields: Vec<_> = view.conflicts.iter().map(|conflict| conflict.field).collect();
    assert_eq!(fields, [ThingField::Name, ThingField::Place]);
    let places = [Place::from_degrees(1.0, 2.0), Place::from_degrees(3.0, 4.0)];
    assert!(places.contains(&view.thing.place), "never one's latitude with the other's longitude");
    // Equal values are no conflict.
    offices[0].set("mic", &rename("same"));
    offices[1].set("mic", &rename("same"));
    meet(&mut offices);
    assert!(offices[0].view("mic").conflicts.iter().all(|conflict| conflict.field != ThingField::Name));
}

#[test]
fn what_is_removed_takes_edits_with_it_and_leaves_what_is_added_anew() {
    let mut offices = offices::<2>();
    offices[0].add(&named("mic", "before"));
    meet(&mut offices);
    let body = offices[0].document.remove_thing(offices[0].log, NOW, "mic").expect("removed").body;
    offices[0].publish(body);
    offices[1].set("mic", &rename("meanwhile"));
    meet(&mut offices);
    assert_eq!(offices[1].document.thing("mic").expect("shown"), None);
    let removed = offices[0].document.set_thing(offices[0].log, NOW, "mic", &rename("x"));
    assert!(matches!(removed, Err(ThingError::NotFound { .. })));
    offices[1].add(&named("mic", "anew"));
    meet(&mut offices);
    assert_eq!(offices[0].view("mic").thing, named("mic", "anew"));
}

#[test]
fn what_does_not_belong_there_is_left_out() {
    let mut offices = offices::<2>();
    let draft = offices[0].document.draft::<DraftError>(offices[0].log, NOW, |edit| {
        edit.put(ROOT, "no map", 5)?;
        edit.put_object(ROOT, "", ObjType::Map)?;
        edit.put_object(ROOT, "bell\u{7}", ObjType::Map)?;
        let mic = edit.put_object(ROOT, "mic", ObjType::Map)?;
        edit.put(&mic, "name", 5)?;
        edit.put(&mic, "owner", "x".repeat(THING_TEXT_BYTES_MAX + 1))?;
        edit.put_object(&mic, "unit", ObjType::Map)?;
        let place = edit.put_object(&mic, "place", ObjType::Map)?;
        edit.put(&place, "lat", f64::NAN)?;
        edit.put(&place, "lon", "east")?;
        let far = edit.put_object(ROOT, "far", ObjType::Map)?;
        let place = edit.put_object(&far, "place", ObjType::Map)?;
        edit.put(&place, "lat", 91)?;
        edit.put(&place, "lon", 0)?;
        Ok(edit.put(&far, "colour", "red")?)
    });
    offices[0].publish(draft.expect("drafted").expect("something changed").body);
    meet(&mut offices);
    let things = offices[1].document.things().expect("shown").things;
    let expected = ["far", "mic"].map(|id| ThingView { thing: Thing::new(id), conflicts: vec![] });
    assert_eq!(things, expected);
    // And it can be set right.
    offices[1].set("mic", &rename("right"));
    meet(&mut offices);
    assert_eq!(offices[0].view("mic").thing, named("mic", "right"));
}

#[test]
fn what_is_refused_says_what_to_do() {
    let [mut office] = offices();
    office.add(&named("mic", "there"));
    let add =
        |thing: &Thing| office.document.add_thing(office.log, NOW, thing).expect_err("refused").to_string();
    assert!(add(&named("mic", "again")).contains("`set`"));
    assert!(add(&named("", "x")).contains("COLLECTION/STREAM"));
    assert!(add(&named(&"x".repeat(THING_ID_BYTES_MAX + 1), "x")).contains("257 bytes"));
    assert!(add(&named("a", "two\nlines")).contains("thing's name"));
    let nowhere = Place { latitude_e7: i32::MAX, longitude_e7: 0 };
    assert!(add(&Thing { place: Some(nowhere), ..Thing::new("a") }).contains("-90 to 90"));
    let missing = office.document.set_thing(office.log, NOW, "horn", &rename("x")).expect_err("refused");
    assert!(missing.to_string().contains("msec things show"), "{missing}");
    let missing = office.document.remove_thing(office.log, NOW, "horn").expect_err("refused");
    assert!(missing.to_string().contains("`horn`"), "{missing}");
}
