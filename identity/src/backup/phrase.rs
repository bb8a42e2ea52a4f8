//! A key as words, whole.

use zeroize::Zeroizing;

use crate::error::WordsError;
use crate::keys::Identity;
use crate::words;

const KIND: u8 = 1;
const CONTEXT: &str = "msec/backup/1";
const CHECK_BYTES: usize = 3;
const BYTES: usize = 1 + 32 + CHECK_BYTES;

/// The identity's seed, as 36 words. Whoever reads them is the identity from then on.
pub fn to_words(identity: &Identity) -> Zeroizing<String> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(BYTES));
    bytes.push(KIND);
    bytes.extend_from_slice(identity.seed().as_slice());
    close(&mut bytes, CONTEXT, CHECK_BYTES);
    words::words(&bytes)
}

/// The identity that was written down by [`to_words`].
pub fn from_words(text: &str) -> Result<Identity, WordsError> {
    let bytes = open(text, (KIND, "a whole key"), BYTES, (CONTEXT, CHECK_BYTES))?;
    let seed = bytes[1..].try_into().expect("36 words, of which 32 are left");
    Ok(Identity::from_seed(seed))
}

/// Appends the check.
pub(super) fn close(bytes: &mut Vec<u8>, context: &str, check_bytes: usize) {
    let check = Zeroizing::new(blake3::derive_key(context, bytes));
    bytes.extend_from_slice(&check[..check_bytes]);
}

/// The bytes that were written as so many words, without their check.
pub(super) fn open(
    text: &str,
    (kind, expected): (u8, &'static str),
    count: usize,
    (context, check_bytes): (&str, usize),
) -> Result<Zeroizing<Vec<u8>>, WordsError> {
    let mut bytes = words::bytes(text, count)?;
    if bytes.first().is_some_and(|first| *first != kind) {
        return Err(WordsError::Kind { expected });
    }
    if bytes.len() != count {
        return Err(WordsError::Missing { expected: count, words: bytes.len() });
    }
    let content = count - check_bytes;
    let check = Zeroizing::new(blake3::derive_key(context, &bytes[..content]));
    if bytes[content..] != check[..check_bytes] {
        return Err(WordsError::Check);
    }
    bytes.truncate(content);
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn identity() -> Identity {
        Identity::from_seed([9; 32])
    }

    #[test]
    fn thirty_six_words_and_back() {
        let words = to_words(&identity());
        assert_eq!(words.split(' ').count(), 36);
        assert!(words.starts_with("acorn arrow arrow"), "{}", words.as_str());
        assert_eq!(from_words(&words).expect("a key").peer(), identity().peer());
        let rows = words.to_uppercase().replace(' ', "\n");
        assert_eq!(from_words(&rows).expect("a key").peer(), identity().peer());
    }

    #[test]
    fn slips_are_found_and_said() {
        let words = to_words(&identity());
        let missing = words.rsplit_once(' ').expect("words").0;
        assert_eq!(from_words(missing).expect_err("35"), WordsError::Missing { expected: 36, words: 35 });
        assert_eq!(from_words("").expect_err("none"), WordsError::Missing { expected: 36, words: 0 });
        let more = format!("{} zebra", words.as_str());
        assert_eq!(from_words(&more).expect_err("37"), WordsError::TooMany { max: 36 });
        let slip = words.replacen("arrow", "arow", 1);
        assert_eq!(
            from_words(&slip).expect_err("a slip"),
            WordsError::Unknown { at: 2, meant: Some("arrow") }
        );
        let another = words.replacen("arrow", "zebra", 1);
        assert_eq!(from_words(&another).expect_err("another word"), WordsError::Check);
        let share = words.replacen("acorn", "album", 1);
        assert!(matches!(from_words(&share), Err(WordsError::Kind { .. })));
    }

    proptest! {
        #[test]
        fn every_seed_comes_back(seed: [u8; 32]) {
            let identity = Identity::from_seed(seed);
            prop_assert_eq!(from_words(&to_words(&identity)).expect("a key").peer(), identity.peer());
        }

        #[test]
        fn another_word_is_found(at in 0usize..36, byte: u8) {
            let words = to_words(&identity());
            let mut list: Vec<_> = words.split(' ').collect();
            let same = list[at] == words::word(byte);
            list[at] = words::word(byte);
            prop_assert_eq!(from_words(&list.join(" ")).is_ok(), same);
        }

        #[test]
        fn arbitrary_text_never_panics(text in "[a-z ]{0,300}") {
            let _ = from_words(&text);
        }
    }
}
