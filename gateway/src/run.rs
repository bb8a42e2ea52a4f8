//! The gateway as it runs: a peer, what devices send it, and the page that shows what is verified.
//!
//! | module | what it does |
//! |---|---|
//! | `show` | puts readings on the page: what the store held, what others write, what devices send |

mod show;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, anyhow};
use msec_peer::cli::{Signal, Unlock};
use msec_peer::control::Control;
use msec_peer::identity::{PeerId, Right};
use msec_peer::{BindError, Claims, DataDir, Membership, OpenError, Peer, PeerConfig};
use serde_json::json;
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::config::{self, Config, PeerSettings};
use crate::mqtt;
use crate::web::{self, Board, ServeError};
use show::{Show, Told};

/// Threads that carry devices, links and the page. A Raspberry Pi has four cores, and one waits for the disk.
const WORKERS: usize = 2;

/// How the gateway is run.
#[derive(Debug)]
pub struct Options {
    /// Its settings.
    pub config: PathBuf,
    /// Whether what programs read is printed as JSON.
    pub json: bool,
    /// Who says the passphrase, if the key lies under one.
    pub unlock: Unlock,
}

/// Runs the gateway until it is told to stop.
pub fn run(options: &Options) -> anyhow::Result<()> {
    let config = config::load(&options.config)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(WORKERS)
        .enable_all()
        .build()
        .context("cannot start")?;
    let done = runtime.block_on(run_gateway(options, config));
    // Whatever still looks at the page is let go.
    runtime.shutdown_timeout(Duration::from_secs(1));
    done
}

async fn run_gateway(options: &Options, config: Config) -> anyhow::Result<()> {
    let mut signal = Signal::listen()?;
    let file = options.config.display().to_string();
    // First what fails most often, so that nothing has to be undone.
    let page = match config.page.listen {
        Some(address) => Some(web::bind(address).await.map_err(|error| page_error(&file, error))?),
        None => None,
    };
    let devices = match config.mqtt.listen {
        Some(address) => {
            Some(mqtt::bind(address).await.map_err(|source| taken(&file, "mqtt", address, source))?)
        }
        None => None,
    };
    let dir = options.unlock.dir(&config.peer.data_dir);
    // A mistyped directory must not become a new identity.
    dir.inhabited()?;
    let membership = dir.membership()?.ok_or(OpenError::NoSpace)?;
    let peer =
        Peer::open(peer_config(&dir, &config.peer)?).await.map_err(|error| open_error(&file, error))?;
    warn_of_missing_grants(&config, &membership, peer.id());

    // `msec status`, `msec tail` and the like work beside it.
    let control = Control::start(&peer, &dir).context("cannot take commands in the data directory")?;
    let name = membership.manifest().name();
    let board =
        Board::new(if name.is_empty() { "M-Sec mesh" } else { name }, Vec::new()).in_zone(&config.page.zone);
    let (failing, failed) = watch::channel(false);
    let (stop, stopped) = watch::channel(false);
    let show = Arc::new(Show::new(board.clone()));
    // Before the store is read: what comes meanwhile waits.
    let told = Told::of(&peer, show.clone(), failing);
    // It was said while the peer opened, before anybody could listen.
    if !peer.status().await?.clock_set {
        tracing::warn!(
            "the clock is not set: it shows a time before 2020, or no time server has answered since this machine started; \
             entries are marked until it is"
        );
    }
    show.load(&peer).await?;
    let intake = mqtt::Intake::new(config.mqtt.settings, peer.clone(), show.clone(), failed);
    let listeners = (page.as_ref(), devices.as_ref());
    announce(options, &peer, name, listeners, config.page.token.is_some())?;

    let watching = tokio::spawn(told.watch());
    let counting = tokio::spawn(show.count(peer.clone(), intake.clone(), stopped.clone()));
    let invites = config.page.token.map(|token| web::Invites::new(peer.clone(), token));
    let serving = page.map(|page| tokio::spawn(web::serve(page, board, invites, wait_for(stopped.clone()))));
    let taking = devices.map(|devices| tokio::spawn(mqtt::serve(devices, intake, stopped)));

    signal.wait().await;
    stop.send_replace(true);
    // Devices first: what they have under way is still acknowledged.
    if let Some(taking) = taking {
        taking.await.context("taking in what devices send broke off")?;
    }
    drop(control);
    peer.close().await;
    watching.await.context("watching the peer broke off")?;
    counting.await.context("counting broke off")?;
    if let Some(serving) = serving {
        serving.await.context("the page broke off")??;
    }
    Ok(())
}

/// How the peer is opened.
fn peer_config(dir: &DataDir, settings: &PeerSettings) -> anyhow::Result<PeerConfig> {
    let mut config = PeerConfig::of(dir.clone())?.listen(settings.listen).mdns(settings.mdns);
    for contact in &settings.contacts {
        config = match contact.peer {
            Some(peer) => config.contact_peer(contact.address, peer),
            None => config.contact(contact.address),
        };
    }
    if !settings.claims.is_empty() {
        let collections = settings.claims.clone();
        config = config.claims(Claims { collections, of_others: true, ..Claims::default() });
    }
    let config = config.keep(settings.keep.clone());
    let config = settings.advertise.iter().fold(config, |config, address| config.advertise(*address));
    let config = settings.leases.iter().copied().fold(config, PeerConfig::lease);
    Ok(settings.thrifty.iter().cloned().fold(config, PeerConfig::thrifty))
}

/// Says where a rule leads to a collection that this peer may not write, before the first device finds out.
fn warn_of_missing_grants(config: &Config, membership: &Membership, me: PeerId) {
    for rule in &config.mqtt.settings.rules {
        let writes = membership.grants().iter().any(|grant| {
            grant.holder == me
                && grant.rights.contains(Right::Write)
                && grant.resource.covers(&rule.collection)
        });
        if !writes {
            tracing::warn!(
                "no grant lets this peer write to `{}`: what comes on `{}` will be refused until an owner of the space \
                 gives one (`msec grant {me} --may write --in {}`), and `msec join` takes it in",
                rule.collection,
                rule.filter,
                rule.collection
            );
        }
    }
    if config.mqtt.listen.is_some() && config.mqtt.settings.devices.is_empty() {
        tracing::warn!(
            "no device may connect yet: `msec-gateway token NAME` prints what to put into the file"
        );
    }
}

/// Says where everything is.
fn announce(
    options: &Options,
    peer: &Peer,
    space: &str,
    (page, devices): (Option<&TcpListener>, Option<&TcpListener>),
    invites: bool,
) -> anyhow::Result<()> {
    let address = |listener: Option<&TcpListener>| {
        listener.map(TcpListener::local_addr).transpose().context("a listener has no address")
    };
    let (page, devices) = (address(page)?, address(devices)?);
    if options.json {
        let line = json!({
            "peer": peer.id().to_string(),
            "space": space,
            "listening": peer.address().to_string(),
            "mqtt": devices.map(|address| address.to_string()),
            "page": page.map(|address| format!("http://{address}")),
        });
        println!("{line}");
        return Ok(());
    }
    println!("{} of `{space}` listens on {}", peer.id().short(), peer.address());
    if let Some(address) = devices {
        println!("MQTT 3.1.1 on {address}");
    }
    if let Some(address) = page {
        println!("Look at it: http://{address}");
        if invites {
            println!("Let others in: http://{address}/invite");
        }
    }
    Ok(())
}

fn page_error(file: &str, error: ServeError) -> anyhow::Error {
    match error {
        ServeError::Taken { taken: address, source, .. } | ServeError::Bind { addr: address, source } => {
            taken(file, "page", address, source)
        }
        error => error.into(),
    }
}

fn open_error(file: &str, error: OpenError) -> anyhow::Error {
    match error {
        OpenError::Bind(BindError::Taken { address }) => {
            anyhow!(
                "UDP port {} on {} is taken: change `listen` in [peer] of {file}",
                address.port(),
                address.ip()
            )
        }
        OpenError::Bind(BindError::Io { address, source }) => taken(file, "peer", address, source),
        error => error.into(),
    }
}

/// An address that cannot be listened on. The error names the key that changes it.
fn taken(file: &str, table: &str, address: SocketAddr, source: std::io::Error) -> anyhow::Error {
    match source.kind() {
        std::io::ErrorKind::AddrInUse => {
            anyhow!("{address} is in use by another program: change `listen` in [{table}] of {file}")
        }
        _ => anyhow!(source)
            .context(format!("cannot listen on {address}: change `listen` in [{table}] of {file}")),
    }
}

async fn wait_for(mut stopped: watch::Receiver<bool>) {
    // An error means that the sender is gone, which is as good as being told.
    let _ = stopped.wait_for(|stop| *stop).await;
}
