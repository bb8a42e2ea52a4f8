//! What was issued, who knows it, and what follows: the truth that checkers hold the nodes against.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use msec_identity::{Cut, GrantId, LogId, PeerId};
use msec_peer::node::{Node, Receipt};

use super::plan::CutAt;
use crate::ledger::keep;
use crate::peer::PeerIndex;

/// One revocation.
#[derive(Debug)]
pub struct Revoked {
    /// Whose grant is over.
    pub holder: PeerIndex,
    /// Who issued that.
    pub by: PeerIndex,
    /// Up to where what the holder wrote counts.
    pub cut: CutAt,
    /// When the issuer's node was told to publish it. `None`: its issuer was down ever since.
    pub issued: Option<Duration>,
    /// Bytes that reached the holder after that, or that lie beyond the cut and reached somebody who did not know of it.
    pub exposed_bytes: u64,
    /// When the last of them did.
    pub exposed_until: Option<Duration>,
    pub(crate) holder_id: PeerId,
    pub(crate) grant: GrantId,
    pub(crate) hash: [u8; 32],
    pub(crate) cuts: BTreeMap<LogId, Cut>,
    /// Where it stands, once it is signed and on disk.
    pub(crate) place: Option<Receipt>,
    pub(crate) restorations: Vec<Restored>,
    /// Since when each peer knows it, by index.
    known: Vec<Option<Duration>>,
    /// Whom it could reach when it was issued, and how long that took.
    reach: BTreeMap<PeerIndex, Option<Duration>>,
    /// How long those took who came back, or came, after it was issued.
    returned: BTreeMap<PeerIndex, Duration>,
}

/// What the issuer of a revocation put right afterwards.
#[derive(Debug, Default)]
pub(crate) struct Restored {
    pub(crate) cuts: BTreeMap<LogId, Cut>,
    pub(crate) place: Option<Receipt>,
}

/// How a revocation spread.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reached {
    /// Peers that were linked with its issuer, over whomever, when it was issued, and have been up since.
    pub reachable: usize,
    /// How long it took to those of them who know it, in order.
    pub after: Vec<Duration>,
    /// Of those who came, or came back, later: how long after that they knew it, in order.
    pub returned: Vec<Duration>,
}

impl Reached {
    /// How long it took to that share of those who could be reached. `None`: fewer know it.
    pub fn within(&self, share: f64) -> Option<Duration> {
        let rank = ((self.reachable as f64 * share).ceil() as usize).max(1);
        self.after.get(rank - 1).copied()
    }
}

impl Revoked {
    pub(crate) fn new(
        holder: PeerIndex,
        holder_id: PeerId,
        by: PeerIndex,
        cut: CutAt,
        grant: GrantId,
    ) -> Self {
        Self {
            holder,
            by,
            cut,
            issued: None,
            exposed_bytes: 0,
            exposed_until: None,
            holder_id,
            grant,
            hash: [0; 32],
            cuts: BTreeMap::new(),
            place: None,
            restorations: Vec::new(),
            known: Vec::new(),
            reach: BTreeMap::new(),
            returned: BTreeMap::new(),
        }
    }

    /// How it spread.
    pub fn reached(&self) -> Reached {
        let mut after: Vec<_> = self.reach.values().flatten().copied().collect();
        let mut returned: Vec<_> = self.returned.values().copied().collect();
        after.sort_unstable();
        returned.sort_unstable();
        Reached { reachable: self.reach.len(), after, returned }
    }

    /// Since when a peer knows it.
    pub fn known_since(&self, peer: PeerIndex) -> Option<Duration> {
        self.known.get(peer.0).copied().flatten()
    }

    /// It is issued, and these could learn of it.
    pub(crate) fn issue(&mut self, now: Duration, reachable: impl IntoIterator<Item = PeerIndex>) {
        self.issued = Some(now);
        self.reach = reachable.into_iter().map(|peer| (peer, None)).collect();
    }

    /// A peer knows it, which is up since then.
    pub(crate) fn knows(&mut self, now: Duration, peer: PeerIndex, up_since: Duration) {
        if self.known.len() <= peer.0 {
            self.known.resize(peer.0 + 1, None);
        }
        self.known[peer.0].get_or_insert(now);
        let Some(issued) = self.issued else { return };
        match self.reach.get_mut(&peer) {
            Some(after) => drop(after.get_or_insert(now.saturating_sub(issued))),
            None if up_since > issued => {
                self.returned.entry(peer).or_insert(now.saturating_sub(up_since));
            }
            None => {}
        }
    }

    /// A peer is down: it may know less when it starts again, and it cannot be reached.
    pub(crate) fn went(&mut self, peer: PeerIndex) {
        if let Some(known) = self.known.get_mut(peer.0) {
            *known = None;
        }
        if self.reach.get(&peer).is_some_and(Option::is_none) {
            self.reach.remove(&peer);
        }
    }

    pub(crate) fn expose(&mut self, now: Duration, bytes: usize) {
        self.exposed_bytes += bytes as u64;
        self.exposed_until = Some(now);
    }

    /// What it says of a log: named by itself, or by what was restored of it, and nothing else.
    fn cut_of(&self, log: &LogId, eyes: Eyes<'_>) -> Cut {
        let restored = self.restorations.iter().filter(|it| eyes.holds(it.place));
        let restored = restored.filter_map(|it| it.cuts.get(log)).min();
        let named = self.cuts.get(log).or(restored);
        named.copied().unwrap_or(Cut { log: *log, size: 0, root: [0; 32] })
    }
}

/// What a peer was granted.
#[derive(Debug)]
pub(crate) struct Granted {
    pub(crate) grant: GrantId,
    /// The manager that granted it; `None`: the root.
    pub(crate) under: Option<PeerId>,
    /// Where that manager entered it.
    pub(crate) entered: Vec<Receipt>,
}

/// Where somebody's logs end, one by one.
type CutOf<'a> = Box<dyn Fn(&LogId) -> Cut + 'a>;

/// By whose knowledge something is judged.
#[derive(Clone, Copy)]
pub(crate) enum Eyes<'a> {
    /// All that was issued.
    All,
    /// What a peer knows.
    Of(PeerIndex, &'a Node),
}

impl Eyes<'_> {
    fn knows(self, revoked: &Revoked) -> bool {
        match self {
            Self::All => revoked.place.is_some(),
            Self::Of(peer, _) => revoked.known_since(peer).is_some(),
        }
    }

    pub(crate) fn holds(self, place: Option<Receipt>) -> bool {
        place.is_some_and(|at| match self {
            Self::All => true,
            Self::Of(_, node) => node.size_of(&at.log) > at.position,
        })
    }
}

/// All that was granted and revoked.
#[derive(Debug, Default)]
pub struct Revocations {
    pub(crate) granted: BTreeMap<PeerId, Granted>,
    pub(crate) all: Vec<Revoked>,
    /// Whose rights are over, by all that was issued.
    over: BTreeSet<PeerId>,
    /// What nodes did that they must not, the first 10,000.
    pub(crate) seen: Vec<String>,
}

impl Revocations {
    /// All of them, in the order in which they were planned.
    pub fn iter(&self) -> impl Iterator<Item = &Revoked> {
        self.all.iter()
    }

    /// Whether nothing was ever issued: then nobody has to look.
    pub(crate) fn is_idle(&self) -> bool {
        self.all.is_empty()
    }

    /// Whether somebody's rights are over, by all that was issued.
    pub(crate) fn is_over(&self, holder: &PeerId) -> bool {
        self.over.contains(holder)
    }

    /// Those whose logs may be cut: the holders of what was revoked, and whom they let in.
    pub(crate) fn subjects(&self) -> BTreeSet<PeerId> {
        let revoked: BTreeSet<_> = self.all.iter().map(|it| it.holder_id).collect();
        let below = self.granted.iter().filter(|(_, it)| it.under.is_some_and(|it| revoked.contains(&it)));
        let below: Vec<_> = below.map(|(peer, _)| *peer).collect();
        revoked.into_iter().chain(below).collect()
    }

    /// Something was issued, or restored.
    pub(crate) fn changed(&mut self) {
        self.over =
            self.subjects().into_iter().filter(|it| self.ends(it, Eyes::All).next().is_some()).collect();
    }

    /// Where a log of somebody ends. `None`: all of it counts.
    pub(crate) fn cut(&self, author: &PeerId, log: &LogId, eyes: Eyes<'_>) -> Option<Cut> {
        self.ends(author, eyes).map(|(_, cut)| cut(log)).min()
    }

    /// Since when a peer knows that somebody's rights are over.
    pub(crate) fn known_over(&self, holder: &PeerId, peer: PeerIndex, node: &Node) -> Option<Duration> {
        self.ends(holder, Eyes::Of(peer, node)).filter_map(|(it, _)| it.known_since(peer)).min()
    }

    /// The revocations that end somebody's rights, each with where it ends a log.
    fn ends<'a>(
        &'a self,
        holder: &PeerId,
        eyes: Eyes<'a>,
    ) -> impl Iterator<Item = (&'a Revoked, CutOf<'a>)> + 'a {
        let granted = self.granted.get(holder);
        let known = self.all.iter().filter(move |it| eyes.knows(it));
        known.filter_map(move |it| {
            let granted = granted?;
            if it.grant == granted.grant {
                let cut: CutOf<'a> = Box::new(move |log| it.cut_of(log, eyes));
                return Some((it, cut));
            }
            if granted.under != Some(it.holder_id) {
                return None;
            }
            // What a manager granted stands where it is entered below where its control log is cut, by all that revokes it.
            let stands = |at: &Receipt| {
                let cuts = self.all.iter().filter(|other| other.grant == it.grant && eyes.knows(other));
                eyes.holds(Some(*at))
                    && cuts.map(|it| it.cut_of(&at.log, eyes)).all(|cut| at.position < cut.size)
            };
            let nothing: CutOf<'a> = Box::new(|log| Cut { log: *log, size: 0, root: [0; 32] });
            (!granted.entered.iter().any(stands)).then_some((it, nothing))
        })
    }

    pub(crate) fn note(&mut self, what: String) {
        keep(&mut self.seen, what);
    }
}
