//! The gossip machine: messages, and all else that can happen in between.

use crate::{gossip, script};

pub(super) fn check(bytes: &[u8]) {
    gossip::check(script::steps(bytes));
}
