//! What bad input gets from the program `msec`: an error that says what to do, and nothing lost.
#![allow(clippy::disallowed_methods, reason = "tests watch real programs, in real time")]

use std::fs::{self, Permissions};
use std::net::UdpSocket;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use msec_peer::net::probe::Probe;
use msec_tests::process::{Process, json, run};
use msec_tests::wait::block_until;
use serde_json::Value;
use tempfile::TempDir;

const MSEC: &str = env!("CARGO_BIN_EXE_msec-under-test");
const STREAM: &str = "parks/noise/mic-1";

/// A data directory with an owner of a space.
fn owner() -> (TempDir, String) {
    let dir = tempfile::tempdir().expect("a directory");
    let home = dir.path().join("owner").to_str().expect("text").to_owned();
    json(MSEC, ["found", "harbour", "--data-dir", &home, "--json"]);
    (dir, home)
}

fn run_args<'a>(home: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    let quiet = ["run", "--no-mdns", "--json", "--data-dir", home];
    let listen: &[&str] = if more.contains(&"--listen") { &[] } else { &["--listen", "127.0.0.1:0"] };
    [&quiet[..], listen, more].concat()
}

/// What a command that must fail says.
fn refused(args: &[&str]) -> String {
    let output = run(MSEC, args);
    assert_eq!(output.status.code(), Some(1), "{args:?}: {output:?}");
    String::from_utf8(output.stderr).expect("text")
}

fn acknowledged(process: &Process) -> usize {
    process.out.json("published").len()
}

#[test]
fn a_key_that_others_can_read_is_refused_by_every_command() {
    let (_dir, home) = owner();
    let key = Path::new(&home).join("identity.key");
    fs::set_permissions(&key, Permissions::from_mode(0o644)).expect("chmod");
    for command in [&["id"][..], &["run", "--no-mdns"], &["publish", STREAM, "1"], &["query"], &["status"]] {
        let error = refused(&[command, &["--data-dir", &home]].concat());
        assert!(error.contains("mode 644") && error.contains("chmod 600"), "{command:?}: {error}");
    }
}

#[test]
fn a_taken_port_names_the_flag() {
    let (_dir, home) = owner();
    let taken = UdpSocket::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("an address").to_string();
    let error = refused(&run_args(&home, &["--listen", &address]));
    assert!(error.contains("--listen") && error.contains("taken"), "{error}");
}

#[test]
fn a_peer_of_another_major_version_is_told_so_and_the_operator_too() {
    let (_dir, home) = owner();
    let peer = Process::start(MSEC, run_args(&home, &[]));
    let address = peer.out.wait("it listens", |line| {
        serde_json::from_str::<Value>(line).ok()?.get("listening")?.as_str()?.parse().ok()
    });
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let answer = runtime.block_on(async {
        let mut newcomer = Probe::dial(address).await.expect("it answers");
        newcomer.send(&[9; 33]).await.expect("sent");
        newcomer.receive().await.expect("an answer")
    });
    assert_eq!(answer, [0, 2, 2], "versions 2 to 2 are spoken here");
    block_until("the operator is told", || {
        peer.err.all().iter().any(|line| line.contains("versions 9 to 9") && line.contains("update"))
    });
}

/// A file system of so many KiB in memory, at a directory. It is gone when this is dropped.
struct SmallDisk(TempDir);

impl SmallDisk {
    /// `None`, with a visible word, where nothing can be mounted and need not: outside of CI.
    fn or_skip(kib: u32) -> Option<Self> {
        let dir = tempfile::tempdir().expect("a directory");
        let size = format!("size={kib}k");
        let mounted =
            Command::new("mount").args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(dir.path()).status();
        if mounted.is_ok_and(|status| status.success()) {
            return Some(Self(dir));
        }
        assert!(std::env::var_os("CI").is_none(), "nothing can be mounted in CI");
        eprintln!("SKIPPED: only root can mount a small disk");
        None
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(self.0.path()).status();
    }
}

#[test]
fn on_a_full_disk_nothing_is_acknowledged_and_it_goes_on_when_there_is_room() {
    let Some(disk) = SmallDisk::or_skip(256) else { return };
    let home = disk.0.path().join("peer").to_str().expect("text").to_owned();
    json(MSEC, ["found", "harbour", "--data-dir", &home, "--json"]);
    let mut peer = Process::start(MSEC, run_args(&home, &["--publish", STREAM]));
    peer.say("0");
    block_until("there was room", || acknowledged(&peer) == 1);

    // Somebody else fills the disk, to the last byte.
    let filler = disk.0.path().join("filler");
    let fill = format!("cat /dev/zero > {} 2>/dev/null; true", filler.display());
    assert!(Command::new("sh").args(["-c", &fill]).status().expect("a shell").success());
    let mut said = 1;
    block_until("the operator is told", || {
        if acknowledged(&peer) == said {
            peer.say(&said.to_string());
            said += 1;
        }
        peer.err.all().iter().any(|line| line.contains("the disk refuses to write"))
    });
    assert_eq!(acknowledged(&peer), said - 1, "the last one is not acknowledged");
    let status = &json(MSEC, ["status", "--data-dir", &home, "--json"])[0];
    assert_eq!(status["storage_ok"], false);

    fs::remove_file(filler).expect("removed");
    block_until("it writes again by itself", || acknowledged(&peer) == said);
    block_until("it says so", || peer.err.all().iter().any(|line| line.contains("writes again")));
    peer.kill();
    let rows = json(MSEC, ["query", "--limit", "1000", "--data-dir", &home, "--json"]);
    assert_eq!(rows.len(), said, "all that was acknowledged");
}

/// Starts a program whose clock shows 1970, as on a Raspberry Pi that has booted without a network. The C library is told
/// so: every Rust toolchain brings the linker that this takes.
fn start_in_1970(dir: &Path, args: &[&str]) -> Process {
    const CLOCK: &str = r#"
        #define _GNU_SOURCE
        #include <sys/syscall.h>
        #include <time.h>
        #include <unistd.h>
        int clock_gettime(clockid_t id, struct timespec *t) {
            return syscall(SYS_clock_gettime, id == CLOCK_REALTIME ? CLOCK_MONOTONIC : id, t);
        }
    "#;
    let (source, library) = (dir.join("clock.c"), dir.join("clock.so"));
    fs::write(&source, CLOCK).expect("written");
    let built = Command::new("cc").args(["-shared", "-fPIC", "-o"]).args([&library, &source]).status();
    assert!(built.expect("a C compiler").success(), "the clock is built");
    let preload = format!("LD_PRELOAD={}", library.display());
    Process::start("env", [&[preload.as_str(), MSEC][..], args].concat())
}

#[test]
fn a_clock_before_2020_writes_and_warns_and_what_it_writes_is_marked() {
    let (dir, home) = owner();
    let sensor_home = dir.path().join("sensor").to_str().expect("text").to_owned();
    let file = dir.path().join("sensor.invitation").to_str().expect("text").to_owned();
    let id = json(MSEC, ["init", "--data-dir", &sensor_home, "--json"])[0]["peer"]
        .as_str()
        .expect("an id")
        .to_owned();
    json(MSEC, ["grant", &id, "--may", "write", "--out", &file, "--data-dir", &home, "--json"]);
    json(MSEC, ["join", &file, "--data-dir", &sensor_home, "--json"]);

    let gateway = Process::start(MSEC, run_args(&home, &["--tail"]));
    let listening = gateway.out.wait("it listens", |line| {
        Some(serde_json::from_str::<Value>(line).ok()?.get("listening")?.as_str()?.to_owned())
    });
    let args = run_args(&sensor_home, &["--contact", &listening, "--publish", STREAM]);
    let mut sensor = start_in_1970(dir.path(), &args);
    sensor.say("48.5");
    block_until("it writes", || acknowledged(&sensor) == 1);
    block_until("it warns", || sensor.err.all().iter().any(|line| line.contains("before 2020")));
    block_until("others get it", || gateway.out.json("value").len() == 1);
    assert_eq!(gateway.out.json("synchronised"), [false]);
    assert!(gateway.out.json("time_ms")[0].as_i64().is_some_and(|time| time < 1_577_836_800_000));
    let status = &json(MSEC, ["status", "--data-dir", &sensor_home, "--json"])[0];
    assert_eq!(status["clock_set"], false);
    block_until("it is shown so", || {
        let shown = run(MSEC, ["query", "--data-dir", &home]);
        String::from_utf8_lossy(&shown.stdout).contains("clock not set")
    });
}
