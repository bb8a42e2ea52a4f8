//! Two real programs pair: a code, the same words on both screens, a yes, and then they link as everybody does.
#![allow(clippy::disallowed_methods, reason = "tests watch real programs, in real time")]

use std::time::{SystemTime, UNIX_EPOCH};

use msec_tests::desk::{Desk, text};
use msec_tests::lan::Lan;
use msec_tests::process::Process;
use msec_tests::wait::block_until;
use serde_json::Value;

const MSEC: &str = env!("CARGO_BIN_EXE_msec-under-test");
const GATEWAY: &str = env!("CARGO_BIN_EXE_msec-gateway-under-test");
const STREAM: &str = "parks/noise/mic-1";
/// Of who has walked up to a bench.
const VISITS: [&str; 3] = ["--leaf", "--interest", "parks"];

/// A gateway that owns a space and listens on loopback, and a directory for others.
struct Office {
    desk: Desk,
    gateway: Process,
    address: String,
}

impl std::ops::Deref for Office {
    type Target = Desk;

    fn deref(&self) -> &Self::Target {
        &self.desk
    }
}

fn office() -> Office {
    let desk = Desk::new(MSEC);
    desk.msec("gateway", &["found", "harbour"]);
    let (gateway, address) = desk.run("gateway", &[]);
    Office { desk, gateway, address }
}

impl Office {
    /// Starts the gateway again, where it was.
    fn again(&mut self) {
        (self.gateway, self.address) = self.desk.run_at("gateway", &self.address, &[]);
    }

    /// `msec invite`, and the code that it shows.
    fn invite(&self, args: &[&str]) -> (Process, String) {
        let inviting = self.start("gateway", &[&["invite"][..], args].concat());
        let code = inviting.out.wait("a code", |line| {
            let shown: Value = serde_json::from_str(line).ok()?;
            shown["code"]["code"].as_str().map(str::to_owned)
        });
        (inviting, code)
    }

    /// `msec join CODE`, which waits for the owner.
    fn join(&self, home: &str, code: &str) -> Process {
        self.start(home, &["join", code, "--name", "Ana's phone"])
    }
}

fn words(of: &Process, field: &str) -> Vec<String> {
    of.out.wait("words", |line| {
        let shown: Value = serde_json::from_str(line).ok()?;
        let words = if field.is_empty() { &shown["words"] } else { &shown[field]["words"] };
        serde_json::from_value(words.clone()).ok()
    })
}

#[test]
fn two_programs_pair_by_a_code_and_then_a_reading_arrives() {
    let office = office();
    let png = office.path("code.png");
    let svg = office.path("code.svg");
    let (mut inviting, code) = office.invite(&[
        "--may",
        "read,write",
        "--in",
        "parks",
        "--days",
        "30",
        "--png",
        &png,
        "--svg",
        &svg,
    ]);
    assert!(std::fs::read(&png).expect("written").starts_with(b"\x89PNG\r\n\x1a\n"));
    assert!(std::fs::read_to_string(&svg).expect("written").starts_with("<svg "));
    // What is said before anybody asks answers nothing.
    inviting.say("y");
    // Typed by hand: small letters, blanks between.
    let (head, tail) = code.split_at(60);
    let mut joining = office.join("phone", &format!("{} {}", head.to_lowercase(), tail.to_lowercase()));
    let (here, there) = (words(&inviting, "asks"), words(&joining, ""));
    assert_eq!((here.len(), &here), (4, &there));
    assert!(joining.out.json("space").is_empty(), "nobody has said yes");
    let asked = inviting.out.json("asks");
    assert_eq!(asked[0]["name"], "Ana's phone");
    inviting.say("y");
    assert!(inviting.wait().success(), "{:?}", inviting.err.all());
    assert!(joining.wait().success(), "{:?}", joining.err.all());
    let joined = &inviting.out.json("joined")[0];
    assert_eq!((&joined["rights"], &joined["collection"]), (&"read,write".into(), &"parks".into()));
    assert_eq!(joined["peer"], asked[0]["peer"]);
    assert_eq!(joining.out.json("name"), ["harbour"]);
    // The grant stands in the inviter's control log.
    let granted = office.msec("gateway", &["grants", joined["peer"].as_str().expect("an id")]);
    assert!(granted[0].to_string().contains(joined["grant"].as_str().expect("an id")), "{granted:?}");

    let (phone, _) = office.run("phone", &[&office.address]);
    block_until("they are linked", || !phone.out.json("neighbour_up").is_empty());
    office.msec("phone", &["publish", STREAM, "48.5", "--unit", "dB"]);
    block_until("the gateway has it", || office.msec("gateway", &["query", "--in", "parks"]).len() == 1);

    let again = office.refused("other", &["join", &code]);
    assert!(again.contains("used already"), "{again}");
    assert!(office.gateway.id() > 0);
}

#[test]
fn a_no_lets_nobody_in_and_uses_the_code_up() {
    let office = office();
    let (mut inviting, code) = office.invite(&["--in", "parks"]);
    let mut joining = office.join("phone", &code);
    words(&inviting, "asks");
    inviting.say("");
    assert!(inviting.wait().success());
    assert!(!joining.wait().success());
    assert!(joining.err.all().iter().any(|line| line.contains("declined")), "{:?}", joining.err.all());
    assert!(!std::path::Path::new(&office.path("phone/space.manifest")).exists());
    assert!(office.refused("other", &["join", &code]).contains("used already"));
}

#[test]
fn a_code_that_was_taken_back_or_mistyped_is_refused_in_clear_words() {
    let office = office();
    let (mut inviting, code) = office.invite(&[]);
    assert!(inviting.interrupt().success());
    let mut error = String::new();
    block_until("the gateway knows", || {
        error = office.refused("phone", &["join", &code]);
        error.contains("has expired")
    });
    let mut wrong = code.clone();
    let last = wrong.pop();
    wrong.push(if last == Some('Z') { 'Y' } else { 'Z' });
    let error = office.refused("phone", &["join", &wrong]);
    assert!(error.contains("compare it with the other screen"), "{error}");
    let picture = office.refused("phone", &["join", "bench.jpg"]);
    assert!(picture.contains("save it as PNG") && picture.contains("scan it"), "{picture}");
    let missing = office.refused("phone", &["join", "bench.png"]);
    assert!(missing.contains("cannot read bench.png"), "{missing}");
}

#[test]
fn who_may_not_let_others_in_gives_out_no_code() {
    let office = office();
    let (mut inviting, code) = office.invite(&["--in", "parks"]);
    let mut joining = office.join("phone", &code);
    words(&inviting, "asks");
    inviting.say("yes");
    assert!(joining.wait().success(), "{:?}", joining.err.all());
    let (_phone, _) = office.run("phone", &[]);
    let error = office.refused("phone", &["invite", "--in", "parks"]);
    assert!(error.contains("may not let others in"), "{error}");
}

#[test]
fn whoever_walks_up_reads_for_a_while_and_no_more_once_the_bench_is_taken_down() {
    let mut office = office();
    office.msec("gateway", &["publish", STREAM, "48.5", "--unit", "dB"]);
    let png = office.path("bench.png");
    let bench = office.msec("gateway", &["bench", "--in", "parks", "--hours", "2", "--png", &png])[0].clone();
    assert!(std::fs::read(&png).expect("written").starts_with(b"\x89PNG\r\n\x1a\n"));
    let code = bench["code"].as_str().expect("a code").to_owned();
    // What is printed works after a restart, and for more than one.
    assert!(office.gateway.interrupt().success());
    office.again();
    let mut visitors = Vec::new();
    for home in ["ana", "ben"] {
        let joined = office.msec(home, &["join", &code]).pop().expect("joined");
        let grant = &joined["grants"][0];
        assert_eq!((&grant["rights"], &grant["collection"]), (&"read".into(), &"parks".into()));
        let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_millis() as i64;
        let left = grant["until_ms"].as_i64().expect("a time") - now;
        assert!((7_000_000..=7_200_000).contains(&left), "two hours: {left} ms");
        let more = [&VISITS[..], &["--contact", &office.address]].concat();
        visitors.push(office.run_at(home, "127.0.0.1:0", &more).0);
    }
    block_until("both have the reading", || {
        ["ana", "ben"].iter().all(|home| office.msec(home, &["query", "--in", "parks"]).len() == 1)
    });
    let grant = bench["grant"].as_str().expect("an id");
    office.msec("gateway", &["revoke", grant, "--all", "--yes"]);
    for visitor in &visitors {
        block_until("its link ends", || !visitor.out.json("neighbour_down").is_empty());
    }
    let refused = office.refused("cleo", &["join", &code]);
    assert!(refused.contains("has expired"), "{refused}");
}

#[test]
fn who_photographed_a_walk_up_code_must_come_to_where_it_hangs() {
    let (at_gateway, at_bench, far_away) = (0, 1, 2);
    let Some(lan) = Lan::or_skip(3) else { return };
    lan.send_away(far_away);
    let mut office = office();
    assert!(office.gateway.interrupt().success());
    let home = office.path("gateway");
    let args = ["run", "--listen", "0.0.0.0:4000", "--no-mdns", "--json", "--data-dir", &home];
    office.gateway = lan.start(at_gateway, MSEC, args);
    block_until("it listens", || !office.gateway.out.json("listening").is_empty());
    let code = |args: &[&str]| {
        let bench = ["bench", "--in", "parks", "--hint", "10.77.0.1:4000"];
        text(&office.msec("gateway", &[&bench, args].concat())[0]["code"])
    };
    let (here, anywhere) = (code(&[]), code(&["--anywhere"]));
    let join = |host: usize, code: &str, home: &str| {
        let mut joining = lan.start(host, MSEC, ["join", code, "--json", "--data-dir", &office.path(home)]);
        (joining.wait().success(), joining.err.all().join("\n"))
    };
    assert_eq!(join(at_bench, &here, "ana"), (true, String::new()));
    let (let_in, said) = join(far_away, &here, "ben");
    assert!(!let_in && said.contains("join the Wi-Fi or the LAN where it hangs"), "{said}");
    assert!(
        !std::path::Path::new(&office.path("ben")).join("space.manifest").exists(),
        "it was given nothing"
    );
    assert_eq!(join(far_away, &anywhere, "ben"), (true, String::new()));
}

#[test]
fn a_bench_lets_visitors_in_at_another_gateway_while_the_one_that_signed_it_is_off() {
    let mut office = office();
    let pier = office.init("pier");
    let file = office.path("pier.invitation");
    let manages = ["--may", "manage,relay,read", "--in", "parks", "--depth", "2", "--out", &file];
    office.msec("gateway", &[&["grant", &pier][..], &manages].concat());
    office.msec("pier", &["join", &file]);
    // The second one is a gateway as the product runs it; a third peer relays, and may let nobody in.
    let settings = format!(
        "[peer]\ndata_dir = \"{}\"\nlisten = \"127.0.0.1:0\"\nmdns = false\ncontacts = [\"{}\"]\n[mqtt]\nenabled = false\n[page]\nenabled = false\n",
        office.path("pier"),
        office.address
    );
    let config = office.path("gateway.toml");
    std::fs::write(&config, settings).expect("written");
    let pier = Process::start(GATEWAY, ["run", "--json", "--config", &config]);
    block_until("the gateway runs", || !pier.out.json("listening").is_empty());
    let at_pier = text(&pier.out.json("listening")[0]);
    let relay = office.init("relay");
    let file = office.path("relay.invitation");
    office.msec("gateway", &["grant", &relay, "--may", "relay,read", "--in", "parks", "--out", &file]);
    office.msec("relay", &["join", &file]);
    let (_relay, at_relay) = office.run("relay", &[]);
    office.msec("gateway", &["publish", STREAM, "48.5", "--unit", "dB"]);
    let hints = ["--hint", &at_relay, "--hint", &at_pier];
    let bench =
        office.msec("gateway", &[&["bench", "--in", "parks", "--hours", "2"][..], &hints].concat()).remove(0);
    let (code, grant) = (text(&bench["code"]), text(&bench["grant"]));
    block_until("the pier knows of the bench, and has the reading", || {
        let known = office.msec("pier", &["grants"]).iter().any(|it| it["grant"] == grant.as_str());
        known && office.msec("pier", &["query", "--in", "parks"]).len() == 1
    });
    assert!(office.gateway.interrupt().success());

    let joined = office.msec("ana", &["join", &code]).pop().expect("joined");
    assert_eq!(joined["address"], at_pier.as_str(), "the relay lets nobody in");
    let given = &joined["grants"][0];
    assert_eq!((&given["rights"], &given["collection"]), (&"read".into(), &"parks".into()));
    let more = [&VISITS[..], &["--contact", &at_pier]].concat();
    let (ana, _) = office.run_at("ana", "127.0.0.1:0", &more);
    block_until("she has the reading", || office.msec("ana", &["query", "--in", "parks"]).len() == 1);
    let wider = office.refused("ana", &["publish", STREAM, "1"]);
    assert!(!wider.is_empty());
    office.msec("ben", &["join", &code]);
    let benches = std::fs::read_dir(format!("{}/benches", office.path("pier"))).expect("a directory").count();
    assert_eq!(benches, 1, "one grant for all visitors of a bench");

    // Who signed it ends it, and what others gave for it ends too.
    office.again();
    office.msec("gateway", &["revoke", &grant, "--all", "--yes"]);
    block_until("her link ends", || !ana.out.json("neighbour_down").is_empty());
    let refused = office.refused("cleo", &["join", &code]);
    assert!(refused.contains("has expired"), "{refused}");
}

#[test]
fn a_code_that_its_signer_may_not_give_opens_no_door() {
    let office = office();
    let thief = text(&office.msec("thief", &["found", "harbour"])[0]["peer"]);
    assert!(!thief.is_empty());
    // Of another space of the same name, with a hint that leads to this one's gateway.
    let (_running, _) = office.run("thief", &[]);
    let bench = office.msec("thief", &["bench", "--in", "parks", "--hint", &office.address]).remove(0);
    let refused = office.refused("ana", &["join", &text(&bench["code"])]);
    assert!(refused.contains("may not let visitors in"), "{refused}");
}
