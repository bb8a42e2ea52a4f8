//! The inviter's side of a pairing ([`msec_identity::pairing`]), on a link whose first byte says that somebody comes with a code.
//!
//! | state | what happens | then |
//! |---|---|---|
//! | first message awaited | it shows the secret of an open code | the second is sent |
//! | | anything else | refused in words that say nothing of the space, and closed |
//! | third awaited | it verifies | [`Event::Pairing`]: the owner is asked |
//! | | anything else, or the time of a handshake is over | the code is given back; closed |
//! | decision awaited | [`Input::PairingDecision`], yes or no | the answer is sent, the code is used, the link is closed |
//! | | [`DECISION_MAX`] is over, or the link broke | the code is given back; closed |
//!
//! Nobody is admitted by it: whoever was let in comes again, on a link like any other. Whoever has shown a secret no longer counts
//! as a stranger; how many that are is bounded by the codes that are open, and by [`PAIRINGS_MAX`].
//!
//! A sensor's program, which is built without `index`, gives out no codes: nothing of this is in it, and whoever comes with a code
//! is turned away.

use std::collections::BTreeMap;
use std::time::Duration;

use msec_gossip::Priority;
use msec_identity::handshake::ChannelBinding;
use msec_identity::pairing::{
    AwaitJoiner, Compare, Hints, Host, Invite, InviteBook, InviteSecret, InviteTag, Inviter, PairingPapers,
    PairingRefusal, Ticket,
};
use msec_identity::{InviteError, PairingError, UnixMillis};

#[cfg(doc)]
use super::Input;
use super::{CloseReason, Event, LinkId, Node, Now, PairingOutcome, RefusedKind};

/// How many pairings are under way at most. Further ones are told to try again.
pub const PAIRINGS_MAX: usize = 64;
/// How long the owner has to compare the words. Then the joiner is let go, and may come again.
pub const DECISION_MAX: Duration = Duration::from_secs(120);

/// Whether this program gives out codes.
pub(super) const INVITES: bool = cfg!(any(feature = "index", not(feature = "net")));

/// The codes that were given out, and those who came with one.
#[derive(Debug, Default)]
pub(super) struct Pairings {
    book: InviteBook,
    /// Those who have shown that they know a secret. Few, large and short-lived.
    under_way: BTreeMap<LinkId, Box<Pairing>>,
}

#[derive(Debug)]
struct Pairing {
    deadline: Duration,
    tag: InviteTag,
    step: Step,
}

/// What is waited for.
#[derive(Debug)]
#[allow(clippy::large_enum_variant, reason = "a pairing has a box of its own")]
enum Step {
    Third(AwaitJoiner),
    Decision(Compare),
}

impl Pairing {
    fn ticket(&self) -> Ticket {
        match &self.step {
            Step::Third(wait) => wait.ticket(),
            Step::Decision(compare) => compare.ticket(),
        }
    }
}

impl Pairings {
    /// When the next one has taken too long.
    pub(super) fn due(&self) -> Option<Duration> {
        self.under_way.values().map(|it| it.deadline).min()
    }

    pub(super) fn contains(&self, link: LinkId) -> bool {
        self.under_way.contains_key(&link)
    }
}

/// Codes.
impl Node {
    /// Gives out a code for one peer, good for `lasts` from `now`. Whoever comes with it is shown by [`Event::Pairing`].
    pub fn invite(&mut self, now: Now, lasts: Duration, hints: Hints) -> Result<Invite, InviteError> {
        let secret = InviteSecret::draw(&mut self.rng);
        self.pairings.book.invite(&secret, lasts, now.mono)?;
        let lasts_ms = i64::try_from(lasts.as_millis()).unwrap_or(i64::MAX);
        // Whose clock was never set cannot say when that is; it knows all the same when it is over.
        let not_after = match now.wall.is_plausible() {
            true => now.wall.saturating_add(lasts_ms),
            false => UnixMillis(i64::MAX),
        };
        Ok(Invite::new(self.authority.space(), self.identity.peer(), secret, not_after, hints))
    }

    /// Takes a code back.
    pub fn withdraw(&mut self, tag: InviteTag) {
        self.pairings.book.withdraw(tag);
    }

    /// The codes that are open or in use.
    pub fn codes(&self) -> impl Iterator<Item = InviteTag> + '_ {
        self.pairings.book.codes()
    }
}

/// Those who come with one.
impl Node {
    /// The first message of a link says that it is a pairing.
    pub(super) fn knocked(&mut self, id: LinkId, binding: ChannelBinding, first: &[u8]) {
        if !INVITES {
            return self.close(id, CloseReason::NotPaired);
        }
        if self.pairings.under_way.len() >= PAIRINGS_MAX {
            let wait = u16::try_from(self.config.handshake_timeout.as_secs()).unwrap_or(u16::MAX);
            let refusal = PairingRefusal::Closed { retry_after_s: wait.max(1) };
            return self.turn_away(id, &PairingError::Refused(refusal));
        }
        let key = self.noise_key();
        let now = self.now.mono;
        let space = self.authority.space();
        let host = Host { key: &key, space, papers: &PairingPapers::default() };
        let book = &mut self.pairings.book;
        match Inviter::respond(first, book, now, host, binding, &mut self.rng) {
            Ok((wait, second)) => {
                let deadline = now + self.config.handshake_timeout;
                let pairing = Pairing { deadline, tag: wait.tag(), step: Step::Third(wait) };
                self.pairings.under_way.insert(id, Box::new(pairing));
                self.send(id, Priority::Control, second);
            }
            Err(error) => self.turn_away(id, &error),
        }
    }

    fn turn_away(&mut self, id: LinkId, error: &PairingError) {
        if let Some(answer) = error.answer() {
            self.send(id, Priority::Control, answer);
        }
        self.refused(None, RefusedKind::Handshake, error.to_string());
        self.close(id, CloseReason::NotPaired);
    }

    /// A message of somebody who has shown a secret.
    pub(super) fn pairing_received(&mut self, id: LinkId, bytes: &[u8]) {
        let Some(pairing) = self.pairings.under_way.remove(&id).filter(|_| INVITES) else { return };
        let (tag, ticket) = (pairing.tag, pairing.ticket());
        let compare = match pairing.step {
            Step::Third(wait) => wait.read(bytes, self.wall()),
            // There is nothing to say before the answer.
            Step::Decision(_) => Err(PairingError::Malformed),
        };
        match compare {
            Ok(compare) => {
                let joiner = compare.joiner();
                self.event(Event::Pairing {
                    link: id,
                    tag,
                    joiner: joiner.peer,
                    name: joiner.name.clone(),
                    words: compare.words(),
                });
                let deadline = self.now.mono + DECISION_MAX;
                let pairing = Pairing { deadline, tag, step: Step::Decision(compare) };
                self.pairings.under_way.insert(id, Box::new(pairing));
            }
            Err(error) => {
                self.pairings.book.give_back(ticket);
                self.refused(None, RefusedKind::Handshake, error.to_string());
                self.end_pairing(id, tag, PairingOutcome::Failed);
            }
        }
    }

    /// The owner has compared the words: with a welcome for the joiner, or without.
    pub(super) fn decided(&mut self, id: LinkId, welcome: Option<Vec<u8>>) {
        // It went meanwhile, and that was said.
        let Some(pairing) = self.pairings.under_way.remove(&id).filter(|_| INVITES) else { return };
        let (tag, ticket) = (pairing.tag, pairing.ticket());
        let Step::Decision(compare) = pairing.step else {
            self.pairings.under_way.insert(id, pairing);
            return;
        };
        let outcome = if welcome.is_some() { PairingOutcome::Joined } else { PairingOutcome::Declined };
        let answer = match welcome {
            Some(welcome) => compare.approve(&mut self.pairings.book, welcome),
            None => compare.decline(&mut self.pairings.book),
        };
        match answer {
            Ok(answer) => {
                self.send(id, Priority::Control, answer);
                self.end_pairing(id, tag, outcome);
            }
            Err(error) => {
                self.pairings.book.give_back(ticket);
                tracing::warn!(%error, "what was to welcome a peer cannot be said");
                self.end_pairing(id, tag, PairingOutcome::Failed);
            }
        }
    }

    fn end_pairing(&mut self, link: LinkId, tag: InviteTag, outcome: PairingOutcome) {
        let reason = match outcome {
            PairingOutcome::Joined => CloseReason::Paired,
            PairingOutcome::TooSlow => CloseReason::TooSlow,
            _ => CloseReason::NotPaired,
        };
        self.event(Event::PairingEnded { link, tag, outcome });
        self.close(link, reason);
    }

    /// A link of a pairing is gone. `false`: it was none.
    pub(super) fn pairing_gone(&mut self, link: LinkId) -> bool {
        let Some(pairing) = self.pairings.under_way.remove(&link).filter(|_| INVITES) else { return false };
        self.pairings.book.give_back(pairing.ticket());
        self.event(Event::PairingEnded { link, tag: pairing.tag, outcome: PairingOutcome::Gone });
        true
    }

    /// Lets those go who have taken too long, or whose owner has.
    pub(super) fn expire_pairings(&mut self) {
        if !INVITES {
            return;
        }
        let late = |it: &Pairing| it.deadline <= self.now.mono;
        let late: Vec<_> =
            self.pairings.under_way.iter().filter(|(_, it)| late(it)).map(|(id, _)| *id).collect();
        for id in late {
            let Some(pairing) = self.pairings.under_way.remove(&id) else { continue };
            self.pairings.book.give_back(pairing.ticket());
            self.end_pairing(id, pairing.tag, PairingOutcome::TooSlow);
        }
    }
}
