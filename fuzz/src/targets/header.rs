//! The header of a log, as it stands in entry 0.

use crate::town;
use msec_crdt_store::LogHeader;

pub(super) fn check(bytes: &[u8]) {
    let Ok(header) = minicbor::decode::<LogHeader>(bytes) else { return };
    let written = minicbor::to_vec(&header).expect("writing to a Vec cannot fail");
    let again = minicbor::decode::<LogHeader>(&written);
    assert!(again.is_ok_and(|again| again == header), "what was read is written, and read again");
    if header.check().is_ok() && header.shows_right_to_write(&town::authority()) {
        let authors = [town::sensor(), town::gateway()].map(|identity| identity.peer());
        assert!(authors.contains(&header.author()), "nobody else was granted anything");
    }
}
