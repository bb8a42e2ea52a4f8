//! Words for people that stand in a record.

use std::fmt;
use std::str::FromStr;

use minicbor::{Decode, Decoder, Encode, Encoder, decode, encode};

use crate::error::TextError;

/// A text of at most `BYTES_MAX` bytes without control characters, so that it can be shown on one line. A longer one is
/// refused where it is parsed.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ShortText<const BYTES_MAX: usize>(String);

impl<const BYTES_MAX: usize> ShortText<BYTES_MAX> {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl<const BYTES_MAX: usize> FromStr for ShortText<BYTES_MAX> {
    type Err = TextError;

    fn from_str(text: &str) -> Result<Self, TextError> {
        if text.len() > BYTES_MAX || text.chars().any(char::is_control) {
            return Err(TextError { bytes: text.len(), bytes_max: BYTES_MAX });
        }
        Ok(Self(text.to_owned()))
    }
}

impl<const BYTES_MAX: usize> fmt::Display for ShortText<BYTES_MAX> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<C, const BYTES_MAX: usize> Encode<C> for ShortText<BYTES_MAX> {
    fn encode<W: encode::Write>(&self, e: &mut Encoder<W>, _: &mut C) -> Result<(), encode::Error<W::Error>> {
        e.str(&self.0)?.ok()
    }
}

impl<'b, C, const BYTES_MAX: usize> Decode<'b, C> for ShortText<BYTES_MAX> {
    fn decode(d: &mut Decoder<'b>, _: &mut C) -> Result<Self, decode::Error> {
        d.str()?.parse().map_err(decode::Error::custom)
    }
}
