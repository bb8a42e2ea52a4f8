//! What an owner has erased: who confirms it, who was away, and what is left on their disks.
#![allow(clippy::disallowed_methods, reason = "tests watch real programs, in real time")]

use std::fs;
use std::path::Path;
use std::time::Duration;

use msec_peer::store::{Body, FileDir, Run, Storage, Store, StoreConfig};
use msec_tests::desk::{self, text};
use msec_tests::own_desk;
use msec_tests::process::run;
use msec_tests::wait::block_until;
use serde_json::Value;

const MSEC: &str = env!("CARGO_BIN_EXE_msec-under-test");
const STREAM: &str = "parks/noise/mic-1";
/// How often a peer is killed, unless `MSEC_ERASE_KILLS` says otherwise.
const KILLS: u32 = 4;

own_desk! {
    /// The owner's gateway, a relay, a reader and a sensor, each in a directory of its own.
    Desk
}

impl Desk {
    fn new() -> Self {
        let desk = Self(desk::Desk::new(MSEC));
        desk.msec("owner", &["found", "harbour"]);
        for (home, may) in [("relay", "relay,read"), ("reader", "read"), ("sensor", "read,write")] {
            let id = text(&desk.msec(home, &["init"])[0]["peer"]);
            let file = desk.path(&format!("{home}.invitation"));
            desk.msec("owner", &["grant", &id, "--may", may, "--in", "parks", "--out", &file]);
            desk.msec(home, &["join", &file]);
        }
        desk
    }

    fn id(&self, home: &str) -> String {
        text(&self.msec(home, &["id"])[0]["peer"])
    }

    fn values(&self, home: &str) -> Vec<f64> {
        self.0.values(home, "parks")
    }

    /// Salt and bytes of each body that a stopped peer has of the stream.
    fn bodies(&self, home: &str) -> Vec<Vec<Vec<u8>>> {
        let config = StoreConfig { index: true, roll_ups: true, ..StoreConfig::default() };
        let medium = FileDir::open(Path::new(&self.path(home)).join("store")).expect("nobody uses it");
        let (store, opened) = Store::open_with(medium, config).expect("it opens");
        let log = opened.logs.iter().find(|state| state.header().stream() == "mic-1").expect("the log").log();
        let chunk = store.read(&log, 0, 1 << 20).expect("readable").expect("held");
        let entries = Run::from_bytes(&chunk.bytes).expect("a run").entries.into_iter().skip(1);
        let body = |body| match body {
            Body::Kept { salt, bytes } => vec![salt.to_vec(), bytes],
            Body::Erased { .. } => Vec::new(),
        };
        entries.map(|entry| body(entry.body)).collect()
    }

    /// Whether one of these is in any file of a peer.
    fn has_left(&self, home: &str, parts: &[Vec<u8>]) -> bool {
        let is_in = |bytes: &[u8]| parts.iter().any(|part| bytes.windows(part.len()).any(|it| it == part));
        files_of(Path::new(&self.path(home))).iter().any(|bytes| is_in(bytes))
    }

    /// Who has confirmed an order, as somebody knows it.
    fn confirmed(&self, home: &str, erasure: &str) -> Vec<String> {
        let known = self.msec(home, &["erasures", erasure]);
        known[0]["confirmed"].as_array().expect("a list").iter().map(|it| text(&it["peer"])).collect()
    }
}

/// What is in all files below a directory.
fn files_of(dir: &Path) -> Vec<Vec<u8>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(dir).expect("a directory") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            files.extend(files_of(&path));
        } else if let Ok(bytes) = fs::read(&path) {
            files.push(bytes);
        }
    }
    files
}

/// A time as RFC 3339 has it, from milliseconds since 1970, on that day.
fn moment(millis: &Value) -> String {
    let millis = millis.as_i64().expect("a time");
    let output = std::process::Command::new("date")
        .args(["-u", "-d", &format!("@{}", millis.div_euclid(1000)), "+%Y-%m-%dT%H:%M:%S"])
        .output()
        .expect("date");
    let seconds = String::from_utf8(output.stdout).expect("text");
    format!("{}.{:03}Z", seconds.trim(), millis.rem_euclid(1000))
}

fn listed(view: &Value, key: &str) -> Vec<String> {
    view[key].as_array().expect("a list").iter().map(text).collect()
}

#[test]
fn what_the_owner_erases_is_gone_from_every_disk_and_who_was_away_confirms_later() {
    let desk = Desk::new();
    let (mut owner, at_owner) = desk.run("owner", &[]);
    let (mut relay, at_relay) = desk.run("relay", &[&at_owner]);
    let (mut reader, _) = desk.run("reader", &[&at_relay]);
    let (mut sensor, _) = desk.run("sensor", &[&at_relay]);
    for value in ["41.25", "1234.5678", "43.75"] {
        desk.msec("sensor", &["publish", STREAM, value]);
    }
    let all = [41.25, 1234.5678, 43.75];
    for home in ["owner", "relay", "reader", "sensor"] {
        block_until("all have it", || desk.values(home) == all);
    }
    // The reader is away from now on.
    reader.interrupt();
    let secret = desk.bodies("reader")[1].clone();
    assert!(desk.has_left("reader", &secret) && desk.has_left("owner", &secret));

    let rows = desk.msec("owner", &["query", "--in", "parks"]);
    let [after, time] = [0, 1].map(|nth| moment(&rows[nth]["time_ms"]));
    let asked = ["erase", "--stream", STREAM, "--from", &time, "--to", &after];
    let planned = desk.msec("owner", &[&asked[..], &["--dry-run"]].concat());
    assert_eq!((&planned[0]["entries"], &planned[0]["readings"]), (&1.into(), &1.into()));
    // Who only reads has nothing erased, nor does a relay.
    let error = desk.refused("relay", &["erase", "--stream", STREAM, "--yes"]);
    assert!(error.contains("may not have parks/noise/mic-1 erased"), "{error}");
    let error = desk.refused("owner", &["erase", "--yes"]);
    assert!(error.contains("say what is to be erased"), "{error}");
    assert_eq!(desk.values("owner"), all, "nothing of it happened");

    let ordered =
        desk.msec("owner", &[&asked[..], &["--reason", "asked for", "--yes", "--wait", "2"]].concat());
    let (erasure, left) = (text(&ordered[0]["erasure"]), [41.25, 43.75]);
    assert_eq!(
        (ordered.len(), &ordered[0]["counts"], &ordered[0]["done_here"]),
        (1, &true.into(), &true.into())
    );
    block_until("two confirm", || desk.confirmed("owner", &erasure).len() >= 2);
    for home in ["owner", "relay", "sensor"] {
        block_until("it is gone", || desk.values(home) == left);
    }
    let view = &desk.msec("owner", &["erasures", &erasure[..10]])[0];
    let confirmed = desk.confirmed("owner", &erasure);
    assert!(confirmed.contains(&desk.id("owner")) && confirmed.contains(&desk.id("relay")), "{view}");
    assert_eq!((listed(view, "missing"), view["reason"].as_str()), (Vec::new(), Some("asked for")));
    assert!(listed(view, "missing_readers").contains(&desk.id("reader")), "{view}");

    // The others are started again, and the one that was away comes back with all of it.
    for process in [&mut owner, &mut relay, &mut sensor] {
        process.interrupt();
    }
    for home in ["owner", "relay", "sensor"] {
        assert!(!desk.has_left(home, &secret), "{home}");
    }
    let (_owner, at_owner) = desk.run("owner", &[]);
    let (_relay, at_relay) = desk.run("relay", &[&at_owner]);
    assert!(desk.has_left("reader", &secret));
    let (mut reader, _) = desk.run("reader", &[&at_relay]);
    block_until("it confirms", || desk.confirmed("owner", &erasure).contains(&desk.id("reader")));
    assert_eq!(desk.values("reader"), left);
    for home in ["owner", "relay"] {
        assert_eq!(desk.values(home), left, "nothing came back");
    }
    reader.interrupt();
    assert!(!desk.has_left("reader", &secret));
}

#[test]
fn one_root_of_two_erases_nothing_alone() {
    let desk = desk::Desk::new(MSEC);
    let (hall, port) = (desk.init("hall"), desk.init("port"));
    let city = desk.path("city.invitation");
    desk.msec("hall", &["found", "city", "--roots", &port, "--threshold", "2", "--out", &city]);
    desk.msec("port", &["join", &city]);
    desk.msec("port", &["approve", &city]);
    for home in ["hall", "port"] {
        desk.msec(home, &["join", &city]);
    }
    let (_hall, at_hall) = desk.run("hall", &[]);
    let (_port, _) = desk.run("port", &[&at_hall]);
    desk.msec("port", &["publish", STREAM, "48"]);
    block_until("the hall has it", || desk.values("hall", "parks") == [48.0]);

    let ordered = desk.msec("hall", &["erase", "--stream", STREAM, "--yes"]);
    let erasure = text(&ordered[0]["erasure"]);
    block_until("the port has heard of it", || !desk.msec("port", &["erasures"]).is_empty());
    assert_eq!(desk.values("hall", "parks"), [48.0], "{hall} alone is not the city");
    desk.msec("port", &["approve", &erasure]);
    block_until("both let go of it", || {
        ["hall", "port"].iter().all(|it| desk.values(it, "parks").is_empty())
    });
}

#[test]
fn what_is_carried_by_hand_brings_no_erased_body_back() {
    let desk = Desk::new();
    for value in ["41.25", "1234.5678", "43.75"] {
        desk.msec("sensor", &["publish", STREAM, value]);
    }
    let file = desk.path("before.msec");
    desk.msec("sensor", &["store", "export", &file]);
    let secret = desk.bodies("sensor").concat();
    // An author erases what it wrote, all of it.
    let ordered = desk.msec("sensor", &["erase", "--stream", STREAM, "--yes", "--wait", "2"]);
    let erasure = text(&ordered[0]["erasure"]);
    block_until("it is done", || desk.msec("sensor", &["erasures", &erasure])[0]["done_here"] == true);
    assert!(desk.values("sensor").is_empty() && !desk.has_left("sensor", &secret));
    let after = desk.path("after.msec");
    desk.msec("sensor", &["store", "export", &after]);
    // With the order a relay takes the log without those bodies; the older file changes nothing.
    desk.msec("relay", &["store", "import", &after]);
    desk.msec("relay", &["store", "import", &after]);
    let imported = desk.msec("relay", &["store", "import", &file]);
    assert!(desk.values("relay").is_empty(), "{imported:?}");
    assert!(!desk.has_left("relay", &secret));
    // Without it, somebody takes the bodies, and loses them as soon as it hears of it.
    desk.msec("reader", &["store", "import", &file]);
    assert_eq!(desk.values("reader").len(), 3);
    desk.msec("reader", &["store", "import", &after]);
    block_until("it is done", || desk.values("reader").is_empty());
    assert!(!desk.has_left("reader", &secret));
}

#[test]
fn what_was_ordered_is_carried_out_whenever_the_peer_is_killed() {
    let kills = std::env::var("MSEC_ERASE_KILLS").map_or(KILLS, |text| text.parse().expect("a number"));
    let desk = Desk::new();
    for kill in 0..kills {
        let stream = format!("parks/noise/mic-{kill}");
        desk.msec("sensor", &["publish", STREAM, "1"]);
        for value in 0..20 {
            desk.msec("sensor", &["publish", &stream, &format!("{kill}.{value}")]);
        }
        let secret = desk.bodies("sensor").concat();
        let (mut sensor, _) = desk.run("sensor", &[]);
        let home = desk.path("sensor");
        let args =
            ["erase", "--stream", &stream, "--stream", STREAM, "--yes", "--wait", "0", "--data-dir", &home];
        assert!(run(MSEC, args).status.success(), "what is ordered is on disk");
        // Before it is begun, while it is under way, or after.
        std::thread::sleep(Duration::from_millis(u64::from(kill * 67 % 400)));
        sensor.kill();
        let (mut sensor, _) = desk.run("sensor", &[]);
        block_until("it is gone", || {
            desk.msec("sensor", &["erasures"]).iter().all(|it| it["done_here"] == true)
        });
        sensor.interrupt();
        assert!(desk.values("sensor").is_empty() && !desk.has_left("sensor", &secret), "kill {kill}");
    }
}
