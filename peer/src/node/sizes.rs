//! How full the node's tables are: what somebody who watches the bounds looks at.

use msec_identity::LogId;

use super::Node;

pub use super::erasing::ERASURES_UNCONFIRMED_MAX;
pub use super::forks::TRACES_MAX;
pub use super::lease::QUESTIONS_MAX;
pub use super::limits::CONTROL_LOGS_MAX;
pub use super::prefixes::{ADOPTED_MAX, NOTED_MAX};
pub use super::replicate::READS_MAX;

/// The sizes of what a node bounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sizes {
    /// Peers that are admitted, neighbours or not: at most [`super::Config::links_max`].
    pub links: usize,
    /// Contacts: at most those of the settings, [`super::Config::discovered_max`], and the hearsay.
    pub contacts: usize,
    /// Those of them that are hearsay: at most [`super::Config::hearsay_max`].
    pub hearsay: usize,
    /// Those who dialled and are not admitted: at most [`super::Config::handshakes_max`].
    pub handshakes: usize,
    /// Logs that apps write and that are held: at most [`super::Config::logs_max`], and the own ones beyond it.
    pub logs: usize,
    /// Those in which peers say what concerns themselves, and their receipts: at most half as many, and the own ones beyond it.
    pub said_logs: usize,
    /// Those of roots and managers: at most [`CONTROL_LOGS_MAX`], and the own ones beyond it.
    pub control_logs: usize,
    /// Bytes of runs of others that wait for the disk: at most [`super::Config::waiting_bytes_max`] and one run more.
    pub waiting_bytes: usize,
    /// Bytes of own entries that wait: at most [`super::Config::waiting_bytes_max`] and one entry more.
    pub own_waiting_bytes: usize,
    /// Reads for one neighbour that the storage has not answered: at most [`READS_MAX`].
    pub reads: usize,
    /// Logs that are known to be forked: at most [`msec_crdt_store::CONTESTED_MAX`].
    pub contested: usize,
    /// Other histories of logs that are followed at one neighbour: at most [`TRACES_MAX`].
    pub traces: usize,
    /// Logs whose beginning is gone, as neighbours say, and those that wait for a run behind it: at most [`NOTED_MAX`] and
    /// [`ADOPTED_MAX`].
    pub prefixes: [usize; 2],
    /// Questions of neighbours about freshness that wait, and those under way: at most [`QUESTIONS_MAX`].
    pub questions: [usize; 2],
    /// Erasures that were not confirmed: at most [`ERASURES_UNCONFIRMED_MAX`].
    pub erasures: usize,
    /// What nobody has taken yet. A driver takes all after each input, so that there is none.
    pub outputs: usize,
    /// The tables of the overlay, with the settings that [`super::Config::views`] gives.
    pub overlay: msec_gossip::overlay::Tables,
    /// The tables of gossip.
    pub gossip: msec_gossip::Tables,
}

impl Node {
    /// How many entries of a log it holds.
    pub fn size_of(&self, log: &LogId) -> u64 {
        self.logs.get(log).map_or(0, |state| state.size())
    }

    /// How full its tables are.
    pub fn sizes(&self) -> Sizes {
        let (waiting_bytes, own_waiting_bytes) = self.commits.waiting_bytes();
        let (contacts, hearsay) = self.dialler.book.len();
        Sizes {
            contacts,
            hearsay,
            links: self.links.len(),
            handshakes: self.links.strangers(),
            logs: self.data_logs_len(),
            said_logs: self.limits.said.said,
            control_logs: self.limits.said.control,
            waiting_bytes,
            own_waiting_bytes,
            reads: self.reads.most_of_one(),
            contested: self.forks.len(),
            traces: self.forks.traced_of_one(),
            prefixes: self.prefixes.sizes(),
            questions: self.lease.asking.sizes(),
            erasures: self.erasing.unconfirmed(),
            outputs: self.outputs.len(),
            overlay: self.overlay.table_sizes(),
            gossip: self.gossip.table_sizes(),
        }
    }
}
