//! Publishing readings: what was given, or what comes on standard input.

use std::io::{BufRead, IsTerminal, Read};
use std::time::Duration;

use anyhow::Context;
use serde_json::json;
use tokio::sync::mpsc;

use super::args::Publish;
use super::ask::{REFUSED, runtime};
use super::line::{Unsaid, reading};
use super::show::say;
use super::values::{PlaceArg, StreamArg};
use crate::control::{Answer, ReadingLine, Request, Session, StreamLine};
use crate::net::wall_clock;

/// Lines that wait to be published. Beyond it, standard input waits.
const LINES_MAX: usize = 256;
/// The longest line. A longer one is cut, and what is cut counts as a line of its own.
const LINE_BYTES_MAX: u64 = 4 * 1024;
/// The pause before a reading is published again that there was no room for.
const TRY_AGAIN_EVERY: Duration = Duration::from_secs(1);

pub(super) fn publish(args: &Publish) -> anyhow::Result<()> {
    runtime()?.block_on(async {
        let mut session = Session::open(&args.home.dir()).await?;
        if !session.is_running() && !args.home.json {
            eprintln!("msec: no peer runs here: neighbours get it when one does");
        }
        let degrees = |PlaceArg(latitude, longitude)| (latitude, longitude);
        let place = args.place.map(degrees);
        let unsaid = Unsaid { quality: args.quality, place: args.at.map(degrees) };
        let stream = stream_line(&args.stream, args.unit.as_deref(), place);
        let published = if args.values.is_empty() {
            publish_lines(&mut session, &stream, unsaid, args.home.json).await.and_then(|wrong| {
                anyhow::ensure!(wrong == 0, "{wrong} lines were no readings, and were left out");
                Ok(())
            })
        } else {
            publish_values(&mut session, &stream, &args.values, unsaid, args.home.json).await
        };
        if published.is_ok() && session.is_running() && !args.home.json && is_refused(&mut session).await? {
            eprintln!("msec: it is on disk here, and goes nowhere: {REFUSED}");
        }
        session.close().await;
        published
    })
}

/// Whether neighbours refuse the peer, and it is linked with none.
async fn is_refused(session: &mut Session) -> anyhow::Result<bool> {
    session.ask(&Request::Status).await?;
    let mut refused = false;
    while let Some(answer) = session.next().await? {
        refused |= matches!(answer, Answer::Status(status) if status.refused);
    }
    Ok(refused)
}

pub(super) fn stream_line(stream: &StreamArg, unit: Option<&str>, place: Option<(f64, f64)>) -> StreamLine {
    let StreamArg { collection, stream } = stream.clone();
    StreamLine { collection, stream, unit: unit.map(str::to_owned), place }
}

async fn publish_values(
    session: &mut Session,
    stream: &StreamLine,
    values: &[f64],
    unsaid: Unsaid,
    as_json: bool,
) -> anyhow::Result<()> {
    if let Some(value) = values.iter().find(|value| !value.is_finite()) {
        anyhow::bail!("`{value}` is not a finite number: leave it out where nothing was measured");
    }
    for &value in values {
        publish_one(session, stream, unsaid.reading(None, value), as_json).await?;
    }
    Ok(())
}

/// Publishes line after line, until standard input ends. Returns how many lines were no readings.
pub(super) async fn publish_lines(
    session: &mut Session,
    stream: &StreamLine,
    unsaid: Unsaid,
    as_json: bool,
) -> anyhow::Result<u64> {
    if std::io::stdin().is_terminal() {
        eprintln!("msec: write a value a line; Ctrl-D ends it");
    }
    let (mut lines, mut wrong) = (read_lines()?, 0);
    while let Some(line) = lines.recv().await {
        match reading(&line, unsaid) {
            Ok(Some(reading)) => publish_one(session, stream, reading, as_json).await?,
            Ok(None) => {}
            Err(error) => {
                wrong += 1;
                eprintln!("msec: {error}");
            }
        }
    }
    Ok(wrong)
}

async fn publish_one(
    session: &mut Session,
    stream: &StreamLine,
    reading: ReadingLine,
    as_json: bool,
) -> anyhow::Result<()> {
    // The time is when it was measured, however long the disk takes.
    let reading = ReadingLine { time: Some(reading.time.unwrap_or_else(wall_clock)), ..reading };
    let mut told = false;
    loop {
        session.ask(&Request::Publish { stream: stream.clone(), readings: vec![reading] }).await?;
        let mut again = false;
        while let Some(answer) = session.next().await? {
            match answer {
                Answer::Published { log, position } => say(match as_json {
                    true => json!({ "published": { "log": log, "position": position } }).to_string(),
                    false => format!("published {} as entry {position} of {}", reading.value, log.short()),
                }),
                Answer::TryAgain(why) => {
                    again = true;
                    if !std::mem::replace(&mut told, true) {
                        eprintln!("msec: not published yet: {why}");
                    }
                }
                _ => {}
            }
        }
        if !again {
            return Ok(());
        }
        tokio::time::sleep(TRY_AGAIN_EVERY).await;
    }
}

/// Standard input, line by line, from a thread: a terminal cannot be waited for otherwise.
fn read_lines() -> anyhow::Result<mpsc::Receiver<String>> {
    let (sender, receiver) = mpsc::channel(LINES_MAX);
    let read = move || {
        let mut input = std::io::stdin().lock();
        loop {
            let mut line = Vec::new();
            match (&mut input).take(LINE_BYTES_MAX).read_until(b'\n', &mut line) {
                // What is no text is no reading either, and is said to be none.
                Ok(1..) => match sender.blocking_send(String::from_utf8_lossy(&line).trim_end().to_owned()) {
                    Ok(()) => {}
                    Err(_) => return,
                },
                Ok(0) | Err(_) => return,
            }
        }
    };
    std::thread::Builder::new().name("stdin".into()).spawn(read).context("cannot read standard input")?;
    Ok(receiver)
}
