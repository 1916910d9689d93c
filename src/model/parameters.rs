use sha2::{Digest, Sha256};

use super::{Layer, Network};

/// All parameters of a network, on the host.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Parameters {
    /// The parameters of each layer, first to last.
    pub layers: Vec<LayerParameters>,
}

/// The parameters of one layer.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct LayerParameters {
    /// `[outputs, inputs]`, row-major.
    pub weights: Vec<f32>,
    /// `[outputs]`.
    pub bias: Vec<f32>,
    /// Gain of the normalisation, `[inputs]`; empty without one.
    pub gain: Vec<f32>,
    /// Shift of the normalisation, `[inputs]`; empty without one.
    pub shift: Vec<f32>,
}

impl LayerParameters {
    /// Weights, bias, gain and shift, in this order.
    pub fn tensors(&self) -> [&Vec<f32>; 4] {
        [&self.weights, &self.bias, &self.gain, &self.shift]
    }

    /// As [`LayerParameters::tensors`], to change them.
    pub fn tensors_mut(&mut self) -> [&mut Vec<f32>; 4] {
        [&mut self.weights, &mut self.bias, &mut self.gain, &mut self.shift]
    }

    /// All its parameters, in this order.
    pub fn values(&self) -> impl Iterator<Item = f32> + '_ {
        self.tensors().into_iter().flatten().copied()
    }
}

impl From<[Vec<f32>; 4]> for LayerParameters {
    /// From weights, bias, gain and shift.
    fn from([weights, bias, gain, shift]: [Vec<f32>; 4]) -> Self {
        LayerParameters { weights, bias, gain, shift }
    }
}

impl Parameters {
    /// SHA-256 of all parameters as little-endian f32, in the order W0 b0 W1 b1 …, in hexadecimal. A layer's gain and shift, if
    /// it has them, follow its bias.
    pub fn sha256(&self) -> String {
        let mut hash = ParameterHash::default();
        self.layers.iter().flat_map(LayerParameters::tensors).for_each(|values| hash.add(values));
        hash.finish()
    }

    /// Zeros of the shapes that `network` expects.
    pub fn zeros(network: &Network) -> Self {
        let zeros =
            |layer: Layer| LayerParameters::from(layer.tensor_lengths().map(|length| vec![0.0; length]));
        Parameters { layers: network.layers().map(zeros).collect() }
    }

    /// The first NaN or infinite parameter, with its layer.
    pub fn first_not_finite(&self) -> Option<(usize, f32)> {
        self.layers.iter().enumerate().find_map(|(index, layer)| {
            let value = layer.values().find(|value| !value.is_finite())?;
            Some((index, value))
        })
    }

    /// `true` if every tensor has the size that `network` expects.
    pub fn fit(&self, network: &Network) -> bool {
        self.layers.len() == network.layers().len()
            && self
                .layers
                .iter()
                .zip(network.layers())
                .all(|(found, layer)| found.tensors().map(Vec::len) == layer.tensor_lengths())
    }
}

/// [`Parameters::sha256`] of values that come piece by piece.
#[derive(Default)]
pub struct ParameterHash(Sha256);

impl ParameterHash {
    /// Adds the next values.
    pub fn add(&mut self, values: &[f32]) {
        byte_chunks(values).for_each(|bytes| self.0.update(&bytes));
    }

    /// The hash of all values so far, in hexadecimal.
    pub fn finish(self) -> String {
        self.0.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

/// Values that [`byte_chunks`] converts at a time.
const CHUNK_VALUES: usize = 64 << 10;

/// `values` as little-endian bytes, some at a time, so that no second copy of all of them exists.
pub(crate) fn byte_chunks(values: &[f32]) -> impl Iterator<Item = Vec<u8>> + '_ {
    let words = |chunk: &[f32]| chunk.iter().flat_map(|value| value.to_le_bytes()).collect();
    values.chunks(CHUNK_VALUES).map(words)
}
