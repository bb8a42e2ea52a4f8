//! The machine: hands each input to the protocol that it is for.

use std::collections::VecDeque;
use std::time::Duration;

use msec_identity::PeerId;

use super::config::Config;
use super::io::{Input, Output, Role};

/// Who is linked with whom, as a machine without I/O.
///
/// - Handler: [`Overlay::handle`], for each thing that happens, with the time.
/// - Pollers: after it, [`Overlay::poll_output`] until there is none, then [`Overlay::poll_timeout`] for when to call
///   `handle` with [`Input::Timeout`] if nothing happens before.
/// - Getters: [`Overlay::neighbours`], [`Overlay::me`], [`Overlay::role`].
///
/// Equal configurations, seeds and inputs give equal outputs.
#[derive(Debug)]
pub struct Overlay {
    me: PeerId,
    role: Role,
    outputs: VecDeque<Output>,
}

impl Overlay {
    /// A machine that knows nobody.
    ///
    /// # Panics
    ///
    /// If [`Config::check`] refuses `config`: call it where the configuration comes from outside.
    pub fn new(config: Config, me: PeerId, role: Role, _seed: [u8; 32]) -> Self {
        config.check().expect("a configuration is checked where it enters");
        Self { me, role, outputs: VecDeque::new() }
    }

    /// Takes in what happened at `now`, the monotonic time since an epoch of the driver's choice. A time before the
    /// last one counts as the last one. Deadlines that have passed are met, whatever the input is.
    pub fn handle(&mut self, _now: Duration, _input: Input) {}

    /// The next thing to do, in order. `None` until the next [`Overlay::handle`].
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// When to call [`Overlay::handle`] with [`Input::Timeout`], on the clock that `handle` is given.
    pub fn poll_timeout(&self) -> Option<Duration> {
        None
    }

    /// Who we are.
    pub fn me(&self) -> PeerId {
        self.me
    }

    /// What we do for others.
    pub fn role(&self) -> Role {
        self.role
    }

    /// Those who are up, in order: who, and whether it is a leaf.
    pub fn neighbours(&self) -> impl Iterator<Item = (PeerId, bool)> {
        std::iter::empty()
    }
}
