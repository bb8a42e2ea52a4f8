//! The genesis of a space: which keys are its roots, and how many must agree.

use std::collections::BTreeSet;

use minicbor::{Decode, Encode};

use crate::error::ManifestError;
use crate::id::{PeerId, SpaceId};

/// The most roots that a manifest names.
pub const MANIFEST_ROOTS_MAX: usize = 16;

const DOMAIN: &str = "msec/manifest/1";

/// What founds a space. Its hash is the space's id, so it needs no signature: whoever knows the id knows the roots.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Manifest {
    body: Body,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, Encode, Decode)]
struct Body {
    #[n(0)]
    domain: String,
    #[n(1)]
    name: String,
    #[n(2)]
    roots: Vec<PeerId>,
    #[n(3)]
    threshold: u8,
    #[cbor(n(4), with = "minicbor::bytes")]
    nonce: [u8; 16],
}

impl Manifest {
    /// A space called `name`, in which `threshold` of `roots` speak for it. The nonce keeps apart two spaces of one name
    /// and the same roots.
    pub fn new(
        name: &str,
        roots: Vec<PeerId>,
        threshold: u8,
        nonce: [u8; 16],
    ) -> Result<Self, ManifestError> {
        let body = Body { domain: DOMAIN.into(), name: name.into(), roots, threshold, nonce };
        Self::check(body)
    }

    fn check(body: Body) -> Result<Self, ManifestError> {
        check_roots(&body.roots, body.threshold)?;
        Ok(Self { body })
    }

    /// Parses what `to_bytes` wrote, and nothing else.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, ManifestError> {
        if bytes.len() > crate::record::RECORD_BYTES_MAX {
            return Err(ManifestError::Malformed);
        }
        let body: Body = minicbor::decode(bytes).map_err(|_| ManifestError::Malformed)?;
        let manifest = Self::check(body)?;
        if manifest.body.domain != DOMAIN || manifest.to_bytes() != bytes {
            return Err(ManifestError::Malformed);
        }
        Ok(manifest)
    }

    /// The one encoding.
    pub fn to_bytes(&self) -> Vec<u8> {
        minicbor::to_vec(&self.body).expect("writing to a Vec cannot fail")
    }

    /// The space's id: BLAKE3 over the encoding.
    pub fn space(&self) -> SpaceId {
        SpaceId(*blake3::hash(&self.to_bytes()).as_bytes())
    }

    /// What people call the space.
    pub fn name(&self) -> &str {
        &self.body.name
    }

    /// The root keys.
    pub fn roots(&self) -> &[PeerId] {
        &self.body.roots
    }

    /// How many roots must agree.
    pub fn threshold(&self) -> u8 {
        self.body.threshold
    }
}

/// Whether so many of these roots can speak for a space.
pub(crate) fn check_roots(roots: &[PeerId], threshold: u8) -> Result<(), ManifestError> {
    let count = roots.len();
    let distinct = roots.iter().collect::<BTreeSet<_>>().len();
    if count == 0 || count > MANIFEST_ROOTS_MAX || distinct != count {
        return Err(ManifestError::Roots { roots: count });
    }
    if threshold == 0 || usize::from(threshold) > count {
        return Err(ManifestError::Threshold { threshold, roots: count });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn peers(n: u8) -> Vec<PeerId> {
        (0..n).map(|i| PeerId([i; 32])).collect()
    }

    #[test]
    fn bytes_and_back() {
        let manifest = Manifest::new("harbour", peers(3), 2, [7; 16]).expect("a manifest");
        let again = Manifest::from_bytes(&manifest.to_bytes()).expect("parses");
        assert_eq!(again, manifest);
        assert_eq!(again.space(), manifest.space());
        let other = Manifest::new("harbour", peers(3), 2, [8; 16]).expect("a manifest");
        assert_ne!(other.space(), manifest.space());
    }

    #[test]
    fn refuses_roots_and_thresholds_that_make_no_sense() {
        assert!(Manifest::new("x", vec![], 1, [0; 16]).is_err());
        assert!(Manifest::new("x", peers(17), 1, [0; 16]).is_err());
        assert!(Manifest::new("x", vec![PeerId([1; 32]); 2], 1, [0; 16]).is_err());
        assert!(Manifest::new("x", peers(2), 0, [0; 16]).is_err());
        assert!(Manifest::new("x", peers(2), 3, [0; 16]).is_err());
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..512)) {
            let _ = Manifest::from_bytes(&bytes);
        }
    }
}
