//! The reference's twins of what the backends are given.

use super::reference::{self, Reference};
use crate::data::{Split, Targets};
use crate::model::{Activation, Loss, Network, Parameters};

/// `network` at `parameters`, in f64.
pub(super) fn reference(network: &Network, parameters: &Parameters) -> Reference {
    Reference {
        widths: network.widths().to_vec(),
        activation: activation(network.activation()),
        residual: network.is_residual(),
        layer_norm: network.has_layer_norm(),
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
        Activation::LeakyRelu => reference::Activation::LeakyRelu,
        Activation::Gelu => reference::Activation::Gelu,
        Activation::Silu => reference::Activation::Silu,
        Activation::Sine => reference::Activation::Sine,
        Activation::Identity => reference::Activation::Identity,
    }
}

fn loss(loss: Loss) -> reference::Loss {
    match loss {
        Loss::Quadratic => reference::Loss::Quadratic,
        Loss::CrossEntropy => reference::Loss::CrossEntropy,
        Loss::Mse => reference::Loss::Mse,
        Loss::BinaryCrossEntropy => reference::Loss::BinaryCrossEntropy,
        Loss::Huber => reference::Loss::Huber,
    }
}

/// The targets of `rows` of a split, `[rows, outputs]`.
pub(super) fn targets(split: &Split, outputs: usize, rows: &[u32]) -> Vec<f64> {
    match split.targets() {
        Targets::Classes(labels) => reference::one_hot(&reference::gather(1, labels, rows), outputs),
        Targets::Regression { width, values } => widen(&reference::gather(*width, values, rows)),
    }
}

pub(super) fn widen(values: &[f32]) -> Vec<f64> {
    values.iter().copied().map(f64::from).collect()
}

pub(super) fn norm(values: &[f64]) -> f64 {
    values.iter().map(|value| value * value).sum::<f64>().sqrt()
}
