//! The store's file: garbage behind a right header, and right frames that were damaged, cut, repeated or mixed up.

use crate::{disk, script};

pub(super) fn check(bytes: &[u8]) {
    disk::check(script::steps(bytes));
}
