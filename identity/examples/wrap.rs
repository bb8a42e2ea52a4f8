//! How long it takes to wrap an epoch for many readers, as after a revocation.
//!
//! `cargo run --release -p msec-identity --example wrap`
#![expect(clippy::disallowed_methods, reason = "it measures time")]

use std::time::Instant;

use msec_identity::sealed::{EpochSecret, NamesSecret, Opened, Wrap};
use msec_identity::{Identity, SpaceId, UnixMillis};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;

const READERS: u32 = 1_000;
const ROUNDS: usize = 5;
const UNTIL: UnixMillis = UnixMillis(1_000);

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut rng = ChaCha20Rng::from_seed([1; 32]);
    let manager = Identity::from_seed([1; 32]);
    let secret = EpochSecret::draw(NamesSecret::draw(&mut rng), &mut rng);
    let signers = (SpaceId([0; 32]), manager.peer());
    let epoch = manager.sign(secret.record(signers, "homes/power".parse()?, None, UnixMillis(0)));
    let seed = |reader: u32| *blake3::hash(&reader.to_be_bytes()).as_bytes();
    let readers: Vec<_> = (0..READERS)
        .map(|reader| Identity::from_seed(seed(reader)).sealing_key(SpaceId([0; 32]), 0, UNTIL))
        .collect();

    let mut best_ms = f64::INFINITY;
    let mut wraps = Vec::new();
    for _ in 0..ROUNDS {
        let started = Instant::now();
        let wrap = |key: &msec_identity::sealed::SealingKey, rng: &mut ChaCha20Rng| {
            Wrap::for_reader(&secret, &epoch, key.endorsement(), Some(UNTIL), rng)
        };
        wraps = readers.iter().map(|key| wrap(key, &mut rng)).collect::<Result<Vec<_>, _>>()?;
        best_ms = best_ms.min(started.elapsed().as_secs_f64() * 1_000.0);
    }
    let bytes: usize = wraps.iter().map(|wrap| wrap.to_bytes().len()).sum();
    for (wrap, key) in wraps.iter().zip(&readers) {
        assert!(matches!(wrap.open(&epoch, key)?, Opened::Reader(_)), "each opens its own");
    }
    println!("{READERS} readers: {best_ms:.1} ms, {bytes} bytes (the best of {ROUNDS} rounds)");
    Ok(())
}
