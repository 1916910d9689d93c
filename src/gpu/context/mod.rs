mod buffer;
mod faults;
mod open;

use std::cell::Cell;
use std::sync::Arc;

use wgpu::{BindGroupEntry, BindingResource, BufferBinding};

pub(super) use buffer::Buffer;
use faults::Faults;

use super::dispatch::Dispatch;
use super::immediates::Arguments;
use super::kernel::{Kernel, Program, Programs, Variant};
use super::shader::Shaders;
use super::tile::{Tile, WorkgroupLimits};
use super::tune::{self, Choices};
use crate::Result;
use crate::device::{DeviceInfo, DeviceLimits};
use crate::memory::Ledger;

/// A device. All memory on it is allocated through a context.
///
/// Clones share the device and the compiled kernels. Each may have its own ledger.
#[derive(Clone)]
pub struct Context {
    pub(super) device: wgpu::Device,
    pub(super) queue: wgpu::Queue,
    pub(super) info: DeviceInfo,
    pub(super) ledger: Ledger,
    kind: wgpu::DeviceType,
    /// Tile for all products. `None` chooses one by the shape of the product.
    tile: Option<Tile>,
    /// Fastest measured tile by kind of product.
    choices: Arc<Choices>,
    /// Upper bound on the invocations that share the columns of a layer in a chain.
    pub(super) column_lanes: u32,
    pub(super) workgroups: WorkgroupLimits,
    /// Source files of the kernels.
    pub(super) shaders: Arc<Shaders>,
    programs: Arc<Programs>,
    faults: Faults,
    objects: Cell<u64>,
}

impl Context {
    /// Context of another run on the same device, whose buffers are counted in `ledger`.
    pub fn with_ledger(&self, ledger: &Ledger) -> Self {
        Context { ledger: ledger.clone(), objects: Cell::new(0), ..self.clone() }
    }

    /// Uses `tile` for all products, whatever their shape. The order of sums does not change.
    pub fn with_tile(self, tile: Tile) -> Self {
        Context { tile: Some(tile), ..self }
    }

    /// Uses tile number `turn`, modulo their count, of those that a run on this device may choose, for all
    /// products, unless [`Context::with_tile`] has set one. Runs on software drivers choose none.
    pub fn in_turn(self, turn: usize) -> Self {
        let tiles: Vec<_> = self.choosable_tiles().collect();
        let tile = tiles.get(turn % tiles.len().max(1)).copied();
        Context { tile: self.tile.or(tile), ..self }
    }

    /// Tiles between which a run on this device chooses by measuring. None on software drivers.
    pub(super) fn choosable_tiles(&self) -> impl Iterator<Item = Tile> + use<> {
        let (is_software, limits) = (self.is_software(), self.workgroups);
        Tile::for_hardware().filter(move |tile| !is_software && tile.fits(limits))
    }

    /// All tiles that the device can run.
    pub fn tiles(&self) -> impl Iterator<Item = Tile> + use<> {
        Tile::all(self.workgroups)
    }

    /// Uses the tiles of `choices` for products of these kinds.
    pub(super) fn with_choices(self, choices: Choices) -> Self {
        Context { choices: Arc::new(choices), ..self }
    }

    /// Tile for a product whose result has `answer` rows and columns, each element a sum of `depth` terms.
    pub(super) fn tile(&self, kernel: Kernel, answer: [usize; 2], depth: usize) -> Tile {
        let measured = self.choices.get(&tune::kind(kernel, answer, depth)).copied();
        let chosen = self.tile.or(measured.filter(|tile| tile.fits(self.workgroups)));
        chosen.unwrap_or_else(|| Tile::unmeasured(self.kind, self.workgroups, answer))
    }

    /// Tile of the kernels that compute the gradients of thin layers.
    pub(super) fn thin_tile(&self) -> Tile {
        self.tile.unwrap_or_else(|| Tile::of_thin_layers(self.kind, self.workgroups))
    }

    pub(super) fn has_fixed_tile(&self) -> bool {
        self.tile.is_some()
    }

    /// `true` if kernels run on the CPU.
    pub(super) fn is_software(&self) -> bool {
        self.kind == wgpu::DeviceType::Cpu
    }

    /// Limits the invocations that share the columns of a layer in a chain to `column_lanes`. The order of
    /// sums does not change.
    pub fn with_column_lanes(self, column_lanes: u32) -> Self {
        Context { column_lanes, ..self }
    }

    /// Disables subgroup operations, as on devices whose subgroups have fewer than eight lanes.
    pub fn without_subgroups(self) -> Self {
        let workgroups = WorkgroupLimits { subgroups: false, ..self.workgroups };
        Context { workgroups, ..self }
    }

    /// Compiles kernels from `text` instead of `shaders/{file}.wgsl`, so that tests can verify that checks
    /// detect a broken kernel.
    ///
    /// # Errors
    /// [`crate::Error::Usage`] if there is no such file. Invalid WGSL is reported by the first run.
    pub fn with_shader(self, file: &str, text: &str) -> Result<Self> {
        let shaders = Shaders::clone(&self.shaders).with(file, text.to_owned())?;
        Ok(Context { shaders: Arc::new(shaders), ..self })
    }

    /// Description of the device.
    pub fn info(&self) -> DeviceInfo {
        self.info.clone()
    }

    /// Limits of the device.
    pub fn limits(&self) -> DeviceLimits {
        let (limits, features) = (self.device.limits(), self.device.features());
        DeviceLimits {
            binding_bytes: limits.max_storage_buffer_binding_size.min(limits.max_buffer_size),
            buffer_bytes: limits.max_buffer_size,
            timestamps: features.contains(wgpu::Features::TIMESTAMP_QUERY),
            workgroup_bytes: self.workgroups.bytes,
            subgroups: self.workgroups.subgroups,
        }
    }

    /// The kernel `variant`, compiled on first use.
    ///
    /// # Errors
    /// [`crate::Error::DeviceLost`] if the driver rejects the kernel.
    pub(super) fn program(&self, variant: Variant) -> Result<Program> {
        self.programs.get(self, variant)
    }

    /// Binds `operands` to `variant`, in the order of its bindings. Kernels of thin layers take `arguments`.
    ///
    /// # Errors
    /// As [`Context::program`].
    pub(super) fn bind(
        &self,
        variant: Variant,
        operands: &[BufferBinding],
        arguments: Arguments,
        workgroups: [u32; 2],
    ) -> Result<Dispatch> {
        let program = self.program(variant)?;
        let entries: Vec<_> = (variant.kernel.binding_numbers())
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
        let immediates = variant.kernel.immediates(arguments);
        Ok(Dispatch { pipeline: program.pipeline, bind_group, immediates, workgroups })
    }

    /// Number of buffers, bind groups and pipelines created so far.
    pub(super) fn objects(&self) -> u64 {
        self.objects.get()
    }

    pub(super) fn count_object(&self) {
        self.objects.set(self.objects.get() + 1);
    }
}
