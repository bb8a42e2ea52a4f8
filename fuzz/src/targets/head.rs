//! A head, as it stands at the end of a run.

use crate::{record, town};
use msec_crdt_store::Head;

// A head does not name its author: the log's header does.
pub(super) fn check(bytes: &[u8]) {
    record::check::<Head>(bytes, |_| town::sensor().peer());
}
