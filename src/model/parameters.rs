use sha2::{Digest, Sha256};

use super::Network;

/// All weights and biases of a network, on the host.
#[derive(Debug, Clone, PartialEq)]
pub struct Parameters {
    /// The parameters of each layer, first to last.
    pub layers: Vec<LayerParameters>,
}

/// The parameters of one layer.
#[derive(Debug, Clone, PartialEq)]
pub struct LayerParameters {
    /// `[outputs, inputs]`, row-major.
    pub weights: Vec<f32>,
    /// `[outputs]`.
    pub bias: Vec<f32>,
}

impl Parameters {
    /// SHA-256 of all parameters as little-endian f32, in the order W0 b0 W1 b1 …, in hexadecimal.
    pub fn sha256(&self) -> String {
        let mut hasher = Sha256::new();
        for layer in &self.layers {
            for values in [&layer.weights, &layer.bias] {
                let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
                hasher.update(&bytes);
            }
        }
        hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// The first NaN or infinite parameter, with its layer.
    pub fn first_not_finite(&self) -> Option<(usize, f32)> {
        self.layers.iter().enumerate().find_map(|(index, layer)| {
            let value = layer.weights.iter().chain(&layer.bias).find(|value| !value.is_finite())?;
            Some((index, *value))
        })
    }

    /// `true` if every tensor has the size that `network` expects.
    pub fn fit(&self, network: &Network) -> bool {
        self.layers.len() == network.layers().len()
            && self.layers.iter().zip(network.layers()).all(|(found, layer)| {
                found.weights.len() == layer.inputs * layer.outputs && found.bias.len() == layer.outputs
            })
    }
}
