//! A grant, as it stands in invitations, claims and headers.

use crate::record;
use msec_identity::Grant;

pub(super) fn check(bytes: &[u8]) {
    record::check::<Grant>(bytes, |grant| grant.issuer);
}
