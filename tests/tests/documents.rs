//! The registry of things: edited on peers that are apart, it converges when they meet.
#![allow(clippy::disallowed_methods, reason = "tests watch real peers, in real time")]

use std::time::Duration;

use msec_peer::identity::{Grant, Identity, LogId, UnixMillis, Verified};
use msec_peer::net::probe::Probe;
use msec_peer::net::random_seed;
use msec_peer::store::Document;
use msec_peer::{
    EditFailed, Membership, Peer, Place, RefusedKind, Registry, Thing, ThingField, ThingPatch, ThingView,
    Things,
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
