//! What a person does by hand: two machines on a LAN, commands beside a running peer, a citizen's app next to a sensor.
#![allow(clippy::disallowed_methods, reason = "tests watch real programs, in real time")]

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use msec_tests::desk;
use msec_tests::lan::Lan;
use msec_tests::own_desk;
use msec_tests::process::{Process, run};
use msec_tests::wait::block_until;
use serde_json::Value;

const MSEC: &str = env!("CARGO_BIN_EXE_msec-under-test");
const CITIZEN: &str = env!("CARGO_BIN_EXE_citizen-under-test");
const STREAM: &str = "parks/noise/mic-1";
const HOUR_MS: i64 = 3600 * 1000;

own_desk! {
    /// A directory in which data directories and invitations lie.
    Desk
}

impl Desk {
    fn new() -> Self {
        Self(desk::Desk::new(MSEC))
    }

    /// The three commands that let a peer into the gateway's space; returns the peer's id.
    fn invite(&self, home: &str, id: &str, rights: &str) -> String {
        let file = self.path(&format!("{home}.invitation"));
        self.msec("gateway", &["grant", id, "--may", rights, "--in", "parks", "--out", &file]);
        file
    }

    /// `msec init` and `msec join`.
    fn sensor(&self) {
        let id = self.msec("sensor", &["init"])[0]["peer"].as_str().expect("an id").to_owned();
        let file = self.invite("sensor", &id, "write");
        self.msec("sensor", &["join", &file]);
    }
}

fn now_ms() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_millis() as i64
}

fn start(lan: &Lan, host: usize, desk: &Desk, home: &str) -> Process {
    let process = lan.start(host, MSEC, ["run", "--data-dir", &desk.path(home), "--json"]);
    block_until("it listens", || !process.out.json("listening").is_empty());
    process
}

#[test]
fn two_machines_on_a_lan_find_each_other_in_four_commands_each() {
    let Some(lan) = Lan::or_skip(2) else { return };
    let desk = Desk::new();
    desk.msec("gateway", &["found", "harbour"]);
    desk.sensor();
    let _gateway = start(&lan, 0, &desk, "gateway");
    let began = Instant::now();
    let _sensor = start(&lan, 1, &desk, "sensor");
    desk.msec("sensor", &["publish", STREAM, "48.5", "--unit", "dB", "--place", "43.46,-3.79"]);
    let mut rows = Vec::new();
    block_until("the gateway shows the reading", || {
        rows =
            desk.msec("gateway", &["query", "--in", "parks", "--since", "1h", "--near", "43.46,-3.80,1km"]);
        !rows.is_empty()
    });
    let took = began.elapsed();
    println!("from `msec run` to the first verified reading on the other machine: {took:?}");
    assert!(took < Duration::from_secs(5), "{took:?}");
    assert_eq!((rows[0]["value"].as_f64(), rows[0]["unit"].as_str()), (Some(48.5), Some("dB")));
    assert_eq!(rows[0]["synchronised"], true);
    let peers = desk.msec("gateway", &["peers"]);
    assert_eq!(peers.len(), 1, "{peers:?}");
    assert!(
        peers[0]["address"].as_str().is_some_and(|address| address.starts_with("10.77.0.2:")),
        "{peers:?}"
    );
    let status = &desk.msec("gateway", &["status"])[0];
    assert_eq!(
        (&status["running"], &status["neighbours"], &status["space_name"]),
        (&true.into(), &1.into(), &"harbour".into())
    );
}

#[test]
fn a_cable_that_was_out_is_noticed_and_mended_without_anyone() {
    let Some(lan) = Lan::or_skip(2) else { return };
    let desk = Desk::new();
    desk.msec("gateway", &["found", "harbour"]);
    desk.sensor();
    let _gateway = start(&lan, 0, &desk, "gateway");
    let _sensor = start(&lan, 1, &desk, "sensor");
    block_until("they are linked", || desk.msec("sensor", &["peers"]).len() == 1);
    lan.plug(1, false);
    desk.msec("sensor", &["publish", STREAM, "1"]);
    block_until("the link is gone", || desk.msec("sensor", &["peers"]).is_empty());
    lan.plug(1, true);
    block_until("the gateway has it", || desk.msec("gateway", &["query"]).len() == 1);
}

#[test]
fn a_citizens_app_follows_a_sensor_beside_it() {
    let Some(lan) = Lan::or_skip(2) else { return };
    let desk = Desk::new();
    desk.msec("gateway", &["found", "harbour"]);
    desk.sensor();
    let id = run(CITIZEN, [desk.path("citizen")]);
    let id = String::from_utf8(id.stdout).expect("text");
    let invitation = desk.invite("citizen", id.trim(), "read");

    // No gateway runs: the sensor and the citizen are alone on the link.
    let mut sensor = lan.start(
        0,
        MSEC,
        ["run", "--leaf", "--json", "--publish", STREAM, "--data-dir", &desk.path("sensor")],
    );
    let now = now_ms();
    let times = [now - 48 * HOUR_MS, now - 23 * HOUR_MS, now - HOUR_MS];
    for (value, time) in times.iter().enumerate() {
        sensor.say(&format!("{time} {value}"));
    }
    block_until("they are on disk", || sensor.out.json("published").len() == times.len());
    let mut citizen = lan.start(1, CITIZEN, [desk.path("citizen"), invitation.clone()]);
    let shown = |process: &Process| -> Vec<String> {
        process.out.all().iter().filter_map(|line| line.split(' ').nth(2).map(str::to_owned)).collect()
    };
    block_until("the last 24 hours are fetched", || shown(&citizen).len() >= 2);
    sensor.say("48.5");
    block_until("it follows", || shown(&citizen).len() >= 3);
    assert_eq!(shown(&citizen), ["1", "2", "48.5"], "and shows nothing older");

    assert_eq!(citizen.interrupt().code(), Some(0), "{:?}", citizen.err.all());
    sensor.kill();
    let again = lan.start(1, CITIZEN, [desk.path("citizen"), invitation]);
    block_until("it has them on its own disk", || shown(&again) == ["1", "2", "48.5"]);
}

#[test]
fn a_registry_that_two_edit_while_apart_converges_when_they_meet() {
    let Some(lan) = Lan::or_skip(2) else { return };
    let desk = Desk::new();
    desk.msec("gateway", &["found", "harbour"]);
    let id = desk.msec("office", &["init"])[0]["peer"].as_str().expect("an id").to_owned();
    let file = desk.path("office.invitation");
    desk.msec("gateway", &["grant", &id, "--may", "read,write", "--in", "registry", "--out", &file]);
    desk.msec("office", &["join", &file]);

    // No peer runs: each edits its own copy.
    let mic = ["things", "add", STREAM];
    desk.msec("gateway", &[&mic[..], &["--name", "Pier microphone", "--unit", "dB"]].concat());
    desk.msec("office", &[&mic[..], &["--name", "Microphone 1", "--place", "43.46,-3.79"]].concat());
    desk.msec("office", &["things", "add", "parks/air/no2", "--owner", "Harbour office"]);
    assert_eq!(desk.msec("gateway", &["things", "show"]).len(), 1);
    let error = desk.refused("gateway", &["things", "set", "nothing", "--name", "x"]);
    assert!(error.contains("nothing"), "{error}");

    let _gateway = start(&lan, 0, &desk, "gateway");
    let _office = start(&lan, 1, &desk, "office");
    let mut both = (Vec::new(), Vec::new());
    block_until("both show the same", || {
        both = (desk.msec("gateway", &["things", "show"]), desk.msec("office", &["things", "show"]));
        both.0.len() == 2 && both.0 == both.1
    });
    let thing = &both.0.iter().find(|thing| thing["id"] == STREAM).expect("the microphone");
    assert_eq!(
        (&thing["unit"], &thing["place"]),
        (&"dB".into(), &serde_json::json!([43.46, -3.79])),
        "of both"
    );
    assert_eq!(thing["conflicts"]["name"].as_array().map(Vec::len), Some(2), "{thing}");
    // Setting it settles it, for both.
    desk.msec("office", &["things", "set", STREAM, "--name", "Pier", "--place", ""]);
    block_until("both know", || {
        let things = desk.msec("gateway", &["things", "show", STREAM]);
        things[0]["name"] == "Pier"
            && things[0].get("conflicts").is_none()
            && things[0].get("place").is_none()
    });
    desk.msec("gateway", &["things", "remove", STREAM]);
    block_until("it is gone for both", || desk.msec("office", &["things", "show"]).len() == 1);
    // It goes on without its history, for both.
    let left = desk.msec("office", &["things", "show"]);
    let done = desk.msec("office", &["things", "compact", "--into", "registry/2"]);
    assert_eq!(done, [serde_json::json!({ "compacted_into": "registry/2" })]);
    assert!(desk.msec("office", &["things", "show"]).is_empty());
    let show = ["things", "show", "--in", "registry/2"];
    block_until("both have it", || desk.msec("gateway", &show) == left && desk.msec("office", &show) == left);
}

#[test]
fn commands_work_beside_a_running_peer_and_without_one() {
    let desk = Desk::new();
    desk.msec("gateway", &["found", "harbour"]);
    // Without: what is published is on disk, and found.
    desk.msec("gateway", &["publish", STREAM, "1", "-2.5", "--unit", "Cel"]);
    let values =
        |rows: &[Value]| -> Vec<f64> { rows.iter().filter_map(|row| row["value"].as_f64()).collect() };
    assert_eq!(values(&desk.msec("gateway", &["query"])), [-2.5, 1.0]);
    let status = &desk.msec("gateway", &["status"])[0];
    assert_eq!((&status["running"], &status["entries"]), (&false.into(), &3.into()));
    for command in ["tail", "peers"] {
        let error = desk.refused("gateway", &[command]);
        assert!(error.contains("no peer runs") && error.contains("msec run"), "{error}");
    }

    // Beside one: the same, and a tail.
    let home = desk.path("gateway");
    let (mut gateway, _) = desk.run("gateway", &[]);
    let mut tail = desk.start("gateway", &["tail", "--in", "parks"]);
    let mut piped = desk.start("gateway", &["publish", "parks/air/no2"]);
    block_until("the tail has begun", || {
        piped.say("1970-01-01T00:00:01Z 40");
        !tail.out.json("value").is_empty()
    });
    assert_eq!(tail.out.json("time_ms")[0], 1000);
    piped.say("warm");
    piped.say("NaN");
    block_until("what is no reading is said", || piped.err.all().len() == 2);
    assert!(
        piped.err.all()[0].contains("TIME VALUE") && piped.err.all()[1].contains("finite"),
        "{:?}",
        piped.err.all()
    );
    assert_eq!(values(&desk.msec("gateway", &["query", "--in", "parks/noise"])), [-2.5, 1.0]);
    assert_eq!(
        desk.msec("gateway", &["query", "--near", "43,-3,10km"]),
        Vec::<Value>::new(),
        "no place, not near"
    );
    assert_eq!(tail.interrupt().code(), Some(0));
    assert_eq!(gateway.interrupt().code(), Some(0), "{:?}", gateway.err.all());
    assert!(!std::path::Path::new(&home).join("control/socket").exists());
}

#[test]
fn a_phone_asks_for_what_is_around_it() {
    let desk = Desk::new();
    desk.msec("gateway", &["found", "harbour"]);
    let id = desk.msec("phone", &["init"])[0]["peer"].as_str().expect("an id").to_owned();
    let file = desk.invite("phone", &id, "read");
    desk.msec("phone", &["join", &file]);
    for (stream, value, place) in
        [("mic-1", "1", "43.46,-3.79"), ("mic-2", "2", "43.33,-3.79"), ("mic-3", "3", "")]
    {
        let stream = format!("parks/noise/{stream}");
        let place = if place.is_empty() { vec![] } else { vec!["--place", place] };
        desk.msec("gateway", &[&["publish", &stream, value][..], &place].concat());
    }
    let (_gateway, contact) = desk.run("gateway", &[]);
    let flags = ["--leaf", "--interest", "parks", "--near", "43.46,-3.80,500", "--since", "2h"];
    let flags = [&flags[..], &["--contact", &contact]].concat();
    let (_phone, _) = desk.run_at("phone", "127.0.0.1:0", &flags);
    let values = || -> Vec<_> {
        let mut values: Vec<_> =
            desk.msec("phone", &["query"]).iter().map(|row| row["value"].as_f64()).collect();
        values.sort_by(|a, b| a.partial_cmp(b).expect("numbers"));
        values
    };
    block_until("the phone has what is near", || values() == [Some(1.0), Some(3.0)]);
    // Another one comes after that of the hills was not asked for.
    desk.msec("gateway", &["publish", "parks/noise/mic-2", "4"]);
    desk.msec("gateway", &["publish", "parks/noise/mic-1", "5"]);
    block_until("and what comes", || values() == [Some(1.0), Some(3.0), Some(5.0)]);
}

#[test]
fn a_socket_that_a_killed_peer_left_is_nobodys() {
    let desk = Desk::new();
    desk.msec("gateway", &["found", "harbour"]);
    let (mut gateway, _) = desk.run("gateway", &[]);
    gateway.kill();
    assert_eq!(desk.msec("gateway", &["status"])[0]["running"], false);
    let (_again, _) = desk.run("gateway", &[]);
    assert_eq!(desk.msec("gateway", &["status"])[0]["running"], true);
}

#[test]
fn what_is_mistyped_is_told_what_to_do() {
    let desk = Desk::new();
    let cases: [(&[&str], &str); 8] = [
        (&["query"], "msec init"),
        (&["publish", "noise", "1"], "COLLECTION/STREAM"),
        (&["publish", STREAM, "NaN"], "finite"),
        (&["query", "--since", "yesterday"], "24h"),
        (&["query", "--near", "43,-3"], "LAT,LON,RADIUS"),
        (&["run", "--near", "43.46,-3.80"], "LAT,LON,RADIUS"),
        (&["run", "--interest", "parks//noise"], "single slashes"),
        (&["join", "nowhere.invitation"], "msec grant"),
    ];
    desk.msec("member", &["found", "harbour"]);
    for (args, hint) in cases {
        let home = if args == ["query"] { "nobody" } else { "member" };
        let error = desk.refused(home, args);
        assert!(error.contains(hint), "{args:?}: {error}");
    }
    desk.msec("loner", &["init"]);
    let error = desk.refused("loner", &["run", "--no-mdns"]);
    assert!(error.contains("msec found") && error.contains("msec join"), "{error}");
    // An invitation for somebody else.
    let file = desk.path("other.invitation");
    let other = "00".repeat(32);
    desk.msec("member", &["grant", &other, "--may", "read", "--out", &file]);
    let error = desk.refused("loner", &["join", &file]);
    assert!(error.contains(&other) && error.contains("ask for an invitation"), "{error}");
}

#[test]
fn what_is_erased_already_is_not_ordered_again() {
    let desk = Desk::new();
    desk.msec("gateway", &["found", "harbour"]);
    desk.msec("gateway", &["publish", STREAM, "48.5", "--unit", "dB"]);
    let erase = ["erase", "--stream", STREAM, "--yes", "--wait", "0"];
    let (done, said) = desk.says("gateway", &erase);
    assert!(done && said.contains("ordered: 1 log  ["), "{said}");
    let orders = desk.msec("gateway", &["erasures"]);
    assert_eq!(orders.len(), 1);
    let (done, said) = desk.says("gateway", &erase);
    assert!(done && said.contains("erased already: nothing was ordered"), "{said}");
    assert_eq!(desk.msec("gateway", &["erasures"]).len(), 1);
}
