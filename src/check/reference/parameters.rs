/// The parameters of one layer, or their gradients.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Parameters {
    /// `[outputs, inputs]`.
    pub weights: Vec<f64>,
    /// `[outputs]`.
    pub bias: Vec<f64>,
    /// Gain of the normalisation, `[inputs]`; empty without one.
    pub gain: Vec<f64>,
    /// Shift of the normalisation, `[inputs]`; empty without one.
    pub shift: Vec<f64>,
}

impl Parameters {
    /// Number of its tensors.
    pub const TENSORS: usize = 4;

    /// Names of its tensors, in the order of [`Parameters::tensors`].
    pub const NAMES: [&str; Parameters::TENSORS] = ["weights", "bias", "gain", "shift"];

    /// Its tensors; one that the layer does not have is empty.
    pub fn tensors(&self) -> [&Vec<f64>; Parameters::TENSORS] {
        [&self.weights, &self.bias, &self.gain, &self.shift]
    }

    /// As [`Parameters::tensors`], to change them.
    pub fn tensors_mut(&mut self) -> [&mut Vec<f64>; Parameters::TENSORS] {
        [&mut self.weights, &mut self.bias, &mut self.gain, &mut self.shift]
    }
}
