//! What an app asks of the driver about codes, and to whom it tells what becomes of them.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use msec_identity::InviteError;
use msec_identity::pairing::{Hints, Invite, InviteTag, PairingRefusal};
use tokio::sync::{mpsc, oneshot};

use crate::node::{Event, Input, LinkId, Node, Now};
use crate::sdk::hints_of;

/// What an app asks about codes.
pub(crate) enum Pairing {
    /// Give out a code for one peer.
    Invite {
        lasts: Duration,
        /// `None`: where this peer can be dialled.
        hints: Option<Hints>,
        notices: mpsc::Sender<Event>,
        answer: oneshot::Sender<Result<Invite, InviteError>>,
    },
    /// Where this peer can be dialled, as a code says it.
    Hints { answer: oneshot::Sender<Hints> },
    /// Let visitors knock: they are told to whoever listens here.
    Door { notices: mpsc::Sender<Event> },
    /// What is answered to one of them.
    Welcome { link: LinkId, decision: Result<Vec<u8>, PairingRefusal> },
    /// Take one back.
    Withdraw { tag: InviteTag },
    /// The owner has decided.
    Decide { link: LinkId, welcome: Option<Vec<u8>> },
}

/// Who is told what becomes of codes.
#[derive(Default)]
pub(super) struct Hosts {
    /// Of each code: at most as many as are open.
    codes: BTreeMap<InviteTag, mpsc::Sender<Event>>,
    /// Of those who walk up.
    door: Option<mpsc::Sender<Event>>,
}

impl Hosts {
    /// Does what is asked; what is for the node comes back. `at`: where it can be dialled.
    pub(super) fn obey(
        &mut self,
        node: &mut Node,
        now: Now,
        asked: Pairing,
        at: &[SocketAddr],
    ) -> Option<Input> {
        // Whoever does not listen any more was about a code that is over.
        self.codes.retain(|_, notices| !notices.is_closed());
        match asked {
            Pairing::Invite { lasts, hints, notices, answer } => {
                let invite = node.invite(now, lasts, hints.unwrap_or_else(|| hints_of(at)));
                if let Ok(invite) = &invite {
                    self.codes.insert(invite.door().secret.tag(), notices);
                }
                let _ = answer.send(invite);
                None
            }
            Pairing::Hints { answer } => {
                let _ = answer.send(hints_of(at));
                None
            }
            Pairing::Door { notices } => {
                node.open_door();
                self.door = Some(notices);
                None
            }
            Pairing::Welcome { link, decision } => Some(Input::WalkUpDecision { link, decision }),
            Pairing::Withdraw { tag } => {
                self.codes.remove(&tag);
                node.withdraw(tag);
                None
            }
            Pairing::Decide { link, welcome } => Some(Input::PairingDecision { link, welcome }),
        }
    }

    /// Tells whoever gave out the code.
    pub(super) fn tell(&self, event: &Event) {
        let notices = match event {
            Event::Pairing { tag, .. } | Event::PairingEnded { tag, .. } => self.codes.get(tag),
            Event::WalkUp { .. } => self.door.as_ref(),
            _ => None,
        };
        if let Some(notices) = notices {
            // Who does not listen finds the link gone when it decides.
            let _ = notices.try_send(event.clone());
        }
    }
}
