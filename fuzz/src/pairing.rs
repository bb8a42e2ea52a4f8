//! Codes of the town, and an attacker who has one: he does the Noise handshake right, and says what he likes inside of it.

use std::time::Duration;

use msec_identity::pairing::{
    AwaitAnswer, AwaitInviter, AwaitJoiner, Code, Hints, Host, Invite, InviteBook, InviteSecret, Inviter,
    Joiner, NAME_BYTES_MAX, OpenInvite, PAIRING, PairingPapers,
};
use msec_identity::{GrantId, PairingError, Verified};
use rand_chacha::ChaCha20Rng;
use rand_core::{Rng, SeedableRng};

use crate::noise::{OVERHEAD_BYTES, PAYLOAD_BYTES_MAX, is_of_town, read, state, write};
use crate::town::{self, BINDING, NOW};

const PATTERN: &str = "Noise_XXpsk0_25519_ChaChaPoly_BLAKE2s";
const PROLOGUE: &[u8] = b"msec/pairing/1";
const VERSION: u8 = 1;
/// The monotonic time of everything.
const START: Duration = Duration::from_secs(1_000);

/// Randomness that is the same in every run.
pub fn rng(seed: u8) -> ChaCha20Rng {
    ChaCha20Rng::from_seed([seed; 32])
}

fn secret() -> InviteSecret {
    InviteSecret::draw(&mut rng(9))
}

/// What the secret becomes in the handshake.
fn psk() -> [u8; 32] {
    let mut secret = [0; 20];
    rng(9).fill_bytes(&mut secret);
    blake3::derive_key("msec/pairing/1 psk", &secret)
}

fn hints() -> Hints {
    Hints::new(town::address().addresses.iter().collect()).expect("two addresses of one host")
}

/// The gateway invites somebody.
pub fn invite() -> Invite {
    let (space, gateway) = (town::manifest().space(), town::gateway().peer());
    Invite::new(space, gateway, secret(), NOW.saturating_add(600_000), hints())
}

/// The gateway lets read whoever walks up, there or from anywhere.
pub fn open_invite(anywhere: bool) -> Verified<OpenInvite> {
    town::gateway().sign(OpenInvite {
        space: town::manifest().space(),
        gateway: town::gateway().peer(),
        grant: GrantId([7; 32]),
        resource: town::noise(),
        lasts_s: 3_600,
        not_after: NOW.saturating_add(600_000),
        hints: hints(),
        anywhere,
    })
}

/// Whatever is a code is written in one way, and no key can be made up for which one passes.
pub fn code(text: &str) {
    let Ok(code) = Code::parse(text) else { return };
    let again = match &code {
        Code::Invite(invite) => invite.to_string(),
        Code::Open(open) => {
            let keys = [town::root(), town::sensor(), town::gateway()].map(|key| key.peer());
            assert!(keys.contains(&open.gateway), "signed by nobody");
            open.code()
        }
    };
    assert_eq!(Code::parse(&again), Ok(code), "what was read is written, and read again");
}

fn joiner() -> (AwaitInviter, Vec<u8>) {
    Joiner::start(invite().door(), &town::sensor_key(), BINDING, &mut rng(2)).expect("starts")
}

fn sensor_papers() -> PairingPapers {
    PairingPapers { name: "mic 1".into(), greeting: Vec::new() }
}

fn respond(first: &[u8]) -> Result<(AwaitJoiner, Vec<u8>), PairingError> {
    let mut book = InviteBook::default();
    book.invite(&secret(), Duration::from_secs(600), START).expect("the first code");
    let (key, space) = (town::gateway_key(), town::manifest().space());
    let papers = PairingPapers { name: "town hall".into(), greeting: Vec::new() };
    let host = Host { key: &key, space, papers: &papers };
    Inviter::respond(first, &mut book, START, host, BINDING, &mut rng(1))
}

fn second_is_read(second: &[u8]) -> Result<(AwaitAnswer, Vec<u8>), PairingError> {
    joiner().0.read(second, &town::sensor_key(), &sensor_papers(), Some(NOW))
}

/// The inviter reads `first`. Nobody writes one without the secret.
pub fn first(first: &[u8]) {
    if respond(first).is_ok() {
        assert_eq!(first, honest_messages()[0], "no secret, no answer");
    }
}

/// The joiner reads `second`.
pub fn second(second: &[u8]) {
    if second_is_read(second).is_ok() {
        assert_eq!(second, honest_messages()[1], "nobody else answers");
    }
}

/// The inviter reads `third`, off the wire.
pub fn third(third: &[u8]) {
    let (wait, _) = respond(&joiner().1).expect("an honest first message");
    if wait.read(third, Some(NOW)).is_ok() {
        assert_eq!(third, honest_messages()[2], "no key, no words");
    }
}

/// The inviter reads a third message with `payload` in it.
pub fn papers(payload: &[u8]) {
    let payload = &payload[..payload.len().min(PAYLOAD_BYTES_MAX)];
    let mut noise = state(PATTERN, PROLOGUE, Some(&psk()), true);
    let first = [&[PAIRING, VERSION], &secret().tag().0[..], &write(&mut noise, &[])].concat();
    let (wait, second) = respond(&first).expect("a first message");
    read(&mut noise, &second[2..]);
    match wait.read(&write(&mut noise, payload), Some(NOW)) {
        Ok(compare) => {
            let joiner = compare.joiner();
            assert!(is_of_town(joiner.peer), "whoever claims an identity holds its key");
            assert!(joiner.name.len() <= NAME_BYTES_MAX && !joiner.name.chars().any(char::is_control));
        }
        Err(error) => assert!(!matches!(error, PairingError::Noise(_)), "the cipher was right: {error}"),
    }
}

/// The joiner reads an answer with `payload` in it.
pub fn answer(payload: &[u8]) {
    let payload = &payload[..payload.len().min(PAYLOAD_BYTES_MAX)];
    let (wait, first) = joiner();
    let mut noise = state(PATTERN, PROLOGUE, Some(&psk()), false);
    read(&mut noise, &first[10..]);
    let papers = gateway_papers();
    let second = [&[PAIRING, VERSION], &write(&mut noise, &papers)[..]].concat();
    let read_second = wait.read(&second, &town::sensor_key(), &sensor_papers(), Some(NOW));
    let (wait, third) = read_second.expect("a second message");
    read(&mut noise, &third);
    let mut noise = noise.into_transport_mode().expect("the handshake is over");
    let mut message = vec![0; payload.len() + OVERHEAD_BYTES];
    let length = noise.write_message(payload, &mut message).expect("there is room");
    if let Err(error) = wait.read(&message[..length]) {
        assert!(!matches!(error, PairingError::Noise(_)), "the cipher was right: {error}");
    }
}

/// The first three messages between the sensor and the gateway.
pub fn honest_messages() -> [Vec<u8>; 3] {
    let (_, first) = joiner();
    let (_, second) = respond(&first).expect("an honest first message");
    let (_, third) = second_is_read(&second).expect("an honest second message");
    [first, second, third]
}

/// The payload of an honest third message: `[endorsement, null, name, greeting]`.
pub fn honest_papers() -> Vec<u8> {
    written(&town::sensor_key().endorsement().to_bytes(), None, "mic 1")
}

fn gateway_papers() -> Vec<u8> {
    written(&town::gateway_key().endorsement().to_bytes(), Some(&town::manifest().space().0), "town hall")
}

fn written(endorsement: &[u8], space: Option<&[u8]>, name: &str) -> Vec<u8> {
    let mut e = minicbor::Encoder::new(Vec::new());
    let begun = e.array(4).and_then(|e| e.bytes(endorsement));
    let spaced = begun.and_then(|e| if let Some(space) = space { e.bytes(space) } else { e.null() });
    spaced.and_then(|e| e.str(name)).and_then(|e| e.bytes(&[])).expect("writing to a Vec cannot fail");
    e.into_writer()
}
