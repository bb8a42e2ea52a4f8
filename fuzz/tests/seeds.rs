//! The seeds: valid samples, from which a fuzzer starts. They are made here, all bytes of them fixed, and committed.
//!
//! `MSEC_SEEDS=write cargo test -p msec-fuzz --test seeds` writes them anew, after a format has changed. Without it the test
//! says which are not what the code would write.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use msec_crdt_store::{
    Body, CompactRange, Entry, EntryKind, Reading, Recompute, Resolution, TimeQuality, ValueQuality,
    VerifiedRun, encode_readings,
};
use msec_fuzz::script::{STEPS_MAX, Script};
use msec_fuzz::targets::TARGETS;
use msec_fuzz::{disk, document, gossip, node, noise, overlay, pairing, sealed, town, vectors, walk_up};
use msec_identity::backup::{split, to_words};
use msec_identity::{Beat, Class, Classified, Cut, Cuts, LogId, Question, Right, UnixMillis};
use msec_peer::Membership;
use msec_peer::cli::Picture;

/// By `target/name`.
type Seeds = BTreeMap<String, Vec<u8>>;

fn add(seeds: &mut Seeds, target: &str, name: &str, bytes: Vec<u8>) {
    let before = seeds.insert(format!("{target}/{name}"), bytes);
    assert_eq!(before, None, "two seeds of one name");
}

fn cbor(value: impl minicbor::Encode<()>) -> Vec<u8> {
    minicbor::to_vec(value).expect("writing to a Vec cannot fail")
}

fn records(seeds: &mut Seeds) {
    let sensor = town::sensor();
    add(seeds, "grant", "write", town::grant(&sensor, &[Right::Write]).to_bytes());
    let key = town::sensor_key();
    add(seeds, "endorsement", "sensor", key.endorsement().to_bytes());
    add(seeds, "address", "gateway", town::address().to_bytes());
    add(seeds, "head", "sensor", town::runs()[1].state().head().to_bytes());
    add(seeds, "manifest", "town", town::manifest().to_bytes());
    add(
        seeds,
        "invitation",
        "gateway",
        Membership::new(&town::manifest(), town::gateway_papers()).to_bytes(),
    );
}

fn handshakes(seeds: &mut Seeds) {
    let [first, second, third] = noise::honest_messages();
    for (which, name, bytes) in [
        (0, "first", first),
        (1, "second", second),
        (2, "third", third),
        (3, "claim", noise::honest_claim()),
        (4, "answer", noise::honest_answer()),
    ] {
        add(seeds, "handshake", name, [&[which], &bytes[..]].concat());
    }
    // "No valid grant": the variant 1, which holds the index 0.
    add(seeds, "handshake", "refusal", vec![4, 0x82, 0x01, 0x81, 0x00]);
}

fn pairings(seeds: &mut Seeds) {
    add(seeds, "code", "invite", pairing::invite().to_string().into_bytes());
    add(seeds, "code", "walk-up", pairing::open_invite(false).code().into_bytes());
    add(seeds, "code", "walk-up-anywhere", pairing::open_invite(true).code().into_bytes());
    let typed = pairing::invite().to_string().to_lowercase().replace('0', "o").replace("48", "4 8-");
    add(seeds, "code", "typed", typed.into_bytes());
    let [first, second, third] = pairing::honest_messages();
    for (which, name, bytes) in [
        (0, "first", first),
        (1, "second", second),
        (1, "refused", vec![0x70, 0, 4, 0, 60]),
        (2, "third", third),
        (3, "papers", pairing::honest_papers()),
        (4, "approved", vec![0x82, 0, 0x81, 0x41, 1]),
        // "The owner declined": the variant 1, which holds the variant 6, which holds nothing.
        (4, "declined", vec![0x82, 1, 0x81, 0x82, 6, 0x80]),
    ] {
        add(seeds, "pairing", name, [&[which], &bytes[..]].concat());
    }
    let [first, second, papers] = walk_up::honest();
    for (which, name, bytes) in [
        (0, "first", first),
        (1, "second", second),
        (1, "refused", vec![0x70, 0, 7, 0, 0]),
        (2, "papers", papers),
        (3, "refused-inside", vec![0x82, 1, 0x81, 0x82, 7, 0x80]),
    ] {
        add(seeds, "walk_up", name, [&[which], &bytes[..]].concat());
    }
    let picture = Picture::of("MSEC:248H").expect("a short code");
    add(seeds, "picture", "png", picture.png());
    add(seeds, "picture", "svg", picture.svg().into_bytes());
}

fn secrets(seeds: &mut Seeds) {
    let ours = sealed::collection();
    for (which, name, bytes) in [
        (0, "body", ours.body.clone()),
        (1, "data-key", ours.data_key.clone()),
        (2, "wrap", ours.wrap.clone()),
        (3, "epoch", ours.epoch.to_bytes()),
        (4, "key", ours.reader.endorsement().to_bytes()),
        (5, "wraps", ours.wraps.clone()),
    ] {
        add(seeds, "sealed", name, [&[which], &bytes[..]].concat());
    }
    let words = to_words(&town::sensor());
    add(seeds, "share", "whole", [&[0], words.as_bytes()].concat());
    let shares = split(&town::sensor(), 2, 3, &mut pairing::rng(1)).expect("two of three");
    add(seeds, "share", "share", [&[1], shares[2].to_words().as_bytes()].concat());
}

fn freshness(seeds: &mut Seeds) {
    for (n, message) in vectors::freshness().into_iter().enumerate() {
        add(seeds, "freshness", &format!("message-{n}"), [&[0], &message[..]].concat());
    }
    let root = town::root();
    let (space, issuer) = (town::manifest().space(), root.peer());
    let logs = Cuts::new([Cut { log: LogId([8; 32]), size: 5, root: [9; 32] }]).expect("a log");
    let beat = Beat { space, issuer, of: Question([7; 32]), logs, at: UnixMillis(0) };
    add(seeds, "freshness", "beat", [&[1], &root.sign(beat).to_bytes()[..]].concat());
    let collection = "parks".parse().expect("a path");
    let said = Classified { space, issuer, collection, class: Class::Personal, number: 1 };
    add(seeds, "freshness", "class", [&[2], &root.sign(said).to_bytes()[..]].concat());
}

fn logs(seeds: &mut Seeds) {
    let runs = town::runs();
    add(seeds, "header", "mic-1", cbor(town::header("mic-1")));
    let place = msec_crdt_store::Place::from_degrees(43.46, -3.79);
    add(seeds, "header", "place", cbor(town::header("mic-1").with_place(place)));
    add(seeds, "run", "first", runs[0].to_bytes());
    add(seeds, "run", "second", runs[1].to_bytes());
    add(seeds, "run", "chunk", disk::serve(runs[0].state().size()).expect("there is more"));
    let beginning = disk::serve_what_stands_for_the_beginning();
    add(seeds, "run", "beginning", beginning.expect("some was let go"));
    let entries: Vec<&Entry> = runs[1..].iter().flat_map(VerifiedRun::entries).collect();
    add(seeds, "entries", "readings", cbor(&entries));

    let reading = |n: i64, value, quality| Reading { quality, ..Reading::new(UnixMillis(1_000 * n), value) };
    let same = [reading(0, 48.5, ValueQuality::Good), reading(1, -3.0, ValueQuality::Good)];
    add(seeds, "readings", "one-quality", encode_readings(&same).expect("two readings"));
    let mixed = [reading(0, 0.1, ValueQuality::Good), reading(1, f64::INFINITY, ValueQuality::Bad)];
    add(seeds, "readings", "each-its-quality", encode_readings(&mixed).expect("two readings"));
    let moving = mixed.map(|it| place.map_or(it, |place| it.at(place)));
    add(seeds, "readings", "moving", encode_readings(&[&same[..], &moving].concat()).expect("four readings"));
    let counts: Vec<_> =
        (0..60).map(|n| reading(3_600 * n, f64::from(n as i32 % 7), ValueQuality::Good)).collect();
    add(seeds, "readings", "counts", encode_readings(&counts).expect("sixty readings"));
    let widened: Vec<_> =
        (1..9i16).map(|n| reading(1, f64::from(1.0 / f32::from(n)), ValueQuality::Good)).collect();
    add(seeds, "readings", "singles", encode_readings(&widened).expect("eight readings"));
}

fn claims(seeds: &mut Seeds) {
    let claim = |resolution, every_ms: i64, values: &[f64]| {
        let start = UnixMillis(1_700_000_000_000);
        let readings: Vec<_> = (0..)
            .zip(values)
            .map(|(n, value)| Reading::new(start.saturating_add(n * every_ms), *value))
            .collect();
        let body = Body::Kept { salt: [1; 16], bytes: encode_readings(&readings).expect("readings") };
        let (kind, quality) = (EntryKind::Readings, TimeQuality::Synchronised);
        let mut it = Recompute::begin(LogId([5; 32]), resolution, CompactRange::empty(0));
        it.push(&Entry { kind, time: start, quality, body }).expect("few buckets");
        it.finish().expect("a claim").as_claim().to_bytes()
    };
    let counts: Vec<_> = (0..48).map(|n| f64::from(n % 7)).collect();
    add(seeds, "claim", "hours", claim(Resolution::Hour, 3_600_000, &counts));
    add(seeds, "claim", "days", claim(Resolution::Day, 3_600_000, &counts));
    let computed: Vec<_> = (1..40).map(|n| 1.0 / f64::from(n)).collect();
    add(seeds, "claim", "sums", claim(Resolution::Minute, 20_000, &computed));
    add(seeds, "claim", "many-words", claim(Resolution::Minute, 20_000, &[1e300, 1.0, 1e-300]));
}

fn stores(seeds: &mut Seeds) {
    use disk::act::{BYTES, COMMIT, CUT, FLIP, PAYLOAD};
    let written = |script: Script, n: u8| script.step(COMMIT, 0x80 | n, &[]);
    let whole = (0..town::COMMITS as u8).fold(Script::default(), written);
    let payload = [&[0], &disk::commits()[0][..]].concat();
    for (name, script) in [
        ("whole", whole.clone()),
        ("torn", whole.clone().step(CUT, 30, &[])),
        ("flipped", whole.clone().step(FLIP, 40, &[1])),
        ("garbage", whole.clone().step(BYTES, 0, b"garbage behind a whole store")),
        ("received", Script::default().step(PAYLOAD, 0, &payload).step(COMMIT, 1, &[])),
        ("cut-before", Script::default().step(COMMIT, 0, &[]).step(PAYLOAD, 0, &[2])),
    ] {
        add(seeds, "store", name, script.into_bytes());
    }
}

fn machines(seeds: &mut Seeds) {
    let talk = gossip::honest_talk();
    // The second byte says what kind of message it is, the third which step of reconciliation.
    let kind = |message: &[u8]| (message[1], if message[1] == 1 { message[2] } else { 0 });
    // A push, a root, changes, a want, a chunk and ways in trees.
    let said = [(0, 0), (1, 0), (1, 2), (4, 0), (5, 0), (7, 0)];
    let kinds: BTreeMap<(u8, u8), &Vec<u8>> = talk.iter().map(|message| (kind(message), message)).collect();
    assert_eq!(kinds.keys().copied().collect::<Vec<_>>(), said, "kinds of messages are said");
    add(seeds, "gossip", "one-of-each", gossip::script_of(kinds.into_values()));
    add(seeds, "gossip", "talk", gossip::script_of(talk.iter().take(16)));

    // A script ends after so many steps, so there are several.
    for (n, part) in vectors::gossip().chunks(STEPS_MAX / 2).enumerate() {
        add(seeds, "gossip", &format!("vectors-{n}"), gossip::script_of(part));
    }
    for (n, part) in vectors::overlay().chunks(STEPS_MAX / 7).enumerate() {
        add(seeds, "overlay", &format!("vectors-{n}"), overlay::script_of(part));
    }
    add(seeds, "overlay", "leaf", overlay::leaf());

    add(seeds, "document", "thing", document::honest_talk());
    // Found: whoever foretells an edit is judged with it.
    add(seeds, "document", "foretelling", document::foretelling());

    for (name, script) in node::honest_scripts() {
        add(seeds, "node", name, script);
    }
}

fn texts(seeds: &mut Seeds) {
    for (name, line) in [
        ("status", r#""status""#),
        (
            "publish",
            r#"{"publish":{"stream":{"collection":"parks/noise","stream":"mic-1","unit":"dB","place":[43.46,-3.79]},"readings":[{"time":17,"value":48.5}]}}"#,
        ),
        // Found: the last bit of this one was lost.
        (
            "last-bit",
            r#"{"publish":{"stream":{"collection":"a","stream":"b","unit":"1"},"readings":[{"value":4.950258335593078e+102}]}}"#,
        ),
        (
            "query",
            r#"{"query":{"collection":"parks","since":0,"near":{"latitude":43.46,"longitude":-3.79,"radius_m":500.0},"limit":20}}"#,
        ),
        ("roll-ups", r#"{"query":{"collection":"parks","since":0,"limit":20,"every":"hour"}}"#),
        (
            "within",
            r#"{"query":{"collection":"","within":{"south":43.42,"west":-3.85,"north":43.47,"east":-3.76},"limit":20}}"#,
        ),
        (
            "moving",
            r#"{"publish":{"stream":{"collection":"a","stream":"b"},"readings":[{"value":1,"quality":"bad","place":[43.46,-3.79]}]}}"#,
        ),
        ("tail", r#"{"tail":{"collection":"","stream":"mic-1"}}"#),
        ("missed", r#"{"missed":7}"#),
        ("error", r#"{"error":"no"}"#),
    ] {
        add(seeds, "control", name, line.into());
    }
    let contact = format!("{}@127.0.0.1:4000", town::sensor().peer());
    for (name, text) in [
        ("contact", &contact[..]),
        ("stream", "parks/noise/mic-1"),
        ("near", "43.46,-3.79,2km"),
        ("within", "43.42,-3.85,43.47,-3.76"),
        ("ago", "1d 12h"),
        ("date", "2026-11-24"),
        ("moment", "2026-11-24T18:00:00+01:00"),
        ("reading", "1767225600000 48.5"),
        ("remarks", "48.5 bad @43.46,-3.79"),
        ("rights", "relay,read,write"),
    ] {
        add(seeds, "values", name, text.into());
    }
}

fn gateways(seeds: &mut Seeds) {
    let connect: &[u8] = b"\x10\x1a\x00\x04MQTT\x04\xc2\x00\x0a\x00\x02id\x00\x03mic\x00\x05token";
    let publish: &[u8] = b"\x32\x0d\x00\x05a/mic\x00\x0748.5";
    let rest: &[u8] = b"\x82\x08\x00\x01\x00\x03a/+\x01\xc0\x00\xe0\x00";
    let session = [connect, publish, rest].concat();
    assert_eq!(msec_gateway::mqtt::count_packets(&session, session.len()), Some(5));
    add(seeds, "mqtt", "session", session);
    for (name, which, payload) in [
        ("number", 0, "48.5"),
        ("object", 0, r#"{"value":48.5,"time":"2026-01-01T00:00:00Z"}"#),
        ("moving", 1, r#"{"a":[{"b":21.5},43.46,-3.79],"q":"uncertain"}"#),
        ("pointer", 1, r#"{"a":[{"b":-1e3}],"t/1":1767225600000}"#),
    ] {
        add(seeds, "payload", name, [&[which], payload.as_bytes()].concat());
    }
    add(
        seeds,
        "rule",
        "wildcards",
        b"sensors/+/noise/#\n{device}-{1}-{2}\nmic-1\nsensors/pier/noise/a/b".to_vec(),
    );
    // With the examples of a device and of a rule, which stand there as comments.
    let defaults = msec_gateway::config::DEFAULT_FILE.lines().filter(|line| !line.starts_with("# "));
    let whole: Vec<_> = defaults.map(|line| line.trim_start_matches('#')).collect();
    let whole = whole.join("\n");
    msec_gateway::config::parse(&whole).expect("the defaults and their examples work");
    add(seeds, "gateway_config", "whole", whole.into_bytes());
}

#[test]
fn the_committed_seeds_are_what_the_code_writes() {
    let mut seeds = Seeds::new();
    for make in
        [records, handshakes, pairings, secrets, freshness, logs, claims, stores, machines, texts, gateways]
    {
        make(&mut seeds);
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    if std::env::var_os("MSEC_SEEDS").is_some_and(|it| it == "write") {
        for (name, bytes) in &seeds {
            let path = root.join("seeds").join(name);
            fs::create_dir_all(path.parent().expect("a directory")).expect("made");
            fs::write(&path, bytes).expect("written");
        }
    }
    for (name, bytes) in &seeds {
        let committed = fs::read(root.join("seeds").join(name)).unwrap_or_default();
        assert!(committed == *bytes, "{name} is not what it should be: see the head of this file");
    }
    let mut targets: Vec<_> = seeds.keys().filter_map(|name| name.split('/').next()).collect();
    targets.dedup();
    assert_eq!(targets, TARGETS.map(|(name, _)| name), "every target has seeds");
}
