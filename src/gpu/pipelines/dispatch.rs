use wgpu::{BindGroup, ComputePass};

use super::immediates::{Arguments, Immediates, MicroBatch};

/// A kernel with bound buffers, which can be recorded any number of times.
pub struct Dispatch {
    pub pipeline: wgpu::ComputePipeline,
    pub bind_group: BindGroup,
    /// It also binds the resident dataset.
    pub reads_split: bool,
    pub immediates: Immediates,
    pub arguments: Arguments,
    pub workgroups: [u32; 2],
}

impl Dispatch {
    /// Records the dispatch for `micro_batch`, which comes from `split` if the dataset is resident.
    pub fn record(&self, pass: &mut ComputePass, micro_batch: &MicroBatch, split: Option<&BindGroup>) {
        pass.set_pipeline(&self.pipeline);
        pass.set_bind_group(0, &self.bind_group, &[]);
        if self.reads_split {
            pass.set_bind_group(1, split, &[]);
        }
        if self.immediates != Immediates::None {
            pass.set_immediates(0, bytemuck::bytes_of(micro_batch));
        }
        if self.immediates == Immediates::MicroBatchAndArguments {
            pass.set_immediates(size_of::<MicroBatch>() as u32, bytemuck::cast_slice(&self.arguments));
        }
        pass.dispatch_workgroups(self.workgroups[0], self.workgroups[1], 1);
    }
}
