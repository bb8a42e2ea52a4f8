//! The node: messages on links that are admitted and on links that are not, and all else that can happen in between.

use crate::{node, script};

pub(super) fn check(bytes: &[u8]) {
    node::check(script::steps(bytes));
}
