use super::Device;
use crate::Result;
use crate::model::{Network, Parameters};

/// A number that a device holds for each parameter of its network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Values {
    /// The parameter.
    Parameters,
    /// Its optimizer state, by index: as many as [`crate::model::UpdateRule::moments`], of which the moving average of the
    /// parameter, if there is one, is the last.
    Moment(usize),
}

/// Consecutive values of a tensor.
#[derive(Debug, Clone, Copy)]
pub struct Piece<'a> {
    /// Layer of the tensor.
    pub layer: usize,
    /// Its index in [`LayerParameters::tensors`](crate::model::LayerParameters::tensors).
    pub tensor: usize,
    /// Index of the first value in the tensor.
    pub start: usize,
    /// The values.
    pub values: &'a [f32],
}

impl Piece<'_> {
    /// Copies it to its place in `parameters`, which have the network's shapes.
    pub fn copy_to(&self, parameters: &mut Parameters) {
        let tensor = &mut parameters.layers[self.layer].tensors_mut()[self.tensor];
        tensor[self.start..self.start + self.values.len()].copy_from_slice(self.values);
    }
}

/// A copy of `values` of all layers of `network` on `device`.
///
/// # Errors
/// As [`Device::read`].
pub fn read_all(device: &mut dyn Device, values: Values, network: &Network) -> Result<Parameters> {
    let mut copy = Parameters::zeros(network);
    device.read(values, &mut |piece| {
        piece.copy_to(&mut copy);
        Ok(())
    })?;
    Ok(copy)
}
