//! Walk-up codes: printed, hung on a bench, and good for whoever comes.
//!
//! A bench has a grant of its own, issued by this peer to itself, which lets it pass reading on. What visitors are given hangs on that
//! and stands in no control log: with the bench's grant all of it ends, and logs don't grow with the visitors. The code is kept in the
//! data directory, as the id of that grant and the signed record behind it, so that what was printed works after a restart.

use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;

use msec_identity::pairing::{
    Hints, INVITES_OPEN_MAX, InviteSecret, InviteTag, OPEN_INVITE_LASTS_MAX_S, OpenInvite,
};
use msec_identity::{CollectionPath, GrantId, Unverified, Verified};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;

use super::access::{AccessFailed, GrantTerms};
use super::data_dir::DataDir;
use super::error::DataDirError;
use super::inviting::{InviteFailed, NOTICES_MAX};
use super::peer::{Peer, WeakPeer};
use crate::net::{Command, Pairing, random_seed, wall_clock};
use crate::node::{Event, LinkId};

const DAY_MS: i64 = 24 * 3600 * 1000;
/// The longest file of a bench that is read.
const FILE_BYTES_MAX: u64 = 4 * 1024;
const GRANT_BYTES: usize = 32;

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
    /// Where this peer can be dialled, best first. Empty: where it tells others that it can, and mDNS finds it.
    #[serde(default)]
    pub hints: Vec<SocketAddr>,
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

/// A bench that hangs.
struct Bench {
    grant: GrantId,
    open: Verified<OpenInvite>,
}

impl Peer {
    /// Hangs a walk-up code: whoever comes with it may read, and nobody is asked.
    pub async fn post(&self, terms: BenchTerms) -> Result<BenchCode, InviteFailed> {
        let resource: CollectionPath = terms.collection.parse().map_err(AccessFailed::Path)?;
        if !(1..=OPEN_INVITE_LASTS_MAX_S).contains(&terms.lasts_s) {
            return Err(InviteFailed::TooLong);
        }
        let hints = match terms.hints.is_empty() {
            true => self.ask(|answer| Command::Pairing(Pairing::Hints { answer })).await?,
            false => Hints::new(terms.hints)?,
        };
        let own = GrantTerms::new(self.id(), "manage,read", &terms.collection, terms.days).depth(1);
        let issued = self.grant(own).await?;
        let not_after = wall_clock().saturating_add(i64::from(terms.days) * DAY_MS);
        let secret = InviteSecret::draw(&mut ChaCha20Rng::from_seed(random_seed()));
        let lasts_s = terms.lasts_s;
        let sign = move |node: &crate::node::Node| {
            let (space, gateway) = (node.authority().space(), node.peer());
            node.sign(OpenInvite { space, gateway, secret, resource, lasts_s, not_after, hints })
        };
        let bench = Bench { grant: issued.grant, open: self.look(sign).await? };
        let code = BenchCode { code: bench.open.code(), grant: bench.grant, until_ms: not_after.0 };
        self.dir().keep_bench(&bench)?;
        self.hang(bench).await?;
        Ok(code)
    }

    /// Hangs again what hung before. What has expired, or cannot be read, is left out, and said.
    pub(super) async fn hang_again(&self) {
        let benches = self.dir().benches(self).unwrap_or_else(|error| {
            tracing::warn!(%error, "walk-up codes cannot be read");
            Vec::new()
        });
        for bench in benches {
            let grant = bench.grant;
            if let Err(error) = self.hang(bench).await {
                tracing::warn!(%error, %grant, "a walk-up code does not hang any more");
            }
        }
    }

    async fn hang(&self, bench: Bench) -> Result<(), InviteFailed> {
        let (to, notices) = mpsc::channel(NOTICES_MAX);
        let open = Box::new(bench.open.clone());
        self.ask(|answer| Command::Pairing(Pairing::Post { open, notices: to, answer })).await??;
        tokio::spawn(host(self.downgrade(), bench, notices));
        Ok(())
    }
}

/// Lets in whoever comes by, for as long as the peer runs and the bench's grant counts.
async fn host(peer: WeakPeer, bench: Bench, mut notices: mpsc::Receiver<Event>) {
    while let Some(event) = notices.recv().await {
        let Event::Pairing { link, joiner, .. } = event else { continue };
        let Some(peer) = peer.upgrade() else { return };
        let mut terms = GrantTerms::new(joiner, "read", bench.open.resource.as_str(), 1);
        (terms.under, terms.lasts_s) = (Some(bench.grant), Some(bench.open.lasts_s));
        let granted = peer.grant_unentered(terms).await;
        let over = matches!(granted, Err(AccessFailed::Over { .. } | AccessFailed::NotYours { .. }));
        if let Err(error) = &granted {
            tracing::warn!(%error, grant = %bench.grant, "nobody is let in by a walk-up code any more");
        }
        answer(&peer, link, granted.ok().map(|issued| issued.invitation)).await;
        if over {
            let tag = bench.open.secret.tag();
            take_down(&peer, bench.grant, tag).await;
            return;
        }
    }
}

async fn answer(peer: &Peer, link: LinkId, welcome: Option<Vec<u8>>) {
    // A peer that is closed answers nobody.
    let _ = peer.tell(Command::Pairing(Pairing::Decide { link, welcome })).await;
}

/// The bench's grant has ended.
async fn take_down(peer: &Peer, grant: GrantId, tag: InviteTag) {
    let _ = peer.tell(Command::Pairing(Pairing::Withdraw { tag })).await;
    if let Err(error) = fs::remove_file(peer.dir().bench(grant)) {
        tracing::warn!(%error, "the file of a walk-up code that is over stays");
    }
}

impl DataDir {
    fn bench(&self, grant: GrantId) -> PathBuf {
        self.path().join("benches").join(format!("{grant}.bench"))
    }

    fn keep_bench(&self, bench: &Bench) -> Result<(), DataDirError> {
        let path = self.bench(bench.grant);
        self.create(&self.path().join("benches"))?;
        self.write(&path, &[&bench.grant.0[..], &bench.open.to_bytes()].concat())
    }

    /// Those that hang, as many as can.
    fn benches(&self, peer: &Peer) -> std::io::Result<Vec<Bench>> {
        let dir = self.path().join("benches");
        if !dir.exists() {
            return Ok(Vec::new());
        }
        let mut paths =
            fs::read_dir(dir)?.map(|entry| Ok(entry?.path())).collect::<std::io::Result<Vec<_>>>()?;
        paths.retain(|path| path.extension().is_some_and(|it| it == "bench"));
        paths.sort();
        let mut benches = Vec::new();
        for path in paths {
            if fs::metadata(&path)?.len() > FILE_BYTES_MAX || benches.len() >= INVITES_OPEN_MAX {
                continue;
            }
            let bench = read(&fs::read(&path)?, peer).filter(|it| it.open.check(Some(wall_clock())).is_ok());
            match bench {
                Some(bench) => benches.push(bench),
                None => {
                    tracing::warn!(path = %path.display(), "a walk-up code has expired, or is damaged: remove it")
                }
            }
        }
        Ok(benches)
    }
}

/// A bench that this peer signed.
fn read(bytes: &[u8], peer: &Peer) -> Option<Bench> {
    let (grant, record) = bytes.split_first_chunk::<GRANT_BYTES>()?;
    let open = Unverified::<OpenInvite>::from_bytes(record).ok()?.verify(&peer.id()).ok()?;
    Some(Bench { grant: GrantId(*grant), open })
}
