//! By what right a log is written: what its header shows, checked once, and how much of it counts, which changes.

use super::Authority;
use super::lineage::Voice;
use super::links::Links;
use crate::access::{ControlStream, Cut, Grant, Right};
use crate::error::ChainError;
use crate::id::{GrantId, LogId, PeerId};
use crate::path::CollectionPath;
use crate::record::Unverified;

/// The stream in which a peer confirms what it has learnt, in [`CollectionPath::receipts`].
pub const RECEIPTS_STREAM: &str = "ends";

/// What lets somebody write a log.
enum Needed {
    /// `write`, there.
    Write,
    /// This grant, with `manage`.
    Under(GrantId),
    /// `read`, `relay` or `manage`, anywhere.
    Hold,
    /// Any right, anywhere.
    Any,
}

/// Which log somebody writes, or wants to.
#[derive(Debug, Clone, Copy)]
pub struct Written<'a> {
    /// Who.
    pub author: PeerId,
    /// In which collection.
    pub collection: &'a CollectionPath,
    /// In which stream of it.
    pub stream: &'a str,
    /// Where its header says that all of it is measured: latitude and longitude, in units of 1e-7 degrees.
    pub place: Option<(i32, i32)>,
}

/// By what right a log is written, as its header shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Shown {
    /// As a root: the control log of one.
    Root(PeerId),
    /// By any of these grants.
    Grants(Vec<GrantId>),
}

/// How much of a log counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Admissible {
    /// All of it, however long it becomes.
    All,
    /// Its first entries, if they have the root that is named.
    UpTo(Cut),
    /// None of it.
    Nothing,
}

impl Authority {
    /// By what right a log is written, of what never changes: each link is signed, narrows the one above it, which is shown
    /// too, and the first was issued in the name of the space by somebody who is or was a root. No other grant counts, so
    /// that everybody who holds the log comes to the same answer, whatever else they know. Revocations and the
    /// time are not looked at: what was stored once can be loaded.
    ///
    /// In control logs the right is `manage`, of the link that the stream names, or being a root, and
    /// whoever holds a grant speaks of itself there; in those of receipts it is `read`, `relay` or `manage`, anywhere. A grant
    /// that is limited to a place lets nobody write what is measured elsewhere, or doesn't say where. Nobody writes in other collections of the mesh's own.
    pub fn check_chain(
        &self,
        log: &Written<'_>,
        shown: impl IntoIterator<Item = Unverified<Grant>>,
    ) -> Result<Shown, ChainError> {
        let needed = if log.collection.is_control() {
            match log.stream.parse().map_err(|_| ChainError::Stream)? {
                ControlStream::Root if self.own.was_root(&log.author) => return Ok(Shown::Root(log.author)),
                ControlStream::Root => return Err(ChainError::NotARoot),
                ControlStream::Under(grant) => Needed::Under(grant),
                ControlStream::Own => Needed::Any,
            }
        } else if *log.collection == CollectionPath::receipts() && log.stream == RECEIPTS_STREAM {
            Needed::Hold
        } else if log.collection.is_reserved() {
            return Err(ChainError::Stream);
        } else {
            Needed::Write
        };
        let mut links = Links::of(shown);
        let gives = |(id, grant): &(&GrantId, &Grant)| {
            let has = |right| grant.rights.contains(right);
            let right = match needed {
                Needed::Under(under) => **id == under && has(Right::Manage),
                Needed::Write => {
                    has(Right::Write) && grant.resource.covers(log.collection) && grant.reaches(log.place)
                }
                Needed::Hold => has(Right::Read) || has(Right::Relay) || has(Right::Manage),
                Needed::Any => true,
            };
            grant.holder == log.author && right
        };
        let wanted: Vec<_> = links.claims().filter(gives).map(|(id, _)| *id).collect();
        let (mut good, mut why) = (Vec::new(), ChainError::NoGrant);
        for id in wanted {
            match self.follow(&mut links, id) {
                Ok(_) => good.push(id),
                Err(error) => why = error,
            }
        }
        if good.is_empty() { Err(why) } else { Ok(Shown::Grants(good)) }
    }

    /// How much of a log counts that is written by that right. Who shows a log has its grants learnt first
    /// ([`Authority::learn`]); of several the one that allows the most decides.
    pub fn admissible(&self, log: &LogId, shown: &Shown) -> Admissible {
        match shown {
            Shown::Root(root) => match self.own.voice(root) {
                Voice::Now => Admissible::All,
                Voice::Gone { cuts, .. } => Admissible::up_to(cuts.of(log).copied()),
                Voice::Never => Admissible::Nothing,
            },
            Shown::Grants(grants) => {
                let each = grants.iter().map(|grant| self.admissible_by(log, grant));
                each.max_by_key(Admissible::reach).unwrap_or(Admissible::Nothing)
            }
        }
    }

    fn admissible_by(&self, log: &LogId, grant: &GrantId) -> Admissible {
        let Some(at) = self.grants.find(grant) else { return Admissible::Nothing };
        let state = self.grants.at(at).state;
        if !state.stands {
            return Admissible::Nothing;
        }
        if !state.revoked { Admissible::All } else { Admissible::up_to(self.cut_at(at, log)) }
    }
}

impl Admissible {
    fn up_to(cut: Option<Cut>) -> Self {
        cut.filter(|cut| cut.size > 0).map_or(Self::Nothing, Self::UpTo)
    }

    /// More reaches further. Of two cuts at one size, one is taken whoever names them.
    fn reach(&self) -> (u8, u64, [u8; 32]) {
        match self {
            Self::Nothing => (0, 0, [0; 32]),
            Self::UpTo(cut) => (1, cut.size, cut.root),
            Self::All => (2, 0, [0; 32]),
        }
    }
}
