//! The simulator's program: a city in virtual time, the same one each time.

use msec_tests::process::run;
use serde_json::Value;

/// The program `msec-sim`.
const SIM: &str = env!("CARGO_BIN_EXE_msec-sim-under-test");

fn city(seed: &str) -> Value {
    let args = ["run", "town", "--set", "city.peers=12", "--set", "publish_s=5", "--seed", seed, "--json"];
    json_line(&args)
}

/// The last line of a run that ends well.
fn json_line(args: &[&str]) -> Value {
    let output = run(SIM, args);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).expect("text");
    serde_json::from_str(text.lines().last().expect("a last line")).expect("a JSON object")
}

#[test]
fn one_seed_is_one_course_of_events() {
    let (first, again, other) = (city("1"), city("1"), city("2"));
    assert_eq!(first["digest"], again["digest"]);
    assert_ne!(first["digest"], other["digest"]);
    assert!(first["published"].as_u64().is_some_and(|published| published > 0), "{first}");
    assert_eq!((&first["missed"], &first["converged"]), (&0.into(), &true.into()), "{first}");
}

#[test]
fn a_city_that_cannot_be_is_explained() {
    let refused = run(SIM, ["run", "town", "--set", "city.peers=1"]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(
        String::from_utf8_lossy(&refused.stderr)
            .contains("`city.peers`: its populations have 3 peers at least")
    );
}
