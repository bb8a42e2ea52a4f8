//! To be somebody else, by what was recorded of it: each message of the handshake, which is Noise XX bound to the connection. There
//! is no message that would do as the first one of IK: nothing that acts goes out before both sides have drawn something new.

use std::time::Duration;

use msec_peer::RefusedKind;
use msec_peer::identity::UnixMillis;
use msec_peer::net::random_seed;
use msec_tests::raw::{self, RawLink};
use msec_tests::town::{Notes, open};

use crate::scene::{HANDSHAKE, MISBEHAVED, Scene};

#[tokio::test]
async fn a_replayed_message_of_a_handshake_opens_nothing_on_its_own_link_nor_on_another() {
    let scene = Scene::set_with(|config| config.handshake_timeout = Duration::from_secs(5)).await;
    let (identity, membership) = scene.member("", "relay,read");
    let key = identity.endorse(random_seed(), UnixMillis(i64::MAX));
    let mut honest = scene.raw().await;
    let (claim, [first, second, third, answer]) =
        honest.introduce_with(&key, &membership).await.expect("answers");
    assert_eq!(claim.expect("admitted").peer, scene.victim.id());
    honest.befriend(identity.peer(), scene.victim.id()).await.expect("a place");

    // Another link. The first message is answered, since it says nothing: by another key than before, and the rest is refused.
    for last in [&third, &first, &second, &answer] {
        let mut link = scene.raw().await;
        link.send(&first).await.expect("sent");
        let again = link.receive().await.expect("an answer to nobody");
        assert_eq!(again.len(), second.len());
        assert_ne!(again, second);
        link.send(last).await.expect("sent");
        assert_eq!(link.closed().await.expect("closed"), HANDSHAKE);
        assert!(link.receive().await.is_err(), "nothing else is said to it");
    }
    // The others in the place of the first.
    for message in [&third, &answer] {
        let mut link = scene.raw().await;
        link.send(message).await.expect("sent");
        assert!([HANDSHAKE, 4].contains(&link.closed().await.expect("closed")));
    }
    let refused = scene.notes.refused();
    assert!(refused.iter().all(|it| it.kind == RefusedKind::Handshake && it.peer.is_none()), "{refused:?}");

    // Its own link: after the handshake there is no second one.
    honest.send(&first).await.expect("sent");
    honest.send(&third).await.expect("sent");
    assert_eq!(honest.closed().await.expect("closed"), MISBEHAVED);
    scene.nothing_is_kept_or_passed_on().await;
}

#[tokio::test]
async fn what_a_peer_once_answered_admits_nobody_who_repeats_it() {
    let scene = Scene::set().await;
    let (identity, membership) = scene.member("", "relay,read");
    let key = identity.endorse(random_seed(), UnixMillis(i64::MAX));
    let (_, messages) = scene.raw().await.introduce_with(&key, &membership).await.expect("answers");
    let [_, second, _, answer] = messages;
    // Somebody stands where the victim was, and says what that once said.
    let impostor = raw::endpoint();
    let guest = open(scene.town.gateway("guest").contact(impostor.local_addr().expect("bound"))).await;
    let notes = Notes::of(&guest);
    let mut link = RawLink::accept(&impostor).await.expect("the guest dials");
    link.receive().await.expect("the first message");
    link.send(&second).await.expect("sent");
    link.send(&answer).await.expect("sent");
    let refused = notes.refuses(RefusedKind::Handshake).await;
    assert_eq!(refused.peer, None, "nobody has proven to be anybody");
    assert!(link.receive().await.is_err(), "the guest does not say who it is");
    assert!(guest.neighbours().await.expect("open").is_empty());
}
