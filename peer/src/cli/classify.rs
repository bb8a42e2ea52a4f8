//! Saying what kind of data a collection holds.

use anyhow::Context;
use clap::Args as ClapArgs;
use msec_identity::{Class, CollectionPath};
use serde_json::json;

use super::args::Where;
use super::grant::{ask, lacks};
use super::show::say;
use crate::control::{AccessAnswer, AccessRequest};
use crate::sdk::ClassTerms;

#[derive(Debug, ClapArgs)]
pub(super) struct Classify {
    /// The collection, and those below it
    collection: CollectionPath,
    /// What it holds: public, personal or actuation
    class: Class,
    #[command(flatten)]
    place: Where,
}

pub(super) fn classify(args: &Classify) -> anyhow::Result<()> {
    let (collection, class) = (args.collection.to_string(), args.class.to_string());
    let answers = ask(&args.place, AccessRequest::Classify(ClassTerms { collection, class }))?;
    let view = answers.into_iter().find_map(|answer| match answer {
        AccessAnswer::Classified(view) => Some(view),
        _ => None,
    });
    let view = view.context("the peer did not say what it entered")?;
    if args.place.json {
        say(json!(view));
        return Ok(());
    }
    let place = if view.collection.is_empty() { "the whole space" } else { &view.collection };
    say(format!("{place} holds {} data", view.class));
    match view.voices {
        Some(voices) if voices.missing() > 0 => lacks(voices, &view.record),
        _ if view.class != view.said => eprintln!(
            "msec: somebody else says that it holds {} data, there or above, and the most protective counts: ask them to say otherwise",
            view.class
        ),
        _ => {}
    }
    Ok(())
}
