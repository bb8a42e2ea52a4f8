//! A seed under a passphrase, as a line of text.
//!
//! ```text
//! line  = "msec-key/2 argon2id m=" KiB " t=" passes " p=" lanes " " salt " " nonce " " sealed
//! key   = Argon2id (RFC 9106, version 1.3) of passphrase and salt, 32 bytes
//! sealed = ChaCha20Poly1305 (RFC 8439) under key and nonce, over the seed; aad = the line before it
//! ```
//!
//! Salt, nonce and what is sealed are hexadecimal: 16, 12 and 48 bytes. Salt and nonce are drawn anew each time.

use std::fmt;

use argon2::{Algorithm, Argon2, Params, Version};
use chacha20poly1305::aead::{Aead, Payload};
use chacha20poly1305::{ChaCha20Poly1305, KeyInit};
use data_encoding::HEXLOWER;
use rand_core::CryptoRng;
use zeroize::Zeroizing;

/// How such a line begins.
pub(super) const HEADER: &str = "msec-key/2 ";

const SALT_BYTES: usize = 16;
const NONCE_BYTES: usize = 12;
const SEALED_BYTES: usize = 48;

/// What a person knows. Zeroised when it is dropped.
#[derive(Clone)]
pub struct Passphrase(Zeroizing<String>);

impl Passphrase {
    /// This one. It counts byte by byte: the same letters typed as other code points are another.
    pub fn new(text: String) -> Self {
        Self(Zeroizing::new(text))
    }
}

impl fmt::Debug for Passphrase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Passphrase").finish_non_exhaustive()
    }
}

/// What a guess costs whoever found the file. It is stored beside the key, so that it can be raised later.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PassphraseCost {
    /// Memory, in KiB. Default: 65,536, from the second recommendation of RFC 9106, section 4, for machines with little of it.
    pub memory_kib: u32,
    /// Passes over it. Default: 3, from there.
    pub passes: u32,
    /// Lanes. Default: 4, from there.
    pub lanes: u32,
}

impl PassphraseCost {
    /// The most memory that is taken, in KiB: a file that asks for more is refused.
    pub const MEMORY_KIB_MAX: u32 = 256 * 1024;
    /// The most passes.
    pub const PASSES_MAX: u32 = 16;
    /// The most lanes.
    pub const LANES_MAX: u32 = 16;

    fn params(self) -> Option<Params> {
        let bounded = self.memory_kib <= Self::MEMORY_KIB_MAX
            && self.passes <= Self::PASSES_MAX
            && self.lanes <= Self::LANES_MAX;
        let params = || Params::new(self.memory_kib, self.passes, self.lanes, Some(32)).ok();
        bounded.then(params).flatten()
    }
}

impl Default for PassphraseCost {
    fn default() -> Self {
        Self { memory_kib: 64 * 1024, passes: 3, lanes: 4 }
    }
}

/// Why a line was not opened.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Locked {
    /// It is not such a line.
    Malformed,
    /// It asks for more than the most, or less than Argon2 takes, or there is no memory.
    Cost,
    /// The passphrase is another, or the line was changed.
    Passphrase,
}

/// A line, taken apart and not opened.
struct Line<'a> {
    cost: PassphraseCost,
    salt: [u8; SALT_BYTES],
    nonce: [u8; NONCE_BYTES],
    sealed: [u8; SEALED_BYTES],
    /// What stands before `sealed`.
    before: &'a str,
}

/// The seed as a line, without its end.
pub(super) fn lock(
    seed: &[u8; 32],
    passphrase: &Passphrase,
    cost: PassphraseCost,
    rng: &mut impl CryptoRng,
) -> Result<String, Locked> {
    let (mut salt, mut nonce) = ([0; SALT_BYTES], [0; NONCE_BYTES]);
    rng.fill_bytes(&mut salt);
    rng.fill_bytes(&mut nonce);
    let PassphraseCost { memory_kib, passes, lanes } = cost;
    let [salt_hex, nonce_hex] = [HEXLOWER.encode(&salt), HEXLOWER.encode(&nonce)];
    let before = format!("{HEADER}argon2id m={memory_kib} t={passes} p={lanes} {salt_hex} {nonce_hex} ");
    let payload = Payload { msg: seed, aad: before.as_bytes() };
    let sealed = cipher(passphrase, cost, &salt)?.encrypt(&nonce.into(), payload);
    let sealed = sealed.expect("ChaCha20Poly1305 takes messages of up to 256 GiB");
    Ok(before + &HEXLOWER.encode(&sealed))
}

/// The seed that is in a line.
pub(super) fn unlock(line: &str, passphrase: &Passphrase) -> Result<Zeroizing<[u8; 32]>, Locked> {
    let line = parse(line).ok_or(Locked::Malformed)?;
    let payload = Payload { msg: &line.sealed, aad: line.before.as_bytes() };
    let opened = cipher(passphrase, line.cost, &line.salt)?.decrypt(&line.nonce.into(), payload);
    let opened = Zeroizing::new(opened.map_err(|_| Locked::Passphrase)?);
    let mut seed = Zeroizing::new([0; 32]);
    seed.copy_from_slice(&opened);
    Ok(seed)
}

/// Whether it is such a line, without the passphrase.
pub(super) fn is_whole(line: &str) -> bool {
    parse(line).is_some()
}

fn parse(line: &str) -> Option<Line<'_>> {
    let (before, sealed) = line.rsplit_once(' ')?;
    let mut fields = line.strip_prefix(HEADER)?.split(' ');
    if fields.next()? != "argon2id" {
        return None;
    }
    let mut number = |name: &str| -> Option<u32> {
        let digits = fields.next()?.strip_prefix(name)?;
        // A plus, or zeros in front, would be a second way to write it.
        digits.parse().ok().filter(|number: &u32| number.to_string() == digits)
    };
    let cost = PassphraseCost { memory_kib: number("m=")?, passes: number("t=")?, lanes: number("p=")? };
    let (salt, nonce) = (bytes(fields.next()?)?, bytes(fields.next()?)?);
    let sealed_again = fields.next()?;
    if sealed_again != sealed || fields.next().is_some() {
        return None;
    }
    Some(Line { cost, salt, nonce, sealed: bytes(sealed)?, before: &line[..=before.len()] })
}

fn bytes<const N: usize>(hex: &str) -> Option<[u8; N]> {
    HEXLOWER.decode(hex.as_bytes()).ok()?.try_into().ok()
}

fn cipher(
    passphrase: &Passphrase,
    cost: PassphraseCost,
    salt: &[u8; SALT_BYTES],
) -> Result<ChaCha20Poly1305, Locked> {
    let params = cost.params().ok_or(Locked::Cost)?;
    let mut key = Zeroizing::new([0; 32]);
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into(passphrase.0.as_bytes(), salt, key.as_mut_slice())
        .map_err(|_| Locked::Cost)?;
    let key: &[u8; 32] = &key;
    Ok(ChaCha20Poly1305::new(key.into()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rand_chacha::ChaCha20Rng;
    use rand_core::SeedableRng;

    use super::*;

    const CHEAP: PassphraseCost = PassphraseCost { memory_kib: 32, passes: 1, lanes: 4 };

    fn phrase(text: &str) -> Passphrase {
        Passphrase::new(text.to_owned())
    }

    fn line(seed: u8) -> String {
        let mut rng = ChaCha20Rng::from_seed([seed; 32]);
        lock(&[9; 32], &phrase("four plain words"), CHEAP, &mut rng).expect("locks")
    }

    /// `vectors/key.txt`: a line that was written once.
    #[test]
    fn a_line_of_this_version_opens_for_ever() {
        let kept = include_str!("../../vectors/key.txt").lines().filter(|it| !it.starts_with('#'));
        let kept: Vec<_> = kept.collect();
        assert_eq!(kept, [line(1)]);
        assert_eq!(*unlock(kept[0], &phrase("four plain words")).expect("opens"), [9; 32]);
    }

    #[test]
    fn the_wrong_passphrase_does_not_open_it() {
        for text in ["", "four plain word", "Four plain words", "four plain words "] {
            assert_eq!(unlock(&line(1), &phrase(text)).expect_err("refused"), Locked::Passphrase);
        }
    }

    #[test]
    fn each_line_has_its_own_salt_and_nonce() {
        let fields = |line: &str| line.split(' ').skip(5).map(str::to_owned).collect::<Vec<_>>();
        let (one, other) = (fields(&line(1)), fields(&line(2)));
        assert!(one.iter().zip(&other).all(|(one, other)| one != other));
    }

    #[test]
    fn nobody_lowers_the_cost_or_asks_for_all_memory() {
        let cheaper = line(1).replace("m=32", "m=40");
        assert_eq!(unlock(&cheaper, &phrase("four plain words")).expect_err("changed"), Locked::Passphrase);
        for (from, to) in
            [("m=32", "m=4000000000"), ("t=1", "t=4000000000"), ("p=4", "p=16777215"), ("t=1", "t=0")]
        {
            let greedy = line(1).replace(from, to);
            assert_eq!(unlock(&greedy, &phrase("four plain words")).expect_err("refused"), Locked::Cost);
        }
        let cost = PassphraseCost { memory_kib: u32::MAX, ..CHEAP };
        let mut rng = ChaCha20Rng::from_seed([1; 32]);
        assert_eq!(lock(&[9; 32], &phrase("x"), cost, &mut rng), Err(Locked::Cost));
    }

    #[test]
    fn the_default_is_the_second_recommendation_of_rfc_9106() {
        let cost = PassphraseCost::default();
        assert_eq!((cost.memory_kib, cost.passes, cost.lanes), (1 << 16, 3, 4));
        assert!(cost.params().is_some());
    }

    #[test]
    fn debug_shows_no_secret() {
        assert!(!format!("{:?}", phrase("swordfish")).contains("swordfish"));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn no_flipped_bit_opens(at: usize, bit in 0u8..7) {
            let mut bytes = line(1).into_bytes();
            let at = at % bytes.len();
            bytes[at] ^= 1 << bit;
            let changed = String::from_utf8(bytes).expect("seven bits");
            prop_assert!(unlock(&changed, &phrase("four plain words")).is_err());
        }

        #[test]
        fn arbitrary_text_never_panics(text in ".{0,200}", numbers in "[0-9 =mtp]{0,20}") {
            prop_assert!(!is_whole(&text));
            let cut = format!("{HEADER}argon2id {numbers}");
            prop_assert!(!is_whole(&cut));
        }
    }
}
