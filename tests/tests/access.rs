//! Who gets what, and who may say what.
#![allow(clippy::disallowed_methods, reason = "tests watch real peers, in real time")]

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use msec_peer::gossip::Interest;
use msec_peer::identity::UnixMillis;
use msec_peer::{Membership, PeerConfig, Place, PublishFailed, RefusedKind, Thing};
use msec_tests::town::{Notes, Town, holds, linked, numbers, open, publish, reading, rows, stream};
use msec_tests::wait::wait_until;

const HOUR_MS: i64 = 3_600_000;

fn now() -> UnixMillis {
    UnixMillis(SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock").as_millis() as i64)
}

#[tokio::test]
async fn a_citizen_with_a_grant_on_parks_gets_parks_and_not_harbour() {
    let town = Town::found();
    let gateway = open(town.gateway("gateway")).await;
    let sensor = open(town.sensor("sensor").contact(gateway.address())).await;
    let (parks, harbour) = (stream("parks/noise", "mic"), stream("harbour", "ship"));
    publish(&sensor, &harbour, [1]).await;
    publish(&sensor, &parks, [2]).await;
    holds(&gateway, [1, 2]).await;
    // One catches up and is pushed to, the other holds back nothing that it was granted.
    let citizen = open(town.config("citizen", "parks", "read").contact(gateway.address())).await;
    let mayor = open(town.citizen("mayor").contact(gateway.address())).await;
    holds(&citizen, [2]).await;
    publish(&sensor, &harbour, [3]).await;
    publish(&sensor, &parks, [4]).await;
    holds(&mayor, [1, 2, 3, 4]).await;
    holds(&citizen, [2, 4]).await;
    // `parks` does not cover `parkside`, however alike they are.
    publish(&sensor, &stream("parkside", "mic"), [5]).await;
    publish(&sensor, &parks, [6]).await;
    holds(&citizen, [2, 4, 6]).await;
    // Several rounds of reconciliation, which would bring what must not come.
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(numbers(&citizen).await, [2, 4, 6]);
    assert!(rows(&citizen).await.iter().all(|row| row.collection().as_str() == "parks/noise"));
}

#[tokio::test]
async fn a_citizen_near_one_sensor_gets_its_readings_and_not_those_of_another() {
    let town = Town::found();
    let gateway = open(town.gateway("gateway")).await;
    let sensor = open(town.sensor("sensor").contact(gateway.address())).await;
    // Beside the cathedral of Santander, 15 km away in the hills, and nowhere in particular.
    let at = |name, latitude| stream("parks/noise", name).place(Place::from_degrees(latitude, -3.8075));
    let (here, there) = (at("here", 43.461), at("there", 43.33));
    let nowhere = stream("parks/noise", "nowhere");
    publish(&sensor, &here, [1]).await;
    publish(&sensor, &there, [2]).await;
    publish(&sensor, &nowhere, [3]).await;
    holds(&gateway, [1, 2, 3]).await;
    let near = Interest::of(["parks"]).expect("a prefix").near(43.46, -3.81, 500.0).expect("an area");
    let citizen = town.citizen("citizen").leaf().contact(gateway.address());
    let citizen = open(citizen.interest(near.since(now().saturating_add(-HOUR_MS)))).await;
    let visitor = open(town.citizen("visitor").contact(gateway.address()).interest(near_the_hills())).await;
    holds(&citizen, [1, 3]).await;
    holds(&visitor, [2, 3]).await;
    // Live too, and what is edited together has no place: it is everybody's.
    let registry = gateway.registry("things").expect("a collection");
    registry.add(&Thing { name: Some("Here".into()), ..Thing::new("mic") }).await.expect("added");
    for (stream, n) in [(&here, 4), (&there, 5), (&nowhere, 6)] {
        publish(&sensor, stream, [n]).await;
    }
    holds(&citizen, [1, 3, 4, 6]).await;
    holds(&visitor, [2, 3, 5, 6]).await;
    let things = visitor.registry("things").expect("a collection");
    wait_until("the visitor has the registry", async || {
        things.things().await.is_ok_and(|found| found.things.len() == 1)
    })
    .await;
    // Several rounds of reconciliation, which would bring what must not come, or find differences for ever.
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!((numbers(&citizen).await, numbers(&visitor).await), (vec![1, 3, 4, 6], vec![2, 3, 5, 6]));
}

fn near_the_hills() -> Interest {
    Interest::all().within((43.30, -3.85), (43.35, -3.75)).expect("an area")
}

#[tokio::test]
async fn what_was_last_said_before_it_is_wanted_does_not_come_and_documents_do() {
    let town = Town::found();
    let gateway = open(town.gateway("gateway")).await;
    publish(&gateway, &stream("parks/noise", "mic"), [1]).await;
    let registry = gateway.registry("things").expect("a collection");
    registry.add(&Thing { name: Some("Here".into()), ..Thing::new("mic") }).await.expect("added");
    let tomorrow = Interest::all().since(now().saturating_add(24 * HOUR_MS));
    let late = open(town.citizen("late").contact(gateway.address()).interest(tomorrow)).await;
    let yesterday = Interest::all().since(now().saturating_add(-24 * HOUR_MS));
    let early = open(town.citizen("early").contact(gateway.address()).interest(yesterday)).await;
    holds(&early, [1]).await;
    let things = late.registry("things").expect("a collection");
    wait_until("the registry is there", async || {
        things.things().await.is_ok_and(|found| found.things.len() == 1)
    })
    .await;
    publish(&gateway, &stream("parks/noise", "mic"), [2]).await;
    holds(&early, [1, 2]).await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert!(numbers(&late).await.is_empty());
}

#[tokio::test]
async fn a_sensor_without_the_right_to_write_is_told_where() {
    let town = Town::found();
    let gateway = open(town.gateway("gateway")).await;
    let sensor = open(town.config("sensor", "parks", "write").contact(gateway.address())).await;
    let error = sensor.publish(&stream("harbour/noise", "mic"), &[reading(1)]).await.expect_err("no right");
    assert!(matches!(error, PublishFailed::Refused(_)));
    let text = error.to_string();
    assert!(text.contains("`harbour/noise`") && text.contains("ask an owner"), "{text}");
    // Neither does the right to read say that one may write.
    let citizen = open(town.citizen("citizen").contact(gateway.address())).await;
    let error = citizen.publish(&stream("parks", "mic"), &[reading(1)]).await.expect_err("no right");
    assert!(error.to_string().contains("`parks`"), "{error}");
    publish(&sensor, &stream("parks", "mic"), [2]).await;
    holds(&gateway, [2]).await;
}

#[tokio::test]
async fn an_expired_grant_admits_nobody() {
    let town = Town::found();
    let gateway = open(town.gateway("gateway")).await;
    let notes = Notes::of(&gateway);
    let late = PeerConfig::new(town.path("late")).expect("a data directory").contact(gateway.address());
    // It ended now, and a moment ago when it is shown.
    let over = town.owner.grant(late.peer(), "", "read", 0).expect("a grant");
    let late = open(late.join(Membership::new(town.owner.manifest(), [over]))).await;
    let refused = notes.refuses(RefusedKind::Stranger).await;
    assert_eq!(refused.peer, Some(late.id()));
    assert!(late.neighbours().await.expect("open").is_empty());
    // With one that is valid it gets in: nothing else was wrong.
    let address = gateway.address();
    let id = late.id();
    late.close().await;
    let valid = town.owner.grant(id, "", "read", 1).expect("a grant");
    let again = town.config("late", "", "read").join(Membership::new(town.owner.manifest(), [valid]));
    linked(&open(again.contact(address)).await, 1).await;
}

#[tokio::test]
async fn a_grant_that_runs_out_ends_the_link() {
    let town = Town::found();
    let gateway = open(town.gateway("gateway").tune(|c| c.review_interval = Duration::from_millis(50))).await;
    let guest = PeerConfig::new(town.path("guest")).expect("a data directory").contact(gateway.address());
    let brief = town.brief_grant(guest.peer(), now().saturating_add(2_000));
    let guest = open(guest.join(Membership::new(town.owner.manifest(), [brief]))).await;
    linked(&guest, 1).await;
    let notes = Notes::of(&gateway);
    wait_until("the gateway lets go of it", async || gateway.neighbours().await.expect("open").is_empty())
        .await;
    assert_eq!(notes.refuses(RefusedKind::Stranger).await.peer, Some(guest.id()));
}

#[tokio::test]
async fn who_may_read_nothing_is_linked_and_holds_nothing_but_its_own() {
    let town = Town::found();
    let gateway = open(town.gateway("gateway")).await;
    let sensor = open(town.sensor("sensor").contact(gateway.address())).await;
    // Wants everything, and may only write.
    let curious = open(town.config("curious", "", "write").contact(gateway.address())).await;
    linked(&curious, 1).await;
    publish(&sensor, &stream("parks", "mic"), [1]).await;
    publish(&curious, &stream("parks", "own"), [2]).await;
    holds(&gateway, [1, 2]).await;
    publish(&sensor, &stream("parks", "mic"), [3]).await;
    holds(&gateway, [1, 2, 3]).await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(numbers(&curious).await, [2]);
}
