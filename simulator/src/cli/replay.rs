//! `msec-sim replay`.

use std::cell::RefCell;
use std::io::{BufWriter, Write};
use std::process::ExitCode;
use std::rc::Rc;
use std::time::Duration;

use anyhow::Context;
use msec_peer::node::{Event, Input, Output};

use super::args::{Which, seconds};
use super::usage;
use crate::peer::PeerIndex;
use crate::run::{City, Options};
use crate::world::Seen;

pub(super) const EXAMPLES: &str = "Examples:
  msec-sim replay town --seed 3 --until 10 --trace 7
  msec-sim replay santander --seed 7 --from 590 --until 600 --trace buses-4
  msec-sim replay failed.toml --seed 41 --until 80 --trace gateways-0 | less";

#[derive(Debug, clap::Args)]
pub(super) struct ReplayArgs {
    #[command(flatten)]
    which: Which,
    /// The seed of the run that is to be seen again
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// The peer whose eyes to see through: its number, or its population and its place in it, as in buses-4
    #[arg(long, value_name = "PEER")]
    trace: String,
    /// Say nothing of what happens before that virtual second
    #[arg(long, value_name = "SECONDS", default_value = "0", value_parser = seconds)]
    from: Duration,
    /// Stop at that virtual second; default: the run's end
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    until: Option<Duration>,
}

pub(super) fn run(args: ReplayArgs) -> anyhow::Result<ExitCode> {
    let scenario = args.which.load()?;
    let end = args.until.unwrap_or(scenario.end()).min(scenario.end());
    let mut city = City::planned(scenario, Options::seed(args.seed))?;
    let peer = find(&city, &args.trace)?;
    let out = Rc::new(RefCell::new(BufWriter::new(std::io::stdout().lock())));
    let (lines, from) = (out.clone(), args.from);
    let failed = Rc::new(RefCell::new(None));
    let fail = failed.clone();
    city.world.trace(
        peer,
        Box::new(move |time, seen| {
            if time >= from && fail.borrow().is_none() {
                let written = writeln!(lines.borrow_mut(), "{:>12.6}  {}", time.as_secs_f64(), line(seen));
                *fail.borrow_mut() = written.err();
            }
        }),
    );
    // In steps, so that a reader who has seen enough ends it.
    while city.world.time() < end && failed.borrow().is_none() {
        city.run_until((city.world.time() + Duration::from_secs(1)).min(end))?;
    }
    let written = failed
        .borrow_mut()
        .take()
        .map_or(Ok(()), Err)
        .and_then(|()| state(&city, peer, &mut *out.borrow_mut()));
    match written {
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(ExitCode::SUCCESS),
        written => written.context("cannot write").map(|()| ExitCode::SUCCESS),
    }
}

/// The peer of that number, or of that population and place.
fn find(city: &City, text: &str) -> anyhow::Result<PeerIndex> {
    let residents = &city.residents;
    let by_number = text.parse().ok().map(PeerIndex).filter(|peer| residents.get(*peer).is_some());
    let name =
        |peer: PeerIndex| residents.get(peer).map(|it| format!("{}-{}", residents.population(it), it.nth));
    let by_name = || residents.iter().map(|(peer, _)| peer).find(|peer| name(*peer).as_deref() == Some(text));
    by_number.or_else(by_name).ok_or_else(|| {
        let count = residents.iter().count();
        usage(format!(
            "there is no peer {text:?}: there are 0 to {}, or by name such as {}",
            count - 1,
            name(PeerIndex(0)).unwrap_or_default()
        ))
    })
}

/// One line about what happened.
fn line(seen: Seen<'_>) -> String {
    match seen {
        Seen::Input(input) => format!("<- {}", input_line(input)),
        Seen::Output(output) => format!("   -> {}", output_line(output)),
    }
}

fn input_line(input: &Input) -> String {
    match input {
        Input::LinkUp { link, dialled: Some(address), .. } => {
            format!("link {} up, dialled {address}", link.0)
        }
        Input::LinkUp { link, dialled: None, .. } => format!("link {} up, somebody dialled", link.0),
        Input::LinkDown { link, why } => format!("link {} down, {why:?}", link.0),
        Input::Moved { advertise, .. } => format!("is at {advertise:?}"),
        Input::Clock(clock) => format!("the system says of its clock: {clock:?}"),
        Input::Discovered { address } => format!("discovered {address}"),
        Input::DialFailed { address, why } => format!("no link to {address}, {why:?}"),
        Input::Received { link, bytes } => format!("link {}: {} bytes", link.0, bytes.len()),
        Input::Shed { link, priority, .. } => {
            format!("link {}: no room, a message ({priority:?}) was dropped", link.0)
        }
        Input::Publish { stream, .. } => {
            format!("publish in {}/{}", stream.name.collection.as_str(), stream.name.stream)
        }
        Input::Seal { collection, .. } => format!("seal {}", collection.as_str()),
        Input::OpenLog { stream, .. } => {
            format!("open {}/{}", stream.name.collection.as_str(), stream.name.stream)
        }
        Input::Durable { through } => format!("commit {through} is on disk"),
        Input::Contested { log } => format!("the evidence that log {log} was forked is on disk"),
        Input::Bounded { log, fits, .. } => format!("log {log} counts up to its bound: {fits}"),
        Input::Erased { entries, done: true, .. } => {
            format!("{} stretches of entries were erased", entries.len())
        }
        Input::Erased { .. } => "what was to be erased was not".into(),
        Input::CommitFailed { seq } => format!("commit {seq} failed"),
        Input::ReadDone { chunk, .. } => {
            format!(
                "read {}",
                chunk.as_ref().map_or("nothing".into(), |c| format!("{} bytes", c.bytes.len()))
            )
        }
        Input::WalkUpDecision { link, decision } => match decision {
            Ok(_) => format!("link {}: the visitor is let in", link.0),
            Err(refusal) => format!("link {}: the visitor is not let in, {refusal}", link.0),
        },
        Input::PairingDecision { link, welcome } => match welcome {
            Some(_) => format!("link {}: let in", link.0),
            None => format!("link {}: not let in", link.0),
        },
        Input::Timeout => "woken".into(),
    }
}

fn output_line(output: &Output) -> String {
    match output {
        Output::Dial { address } => format!("dial {address}"),
        Output::Send { link, priority, bytes } => {
            format!("link {}: send {} bytes, {priority:?}", link.0, bytes.len())
        }
        Output::Admitted { link } => format!("link {}: admitted", link.0),
        Output::Close { link, reason } => format!("link {}: close, {reason:?}", link.0),
        Output::Commit { seq, runs } => format!("commit {seq}: {} runs", runs.len()),
        Output::Contest { fork } => format!("keep the evidence that log {} was forked", fork.log()),
        Output::Bound { log, bound } => match bound {
            Some(bound) => format!("of log {log} {} entries count", bound.size),
            None => format!("all of log {log} counts"),
        },
        Output::Erase { order } => format!("erase {} stretches of entries", order.entries.len()),
        Output::Keep { note } => format!("keep a note of {} bytes", note.len()),
        Output::Read { log, from, .. } => format!("read log {log} from {from} on"),
        Output::Published { result, .. } => match result {
            Ok(receipt) => format!("published: entry {} of log {}", receipt.position, receipt.log),
            Err(error) => format!("not published: {error}"),
        },
        Output::Event(Event::Verified(it)) => {
            format!("verified entry {} of log {}: {} readings", it.position, it.log, it.readings.len())
        }
        Output::Event(Event::Written(it)) => format!("written entry {} of log {}", it.position, it.log),
        Output::Event(event) => format!("event {event:?}"),
    }
}

/// What the peer has come to.
fn state(city: &City, peer: PeerIndex, out: &mut impl Write) -> std::io::Result<()> {
    let world = &city.world;
    let Some(node) = world.node(peer) else {
        writeln!(out, "at {:.3} s peer {peer} is down, or has not come yet", world.time().as_secs_f64())?;
        return out.flush();
    };
    let (logs, neighbours) = (world.frontier(peer).len(), node.neighbours().count());
    let at = world.time().as_secs_f64();
    writeln!(
        out,
        "at {at:.3} s peer {peer} ({}) holds {logs} logs and has {neighbours} neighbours",
        node.peer()
    )?;
    writeln!(out, "gossip: {:?}", node.gossip_stats())?;
    out.flush()
}
