//! What a machine is fed: steps, written one after the other.
//!
//! ```text
//! script = step*
//! step   = kind:u8 argument:u8 length:u16 bytes     little endian; the last step's bytes may be cut short
//! ```
//!
//! Any bytes are a script, so that whatever a fuzzer makes of one still means something.

/// The most steps that are taken from one script. What follows is ignored: a longer one finds nothing that is not found
/// by a shorter one, and takes longer.
pub const STEPS_MAX: usize = 64;

/// One step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step<'a> {
    /// What happens. Whoever reads it takes it modulo the number of things that can happen.
    pub kind: u8,
    /// To whom, how long, which: as the kind has it.
    pub argument: u8,
    /// The bytes that come with it.
    pub bytes: &'a [u8],
}

impl Step<'_> {
    /// The highest bit of the argument.
    pub fn flag(&self) -> bool {
        self.argument & 0x80 != 0
    }

    /// A number from the first eight bytes; what is missing is zero.
    pub fn number(&self) -> u64 {
        let mut number = [0; 8];
        number.iter_mut().zip(self.bytes).for_each(|(to, from)| *to = *from);
        u64::from_le_bytes(number)
    }
}

/// The steps of a script.
pub fn steps(mut rest: &[u8]) -> impl Iterator<Item = Step<'_>> {
    let next = move || {
        let ([kind, argument, low, high], after) = rest.split_first_chunk::<4>()?;
        let length = usize::from(u16::from_le_bytes([*low, *high])).min(after.len());
        let (bytes, after) = after.split_at(length);
        rest = after;
        Some(Step { kind: *kind, argument: *argument, bytes })
    };
    std::iter::from_fn(next).take(STEPS_MAX)
}

/// A script that is being written, for seeds.
#[derive(Debug, Clone, Default)]
pub struct Script(Vec<u8>);

impl Script {
    /// Adds a step. Its bytes must have a length of two bytes.
    #[must_use]
    pub fn step(mut self, kind: u8, argument: u8, bytes: &[u8]) -> Self {
        let length = u16::try_from(bytes.len()).expect("a seed's step is shorter than 64 KiB");
        self.0.extend([kind, argument]);
        self.0.extend(length.to_le_bytes());
        self.0.extend(bytes);
        self
    }

    /// The script.
    pub fn into_bytes(self) -> Vec<u8> {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_and_a_cut_costs_only_the_end() {
        let bytes = Script::default().step(1, 2, b"abc").step(3, 0x80, b"").into_bytes();
        let read: Vec<_> = steps(&bytes).collect();
        assert_eq!(read[0], Step { kind: 1, argument: 2, bytes: b"abc" });
        assert_eq!((read[1].kind, read[1].flag(), read.len()), (3, true, 2));
        assert_eq!(steps(&bytes[..6]).next().expect("a step").bytes, b"ab");
        assert_eq!(steps(&bytes[..3]).count(), 0);
    }
}
