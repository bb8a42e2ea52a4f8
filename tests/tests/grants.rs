//! Who may do what, by hand: managers who are no roots, roots that must agree, ends, and what is said of them afterwards.
#![allow(clippy::disallowed_methods, reason = "tests watch real programs, in real time")]

use std::fs;
use std::time::{Duration, Instant};

use msec_peer::Membership;
use msec_tests::desk::{self, text};
use msec_tests::own_desk;
use msec_tests::process::run;
use msec_tests::wait::block_until;
use serde_json::Value;

const MSEC: &str = env!("CARGO_BIN_EXE_msec-under-test");
const STREAM: &str = "parks/noise/mic-1";

own_desk! {
    /// A directory in which data directories and invitations lie.
    Desk
}

impl Desk {
    fn new() -> Self {
        Self(desk::Desk::new(MSEC))
    }

    /// What `msec` says to people, on both of its streams.
    fn says(&self, home: &str, args: &[&str]) -> String {
        let (succeeds, text) = self.0.says(home, args);
        assert!(succeeds, "{text}");
        text
    }

    /// Lets `holder` in by a grant of `issuer`; returns the grant, and the invitation.
    fn grant(&self, issuer: &str, id: &str, file: &str, more: &[&str]) -> (String, String) {
        let file = self.path(&format!("{file}.invitation"));
        let granted = self.msec(issuer, &[&["grant", id, "--out", &file][..], more].concat());
        (text(&granted[0]["grant"]), file)
    }

    fn values(&self, home: &str) -> Vec<f64> {
        self.0.values(home, "parks")
    }

    fn standing(&self, home: &str, grant: &str) -> String {
        let grants = self.msec(home, &["grants"]);
        let found = grants.iter().find(|it| it["grant"] == grant);
        found.map(|it| text(&it["standing"])).unwrap_or_default()
    }

    fn linked_with(&self, home: &str, peer: &str) -> bool {
        self.msec(home, &["peers"]).iter().any(|it| it["peer"] == peer)
    }
}

#[test]
fn a_manager_who_is_no_root_lets_a_sensor_in_ends_it_and_anybody_can_explain_it_afterwards() {
    let desk = Desk::new();
    desk.msec("gateway", &["found", "harbour"]);
    let office = desk.init("office");
    let manages = ["--may", "manage,relay,read,write", "--in", "parks", "--depth", "1", "--days", "30"];
    let (_, file) = desk.grant("gateway", &office, "office", &manages);
    desk.msec("office", &["join", &file]);
    // Who was let in by nobody lets nobody in; and nobody passes on more than it has.
    let sensor = desk.init("sensor");
    let wider =
        desk.refused("office", &["grant", &sensor, "--may", "read", "--in", "harbour", "--out", &file]);
    assert!(wider.contains("reaches") && wider.contains("collections"), "{wider}");
    let (grant, file) = desk.grant(
        "office",
        &sensor,
        "sensor",
        &["--may", "read,write", "--in", "parks", "--rate", "600", "--purpose", "noise at night"],
    );
    let joined = desk.says("sensor", &["join", &file]);
    assert!(joined.contains("at most 600 entries a minute, for: noise at night"), "{joined}");
    let error = desk.refused("sensor", &["grant", &office, "--may", "read", "--in", "parks", "--out", &file]);
    assert!(error.contains("--may manage"), "{error}");

    let (_gateway, at_gateway) = desk.run("gateway", &[]);
    let (_office, at_office) = desk.run("office", &[&at_gateway]);
    let (_sensor, _) = desk.run("sensor", &[&at_office, &at_gateway]);
    desk.msec("sensor", &["publish", STREAM, "1", "2"]);
    for home in ["gateway", "office"] {
        block_until("all have what the sensor writes", || desk.values(home) == [1.0, 2.0]);
        block_until("it is linked", || desk.linked_with(home, &sensor));
        block_until("and its grant is known", || desk.standing(home, &grant) == "counts");
    }
    let before = desk.msec("gateway", &["explain", STREAM]);
    let reader = |said: &Value| {
        let readers = said["readers"].as_array().expect("a list").clone();
        readers.into_iter().find(|it| it["holder"] == sensor.as_str()).expect("the sensor")
    };
    assert_eq!(
        (reader(&before[0]).get("ended"), reader(&before[0])["chain"].as_array().map(Vec::len)),
        (None, Some(2))
    );

    let began = Instant::now();
    let revoked = desk.msec("office", &["revoke", &sensor, "--reason", "stolen"]);
    assert_eq!((revoked.len(), text(&revoked[0]["grant"])), (1, grant.clone()));
    for home in ["gateway", "office"] {
        block_until("its link ends", || !desk.linked_with(home, &sensor));
    }
    block_until("it is alone", || desk.msec("sensor", &["peers"]).is_empty());
    let took = began.elapsed();
    println!("from `msec revoke` to no link with the holder, on three peers: {took:?}");
    assert!(took < Duration::from_secs(20), "{took:?}");
    // What it goes on to write, if it has not heard of it, goes nowhere; what it wrote stays.
    let _ = run(MSEC, ["publish", STREAM, "3", "--data-dir", &desk.path("sensor")]);
    let explained = |home: &str| desk.msec(home, &["explain", STREAM]).remove(0);
    block_until("both have confirmed", || {
        reader(&explained("gateway"))["ended"]["confirmed"].as_array().is_some_and(|all| all.len() == 2)
    });
    let ended = reader(&explained("gateway"))["ended"].clone();
    assert_eq!((text(&ended["by"]), text(&ended["reason"])), (office.clone(), "stolen".into()));
    assert_eq!(
        (text(&ended["grant"]), ended["unconfirmed"].as_array().map(Vec::len)),
        (grant.clone(), Some(0))
    );
    assert!(ended["window_ms"].as_i64().is_some_and(|ms| ms < 20_000), "{ended}");
    for home in ["gateway", "office"] {
        assert_eq!(desk.values(home), [1.0, 2.0]);
        assert_eq!(desk.standing(home, &grant), "revoked");
    }
    let drawn = desk.says("gateway", &["grants", &sensor]);
    assert!(drawn.contains("└──") && drawn.contains("stolen") && drawn.contains(&office[..10]), "{drawn}");
    // And as a file that somebody else can check.
    let receipt = desk.path("answer.txt");
    let said = desk.says("gateway", &["explain", STREAM, "--receipt", &receipt]);
    assert!(said.contains("ended by") && said.contains("exposed for"), "{said}");
    let checked = desk.says("sensor", &["explain", "--check", &receipt]);
    assert!(checked.contains("signed by") && checked.contains("stolen"), "{checked}");
    let file = fs::read_to_string(&receipt).expect("text").replace("stolen", "stollen");
    fs::write(&receipt, file).expect("written");
    let error = desk.refused("sensor", &["explain", "--check", &receipt]);
    assert!(error.contains("changed since it was signed"), "{error}");
}

#[test]
fn of_three_roots_two_must_agree_to_let_somebody_in_and_to_end_it() {
    let desk = Desk::new();
    let (mayor, port) = (desk.init("mayor"), desk.init("port"));
    let id_file = desk.path("mayor.id");
    fs::write(&id_file, format!("{mayor}\n")).expect("written");
    let city = desk.path("city.invitation");
    let roots = format!("{id_file},{port}");
    desk.msec("hall", &["found", "city", "--roots", &roots, "--threshold", "2", "--out", &city]);
    let said = desk.says("mayor", &["join", &city]);
    assert!(said.contains("1 more of the space's roots must agree"), "{said}");
    let said = desk.says("mayor", &["status"]);
    assert!(said.contains("nothing yet: 1 more of the space's roots must agree"), "{said}");
    let said = desk.says("mayor", &["approve", &city]);
    assert!(said.contains("approved: 2 of 2 roots agree"), "{said}");
    for home in ["hall", "port"] {
        let said = desk.says(home, &["join", &city]);
        assert!(!said.contains("must agree"), "{said}");
    }

    let sensor = desk.init("sensor");
    let file = desk.path("sensor.invitation");
    let said = desk.says("hall", &["grant", &sensor, "--may", "write", "--in", "parks", "--out", &file]);
    assert!(
        said.contains("2 of the space's roots must agree, and 1 does") && said.contains("msec approve"),
        "{said}"
    );
    let said = desk.says("sensor", &["join", &file]);
    assert!(said.contains("does not count yet"), "{said}");
    let error = desk.refused("sensor", &["approve", &file]);
    assert!(error.contains("no root of city"), "{error}");
    let error = desk.refused("port", &["approve", "city.invitatoin"]);
    assert!(error.contains("neither a file nor an id"), "{error}");
    let error = desk.refused("port", &["approve", "c290aece33"]);
    assert!(error.contains("no file c290aece33") && error.contains("nothing here is called"), "{error}");
    desk.msec("port", &["approve", &file]);
    let said = desk.says("sensor", &["join", &file]);
    assert!(!said.contains("does not count yet"), "{said}");

    let (_hall, at_hall) = desk.run("hall", &[]);
    let (_mayor, _) = desk.run("mayor", &[&at_hall]);
    for code in [&["invite", "--in", "parks"][..], &["bench", "--in", "parks"]] {
        let error = desk.refused("hall", code);
        assert!(error.contains("2 of the space's roots must agree"), "{error}");
    }
    let (_sensor, _) = desk.run("sensor", &[&at_hall]);
    desk.msec("sensor", &["publish", STREAM, "1"]);
    block_until("the hall has it", || desk.values("hall") == [1.0]);
    let revoked = desk.msec("hall", &["revoke", &sensor]);
    assert_eq!(revoked[0]["voices"], serde_json::json!({ "agree": 1, "needed": 2 }));
    let (grant, revocation) = (text(&revoked[0]["grant"]), text(&revoked[0]["revocation"]));
    let known = |home: &str| {
        let grants = desk.msec(home, &["grants"]);
        let found = grants.into_iter().find(|it| it["grant"] == grant.as_str());
        found.is_some_and(|it| it["revoked"].as_array().is_some_and(|all| !all.is_empty()))
    };
    block_until("the mayor has heard of it", || known("mayor"));
    assert_eq!(
        (desk.standing("hall", &grant), desk.standing("mayor", &grant)),
        ("counts".into(), "counts".into())
    );
    assert!(desk.linked_with("hall", &sensor));
    let approved = desk.msec("mayor", &["approve", &revocation[..10]]);
    assert_eq!(approved[0]["voices"], serde_json::json!({ "agree": 2, "needed": 2 }));
    block_until("the hall lets go of it", || !desk.linked_with("hall", &sensor));
    assert_eq!(desk.standing("hall", &grant), "revoked");
    assert_eq!(desk.values("hall"), [1.0]);
}

#[test]
fn an_invitation_that_was_tampered_with_is_refused_in_words() {
    let desk = Desk::new();
    desk.msec("gateway", &["found", "harbour"]);
    let office = desk.init("office");
    let (_, file) =
        desk.grant("gateway", &office, "office", &["--may", "manage,read", "--in", "parks", "--depth", "1"]);
    desk.msec("office", &["join", &file]);
    let phone = desk.init("phone");
    let (_, file) = desk.grant("office", &phone, "phone", &["--may", "read", "--in", "parks"]);
    let whole = Membership::from_file(&file).expect("an invitation");
    assert_eq!(whole.grants().len(), 2, "with the link above");
    let write = |name: &str, membership: &Membership| {
        let path = desk.path(name);
        fs::write(&path, membership.to_bytes()).expect("written");
        path
    };
    let cut = write("cut", &Membership::new(whole.manifest(), whole.grants().last().cloned()));
    let error = desk.refused("phone", &["join", &cut]);
    assert!(error.contains("a link of its chain is missing"), "{error}");
    // Under a link that it does not hang on, and in a space of the same name that somebody else founded.
    desk.msec("thief", &["found", "harbour"]);
    let (_, stolen) = desk.grant("thief", &phone, "stolen", &["--may", "read"]);
    let theirs = Membership::from_file(&stolen).expect("an invitation");
    let foreign = write("foreign", &Membership::new(whole.manifest(), theirs.grants().iter().cloned()));
    let error = desk.refused("phone", &["join", &foreign]);
    assert!(error.contains("damaged"), "{error}");
    desk.msec("phone", &["join", &file]);
    let error = desk.refused("phone", &["join", &stolen]);
    assert!(error.contains("another space"), "{error}");

    // Approvals of another grant are worth nothing here.
    let mayor = desk.init("mayor");
    let city = desk.path("city");
    desk.msec("hall", &["found", "city", "--roots", &mayor, "--threshold", "2", "--out", &city]);
    desk.msec("mayor", &["approve", &city]);
    desk.msec("hall", &["join", &city]);
    let guest = desk.init("guest");
    let (_, small) = desk.grant("hall", &guest, "small", &["--may", "read", "--in", "parks"]);
    let (_, large) = desk.grant("hall", &guest, "large", &["--may", "read,write,manage"]);
    desk.msec("mayor", &["approve", &small]);
    let approved = Membership::from_file(&small).expect("an invitation");
    assert_eq!(approved.records().len(), 1);
    let swapped =
        Membership::from_file(&large).expect("an invitation").with_records(approved.records().to_vec());
    let said = desk.says("guest", &["join", &write("swapped", &swapped)]);
    assert!(said.contains("does not count yet: 1 more of the space's roots"), "{said}");
    let said = desk.says("guest", &["join", &small]);
    assert!(!said.contains("does not count yet"), "{said}");
}

#[test]
fn without_a_network_what_was_cut_is_restored_and_a_manager_goes_without_those_it_let_in() {
    let desk = Desk::new();
    desk.msec("gateway", &["found", "harbour"]);
    let office = desk.init("office");
    let (link, file) =
        desk.grant("gateway", &office, "office", &["--may", "manage,read,write,relay", "--depth", "2"]);
    desk.msec("office", &["join", &file]);
    let sensor = desk.init("sensor");
    let (grant, file) = desk.grant("office", &sensor, "sensor", &["--may", "write", "--in", "parks"]);
    desk.msec("sensor", &["join", &file]);
    {
        let (mut gateway, at_gateway) = desk.run("gateway", &[]);
        let (_office, _) = desk.run("office", &[&at_gateway]);
        let (_sensor, _) = desk.run("sensor", &[&at_gateway]);
        desk.msec("sensor", &["publish", STREAM, "1", "2", "3"]);
        block_until("the gateway has it", || desk.values("gateway") == [1.0, 2.0, 3.0]);
        // Its own control log, the office's, and the sensor's: a grant counts when it is shown, and goes on where it is entered.
        block_until("and where the grant is entered", || desk.msec("gateway", &["status"])[0]["logs"] == 3);
        // What it has taken in is on disk when it has ended.
        gateway.interrupt();
    }
    // The manager goes; what it entered goes on.
    let plan = desk.says("gateway", &["revoke", &link, "--reason", "moved away"]);
    assert!(plan.contains("goes on: ") && plan.contains(&sensor[..10]), "{plan}");
    assert_eq!(desk.standing("gateway", &link), "revoked");
    assert_eq!(
        (desk.standing("gateway", &grant), desk.values("gateway")),
        ("counts".into(), vec![1.0, 2.0, 3.0])
    );
    let error = desk.refused("gateway", &["revoke", &link]);
    assert!(error.contains("before"), "{error}");
    // A log by its id and a size, and then nothing of it, and then all that is held.
    let log = text(&desk.msec("gateway", &["query", "--in", "parks"])[0]["log"]);
    let error = desk.refused("gateway", &["revoke", &grant, "--cut", &format!("{log}=99")]);
    assert!(error.contains("not held"), "{error}");
    desk.msec("gateway", &["revoke", &grant[..12], "--cut", &format!("{log}=3")]);
    assert_eq!(desk.values("gateway"), [1.0, 2.0]);
    let plan = desk.says("gateway", &["revoke", &sensor, "--cut", "none"]);
    assert!(plan.contains("lost: 3 entries of one log"), "{plan}");
    assert_eq!(desk.values("gateway"), Vec::<f64>::new());
    let grants = desk.msec("gateway", &["grants", &sensor]);
    let ended = grants.iter().find(|it| it["grant"] == grant.as_str()).expect("the grant");
    let revoked = ended["revoked"].as_array().expect("a list");
    let last = text(&revoked.last().expect("the second")["revocation"]);
    let restored = desk.msec("gateway", &["restore", &last, "--log", &format!("{log}=4")]);
    assert_eq!((&restored[0]["logs"], &restored[0]["entries"]), (&1.into(), &4.into()));
    assert_eq!(desk.values("gateway"), [1.0, 2.0], "the other one still cuts it");
    let error = desk.refused("gateway", &["revoke", "nothing"]);
    assert!(error.contains("msec grants"), "{error}");
}

#[test]
fn two_cities_need_one_link() {
    let desk = Desk::new();
    desk.msec("harbour", &["found", "harbour"]);
    let airport = text(&desk.msec("airport", &["found", "airport"])[0]["peer"]);
    let manifest = format!("{}/space.manifest", desk.path("airport"));
    let file = desk.path("link.invitation");
    let granted = desk.msec(
        "harbour",
        &[
            "grant",
            "--space",
            &manifest,
            "--may",
            "manage,read",
            "--in",
            "parks",
            "--depth",
            "1",
            "--out",
            &file,
        ],
    );
    let link = text(&granted[0]["grant"]);
    let error = desk.refused("airport", &["join", &file]);
    assert!(error.contains("--key-of"), "{error}");
    // The airport's key, in a data directory for the harbour's space, and never twice for one space.
    let error = desk.refused("liaison", &["join", &file, "--key-of", &desk.path("harbour")]);
    assert!(error.contains("is in that space already"), "{error}");
    assert!(!fs::exists(desk.path("liaison")).expect("looked at"), "nothing was made");
    desk.msec("liaison", &["join", &file, "--key-of", &desk.path("airport")]);
    assert_eq!(text(&desk.msec("liaison", &["id"])[0]["peer"]), airport);
    desk.msec("liaison", &["join", &file, "--key-of", &desk.path("airport")]);
    desk.init("stranger");
    let error = desk.refused("stranger", &["join", &file, "--key-of", &desk.path("airport")]);
    assert!(error.contains("identity.key"), "{error}");
    let useless = ["grant", "--space", &manifest, "--may", "read", "--out", &desk.path("useless")];
    let said = desk.says("harbour", &useless);
    assert!(said.contains("nobody there can pass it on"), "{said}");
    let phone = desk.init("phone");
    let (grant, file) = desk.grant("liaison", &phone, "phone", &["--may", "read", "--in", "parks/noise"]);
    desk.msec("phone", &["join", &file]);
    let (_harbour, at_harbour) = desk.run("harbour", &[]);
    desk.msec("harbour", &["publish", STREAM, "7"]);
    let (_phone, _) = desk.run("phone", &[&at_harbour]);
    block_until("a guest of the airport reads in the harbour", || desk.values("phone") == [7.0]);
    let drawn = desk.says("harbour", &["grants"]);
    assert!(drawn.contains("the space airport") && drawn.contains(&grant[..10]), "{drawn}");
    assert!(!drawn.contains(&airport), "{drawn}");
    desk.msec("harbour", &["revoke", &link]);
    block_until("and no longer", || !desk.linked_with("harbour", &phone));
    assert_eq!(desk.standing("harbour", &grant), "fallen");
}
