use proptest::prelude::*;

use super::*;

fn city() -> Recording {
    fixture::city(80, 1)
}

fn json(recording: &Recording) -> Vec<u8> {
    serde_json::to_vec(recording).unwrap()
}

#[test]
fn what_is_written_is_read() {
    let path = std::env::temp_dir().join(format!("msec-recording-{}.json", std::process::id()));
    let mut recording = city();
    let bytes = recording.write(&path).unwrap();
    assert_eq!(recording, city(), "what is within bounds stays as it is");
    assert_eq!(bytes, std::fs::metadata(&path).unwrap().len());
    let read = Recording::read(&path);
    std::fs::remove_file(&path).unwrap();
    assert_eq!(read.unwrap(), recording);
}

#[test]
fn another_version_is_named() {
    let error = Recording::from_json(br#"{"version": 2, "all": "else"}"#).unwrap_err().to_string();
    assert!(error.contains("version 2") && error.contains("version 1"), "{error}");
}

#[test]
fn what_is_cut_short_is_told_from_what_is_none() {
    let whole = json(&city());
    for length in [1, 20, whole.len() / 2, whole.len() - 1] {
        let error = Recording::from_json(&whole[..length]).unwrap_err();
        assert!(matches!(error, RecordingError::Truncated), "{length}: {error}");
    }
    for none in [&b""[..], b"seed = 7", b"[]", b"{\"peers\": []}", b"\xff\xfe", br#"{"version": 1}"#] {
        let error = Recording::from_json(none).unwrap_err();
        assert!(matches!(error, RecordingError::NotARecording(_)), "{none:?}: {error}");
    }
    let missing = Recording::read(std::path::Path::new("no/such/recording.json")).unwrap_err();
    assert!(matches!(missing, RecordingError::Io(_)), "{missing}");
}

type Change = fn(&mut Recording);

#[test]
fn what_contradicts_itself_is_refused() {
    let cases: [(&str, Change); 12] = [
        ("negative size", |r| r.map.width_m = -1.0),
        ("a shore is nowhere", |r| r.map.water[0][0] = [1e20, 0.0]),
        ("peer 3 is in a district", |r| r.peers[3].district = 99),
        ("peer 2 is nowhere", |r| r.peers[2].at = [f32::MAX, 0.0]),
        ("peer 5 moves back", |r| r.peers[5].track = vec![(2.0, [0.0; 2]), (1.0, [0.0; 2])]),
        ("link 0 leads to no peer", |r| r.links[0].b = 100_000),
        ("link 1 ends before", |r| r.links[1].down_s = Some(-5.0)),
        ("message 0 comes from or to no peer", |r| r.spread[0].arrivals[0].0 = u32::MAX),
        ("message 1 comes before", |r| r.spread[1].arrivals[0].1 = -1.0),
        ("row 4 has not one value for each", |r| r.series[4].bytes_by_class.truncate(1)),
        ("series goes back", |r| r.series.swap(1, 2)),
        ("fault 0 ends before", |r| r.faults[0].until_s = 0.0),
    ];
    for (what, change) in cases {
        let mut recording = city();
        change(&mut recording);
        let error = Recording::from_json(&json(&recording)).unwrap_err().to_string();
        assert!(error.contains(what), "{what}: {error}");
    }
}

#[test]
fn what_is_no_number_is_not_written() {
    let mut recording = city();
    recording.classes[0].busiest_share = f64::NAN;
    let error = recording.write(&std::env::temp_dir().join("msec-never-written.json")).unwrap_err();
    assert!(matches!(error, RecordingError::Contradiction { .. }), "{error}");
}

#[test]
fn what_is_beyond_the_bounds_is_left_out_and_named() {
    let mut recording = city();
    let peers = recording.peers.len() as u32;
    recording.scenario = "ü".repeat(TEXT_BYTES_MAX);
    recording.links = (0..LINKS_MAX as u32 + 5)
        .map(|n| LinkRecord { a: n % peers, b: 0, up_s: f64::from(n % 977), ..LinkRecord::default() })
        .collect();
    let row = recording.series[0].clone();
    recording.series = (0..SERIES_MAX + 1).map(|n| SeriesRow { t_s: n as f64, ..row.clone() }).collect();
    recording.peers[0].track = (0..5_000).map(|n| (n as f32, [0.0; 2])).collect();
    recording.map.streets = vec![vec![[0.0; 2]; STREET_POINTS_MAX / 2]; 3];
    recording.spread = vec![recording.spread[0].clone(); SPREAD_MAX + 1];
    recording.bound();

    assert!(recording.scenario.len() <= TEXT_BYTES_MAX && recording.scenario.ends_with('…'));
    assert!(recording.links.len() == LINKS_MAX && recording.links.iter().all(|link| link.up_s <= 976.0));
    let (first, last) = (recording.series[0].t_s, recording.series.last().unwrap().t_s);
    assert!(recording.series.len() <= SERIES_MAX && (first, last) == (0.0, SERIES_MAX as f64));
    assert!(recording.peers[0].track.len() <= TRACK_MAX);
    assert_eq!((recording.map.streets.len(), recording.spread.len()), (2, SPREAD_MAX));
    let named: Vec<_> = recording.left_out.iter().map(|it| it.what.as_str()).collect();
    let expected =
        ["streets", "places of moving peers", "links", "messages that were followed", "rows of the series"];
    assert_eq!(named, expected);
    recording.check().unwrap();

    let bounded = recording.clone();
    recording.bound();
    assert_eq!(recording, bounded, "what is within bounds stays as it is");
}

#[test]
fn peers_beyond_the_bound_go_with_their_links_and_arrivals() {
    let mut recording = city();
    recording
        .peers
        .resize(RECORDED_PEERS_MAX + 1, PeerRecord { district: NO_DISTRICT, ..PeerRecord::default() });
    let beyond = RECORDED_PEERS_MAX as u32;
    recording.links.push(LinkRecord { a: 0, b: beyond, ..LinkRecord::default() });
    recording.spread[0].arrivals.push((beyond, 1.0));
    let before = recording.links.len();
    recording.bound();
    assert_eq!((recording.peers.len(), recording.links.len()), (RECORDED_PEERS_MAX, before - 1));
    recording.check().unwrap();
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn any_bytes_are_survived(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = Recording::from_json(&bytes);
    }
}

/// A small recording in which something was changed by hand.
fn changed() -> impl Strategy<Value = Vec<u8>> {
    let bytes = json(&fixture::city(60, 2));
    let edits = proptest::collection::vec((any::<prop::sample::Index>(), edit()), 1..4);
    edits.prop_map(move |edits| {
        let mut bytes = bytes.clone();
        for (at, edit) in edits {
            // One of the numbers or texts, so that most results are still JSON.
            let starts: Vec<_> = (1..bytes.len()).filter(|n| b":[,".contains(&bytes[n - 1])).collect();
            let from = starts[at.index(starts.len())];
            let length = bytes[from..].iter().take_while(|byte| !b",]}".contains(byte)).count();
            bytes.splice(from..from + length, edit.bytes());
        }
        bytes
    })
}

fn edit() -> impl Strategy<Value = String> {
    let number = any::<f64>().prop_map(|number| format!("{number:e}"));
    let whole = any::<i64>().prop_map(|number| number.to_string());
    let text = ".{0,8}".prop_map(|text| serde_json::to_string(&text).unwrap());
    let odd = prop::sample::select(vec!["null", "1e999", "-1", "[]", "{}", "4294967296", "true", ""]);
    prop_oneof![number, whole, text, odd.prop_map(String::from)]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn a_recording_changed_by_hand_is_refused_or_makes_a_page(bytes in changed()) {
        if let Ok(recording) = Recording::from_json(&bytes) {
            prop_assert!(recording.to_html().ends_with("</html>\n"));
        }
    }
}
