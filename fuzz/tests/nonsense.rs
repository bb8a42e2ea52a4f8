//! Each target is fed its seeds, damaged at random. It is a quick look with the compiler that all use; `.ci/fuzz` searches for what
//! reaches more code.

use std::fs;
use std::path::Path;
use std::thread;

use msec_fuzz::targets::{TARGETS, Target};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use proptest::test_runner::{Config, TestRunner};

/// What happens to a seed.
#[derive(Clone, Debug)]
enum Damage {
    /// A byte is another one.
    Set(Index, u8),
    /// A bit is another one.
    Flip(Index, u8),
    /// Some bytes come in between.
    Insert(Index, Vec<u8>),
    /// It ends here.
    Cut(Index),
    /// From the one to the other, all goes.
    Remove(Index, Index),
    /// From the one to the other, all is there twice.
    Repeat(Index, Index),
}

fn damage() -> impl Strategy<Value = Damage> {
    let at = any::<Index>;
    // Lengths, counts and variants are small or large, seldom in between.
    let byte = || prop_oneof![any::<u8>(), select(vec![0, 1, 0x7f, 0x80, 0xff])];
    prop_oneof![
        4 => (at(), byte()).prop_map(|(at, byte)| Damage::Set(at, byte)),
        4 => (at(), 0..8u8).prop_map(|(at, bit)| Damage::Flip(at, bit)),
        2 => (at(), vec(byte(), 1..9)).prop_map(|(at, bytes)| Damage::Insert(at, bytes)),
        1 => at().prop_map(Damage::Cut),
        1 => (at(), at()).prop_map(|(from, to)| Damage::Remove(from, to)),
        1 => (at(), at()).prop_map(|(from, to)| Damage::Repeat(from, to)),
    ]
}

impl Damage {
    fn apply(&self, bytes: &mut Vec<u8>) {
        let places = bytes.len() + 1;
        let place = |at: &Index| at.index(places);
        let stretch = |one, other| place(one).min(place(other))..place(one).max(place(other));
        match self {
            Self::Set(at, byte) => {
                if let Some(it) = bytes.get_mut(place(at)) {
                    *it = *byte;
                }
            }
            Self::Flip(at, bit) => {
                if let Some(it) = bytes.get_mut(place(at)) {
                    *it ^= 1 << bit;
                }
            }
            Self::Insert(at, more) => drop(bytes.splice(place(at)..place(at), more.iter().copied())),
            Self::Cut(at) => bytes.truncate(place(at)),
            Self::Remove(from, to) => drop(bytes.drain(stretch(from, to))),
            Self::Repeat(from, to) => bytes.extend_from_within(stretch(from, to)),
        }
    }
}

/// A seed of the target, whole or damaged; one time in eight it is noise.
fn input(name: &str) -> impl Strategy<Value = Vec<u8>> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("seeds").join(name);
    let mut seeds: Vec<_> = fs::read_dir(directory)
        .expect("every target has seeds")
        .map(|file| fs::read(file.expect("a file").path()).expect("it can be read"))
        .collect();
    seeds.sort();
    let damaged = (select(seeds), vec(damage(), 0..8)).prop_map(|(mut bytes, all)| {
        all.iter().for_each(|damage| damage.apply(&mut bytes));
        bytes
    });
    prop_oneof![7 => damaged, 1 => vec(any::<u8>(), 0..256)]
}

fn feed(name: &str, target: Target) {
    let cases = 4 * Config::default().cases;
    let mut runner = TestRunner::new(Config { cases, failure_persistence: None, ..Config::default() });
    let outcome = runner.run(&input(name), |bytes| {
        target(&bytes);
        Ok(())
    });
    if let Err(error) = outcome {
        panic!("{name}: {error}");
    }
}

#[test]
fn no_damaged_seed_breaks_a_target() {
    thread::scope(|scope| {
        for (name, target) in TARGETS {
            scope.spawn(move || feed(name, target));
        }
    });
}

#[test]
#[should_panic(expected = "grant: ")]
fn a_target_that_breaks_is_named() {
    feed("grant", |bytes| assert_ne!(bytes.last(), Some(&0x7f)));
}
