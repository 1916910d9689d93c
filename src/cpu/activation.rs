use pulp::{Arch, NullaryFnOnce};

use super::exponential::{exponential, exponential_less_one};
use crate::model::Activation;

/// φ(z), in place. NaN stays NaN.
pub(super) fn activate(activation: Activation, values: &mut [f32]) {
    match activation {
        Activation::Sigmoid => each(values, |z| 1.0 / (1.0 + exponential(-z))),
        Activation::Tanh => each(values, |z| {
            // ±1 to the last bit beyond 10.
            let e = exponential_less_one(2.0 * z.clamp(-10.0, 10.0));
            e / (e + 2.0)
        }),
        Activation::Relu => each(values, |z| if z < 0.0 { 0.0 } else { z }),
        Activation::Identity => {}
    }
}

/// `delta ⊙ φ′(state)`, in place, with φ′ from the state `φ(z)`.
pub(super) fn times_derivative(activation: Activation, delta: &mut [f32], state: &[f32]) {
    match activation {
        Activation::Sigmoid => each_with(delta, state, |delta, a| delta * (a * (1.0 - a))),
        // More digits near ±1 than 1 − a² has.
        Activation::Tanh => each_with(delta, state, |delta, a| delta * ((1.0 - a) * (1.0 + a))),
        Activation::Relu => each_with(delta, state, |delta, a| delta * f32::from(a > 0.0)),
        Activation::Identity => {}
    }
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
