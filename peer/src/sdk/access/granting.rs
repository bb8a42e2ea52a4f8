//! Letting somebody in: under which link, and what the holder needs to show.

use std::collections::BTreeSet;

use msec_identity::{
    CHAIN_LINKS_MAX, CollectionPath, ControlRecord, ControlStream, Grant, GrantId, Holder, Linked, Manifest,
    Right, Rights, UnixMillis, Verified, Voices, Widened,
};
use serde::{Deserialize, Serialize};

use super::error::AccessFailed;
use super::hex;
use super::names::Name;
use super::terms::{GrantHolder, GrantTerms, Limits};
use super::tree::HolderView;
use crate::node::Node;
use crate::sdk::{Membership, Peer};

/// The most sealed collections of which an invitation tells: about 300 bytes each, and 24 KiB pass from device to device. A grant to write to more of them is refused.
pub(super) const SEALED_TOLD_MAX: usize = 48;
const HOUR_MS: i64 = 3600 * 1000;
const DAY_MS: i64 = 24 * HOUR_MS;

/// How many roots stand behind something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct VoicesView {
    /// Roots of today that do.
    pub agree: usize,
    /// How many must.
    pub needed: usize,
}

impl VoicesView {
    /// How many are missing.
    pub fn missing(self) -> usize {
        self.needed.saturating_sub(self.agree)
    }
}

impl From<Voices> for VoicesView {
    fn from(voices: Voices) -> Self {
        Self { agree: voices.agree, needed: voices.needed }
    }
}

/// A grant that was issued.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Issued {
    /// Its id.
    pub grant: GrantId,
    /// The link above it; `None`: it was issued as a root.
    pub under: Option<GrantId>,
    /// Whom it is for.
    pub holder: HolderView,
    /// What it allows, with commas.
    pub rights: String,
    /// Where: a collection and those below it.
    pub collection: String,
    /// Until when.
    pub until_ms: i64,
    /// How many links may follow.
    pub depth: u8,
    /// Within which limits.
    pub limits: Limits,
    /// Whether it stands in a control log, where it outlives the link above. What a space's root passes on for it does not.
    pub entered: bool,
    /// How many roots stand behind it, where that matters. It counts once as many do as must.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub voices: Option<VoicesView>,
    /// What its holder joins with: [`Membership::to_bytes`].
    #[serde(with = "hex")]
    pub invitation: Vec<u8>,
}

impl Issued {
    /// What its holder joins with. `None` if these bytes are none of an invitation: they came from elsewhere.
    pub fn membership(&self) -> Option<Membership> {
        Membership::from_bytes(&self.invitation)
    }
}

/// What is signed, and where it goes.
struct Draft {
    stream: Option<ControlStream>,
    linked: Option<Verified<Linked>>,
    grant: Verified<Grant>,
    /// The links above it.
    above: Vec<Verified<Grant>>,
    manifest: Manifest,
}

impl Peer {
    /// Lets somebody in: signs the grant and enters it in this peer's control log. When this returns, it is on disk.
    pub async fn grant(&self, terms: GrantTerms) -> Result<Issued, AccessFailed> {
        let draft = self.look(move |node| draw_up(node, &terms)).await??;
        self.issue(draft).await
    }

    /// As [`Self::grant`], and enters it nowhere: it ends with the link above it, whatever was cut where.
    pub(in crate::sdk) async fn grant_unentered(&self, terms: GrantTerms) -> Result<Issued, AccessFailed> {
        let draft = self.look(move |node| draw_up(node, &terms)).await??;
        self.issue(Draft { stream: None, ..draft }).await
    }

    /// What the holder of a grant that was issued before needs to show. Nothing is issued.
    pub(in crate::sdk) async fn issued_before(&self, grant: GrantId) -> Result<Issued, AccessFailed> {
        let draft = self.look(move |node| {
            let authority = node.authority();
            let mut links = authority.chain(&grant);
            links.retain(|link| *link != grant);
            let above = links.iter().filter_map(|id| authority.grant(id)).cloned().collect();
            let found = authority.grant(&grant).cloned();
            let grant = found.ok_or_else(|| AccessFailed::Unknown { name: grant.to_string() })?;
            Ok::<_, AccessFailed>(Draft {
                stream: None,
                linked: None,
                grant,
                above,
                manifest: authority.manifest().clone(),
            })
        });
        self.issue(draft.await??).await
    }

    async fn issue(&self, draft: Draft) -> Result<Issued, AccessFailed> {
        let sealed = self.sealed_for(&draft.grant).await?;
        if let Some(stream) = draft.stream {
            if let Some(linked) = &draft.linked {
                self.enter(stream, linked.clone()).await?;
            }
            self.enter(stream, draft.grant.clone()).await?;
        }
        let mut records = self.beside(&draft).await?;
        records.extend(sealed);
        let (id, issuer, parent) = (draft.grant.id(), draft.grant.issuer, draft.grant.parent);
        let holder = draft.grant.holder;
        let (voices, holder) = self
            .look(move |node| {
                let voices = node.authority().voices(&id.0, &issuer).filter(|_| parent.is_none());
                (voices, HolderView::of(node.authority(), &holder))
            })
            .await?;
        let grants = draft.above.into_iter().chain([draft.grant.clone()]);
        let invitation = Membership::new(&draft.manifest, grants).with_records(records);
        Ok(Issued {
            grant: id,
            under: parent,
            holder,
            rights: draft.grant.rights.to_string(),
            collection: draft.grant.resource.to_string(),
            until_ms: draft.grant.not_after.0,
            depth: draft.grant.depth,
            limits: Limits::of(draft.grant.caveats.as_ref()),
            entered: draft.stream.is_some(),
            voices: voices.map(Into::into).filter(|voices: &VoicesView| voices.needed > 1),
            invitation: invitation.to_bytes(),
        })
    }

    /// Whether this peer could grant that now. Nothing is granted.
    pub(in crate::sdk) async fn may_grant(&self, terms: GrantTerms) -> Result<(), AccessFailed> {
        self.look(move |node| draw_up(node, &terms)).await?.map(drop)
    }

    /// The terms by which it counts at once: as a root of whom one is enough, or under a link that this peer holds. Refused: more roots must
    /// agree. Nothing is granted.
    pub(in crate::sdk) async fn at_once(&self, terms: GrantTerms) -> Result<GrantTerms, AccessFailed> {
        let at_once = |node: &Node| {
            let (me, authority) = (node.peer(), node.authority());
            let draft = draw_up(node, &terms)?;
            if draft.grant.parent.is_some() || authority.threshold() < 2 {
                return Ok(terms);
            }
            let held = authority.all_grants().into_iter();
            let under = held.filter(|it| authority.speaks_for(&it.holder, &me) && counts(node, it));
            let mut under = under.map(|it| GrantTerms { under: Some(it.id()), ..terms.clone() });
            let found = under.find(|terms| draw_up(node, terms).is_ok());
            found.ok_or(AccessFailed::RootsMustAgree { needed: authority.threshold() })
        };
        self.look(at_once).await?
    }

    /// The record that is called so, by its id or the first digits of it, at least six: of those of which a root may say that it agrees.
    pub async fn record_called(&self, name: &str) -> Result<[u8; 32], AccessFailed> {
        let name = Name::new(name)?;
        let mut known: BTreeSet<_> =
            self.control_records().await?.iter().filter_map(ControlRecord::hash).collect();
        self.look(move |node| {
            let authority = node.authority();
            // What counts may not be on disk yet.
            known.extend(authority.all_erasures().iter().map(|it| it.erasure));
            for grant in authority.all_grants() {
                known.insert(grant.id().0);
                known.extend(authority.revocations_of(&grant.id()).iter().map(|it| it.revocation));
            }
            known.retain(|hash| name.fits(hash) && authority.knows(hash));
            name.one_of(known)
        })
        .await?
    }

    /// Agrees, as a root, to what another one said: a grant, a revocation, a restoration, an erasure or a succession, by its hash. When this
    /// returns, that is on disk. `None`: it is not said in the name of the space, or nobody can tell any more who said it.
    pub async fn approve(&self, record: [u8; 32]) -> Result<Option<VoicesView>, AccessFailed> {
        let approval = self.look(move |node| approval(node, record)).await??;
        self.enter(ControlStream::Root, approval).await?;
        let voices = self.look(move |node| {
            let authority = node.authority();
            let issuer = authority.grant(&GrantId(record)).map(|grant| grant.issuer);
            let issuer = issuer.or_else(|| authority.revocation(&record).map(|it| it.issuer));
            let issuer = issuer.or_else(|| authority.erasure(&record).map(|it| it.issuer))?;
            authority.voices(&record, &issuer)
        });
        Ok(voices.await?.map(Into::into))
    }

    /// Epochs of what its holder may write to, or let others write to: nothing goes there in clear, whatever it hears first.
    async fn sealed_for(&self, grant: &Grant) -> Result<Vec<ControlRecord>, AccessFailed> {
        if !grant.rights.contains(Right::Write) && !grant.rights.contains(Right::Manage) {
            return Ok(Vec::new());
        }
        let resource = grant.resource.clone();
        let sealed = self.look(move |node| node.sealed_within(&resource)).await?;
        if sealed.len() > SEALED_TOLD_MAX {
            return Err(AccessFailed::Sealed { count: sealed.len() });
        }
        Ok(sealed)
    }

    /// Approvals of the links of a chain, successions, and who the roots of linked spaces are.
    async fn beside(&self, draft: &Draft) -> Result<Vec<ControlRecord>, AccessFailed> {
        let links: Vec<&Grant> = draft.above.iter().map(|grant| &**grant).chain([&*draft.grant]).collect();
        let hashes: BTreeSet<_> = links.iter().map(|grant| grant.id().0).collect();
        let spaces: BTreeSet<_> =
            links.iter().filter(|grant| grant.holder.peer().is_none()).map(|it| it.holder).collect();
        let mut records = self.control_records().await?;
        let successions: BTreeSet<_> = records.iter().filter_map(succession_of).collect();
        records.retain(|record| match record {
            ControlRecord::Approval(it) => {
                hashes.contains(&it.claims().of) || successions.contains(&it.claims().of)
            }
            ControlRecord::Succession(_) => true,
            ControlRecord::Linked(it) => {
                let space = it.claims().manifest().map(|manifest| manifest.space());
                space.is_ok_and(|space| spaces.contains(&Holder::Space(space)))
            }
            _ => false,
        });
        records.extend(draft.linked.clone().map(ControlRecord::from));
        Ok(records)
    }
}

fn succession_of(record: &ControlRecord) -> Option<[u8; 32]> {
    matches!(record, ControlRecord::Succession(_)).then(|| record.hash()).flatten()
}

fn approval(node: &Node, record: [u8; 32]) -> Result<Verified<msec_identity::Approval>, AccessFailed> {
    let (peer, authority) = (node.peer(), node.authority());
    if !authority.roots().contains(&peer) {
        return Err(AccessFailed::NotARoot { peer });
    }
    if !authority.knows(&record) {
        return Err(AccessFailed::Unknown { name: hex::text(&record) });
    }
    Ok(node.sign(msec_identity::Approval { space: authority.space(), approver: peer, of: record }))
}

/// What was asked for, understood.
struct Wanted {
    holder: Holder,
    resource: CollectionPath,
    rights: Rights,
    not_before: UnixMillis,
    not_after: UnixMillis,
    depth: u8,
    limits: Limits,
}

fn draw_up(node: &Node, terms: &GrantTerms) -> Result<Draft, AccessFailed> {
    let (me, authority, now) = (node.peer(), node.authority(), node.wall_now());
    let other = match &terms.holder {
        GrantHolder::Space(bytes) => Some(Manifest::from_bytes(bytes)?),
        GrantHolder::Peer(_) => None,
    };
    let rights: Rights = terms.rights.parse()?;
    if terms.depth > 0 && !rights.contains(Right::Manage) {
        return Err(AccessFailed::DepthWithoutManage);
    }
    let wanted = Wanted {
        holder: match (&terms.holder, &other) {
            (GrantHolder::Peer(peer), _) => (*peer).into(),
            (_, Some(manifest)) => manifest.space().into(),
            (GrantHolder::Space(_), None) => {
                return Err(AccessFailed::Manifest(msec_identity::ManifestError::Malformed));
            }
        },
        resource: terms.collection.parse()?,
        rights,
        // Clocks differ.
        not_before: now.saturating_add(-HOUR_MS),
        not_after: now.saturating_add(match terms.lasts_s {
            Some(seconds) => i64::from(seconds) * 1000,
            None => i64::from(terms.days) * DAY_MS,
        }),
        depth: terms.depth,
        limits: terms.limits.clone(),
    };
    let parent = match terms.under {
        Some(id) => Some(yours(node, id)?),
        None if authority.roots().contains(&me) => None,
        None => Some(link_above(node, &wanted)?),
    };
    let grant = narrowed(node, &wanted, parent)?;
    if let Some(parent) = parent {
        parent.allows_attenuation(&grant).map_err(|what| wider(parent, what))?;
    }
    let stream = match parent {
        None => Some(ControlStream::Root),
        Some(parent) if parent.holder == me => Some(ControlStream::Under(parent.id())),
        Some(_) => None,
    };
    if let (Some(stream), Some(parent)) = (stream, parent)
        && !node.may_issue_in(stream)
    {
        return Err(AccessFailed::Over { grant: parent.id() });
    }
    let above = parent.map(|parent| authority.chain(&parent.id())).unwrap_or_default();
    let above = above.iter().filter_map(|id| authority.grant(id)).cloned().collect();
    let space = authority.space();
    let linked = other.map(|other| node.sign(Linked { space, issuer: me, manifest: other.to_bytes() }));
    Ok(Draft { stream, linked, grant: node.sign(grant), above, manifest: authority.manifest().clone() })
}

fn wider(above: &Verified<Grant>, what: Widened) -> AccessFailed {
    let place = match above.resource.as_str() {
        "" => "everywhere".to_owned(),
        collection => format!("in {collection}"),
    };
    AccessFailed::Wider { above: above.id(), may: format!("{} {place}", above.rights), what }
}

/// The grant under this link, or by a root.
fn narrowed(node: &Node, wanted: &Wanted, parent: Option<&Verified<Grant>>) -> Result<Grant, AccessFailed> {
    let above = parent.and_then(|parent| parent.caveats.as_ref());
    Ok(Grant {
        space: node.authority().space(),
        issuer: node.peer(),
        holder: wanted.holder,
        resource: wanted.resource.clone(),
        rights: wanted.rights,
        not_before: parent.map_or(wanted.not_before, |it| it.not_before.max(wanted.not_before)),
        not_after: parent.map_or(wanted.not_after, |it| it.not_after.min(wanted.not_after)),
        depth: wanted.depth,
        parent: parent.map(|parent| parent.id()),
        caveats: wanted.limits.under(above)?,
    })
}

fn yours(node: &Node, id: GrantId) -> Result<&Verified<Grant>, AccessFailed> {
    let (me, authority) = (node.peer(), node.authority());
    let grant = authority.grant(&id).filter(|grant| authority.speaks_for(&grant.holder, &me));
    let grant = grant.ok_or(AccessFailed::NotYours { grant: id })?;
    if !counts(node, grant) {
        return Err(AccessFailed::Over { grant: id });
    }
    Ok(grant)
}

fn counts(node: &Node, grant: &Grant) -> bool {
    let (authority, id) = (node.authority(), grant.id());
    grant.is_valid(Some(node.wall_now())) && authority.stands(&id) && !authority.is_revoked(&id)
}

/// The grant under which it fits and which lasts longest.
fn link_above<'a>(node: &'a Node, wanted: &Wanted) -> Result<&'a Verified<Grant>, AccessFailed> {
    let (me, authority) = (node.peer(), node.authority());
    let held = authority.all_grants().into_iter().filter(|grant| {
        authority.speaks_for(&grant.holder, &me)
            && grant.rights.contains(Right::Manage)
            && counts(node, grant)
    });
    let mut fits = Vec::new();
    let mut why = AccessFailed::NoLink;
    for link in held {
        let child = narrowed(node, wanted, Some(link))?;
        let is_near = authority.chain(&link.id()).len() < CHAIN_LINKS_MAX;
        match link.allows_attenuation(&child) {
            Ok(()) if is_near => fits.push(link),
            Ok(()) => why = wider(link, Widened::Depth),
            Err(what) => why = wider(link, what),
        }
    }
    fits.into_iter().max_by_key(|link| (link.not_after, link.id())).ok_or(why)
}
