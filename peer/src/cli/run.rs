//! A peer that runs until it is told to stop.

use anyhow::Context;
use serde_json::json;
use tokio::task::JoinSet;

use super::args::Run;
use super::ask::runtime;
use super::publish::{publish_lines, stream_line};
use super::show::{row, say};
use super::signal::Signal;
use crate::control::{Control, RowLine, Session};
use crate::gossip::Interest;
use crate::node::Event;
use crate::sdk::{DataDir, Notice, Peer, PeerConfig};

pub(super) fn run(args: Run) -> anyhow::Result<()> {
    runtime()?.block_on(run_peer(args))
}

async fn run_peer(args: Run) -> anyhow::Result<()> {
    let as_json = args.place.json;
    let mut signal = Signal::listen()?;
    // A mistyped directory must not become a new identity.
    let dir = DataDir::at(&args.place.data_dir);
    dir.identity()?;
    let mut config = PeerConfig::new(dir.path())?.listen(args.listen).mdns(!args.no_mdns);
    for contact in &args.contact {
        config = contact.add_to(config);
    }
    #[cfg(feature = "iroh")]
    if let Some(address) = args.iroh {
        config = config.listen_iroh(address);
    }
    if args.leaf {
        config = config.interest(Interest::none());
    }
    let peer = Peer::open(config).await?;
    let control = Control::start(&peer, &dir).context("cannot take commands in the data directory")?;
    let mut events = peer.subscribe();
    say(match as_json {
        true => json!({ "listening": peer.address(), "peer": peer.id() }).to_string(),
        false => format!("{} listens on {}", peer.id().short(), peer.address()),
    });
    #[cfg(feature = "iroh")]
    if let Some(address) = peer.iroh_address() {
        say(match as_json {
            true => json!({ "listening_iroh": address.to_string() }).to_string(),
            false => format!("{} listens on {address}", peer.id().short()),
        });
    }
    // A task of its own: a disk that does not acknowledge must not keep the peer from being stopped.
    let mut publishing = JoinSet::new();
    if let Some(stream) = &args.publish {
        let (mut session, stream) = (Session::with(peer.clone()), stream_line(stream, &args.unit, None));
        publishing.spawn(async move { publish_lines(&mut session, &stream, as_json).await });
    }
    let ended = loop {
        tokio::select! {
            () = signal.wait() => break Ok(()),
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
    drop(control);
    peer.close().await;
    ended
}

fn show(event: &Event, tail: bool, as_json: bool) {
    match event {
        Event::Verified(measured) if tail => {
            measured.rows().for_each(|it| say(row(&RowLine::from(&it), as_json)));
        }
        Event::NeighbourUp { peer } if as_json => say(json!({ "neighbour_up": peer })),
        Event::NeighbourDown { peer } if as_json => say(json!({ "neighbour_down": peer })),
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
        Event::Verified(_) | Event::Written(_) | Event::Changed { .. } | Event::Stored { .. } => {}
    }
}
