//! A peer that runs until it is told to stop.

use std::pin::pin;

use anyhow::Context;
use msec_identity::CollectionPath;
use serde_json::json;

use super::args::Run;
use super::line::Unsaid;
use super::publish::{publish_lines, stream_line};
use super::show::{forked, lease, row, say};
use super::signal::Signal;
use super::values::NearArg;
use crate::control::{Control, Near, RowLine, Session};
use crate::gossip::{Interest, InterestError};
use crate::net::{Throttle, wall_clock};
use crate::node::Event;
#[cfg(feature = "index")]
use crate::sdk::{Claims, Keep};
use crate::sdk::{Notice, Peer, PeerConfig};

/// Lines about what was refused that are shown in a minute. Further ones are counted.
const REFUSALS_PER_MINUTE: u32 = 20;

const CLOCK_UNSET: &str = "msec: the clock is not set: it shows a time before 2020, or no time server has answered since this \
                           machine started. Entries are marked as unsynchronised until it is";

pub(super) fn run(args: Run) -> anyhow::Result<()> {
    // The peer has a thread of its own: whoever does not read what is printed stops nothing else.
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
    runtime.context("cannot start")?.block_on(run_peer(args))
}

async fn run_peer(args: Run) -> anyhow::Result<()> {
    let as_json = args.place.json;
    let mut signal = Signal::listen()?;
    // A mistyped directory must not become a new identity.
    let dir = args.place.dir();
    dir.inhabited()?;
    let mut config = PeerConfig::of(dir.clone())?.listen(args.listen).mdns(!args.no_mdns);
    for contact in &args.contact {
        config = contact.add_to(config);
    }
    #[cfg(feature = "iroh")]
    if let Some(address) = args.iroh {
        config = config.listen_iroh(address);
    }
    if args.leaf {
        config = config.interest(Interest::none()).leaf();
    }
    if let Some(interest) = interest(&args)? {
        config = config.interest(interest);
    }
    for address in &args.advertise {
        config = config.advertise(*address);
    }
    #[cfg(feature = "index")]
    if !args.claims.is_empty() {
        let (collections, of_others) = (args.claims.clone(), !args.leaf);
        config = config.claims(Claims { collections, of_others, ..Claims::default() });
    }
    #[cfg(feature = "index")]
    {
        let rules = args.keep.into_iter().map(|it| it.0).collect();
        config = config.keep(Keep { rules, copies: args.copies, ..Keep::default() });
        config = args.lease.into_iter().fold(config, PeerConfig::lease);
    }
    config = args.thrifty.into_iter().fold(config, PeerConfig::thrifty);
    let peer = Peer::open(config).await?;
    let control = Control::start(&peer, &dir).context("cannot take commands in the data directory")?;
    let mut events = peer.subscribe();
    let mut refusals = Throttle::new(REFUSALS_PER_MINUTE);
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
    // What was said while it opened, before anybody could listen.
    let mut clock_told = !peer.status().await?.clock_set;
    if clock_told {
        eprintln!("{CLOCK_UNSET}");
    }
    let published = args
        .publish
        .as_ref()
        .map(|stream| (Session::with(peer.clone()), stream_line(stream, args.unit.as_deref(), None)));
    let publishing = async move {
        if let Some((mut session, stream)) = published {
            publish_lines(&mut session, &stream, Unsaid::default(), as_json).await?;
        }
        // Standard input has ended; the peer has not.
        std::future::pending::<anyhow::Result<()>>().await
    };
    let mut publishing = pin!(publishing);
    let ended = loop {
        tokio::select! {
            () = signal.wait() => break Ok(()),
            notice = events.next() => match notice {
                Some(Notice::Event(Event::ClockUnset { .. })) if std::mem::take(&mut clock_told) => {}
                #[cfg(feature = "index")]
                Some(Notice::Event(Event::Sealed { log, from, end, .. })) if args.tail => {
                    for it in peer.unsealed(log, from..end).await.unwrap_or_default() {
                        say(row(&RowLine::from(&it), as_json));
                    }
                }
                Some(Notice::Event(event)) => show(&event, args.tail, as_json, &mut refusals),
                Some(Notice::Missed(missed)) => {
                    eprintln!("msec: {missed} events were not shown; `msec query` finds the readings");
                }
                None => break Ok(()),
            },
            published = &mut publishing => break published,
        }
    };
    drop(control);
    peer.close().await;
    ended
}

/// What is to be held, if any flag says so.
fn interest(args: &Run) -> Result<Option<Interest>, InterestError> {
    if args.interest.is_empty() && args.near.is_none() && args.since.is_none() {
        return Ok(None);
    }
    let mut interest = match &args.interest[..] {
        [] => Interest::all(),
        prefixes => Interest::of(prefixes.iter().map(CollectionPath::as_str))?,
    };
    if let Some(NearArg(Near { latitude, longitude, radius_m })) = args.near {
        interest = interest.near(latitude, longitude, radius_m)?;
    }
    if let Some(since) = args.since {
        interest = interest.since(since.from(wall_clock()));
    }
    Ok(Some(interest))
}

fn show(event: &Event, tail: bool, as_json: bool, refusals: &mut Throttle) {
    match event {
        Event::Verified(measured) if tail => {
            measured.rows().for_each(|it| say(row(&RowLine::from(&it), as_json)));
        }
        Event::NeighbourUp { peer } if as_json => say(json!({ "neighbour_up": peer })),
        Event::NeighbourDown { peer } if as_json => say(json!({ "neighbour_down": peer })),
        Event::NeighbourUp { peer } => eprintln!("msec: linked with {}", peer.short()),
        Event::NeighbourDown { peer } => eprintln!("msec: {} is gone", peer.short()),
        Event::Refused(refused) => {
            let Some(held_back) = refusals.pass() else { return };
            if held_back > 0 {
                eprintln!("msec: {held_back} more were refused, or failed, and are not shown");
            }
            match refused.peer {
                Some(peer) => eprintln!("msec: refused {}: {}", peer.short(), refused.detail),
                None => eprintln!("msec: a link failed: {}", refused.detail),
            }
        }
        Event::NewIncarnation { stream, .. } => {
            eprintln!(
                "msec: {}/{} goes on in a new log: entries of the old one are missing here",
                stream.collection, stream.stream
            );
        }
        Event::Contested { fork } => eprintln!("msec: {}", forked(fork)),
        Event::StorageFailing => {
            eprintln!(
                "msec: the disk refuses to write; what waits is kept and tried again: free some space, or, if a sync has failed, start the peer again"
            )
        }
        Event::StorageRecovered => eprintln!("msec: the disk writes again"),
        Event::ClockUnset { .. } => {
            eprintln!("{CLOCK_UNSET}");
        }
        Event::Lease { class, freshness } => eprintln!("msec: {}", lease(*class, *freshness)),
        // Whoever gave out the code is told.
        Event::Pairing { .. } | Event::PairingEnded { .. } | Event::WalkUp { .. } => {}
        Event::Verified(_)
        | Event::Written(_)
        | Event::Changed { .. }
        | Event::Sealed { .. }
        | Event::Stored { .. } => {}
    }
}
