//! HPKE (RFC 9180) in base mode, single shot, with the one suite of this crate: DHKEM(X25519, HKDF-SHA256), HKDF-SHA256,
//! ChaCha20Poly1305. The crate `hpke` does the work; this file fixes the suite and keeps its types inside.

use std::fmt;

use hpke::aead::ChaCha20Poly1305;
use hpke::kdf::HkdfSha256;
use hpke::kem::X25519HkdfSha256;
use hpke::{
    Deserializable, Kem, OpModeR, OpModeS, Serializable, single_shot_open, single_shot_seal_with_rng,
};
use minicbor::{Decode, Encode};
use rand_core::CryptoRng;
use zeroize::Zeroizing;

use crate::error::SealError;

/// What HPKE adds to a plaintext, beside the encapsulated key.
pub(super) const TAG_BYTES: usize = 16;

/// The public half of a key that is sealed to: X25519 (RFC 7748).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Encode, Decode)]
#[cbor(transparent)]
pub struct SealingPublic(#[cbor(n(0), with = "minicbor::bytes")] pub [u8; 32]);

/// The private half, and the public one beside it, which takes a moment to compute.
#[derive(Clone)]
pub(super) struct SealingSecret {
    secret: Zeroizing<[u8; 32]>,
    public: SealingPublic,
}

/// What was sealed, and the encapsulated key that opens it together with the private half.
pub(super) struct Capsule {
    pub(super) enc: [u8; 32],
    pub(super) ciphertext: Vec<u8>,
}

impl SealingSecret {
    /// `DeriveKeyPair` of RFC 9180, section 7.1.3.
    pub(super) fn derive(material: &[u8; 32]) -> Self {
        let (private, public) = X25519HkdfSha256::derive_keypair(material);
        let mut secret = Zeroizing::new([0; 32]);
        private.write_exact(secret.as_mut_slice());
        Self { secret, public: SealingPublic(public.to_bytes().into()) }
    }

    pub(super) fn from_bytes(bytes: [u8; 32]) -> Self {
        let secret = Zeroizing::new(bytes);
        let public = X25519HkdfSha256::sk_to_pk(&private(&secret));
        Self { secret, public: SealingPublic(public.to_bytes().into()) }
    }

    pub(super) fn as_bytes(&self) -> &[u8; 32] {
        &self.secret
    }

    pub(super) fn public(&self) -> SealingPublic {
        self.public
    }
}

fn private(secret: &[u8; 32]) -> <X25519HkdfSha256 as Kem>::PrivateKey {
    Deserializable::from_bytes(secret).expect("an X25519 key has 32 bytes, and any will do")
}

impl fmt::Debug for SealingSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SealingSecret").field(&self.public).finish()
    }
}

/// Seals to `public`. Fails only if that is a point of small order, which nobody makes by accident.
pub(super) fn seal(
    public: &SealingPublic,
    info: &[u8],
    aad: &[u8],
    plaintext: &[u8],
    rng: &mut impl CryptoRng,
) -> Result<Capsule, SealError> {
    let public = Deserializable::from_bytes(&public.0).map_err(|_| SealError::PublicKey)?;
    let (enc, ciphertext) = single_shot_seal_with_rng::<ChaCha20Poly1305, HkdfSha256, X25519HkdfSha256>(
        &OpModeS::Base,
        &public,
        info,
        plaintext,
        aad,
        rng,
    )
    .map_err(|_| SealError::PublicKey)?;
    Ok(Capsule { enc: enc.to_bytes().into(), ciphertext })
}

/// Opens what was sealed with the same info and aad to the public half of `secret`.
pub(super) fn open(
    secret: &SealingSecret,
    enc: &[u8; 32],
    info: &[u8],
    aad: &[u8],
    ciphertext: &[u8],
) -> Option<Zeroizing<Vec<u8>>> {
    let enc = Deserializable::from_bytes(enc).ok()?;
    single_shot_open::<ChaCha20Poly1305, HkdfSha256, X25519HkdfSha256>(
        &OpModeR::Base,
        &private(&secret.secret),
        &enc,
        info,
        ciphertext,
        aad,
    )
    .ok()
    .map(Zeroizing::new)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(hex: &str) -> Vec<u8> {
        data_encoding::HEXLOWER.decode(hex.as_bytes()).expect("hexadecimal")
    }

    fn array(hex: &str) -> [u8; 32] {
        bytes(hex).try_into().expect("32 bytes")
    }

    /// RFC 9180, appendix A.2.1 and A.2.1.1, sequence number 0.
    #[test]
    fn the_suite_is_that_of_appendix_a_2_1() {
        let material = array("1ac01f181fdf9f352797655161c58b75c656a6cc2716dcb66372da835542e1df");
        let secret = SealingSecret::derive(&material);
        let public = array("4310ee97d88cc1f088a5576c77ab0cf5c3ac797f3d95139c6c84b5429c59662a");
        assert_eq!(secret.public(), SealingPublic(public));
        let given = array("8057991eef8f1f1af18f4a9491d16a1ce333f695d4db8e38da75975c4478e0fb");
        assert_eq!(SealingSecret::from_bytes(given).public(), SealingPublic(public));
        let opened = open(
            &secret,
            &array("1afa08d3dec047a643885163f1180476fa7ddb54c6a8029ea33f95796bf2ac4a"),
            b"Ode on a Grecian Urn",
            b"Count-0",
            &bytes(
                "1c5250d8034ec2b784ba2cfd69dbdb8af406cfe3ff938e131f0def8c8b60b4db21993c62ce81883d2dd1b51a28",
            ),
        );
        assert_eq!(opened.expect("opens").as_slice(), b"Beauty is truth, truth beauty");
    }

    #[test]
    fn a_point_of_small_order_is_refused() {
        use rand_chacha::ChaCha20Rng;
        use rand_core::SeedableRng;
        let mut rng = ChaCha20Rng::from_seed([1; 32]);
        for point in [[0; 32], std::array::from_fn(|at| u8::from(at == 0))] {
            let sealed = seal(&SealingPublic(point), b"", b"", b"secret", &mut rng);
            assert!(matches!(sealed, Err(SealError::PublicKey)));
            assert!(open(&SealingSecret::derive(&[1; 32]), &point, b"", b"", &[0; 22]).is_none());
        }
    }
}
