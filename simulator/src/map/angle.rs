//! Sine and cosine that are the same on every machine and in every build: those of the C library are not.

use std::f64::consts::FRAC_PI_2;

/// Terms of the series. Within an eighth of a turn the last one is below 1e-17.
const TERMS: u32 = 10;

/// Cosine and sine of an angle in turns: east and north of the unit circle, counter-clockwise from the east.
pub(crate) fn unit(turns: f64) -> (f64, f64) {
    let quarter = (turns * 4.0).round();
    let (cos, sin) = series((turns * 4.0 - quarter) * FRAC_PI_2);
    match quarter.rem_euclid(4.0) as u8 {
        0 => (cos, sin),
        1 => (-sin, cos),
        2 => (-cos, -sin),
        _ => (sin, -cos),
    }
}

/// Taylor's series for both.
fn series(angle: f64) -> (f64, f64) {
    let (mut cos, mut sin, mut term) = (0.0, 0.0, 1.0);
    for n in 0..TERMS {
        let even = f64::from(2 * n);
        cos += term;
        term *= angle / (even + 1.0);
        sin += term;
        term *= -angle / (even + 2.0);
    }
    (cos, sin)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agrees_with_the_library() {
        for n in -720..=720 {
            let turns = f64::from(n) / 360.0;
            let (cos, sin) = unit(turns);
            let radians = turns * std::f64::consts::TAU;
            assert!((cos - radians.cos()).abs() < 1e-14 && (sin - radians.sin()).abs() < 1e-14, "{turns}");
        }
        assert_eq!((unit(0.0), unit(0.25).1, unit(0.5).0), ((1.0, 0.0), 1.0, -1.0));
    }
}
