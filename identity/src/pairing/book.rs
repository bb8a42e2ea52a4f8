//! Which codes an inviter has given out, and what is left of them.
//!
//! | state | knock with the tag | then |
//! |---|---|---|
//! | open | the secret to try | taken once the first message has verified |
//! | taken | [`PairingRefusal::Busy`] | past when it is settled; open again when it is given back, thrice at most |
//! | past: used or expired | [`PairingRefusal::Used`], [`PairingRefusal::Expired`] | forgotten when [`INVITES_PAST_MAX`] younger ones are past |
//! | never given out, forgotten, or the wrong secret | [`PairingRefusal::Unknown`], a wrong try | after [`WRONG_TRIES_MAX`] of them all codes are refused for [`CLOSED_FOR`] with [`PairingRefusal::Closed`], but for walk-up ones |
//!
//! A walk-up code stays open until it expires or is taken down, and is good for [`OPEN_USES_PER_MINUTE_MAX`] a minute. The book is in
//! memory only: with the process all codes for one peer end. Strangers who reach the inviter can keep those from being used; that
//! costs a person some minutes, and the other way would cost the limit.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use super::open::OpenInvite;
use super::refusal::PairingRefusal;
use super::secret::{InviteSecret, InviteTag};
use crate::error::InviteError;
use crate::record::Verified;
use crate::time::UnixMillis;

/// The most codes that are open at a time. A further one is refused with [`InviteError::Full`].
pub const INVITES_OPEN_MAX: usize = 16;
/// How many used and expired codes are remembered, so that they are refused by name. The oldest is forgotten.
pub const INVITES_PAST_MAX: usize = 64;
/// So many wrong tries, and no right one between them, close the book to all but those who walk up.
pub const WRONG_TRIES_MAX: u8 = 5;
/// How long it stays closed.
pub const CLOSED_FOR: Duration = Duration::from_secs(60);
/// How many may come in by walk-up codes in a minute. Others are told to try again.
pub const OPEN_USES_PER_MINUTE_MAX: u16 = 30;
/// How often a code may be given back that was taken by a link that broke. Then it counts as used.
const GIVEN_BACK_MAX: u8 = 3;

const MINUTE: Duration = Duration::from_secs(60);

/// What a code gives.
#[derive(Debug, Clone)]
pub enum Terms {
    /// One peer may ask, and the owner decides.
    Once,
    /// Whoever comes may read, and nobody is asked.
    Open(Box<Verified<OpenInvite>>),
}

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
    terms: Terms,
    /// On the monotonic clock; `None` for a walk-up code, whose record says.
    until: Option<Duration>,
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
    /// Since when walk-up codes are counted, and how many came.
    opened: (Duration, u16),
}

impl InviteBook {
    /// Gives out a code for one peer, good for `lasts` from `now`, the monotonic time.
    pub fn invite(
        &mut self,
        secret: &InviteSecret,
        lasts: Duration,
        now: Duration,
    ) -> Result<(), InviteError> {
        self.expire(now, None);
        self.hold(secret, Terms::Once, Some(now.saturating_add(lasts)))
    }

    /// Posts a walk-up code, also one that was taken down before.
    pub fn post(&mut self, open: Verified<OpenInvite>) -> Result<(), InviteError> {
        let secret = open.secret.clone();
        self.past.retain(|(tag, _)| *tag != secret.tag());
        self.hold(&secret, Terms::Open(Box::new(open)), None)
    }

    fn hold(
        &mut self,
        secret: &InviteSecret,
        terms: Terms,
        until: Option<Duration>,
    ) -> Result<(), InviteError> {
        if self.held.len() >= INVITES_OPEN_MAX {
            return Err(InviteError::Full);
        }
        let held = Held { secret: secret.clone(), terms, until, taken: false, given_back: 0 };
        self.held.insert(secret.tag(), held);
        Ok(())
    }

    /// Takes a code back, or down. Whoever knocks with it is told that it has expired.
    pub fn withdraw(&mut self, tag: InviteTag) {
        self.end(tag, PairingRefusal::Expired);
    }

    /// The codes that are open or taken.
    pub fn codes(&self) -> impl Iterator<Item = (InviteTag, &Terms)> {
        self.held.iter().map(|(tag, held)| (*tag, &held.terms))
    }

    /// The secret that goes with a tag, if somebody may come in with it now. `wall` is `None` where the clock was never set.
    pub(super) fn knock(
        &mut self,
        tag: InviteTag,
        now: Duration,
        wall: Option<UnixMillis>,
    ) -> Result<(InviteSecret, Terms), PairingRefusal> {
        self.expire(now, wall);
        self.closed_until = self.closed_until.filter(|until| now < *until);
        if let Some(until) = self.closed_until.filter(|_| !self.is_posted(tag)) {
            return Err(PairingRefusal::Closed { retry_after_s: seconds(until.saturating_sub(now)) });
        }
        if let Some((_, why)) = self.past.iter().find(|(past, _)| *past == tag) {
            return Err(*why);
        }
        match self.held.get(&tag) {
            None => Err(self.wrong(now)),
            Some(held) if held.taken => Err(PairingRefusal::Busy),
            Some(held) => {
                let found = (held.secret.clone(), held.terms.clone());
                match self.crowded_for(now).filter(|_| self.is_posted(tag)) {
                    Some(left) => Err(PairingRefusal::Closed { retry_after_s: seconds(left) }),
                    None => Ok(found),
                }
            }
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
            match held.terms {
                Terms::Once => {
                    held.taken = true;
                    self.wrong = 0;
                }
                // It clears no count: whoever guesses may stand at the bench.
                Terms::Open(_) => self.opened.1 = self.opened.1.saturating_add(1),
            }
        }
        Ticket(tag)
    }

    /// The code has served: the owner approved or declined. A walk-up code goes on.
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

    fn is_posted(&self, tag: InviteTag) -> bool {
        self.held.get(&tag).is_some_and(|held| matches!(held.terms, Terms::Open(_)))
    }

    /// For how long nobody else comes in by walk-up codes, if as many came in this minute as may.
    fn crowded_for(&mut self, now: Duration) -> Option<Duration> {
        let left = self.opened.0.saturating_add(MINUTE).saturating_sub(now);
        if left.is_zero() {
            self.opened = (now, 0);
        }
        (self.opened.1 >= OPEN_USES_PER_MINUTE_MAX).then_some(left)
    }

    fn expire(&mut self, now: Duration, wall: Option<UnixMillis>) {
        let over = |held: &Held| match &held.terms {
            Terms::Once => held.until.is_some_and(|until| now > until),
            Terms::Open(open) => open.check(wall).is_err(),
        };
        let tags: Vec<_> = self.held.iter().filter(|(_, held)| over(held)).map(|(tag, _)| *tag).collect();
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
