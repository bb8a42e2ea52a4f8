//! Rows of the index that are about roll-ups and claims.

use minicbor::{Decoder, Encoder};

use super::claims::ClaimFacts;
use super::index::{IndexError, Rolled};
use crate::rollup::{ClaimHash, LeftOut, Resolution, Row, read_row, write_row};

const INFALLIBLE: &str = "writing to a Vec cannot fail";

pub(super) fn rolled(it: &Rolled) -> Vec<u8> {
    let LeftOut { untimed, erased, malformed } = it.left_out;
    let mut e = Encoder::new(Vec::new());
    for number in [it.end, it.gone, untimed, erased, malformed] {
        e.u64(number).expect(INFALLIBLE);
    }
    e.into_writer()
}

pub(super) fn read_rolled(row: &[u8]) -> Result<Rolled, IndexError> {
    let mut d = Decoder::new(row);
    let (end, gone) = (d.u64()?, d.u64()?);
    let left_out = LeftOut { untimed: d.u64()?, erased: d.u64()?, malformed: d.u64()? };
    if gone > end {
        return Err("a log's roll-up ends before it begins".into());
    }
    Ok(Rolled { end, gone, left_out })
}

pub(super) fn buckets(row: &Row) -> Vec<u8> {
    write_row(row)
}

pub(super) fn read_buckets(bytes: &[u8], resolution: Resolution, row: i64) -> Result<Row, IndexError> {
    Ok(read_row(bytes, resolution, row)?)
}

pub(super) fn claim(it: &ClaimFacts) -> Vec<u8> {
    let mut e = Encoder::new(Vec::new());
    e.bytes(&it.hash.0)
        .and_then(|e| e.bytes(&it.root))
        .and_then(|e| e.u8(it.resolution.code()))
        .expect(INFALLIBLE);
    e.i64(it.first).and_then(|e| e.i64(it.last)).and_then(|e| e.u64(it.erased)).expect(INFALLIBLE);
    e.into_writer()
}

pub(super) fn read_claim(row: &[u8]) -> Result<ClaimFacts, IndexError> {
    let mut d = Decoder::new(row);
    Ok(ClaimFacts {
        hash: ClaimHash(d.bytes()?.try_into()?),
        root: d.bytes()?.try_into()?,
        resolution: Resolution::of_code(d.u8()?).ok_or("a claim of no resolution")?,
        first: d.i64()?,
        last: d.i64()?,
        erased: d.u64()?,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn rows_come_back(hash in any::<[u8; 32]>(), numbers in any::<[i64; 2]>(), counts in any::<[u64; 5]>()) {
            let [erased, untimed, malformed, gone, more] = counts;
            let facts = ClaimFacts {
                hash: ClaimHash(hash),
                root: hash,
                resolution: Resolution::Hour,
                first: numbers[0],
                last: numbers[1],
                erased,
            };
            prop_assert_eq!(read_claim(&claim(&facts)).expect("reads"), facts);
            let end = gone.saturating_add(more);
            let it = Rolled { end, gone, left_out: LeftOut { untimed, erased, malformed } };
            prop_assert_eq!(read_rolled(&rolled(&it)).expect("reads"), it);
        }

        #[test]
        fn arbitrary_rows_never_panic(row in proptest::collection::vec(any::<u8>(), 0..200), number in any::<i64>()) {
            let _ = (read_claim(&row).is_ok(), read_rolled(&row).is_ok());
            let _ = read_buckets(&row, Resolution::Minute, number).is_ok();
        }
    }
}
