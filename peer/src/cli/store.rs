//! The store of a peer that does not run: is it whole, and what is in it?

use std::collections::BTreeMap;

use anyhow::{Context, bail};
use clap::Subcommand;
use msec_crdt_store::{Checked, Compacted, FileDir, LetGo, LogState, Medium, Opened, Storage, Store, check};
use serde_json::json;

use super::args::Where;
use super::show::{fork_json, forked, head_json, say, table, written};
use crate::sdk::store_config;

/// Where fewer hundredths of a segment are dead, writing it anew costs the disk more than it gives back.
const DEAD_PERCENT: u8 = 20;

#[derive(Debug, Subcommand)]
pub(super) enum StoreCommand {
    /// Read all that is stored, and change nothing; fails if durable entries may be missing
    #[command(after_help = "Example:\n  msec store check --data-dir gateway\n\n\
                      It reads every segment through the checks that foreign entries pass, which takes as long as the disk does.\n\
                      The peer must not run meanwhile: `msec status` says whether it does.")]
    Check(Where),
    /// Cut the store back to what verifies, and make its index again
    #[command(after_help = "Example:\n  msec store repair --data-dir gateway\n\n\
                      A start of the peer does the same where it finds damage. What is cut off is set aside in aside.msec.\n\
                      Neighbours give back what they hold; own streams go on in new logs where entries may be missing.")]
    Repair(Where),
    /// Show what is stored, by collection
    #[command(after_help = "Example:\n  msec store stats --data-dir gateway\n\n\
                      It opens the store as a start of the peer does, by the index, so that it is quick.")]
    Stats(Where),
    /// Rewrite the segments of which a part is dead, so that they take less room
    #[command(after_help = "Example:\n  msec store compact --data-dir gateway\n\n\
                      What was let go or erased is not read any more, and its bytes stay until then. The last segment is left as it is.\n\
                      One segment is read and written after the other, and a crash meanwhile loses nothing. The peer must not run.")]
    Compact(Where),
    /// Write logs to a file, with all that it takes to verify them
    #[cfg(feature = "index")]
    #[command(after_help = "Examples:\n  msec store export /media/stick/city.msec --data-dir gateway\n  \
                      msec store export parks.msec --collection parks --since 7d --data-dir gateway\n\n\
                      A log is written whole, from its first entry on: --since leaves out the streams that wrote nothing since then.\n\
                      The file is not encrypted: whoever holds it can read it. Take it in elsewhere with `msec store import`.\n\
                      The peer must not run meanwhile.")]
    Export(super::export::Export),
    /// Take in a file that `msec store export` wrote, verified as what a stranger sends
    #[cfg(feature = "index")]
    #[command(after_help = "Example:\n  msec store import /media/stick/city.msec --data-dir gateway\n\n\
                      What is held already stays as it is, so that a file can be imported twice. Of a torn or damaged file it\n\
                      takes what is whole, and fails. Own logs are taken in, too, and go on in new logs if entries were missing.\n\
                      The peer must not run meanwhile.")]
    Import(super::export::Import),
}

pub(super) fn store(command: &StoreCommand) -> anyhow::Result<()> {
    match command {
        StoreCommand::Check(place) => show_checked(place),
        StoreCommand::Repair(place) => repair(place),
        StoreCommand::Stats(place) => stats(place),
        StoreCommand::Compact(place) => compact(place),
        #[cfg(feature = "index")]
        StoreCommand::Export(args) => super::export::export(args),
        #[cfg(feature = "index")]
        StoreCommand::Import(args) => super::export::import(args),
    }
}

/// The store there, which nobody else may use meanwhile.
pub(super) fn directory(place: &Where) -> anyhow::Result<FileDir> {
    let dir = place.dir().store();
    if !dir.is_dir() {
        bail!("there is no store in {}: name the peer's directory with --data-dir", place.data_dir.display());
    }
    FileDir::open(dir).context("cannot open the store")
}

pub(super) fn open(dir: FileDir) -> anyhow::Result<(Store, Opened)> {
    Store::open_with(dir, store_config()).context("cannot open the store")
}

fn show_checked(place: &Where) -> anyhow::Result<()> {
    let checked = check(directory(place)?).context("cannot read the store")?;
    if place.json {
        let damage = checked
            .damage
            .iter()
            .map(|it| json!({ "segment": it.segment, "at": it.at, "bytes": it.bytes, "torn": it.torn }));
        say(json!({
            "segments": checked.segments, "bytes": checked.bytes, "logs": checked.logs.len(),
            "entries": checked.entries(), "damage": damage.collect::<Vec<_>>(), "gaps": checked.gaps,
            "contested": checked.contested.iter().map(|fork| fork_json(fork)).collect::<Vec<_>>(),
            "old_heads": checked.old_heads.iter().map(head_json).collect::<Vec<_>>(),
            "whole": !checked.is_damaged(),
        }));
    } else {
        say_checked(&checked);
    }
    if checked.is_damaged() {
        bail!(
            "the store is damaged: `msec store repair`, or a start of the peer, cuts it back to what verifies, and neighbours \
             give back what they hold"
        );
    }
    Ok(())
}

fn say_checked(checked: &Checked) {
    let Checked { segments, bytes, logs, .. } = checked;
    say(format!(
        "{segments} segments, {bytes} bytes: {} entries of {} logs verify",
        checked.entries(),
        logs.len()
    ));
    for it in &checked.damage {
        let what = match it.torn {
            true => "an append that a crash interrupted; nothing of it was acknowledged",
            false => "damaged",
        };
        say(format!("segment {}: {} bytes from byte {} on are {what}", it.segment, it.bytes, it.at));
    }
    if checked.gaps {
        say("entries are missing that others follow");
    }
    checked.contested.iter().for_each(|fork| say(forked(fork)));
}

fn repair(place: &Where) -> anyhow::Result<()> {
    let dir = directory(place)?;
    // Without the index everything is read.
    dir.remove("index.redb").context("cannot remove the store's index")?;
    let (mut store, opened) = open(dir)?;
    let gone: u64 = store.queries().let_go().iter().map(LetGo::entries).sum();
    store.close();
    let entries = opened.logs.iter().map(LogState::size).sum::<u64>().saturating_sub(gone);
    if place.json {
        let cut = opened.cut.map(|cut| json!({ "bytes": cut.bytes, "torn": cut.torn }));
        say(json!({ "cut": cut, "logs": opened.logs.len(), "entries": entries }));
        return Ok(());
    }
    match opened.cut {
        None => say("nothing had to be cut off"),
        Some(cut) if cut.torn => say(format!("{} bytes of an interrupted append were cut off", cut.bytes)),
        Some(cut) => say(format!(
            "{} bytes that do not verify were cut off: start the peer, and neighbours give back what they hold",
            cut.bytes
        )),
    }
    say(format!("the store holds {entries} entries of {} logs", opened.logs.len()));
    Ok(())
}

fn compact(place: &Where) -> anyhow::Result<()> {
    let (mut store, _) = open(directory(place)?)?;
    let done = store.compact(DEAD_PERCENT).context("cannot rewrite the store")?;
    store.close();
    let Compacted { rewritten, removed, bytes } = done;
    say(match place.json {
        true => json!({ "rewritten": rewritten, "removed": removed, "bytes": bytes }).to_string(),
        false => format!("{rewritten} segments were rewritten and {removed} removed: {bytes} bytes less"),
    });
    Ok(())
}

/// What is held in a collection.
#[derive(Default)]
struct Collected {
    logs: u64,
    entries: u64,
    let_go: u64,
}

fn stats(place: &Where) -> anyhow::Result<()> {
    let (store, opened) = open(directory(place)?)?;
    let (wear, gone) = (store.gauge().wear(), store.queries().let_go());
    drop(store);
    let mut collections: BTreeMap<&str, Collected> = BTreeMap::new();
    for state in &opened.logs {
        let collected = collections.entry(state.header().collection().as_str()).or_default();
        (collected.logs, collected.entries) = (collected.logs + 1, collected.entries + state.size());
    }
    for it in &gone {
        let collected = collections.entry(it.state.header().collection().as_str()).or_default();
        collected.entries = collected.entries.saturating_sub(it.entries());
        collected.let_go += it.entries();
    }
    let files = sizes(place)?;
    if place.json {
        let of = |(name, it): (&&str, &Collected)| json!({ "collection": name, "logs": it.logs, "entries": it.entries, "let_go": it.let_go });
        let lacks = |it: &LetGo| {
            let header = it.state.header();
            json!({
                "log": it.log().to_string(), "collection": header.collection(), "stream": header.stream(),
                "author": header.author(), "begin": it.begin,
            })
        };
        say(json!({
            "segments_bytes": files.segments, "index_bytes": files.index, "aside_bytes": files.aside,
            "ledger_bytes": files.ledger, "written_bytes": wear.bytes, "stored_readings": wear.readings,
            "runs": opened.run, "contested": opened.contested.iter().map(|fork| fork_json(fork)).collect::<Vec<_>>(),
            "collections": collections.iter().map(of).collect::<Vec<_>>(),
            "let_go": gone.iter().map(lacks).collect::<Vec<_>>(),
        }));
        return Ok(());
    }
    let mut rows = vec![["COLLECTION", "LOGS", "ENTRIES", "LET GO"].map(str::to_owned).to_vec()];
    rows.extend(collections.iter().map(|(name, it)| {
        vec![(*name).to_owned(), it.logs.to_string(), it.entries.to_string(), it.let_go.to_string()]
    }));
    table(&rows);
    if !gone.is_empty() {
        say(format!("{} logs lack their beginning: --json says up to where each", gone.len()));
    }
    say(format!("{} bytes in segments, {} in the index", files.segments, files.index));
    say(format!("written so far: {}", written(wear.bytes, wear.readings)));
    opened.contested.iter().for_each(|fork| say(forked(fork)));
    if files.aside > 0 {
        say(format!(
            "{} bytes were cut off once and lie in aside.msec: remove it when nobody wants to look",
            files.aside
        ));
    }
    Ok(())
}

/// Bytes on disk.
#[derive(Default)]
struct Sizes {
    segments: u64,
    index: u64,
    aside: u64,
    ledger: u64,
}

fn sizes(place: &Where) -> anyhow::Result<Sizes> {
    let mut sizes = Sizes::default();
    for entry in std::fs::read_dir(place.dir().store()).context("cannot list the store")? {
        let entry = entry.context("cannot list the store")?;
        let bytes = entry.metadata().map_or(0, |it| it.len());
        match entry.file_name().to_str() {
            Some("index.redb") => sizes.index += bytes,
            Some("aside.msec") => sizes.aside += bytes,
            Some("ledger") => sizes.ledger += bytes,
            Some(name) if name.ends_with(".msec") => sizes.segments += bytes,
            _ => {}
        }
    }
    Ok(sizes)
}
