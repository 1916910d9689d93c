mod buffer;
mod faults;
mod open;

use std::cell::Cell;
use std::sync::Arc;

use wgpu::{BindGroupEntry, BindingResource, BufferBinding};

pub(super) use buffer::Buffer;
use faults::Faults;

use super::dispatch::Dispatch;
use super::kernel::{IMMEDIATE_BYTES, Kernel, Program, Programs, Variant};
use super::shader::Shaders;
use super::tile::Tile;
use super::tune::{self, Choices};
use crate::Result;
use crate::device::{DeviceInfo, DeviceLimits};
use crate::memory::Ledger;

/// A device, and the one way to get memory on it.
///
/// Clones are of one device with one set of compiled kernels; each may have a ledger of its own.
#[derive(Clone)]
pub struct Context {
    pub(super) device: wgpu::Device,
    pub(super) queue: wgpu::Queue,
    pub(super) info: DeviceInfo,
    pub(super) ledger: Ledger,
    kind: wgpu::DeviceType,
    /// What all products get, whatever their shape.
    tile: Option<Tile>,
    /// What was found to be fastest.
    choices: Arc<Choices>,
    /// The most invocations that share the columns of a chain's layer.
    pub(super) column_lanes: u32,
    chain_groups: usize,
    subgroups: bool,
    /// What kernels are compiled from.
    pub(super) shaders: Arc<Shaders>,
    programs: Arc<Programs>,
    faults: Faults,
    objects: Cell<u64>,
}

impl Context {
    /// The same device for another run, whose buffers will be in `ledger`.
    pub fn with_ledger(&self, ledger: &Ledger) -> Self {
        Context { ledger: ledger.clone(), objects: Cell::new(0), ..self.clone() }
    }

    /// Cuts all products alike, whatever their shape. No sum changes its order.
    pub fn with_tile(self, tile: Tile) -> Self {
        Context { tile: Some(tile), ..self }
    }

    /// Cuts all products in one of the ways that there are, each in its turn, unless [`Context::with_tile`] has said how.
    pub fn in_turn(self, turn: usize) -> Self {
        let tiles: Vec<_> = Tile::all(self.subgroups).collect();
        Context { tile: self.tile.or(Some(tiles[turn % tiles.len()])), ..self }
    }

    /// Cuts products as `choices` say.
    pub(super) fn with_choices(self, choices: Choices) -> Self {
        Context { choices: Arc::new(choices), ..self }
    }

    /// How a product is cut whose answer has so many rows and columns, each the sum of `depth` numbers.
    pub(super) fn tile(&self, kernel: Kernel, answer: [usize; 2], depth: usize) -> Tile {
        let chosen = self.tile.or_else(|| self.choices.get(&tune::kind(kernel, answer, depth)).copied());
        chosen.unwrap_or_else(|| Tile::unmeasured(self.kind, self.subgroups, answer))
    }

    pub(super) fn has_fixed_tile(&self) -> bool {
        self.tile.is_some()
    }

    /// Whether its kernels run on the processor.
    pub(super) fn is_software(&self) -> bool {
        self.kind == wgpu::DeviceType::Cpu
    }

    /// Lets at most so many invocations share the columns of a layer that runs together with others. No sum changes its
    /// order.
    pub fn with_column_lanes(self, column_lanes: u32) -> Self {
        Context { column_lanes, ..self }
    }

    /// Runs layers together without passing numbers on between the lanes of subgroups, as where lanes are fewer than eight.
    pub fn without_subgroups(self) -> Self {
        Context { subgroups: false, ..self }
    }

    /// Compiles kernels from `text` in the place of `shaders/{file}.wgsl`, so that a test can break one and see that
    /// checks find it.
    ///
    /// # Errors
    /// [`crate::Error::Usage`] where there is no such file. A text that is no WGSL is an error of the first run.
    pub fn with_shader(self, file: &str, text: &str) -> Result<Self> {
        let shaders = Shaders::clone(&self.shaders).with(file, text.to_owned())?;
        Ok(Context { shaders: Arc::new(shaders), ..self })
    }

    /// What it is.
    pub fn info(&self) -> DeviceInfo {
        self.info.clone()
    }

    /// What it can take at once.
    pub fn limits(&self) -> DeviceLimits {
        let (limits, features) = (self.device.limits(), self.device.features());
        let tells_chains =
            features.contains(wgpu::Features::IMMEDIATES) && limits.max_immediate_size >= IMMEDIATE_BYTES;
        DeviceLimits {
            binding_bytes: limits.max_storage_buffer_binding_size.min(limits.max_buffer_size),
            buffer_bytes: limits.max_buffer_size,
            timestamps: features.contains(wgpu::Features::TIMESTAMP_QUERY),
            workgroup_bytes: if tells_chains { limits.max_compute_workgroup_storage_size } else { 0 },
            chain_groups: self.chain_groups,
            subgroups: self.subgroups,
        }
    }

    /// `variant`, compiled unless it has been.
    ///
    /// # Errors
    /// [`crate::Error::DeviceLost`] where the driver does not take the kernel.
    pub(super) fn program(&self, variant: Variant) -> Result<Program> {
        self.programs.get(self, variant)
    }

    /// `variant` on `operands`, in the order of its bindings.
    ///
    /// # Errors
    /// As [`Context::program`].
    pub(super) fn bind(
        &self,
        variant: Variant,
        operands: &[BufferBinding],
        immediates: Option<[u32; 4]>,
        workgroups: [u32; 2],
    ) -> Result<Dispatch> {
        let program = self.program(variant)?;
        let entries: Vec<_> = (0..)
            .zip(operands)
            .map(|(binding, operand)| BindGroupEntry {
                binding,
                resource: BindingResource::Buffer(operand.clone()),
            })
            .collect();
        let bind_group = self.device.create_bind_group(&wgpu::BindGroupDescriptor {
            label: None,
            layout: &program.layout,
            entries: &entries,
        });
        self.count_object();
        Ok(Dispatch { pipeline: program.pipeline, bind_group, immediates, workgroups })
    }

    /// Buffers, bind groups and pipelines made so far.
    pub(super) fn objects(&self) -> u64 {
        self.objects.get()
    }

    pub(super) fn count_object(&self) {
        self.objects.set(self.objects.get() + 1);
    }
}
