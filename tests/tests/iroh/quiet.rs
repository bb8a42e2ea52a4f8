//! Nothing that peers do over iroh leaves the machine: no relay, port mapper, net report, look-up or multicast is tried.
//!
//! They run in a network namespace with an address, a route to everywhere and a nameserver, so that whatever is tried would
//! really leave.

use std::io::Write;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::time::Duration;

use anyhow::Context;
use iroh::endpoint::{Builder, presets};
use iroh::{Endpoint, EndpointAddr, RelayMode, TransportAddr};
use msec_peer::{DataDir, Membership};
use msec_tests::process::{Process, run};
use msec_tests::town::{Town, open};
use msec_tests::wait::{block_until, wait_until};

use crate::admission::in_iroh_words;
use crate::namespace::{HERE, NAMESERVER, Namespace, sent_out, with_nameserver};
use crate::recorder::{Packet, Recorder, strays};

/// The program `msec`.
const MSEC: &str = env!("CARGO_BIN_EXE_msec-under-test");
/// How long two peers that have nothing more to say are watched: longer than iroh looks for better ways, and than it waits
/// before it says that it is still there.
const WATCHED: Duration = Duration::from_secs(8);
/// What QUIC is to be spoken for.
const ALPN: &[u8] = b"msec/1";
/// An address that nobody has (RFC 5737).
const NOBODY: Ipv4Addr = Ipv4Addr::new(198, 51, 100, 9);

/// Runs a test in a namespace of its own. Where none can be made the test is skipped, but not where it must have run.
fn in_a_namespace(test: impl FnOnce() -> anyhow::Result<()> + Send) -> anyhow::Result<()> {
    match Namespace::make() {
        Ok(namespace) => namespace.inside(test),
        Err(error) if std::env::var_os("CI").is_none() => {
            // Not with `eprintln!`, which shows only what failed.
            let mut out = std::io::stderr();
            Ok(writeln!(out, "SKIPPED: {error:#}. It needs root, `unshare` and `ip`; with CI set it fails.")?)
        }
        Err(error) => Err(error),
    }
}

/// A peer on disk that may do everything. Returns where it lives.
fn settle_in(town: &Town, name: &str) -> anyhow::Result<String> {
    let dir = DataDir::at(town.path(name));
    let grant = town.owner.grant(dir.init()?.peer(), "", "relay,read,write", 30)?;
    dir.join(&Membership::new(town.owner.manifest(), [grant]))?;
    Ok(town.path(name).to_str().context("text")?.to_owned())
}

/// A file that names the nameserver, in the town's directory.
fn resolv_conf(town: &Town) -> anyhow::Result<String> {
    let path = town.path("resolv.conf");
    std::fs::write(&path, format!("nameserver {NAMESERVER}\noptions timeout:1 attempts:1\n"))?;
    Ok(path.to_str().context("text")?.to_owned())
}

#[test]
fn two_peers_over_iroh_send_nothing_that_leaves_the_machine() -> anyhow::Result<()> {
    const READINGS: usize = 50;
    in_a_namespace(|| {
        let town = Town::found();
        let resolv_conf = resolv_conf(&town)?;
        let (office_home, guest_home) = (settle_in(&town, "office")?, settle_in(&town, "guest")?);
        let start = |home: &str, args: &[&str]| {
            let program = [MSEC, "run", "--json", "--no-mdns", "--listen", "127.0.0.1:0", "--data-dir", home]
                .into_iter()
                .chain(args.iter().copied());
            Process::start("unshare", with_nameserver(&resolv_conf, program))
        };
        let recorder = Recorder::start()?;
        let mut office = start(&office_home, &["--iroh", "127.0.0.1:0", "--tail"]);
        let address = office.out.wait("the office listens", |line| {
            let line: serde_json::Value = serde_json::from_str(line).ok()?;
            Some(line.get("listening_iroh")?.as_str()?.to_owned())
        });
        let mut guest = start(&guest_home, &["--contact", &address, "--publish", "parks/noise/mic"]);
        for n in 0..READINGS {
            guest.say(&format!("{n}"));
        }
        block_until("all readings have crossed", || office.out.json("value").len() == READINGS);
        std::thread::sleep(WATCHED);
        assert_eq!(office.out.json("neighbour_down").len(), 0, "they are still linked");
        assert!(guest.interrupt().success() && office.interrupt().success());

        let packets = recorder.finish()?;
        let carried: u64 = packets.iter().filter(|(packet, _)| packet.is_loopback()).map(|(_, n)| n).sum();
        assert!(carried > READINGS as u64 / 2, "what crossed was recorded: {packets:?}");
        assert!(strays(packets.clone()).is_empty(), "something left the machine: {packets:#?}");
        assert_eq!(sent_out()?, 0, "the kernel counts more than was recorded: {packets:#?}");
        Ok(())
    })
}

#[test]
fn whatever_leaves_the_machine_is_recorded() -> anyhow::Result<()> {
    in_a_namespace(|| {
        let town = Town::found();
        let resolv_conf = resolv_conf(&town)?;
        let recorder = Recorder::start()?;
        assert_eq!(sent_out()?, 0, "nothing leaves by itself");
        let inside = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
        inside.send_to(b"stays", inside.local_addr()?)?;
        // As a relay would be called, and whoever listens for mDNS.
        let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0))?;
        let group = Ipv4Addr::new(224, 0, 0, 251);
        socket.send_to(b"leaves", (NOBODY, 9))?;
        socket.send_to(b"leaves", (group, 5353))?;
        // As anybody would look up a name.
        run("unshare", with_nameserver(&resolv_conf, ["getent", "ahosts", "relay.example.org"]));

        let packets = recorder.finish()?;
        let strays = strays(packets.clone());
        for to in [NOBODY.into(), group.into(), NAMESERVER.parse::<IpAddr>()?] {
            let recorded =
                strays.keys().any(|packet| matches!(packet, Packet::Ip { to: it, .. } if *it == to));
            assert!(recorded, "{to} is missing from {packets:#?}");
        }
        assert!(packets.len() > strays.len(), "what stays is recorded, and is no stray: {packets:#?}");
        // Each is seen at both ends of the cable.
        assert_eq!(2 * sent_out()?, strays.values().sum::<u64>(), "the kernel counts the same: {strays:#?}");
        Ok(())
    })
}

/// An endpoint as iroh sets it up by itself, but for the address.
fn endpoint() -> anyhow::Result<Builder> {
    let builder = Endpoint::builder(presets::Minimal).relay_mode(RelayMode::Disabled).clear_ip_transports();
    Ok(builder.bind_addr((HERE, 0))?.alpns(vec![ALPN.to_vec()]))
}

/// Whether something was sent where nobody is.
fn probed(recorder: &Recorder) -> bool {
    recorder.packets().keys().any(|packet| matches!(packet, Packet::Ip { to, .. } if *to == NOBODY))
}

#[test]
fn whoever_connects_makes_nobody_send_elsewhere() -> anyhow::Result<()> {
    const PORT: u16 = 4001;
    in_a_namespace(|| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(async {
            let recorder = Recorder::start()?;
            let town = Town::found();
            let office = open(town.gateway("office").listen_iroh((HERE, PORT).into())).await;
            let there = in_iroh_words(office.iroh_address().context("it listens")?)?;
            // Somebody connects, says to live elsewhere as well, and nothing else. In the end it is sent away.
            let liar = endpoint()?.external_addr(SocketAddr::from((NOBODY, 9))).bind().await?;
            liar.connect(there, ALPN).await?.closed().await;
            assert!(!probed(&recorder), "a stranger chose where to send: {:#?}", recorder.packets());

            // An endpoint of iroh's own making does what the liar wants.
            let naive = endpoint()?.bind().await?;
            let accepting = naive.clone();
            let accepted = tokio::spawn(async move { Some(accepting.accept().await?.await) });
            let there = EndpointAddr::from_parts(
                naive.id(),
                naive.bound_sockets().into_iter().map(TransportAddr::Ip),
            );
            let connection = liar.connect(there, ALPN).await?;
            let accepted = accepted.await?.context("it is open")??;
            wait_until("the naive one probes", async || probed(&recorder)).await;
            drop((connection, accepted));
            tokio::join!(office.close(), liar.close(), naive.close());
            Ok(())
        })
    })
}
