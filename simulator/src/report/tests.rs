use super::*;
use crate::recording::fixture;

/// Names that would be markup, if they were not escaped.
const HOSTILE: &str = "</script><img src=x onerror=alert(1)>\"'&{{data}}";

#[test]
fn a_page_stands_alone() {
    let page = fixture::city(80, 1).to_html();
    assert!(page.starts_with("<!doctype html>") && page.ends_with("</html>\n"));
    // The name of SVG is none that anybody fetches.
    let page = page.replace("\"http://www.w3.org/2000/svg\"", "");
    for outside in ["http:", "https:", "src=", "href=", "@import", "url("] {
        let found = page.find(outside).map(|at| &page[at.saturating_sub(60)..at + 20]);
        assert_eq!(found, None, "{outside}");
    }
    assert!(!page.contains("{{"), "every place is filled");
}

#[test]
fn numbers_are_there_without_the_script() {
    let recording = fixture::city(80, 1);
    let page = recording.to_html();
    let body = &page[page.find("<body>").unwrap()..page.find("<script").unwrap()];
    let expected = [
        "Everything arrived, and all peers agree.",
        "<dt>Arrived</dt><dd><strong>100 %</strong>",
        "<dt>What was broken</dt><dd><strong>4 faults</strong>",
        "power cut in Puerto",
        "38.9 s",
        "not before the next look",
        "peer 7 (parking), by peer 0 (gateways), cut at what its issuer held",
        "2 peers, 1.20 s",
        "6.0 % more than the model",
        "93.0 %",
        "<td>once faults are over</td>",
        "msec-sim run santander-made-up.toml --seed 1 --record santander-made-up.json",
        "Made up for tests",
        "every_s = 60",
    ];
    expected.iter().for_each(|text| assert!(body.contains(text), "{text}"));
}

#[test]
fn names_are_never_markup() {
    let mut recording = fixture::city(60, 1);
    HOSTILE.clone_into(&mut recording.scenario);
    HOSTILE.clone_into(&mut recording.description);
    HOSTILE.clone_into(&mut recording.toml);
    HOSTILE.clone_into(&mut recording.metrics.digest);
    HOSTILE.clone_into(&mut recording.map.name);
    HOSTILE.clone_into(&mut recording.map.districts[0].name);
    HOSTILE.clone_into(&mut recording.map.districts[1].kind);
    HOSTILE.clone_into(&mut recording.peers[0].population);
    HOSTILE.clone_into(&mut recording.peers[1].role);
    HOSTILE.clone_into(&mut recording.links[0].class);
    HOSTILE.clone_into(&mut recording.spread[0].stream);
    HOSTILE.clone_into(&mut recording.latency[0].readers);
    HOSTILE.clone_into(&mut recording.classes[0].name);
    HOSTILE.clone_into(&mut recording.faults[0].what);
    HOSTILE.clone_into(&mut recording.revocations[0].what);
    HOSTILE.clone_into(&mut recording.verdicts[0].checker);
    recording.map.attribution = Some(HOSTILE.into());
    recording.verdicts[0].first.push(HOSTILE.into());
    recording.verdicts[0].violations = 1;
    let left_out = crate::recording::LeftOut { what: HOSTILE.into(), kept: 1, of: 2 };
    recording.left_out.push(left_out);
    let page = recording.to_html();
    assert!(!page.contains("<img"));
    assert_eq!(page.matches("</script>").count(), 2, "ours");
    // A place in the template that stands in a name is text.
    assert_eq!(page.matches("id=\"data\"").count(), 1);
    assert!(page.contains("&lt;/script&gt;&lt;img src=x onerror=alert(1)&gt;&quot;&#39;&amp;{{data}}"));
    assert!(page.contains(r#"\u003c/script\u003e\u003cimg src=x onerror=alert(1)\u003e\"'\u0026{{data}}"#));
}

#[test]
fn the_policy_names_the_script_that_is_there() {
    let page = fixture::city(60, 1).to_html();
    let start = page.find("<script>").unwrap() + "<script>".len();
    let script = &page[start..start + page[start..].find("</script>").unwrap()];
    assert_eq!(script, SCRIPT);
    // What would make text into markup, or end the element.
    for never in ["innerHTML", "outerHTML", "insertAdjacent", "document.write", "eval(", "</", "<!--"] {
        assert!(!SCRIPT.contains(never), "{never}");
    }
    let hash = BASE64.encode(&Sha256::digest(script));
    assert!(page.contains(&format!("script-src &#39;sha256-{hash}&#39;;")));
}

#[test]
fn the_headline_says_what_is_wrong() {
    let title = |change: fn(&mut Recording)| {
        let mut recording = fixture::city(60, 1);
        change(&mut recording);
        let page = recording.to_html();
        let from = page.find("<h1").unwrap();
        page[from..from + page[from..].find("</h1>").unwrap()].to_owned()
    };
    let missed = |r: &mut Recording| r.metrics.missed = 1_234;
    assert!(
        title(missed).ends_with("bad\">1,234 deliveries did not arrive, though all peers agree in the end.")
    );
    let apart = |r: &mut Recording| r.metrics.converged = false;
    assert!(title(apart).ends_with("bad\">Everything arrived, but not all peers agree in the end."));
    let broken = |r: &mut Recording| {
        (r.metrics.violations, r.metrics.missed) = (2, 1);
        r.verdicts[2].violations = 2;
    };
    let expected = "What must always hold was broken: same state, and 1 delivery did not arrive.";
    assert!(title(broken).ends_with(expected), "{}", title(broken));
    let late = |r: &mut Recording| {
        r.metrics.violations = 1;
        r.verdicts[4].violations = 1;
    };
    assert!(title(late).ends_with("bad\">The city did not recover as it must: convergence."));
    let silent = |r: &mut Recording| r.metrics.published = 0;
    assert!(title(silent).ends_with("good\">Nothing was published, and all peers agree."));
}

#[test]
fn a_recording_of_nothing_makes_a_page() {
    let mut recording = fixture::city(60, 1);
    recording.map = crate::recording::MapRecord::default();
    recording.peers.clear();
    recording.links.clear();
    recording.spread.clear();
    recording.latency.clear();
    recording.series.clear();
    recording.classes.clear();
    recording.faults.clear();
    recording.revocations.clear();
    recording.verdicts.clear();
    recording.wires = None;
    (recording.metrics.peers, recording.metrics.simulated_s) = (0, 0.0);
    let page = recording.to_html();
    assert!(page.contains("Nothing went wrong in this run.") && !page.contains("NaN"));
    recording.tables().iter().for_each(|table| assert_eq!(table.rows(), 0, "{}", table.name));
}

/// Writes pages of made-up cities, to look at: `cargo test -p msec-simulator pages_to_look_at -- --ignored`, with a
/// directory in `MSEC_REPORT_DIR`.
#[test]
#[ignore = "for people"]
fn pages_to_look_at() {
    let dir =
        std::path::PathBuf::from(std::env::var("MSEC_REPORT_DIR").expect("say where to in MSEC_REPORT_DIR"));
    for (name, peers) in [("small", 300), ("large", 10_000)] {
        let mut recording = fixture::city(peers, 7);
        recording.write(&dir.join(name).with_extension("json")).unwrap();
        std::fs::write(dir.join(name).with_extension("html"), recording.to_html()).unwrap();
    }
}
