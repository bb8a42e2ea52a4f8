//! The columns of a change, read with a bound on everything that could unfold.
//!
//! A run-length encoding names a billion values in ten bytes. What is read here stops at the stated count instead, before
//! anything is allocated for it.

use super::error::ChangeError;

/// The most columns that a change has. Automerge writes 14 at most; more are refused.
const COLUMNS_MAX: u64 = 16;

/// Bytes, read from the front.
pub(super) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// What was not read yet.
    pub(super) fn rest(&self) -> &'a [u8] {
        self.rest
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    pub(super) fn take(&mut self, count: u64) -> Result<&'a [u8], ChangeError> {
        let count = usize::try_from(count).map_err(|_| ChangeError::Malformed)?;
        let (taken, rest) = self.rest.split_at_checked(count).ok_or(ChangeError::Malformed)?;
        self.rest = rest;
        Ok(taken)
    }

    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], ChangeError> {
        Ok(self.take(N as u64)?.try_into().expect("as many as were asked for"))
    }

    /// An unsigned LEB128 number.
    pub(super) fn unsigned(&mut self) -> Result<u64, ChangeError> {
        let mut value = 0u64;
        for shift in (0..64).step_by(7) {
            let [byte] = self.array()?;
            let bits = u64::from(byte & 0x7f);
            if shift == 63 && bits > 1 {
                return Err(ChangeError::Malformed);
            }
            value |= bits << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(ChangeError::Malformed)
    }

    /// A signed LEB128 number.
    pub(super) fn signed(&mut self) -> Result<i64, ChangeError> {
        let mut value = 0i64;
        for shift in (0..64).step_by(7) {
            let [byte] = self.array()?;
            value |= i64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                let unused = 64 - (shift + 7);
                // The last bit that was read is the sign.
                return Ok(if unused > 0 { value << unused >> unused } else { value });
            }
        }
        Err(ChangeError::Malformed)
    }

    pub(super) fn text(&mut self, bytes_max: usize) -> Result<&'a str, ChangeError> {
        let bytes = self.unsigned()?;
        if bytes > bytes_max as u64 {
            return Err(ChangeError::OverBound { what: "the text of a key or a message", max: bytes_max });
        }
        std::str::from_utf8(self.take(bytes)?).map_err(|_| ChangeError::Malformed)
    }
}

/// Which columns there are, and their bytes.
pub(super) struct Columns<'a>(Vec<(u64, &'a [u8])>);

impl<'a> Columns<'a> {
    /// Reads the list of columns, and then their bytes.
    pub(super) fn read(reader: &mut Reader<'a>) -> Result<Self, ChangeError> {
        let count = reader.unsigned()?;
        if count > COLUMNS_MAX {
            return Err(ChangeError::Malformed);
        }
        let mut lengths = Vec::new();
        for _ in 0..count {
            lengths.push((reader.unsigned()?, reader.unsigned()?));
        }
        let read = |(column, bytes)| Ok((column, reader.take(bytes)?));
        lengths.into_iter().map(read).collect::<Result<_, _>>().map(Self)
    }

    /// A column's bytes; none if it is left out.
    pub(super) fn get(&self, column: u64) -> &'a [u8] {
        self.0.iter().find(|(it, _)| *it == column).map_or(&[], |(_, bytes)| bytes)
    }
}

/// The values of a run-length encoded column, at most `count_max` of them.
pub(super) fn runs<'a, T: Clone>(
    bytes: &'a [u8],
    count_max: usize,
    read: impl Fn(&mut Reader<'a>) -> Result<T, ChangeError>,
) -> Result<Vec<Option<T>>, ChangeError> {
    let mut reader = Reader::new(bytes);
    let mut values = Vec::new();
    while !reader.is_empty() {
        let length = reader.signed()?;
        let count = if length == 0 { reader.unsigned()? } else { length.unsigned_abs() };
        let room = count_max - values.len();
        let Some(count) = usize::try_from(count).ok().filter(|count| *count <= room) else {
            return Err(ChangeError::OverBound { what: "the number of operations", max: count_max });
        };
        match length {
            0 => values.resize(values.len() + count, None),
            1.. => values.resize(values.len() + count, Some(read(&mut reader)?)),
            _ => {
                for _ in 0..count {
                    values.push(Some(read(&mut reader)?));
                }
            }
        }
    }
    Ok(values)
}

/// The values of a column of differences.
pub(super) fn deltas(bytes: &[u8], count_max: usize) -> Result<Vec<i64>, ChangeError> {
    let mut value = 0i64;
    let sum = |delta: Option<i64>| {
        value = delta.and_then(|delta| value.checked_add(delta)).ok_or(ChangeError::Malformed)?;
        Ok(value)
    };
    runs(bytes, count_max, Reader::signed)?.into_iter().map(sum).collect()
}
