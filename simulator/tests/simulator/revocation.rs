//! Rights that end, in a city as a scenario says it.

use msec_simulator::{City, Options, Scenario};

/// Sixty peers with an issuer of each kind, a fault of each kind that matters, and a revocation of each kind of holder.
const CITY: &str = r#"
name = "revocation"
publish_s = 30
drain_s = 70
[city]
map = "grid"
peers = 60
[plain]
loss = 0.05
[[population]]
name = "registry"
role = "office"
count = 1
issues = "root"
[[population]]
name = "issuers"
role = "gateway"
count = 1
interest = "all"
issues = "manager"
[[population]]
name = "gateways"
role = "gateway"
share = 0.1
[[population]]
name = "sensors"
role = "sensor"
share = 0.7
publishes = { collection = "noise", every_s = 5 }
[[population]]
name = "contractors"
role = "sensor"
share = 0.1
granted_by = "issuers"
entered = false
publishes = { collection = "air", every_s = 5 }
[[population]]
name = "thief"
role = "sensor"
count = 1
hostile = { kind = "backdates" }
publishes = { collection = "air", every_s = 1 }
[[population]]
name = "phones"
role = "phone"
share = 0.1
[[fault]]
kind = "crash"
who = { population = "phones", count = 1 }
from_s = 8
until_s = 25
[[revoke]]
at_s = 10
who = { population = "sensors", count = 1 }
by = { population = "registry" }
[[revoke]]
at_s = 12
who = { population = "phones", count = 1 }
by = { population = "registry" }
[[revoke]]
at_s = 14
who = { population = "thief" }
by = { population = "registry" }
cut = "stale"
[[revoke]]
at_s = 16
who = { population = "contractors", count = 1 }
cut = "none"
restore_at_s = 22
[[revoke]]
at_s = 28
who = { population = "issuers" }
"#;

#[test]
fn a_city_learns_of_each_revocation_within_seconds() {
    let scenario = Scenario::parse(CITY).expect("a scenario");
    let report = City::new(scenario, Options::seed(1)).expect("a city").run(|_| {}).expect("it runs");
    assert_eq!(report.violations, []);
    let it = &report.metrics;
    assert!(it.missed == 0 && it.converged && it.revoked == 5, "{it:?}");
    // What the issue asks of a thousand.
    assert!(
        it.revoked_p99_s.is_some_and(|s| s <= 5.0) && it.revoked_all_s.is_some_and(|s| s <= 30.0),
        "{it:?}"
    );
    assert!(it.revoked_returned_s.is_some_and(|s| s < 20.0), "{it:?}");
    let revoked = report.verdicts.iter().find(|it| it.checker == "revocation").expect("a verdict");
    assert!(revoked.looked > 90);
    assert!(report.recording.revocations.iter().all(|it| it.known_after_s.len() >= 50));
}

#[test]
fn what_nobody_can_say_is_refused_with_the_reason() {
    let refusal = |from: &str, to: &str| {
        assert!(CITY.contains(from), "{from}");
        let scenario = Scenario::parse(&CITY.replacen(from, to, 1));
        let error = scenario.and_then(|it| City::new(it, Options::seed(1)).map(drop)).expect_err("refused");
        let why = std::error::Error::source(&error).map(ToString::to_string);
        format!("{error}: {}", why.unwrap_or_default())
    };
    for (from, to, reason) in [
        ("granted_by = \"issuers\"", "granted_by = \"gateways\"", "issues = \"manager\""),
        ("count = 1\nissues = \"root\"", "count = 2\nissues = \"root\"", "lies on one peer"),
        ("restore_at_s = 22", "restore_at_s = 12", "restored after it is revoked"),
        ("at_s = 28", "at_s = 99", "to agree after it"),
        ("cut = \"stale\"", "cut = \"yesterday\"", "yesterday"),
        ("by = { population = \"registry\" }", "by = { population = \"gateways\" }", "one issuer"),
    ] {
        let said = refusal(from, to);
        assert!(said.contains(reason), "{to}: {said}");
    }
}

/// What sensors write moves something, and what contractors write is personal.
const LEASES: &str = r#"
[leases]
classify = [{ collection = "noise", class = "actuation" }, { collection = "air", class = "personal", at_s = 2 }]
policy = ["actuation=15s"]
"#;

#[test]
fn who_comes_back_refuses_until_an_issuer_has_answered_and_nobody_serves_what_is_withheld() {
    let scenario = Scenario::parse(&format!("{CITY}{LEASES}")).expect("a scenario");
    let report = City::new(scenario, Options::seed(1)).expect("a city").run(|_| {}).expect("it runs");
    assert_eq!(report.violations, []);
    let it = &report.metrics;
    assert!(it.missed == 0 && it.converged, "{it:?}");
    // The phone that was down, at least.
    assert!(it.lease_refused >= 1 && it.lease_served_stale == 0, "{it:?}");
    // All who read ask every five seconds here.
    assert!(it.freshness_bytes > 0 && it.freshness_bytes < it.bytes / 5, "{it:?}");
}

#[test]
fn classes_that_nobody_can_give_are_refused_with_the_reason() {
    let refusal = |from: &str, to: &str| {
        let text = format!("{CITY}{LEASES}");
        assert!(text.contains(from), "{from}");
        Scenario::parse(&text.replacen(from, to, 1)).expect_err("refused").to_string()
    };
    for (from, to, reason) in [
        ("class = \"actuation\"", "class = \"secret\"", "public, personal or actuation"),
        ("{ collection = \"noise\", class", "{ collection = \"rain\", class", "nobody publishes in it"),
        ("actuation=15s", "actuation=5s", "between 15 s and a year"),
        ("at_s = 2 }]", "at_s = -2 }]", "from 0 on"),
    ] {
        let said = refusal(from, to);
        assert!(said.contains(reason), "{to}: {said}");
    }
}
