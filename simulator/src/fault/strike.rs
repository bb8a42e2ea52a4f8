//! One thing that goes wrong, or is right again, at one moment.

use crate::disk::{Damage, DiskFault, Kept};
use crate::error::{ClockError, LinkError, RestartError};
use crate::link::{Degradation, Strained};
use crate::paths::Broken;
use crate::peer::PeerIndex;
use crate::revocation::{CutAt, RevokeError};
use crate::world::World;

/// Something that is done to a world at once.
#[derive(Debug, Clone)]
pub enum Strike {
    /// The groups are cut from each other, and from whoever is in none.
    Partition(Vec<Vec<PeerIndex>>),
    /// The partition is over.
    Heal,
    /// The link between two peers is broken.
    Break(PeerIndex, PeerIndex, Broken),
    /// It is mended.
    Mend(PeerIndex, PeerIndex),
    /// The power of a peer is cut.
    Crash(PeerIndex, Kept),
    /// What lies on the disk of a peer is damaged.
    Damage(PeerIndex, Damage),
    /// A peer that is down starts again; one that is up, as where two plans overlap, stays as it is.
    Restart(PeerIndex),
    /// A disk is out of order.
    Disk(PeerIndex, DiskFault),
    /// A disk is in order again.
    DiskMended(PeerIndex),
    /// A peer's civil clock jumps by so many seconds.
    ClockJump(PeerIndex, i64),
    /// A peer's clocks run too fast by so many parts per million.
    ClockDrift(PeerIndex, i32),
    /// A peer's civil clock shows 1970.
    ClockUnset(PeerIndex),
    /// A peer's clocks are right again.
    ClockSet(PeerIndex),
    /// Links are worse than usual.
    Degrade(Strained, Degradation),
    /// They are as usual again.
    Restore(Strained),
    /// The grant of a peer is revoked, by that one or by whoever granted it.
    Revoke(PeerIndex, Option<PeerIndex>, CutAt),
    /// What the issuer of its revocation holds of its logs counts.
    RestoreRights(PeerIndex),
    /// Somebody has erased the first half of what it holds of a peer's logs: that one, or the peer itself.
    Erase(PeerIndex, Option<PeerIndex>),
    /// It is noted what a peer holds.
    MarkHeld(PeerIndex),
    /// A peer lets go of what was noted, if so many neighbours have said since that they hold it, but for so many entries of each log.
    LetGo(PeerIndex, usize, u64),
}

/// Something that could not be done.
#[derive(Debug, thiserror::Error)]
pub enum StrikeError {
    /// The peer does not start.
    #[error(transparent)]
    Restart(#[from] RestartError),
    /// No clock does that.
    #[error(transparent)]
    Clock(#[from] ClockError),
    /// No link can be so bad.
    #[error(transparent)]
    Link(#[from] LinkError),
    /// It is not theirs to say.
    #[error(transparent)]
    Revoke(#[from] RevokeError),
}

impl Strike {
    /// The one peer that it is done to, if it is done to one.
    fn victim(&self) -> Option<PeerIndex> {
        match self {
            Self::Crash(peer, _)
            | Self::Damage(peer, _)
            | Self::Restart(peer)
            | Self::Disk(peer, _)
            | Self::DiskMended(peer)
            | Self::ClockJump(peer, _)
            | Self::ClockDrift(peer, _)
            | Self::ClockUnset(peer)
            | Self::ClockSet(peer)
            | Self::Revoke(peer, ..)
            | Self::RestoreRights(peer)
            | Self::Erase(peer, _)
            | Self::MarkHeld(peer)
            | Self::LetGo(peer, ..)
            | Self::Degrade(Strained::Peer(peer), _)
            | Self::Restore(Strained::Peer(peer)) => Some(*peer),
            _ => None,
        }
    }

    /// Lets it happen now. Nothing happens to a peer that has not come yet.
    pub fn strike(&self, world: &mut World) -> Result<(), StrikeError> {
        if self.victim().is_some_and(|peer| peer.0 >= world.peer_count()) {
            return Ok(());
        }
        match self {
            Self::Partition(groups) => world.partition(groups),
            Self::Heal => world.heal(),
            Self::Break(a, b, how) => world.break_link(*a, *b, *how),
            Self::Mend(a, b) => world.mend_link(*a, *b),
            Self::Crash(peer, kept) => world.crash(*peer, *kept),
            Self::Damage(peer, damage) => world.damage(*peer, *damage),
            Self::Restart(peer) if world.is_up(*peer) => {}
            Self::Restart(peer) => drop(world.restart(*peer)?),
            Self::Disk(peer, fault) => world.set_disk_fault(*peer, Some(*fault)),
            Self::DiskMended(peer) => world.set_disk_fault(*peer, None),
            Self::ClockJump(peer, by_s) => world.jump_clock(*peer, *by_s)?,
            Self::ClockDrift(peer, ppm) => world.drift_clock(*peer, *ppm)?,
            Self::ClockUnset(peer) => world.unset_clock(*peer),
            Self::ClockSet(peer) => world.correct_clock(*peer),
            Self::Degrade(whose, by) => world.degrade(*whose, *by)?,
            Self::Restore(whose) => world.restore(*whose),
            Self::Revoke(holder, by, cut) => {
                let by = by.or_else(|| world.issuer_for(*holder)).unwrap_or(*holder);
                world.revoke(*holder, by, *cut)?;
            }
            Self::RestoreRights(holder) => world.restore_rights(*holder)?,
            Self::Erase(author, by) => drop(world.erase(*author, by.unwrap_or(*author))?),
            Self::MarkHeld(peer) => world.mark_held(*peer),
            Self::LetGo(peer, copies, keep) => drop(world.let_go(*peer, *copies, *keep)),
        }
        Ok(())
    }
}
