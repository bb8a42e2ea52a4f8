//! What the commitment is for: a ciphertext that ChaCha20Poly1305 opens under two keys, made as in Len, Grubbs and Ristenpart,
//! Partitioning Oracle Attacks (USENIX Security 2021), section 3: one block solves a linear equation of Poly1305.

use rand_chacha::ChaCha20Rng;
use rand_core::{Rng, SeedableRng};

use super::*;
use crate::id::EpochId;

/// A number below 2^130 - 5: how often 2^128 is in it, and the rest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Field(u8, u128);

const ZERO: Field = Field(0, 0);
const ONE: Field = Field(0, 1);
const PRIME: Field = Field(3, u128::MAX - 4);

impl Field {
    fn add(self, other: Self) -> Self {
        let (low, carry) = self.1.overflowing_add(other.1);
        let sum = Self(self.0 + other.0 + u8::from(carry), low);
        if sum >= PRIME { sum.minus(PRIME) } else { sum }
    }

    fn minus(self, other: Self) -> Self {
        let (low, borrow) = self.1.overflowing_sub(other.1);
        Self(self.0 - other.0 - u8::from(borrow), low)
    }

    fn negative(self) -> Self {
        if self == ZERO { ZERO } else { PRIME.minus(self) }
    }

    fn bits(self) -> impl Iterator<Item = bool> {
        let high = (0..2).rev().map(move |bit| self.0 >> bit & 1 == 1);
        high.chain((0..128).rev().map(move |bit| self.1 >> bit & 1 == 1))
    }

    fn times(self, other: Self) -> Self {
        other.bits().fold(ZERO, |sum, bit| {
            let twice = sum.add(sum);
            if bit { twice.add(self) } else { twice }
        })
    }

    fn power(self, exponent: Self) -> Self {
        exponent.bits().fold(ONE, |product, bit| {
            let square = product.times(product);
            if bit { square.times(self) } else { square }
        })
    }
}

/// The one-time key of Poly1305: the first block of ChaCha20 (RFC 8439, section 2.6), r clamped.
fn one_time_key(keys: &EntryKeys) -> (Field, u128) {
    let nonce = keys.nonce();
    let word = |at: usize| u32::from_le_bytes(*nonce[at..].first_chunk().expect("a word"));
    let mut rng = ChaCha20Rng::from_seed(*keys.0.first_chunk().expect("a key"));
    // That generator counts blocks in 64 bits, of which the nonce's first word is the upper half.
    rng.set_stream(u64::from(word(4)) | u64::from(word(8)) << 32);
    rng.set_word_pos(u128::from(word(0)) << 36);
    let mut block = [[0; 16]; 2];
    block.iter_mut().for_each(|half| rng.fill_bytes(half));
    let [r, s] = block.map(u128::from_le_bytes);
    (Field(0, r & 0x0fff_fffc_0fff_fffc_0fff_fffc_0fff_ffff), s)
}

/// The sum over what is authenticated: aad and ciphertext, each filled up to 16 bytes, and their lengths.
fn sum(r: Field, aad: &[u8], ciphertext: &[u8]) -> Field {
    let mut lengths = [0; 16];
    lengths[..8].copy_from_slice(&(aad.len() as u64).to_le_bytes());
    lengths[8..].copy_from_slice(&(ciphertext.len() as u64).to_le_bytes());
    let blocks = aad.chunks(16).chain(ciphertext.chunks(16)).chain([&lengths[..]]);
    blocks.fold(ZERO, |sum, block| {
        let mut filled = [0; 16];
        filled[..block.len()].copy_from_slice(block);
        sum.add(Field(1, u128::from_le_bytes(filled))).times(r)
    })
}

/// Three blocks and a tag that are right under both keys.
fn collision(one: &EntryKeys, other: &EntryKeys, aad: &[u8]) -> Vec<u8> {
    let [(r1, s1), (r2, s2)] = [one_time_key(one), one_time_key(other)];
    // The second block is multiplied thrice: then come a third and the lengths.
    let cube = |r: Field| r.times(r).times(r);
    let slope = cube(r1).add(cube(r2).negative());
    let inverse = slope.power(PRIME.minus(Field(0, 2)));
    assert_eq!(slope.times(inverse), ONE);
    for first in 0..1_000u128 {
        let mut ciphertext = [0; 48];
        ciphertext[..16].copy_from_slice(&first.to_le_bytes());
        let [tag1, tag2] = [(r1, s1), (r2, s2)].map(|(r, s)| sum(r, aad, &ciphertext).add(Field(0, s)));
        let Field(0, block) = tag2.add(tag1.negative()).times(inverse) else { continue };
        ciphertext[16..32].copy_from_slice(&block.to_le_bytes());
        let tags = [(r1, s1), (r2, s2)].map(|(r, s)| sum(r, aad, &ciphertext).1.wrapping_add(s));
        if tags[0] == tags[1] {
            return [&ciphertext[..], &tags[0].to_le_bytes()].concat();
        }
    }
    panic!("one in a few is a solution");
}

#[test]
fn a_ciphertext_that_two_keys_open_is_a_body_of_one_of_them_only() {
    let key = |byte| DataKey {
        epoch: EpochId([1; 32]),
        log: LogId([2; 32]),
        day: super::super::Day(3),
        key: Zeroizing::new([byte; 32]),
    };
    let keys = [key(4), key(5)];
    let place = BodyPlace { log: LogId([2; 32]), position: 6, salt: [7; 16] };
    let bound = bound(&keys[0], 3, &place);
    let derived = keys.each_ref().map(|key| EntryKeys::derive(key, &bound));
    let ciphertext = collision(&derived[0], &derived[1], &bound);
    for keys in &derived {
        let payload = Payload { msg: ciphertext.as_slice(), aad: &bound };
        assert!(keys.cipher().decrypt(&keys.nonce().into(), payload).is_ok(), "the cipher alone takes both");
    }
    for (mine, other) in [(0, 1), (1, 0)] {
        let commitment = *derived[mine].commitment();
        let body = SealedBody { key: 3, commitment, ciphertext: ciphertext.clone() };
        assert_eq!(body.open(&keys[other], &place).expect_err("another key"), OpenError::WrongKey);
        assert_ne!(body.open(&keys[mine], &place).map(drop), Err(OpenError::WrongKey));
    }
}
