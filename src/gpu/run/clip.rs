use super::binder::{Binder, MOST_GROUPS};
use crate::Result;
use crate::device::Fault;
use crate::gpu::device::Buffer;
use crate::gpu::kernels::{self, RuleConstants};
use crate::gpu::memory::{NORMS, SizesTable};
use crate::gpu::pipelines::{Arguments, Dispatch};

/// Parameters per workgroup of the update from stored gradients: 4 for each of 64 invocations.
const STEP_PARAMETERS: usize = 4 * 64;

impl Binder<'_> {
    /// Dispatches of gradient clipping and the parameter update from stored gradients.
    ///
    /// # Errors
    /// As [`Binder::bind`].
    pub fn clip(&mut self, norms: &Buffer) -> Result<Vec<Dispatch>> {
        let (network, rule) = (self.task.network, RuleConstants::of(self.task));
        let kept = self.kept()?;
        let mut dispatches = Vec::new();
        for (index, (buffer, plane)) in kept.buffers().enumerate() {
            let operands = [buffer, norms].map(Buffer::whole);
            let sizes = SizesTable::norm(plane, index * NORMS);
            dispatches.push(self.setup.dispatch(&kernels::norm(), sizes, &operands, [1, NORMS])?);
        }
        let operands = [norms, self.metrics].map(Buffer::whole);
        let scale = kernels::scale(rule);
        dispatches.push(self.setup.context.bind(&scale, &operands, Arguments::default(), [1, 1])?);
        let kernel = kernels::step(rule);
        for (index, layer) in network.layers().enumerate() {
            let fault = Fault::place(index, network.layers().len());
            let mut step = |sizes: [u32; 4], parameters: &Buffer, kept: &Buffer| {
                let operands = [parameters, kept, self.metrics].map(Buffer::whole);
                let groups = (sizes[0] as usize).div_ceil(STEP_PARAMETERS).min(MOST_GROUPS);
                self.setup.dispatch(&kernel, sizes, &operands, [1, groups])
            };
            match self.chains.and_then(|chains| chains.fusion.place(index)) {
                Some(place) => {
                    let sizes = SizesTable::step_together(place, fault);
                    dispatches.push(step(sizes, self.parameters.together()?, kept.together()?)?);
                }
                None => {
                    let tensors =
                        SizesTable::steps(layer, fault).into_iter().zip(self.parameters.alone(index)?);
                    for (sizes, parameters) in tensors {
                        dispatches.push(step(sizes, parameters, kept.alone(index)?)?);
                    }
                }
            }
        }
        Ok(dispatches)
    }
}
