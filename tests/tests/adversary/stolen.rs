//! To be somebody else, by a Noise key that was stolen, and not the identity that endorsed it.

use msec_peer::identity::handshake::Refusal;
use msec_peer::identity::{HandshakeError, Identity, NoiseKey, UnixMillis};
use msec_peer::net::{random_seed, wall_clock};
use msec_peer::{DataDir, Membership, Peer, RefusedKind};
use msec_tests::forge::{self, Forge};
use msec_tests::raw::RawLink;
use msec_tests::town::{PARKS, linked};
use msec_tests::wait::wait_until;

use crate::scene::{HANDSHAKE, MISBEHAVED, REFUSED, Scene};

const HOUR_MS: i64 = 3_600_000;

/// What a thief has of the sensor: a key that it endorsed an hour ago for so long, and its grants, which are no secret.
fn stolen(scene: &Scene, lasts_ms: i64) -> (NoiseKey, Membership) {
    let sensor = DataDir::at(scene.town.path("sensor")).identity().expect("a key");
    let since = wall_clock().saturating_add(-HOUR_MS);
    (
        sensor.rotate_noise(random_seed(), since, since.saturating_add(lasts_ms)),
        scene.town.membership("sensor"),
    )
}

async fn answer(
    peer: &Peer,
    key: &NoiseKey,
    membership: &Membership,
) -> (Result<(), HandshakeError>, usize, RawLink) {
    let mut link = RawLink::dial(peer.address()).await.expect("it answers");
    let (answered, messages) = link.introduce_with(key, membership).await.expect("an answer");
    (answered.map(drop), messages[3].len(), link)
}

#[tokio::test]
async fn a_stolen_noise_key_opens_nothing_after_its_end() {
    let scene = Scene::set().await;
    let (key, membership) = stolen(&scene, HOUR_MS / 2);
    for peer in [&scene.victim, &scene.behind] {
        let mut link = RawLink::dial(peer.address()).await.expect("it answers");
        let answered = link.introduce_with(&key, &membership).await;
        assert!(answered.is_err(), "it says nothing after the second message, in which no name is");
        assert_eq!(link.closed().await.expect("closed"), HANDSHAKE);
    }
    let refused = scene.notes.refuses(RefusedKind::Handshake).await;
    assert!(refused.detail.contains("expired"), "{}", refused.detail);
    wait_until("the other one tells it too", async || !scene.notes_behind.refused().is_empty()).await;
}

#[tokio::test]
async fn a_stolen_noise_key_signs_nothing_before_its_end() {
    let scene = Scene::set().await;
    let (key, membership) = stolen(&scene, 2 * HOUR_MS);
    let (answered, _, mut link) = answer(&scene.victim, &key, &membership).await;
    answered.expect("until it ends it is the sensor's");
    link.befriend(scene.sensor.id(), scene.victim.id()).await.expect("a place");
    let thief = Identity::from_seed(random_seed());
    let (space, sensor) = (membership.manifest().space(), scene.sensor.id());
    let forge = Forge {
        space,
        collection: PARKS,
        stream: "mic",
        author: &thief,
        grants: membership.grants().to_vec(),
    };
    // A log of its own by the sensor's right; one in the sensor's name, signed by the thief.
    link.send(&forge::push(&forge.run([100]))).await.expect("sent");
    let own = scene.notes.refuses(RefusedKind::NotAuthorised).await;
    assert_eq!(own.peer, Some(sensor));
    let key_of_sensor = DataDir::at(scene.town.path("sensor")).identity().expect("a key");
    let mut run = Forge { author: &key_of_sensor, ..forge }.run([101]);
    run.head = thief.sign(run.head.claims().clone()).into();
    link.send(&forge::push(&run)).await.expect("sent");
    scene.notes.refuses(RefusedKind::ForgedHead).await;
    assert_eq!(link.closed().await.expect("closed"), MISBEHAVED);
    // The sensor itself is parted with for a while, and then comes back: what it writes counts.
    linked(&scene.victim, 2).await;
    scene.nothing_is_kept_or_passed_on().await;
}

#[tokio::test]
async fn a_stolen_noise_key_opens_nothing_once_its_owner_has_rotated() {
    let mut scene = Scene::set().await;
    let (key, membership) = stolen(&scene, 24 * HOUR_MS);
    let (answered, _, thief) = answer(&scene.behind, &key, &membership).await;
    answered.expect("nobody knows yet that it was stolen");
    let since = scene.sensor.rotate_key().await.expect("rotated");
    assert!(since > key.endorsement().since.expect("endorsed an hour ago"));
    // The thief's link ends, and the sensor is linked again by itself.
    assert_eq!(thief.closed().await.expect("closed"), 17);
    for peer in [&scene.victim, &scene.behind] {
        wait_until("everybody refuses it", async || {
            let (answered, length, link) = answer(peer, &key, &membership).await;
            let refused = matches!(answered, Err(HandshakeError::Refused(Refusal::OldKey)));
            if refused {
                assert!(length < 32, "{length} bytes are more than a refusal");
                assert_eq!(link.closed().await.expect("closed"), REFUSED);
            }
            refused
        })
        .await;
    }
    // A word of its own about its keys needs the identity, which the thief lacks.
    let forged = Identity::from_seed(random_seed()).rotate_noise([1; 32], wall_clock(), UnixMillis(i64::MAX));
    let mut link = RawLink::dial(scene.victim.address()).await.expect("it answers");
    let (answered, _) = link.introduce_with(&forged, &membership).await.expect("an answer");
    assert!(matches!(answered, Err(HandshakeError::Refused(Refusal::Stranger))), "{answered:?}");
    linked(&scene.victim, 2).await;
    scene.honest_peers_go_on().await;
}
