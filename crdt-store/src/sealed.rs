//! Sealed entries: what is in them once they are opened, and who opens them.
//!
//! ```text
//! log      = header, then for each data key: the key, its label, and the readings under it, in any order with other keys'
//! key      = an entry of the kind DataKey: a SealedDataKey
//! label    = an entry of the kind Sealed, at the position after its key: 0, then CBOR [stream, unit, place]
//! reading  = an entry of the kind Sealed: 1, then readings as an entry in clear has them
//! ```
//!
//! The header of such a log says what everybody may know: the collection, and the stream by its [`SealedName`]; its unit is "1",
//! and it has no place. The store does not hold keys: it is given an [`Unseal`] by whoever queries it.
//!
//! [`SealedName`]: msec_identity::sealed::SealedName

use std::fmt;

use minicbor::{Decode, Encode};
use msec_identity::CollectionPath;
use msec_identity::sealed::{DataKey, SealedDataKey};

use crate::error::ReadingError;
use crate::log::Place;
use crate::reading::{Reading, decode_readings, encode_readings};

const LABEL: u8 = 0;
const READINGS: u8 = 1;

/// Opens what is sealed, for queries. It is asked on the threads that answer them.
pub trait Unseal: fmt::Debug + Send + Sync {
    /// Whether any epoch of that collection can be opened: if not, its logs are not looked at.
    fn reads(&self, collection: &CollectionPath) -> bool;

    /// Opens a data key. `None`: it is sealed to an epoch whose secret is not here.
    fn data_key(&self, sealed: &SealedDataKey) -> Option<DataKey>;
}

/// What the header of a log in clear would say of its readings.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Encode, Decode)]
pub struct Label {
    /// The name of the stream.
    #[n(0)]
    pub stream: String,
    /// The unit of its values.
    #[n(1)]
    pub unit: String,
    /// Where they are measured.
    #[n(2)]
    pub place: Option<Place>,
}

/// What a sealed body holds.
#[derive(Debug, Clone, PartialEq)]
pub enum SealedContent {
    /// What is measured, and where: of all readings under the same data key.
    Label(Label),
    /// Readings.
    Readings(Vec<Reading>),
}

impl SealedContent {
    /// What is to be sealed. Fails where the same readings in clear would be refused.
    pub fn to_bytes(&self) -> Result<Vec<u8>, ReadingError> {
        let (kind, rest) = match self {
            Self::Label(label) => (LABEL, minicbor::to_vec(label).expect("writing to a Vec cannot fail")),
            Self::Readings(readings) => (READINGS, encode_readings(readings)?),
        };
        Ok([&[kind], &rest[..]].concat())
    }

    /// What was opened. `None`: nonsense, or of a later version. A writer may well seal that; it is shown to nobody.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (kind, rest) = bytes.split_first()?;
        match *kind {
            LABEL => {
                let label: Label = minicbor::decode(rest).ok()?;
                (minicbor::to_vec(&label).ok()? == rest).then_some(Self::Label(label))
            }
            READINGS => decode_readings(rest).ok().map(Self::Readings),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use msec_identity::UnixMillis;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_sealed_comes_back() {
        let place = Place::from_degrees(43.46, -3.8);
        let label = Label { stream: "meter-1".into(), unit: "kW".into(), place };
        let readings = vec![Reading::new(UnixMillis(1_700_000_000_000), 3.25)];
        for content in [SealedContent::Label(label), SealedContent::Readings(readings)] {
            let bytes = content.to_bytes().expect("good readings");
            assert_eq!(SealedContent::from_bytes(&bytes), Some(content));
        }
        assert!(SealedContent::Readings(vec![Reading::new(UnixMillis(0), f64::NAN)]).to_bytes().is_err());
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = SealedContent::from_bytes(&bytes);
        }
    }
}
