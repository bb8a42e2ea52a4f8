//! Who is attacked: a gateway, with an honest sensor and another gateway behind it.

use std::time::Duration;

use msec_peer::identity::Identity;
use msec_peer::net::probe::Probe;
use msec_peer::net::random_seed;
use msec_peer::node::Config;
use msec_peer::store::{FileDir, Store};
use msec_peer::{Membership, Peer};
use msec_tests::raw::RawLink;
use msec_tests::town::{Notes, PARKS, Town, holds, linked, open, publish, stream};

/// The codes with which a connection is closed.
pub(crate) const REFUSED: u64 = 1;
pub(crate) const HANDSHAKE: u64 = 3;
pub(crate) const VERSION: u64 = 4;
pub(crate) const TOO_SLOW: u64 = 5;
pub(crate) const CROWDED: u64 = 6;
pub(crate) const MISBEHAVED: u64 = 9;

/// A gateway that is attacked, one behind it, and a sensor; with what both gateways tell.
pub(crate) struct Scene {
    pub(crate) town: Town,
    pub(crate) victim: Peer,
    pub(crate) behind: Peer,
    pub(crate) sensor: Peer,
    pub(crate) notes: Notes,
    pub(crate) notes_behind: Notes,
    pub(crate) published: u64,
}

impl Scene {
    /// The sensor has published one reading, and both gateways hold it. A handshake may take half a second.
    pub(crate) async fn set() -> Self {
        Self::set_with(|config| config.handshake_timeout = Duration::from_millis(500)).await
    }

    /// As [`Scene::set`], with other settings of the victim.
    pub(crate) async fn set_with(tune: impl FnOnce(&mut Config)) -> Self {
        let town = Town::found();
        let victim = open(town.gateway("victim").tune(tune)).await;
        let behind = open(town.gateway("behind").contact(victim.address())).await;
        let sensor = open(town.sensor("sensor").contact(victim.address())).await;
        let (notes, notes_behind) = (Notes::of(&victim), Notes::of(&behind));
        linked(&victim, 2).await;
        let mut scene = Self { town, victim, behind, sensor, notes, notes_behind, published: 0 };
        scene.honest_peers_go_on().await;
        scene
    }

    /// A reading of the sensor reaches both gateways, which hold nothing else.
    pub(crate) async fn honest_peers_go_on(&mut self) {
        publish(&self.sensor, &stream(PARKS, "mic"), [self.published]).await;
        self.published += 1;
        for gateway in [&self.behind, &self.victim] {
            holds(gateway, 0..self.published).await;
        }
    }

    /// Nothing but the sensor's one log is on the victim's disk, and nothing else ever came to the one behind it.
    pub(crate) async fn nothing_is_kept_or_passed_on(mut self) {
        self.honest_peers_go_on().await;
        assert_eq!(self.notes_behind.refused(), [], "nothing bad was passed on");
        assert_eq!(self.notes_behind.verified(), (0..self.published).collect::<Vec<_>>());
        self.victim.close().await;
        let medium = FileDir::open(self.town.path("victim").join("store")).expect("the store is free");
        let (_, opened) = Store::open(medium).expect("a store");
        assert_eq!(opened.logs.len(), 1, "one log is on disk");
        assert_eq!(opened.cut, None);
    }

    /// A new identity with a grant for these rights on everything.
    pub(crate) fn member(&self, collection: &str, rights: &str) -> (Identity, Membership) {
        let identity = somebody();
        let grant = self.town.owner.grant(identity.peer(), collection, rights, 1).expect("a grant");
        (identity, Membership::new(self.town.owner.manifest(), [grant]))
    }

    pub(crate) async fn raw(&self) -> RawLink {
        RawLink::dial(self.victim.address()).await.expect("the victim answers")
    }

    /// A link on which somebody was admitted who may relay: it behaves until then.
    pub(crate) async fn bought_relay(&self) -> (Identity, Probe) {
        let (identity, membership) = self.member("", "relay,read");
        let mut probe = Probe::dial(self.victim.address()).await.expect("the victim answers");
        probe.join(&identity, &membership).await.expect("a neighbour");
        (identity, probe)
    }
}

pub(crate) fn somebody() -> Identity {
    Identity::from_seed(random_seed())
}
