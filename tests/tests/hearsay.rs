//! Peers that were told of nobody but one neighbour, and come to know the others by what those sign.
#![allow(clippy::disallowed_methods, reason = "tests watch real peers, in real time")]

use std::time::Duration;

use msec_peer::identity::PeerId;
use msec_peer::{Found, Peer, PeerConfig};
use msec_tests::town::{PARKS, Town, holds, linked, open, publish, stream};
use msec_tests::wait::wait_until;

/// A peer that dials whom neighbours tell of. On loopback it may, since it is there itself.
fn hearing(config: PeerConfig) -> PeerConfig {
    config.tune(|config| {
        config.hearsay_max = 64;
        config.overlay.shuffle_min = Duration::from_secs(1);
    })
}

async fn is_linked_with(peer: &Peer, other: PeerId) -> bool {
    peer.neighbours().await.expect("open").iter().any(|it| it.peer == other)
}

#[tokio::test]
async fn two_that_only_heard_of_each_other_go_on_without_the_one_between_them() {
    let town = Town::found();
    let c = open(hearing(town.gateway("c"))).await;
    let b = open(hearing(town.gateway("b").contact(c.address()))).await;
    let a = open(hearing(town.gateway("a").contact(b.address()))).await;
    let mic = stream(PARKS, "mic");
    publish(&c, &mic, [0]).await;
    holds(&a, [0]).await;
    // Data may be faster than hearsay: who is left before it came knows nobody.
    wait_until("the two have a link of their own", async || is_linked_with(&a, c.id()).await).await;
    let between = b.id();
    b.close().await;
    wait_until("the one between is gone", async || !is_linked_with(&a, between).await).await;
    publish(&c, &mic, [1]).await;
    holds(&a, [0, 1]).await;
    let found = a.neighbours().await.expect("open")[0].found;
    assert!(matches!(found, Found::Hearsay | Found::DialledUs), "{found}");
}

#[tokio::test]
async fn who_listens_to_no_hearsay_stays_with_its_contacts() {
    let town = Town::found();
    let c = open(town.gateway("c")).await;
    let b = open(town.gateway("b").contact(c.address())).await;
    let a = open(town.gateway("a").contact(b.address())).await;
    publish(&c, &stream(PARKS, "mic"), [0]).await;
    holds(&a, [0]).await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert!(!is_linked_with(&a, c.id()).await);
    linked(&a, 1).await;
}

#[tokio::test]
async fn nobody_is_told_where_a_leaf_lives() {
    let town = Town::found();
    let b = open(hearing(town.gateway("b"))).await;
    let leaf = open(hearing(town.sensor("leaf").leaf()).contact(b.address())).await;
    linked(&leaf, 1).await;
    assert!(b.neighbours().await.expect("open")[0].leaf, "and it says that it is one");
    let a = open(hearing(town.gateway("a").contact(b.address()))).await;
    publish(&leaf, &stream(PARKS, "mic"), [0]).await;
    holds(&a, [0]).await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert!(!is_linked_with(&a, leaf.id()).await);
}
