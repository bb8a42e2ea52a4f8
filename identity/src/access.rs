//! What roots and managers say about rights, and what a log of them looks like.
//!
//! | module | what it holds |
//! |---|---|
//! | `grant` | [`Grant`]: a holder may do this, there, in that time |
//! | `caveats` | [`Caveats`]: within which limits |
//! | `cuts` | [`Cuts`]: up to where logs count |
//! | `erasure` | [`Erasure`]: bodies that are to be gone, as [`Stretches`] |
//! | `text` | [`ShortText`], words for people in a record |
//! | `approval` | [`Approval`]: another root agrees |
//! | `revocation` | [`Revocation`] ends a grant, [`Restoration`] names logs that it forgot |
//! | `succession` | [`Succession`]: other roots from now on |
//! | `linked` | [`Linked`]: the manifest of another space |
//! | `rotation` | [`Rotation`]: a peer has another Noise key |
//! | `replacement` | [`Replacement`]: a device takes the place of a lost one |
//! | `class` | [`Classified`]: what kind of data a collection holds |
//! | `beat` | [`Beat`]: an issuer is there, and its control logs go so far |
//! | `receipt` | [`Receipt`]: a peer knows of an end, or has erased |
//! | `control` | [`ControlRecord`]: any of them, as control logs carry them |

mod approval;
mod beat;
mod caveats;
mod class;
mod control;
mod cuts;
mod erasure;
mod grant;
mod linked;
mod receipt;
mod replacement;
mod revocation;
mod rotation;
mod succession;
mod text;

#[cfg(test)]
mod tests;

pub use approval::Approval;
pub use beat::{BEAT_LOGS_MAX, Beat};
pub use caveats::{Area, Caveats, PURPOSE_BYTES_MAX};
pub use class::{Class, Classified, ParseClassError};
pub use control::{ControlRecord, ControlStream, UNKNOWN_DOMAIN_BYTES_MAX, UnknownRecord};
pub use cuts::{Cut, Cuts, REVOCATION_CUTS_MAX};
pub use erasure::{ERASURE_STRETCHES_MAX, Erasure, Stretch, Stretches};
pub use grant::{CHAIN_LINKS_MAX, Grant, Holder, ParseRightsError, Right, Rights};
pub use linked::Linked;
pub use receipt::Receipt;
pub use replacement::{REPLACED_STREAMS_MAX, ReplacedStream, ReplacedStreams, Replacement};
pub use revocation::{REASON_BYTES_MAX, Restoration, Revocation};
pub use rotation::Rotation;
pub use succession::Succession;
pub use text::ShortText;
