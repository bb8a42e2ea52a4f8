//! Arithmetic in GF(256), with the polynomial x^8 + x^4 + x^3 + x + 1 of AES and SLIP-39, and Lagrange's interpolation in it.
//!
//! No table and no branch depends on a secret.

use zeroize::Zeroizing;

/// The product.
fn mul(mut a: u8, b: u8) -> u8 {
    let mut product = 0;
    for bit in 0..8 {
        product ^= a & 0u8.wrapping_sub(b >> bit & 1);
        let carry = 0u8.wrapping_sub(a >> 7);
        a = a << 1 ^ carry & 0x1b;
    }
    product
}

/// The inverse: a^254. That of 0 is 0.
fn inverse(a: u8) -> u8 {
    let mut result = 1;
    for bit in (0..8).rev() {
        result = mul(result, result);
        if 254 >> bit & 1 == 1 {
            result = mul(result, a);
        }
    }
    result
}

/// Where the polynomials through these points are at `x`, byte by byte. The points must differ in their first half.
pub(super) fn interpolate(points: &[(u8, &[u8])], x: u8) -> Zeroizing<Vec<u8>> {
    let len = points.iter().map(|(_, values)| values.len()).min().unwrap_or(0);
    let mut result = Zeroizing::new(vec![0; len]);
    for (xi, values) in points {
        let others = points.iter().map(|(xj, _)| *xj).filter(|xj| xj != xi);
        let weight = others.fold(1, |weight, xj| mul(weight, mul(x ^ xj, inverse(xi ^ xj))));
        for (sum, value) in result.iter_mut().zip(values.iter()) {
            *sum ^= mul(*value, weight);
        }
    }
    result
}

#[cfg(test)]
mod tests {
    use sha2::{Digest, Sha256};

    use super::*;

    fn bytes(hex: &str) -> Vec<u8> {
        data_encoding::HEXLOWER.decode(hex.as_bytes()).expect("hexadecimal")
    }

    /// HMAC (RFC 2104) with SHA-256; the key is shorter than a block.
    fn hmac(key: &[u8], message: &[u8]) -> Vec<u8> {
        let pad = |with: u8| (0..64).map(|at| key.get(at).unwrap_or(&0) ^ with).collect::<Vec<_>>();
        let inner = Sha256::digest([&pad(0x36), message].concat());
        Sha256::digest([pad(0x5c), inner.to_vec()].concat()).to_vec()
    }

    #[test]
    fn products_are_those_of_fips_197() {
        assert_eq!(mul(0x57, 0x83), 0xc1);
        assert_eq!(mul(0x57, 0x13), 0xfe);
        assert_eq!(inverse(0x53), 0xca);
        for a in 1..=255 {
            assert_eq!(mul(a, inverse(a)), 1, "{a}");
        }
    }

    /// Two of three shares from the test vectors of SLIP-39: "Basic sharing 2-of-3", of 128 and of 256 bits. At 254 lies a
    /// digest of what lies at 255: 4 bytes of HMAC, whose key follows.
    #[test]
    fn shares_of_slip_39_bring_back_what_their_digest_is_over() {
        let vectors = [
            (
                [(2, "08fb14b66e692e25dfe2edf53289ed62"), (0, "06ab48fef4bedc8ce58baeef0a73f76e")],
                "cdc017fddc829e791b1371780be0605a",
            ),
            (
                [
                    (2, "81e5473f4b7f66094f888d2f98fe0ded6a692dc72c65dc498d6e28bee6ebdfcc"),
                    (1, "19e366e9b2e34851e52132c31c2b2c957321bf5ce6c9c1410ea1ddf5fef92c27"),
                ],
                "0204622ff84267b5dae0ca4e0c1328d6611b96b92b11692e5a7542314f7a54ee",
            ),
        ];
        for (shares, secret) in vectors {
            let shares = shares.map(|(x, hex)| (x, bytes(hex)));
            let points: Vec<_> = shares.iter().map(|(x, values)| (*x, values.as_slice())).collect();
            let found = interpolate(&points, 255);
            assert_eq!(found.as_slice(), bytes(secret));
            let digest = interpolate(&points, 254);
            assert_eq!(digest[..4], hmac(&digest[4..], &found)[..4]);
        }
    }
}
