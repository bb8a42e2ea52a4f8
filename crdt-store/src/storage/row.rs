//! Rows of the index, in CBOR.

use std::sync::Arc;

use minicbor::{Decoder, Encoder};
use msec_identity::{UnixMillis, Unverified};

use super::held::{Facts, SignedHead};
use super::index::{Checkpoint, IndexError};
use super::stretch::{Newest, Stretch};
use crate::log::{LogHeader, TimeQuality};
use crate::merkle::{CompactRange, TreeHash};
use crate::query::RowCursor;
use crate::reading::{decode_readings, encode_readings};

/// The version of these rows: an index with others is made again.
const FORMAT: u8 = 4;

const INFALLIBLE: &str = "writing to a Vec cannot fail";

/// An index that was read, and does not hold what it should.
fn wrong(what: &str) -> IndexError {
    what.into()
}

pub(super) fn checkpoint(it: &Checkpoint) -> Vec<u8> {
    let mut e = Encoder::new(Vec::new());
    e.u8(FORMAT).and_then(|e| e.u32(it.segment)).and_then(|e| e.u64(it.offset)).expect(INFALLIBLE);
    e.bytes(&it.last).and_then(|e| e.u64(it.run)).and_then(|e| e.u64(it.rewritten)).expect(INFALLIBLE);
    e.bool(it.roll_ups).expect(INFALLIBLE);
    e.into_writer()
}

pub(super) fn read_checkpoint(row: &[u8]) -> Result<Checkpoint, IndexError> {
    let mut d = Decoder::new(row);
    if d.u8()? != FORMAT {
        return Err(wrong("the index is of another version"));
    }
    let (segment, offset, last) = (d.u32()?, d.u64()?, d.bytes()?.try_into()?);
    Ok(Checkpoint { segment, offset, last, run: d.u64()?, rewritten: d.u64()?, roll_ups: d.bool()? })
}

pub(super) fn header(header: &LogHeader) -> Vec<u8> {
    minicbor::to_vec(header).expect(INFALLIBLE)
}

pub(super) fn facts(facts: &Facts, begin: u64) -> Vec<u8> {
    let mut e = Encoder::new(Vec::new());
    e.bytes(&facts.head.to_bytes()).and_then(|e| e.u64(facts.held.end())).expect(INFALLIBLE);
    for range in [&facts.held, &facts.rest] {
        e.bytes(range.hashes().as_flattened()).expect(INFALLIBLE);
    }
    e.bool(facts.continuable).and_then(|e| e.u64(facts.run)).expect(INFALLIBLE);
    e.encode(facts.latest).expect(INFALLIBLE);
    match &facts.newest {
        None => e.null().map(|_| ()).expect(INFALLIBLE),
        Some(newest) => {
            let reading = encode_readings(&[newest.reading]).expect("a reading that was read is no NaN");
            e.u64(newest.key.position).and_then(|e| e.u32(newest.key.index)).expect(INFALLIBLE);
            e.u8(newest.clock.code()).and_then(|e| e.bytes(&reading)).expect(INFALLIBLE);
        }
    }
    e.u64(begin).expect(INFALLIBLE);
    e.into_writer()
}

pub(super) fn read_facts(header: &[u8], row: &[u8]) -> Result<(Facts, u64), IndexError> {
    let header: LogHeader = minicbor::decode(header)?;
    let mut d = Decoder::new(row);
    let head = Unverified::from_bytes(d.bytes()?)?;
    let mut facts = Facts::new(Arc::new(header), SignedHead::Read(head));
    let claims = facts.head.claims().clone();
    let held = d.u64()?;
    let ranges = (range(0, held, d.bytes()?), range(held, claims.size, d.bytes()?));
    let (Some(held), Some(rest)) = ranges else { return Err(wrong("a log has too many hashes, or too few")) };
    let mut whole = held.clone();
    if !whole.join(&rest) || whole.root() != claims.root || facts.header.id() != claims.log {
        return Err(wrong("a log is not what its head says"));
    }
    (facts.held, facts.rest) = (held, rest);
    (facts.continuable, facts.run, facts.latest) = (d.bool()?, d.u64()?, d.decode()?);
    if d.datatype()? == minicbor::data::Type::Null {
        d.skip()?;
    } else {
        let (position, index, clock) = (d.u64()?, d.u32()?, TimeQuality::from_code(d.u8()?));
        let readings = decode_readings(d.bytes()?)?;
        let reading = *readings.first().ok_or_else(|| wrong("a log's newest reading is missing"))?;
        let key = RowCursor { time: reading.time, log: claims.log, position, index };
        facts.newest = Some(Newest { key, clock, reading });
    }
    Ok((facts, d.u64()?))
}

fn range(begin: u64, end: u64, hashes: &[u8]) -> Option<CompactRange> {
    let (hashes, []) = hashes.as_chunks() else { return None };
    let hashes: &[TreeHash] = hashes;
    CompactRange::from_hashes(begin, end, hashes.to_vec())
}

pub(super) fn stretch(it: &Stretch) -> Vec<u8> {
    let mut e = Encoder::new(Vec::new());
    e.u64(it.end - it.from).and_then(|e| e.u32(it.segment)).and_then(|e| e.u32(it.offset)).expect(INFALLIBLE);
    e.u32(it.len).expect(INFALLIBLE);
    e.writer_mut().extend_from_slice(&it.check);
    // Differences: most are short. Times are anything that somebody wrote.
    let after = |a: UnixMillis, b: UnixMillis| b.0.wrapping_sub(a.0);
    e.i64(it.oldest.0).and_then(|e| e.i64(after(it.oldest, it.newest))).expect(INFALLIBLE);
    e.i64(after(it.newest, it.greatest)).expect(INFALLIBLE);
    e.into_writer()
}

pub(super) fn read_stretch(from: u64, row: &[u8]) -> Result<Stretch, IndexError> {
    let mut d = Decoder::new(row);
    let count = d.u64()?;
    let (segment, offset, len) = (d.u32()?, d.u32()?, d.u32()?);
    let rest = row.get(d.position()..).and_then(|rest| rest.split_first_chunk::<8>());
    let (check, times) = rest.ok_or_else(|| wrong("a stretch is cut off"))?;
    let mut d = Decoder::new(times);
    let oldest = d.i64()?;
    let newest = oldest.wrapping_add(d.i64()?);
    let greatest = newest.wrapping_add(d.i64()?);
    let end = from.checked_add(count).ok_or_else(|| wrong("a stretch has no end"))?;
    let [oldest, newest, greatest] = [oldest, newest, greatest].map(UnixMillis);
    Ok(Stretch { from, end, segment, offset, len, check: *check, oldest, newest, greatest })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_stretch_comes_back(
            (from, count) in (0u64..1 << 40, 1u64..1 << 20),
            (segment, offset, len) in any::<(u32, u32, u32)>(),
            check in any::<[u8; 8]>(),
            times in any::<[i64; 3]>(),
        ) {
            let [oldest, newest, greatest] = times.map(UnixMillis);
            let it = Stretch { from, end: from + count, segment, offset, len, check, oldest, newest, greatest };
            prop_assert_eq!(read_stretch(from, &stretch(&it)).expect("reads"), it);
        }

        #[test]
        fn arbitrary_rows_never_panic(row in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = (read_stretch(u64::MAX, &row).is_ok(), read_facts(&row, &row).is_ok(), read_checkpoint(&row).is_ok());
        }
    }

    #[test]
    fn a_stretch_of_a_live_reading_takes_few_bytes() {
        let time = UnixMillis(1_700_000_000_000);
        let it = Stretch {
            from: 1_000,
            end: 1_001,
            segment: 20,
            offset: 9_000_000,
            len: 240,
            check: [7; 8],
            oldest: time,
            newest: time,
            greatest: time,
        };
        assert_eq!(stretch(&it).len(), 28);
    }
}
