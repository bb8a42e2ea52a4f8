//! Codes as text: what a QR code holds, and what a person types.
//!
//! ```text
//! code  = "MSEC:" then base 32 of payload and check
//! check = the first 3 bytes of BLAKE3 in key derivation mode, context "msec/code/1", over the payload
//! ```
//!
//! Base 32 is Crockford's: digits and capitals without I, L, O and U. All letters of a code are in the alphanumeric mode of QR codes.
//! Whoever reads it is forgiving: capitals, spaces, line ends and hyphens don't matter, the scheme may be missing, O is a zero and I
//! and L are ones. The check proves nothing to anybody: it is for slips.

use crate::error::InviteError;
use crate::pairing::invite::Invite;
use crate::pairing::open::OpenInvite;
use crate::record::Verified;

/// The longest text that is read as a code, in bytes.
pub const CODE_BYTES_MAX: usize = 2_048;

const SCHEME: &str = "MSEC:";
const LETTERS: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const CHECK: &str = "msec/code/1";
const CHECK_BYTES: usize = 3;

/// What a code can be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Code {
    /// For one peer, once.
    Invite(Box<Invite>),
    /// For whoever walks up. Its gateway signed it, which the code names itself: it says who stands behind it, not that he may.
    Open(Box<Verified<OpenInvite>>),
}

impl Code {
    /// Reads a code, however it was typed.
    pub fn parse(text: &str) -> Result<Self, InviteError> {
        let payload = decode(text)?;
        match payload.first() {
            Some(&Invite::KIND) => Invite::read(&payload[1..]).map(|it| Self::Invite(Box::new(it))),
            Some(&OpenInvite::KIND) => OpenInvite::read(&payload[1..]).map(|it| Self::Open(Box::new(it))),
            _ => Err(InviteError::Version),
        }
    }
}

/// The code of a payload.
pub(super) fn encode(payload: &[u8]) -> String {
    let mut text = String::from(SCHEME);
    let (mut bits, mut held) = (0u16, 0);
    for byte in payload.iter().chain(&check(payload)) {
        bits = bits << 8 | u16::from(*byte);
        held += 8;
        while held >= 5 {
            held -= 5;
            text.push(letter(bits >> held));
        }
    }
    if held > 0 {
        text.push(letter(bits << (5 - held)));
    }
    text
}

fn letter(bits: u16) -> char {
    LETTERS[usize::from(bits & 31)].into()
}

/// The payload of a code.
fn decode(text: &str) -> Result<Vec<u8>, InviteError> {
    if text.len() > CODE_BYTES_MAX {
        return Err(InviteError::NotACode);
    }
    let (mut bytes, mut bits, mut held) = (Vec::new(), 0u16, 0);
    for written in without_scheme(text).chars().filter(|it| !it.is_whitespace() && *it != '-') {
        bits = bits << 5 | value(written)?;
        held += 5;
        if held >= 8 {
            held -= 8;
            bytes.push((bits >> held & 0xff) as u8);
        }
    }
    // What is left of the last letter is less than a letter, and zero.
    let whole = held < 5 && bits & ((1 << held) - 1) == 0;
    let parts = bytes.split_last_chunk::<CHECK_BYTES>().filter(|(payload, _)| !payload.is_empty());
    let (payload, written) = parts.ok_or(InviteError::NotACode)?;
    if whole && *written == check(payload) { Ok(payload.to_vec()) } else { Err(InviteError::Typo) }
}

fn without_scheme(text: &str) -> &str {
    let text = text.trim();
    match text.split_at_checked(SCHEME.len()) {
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case(SCHEME) => rest,
        _ => text,
    }
}

fn value(written: char) -> Result<u16, InviteError> {
    let letter = match written.to_ascii_uppercase() {
        'O' => '0',
        'I' | 'L' => '1',
        letter => letter,
    };
    let at = LETTERS.iter().position(|known| char::from(*known) == letter);
    at.and_then(|at| u16::try_from(at).ok()).ok_or(InviteError::Letter { letter: written })
}

fn check(payload: &[u8]) -> [u8; CHECK_BYTES] {
    let [a, b, c, ..] = blake3::derive_key(CHECK, payload);
    [a, b, c]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A code in small letters, in groups of five, with the letters that are taken for digits.
    fn as_a_person_types_it(code: &str) -> String {
        let mut typed = String::from(" msec:");
        for (at, letter) in code[SCHEME.len()..].chars().enumerate() {
            if at > 0 && at % 5 == 0 {
                typed.push_str(if at % 10 == 0 { "\n" } else { " - " });
            }
            typed.push(match letter {
                '0' => 'o',
                '1' => 'l',
                letter => letter.to_ascii_lowercase(),
            });
        }
        typed
    }

    #[test]
    fn what_is_no_code_is_told_apart_from_one_with_a_slip() {
        let code = encode(b"some payload");
        assert_eq!(decode(&code).expect("a code"), b"some payload");
        assert_eq!(decode(&code[..code.len() - 1]), Err(InviteError::Typo));
        assert_eq!(decode("hello"), Err(InviteError::NotACode));
        assert_eq!(decode("https://example.org"), Err(InviteError::Letter { letter: ':' }));
        assert_eq!(decode(&"0".repeat(CODE_BYTES_MAX + 1)), Err(InviteError::NotACode));
        assert_eq!(Code::parse(&encode(&[0xff, 1, 2, 3])), Err(InviteError::Version));
    }

    proptest! {
        #[test]
        fn there_and_back_however_it_is_typed(payload in proptest::collection::vec(any::<u8>(), 1..200)) {
            let code = encode(&payload);
            prop_assert!(code.bytes().all(|it| b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:".contains(&it)));
            prop_assert_eq!(decode(&code), Ok(payload.clone()));
            prop_assert_eq!(decode(&code[SCHEME.len()..]), Ok(payload.clone()));
            prop_assert_eq!(decode(&as_a_person_types_it(&code)), Ok(payload));
        }

        #[test]
        fn a_wrong_letter_is_found(payload in proptest::collection::vec(any::<u8>(), 1..100), at: usize, other in 0usize..32) {
            let code = encode(&payload);
            let at = SCHEME.len() + at % (code.len() - SCHEME.len());
            let mut typed = code.clone();
            typed.replace_range(at..=at, &char::from(LETTERS[other]).to_string());
            prop_assert_eq!(decode(&typed).is_ok(), typed == code);
        }

        #[test]
        fn arbitrary_text_never_panics(text in ".{0,300}") {
            let _ = Code::parse(&text);
        }

        #[test]
        fn arbitrary_payloads_never_panic(payload in proptest::collection::vec(any::<u8>(), 0..300), kind in 0u8..3) {
            let kind = [Invite::KIND, OpenInvite::KIND, 0][usize::from(kind)];
            let _ = Code::parse(&encode(&[&[kind], &payload[..]].concat()));
        }
    }
}
