//! A peer that erases entries of its own log while it goes on with that, until somebody kills it: `eraser DIR FROM TO`. It says
//! where it publishes, which entry it begins to erase, and what of both is acknowledged.

use std::io::Write;

use anyhow::Context;
use msec_peer::identity::{LogId, UnixMillis};
use msec_peer::net::random_seed;
use msec_peer::{Peer, PeerConfig, Query, Reading};
use msec_tests::town::{PARKS, stream};
use rand_chacha::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};
use serde_json::{Value, json};

/// Readings in an entry. Their values are random, so that nothing of a body is found in another one.
const READINGS: i64 = 400;

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let mut args = std::env::args().skip(1);
    let peer = Peer::open(PeerConfig::new(args.next().context("a data directory")?)?).await?;
    let mut position = || args.next().context("a position").and_then(|text| Ok(text.parse()?));
    let positions: std::ops::Range<u64> = position()?..position()?;
    let log = peer.query(Query { limit: 1, ..Query::default() }).await?.first().map(|row| row.log);
    tokio::try_join!(publish(&peer), erase(&peer, log, positions))?;
    Ok(())
}

fn say(what: &Value) -> anyhow::Result<()> {
    Ok(writeln!(std::io::stdout(), "{what}")?)
}

async fn publish(peer: &Peer) -> anyhow::Result<()> {
    let (stream, mut dice) = (stream(PARKS, "mic"), ChaCha8Rng::from_seed(random_seed()));
    for entry in 0.. {
        let value = |n| Reading::new(UnixMillis(1_700_000_000_000 + entry * READINGS + n), random(&mut dice));
        let readings: Vec<_> = (0..READINGS).map(value).collect();
        let receipt = peer.publish(&stream, &readings).await?;
        say(&json!({ "published": receipt.position }))?;
    }
    Ok(())
}

fn random(dice: &mut ChaCha8Rng) -> f64 {
    // Each number below two to the 53rd is one that a float holds.
    (dice.next_u64() >> 11) as f64
}

async fn erase(peer: &Peer, log: Option<LogId>, positions: std::ops::Range<u64>) -> anyhow::Result<()> {
    for position in positions {
        say(&json!({ "erasing": position }))?;
        peer.erase_here(log.context("nothing to erase")?, position..position + 1).await?;
        say(&json!({ "erased": position }))?;
    }
    Ok(())
}
