use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use wgpu::ErrorFilter;

use super::kernel::{Binding, Kernel, SPLIT_BINDINGS};
use super::shaders::Shaders;
use crate::gpu::device::OpenDevice;
use crate::{Error, Result};

/// A compiled kernel.
#[derive(Clone)]
pub struct Program {
    pub pipeline: wgpu::ComputePipeline,
    pub layout: wgpu::BindGroupLayout,
}

/// Compiled kernels, also by the texts that were replaced in their source: contexts whose shaders differ in one file share
/// all kernels without it.
#[derive(Default)]
pub struct Programs(Mutex<HashMap<(Kernel, String), Entry>>);

/// A kernel, compiled by the first thread that locks it.
type Entry = Arc<Mutex<Option<Program>>>;

impl Programs {
    /// `kernel`, compiled on first use. Other threads can compile other kernels at the same time.
    ///
    /// # Errors
    /// [`Error::KernelRefused`], and [`Error::DeviceLost`].
    pub fn get(&self, device: &OpenDevice, shaders: &Shaders, kernel: &Kernel) -> Result<Program> {
        let key = (kernel.clone(), shaders.replaced(&kernel.files));
        let entry = Arc::clone(lock(&self.0).entry(key).or_default());
        let mut entry = lock(&entry);
        if let Some(program) = &*entry {
            return Ok(program.clone());
        }
        Ok(entry.insert(compile(device, shaders, kernel)?).clone())
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn compile(device: &OpenDevice, shaders: &Shaders, kernel: &Kernel) -> Result<Program> {
    let label = Some(kernel.name);
    let layout = bind_group_layout(device, kernel.bindings);
    let split = kernel.reads_split.then(|| bind_group_layout(device, SPLIT_BINDINGS));
    let groups: Vec<_> = [Some(&layout)].into_iter().chain(split.as_ref().map(Some)).collect();
    let pipeline_layout = device.raw.create_pipeline_layout(&wgpu::PipelineLayoutDescriptor {
        label,
        bind_group_layouts: &groups,
        immediate_size: kernel.immediates.bytes(),
    });
    let source = wgpu::ShaderSource::Wgsl(Cow::Owned(kernel.source(shaders)));
    let scopes =
        [ErrorFilter::Validation, ErrorFilter::Internal].map(|filter| device.raw.push_error_scope(filter));
    let module = device.raw.create_shader_module(wgpu::ShaderModuleDescriptor { label, source });
    let pipeline = device.raw.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
        label,
        layout: Some(&pipeline_layout),
        module: &module,
        entry_point: Some("main"),
        compilation_options: wgpu::PipelineCompilationOptions {
            constants: &kernel.constants(),
            // Every kernel writes its workgroup memory before it reads it.
            zero_initialize_workgroup_memory: false,
        },
        cache: None,
    });
    let refusals = scopes.into_iter().rev().filter_map(|scope| pollster::block_on(scope.pop()));
    if let Some(problem) = refusals.last() {
        return Err(Error::KernelRefused { kernel: kernel.name.to_owned(), problem: problem.to_string() });
    }
    device.count_object();
    device.check()?;
    Ok(Program { pipeline, layout })
}

/// The layout of a group of `bindings`. Equal layouts are compatible.
pub fn bind_group_layout(device: &OpenDevice, bindings: &[Binding]) -> wgpu::BindGroupLayout {
    let entries: Vec<_> = (0..).zip(bindings).filter_map(layout_entry).collect();
    let descriptor = wgpu::BindGroupLayoutDescriptor { label: None, entries: &entries };
    device.raw.create_bind_group_layout(&descriptor)
}

fn layout_entry((binding, kind): (u32, &Binding)) -> Option<wgpu::BindGroupLayoutEntry> {
    let ty = match kind {
        Binding::Unused => return None,
        Binding::Uniform => wgpu::BufferBindingType::Uniform,
        Binding::Read => wgpu::BufferBindingType::Storage { read_only: true },
        Binding::Write => wgpu::BufferBindingType::Storage { read_only: false },
    };
    Some(wgpu::BindGroupLayoutEntry {
        binding,
        visibility: wgpu::ShaderStages::COMPUTE,
        ty: wgpu::BindingType::Buffer { ty, has_dynamic_offset: false, min_binding_size: None },
        count: None,
    })
}
