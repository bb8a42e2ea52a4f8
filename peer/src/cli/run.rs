//! A peer that runs until it is told to stop.

use std::io::{BufRead, Write};

use anyhow::Context;
use serde_json::json;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::args::{Run, StreamArg};
use super::show::line;
use crate::gossip::Interest;
use crate::identity::UnixMillis;
use crate::net::wall_clock;
use crate::node::{Event, StreamSpec};
use crate::sdk::{DataDir, Notice, Peer, PeerConfig};
use crate::store::{Reading, Row};

/// Lines that wait to be published. Beyond it, standard input waits.
const LINES_MAX: usize = 256;

pub(super) fn run(args: Run) -> anyhow::Result<()> {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().context("cannot start")?;
    runtime.block_on(run_peer(args))
}

async fn run_peer(args: Run) -> anyhow::Result<()> {
    let as_json = args.place.json;
    // A mistyped directory must not become a new identity.
    DataDir::at(&args.place.data_dir).identity()?;
    let mut config = PeerConfig::new(&args.place.data_dir)?.listen(args.listen);
    for contact in &args.contact {
        config = match contact.peer {
            Some(peer) => config.contact_peer(contact.address, peer),
            None => config.contact(contact.address),
        };
    }
    if args.leaf {
        config = config.interest(Interest::none());
    }
    let peer = Peer::open(config).await?;
    let mut events = peer.subscribe();
    say(&match as_json {
        true => json!({ "listening": peer.address().to_string(), "peer": peer.id().to_string() }).to_string(),
        false => format!("{} listens on {}", peer.id().short(), peer.address()),
    });
    // A task of its own: a disk that does not acknowledge must not keep the peer from being stopped.
    let mut publishing = JoinSet::new();
    if let Some(stream) = &args.publish {
        publishing.spawn(publish_lines(peer.clone(), spec(stream, &args.unit)?, read_lines()?, as_json));
    }
    let ended = loop {
        tokio::select! {
            stop = tokio::signal::ctrl_c() => break stop.context("cannot wait for Ctrl-C"),
            notice = events.next() => match notice {
                Some(Notice::Event(event)) => show(&event, args.tail, as_json),
                Some(Notice::Missed(missed)) => {
                    eprintln!("msec: {missed} events were not shown; `msec query` finds the readings");
                }
                None => break Ok(()),
            },
            Some(published) = publishing.join_next() => {
                if let Err(error) = published.context("publishing broke off").and_then(|published| published) {
                    break Err(error);
                }
            }
        }
    };
    publishing.abort_all();
    peer.close().await;
    ended
}

fn spec(stream: &StreamArg, unit: &str) -> anyhow::Result<StreamSpec> {
    Ok(StreamSpec::new(&stream.collection, &stream.stream)?.unit(unit))
}

/// Standard input, line by line, from a thread: a terminal cannot be waited for otherwise.
fn read_lines() -> anyhow::Result<mpsc::Receiver<String>> {
    let (sender, receiver) = mpsc::channel(LINES_MAX);
    let read = move || {
        for line in std::io::stdin().lock().lines().map_while(Result::ok) {
            if sender.blocking_send(line).is_err() {
                return;
            }
        }
    };
    std::thread::Builder::new().name("stdin".into()).spawn(read).context("cannot read standard input")?;
    Ok(receiver)
}

/// Publishes line after line, until standard input ends.
async fn publish_lines(
    peer: Peer,
    stream: StreamSpec,
    mut lines: mpsc::Receiver<String>,
    as_json: bool,
) -> anyhow::Result<()> {
    while let Some(line) = lines.recv().await {
        publish(&peer, &stream, &line, as_json).await?;
    }
    Ok(())
}

async fn publish(peer: &Peer, stream: &StreamSpec, line: &str, as_json: bool) -> anyhow::Result<()> {
    let reading = match parse(line) {
        Ok(Some(reading)) => reading,
        Ok(None) => return Ok(()),
        Err(error) => {
            eprintln!("msec: {error}");
            return Ok(());
        }
    };
    let receipt = peer.publish(stream, &[reading]).await?;
    say(&match as_json {
        true => json!({ "published": { "log": receipt.log.to_string(), "position": receipt.position } })
            .to_string(),
        false => {
            format!("published {} as entry {} of {}", reading.value, receipt.position, receipt.log.short())
        }
    });
    Ok(())
}

/// `VALUE` or `UNIX_MILLISECONDS VALUE`; an empty line is nothing.
fn parse(line: &str) -> Result<Option<Reading>, String> {
    let wrong = || format!("`{line}` is not a reading: write VALUE, or UNIX_MILLISECONDS VALUE");
    let mut words = line.split_whitespace();
    let (time, value) = match (words.next(), words.next(), words.next()) {
        (None, ..) => return Ok(None),
        (Some(value), None, _) => (wall_clock(), value),
        (Some(time), Some(value), None) => (UnixMillis(time.parse().map_err(|_| wrong())?), value),
        _ => return Err(wrong()),
    };
    Ok(Some(Reading::new(time, value.parse().map_err(|_| wrong())?)))
}

fn show(event: &Event, tail: bool, as_json: bool) {
    match event {
        Event::Verified { log, header, position, readings } if tail => {
            for reading in readings {
                say(&line(&Row::of(header, *log, *position, *reading), as_json));
            }
        }
        Event::NeighbourUp { peer } if as_json => {
            say(&json!({ "neighbour_up": peer.to_string() }).to_string())
        }
        Event::NeighbourDown { peer } if as_json => {
            say(&json!({ "neighbour_down": peer.to_string() }).to_string())
        }
        Event::NeighbourUp { peer } => eprintln!("msec: linked with {}", peer.short()),
        Event::NeighbourDown { peer } => eprintln!("msec: {} is gone", peer.short()),
        Event::Refused(refused) => {
            let who = refused.peer.map_or_else(|| "somebody".to_owned(), |peer| peer.short());
            eprintln!("msec: refused {who}: {}", refused.detail);
        }
        Event::NewIncarnation { stream, .. } => {
            eprintln!(
                "msec: {}/{} goes on in a new log: entries of the old one are missing here",
                stream.collection, stream.stream
            );
        }
        Event::StorageFailing => {
            eprintln!("msec: the disk refuses to write; what waits is kept and tried again")
        }
        Event::StorageRecovered => eprintln!("msec: the disk writes again"),
        Event::ClockUnset { .. } => {
            eprintln!(
                "msec: the clock shows a time before 2020: entries are marked as unsynchronised until it is set"
            );
        }
        Event::Verified { .. } | Event::Stored { .. } => {}
    }
}

/// Prints a line at once: whoever reads it may be waiting.
fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    // Nobody may be reading any more.
    let _ = writeln!(out, "{line}").and_then(|()| out.flush());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_readings_or_say_what_is_wrong() {
        assert_eq!(parse("17 48.5"), Ok(Some(Reading::new(UnixMillis(17), 48.5))));
        assert_eq!(parse("  "), Ok(None));
        assert!(parse("1 2 3").is_err());
        assert!(parse("warm").is_err_and(|e| e.contains("UNIX_MILLISECONDS VALUE")));
    }
}
