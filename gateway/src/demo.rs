//! A small city on one machine: 3 gateways, 21 sensors and a citizen, each a peer with its own identity, its own store on
//! disk and its own QUIC socket on loopback. Nothing but QUIC is shared between them.
//!
//! | module | what it does |
//! |---|---|
//! | `auckland` | a month of real pedestrian counts |
//! | `city` | founds the space, opens the 25 peers, links them |
//! | `feed` | lets the sensors publish, hour by hour, sped up |
//! | `ledger` | the observer's notebook: what was published and who verified it when |
//! | `plant` | a stranger, a tampered entry and a forged head, all of which must be refused |
//! | `summary` | what it came to, as text and as JSON |
//!
//! The observer stands outside: it subscribes to the peers as any app would, and hands nothing from one to another.
#![allow(clippy::disallowed_methods, reason = "an observer with a stop-watch")]

pub mod auckland;
mod city;
mod feed;
mod ledger;
mod plant;
mod progress;
mod summary;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context;
use tokio::sync::watch;

use crate::web::{self, Board, State};
use city::City;
use feed::Pace;
use ledger::Ledger;
use progress::Progress;
use summary::Summary;

/// How long what is under way has to arrive after the last reading was published.
pub const DRAIN: Duration = Duration::from_secs(15);
/// How long readings may take from verified to stored before they are counted again.
const COUNT_AGAIN: Duration = Duration::from_millis(50);

/// How the demo is run.
#[derive(Debug)]
pub struct Options {
    /// How many seconds the sensors publish.
    pub seconds: u32,
    /// City seconds in a second; `None`: as many as let the month pass.
    pub speed: Option<f64>,
    /// Where the peers live; `None`: in a temporary directory.
    pub data_dir: Option<PathBuf>,
    /// Where the page is served.
    pub listen: SocketAddr,
    /// Whether the last line is a JSON object.
    pub json: bool,
}

/// Runs the demo. `true`: nothing was lost, and what was refused is what was planted.
pub fn run(options: Options) -> anyhow::Result<bool> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().context("cannot start")?;
    let done = runtime.block_on(run_city(&options));
    // Whatever still looks at the page is let go.
    runtime.shutdown_timeout(Duration::from_secs(1));
    let summary = done?;
    println!("{summary}");
    if options.json {
        println!("{}", summary.to_json());
    }
    Ok(summary.is_good())
}

async fn run_city(options: &Options) -> anyhow::Result<Summary> {
    let data = auckland::load()?;
    let listener = web::bind(options.listen).await?;
    let page = listener.local_addr().context("the page has no address")?;

    // Removed when it is dropped, also after Ctrl-C.
    let mut temporary = None;
    let dir = match &options.data_dir {
        Some(dir) => dir.clone(),
        None => temporary
            .insert(tempfile::tempdir().context("cannot make a temporary directory")?)
            .path()
            .to_owned(),
    };
    let city = City::open(&dir, &data.places)
        .await
        .with_context(|| format!("cannot open the city in {}", dir.display()))?;
    let board = Board::new("Auckland, one month of pedestrians", data.places.clone())
        .in_zone(auckland::ZONE)
        .adding_up()
        .credited_to(auckland::ATTRIBUTION);
    let (stop, stopped) = watch::channel(false);
    let server = tokio::spawn(web::serve(listener, board.clone(), None, wait_for(stopped.clone())));
    eprintln!("The city is open. Look at it: http://{page}");

    let ledger = Arc::new(Ledger::new(city.sensor_ids()));
    let observers = city.observe(&ledger, &board);
    city.linked().await?;

    let started = Instant::now();
    let pace = Pace::new(&data, options.speed, Duration::from_secs(options.seconds.into()), started);
    let progress = Progress::new(&board, &ledger, pace.clone(), city.peers());
    let (halt, halted) = watch::channel(false);
    let ticker = tokio::spawn(progress.clone().tick(stopped.clone()));
    let attacks = tokio::spawn(plant::plant(city.victims(), pace.clone(), ledger.clone(), halted.clone()));
    let feeds = feed::start(&city, Arc::new(data), &pace, &ledger, &halted);

    tokio::select! {
        () = feed::finished(feeds) => {}
        _ = tokio::signal::ctrl_c() => eprintln!("\nStopping; what is under way arrives first."),
    }
    halt.send_replace(true);
    // An attack that is under way is seen through, so that what was planted is known.
    let planted = attacks.await.context("the attacks broke off")?;
    progress.state(State::Draining);
    let replicated = drain(&city, &ledger, planted).await?;
    let summary = Summary::new(&ledger, city.peers(), replicated, planted, started.elapsed());
    progress.finish(&summary);
    // The page shows the end before it goes.
    tokio::time::sleep(web::UPDATE_EVERY * 2).await;
    stop.send_replace(true);
    city.close().await;
    for observer in observers {
        observer.await.context("an observer broke off")?;
    }
    ticker.await.context("the progress broke off")?;
    server.await.context("the page broke off")??;
    Ok(summary)
}

/// Waits until everything that was published is verified by all readers and on their disks, and what was planted is
/// refused. Returns how many readings are on the disks.
async fn drain(city: &City, ledger: &Ledger, planted: usize) -> anyhow::Result<usize> {
    let deadline = Instant::now() + DRAIN;
    while Instant::now() < deadline && (ledger.lost() > 0 || ledger.refused().len() < planted) {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    loop {
        let replicated = city.count_stored(ledger).await?;
        if Instant::now() >= deadline || replicated == ledger.counts().published {
            return Ok(replicated);
        }
        tokio::time::sleep(COUNT_AGAIN).await;
    }
}

async fn wait_for(mut stopped: watch::Receiver<bool>) {
    // An error means that the sender is gone, which is as good as being told.
    let _ = stopped.wait_for(|stop| *stop).await;
}
