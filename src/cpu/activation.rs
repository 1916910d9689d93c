use pulp::{Arch, NullaryFnOnce};

use super::exponential::{exponential, exponential_less_one};
use super::normal::{density, distribution};
use super::sine::{cosine, sine};
use crate::model::{Activation, Derivative, Stored};

/// φ(z), in place. NaN stays NaN.
pub(super) fn activate(activation: Activation, values: &mut [f32]) {
    apply(activation, Operation::Value(values));
}

/// `delta ⊙ φ′`, in place, with φ′ computed from `state`. Both have one shape.
pub(super) fn times_derivative(derivative: Derivative, delta: &mut [f32], state: &[f32]) {
    apply(derivative.activation, Operation::Slope { delta, state, of: derivative.of });
}

/// Each activation function, with the derivative that its [`Activation::stored`] asks for.
fn apply(activation: Activation, operation: Operation) {
    match activation {
        Activation::Sigmoid => operation.with_slope_of_output(sigmoid, |a| a * (1.0 - a)),
        // More accurate near ±1 than 1 − a².
        Activation::Tanh => operation.with_slope_of_output(tanh, |a| (1.0 - a) * (1.0 + a)),
        // Unlike z.max(0.0), this propagates NaN.
        Activation::Relu => operation
            .with_slope_of_output(|z| if z < 0.0 { 0.0 } else { z }, |a| if a > 0.0 { 1.0 } else { 0.0 }),
        Activation::LeakyRelu => operation.with_slope_of_output(
            |z| if z < 0.0 { Activation::LEAK * z } else { z },
            |a| if a > 0.0 { 1.0 } else { Activation::LEAK },
        ),
        Activation::Gelu => {
            operation.with_slope(|z| z * distribution(z), |z| distribution(z) + z * density(z));
        }
        Activation::Silu => operation.with_slope(
            |z| z * sigmoid(z),
            |z| {
                let a = sigmoid(z);
                a * (1.0 + z * (1.0 - a))
            },
        ),
        Activation::Softplus => operation.with_slope(softplus, sigmoid),
        // With e = e^z and n = e (e + 2), tanh(softplus(z)) is n / (n + 2), which is 1 well below z = 20.
        Activation::Mish => operation.with_slope(
            |z| {
                let e = exponential(z.clamp(-87.0, 20.0));
                let n = e * (e + 2.0);
                // Below -87 the product is 0 in f32, however large z is.
                if z < -87.0 { 0.0 } else { z * (n / (n + 2.0)) }
            },
            |z| {
                let z = z.clamp(-87.0, 20.0);
                let e = exponential(z);
                let n = e * (e + 2.0);
                (n + 4.0 * z * e * (1.0 + e) / (n + 2.0)) / (n + 2.0)
            },
        ),
        Activation::Sine => operation.with_slope(sine, cosine),
        Activation::Identity => {}
    }
}

#[inline(always)]
pub(super) fn sigmoid(z: f32) -> f32 {
    1.0 / (1.0 + exponential(-z))
}

#[inline(always)]
fn tanh(z: f32) -> f32 {
    // ±1 to the last bit beyond 10.
    let e = exponential_less_one(2.0 * z.clamp(-10.0, 10.0));
    e / (e + 2.0)
}

#[inline(always)]
fn softplus(z: f32) -> f32 {
    let positive = if z < 0.0 { 0.0 } else { z };
    positive + logarithm_of_one_plus(exponential(-z.abs()))
}

/// ln(1 + u) for u from 0 to 1, to a relative error of 2e-7: 2 artanh(s) with s = u / (2 + u), by its series.
#[inline(always)]
fn logarithm_of_one_plus(u: f32) -> f32 {
    let s = u / (2.0 + u);
    let square = s * s;
    let mut sum = 1.0 / 15.0;
    for coefficient in [1.0 / 13.0, 1.0 / 11.0, 1.0 / 9.0, 1.0 / 7.0, 1.0 / 5.0, 1.0 / 3.0, 1.0] {
        sum = sum * square + coefficient;
    }
    2.0 * s * sum
}

/// What to compute of an activation function, element-wise.
enum Operation<'a> {
    /// `values = φ(values)`
    Value(&'a mut [f32]),
    /// `delta = delta ⊙ φ′`, from what `state` stores.
    Slope { delta: &'a mut [f32], state: &'a [f32], of: Stored },
}

impl Operation<'_> {
    /// Runs it for φ = `value` and φ′ = `slope` of the pre-activation. Networks never store the output of such φ.
    fn with_slope(self, value: impl Fn(f32) -> f32, slope: impl Fn(f32) -> f32) {
        match self {
            Operation::Value(values) => each(values, value),
            Operation::Slope { delta, state, .. } => each_with(delta, state, |delta, z| delta * slope(z)),
        }
    }

    /// Runs it for φ = `value` and φ′ = `slope` of φ's output.
    fn with_slope_of_output(self, value: impl Fn(f32) -> f32, slope: impl Fn(f32) -> f32) {
        match self {
            Operation::Value(values) => each(values, value),
            Operation::Slope { delta, state, of: Stored::Output } => {
                each_with(delta, state, |delta, a| delta * slope(a));
            }
            Operation::Slope { delta, state, of: Stored::PreActivation } => {
                each_with(delta, state, |delta, z| delta * slope(value(z)));
            }
        }
    }
}

fn each(values: &mut [f32], function: impl Fn(f32) -> f32) {
    Arch::new().dispatch(Each { values, function });
}

fn each_with(values: &mut [f32], others: &[f32], function: impl Fn(f32, f32) -> f32) {
    Arch::new().dispatch(EachWith { values, others, function });
}

// Pulp compiles `call` for each vector width that the processor may have.

struct Each<'a, F> {
    values: &'a mut [f32],
    function: F,
}

impl<F: Fn(f32) -> f32> NullaryFnOnce for Each<'_, F> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        for value in self.values {
            *value = (self.function)(*value);
        }
    }
}

struct EachWith<'a, F> {
    values: &'a mut [f32],
    others: &'a [f32],
    function: F,
}

impl<F: Fn(f32, f32) -> f32> NullaryFnOnce for EachWith<'_, F> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        for (value, other) in self.values.iter_mut().zip(self.others) {
            *value = (self.function)(*value, *other);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn softplus_is_accurate_however_large_its_input() {
        let mut worst = 0.0_f64;
        for step in -8_000..=8_000 {
            let z = step as f32 * 1e-2;
            let exact = f64::from(z).max(0.0) + (-f64::from(z).abs()).exp().ln_1p();
            worst = worst.max((f64::from(softplus(z)) / exact - 1.0).abs());
        }
        assert!(worst < 4e-7, "{worst}");
        assert_eq!(softplus(1e30), 1e30);
        assert!(softplus(-1e30) < 1e-37 && softplus(f32::NAN).is_nan());
    }

    #[test]
    fn mish_is_the_identity_far_above_zero_and_nothing_far_below() {
        let mut values = [1e30, 30.0, 0.0, -1e38, f32::NAN];
        activate(Activation::Mish, &mut values);
        assert_eq!(values[..3], [1e30, 30.0, 0.0]);
        assert!(values[3].abs() < 1e-35 && values[4].is_nan(), "{values:?}");
        let mut slopes = [1.0; 5];
        let derivative = Derivative { activation: Activation::Mish, of: Stored::PreActivation };
        times_derivative(derivative, &mut slopes, &[1e30, 30.0, 0.0, -90.0, f32::NAN]);
        assert_eq!(slopes[..3], [1.0, 1.0, 0.6]);
        assert!(slopes[3].abs() < 1e-35 && slopes[4].is_nan(), "{slopes:?}");
    }
}
