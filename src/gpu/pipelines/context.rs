use std::sync::Arc;

use wgpu::{BindGroup, BindGroupEntry, BindGroupLayout, BindingResource, BufferBinding};

use super::dispatch::Dispatch;
use super::immediates::Arguments;
use super::kernel::{Kernel, SPLIT_BINDINGS};
use super::product::LayerProduct;
use super::programs::{Programs, bind_group_layout};
use super::shaders::Shaders;
use super::tile::{Choices, Tile};
use crate::Result;
use crate::device::{DeviceInfo, DeviceLimits};
use crate::gpu::device::{AdapterKind, AdapterLimits, OpenDevice};
use crate::memory::Ledger;

/// A device with its compiled kernels, and what decides between kernels that compute the same.
///
/// Clones share the device and the compiled kernels. Each may have its own ledger.
#[derive(Clone)]
pub struct Context {
    pub(in crate::gpu) device: OpenDevice,
    /// Tile for all products. `None` chooses one by the shape of the product.
    tile: Option<Tile>,
    choices: Arc<Choices>,
    /// [`DeviceLimits::column_lanes`]
    column_lanes: u32,
    /// [`DeviceLimits::few_dispatches`]
    few_dispatches: bool,
    shaders: Arc<Shaders>,
    programs: Arc<Programs>,
}

impl Context {
    /// Opens the best adapter of `kind`.
    ///
    /// # Errors
    /// [`crate::Error::NoDevice`] if there is none, or if it refuses to open a device.
    pub fn open(kind: AdapterKind) -> Result<Self> {
        Context::open_within(kind, AdapterLimits::MOST)
    }

    /// As [`Context::open`], but as on a device with at most these limits: what exceeds them is rejected, but for workgroup
    /// memory.
    ///
    /// # Errors
    /// As [`Context::open`].
    pub fn open_within(kind: AdapterKind, most: AdapterLimits) -> Result<Self> {
        let device = OpenDevice::new(kind, most)?;
        let DeviceLimits { few_dispatches, column_lanes, .. } = device.limits();
        Ok(Context {
            few_dispatches,
            device,
            tile: None,
            choices: Arc::default(),
            column_lanes,
            shaders: Arc::default(),
            programs: Arc::default(),
        })
    }

    /// Context of another run on the same device, whose buffers are counted in `ledger`.
    pub fn with_ledger(&self, ledger: &Ledger) -> Self {
        Context { device: self.device.with_ledger(ledger), ..self.clone() }
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
    pub(in crate::gpu) fn choosable_tiles(&self) -> impl Iterator<Item = Tile> + use<> {
        let (is_software, limits) = (self.device.is_software(), self.device.workgroups);
        Tile::for_hardware().filter(move |tile| !is_software && tile.fits(limits))
    }

    /// All tiles that the device can run.
    pub fn tiles(&self) -> impl Iterator<Item = Tile> + use<> {
        Tile::all(self.device.workgroups)
    }

    /// Uses the tiles of `choices` for products of these kinds.
    pub(in crate::gpu) fn with_choices(self, choices: Choices) -> Self {
        Context { choices: Arc::new(choices), ..self }
    }

    pub(in crate::gpu) fn tile(&self, product: LayerProduct) -> Tile {
        let OpenDevice { kind, workgroups, .. } = self.device;
        let measured = self.choices.get(&product.kind()).copied();
        let chosen = self.tile.or(measured.filter(|tile| tile.fits(workgroups)));
        chosen.unwrap_or_else(|| Tile::unmeasured(kind, workgroups, product.answer()))
    }

    /// Tile of the kernels that compute the gradients of thin layers.
    pub(in crate::gpu) fn thin_tile(&self) -> Tile {
        self.tile.unwrap_or_else(|| Tile::of_thin_layers(self.device.kind, self.device.workgroups))
    }

    pub(in crate::gpu) fn has_fixed_tile(&self) -> bool {
        self.tile.is_some()
    }

    /// Limits the invocations that share the columns of a layer in a chain to `column_lanes`. The order of
    /// sums does not change.
    pub fn with_column_lanes(self, column_lanes: u32) -> Self {
        Context { column_lanes, ..self }
    }

    /// Disables subgroup operations, as on devices whose subgroups have fewer than eight lanes.
    pub fn without_subgroups(mut self) -> Self {
        self.device.workgroups.subgroups = false;
        self
    }

    /// Takes as few dispatches as possible, as on hardware. No bit changes.
    pub fn with_few_dispatches(self) -> Self {
        Context { few_dispatches: true, ..self }
    }

    /// The same device with simpler kernels, which give the same bits, for drivers that refuse others; `None` if there are
    /// none.
    pub fn simpler(&self) -> Option<Self> {
        let simplest = Tile::simplest(self.device.workgroups);
        if self.few_dispatches {
            Some(Context { few_dispatches: false, ..self.clone() })
        } else if self.device.workgroups.subgroups {
            Some(self.clone().without_subgroups())
        } else if self.column_lanes > 1 {
            Some(self.clone().with_column_lanes(1))
        } else {
            (self.tile != Some(simplest)).then(|| self.clone().with_tile(simplest))
        }
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
        self.device.info.clone()
    }

    /// Limits of the device.
    pub fn limits(&self) -> DeviceLimits {
        let &Context { few_dispatches, column_lanes, .. } = self;
        DeviceLimits { few_dispatches, column_lanes, ..self.device.limits() }
    }

    /// Binds `operands` to `kernel`, in the order of its bindings, and compiles the kernel if it is new. `arguments` are for
    /// kernels that take some.
    ///
    /// # Errors
    /// [`crate::Error::KernelRefused`] if the driver rejects the kernel, and [`crate::Error::DeviceLost`].
    pub(in crate::gpu) fn bind(
        &self,
        kernel: &Kernel,
        operands: &[BufferBinding],
        arguments: Arguments,
        workgroups: [u32; 2],
    ) -> Result<Dispatch> {
        let program = self.programs.get(&self.device, &self.shaders, kernel)?;
        let bind_group = self.group(&program.layout, kernel.binding_numbers().zip(operands));
        let &Kernel { reads_split, immediates, .. } = kernel;
        Ok(Dispatch {
            pipeline: program.pipeline,
            bind_group,
            reads_split,
            immediates,
            arguments,
            workgroups,
        })
    }

    /// Binds the resident dataset, for kernels that read it.
    pub(in crate::gpu) fn bind_split(&self, operands: &[BufferBinding; SPLIT_BINDINGS.len()]) -> BindGroup {
        self.group(&bind_group_layout(&self.device, SPLIT_BINDINGS), (0..).zip(operands))
    }

    fn group<'a>(
        &self,
        layout: &BindGroupLayout,
        operands: impl Iterator<Item = (u32, &'a BufferBinding<'a>)>,
    ) -> BindGroup {
        let entry = |(binding, operand): (u32, &BufferBinding<'a>)| BindGroupEntry {
            binding,
            resource: BindingResource::Buffer(operand.clone()),
        };
        let entries: Vec<_> = operands.map(entry).collect();
        let descriptor = wgpu::BindGroupDescriptor { label: None, layout, entries: &entries };
        self.device.count_object();
        self.device.raw.create_bind_group(&descriptor)
    }
}
