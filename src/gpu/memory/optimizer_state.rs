use std::ops::Range;

use super::fusion::Fusion;
use super::setup::Setup;
use super::tensors::take_layer;
use super::thin_parameters::packed;
use crate::device::{Initial, Piece, Task};
use crate::gpu::device::{Buffer, OpenDevice, Readback};
use crate::gpu::kernels::RuleConstants;
use crate::memory::{ByCategory, Category};
use crate::model::{Network, Parameters};
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
    /// Allocates the state, initialised from the moments of `initial`, or with zeros, and with the parameters for a moving
    /// average. `None` if nothing is stored.
    pub fn new(
        setup: &mut Setup,
        task: &Task,
        initial: &Initial,
        fusion: Option<&Fusion>,
    ) -> Result<Option<Self>> {
        let planes = RuleConstants::of(task).planes();
        if planes == 0 {
            return Ok(None);
        }
        let first_moment = usize::from(task.keeps_gradients());
        let is_together = |index: usize| fusion.is_some_and(|fusion| fusion.place(index).is_some());
        let begins_with_parameters = task.rule.ema.is_some() && initial.moments.is_empty();
        // The average is the last plane. New buffers are zero.
        let given: Vec<(usize, &Parameters)> = match begins_with_parameters {
            true => vec![(planes - 1, &initial.parameters)],
            false => initial.moments.iter().enumerate().map(|(m, held)| (first_moment + m, held)).collect(),
        };
        let buffer = |setup: &Setup, label: &str, plane: u64| {
            let bytes = ByCategory::from_iter([
                (Category::Gradients, plane * first_moment as u64),
                (Category::Optimizer, plane * task.rule.moments() as u64),
            ]);
            setup.context.device.shared(label, bytes)
        };
        let mut alone = Vec::new();
        for (index, layer) in task.network.layers().enumerate() {
            if is_together(index) {
                alone.push(None);
                continue;
            }
            let label = format!("gradients and moments of W{index}, b{index}");
            let bytes = 4 * layer.parameter_count();
            let buffer = buffer(setup, &label, bytes)?;
            for &(plane, held) in &given {
                let mut offset = plane as u64 * bytes;
                for values in held.layers[index].tensors() {
                    setup.write(&buffer, offset, bytemuck::cast_slice(values))?;
                    offset += size_of_val(&values[..]) as u64;
                }
            }
            alone.push(Some(buffer));
        }
        let together = fusion.map(|fusion| {
            let bytes = fusion.parameter_bytes();
            let buffer = buffer(setup, "gradients and moments of thin layers", bytes)?;
            for &(plane, held) in &given {
                let layers = held.layers.iter().enumerate().filter(|&(index, _)| is_together(index));
                let values: Vec<f32> = layers.flat_map(|(_, layer)| packed(layer)).collect();
                setup.write(&buffer, plane as u64 * bytes, bytemuck::cast_slice(&values))?;
            }
            Ok(buffer)
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

    /// Reads `moment` of all parameters back, and passes it to `take` in order.
    pub fn read(
        &self,
        moment: usize,
        device: &OpenDevice,
        readback: &mut Readback,
        network: &Network,
        fusion: Option<&Fusion>,
        take: &mut dyn FnMut(Piece) -> Result<()>,
    ) -> Result<()> {
        let plane = self.first_moment + moment;
        for (index, layer) in network.layers().enumerate() {
            match (&self.alone[index], &self.together, fusion.and_then(|fusion| fusion.place(index))) {
                (Some(buffer), ..) => {
                    let mut from = plane * self.plane(buffer);
                    for (tensor, length) in layer.tensor_lengths().into_iter().enumerate() {
                        let mut start = 0;
                        readback.each_floats(device, &buffer.raw, 4 * from as u64, length, |values| {
                            take(Piece { layer: index, tensor, start, values })?;
                            start += values.len();
                            Ok(())
                        })?;
                        from += length;
                    }
                }
                (None, Some(together), Some(place)) => {
                    let from = 4 * (plane * self.plane(together)) as u64;
                    let held = place.unpacked(layer, |range: Range<usize>| {
                        let from_byte = from + 16 * range.start as u64;
                        readback.floats(device, &together.raw, from_byte, 4 * range.len())
                    })?;
                    take_layer(index, &held, take)?;
                }
                _ => return Err(missing()),
            }
        }
        Ok(())
    }

    /// Number of values in each plane of `buffer`.
    fn plane(&self, buffer: &Buffer) -> usize {
        (buffer.raw.size() / 4) as usize / self.planes
    }
}

fn missing() -> Error {
    Error::internal("a layer lacks its gradient or moment buffers")
}
