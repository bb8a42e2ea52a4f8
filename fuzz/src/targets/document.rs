//! The changes of a document, and the fold over them.

use crate::{document, script};

pub(super) fn check(bytes: &[u8]) {
    document::check(script::steps(bytes));
}
