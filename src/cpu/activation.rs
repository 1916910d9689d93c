use pulp::{Arch, NullaryFnOnce};

use super::exponential::{exponential, exponential_less_one};
use super::normal::{density, distribution};
use super::sine::{cosine, sine};
use crate::model::{Activation, Derivative};

/// φ(z), in place. NaN stays NaN.
pub(super) fn activate(activation: Activation, values: &mut [f32]) {
    match activation {
        Activation::Sigmoid => each(values, sigmoid),
        Activation::Tanh => each(values, tanh),
        Activation::Relu => each(values, |z| if z < 0.0 { 0.0 } else { z }),
        Activation::LeakyRelu => each(values, |z| if z < 0.0 { Activation::LEAK * z } else { z }),
        Activation::Gelu => each(values, |z| z * distribution(z)),
        Activation::Silu => each(values, |z| z * sigmoid(z)),
        Activation::Sine => each(values, sine),
        Activation::Identity => {}
    }
}

/// `delta ⊙ φ′`, in place, with φ′ from `state`.
pub(super) fn times_derivative(derivative: Derivative, delta: &mut [f32], state: &[f32]) {
    match derivative {
        Derivative::OfOutput(activation) => times_derivative_of_output(activation, delta, state),
        Derivative::OfPreActivation(activation) => {
            times_derivative_of_pre_activation(activation, delta, state)
        }
    }
}

fn times_derivative_of_output(activation: Activation, delta: &mut [f32], state: &[f32]) {
    match activation {
        Activation::Sigmoid => each_with(delta, state, |delta, a| delta * (a * (1.0 - a))),
        // More digits near ±1 than 1 − a² has.
        Activation::Tanh => each_with(delta, state, |delta, a| delta * ((1.0 - a) * (1.0 + a))),
        // A rectifier's output has its input's sign.
        Activation::Relu | Activation::LeakyRelu => {
            times_derivative_of_pre_activation(activation, delta, state)
        }
        // The others are never taken from the output.
        Activation::Identity | Activation::Gelu | Activation::Silu | Activation::Sine => {}
    }
}

fn times_derivative_of_pre_activation(activation: Activation, delta: &mut [f32], state: &[f32]) {
    match activation {
        Activation::Sigmoid => each_with(delta, state, |delta, z| {
            let a = sigmoid(z);
            delta * (a * (1.0 - a))
        }),
        Activation::Tanh => each_with(delta, state, |delta, z| {
            let a = tanh(z);
            delta * ((1.0 - a) * (1.0 + a))
        }),
        Activation::Relu => each_with(delta, state, |delta, z| delta * f32::from(z > 0.0)),
        Activation::LeakyRelu => {
            each_with(delta, state, |delta, z| delta * if z > 0.0 { 1.0 } else { Activation::LEAK })
        }
        Activation::Gelu => each_with(delta, state, |delta, z| delta * (distribution(z) + z * density(z))),
        Activation::Silu => each_with(delta, state, |delta, z| {
            let a = sigmoid(z);
            delta * (a * (1.0 + z * (1.0 - a)))
        }),
        Activation::Sine => each_with(delta, state, |delta, z| delta * cosine(z)),
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

fn each(values: &mut [f32], function: impl Fn(f32) -> f32) {
    Arch::new().dispatch(Each { values, function });
}

fn each_with(values: &mut [f32], others: &[f32], function: impl Fn(f32, f32) -> f32) {
    Arch::new().dispatch(EachWith { values, others, function });
}

// Compiled for every width of vectors that the processor may have.

struct Each<'a, F> {
    values: &'a mut [f32],
    function: F,
}

impl<F: Fn(f32) -> f32> NullaryFnOnce for Each<'_, F> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        self.values.iter_mut().for_each(|value| *value = (self.function)(*value));
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
        let pairs = self.values.iter_mut().zip(self.others);
        pairs.for_each(|(value, other)| *value = (self.function)(*value, *other));
    }
}
