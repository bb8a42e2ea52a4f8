//! The registry of things: edited on peers that are apart, it converges when they meet.
#![allow(clippy::disallowed_methods, reason = "tests watch real peers, in real time")]

use std::path::Path;
use std::time::Duration;

use msec_peer::identity::{Grant, Identity, LogId, UnixMillis, Verified};
use msec_peer::net::probe::Probe;
use msec_peer::net::random_seed;
use msec_peer::store::Document;
use msec_peer::{
    CompactFailed, Compacted, EditFailed, Event, Membership, Notice, Peer, Place, Query, Reading,
    RefusedKind, Registry, StreamSpec, Subscription, Thing, ThingField, ThingPatch, ThingView, Things,
};
use msec_tests::forge::{Forge, push};
use msec_tests::process::Process;
use msec_tests::town::{Notes, PARKS, Town, open};
use msec_tests::wait::wait_until;
use tokio::time::timeout;

/// A peer that adds things until it is killed.
const REGISTRAR: &str = env!("CARGO_BIN_EXE_registrar-under-test");

fn named(id: &str, name: &str) -> Thing {
    Thing { name: Some(name.into()), ..Thing::new(id) }
}

fn rename(name: &str) -> ThingPatch {
    ThingPatch { name: Some(Some(name.into())), ..ThingPatch::default() }
}

fn registry(peer: &Peer) -> Registry {
    peer.registry(PARKS).expect("a collection")
}

async fn things(registry: &Registry) -> Things {
    registry.things().await.expect("the registry can be read")
}

async fn names(registry: &Registry) -> Vec<String> {
    things(registry).await.things.into_iter().filter_map(|view| view.thing.name).collect()
}

async fn view(registry: &Registry, id: &str) -> ThingView {
    registry.thing(id).await.expect("the registry can be read").expect("it is there")
}

/// Waits until all show the same, and that is what is expected of it.
async fn agree(registries: &[&Registry], expected: impl Fn(&Things) -> bool) {
    wait_until("all registries agree", async || {
        let mut shown = Vec::new();
        for registry in registries {
            shown.push(things(registry).await);
        }
        shown.windows(2).all(|pair| pair[0] == pair[1]) && expected(&shown[0])
    })
    .await;
}

#[tokio::test]
async fn what_was_edited_apart_converges_when_the_peers_meet() {
    let town = Town::found();
    let (a, b) = (open(town.gateway("a")).await, open(town.gateway("b")).await);
    let (of_a, of_b) = (registry(&a), registry(&b));
    // While apart from everybody each reads its own edits at once.
    let mic = Thing {
        unit: Some("dB".into()),
        place: Place::from_degrees(-36.85, 174.76),
        ..named("mic", "corner")
    };
    of_a.add(&mic).await.expect("added");
    of_a.add(&named("bench", "by the pond")).await.expect("added");
    of_a.set("mic", &rename("the corner")).await.expect("set");
    of_b.add(&named("lamp", "by the gate")).await.expect("added");
    assert_eq!(names(&of_a).await, ["by the pond", "the corner"]);
    assert_eq!(names(&of_b).await, ["by the gate"]);
    let mut watch = of_a.watch();
    let address = a.address();
    b.close().await;
    let b = open(town.gateway("b").contact(address)).await;
    let of_b = registry(&b);
    agree(&[&of_a, &of_b], |things| things.things.len() == 3).await;
    assert_eq!(view(&of_b, "mic").await.thing, Thing { name: Some("the corner".into()), ..mic });
    assert!(timeout(Duration::from_secs(30), watch.changed()).await.expect("it was told"));
    // And on live, both ways, one's edit on the other's.
    of_b.set("bench", &rename("on the hill")).await.expect("set");
    agree(&[&of_a, &of_b], |things| things.things[0].thing.name.as_deref() == Some("on the hill")).await;
    of_a.remove("lamp").await.expect("removed");
    agree(&[&of_a, &of_b], |things| things.things.len() == 2).await;
    assert_eq!((of_a.refused().await.expect("read"), of_b.refused().await.expect("read")), (0, 0));
    assert_eq!(of_a.held().await.expect("read"), []);
    // A reader of Automerge's own format finds the same document.
    assert!(of_a.save().await.expect("read").starts_with(&[0x85, 0x6f, 0x4a, 0x83]));
}

#[tokio::test]
async fn one_id_added_twice_and_one_field_set_twice_have_one_winner_and_say_so() {
    let town = Town::found();
    let (a, b) = (open(town.gateway("a")).await, open(town.gateway("b")).await);
    let (of_a, of_b) = (registry(&a), registry(&b));
    of_a.add(&Thing { unit: Some("dB".into()), ..named("mic", "by a") }).await.expect("added");
    of_b.add(&Thing { owner: Some("parks".into()), ..named("mic", "by b") }).await.expect("added");
    let address = a.address();
    b.close().await;
    let b = open(town.gateway("b").contact(address)).await;
    let of_b = registry(&b);
    agree(&[&of_a, &of_b], |things| things.things.iter().any(|view| !view.conflicts.is_empty())).await;
    let both = view(&of_a, "mic").await;
    assert_eq!((both.thing.unit.as_deref(), both.thing.owner.as_deref()), (Some("dB"), Some("parks")));
    assert_eq!((both.conflicts[0].field, both.conflicts[0].values.len()), (ThingField::Name, 2));
    assert_eq!(both.thing.name.as_ref(), both.conflicts[0].values.first());

    // Settled; then apart again, and each sets the name.
    of_b.set("mic", &rename("settled")).await.expect("set");
    agree(&[&of_a, &of_b], |things| things.things[0].conflicts.is_empty()).await;
    b.close().await;
    of_a.set("mic", &rename("left")).await.expect("set");
    let b = open(town.gateway("b")).await;
    registry(&b).set("mic", &rename("right")).await.expect("set");
    b.close().await;
    let b = open(town.gateway("b").contact(address)).await;
    let of_b = registry(&b);
    agree(&[&of_a, &of_b], |things| !things.things[0].conflicts.is_empty()).await;
    let shown = view(&of_b, "mic").await;
    let mut values = shown.conflicts[0].values.clone();
    assert_eq!(shown.thing.name.as_ref(), values.first());
    values.sort();
    assert_eq!(values, ["left", "right"]);
}

#[tokio::test]
async fn a_store_that_was_restored_edits_on_under_a_new_name() {
    let town = Town::found();
    let gateway = open(town.gateway("gateway")).await;
    let office = open(town.gateway("office").contact(gateway.address())).await;
    let (of_gateway, of_office) = (registry(&gateway), registry(&office));
    of_office.add(&named("mic", "first")).await.expect("added");
    agree(&[&of_gateway, &of_office], |things| things.things.len() == 1).await;
    office.close().await;
    let backup = std::fs::read(town.logs("office")).expect("the store");
    let office = open(town.gateway("office").contact(gateway.address())).await;
    registry(&office).set("mic", &rename("second")).await.expect("set");
    wait_until("the gateway has it", async || names(&of_gateway).await == ["second"]).await;
    office.close().await;
    std::fs::write(town.logs("office"), backup).expect("restored");
    let office = open(town.gateway("office").contact(gateway.address())).await;
    let of_office = registry(&office);
    agree(&[&of_gateway, &of_office], |things| things.things[0].thing.name.as_deref() == Some("second"))
        .await;
    of_office.set("mic", &rename("third")).await.expect("set");
    agree(&[&of_gateway, &of_office], |things| things.things[0].thing.name.as_deref() == Some("third")).await;
    assert_eq!(of_gateway.refused().await.expect("read"), 0);
}

#[tokio::test]
async fn who_may_not_write_changes_nothing() {
    let town = Town::found();
    let gateway = open(town.gateway("gateway")).await;
    let citizen = open(town.citizen("citizen").contact(gateway.address())).await;
    let of_gateway = registry(&gateway);
    of_gateway.add(&named("mic", "there")).await.expect("added");
    let of_citizen = registry(&citizen);
    agree(&[&of_gateway, &of_citizen], |things| things.things.len() == 1).await;
    let refused = of_citizen.set("mic", &rename("mine")).await.expect_err("refused");
    assert!(
        matches!(refused, EditFailed::Publish(_)) && refused.to_string().contains("ask an owner"),
        "{refused}"
    );
    assert_eq!(names(&of_citizen).await, ["there"]);
    let missing = of_gateway.set("horn", &rename("x")).await.expect_err("refused");
    assert!(matches!(missing, EditFailed::Thing(_)), "{missing}");
}

/// Waits until changes of a registry are on disk up to that position, and returns their log.
async fn changed(told: &mut Subscription, up_to: u64) -> LogId {
    loop {
        match timeout(Duration::from_secs(60), told.next()).await.expect("it was told") {
            Some(Notice::Event(Event::Changed { log, position, .. })) if position >= up_to => return log,
            told => assert!(told.is_some(), "the peer is closed"),
        }
    }
}

/// Whether a file below a directory holds these bytes.
fn files_hold(dir: &Path, part: &[u8]) -> bool {
    let mut entries = std::fs::read_dir(dir).expect("a directory").map(|entry| entry.expect("a file").path());
    entries.any(|path| match path.is_dir() {
        true => files_hold(&path, part),
        false => std::fs::read(path).is_ok_and(|bytes| bytes.windows(part.len()).any(|it| it == part)),
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_registry_is_caught_up_with_in_one_batch_and_opens_from_its_snapshot_until_it_is_erased() {
    const THINGS: u64 = 150;
    const SECRET: &str = "who lives at number 77";
    let town = Town::found();
    let office = open(town.gateway("office")).await;
    let (of_office, mut told) = (registry(&office), office.subscribe());
    for n in 0..THINGS {
        let thing = Thing {
            unit: Some("dB".into()),
            owner: Some("the parks department".into()),
            place: Place::from_degrees(-36.85, 174.76),
            ..named(&format!("mic-{n:03}"), &format!("who lives at number {n}"))
        };
        of_office.add(&thing).await.expect("added");
    }
    let log = changed(&mut told, THINGS).await;
    let config = || town.gateway("gateway").contact(office.address());
    let gateway = open(config()).await;
    assert_eq!(changed(&mut gateway.subscribe(), THINGS).await, log);

    // All at once, and then from the snapshot.
    let folded = registry(&gateway);
    let all = things(&folded).await;
    assert_eq!((all.things.len() as u64, folded.batches().await), (THINGS, 1));
    let opened = registry(&gateway);
    assert_eq!((things(&opened).await, opened.batches().await), (all.clone(), 0));
    gateway.close().await;
    let gateway = open(config()).await;
    let opened = registry(&gateway);
    assert_eq!((things(&opened).await, opened.batches().await), (all, 0));
    opened.set("mic-000", &rename("nobody's")).await.expect("set");
    assert_eq!(
        (view(&opened, "mic-000").await.thing.name.as_deref(), opened.batches().await),
        (Some("nobody's"), 1)
    );
    let dir = town.path("gateway");
    let snapshots = || {
        let files = std::fs::read_dir(dir.join("store")).expect("a directory");
        files
            .filter(|file| file.as_ref().expect("a file").path().extension() == Some("snapshot".as_ref()))
            .count()
    };
    assert_eq!((snapshots(), files_hold(&dir, SECRET.as_bytes())), (1, true));

    // Whoever holds the registry open, and whoever opens it: what was erased is not there, nor in any file.
    gateway.erase_here(log, 1..THINGS + 1).await.expect("erased");
    assert_eq!((snapshots(), files_hold(&dir, SECRET.as_bytes())), (0, false));
    assert_eq!((things(&opened).await, things(&registry(&gateway)).await), Default::default());
    let stream = StreamSpec::new(PARKS, "mic-1").expect("a name");
    let secret = Reading::new(UnixMillis(1_700_000_000_000), 1_234.5);
    let receipt = gateway.publish(&stream, &[secret]).await.expect("published");
    gateway.erase_here(receipt.log, receipt.position..receipt.position + 1).await.expect("erased");
    assert_eq!(gateway.query(Query::default()).await.expect("answered"), []);
    gateway.close().await;
    // It does not come back from those who have it.
    let gateway = open(config()).await;
    wait_until("they are linked", async || !gateway.neighbours().await.expect("open").is_empty()).await;
    let mut told = gateway.subscribe();
    of_office.add(&named("mic-999", "news")).await.expect("added");
    changed(&mut told, THINGS + 1).await;
    assert_eq!(things(&registry(&gateway)).await, Things::default());
    assert_eq!(gateway.query(Query::default()).await.expect("answered"), []);
    assert!(!files_hold(&dir, SECRET.as_bytes()));
    assert_eq!(things(&of_office).await.things.len() as u64, THINGS + 1, "the office has erased nothing");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_registry_goes_on_elsewhere_without_its_history() {
    let town = Town::found();
    let gateway = open(town.gateway("gateway")).await;
    let office = open(town.gateway("office").contact(gateway.address())).await;
    let (of_gateway, of_office) = (registry(&gateway), registry(&office));
    let below = |peer: &Peer| peer.registry("parks/noise/2").expect("a collection");
    of_office.add(&named("mic", "a name that was a mistake")).await.expect("added");
    of_office.set("mic", &rename("corner")).await.expect("set");
    of_gateway.add(&named("bench", "by the pond")).await.expect("added");
    agree(&[&of_gateway, &of_office], |things| things.things.len() == 2).await;
    let before = things(&of_office).await;
    assert!(matches!(of_office.compact(&registry(&office)).await, Err(CompactFailed::Itself)));
    below(&office).add(&named("bench", "elsewhere")).await.expect("added");
    let differs = of_office.compact(&below(&office)).await.expect_err("refused");
    assert!(matches!(&differs, CompactFailed::Differs { id } if id == "bench"), "{differs}");
    assert_eq!(things(&of_office).await, before, "and nothing is erased");
    below(&office).remove("bench").await.expect("removed");

    let done = of_office.compact(&below(&office)).await.expect("compacted");
    assert_eq!(done, Compacted { things: 2, settled: 0, logs: 2 });
    assert_eq!(
        (things(&of_office).await, things(&below(&office)).await),
        (Things::default(), before.clone())
    );
    assert!(!files_hold(&town.path("office"), b"a name that was a mistake"));
    assert_eq!(of_office.compact(&below(&office)).await.expect("again").things, 0);
    agree(&[&below(&gateway), &below(&office)], |things| *things == before).await;
    // Who did not know edits on, and that is not lost: it waits, and is listed.
    of_gateway.set("bench", &rename("on the hill")).await.expect("set");
    wait_until("it is held", async || of_office.held().await.expect("read").len() == 1).await;
    assert_eq!(things(&of_office).await, Things::default());
    let refused = of_office.add(&named("lamp", "by the gate")).await.expect_err("refused");
    assert!(refused.to_string().contains("another collection"), "{refused}");
    below(&office).set("bench", &rename("on the hill")).await.expect("set");
    agree(&[&below(&gateway), &below(&office)], |things| {
        things.things[0].thing.name.as_deref() == Some("on the hill")
    })
    .await;
}

/// Somebody with a grant to relay, who brings what others have written.
async fn bring(town: &Town, to: &Peer, run: &msec_peer::store::Run) -> Probe {
    let relay = Identity::from_seed(random_seed());
    let grant = town.owner.grant(relay.peer(), "", "relay,read", 1).expect("a grant");
    let mut probe = Probe::dial(to.address()).await.expect("it answers");
    probe.join(&relay, &Membership::new(town.owner.manifest(), [grant])).await.expect("a neighbour");
    probe.send(&push(run)).await.expect("sent");
    probe
}

fn forge<'a>(town: &Town, author: &'a Identity, grants: Vec<Verified<Grant>>) -> Forge<'a> {
    let space = town.owner.manifest().space();
    Forge { space, collection: PARKS, stream: "things", author, grants }
}

#[tokio::test]
async fn a_change_without_a_grant_or_under_a_foreign_actor_is_not_applied() {
    let town = Town::found();
    let gateway = open(town.gateway("gateway")).await;
    let notes = Notes::of(&gateway);
    let of_gateway = registry(&gateway);
    of_gateway.add(&named("mic", "there")).await.expect("added");
    let author = Identity::from_seed(random_seed());
    // A change that would be right in the log whose name it bears.
    let foreign = Document::new()
        .add_thing(LogId([9; 32]), UnixMillis(1_700_000_000_000), &named("horn", "planted"))
        .expect("a change")
        .body;
    let _relay = bring(&town, &gateway, &forge(&town, &author, Vec::new()).changes([foreign.clone()])).await;
    notes.refuses(RefusedKind::NotAuthorised).await;
    assert_eq!(of_gateway.refused().await.expect("read"), 0, "it never came to the document");

    // With a grant its log is held as any other; but it speaks with another's name, or in no language.
    let may_write = town.owner.grant(author.peer(), "parks", "write", 1).expect("a grant");
    let bodies = [foreign, b"nonsense".to_vec()];
    let _other = bring(&town, &gateway, &forge(&town, &author, vec![may_write]).changes(bodies)).await;
    wait_until("both were looked at", async || of_gateway.refused().await.expect("read") == 2).await;
    assert_eq!(names(&of_gateway).await, ["there"]);
    // It keeps nobody from going on.
    of_gateway.set("mic", &rename("still there")).await.expect("set");
    assert_eq!(names(&of_gateway).await, ["still there"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_peer_that_is_killed_keeps_what_it_acknowledged_and_converges() {
    let town = Town::found();
    let gateway = open(town.gateway("gateway")).await;
    let of_gateway = registry(&gateway);
    // Once, so that it is in the space.
    open(town.gateway("office")).await.close().await;
    let dir = town.path("office");
    let mut acknowledged = Vec::new();
    for killed in 1..=5 {
        let mut registrar = Process::start(REGISTRAR, [&dir]);
        wait_until("it has added some", async || registrar.out.json("added").len() >= 3 * killed).await;
        registrar.kill();
        let added = registrar.out.json("added");
        acknowledged.extend(added.iter().map(|id| id.as_str().expect("an id").to_owned()));
        of_gateway.add(&named(&format!("meanwhile-{killed}"), "apart")).await.expect("added");
    }
    let office = open(town.gateway("office").contact(gateway.address())).await;
    let of_office = registry(&office);
    agree(&[&of_gateway, &of_office], |things| {
        let has = |id: &str| things.things.iter().any(|view| view.thing.id == id);
        acknowledged.iter().all(|id| has(id)) && has("meanwhile-1") && has("meanwhile-5")
    })
    .await;
    assert_eq!(of_gateway.refused().await.expect("read"), 0);
    assert_eq!(of_gateway.held().await.expect("read"), []);
}
