//! What the machine counted.

/// Counters since the machine was made. They only grow, and wrap never in practice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Stats {
    /// Pushes sent, one for each neighbour.
    pub pushed: u64,
    /// Pushes received of what we held already, and dropped.
    pub duplicates: u64,
    /// Short ids announced, one for each neighbour.
    pub ids_announced: u64,
    /// Pushes asked for, because they were announced and did not come.
    pub fetched: u64,
    /// Bytes of messages about trees.
    pub tree_bytes: u64,
    /// Payloads handed to the node.
    pub delivered: u64,
    /// Items announced or offered, one for each neighbour.
    pub announced: u64,
    /// Rounds of reconciliation started.
    pub rounds: u64,
    /// Ranges summarised to neighbours.
    pub summarised: u64,
    /// Cells of codes sent to neighbours.
    pub coded: u64,
    /// Differences that the codes of neighbours told.
    pub decoded: u64,
    /// Items listed to neighbours, by name or in full.
    pub listed: u64,
    /// Wants sent.
    pub wanted: u64,
    /// Wants and fetches that were not answered in time.
    pub unanswered: u64,
    /// Wants that a neighbour said it would not answer.
    pub unserved: u64,
    /// Answers received that nobody wanted, and dropped.
    pub unwanted: u64,
    /// Deliveries that the node refused.
    pub refused: u64,
    /// Chunks sent.
    pub served: u64,
    /// Wants not served because the neighbour had too many, asked twice, or went over [`crate::Config::serve_quota`].
    pub serves_dropped: u64,
    /// Announced keys that were dropped because [`crate::Config::hearsay_max`] was reached.
    pub hearsay_dropped: u64,
    /// Payloads that were announced and not pushed because of [`crate::Config::author_quota`].
    pub held_back: u64,
    /// Pushes and announcements dropped because of [`crate::Config::push_quota`] or [`crate::Config::announce_quota`].
    pub over_quota: u64,
    /// Questions of where we differ dropped because [`crate::Config::walks_max`] was reached.
    pub throttled: u64,
    /// Chunks that the node served over [`crate::Config::message_bytes_max`], and that were not sent.
    pub oversize: u64,
    /// Frames that were none.
    pub decode_errors: u64,
    /// Frames from peers that are no neighbours, and dropped.
    pub strangers: u64,
    /// Neighbours refused because [`crate::Config::neighbours_max`] was reached.
    pub neighbours_refused: u64,
    /// Messages sent.
    pub messages_sent: u64,
    /// Frames sent: the messages in them share one.
    pub frames_sent: u64,
    /// Their bytes.
    pub bytes_sent: u64,
}
