//! Test vectors: `gossip/vectors`, read. A change of them is a change of the wire.

use crate::error::DecodeError;
use crate::item::{Key, Version};
use crate::name::Name;
use crate::recent::Id;
use crate::reconcile::message::{Fingerprint, Salt};
use crate::riblt::{CELL_BYTES, Cells, Element, Seed};
use crate::trees::dist::{Dist, TreeId};
use crate::trees::wire::{Way, sum};

/// A name in brackets, and its lines of bytes.
pub(crate) struct Vector {
    pub(crate) name: &'static str,
    pub(crate) lines: Vec<Vec<u8>>,
}

impl Vector {
    pub(crate) fn bytes(&self) -> Vec<u8> {
        self.lines.concat()
    }
}

/// Hex up to the first two spaces; what follows says what it is.
pub(crate) fn parse(text: &'static str) -> Vec<Vector> {
    let mut vectors: Vec<Vector> = Vec::new();
    for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        if let Some(name) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
            assert!(vectors.iter().all(|vector| vector.name != name), "two of the name {name}");
            vectors.push(Vector { name, lines: Vec::new() });
        } else {
            let (hex, words) = line.split_once("  ").unwrap_or_else(|| panic!("no words: {line}"));
            assert!(!words.is_empty(), "no words: {line}");
            let digits: Vec<u32> = hex
                .chars()
                .filter(|c| *c != ' ')
                .map(|c| c.to_digit(16).unwrap_or_else(|| panic!("no hex: {line}")))
                .collect();
            assert!(digits.len().is_multiple_of(2), "half a byte: {line}");
            let bytes = digits.chunks(2).map(|pair| (pair[0] << 4 | pair[1]) as u8).collect();
            vectors.last_mut().expect("a name comes first").lines.push(bytes);
        }
    }
    vectors
}

const REFUSED: &str = "refused: ";

/// Goes through `text`: each vector is that of what is `said` under its name, or is refused for what `refusal` makes of the
/// rest of its name. `check` compares. Nothing that is said may lack a vector.
pub(crate) fn go_through<T: std::fmt::Debug>(
    text: &'static str,
    mut said: Vec<(&'static str, T)>,
    refusal: impl Fn(&str) -> DecodeError,
    check: impl Fn(&str, &[u8], Result<T, DecodeError>),
) {
    for vector in parse(text) {
        let (name, bytes) = (vector.name, vector.bytes());
        let expected = match name.strip_prefix(REFUSED) {
            Some(why) => Err(refusal(why)),
            None => {
                let at = said.iter().position(|(said, _)| *said == name);
                Ok(said.remove(at.unwrap_or_else(|| panic!("[{name}] is not said"))).1)
            }
        };
        check(name, &bytes, expected);
    }
    assert!(said.is_empty(), "without a vector: {said:?}");
}

/// The bytes of all vectors that are taken.
pub(crate) fn taken(text: &'static str) -> Vec<Vec<u8>> {
    parse(text).iter().filter(|vector| !vector.name.starts_with(REFUSED)).map(Vector::bytes).collect()
}

/// A value that peers make alike: what it is made of, and it.
pub(crate) fn value(name: &str) -> (Vec<Vec<u8>>, Vec<u8>) {
    let vectors = parse(include_str!("../vectors/values.txt"));
    let vector = vectors.into_iter().find(|vector| vector.name == name);
    let mut lines = vector.unwrap_or_else(|| panic!("no vector {name}")).lines;
    let made = lines.pop().expect("a vector has lines");
    (lines, made)
}

pub(crate) fn key(bytes: &[u8]) -> Key {
    Key(bytes.try_into().expect("32 bytes"))
}

pub(crate) fn version(size: &[u8], digest: &[u8]) -> Version {
    let size = u64::from_le_bytes(size.try_into().expect("8 bytes"));
    Version { size, digest: digest.try_into().expect("32 bytes") }
}

#[test]
fn names_are_these() {
    let (of, id) = value("id of a push");
    assert_eq!(Id::of(&key(&of[0]), version(&of[1], &[0; 32]).size).0[..], id);
    let (of, tree) = value("tree of a root");
    let root = msec_identity::PeerId(of[0][..].try_into().unwrap());
    assert_eq!(<[u8; 4]>::from(TreeId::of(&root))[..], tree);
    let (of, name) = value("name of a key");
    assert_eq!(Name::of(&key(&of[0])).to_bytes()[..], name);
}

#[test]
fn the_sum_of_a_vector_is_this() {
    let (of, made) = value("sum of a vector");
    let ways = of.iter().map(|step| {
        let way = u16::from_be_bytes([step[4], step[5]]);
        (TreeId(u32::from_be_bytes(step[..4].try_into().unwrap())), Way::new(Dist(way >> 1), way & 1 == 1))
    });
    assert_eq!(sum(ways)[..], made);
}

#[test]
fn fingerprints_are_these() {
    for name in ["fingerprint", "fingerprint of nothing"] {
        let (of, made) = value(name);
        let sum = crate::frontier::Sum { hash: of[0][..].try_into().unwrap(), count: 1 };
        let fingerprint = Fingerprint::of(Salt(of[1][..].try_into().unwrap()), &sum);
        assert_eq!(postcard::to_allocvec(&fingerprint).unwrap(), made, "{name}");
    }
}

#[test]
fn cells_are_these() {
    let vectors = parse(include_str!("../vectors/values.txt"));
    let lines = &vectors.iter().find(|vector| vector.name == "cells of three elements").unwrap().lines;
    let (elements, made) = lines[1..].split_at(3);
    let seed = Seed::new(u64::from_le_bytes(lines[0][..].try_into().unwrap()));
    let mut cells = Cells::new(made.len());
    for element in elements {
        let mut bytes = [0; 16];
        bytes[..9].copy_from_slice(element);
        cells.add(&seed, Element(u128::from_le_bytes(bytes)));
    }
    assert_eq!(cells.to_bytes(0..made.len()), made.concat());
    // And back: an empty set lacks all three.
    let mut theirs = Cells::default();
    theirs.extend(&made.concat());
    assert_eq!(theirs.len() * CELL_BYTES, made.concat().len());
    let found = theirs.minus(&Cells::new(made.len())).peel(&seed).expect("as many cells as it takes");
    let mut back: Vec<_> = found.theirs.iter().map(|element| element.0.to_le_bytes()[..9].to_vec()).collect();
    back.sort();
    assert_eq!((back, found.ours), (elements.to_vec(), Vec::new()));
}
