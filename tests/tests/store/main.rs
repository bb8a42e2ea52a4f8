//! Stores that were damaged, cut back, restored, or are not theirs to open.
#![allow(clippy::disallowed_methods, reason = "tests watch real peers, in real time")]

mod compaction;
mod erasure;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use msec_peer::store::StorageError;
use msec_peer::{Near, OpenError, Peer, Place, Query, Reading, ValueQuality};
use msec_tests::process::{Process, json, run};
use msec_tests::town::{
    Notes, PARKS, Town, holds, linked, logs_of, open, publish, reading, rows, stream, tamper,
};
use msec_tests::wait::wait_until;

/// The program `msec`.
const MSEC: &str = env!("CARGO_BIN_EXE_msec-under-test");

#[tokio::test]
async fn a_tampered_store_is_cut_back_set_aside_and_refetched() {
    let town = Town::found();
    let neighbour = open(town.gateway("neighbour")).await;
    let gateway = open(town.gateway("gateway").contact(neighbour.address())).await;
    let sensors = [
        open(town.sensor("sensor-1").contact(neighbour.address())).await,
        open(town.sensor("sensor-2").contact(neighbour.address())).await,
    ];
    let mics = [stream(PARKS, "mic-1"), stream(PARKS, "mic-2")];
    for n in 0..20 {
        publish(&sensors[0], &mics[0], [n]).await;
        publish(&sensors[1], &mics[1], [100 + n]).await;
    }
    let all = || (0..20).chain(100..120);
    holds(&gateway, all()).await;
    holds(&neighbour, all()).await;
    gateway.close().await;

    // What was missed meanwhile comes too.
    publish(&sensors[0], &mics[0], [20]).await;
    tamper(&town.logs("gateway"), |length| length / 2, 3);
    let all = || (0..21).chain(100..120);
    let gateway = open(town.gateway("gateway").contact(neighbour.address())).await;
    let notes = Notes::of(&gateway);
    let cut = gateway.store_cut().expect("the store was cut back");
    assert!(!cut.torn, "this is no torn tail: {cut:?}");
    let aside = fs::metadata(town.logs("gateway").with_file_name("aside.msec")).expect("set aside");
    assert_eq!(aside.len(), cut.bytes);
    holds(&gateway, all()).await;
    assert_eq!(rows(&gateway).await, rows(&neighbour).await);
    assert_eq!(notes.refused(), [], "nobody is to blame");
    // And it lies on the disk: the next start finds nothing to complain about.
    gateway.close().await;
    let gateway = open(town.gateway("gateway")).await;
    assert_eq!(gateway.store_cut(), None);
    holds(&gateway, all()).await;
}

#[tokio::test]
async fn a_store_that_is_nothing_but_noise_starts_and_is_refetched() {
    let town = Town::found();
    let gateway = open(town.gateway("gateway")).await;
    let sensor = open(town.sensor("sensor").contact(gateway.address())).await;
    publish(&sensor, &stream(PARKS, "mic"), 0..5).await;
    let citizen = open(town.citizen("citizen").contact(gateway.address())).await;
    holds(&citizen, 0..5).await;
    citizen.close().await;
    fs::write(town.logs("citizen"), [0xa5; 5_000]).expect("written");
    let citizen = open(town.citizen("citizen").contact(gateway.address())).await;
    assert!(citizen.store_cut().is_some());
    holds(&citizen, 0..5).await;
}

/// A sensor, the gateway that it published 0..10 to, and notes of what the gateway tells.
struct Scene {
    town: Town,
    gateway: Peer,
    notes: Notes,
    log: String,
}

impl Scene {
    async fn set() -> Self {
        let town = Town::found();
        let gateway = open(town.gateway("gateway")).await;
        let notes = Notes::of(&gateway);
        let sensor = open(town.sensor("sensor").contact(gateway.address())).await;
        let receipts = publish(&sensor, &stream(PARKS, "mic"), 0..10).await;
        holds(&gateway, 0..10).await;
        sensor.close().await;
        Self { town, gateway, notes, log: receipts[0].log.to_string() }
    }

    async fn sensor(&self) -> Peer {
        open(self.town.sensor("sensor").contact(self.gateway.address())).await
    }

    /// Everything that was acknowledged is there once, in two logs of which nobody complains.
    async fn ends_well(&self, sensor: &Peer, readings: u64) {
        for peer in [&self.gateway, sensor] {
            holds(peer, 0..readings).await;
            assert_eq!(logs_of(&rows(peer).await).len(), 2, "the old log and the new one");
        }
        assert_eq!(self.notes.refused(), [], "the gateway sees no fork");
    }
}

#[tokio::test]
async fn a_sensor_whose_store_was_tampered_with_goes_on_in_a_new_log() {
    let scene = Scene::set().await;
    tamper(&scene.town.logs("sensor"), |length| length * 2 / 3, 1);
    let sensor = scene.sensor().await;
    let notes = Notes::of(&sensor);
    assert!(sensor.store_cut().is_some_and(|cut| !cut.torn));
    let receipts = publish(&sensor, &stream(PARKS, "mic"), [10, 11]).await;
    assert_ne!(receipts[0].log.to_string(), scene.log, "never past a recovered head");
    assert_eq!(receipts[0].log, receipts[1].log);
    assert_eq!(notes.incarnations(), 1);
    scene.ends_well(&sensor, 12).await;
    // What was refetched and what is new are there to stay, and the new log is the one that is continued.
    sensor.close().await;
    let sensor = scene.sensor().await;
    let again = publish(&sensor, &stream(PARKS, "mic"), [12]).await;
    assert_eq!((again[0].log, again[0].position), (receipts[0].log, 3));
    scene.ends_well(&sensor, 13).await;
}

#[tokio::test]
async fn a_sensor_restored_from_an_older_copy_goes_on_in_a_new_log() {
    let scene = Scene::set().await;
    let (store, copy) = (scene.town.path("sensor").join("store"), scene.town.path("copy"));
    copy_dir(&store, &copy);
    let sensor = scene.sensor().await;
    let receipts = publish(&sensor, &stream(PARKS, "mic"), 10..15).await;
    assert_eq!(receipts[0].log.to_string(), scene.log, "an undamaged store is continued");
    holds(&scene.gateway, 0..15).await;
    sensor.close().await;
    fs::remove_dir_all(&store).expect("removed");
    copy_dir(&copy, &store);

    let sensor = scene.sensor().await;
    let notes = Notes::of(&sensor);
    // It meets the gateway, which shows it what it has forgotten.
    holds(&sensor, 0..15).await;
    let receipts = publish(&sensor, &stream(PARKS, "mic"), [15]).await;
    assert_ne!(receipts[0].log.to_string(), scene.log);
    wait_until("the sensor says so", async || notes.incarnations() == 1).await;
    scene.ends_well(&sensor, 16).await;
}

#[tokio::test]
async fn a_sensor_whose_store_was_lost_starts_anew() {
    let scene = Scene::set().await;
    fs::remove_dir_all(scene.town.path("sensor").join("store")).expect("removed");
    let sensor = scene.sensor().await;
    let receipts = publish(&sensor, &stream(PARKS, "mic"), [10]).await;
    assert_ne!(receipts[0].log.to_string(), scene.log);
    holds(&scene.gateway, 0..11).await;
    assert_eq!(scene.notes.refused(), []);
}

#[tokio::test]
async fn a_cut_is_remembered_over_a_second_start() {
    let scene = Scene::set().await;
    tamper(&scene.town.logs("sensor"), |length| length * 2 / 3, 1);
    // Out of reach of everybody, such as after a power cut of the whole street.
    let alone = open(scene.town.sensor("sensor")).await;
    assert!(alone.store_cut().is_some());
    alone.close().await;
    let alone = open(scene.town.sensor("sensor")).await;
    let receipts = publish(&alone, &stream(PARKS, "mic"), 10..20).await;
    alone.close().await;
    let sensor = scene.sensor().await;
    linked(&sensor, 1).await;
    assert_ne!(receipts[0].log.to_string(), scene.log, "never past a recovered head");
    scene.ends_well(&sensor, 20).await;
}

#[test]
fn a_data_directory_in_use_is_refused_with_advice() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().to_str().expect("text").to_owned();
    json(MSEC, ["init", "--data-dir", &path, "--json"]);
    json(MSEC, ["found", "town", "--data-dir", &path, "--json"]);
    let run_args = ["run", "--no-mdns", "--listen", "127.0.0.1:0", "--data-dir", &path];
    let mut first = Process::start(MSEC, run_args);
    first.out.wait("the peer listens", |line| line.contains("listens on").then_some(()));
    let second = run(MSEC, run_args);
    assert!(!second.status.success());
    let text = String::from_utf8_lossy(&second.stderr).into_owned();
    assert!(text.contains("another process uses the store") && text.contains(&path), "{text}");
    assert!(text.contains("stop it, or give this peer a data directory of its own"), "{text}");
    // However it ends, its lock ends with it.
    first.kill();
    assert!(run(MSEC, ["query", "--data-dir", &path]).status.success());
}

#[tokio::test]
async fn a_data_directory_in_use_in_the_same_process_is_refused_too() {
    let town = Town::found();
    let first = open(town.gateway("gateway")).await;
    let error = Peer::open(town.gateway("gateway")).await.expect_err("in use");
    assert!(matches!(error, OpenError::Store(StorageError::InUse { .. })), "{error}");
    first.close().await;
    open(town.gateway("gateway")).await;
}

#[tokio::test]
async fn readings_of_one_entry_come_back_as_they_were_to_the_last_bit_each_where_it_was_measured() {
    let town = Town::found();
    let gateway = open(town.gateway("gateway")).await;
    let bus = open(town.sensor("bus").contact(gateway.address())).await;
    let place = |latitude| Place::from_degrees(latitude, -3.8).expect("on Earth");
    let (pier, hill) = (place(43.46), place(43.48));
    let readings = [
        Reading { value: 0.1 + 0.2, quality: ValueQuality::Uncertain, ..reading(1).at(pier) },
        reading(2).at(hill),
        Reading { value: -0.0, ..reading(3) },
        Reading { value: 1e300, ..reading(4).at(pier) },
    ];
    let receipt = bus.publish(&stream(PARKS, "bus"), &readings).await.expect("acknowledged");
    let exact = |r: &Reading| (r.time, r.value.to_bits(), r.quality, r.place);
    for peer in [&bus, &gateway] {
        let found = async |near| {
            let rows = peer.query(Query { near, ..Query::default() }).await.expect("the store can be read");
            assert!(
                rows.iter().all(|row| row.position == receipt.position && row.place == row.reading.place)
            );
            rows.iter().rev().map(|row| exact(&row.reading)).collect::<Vec<_>>()
        };
        wait_until("the readings are there", async || !found(None).await.is_empty()).await;
        assert_eq!(found(None).await, readings.each_ref().map(exact));
        assert_eq!(found(Near::new(pier, 500.0)).await, [&readings[0], &readings[3]].map(exact));
    }
}

#[test]
fn a_key_that_others_can_read_is_refused_with_advice() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().to_str().expect("text").to_owned();
    json(MSEC, ["init", "--data-dir", &path, "--json"]);
    let key = dir.path().join("identity.key");
    let mode = fs::metadata(&key).expect("a key").permissions().mode();
    assert_eq!(mode & 0o777, 0o600, "nobody else may read a new key");
    fs::set_permissions(&key, fs::Permissions::from_mode(0o644)).expect("changed");
    let refused = run(MSEC, ["run", "--data-dir", &path]);
    assert!(!refused.status.success());
    let text = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(text.contains("chmod 600") && text.contains("identity.key"), "{text}");
}

#[tokio::test]
async fn a_damaged_store_is_told_and_repaired_by_hand() {
    let town = Town::found();
    let gateway = open(town.gateway("gateway")).await;
    let mic = stream(PARKS, "mic-1");
    publish(&gateway, &mic, [1]).await;
    let logs = town.logs("gateway");
    let home =
        logs.parent().and_then(Path::parent).expect("a data directory").to_str().expect("text").to_owned();
    let store = |what: &'static str, at: &str| run(MSEC, ["store", what, "--json", "--data-dir", at]);
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    for what in ["check", "repair", "stats"] {
        let refused = store(what, &home);
        assert!(
            !refused.status.success() && text(&refused.stderr).contains("stop it"),
            "it runs: {refused:?}"
        );
        let refused = store(what, "nowhere");
        assert!(!refused.status.success() && text(&refused.stderr).contains("--data-dir"), "{refused:?}");
    }
    for n in 2..30 {
        publish(&gateway, &mic, [n]).await;
    }
    gateway.close().await;
    let whole = json(MSEC, ["store", "check", "--json", "--data-dir", &home]);
    assert_eq!(
        (&whole[0]["whole"], &whole[0]["logs"], &whole[0]["entries"]),
        (&true.into(), &1.into(), &30.into())
    );
    let looked = store("stats", &home);
    assert!(!text(&looked.stderr).contains("made again"), "its index is what the peer needs: {looked:?}");
    let stats = json(MSEC, ["store", "stats", "--json", "--data-dir", &home]);
    assert_eq!((&stats[0]["runs"], &stats[0]["collections"][0]["collection"]), (&29.into(), &PARKS.into()));

    let before = fs::metadata(&logs).expect("a segment").len();
    tamper(&logs, |length| length / 2, 3);
    let found = store("check", &home);
    assert!(!found.status.success() && text(&found.stderr).contains("msec store repair"), "{found:?}");
    assert!(text(&found.stdout).contains("\"whole\":false"), "{found:?}");
    assert_eq!(fs::metadata(&logs).expect("a segment").len(), before, "looking changes nothing");
    let repaired = json(MSEC, ["store", "repair", "--json", "--data-dir", &home]);
    assert_eq!(repaired[0]["cut"]["torn"], false);
    let left = &repaired[0]["entries"];
    assert!((10..20).contains(&left.as_u64().expect("a number")), "half of it: {left}");
    let whole = json(MSEC, ["store", "check", "--json", "--data-dir", &home]);
    assert_eq!((&whole[0]["whole"], &whole[0]["entries"]), (&true.into(), left));
}

#[tokio::test]
async fn two_peers_that_never_met_sync_by_a_file() {
    let town = Town::found();
    let at = |name: &str| town.path(name).to_str().expect("text").to_owned();
    let stick = at("stick.msec");
    for (name, n) in [("pier", 0..20), ("hill", 100..110)] {
        let peer = open(town.gateway(name)).await;
        publish(&peer, &stream(PARKS, name), n).await;
        peer.close().await;
    }
    let export = |home: &str| json(MSEC, ["store", "export", &stick, "--json", "--data-dir", home]);
    let import =
        |home: &str| json(MSEC, ["store", "import", &stick, "--json", "--data-dir", home])[0].clone();
    for (from, to, new) in [("pier", "hill", 21), ("hill", "pier", 11)] {
        export(&at(from));
        let taken = import(&at(to));
        assert_eq!((&taken["entries"], &taken["whole"]), (&new.into(), &true.into()), "{taken}");
        assert_eq!(taken["own_were_missing"], false);
        assert_eq!(import(&at(to))["entries"], 0, "a second import changes nothing");
    }
    let (pier, hill) = (open(town.gateway("pier")).await, open(town.gateway("hill")).await);
    holds(&pier, (0..20).chain(100..110)).await;
    assert_eq!(rows(&pier).await, rows(&hill).await);
    // Both go on in the logs that they have.
    let receipts = publish(&hill, &stream(PARKS, "hill"), [110]).await;
    assert_eq!(receipts[0].position, 11);
    let refused = run(MSEC, ["store", "import", &stick, "--data-dir", &at("hill")]);
    assert!(!refused.status.success() && String::from_utf8_lossy(&refused.stderr).contains("stop it"));
}

#[tokio::test]
async fn a_peer_that_lost_its_store_takes_in_a_copy_and_goes_on_in_a_new_log() {
    let scene = Scene::set().await;
    let at = |name: &str| scene.town.path(name).to_str().expect("text").to_owned();
    let (stick, home) = (at("stick.msec"), at("sensor"));
    let exported =
        json(MSEC, ["store", "export", &stick, "--collection", "parks", "--json", "--data-dir", &home]);
    assert_eq!((&exported[0]["logs"], &exported[0]["entries"]), (&1.into(), &11.into()));
    fs::remove_dir_all(scene.town.path("sensor").join("store")).expect("removed");
    // The copy is torn: what is whole of it is taken, and the next one brings the rest.
    let whole = fs::read(&stick).expect("a file");
    fs::write(&stick, &whole[..whole.len() - 1]).expect("torn");
    let torn = run(MSEC, ["store", "import", &stick, "--data-dir", &home]);
    let text = String::from_utf8_lossy(&torn.stderr).into_owned();
    assert!(!torn.status.success() && text.contains("export it again"), "{text}");
    fs::write(&stick, whole).expect("whole");
    let taken = json(MSEC, ["store", "import", &stick, "--json", "--data-dir", &home]);
    assert_eq!(
        (&taken[0]["whole"], &taken[0]["entries"]),
        (&true.into(), &0.into()),
        "all was in front of the tear"
    );

    let sensor = scene.sensor().await;
    let receipts = publish(&sensor, &stream(PARKS, "mic"), [10]).await;
    assert_ne!(receipts[0].log.to_string(), scene.log, "never past a recovered head");
    scene.ends_well(&sensor, 11).await;
}

#[test]
fn a_file_of_another_space_or_none_is_refused_with_advice() {
    let dir = tempfile::tempdir().expect("a directory");
    let at = |name: &str| dir.path().join(name).to_str().expect("text").to_owned();
    let stick = at("stick.msec");
    for name in ["town", "harbour"] {
        json(MSEC, ["found", name, "--data-dir", &at(name), "--json"]);
        json(MSEC, ["publish", "parks/mic", "48.5", "--data-dir", &at(name), "--json"]);
    }
    let refusal = |home: &str| {
        let refused = run(MSEC, ["store", "import", &stick, "--data-dir", home]);
        assert!(!refused.status.success());
        String::from_utf8_lossy(&refused.stderr).into_owned()
    };
    json(MSEC, ["store", "export", &stick, "--json", "--data-dir", &at("town")]);
    assert!(refusal(&at("harbour")).contains("import it with a peer of that space"));
    fs::write(&stick, b"holiday pictures").expect("written");
    assert!(refusal(&at("harbour")).contains("`msec store export`"));
    json(MSEC, ["init", "--data-dir", &at("stranger"), "--json"]);
    assert!(refusal(&at("stranger")).contains("msec join"));
}

fn copy_dir(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a directory");
    for file in fs::read_dir(from).expect("a directory") {
        let file = file.expect("a file");
        fs::copy(file.path(), to.join(file.file_name())).expect("copied");
    }
}
