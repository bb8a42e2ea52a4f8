//! Records that the node is asked to check.

use std::collections::VecDeque;
use std::time::Duration;

use msec_identity::PeerId;

use super::message::Record;

/// Records that wait for the node's word. When full, the oldest is given up.
pub(super) const CHECKS_MAX: usize = 64;

/// After this, a record counts as one that does not verify.
const CHECK_TIMEOUT: Duration = Duration::from_secs(10);

/// What is to happen with a contact once its record is checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Then {
    /// It is only kept.
    Keep,
    /// It is dialled: it has room because of the same change that cost us a neighbour. `both`: it was told about us,
    /// too, and one of us is enough.
    Instead { both: bool },
    /// It is dialled: a newcomer whose walk ended here.
    Welcome,
    /// It is passed on: a newcomer whose walk goes on there, with so many steps left.
    PassOn { to: PeerId, steps: u8 },
    /// It is told to some: this neighbour joined by us, and its walks begin here.
    Spread { newcomer: PeerId },
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Check {
    tag: [u8; 8],
    pub(super) from: PeerId,
    /// When the peer was known to live.
    pub(super) lived_at: Duration,
    pub(super) then: Then,
    asked_at: Duration,
}

#[derive(Debug, Default)]
pub(super) struct Checks(VecDeque<Check>);

impl Checks {
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// Notes that the node is asked. False if it is asked about this very record already: the more urgent of the two
    /// reasons stays. The one given up comes back, if there was no room.
    pub(super) fn ask(
        &mut self,
        record: &Record,
        from: PeerId,
        lived_at: Duration,
        then: Then,
        now: Duration,
    ) -> (bool, Option<Check>) {
        let tag = tag(record.bytes());
        if let Some(asked) = self.0.iter_mut().find(|check| check.tag == tag) {
            asked.lived_at = asked.lived_at.max(lived_at);
            if then != Then::Keep {
                asked.then = then;
            }
            return (false, None);
        }
        let given_up = if self.0.len() >= CHECKS_MAX { self.0.pop_front() } else { None };
        self.0.push_back(Check { tag, from, lived_at, then, asked_at: now });
        (true, given_up)
    }

    /// The node has judged this record.
    pub(super) fn take(&mut self, record: &[u8]) -> Option<Check> {
        let tag = tag(record);
        let place = self.0.iter().position(|check| check.tag == tag)?;
        self.0.remove(place)
    }

    /// The next one that the node did not answer in time.
    pub(super) fn expired(&mut self, now: Duration) -> Option<Check> {
        let old = self.0.front().is_some_and(|check| now.saturating_sub(check.asked_at) >= CHECK_TIMEOUT);
        if old { self.0.pop_front() } else { None }
    }
}

fn tag(record: &[u8]) -> [u8; 8] {
    let hash = blake3::hash(record);
    *hash.as_bytes().first_chunk().expect("a hash has 32 bytes")
}
