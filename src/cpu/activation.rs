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
