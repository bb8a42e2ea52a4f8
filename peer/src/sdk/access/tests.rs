//! What a root's own peer issues, alone and without a network.

use msec_crdt_store::{Query, Reading};
use msec_identity::{PeerId, REVOCATION_CUTS_MAX, UnixMillis};

use super::*;
use crate::StreamSpec;
use crate::sdk::{DataDir, Membership, Owner, Peer, PeerConfig};

const TIME: UnixMillis = UnixMillis(1_700_000_000_000);

/// The peer of whoever founded the space, with a grant of its own to write.
pub(super) async fn owner(dir: &tempfile::TempDir) -> Peer {
    let home = DataDir::at(dir.path());
    let owner = Owner::found_with("harbour", home.identity_or_init().expect("a key")).expect("a space");
    let own = owner.grant(owner.peer(), "", "relay,read,write,manage", 30).expect("a grant");
    let config = PeerConfig::new(dir.path()).expect("a data directory");
    Peer::open(config.join(Membership::new(owner.manifest(), [own]))).await.expect("opens")
}

async fn write(peer: &Peer, streams: usize) {
    let mut pending = Vec::new();
    for n in 0..streams {
        let stream = StreamSpec::new("parks/noise", &format!("mic-{n}")).expect("a stream");
        pending.push(peer.enqueue(&stream, &[Reading::new(TIME, 1.0)]).await.expect("handed over"));
    }
    for pending in pending {
        pending.await.expect("acknowledged");
    }
}

async fn values(peer: &Peer) -> usize {
    peer.query(Query { limit: 1_000, ..Query::default() }).await.expect("answers").len()
}

#[tokio::test]
async fn more_logs_than_a_revocation_names_are_named_by_restorations_and_stay() {
    let dir = tempfile::tempdir().expect("a directory");
    let peer = owner(&dir).await;
    let streams = REVOCATION_CUTS_MAX + 8;
    write(&peer, streams).await;
    let terms = RevokeTerms::new(peer.id(), "moved");
    let plan = peer.plan_revocation(terms.clone()).await.expect("a plan");
    assert_eq!((plan.kept_logs, plan.lost_logs, plan.kept_entries), (streams, 0, 2 * streams as u64));
    let revoked = peer.revoke(terms.clone()).await.expect("revoked");
    let [one] = &revoked[..] else { panic!("{revoked:?}") };
    assert_eq!((one.logs, one.restorations.len()), (streams, 1));
    assert_eq!(values(&peer).await, streams);
    let again = peer.revoke(terms).await.expect_err("over");
    assert!(matches!(again, AccessFailed::AlreadyOver { .. }), "{again}");
    // Nothing of it, and all that is held again, after a restart.
    let none = RevokeTerms { cut: CutTerms::None, ..RevokeTerms::new(one.grant, "all of it") };
    let none = peer.revoke(none).await.expect("revoked").remove(0);
    assert_eq!((none.logs, values(&peer).await), (0, 0));
    peer.close().await;
    let peer = Peer::open(PeerConfig::new(dir.path()).expect("a data directory")).await.expect("opens");
    assert_eq!(values(&peer).await, 0, "at once");
    let log =
        peer.look(|node| node.frontier().map(|(log, ..)| log).find(|log| !node.is_control_log(log))).await;
    let log = log.expect("open").expect("a log");
    let part = RestoreTerms { revocation: none.revocation.clone(), logs: vec![(log, 1)] };
    assert!(matches!(peer.restore(part).await, Err(AccessFailed::CutBelow { held: 2, .. })));
    let restored = RestoreTerms { revocation: none.revocation, logs: Vec::new() };
    let restored = peer.restore(restored).await.expect("restored");
    assert_eq!((restored.logs, restored.restorations.len()), (streams, 2));
    assert_eq!(values(&peer).await, streams);
    peer.close().await;
}

#[tokio::test]
async fn what_is_granted_is_narrower_than_the_link_above_and_is_shown_as_a_tree() {
    let dir = tempfile::tempdir().expect("a directory");
    let peer = owner(&dir).await;
    let (office, phone) = (PeerId([7; 32]), PeerId([8; 32]));
    let e7 = [430_000_000, -40_000_000, 440_000_000, -30_000_000];
    let limits = Limits { rate_per_minute: Some(60), within_e7: Some(e7), ..Limits::default() };
    let terms = GrantTerms::new(office, "manage,read", "parks", 30).depth(2).limits(limits.clone());
    let link = peer.grant(terms).await.expect("granted");
    assert!(link.entered && link.under.is_none() && link.voices.is_none());
    let membership = link.membership().expect("an invitation");
    assert_eq!(membership.check(&membership.grants()[0]), Ok(()));
    // The office's link is not this peer's to pass on, and depth goes with `manage` only.
    let under = GrantTerms { under: Some(link.grant), ..GrantTerms::new(phone, "read", "parks", 1) };
    assert!(matches!(peer.grant(under).await, Err(AccessFailed::NotYours { .. })));
    let deep = GrantTerms::new(phone, "read", "parks", 1).depth(1);
    assert!(matches!(peer.grant(deep).await, Err(AccessFailed::DepthWithoutManage)));
    let long = Limits { purpose: Some("x".repeat(65)), ..Limits::default() };
    let long = GrantTerms::new(phone, "read", "parks", 1).limits(long);
    assert!(matches!(peer.grant(long).await, Err(AccessFailed::Text(_))));
    let tree = peer.grants().await.expect("a tree");
    assert_eq!((tree.grants.len(), tree.roots.as_slice(), tree.threshold), (2, &[peer.id()][..], 1));
    let shown = tree.grants.iter().find(|it| it.grant == link.grant).expect("the link");
    assert_eq!((shown.standing, &shown.limits, shown.depth), (Standing::Counts, &limits, 2));
    let unknown = peer.revoke(RevokeTerms::new("ffffffff", "")).await.expect_err("unknown");
    assert!(unknown.to_string().contains("msec grants"), "{unknown}");
    let short = peer.revoke(RevokeTerms::new(&link.grant.to_string()[..5], "")).await;
    assert!(matches!(short, Err(AccessFailed::TooFewDigits { .. })));
    peer.close().await;
}

#[tokio::test]
async fn a_relay_that_was_revoked_since_is_listed_as_unconfirmed() {
    let dir = tempfile::tempdir().expect("a directory");
    let peer = owner(&dir).await;
    let [phone, relay, before] = [7, 8, 9].map(|n| PeerId([n; 32]));
    let mut grants = Vec::new();
    for (holder, rights) in [(phone, "read"), (relay, "relay"), (before, "relay")] {
        grants.push(peer.grant(GrantTerms::new(holder, rights, "parks", 30)).await.expect("granted").grant);
    }
    let at = crate::net::wall_clock();
    for grant in [grants[2], grants[0], grants[1]] {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        peer.revoke(RevokeTerms::new(grant, "over")).await.expect("revoked");
    }
    let explained = peer.explain(Question { what: "parks".into(), at }).await.expect("explained");
    let of_phone = explained.readers.into_iter().find(|it| it.holder == phone).expect("a reader");
    let unconfirmed = of_phone.ended.expect("over").unconfirmed;
    assert!(unconfirmed.contains(&relay) && !unconfirmed.contains(&before), "{unconfirmed:?}");
    peer.close().await;
}

#[tokio::test]
async fn whose_grant_is_over_and_never_confirmed_is_listed() {
    let dir = tempfile::tempdir().expect("a directory");
    let peer = owner(&dir).await;
    write(&peer, 1).await;
    let [gone, relay, reader, elsewhere] = [7, 8, 9, 11].map(|n| PeerId([n; 32]));
    let grant = async |to: PeerId, rights: &str, collection: &str| {
        peer.grant(GrantTerms::new(to, rights, collection, 30)).await.expect("granted").grant
    };
    let over = grant(gone, "relay,read", "parks").await;
    let _ = (grant(relay, "relay", "parks").await, grant(reader, "read", "").await);
    grant(elsewhere, "read", "streets").await;
    peer.revoke(RevokeTerms::new(over, "lost")).await.expect("revoked");
    let terms = ErasureTerms { streams: vec!["parks/noise/mic-0".into()], ..ErasureTerms::default() };
    peer.erase(&terms).await.expect("ordered");
    let view = peer.erasures(None).await.expect("known").remove(0);
    assert_eq!((&view.missing_over[..], &view.missing_since[..]), (&[gone][..], &[][..]));
    assert!(view.missing.contains(&relay) && !view.missing.contains(&gone), "{view:?}");
    assert_eq!((&view.missing_readers[..], &view.writers[..]), (&[reader][..], &[][..]));
    // An order by a clock that was never set names nobody as one of before, and everybody all the same.
    let parks = ["parks".parse().expect("a path")].into();
    let held = peer.look(move |node| erasures::holders(node, &parks, UnixMillis(0))).await.expect("open");
    let is = |peer| held.get(&peer).map(|it| it.is());
    use erasures::Holding::{Over, Since};
    let expected = [Some(Over), Some(Since), Some(Since), None];
    assert_eq!([gone, relay, reader, elsewhere].map(is), expected);
    peer.close().await;
}

#[tokio::test]
async fn an_invitation_to_write_names_what_is_sealed_and_nothing_goes_there_in_clear() {
    let [at_owner, at_sensor] = [tempfile::tempdir(), tempfile::tempdir()].map(|it| it.expect("a directory"));
    let peer = owner(&at_owner).await;
    let path = |text: &str| text.parse().expect("a path");
    peer.seal(path("parks/diary")).await.expect("sealed");
    let sensor = DataDir::at(at_sensor.path()).identity_or_init().expect("a key").peer();
    let told = async |rights: &str, collection: &str| {
        let issued = peer.grant(GrantTerms::new(sensor, rights, collection, 30)).await.expect("granted");
        issued.membership().expect("an invitation")
    };
    assert_eq!(told("read", "parks").await.records(), [], "who only reads needs no word of it");
    assert_eq!(told("write", "parks/noise").await.records(), []);
    assert_eq!(told("write", "parks/diary/home").await.records().len(), 1);
    let membership = told("write", "parks").await;
    assert_eq!(membership.records().len(), 1);
    // It has met nobody, also after a restart.
    for join in [Some(membership), None] {
        let config = PeerConfig::new(at_sensor.path()).expect("a data directory");
        let config = join.into_iter().fold(config, |config, it| config.join(it));
        let sensor = Peer::open(config).await.expect("opens");
        let stream = StreamSpec::new("parks/diary", "meter").expect("a stream");
        let refused = sensor.publish(&stream, &[Reading::new(TIME, 1.0)]).await.expect_err("sealed");
        assert!(refused.to_string().contains("`parks/diary` is sealed"), "{refused}");
        write(&sensor, 1).await;
        sensor.close().await;
    }
    peer.close().await;
}

#[tokio::test]
async fn a_replacement_that_broke_off_is_finished_and_grants_nothing_twice() {
    let dir = tempfile::tempdir().expect("a directory");
    let peer = owner(&dir).await;
    let (old, new, other) = (PeerId([7; 32]), PeerId([8; 32]), PeerId([9; 32]));
    let limits = Limits { rate_per_minute: Some(60), ..Limits::default() };
    let write = |holder| GrantTerms::new(holder, "write", "parks", 90).limits(limits.clone());
    let read = |holder| GrantTerms::new(holder, "read", "", 30);
    let lost = peer.grant(write(old)).await.expect("granted");
    peer.grant(read(old)).await.expect("granted");
    let terms =
        |new| ReplaceTerms { old: old.to_string(), new, days: None, reason: "stolen from the pier".into() };
    let of_new = async || {
        let tree = peer.grants().await.expect("a tree");
        let of_new = tree.grants.into_iter().filter(|it| it.holder == HolderView::Peer(new));
        of_new.map(|it| it.grant).collect::<std::collections::BTreeSet<_>>()
    };

    // It broke off: one grant was given again, and what it was given for had ended.
    let first = peer.grant(write(new)).await.expect("granted").grant;
    peer.revoke(RevokeTerms::new(lost.grant, "stolen from the pier")).await.expect("revoked");
    let plan = peer.plan_replacement(terms(new)).await.expect("a plan");
    let planned: Vec<_> = plan.grants.iter().map(|it| (it.rights.as_str(), it.held)).collect();
    assert_eq!(planned, [("write", true), ("read", false)]);
    let replaced = peer.replace(terms(new)).await.expect("replaced");
    assert_eq!((replaced.grants.len(), replaced.grants[0], replaced.revoked.len()), (2, first, 1));
    let granted: std::collections::BTreeSet<_> = replaced.grants.iter().copied().collect();
    assert_eq!(of_new().await, granted);

    // All is done: only the invitation is made again.
    assert_eq!(peer.plan_replacement(terms(new)).await.expect("a plan").ends, None);
    let again = peer.replace(terms(new)).await.expect("replaced");
    assert_eq!((&again.revoked[..], again.invitation), (&[][..], replaced.invitation));
    assert_eq!(of_new().await, granted);
    let over = peer.plan_replacement(terms(other)).await.expect_err("somebody else has its place");
    assert!(matches!(over, AccessFailed::AlreadyOver { .. }), "{over}");
    peer.close().await;
}

#[tokio::test]
async fn a_code_for_which_more_roots_must_agree_is_not_given_out() {
    let dir = tempfile::tempdir().expect("a directory");
    let home = DataDir::at(dir.path());
    let key = home.identity_or_init().expect("a key");
    let other = msec_identity::Identity::from_seed([5; 32]);
    let owner = Owner::found_among("harbour", key, [other.peer()], 2).expect("a space");
    let config = PeerConfig::new(dir.path()).expect("a data directory");
    let peer = Peer::open(config.join(Membership::new(owner.manifest(), []))).await.expect("opens");
    assert!(peer.status().await.expect("open").root);
    let invite = || crate::sdk::InviteTerms {
        rights: "read".into(),
        collection: "parks".into(),
        days: 1,
        lasts_s: 60,
        hints: Vec::new(),
    };
    let bench = || crate::sdk::BenchTerms {
        collection: "parks".into(),
        lasts_s: 3_600,
        days: 1,
        hints: vec!["192.0.2.7:4000".parse().expect("an address")],
        anywhere: false,
    };
    let said = peer.invite(invite()).await.expect_err("alone").to_string();
    assert!(said.contains("2 of the space's roots must agree") && said.contains("msec approve"), "{said}");
    let said = peer.post(bench()).await.expect_err("alone").to_string();
    assert!(said.contains("2 of the space's roots must agree"), "{said}");
    assert_eq!(peer.grants().await.expect("a tree").grants.len(), 0);

    // Under a link of its own it may, once that counts.
    let link = GrantTerms::new(peer.id(), "manage,read", "parks", 30).depth(2);
    let link = peer.grant(link).await.expect("granted").grant;
    assert!(
        peer.invite(invite()).await.is_err() && peer.status().await.expect("open").approvals_missing == 1
    );
    let space = owner.manifest().space();
    let approval = other.sign(msec_identity::Approval { space, approver: other.peer(), of: link.0 });
    let membership = Membership::new(owner.manifest(), []).with_records([approval.into()]);
    peer.close().await;
    let config = PeerConfig::new(dir.path()).expect("a data directory").join(membership);
    let peer = Peer::open(config).await.expect("opens");
    assert!(peer.invite(invite()).await.is_ok());
    let bench = peer.post(bench()).await.expect("a code").grant;
    let tree = peer.grants().await.expect("a tree");
    let of_bench = tree.grants.iter().find(|it| it.grant == bench).expect("its grant");
    assert_eq!((of_bench.under, of_bench.standing), (Some(link), Standing::Counts));
    let named = peer.record_called(&link.to_string()[..6]).await.expect("the only one");
    assert_eq!(named, link.0);
    peer.close().await;
}

#[tokio::test]
async fn an_explanation_is_signed_and_one_changed_word_spoils_it() {
    let dir = tempfile::tempdir().expect("a directory");
    let peer = owner(&dir).await;
    write(&peer, 1).await;
    let phone = PeerId([8; 32]);
    let granted = peer.grant(GrantTerms::new(phone, "read", "parks", 30)).await.expect("granted");
    let now = crate::net::wall_clock();
    let question = |what: &str| Question { what: what.into(), at: now };
    let before = peer.explain(question("parks/noise/mic-0")).await.expect("explained");
    assert_eq!((before.stream.as_deref(), &before.writers[..]), (Some("mic-0"), &[peer.id()][..]));
    let of_phone = |it: &Explanation| it.readers.iter().find(|it| it.holder == phone).cloned();
    assert_eq!(of_phone(&before).expect("a reader").ended, None);
    assert_eq!(of_phone(&peer.explain(question("harbour")).await.expect("explained")), None);
    peer.revoke(RevokeTerms::new(granted.grant, "lost")).await.expect("revoked");
    let mut ended = None;
    // It confirms its own word, too: that is on disk a little later.
    for _ in 0..1_000 {
        let after = peer.explain(question("parks")).await.expect("explained");
        ended = of_phone(&after).expect("it could, then").ended.filter(|it| !it.confirmed.is_empty());
        if ended.is_some() {
            break;
        }
        tokio::task::yield_now().await;
        write(&peer, 1).await;
    }
    let ended = ended.expect("confirmed");
    assert_eq!((ended.by, ended.reason.as_str(), ended.served_after), (Some(peer.id()), "lost", 0));
    assert!(ended.window_ms.is_some() && ended.unconfirmed.is_empty(), "{ended:?}");
    let explanation = peer.explain(question("parks")).await.expect("explained");
    let signed = peer.sign_explanation(explanation).await.expect("signed");
    assert_eq!(SignedExplanation::from_file(&signed.file), Some(signed.clone()));
    for (from, to) in [("lost", "left"), ("msec explanation a", "msec explanation b"), ("\n}", "\n }")] {
        let changed = signed.file.replacen(from, to, 1);
        assert!(changed == signed.file || SignedExplanation::from_file(&changed).is_none(), "{from}");
    }
    assert_eq!(SignedExplanation::from_file(""), None);
    peer.close().await;
}

#[tokio::test]
async fn what_is_personal_is_shown_once_an_issuer_has_answered_and_not_after_a_restart_without_one() {
    let (home, other) =
        (tempfile::tempdir().expect("a directory"), tempfile::tempdir().expect("a directory"));
    let peer = owner(&home).await;
    write(&peer, 1).await;
    let street = StreamSpec::new("streets/noise", "mic-1").expect("a stream");
    peer.publish(&street, &[Reading::new(TIME, 2.0)]).await.expect("acknowledged");
    let terms = |class: &str| ClassTerms { collection: "parks".into(), class: class.into() };
    let said = peer.classify(terms("personal")).await.expect("classified");
    assert_eq!((said.class.as_str(), said.voices), ("personal", None));
    assert_eq!(values(&peer).await, 2, "whoever issues is fresh by its own word");

    let config = PeerConfig::new(other.path()).expect("a data directory");
    let issued = peer.grant(GrantTerms::new(config.peer(), "read", "", 30)).await.expect("granted");
    let config = config.join(issued.membership().expect("an invitation")).leaf();
    let reader = Peer::open(config.contact(peer.address())).await.expect("opens");
    let refused = reader.classify(terms("public")).await.expect_err("it manages nothing");
    assert!(matches!(refused, AccessFailed::NotManaged), "{refused}");
    for _ in 0..200 {
        if reader.withheld().is_empty()
            && reader.query(Query::default()).await.is_ok_and(|rows| rows.len() == 2)
        {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    assert_eq!(values(&reader).await, 2);
    let status = reader.status().await.expect("open");
    let personal = status.leases.iter().find(|it| it.class == "personal").expect("each class");
    assert_eq!((personal.state.as_str(), personal.issuer), ("fresh", Some(peer.id())));
    reader.close().await;

    let config = PeerConfig::new(other.path()).expect("a data directory").leaf().mdns(false);
    let reader = Peer::open(config).await.expect("opens");
    let rows = reader.query(Query::default()).await.expect("answers");
    assert_eq!(rows.iter().map(|row| row.collection().as_str()).collect::<Vec<_>>(), ["streets/noise"]);
    let noise = Query { collection: "parks/noise".parse().expect("a path"), ..Query::default() };
    let said = reader.query(noise.clone()).await.expect_err("withheld").to_string();
    assert!(
        said.contains("`parks` is withheld: it holds personal data") && said.contains("msec peers"),
        "{said}"
    );
    assert!(reader.latest(noise).await.is_err());
    let mut hours = crate::RollUpQuery::every(crate::Resolution::Hour);
    assert_eq!(reader.roll_ups(hours.clone()).await.expect("answers").len(), 1);
    hours.collection = "parks".parse().expect("a path");
    assert!(reader.roll_ups(hours).await.is_err());
    let [withheld] = &reader.withheld()[..] else { panic!("{:?}", reader.withheld()) };
    assert_eq!((withheld.collection.as_str(), withheld.age), ("parks", None));
    let log = reader
        .look(|node| {
            let mut logs = node.frontier().map(|(log, ..)| log);
            logs.find(|log| node.collection_of(log).is_some_and(|it| it.as_str() == "parks/noise"))
        })
        .await;
    assert!(reader.claims(log.expect("open").expect("it is stored")).await.is_err());
    #[cfg(feature = "documents")]
    {
        let registry = reader.registry("parks").expect("a registry");
        assert!(registry.things().await.is_err() && registry.thing("bench").await.is_err());
    }
}
