//! Bytes, frames and streams that nobody expects.

use std::time::Duration;

use msec_peer::RefusedKind;
use msec_peer::identity::handshake::{self, MESSAGE_BYTES_MAX};
use rand_chacha::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};

use crate::scene::{HANDSHAKE, MISBEHAVED, Scene, somebody};

#[tokio::test]
async fn a_frame_that_is_too_long_ends_the_link_unread() {
    let scene = Scene::set().await;
    for length in [MESSAGE_BYTES_MAX as u32 + 1, u32::MAX] {
        let mut link = scene.raw().await;
        link.write(&length.to_be_bytes()).await.expect("sent");
        // Before the deadline of the handshake, and not because of it.
        assert_eq!(link.closed().await.expect("closed"), 0, "{length}");
    }
    // The same once admitted, beyond the longest message.
    let (identity, membership) = scene.member("", "relay,read");
    let mut link = scene.raw().await;
    link.introduce(&identity, &membership).await.expect("an answer").0.expect("admitted");
    link.write(&(1024 * 1024 + 1_u32).to_be_bytes()).await.expect("sent");
    assert_eq!(link.closed().await.expect("closed"), 0);
    assert_eq!(scene.notes.refused(), []);
    scene.nothing_is_kept_or_passed_on().await;
}

#[tokio::test]
async fn noise_at_every_phase_harms_nobody() {
    const ROUNDS: u64 = 10;
    let mut scene = Scene::set().await;
    for seed in 0..ROUNDS {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        // Bytes that are no frames.
        let mut link = scene.raw().await;
        link.write(&noise(&mut rng)).await.expect("sent");
        link.closed().await.expect("closed, by the deadline at the latest");

        // A frame instead of the first message.
        let mut link = scene.raw().await;
        let mut frame = noise(&mut rng);
        frame[0] = handshake::VERSION;
        link.send(&frame).await.expect("sent");
        assert_eq!(link.closed().await.expect("closed"), HANDSHAKE);

        // Instead of the third.
        let mut link = scene.raw().await;
        link.begin(&somebody()).await.expect("sent");
        link.receive().await.expect("the second message");
        link.send(&noise(&mut rng)).await.expect("sent");
        assert_eq!(link.closed().await.expect("closed"), HANDSHAKE);

        // Once admitted: half of it looks like a message of gossip at first, and at last it is none for sure.
        let (_, mut probe) = scene.bought_relay().await;
        for kind in 0..6 {
            let mut frame = noise(&mut rng);
            frame.splice(0..0, [1, kind]);
            // It may have been cut off already.
            let _ = probe.send(&frame).await;
        }
        let _ = probe.send(&[0xff]).await;
        assert_eq!(probe.closed().await, Some(MISBEHAVED));

        // On a stream for chunks.
        let (identity, membership) = scene.member("", "relay,read");
        let mut link = scene.raw().await;
        link.join(&identity, &membership).await.expect("a neighbour");
        let mut chunk = link.connection.open_uni().await.expect("a stream");
        let mut bytes = noise(&mut rng);
        bytes[0] = 7;
        chunk.write_all(&bytes).await.expect("sent");
        chunk.finish().expect("finished");
        assert_eq!(link.closed().await.expect("closed"), MISBEHAVED);
        scene.honest_peers_go_on().await;
    }
    let kinds = scene.notes.refused_kinds();
    assert!(
        kinds.iter().all(|kind| matches!(kind, RefusedKind::Handshake | RefusedKind::Malformed)),
        "{kinds:?}"
    );
    assert!(kinds.iter().filter(|kind| **kind == RefusedKind::Malformed).count() as u64 >= 2 * ROUNDS);
    scene.nothing_is_kept_or_passed_on().await;
}

/// Up to 300 random bytes, and at least one.
fn noise(rng: &mut impl Rng) -> Vec<u8> {
    let mut bytes = vec![0; 1 + rng.next_u32() as usize % 300];
    rng.fill_bytes(&mut bytes);
    bytes
}

#[tokio::test]
async fn a_stranger_gets_one_stream_and_an_admitted_peer_more() {
    let scene = Scene::set_with(|_| ()).await;
    let (identity, membership) = scene.member("", "relay,read");
    let mut link = scene.raw().await;
    let brief = Duration::from_millis(500);
    let early = tokio::time::timeout(brief, link.connection.open_uni()).await;
    assert!(early.is_err(), "a stranger's second stream must wait");
    let second = tokio::time::timeout(brief, link.connection.open_bi()).await;
    assert!(second.is_err(), "a second conversation must wait for ever");
    link.join(&identity, &membership).await.expect("a neighbour");
    let mut chunk = link.connection.open_uni().await.expect("a stream, now");
    chunk.write_all(b"no message at all").await.expect("sent");
    chunk.finish().expect("finished");
    assert_eq!(link.closed().await.expect("closed"), MISBEHAVED);
    assert_eq!(scene.notes.refuses(RefusedKind::Malformed).await.peer, Some(identity.peer()));
    scene.nothing_is_kept_or_passed_on().await;
}
