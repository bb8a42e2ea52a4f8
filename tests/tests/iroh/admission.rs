//! What a stranger may do over iroh: no more than on the other socket.

use std::net::Ipv4Addr;
use std::time::Duration;

use anyhow::{Context, bail};
use iroh::endpoint::{Connection, ConnectionError, SendStream, presets};
use iroh::{Endpoint, EndpointAddr, RelayMode, TransportAddr};
use msec_peer::{IrohAddress, Peer};
use msec_tests::raw::RawLink;
use msec_tests::town::{Town, open};
use msec_tests::wait::{PATIENCE, wait_until};
use tokio::time::timeout;

/// What QUIC is to be spoken for.
const ALPN: &[u8] = b"msec/1";
/// What a connection is closed with where the handshake took too long.
const TOO_SLOW: u64 = 5;
/// How many strangers are let in at once.
const STRANGERS_MAX: usize = 64;

/// A peer that gives strangers so long.
async fn office(town: &Town, handshake_timeout: Duration) -> Peer {
    let config = town.gateway("office").tune(|config| config.handshake_timeout = handshake_timeout);
    open(config.listen_iroh((Ipv4Addr::LOCALHOST, 0).into())).await
}

/// An endpoint of nobody's.
async fn stranger() -> anyhow::Result<Endpoint> {
    let builder = Endpoint::builder(presets::Minimal).relay_mode(RelayMode::Disabled).clear_ip_transports();
    Ok(builder.bind_addr((Ipv4Addr::LOCALHOST, 0))?.bind().await?)
}

/// Where the peer is, in iroh's own words.
pub(crate) fn in_iroh_words(address: &IrohAddress) -> anyhow::Result<EndpointAddr> {
    let text = address.to_string();
    let endpoint = text.trim_start_matches("iroh:").split('/').next().context("an id")?.parse()?;
    Ok(EndpointAddr::from_parts(endpoint, address.direct().map(TransportAddr::Ip)))
}

/// What a connection was closed with.
async fn closed(connection: &Connection) -> anyhow::Result<u64> {
    match timeout(PATIENCE, connection.closed()).await.context("the connection was not closed")? {
        ConnectionError::ApplicationClosed(close) => Ok(close.error_code.into_inner()),
        other => bail!("the connection ended otherwise: {other}"),
    }
}

#[tokio::test]
async fn a_stranger_gets_one_stream_and_little_time() -> anyhow::Result<()> {
    let town = Town::found();
    let office = office(&town, Duration::from_secs(1)).await;
    let there = in_iroh_words(office.iroh_address().context("it listens")?)?;
    let stranger = stranger().await?;
    let connection = stranger.connect(there, ALPN).await?;
    let (mut send, _recv) = connection.open_bi().await?;
    send.write_all(&[0]).await?;
    let code = tokio::select! {
        Ok(_) = connection.open_bi() => bail!("a stranger was given a second stream"),
        Ok(_) = connection.open_uni() => bail!("a stranger was given a stream for chunks"),
        code = closed(&connection) => code?,
    };
    assert_eq!(code, TOO_SLOW);
    assert!(office.neighbours().await?.is_empty());
    stranger.close().await;
    Ok(())
}

#[tokio::test]
async fn strangers_are_counted_together_whatever_carries_them() -> anyhow::Result<()> {
    let town = Town::found();
    let office = office(&town, PATIENCE).await;
    let there = in_iroh_words(office.iroh_address().context("it listens")?)?;
    let stranger = stranger().await?;
    let mut inside: Vec<(Connection, SendStream)> = Vec::new();
    for _ in 0..STRANGERS_MAX {
        let connection = stranger.connect(there.clone(), ALPN).await?;
        let (mut send, _) = connection.open_bi().await?;
        send.write_all(&[0]).await?;
        inside.push((connection, send));
    }
    assert!(stranger.connect(there, ALPN).await.is_err(), "over iroh nobody else is let in");
    assert!(RawLink::dial(office.address()).await.is_err(), "nor on the other socket");
    inside.clear();
    wait_until("there is room again", async || RawLink::dial(office.address()).await.is_ok()).await;
    stranger.close().await;
    Ok(())
}
