//! Logs in a file: what a person carries to where no link goes.

use std::fs::{self, File};
use std::io::{BufWriter, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::Args as ClapArgs;
use msec_crdt_store::{Exported, FileDir, ImportTerms, Imported, Storage, Store};
use msec_identity::{Authority, CollectionPath};
use serde_json::json;

use super::args::Where;
use super::show::say;
use super::store::{directory, open};
use super::values::TimeArg;
use super::words::many;
use crate::gossip::Interest;
use crate::net::wall_clock;
use crate::node::{Config, covers, learn, may_hold};
use crate::sdk::{Membership, OpenError};

/// After so many bytes a line says how far it is.
const TOLD_EVERY_BYTES: u64 = 64 << 20;

#[derive(Debug, ClapArgs)]
pub(super) struct Export {
    /// The file to write; one that is there is replaced once the new one is whole
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Only this collection and those below it; may be given several times
    #[arg(long, value_name = "COLLECTION")]
    collection: Vec<CollectionPath>,
    /// Only streams that wrote something at this time or later, written as for `msec query`
    #[arg(long, value_name = "TIME")]
    since: Option<TimeArg>,
    #[command(flatten)]
    place: Where,
}

#[derive(Debug, ClapArgs)]
pub(super) struct Import {
    /// The file to take in
    #[arg(value_name = "FILE")]
    file: PathBuf,
    #[command(flatten)]
    place: Where,
}

/// Says how far it is, once in a while.
struct Progress {
    next: u64,
}

impl Progress {
    fn new() -> Self {
        Self { next: TOLD_EVERY_BYTES }
    }

    fn tell(&mut self, bytes: u64, line: impl Fn() -> String) {
        if bytes >= self.next {
            self.next = bytes + TOLD_EVERY_BYTES;
            eprintln!("msec: {}", line());
        }
    }
}

fn megabytes(bytes: u64) -> u64 {
    bytes >> 20
}

fn membership(place: &Where) -> anyhow::Result<Membership> {
    Ok(place.dir().membership()?.ok_or(OpenError::NoSpace)?)
}

pub(super) fn export(args: &Export) -> anyhow::Result<()> {
    let interest = interest(args)?;
    let space = membership(&args.place)?.manifest().space();
    let (store, _) = open(directory(&args.place)?)?;
    let cannot = || format!("cannot write {}", args.file.display());
    // A stick that is pulled out leaves the copy before it as it was.
    let partial = partial_of(&args.file);
    let mut to = BufWriter::new(File::create(&partial).with_context(cannot)?);
    let mut progress = Progress::new();
    let mut told = |done: &Exported| {
        progress.tell(done.bytes, || format!("{} MiB with {} entries", megabytes(done.bytes), done.entries));
    };
    let written =
        msec_crdt_store::export(&store, space, &|state| covers(&interest, state), &mut to, &mut told);
    let written = written.with_context(cannot).and_then(|done| {
        to.flush().and_then(|()| to.get_ref().sync_all()).with_context(cannot)?;
        fs::rename(&partial, &args.file).with_context(cannot)?;
        sync_dir_of(&args.file);
        Ok(done)
    });
    let done = match written {
        Ok(done) => done,
        Err(error) => {
            let _ = fs::remove_file(&partial);
            return Err(error);
        }
    };
    let Exported { logs, entries, bytes, unreadable, contested, .. } = done;
    say(match args.place.json {
        true => json!({ "file": args.file, "logs": logs, "entries": entries, "bytes": bytes, "unreadable": unreadable, "contested": contested })
            .to_string(),
        false => format!("{} of {}, {bytes} bytes: {}", many(entries, "entry", "entries"), many(logs, "log", "logs"), args.file.display()),
    });
    if unreadable > 0 {
        bail!(
            "{unreadable} logs could not be read to their end and are in the file as far as they could: start the peer, so that \
             it fetches what is missing, and export again"
        );
    }
    Ok(())
}

/// What is to be written.
fn interest(args: &Export) -> anyhow::Result<Interest> {
    let interest = match &args.collection[..] {
        [] => Interest::all(),
        prefixes => Interest::of(prefixes.iter().map(CollectionPath::as_str))?,
    };
    Ok(match args.since {
        Some(since) => interest.since(since.from(wall_clock())),
        None => interest,
    })
}

/// Where a file lies until it is whole.
fn partial_of(file: &Path) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(".partial");
    name.into()
}

/// Makes the name of a file durable, where its file system can do that.
fn sync_dir_of(file: &Path) {
    let dir = file.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if let Err(error) = File::open(dir).and_then(|dir| dir.sync_all()) {
        tracing::debug!(%error, "the directory of the export cannot be synced");
    }
}

pub(super) fn import(args: &Import) -> anyhow::Result<()> {
    let me = args.place.dir().identity()?.peer();
    let membership = membership(&args.place)?;
    let mut authority = Authority::new(membership.manifest().clone());
    for grant in membership.grants() {
        // One that does not count lets nobody in.
        let _ = authority.learn(grant.clone().into());
    }
    let cannot = || format!("cannot read {}", args.file.display());
    let mut from = File::open(&args.file).with_context(cannot)?;
    let length = from.metadata().with_context(cannot)?.len();
    // A peer that has lost its store, or never ran, gets one.
    let dir = args.place.dir().store();
    let opened = || open(FileDir::open(&dir).context("cannot open the store")?);
    let (mut store, held) = opened()?;
    learn(&mut authority, &held);
    let mut progress = Progress::new();
    let mut told = |done: &Imported| {
        let line = || {
            format!("{} of {} MiB, {} new entries", megabytes(done.bytes), megabytes(length), done.entries)
        };
        progress.tell(done.bytes, line);
    };
    let mut take = |store: &mut Store, authority: &Authority| {
        let wants = may_hold(authority, &me);
        let terms = ImportTerms { authority, me, wants: &wants, logs_max: Config::default().logs_max };
        from.seek(SeekFrom::Start(0)).with_context(cannot)?;
        let taken = msec_crdt_store::import(store, &terms, &mut from, &mut told);
        store.close();
        taken.with_context(|| format!("cannot take in all of {}", args.file.display()))
    };
    let mut done = take(&mut store, &authority)?;
    if done.lacking > 0 {
        // What says that those bodies were erased may stand in the file itself, behind them.
        drop(store);
        let (mut store, held) = opened()?;
        learn(&mut authority, &held);
        done = again(done, take(&mut store, &authority)?);
    }
    if args.place.json {
        say(as_json(&done));
    } else {
        say_imported(&done);
    }
    if !done.is_whole() {
        bail!(
            "{} is torn or damaged: what is whole of it was taken in; export it again, and import that, too",
            args.file.display()
        );
    }
    if let Some(error) = &done.first_refusal {
        bail!("{} runs do not verify and were refused, the first one since: {error}", done.refused);
    }
    Ok(())
}

/// What a file brought that was read twice.
fn again(first: Imported, second: Imported) -> Imported {
    Imported {
        logs: first.logs + second.logs,
        entries: first.entries + second.entries,
        contested: first.contested + second.contested,
        own_were_missing: first.own_were_missing || second.own_were_missing,
        known: first.known,
        passed_over: first.passed_over,
        ..second
    }
}

fn as_json(done: &Imported) -> serde_json::Value {
    json!({
        "logs": done.logs, "entries": done.entries, "known": done.known, "unwanted": done.unwanted,
        "over_bound": done.over_bound, "gaps": done.gaps, "behind": done.behind, "refused": done.refused,
        "damaged_bytes": done.damaged_bytes, "whole": done.is_whole(), "own_were_missing": done.own_were_missing,
        "contested": done.contested, "passed_over": done.passed_over,
    })
}

fn say_imported(done: &Imported) {
    let new = many(done.entries, "new entry", "new entries");
    let (logs, runs) = (many(done.logs, "new log", "new logs"), many(done.known, "run", "runs"));
    say(format!("{new}, {logs} among them; held already: {runs}"));
    let lines = [
        (done.unwanted, "log", "logs", "left out: this peer has no right to read or relay it"),
        (done.over_bound, "run", "runs", "left out: no more logs can be held"),
        (done.gaps, "run", "runs", "left out: what comes before it is neither here nor in the file"),
        (
            done.behind,
            "log",
            "logs",
            "left as it is: what the file has begins behind what is held here, which would go for it; a neighbour gives what is \
             between, or two say that nobody has it any more",
        ),
        (done.contested, "log", "logs", "contested: its writer signed two histories, as the file shows"),
        (
            done.passed_over,
            "run",
            "runs",
            "left out: its log is contested, or what is said of that shows nothing",
        ),
        (done.damaged_bytes, "byte", "bytes", "damaged"),
    ];
    for (count, one, more, what) in lines.into_iter().filter(|(count, ..)| *count > 0) {
        say(format!("{}, {what}", many(count, one, more)));
    }
    if done.own_were_missing {
        say("entries that this peer wrote were missing here: its streams go on in new logs");
    }
}
