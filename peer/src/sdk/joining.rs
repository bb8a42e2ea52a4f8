//! Coming into a space with a code, as `msec join CODE` does.

use std::net::SocketAddr;

use msec_identity::pairing::{Code, Counterpart, PairingPapers, SafetyWords, SpaceTag};
use msec_identity::{Identity, InviteError, PairingError, PeerId};

use super::Membership;
use crate::guest::{GuestEvent, GuestFailed, GuestParts, Way, key_for_pairing};
use crate::net::{BindError, come_in, random_seed, wall_clock};

/// Somebody who was let in.
#[derive(Debug, Clone)]
pub struct Welcomed {
    /// Manifest and grants: for [`crate::PeerConfig::join`], or [`crate::DataDir::join`].
    pub membership: Membership,
    /// Who let it in.
    pub inviter: PeerId,
    /// Where that one was reached, and can be again.
    pub address: SocketAddr,
}

/// A code that did not let anybody in. Nothing is kept.
#[derive(Debug, thiserror::Error)]
pub enum JoinFailed {
    /// The code cannot be read, or has expired.
    #[error(transparent)]
    Code(#[from] InviteError),
    /// The name is none.
    #[error(transparent)]
    Name(#[from] PairingError),
    /// No socket can be opened.
    #[error(transparent)]
    Bind(#[from] BindError),
    /// Nobody opened.
    #[error(transparent)]
    Guest(#[from] GuestFailed),
    /// What the inviter gave is no invitation for this peer into the space that the code names.
    #[error(
        "the inviter let this peer in, and what it gave is no invitation for it: update the older of the two"
    )]
    Welcome,
}

/// Comes in with a code. `compare` is called once with the words that both screens show; then the inviter's owner decides. With a walk-up
/// code nobody compares anything. Nothing is written down.
pub async fn join_with_code(
    identity: &Identity,
    code: &Code,
    name: &str,
    mut compare: impl FnMut(SafetyWords, &Counterpart),
) -> Result<Welcomed, JoinFailed> {
    let now = wall_clock();
    let known = now.is_plausible().then_some(now);
    let (way, tag, hints, space) = match code {
        Code::Invite(invite) => {
            invite.check(known)?;
            (Way::Door(invite.door().clone()), invite.door().space, invite.hints(), None)
        }
        Code::Open(open) => {
            open.check(known)?;
            (Way::WalkUp(open.clone()), open.space.into(), &open.hints, Some(open.space))
        }
    };
    let parts = GuestParts {
        way,
        key: key_for_pairing(identity, random_seed(), now),
        papers: PairingPapers::named(name)?,
        hints: hints.iter().collect(),
        finds_others: space.is_some(),
        seed: random_seed(),
    };
    let space_of_all = space;
    let last = come_in(parts, space, |event| {
        if let GuestEvent::Words { words, inviter, .. } = event {
            compare(*words, inviter);
        }
    });
    match last.await? {
        GuestEvent::Welcome { welcome, inviter, space, address } => {
            let membership = Membership::from_bytes(&welcome).ok_or(JoinFailed::Welcome)?;
            let me = identity.peer();
            let fits = membership.manifest().space() == space && SpaceTag::from(space) == tag;
            // Of a gateway that the code does not name it has to show that it may let in.
            let by_right = membership
                .grants_for(&me)
                .any(|grant| grant.issuer == inviter && membership.check(grant).is_ok());
            if !fits || membership.grants_for(&me).next().is_none() || (space_of_all.is_some() && !by_right) {
                return Err(JoinFailed::Welcome);
            }
            Ok(Welcomed { membership, inviter, address })
        }
        GuestEvent::Failed(why) => Err(why.into()),
        GuestEvent::Words { .. } => unreachable!("it is told, and not the last"),
    }
}
