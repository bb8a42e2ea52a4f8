//! Sealed bodies, data keys and wraps, as a relay carries them; and the records of epochs, sealing keys and wraps. The first byte says which.

use crate::{record, sealed};
use msec_identity::sealed::{EpochRecord, SealingEndorsement, Wraps};

pub(super) fn check(bytes: &[u8]) {
    let Some((which, bytes)) = bytes.split_first() else { return };
    match which % 6 {
        0 => sealed::body(bytes),
        1 => sealed::data_key(bytes),
        2 => sealed::wrap(bytes),
        3 => record::check::<EpochRecord>(bytes, |epoch| epoch.issuer),
        4 => record::check::<SealingEndorsement>(bytes, |key| key.peer),
        _ => record::check::<Wraps>(bytes, |wraps| wraps.issuer),
    }
}
