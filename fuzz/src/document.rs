//! A document, fed with the change entries of logs whose authors may write what they like.

use msec_crdt_store::{ChangeEntry, Document, Draft, Thing, ThingPatch};
use msec_identity::{LogId, UnixMillis};
use sha2::{Digest, Sha256};

use crate::script::{Script, Step};

/// What stands in an entry. The log is the argument's lowest bits.
pub mod act {
    /// The bytes are a body.
    pub const BODY: u8 = 0;
    /// The bytes are the data of a change; magic, checksum and length are right.
    pub const DATA: u8 = 1;
    /// How many of these there are.
    pub const COUNT: u8 = 2;
}

/// What a change begins with; then four bytes of a checksum.
const MAGIC: [u8; 4] = [0x85, 0x6f, 0x4a, 0x83];
/// What comes before the bytes whose digest names a change.
const UNHASHED_BYTES: usize = MAGIC.len() + 4;
/// That it is a change, and not compressed.
const UNCOMPRESSED: u8 = 1;
const TIME: UnixMillis = UnixMillis(1_000);

/// The nth log.
fn log(n: u8) -> LogId {
    LogId([n + 1; 32])
}

/// The log of somebody honest.
const HONEST: LogId = LogId([9; 32]);

/// A change with these data.
fn change(data: &[u8]) -> Vec<u8> {
    let mut chunk = vec![UNCOMPRESSED];
    let mut length = data.len();
    while length >= 0x80 {
        chunk.push(length as u8 | 0x80);
        length >>= 7;
    }
    chunk.push(length as u8);
    chunk.extend(data);
    let checksum = Sha256::digest(&chunk);
    [&MAGIC, &checksum[..4], &chunk].concat()
}

/// The data of a change that Automerge wrote.
fn data(body: &[u8]) -> &[u8] {
    // Behind magic, checksum, kind, and a length of one or two bytes.
    let data = if body[9] & 0x80 == 0 { &body[10..] } else { &body[11..] };
    assert_eq!(change(data), body, "the form is what Automerge writes");
    data
}

/// Folds the entries all at once, and one by one, each twice, the logs in another order. Both are the same, and somebody
/// honest can go on from there.
pub fn check<'a>(steps: impl Iterator<Item = Step<'a>>) {
    let mut logs: [Vec<ChangeEntry>; 4] = Default::default();
    for step in steps {
        let n = step.argument & 0x03;
        let entries = &mut logs[usize::from(n)];
        let body = if step.kind % act::COUNT == act::BODY { step.bytes.to_vec() } else { change(step.bytes) };
        entries.push(ChangeEntry { log: log(n), position: 1 + entries.len() as u64, body });
    }
    let (mut whole, mut apart) = (Document::new(), Document::new());
    whole.fold(logs.iter().flatten().cloned()).expect("not as large as that");
    for entry in logs.iter().rev().flatten() {
        apart.fold([entry.clone(), entry.clone()]).expect("not as large as that");
    }
    let state =
        |it: &Document| (it.heads(), it.things().expect("not as large as that"), it.refused(), it.held());
    assert_eq!(state(&whole), state(&apart), "order and duplication change nothing");

    if let Ok(Draft { body, more: false }) = whole.add_thing(HONEST, TIME, &Thing::new("honest")) {
        let hash = Sha256::digest(&body[UNHASHED_BYTES..]).into();
        let entry = ChangeEntry { log: HONEST, position: 1, body };
        let folded = whole.fold([entry.clone()]).expect("not as large as that");
        apart.fold([entry.clone(), entry]).expect("not as large as that");
        assert!(whole.has(&hash), "what is drafted counts");
        // Others may have foretold it: what they said waited for it, and may take away what it adds.
        if folded.applied == 1 {
            assert!(whole.thing("honest").expect("not as large as that").is_some());
        }
        assert_eq!(state(&whole), state(&apart), "order and duplication change nothing");
    }
}

/// What two logs say of `HONEST`'s edit before it is made, since anybody can work out its bytes: a script. One removes what
/// it adds, the other names its operation as what came before, and does not build on it.
pub fn foretelling() -> Vec<u8> {
    let mut document = Document::new();
    let body = document.add_thing(HONEST, TIME, &Thing::new("honest")).expect("a thing").body;
    let folded = document.fold([ChangeEntry { log: HONEST, position: 1, body }]).expect("folded");
    assert_eq!(folded.applied, 1);
    let [removes, names] = [log(0), log(1)].map(|log| {
        let body = document.remove_thing(log, TIME, "honest").expect("a change").body;
        data(&body).to_vec()
    });
    // The number of dependencies, and the one that there is.
    let unbuilt = [&[0], &names[1 + 32..]].concat();
    Script::default().step(act::DATA, 0, &removes).step(act::DATA, 1, &unbuilt).into_bytes()
}

/// What two logs say that know of each other: a script.
pub fn honest_talk() -> Vec<u8> {
    let mut document = Document::new();
    let mut script = Script::default();
    let mut positions = [1u64; 2];
    let mut publish = |document: &mut Document, n: u8, body: Vec<u8>| {
        let position = positions[usize::from(n)];
        positions[usize::from(n)] += 1;
        script = std::mem::take(&mut script).step(act::DATA, n, data(&body));
        let folded = document.fold([ChangeEntry { log: log(n), position, body }]).expect("folded");
        assert_eq!(folded.applied, 1);
    };
    let thing = Thing {
        name: Some("by the pier".into()),
        unit: Some("dB".into()),
        ..Thing::new("parks/noise/mic-1")
    };
    let body = document.add_thing(log(0), TIME, &thing).expect("a thing").body;
    publish(&mut document, 0, body);
    let patch = ThingPatch { name: Some(Some("by the sea".into())), ..ThingPatch::default() };
    let body = document
        .set_thing(log(1), TIME, &thing.id, &patch)
        .expect("a change")
        .expect("something changes")
        .body;
    publish(&mut document, 1, body);
    let body = document.remove_thing(log(0), TIME, &thing.id).expect("a change").body;
    publish(&mut document, 0, body);
    script.into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::script::steps;

    #[test]
    fn an_edit_that_was_foretold_counts_all_the_same() {
        check(steps(&foretelling()));
    }
}
