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
    let output = msec_sim("run --nodes 8 --seconds 5 --seed 3 --json");
    assert!(output.status.success());
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
        "refused",
        "converged",
        "violations",
        "bytes",
        "messages",
    ] {
        assert!(result.get(field).is_some(), "{field} is missing in {last}");
    }
    assert_eq!(
        (&result["peers"], &result["missed"], &result["published"]),
        (&8.into(), &0.into(), &30.into())
    );
    assert_eq!(text(&output.stderr), "", "no progress line without a terminal");
}

#[test]
fn a_city_without_time_to_agree_fails() {
    let output = msec_sim("run --nodes 8 --seconds 5 --drain-s 0 --latency-ms 3000 --json");
    assert_eq!(output.status.code(), Some(1), "{}", text(&output.stdout));
}

#[test]
fn mistakes_are_answered_with_what_to_do() {
    for (args, answer) in [
        ("run --nodes 1", "--nodes 50"),
        ("run --seconds 1 --period-s 5", "at least as long as --period-s"),
        ("run --loss 2", "give it a value from 0 to 1"),
        ("run --period-s 0", "at least 0.001"),
        ("run --partition 100 --drain-s 1", "make --seconds or --drain-s longer"),
        ("run --nodes 5 --crash 6 --drain-s 100", "crash fewer"),
        ("run --nods 5", "--nodes"),
    ] {
        let output = msec_sim(args);
        assert_eq!(output.status.code(), Some(2), "{args}");
        let stderr = text(&output.stderr);
        assert!(stderr.contains(answer), "{args}: {stderr}");
    }
    assert!(text(&msec_sim("run --help").stdout).contains("Examples:"));
}
