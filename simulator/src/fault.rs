//! What goes wrong, as values: a plan of a run is a list of times and faults.

use msec_crdt_store::StorageError;

use crate::disk::{Damage, DiskFault, Kept};
use crate::error::RestartError;
use crate::paths::Broken;
use crate::peer::PeerIndex;
use crate::world::World;

/// Something that goes wrong, or is right again.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Fault {
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
    /// What lies on the disk of a peer that is down is damaged.
    Damage(PeerIndex, Damage),
    /// A peer that is down starts again; one that is up, as where two plans overlap, stays as it is.
    Restart(PeerIndex),
    /// A disk is out of order.
    Disk(PeerIndex, DiskFault),
    /// A disk is in order again.
    DiskMended(PeerIndex),
}

/// A fault that could not be done.
#[derive(Debug, thiserror::Error)]
pub enum FaultError {
    /// The peer does not start.
    #[error(transparent)]
    Restart(#[from] RestartError),
    /// The damaged store cannot even be looked at.
    #[error("the damaged store cannot be opened")]
    Damage(#[from] StorageError),
}

impl Fault {
    /// Lets it happen now.
    pub fn strike(&self, world: &mut World) -> Result<(), FaultError> {
        match self {
            Self::Partition(groups) => world.partition(groups),
            Self::Heal => world.heal(),
            Self::Break(a, b, how) => world.break_link(*a, *b, *how),
            Self::Mend(a, b) => world.mend_link(*a, *b),
            Self::Crash(peer, kept) => world.crash(*peer, *kept),
            Self::Damage(peer, damage) => world.damage(*peer, *damage)?,
            Self::Restart(peer) if world.is_up(*peer) => {}
            Self::Restart(peer) => {
                world.restart(*peer)?;
            }
            Self::Disk(peer, fault) => world.set_disk_fault(*peer, Some(*fault)),
            Self::DiskMended(peer) => world.set_disk_fault(*peer, None),
        }
        Ok(())
    }
}
