//! Walk-up codes: printed, hung on a bench, and good for whoever comes, at any gateway that may let others read there.
//!
//! A bench has a grant of its own, issued by a peer to itself, which lets it pass reading on; the code names that grant, and its holder
//! signed it. A gateway that somebody comes to with it looks at what everybody knows: does that grant count? So nothing is kept of a code,
//! and none has to be told to anybody.
//!
//! What visitors are given hangs on the bench's grant where its holder lets them in. Another gateway lets them in by its own right to manage:
//! it makes a grant like that of the bench for itself, once for each bench, and ends it when the bench's own grant ends. It is kept in the
//! data directory under the name of the bench's grant. What visitors are given stands in no control log: it ends with the grant on which it
//! hangs, and logs don't grow with the visitors.

use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use msec_identity::pairing::{Hints, OPEN_INVITE_LASTS_MAX_S, OpenInvite, PairingRefusal};
use msec_identity::{CollectionPath, GrantId, Holder, PeerId, Right, Verified};
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;
use tokio::time::{MissedTickBehavior, interval};

use super::access::{AccessFailed, GrantTerms, RevokeTerms};
use super::data_dir::DataDir;
use super::error::DataDirError;
use super::inviting::InviteFailed;
use super::peer::{Peer, WeakPeer};
use crate::net::{Command, Pairing, wall_clock};
use crate::node::{Event, Node, WALK_UPS_MAX};

const DAY_MS: i64 = 24 * 3600 * 1000;
/// How often it is looked whether a bench has ended for which this peer let visitors in.
const LOOKS_EVERY: Duration = Duration::from_secs(5);
/// The most benches of others for which this peer lets visitors in. At a further one they are told to go elsewhere.
const BENCHES_MAX: usize = 1_024;

/// What a bench gives, and for how long it hangs there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BenchTerms {
    /// What visitors may read: this collection and those below it.
    pub collection: String,
    /// For how long, in seconds from when one came; at most a day.
    pub lasts_s: u32,
    /// For how many days the code works.
    pub days: u32,
    /// Where a gateway can be dialled, best first. Empty: where this peer tells others that it can, and mDNS finds all of them.
    #[serde(default)]
    pub hints: Vec<SocketAddr>,
    /// Whether it works from anywhere. Otherwise only for who is on a link of a gateway's own, its Wi-Fi or LAN.
    #[serde(default)]
    pub anywhere: bool,
}

/// A code to be printed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BenchCode {
    /// As text, for a QR code.
    pub code: String,
    /// The bench's own grant: whoever ends it ends all that came by it.
    pub grant: GrantId,
    /// Until when the code works.
    pub until_ms: i64,
}

impl Peer {
    /// Makes a walk-up code: whoever comes with it may read, and nobody is asked.
    pub async fn post(&self, terms: BenchTerms) -> Result<BenchCode, InviteFailed> {
        let resource: CollectionPath = terms.collection.parse().map_err(AccessFailed::Path)?;
        if !(1..=OPEN_INVITE_LASTS_MAX_S).contains(&terms.lasts_s) {
            return Err(InviteFailed::TooLong);
        }
        let hints = match terms.hints.is_empty() {
            true => self.ask(|answer| Command::Pairing(Pairing::Hints { answer })).await?,
            false => Hints::new(terms.hints)?,
        };
        let grant = self.bench_grant(&terms.collection, terms.days).await?;
        let not_after = wall_clock().saturating_add(i64::from(terms.days) * DAY_MS);
        let (lasts_s, anywhere) = (terms.lasts_s, terms.anywhere);
        let sign = move |node: &Node| {
            let (space, gateway) = (node.authority().space(), node.peer());
            node.sign(OpenInvite { space, gateway, grant, resource, lasts_s, not_after, hints, anywhere })
        };
        let open = self.look(sign).await?;
        Ok(BenchCode { code: open.code(), grant, until_ms: not_after.0 })
    }

    /// Lets in whoever comes with such a code, for as long as the peer runs.
    pub(super) async fn keep_the_door(&self) {
        let (to, notices) = mpsc::channel(WALK_UPS_MAX);
        // A peer that is closed already lets nobody in.
        let _ = self.tell(Command::Pairing(Pairing::Door { notices: to })).await;
        tokio::spawn(keep_the_door(self.downgrade(), notices));
    }

    /// What a visitor is let in with, or why it is not.
    async fn welcome(&self, visitor: PeerId, code: &Verified<OpenInvite>) -> Result<Vec<u8>, PairingRefusal> {
        let looked = code.clone();
        let counts = self.look(move |node| counts(node, &looked)).await;
        counts.map_err(|_| PairingRefusal::Elsewhere)??;
        let under = match code.gateway == self.id() {
            true => code.grant,
            false => self.own_grant(code).await.map_err(|error| {
                tracing::info!(%error, bench = %code.grant, "a walk-up code is for a place where this peer lets nobody in");
                PairingRefusal::Elsewhere
            })?,
        };
        let mut terms = GrantTerms::new(visitor, "read", code.resource.as_str(), 1);
        (terms.under, terms.lasts_s) = (Some(under), Some(code.lasts_s));
        let granted = self.grant_unentered(terms).await.map_err(|error| {
            tracing::warn!(%error, bench = %code.grant, "nobody is let in by a walk-up code");
            PairingRefusal::Elsewhere
        });
        Ok(granted?.invitation)
    }

    /// The grant by which this peer lets in those who come from somebody else's bench; a new one if there is none that counts.
    async fn own_grant(&self, code: &Verified<OpenInvite>) -> Result<GrantId, InviteFailed> {
        let kept = self.dir().bench(code.grant);
        if let Some(grant) = self.dir().benches()?.into_iter().find(|it| it.0 == code.grant).map(|it| it.1)
            && self.look(move |node| is_valid(node, &grant)).await?
        {
            return Ok(grant);
        }
        if self.dir().benches()?.len() >= BENCHES_MAX {
            return Err(InviteFailed::Benches);
        }
        let left = code.not_after.0.saturating_sub(wall_clock().0);
        let days = u32::try_from(left / DAY_MS + 1).unwrap_or(u32::MAX);
        let grant = self.bench_grant(code.resource.as_str(), days).await?;
        self.dir().create(&self.dir().path().join("benches"))?;
        self.dir().write(&kept, &grant.0)?;
        Ok(grant)
    }

    async fn bench_grant(&self, collection: &str, days: u32) -> Result<GrantId, AccessFailed> {
        let terms = self.at_once(of_a_bench(self.id(), collection, days)).await?;
        Ok(self.grant(terms).await?.grant)
    }

    /// Ends what this peer gave for benches that have ended.
    async fn take_down(&self) -> Result<(), InviteFailed> {
        for (bench, own) in self.dir().benches()? {
            let over = self.look(move |node| (is_over(node, &bench), is_valid(node, &own))).await?;
            match over {
                (false, true) => continue,
                (true, true) => {
                    let why = format!("the bench {} has ended", bench.short());
                    self.revoke(RevokeTerms::new(own, &why)).await?;
                }
                (_, false) => {}
            }
            let path = self.dir().bench(bench);
            fs::remove_file(&path).map_err(|source| DataDirError::Io { path, source })?;
        }
        Ok(())
    }
}

/// Answers visitors, one after the other.
async fn keep_the_door(peer: WeakPeer, mut notices: mpsc::Receiver<Event>) {
    let mut looks = interval(LOOKS_EVERY);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let event = tokio::select! {
            event = notices.recv() => event,
            _ = looks.tick() => {
                let Some(peer) = peer.upgrade() else { return };
                if let Err(error) = peer.take_down().await {
                    tracing::warn!(%error, "what visitors of a bench that has ended were given goes on for now");
                }
                continue;
            }
        };
        let Some(event) = event else { return };
        let Event::WalkUp { link, joiner, code } = event else { continue };
        let Some(peer) = peer.upgrade() else { return };
        let decision = peer.welcome(joiner, &code).await;
        // A peer that is closed answers nobody.
        let _ = peer.tell(Command::Pairing(Pairing::Welcome { link, decision })).await;
    }
}

/// What lets a peer pass reading on to visitors.
fn of_a_bench(me: PeerId, collection: &str, days: u32) -> GrantTerms {
    GrantTerms::new(me, "manage,read", collection, days).depth(1)
}

/// Whether a code counts, by what this peer knows of the grant that it names.
fn counts(node: &Node, code: &OpenInvite) -> Result<(), PairingRefusal> {
    let now = node.wall_now();
    if code.space != node.authority().space() {
        return Err(PairingRefusal::Elsewhere);
    }
    // Until it has heard of it, it knows nothing against it either.
    let grant = node.authority().grant(&code.grant).ok_or(PairingRefusal::Unknown)?;
    let gives = [Right::Manage, Right::Read].into_iter().all(|right| grant.rights.contains(right));
    let is_its = grant.holder == Holder::Peer(code.gateway) && gives && grant.resource.covers(&code.resource);
    if !is_its {
        return Err(PairingRefusal::Unknown);
    }
    let in_time = code.check(now.is_plausible().then_some(now)).is_ok();
    if in_time && is_valid(node, &code.grant) { Ok(()) } else { Err(PairingRefusal::Expired) }
}

/// Whether a grant counts now.
fn is_valid(node: &Node, id: &GrantId) -> bool {
    let (authority, now) = (node.authority(), node.wall_now());
    let valid = |grant: &Verified<msec_identity::Grant>| grant.is_valid(now.is_plausible().then_some(now));
    authority.grant(id).is_some_and(valid) && !is_over(node, id)
}

/// Whether somebody who may has ended a grant, or what it hangs on.
fn is_over(node: &Node, id: &GrantId) -> bool {
    let authority = node.authority();
    authority.grant(id).is_some() && (!authority.stands(id) || authority.is_revoked(id))
}

impl DataDir {
    fn bench(&self, grant: GrantId) -> PathBuf {
        self.path().join("benches").join(format!("{grant}.bench"))
    }

    /// The benches for which this peer lets visitors in, each with its own grant for that.
    fn benches(&self) -> Result<Vec<(GrantId, GrantId)>, DataDirError> {
        let dir = self.path().join("benches");
        let failed = |source| DataDirError::Io { path: dir.clone(), source };
        if !dir.exists() {
            return Ok(Vec::new());
        }
        let mut benches = Vec::new();
        for entry in fs::read_dir(&dir).map_err(failed)?.take(2 * BENCHES_MAX) {
            let path = entry.map_err(failed)?.path();
            let name = path.file_stem().and_then(|it| it.to_str()).and_then(|it| it.parse::<GrantId>().ok());
            let Some(bench) = name.filter(|_| path.extension().is_some_and(|it| it == "bench")) else {
                continue;
            };
            // What is damaged, or of an earlier version, is as if it were not there.
            let is_short = fs::metadata(&path).is_ok_and(|meta| meta.len() == 32);
            let own =
                if is_short { fs::read(&path).ok().and_then(|bytes| bytes.try_into().ok()) } else { None };
            benches.extend(own.map(|own| (bench, GrantId(own))));
        }
        benches.sort_unstable();
        Ok(benches)
    }
}
