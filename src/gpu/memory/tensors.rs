use super::fusion::{Fusion, ParameterOffsets, padded, unpadded};
use super::setup::Setup;
use crate::gpu::device::{Buffer, OpenDevice, Readback};
use crate::memory::Category;
use crate::model::{Layer, LayerParameters, Network, Parameters};
use crate::{Error, Result};

/// Parameters of a network. Each layer that is not thin has a buffer for its weights and one for its bias; all thin
/// layers share one buffer.
pub struct Tensors {
    alone: Vec<Option<[Buffer; 2]>>,
    together: Option<Buffer>,
}

impl Tensors {
    /// Allocates the buffers and uploads `parameters`.
    pub fn of(setup: &mut Setup, parameters: &Parameters, fusion: Option<&Fusion>) -> Result<Self> {
        let mut alone = Vec::new();
        let mut together: Vec<f32> = Vec::new();
        for (index, layer) in parameters.layers.iter().enumerate() {
            if place(fusion, index).is_some() {
                together.extend(padded(&layer.weights, layer.weights.len() / layer.bias.len()));
                together.extend(padded(&layer.bias, layer.bias.len()));
                alone.push(None);
                continue;
            }
            let mut tensor = |name: &str, values: &[f32]| {
                let (label, bytes) = (format!("{name}{index}"), size_of_val(values) as u64);
                setup.filled(Category::Parameters, &label, bytes, bytemuck::cast_slice(values))
            };
            alone.push(Some([tensor("W", &layer.weights)?, tensor("b", &layer.bias)?]));
        }
        let together = fusion.map(|fusion| {
            let contents = bytemuck::cast_slice(&together);
            setup.filled(
                Category::Parameters,
                "parameters of thin layers",
                fusion.parameter_bytes(),
                contents,
            )
        });
        Ok(Tensors { alone, together: together.transpose()? })
    }

    /// Weights and bias of `layer`, which must not be thin.
    pub fn alone(&self, layer: usize) -> Result<&[Buffer; 2]> {
        self.alone.get(layer).and_then(Option::as_ref).ok_or_else(|| missing(&format!("layer {layer} alone")))
    }

    /// Parameters of all thin layers.
    pub fn together(&self) -> Result<&Buffer> {
        self.together.as_ref().ok_or_else(|| missing("layers together"))
    }

    /// Reads all parameters back.
    pub fn read(
        &self,
        device: &OpenDevice,
        readback: &mut Readback,
        network: &Network,
        fusion: Option<&Fusion>,
    ) -> Result<Parameters> {
        let mut layers = Vec::new();
        for (index, Layer { inputs, outputs, .. }) in network.layers().enumerate() {
            layers.push(match (&self.alone[index], &self.together, place(fusion, index)) {
                (Some([weights, bias]), ..) => LayerParameters {
                    weights: readback.floats(device, &weights.raw, 0, inputs * outputs)?,
                    bias: readback.floats(device, &bias.raw, 0, outputs)?,
                },
                (None, Some(together), Some(place)) => {
                    let mut rows = |from: usize, until: usize, width: usize| {
                        let fours =
                            readback.floats(device, &together.raw, 16 * from as u64, 4 * (until - from))?;
                        Ok::<_, Error>(unpadded(&fours, width))
                    };
                    LayerParameters {
                        weights: rows(place.weights, place.bias, inputs)?,
                        bias: rows(place.bias, place.end, outputs)?,
                    }
                }
                _ => return Err(missing(&format!("layer {index}"))),
            });
        }
        Ok(Parameters { layers })
    }
}

fn place(fusion: Option<&Fusion>, layer: usize) -> Option<ParameterOffsets> {
    fusion.and_then(|fusion| fusion.place(layer))
}

fn missing(what: &str) -> Error {
    Error::internal(format!("{what} lacks its parameter buffers"))
}
