//! Peers that do what they should not.
//!
//! Each runs the node that ships, so that it is admitted and knows the city. What it does beside that is here: it changes,
//! drops or repeats what its node says, and says more. What is forged is made through the same public interfaces that an
//! attacker has: keys, logs, and a gossip machine of its own. Whom it attacks is looked at by the checkers; it is not.
//!
//! | file | what it makes |
//! |---|---|
//! | `puppets` | messages of every kind, about any log, which no honest peer would say |
//! | `forgery` | logs under grants that nobody gave |

mod forgery;
mod puppets;

use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

use msec_identity::LogId;
use msec_peer::gossip::Priority;
use msec_peer::node::{Input, LinkId, Output};
use msec_peer::wire::is_of_overlay;
use serde::{Deserialize, Serialize};

pub(crate) use forgery::{Forged, forge, papers, target};

use crate::peer::PeerIndex;
use crate::seed::{Dice, Seed};

/// How often it does something by itself.
pub(crate) const ACT_EVERY: Duration = Duration::from_millis(250);

/// Messages of others that are remembered; the oldest are forgotten.
const MEMORY_MAX: usize = 512;

/// Messages that a replayer sends at once on one link.
const REPLAYS_MAX: usize = 4;

/// Messages that a flood sends at once on one link, at most: 256 a second. Fewer where the link takes fewer.
const FLOOD_MAX: usize = 64;

/// The longest garbage, in bytes: well over the longest announcement.
const GARBAGE_BYTES_MAX: u64 = 8 * 1024;

/// How often a bit is flipped in what a peer that sends garbage says itself.
const FLIPPED: f64 = 0.3;

/// What a peer does that it should not.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Behaviour {
    /// A second device with the key and the disk of another peer, as from a copied card: both continue its logs. It starts
    /// that late, and publishes into every stream that it finds.
    Fork {
        /// Whose.
        of: PeerIndex,
        /// When the copy is made and started.
        after_s: u64,
    },
    /// It says again what it heard and said before, to everybody.
    Replay,
    /// It says as much as a link takes: pushes, wants, summaries.
    Flood,
    /// It writes logs under grants that it made itself, that another space's root signed, that it widened, or that have
    /// expired. One without a grant shows forged ones at every door.
    ForgedGrants,
    /// It says random bytes, and what its node says with flipped bits.
    Garbage,
    /// Once it is admitted it says what keeps it a neighbour, and nothing else.
    Silence,
    /// It goes on when its grant is revoked, and says that it wrote an hour ago what it writes then.
    Backdates,
}

/// A hostile peer's own state, beside its node.
#[derive(Debug)]
pub(crate) struct Hostile {
    behaviour: Behaviour,
    dice: Dice,
    admitted: BTreeSet<LinkId>,
    memory: VecDeque<Vec<u8>>,
}

impl Hostile {
    pub(crate) fn new(peer: PeerIndex, seed: Seed, behaviour: Behaviour) -> Self {
        let dice = seed.dice("hostile", peer.0 as u64);
        Self { behaviour, dice, admitted: BTreeSet::new(), memory: VecDeque::new() }
    }

    pub(crate) fn behaviour(&self) -> &Behaviour {
        &self.behaviour
    }

    pub(crate) fn dice(&mut self) -> &mut Dice {
        &mut self.dice
    }

    pub(crate) fn links(&self) -> Vec<LinkId> {
        self.admitted.iter().copied().collect()
    }

    /// Its power was cut.
    pub(crate) fn crashed(&mut self) {
        self.admitted.clear();
    }

    /// What its node is told.
    pub(crate) fn hears(&mut self, input: &Input) {
        match input {
            Input::Received { link, bytes } if self.admitted.contains(link) => self.remember(bytes),
            Input::LinkDown { link, .. } => {
                self.admitted.remove(link);
            }
            _ => {}
        }
    }

    /// What its node wants done, and what is done of it.
    pub(crate) fn says(&mut self, output: Output) -> Option<Output> {
        match output {
            Output::Send { link, priority, bytes } if self.admitted.contains(&link) => {
                self.remember(&bytes);
                let bytes = self.tamper(bytes)?;
                Some(Output::Send { link, priority, bytes })
            }
            Output::Admitted { link } => {
                self.admitted.insert(link);
                Some(output)
            }
            Output::Close { link, .. } => {
                self.admitted.remove(&link);
                Some(output)
            }
            _ => Some(output),
        }
    }

    /// What it says by itself on one link. `held`: the logs that its node holds.
    pub(crate) fn act(&mut self, held: &[LogId]) -> Vec<(Priority, Vec<u8>)> {
        match self.behaviour {
            Behaviour::Replay => self.recall(REPLAYS_MAX),
            Behaviour::Flood => {
                let mut messages = self.recall(FLOOD_MAX / 2);
                messages.extend(puppets::chatter(held, FLOOD_MAX - messages.len(), &mut self.dice));
                messages
            }
            Behaviour::Garbage => vec![(Priority::Live, self.garbage())],
            Behaviour::Fork { .. } | Behaviour::ForgedGrants | Behaviour::Silence | Behaviour::Backdates => {
                Vec::new()
            }
        }
    }

    fn tamper(&mut self, mut bytes: Vec<u8>) -> Option<Vec<u8>> {
        match self.behaviour {
            Behaviour::Silence if !is_of_overlay(&bytes) => return None,
            Behaviour::Garbage if self.dice.chance(FLIPPED) && !bytes.is_empty() => {
                let at = self.dice.index(bytes.len());
                bytes[at] ^= 1 << self.dice.below(8);
            }
            _ => {}
        }
        Some(bytes)
    }

    fn remember(&mut self, bytes: &[u8]) {
        if !matches!(self.behaviour, Behaviour::Replay | Behaviour::Flood) {
            return;
        }
        if self.memory.len() >= MEMORY_MAX {
            self.memory.pop_front();
        }
        self.memory.push_back(bytes.to_vec());
    }

    /// Some of what it remembers, drawn at random.
    fn recall(&mut self, count: usize) -> Vec<(Priority, Vec<u8>)> {
        let count = count.min(self.memory.len());
        (0..count)
            .map(|_| (Priority::Live, self.memory[self.dice.index(self.memory.len())].clone()))
            .collect()
    }

    fn garbage(&mut self) -> Vec<u8> {
        let len = self.dice.below(GARBAGE_BYTES_MAX) as usize;
        let mut bytes: Vec<u8> = (0..len.div_ceil(32)).flat_map(|_| self.dice.bytes()).collect();
        bytes.truncate(len);
        bytes
    }
}
