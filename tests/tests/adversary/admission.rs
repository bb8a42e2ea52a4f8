//! To get in without the right to, or to keep others out.

use std::time::Duration;

use msec_peer::identity::handshake::Refusal;
use msec_peer::identity::{Grant, HandshakeError, Right, Rights, UnixMillis};
use msec_peer::{Membership, Owner, RefusedKind};
use msec_tests::raw::{self, RawLink};
use msec_tests::town::{Notes, linked, open};

use crate::scene::{CROWDED, REFUSED, Scene, TOO_SLOW, VERSION, somebody};

#[tokio::test]
async fn a_stranger_learns_nothing_but_a_refusal() {
    let scene = Scene::set().await;
    let nothing = Membership::new(scene.town.owner.manifest(), []);
    let elsewhere = Owner::found("elsewhere").expect("a space");
    let stranger = somebody();
    let foreign = elsewhere.grant(stranger.peer(), "", "relay,read,write,manage", 1).expect("a grant");
    let (_, of_another) = scene.member("", "read");
    let cases = [
        ("no grant", nothing, Refusal::Stranger),
        ("another space", Membership::new(elsewhere.manifest(), [foreign.clone()]), Refusal::OtherSpace),
        (
            "a grant of another space",
            Membership::new(scene.town.owner.manifest(), [foreign]),
            Refusal::Stranger,
        ),
        ("somebody else's grant", of_another, Refusal::Stranger),
    ];
    for (who, membership, expected) in cases {
        let mut link = scene.raw().await;
        let (answer, length) = link.introduce(&stranger, &membership).await.expect("an answer");
        match answer {
            Err(HandshakeError::Refused(refusal)) => assert_eq!(refusal, expected, "{who}"),
            other => panic!("{who}: {other:?}"),
        }
        // An endorsement alone has a signature of 64 bytes.
        assert!(length < 32, "{who}: {length} bytes are more than a refusal");
        assert_eq!(link.closed().await.expect("closed"), REFUSED, "{who}");
    }
    let refused = scene.notes.refused();
    assert_eq!(refused.len(), 4, "{refused:?}");
    assert!(refused.iter().all(|it| it.kind == RefusedKind::Stranger && it.peer == Some(stranger.peer())));
    scene.nothing_is_kept_or_passed_on().await;
}

#[tokio::test]
async fn a_grant_that_nobody_may_issue_admits_nobody() {
    let scene = Scene::set().await;
    let stranger = somebody();
    // Signed by oneself; and signed by oneself in the root's name.
    for issuer in [stranger.peer(), scene.town.owner.peer()] {
        let mut link = scene.raw().await;
        let grant = stranger.sign(Grant {
            space: scene.town.owner.manifest().space(),
            issuer,
            holder: stranger.peer().into(),
            resource: "".parse().expect("everything"),
            rights: Rights::of([Right::Read]),
            not_before: UnixMillis(0),
            not_after: UnixMillis(i64::MAX),
            depth: 0,
            parent: None,
            caveats: None,
        });
        let membership = Membership::new(scene.town.owner.manifest(), [grant]);
        let (answer, _) = link.introduce(&stranger, &membership).await.expect("an answer");
        assert!(matches!(answer, Err(HandshakeError::Refused(Refusal::Stranger))), "{answer:?}");
    }
    scene.nothing_is_kept_or_passed_on().await;
}

#[tokio::test]
async fn who_never_completes_the_handshake_is_cut_off() {
    let scene = Scene::set().await;
    let mut link = scene.raw().await;
    link.begin(&somebody()).await.expect("sent");
    link.receive().await.expect("the second message");
    assert_eq!(link.closed().await.expect("closed"), TOO_SLOW);
    let refused = scene.notes.refuses(RefusedKind::Handshake).await;
    assert!(refused.detail.contains("too long"), "{}", refused.detail);
    scene.nothing_is_kept_or_passed_on().await;
}

#[tokio::test]
async fn half_open_strangers_do_not_keep_an_honest_peer_out() {
    let mut scene = Scene::set_with(|config| config.handshake_timeout = Duration::from_secs(4)).await;
    let (endpoint, address) = (raw::endpoint(), scene.victim.address());
    // A hundred begin a handshake, more than may be at it; then others connect and say nothing, more than are let in.
    let mut open_links = Vec::new();
    for (strangers, begins) in [(50, true), (50, true), (80, false)] {
        let dialling: Vec<_> = (0..strangers)
            .map(|_| {
                let endpoint = endpoint.clone();
                tokio::spawn(async move {
                    let mut link = RawLink::dial_from(&endpoint, address).await?;
                    if begins {
                        link.begin(&somebody()).await?;
                    }
                    anyhow::Ok(link)
                })
            })
            .collect();
        for dialled in dialling {
            open_links.extend(dialled.await.expect("no panic"));
        }
    }
    assert!(open_links.len() < 180, "some of them were turned away");
    let honest = open(scene.town.sensor("honest").contact(address)).await;
    linked(&honest, 1).await;
    // Those that have a link already notice nothing.
    scene.honest_peers_go_on().await;
}

#[tokio::test]
async fn a_handshake_too_many_is_turned_away_at_once() {
    let scene = Scene::set_with(|config| config.handshakes_max = 4).await;
    let mut links = Vec::new();
    for _ in 0..4 {
        let mut link = scene.raw().await;
        link.begin(&somebody()).await.expect("sent");
        link.receive().await.expect("the second message");
        links.push(link);
    }
    let mut link = scene.raw().await;
    link.begin(&somebody()).await.expect("sent");
    assert_eq!(link.closed().await.expect("closed"), CROWDED);
    assert!(links.iter().all(|link| link.connection.close_reason().is_none()), "the others may go on");
    drop(links);
    scene.nothing_is_kept_or_passed_on().await;
}

#[tokio::test]
async fn another_version_is_answered_in_clear_words() {
    let scene = Scene::set().await;
    let mut link = scene.raw().await;
    let mut first = link.first_message(&somebody()).expect("a message");
    first[0] = 9;
    link.send(&first).await.expect("sent");
    assert_eq!(link.receive().await.expect("an answer"), [0, 2, 2], "versions 2 to 2 are spoken here");
    assert_eq!(link.closed().await.expect("closed"), VERSION);
    let refused = scene.notes.refuses(RefusedKind::Handshake).await;
    assert!(refused.detail.contains("versions 9 to 9, this peer 2"), "{}", refused.detail);

    // And who dials a newer peer can say what to do.
    let newer = raw::endpoint();
    let guest = open(scene.town.gateway("guest").contact(newer.local_addr().expect("bound"))).await;
    let notes = Notes::of(&guest);
    let mut link = RawLink::accept(&newer).await.expect("the guest dials");
    link.receive().await.expect("the first message");
    link.send(&[0, 3, 4]).await.expect("sent");
    let refused = notes.refuses(RefusedKind::Handshake).await;
    assert!(
        refused.detail.contains("versions 3 to 4") && refused.detail.contains("update"),
        "{}",
        refused.detail
    );
}
