//! A city to test with: keys by number, records with usual values, and a fold that tries every order.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::{Arc, LazyLock};

use crate::authority::{Admissible, Authority, Entered, Reader, Shown};
use crate::{
    Approval, Class, CollectionPath, ControlRecord, Cut, Cuts, Erasure, Grant, GrantId, Holder, Identity,
    LogId, Manifest, PeerId, Record, Restoration, Revocation, Right, Rights, SignatureMemory, SpaceId,
    Stretch, Stretches, Succession, UnixMillis, Verifier,
};

pub(super) const ROOT: u8 = 1;
pub(super) const SECOND: u8 = 2;
pub(super) const THIRD: u8 = 3;
pub(super) const MANAGER: u8 = 10;
pub(super) const DEPUTY: u8 = 11;
pub(super) const SENSOR: u8 = 20;
pub(super) const STRANGER: u8 = 30;
pub(super) const ABROAD: u8 = 40;

/// When grants are valid, and three times around it.
pub(super) const VALID: (UnixMillis, UnixMillis) = (UnixMillis(100), UnixMillis(200));
pub(super) const TIMES: [Option<UnixMillis>; 4] =
    [None, Some(UnixMillis(99)), Some(UnixMillis(150)), Some(UnixMillis(201))];

pub(super) fn key(number: u8) -> &'static Identity {
    static KEYS: LazyLock<Vec<Identity>> =
        LazyLock::new(|| (0..=u8::MAX).map(|number| Identity::from_seed([number; 32])).collect());
    &KEYS[usize::from(number)]
}

pub(super) fn peer(number: u8) -> PeerId {
    key(number).peer()
}

pub(super) fn path(text: &str) -> CollectionPath {
    text.parse().expect("a path")
}

pub(super) fn manifest(roots: &[u8], threshold: u8) -> Manifest {
    Manifest::new("harbour", roots.iter().map(|root| peer(*root)).collect(), threshold, [0; 16])
        .expect("a manifest")
}

/// A manifest of one root.
pub(super) fn alone() -> Manifest {
    manifest(&[ROOT], 1)
}

/// All rights on the parks, from a root.
pub(super) fn first(space: SpaceId, issuer: u8, holder: u8) -> Grant {
    Grant {
        space,
        issuer: peer(issuer),
        holder: peer(holder).into(),
        resource: path("parks"),
        rights: Rights::of([Right::Read, Right::Write, Right::Manage]),
        not_before: VALID.0,
        not_after: VALID.1,
        depth: 6,
        parent: None,
        caveats: None,
    }
}

/// The same, passed on by its holder.
pub(super) fn below(parent: &Grant, issuer: u8, holder: u8) -> Grant {
    Grant {
        issuer: peer(issuer),
        holder: peer(holder).into(),
        depth: parent.depth.saturating_sub(1),
        parent: Some(parent.id()),
        ..parent.clone()
    }
}

pub(super) fn revoke(issuer: u8, grant: &Grant, cuts: &[Cut]) -> Revocation {
    Revocation {
        space: grant.space,
        issuer: peer(issuer),
        grant: grant.id(),
        cuts: Cuts::new(cuts.iter().copied()).expect("cuts"),
        at: UnixMillis(150),
        reason: "lost".parse().expect("a reason"),
    }
}

pub(super) fn restore(issuer: u8, revocation: &Revocation, cuts: &[Cut]) -> Restoration {
    Restoration {
        space: revocation.space,
        issuer: peer(issuer),
        revocation: revocation.hash(),
        cuts: Cuts::new(cuts.iter().copied()).expect("cuts"),
        at: UnixMillis(160),
    }
}

/// That entries of logs are to be erased.
pub(super) fn erase(space: SpaceId, issuer: u8, what: &[(LogId, u64, u64)]) -> Erasure {
    let stretches = what.iter().map(|(log, first, end)| Stretch { log: *log, first: *first, end: *end });
    Erasure {
        space,
        issuer: peer(issuer),
        what: Stretches::new(stretches).expect("stretches"),
        at: UnixMillis(155),
        reason: "asked for".parse().expect("a reason"),
    }
}

pub(super) fn approve(space: SpaceId, approver: u8, of: [u8; 32]) -> Approval {
    Approval { space, approver: peer(approver), of }
}

/// The succession to a manifest.
pub(super) fn succeed(space: SpaceId, issuer: u8, roots: &[u8], threshold: u8, cuts: &[Cut]) -> Succession {
    Succession {
        space,
        issuer: peer(issuer),
        previous: space.0,
        serial: 1,
        roots: roots.iter().map(|root| peer(*root)).collect(),
        threshold,
        cuts: Cuts::new(cuts.iter().copied()).expect("cuts"),
        at: UnixMillis(140),
    }
}

pub(super) fn log(number: u8) -> LogId {
    LogId([number; 32])
}

/// The control log of an issuer under a grant, or as a root.
pub(super) fn control(author: u8, under: Option<&Grant>) -> LogId {
    let under = under.map_or([0; 32], |grant| grant.id().0);
    LogId(*blake3::hash(&[&under[..], &[author]].concat()).as_bytes())
}

pub(super) fn cut(log: LogId, size: u64) -> Cut {
    Cut { log, size, root: [7; 32] }
}

/// A record, and where it is entered.
#[derive(Debug, Clone)]
pub(super) struct Event {
    pub(super) record: ControlRecord,
    pub(super) place: Option<Entered>,
}

pub(super) fn signed<R: Record>(signer: u8, record: R) -> ControlRecord
where
    ControlRecord: From<crate::Verified<R>>,
{
    key(signer).sign(record).into()
}

/// Signed by that key, and shown.
pub(super) fn shown<R: Record + Clone>(signer: u8, record: &R) -> Event
where
    ControlRecord: From<crate::Verified<R>>,
{
    Event { record: signed(signer, record.clone()), place: None }
}

/// Signed by that key, and entered in its control log.
pub(super) fn entered<R: Record + Clone>(
    signer: u8,
    record: &R,
    under: Option<&Grant>,
    position: u64,
) -> Event
where
    ControlRecord: From<crate::Verified<R>>,
{
    let (log, under) = (control(signer, under), under.map(Grant::id));
    let place = Entered { log, author: peer(signer), under, position };
    Event { place: Some(place), ..shown(signer, record) }
}

pub(super) fn empty(manifest: &Manifest) -> Authority {
    static MEMORY: LazyLock<Arc<SignatureMemory>> = LazyLock::new(|| Arc::new(SignatureMemory::default()));
    Authority::new(manifest.clone()).with_verifier(Verifier::remembering(MEMORY.clone()))
}

pub(super) fn put(authority: &mut Authority, event: &Event) -> bool {
    let (record, before) = (event.record.clone(), standing(authority));
    let erased_before = erased_everywhere(authority);
    let change = match event.place {
        None => authority.learn(record),
        Some(place) => authority.enter(place, record),
    };
    let change = change.expect("taken");
    // Whoever follows what changed misses nothing.
    for (id, now) in standing(authority) {
        let listed = change.everything || change.grants.iter().any(|(_, grant)| *grant == id);
        assert!(listed || before.contains(&(id, now)), "{id:?} changed silently");
    }
    let logs = authority.logs_erased_by(&change);
    for (of, now) in erased_everywhere(authority) {
        let was = erased_before.get(&of).is_some_and(|was| *was == now) || now.is_empty();
        assert!(was || logs.contains(&of.0), "what is erased in {of:?} changed silently");
    }
    change.is_empty()
}

/// What is to be erased in each log that is named, whoever of these had written it, in whichever of these collections.
fn erased_everywhere(authority: &Authority) -> BTreeMap<(LogId, u8, &'static str), Vec<Range<u64>>> {
    let logs: BTreeSet<_> = authority.all_erasures().into_iter().flat_map(|it| it.logs).collect();
    let each = logs.into_iter().flat_map(|log| [MANAGER, SENSOR].map(|author| (log, author)));
    let each = each.flat_map(|(log, author)| PATHS.map(|collection| (log, author, collection)));
    each.map(|of| (of, authority.erased(&of.0, &peer(of.1), &path(of.2)))).collect()
}

fn standing(authority: &Authority) -> Vec<(GrantId, (bool, bool))> {
    let all = authority.grants.slots().map(|at| authority.grants.at(at));
    all.map(|held| (held.id, (held.state.stands, held.state.revoked))).collect()
}

pub(super) fn fold<'a>(manifest: &Manifest, events: impl IntoIterator<Item = &'a Event>) -> Authority {
    let mut authority = empty(manifest);
    for event in events {
        put(&mut authority, event);
    }
    authority
}

/// What came in every order, which all say the same.
pub(super) fn in_every_order(manifest: &Manifest, events: &[Event]) -> Authority {
    assert!(events.len() <= 6, "720 orders are enough");
    let first = fold(manifest, events);
    let mut order: Vec<_> = (0..events.len()).collect();
    let reference = picture(&first, events);
    permute(&mut order, 0, &mut |order| {
        let other = fold(manifest, order.iter().map(|at| &events[*at]));
        assert_eq!(picture(&other, events), reference, "in the order {order:?}");
    });
    first
}

fn permute(order: &mut Vec<usize>, from: usize, visit: &mut impl FnMut(&[usize])) {
    if from == order.len() {
        return visit(order);
    }
    for with in from..order.len() {
        order.swap(from, with);
        permute(order, from + 1, visit);
        order.swap(from, with);
    }
}

/// Which, whether it stands, whether it is revoked, and for each log where it is cut and how much of it counts.
type Standing = (GrantId, bool, bool, Vec<Option<Cut>>, Vec<Admissible>);

/// All that an authority answers about what it was told.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Picture {
    roots: (Vec<PeerId>, u8),
    grants: Vec<Standing>,
    allowed: Vec<bool>,
    held: Vec<Vec<GrantId>>,
    readers: Vec<Reader>,
    classes: (Vec<Class>, Vec<(CollectionPath, Class)>),
    control: Vec<Admissible>,
    erased: BTreeMap<(LogId, u8, &'static str), Vec<Range<u64>>>,
}

pub(super) const PATHS: [&str; 4] = ["parks", "parks/noise", "harbour", ""];
const RIGHTS: [Right; 3] = [Right::Read, Right::Write, Right::Manage];

/// The logs that something is said of.
pub(super) fn logs_of(events: &[Event]) -> Vec<LogId> {
    let mut logs: Vec<_> = events.iter().filter_map(|event| event.place.map(|place| place.log)).collect();
    for event in events {
        let cuts = match &event.record {
            ControlRecord::Revocation(it) => &it.claims().cuts,
            ControlRecord::Restoration(it) => &it.claims().cuts,
            ControlRecord::Succession(it) => &it.claims().cuts,
            _ => continue,
        };
        logs.extend(cuts.as_slice().iter().map(|cut| cut.log));
    }
    logs.extend([log(1), log(2)]);
    logs.sort_unstable();
    logs.dedup();
    logs
}

pub(super) fn grants_of(events: &[Event]) -> Vec<Grant> {
    let grant = |event: &Event| match &event.record {
        ControlRecord::Grant(it) => Some(it.claims().clone()),
        _ => None,
    };
    let mut grants: Vec<_> = events.iter().filter_map(grant).collect();
    grants.sort_unstable_by_key(Grant::id);
    grants.dedup();
    grants
}

pub(super) fn picture(authority: &Authority, events: &[Event]) -> Picture {
    let (grants, logs) = (grants_of(events), logs_of(events));
    let of = |grant: &Grant| {
        let id = grant.id();
        let shown = Shown::Grants(vec![id]);
        let cuts = logs.iter().map(|log| authority.cut(&id, log)).collect();
        let counts = logs.iter().map(|log| authority.admissible(log, &shown)).collect();
        (id, authority.stands(&id), authority.is_revoked(&id), cuts, counts)
    };
    let mut holders: Vec<_> = grants.iter().filter_map(|grant| grant.holder.peer()).collect();
    holders.sort_unstable();
    holders.dedup();
    let mut allowed = Vec::new();
    for (holder, right) in holders.iter().flat_map(|holder| RIGHTS.map(|right| (holder, right))) {
        for (text, at) in PATHS.iter().flat_map(|text| TIMES.map(|at| (text, at))) {
            allowed.push(authority.allows(holder, right, &path(text), at));
        }
    }
    let held = holders.iter().map(|holder| authority.grants_of(holder).map(|grant| grant.id()).collect());
    let roots = [ROOT, SECOND, THIRD];
    Picture {
        roots: (authority.roots().to_vec(), authority.threshold()),
        grants: grants.iter().map(of).collect(),
        allowed,
        held: held.collect(),
        readers: PATHS.iter().flat_map(|text| authority.readers(&path(text), UnixMillis(150))).collect(),
        classes: (PATHS.map(|text| authority.class_of(&path(text))).to_vec(), authority.classes()),
        control: roots
            .iter()
            .flat_map(|root| logs.iter().map(|log| authority.admissible(log, &Shown::Root(peer(*root)))))
            .collect(),
        erased: erased_everywhere(authority).into_iter().filter(|(_, it)| !it.is_empty()).collect(),
    }
}

/// Whether a holder may write in the parks while its grant is valid.
pub(super) fn may_write(authority: &Authority, holder: u8) -> bool {
    authority.allows(&peer(holder), Right::Write, &path("parks"), Some(UnixMillis(150)))
}

/// How much counts of a log that was written by a grant.
pub(super) fn counts(authority: &Authority, log: LogId, grant: &Grant) -> Admissible {
    authority.admissible(&log, &Shown::Grants(vec![grant.id()]))
}

/// What is to be erased of a log that a sensor wrote in the parks.
pub(super) fn erased(authority: &Authority, log: LogId) -> Vec<Range<u64>> {
    authority.erased(&log, &peer(SENSOR), &path("parks"))
}

pub(super) fn held_by_space(grant: Grant, space: SpaceId) -> Grant {
    Grant { holder: Holder::Space(space), ..grant }
}
