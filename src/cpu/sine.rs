//! Sine and cosine without branches, so that compilers vectorise them.
//!
//! With x = k · π + r, k an integer and |r| ≤ π / 2, sin x = (−1)^k · sin r; for the cosine, k is half an odd integer. The
//! argument reduction is that of Cody and Waite (J.-M. Muller, Elementary Functions, chapter 11); sin r is a polynomial
//! through nine Chebyshev nodes, accurate to 2e-10.

/// sin x, to an absolute error of 1e-7 for x up to some ten thousands. NaN stays NaN.
#[inline(always)]
pub(super) fn sine(x: f32) -> f32 {
    let k = rounded(x * std::f32::consts::FRAC_1_PI);
    signed(k, polynomial(rest(x, k)))
}

/// cos x, as accurate as [`sine`].
#[inline(always)]
pub(super) fn cosine(x: f32) -> f32 {
    let k = rounded(x * std::f32::consts::FRAC_1_PI - 0.5);
    signed(k, -polynomial(rest(x, k + 0.5)))
}

/// 1.5 · 2^23: adding it rounds a small number to an integer.
const ROUND: f32 = 12_582_912.0;

#[inline(always)]
fn rounded(x: f32) -> f32 {
    (x + ROUND) - ROUND
}

/// x − k · π, with π in three parts, the first two so short that their products with k are exact.
#[inline(always)]
fn rest(x: f32, k: f32) -> f32 {
    ((x - k * 3.140_625) - k * 9.675_026e-4) - k * 1.509_958e-7
}

/// `value`, negated if `k` is odd.
#[inline(always)]
fn signed(k: f32, value: f32) -> f32 {
    let odd = (k + ROUND).to_bits() & 1;
    f32::from_bits(value.to_bits() ^ (odd << 31))
}

#[inline(always)]
fn polynomial(r: f32) -> f32 {
    let square = r * r;
    let mut sum = -2.408_019e-8;
    for coefficient in [2.753_646_4e-6, -1.984_108_7e-4, 8.333_333e-3, -0.166_666_67] {
        sum = sum * square + coefficient;
    }
    r + r * square * sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_are_accurate_to_seven_digits() {
        let mut worst = 0.0_f64;
        for step in -400_000..=400_000 {
            let x = step as f32 * 1.3e-2;
            let exact = f64::from(x);
            worst = worst.max((f64::from(sine(x)) - exact.sin()).abs());
            worst = worst.max((f64::from(cosine(x)) - exact.cos()).abs());
        }
        assert!(worst < 1.5e-7, "{worst}");
        assert_eq!(sine(0.0), 0.0);
        assert!(sine(f32::NAN).is_nan() && cosine(f32::NAN).is_nan() && sine(f32::INFINITY).is_nan());
    }
}
