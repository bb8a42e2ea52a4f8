use proptest::prelude::*;

use super::*;

const SMALL: &str = r#"
name = "small"
publish_s = 10

[city]
map = "grid"
peers = 10

[[population]]
name = "gateways"
role = "gateway"
share = 0.2

[[population]]
name = "sensors"
role = "sensor"
share = 0.8
publishes = { collection = "noise", every_s = 1 }
"#;

fn refusal(text: &str) -> String {
    Scenario::parse(text).expect_err("it is refused").to_string()
}

fn set(changes: &[&str]) -> Result<Scenario, ScenarioError> {
    let changes: Vec<Override> =
        changes.iter().map(|text| text.parse().expect("a path and a value")).collect();
    Scenario::parse_with(SMALL, &changes)
}

#[test]
fn all_that_come_with_the_program_can_be_run_and_written_again() {
    for it in built_ins() {
        let scenario = Scenario::parse(it.text).unwrap_or_else(|error| panic!("{}: {error}", it.name));
        assert_eq!(scenario.name, it.name);
        assert!(!scenario.description.is_empty(), "{} says what it is for", it.name);
        let again = Scenario::parse(&scenario.to_toml().expect("it can be written")).expect("and read");
        assert_eq!(again, scenario);
        assert_eq!(scenario.sizes().iter().sum::<usize>(), scenario.city.peers);
    }
    assert!(built_in("town").is_some() && built_in("atlantis").is_none());
}

#[test]
fn what_is_unknown_is_refused_with_its_line() {
    let unknown = refusal(&SMALL.replace("peers = 10", "peers = 10\npears = 3"));
    assert!(unknown.starts_with("line 8: ") && unknown.contains("unknown field `pears`"), "{unknown}");
    let unknown = refusal(&SMALL.replace("role = \"sensor\"", "role = \"sensor\"\nsite = \"moon\""));
    assert!(unknown.starts_with("line 1") && unknown.contains("moon"), "{unknown}");
    let unknown = refusal(&SMALL.replace("share = 0.8", "share = 0.8\ninterfaces = [\"pigeon\"]"));
    assert!(unknown.starts_with("line 18: ") && unknown.contains("no link class \"pigeon\""), "{unknown}");
}

#[test]
fn what_cannot_be_is_refused_with_its_line_and_the_reason() {
    for (from, to, line, reason) in [
        ("publish_s = 10", "publish_s = -1", 3, "no time in seconds"),
        ("publish_s = 10", "publish_s = 0", 3, "nothing would be published"),
        ("publish_s = 10", "publish_s = nan", 3, "no time in seconds"),
        ("share = 0.2", "share = 1.5", 12, "no share"),
        ("share = 0.2", "", 10, "either a share or a count"),
        ("share = 0.2", "share = 0.2\ncount = 2", 10, "either a share or a count"),
        ("peers = 10", "peers = 1", 7, "have 2 peers at least"),
        ("peers = 10", "peers = 99999999999", 7, "give it 1 to"),
        ("name = \"sensors\"", "name = \"gateways\"", 15, "two populations are called"),
        ("name = \"sensors\"", "name = \"a b\"", 15, "no name here"),
        ("every_s = 1 ", "every_s = 0 ", 18, "at least 0.001"),
        ("every_s = 1 ", "every_s = 1, readings = 0 ", 18, "an entry has 1 to"),
        ("role = \"sensor\"", "role = \"phone\"", 18, "may not write"),
        ("map = \"grid\"", "map = \"atlantis\"", 6, "atlantis"),
        ("role = \"gateway\"", "role = \"sensor\"", 11, "there are none"),
    ] {
        let text = SMALL.replacen(from, to, 1);
        assert_ne!(text, SMALL, "{from} stands there");
        let said = refusal(&text);
        assert!(said.starts_with(&format!("line {line}: ")) && said.contains(reason), "{to}: {said}");
    }
    assert!(refusal("").contains("missing field"));
    assert!(refusal(&"#".repeat(SCENARIO_BYTES_MAX + 1)).contains("at most"));
}

#[test]
fn one_number_scales_a_scenario() {
    for peers in [3, 10, 999, 12_345] {
        let scenario = set(&[&format!("city.peers={peers}")]).expect("it scales");
        let sizes = scenario.sizes();
        assert_eq!(sizes.iter().sum::<usize>(), peers);
        let exact = peers as f64 * 0.2;
        assert!((sizes[0] as f64 - exact).abs() <= 1.0, "{sizes:?}");
    }
    let counted = set(&["population.gateways.count=3", "population.gateways.share=0.1"]);
    assert!(counted.is_err(), "a share and a count");
}

#[test]
fn what_was_set_and_cannot_be_is_said_by_its_path() {
    let said = set(&["publish_s=0"]).expect_err("refused").to_string();
    assert!(said.starts_with("`publish_s`: nothing would be published"), "{said}");
    let said = set(&["city.pears=3"]).expect_err("refused").to_string();
    assert!(said.contains("unknown field `pears`") && said.contains("--print"), "{said}");
    let said = set(&["population.trams.share=1"]).expect_err("refused").to_string();
    assert!(said.contains("there are gateways, sensors"), "{said}");
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(text in "\\PC{0,200}") {
        let _ = Scenario::parse(&text);
    }

    #[test]
    fn no_damaged_scenario_makes_it_panic(at in 0..SMALL.len(), with in "\\PC{0,8}") {
        if SMALL.is_char_boundary(at) {
            let _ = Scenario::parse(&format!("{}{with}{}", &SMALL[..at], &SMALL[at..]));
            let _ = Scenario::parse(&SMALL[..at]);
        }
    }

    #[test]
    fn any_override_is_taken_or_refused(path in "[a-z0-9_.]{0,30}", value in "\\PC{0,12}") {
        if let Ok(change) = format!("{path}={value}").parse::<Override>() {
            let _ = Scenario::parse_with(SMALL, &[change]);
        }
    }
}
