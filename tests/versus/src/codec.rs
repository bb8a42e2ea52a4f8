//! Columns of readings in few bytes: ours, and what else there is.
//!
//! A segment is what lies in one entry and is read by itself. Each contender writes its times and its values, and reads back
//! what it wrote, to the last bit.

mod bits;
mod gorilla;
mod ours;
mod packed;
mod pco;

use anyhow::ensure;
use msec_crdt_store::Reading;

use crate::city::Stream;
use crate::clock::cpu_seconds;

/// A way to write columns.
pub struct Contender {
    /// What it is called in tables and JSON.
    pub name: &'static str,
    /// In words.
    pub about: &'static str,
    times: Column<i64>,
    values: Column<f64>,
    /// Both in one, where that is less than the two.
    both: Option<Column<Reading>>,
}

/// Writes numbers, and reads so many of them back.
struct Column<T> {
    write: fn(&[T]) -> Vec<u8>,
    read: fn(&[u8], usize) -> anyhow::Result<Vec<T>>,
}

/// All of them, ours first.
pub const CONTENDERS: [Contender; 6] = [
    Contender {
        name: "ours",
        about: "the body of an entry; for a column alone, a body in which all else is zero",
        times: Column { write: ours::write_times, read: ours::read_times },
        values: Column { write: ours::write_values, read: ours::read_values },
        both: Some(Column { write: ours::write, read: ours::read }),
    },
    Contender {
        name: "pco",
        about: "a file of its own for each column, doubles and 64-bit integers, its defaults",
        times: Column { write: pco::write_file, read: pco::read_file },
        values: Column { write: pco::write_file, read: pco::read_file },
        both: None,
    },
    Contender {
        name: "pco_bare",
        about: "the same without the file's header: version, type and count stand somewhere else",
        times: Column { write: pco::write_bare, read: pco::read_bare },
        values: Column { write: pco::write_bare, read: pco::read_bare },
        both: None,
    },
    Contender {
        name: "pco_decimals",
        about: "the same over our integers for decimals, with a byte for their scale",
        times: Column { write: pco::write_bare, read: pco::read_bare },
        values: Column { write: pco::write_decimals, read: pco::read_decimals },
        both: None,
    },
    Contender {
        name: "gorilla",
        about: "Pelkonen et al., VLDB 2015: times as differences of differences, values by XOR; without a count",
        times: Column { write: gorilla::write_times, read: gorilla::read_times },
        values: Column { write: gorilla::write_values, read: gorilla::read_values },
        both: None,
    },
    Contender {
        name: "packed",
        about: "our integers for decimals, differences, all of a segment with as many bits; without a count",
        times: Column { write: packed::write_times, read: packed::read_times },
        values: Column { write: packed::write_values, read: packed::read_values },
        both: None,
    },
];

/// What a contender made of streams.
#[derive(Clone, Copy, Debug, Default)]
pub struct Outcome {
    /// How many readings there were.
    pub readings: usize,
    /// Bytes of times.
    pub times_bytes: usize,
    /// Bytes of values.
    pub values_bytes: usize,
    /// Bytes of both.
    pub bytes: usize,
    /// CPU seconds of writing both.
    pub write_s: f64,
    /// CPU seconds of reading both back.
    pub read_s: f64,
}

/// CPU seconds of one pass or several.
#[derive(Clone, Copy, Debug, Default)]
struct Cpu {
    write_s: f64,
    read_s: f64,
}

impl Contender {
    /// Writes streams in segments of so many readings, and reads them back.
    pub fn measure(&self, streams: &[Stream], segment: usize) -> anyhow::Result<Outcome> {
        let mut outcome = Outcome::default();
        for stream in streams.iter().filter(|stream| !stream.readings.is_empty()) {
            let segments = || stream.readings.chunks(segment.min(stream.readings.len()));
            let times: Vec<Vec<i64>> = segments().map(|it| it.iter().map(|r| r.time.0).collect()).collect();
            let values: Vec<Vec<f64>> = segments().map(|it| it.iter().map(|r| r.value).collect()).collect();
            outcome.readings += stream.readings.len();
            let bits = |a: &f64, b: &f64| a.to_bits() == b.to_bits();
            let mut cpu = Cpu::default();
            let of_times = self.times.pass(times.iter().map(Vec::as_slice), i64::eq, &mut cpu)?;
            let of_values = self.values.pass(values.iter().map(Vec::as_slice), bits, &mut cpu)?;
            let mut of_both = of_times + of_values;
            if let Some(both) = &self.both {
                cpu = Cpu::default();
                of_both = both.pass(segments(), Reading::eq, &mut cpu)?;
            }
            outcome.times_bytes += of_times;
            outcome.values_bytes += of_values;
            outcome.bytes += of_both;
            outcome.write_s += cpu.write_s;
            outcome.read_s += cpu.read_s;
        }
        Ok(outcome)
    }
}

impl<T> Column<T> {
    fn pass<'a>(
        &self,
        segments: impl Iterator<Item = &'a [T]> + Clone,
        equal: fn(&T, &T) -> bool,
        cpu: &mut Cpu,
    ) -> anyhow::Result<usize>
    where
        T: 'a,
    {
        let start = cpu_seconds();
        let written: Vec<Vec<u8>> = segments.clone().map(self.write).collect();
        let between = cpu_seconds();
        let counts = segments.clone().map(<[T]>::len);
        let back: Vec<Vec<T>> = written
            .iter()
            .zip(counts)
            .map(|(bytes, count)| (self.read)(bytes, count))
            .collect::<Result<_, _>>()?;
        cpu.write_s += between - start;
        cpu.read_s += cpu_seconds() - between;
        for (segment, back) in segments.zip(&back) {
            let same = segment.len() == back.len() && segment.iter().zip(back).all(|(a, b)| equal(a, b));
            ensure!(same, "a segment came back otherwise than it was written");
        }
        Ok(written.iter().map(Vec::len).sum())
    }
}

#[cfg(test)]
mod tests {
    use msec_identity::UnixMillis;

    use super::*;

    #[test]
    fn every_contender_gives_back_what_it_was_given() {
        let time = |n: i64| UnixMillis(1_700_000_000_000 + 3_600_000 * n + n % 7 * (n % 3) * 1_000_001);
        let odd = [f64::MAX, -0.0, 0.1, -1.0 / 3.0, f64::INFINITY, 5e-324, 4.0, 4.0, 4.0, 1e15 + 0.5];
        let values = (0..300).map(|n| f64::from(n % 90) / 10.0).chain(odd);
        let readings = (0..).zip(values).map(|(n, value)| Reading::new(time(n), value)).collect();
        let streams = [Stream { name: "odd".to_owned(), unit: "1", readings }];
        for contender in &CONTENDERS {
            for segment in [1, 7, 60, usize::MAX] {
                let outcome = contender.measure(&streams, segment).expect(contender.name);
                assert_eq!(outcome.readings, 310);
                assert!(outcome.bytes >= 310, "{} with {segment}: {} bytes", contender.name, outcome.bytes);
            }
        }
    }
}
