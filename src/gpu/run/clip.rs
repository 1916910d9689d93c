use super::binder::{Binder, MOST_GROUPS};
use crate::Result;
use crate::device::Fault;
use crate::gpu::device::Buffer;
use crate::gpu::kernels::{self, RuleConstants};
use crate::gpu::memory::{NORMS, SizesTable};
use crate::gpu::pipelines::{Arguments, Dispatch, Kernel};

/// Parameters per workgroup of the update from stored gradients: 4 for each of 64 invocations.
const STEP_PARAMETERS: usize = 4 * 64;
/// The same of the exchange with the moving average.
const SWAPPED_PARAMETERS: usize = 64;

impl Binder<'_> {
    /// Dispatches of gradient clipping and the parameter update from stored gradients.
    ///
    /// # Errors
    /// As [`Binder::bind`].
    pub fn clip(&mut self, norms: &Buffer) -> Result<Vec<Dispatch>> {
        let rule = RuleConstants::of(self.task);
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
        dispatches.extend(self.each_tensor(&kernel, &[self.metrics], STEP_PARAMETERS)?);
        Ok(dispatches)
    }

    /// Dispatches that exchange parameters with their moving average.
    ///
    /// # Errors
    /// As [`Binder::bind`].
    pub fn swap(&mut self) -> Result<Vec<Dispatch>> {
        let kernel = kernels::swap(RuleConstants::of(self.task));
        self.each_tensor(&kernel, &[], SWAPPED_PARAMETERS)
    }

    /// Dispatches of `kernel` on all parameters and what is kept for them, with `each` parameters to a workgroup, and on `others`.
    fn each_tensor(&mut self, kernel: &Kernel, others: &[&Buffer], each: usize) -> Result<Vec<Dispatch>> {
        let (network, kept) = (self.task.network, self.kept()?);
        let mut dispatches = Vec::new();
        for (index, layer) in network.layers().enumerate() {
            let fault = Fault::place(index, network.layers().len());
            let mut dispatch = |sizes: [u32; 4], parameters: &Buffer, kept: &Buffer| {
                let operands = [parameters, kept].into_iter().chain(others.iter().copied());
                let operands: Vec<_> = operands.map(Buffer::whole).collect();
                let groups = (sizes[0] as usize).div_ceil(each).min(MOST_GROUPS);
                self.setup.dispatch(kernel, sizes, &operands, [1, groups])
            };
            match self.chains.and_then(|chains| chains.fusion.place(index)) {
                Some(place) => {
                    let sizes = SizesTable::step_together(place, fault);
                    dispatches.push(dispatch(sizes, self.parameters.together()?, kept.together()?)?);
                }
                None => {
                    let tensors =
                        SizesTable::steps(layer, fault).zip(self.parameters.alone(index)?.buffers());
                    for (sizes, parameters) in tensors {
                        dispatches.push(dispatch(sizes, parameters, kept.alone(index)?)?);
                    }
                }
            }
        }
        Ok(dispatches)
    }
}
