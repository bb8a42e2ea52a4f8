//! What a peer says that recomputed somebody's claim.

use super::claim::ClaimHash;

/// "I had these entries, and they come to this." Only [`super::Recomputed::confirm`] makes one. It becomes an entry of the kind
/// [`EntryKind::Countersignature`](crate::EntryKind), whose body is the claim's hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Confirmed(ClaimHash);

impl Confirmed {
    pub(crate) fn new(claim: ClaimHash) -> Self {
        Self(claim)
    }

    /// Which claim.
    pub fn claim(&self) -> ClaimHash {
        self.0
    }

    /// The body of an entry that says so.
    pub(crate) fn as_body(&self) -> &[u8] {
        &self.0.0
    }
}
