//! Which codes an inviter has given out, and what is left of them.
//!
//! | state | knock with the tag | then |
//! |---|---|---|
//! | open | the secret to try | taken once the first message has verified |
//! | taken | [`PairingRefusal::Busy`] | past when it is settled; open again when it is given back, thrice at most |
//! | past: used or expired | [`PairingRefusal::Used`], [`PairingRefusal::Expired`] | forgotten when [`INVITES_PAST_MAX`] younger ones are past |
//! | never given out, forgotten, or the wrong secret | [`PairingRefusal::Unknown`], a wrong try | after [`WRONG_TRIES_MAX`] of them all codes are refused for [`CLOSED_FOR`] with [`PairingRefusal::Closed`] |
//!
//! The book is in memory only: with the process all codes end. Strangers who reach the inviter can keep those from being used; that
//! costs a person some minutes, and the other way would cost the limit.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use super::refusal::PairingRefusal;
use super::secret::{InviteSecret, InviteTag};
use crate::error::InviteError;

/// The most codes that are open at a time. A further one is refused with [`InviteError::Full`].
pub const INVITES_OPEN_MAX: usize = 16;
/// How many used and expired codes are remembered, so that they are refused by name. The oldest is forgotten.
pub const INVITES_PAST_MAX: usize = 64;
/// So many wrong tries, and no right one between them, close the book.
pub const WRONG_TRIES_MAX: u8 = 5;
/// How long it stays closed.
pub const CLOSED_FOR: Duration = Duration::from_secs(60);
/// How often a code may be given back that was taken by a link that broke. Then it counts as used.
const GIVEN_BACK_MAX: u8 = 3;

/// A code that somebody is using.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ticket(InviteTag);

impl Ticket {
    pub(super) fn tag(self) -> InviteTag {
        self.0
    }
}

#[derive(Debug)]
struct Held {
    secret: InviteSecret,
    /// On the monotonic clock.
    until: Duration,
    taken: bool,
    given_back: u8,
}

/// The codes of one inviter.
#[derive(Debug, Default)]
pub struct InviteBook {
    held: BTreeMap<InviteTag, Held>,
    /// Oldest first.
    past: VecDeque<(InviteTag, PairingRefusal)>,
    wrong: u8,
    closed_until: Option<Duration>,
}

impl InviteBook {
    /// Gives out a code for one peer, good for `lasts` from `now`, the monotonic time.
    pub fn invite(
        &mut self,
        secret: &InviteSecret,
        lasts: Duration,
        now: Duration,
    ) -> Result<(), InviteError> {
        self.expire(now);
        if self.held.len() >= INVITES_OPEN_MAX {
            return Err(InviteError::Full);
        }
        let until = now.saturating_add(lasts);
        let held = Held { secret: secret.clone(), until, taken: false, given_back: 0 };
        self.held.insert(secret.tag(), held);
        Ok(())
    }

    /// Takes a code back. Whoever knocks with it is told that it has expired, or was taken back.
    pub fn withdraw(&mut self, tag: InviteTag) {
        self.end(tag, PairingRefusal::Expired);
    }

    /// The codes that are open or taken.
    pub fn codes(&self) -> impl Iterator<Item = InviteTag> {
        self.held.keys().copied()
    }

    /// The secret that goes with a tag, if somebody may come in with it now.
    pub(super) fn knock(&mut self, tag: InviteTag, now: Duration) -> Result<InviteSecret, PairingRefusal> {
        self.expire(now);
        self.closed_until = self.closed_until.filter(|until| now < *until);
        if let Some(until) = self.closed_until {
            return Err(PairingRefusal::Closed { retry_after_s: seconds(until.saturating_sub(now)) });
        }
        if let Some((_, why)) = self.past.iter().find(|(past, _)| *past == tag) {
            return Err(*why);
        }
        match self.held.get(&tag) {
            None => Err(self.wrong(now)),
            Some(held) if held.taken => Err(PairingRefusal::Busy),
            Some(held) => Ok(held.secret.clone()),
        }
    }

    /// Counts a wrong try.
    pub(super) fn wrong(&mut self, now: Duration) -> PairingRefusal {
        self.wrong += 1;
        if self.wrong >= WRONG_TRIES_MAX {
            self.wrong = 0;
            self.closed_until = Some(now.saturating_add(CLOSED_FOR));
        }
        PairingRefusal::Unknown
    }

    /// Somebody has shown that it knows the secret.
    pub(super) fn take(&mut self, tag: InviteTag) -> Ticket {
        if let Some(held) = self.held.get_mut(&tag) {
            held.taken = true;
            self.wrong = 0;
        }
        Ticket(tag)
    }

    /// The code has served: the owner approved or declined.
    pub fn settle(&mut self, ticket: Ticket) {
        if self.held.get(&ticket.0).is_some_and(|held| held.taken) {
            self.end(ticket.0, PairingRefusal::Used);
        }
    }

    /// The link broke before the owner decided: the code may be used again, a few times.
    pub fn give_back(&mut self, ticket: Ticket) {
        let Some(held) = self.held.get_mut(&ticket.0).filter(|held| held.taken) else { return };
        held.given_back += 1;
        held.taken = false;
        if held.given_back > GIVEN_BACK_MAX {
            self.end(ticket.0, PairingRefusal::Used);
        }
    }

    /// How many used and expired ones are remembered.
    #[cfg(test)]
    pub(super) fn past_len(&self) -> usize {
        self.past.len()
    }

    fn expire(&mut self, now: Duration) {
        let tags: Vec<_> =
            self.held.iter().filter(|(_, held)| now > held.until).map(|(tag, _)| *tag).collect();
        for tag in tags {
            self.end(tag, PairingRefusal::Expired);
        }
    }

    fn end(&mut self, tag: InviteTag, why: PairingRefusal) {
        if self.held.remove(&tag).is_none() {
            return;
        }
        if self.past.len() >= INVITES_PAST_MAX {
            self.past.pop_front();
        }
        self.past.push_back((tag, why));
    }
}

fn seconds(time: Duration) -> u16 {
    let up = time.as_secs() + u64::from(time.subsec_nanos() > 0);
    u16::try_from(up).unwrap_or(u16::MAX)
}
