//! The registry of things: what the city has, where it stands, and whose it is.
//!
//! ```text
//! root    = { id: thing, ... }
//! thing   = { "name": text, "unit": text, "owner": text, "place": { "lat": number, "lon": number } }     each if known
//! ```
//!
//! Two peers that add one id while they are apart make two maps under one key. Both are read, as one thing: of a field with
//! several values the one that was written last (by Automerge's order of operations) is shown, and all of them in
//! [`ThingView::conflicts`]. Setting the field settles it. Removing a thing removes what the remover saw: what others set
//! in it meanwhile goes with it, what others added meanwhile stays. What has another type, or is longer than the bounds, is
//! left out: it cannot have come from here.

use std::collections::BTreeMap;
use std::fmt;

use automerge::transaction::{Transactable, Transaction};
use automerge::{AutomergeError, ObjId, ObjType, ROOT, ReadDoc, ScalarValue, Value};
use msec_identity::{LogId, UnixMillis};
use serde::Serialize;

use super::draft::Draft;
use super::error::{DocumentError, ThingError};
use super::fold::Document;
use crate::log::Place;

/// The name of the stream that carries a collection's registry.
pub const REGISTRY_STREAM: &str = "things";
/// The longest id of a thing, in bytes: a collection, a stream and what joins them. A longer one is refused, and not shown.
pub const THING_ID_BYTES_MAX: usize = super::KEY_BYTES_MAX;
/// The longest name, unit or owner of a thing, in bytes. A longer one is refused, and not shown.
pub const THING_TEXT_BYTES_MAX: usize = 256;
/// The most things in a registry. No more are added; of more that were added apart the first are shown, by their ids.
pub const THINGS_MAX: usize = 10_000;
/// The most values of one field that a conflict shows: the latest.
pub const CONFLICT_VALUES_MAX: usize = 16;

/// Something that the city has.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Thing {
    /// What it is called everywhere; COLLECTION/STREAM for what has a stream.
    pub id: String,
    /// What people call it.
    pub name: Option<String>,
    /// What it measures in, in UCUM's case-sensitive notation.
    pub unit: Option<String>,
    /// Whose it is.
    pub owner: Option<String>,
    /// Where it stands.
    pub place: Option<Place>,
}

/// What is to change in a thing. `None` leaves a field as it is, `Some(None)` takes it away.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ThingPatch {
    /// The name.
    pub name: Option<Option<String>>,
    /// The unit.
    pub unit: Option<Option<String>>,
    /// The owner.
    pub owner: Option<Option<String>>,
    /// The place.
    pub place: Option<Option<Place>>,
}

/// A field of a thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ThingField {
    /// [`Thing::name`]
    Name,
    /// [`Thing::unit`]
    Unit,
    /// [`Thing::owner`]
    Owner,
    /// [`Thing::place`]
    Place,
}

/// A thing as it is read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ThingView {
    /// The thing.
    #[serde(flatten)]
    pub thing: Thing,
    /// Fields to which several gave different values while apart.
    pub conflicts: Vec<Conflict>,
}

/// A field with several values.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Conflict {
    /// Which.
    pub field: ThingField,
    /// The values, the one that is shown first, at most [`CONFLICT_VALUES_MAX`]. A place is `LAT,LON`.
    pub values: Vec<String>,
}

/// The things of a registry.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Things {
    /// By id, at most [`THINGS_MAX`].
    pub things: Vec<ThingView>,
    /// How many more there are.
    pub left_out: usize,
}

impl ThingField {
    const ALL: [Self; 4] = [Self::Name, Self::Unit, Self::Owner, Self::Place];

    fn key(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::Unit => "unit",
            Self::Owner => "owner",
            Self::Place => "place",
        }
    }
}

impl fmt::Display for ThingField {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.key())
    }
}

/// The value of a field.
#[derive(Debug, Clone, PartialEq, Eq)]
enum FieldValue {
    Text(String),
    Place(Place),
}

impl fmt::Display for FieldValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => f.write_str(text),
            Self::Place(place) => {
                let (latitude, longitude) = place.degrees();
                write!(f, "{latitude},{longitude}")
            }
        }
    }
}

impl Thing {
    /// A thing of that id, of which nothing is known yet.
    pub fn new(id: &str) -> Self {
        Self { id: id.into(), ..Self::default() }
    }

    pub(super) fn patch(&self) -> ThingPatch {
        ThingPatch {
            name: self.name.clone().map(Some),
            unit: self.unit.clone().map(Some),
            owner: self.owner.clone().map(Some),
            place: self.place.map(Some),
        }
    }

    fn set(&mut self, field: ThingField, value: FieldValue) {
        match (field, value) {
            (ThingField::Name, FieldValue::Text(text)) => self.name = Some(text),
            (ThingField::Unit, FieldValue::Text(text)) => self.unit = Some(text),
            (ThingField::Owner, FieldValue::Text(text)) => self.owner = Some(text),
            (ThingField::Place, FieldValue::Place(place)) => self.place = Some(place),
            _ => {}
        }
    }

    fn get(&self, field: ThingField) -> Option<FieldValue> {
        match field {
            ThingField::Name => self.name.clone().map(FieldValue::Text),
            ThingField::Unit => self.unit.clone().map(FieldValue::Text),
            ThingField::Owner => self.owner.clone().map(FieldValue::Text),
            ThingField::Place => self.place.map(FieldValue::Place),
        }
    }
}

impl ThingPatch {
    /// What becomes of each field that changes.
    fn changes(&self) -> Vec<(ThingField, Option<FieldValue>)> {
        let text = |text: &Option<Option<String>>| text.clone().map(|text| text.map(FieldValue::Text));
        let changes = [
            (ThingField::Name, text(&self.name)),
            (ThingField::Unit, text(&self.unit)),
            (ThingField::Owner, text(&self.owner)),
            (ThingField::Place, self.place.map(|place| place.map(FieldValue::Place))),
        ];
        changes.into_iter().filter_map(|(field, change)| Some((field, change?))).collect()
    }

    pub(super) fn check(&self) -> Result<(), ThingError> {
        for (field, value) in self.changes() {
            match value {
                Some(FieldValue::Text(text)) if !is_text(&text) => return Err(ThingError::Text { field }),
                Some(FieldValue::Place(place)) if !place.is_on_earth() => return Err(ThingError::OffEarth),
                _ => {}
            }
        }
        Ok(())
    }
}

fn is_text(text: &str) -> bool {
    text.len() <= THING_TEXT_BYTES_MAX && !text.chars().any(char::is_control)
}

pub(super) fn is_id(id: &str) -> bool {
    !id.is_empty() && id.len() <= THING_ID_BYTES_MAX && !id.chars().any(char::is_control)
}

/// Everything but the id of a thing lies in maps, of which there are several if several added it.
impl Document {
    /// All things.
    pub fn things(&self) -> Result<Things, DocumentError> {
        self.check()?;
        let mut things = Things::default();
        let keys: Vec<String> = self.engine.keys(ROOT).filter(|id| is_id(id)).collect();
        for id in keys {
            if things.things.len() < THINGS_MAX {
                things.things.extend(read_thing(&self.engine, &id));
            } else if !maps_of(&self.engine, &id).is_empty() {
                things.left_out += 1;
            }
        }
        Ok(things)
    }

    /// One thing.
    pub fn thing(&self, id: &str) -> Result<Option<ThingView>, DocumentError> {
        self.check()?;
        Ok(if is_id(id) { read_thing(&self.engine, id) } else { None })
    }

    /// Makes the change entry of `log` that adds a thing.
    pub fn add_thing(&self, log: LogId, time: UnixMillis, thing: &Thing) -> Result<Draft, ThingError> {
        Ok(self.add_things(log, time, std::slice::from_ref(thing))?.expect("a map was made"))
    }

    /// Makes the change entry of `log` that changes a thing. `None`: it is so already.
    pub fn set_thing(
        &self,
        log: LogId,
        time: UnixMillis,
        id: &str,
        patch: &ThingPatch,
    ) -> Result<Option<Draft>, ThingError> {
        patch.check()?;
        self.draft(log, time, |edit| {
            let found = Some(id).filter(|id| is_id(id)).and_then(|id| read_thing(&*edit, id));
            let view = found.ok_or_else(|| ThingError::NotFound { id: id.to_owned() })?;
            let maps = maps_of(edit, id);
            for (field, value) in patch.changes() {
                let settled = view.conflicts.iter().all(|conflict| conflict.field != field);
                if settled && view.thing.get(field) == value {
                    continue;
                }
                let (last, others) = maps.split_last().expect("a thing that was read");
                for other in others {
                    write(edit, other, field, None)?;
                }
                write(edit, last, field, value.as_ref())?;
            }
            Ok(())
        })
    }

    /// Makes the change entry of `log` that removes a thing.
    pub fn remove_thing(&self, log: LogId, time: UnixMillis, id: &str) -> Result<Draft, ThingError> {
        let draft = self.draft(log, time, |edit| {
            if !is_id(id) || maps_of(edit, id).is_empty() {
                return Err(ThingError::NotFound { id: id.to_owned() });
            }
            Ok(edit.delete(ROOT, id)?)
        })?;
        Ok(draft.expect("something was deleted"))
    }
}

/// Adds a thing that is in order.
pub(super) fn add(edit: &mut Transaction<'_>, thing: &Thing) -> Result<(), ThingError> {
    if !maps_of(edit, &thing.id).is_empty() {
        return Err(ThingError::Exists { id: thing.id.clone() });
    }
    if edit.length(ROOT) >= THINGS_MAX {
        return Err(ThingError::Full);
    }
    let map = edit.put_object(ROOT, &*thing.id, ObjType::Map)?;
    for (field, value) in thing.patch().changes() {
        write(edit, &map, field, value.as_ref())?;
    }
    Ok(())
}

/// Sets a field in one map, or takes it away if it is there.
fn write(
    edit: &mut Transaction<'_>,
    map: &ObjId,
    field: ThingField,
    value: Option<&FieldValue>,
) -> Result<(), AutomergeError> {
    match value {
        Some(FieldValue::Text(text)) => edit.put(map, field.key(), text.as_str()),
        Some(FieldValue::Place(place)) => {
            // A new map each time: were latitude and longitude set apart, two places could mix.
            let (latitude, longitude) = place.degrees();
            let map = edit.put_object(map, field.key(), ObjType::Map)?;
            edit.put(&map, "lat", latitude)?;
            edit.put(&map, "lon", longitude)
        }
        None if edit.get(map, field.key())?.is_some() => edit.delete(map, field.key()),
        None => Ok(()),
    }
}

/// The maps of a thing, the last that was made last.
fn maps_of(document: &impl ReadDoc, id: &str) -> Vec<ObjId> {
    let found = document.get_all(ROOT, id).unwrap_or_default();
    let maps = found.into_iter().filter(|(value, _)| matches!(value, Value::Object(ObjType::Map)));
    let mut maps: Vec<_> = maps.map(|(_, map)| map).collect();
    maps.sort_by(in_time);
    maps
}

/// Automerge's order of operations, the same for everybody.
fn in_time(a: &ObjId, b: &ObjId) -> std::cmp::Ordering {
    let order = |id: &ObjId| match id {
        ObjId::Root => (0, Vec::new()),
        ObjId::Id(counter, actor, _) => (*counter, actor.to_bytes().to_vec()),
    };
    order(a).cmp(&order(b))
}

fn read_thing(document: &impl ReadDoc, id: &str) -> Option<ThingView> {
    let maps = maps_of(document, id);
    if maps.is_empty() {
        return None;
    }
    let (mut thing, mut conflicts) = (Thing::new(id), Vec::new());
    for field in ThingField::ALL {
        let mut values = values_of(document, &maps, field);
        if values.len() > 1 {
            values.truncate(CONFLICT_VALUES_MAX);
            conflicts.push(Conflict { field, values: values.iter().map(FieldValue::to_string).collect() });
        }
        if let Some(value) = values.into_iter().next() {
            thing.set(field, value);
        }
    }
    Some(ThingView { thing, conflicts })
}

/// The values of a field over all maps, each once, the latest first.
fn values_of(document: &impl ReadDoc, maps: &[ObjId], field: ThingField) -> Vec<FieldValue> {
    let mut found: Vec<(ObjId, FieldValue)> = Vec::new();
    for map in maps {
        for (value, id) in document.get_all(map, field.key()).unwrap_or_default() {
            let value = match (field, value) {
                (ThingField::Place, Value::Object(ObjType::Map)) => {
                    read_place(document, &id).map(FieldValue::Place)
                }
                (ThingField::Place, _) => None,
                (_, value) => {
                    value.as_str().filter(|text| is_text(text)).map(|text| FieldValue::Text(text.into()))
                }
            };
            found.extend(value.map(|value| (id, value)));
        }
    }
    found.sort_by(|(a, _), (b, _)| in_time(b, a));
    // By what it says, since a field may have thousands of values.
    let mut said = BTreeMap::new();
    found.retain(|(_, value)| said.insert(value.to_string(), ()).is_none());
    found.into_iter().map(|(_, value)| value).collect()
}

fn read_place(document: &impl ReadDoc, map: &ObjId) -> Option<Place> {
    let number = |key| match document.get(map, key).ok()?? {
        (Value::Scalar(scalar), _) => match *scalar {
            ScalarValue::F64(degrees) => Some(degrees),
            ScalarValue::Int(degrees) => Some(degrees as f64),
            ScalarValue::Uint(degrees) => Some(degrees as f64),
            _ => None,
        },
        _ => None,
    };
    Place::from_degrees(number("lat")?, number("lon")?)
}

#[cfg(test)]
mod tests;
