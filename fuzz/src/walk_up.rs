//! Whoever walks up with a code from a bench, and a gateway that looks at it: what comes off the wire, and what is said inside of Noise.

use msec_identity::PairingError;
use msec_identity::pairing::{
    AwaitCode, AwaitHost, AwaitWelcome, Doorkeeper, NAME_BYTES_MAX, PAIRING, PairingPapers, Visitor, WALK_UP,
};

use crate::noise::{OVERHEAD_BYTES, PAYLOAD_BYTES_MAX, is_of_town, read, state, write};
use crate::pairing::{open_invite, rng};
use crate::town::{self, BINDING, NOW};

const PATTERN: &str = "Noise_XX_25519_ChaChaPoly_BLAKE2s";
const PROLOGUE: &[u8] = b"msec/walk-up/1";

fn visitor() -> (AwaitHost, Vec<u8>) {
    Visitor::start(&town::sensor_key(), BINDING, &mut rng(2)).expect("starts")
}

fn respond(first: &[u8]) -> Result<(AwaitCode, Vec<u8>), PairingError> {
    Doorkeeper::respond(first, &town::gateway_key(), BINDING, &mut rng(1))
}

fn second_is_read(second: &[u8]) -> Result<(AwaitWelcome, Vec<u8>), PairingError> {
    visitor().0.read(second, &town::sensor_key(), &PairingPapers::default(), &open_invite(false))
}

/// The gateway reads `first`, which says nothing, so that anybody may say it.
pub fn first(first: &[u8]) {
    if let Ok((code, _)) = respond(first) {
        assert!(code.read(first, Some(NOW)).is_err(), "and nothing follows from it");
    }
}

/// The visitor reads `second`.
pub fn second(second: &[u8]) {
    if second_is_read(second).is_ok() {
        assert_eq!(second, respond(&visitor().1).expect("an honest first message").1, "nobody else answers");
    }
}

/// The gateway reads a third message with `payload` in it.
pub fn papers(payload: &[u8]) {
    let payload = &payload[..payload.len().min(PAYLOAD_BYTES_MAX)];
    let mut noise = state(PATTERN, PROLOGUE, None, true);
    let first = [&[PAIRING, WALK_UP], &write(&mut noise, &[])[..]].concat();
    let (wait, second) = respond(&first).expect("a first message");
    read(&mut noise, &second[2..]);
    match wait.read(&write(&mut noise, payload), Some(NOW)) {
        Ok((visitor, open, _)) => {
            assert!(is_of_town(visitor.peer), "whoever claims an identity holds its key");
            assert!(is_of_town(open.gateway), "no code is signed by nobody");
            assert!(visitor.name.len() <= NAME_BYTES_MAX && !visitor.name.chars().any(char::is_control));
        }
        Err(error) => assert!(!matches!(error, PairingError::Noise(_)), "the cipher was right: {error}"),
    }
}

/// The visitor reads an answer with `payload` in it.
pub fn answer(payload: &[u8]) {
    let payload = &payload[..payload.len().min(PAYLOAD_BYTES_MAX)];
    let (wait, first) = visitor();
    let mut noise = state(PATTERN, PROLOGUE, None, false);
    read(&mut noise, &first[2..]);
    let second = [&[PAIRING, WALK_UP], &write(&mut noise, &[])[..]].concat();
    let (wait, third) = wait
        .read(&second, &town::sensor_key(), &PairingPapers::default(), &open_invite(false))
        .expect("a second message");
    read(&mut noise, &third);
    let mut noise = noise.into_transport_mode().expect("the handshake is over");
    let mut message = vec![0; payload.len() + OVERHEAD_BYTES];
    let length = noise.write_message(payload, &mut message).expect("there is room");
    match wait.read(&message[..length], Some(NOW)) {
        Ok((host, _)) => assert!(is_of_town(host.peer), "whoever claims an identity holds its key"),
        Err(error) => assert!(!matches!(error, PairingError::Noise(_)), "the cipher was right: {error}"),
    }
}

/// The first two messages, and the payload of an honest third one.
pub fn honest() -> [Vec<u8>; 3] {
    let (_, first) = visitor();
    let (_, second) = respond(&first).expect("an honest first message");
    let mut e = minicbor::Encoder::new(Vec::new());
    let begun = e.array(4).and_then(|e| e.bytes(&town::sensor_key().endorsement().to_bytes()));
    let named = begun.and_then(|e| e.null()).and_then(|e| e.str("mic 1"));
    named.and_then(|e| e.bytes(&open_invite(false).to_bytes())).expect("writing to a Vec cannot fail");
    [first, second, e.into_writer()]
}
