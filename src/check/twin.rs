//! The reference's twins of what the backends are given.

use super::reference::{self, Reference};
use crate::model::{Activation, Loss, Network, Parameters};

/// `network` at `parameters`, in f64.
pub(super) fn reference(network: &Network, hidden: Activation, parameters: &Parameters) -> Reference {
    Reference {
        widths: network.widths().to_vec(),
        activation: activation(hidden),
        loss: loss(network.loss()),
        weights: parameters.layers.iter().map(|layer| widen(&layer.weights)).collect(),
        biases: parameters.layers.iter().map(|layer| widen(&layer.bias)).collect(),
    }
}

fn activation(activation: Activation) -> reference::Activation {
    match activation {
        Activation::Sigmoid => reference::Activation::Sigmoid,
        Activation::Tanh => reference::Activation::Tanh,
        Activation::Relu => reference::Activation::Relu,
        Activation::Identity => reference::Activation::Identity,
    }
}

fn loss(loss: Loss) -> reference::Loss {
    match loss {
        Loss::Quadratic => reference::Loss::Quadratic,
        Loss::CrossEntropy => reference::Loss::CrossEntropy,
    }
}

pub(super) fn widen(values: &[f32]) -> Vec<f64> {
    values.iter().copied().map(f64::from).collect()
}

pub(super) fn norm(values: &[f64]) -> f64 {
    values.iter().map(|value| value * value).sum::<f64>().sqrt()
}
