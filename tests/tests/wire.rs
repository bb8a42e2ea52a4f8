//! What happens between two peers: a bad wire, no wire, and somebody in it.
#![allow(clippy::disallowed_methods, reason = "tests watch real peers, in real time")]

use std::net::SocketAddr;
use std::time::Duration;

use msec_peer::RefusedKind;
use msec_peer::identity::HandshakeError;
use msec_peer::net::probe::{Probe, ProbeError};
use msec_tests::proxy::{Carried, UdpProxy, Weather};
use msec_tests::raw::{self, RawLink};
use msec_tests::town::{Notes, PARKS, Town, holds, linked, numbers, open, publish, stream};
use msec_tests::wait::wait_until;

/// Two gateways, the second of which dials the first through a wire in that weather; everything arrives, both what was
/// there before and what comes then, in both directions, and nobody refuses anything.
async fn everything_arrives_in(weather: Weather) -> Carried {
    let town = Town::found();
    let near = open(town.gateway("near")).await;
    let mic = stream(PARKS, "mic");
    publish(&near, &mic, 0..100).await;
    let wire = UdpProxy::to(near.address()).await;
    wire.set_weather(weather);
    let far = open(town.gateway("far").contact(wire.address())).await;
    let notes = [Notes::of(&near), Notes::of(&far)];
    holds(&far, 0..100).await;
    for n in 1..=20 {
        publish(&near, &mic, [99 + n]).await;
        publish(&far, &stream(PARKS, "other"), [199 + n]).await;
    }
    let all = || (0..120).chain(200..220);
    holds(&far, all()).await;
    holds(&near, all()).await;
    for notes in notes {
        assert_eq!(notes.refused(), [], "the wire is to blame, and no peer");
    }
    wire.carried()
}

#[tokio::test]
async fn flipped_bits_are_lost_datagrams_and_nothing_else() {
    let carried = everything_arrives_in(Weather { corrupt_every: 5, ..Weather::default() }).await;
    assert!(carried.corrupted >= 10, "{carried:?}");
}

#[tokio::test]
async fn a_fifth_of_all_datagrams_may_be_lost() {
    let carried = everything_arrives_in(Weather { drop_percent: 20, ..Weather::default() }).await;
    assert!(carried.dropped >= 10, "{carried:?}");
}

#[tokio::test]
async fn datagrams_may_come_twice_and_out_of_order() {
    let weather = Weather { double_percent: 30, overtake_percent: 30, ..Weather::default() };
    let carried = everything_arrives_in(weather).await;
    assert!(carried.doubled >= 10 && carried.held_up >= 10, "{carried:?}");
}

#[tokio::test]
async fn a_wire_that_was_cut_is_caught_up_with() {
    let town = Town::found();
    let near = open(town.gateway("near")).await;
    let wire = UdpProxy::to(near.address()).await;
    let far = open(town.gateway("far").contact(wire.address())).await;
    let notes = [Notes::of(&near), Notes::of(&far)];
    let (mic, other) = (stream(PARKS, "mic"), stream(PARKS, "other"));
    publish(&near, &mic, [0]).await;
    holds(&far, [0]).await;
    wire.set_weather(Weather { cut: true, ..Weather::default() });
    publish(&near, &mic, 1..50).await;
    publish(&far, &other, 100..150).await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(numbers(&far).await, [0].into_iter().chain(100..150).collect::<Vec<_>>(), "it is cut");
    wire.set_weather(Weather::default());
    for peer in [&near, &far] {
        holds(peer, (0..50).chain(100..150)).await;
    }
    for notes in notes {
        assert_eq!(notes.refused(), []);
    }
}

#[tokio::test]
async fn somebody_who_ends_quic_on_both_sides_is_refused_by_both() {
    let town = Town::found();
    let office = open(town.gateway("office").tune(|c| c.handshake_timeout = Duration::from_secs(1))).await;
    let between = raw::endpoint();
    let address = between.local_addr().expect("a bound socket");
    let guest = open(town.gateway("guest").contact(address)).await;
    let (office_notes, guest_notes) = (Notes::of(&office), Notes::of(&guest));

    // Frames go from one connection to the other unchanged; only the connections differ, and with them the exporters.
    let from_guest = RawLink::accept(&between).await.expect("the guest dials");
    let to_office = RawLink::dial(office.address()).await.expect("the office answers");
    assert_ne!(from_guest.binding(), to_office.binding());
    let (mut to_guest, mut of_guest, guest_connection) = from_guest.into_streams();
    let (mut to_office, mut of_office, office_connection) = to_office.into_streams();
    let there = tokio::spawn(async move {
        let mut passed = 0;
        while let Ok(frame) = raw::receive(&mut of_guest).await {
            raw::send(&mut to_office, &frame).await.expect("passed on");
            passed += 1;
        }
        // Kept open: the office is to come to its own conclusion.
        office_connection.closed().await;
        passed
    });
    let back = tokio::spawn(async move {
        let mut passed = 0;
        while let Ok(frame) = raw::receive(&mut of_office).await {
            // It may have hung up.
            let _ = raw::send(&mut to_guest, &frame).await;
            passed += 1;
        }
        drop(guest_connection);
        passed
    });
    let refused = guest_notes.refuses(RefusedKind::Handshake).await;
    assert!(refused.detail.contains("somebody between"), "{}", refused.detail);
    let refused = office_notes.refuses(RefusedKind::Handshake).await;
    assert_eq!(refused.peer, None, "nobody has proven to be anybody");
    assert_eq!(
        (there.await.expect("no panic"), back.await.expect("no panic")),
        (1, 1),
        "it ends with the second"
    );
    for peer in [&office, &guest] {
        assert!(peer.neighbours().await.expect("open").is_empty());
    }
}

#[tokio::test]
async fn a_handshake_of_another_connection_proves_nothing() {
    let town = Town::found();
    let office = open(town.gateway("office").tune(|c| c.handshake_timeout = Duration::from_secs(1))).await;
    let guest = open(town.gateway("guest")).await;
    let (identity, membership) =
        (msec_peer::DataDir::at(town.path("guest")).identity().expect("a key"), town.membership("guest"));
    guest.close().await;
    let other = Probe::dial(office.address()).await.expect("answers").binding().expect("an exporter");
    let mut probe = Probe::dial(office.address()).await.expect("answers");
    let error = probe.introduce_bound(&identity, &membership, other).await.expect_err("another connection's");
    assert!(matches!(error, ProbeError::Handshake(HandshakeError::Noise(_))), "{error}");
    // Bound to its own connection, the same introduction is good.
    let mut probe = Probe::dial(office.address()).await.expect("answers");
    let claim = probe.introduce(&identity, &membership).await.expect("admitted");
    assert_eq!(claim.peer, office.id());
}

#[tokio::test]
async fn somebody_else_than_expected_is_no_neighbour() {
    let town = Town::found();
    let office = open(town.gateway("office")).await;
    let other = open(town.gateway("other")).await;
    // A member of the space lives at that address, and still is not who was asked for. The way there opens once somebody listens.
    let nowhere = SocketAddr::from(([127, 0, 0, 1], 9));
    let wire = UdpProxy::to(nowhere).await;
    let guest = open(town.gateway("guest").contact_peer(wire.address(), office.id())).await;
    let notes = Notes::of(&guest);
    wire.set_target(other.address());
    let refused = notes.refuses(RefusedKind::Handshake).await;
    assert_eq!(refused.peer, Some(other.id()));
    assert!(refused.detail.contains("somebody else than expected"), "{}", refused.detail);
    wait_until("the other lets go too", async || other.neighbours().await.expect("open").is_empty()).await;
    assert!(guest.neighbours().await.expect("open").is_empty());
}

#[tokio::test]
async fn a_neighbour_that_comes_back_on_another_port_is_found_behind_its_address() {
    let town = Town::found();
    let near = open(town.gateway("near")).await;
    let mic = stream(PARKS, "mic");
    publish(&near, &mic, [0]).await;
    let wire = UdpProxy::to(near.address()).await;
    let far = open(town.gateway("far").contact(wire.address())).await;
    holds(&far, [0]).await;
    near.close().await;
    wait_until("the far one has noticed", async || far.neighbours().await.expect("open").is_empty()).await;
    // It comes back on another port, behind the same address.
    let near = open(town.gateway("near")).await;
    wire.set_target(near.address());
    linked(&far, 1).await;
    publish(&near, &mic, [1]).await;
    holds(&far, [0, 1]).await;
}
