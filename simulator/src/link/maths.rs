//! The few functions that a simulation needs and that IEEE 754 does not fix to the last bit.
//!
//! `f64::exp` and `f64::ln` come from the platform's library, and differ in their last bits from one to the next; a run
//! would then have another digest there. These are made of additions, multiplications and divisions, which do not differ.

const LN_2: f64 = std::f64::consts::LN_2;

/// Terms of the series of `e^x` for |x| up to half of `ln 2`: the next would be below 1e-17.
const EXP_TERMS: u32 = 14;

/// Terms of the series of the area tangent for arguments up to a third: the next would be below 1e-19.
const LN_TERMS: u32 = 20;

/// `e^x`. Below -700 it is 0, above 700 what it is there.
pub(super) fn exp(x: f64) -> f64 {
    if x < -700.0 {
        return 0.0;
    }
    let x = x.min(700.0);
    let halvings = (x / LN_2).round();
    let rest = x - halvings * LN_2;
    let (mut sum, mut term) = (1.0, 1.0);
    for n in 1..=EXP_TERMS {
        term *= rest / f64::from(n);
        sum += term;
    }
    // Within -1010..=1010, so that the exponent is one of a normal number.
    sum * f64::from_bits(((1023 + halvings as i64) as u64) << 52)
}

/// The natural logarithm of a positive normal number.
pub(super) fn ln(x: f64) -> f64 {
    let bits = x.to_bits();
    let exponent = ((bits >> 52) & 0x7ff) as i64 - 1023;
    let mantissa = f64::from_bits((bits & ((1 << 52) - 1)) | (1023 << 52));
    let tangent = (mantissa - 1.0) / (mantissa + 1.0);
    let square = tangent * tangent;
    let (mut sum, mut power) = (0.0, tangent);
    for n in 0..LN_TERMS {
        sum += power / f64::from(2 * n + 1);
        power *= square;
    }
    2.0 * sum + exponent as f64 * LN_2
}

/// The quantile of the normal distribution: P. J. Acklam's rational approximation, good to nine digits. `p` lies between
/// 0 and 1, and is neither.
pub(super) fn normal_quantile(p: f64) -> f64 {
    const A: [f64; 6] = [
        -3.969683028665376e1,
        2.209460984245205e2,
        -2.759285104469687e2,
        1.38357751867269e2,
        -3.066479806614716e1,
        2.506628277459239,
    ];
    const B: [f64; 6] = [
        -5.447609879822406e1,
        1.615858368580409e2,
        -1.556989798598866e2,
        6.680131188771972e1,
        -1.328068155288572e1,
        1.0,
    ];
    const C: [f64; 6] = [
        -7.784894002430293e-3,
        -3.223964580411365e-1,
        -2.400758277161838,
        -2.549732539343734,
        4.374664141464968,
        2.938163982698783,
    ];
    const D: [f64; 5] =
        [7.784695709041462e-3, 3.224671290700398e-1, 2.445134137142996, 3.754408661907416, 1.0];
    /// Where the tails begin.
    const TAIL: f64 = 0.02425;
    let horner = |terms: &[f64], x: f64| terms.iter().fold(0.0, |sum, term| sum * x + term);
    let tail = |p: f64| {
        let q = (-2.0 * ln(p)).sqrt();
        horner(&C, q) / horner(&D, q)
    };
    if p < TAIL {
        tail(p)
    } else if p > 1.0 - TAIL {
        -tail(1.0 - p)
    } else {
        let q = p - 0.5;
        let r = q * q;
        horner(&A, r) * q / horner(&B, r)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_are_what_the_platform_computes_but_for_the_last_bits() {
        for n in -600..=600 {
            let x = f64::from(n) * 1.1;
            assert!((exp(x) / x.exp() - 1.0).abs() < 1e-12, "e^{x}");
            assert!((ln(x.exp()) - x).abs() < 1e-12 * x.abs().max(1.0), "ln e^{x}");
        }
        assert_eq!((exp(-1_000.0), ln(1.0)), (0.0, 0.0));
    }

    #[test]
    fn quantiles_of_the_normal_distribution_are_those_of_the_tables() {
        for (p, z) in
            [(0.5, 0.0), (0.841344746, 1.0), (0.975, 1.959963985), (0.99, 2.326347874), (0.001, -3.090232306)]
        {
            assert!((normal_quantile(p) - z).abs() < 1e-7, "{p}");
        }
    }
}
