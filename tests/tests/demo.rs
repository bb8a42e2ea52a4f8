//! The demo: what a person gets who types one command.
#![allow(clippy::disallowed_methods, reason = "tests watch real programs, in real time")]

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use msec_tests::process::{Process, run};
use serde_json::Value;

/// The program `msec-gateway`.
const GATEWAY: &str = env!("CARGO_BIN_EXE_msec-gateway-under-test");
/// Readings in the month: 744 hours of 21 sensors.
const MONTH: u64 = 15_624;
const SENSORS: u64 = 21;

fn demo(seconds: &str, more: &[&str]) -> Process {
    let args = ["demo", "--seconds", seconds, "--json", "--listen", "127.0.0.1:0"];
    Process::start(GATEWAY, args.iter().chain(more))
}

/// Where the page is.
fn page(demo: &Process) -> SocketAddr {
    demo.err.wait("the city is open", |line| {
        line.strip_prefix("The city is open. Look at it: http://")?.parse().ok()
    })
}

fn get(address: SocketAddr, path: &str) -> String {
    let mut stream = TcpStream::connect(address).expect("the page answers");
    stream.set_read_timeout(Some(Duration::from_secs(20))).expect("a timeout");
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n").expect("asked");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("answered");
    answer
}

fn summary(demo: &Process) -> Value {
    let lines = demo.out.all();
    let last = lines.last().expect("a last line");
    serde_json::from_str(last).unwrap_or_else(|error| panic!("{error}: {last}"))
}

#[test]
fn the_month_passes_and_nothing_is_lost() {
    let mut demo = demo("5", &[]);
    let address = page(&demo);
    let health = get(address, "/healthz");
    assert!(health.starts_with("HTTP/1.1 200") && health.contains("\"status\":\"ok\""), "{health}");
    let root = get(address, "/");
    assert!(root.starts_with("HTTP/1.1 200") && root.contains("text/html"), "{root}");
    assert!(get(address, "/no/such/thing").starts_with("HTTP/1.1 404"));

    let status = demo.wait();
    let (out, err) = (demo.out.all(), demo.err.all());
    assert_eq!(status.code(), Some(0), "{out:#?}\n{err:#?}");
    let summary = summary(&demo);
    let keys = summary.as_object().expect("an object").keys().map(String::as_str).collect::<BTreeSet<_>>();
    let expected =
        ["peers", "published", "replicated", "verified", "refused", "lost", "p50_ms", "p99_ms", "wall_s"];
    assert_eq!(keys, BTreeSet::from(expected));
    let counts = ["published", "replicated", "verified", "lost", "refused", "peers"];
    let counts = counts.map(|key| summary[key].as_u64().expect("a count"));
    assert_eq!(counts, [MONTH, MONTH, MONTH, 0, 3, 25], "{summary}");
    let (p50, p99) = (summary["p50_ms"].as_f64().expect("ms"), summary["p99_ms"].as_f64().expect("ms"));
    assert!(0.0 < p50 && p50 <= p99, "{summary}");
    assert!(summary["wall_s"].as_f64().expect("s") >= 5.0, "{summary}");
    eprintln!("{summary}");
}

#[test]
fn ctrl_c_ends_it_cleanly_with_a_summary() {
    // An hour a second.
    let mut demo = demo("3600", &["--speed", "3600"]);
    let address = page(&demo);
    let published = || {
        let state = get(address, "/api/state");
        let body = state.split_once("\r\n\r\n").map_or("", |(_, body)| body);
        let body = serde_json::from_str::<Value>(body.trim()).unwrap_or_default();
        body.pointer("/status/published").and_then(Value::as_u64).unwrap_or(0)
    };
    msec_tests::wait::block_until("something is published", || published() > 0);
    let status = demo.interrupt();
    assert_eq!(status.code(), Some(0), "{:#?}", demo.err.all());
    let summary = summary(&demo);
    let counts = ["published", "replicated", "verified"].map(|key| summary[key].as_u64().expect("a count"));
    assert!(counts[0] > 0 && counts[0].is_multiple_of(SENSORS), "whole hours: {summary}");
    assert!(counts.iter().all(|count| *count == counts[0]), "{summary}");
    assert_eq!(summary["lost"], 0);
    assert!(demo.out.all().iter().any(|line| line.starts_with("published")), "also in words");
    TcpStream::connect(address).expect_err("the page is gone");
}

#[test]
fn a_taken_port_is_an_error_that_names_the_flag() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("bound").to_string();
    let output = run(GATEWAY, ["demo", "--seconds", "1", "--listen", &address]);
    assert_eq!(output.status.code(), Some(1));
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(text.contains("--listen") && text.contains(&address), "{text}");
}

#[test]
fn a_wrong_argument_is_explained() {
    for args in [["demo", "--speed", "0"], ["demo", "--seconds", "0"], ["demo", "--listen", "here"]] {
        let output = run(GATEWAY, args);
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        assert!(String::from_utf8_lossy(&output.stderr).contains(args[1]), "{args:?}");
    }
}
