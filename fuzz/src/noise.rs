//! An attacker who does the Noise handshake right, and says what he likes inside of it: the protocol's bytes, written down
//! a second time.

use msec_identity::HandshakeError;
use msec_identity::handshake::{AwaitSecond, Initiator, Responder, VERSION};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use snow::params::{CipherChoice, DHChoice, HashChoice};
use snow::resolvers::{CryptoResolver, DefaultResolver};
use snow::types::{Cipher, Dh, Hash, Random};
use snow::{Builder, HandshakeState};

use crate::town::{self, BINDING, NOISE_SECRET, NOW};

/// What snow wants as room for a message beside its payload.
pub(crate) const OVERHEAD_BYTES: usize = 128;

fn rng(seed: u8) -> ChaCha20Rng {
    ChaCha20Rng::from_seed([seed; 32])
}

fn noise(initiator: bool) -> HandshakeState {
    state("Noise_XX_25519_ChaChaPoly_BLAKE2s", b"msec/link/1", None, initiator)
}

/// A side of a handshake in that pattern, with the prologue that begins so, and the town's only Noise key.
pub(crate) fn state(
    pattern: &str,
    prologue: &[u8],
    psk: Option<&[u8; 32]>,
    initiator: bool,
) -> HandshakeState {
    let prologue = [prologue, &BINDING.0].concat();
    let pattern = pattern.parse().expect("a pattern that snow knows");
    let mut builder = Builder::with_resolver(pattern, Box::new(FixedResolver))
        .local_private_key(&NOISE_SECRET)
        .and_then(|it| it.prologue(&prologue))
        .expect("a key and a prologue, once each");
    if let Some(psk) = psk {
        builder = builder.psk(0, psk).expect("a secret, once");
    }
    let built = if initiator { builder.build_initiator() } else { builder.build_responder() };
    built.expect("a pattern that snow knows")
}

/// snow's own primitives, and no randomness: the same bytes in every run.
struct FixedResolver;

impl CryptoResolver for FixedResolver {
    fn resolve_rng(&self) -> Option<Box<dyn Random>> {
        Some(Box::new(Fixed))
    }

    fn resolve_dh(&self, choice: &DHChoice) -> Option<Box<dyn Dh>> {
        DefaultResolver.resolve_dh(choice)
    }

    fn resolve_hash(&self, choice: &HashChoice) -> Option<Box<dyn Hash>> {
        DefaultResolver.resolve_hash(choice)
    }

    fn resolve_cipher(&self, choice: &CipherChoice) -> Option<Box<dyn Cipher>> {
        DefaultResolver.resolve_cipher(choice)
    }
}

struct Fixed;

impl Random for Fixed {
    fn try_fill_bytes(&mut self, dest: &mut [u8]) -> Result<(), snow::Error> {
        dest.fill(0x66);
        Ok(())
    }
}

pub(crate) fn write(noise: &mut HandshakeState, payload: &[u8]) -> Vec<u8> {
    let mut message = vec![0; payload.len() + OVERHEAD_BYTES];
    let length = noise.write_message(payload, &mut message).expect("it is our turn, and there is room");
    message.truncate(length);
    message
}

pub(crate) fn read(noise: &mut HandshakeState, message: &[u8]) {
    let mut payload = vec![0; message.len()];
    noise.read_message(message, &mut payload).expect("what the other side wrote");
}

/// The longest payload that fits in a Noise message.
pub(crate) const PAYLOAD_BYTES_MAX: usize = 60_000;

/// A responder reads `first`.
pub fn first(first: &[u8]) {
    let key = town::gateway_key();
    let _ = Responder::respond(first, &key, BINDING, &mut rng(1));
}

/// The sensor dials.
fn initiator() -> (AwaitSecond, Vec<u8>) {
    Initiator::start(&town::sensor_key(), BINDING, &mut rng(2)).expect("starts")
}

/// An initiator reads `second`.
pub fn second(second: &[u8]) {
    let (wait, _) = initiator();
    let _ = wait.read(second, &town::sensor_key(), &town::sensor_introduction(Vec::new()));
}

/// A responder reads `third`, off the wire. Nobody but the sensor has the keys to write it.
pub fn third(third: &[u8]) {
    let (_, first) = initiator();
    let key = town::gateway_key();
    let (wait, _) = Responder::respond(&first, &key, BINDING, &mut rng(1)).expect("an honest first message");
    if wait.read(third, Some(NOW)).is_ok() {
        assert_eq!(third, honest_messages()[2], "no key, no admission");
    }
}

/// A responder reads a third message with `payload` in it.
pub fn claim(payload: &[u8]) {
    let payload = &payload[..payload.len().min(PAYLOAD_BYTES_MAX)];
    let mut noise = noise(true);
    let first = [&[VERSION], &write(&mut noise, &[])[..]].concat();
    let key = town::gateway_key();
    let (wait, second) = Responder::respond(&first, &key, BINDING, &mut rng(1)).expect("a first message");
    read(&mut noise, &second[1..]);
    match wait.read(&write(&mut noise, payload), Some(NOW)) {
        Ok((claim, decide)) => {
            assert!(is_of_town(claim.peer), "whoever claims an identity holds its key");
            decide.admit(&key, &town::gateway_introduction(claim.greeting)).expect("admits");
        }
        Err(error) => assert!(!matches!(error, HandshakeError::Noise(_)), "the cipher was right: {error}"),
    }
}

/// An initiator reads an answer with `payload` in it.
pub fn answer(payload: &[u8]) {
    let payload = &payload[..payload.len().min(PAYLOAD_BYTES_MAX)];
    let (wait, first) = initiator();
    let mut noise = noise(false);
    read(&mut noise, &first[1..]);
    let second = [&[VERSION], &write(&mut noise, &[])[..]].concat();
    let introduction = town::sensor_introduction(Vec::new());
    let (wait, third) = wait.read(&second, &town::sensor_key(), &introduction).expect("a second message");
    read(&mut noise, &third);
    let mut noise = noise.into_transport_mode().expect("the handshake is over");
    let mut message = vec![0; payload.len() + OVERHEAD_BYTES];
    let length = noise.write_message(payload, &mut message).expect("there is room");
    match wait.read(&message[..length], Some(NOW)) {
        Ok(claim) => assert!(is_of_town(claim.peer), "whoever claims an identity holds its key"),
        Err(error) => assert!(!matches!(error, HandshakeError::Noise(_)), "the cipher was right: {error}"),
    }
}

/// Whether an honest peer gave that identity's signature to the attacker's Noise key.
pub(crate) fn is_of_town(peer: msec_identity::PeerId) -> bool {
    [town::sensor(), town::gateway()].iter().any(|identity| identity.peer() == peer)
}

/// The first three messages between the sensor and the gateway.
pub fn honest_messages() -> [Vec<u8>; 3] {
    let (wait, first) = initiator();
    let responded = Responder::respond(&first, &town::gateway_key(), BINDING, &mut rng(1));
    let (_, second) = responded.expect("an honest first message");
    let introduction = town::sensor_introduction(Vec::new());
    let third = wait.read(&second, &town::sensor_key(), &introduction);
    [first, second, third.expect("an honest second message").1]
}

/// The payload of an honest claim.
pub fn honest_claim() -> Vec<u8> {
    let (wait, first) = initiator();
    let mut noise = noise(false);
    read(&mut noise, &first[1..]);
    let second = [&[VERSION], &write(&mut noise, &[])[..]].concat();
    let greeting = minicbor::to_vec(vec![vec!["parks"]]).expect("writing to a Vec cannot fail");
    let introduction = town::sensor_introduction(greeting);
    let (_, third) = wait.read(&second, &town::sensor_key(), &introduction).expect("a second message");
    let mut payload = vec![0; third.len()];
    let length = noise.read_message(&third, &mut payload).expect("an honest message");
    payload.truncate(length);
    payload
}

/// The payload of an honest answer.
pub fn honest_answer() -> Vec<u8> {
    // `Admitted` is the variant 0, and what it holds is what a claim holds: `[0, [papers]]`.
    [&[0x82, 0x00, 0x81], &honest_claim()[..]].concat()
}
