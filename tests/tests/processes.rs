//! Programs that are killed, and lose nothing that they acknowledged.
#![allow(clippy::disallowed_methods, reason = "tests watch real programs, in real time")]

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::time::Duration;

use msec_tests::process::{Process, json};
use msec_tests::proxy::UdpProxy;
use msec_tests::town::{PARKS, Town, holds, open, publish, stream};
use msec_tests::wait::block_until;
use rand_chacha::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};
use serde_json::Value;
use tempfile::TempDir;
use tokio::runtime::Runtime;

/// The program `msec`.
const MSEC: &str = env!("CARGO_BIN_EXE_msec-under-test");
const STREAM: &str = "parks/noise/mic";

/// A space that was founded on the command line.
struct Space {
    dir: TempDir,
}

impl Space {
    fn found() -> Self {
        let space = Self { dir: tempfile::tempdir().expect("a directory") };
        let owner = space.path("owner");
        json(MSEC, ["init", "--data-dir", &owner, "--json"]);
        let founded = json(MSEC, ["found", "town", "--data-dir", &owner, "--json"]);
        assert_eq!(founded[0]["space"].as_str().map(str::len), Some(64), "{founded:?}");
        space
    }

    fn path(&self, name: &str) -> String {
        self.dir.path().join(name).to_str().expect("text").to_owned()
    }

    /// A new peer with these rights everywhere.
    fn peer(&self, name: &str, rights: &str) {
        let (home, owner) = (self.path(name), self.path("owner"));
        let file = self.path(&format!("{name}.invitation"));
        let peer = json(MSEC, ["init", "--data-dir", &home, "--json"])[0]["peer"].clone();
        let peer = peer.as_str().expect("an id");
        json(MSEC, ["grant", peer, "--may", rights, "--out", &file, "--data-dir", &owner, "--json"]);
        json(MSEC, ["join", &file, "--data-dir", &home, "--json"]);
        assert_eq!(json(MSEC, ["id", "--data-dir", &home, "--json"])[0]["peer"], peer);
    }

    fn start(&self, name: &str, args: &[&str]) -> Process {
        let home = self.path(name);
        // Links are the test's to make and to cut.
        let mut all = vec!["run", "--data-dir", &home, "--json", "--no-mdns", "--listen", "127.0.0.1:0"];
        all.extend(args);
        Process::start(MSEC, all)
    }

    /// The rows in the store of a peer that does not run.
    fn rows(&self, name: &str) -> Vec<Row> {
        let rows = json(MSEC, ["query", "--limit", "100000", "--data-dir", &self.path(name), "--json"]);
        rows.iter().map(Row::of).collect()
    }
}

/// A reading and where it stands.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Row {
    value: u64,
    log: String,
    position: u64,
}

impl Row {
    fn of(row: &Value) -> Self {
        let number = |field: &str| row[field].as_f64().expect("a number") as u64;
        Self {
            value: number("value"),
            log: row["log"].as_str().expect("a log").to_owned(),
            position: number("position"),
        }
    }
}

/// Where a program listens.
fn address(process: &Process) -> SocketAddr {
    process.out.wait("the peer listens", |line| {
        serde_json::from_str::<Value>(line).ok()?.get("listening")?.as_str()?.parse().ok()
    })
}

/// What a program has acknowledged, of what was said to it from `first` on.
fn acknowledged(process: &Process, first: u64) -> Vec<Row> {
    let receipts = process.out.json("published");
    let row = |(value, receipt): (u64, &Value)| Row {
        value,
        log: receipt["log"].as_str().expect("a log").to_owned(),
        position: receipt["position"].as_u64().expect("a position"),
    };
    (first..).zip(&receipts).map(row).collect()
}

fn say(process: &mut Process, value: u64) {
    process.say(&format!("{} {value}", 1_700_000_000_000 + value));
}

/// A proxy, for a test without a runtime of its own.
fn proxy(runtime: &Runtime) -> UdpProxy {
    runtime.block_on(UdpProxy::new())
}

#[test]
fn a_sensor_that_is_killed_loses_nothing_that_it_acknowledged() {
    const KILLS: u64 = 12;
    let space = Space::found();
    for (name, rights) in [("gateway", "relay,read,write"), ("reader", "read"), ("sensor", "write")] {
        space.peer(name, rights);
    }
    let mut gateway = space.start("gateway", &[]);
    let contact = address(&gateway).to_string();
    let mut reader = space.start("reader", &["--contact", &contact, "--tail"]);
    let publishing = ["--contact", &contact, "--leaf", "--publish", STREAM, "--unit", "dB"];

    let mut rng = ChaCha8Rng::seed_from_u64(20_261_123);
    let (mut next, mut acks) = (0, Vec::new());
    for round in 0..=KILLS {
        let mut sensor = space.start("sensor", &publishing);
        address(&sensor);
        let (first, lines) = (next, 50 + u64::from(rng.next_u32() % 50));
        for _ in 0..lines {
            say(&mut sensor, next);
            next += 1;
        }
        if round < KILLS {
            // At a random moment after the first acknowledgement, which is before, in or after any of the next.
            block_until("something is acknowledged", || !acknowledged(&sensor, first).is_empty());
            std::thread::sleep(Duration::from_micros(u64::from(rng.next_u32() % 20_000)));
            sensor.kill();
            acks.extend(acknowledged(&sensor, first));
        } else {
            block_until("all is acknowledged", || acknowledged(&sensor, first).len() as u64 == lines);
            acks.extend(acknowledged(&sensor, first));
            let arrived =
                || reader.out.json("value").iter().map(|v| v.as_f64().expect("a number") as u64).collect();
            block_until("every acknowledged reading is shown to the reader", || {
                let arrived: BTreeSet<u64> = arrived();
                acks.iter().all(|ack| arrived.contains(&ack.value))
            });
            // A leaf tells one relay, and that may be the reader.
            block_until("and the gateway has it", || {
                let held: BTreeSet<_> = space.rows("gateway").into_iter().collect();
                acks.iter().all(|ack| held.contains(ack))
            });
            assert!(sensor.interrupt().success());
        }
    }
    assert!(
        acks.len() as u64 > KILLS && (acks.len() as u64) < next,
        "some of {next} died with their sensor: {}",
        acks.len()
    );

    // Nobody was shown anything twice.
    let shown = reader.out.json("value").len();
    assert!(reader.interrupt().success() && gateway.interrupt().success());
    for name in ["reader", "gateway", "sensor"] {
        let rows = space.rows(name);
        let held: BTreeSet<_> = rows.iter().cloned().collect();
        assert!(
            acks.iter().all(|ack| held.contains(ack)),
            "{name} holds all that was acknowledged, where it was"
        );
        assert_eq!(rows.iter().map(|row| &row.log).collect::<BTreeSet<_>>().len(), 1, "one log, continued");
        let positions: BTreeMap<_, _> = rows.iter().map(|row| (row.position, row.value)).collect();
        assert!(
            positions.keys().copied().eq(1..=rows.len() as u64),
            "position after position: {positions:?}"
        );
        let values: Vec<_> = positions.values().collect();
        assert!(values.is_sorted_by(|a, b| a < b), "each reading once, in the order in which it was said");
        if name == "reader" {
            assert_eq!(rows.len(), shown);
        }
    }
    for process in [&gateway, &reader] {
        let complaints =
            process.err.all().into_iter().filter(|line| line.contains("refused")).collect::<Vec<_>>();
        assert_eq!(complaints, Vec::<String>::new());
    }
}

#[test]
fn a_gateway_and_a_reader_that_are_killed_catch_up() {
    let runtime = Runtime::new().expect("a runtime");
    let space = Space::found();
    for (name, rights) in [("gateway", "relay,read,write"), ("reader", "read"), ("sensor", "write")] {
        space.peer(name, rights);
    }
    // An address that stays.
    let front = proxy(&runtime);
    let contact = front.address().to_string();
    let start_gateway = || {
        let gateway = space.start("gateway", &["--tail"]);
        front.set_target(address(&gateway));
        gateway
    };
    let shows = |process: &Process, values: std::ops::Range<u64>| {
        block_until(&format!("{values:?} are shown"), || {
            let shown = process.out.json("value");
            let shown: BTreeSet<_> = shown.iter().map(|v| v.as_f64().expect("a number") as u64).collect();
            values.clone().all(|value| shown.contains(&value))
        });
    };
    let mut gateway = start_gateway();
    let mut reader = space.start("reader", &["--contact", &contact, "--tail"]);
    let mut sensor = space.start("sensor", &["--contact", &contact, "--leaf", "--publish", STREAM]);
    let publish = |sensor: &mut Process, values: std::ops::Range<u64>| {
        values.clone().for_each(|value| say(sensor, value));
        block_until("all is acknowledged", || acknowledged(sensor, 0).len() as u64 == values.end);
    };
    publish(&mut sensor, 0..5);
    shows(&reader, 0..5);

    reader.kill();
    publish(&mut sensor, 5..10);
    shows(&gateway, 5..10);
    let mut reader = space.start("reader", &["--contact", &contact, "--tail"]);
    shows(&reader, 5..10);

    gateway.kill();
    publish(&mut sensor, 10..15);
    reader.kill();
    let mut gateway = start_gateway();
    let mut reader = space.start("reader", &["--contact", &contact, "--tail"]);
    // The sensor notices at QUIC's idle timeout, of 20 s, that nobody is there any more.
    shows(&gateway, 10..15);
    shows(&reader, 10..15);
    publish(&mut sensor, 15..16);
    shows(&reader, 15..16);
    for process in [&mut sensor, &mut reader, &mut gateway] {
        assert!(process.interrupt().success());
    }
    for name in ["gateway", "reader"] {
        let mut rows = space.rows(name);
        rows.sort();
        assert_eq!(
            rows.iter().map(|row| row.value).collect::<Vec<_>>(),
            (0..16).collect::<Vec<_>>(),
            "{name}"
        );
    }
}

#[test]
fn ctrl_c_ends_a_peer_cleanly_and_frees_its_store() {
    let space = Space::found();
    space.peer("sensor", "write");
    let mut sensor = space.start("sensor", &["--publish", STREAM]);
    say(&mut sensor, 1);
    block_until("it is acknowledged", || acknowledged(&sensor, 1).len() == 1);
    assert_eq!(space.rows("sensor").len(), 1, "the running peer is asked");
    let status = sensor.interrupt();
    assert_eq!(status.code(), Some(0), "{:?}", sensor.err.all());
    assert_eq!(sensor.err.all(), Vec::<String>::new());
    // At once, since it was released and not only abandoned.
    assert_eq!(space.rows("sensor").len(), 1);
}

/// A peer that may make no file longer than 4 KiB: a disk that is soon full.
fn start_on_a_full_disk(space: &Space, name: &str, args: &[&str]) -> Process {
    // 25 is SIGXFSZ, which would end the program; ignored, the write fails. The limit counts blocks of 512 bytes.
    let limited = "trap '' 25; ulimit -f 8; exec \"$@\"";
    let home = space.path(name);
    let here = ["--no-mdns", "--listen", "127.0.0.1:0"];
    let mut all = vec!["-c", limited, "sh", MSEC, "run", "--data-dir", &home, "--json"];
    all.extend(here.iter().chain(args));
    Process::start("sh", all)
}

/// Says one reading after the other, each when the one before it was acknowledged, until the disk is full. Returns how many
/// were said, the last of them in vain.
fn fill_the_disk(sensor: &mut Process) -> u64 {
    let mut said = 0;
    block_until("the disk is full", || {
        if acknowledged(sensor, 0).len() as u64 == said {
            say(sensor, said);
            said += 1;
        }
        sensor.err.all().iter().any(|line| line.contains("cannot write to the store"))
    });
    said
}

#[test]
fn on_a_full_disk_nothing_is_acknowledged_and_nothing_lost() {
    let space = Space::found();
    space.peer("gateway", "relay,read,write");
    space.peer("sensor", "write");
    let gateway = space.start("gateway", &["--tail"]);
    let contact = address(&gateway).to_string();
    let publishing = ["--contact", &contact, "--leaf", "--publish", STREAM];
    let mut sensor = start_on_a_full_disk(&space, "sensor", &publishing);
    let said = fill_the_disk(&mut sensor);
    sensor.kill();
    let acks = acknowledged(&sensor, 0);
    assert_eq!(acks.len() as u64, said - 1, "the last one is not acknowledged");
    assert!(acks.len() > 1, "some were, before");
    // With room again, all that was acknowledged is there, and the log goes on.
    let mut sensor = space.start("sensor", &publishing);
    say(&mut sensor, said);
    block_until("it publishes again", || !acknowledged(&sensor, said).is_empty());
    let next = acknowledged(&sensor, said).remove(0);
    assert_eq!((&next.log, next.position), (&acks[0].log, said), "after the {said} entries that are there");
    block_until("the gateway has it all", || gateway.out.json("value").len() as u64 == said);
    assert!(sensor.interrupt().success());
    let mut rows = space.rows("sensor");
    rows.sort();
    assert_eq!(rows, [acks, vec![next]].concat());
}

#[test]
fn ctrl_c_ends_a_peer_whose_disk_is_full() {
    let space = Space::found();
    space.peer("sensor", "write");
    let mut sensor = start_on_a_full_disk(&space, "sensor", &["--leaf", "--publish", STREAM]);
    fill_the_disk(&mut sensor);
    assert!(sensor.interrupt().code().is_some(), "it ends, and not by a signal");
}

#[tokio::test]
async fn a_sensor_that_is_closed_and_opened_continues_its_log() {
    let town = Town::found();
    let gateway = open(town.gateway("gateway")).await;
    let mut receipts = Vec::new();
    for n in 0..4 {
        let sensor = open(town.sensor("sensor").contact(gateway.address())).await;
        // Not linked yet, perhaps: what was not told now is told next time.
        receipts.extend(publish(&sensor, &stream(PARKS, "mic"), [3 * n, 3 * n + 1, 3 * n + 2]).await);
        sensor.close().await;
    }
    let sensor = open(town.sensor("sensor").contact(gateway.address())).await;
    holds(&gateway, 0..12).await;
    assert!(receipts.iter().all(|receipt| receipt.log == receipts[0].log), "one log");
    assert!(receipts.iter().map(|receipt| receipt.position).eq(1..=12), "position after position");
    drop(sensor);
}

#[tokio::test]
async fn a_reader_that_was_away_catches_up() {
    let town = Town::found();
    let gateway = open(town.gateway("gateway")).await;
    let sensor = open(town.sensor("sensor").contact(gateway.address())).await;
    let citizen = open(town.citizen("citizen").contact(gateway.address())).await;
    publish(&sensor, &stream(PARKS, "mic"), 0..5).await;
    holds(&citizen, 0..5).await;
    citizen.close().await;
    publish(&sensor, &stream(PARKS, "mic"), 5..200).await;
    publish(&sensor, &stream("roads", "counter"), 200..210).await;
    holds(&gateway, 0..210).await;
    // Also when who wrote it has gone in the meantime.
    sensor.close().await;
    let citizen = open(town.citizen("citizen").contact(gateway.address())).await;
    holds(&citizen, 0..210).await;
}
