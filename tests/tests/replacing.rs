//! A stolen device, and the one that takes its place: what was held stays, what the thief writes is shown to nobody, and the stream goes on.
#![allow(clippy::disallowed_methods, reason = "tests watch real programs, in real time")]

use std::collections::BTreeMap;
use std::path::Path;

use msec_peer::Membership;
use msec_peer::identity::LogId;
use msec_peer::store::{FileDir, Store};
use msec_tests::desk::{self, text};
use msec_tests::own_desk;
use msec_tests::process::run;
use msec_tests::wait::block_until;

const MSEC: &str = env!("CARGO_BIN_EXE_msec-under-test");
const STREAM: &str = "parks/noise/mic-1";

own_desk! {
    Desk
}

impl Desk {
    fn lets_in(&self, home: &str, id: &str, more: &[&str]) {
        let file = self.path(&format!("{home}.invitation"));
        self.msec("office", &[&["grant", id, "--in", "parks", "--out", &file][..], more].concat());
        self.msec(home, &["join", &file]);
    }

    fn values(&self, home: &str) -> Vec<f64> {
        let rows = self.msec(home, &["query", "--in", "parks", "--stream", "mic-1"]);
        rows.iter().rev().filter_map(|row| row["value"].as_f64()).collect()
    }

    /// The logs of data in a store that nobody uses, and the log that each goes on from.
    fn logs(&self, home: &str) -> BTreeMap<LogId, Option<LogId>> {
        let medium = FileDir::open(Path::new(&self.path(home)).join("store")).expect("the store is free");
        let (_, opened) = Store::open(medium).expect("a store");
        let of_data = opened.logs.iter().filter(|it| !it.header().collection().is_reserved());
        of_data.map(|state| (state.log(), state.header().predecessor())).collect()
    }
}

#[test]
fn a_stolen_device_writes_on_and_is_shown_to_nobody_while_another_goes_on_with_its_stream() {
    let desk = Desk(desk::Desk::new(MSEC));
    desk.msec("office", &["found", "harbour"]);
    let [gateway, stolen, next] = ["gateway", "stolen", "next"].map(|home| desk.init(home));
    desk.lets_in("gateway", &gateway, &["--may", "relay,read"]);
    desk.lets_in("stolen", &stolen, &["--may", "write", "--days", "90", "--rate", "600", "--logs", "8"]);
    let (_office, at_office) = desk.run("office", &[]);
    let (_gateway, at_gateway) = desk.run("gateway", &[&at_office]);
    {
        let (mut sensor, _) = desk.run("stolen", &[&at_gateway]);
        desk.msec("stolen", &["publish", STREAM, "1", "2", "--unit", "dB"]);
        for home in ["gateway", "office"] {
            block_until("all have what the sensor wrote", || desk.values(home) == [1.0, 2.0]);
        }
        assert!(sensor.interrupt().success());
    }
    let old_log = *desk.logs("stolen").keys().next().expect("its log");
    // Somebody carries it off, and it goes on writing.
    desk.msec("stolen", &["publish", STREAM, "66"]);

    let itself = desk.refused("office", &["replace", &stolen, &stolen, "--out", &desk.path("x")]);
    assert!(itself.contains("does not replace itself"), "{itself}");
    let no_manager = desk.refused("gateway", &["replace", &stolen, &next, "--out", &desk.path("x")]);
    assert!(no_manager.contains("only who stands above a grant"), "{no_manager}");
    assert_eq!(desk.values("office"), [1.0, 2.0], "nothing was changed");

    let file = desk.path("next.invitation");
    let replace = ["replace", &stolen[..8], &next, "--reason", "stolen from the pier", "--out", &file];
    let output = run(MSEC, replace.iter().copied().chain(["--data-dir", &desk.path("office")]));
    let said = String::from_utf8([output.stdout, output.stderr].concat()).expect("text");
    for part in [
        "ends: ",
        "stays: 3 entries of one log",
        "gets: ",
        "write in parks, for 90 days",
        "goes on: one stream",
        "msec join",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
    let invitation = Membership::from_file(Path::new(&file)).expect("an invitation");
    let granted = invitation.grants().last().expect("a grant");
    let limits = granted.caveats.clone().expect("limits");
    assert_eq!((limits.rate_per_minute, limits.logs_max), (Some(600), Some(8)), "within the same limits");
    let (done, again) = desk.says("office", &["replace", &stolen, &next, "--out", &file]);
    assert!(done && again.contains("the invitation is written again"), "{again}");
    assert_eq!(Membership::from_file(Path::new(&file)).expect("an invitation"), invitation);

    // The thief writes on, in the old log and in new streams, and dials everybody.
    desk.msec("stolen", &["publish", STREAM, "67"]);
    let (thief, _) = desk.run("stolen", &[&at_gateway, &at_office]);
    desk.msec("stolen", &["publish", "parks/noise/mic-9", "68", "--unit", "dB"]);
    block_until("it is refused by both", || {
        let refused =
            thief.err.all().iter().filter(|line| line.contains("no grant that is valid now")).count();
        refused >= 2
    });
    // It has not heard why, and is told that much.
    for asked in [&["status"][..], &["publish", "parks/noise/mic-9", "69"]] {
        block_until("it is told", || desk.says("stolen", asked).1.contains("Its grant may be over"));
    }

    desk.msec("next", &["join", &file]);
    {
        let (mut sensor, _) = desk.run("next", &[&at_gateway]);
        desk.msec("next", &["publish", STREAM, "3", "4", "--unit", "dB"]);
        for home in ["gateway", "office"] {
            block_until("one stream goes on", || desk.values(home) == [1.0, 2.0, 3.0, 4.0]);
        }
        assert!(sensor.interrupt().success());
    }
    let logs = desk.logs("next");
    assert_eq!(
        logs.values().collect::<Vec<_>>(),
        [&Some(old_log)],
        "its log names the one that it goes on from"
    );
    for home in ["gateway", "office"] {
        let shown = desk.msec(home, &["query", "--in", "parks"]);
        let values: Vec<_> = shown.iter().filter_map(|row| row["value"].as_f64()).collect();
        assert_eq!(values.len(), 4, "nothing of what the thief wrote: {values:?}");
        let authors: Vec<_> = shown.iter().map(|row| text(&row["author"])).collect();
        assert_eq!(authors, [&next, &next, &stolen, &stolen].map(Clone::clone));
    }
}

#[test]
fn what_cannot_be_written_down_changes_nothing() {
    let desk = Desk(desk::Desk::new(MSEC));
    desk.msec("office", &["found", "harbour"]);
    let [stolen, next] = ["stolen", "next"].map(|home| desk.init(home));
    desk.lets_in("stolen", &stolen, &["--may", "write"]);
    let before = desk.msec("office", &["grants"]);
    let nowhere = desk.path("nope/m.invitation");
    for deed in [
        &["grant", &next, "--may", "read"][..],
        &["replace", &stolen, &next, "--yes"],
        &["replace", &stolen, &stolen, "--yes"],
    ] {
        let said = desk.refused("office", &[deed, &["--out", &nowhere][..]].concat());
        assert!(said.contains("cannot write"), "{said}");
    }
    let untouched = desk.path("x.invitation");
    desk.refused("office", &["replace", &stolen, &stolen, "--yes", "--out", &untouched]);
    assert!(!Path::new(&untouched).exists(), "what was not done leaves no file");
    assert_eq!(desk.msec("office", &["grants"]), before);
}
