use wgpu::ComputePass;

use super::kernel::Immediates;

/// A kernel with bound buffers, which can be recorded any number of times.
pub(super) struct Dispatch {
    pub pipeline: wgpu::ComputePipeline,
    pub bind_group: wgpu::BindGroup,
    /// Immediate data of the kernel.
    pub immediates: Option<Immediates>,
    pub workgroups: [u32; 2],
}

impl Dispatch {
    pub fn record(&self, pass: &mut ComputePass) {
        pass.set_pipeline(&self.pipeline);
        pass.set_bind_group(0, &self.bind_group, &[]);
        if let Some(immediates) = &self.immediates {
            pass.set_immediates(0, bytemuck::cast_slice(immediates));
        }
        pass.dispatch_workgroups(self.workgroups[0], self.workgroups[1], 1);
    }
}
