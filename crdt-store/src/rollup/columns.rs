//! Buckets in few bits, as columns; `column` and `values` are those of readings.
//!
//! ```text
//! columns   = 1:8 count:13 [ numbers counts uncertain bad near mins maxs lengths shifts words ] zeros
//! numbers   = column         the numbers of the buckets, from 0 in 1970, in order
//! counts, uncertain, bad     a column each
//! near      = values         of each bucket that counts something: about its sum, or its only value
//! mins, maxs                 values each, of each bucket that counts two and more
//! lengths   = column         of each bucket that counts two and more: words of what the sum is above `near`
//! shifts    = column         of each that has some: what the first word is shifted by, from 2^-1074
//! words     = column         of all of them, the lowest first, each 62 bits above the one before; the last has a sign
//! zeros     = up to the end of the byte
//! ```
//!
//! Brackets: nothing where there are no buckets. Values are nothing where there are none. Sums are exact, and mostly a decimal
//! and a few units of the last bit, which come from the values' not being decimals to the last bit. `near` is that decimal,
//! where all least and greatest values are decimals: the double nearest to the sum, rounded to as many digits as they
//! have. Otherwise it is that double, and 0 if that is infinite. There is one writer, and nothing but what it writes is read.

use std::collections::BTreeMap;

use super::bucket::{Bucket, Resolution};
use super::claim::CLAIM_BUCKETS_MAX;
use crate::error::ReadingError;
use crate::reading::bits::{BitReader, BitWriter};
use crate::reading::{column, values};

const LAYOUT: u64 = 1;
const COUNT_BITS: u32 = 13;
/// The most words of one sum: it is below 2^63 times the largest double. More are refused, since few bits can say that there
/// are many.
const WORDS_MAX: u64 = 36;

/// Writes buckets, [`CLAIM_BUCKETS_MAX`] at most.
pub(super) fn write(buckets: &BTreeMap<i64, Bucket>) -> Vec<u8> {
    let mut w = BitWriter::default();
    w.put(LAYOUT, 8);
    w.put(buckets.len() as u64, COUNT_BITS);
    if buckets.is_empty() {
        return w.finish(0);
    }
    column::write(&mut w, &buckets.keys().copied().collect::<Vec<_>>());
    for count in [Bucket::count, Bucket::uncertain, Bucket::bad] {
        column::write(&mut w, &buckets.values().map(|it| count(it) as i64).collect::<Vec<_>>());
    }
    let counting: Vec<_> = buckets.values().filter(|it| it.count > 0).collect();
    let several: Vec<_> = counting.iter().copied().filter(|it| it.count > 1).collect();
    let decimals = values::decimals(&counting.iter().flat_map(|it| [it.min, it.max]).collect::<Vec<_>>());
    let near: Vec<_> = counting.iter().map(|it| near(it, decimals)).collect();
    write_values(&mut w, &near);
    write_values(&mut w, &several.iter().map(|it| it.min).collect::<Vec<_>>());
    write_values(&mut w, &several.iter().map(|it| it.max).collect::<Vec<_>>());
    let above = counting.iter().zip(&near).filter(|(it, _)| it.count > 1).map(|(it, near)| {
        let mut above = it.sum.clone();
        above.subtract_times(*near, 1);
        above.terms()
    });
    let above: Vec<_> = above.collect();
    column::write(&mut w, &above.iter().map(|terms| terms.len() as i64).collect::<Vec<_>>());
    let shifts = above.iter().filter_map(|terms| terms.first()).map(|term| i64::from(term.shift));
    column::write(&mut w, &shifts.collect::<Vec<_>>());
    column::write(&mut w, &above.iter().flatten().map(|term| term.number).collect::<Vec<_>>());
    w.finish(0)
}

fn write_values(w: &mut BitWriter, numbers: &[f64]) {
    if !numbers.is_empty() {
        values::write(w, numbers);
    }
}

/// A double about the sum that takes few bits.
fn near(bucket: &Bucket, decimals: Option<usize>) -> f64 {
    let sum = bucket.sum();
    match decimals {
        // The only value stands for all, and must come back to the last bit.
        _ if bucket.count == 1 => bucket.min,
        _ if !sum.is_finite() => 0.0,
        Some(decimals) => values::near_decimal(sum, decimals) + 0.0,
        None => sum,
    }
}

/// Reads buckets of that resolution. Refuses what is not one layout's whole body, and what no readings can be.
pub(super) fn read(bytes: &[u8], resolution: Resolution) -> Result<BTreeMap<i64, Bucket>, ReadingError> {
    let mut r = BitReader::new(bytes);
    if r.take(8)? != LAYOUT {
        return Err(ReadingError::Malformed);
    }
    let count = r.take(COUNT_BITS)? as usize;
    if count > CLAIM_BUCKETS_MAX {
        return Err(ReadingError::Malformed);
    }
    if count == 0 {
        return whole(r, BTreeMap::new());
    }
    let numbers = column::read(&mut r, count)?;
    let in_order = numbers.is_sorted_by(|a, b| a < b);
    if !in_order || numbers.iter().any(|number| !resolution.numbers().contains(number)) {
        return Err(ReadingError::Malformed);
    }
    let counts = read_counts(&mut r, count)?;
    let (uncertain, bad) = (read_counts(&mut r, count)?, read_counts(&mut r, count)?);
    let rest = counts.into_iter().zip(uncertain).zip(bad);
    let mut buckets: Vec<_> =
        rest.map(|((count, uncertain), bad)| Bucket { count, uncertain, bad, ..Bucket::default() }).collect();
    read_sums(&mut r, &mut buckets)?;
    if !buckets.iter().all(Bucket::is_possible) {
        return Err(ReadingError::Malformed);
    }
    whole(r, numbers.into_iter().zip(buckets).collect())
}

fn whole<T>(r: BitReader<'_>, read: T) -> Result<T, ReadingError> {
    if r.zeros_left() == Some(0) { Ok(read) } else { Err(ReadingError::Malformed) }
}

fn read_counts(r: &mut BitReader<'_>, count: usize) -> Result<Vec<u64>, ReadingError> {
    let counted = |number| u64::try_from(number).map_err(|_| ReadingError::Malformed);
    column::read(r, count)?.into_iter().map(counted).collect()
}

fn read_sums(r: &mut BitReader<'_>, buckets: &mut [Bucket]) -> Result<(), ReadingError> {
    let mut counting: Vec<_> = buckets.iter_mut().filter(|it| it.count > 0).collect();
    let near = read_values(r, counting.len())?;
    for (bucket, near) in counting.iter_mut().zip(near) {
        bucket.sum.add(near);
        (bucket.min, bucket.max) = (near, near);
    }
    counting.retain(|it| it.count > 1);
    let (mins, maxs) = (read_values(r, counting.len())?, read_values(r, counting.len())?);
    let lengths = read_counts(r, counting.len())?;
    if lengths.iter().any(|length| *length > WORDS_MAX) {
        return Err(ReadingError::Malformed);
    }
    let has_some = lengths.iter().filter(|length| **length > 0).count();
    let mut shifts = column::read(r, has_some)?.into_iter();
    let words = column::read(r, lengths.iter().sum::<u64>() as usize)?;
    let mut words = &words[..];
    for (((bucket, min), max), length) in counting.into_iter().zip(mins).zip(maxs).zip(lengths) {
        (bucket.min, bucket.max) = (min, max);
        if length == 0 {
            continue;
        }
        let shift =
            shifts.next().and_then(|shift| u32::try_from(shift).ok()).ok_or(ReadingError::Malformed)?;
        let (own, rest) = words.split_at(length as usize);
        words = rest;
        if !bucket.sum.add_terms(shift, own) {
            return Err(ReadingError::Malformed);
        }
    }
    Ok(())
}

fn read_values(r: &mut BitReader<'_>, count: usize) -> Result<Vec<f64>, ReadingError> {
    let read = if count == 0 { Vec::new() } else { values::read(r, count)? };
    if read.iter().all(|value| value.is_finite()) { Ok(read) } else { Err(ReadingError::Malformed) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Buckets of those numbers, of uncertain readings only.
    fn uncertain(numbers: &[i64]) -> Vec<u8> {
        let mut w = BitWriter::default();
        w.put(LAYOUT, 8);
        w.put(numbers.len() as u64, COUNT_BITS);
        let (none, one) = (vec![0; numbers.len()], vec![1; numbers.len()]);
        [numbers, &none, &one, &none, &[], &[], &[]].iter().for_each(|it| column::write(&mut w, it));
        w.finish(0)
    }

    fn is_read(bytes: &[u8]) -> bool {
        read(bytes, Resolution::Day).is_ok()
    }

    #[test]
    fn numbers_are_in_order_and_those_of_days() {
        assert!(is_read(&uncertain(&[5, 6])) && is_read(&uncertain(&[])[..3]));
        assert!(!is_read(&uncertain(&[6, 5])) && !is_read(&uncertain(&[5, 5])));
        let (first, last) = (*Resolution::Day.numbers().start(), *Resolution::Day.numbers().end());
        assert!(is_read(&uncertain(&[first, last])));
        assert!(!is_read(&uncertain(&[first - 1, last])) && !is_read(&uncertain(&[first, last + 1])));
    }

    #[test]
    fn a_bucket_that_no_readings_make_is_refused() {
        let mut it = Bucket { count: 2, min: 1.0, max: 2.0, ..Bucket::default() };
        it.sum.add(3.0);
        let written = |it: &Bucket| write(&BTreeMap::from([(5, it.clone())]));
        assert!(is_read(&written(&it)));
        it.sum.add(f64::from_bits(1));
        assert!(!is_read(&written(&it)), "two of 1 and 2 come to 3");
        assert!(!is_read(&written(&Bucket::default())), "of nothing there is no bucket");
    }

    #[test]
    fn what_is_cut_longer_or_of_another_layout_is_refused() {
        let bytes = uncertain(&[5, 6]);
        assert!((0..bytes.len()).all(|end| !is_read(&bytes[..end])));
        assert!(!is_read(&[&bytes[..], &[0]].concat()) && !is_read(&[&[2], &bytes[1..]].concat()));
    }
}
