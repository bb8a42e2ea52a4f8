//! How signatures are checked: always by one rule, and where many peers live in one process, once for all of them.
//!
//! Whether a signature verifies is a pure function of the key, the message and the signature. A simulation in which a
//! thousand peers check the same heads may therefore remember the answer. A peer that runs alone meets hardly any
//! signature twice: it gets [`Verifier::strict`], which is the default and remembers nothing.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ed25519_dalek::{Signature, VerifyingKey};

use crate::id::PeerId;

/// How many signatures a memory holds, in 2 MiB: more than a city of ten thousand signs in the seconds that a head takes
/// to reach everybody. Each has one place, given by its hash, and drives out what stood there; a signature that was
/// driven out is checked again.
pub const SIGNATURES_REMEMBERED_MAX: usize = 1 << 16;

const CONTEXT: &str = "msec/signature-memory/1";

/// Checks signatures by `verify_strict`: the one rule of acceptance (RFC 8032, no small-order keys, no malleable
/// signatures), so that all peers accept the same set.
#[derive(Debug, Clone, Default)]
pub struct Verifier {
    memory: Option<Arc<SignatureMemory>>,
}

/// The signatures that were found good lately. Those that were not are never remembered: they are checked each time.
pub struct SignatureMemory {
    table: Mutex<Table>,
}

struct Table {
    /// BLAKE3 over the signer, the signature and the message, so that nothing else is ever taken for it.
    places: Vec<Option<[u8; 32]>>,
    checks: SignatureChecks,
}

/// How many signatures were checked through a memory, and how.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SignatureChecks {
    /// Looked up: the same signature of the same message had been found good before.
    pub remembered: u64,
    /// Computed.
    pub computed: u64,
}

impl Verifier {
    /// Computes every check.
    pub const fn strict() -> Self {
        Self { memory: None }
    }

    /// Looks first whether the check was computed before, by anybody who shares the memory.
    pub const fn remembering(memory: Arc<SignatureMemory>) -> Self {
        Self { memory: Some(memory) }
    }

    /// Whether `signer` signed `message`.
    pub(crate) fn accepts(&self, signer: &PeerId, message: &[u8], signature: &[u8; 64]) -> bool {
        let Some(memory) = &self.memory else { return is_good(signer, message, signature) };
        let hash = hash(signer, message, signature);
        if memory.recalls(&hash) {
            return true;
        }
        let good = is_good(signer, message, signature);
        if good {
            memory.remember(hash);
        }
        good
    }
}

impl SignatureMemory {
    /// How many checks went through it.
    pub fn checks(&self) -> SignatureChecks {
        self.table().checks
    }

    fn recalls(&self, hash: &[u8; 32]) -> bool {
        let mut table = self.table();
        let known = table.places[place(hash)].as_ref() == Some(hash);
        if known {
            table.checks.remembered += 1;
        } else {
            table.checks.computed += 1;
        }
        known
    }

    fn remember(&self, hash: [u8; 32]) {
        self.table().places[place(&hash)] = Some(hash);
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        // A hash is written in one step, so that whoever panicked meanwhile left no half of one.
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for SignatureMemory {
    fn default() -> Self {
        let places = vec![None; SIGNATURES_REMEMBERED_MAX];
        Self { table: Mutex::new(Table { places, checks: SignatureChecks::default() }) }
    }
}

impl fmt::Debug for SignatureMemory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SignatureMemory").field("checks", &self.checks()).finish_non_exhaustive()
    }
}

fn is_good(signer: &PeerId, message: &[u8], signature: &[u8; 64]) -> bool {
    VerifyingKey::from_bytes(signer.as_bytes())
        .is_ok_and(|key| key.verify_strict(message, &Signature::from_bytes(signature)).is_ok())
}

fn hash(signer: &PeerId, message: &[u8], signature: &[u8; 64]) -> [u8; 32] {
    // Signer and signature have fixed lengths: where the message starts is not open to choice.
    let mut hasher = blake3::Hasher::new_derive_key(CONTEXT);
    *hasher.update(signer.as_bytes()).update(signature).update(message).finalize().as_bytes()
}

fn place(hash: &[u8; 32]) -> usize {
    let first = hash.first_chunk().expect("four of thirty-two bytes");
    u32::from_le_bytes(*first) as usize % SIGNATURES_REMEMBERED_MAX
}

#[cfg(test)]
mod tests {
    use ed25519_dalek::{Signer, SigningKey};

    use super::*;

    fn key(seed: u8) -> (SigningKey, PeerId) {
        let key = SigningKey::from_bytes(&[seed; 32]);
        let peer = PeerId(key.verifying_key().to_bytes());
        (key, peer)
    }

    #[test]
    fn a_check_is_computed_once_for_all_who_share_a_memory() {
        let memory = Arc::new(SignatureMemory::default());
        let (one, other) = (Verifier::remembering(memory.clone()), Verifier::remembering(memory.clone()));
        let (key, peer) = key(1);
        let signature = key.sign(b"all quiet").to_bytes();
        assert!(one.accepts(&peer, b"all quiet", &signature));
        assert!(other.accepts(&peer, b"all quiet", &signature));
        assert_eq!(memory.checks(), SignatureChecks { remembered: 1, computed: 1 });
    }

    #[test]
    fn what_is_remembered_vouches_for_nothing_else() {
        let memory = Arc::new(SignatureMemory::default());
        let verifier = Verifier::remembering(memory.clone());
        let ((key, peer), (_, stranger)) = (key(1), key(2));
        let signature = key.sign(b"all quiet").to_bytes();
        assert!(verifier.accepts(&peer, b"all quiet", &signature));
        let mut flipped = signature;
        flipped[3] ^= 1;
        for _ in 0..2 {
            // Twice: a refusal is not remembered as anything.
            assert!(!verifier.accepts(&peer, b"all quiet!", &signature));
            assert!(!verifier.accepts(&stranger, b"all quiet", &signature));
            assert!(!verifier.accepts(&peer, b"all quiet", &flipped));
        }
        assert_eq!(memory.checks(), SignatureChecks { remembered: 0, computed: 7 });
    }

    #[test]
    fn what_is_driven_out_is_checked_again() {
        let memory = Arc::new(SignatureMemory::default());
        let verifier = Verifier::remembering(memory.clone());
        let (key, peer) = key(1);
        let signature = key.sign(b"all quiet").to_bytes();
        assert!(verifier.accepts(&peer, b"all quiet", &signature));
        // Another hash of the same place.
        let mut other = hash(&peer, b"all quiet", &signature);
        other[31] ^= 1;
        memory.remember(other);
        assert!(verifier.accepts(&peer, b"all quiet", &signature));
        assert_eq!(memory.checks(), SignatureChecks { remembered: 0, computed: 2 });
        assert_eq!(memory.table().places.len(), SIGNATURES_REMEMBERED_MAX);
    }

    #[test]
    fn a_verifier_without_a_memory_accepts_the_same() {
        let (key, peer) = key(1);
        let signature = key.sign(b"all quiet").to_bytes();
        assert!(Verifier::strict().accepts(&peer, b"all quiet", &signature));
        assert!(!Verifier::strict().accepts(&peer, b"all quiet!", &signature));
    }
}
