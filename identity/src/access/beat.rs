//! An issuer says that it is there, and how far its control logs go.

use minicbor::{Decode, Encode};

use super::cuts::Cuts;
use crate::freshness::Question;
use crate::id::{PeerId, SpaceId};
use crate::record::Record;
use crate::time::UnixMillis;

/// The most control logs that a beat names. An issuer that has more cannot say that it named all, and says nothing; a beat that
/// names more is malformed.
pub const BEAT_LOGS_MAX: usize = 32;

/// "After I was asked that, my control logs went so far", signed by whoever issues. Who knows that its own question is in it,
/// and holds those logs as far, knows all that this issuer had said by the time when the question was drawn.
///
/// It does not name the grant under which its issuer stands: whether that is so, and over what, is for the [`crate::Authority`] of whoever
/// reads it to say, and the issuer's word would add nothing.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Encode, Decode)]
pub struct Beat {
    /// The space.
    #[n(0)]
    pub space: SpaceId,
    /// Who signs.
    #[n(1)]
    pub issuer: PeerId,
    /// What it was asked: the root over all questions that it answers at once.
    #[n(2)]
    pub of: Question,
    /// All its control logs, how many entries of each are on its disk, and the root of those.
    #[n(3)]
    pub logs: Cuts,
    /// When it was signed, by the issuer's clock: for people, it proves nothing.
    #[n(4)]
    pub at: UnixMillis,
}

impl Record for Beat {
    const DOMAIN: &'static str = "msec/heartbeat/1";
}
