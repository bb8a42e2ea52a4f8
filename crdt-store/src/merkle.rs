//! Hash trees as in RFC 9162, section 2.1: SHA-256, a zero byte before a leaf and a one before a node.

mod compact;
mod proof;
mod tree;

use sha2::{Digest, Sha256};

pub use compact::CompactRange;
pub use proof::{PROOF_HASHES_MAX, Roots, root_from_inclusion, roots_from_consistency};
pub(crate) use proof::{consistency_between, subtrees_from_consistency};
pub use tree::Tree;

/// A hash in the tree.
pub type TreeHash = [u8; 32];

/// The hash of a leaf: `SHA-256(0x00 || leaf)`.
pub fn leaf_hash(leaf: &[u8]) -> TreeHash {
    Sha256::new().chain_update([0]).chain_update(leaf).finalize().into()
}

/// The hash of an inner node: `SHA-256(0x01 || left || right)`.
pub fn node_hash(left: &TreeHash, right: &TreeHash) -> TreeHash {
    Sha256::new().chain_update([1]).chain_update(left).chain_update(right).finalize().into()
}

/// The root of the tree without leaves.
fn empty_root() -> TreeHash {
    Sha256::new().finalize().into()
}
