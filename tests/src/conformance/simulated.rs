//! A mesh in virtual time.

use std::time::Duration;

use anyhow::Context;
use msec_peer::gossip::Interest;
use msec_peer::{Reading, Receipt, Refused, StreamSpec};
use msec_simulator::{Broken, Kept, NetworkModel, Outcome, PeerIndex, PeerSpec, World};

use super::{Held, LinkState, Member, Mesh, No};
use crate::town::quick;

/// Peers in one thread, on links that are simulated.
pub struct SimMesh {
    world: World,
    patience: Duration,
}

impl SimMesh {
    /// A mesh without peers. Each seed is another course of events.
    ///
    /// # Panics
    ///
    /// If the simulator refuses its own defaults.
    pub fn new(seed: u64) -> Self {
        let world = World::new(seed, NetworkModel::default()).expect("a world");
        Self { world, patience: Duration::from_secs(120) }
    }
}

impl std::fmt::Debug for SimMesh {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SimMesh").field("time", &self.world.time()).finish_non_exhaustive()
    }
}

impl Mesh for SimMesh {
    fn add(&mut self, member: Member) -> No {
        let Member { grant, interest, contacts } = member;
        let interest =
            interest.map_or_else(Interest::none, |prefix| Interest::of([prefix]).expect("a prefix"));
        let mut spec = match grant {
            Some((rights, collection)) => PeerSpec::citizen().on(collection, rights.parse().expect("rights")),
            None => PeerSpec::stranger(),
        }
        .interest(interest)
        .relay();
        quick(&mut spec.settings);
        let spec = contacts.into_iter().fold(spec, |spec, No(contact)| spec.contact(PeerIndex(contact)));
        No(self.world.add_peer(spec).expect("the world takes a peer").0)
    }

    fn peers(&self) -> impl Iterator<Item = No> + use<> {
        self.world.peers().map(|peer| No(peer.0))
    }

    fn publish(
        &mut self,
        No(peer): No,
        stream: &StreamSpec,
        readings: &[Reading],
    ) -> anyhow::Result<Receipt> {
        let ticket = self.world.publish(PeerIndex(peer), stream, readings);
        let ticket = ticket.context("the peer is away")?;
        let outcome = |world: &World| match &world.ledger().submission(ticket).map(|it| &it.outcome) {
            Some(Outcome::Acknowledged { receipt, .. }) => Some(Ok(*receipt)),
            Some(Outcome::Refused(error)) => Some(Err(anyhow::anyhow!("{error}"))),
            _ => None,
        };
        // Seen as soon as it is said: what is done next finds the disk as it was then.
        const LOOK_EVERY: Duration = Duration::from_micros(100);
        let deadline = self.world.time() + self.patience;
        while outcome(&self.world).is_none() {
            anyhow::ensure!(self.world.time() < deadline, "a publication is not answered");
            self.world.run_for(LOOK_EVERY);
        }
        outcome(&self.world).expect("waited for")
    }

    fn set_link(&mut self, No(a): No, No(b): No, state: LinkState) {
        let (a, b) = (PeerIndex(a), PeerIndex(b));
        match state {
            LinkState::Whole => self.world.mend_link(a, b),
            LinkState::Cut => self.world.break_link(a, b, Broken::Drops),
            LinkState::Corrupting => self.world.break_link(a, b, Broken::Corrupts),
        }
    }

    fn stop(&mut self, No(peer): No) {
        self.world.crash(PeerIndex(peer), Kept::Synced);
    }

    fn start(&mut self, No(peer): No) {
        self.world.restart(PeerIndex(peer)).expect("the peer starts again");
    }

    fn pass(&mut self, time: Duration) {
        self.world.run_for(time);
    }

    fn time(&self) -> Duration {
        self.world.time()
    }

    fn readings_of(&mut self, No(peer): No) -> Held {
        let rows = self.world.readings_of(PeerIndex(peer));
        let mut held: Held = rows
            .iter()
            .map(|row| (row.stream().to_owned(), row.reading.time.0, row.reading.value as u64))
            .collect();
        held.sort();
        held
    }

    fn refused_of(&mut self, No(peer): No) -> Vec<Refused> {
        let refusals = self.world.ledger().refusals().iter();
        refusals.filter(|(who, _)| who.0 == peer).map(|(_, refused)| refused.clone()).collect()
    }

    fn neighbours_of(&mut self, No(peer): No) -> usize {
        self.world.node(PeerIndex(peer)).map_or(0, |node| node.neighbours().count())
    }

    fn patience(&self) -> Duration {
        self.patience
    }
}
