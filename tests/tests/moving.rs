//! What moves and what is doubtful: from a command or a device to whoever asks, with its place and its quality.
#![allow(clippy::disallowed_methods, reason = "tests watch real programs, in real time")]

use msec_tests::mqtt::{Client, Gateway};
use msec_tests::process::{Process, json, run};
use msec_tests::wait::block_until;
use serde_json::Value;
use tempfile::TempDir;

const MSEC: &str = env!("CARGO_BIN_EXE_msec-under-test");
const GATEWAY: &str = env!("CARGO_BIN_EXE_msec-gateway-under-test");
const BUS: &str = "fleet/air/bus-7";
/// The port of Santander, as a box.
const PORT: &str = "43.42,-3.85,43.47,-3.76";

/// A space with one peer in it, which does not run.
struct Home(TempDir);

impl Home {
    fn new() -> Self {
        let home = Self(tempfile::tempdir().expect("a directory"));
        home.msec(&["found", "harbour"]);
        home
    }

    fn path(&self) -> String {
        self.0.path().join("peer").to_str().expect("text").to_owned()
    }

    fn msec(&self, args: &[&str]) -> Vec<Value> {
        json(MSEC, args.iter().copied().chain(["--data-dir", &self.path(), "--json"]))
    }

    /// What it prints for people.
    fn lines(&self, args: &[&str]) -> String {
        let output = run(MSEC, args.iter().copied().chain(["--data-dir", &self.path()]));
        assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).expect("text")
    }
}

fn places(rows: &[Value]) -> Vec<Option<(f64, f64)>> {
    let degrees = |row: &Value| Some((row["place"][0].as_f64()?, row["place"][1].as_f64()?));
    rows.iter().map(degrees).collect()
}

#[test]
fn a_bus_is_found_where_it_was() {
    let home = Home::new();
    home.msec(&["publish", BUS, "21.5", "--unit", "Cel", "--at", "43.46,-3.79", "--quality", "uncertain"]);
    let mut lines = Process::start(MSEC, ["publish", BUS, "--at", "43.5,-3.9", "--data-dir", &home.path()]);
    for line in ["22 @43.43,-3.8 bad", "22 bad @43.43,-3.8", "2026-11-24T18:00:00Z 23"] {
        lines.say(line);
    }
    block_until("two lines are published", || lines.out.all().len() == 2);
    let wrong = lines.err.all().join("\n");
    assert!(wrong.contains("`22 @43.43,-3.8 bad` is not a reading") && wrong.contains("@LAT,LON"), "{wrong}");
    drop(lines);

    let found = home.msec(&["query", "--in", "fleet", "--within", PORT]);
    assert_eq!(places(&found), [Some((43.43, -3.8)), Some((43.46, -3.79))]);
    assert_eq!([&found[0]["quality"], &found[1]["quality"]], ["bad", "uncertain"]);
    let all = home.msec(&["query"]);
    assert_eq!(places(&all)[2], Some((43.5, -3.9)), "what no line says is as the flags say: {all:?}");
    assert_eq!((&all[2]["quality"], all.len()), (&"good".into(), 3));
    let near = home.msec(&["query", "--near", "43.46,-3.79,500", "--within", PORT]);
    assert_eq!(places(&near), [Some((43.46, -3.79))], "both must hold");
    assert!(home.msec(&["query", "--within", "43.0,-3.85,43.1,-3.76"]).is_empty());

    let shown = home.lines(&["query", "--within", PORT]);
    let ends = ["\t43.43,-3.8\tbad", "\t43.46,-3.79\tuncertain"];
    assert!(shown.lines().zip(ends).all(|(line, end)| line.contains(end)), "{shown}");
}

#[test]
fn a_stream_has_a_place_or_its_readings_have() {
    let home = Home::new();
    home.msec(&["publish", "parks/noise/mic-1", "48.5", "--place", "43.46,-3.79"]);
    let refused =
        run(MSEC, ["publish", "parks/noise/mic-1", "48", "--at", "43.4,-3.8", "--data-dir", &home.path()]);
    let error = String::from_utf8_lossy(&refused.stderr);
    assert!(!refused.status.success() && error.contains("was begun at a fixed place"), "{error}");
    home.msec(&["publish", "parks/noise/mic-1", "49"]);
    let found = home.msec(&["query", "--within", PORT]);
    assert_eq!(places(&found), [Some((43.46, -3.79)); 2], "nothing of what was refused is kept");
    let counted = |area| home.msec(&["query", "--every", "day", "--within", area]);
    let counts: Vec<_> = counted(PORT).iter().map(|row| row["count"].as_u64()).collect();
    assert_eq!(counts.into_iter().flatten().sum::<u64>(), 2, "midnight may lie between them");
    assert!(counted("43.0,-3.85,43.1,-3.76").is_empty());
    let both = run(MSEC, ["publish", BUS, "1", "--at", "1,1", "--place", "1,1", "--data-dir", &home.path()]);
    assert!(!both.status.success());
    for (flag, value) in [("--quality", "poor"), ("--within", "2,0,1,0"), ("--at", "91,0")] {
        let command: &[&str] = if flag == "--within" { &["query"] } else { &["publish", BUS, "1"] };
        let refused = run(MSEC, command.iter().copied().chain([flag, value, "--data-dir", &home.path()]));
        let error = String::from_utf8_lossy(&refused.stderr);
        assert!(!refused.status.success() && error.contains("write"), "{flag}: {error}");
    }
}

#[test]
fn a_device_says_where_it_is_and_how_good_its_value_is() {
    let rule = "[[mqtt.rule]]\ntopic = \"sensors/bus\"\ncollection = \"parks/air\"\nstream = \"bus\"\nunit = \"Cel\"\n\
                quality = \"q\"\nposition = [\"lat\", \"lon\"]\n";
    let mut gateway = Gateway::new(GATEWAY, "relay,read,write", rule);
    let address = gateway.start();
    let sent = [
        (r#"{"value": 21, "lat": 43.43, "lon": -3.8, "q": "bad"}"#, true),
        (r#"{"value": 22}"#, true),
        (r#"{"value": 23, "lat": 91, "lon": 0}"#, false),
        (r#"{"value": 24, "q": 3}"#, false),
    ];
    for (payload, is_taken) in sent {
        // Who sends what is refused is shown out.
        assert_eq!(Client::mic(address).publish(1, "sensors/bus", payload), is_taken, "{payload}");
    }
    let home = gateway.home();
    let home = home.to_str().expect("text");
    let rows = || json(MSEC, ["query", "--in", "parks/air", "--data-dir", home, "--json"]);
    block_until("both readings are held", || rows().len() == 2);
    let rows = rows();
    assert_eq!((rows[1]["value"].as_f64(), &rows[1]["quality"]), (Some(21.0), &"bad".into()));
    // Without a position, where the device stands.
    assert_eq!(places(&rows), [Some((43.4623, -3.81)), Some((43.43, -3.8))]);
    let log = gateway.log();
    assert!(log.contains("`lat` and `lon` are no place on Earth"), "{log}");
}
