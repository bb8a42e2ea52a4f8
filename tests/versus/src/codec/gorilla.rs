//! T. Pelkonen et al., "Gorilla: a fast, scalable, in-memory time series database", VLDB 2015, section 4.1.
//!
//! Times are in milliseconds, so that the widths of the paper's differences of differences (7, 9, 12 and 32 bits of seconds)
//! are made 7, 14, 24 and 64.

use super::bits::{Reader, Writer};

/// What stands after as many ones.
const WIDTHS: [u32; 5] = [0, 7, 14, 24, 64];

pub(super) fn write_times(times: &[i64]) -> Vec<u8> {
    let mut w = Writer::default();
    let (mut before, mut step) = (0i64, 0i64);
    for (n, &time) in times.iter().enumerate() {
        if n == 0 {
            w.put(time as u64, 64);
        } else {
            let change = time.wrapping_sub(before).wrapping_sub(step);
            let fits = |bits: u32| {
                bits == 64 || bits == 0 && change == 0 || bits > 0 && change >> (bits - 1) == change >> 63
            };
            let ones = WIDTHS.iter().position(|bits| fits(*bits)).unwrap_or(4) as u32;
            // Four ones are the last: no zero follows.
            w.put(if ones == 4 { 0b1111 } else { (1 << (ones + 1)) - 2 }, (ones + 1).min(4));
            w.put(change as u64, WIDTHS[ones as usize]);
            step = time.wrapping_sub(before);
        }
        before = time;
    }
    w.finish()
}

pub(super) fn read_times(bytes: &[u8], count: usize) -> anyhow::Result<Vec<i64>> {
    let mut r = Reader::new(bytes);
    let mut times = vec![r.take(64)? as i64];
    let mut step = 0i64;
    while times.len() < count {
        let bits = WIDTHS[r.ones(4)? as usize];
        let change = if bits == 0 { 0 } else { (r.take(bits)? << (64 - bits)) as i64 >> (64 - bits) };
        step = step.wrapping_add(change);
        times.push(times[times.len() - 1].wrapping_add(step));
    }
    Ok(times)
}

/// The bits that differ, when they stand somewhere else than the ones before.
#[derive(Clone, Copy)]
struct Window {
    leading: u32,
    trailing: u32,
}

pub(super) fn write_values(values: &[f64]) -> Vec<u8> {
    let mut w = Writer::default();
    let (mut before, mut window) = (0u64, None::<Window>);
    for (n, value) in values.iter().enumerate() {
        let bits = value.to_bits();
        let differ = bits ^ std::mem::replace(&mut before, bits);
        if n == 0 {
            w.put(bits, 64);
            continue;
        }
        if differ == 0 {
            w.put(0, 1);
            continue;
        }
        let (leading, trailing) = (differ.leading_zeros().min(31), differ.trailing_zeros());
        let kept = window.filter(|it| leading >= it.leading && trailing >= it.trailing);
        let Window { leading, trailing } = kept.unwrap_or(Window { leading, trailing });
        let meaningful = 64 - leading - trailing;
        if kept.is_some() {
            w.put(0b10, 2);
        } else {
            w.put(0b11, 2);
            w.put(leading.into(), 5);
            w.put((meaningful - 1).into(), 6);
            window = Some(Window { leading, trailing });
        }
        w.put(differ >> trailing, meaningful);
    }
    w.finish()
}

pub(super) fn read_values(bytes: &[u8], count: usize) -> anyhow::Result<Vec<f64>> {
    let mut r = Reader::new(bytes);
    let mut before = r.take(64)?;
    let mut values = vec![f64::from_bits(before)];
    let mut window = Window { leading: 0, trailing: 0 };
    while values.len() < count {
        let ones = r.ones(2)?;
        if ones == 2 {
            let leading = r.take(5)? as u32;
            let meaningful = r.take(6)? as u32 + 1;
            window = Window { leading, trailing: 64u32.saturating_sub(leading + meaningful) };
        }
        if ones > 0 {
            before ^= r.take(64 - window.leading - window.trailing)? << window.trailing;
        }
        values.push(f64::from_bits(before));
    }
    Ok(values)
}
