//! To be believed, once admitted.

use msec_peer::RefusedKind::{ForgedAddress, ForgedHead, Malformed, NotAuthorised, TamperedEntry};
use msec_peer::identity::{AddressRecord, Addresses, Grant, Identity, LogId, UnixMillis, Verified};
use msec_peer::net::probe::Probe;
use msec_peer::store::{EntryKind, Head, Run};
use msec_peer::{DataDir, Owner, RefusedKind};
use msec_tests::forge::{self, Forge};
use msec_tests::town::{PARKS, holds, logs_of, numbers, reading, rows};
use msec_tests::wait::wait_until;

use crate::scene::{MISBEHAVED, Scene};

/// What an attacker pushes, and as what it is refused.
struct Lie {
    name: &'static str,
    expected: RefusedKind,
    tell: fn(&Scene, &Identity) -> Vec<u8>,
}

/// A lie that changes what the sensor said.
macro_rules! changed {
    ($name:literal, $expected:expr, $change:expr) => {
        Lie {
            name: $name,
            expected: $expected,
            tell: |scene, _| {
                let mut run = honest(scene);
                let change: fn(&mut Run) = $change;
                change(&mut run);
                forge::push(&run)
            },
        }
    };
}

const LIES: [Lie; 16] = [
    changed!("a tampered entry", TamperedEntry, forge::tamper),
    changed!("an entry is missing at the end", TamperedEntry, |run| drop(run.entries.pop())),
    changed!("an entry is missing amid", TamperedEntry, |run| drop(run.entries.remove(1))),
    changed!("entries in another order", TamperedEntry, |run| run.entries.swap(1, 2)),
    changed!("an entry at another time", TamperedEntry, |run| run.entries[1].time = UnixMillis(5)),
    changed!("a second header", Malformed, |run| run.entries[1].kind = EntryKind::Header),
    changed!("no header", Malformed, |run| run.entries[0].kind = EntryKind::Readings),
    changed!("another log's name", Malformed, |run| run.log = OTHER),
    Lie {
        name: "a forged head",
        expected: ForgedHead,
        tell: |scene, attacker| {
            let mut run = honest(scene);
            run.head = attacker.sign(run.head.claims().clone()).into();
            forge::push(&run)
        },
    },
    Lie {
        name: "a head for another log's name",
        expected: Malformed,
        tell: |scene, attacker| {
            let mut run = honest(scene);
            run.log = OTHER;
            run.head = attacker.sign(Head { log: OTHER, ..run.head.claims().clone() }).into();
            forge::push(&run)
        },
    },
    Lie {
        name: "a run for another log",
        expected: Malformed,
        tell: |scene, _| forge::push_as(OTHER, 4, &honest(scene)),
    },
    Lie {
        name: "a log of another space",
        expected: Malformed,
        tell: |scene, attacker| {
            let space = Owner::found("elsewhere").expect("a space").manifest().space();
            forge::push(&Forge { space, ..by(scene, attacker, Vec::new()) }.run([100]))
        },
    },
    Lie {
        name: "a log without a grant",
        expected: NotAuthorised,
        tell: |scene, attacker| forge::push(&by(scene, attacker, Vec::new()).run([100])),
    },
    Lie {
        name: "somebody else's grant",
        expected: NotAuthorised,
        tell: |scene, attacker| {
            let grants = scene.town.membership("sensor").grants().to_vec();
            forge::push(&by(scene, attacker, grants).run([100]))
        },
    },
    Lie {
        name: "a grant for another collection",
        expected: NotAuthorised,
        tell: |scene, attacker| {
            let roads = scene.town.owner.grant(attacker.peer(), "roads", "write", 1).expect("a grant");
            forge::push(&by(scene, attacker, vec![roads]).run([100]))
        },
    },
    Lie {
        name: "a grant that one gives oneself",
        expected: NotAuthorised,
        tell: |scene, attacker| {
            let given = scene.town.owner.grant(attacker.peer(), "", "write", 1).expect("a grant");
            let usurped = attacker.sign(Grant { issuer: attacker.peer(), ..Grant::clone(&given) });
            forge::push(&by(scene, attacker, vec![usurped]).run([100]))
        },
    },
];

/// The name of a log that is none.
const OTHER: LogId = LogId([9; 32]);

/// A log in the sensor's collection by somebody who shows these grants.
fn by<'a>(scene: &Scene, author: &'a Identity, grants: Vec<Verified<Grant>>) -> Forge<'a> {
    let space = scene.town.owner.manifest().space();
    Forge { space, collection: PARKS, stream: "diverted", author, grants }
}

/// What the sensor might have said: nothing is wrong with it.
fn honest(scene: &Scene) -> Run {
    let sensor = DataDir::at(scene.town.path("sensor")).identity().expect("a key");
    let grants = scene.town.membership("sensor").grants().to_vec();
    by(scene, &sensor, grants).run([100, 101, 102])
}

#[tokio::test]
async fn each_lie_is_refused_for_what_it_is() {
    let mut scene = Scene::set().await;
    for (told, Lie { name, expected, tell }) in LIES.into_iter().enumerate() {
        let (attacker, mut probe) = scene.bought_relay().await;
        probe.send(&tell(&scene, &attacker)).await.expect("sent");
        wait_until(&format!("it is refused: {name}"), async || scene.notes.refused().len() > told).await;
        let refused = scene.notes.refused();
        assert_eq!(refused.len(), told + 1, "{name} is refused once");
        let last = &refused[told];
        assert_eq!((last.kind, last.peer), (expected, Some(attacker.peer())), "{name}: {}", last.detail);
        // What no honest peer can have verified convicts who sent it; the rest may be an author's fault.
        if matches!(expected, ForgedHead | Malformed) {
            assert_eq!(probe.closed().await, Some(MISBEHAVED), "{name}");
        } else {
            let neighbours = scene.victim.neighbours().await.expect("open");
            assert!(neighbours.iter().any(|it| it.peer == attacker.peer()), "{name}");
            probe.leave().await;
        }
        scene.honest_peers_go_on().await;
    }
    scene.nothing_is_kept_or_passed_on().await;
}

#[tokio::test]
async fn whoever_passes_on_an_address_that_its_peer_did_not_sign_is_parted_with() {
    let mut scene = Scene::set().await;
    let (attacker, membership) = scene.member("", "relay,read");
    let mut probe = Probe::dial(scene.victim.address()).await.expect("the victim answers");
    probe.introduce(&attacker, &membership).await.expect("admitted");
    let addresses = Addresses::new(vec![([127, 0, 0, 1], 9).into()]).expect("an address");
    let issued = membership.grants()[0].not_before;
    let expires = issued.saturating_add(24 * 3_600_000);
    // Where the peer behind the victim is said to live, by somebody else.
    let record = attacker.sign(AddressRecord { peer: scene.behind.id(), addresses, issued, expires });
    probe.send(&forge::hello(&record.to_bytes())).await.expect("sent");
    assert_eq!(scene.notes.refuses(ForgedAddress).await.peer, Some(attacker.peer()));
    assert_eq!(probe.closed().await, Some(MISBEHAVED));
    for _ in 0..3 {
        scene.honest_peers_go_on().await;
    }
    let ids: Vec<_> = scene.victim.neighbours().await.expect("open").iter().map(|it| it.peer).collect();
    assert!(
        ids.contains(&scene.behind.id()) && ids.contains(&scene.sensor.id()),
        "who has told nothing stays"
    );
}

#[tokio::test]
async fn a_replayed_push_is_harmless() {
    let scene = Scene::set().await;
    let sensor = DataDir::at(scene.town.path("sensor")).identity().expect("a key");
    let grants = scene.town.membership("sensor").grants().to_vec();
    // Whoever relays what an author signed does what a relay is for.
    let runs = by(&scene, &sensor, grants).runs([vec![100, 101], vec![102]]);
    let (_, mut probe) = scene.bought_relay().await;
    for _ in 0..5 {
        for run in &runs {
            probe.send(&forge::push(run)).await.expect("sent");
        }
    }
    let expected = || [0, 100, 101, 102];
    holds(&scene.victim, expected()).await;
    holds(&scene.behind, expected()).await;
    probe.leave().await;
    // Also over another link, after everything is on disk, and by somebody else; with a size that makes it look new.
    let (_, mut probe) = scene.bought_relay().await;
    for run in &runs {
        probe.send(&forge::push(run)).await.expect("sent");
        probe.send(&forge::push_as(run.log, 9, run)).await.expect("sent");
    }
    // It is read before what follows on the same stream is.
    probe.send(&[0xff]).await.expect("sent");
    assert_eq!(probe.closed().await, Some(MISBEHAVED));
    for (peer, notes) in [(&scene.victim, &scene.notes), (&scene.behind, &scene.notes_behind)] {
        assert_eq!(numbers(peer).await, expected());
        assert_eq!(notes.verified(), expected(), "each is shown once");
        assert_eq!(logs_of(&rows(peer).await).len(), 2);
    }
    assert_eq!(scene.notes.refused_kinds(), [Malformed], "only the end of it");
}

#[tokio::test]
async fn who_asks_for_what_it_may_not_have_gets_no_answer() {
    let scene = Scene::set().await;
    let (attacker, membership) = scene.member("roads", "write");
    let own = Forge {
        space: scene.town.owner.manifest().space(),
        collection: "roads",
        stream: "own",
        author: &attacker,
        grants: membership.grants().to_vec(),
    };
    let own = own.run([100]);
    let secret = rows(&scene.victim).await[0].log;
    let mut link = scene.raw().await;
    link.join(&attacker, &membership).await.expect("a neighbour");
    link.send(&forge::push(&own)).await.expect("sent");
    holds(&scene.victim, [0, 100]).await;
    // First for what it may not have, then for what it wrote itself. Answers come in the order of the questions.
    link.send(&forge::want(secret)).await.expect("sent");
    link.send(&forge::want(own.log)).await.expect("sent");
    let mut answer = link.connection.accept_uni().await.expect("a chunk");
    let answer = answer.read_to_end(1024 * 1024).await.expect("a chunk");
    let names = |log: LogId| answer.windows(32).any(|part| part == log.0);
    assert!(names(own.log) && !names(secret), "the first answer is to the second question");

    // Somebody who may read is answered.
    let (reader, membership) = scene.member(PARKS, "read");
    let mut link = scene.raw().await;
    link.join(&reader, &membership).await.expect("a neighbour");
    link.send(&forge::want(secret)).await.expect("sent");
    let mut answer = link.connection.accept_uni().await.expect("a chunk");
    let answer = answer.read_to_end(1024 * 1024).await.expect("a chunk");
    let value = msec_peer::store::encode_readings(&[reading(0)]).expect("encodes");
    assert!(answer.windows(32).any(|part| part == secret.0));
    assert!(answer.windows(value.len()).any(|part| part == value), "with the reading in it");
    assert_eq!(scene.notes.refused(), []);
}
