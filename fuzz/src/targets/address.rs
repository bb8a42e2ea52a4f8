//! A peer's addresses, as neighbours tell them of others.

use crate::record;
use msec_identity::AddressRecord;

pub(super) fn check(bytes: &[u8]) {
    record::check::<AddressRecord>(bytes, |address| address.peer);
}
