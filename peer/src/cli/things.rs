//! The registry of things: a document that people edit together, also while they are apart.

use clap::{Args as ClapArgs, Subcommand};
use serde_json::json;

use super::args::Where;
use super::ask::each;
use super::show::{say, table};
use super::values::PlaceArg;
use crate::control::{Answer, Request, ThingLine, ThingsCommand, ThingsRequest};

#[derive(Debug, ClapArgs)]
pub(super) struct Things {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Add a thing
    #[command(
        after_help = "Example:\n  msec things add parks/noise/mic-1 --name 'Pier microphone' --place 43.46,-3.79 --unit dB"
    )]
    Add(Edit),
    /// Change what is named of a thing; an empty text takes it away
    #[command(
        after_help = "Example:\n  msec things set parks/noise/mic-1 --owner 'Harbour office' --unit ''"
    )]
    Set(Edit),
    /// Remove a thing
    #[command(after_help = "Example:\n  msec things remove parks/noise/mic-1")]
    Remove(One),
    /// Go on in another collection, and erase this registry on this peer, with its history
    #[command(after_help = "Example:\n  msec things compact --in registry --into registry/2")]
    Compact(Compact),
    /// Show the things, or one of them
    #[command(after_help = "Example:\n  msec things show\n  msec things show parks/noise/mic-1 --json")]
    Show(Show),
}

#[derive(Debug, ClapArgs)]
struct Edit {
    /// What the thing is called everywhere; COLLECTION/STREAM for what has a stream
    id: String,
    /// What people call it
    #[arg(long)]
    name: Option<String>,
    /// Where it stands, in degrees north and east
    #[arg(long, value_name = "LAT,LON", allow_hyphen_values = true, value_parser = place)]
    place: Option<Stands>,
    /// What it measures in, in UCUM's case-sensitive notation
    #[arg(long)]
    unit: Option<String>,
    /// Whose it is
    #[arg(long)]
    owner: Option<String>,
    #[command(flatten)]
    registry: Registry,
}

#[derive(Debug, ClapArgs)]
struct One {
    /// Which
    id: String,
    #[command(flatten)]
    registry: Registry,
}

#[derive(Debug, ClapArgs)]
struct Compact {
    /// The collection to go on in; who may edit the old one may edit one below it
    #[arg(long, value_name = "COLLECTION")]
    into: String,
    #[command(flatten)]
    registry: Registry,
}

#[derive(Debug, ClapArgs)]
struct Show {
    /// This one only
    id: Option<String>,
    #[command(flatten)]
    registry: Registry,
}

#[derive(Debug, ClapArgs)]
struct Registry {
    /// The collection that the registry is in; whoever may read and write there may edit it
    #[arg(long = "in", default_value = "registry", value_name = "COLLECTION")]
    collection: String,
    #[command(flatten)]
    home: Where,
}

/// Where a thing stands; with an empty text, nowhere.
#[derive(Debug, Clone, Copy)]
enum Stands {
    Nowhere,
    At(PlaceArg),
}

fn place(text: &str) -> Result<Stands, String> {
    if text.is_empty() { Ok(Stands::Nowhere) } else { text.parse().map(Stands::At) }
}

impl Edit {
    fn line(self) -> (ThingLine, bool, Registry) {
        let nowhere = matches!(self.place, Some(Stands::Nowhere));
        let place = match self.place {
            Some(Stands::At(PlaceArg(latitude, longitude))) => Some((latitude, longitude)),
            _ => None,
        };
        let Self { id, name, unit, owner, registry, .. } = self;
        (ThingLine { id, name, unit, owner, place, ..ThingLine::default() }, nowhere, registry)
    }
}

pub(super) fn things(args: Things) -> anyhow::Result<()> {
    let (registry, what) = match args.action {
        Action::Add(edit) => {
            let (thing, _, registry) = edit.line();
            (registry, ThingsCommand::Add { thing })
        }
        Action::Set(edit) => {
            let (thing, nowhere, registry) = edit.line();
            (registry, ThingsCommand::Set { thing, nowhere })
        }
        Action::Remove(one) => (one.registry, ThingsCommand::Remove { id: one.id }),
        Action::Compact(it) => (it.registry, ThingsCommand::Compact { into: it.into }),
        Action::Show(show) => (show.registry, ThingsCommand::Show { id: show.id }),
    };
    let done = match &what {
        ThingsCommand::Add { thing } => Some(("added", thing.id.clone())),
        ThingsCommand::Set { thing, .. } => Some(("set", thing.id.clone())),
        ThingsCommand::Remove { id } => Some(("removed", id.clone())),
        ThingsCommand::Compact { into } => Some(("compacted_into", into.clone())),
        ThingsCommand::Show { .. } => None,
    };
    let Registry { collection, home } = registry;
    let mut found = Vec::new();
    each(&home, &Request::Things(ThingsRequest { collection, what }), |answer| match answer {
        Answer::Thing(thing) => found.push(thing),
        Answer::Missed(more) => eprintln!("msec: {more} more are not shown: name one of them"),
        _ => {}
    })?;
    match done {
        Some((done, id)) if home.json => say(json!({ done: id })),
        Some((done, id)) => say(format!("{} {id}", done.replace('_', " "))),
        None => show(&found, home.json),
    }
    Ok(())
}

fn show(things: &[ThingLine], as_json: bool) {
    if as_json {
        return things.iter().for_each(|thing| say(json!(thing)));
    }
    let cells = |thing: &ThingLine| {
        let text = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".into());
        let place =
            thing.place.map_or_else(|| "-".into(), |(latitude, longitude)| format!("{latitude},{longitude}"));
        vec![thing.id.clone(), text(&thing.name), place, text(&thing.unit), text(&thing.owner)]
    };
    let header = ["thing", "name", "place", "unit", "owner"].map(String::from).to_vec();
    if things.is_empty() {
        eprintln!(
            "msec: nothing is held of this registry: add something with `msec things add`; if there should be something, this peer needs a grant to read there"
        );
    } else {
        table(&[vec![header], things.iter().map(cells).collect()].concat());
    }
    for thing in things {
        for (field, values) in &thing.conflicts {
            eprintln!(
                "msec: {} of {} was set apart to {}: set it to what is right",
                field,
                thing.id,
                values.iter().map(|value| format!("`{value}`")).collect::<Vec<_>>().join(" and to ")
            );
        }
    }
}
