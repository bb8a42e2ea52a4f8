//! A peer that does nothing but add things to its registry, until somebody kills it: `registrar DIR`. It prints the id of
//! each once that is acknowledged.

use std::io::Write;

use anyhow::Context;
use msec_peer::{Peer, PeerConfig, Thing};
use msec_tests::town::PARKS;

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let dir = std::env::args().nth(1).context("a data directory")?;
    let peer = Peer::open(PeerConfig::new(dir)?).await?;
    let registry = peer.registry(PARKS)?;
    let first = registry.things().await?.things.len();
    for n in first.. {
        let id = format!("thing-{n:06}");
        registry.add(&Thing::new(&id)).await?;
        writeln!(std::io::stdout(), "{}", serde_json::json!({ "added": id }))?;
    }
    Ok(())
}
