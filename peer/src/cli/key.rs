//! The care of a peer's key: its passphrase, its Noise key, and its words on paper.

mod paper;

use std::path::PathBuf;

use anyhow::Context;
use clap::{Args as ClapArgs, Subcommand};
use serde_json::json;

use super::args::Where;
use super::grant::ask;
use super::show::say;
use super::unlock::new_passphrase;
use super::values::show_time;
use crate::control::{AccessAnswer, AccessRequest};

#[derive(Debug, Subcommand)]
pub(super) enum KeyCommand {
    /// Put the key under a passphrase, or under a new one
    #[command(after_help = "Examples:\n  msec key protect --data-dir office\n  \
                      msec key protect --new-passphrase-file passphrase.txt --data-dir gateway\n\n\
                      Each command that opens the key asks for it from then on, `msec run` too.")]
    Protect(Protect),
    /// Let the key lie there without a passphrase, as a peer that starts by itself needs it
    #[command(after_help = "Example:\n  msec key unprotect --data-dir gateway")]
    Unprotect(Where),
    /// Make another Noise key, with which the peer links, and end the ones before it: for when one may have been stolen
    #[command(after_help = "Example:\n  msec key rotate --data-dir gateway\n\n\
                      It works beside `msec run`. Links close and come again; the peer's id, its grants and its logs stay as they are.")]
    Rotate(Where),
    /// Show the key as 36 words to be written down: whoever reads them is this peer
    #[command(
        after_help = "Examples:\n  msec key words --data-dir office\n  msec key words --yes --data-dir office > words.txt"
    )]
    Words(paper::Words),
    /// Split the key among several as 40 words each, of whom some bring it back: three, and any two of them
    #[command(
        after_help = "Examples:\n  msec key split --data-dir office\n  msec key split --shares 5 --threshold 3 --data-dir office"
    )]
    Split(paper::Split),
    /// Bring a key back from its words, or from so many shares as it takes
    #[command(after_help = "Examples:\n  msec key restore --data-dir office          (type the words)\n  \
                      msec key restore safe.txt notary.txt --data-dir office")]
    Restore(paper::Restore),
}

#[derive(Debug, ClapArgs)]
pub(super) struct Protect {
    /// Where the new passphrase is: a file that only its owner reads, or /dev/fd/N [default: a question at the terminal]
    #[arg(long, value_name = "FILE")]
    new_passphrase_file: Option<PathBuf>,
    #[command(flatten)]
    place: Where,
}

pub(super) fn key(command: &KeyCommand) -> anyhow::Result<()> {
    match command {
        KeyCommand::Protect(args) => protect(args),
        KeyCommand::Unprotect(place) => unprotect(place),
        KeyCommand::Rotate(place) => rotate(place),
        KeyCommand::Words(args) => paper::words(args),
        KeyCommand::Split(args) => paper::split(args),
        KeyCommand::Restore(args) => paper::restore(args),
    }
}

fn protect(args: &Protect) -> anyhow::Result<()> {
    let mut dir = args.place.dir();
    // Whoever does not know the old one is told before a new one is thought up.
    let peer = dir.identity()?.peer();
    dir.protect(&new_passphrase(args.new_passphrase_file.as_deref())?)?;
    if args.place.json {
        say(json!({ "peer": peer, "protected": true }));
        return Ok(());
    }
    say(format!("the key of {} lies under the passphrase now", peer.short()));
    eprintln!(
        "Next: write the words down, `msec key words --data-dir {}`: who forgets the passphrase needs them. A peer that starts by itself takes \
         the passphrase from --passphrase-file, or as the credential msec-passphrase of systemd",
        args.place.data_dir.display()
    );
    Ok(())
}

fn rotate(place: &Where) -> anyhow::Result<()> {
    let answers = ask(place, AccessRequest::RotateKey)?;
    let since_ms = answers.into_iter().find_map(|answer| match answer {
        AccessAnswer::Rotated { since_ms } => Some(since_ms),
        _ => None,
    });
    let since_ms = since_ms.context("the peer did not say since when its keys count")?;
    if place.json {
        say(json!({ "since_ms": since_ms }));
        return Ok(());
    }
    say(format!("Noise keys from before {} are over", show_time(since_ms)));
    eprintln!(
        "Next: nothing, beside a peer that runs: its neighbours hear of it, and links come again. Else run it, so that they do. If the whole machine \
         may have been stolen, end its grants instead: `msec revoke`"
    );
    Ok(())
}

fn unprotect(place: &Where) -> anyhow::Result<()> {
    let dir = place.dir();
    let peer = dir.identity()?.peer();
    dir.unprotect()?;
    if place.json {
        say(json!({ "peer": peer, "protected": false }));
        return Ok(());
    }
    say(format!("the key of {} lies bare now: whoever takes the file is this peer", peer.short()));
    Ok(())
}
