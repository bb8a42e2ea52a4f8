//! Devices, which are known by a token.
//!
//! A token is 32 random bytes, so that nobody guesses it and a fast hash of it is as good as a slow one. The file holds only
//! the hash: whoever reads the file cannot connect with what stands there.

use std::fmt;
use std::str::FromStr;

use msec_peer::Place;

/// The longest name of a device, in bytes. A longer one is refused where the file is read.
pub const DEVICE_NAME_BYTES_MAX: usize = 64;

/// What the hash of a token is for: a token's hash is no hash of anything else.
const CONTEXT: &str = "msec-gateway 2026 mqtt device token";
/// How a hash begins in the file.
const PREFIX: &str = "blake3:";

/// A device that may connect.
#[derive(Debug, Clone, PartialEq)]
pub struct Device {
    /// Its MQTT user name.
    pub name: String,
    /// The hash of its MQTT password.
    pub token: TokenHash,
    /// Where it stands, unless a rule says where its topic is measured.
    pub place: Option<Place>,
}

/// The hash of a token, as it stands in the file: `blake3:` and 64 hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TokenHash(blake3::Hash);

impl TokenHash {
    /// The hash of a token.
    pub fn of(token: &[u8]) -> Self {
        Self(blake3::derive_key(CONTEXT, token).into())
    }

    /// Whether this is the token. Takes as long whichever bytes differ.
    pub fn is_of(&self, token: &[u8]) -> bool {
        // The equality of `blake3::Hash` is in constant time.
        self.0 == Self::of(token).0
    }
}

impl fmt::Display for TokenHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{PREFIX}{}", self.0.to_hex())
    }
}

/// A text that is no hash of a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not the hash of a token: let `msec-gateway token NAME` make one, and copy the line that it prints")]
pub struct NotATokenHash;

impl FromStr for TokenHash {
    type Err = NotATokenHash;

    fn from_str(text: &str) -> Result<Self, NotATokenHash> {
        let digits = text.strip_prefix(PREFIX).ok_or(NotATokenHash)?;
        Ok(Self(blake3::Hash::from_hex(digits).map_err(|_| NotATokenHash)?))
    }
}

/// A new token, to be shown once.
pub fn random_token() -> String {
    data_encoding::BASE64URL_NOPAD.encode(&msec_peer::net::random_seed())
}

/// Whether a device may be called that: it stands in names of streams and in logs.
pub fn is_device_name(name: &str) -> bool {
    let fits = (1..=DEVICE_NAME_BYTES_MAX).contains(&name.len());
    fits && !name.chars().any(|c| c.is_control() || matches!(c, '+' | '#' | '{' | '}'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_known_by_its_hash_and_by_nothing_else() {
        let token = random_token();
        assert_eq!(token.len(), 43);
        assert_ne!(token, random_token());
        let hash: TokenHash = TokenHash::of(token.as_bytes()).to_string().parse().expect("a hash");
        assert!(hash.is_of(token.as_bytes()));
        for wrong in [&token.as_bytes()[1..], b"", hash.to_string().as_bytes()] {
            assert!(!hash.is_of(wrong));
        }
    }

    #[test]
    fn what_is_no_hash_says_how_to_make_one() {
        for text in ["", "secret", "blake3:", "blake3:12", &format!("sha256:{}", "0".repeat(64))] {
            let error = text.parse::<TokenHash>().expect_err("refused");
            assert!(error.to_string().contains("msec-gateway token"), "{text}");
        }
    }

    #[test]
    fn names_can_stand_in_streams_and_logs() {
        assert!(is_device_name("mic-1") && is_device_name("Plaza del Príncipe"));
        for name in ["", "a\nb", "a+b", "{device}", &"x".repeat(DEVICE_NAME_BYTES_MAX + 1)] {
            assert!(!is_device_name(name), "{name:?}");
        }
    }
}
