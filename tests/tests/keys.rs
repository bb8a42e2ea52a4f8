//! The care of a key, by hand: a passphrase, words on paper, and what brings a key back.
#![allow(clippy::disallowed_methods, reason = "tests watch real programs, in real time")]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};

use msec_tests::desk;
use msec_tests::own_desk;
use msec_tests::process::{Process, run};
use msec_tests::terminal::Terminal;
use msec_tests::wait::block_until;
use serde_json::Value;

const MSEC: &str = env!("CARGO_BIN_EXE_msec-under-test");
const GATEWAY: &str = env!("CARGO_BIN_EXE_msec-gateway-under-test");
const PASSPHRASE: &str = "four plain words";

own_desk! {
    /// A directory in which data directories and papers lie.
    Desk
}

impl Desk {
    fn new() -> Self {
        Self(desk::Desk::new(MSEC))
    }

    fn file(&self, name: &str, text: &str) -> String {
        let path = self.path(name);
        fs::write(&path, text).expect("written");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("chmod");
        path
    }

    fn at_a_terminal(&self, home: &str, args: &[&str]) -> Terminal {
        let home = self.path(home);
        Terminal::start(MSEC, args.iter().copied().chain(["--data-dir", &home]))
    }
}

fn text(value: &Value) -> String {
    value.as_str().expect("text").to_owned()
}

#[test]
fn a_passphrase_is_asked_for_at_a_terminal_which_shows_nothing_of_it() {
    let desk = Desk::new();
    let peer = desk.init("office");
    let mut terminal = desk.at_a_terminal("office", &["key", "protect"]);
    terminal.answer("New passphrase: ", PASSPHRASE);
    terminal.answer("The same again: ", "four plain wrods");
    let (status, screen) = terminal.wait();
    assert!(!status.success() && screen.contains("not the same"), "{screen}");
    let mut terminal = desk.at_a_terminal("office", &["key", "protect"]);
    terminal.answer("New passphrase: ", PASSPHRASE);
    terminal.answer("The same again: ", PASSPHRASE);
    let (status, screen) = terminal.wait();
    assert!(status.success() && screen.contains("lies under the passphrase now"), "{screen}");
    assert!(screen.contains("msec key words"), "it says what to do next: {screen}");
    assert!(!screen.contains(PASSPHRASE), "the terminal shows what is typed: {screen}");

    let key = fs::read_to_string(format!("{}/identity.key", desk.path("office"))).expect("a key");
    assert!(key.starts_with("msec-key/2 argon2id m=65536 t=3 p=4 "), "{key}");
    let mut terminal = desk.at_a_terminal("office", &["id"]);
    terminal.answer("identity.key: ", "a guess");
    let (status, screen) = terminal.wait();
    assert!(!status.success() && screen.contains("the passphrase is wrong"), "{screen}");
    let mut terminal = desk.at_a_terminal("office", &["id"]);
    terminal.answer("identity.key: ", PASSPHRASE);
    let (status, screen) = terminal.wait();
    assert!(status.success() && screen.contains(&peer), "{screen}");
}

#[test]
fn without_a_terminal_a_passphrase_comes_from_a_file_a_descriptor_or_a_credential_and_from_nowhere_else() {
    let desk = Desk::new();
    let peer = desk.init("office");
    let (file, wrong) = (desk.file("passphrase", PASSPHRASE), desk.file("wrong", "a guess"));
    desk.msec("office", &["key", "protect", "--new-passphrase-file", &file]);

    let unasked = desk.refused("office", &["id"]);
    assert!(unasked.contains("--passphrase-file") && unasked.contains("terminal"), "{unasked}");
    let refused = desk.refused("office", &["id", "--passphrase-file", &wrong]);
    assert!(refused.contains("the passphrase is wrong"), "{refused}");
    assert_eq!(desk.msec("office", &["id", "--passphrase-file", &file])[0]["peer"], peer.as_str());
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).expect("chmod");
    let exposed = desk.refused("office", &["id", "--passphrase-file", &file]);
    assert!(exposed.contains("others can read it") && exposed.contains("chmod 600"), "{exposed}");

    let sh = |line: &str| {
        let line = format!("{line} '{MSEC}' id --data-dir '{}'", desk.path("office"));
        Command::new("sh").args(["-c", &line]).stdin(Stdio::null()).output().expect("a shell")
    };
    let by_descriptor = sh(&format!("exec 7< '{}'; exec", desk.file("again", PASSPHRASE)));
    assert!(!by_descriptor.status.success(), "nobody looks at a descriptor that was not named");
    let line = format!(
        "exec 7< '{}'; exec '{MSEC}' id --passphrase-file /dev/fd/7 --data-dir '{}'",
        desk.path("again"),
        desk.path("office")
    );
    let by_descriptor =
        Command::new("sh").args(["-c", &line]).stdin(Stdio::null()).output().expect("a shell");
    assert_eq!(String::from_utf8_lossy(&by_descriptor.stdout).trim(), peer, "{by_descriptor:?}");
    fs::create_dir(desk.path("credentials")).expect("made");
    desk.file("credentials/msec-passphrase", &format!("{PASSPHRASE}\n"));
    let by_credential = sh(&format!("CREDENTIALS_DIRECTORY='{}'", desk.path("credentials")));
    assert_eq!(String::from_utf8_lossy(&by_credential.stdout).trim(), peer, "{by_credential:?}");

    let again = desk.path("again");
    desk.msec("office", &["key", "unprotect", "--passphrase-file", &again]);
    assert_eq!(desk.msec("office", &["id"])[0]["peer"], peer.as_str());
}

#[test]
fn peer_and_gateway_run_with_a_passphrase_and_commands_beside_them_need_none() {
    let desk = Desk::new();
    desk.msec("office", &["found", "harbour"]);
    let (file, wrong) = (desk.file("passphrase", PASSPHRASE), desk.file("wrong", "a guess"));
    desk.msec("office", &["key", "protect", "--new-passphrase-file", &file]);
    let home = desk.path("office");
    let unasked = desk.refused("office", &["run", "--listen", "127.0.0.1:0", "--no-mdns"]);
    assert!(unasked.contains("--passphrase-file"), "{unasked}");
    let (mut peer, _) = desk.run_at("office", "127.0.0.1:0", &["--passphrase-file", &file]);
    desk.msec("office", &["status"]);
    desk.msec("office", &["publish", "parks/noise/mic-1", "48.5", "--unit", "dB"]);
    assert!(peer.interrupt().success());
    let rows = desk.msec("office", &["query", "--passphrase-file", &file]);
    assert_eq!(rows.len(), 1, "without a peer that runs the key is opened");

    let settings = format!(
        "[peer]\ndata_dir = \"{home}\"\nlisten = \"127.0.0.1:0\"\nmdns = false\n[mqtt]\nlisten = \"127.0.0.1:0\"\n[page]\nlisten = \"127.0.0.1:0\"\n"
    );
    let settings = desk.file("gateway.toml", &settings);
    let refused = run(GATEWAY, ["run", "--config", &settings, "--passphrase-file", &wrong]);
    assert!(String::from_utf8_lossy(&refused.stderr).contains("the passphrase is wrong"), "{refused:?}");
    let mut gateway =
        Process::start(GATEWAY, ["run", "--json", "--config", &settings, "--passphrase-file", &file]);
    block_until("the gateway runs", || !gateway.out.json("page").is_empty());
    desk.msec("office", &["status"]);
    assert!(gateway.interrupt().success());
}

#[test]
fn a_key_comes_back_from_its_words_and_slips_are_pointed_out() {
    let desk = Desk::new();
    let peer = desk.init("office");
    let unasked = desk.refused("office", &["key", "words"]);
    assert!(unasked.contains("at a terminal only") && unasked.contains("--yes"), "{unasked}");
    let mut terminal = desk.at_a_terminal("office", &["key", "words"]);
    terminal.answer("Show them? [y/N] ", "n");
    let (status, screen) = terminal.wait();
    assert!(!status.success() && !screen.contains("acorn"), "{screen}");
    let words = text(&desk.msec("office", &["key", "words", "--yes"])[0]["words"]);
    let mut terminal = desk.at_a_terminal("office", &["key", "words"]);
    terminal.answer("Show them? [y/N] ", "y");
    let (status, screen) = terminal.wait();
    assert!(status.success() && words.split(' ').all(|word| screen.contains(word)), "{screen}");

    let slip = words.replacen("acorn", "acron", 1);
    let mut terminal = desk.at_a_terminal("again", &["key", "restore"]);
    terminal.answer("then an empty line:", &slip);
    terminal.answer("", "");
    terminal.answer("word 1 is not one of the list: was it `acorn`?", "");
    terminal.answer("then an empty line:", &words.to_uppercase());
    terminal.answer("", "");
    let (status, screen) = terminal.wait();
    assert!(status.success() && screen.contains(&format!("the key of {peer} is back")), "{screen}");
    assert_eq!(desk.msec("again", &["id"])[0]["peer"], peer.as_str());

    let other = desk.init("other");
    let paper = desk.file("words.txt", &format!("# The key of the office\n{words}\n"));
    let refused = desk.refused("other", &["key", "restore", &paper]);
    assert!(refused.contains("never overwritten") && refused.contains("--replace"), "{refused}");
    assert_eq!(desk.msec("other", &["id"])[0]["peer"], other.as_str());
    let aside = text(&desk.msec("other", &["key", "restore", &paper, "--replace"])[0]["aside"]);
    assert_eq!(desk.msec("other", &["id"])[0]["peer"], peer.as_str());
    fs::create_dir(desk.path("kept")).expect("made");
    fs::rename(aside, format!("{}/identity.key", desk.path("kept"))).expect("moved");
    assert_eq!(desk.msec("kept", &["id"])[0]["peer"], other.as_str(), "the other one is whole");
}

#[test]
fn two_of_three_shares_bring_a_root_back_and_one_does_not() {
    let desk = Desk::new();
    let space = text(&desk.msec("root", &["found", "harbour"])[0]["space"]);
    let peer = text(&desk.msec("root", &["id"])[0]["peer"]);
    let shares = desk.msec("root", &["key", "split", "--yes"]);
    assert_eq!(shares.len(), 3);
    let papers: Vec<_> = shares
        .iter()
        .enumerate()
        .map(|(at, share)| desk.file(&format!("{at}.txt"), &text(&share["words"])))
        .collect();
    let few = desk.refused("again", &["key", "restore", &papers[1]]);
    assert!(few.contains("2 shares bring the key back, these are 1"), "{few}");
    let twice = desk.refused("again", &["key", "restore", &papers[1], &papers[1]]);
    assert!(twice.contains("share 2 was given twice"), "{twice}");
    let others = desk.msec("root", &["key", "split", "--yes"]);
    let unfit = desk.file("unfit.txt", &text(&others[0]["words"]));
    let unfit = desk.refused("again", &["key", "restore", &unfit, &papers[1]]);
    assert!(unfit.contains("do not fit together"), "{unfit}");
    assert!(!fs::exists(format!("{}/identity.key", desk.path("again"))).expect("looked"));

    let restored = desk.msec("again", &["key", "restore", &papers[2], &papers[0]]);
    assert_eq!(restored[0]["peer"], peer.as_str());
    // It speaks for the space again, where the space's manifest and its own grant are.
    fs::copy(
        format!("{}/space.manifest", desk.path("root")),
        format!("{}/space.manifest", desk.path("again")),
    )
    .expect("copied");
    let sensor = desk.init("sensor");
    let invitation = desk.path("sensor.invitation");
    desk.msec("again", &["grant", &sensor, "--may", "write", "--in", "parks", "--out", &invitation]);
    assert_eq!(desk.msec("sensor", &["join", &invitation])[0]["space"], space.as_str());
}

#[test]
fn a_running_peer_takes_a_rotated_key_and_goes_on_in_its_place() {
    let desk = Desk::new();
    desk.msec("office", &["found", "harbour"]);
    let sensor = desk.init("sensor");
    let invitation = desk.path("sensor.invitation");
    desk.msec("office", &["grant", &sensor, "--may", "write", "--in", "parks", "--out", &invitation]);
    desk.msec("sensor", &["join", &invitation]);
    let (office, address) = desk.run("office", &[]);
    let (running, _) = desk.run("sensor", &[&address]);
    let stream = "parks/noise/mic-1";
    let values = || {
        let rows = desk.msec("office", &["query", "--in", "parks"]);
        rows.iter().rev().filter_map(|row| row["value"].as_f64()).collect::<Vec<_>>()
    };
    desk.msec("sensor", &["publish", stream, "1", "--unit", "dB"]);
    block_until("the office has it", || values() == [1.0]);
    let rotated = desk.msec("sensor", &["key", "rotate"]);
    assert!(rotated[0]["since_ms"].as_i64().expect("a time") > 1_700_000_000_000);
    block_until("the office parts with the old key", || {
        office.out.json("neighbour_down").iter().any(|peer| *peer == sensor.as_str())
    });
    block_until("and is linked with the new one", || {
        let linked = office.out.json("neighbour_up").iter().filter(|peer| **peer == sensor.as_str()).count();
        linked >= 2
    });
    desk.msec("sensor", &["publish", stream, "2"]);
    block_until("the stream goes on", || values() == [1.0, 2.0]);
    let rows = desk.msec("office", &["query", "--in", "parks"]);
    assert_eq!(rows[0]["log"], rows[1]["log"], "in the same log, by the same peer");
    assert_eq!(running.out.json("listening").len(), 1, "it ran all the time");
}
