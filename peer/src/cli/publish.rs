//! Publishing readings: what was given, or what comes on standard input.

use std::io::{BufRead, IsTerminal};

use anyhow::Context;
use serde_json::json;
use tokio::sync::mpsc;

use super::args::Publish;
use super::ask::runtime;
use super::show::say;
use super::values::{PlaceArg, StreamArg, reading};
use crate::control::{Answer, ReadingLine, Request, Session, StreamLine};
use crate::sdk::DataDir;

/// Lines that wait to be published. Beyond it, standard input waits.
const LINES_MAX: usize = 256;

pub(super) fn publish(args: &Publish) -> anyhow::Result<()> {
    runtime()?.block_on(async {
        let mut session = Session::open(&DataDir::at(&args.home.data_dir)).await?;
        if !session.is_running() && !args.home.json {
            eprintln!("msec: no peer runs here: neighbours get it when one does");
        }
        let place = args.place.map(|PlaceArg(latitude, longitude)| (latitude, longitude));
        let stream = stream_line(&args.stream, &args.unit, place);
        let published = if args.values.is_empty() {
            publish_lines(&mut session, &stream, args.home.json).await
        } else {
            publish_values(&mut session, &stream, &args.values, args.home.json).await
        };
        session.close().await;
        published
    })
}

pub(super) fn stream_line(stream: &StreamArg, unit: &str, place: Option<(f64, f64)>) -> StreamLine {
    let StreamArg { collection, stream } = stream.clone();
    StreamLine { collection, stream, unit: unit.to_owned(), place }
}

async fn publish_values(
    session: &mut Session,
    stream: &StreamLine,
    values: &[f64],
    as_json: bool,
) -> anyhow::Result<()> {
    if let Some(value) = values.iter().find(|value| !value.is_finite()) {
        anyhow::bail!("`{value}` is not a finite number: leave it out where nothing was measured");
    }
    for &value in values {
        publish_one(session, stream, ReadingLine { time: None, value }, as_json).await?;
    }
    Ok(())
}

/// Publishes line after line, until standard input ends.
pub(super) async fn publish_lines(
    session: &mut Session,
    stream: &StreamLine,
    as_json: bool,
) -> anyhow::Result<()> {
    if std::io::stdin().is_terminal() {
        eprintln!("msec: write a value a line; Ctrl-D ends it");
    }
    let mut lines = read_lines()?;
    while let Some(line) = lines.recv().await {
        match reading(&line) {
            Ok(Some(reading)) => publish_one(session, stream, reading, as_json).await?,
            Ok(None) => {}
            Err(error) => eprintln!("msec: {error}"),
        }
    }
    Ok(())
}

async fn publish_one(
    session: &mut Session,
    stream: &StreamLine,
    reading: ReadingLine,
    as_json: bool,
) -> anyhow::Result<()> {
    session.ask(&Request::Publish { stream: stream.clone(), readings: vec![reading] }).await?;
    while let Some(answer) = session.next().await? {
        if let Answer::Published { log, position } = answer {
            say(match as_json {
                true => json!({ "published": { "log": log, "position": position } }).to_string(),
                false => format!("published {} as entry {position} of {}", reading.value, log.short()),
            });
        }
    }
    Ok(())
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
