use std::ops::Range;

use super::fusion::Fusion;
use super::setup::Setup;
use super::thin_parameters::packed;
use crate::device::Task;
use crate::gpu::device::{Buffer, OpenDevice, Readback};
use crate::gpu::kernels::RuleConstants;
use crate::memory::{ByCategory, Category};
use crate::model::{LayerParameters, Network, Parameters};
use crate::{Error, Result};

/// Stored gradients and optimizer state. Each buffer consists of planes with one value per parameter: the
/// gradients, if they are stored, then the moments, the last of which may be the moving average of the parameters. Each layer
/// that is not thin has a buffer of its own: weights, bias, gain and shift; all thin layers share one.
pub struct OptimizerState {
    planes: usize,
    first_moment: usize,
    alone: Vec<Option<Buffer>>,
    together: Option<Buffer>,
}

impl OptimizerState {
    /// Allocates the state, initialised from `moments` of an earlier run or with zeros. `None` if nothing is
    /// stored.
    pub fn new(
        setup: &mut Setup,
        task: &Task,
        moments: &[Parameters],
        fusion: Option<&Fusion>,
    ) -> Result<Option<Self>> {
        let planes = RuleConstants::of(task).planes();
        if planes == 0 {
            return Ok(None);
        }
        let first_moment = usize::from(task.keeps_gradients());
        let is_together = |index: usize| fusion.is_some_and(|fusion| fusion.place(index).is_some());
        let mut buffer = |label: String, plane: u64, contents: Vec<Vec<f32>>| {
            let bytes = ByCategory::from_iter([
                (Category::Gradients, plane * first_moment as u64),
                (Category::Optimizer, plane * task.rule.moments() as u64),
            ]);
            let mut numbers = vec![0.0; first_moment * (plane / 4) as usize];
            numbers.extend(contents.into_iter().flatten());
            setup.shared(&label, bytes, bytemuck::cast_slice(&numbers))
        };
        let mut alone = Vec::new();
        for (index, layer) in task.network.layers().enumerate() {
            if is_together(index) {
                alone.push(None);
                continue;
            }
            let contents = moments.iter().map(|moment| moment.layers[index].values().collect());
            let label = format!("gradients and moments of W{index}, b{index}");
            alone.push(Some(buffer(label, 4 * layer.parameter_count(), contents.collect())?));
        }
        let together = fusion.map(|fusion| {
            let contents = moments.iter().map(|moment| {
                let layers = moment.layers.iter().enumerate().filter(|&(index, _)| is_together(index));
                layers.flat_map(|(_, layer)| packed(layer)).collect()
            });
            let label = "gradients and moments of thin layers".to_owned();
            buffer(label, fusion.parameter_bytes(), contents.collect())
        });
        let together = together.transpose()?;
        Ok(Some(OptimizerState { planes, first_moment, alone, together }))
    }

    /// Buffer of `layer`, which must not be thin.
    pub fn alone(&self, layer: usize) -> Result<&Buffer> {
        self.alone.get(layer).and_then(Option::as_ref).ok_or_else(missing)
    }

    /// Buffer of all thin layers.
    pub fn together(&self) -> Result<&Buffer> {
        self.together.as_ref().ok_or_else(missing)
    }

    /// All buffers, each with the number of values in a plane.
    pub fn buffers(&self) -> impl Iterator<Item = (&Buffer, usize)> {
        let buffers = self.alone.iter().flatten().chain(&self.together);
        buffers.map(|buffer| (buffer, self.plane(buffer)))
    }

    /// Reads the optimizer state back.
    pub fn moments(
        &self,
        device: &OpenDevice,
        readback: &mut Readback,
        network: &Network,
        fusion: Option<&Fusion>,
    ) -> Result<Vec<Parameters>> {
        (self.first_moment..self.planes)
            .map(|plane| self.read(device, readback, network, fusion, plane))
            .collect()
    }

    fn read(
        &self,
        device: &OpenDevice,
        readback: &mut Readback,
        network: &Network,
        fusion: Option<&Fusion>,
        plane: usize,
    ) -> Result<Parameters> {
        let mut layers = Vec::new();
        for (index, layer) in network.layers().enumerate() {
            layers.push(
                match (&self.alone[index], &self.together, fusion.and_then(|fusion| fusion.place(index))) {
                    (Some(buffer), ..) => {
                        let mut start = plane * self.plane(buffer);
                        let mut of_layer = LayerParameters::default();
                        for (tensor, length) in of_layer.tensors_mut().into_iter().zip(layer.tensor_lengths())
                        {
                            if length > 0 {
                                *tensor = readback.floats(device, &buffer.raw, 4 * start as u64, length)?;
                            }
                            start += length;
                        }
                        of_layer
                    }
                    (None, Some(together), Some(place)) => {
                        let start = 4 * (plane * self.plane(together)) as u64;
                        place.unpacked(layer, |range: Range<usize>| {
                            let from_byte = start + 16 * range.start as u64;
                            readback.floats(device, &together.raw, from_byte, 4 * range.len())
                        })?
                    }
                    _ => return Err(missing()),
                },
            );
        }
        Ok(Parameters { layers })
    }

    /// Number of values in each plane of `buffer`.
    fn plane(&self, buffer: &Buffer) -> usize {
        (buffer.raw.size() / 4) as usize / self.planes
    }
}

fn missing() -> Error {
    Error::internal("a layer lacks its gradient or moment buffers")
}
