//! The simplest that could work: decimals as integers, differences, and as many bits for each as the longest needs.

use super::bits::{Reader, Writer};

/// Decimals that are tried.
const EXPONENT_MAX: usize = 15;

fn power(exponent: usize) -> f64 {
    [1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15][exponent]
}

/// The least number of decimals that all values have, and the integers; `None` if there is none.
pub(super) fn decimals(values: &[f64]) -> Option<(u8, Vec<i64>)> {
    let number = |value: f64, exponent: usize| {
        let number = (value * power(exponent)).round() as i64;
        (value_of(number, exponent).to_bits() == value.to_bits()).then_some(number)
    };
    let mut exponent = 0;
    for value in values {
        exponent = (exponent..=EXPONENT_MAX).find(|it| number(*value, *it).is_some())?;
    }
    let numbers = values.iter().map(|value| number(*value, exponent)).collect::<Option<_>>()?;
    Some((exponent as u8, numbers))
}

/// The value of an integer.
pub(super) fn value_of(number: i64, exponent: usize) -> f64 {
    number as f64 / power(exponent.min(EXPONENT_MAX))
}

fn write(w: &mut Writer, numbers: &[i64], order: usize) {
    let mut folded = Vec::with_capacity(numbers.len());
    let (mut before, mut step) = (0i64, 0i64);
    for (n, &number) in numbers.iter().enumerate() {
        let expected = if order == 2 { before.wrapping_add(step) } else { before };
        let difference = number.wrapping_sub(expected);
        folded.push((difference << 1 ^ difference >> 63) as u64);
        step = if n == 0 { 0 } else { number.wrapping_sub(before) };
        before = number;
    }
    let (seeds, rest) = folded.split_at(order.min(folded.len()));
    for seed in seeds {
        let bits = 64 - seed.leading_zeros();
        w.put(bits.into(), 7);
        w.put(*seed, bits);
    }
    let bits = 64 - rest.iter().fold(0, |all, it| all | it).leading_zeros();
    if !rest.is_empty() {
        w.put(bits.into(), 7);
    }
    rest.iter().for_each(|it| w.put(*it, bits));
}

fn read(r: &mut Reader<'_>, count: usize, order: usize) -> anyhow::Result<Vec<i64>> {
    let mut numbers: Vec<i64> = Vec::with_capacity(count);
    let mut step = 0i64;
    let mut width = 0;
    for n in 0..count {
        if n <= order {
            width = r.take(7)? as u32;
        }
        let folded = r.take(width.min(64))?;
        let difference = (folded >> 1) as i64 ^ -((folded & 1) as i64);
        let before = numbers.last().copied().unwrap_or(0);
        let expected = if order == 2 { before.wrapping_add(step) } else { before };
        let number = expected.wrapping_add(difference);
        step = if n == 0 { 0 } else { number.wrapping_sub(before) };
        numbers.push(number);
    }
    Ok(numbers)
}

pub(super) fn write_times(times: &[i64]) -> Vec<u8> {
    let mut w = Writer::default();
    write(&mut w, times, 2);
    w.finish()
}

pub(super) fn read_times(bytes: &[u8], count: usize) -> anyhow::Result<Vec<i64>> {
    read(&mut Reader::new(bytes), count, 2)
}

pub(super) fn write_values(values: &[f64]) -> Vec<u8> {
    let mut w = Writer::default();
    match decimals(values) {
        Some((exponent, numbers)) => {
            w.put(exponent.into(), 8);
            write(&mut w, &numbers, 1);
        }
        None => {
            w.put(0xff, 8);
            values.iter().for_each(|value| w.put(value.to_bits(), 64));
        }
    }
    w.finish()
}

pub(super) fn read_values(bytes: &[u8], count: usize) -> anyhow::Result<Vec<f64>> {
    let mut r = Reader::new(bytes);
    match r.take(8)? {
        0xff => (0..count).map(|_| Ok(f64::from_bits(r.take(64)?))).collect(),
        exponent => {
            Ok(read(&mut r, count, 1)?.into_iter().map(|it| value_of(it, exponent as usize)).collect())
        }
    }
}
