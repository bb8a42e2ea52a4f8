//! Lengths that tell little: Padmé (Nikitin, Barman, Lueks, Underwood, Hubaux, Ford: Reducing Metadata Leakage from Encrypted
//! Files and Communication with PURBs, PETS 2019, section 4).
//!
//! A length keeps the upper bits that its own size is written with, and the rest is rounded up. So there are few classes, about as
//! many as the logarithm's logarithm leaves open, and nothing grows by more than 12 %; short ones go up to [`LEAST`]. What pads
//! is a byte `80`, then zeros (ISO/IEC 7816-4): it can be taken off in one way only.

/// The shortest class, in bytes: a single reading and the next one look alike.
const LEAST: usize = 32;
const MARK: u8 = 0x80;

/// The class of a plaintext that is `len` long with its mark.
fn class(len: usize) -> usize {
    if len <= LEAST {
        return LEAST;
    }
    let exponent = len.ilog2();
    let kept = exponent.ilog2() + 1;
    let mask = (1 << (exponent - kept)) - 1;
    (len + mask) & !mask
}

/// Pads to the length's class.
pub(super) fn pad(content: &[u8]) -> Vec<u8> {
    let len = class(content.len() + 1);
    let mut padded = Vec::with_capacity(len);
    padded.extend_from_slice(content);
    padded.push(MARK);
    padded.resize(len, 0);
    padded
}

/// How long the content is; `None` unless it was padded as `pad` does.
pub(super) fn content_len(padded: &[u8]) -> Option<usize> {
    let mark = padded.iter().rposition(|byte| *byte != 0)?;
    (padded[mark] == MARK && class(mark + 1) == padded.len()).then_some(mark)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn classes_are_those_of_the_paper() {
        for (len, padded) in [(1, 32), (32, 32), (33, 36), (100, 104), (1_000, 1_024), (65_000, 65_536)] {
            assert_eq!(class(len), padded, "{len}");
        }
    }

    #[test]
    fn nothing_above_the_least_grows_by_more_than_12_percent() {
        for len in LEAST..70_000 {
            assert!(class(len) >= len && class(len) * 100 <= len * 112, "{len} became {}", class(len));
            assert_eq!(class(class(len)), class(len));
        }
    }

    proptest! {
        #[test]
        fn pads_and_back_and_in_one_way(content in proptest::collection::vec(any::<u8>(), 0..600), at in 0usize..600) {
            let mut padded = pad(&content);
            prop_assert_eq!(content_len(&padded), Some(content.len()));
            padded.push(0);
            prop_assert_eq!(content_len(&padded), None);
            let _ = content_len(&padded[..at.min(padded.len())]);
        }
    }
}
