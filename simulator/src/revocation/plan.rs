//! What a scenario says of revocations.

use serde::{Deserialize, Serialize};

use crate::fault::Who;

/// Whose word counts, beside that of the key that granted everybody what they have at the beginning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Issuer {
    /// The space's root: its key lies on this peer.
    Root,
    /// An everyday issuer: it holds a grant with all rights, `manage` among them, from the root.
    Manager,
}

/// Up to where the logs of a revoked holder count.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CutAt {
    /// As far as the issuer holds them when it revokes.
    #[default]
    Now,
    /// Half of that: the issuer found out late.
    Stale,
    /// Nothing of them counts: the revocation names none.
    None,
}

/// The grants of some peers are revoked: `{ at_s = 60, who = { population = "lamps", count = 1 } }`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Revoke {
    /// When, in seconds.
    pub at_s: f64,
    /// Whose.
    pub who: Who,
    /// Who issues it: one peer. Default: whoever granted it, or the root where it lies on a peer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<Who>,
    /// Up to where what they wrote counts.
    #[serde(default)]
    pub cut: CutAt,
    /// When the issuer restores what it then holds of the logs that the revocation did not name, in seconds. Default: never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restore_at_s: Option<f64>,
}
