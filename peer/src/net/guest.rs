//! The loop that owns a guest: sockets and time for whoever comes with a code.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use msec_gossip::Priority;
use msec_identity::SpaceId;
use tokio::sync::mpsc;

use super::clock::Moment;
use super::driver::Inbound;
use super::error::BindError;
use super::link::LinkHandle;
use super::mdns::Mdns;
use super::reception::Reception;
use super::sockets::{Addresses, Connectors, Sockets};
use super::wall_clock;
use crate::guest::{Guest, GuestEvent, GuestInput, GuestOutput, GuestParts};
use crate::node::{CloseReason, Input, LinkId, Now};

/// Inputs that may wait for the guest: it dials one address at a time.
const INBOUND_MAX: usize = 16;
/// How long what was said last has to leave.
const GRACE: Duration = Duration::from_secs(2);

/// Comes in with a code, and returns [`GuestEvent::Welcome`] or [`GuestEvent::Failed`]. What stands between is told. Where the space is
/// known by its whole id, its peers are sought by mDNS too.
pub(crate) async fn come_in(
    parts: GuestParts,
    space: Option<SpaceId>,
    tell: impl FnMut(&GuestEvent),
) -> Result<GuestEvent, BindError> {
    // A socket for IPv6 reaches IPv4 as well; not every machine has one.
    let any_v6 = parts.hints.iter().any(SocketAddr::is_ipv6);
    let v4 = SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0));
    let sockets = match any_v6 {
        true => match bind(SocketAddr::from((Ipv6Addr::UNSPECIFIED, 0))).await {
            Ok(sockets) => sockets,
            Err(_) => bind(v4).await?,
        },
        false => bind(v4).await?,
    };
    let local = sockets.address().map_err(|source| BindError::Io { address: v4, source })?;
    let (to_driver, inbound) = mpsc::channel(INBOUND_MAX);
    let mdns = space.and_then(|space| {
        let found = Mdns::look_for(space, local, to_driver.clone());
        found.inspect_err(|error| tracing::warn!(%error, "mDNS does not work here")).ok()
    });
    let started = Moment::now();
    let guest = Guest::new(parts, Now { mono: Duration::ZERO, wall: wall_clock() });
    let connectors = Connectors::new(sockets, Reception::new(to_driver));
    let driver = GuestDriver { guest, started, connectors, inbound, links: BTreeMap::new(), _mdns: mdns };
    Ok(driver.run(tell).await)
}

async fn bind(listen: SocketAddr) -> Result<Sockets, BindError> {
    let addresses = Addresses {
        listen,
        #[cfg(feature = "iroh")]
        wide: super::WideArea::default(),
    };
    Sockets::bind(&addresses).await
}

struct GuestDriver {
    guest: Guest,
    started: Moment,
    connectors: Connectors,
    inbound: mpsc::Receiver<Inbound>,
    links: BTreeMap<LinkId, LinkHandle>,
    /// Looks for the inviter while it lives.
    _mdns: Option<Mdns>,
}

impl GuestDriver {
    async fn run(mut self, mut tell: impl FnMut(&GuestEvent)) -> GuestEvent {
        loop {
            if let Some(last) = self.do_outputs(&mut tell) {
                drop(self.links);
                let _ = tokio::time::timeout(GRACE, self.connectors.close()).await;
                return last;
            }
            let due = self.guest.poll_timeout();
            let input = tokio::select! {
                () = self.started.wait_for(due) => Some(GuestInput::Timeout),
                Some(inbound) = self.inbound.recv() => self.take(inbound),
            };
            if let Some(input) = input {
                let now = Now { mono: self.started.elapsed(), wall: wall_clock() };
                self.guest.handle(now, input);
            }
        }
    }

    fn take(&mut self, inbound: Inbound) -> Option<GuestInput> {
        match inbound {
            Inbound::Link { link, handle, binding, dialled, .. } => {
                self.links.insert(link, handle);
                dialled.map(|address| GuestInput::LinkUp { link, binding, address })
            }
            Inbound::Message { link, bytes, .. } => Some(GuestInput::Received { link, bytes }),
            Inbound::Discovered { address } => Some(GuestInput::Found { address }),
            Inbound::Node(Input::LinkDown { link, .. }) => {
                self.links.remove(&link);
                Some(GuestInput::LinkDown { link })
            }
            Inbound::Node(Input::DialFailed { address, .. }) => Some(GuestInput::DialFailed { address }),
            Inbound::Node(_) => None,
        }
    }

    /// Does what the guest asks for. Returns its last event, if it is over.
    fn do_outputs(&mut self, tell: &mut impl FnMut(&GuestEvent)) -> Option<GuestEvent> {
        while let Some(output) = self.guest.poll_output() {
            match output {
                GuestOutput::Dial { address } => self.connectors.dial(address),
                GuestOutput::Send { link, bytes } => {
                    if let Some(handle) = self.links.get(&link) {
                        // What has no room ends by its deadline.
                        drop(handle.send(Priority::Control, bytes));
                    }
                }
                GuestOutput::Close { link } => {
                    if let Some(handle) = self.links.remove(&link) {
                        handle.close(CloseReason::Surplus);
                    }
                }
                GuestOutput::Event(event) => match event {
                    GuestEvent::Words { .. } => tell(&event),
                    GuestEvent::Welcome { .. } | GuestEvent::Failed(_) => return Some(event),
                },
            }
        }
        None
    }
}
