//! What an app asks of the driver about codes, and to whom it tells what becomes of them.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use msec_identity::pairing::{Hints, Invite, InviteTag, OpenInvite};
use msec_identity::{InviteError, Verified};
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
    /// Post a walk-up code.
    Post {
        open: Box<Verified<OpenInvite>>,
        notices: mpsc::Sender<Event>,
        answer: oneshot::Sender<Result<(), InviteError>>,
    },
    /// Take one back, or down.
    Withdraw { tag: InviteTag },
    /// The owner has decided.
    Decide { link: LinkId, welcome: Option<Vec<u8>> },
}

/// Who is told what becomes of a code: at most as many as codes are open.
#[derive(Default)]
pub(super) struct Hosts(BTreeMap<InviteTag, mpsc::Sender<Event>>);

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
        self.0.retain(|_, notices| !notices.is_closed());
        match asked {
            Pairing::Invite { lasts, hints, notices, answer } => {
                let invite = node.invite(now, lasts, hints.unwrap_or_else(|| hints_of(at)));
                if let Ok(invite) = &invite {
                    self.0.insert(invite.door().secret.tag(), notices);
                }
                let _ = answer.send(invite);
                None
            }
            Pairing::Hints { answer } => {
                let _ = answer.send(hints_of(at));
                None
            }
            Pairing::Post { open, notices, answer } => {
                let tag = open.secret.tag();
                let posted = node.post(*open);
                if posted.is_ok() {
                    self.0.insert(tag, notices);
                }
                let _ = answer.send(posted);
                None
            }
            Pairing::Withdraw { tag } => {
                self.0.remove(&tag);
                node.withdraw(tag);
                None
            }
            Pairing::Decide { link, welcome } => Some(Input::PairingDecision { link, welcome }),
        }
    }

    /// Tells whoever gave out the code.
    pub(super) fn tell(&self, event: &Event) {
        let (Event::Pairing { tag, .. } | Event::PairingEnded { tag, .. }) = event else { return };
        if let Some(notices) = self.0.get(tag) {
            // Who does not listen finds the link gone when it decides.
            let _ = notices.try_send(event.clone());
        }
    }
}
