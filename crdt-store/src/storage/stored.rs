//! How a run lies on disk: leaner than on the wire. The log's id stands there once, and the root that the head signs is
//! computed from the entries; the bytes are drawn in [`super`].

use std::ops::Range;

use minicbor::decode::Error as DecodeError;
use minicbor::{Decoder, Encoder};
use msec_identity::{LogId, Record, UnixMillis, Unverified};

use crate::log::{Entry, Head, VerifiedRun};
use crate::merkle::{CompactRange, TreeHash};

const INFALLIBLE: &str = "writing to a Vec cannot fail";

/// Bytes of a signature, which end an encoded head.
const SIGNATURE_BYTES: usize = 64;

/// A run as it was read back, which nobody has checked.
pub(super) struct StoredRun {
    pub(super) log: LogId,
    pub(super) from: u64,
    pub(super) entries: Vec<Entry>,
    /// Where in the payload each entry lies.
    pub(super) places: Vec<Range<usize>>,
    pub(super) rest: Vec<TreeHash>,
    /// What the head says, but for its root.
    pub(super) size: u64,
    time: UnixMillis,
    signature: [u8; SIGNATURE_BYTES],
}

/// Appends a run to `out`. Returns where in `out` each entry lies.
pub(super) fn write(out: &mut Vec<u8>, run: &VerifiedRun) -> Vec<Range<usize>> {
    let head = &run.state.head;
    let signed = head.to_bytes();
    let signature = signed.last_chunk::<SIGNATURE_BYTES>().expect("a head ends with its signature");
    let (log, rest) = (&head.log, run.state.rest.hashes());
    encode(out, log, signature, (head.time, head.size), run.from, &run.entries, rest)
}

fn encode(
    out: &mut Vec<u8>,
    log: &LogId,
    signature: &[u8; SIGNATURE_BYTES],
    (time, size): (UnixMillis, u64),
    from: u64,
    entries: &[Entry],
    rest: &[TreeHash],
) -> Vec<Range<usize>> {
    out.extend_from_slice(&log.0);
    out.extend_from_slice(signature);
    let mut e = Encoder::new(&mut *out);
    e.i64(time.0).and_then(|e| e.u64(size)).expect(INFALLIBLE);
    e.u64(from).and_then(|e| e.u64(entries.len() as u64)).expect(INFALLIBLE);
    for hash in rest {
        out.extend_from_slice(hash);
    }
    let place = |entry: &Entry| {
        let at = out.len();
        minicbor::encode(entry, &mut *out).expect(INFALLIBLE);
        at..out.len()
    };
    entries.iter().map(place).collect()
}

impl StoredRun {
    /// Reads what [`write`] wrote after the first byte of `payload`, its mark.
    pub(super) fn read(payload: &[u8]) -> Result<Self, DecodeError> {
        let mut d = Decoder::new(payload);
        d.set_position(1);
        let log = LogId(raw(&mut d)?);
        let signature = raw(&mut d)?;
        let time = UnixMillis(d.i64()?);
        let (size, from, count) = (d.u64()?, d.u64()?, d.u64()?);
        let end = from.checked_add(count).filter(|end| *end <= size);
        let end = end.ok_or_else(|| DecodeError::message("more entries than the head covers"))?;
        let mut rest = Vec::new();
        for _ in 0..CompactRange::hashes_of(end, size) {
            rest.push(raw(&mut d)?);
        }
        let (mut entries, mut places) = (Vec::new(), Vec::new());
        // An entry takes more than a byte: what lies there bounds how many are read.
        for _ in 0..count {
            let at = d.position();
            entries.push(d.decode()?);
            places.push(at..d.position());
        }
        if d.position() != payload.len() {
            return Err(DecodeError::message("something follows the last entry"));
        }
        Ok(Self { log, from, entries, places, rest, size, time, signature })
    }

    /// The position after the last entry.
    pub(super) fn end(&self) -> u64 {
        self.from + self.entries.len() as u64
    }

    /// Appends what [`Self::read`] reads.
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        let when = (self.time, self.size);
        encode(out, &self.log, &self.signature, when, self.from, &self.entries, &self.rest);
    }

    /// The head that its author signed, if the entries lead to this root.
    pub(super) fn head(&self, root: TreeHash) -> Option<Unverified<Head>> {
        let head = Head { log: self.log, size: self.size, root, time: self.time };
        let mut e = Encoder::new(Vec::new());
        e.array(3).and_then(|e| e.str(Head::DOMAIN)).and_then(|e| e.encode(&head)).expect(INFALLIBLE);
        e.bytes(&self.signature).expect(INFALLIBLE);
        Unverified::from_bytes(e.writer()).ok()
    }
}

/// The next bytes, as they are.
fn raw<const N: usize>(d: &mut Decoder<'_>) -> Result<[u8; N], DecodeError> {
    let at = d.position();
    let bytes = d.input().get(at..).and_then(|rest| rest.first_chunk::<N>()).copied();
    d.set_position(at + N);
    bytes.ok_or_else(DecodeError::end_of_input)
}
