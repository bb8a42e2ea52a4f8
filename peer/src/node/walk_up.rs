//! Whoever walks up with a code from a bench ([`msec_identity::pairing::Visitor`]), on a link whose first two bytes say so.
//!
//! | state | what happens | then |
//! |---|---|---|
//! | first message awaited | it comes, and this peer lets visitors in | the second is sent |
//! | | this peer lets nobody in, or too many are on their way | refused in words that name nobody, and closed |
//! | third awaited | it shows a code that its signer signed | [`Event::WalkUp`]: whoever manages here decides |
//! | | a code that works from where the bench is, and the visitor is not on a link of this machine's own | refused, and closed |
//! | | a code that names no grant which its signer holds; or as many came in this minute as may | refused, and closed |
//! | | anything else, or the time of a handshake is over | closed |
//! | decision awaited | [`Input::WalkUpDecision`] | the answer is sent, the link is closed |
//! | | the time of a handshake is over | closed |
//!
//! Nobody is admitted by it, and nothing is kept: whether the code counts is read from what everybody knows of grants. A sensor's program lets
//! nobody in, and has nothing of this.

use std::collections::BTreeMap;
use std::time::Duration;

use msec_gossip::Priority;
use msec_identity::handshake::ChannelBinding;
use msec_identity::pairing::{
    AwaitCode, Doorkeeper, Host, OpenInvite, PairingPapers, PairingRefusal, Turnstile, Welcoming,
};
use msec_identity::{Holder, PairingError};

#[cfg(doc)]
use super::Input;
use super::pairing::INVITES;
use super::{CloseReason, Event, LinkId, Node, RefusedKind};

/// How many visitors are on their way in at most. Further ones are told to try again.
pub const WALK_UPS_MAX: usize = 16;

#[derive(Debug, Default)]
pub(super) struct WalkUps {
    /// Whether anybody decides.
    is_open: bool,
    turnstile: Turnstile,
    /// Few, large and short-lived.
    under_way: BTreeMap<LinkId, Box<WalkUp>>,
}

#[derive(Debug)]
struct WalkUp {
    deadline: Duration,
    step: Step,
}

/// What is waited for.
#[derive(Debug)]
#[allow(clippy::large_enum_variant, reason = "a visit has a box of its own")]
enum Step {
    Code {
        code: AwaitCode,
        /// See [`Input::LinkUp`].
        own_link: bool,
    },
    Decision(Welcoming),
}

impl WalkUps {
    /// When the next one has taken too long.
    pub(super) fn due(&self) -> Option<Duration> {
        self.under_way.values().map(|it| it.deadline).min()
    }

    pub(super) fn contains(&self, link: LinkId) -> bool {
        self.under_way.contains_key(&link)
    }
}

impl Node {
    /// Lets visitors knock from now on: somebody listens to [`Event::WalkUp`] who may decide. Until then they are refused.
    pub fn open_door(&mut self) {
        self.walk_ups.is_open = true;
    }

    /// The first message of a link says that somebody walks up.
    pub(super) fn walked_up(&mut self, id: LinkId, binding: ChannelBinding, own_link: bool, first: &[u8]) {
        if !INVITES {
            return self.close(id, CloseReason::NotPaired);
        }
        let lets_in = self.walk_ups.is_open;
        let wait = u16::try_from(self.config.handshake_timeout.as_secs()).unwrap_or(u16::MAX).max(1);
        let room = match self.walk_ups.under_way.len() < WALK_UPS_MAX {
            _ if !lets_in => Err(PairingRefusal::Elsewhere),
            true => Ok(()),
            false => Err(PairingRefusal::Closed { retry_after_s: wait }),
        };
        let key = self.noise_key();
        let answered = room
            .map_err(PairingError::Refused)
            .and_then(|()| Doorkeeper::respond(first, &key, binding, &mut self.rng));
        match answered {
            Ok((code, second)) => {
                let deadline = self.now.mono + self.config.handshake_timeout;
                let visit = WalkUp { deadline, step: Step::Code { code, own_link } };
                self.walk_ups.under_way.insert(id, Box::new(visit));
                self.send(id, Priority::Control, second);
            }
            Err(error) => {
                if let Some(answer) = error.answer() {
                    self.send(id, Priority::Control, answer);
                }
                self.refused(None, RefusedKind::Handshake, error.to_string());
                self.close(id, CloseReason::NotPaired);
            }
        }
    }

    /// A message of somebody who walks up.
    pub(super) fn walk_up_received(&mut self, id: LinkId, bytes: &[u8]) {
        let Some(visit) = self.walk_ups.under_way.remove(&id).filter(|_| INVITES) else { return };
        let read = match visit.step {
            Step::Code { code, own_link } => code.read(bytes, self.wall()).map(|read| (read, own_link)),
            // There is nothing to say before the answer.
            Step::Decision(_) => Err(PairingError::Malformed),
        };
        match read {
            Ok(((visitor, code, welcoming), own_link)) => {
                let now = self.now.mono;
                let deadline = now + self.config.handshake_timeout;
                let is_near = own_link || code.anywhere;
                let visit = WalkUp { deadline, step: Step::Decision(welcoming) };
                self.walk_ups.under_way.insert(id, Box::new(visit));
                // A code that somebody made up costs nobody a place in the queue, nor does one that was photographed.
                let counts = self.names_a_bench(&code).and_then(|()| match is_near {
                    true => self.walk_ups.turnstile.pass(now),
                    false => Err(PairingRefusal::NotNear),
                });
                match counts {
                    Ok(()) => {
                        self.event(Event::WalkUp { link: id, joiner: visitor.peer, code: Box::new(code) });
                    }
                    Err(refusal) => self.walk_up_decided(id, Err(refusal)),
                }
            }
            Err(error) => {
                self.refused(None, RefusedKind::Handshake, error.to_string());
                self.close(id, CloseReason::NotPaired);
            }
        }
    }

    /// Whether a code names a grant that its signer holds, as far as this peer knows. Whether that counts is for whoever decides.
    fn names_a_bench(&self, code: &OpenInvite) -> Result<(), PairingRefusal> {
        if code.space != self.authority.space() {
            return Err(PairingRefusal::Elsewhere);
        }
        let holder = self.authority.grant(&code.grant).map(|grant| grant.holder);
        if holder == Some(Holder::Peer(code.gateway)) { Ok(()) } else { Err(PairingRefusal::Unknown) }
    }

    /// Whoever manages here has looked at the code: with a welcome for the visitor, or why not.
    pub(super) fn walk_up_decided(&mut self, id: LinkId, decision: Result<Vec<u8>, PairingRefusal>) {
        // It went meanwhile.
        let Some(visit) = self.walk_ups.under_way.remove(&id).filter(|_| INVITES) else { return };
        let Step::Decision(welcoming) = visit.step else {
            self.walk_ups.under_way.insert(id, visit);
            return;
        };
        let reason = if decision.is_ok() { CloseReason::Paired } else { CloseReason::NotPaired };
        let answer = match decision {
            Ok(welcome) => {
                let (key, space) = (self.noise_key(), self.authority.space());
                let host = Host { key: &key, space, papers: &PairingPapers::default() };
                welcoming.admit(host, welcome)
            }
            Err(refusal) => welcoming.refuse(refusal),
        };
        match answer {
            Ok(answer) => {
                self.send(id, Priority::Control, answer);
                self.close(id, reason);
            }
            Err(error) => {
                tracing::warn!(%error, "what was to welcome a visitor cannot be said");
                self.close(id, CloseReason::NotPaired);
            }
        }
    }

    /// A link of a visitor is gone. `false`: it was none.
    pub(super) fn walk_up_gone(&mut self, link: LinkId) -> bool {
        self.walk_ups.under_way.remove(&link).is_some()
    }

    /// Lets those go who have taken too long.
    pub(super) fn expire_walk_ups(&mut self) {
        if !INVITES {
            return;
        }
        let late = |it: &WalkUp| it.deadline <= self.now.mono;
        let late: Vec<_> =
            self.walk_ups.under_way.iter().filter(|(_, it)| late(it)).map(|(id, _)| *id).collect();
        for id in late {
            self.walk_ups.under_way.remove(&id);
            self.close(id, CloseReason::TooSlow);
        }
    }
}
