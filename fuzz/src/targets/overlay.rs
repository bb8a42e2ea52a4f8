//! The overlay's machine: messages, links, dials, and what the node tells of contacts.

use crate::{overlay, script};

pub(super) fn check(bytes: &[u8]) {
    overlay::check(script::steps(bytes));
}
