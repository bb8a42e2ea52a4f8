//! A small town in which all is fixed, so that every run of a target is the same, and a seed fits again and again.

use std::sync::LazyLock;

use msec_crdt_store::{LogHeader, OwnLog, Reading, TimeQuality, VerifiedRun};
use msec_identity::handshake::{ChannelBinding, Introduction};
use msec_identity::{
    AddressRecord, Addresses, Authority, CollectionPath, Grant, Identity, Manifest, NoiseKey, Right, Rights,
    UnixMillis, Verified,
};

/// The town's time: 2026-01-01.
pub const NOW: UnixMillis = UnixMillis(1_767_225_600_000);
/// The TLS exporter of every connection in town.
pub const BINDING: ChannelBinding = ChannelBinding([5; 32]);
/// How many commits there are in [`runs`].
pub const COMMITS: usize = 4;
const DAY_MS: i64 = 24 * 3600 * 1000;

/// The key of the town's space.
pub fn root() -> Identity {
    Identity::from_seed([1; 32])
}

/// A peer that writes.
pub fn sensor() -> Identity {
    Identity::from_seed([2; 32])
}

/// A peer that reads and relays, and writes as well.
pub fn gateway() -> Identity {
    Identity::from_seed([3; 32])
}

/// The town's space.
pub fn manifest() -> Manifest {
    Manifest::new("town", vec![root().peer()], 1, [0; 16]).expect("a manifest with one root")
}

/// Where everything is measured.
pub fn noise() -> CollectionPath {
    "parks/noise".parse().expect("a path")
}

/// The root lets `holder` do so in the parks, for a month.
pub fn grant(holder: &Identity, rights: &[Right]) -> Verified<Grant> {
    root().sign(Grant {
        space: manifest().space(),
        issuer: root().peer(),
        holder: holder.peer().into(),
        resource: "parks".parse().expect("a path"),
        rights: Rights::of(rights.iter().copied()),
        not_before: NOW.saturating_add(-DAY_MS),
        not_after: NOW.saturating_add(30 * DAY_MS),
        depth: 0,
        parent: None,
        caveats: None,
    })
}

/// Where the gateway can be dialled, in its own word.
pub fn address() -> Verified<AddressRecord> {
    let at = ["10.0.0.3:4000", "[2001:db8::3]:4000"].map(|text| text.parse().expect("an address"));
    let addresses = Addresses::new(at.to_vec()).expect("two addresses of one host");
    let expires = NOW.saturating_add(DAY_MS);
    gateway().sign(AddressRecord { peer: gateway().peer(), addresses, issued: NOW, expires })
}

/// What the sensor shows.
pub fn sensor_papers() -> Vec<Verified<Grant>> {
    // Signed once: signatures would be most of what a target does.
    static PAPERS: LazyLock<Vec<Verified<Grant>>> = LazyLock::new(|| papers(&sensor()));
    PAPERS.clone()
}

/// What the gateway shows.
pub fn gateway_papers() -> Vec<Verified<Grant>> {
    static PAPERS: LazyLock<Vec<Verified<Grant>>> = LazyLock::new(|| papers(&gateway()));
    PAPERS.clone()
}

fn papers(holder: &Identity) -> Vec<Verified<Grant>> {
    vec![grant(holder, &[Right::Relay, Right::Read, Right::Write])]
}

/// What everybody in town knows of who may do what.
pub fn authority() -> Authority {
    Authority::new(manifest())
}

/// The secret of both Noise keys.
pub const NOISE_SECRET: [u8; 32] = [0x77; 32];

fn noise_key(identity: &Identity) -> NoiseKey {
    identity.endorse(NOISE_SECRET, NOW.saturating_add(30 * DAY_MS))
}

/// The key that the sensor links with.
pub fn sensor_key() -> NoiseKey {
    static KEY: LazyLock<NoiseKey> = LazyLock::new(|| noise_key(&sensor()));
    KEY.clone()
}

/// The key that the gateway links with.
pub fn gateway_key() -> NoiseKey {
    static KEY: LazyLock<NoiseKey> = LazyLock::new(|| noise_key(&gateway()));
    KEY.clone()
}

/// What the sensor says of itself when it links.
pub fn sensor_introduction(greeting: Vec<u8>) -> Introduction {
    Introduction {
        space: manifest().space(),
        records: sensor_papers().into_iter().map(Into::into).collect(),
        greeting,
    }
}

/// What the gateway says of itself when it links.
pub fn gateway_introduction(greeting: Vec<u8>) -> Introduction {
    Introduction {
        space: manifest().space(),
        records: gateway_papers().into_iter().map(Into::into).collect(),
        greeting,
    }
}

/// The header of the sensor's log of that stream.
pub fn header(stream: &str) -> LogHeader {
    LogHeader::new(manifest().space(), noise(), stream, sensor().peer(), [9; 16])
        .with_unit("dB")
        .with_grants(&sensor_papers())
}

/// What the sensor wrote to its stream `mic-1`, a run a commit: the header and the value 0, the value 1, and so on.
pub fn runs() -> &'static [VerifiedRun] {
    static RUNS: LazyLock<Vec<VerifiedRun>> = LazyLock::new(|| write("mic-1", COMMITS));
    &RUNS
}

/// What it wrote to another stream.
pub fn other_runs() -> &'static [VerifiedRun] {
    static RUNS: LazyLock<Vec<VerifiedRun>> = LazyLock::new(|| write("mic-2", 1));
    &RUNS
}

fn write(stream: &str, commits: usize) -> Vec<VerifiedRun> {
    let sensor = sensor();
    let mut log = OwnLog::create(header(stream));
    let commit = |n| {
        let now = NOW.saturating_add(n as i64 * 1_000);
        let reading = Reading::new(now, n as f64);
        log.append_readings(now, TimeQuality::Synchronised, [n as u8; 16], &[reading]).expect("room for one");
        log.sign(&sensor, now).expect("one waits")
    };
    (0..commits).map(commit).collect()
}
