//! What was revoked is over, for each who knows it.

use std::collections::BTreeSet;

use msec_crdt_store::Query;
use msec_identity::PeerId;

use super::{Checker, Kind};
use crate::peer::PeerIndex;
use crate::revocation::Eyes;
use crate::world::World;

/// Peers that are looked at each time; of more, they take turns. At the end, every so-manieth is.
const PEERS_MAX: usize = 50;

/// The checker. What a peer takes, shows its app and sends is compared as it happens with what it knew when it was told what
/// it answers to; here is what can be looked at any time: what its store shows, with whom it is linked, and whether its own
/// judgement follows from what it holds.
#[derive(Debug, Default)]
pub struct Revocation {
    /// How many were reported.
    seen: usize,
    /// Whose turn it is.
    turn: usize,
}

impl Checker for Revocation {
    fn name(&self) -> &'static str {
        "revocation"
    }

    fn kind(&self) -> Kind {
        Kind::Safety
    }

    fn during(&mut self, world: &World) -> Vec<String> {
        if world.revocations().is_idle() {
            return Vec::new();
        }
        let mut found = world.revocations().seen[self.seen..].to_vec();
        self.seen = world.revocations().seen.len();
        let peers = world.peer_count();
        let subjects = world.revocations().subjects();
        for n in 0..peers.min(PEERS_MAX) {
            look(world, PeerIndex((self.turn + n) % peers), &subjects, &mut found);
        }
        self.turn = (self.turn + PEERS_MAX) % peers.max(1);
        found
    }

    fn at_end(&mut self, world: &World) -> Vec<String> {
        let mut found = Vec::new();
        if !world.revocations().is_idle() {
            let subjects = world.revocations().subjects();
            let every = world.peer_count().div_ceil(PEERS_MAX * 4).max(1);
            world.peers().step_by(every).for_each(|peer| look(world, peer, &subjects, &mut found));
        }
        found
    }
}

/// What an honest peer does that it must not, by what it knows.
fn look(world: &World, peer: PeerIndex, subjects: &BTreeSet<PeerId>, found: &mut Vec<String>) {
    if !world.is_honest(peer) {
        return;
    }
    found.extend(misjudged(world, peer));
    found.extend(still_linked(world, peer));
    found.extend(subjects.iter().filter_map(|author| shown_beyond(world, peer, author)));
}

/// A revocation that it holds, and that its own judgement does not follow.
fn misjudged(world: &World, peer: PeerIndex) -> Option<String> {
    let authority = world.node(peer)?.authority();
    let known = world.revocations().iter().filter(|it| it.known_since(peer).is_some());
    let mut ignored =
        known.filter(|it| authority.grant(&it.grant).is_some() && !authority.is_revoked(&it.grant));
    let ignored = ignored.next()?;
    Some(format!(
        "peer {peer} holds that the grant of peer {} is revoked, and does not say so",
        ignored.holder
    ))
}

/// A neighbour that it has for longer than it takes to look at its neighbours' grants, since it knows that they are over.
fn still_linked(world: &World, peer: PeerIndex) -> Option<String> {
    let (node, spec) = (world.node(peer)?, world.spec(peer)?);
    let late = |id: &PeerId| {
        let since = world.revocations().known_over(id, peer, node)?;
        let known_for = world.time().saturating_sub(since);
        (known_for > spec.settings.review_interval).then_some(known_for)
    };
    node.neighbours().find_map(|neighbour| {
        let known_for = late(&neighbour.peer)?;
        let other = world.peer_of(&neighbour.peer)?;
        Some(format!(
            "peer {peer} is linked with peer {other}, and knows for {} s that its rights are over",
            known_for.as_secs()
        ))
    })
}

/// An entry beyond a cut that its store shows.
fn shown_beyond(world: &World, peer: PeerIndex, author: &PeerId) -> Option<String> {
    let node = world.node(peer)?;
    // A store that is about to be told shows what it showed.
    if world.revocations().known_over(author, peer, node).is_none() || !world.is_settled(peer) {
        return None;
    }
    let rows = world.query(peer, &Query { author: Some(*author), ..Query::default() });
    rows.into_iter().find_map(|row| {
        let cut = world.revocations().cut(author, &row.log, Eyes::Of(peer, node))?;
        (row.position >= cut.size).then(|| {
            let (position, log, size) = (row.position, row.log, cut.size);
            format!("peer {peer} shows entry {position} of log {log}, and knows that its first {size} count")
        })
    })
}

#[cfg(test)]
mod tests;
