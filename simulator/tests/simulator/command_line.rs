//! The command line: its last line, its exit status, and what it says about mistakes.

use std::process::{Command, Output};

fn msec_sim(args: &str) -> Output {
    let output = Command::new(env!("CARGO_BIN_EXE_msec-sim")).args(args.split_whitespace()).output();
    output.expect("msec-sim runs")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("text")
}

#[test]
fn the_last_line_is_one_object() {
    let output = msec_sim("run town --set city.peers=8 --set publish_s=5 --seed 3 --json");
    assert!(output.status.success(), "{}", text(&output.stderr));
    let stdout = text(&output.stdout);
    let last = stdout.lines().last().expect("a line");
    let result: serde_json::Value = serde_json::from_str(last).expect("JSON");
    for field in [
        "peers",
        "simulated_s",
        "wall_s",
        "cpu_s",
        "events",
        "digest",
        "published",
        "delivered",
        "missed",
        "p50_ms",
        "p99_ms",
        "last_ms",
        "refused",
        "converged",
        "violations",
        "bytes",
        "messages",
        "revoked_p99_s",
        "revoked_all_s",
        "exposed_bytes",
        "lease_refused",
        "lease_served_stale",
        "freshness_bytes",
        "checks_made",
        "checks_remembered",
    ] {
        assert!(result.get(field).is_some(), "{field} is missing in {last}");
    }
    assert_eq!((&result["peers"], &result["missed"]), (&8.into(), &0.into()));
    assert_eq!(text(&output.stderr), "", "no progress line without a terminal");
}

#[test]
fn logging_changes_no_digest() {
    let run = |log: &str| {
        let output = msec_sim(&format!(
            "run hostile --set publish_s=5 --set drain_s=35 --set check.agree_within_s=20 --set city.peers=30 --json {log}"
        ));
        let stdout = text(&output.stdout);
        let last = stdout.lines().last().expect("a line");
        let result: serde_json::Value = serde_json::from_str(last).expect("JSON");
        (result["digest"].to_string(), output.stderr.len())
    };
    let (quiet, nothing) = run("");
    let (told, something) = run("--log trace");
    assert_eq!(quiet, told);
    assert!(nothing == 0 && something > 0, "{something} bytes were logged");
}

#[test]
fn a_city_without_time_to_agree_fails() {
    let output =
        msec_sim("run town --set city.peers=8 --set publish_s=5 --set drain_s=0 --set plain.latency_ms=3000");
    assert_eq!(output.status.code(), Some(1), "{}", text(&output.stdout));
    assert!(text(&output.stdout).contains("VIOLATION"));
}

#[test]
fn mistakes_are_answered_with_what_to_do() {
    for (args, answer) in [
        ("run atlantis", "there are town,"),
        ("run no/such/file.toml", "cannot read"),
        ("run town --set city.peers=1", "at least"),
        ("run town --set plain.loss=2", "give it a value from 0 to 1"),
        ("run town --set population.trams.share=1", "there are gateways, sensors, citizens"),
        ("run town --set city.pears=1", "unknown field"),
        ("run backbone --set fault.0.until_s=1900", "end it by second"),
        ("run backbone --set fault.1.who.district=moon", "there is no district `moon`"),
        ("run town --sed 5", "--seed"),
        ("sweep town --grid city.peers=x -o nowhere", "expected usize"),
        ("compare no/such no/such", "cannot read"),
        ("report no/such.json", "cannot"),
        ("replay town --trace nobody --until 1", "there are 0 to 49"),
        ("list atlantis", "see msec-sim list"),
    ] {
        let output = msec_sim(args);
        let code = if args.starts_with("report") { 1 } else { 2 };
        assert_eq!(output.status.code(), Some(code), "{args}");
        let stderr = text(&output.stderr);
        assert!(stderr.contains(answer), "{args}: {stderr}");
    }
    for command in ["run", "list", "sweep", "compare", "swarm", "replay", "gossip", "report"] {
        assert!(text(&msec_sim(&format!("{command} --help")).stdout).contains("Examples:"), "{command}");
    }
}

#[test]
fn a_scenario_can_be_printed_changed_and_run_from_a_file() {
    let dir = tempfile::tempdir().expect("a directory");
    let file = dir.path().join("mine.toml");
    let printed = msec_sim("run town --set city.peers=6 --set publish_s=2 --print");
    std::fs::write(&file, &printed.stdout).expect("written");
    let output = msec_sim(&format!("run {}", file.display()));
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert!(text(&output.stdout).starts_with("town: 6 peers"));
    let listed = text(&msec_sim("list").stdout);
    assert!(
        ["town", "santander", "fujisawa", "helsinki", "auckland"].iter().all(|name| listed.contains(name))
    );
}

#[test]
fn a_sweep_is_jobs_with_files_that_can_be_compared() {
    let dir = tempfile::tempdir().expect("a directory");
    let (one, other) = (dir.path().join("one"), dir.path().join("other"));
    let sweep = "sweep town --set publish_s=3 --set drain_s=20 --grid city.peers=6,8 --seeds 1..=2";
    assert_eq!(text(&msec_sim(&format!("{sweep} -o {} --count", one.display())).stdout), "4\n");
    for job in 0..4 {
        assert!(msec_sim(&format!("{sweep} -o {} --job {job}", one.display())).status.success());
    }
    let table = msec_sim(&format!("{sweep} -o {}", one.display()));
    assert!(
        text(&table.stdout).contains("town city.peers=8 drain_s=20 publish_s=3: 2 seeds, 2 of them good"),
        "{}",
        text(&table.stdout)
    );
    let slower = format!("{sweep} --set plain.latency_ms=200 -o {}", other.display());
    assert!(msec_sim(&slower).status.success());
    let nothing = msec_sim(&format!("compare {} {}", one.display(), one.display()));
    assert!(
        nothing.status.success() && text(&nothing.stdout).starts_with("0 worse"),
        "{}",
        text(&nothing.stdout)
    );
    // The settings differ, so that nothing is compared unless they are the same.
    let apart = msec_sim(&format!("compare {} {}", one.display(), other.display()));
    assert!(text(&apart.stderr).contains("nothing in common"));
}

#[test]
fn a_replay_shows_what_one_peer_saw() {
    let output = msec_sim("replay town --set city.peers=8 --seed 3 --until 3 --trace sensors-1");
    let stdout = text(&output.stdout);
    for line in ["dialled 10.0.0.", "<- publish in ", "commit", "is on disk", "has 1 neighbours"] {
        assert!(stdout.contains(line), "{line}: {stdout}");
    }
    let later = msec_sim("replay town --set city.peers=8 --seed 3 --from 2 --until 3 --trace sensors-1");
    assert!(text(&later.stdout).len() < stdout.len());
}

#[test]
fn a_run_leaves_a_recording_that_becomes_a_page() {
    let dir = tempfile::tempdir().expect("a directory");
    let file = dir.path().join("run.json");
    let output =
        msec_sim(&format!("run helsinki --set city.peers=40 --set publish_s=40 --record {}", file.display()));
    assert!(output.status.success(), "{}{}", text(&output.stdout), text(&output.stderr));
    let output = msec_sim(&format!("report {} --csv {}", file.display(), dir.path().display()));
    assert!(output.status.success(), "{}", text(&output.stderr));
    let page = std::fs::read_to_string(dir.path().join("run.html")).expect("a page");
    assert!(page.contains("helsinki") && page.contains("OpenStreetMap"));
    let series = std::fs::read_to_string(dir.path().join("series.csv")).expect("a table");
    assert!(series.lines().count() > 5);
}

#[test]
fn a_swarm_says_how_far_it_came() {
    let output = msec_sim("swarm --count 1 --seconds 600");
    assert!(output.status.success(), "{}", text(&output.stdout));
    assert!(text(&output.stdout).contains("1 scenarios in"));
}

#[test]
fn bare_gossip_machines_get_everything() {
    let output = msec_sim("gossip --peers 100 --messages 2 --json");
    assert!(output.status.success(), "{}{}", text(&output.stdout), text(&output.stderr));
    let stdout = text(&output.stdout);
    let result: serde_json::Value =
        serde_json::from_str(stdout.lines().last().expect("a line")).expect("JSON");
    assert_eq!((&result["deliveries"], &result["missed"]), (&198.into(), &0.into()));
}
