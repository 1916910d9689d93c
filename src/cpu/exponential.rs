//! The exponential function without branches, so that compilers vectorise it.
//!
//! With x = n · ln 2 + r, n an integer and |r| ≤ ½ ln 2, e^x = 2^n · e^r: the usual argument reduction (J.-M. Muller,
//! Elementary Functions, chapter 11). e^r − 1 is its Taylor polynomial, accurate to 6e-9 of e^r there.

/// e^x, clamped to the range of normal f32. NaN stays NaN.
#[inline(always)]
pub(super) fn exponential(x: f32) -> f32 {
    let (power, rest) = reduced(x);
    power + power * rest
}

/// e^x − 1, accurate near x = 0.
#[inline(always)]
pub(super) fn exponential_less_one(x: f32) -> f32 {
    let (power, rest) = reduced(x);
    power * rest + (power - 1.0)
}

/// 2^n and e^r − 1.
#[inline(always)]
fn reduced(x: f32) -> (f32, f32) {
    /// 1.5 · 2^23: adding it rounds a small number to an integer, in the low bits of the sum.
    const ROUND: f32 = 12_582_912.0;
    // ln 2 in two parts; the first is so short that its product with n is exact.
    const LN_2_HIGH: f32 = 0.693_359_4;
    const LN_2_LOW: f32 = -2.121_944_4e-4;

    let x = x.clamp(-87.0, 88.0);
    let rounded = x * std::f32::consts::LOG2_E + ROUND;
    let n = rounded - ROUND;
    let r = (x - n * LN_2_HIGH) - n * LN_2_LOW;
    let power = f32::from_bits((rounded.to_bits() << 23).wrapping_add(1.0_f32.to_bits()));
    let mut sum = 1.0 / 5040.0;
    for coefficient in [1.0 / 720.0, 1.0 / 120.0, 1.0 / 24.0, 1.0 / 6.0, 1.0 / 2.0, 1.0] {
        sum = sum * r + coefficient;
    }
    (power, sum * r)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_are_accurate_to_the_last_digit() {
        let ulp = |y: f64| f64::from(f32::EPSILON) * y.abs();
        let mut worst = [0.0_f64; 2];
        for step in -870_000..=880_000 {
            let x = step as f32 * 1e-4;
            let [exact, less_one] = [f64::from(x).exp(), f64::from(x).exp_m1()];
            worst[0] = worst[0].max((f64::from(exponential(x)) - exact).abs() / ulp(exact));
            if step != 0 {
                let error = f64::from(exponential_less_one(x)) - less_one;
                worst[1] = worst[1].max(error.abs() / ulp(less_one));
            }
        }
        assert!(worst[0] < 1.5 && worst[1] < 2.5, "{worst:?}");
        assert_eq!((exponential(0.0), exponential_less_one(0.0)), (1.0, 0.0));
    }

    #[test]
    fn extreme_inputs_stay_finite_and_nan_stays_nan() {
        assert!(exponential(1e30).is_finite() && exponential(f32::INFINITY) > 1e38);
        assert!(exponential(f32::NEG_INFINITY) > 0.0 && exponential(-1e30) < 1e-37);
        for not_a_number in [f32::NAN, -f32::NAN, f32::from_bits(0x7f80_0001)] {
            assert!(exponential(not_a_number).is_nan() && exponential_less_one(not_a_number).is_nan());
        }
    }
}
