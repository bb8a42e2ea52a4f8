//! An endorsement, as it stands in a claim.

use crate::record;
use msec_identity::Endorsement;

pub(super) fn check(bytes: &[u8]) {
    record::check::<Endorsement>(bytes, |endorsement| endorsement.peer);
}
