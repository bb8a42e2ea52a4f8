//! The registry of things, as it is asked for and answered.

use std::collections::BTreeMap;

use msec_crdt_store::{Place, Thing, ThingPatch, ThingView};
use serde::{Deserialize, Serialize};

use super::message::Answer;
use super::server::in_full;
use crate::sdk::Peer;

/// What is asked of the registry in a collection.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ThingsRequest {
    /// The collection.
    pub collection: String,
    /// What.
    pub what: ThingsCommand,
}

/// What is asked of a registry.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum ThingsCommand {
    /// Its things, or one of them: an [`Answer::Thing`] each.
    Show {
        /// This one only.
        #[serde(default)]
        id: Option<String>,
    },
    /// Adds a thing. [`Answer::Done`] says that this is signed and on disk.
    Add {
        /// The thing.
        thing: ThingLine,
    },
    /// Changes what is named of a thing: an empty text takes a field away.
    Set {
        /// The thing, with what is to change.
        thing: ThingLine,
        /// Whether its place is taken away.
        #[serde(default)]
        nowhere: bool,
    },
    /// Removes a thing.
    Remove {
        /// Which.
        id: String,
    },
    /// Writes all things into the registry of another collection, and erases this one on this peer, with its history.
    Compact {
        /// The other collection.
        into: String,
    },
}

/// A thing of the registry.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ThingLine {
    /// What it is called everywhere.
    pub id: String,
    /// What people call it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// What it measures in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    /// Whose it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// Where it stands: degrees north and east.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<(f64, f64)>,
    /// Fields to which several gave different values while apart, with all of these, the one that is shown first.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub conflicts: BTreeMap<String, Vec<String>>,
}

impl ThingLine {
    fn placed(&self) -> Result<Option<Place>, String> {
        let Some((latitude, longitude)) = self.place else { return Ok(None) };
        let place = Place::from_degrees(latitude, longitude);
        place
            .map(Some)
            .ok_or_else(|| format!("{latitude},{longitude} is not on Earth: write LAT,LON in degrees"))
    }

    fn thing(self) -> Result<Thing, String> {
        let place = self.placed()?;
        Ok(Thing { id: self.id, name: self.name, unit: self.unit, owner: self.owner, place })
    }

    fn patch(self, nowhere: bool) -> Result<ThingPatch, String> {
        let text = |text: Option<String>| text.map(|text| Some(text).filter(|text| !text.is_empty()));
        let place = if nowhere { Some(None) } else { self.placed()?.map(Some) };
        Ok(ThingPatch { name: text(self.name), unit: text(self.unit), owner: text(self.owner), place })
    }
}

impl From<ThingView> for ThingLine {
    fn from(view: ThingView) -> Self {
        let Thing { id, name, unit, owner, place } = view.thing;
        let conflicts = view.conflicts.into_iter().map(|it| (it.field.to_string(), it.values)).collect();
        Self { id, name, unit, owner, place: place.map(Place::degrees), conflicts }
    }
}

/// Answers a request but for the last line.
pub(super) async fn answer(peer: &Peer, request: ThingsRequest) -> Result<Vec<Answer>, String> {
    let registry = peer.registry(&request.collection).map_err(|error| error.to_string())?;
    let shown = |views: Vec<ThingView>| views.into_iter().map(|view| Answer::Thing(view.into())).collect();
    match request.what {
        ThingsCommand::Show { id: Some(id) } => match registry.thing(&id).await.map_err(|e| in_full(&e))? {
            Some(view) => Ok(shown(vec![view])),
            None => {
                Err(format!("there is no thing `{id}` here: `msec things show` lists those that there are"))
            }
        },
        ThingsCommand::Show { id: None } => {
            let things = registry.things().await.map_err(|e| in_full(&e))?;
            let left_out = (things.left_out > 0).then_some(Answer::Missed(things.left_out as u64));
            let mut answers: Vec<_> = shown(things.things);
            answers.extend(left_out);
            Ok(answers)
        }
        ThingsCommand::Add { thing } => edited(registry.add(&thing.thing()?).await),
        ThingsCommand::Set { thing, nowhere } => {
            let id = thing.id.clone();
            edited(registry.set(&id, &thing.patch(nowhere)?).await)
        }
        ThingsCommand::Remove { id } => edited(registry.remove(&id).await),
        ThingsCommand::Compact { into } => {
            let into = peer.registry(&into).map_err(|error| error.to_string())?;
            registry.compact(&into).await.map_err(|error| in_full(&error))?;
            Ok(Vec::new())
        }
    }
}

fn edited(result: Result<(), crate::sdk::EditFailed>) -> Result<Vec<Answer>, String> {
    result.map(|()| Vec::new()).map_err(|error| in_full(&error))
}
