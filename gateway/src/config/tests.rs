use proptest::prelude::*;

use super::raw::RawPage;
use super::*;

fn refused(text: &str) -> String {
    let fault = parse(text).expect_err(text);
    format!("gateway.toml{fault}")
}

/// The printed file with its examples in force: what a person makes of it.
fn with_examples() -> String {
    let example = |line: &str| match line.strip_prefix('#') {
        Some(rest) if rest.starts_with(|c: char| c.is_ascii_lowercase() || c == '[') => rest.to_owned(),
        _ => line.to_owned(),
    };
    DEFAULT_FILE.lines().map(example).collect::<Vec<_>>().join("\n")
}

#[test]
fn the_printed_file_is_the_defaults() {
    let raw: RawConfig = toml::from_str(DEFAULT_FILE).expect("TOML");
    assert_eq!(raw, RawConfig::default());
    let config = parse(DEFAULT_FILE).expect("settings");
    assert_eq!(config, parse("").expect("settings"));
    assert_eq!(config.mqtt.settings, mqtt::Settings::default());
    assert_eq!(config.page.zone, RawPage::default().zone);
}

#[test]
fn the_printed_file_shows_every_key_and_its_examples_work() {
    let text = with_examples();
    let layout = Layout::of(&text).expect("TOML");
    for (table, keys) in layout::tables() {
        assert!(!keys.is_empty(), "{table} has keys");
        for key in keys {
            assert!(layout.line(table, 0, key).is_some(), "`{key}` of [{table}] is printed");
        }
    }
    let settings = parse(&text).expect("settings").mqtt.settings;
    assert_eq!((settings.devices.len(), settings.rules.len()), (1, 1));
    assert_eq!(settings.devices[0].place, settings.rules[0].place);
    for line in text.lines() {
        assert!(line.len() <= 140, "{line}");
    }
}

#[test]
fn an_unknown_key_names_the_nearest_one_and_its_line() {
    assert_eq!(
        refused("[peer]\n\n[mqtt]\nlisen = \"127.0.0.1:1883\"\n"),
        "gateway.toml, line 4: unknown key `lisen` in [mqtt]: did you mean `listen`?"
    );
    assert_eq!(refused("[mqt]\n"), "gateway.toml, line 1: unknown key `mqt`: did you mean `mqtt`?");
    assert_eq!(
        refused("peer.datadir = \"x\"\n"),
        "gateway.toml, line 1: unknown key `datadir` in [peer]: did you mean `data_dir`?"
    );
    let rule = "[[mqtt.rule]]\ntopic = \"a\"\ncollection = \"b\"\nstream = \"c\"\n";
    assert_eq!(
        refused(&format!("{rule}{rule}Unit = \"dB\"\n")),
        "gateway.toml, line 9: unknown key `Unit` in [[mqtt.rule]]: did you mean `unit`?"
    );
    assert_eq!(
        refused("[[mqtt.device]]\nname = \"a\"\npassword = \"b\"\n"),
        "gateway.toml, line 3: unknown key `password` in [[mqtt.device]]: did you mean `name`?"
    );
}

#[test]
fn impossible_values_name_line_key_and_reason() {
    let hash = mqtt::TokenHash::of(b"x");
    let device = format!("[[mqtt.device]]\nname = \"a\"\ntoken = \"{hash}\"\n");
    let rule = "[[mqtt.rule]]\ntopic = \"a/+\"\ncollection = \"b\"\nstream = \"{1}\"\n";
    for (text, expected) in [
        (
            "[mqtt]\nconnections_max = 0".into(),
            ", line 2: `connections_max` in [mqtt]: 0 is not within 1 to 1024",
        ),
        (
            "[mqtt]\nin_flight_max = 5000".into(),
            ", line 2: `in_flight_max` in [mqtt]: 5000 is not within 1 to 1024",
        ),
        ("[mqtt]\npacket_bytes_max = -1".into(), ", line 2: `packet_bytes_max` in [mqtt]: invalid value"),
        ("[mqtt]\nenabled = 1".into(), ", line 2: `enabled` in [mqtt]: invalid type: integer"),
        (
            "[mqtt]\nkeep_alive_min_s = 9\nkeep_alive_max_s = 8".into(),
            ", line 2: `keep_alive_min_s` in [mqtt]: it must not be more",
        ),
        (
            "[page]\nlisten = \"here\"".into(),
            ", line 2: `listen` in [page]: `here` is not an address: write it as",
        ),
        (
            "[page]\nlisten = \"1.2.3.4:5\"\n[mqtt]\nlisten = \"1.2.3.4:5\"".into(),
            ", line 4: `listen` in [mqtt]: the page listens there",
        ),
        ("[page]\nzone = \"Mars\"".into(), ", line 2: `zone` in [page]: `Mars` is no time zone"),
        ("[peer]\ncontacts = [\"a:1\"]".into(), ", line 2: `contacts` in [peer]: `a:1` is not an address"),
        ("[peer]\ncontacts = [\"12@127.0.0.1:1\"]".into(), ", line 2: `contacts` in [peer]: "),
        ("[peer]\nadvertise = [\"a:1\"]".into(), ", line 2: `advertise` in [peer]: `a:1` is not an address"),
        (
            "[peer]\nadvertise = [\"0.0.0.0:4000\"]".into(),
            ", line 2: `advertise` in [peer]: nobody can be dialled at 0.0.0.0:4000",
        ),
        (format!("{device}place = [91, 0]"), ", line 4: `place` in [[mqtt.device]]: [91, 0] is not on Earth"),
        (
            format!("{device}place = [nan, 0]"),
            ", line 4: `place` in [[mqtt.device]]: [NaN, 0] is not on Earth",
        ),
        (format!("{device}{device}"), ", line 5: `name` in [[mqtt.device]]: there is a device `a` already"),
        (
            device.replace(&hash.to_string(), "secret"),
            ", line 3: `token` in [[mqtt.device]]: not the hash of a token: let `msec-gateway token",
        ),
        (device.replace("\"a\"", "\"a#\""), ", line 2: `name` in [[mqtt.device]]: not the name of a device"),
        (rule.replace("a/+", "a+"), ", line 2: `topic` in [[mqtt.rule]]: not a topic filter"),
        (
            rule.replace("\"b\"", "\"\""),
            ", line 3: `collection` in [[mqtt.rule]]: write the name of a collection",
        ),
        (rule.replace("{1}", "{2}"), ", line 4: `stream` in [[mqtt.rule]]: `{2}` names a wildcard"),
        (format!("{rule}unit = \"\""), ", line 5: `unit` in [[mqtt.rule]]: write a unit"),
        (format!("{rule}value = \"/\""), ", line 5: `value` in [[mqtt.rule]]: write a key"),
        ("[[mqtt.rule]]\ntopic = \"a\"".into(), ", line 1: missing field `collection`"),
        ("[mqtt\n".into(), ", line 1: not TOML: "),
        ("[page]\ntoken = \"\"\ntoken = \"x\"\n".into(), ", line 3: not TOML: `token` is there twice"),
        (device.repeat(DEVICES_MAX + 1), ", line 1: `device` in [mqtt]: 4097 are too many: at most 4096"),
    ] {
        let error = refused(&text);
        assert!(error.starts_with(&format!("gateway.toml{expected}")), "{error}\nexpected {expected}");
    }
}

#[test]
fn a_file_is_read_with_paths_beside_it() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("gateway.toml");
    assert!(load(&path).expect_err("missing").to_string().contains("config --print"));
    std::fs::write(&path, "[peer]\ndata_dir = \"here\"\n").expect("written");
    assert_eq!(load(&path).expect("settings").peer.data_dir, dir.path().join("here"));
    std::fs::write(&path, [0xff]).expect("written");
    assert!(load(&path).expect_err("refused").to_string().contains("UTF-8"));
    std::fs::write(&path, " ".repeat(FILE_BYTES_MAX as usize + 1)).expect("written");
    assert!(load(&path).expect_err("refused").to_string().contains("longer than"));
}

proptest! {
    #[test]
    fn arbitrary_text_never_panics(text in any::<String>()) {
        let _ = parse(&text);
    }

    #[test]
    fn a_damaged_file_never_panics(at in any::<prop::sample::Index>(), length in 0usize..30, with in ".{0,5}") {
        let mut text: Vec<char> = with_examples().chars().collect();
        let start = at.index(text.len());
        text.splice(start..(start + length).min(text.len()), with.chars());
        let _ = parse(&text.into_iter().collect::<String>());
    }

    #[test]
    fn any_tables_never_panic(lines in proptest::collection::vec(
        prop::sample::select(vec![
            "[mqtt]", "[peer]", "[page]", "[[mqtt.rule]]", "[[mqtt.device]]", "[mqtt.rule]", "mqtt.rule = 1", "mqtt = []",
            "listen = 1", "place = [1, 2, 3]", "place = [1]", "topic = \"+/#\"", "stream = \"{1}{2}\"", "collection = \"a\"",
            "name = \"\"", "device = [{ name = 1 }]", "a.b.c.d.e.f.g = 1", "[a.b.c.d.e.f]", "contacts = [[]]", "zone = \"\"",
        ]), 0..12)) {
        let _ = parse(&lines.join("\n"));
    }
}
