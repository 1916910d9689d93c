use std::cell::Cell;
use std::num::NonZero;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};

use wgpu::{BindGroupEntry, BindingResource, BufferBinding, BufferUsages, ErrorFilter};

use super::adapter::{self, AdapterKind};
use super::dispatch::Dispatch;
use super::kernel::{IMMEDIATE_BYTES, Kernel, Program, Programs, Variant};
use super::shader::Shaders;
use super::tile::Tile;
use super::tune::{self, Choices};
use crate::device::{DeviceInfo, DeviceLimits};
use crate::memory::{ByCategory, Category, Ledger, LedgerEntry};
use crate::plan::Block;
use crate::{Error, Result};

/// Lanes that must be in one subgroup for kernels that pass numbers on between them.
const SUBGROUP_LANES: u32 = 8;
const SUBGROUP_FEATURES: wgpu::Features = wgpu::Features::SUBGROUP.union(wgpu::Features::SUBGROUP_BARRIER);

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
    programs: Arc<Mutex<Programs>>,
    faults: Arc<Mutex<Option<String>>>,
    objects: Cell<u64>,
}

/// A device buffer that the ledger knows of.
pub(super) struct Buffer {
    pub raw: wgpu::Buffer,
    _entry: LedgerEntry,
}

impl Buffer {
    /// All of it, as a kernel's operand.
    pub fn whole(&self) -> BufferBinding<'_> {
        self.raw.as_entire_buffer_binding()
    }

    /// `bytes` bytes from `offset` on, as a kernel's operand.
    pub fn range(&self, offset: u64, bytes: u64) -> BufferBinding<'_> {
        BufferBinding { buffer: &self.raw, offset, size: NonZero::new(bytes) }
    }
}

impl Context {
    /// Opens the best adapter of `kind`.
    ///
    /// # Errors
    /// [`Error::NoDevice`] where there is none, or where it refuses.
    pub fn open(kind: AdapterKind) -> Result<Self> {
        let adapter = adapter::choose(kind)?;
        let info = adapter::describe(&adapter.get_info());
        let offered = adapter.limits();
        let descriptor = wgpu::DeviceDescriptor {
            label: Some("ckpt-gpu"),
            // To time actions, where somebody asks for it, and to tell chains what to do.
            required_features: adapter.features()
                & (wgpu::Features::TIMESTAMP_QUERY | wgpu::Features::IMMEDIATES | SUBGROUP_FEATURES),
            required_limits: wgpu::Limits {
                max_buffer_size: offered.max_buffer_size,
                max_storage_buffer_binding_size: offered.max_storage_buffer_binding_size,
                max_compute_workgroup_storage_size: offered.max_compute_workgroup_storage_size,
                max_immediate_size: offered.max_immediate_size.min(IMMEDIATE_BYTES),
                ..wgpu::Limits::default()
            },
            // The other hint reserves blocks of 64 MiB and more.
            memory_hints: wgpu::MemoryHints::MemoryUsage,
            ..Default::default()
        };
        let (device, queue) =
            pollster::block_on(adapter.request_device(&descriptor)).map_err(|error| Error::NoDevice {
                wanted: info.name.clone(),
                problem: format!("the adapter refused: {error}"),
                remedy: "use --device cpu, or a newer driver",
            })?;

        let faults = Arc::new(Mutex::new(None));
        let note = |faults: &Arc<Mutex<Option<String>>>| {
            let faults = Arc::clone(faults);
            move |fault: String| {
                faults.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(fault);
            }
        };
        let note_error = note(&faults);
        device.on_uncaptured_error(Arc::new(move |error: wgpu::Error| note_error(error.to_string())));
        let note_loss = note(&faults);
        device.set_device_lost_callback(move |reason, message| note_loss(format!("{reason:?}: {message}")));
        let (column_lanes, chain_groups) = match kind {
            AdapterKind::Hardware => (16, 128),
            // These spread workgroups, not their invocations, over the processor's cores, so here a workgroup is as
            // small as its vector units.
            AdapterKind::Software => (1, 8),
        };
        // Where the processor loads each lane's numbers one by one, lanes had better share what they read.
        let subgroups = kind == AdapterKind::Software
            && device.features().contains(SUBGROUP_FEATURES)
            && adapter.get_info().subgroup_min_size >= SUBGROUP_LANES;
        Ok(Context {
            device,
            queue,
            info,
            ledger: Ledger::new(),
            kind: adapter.get_info().device_type,
            tile: None,
            choices: Arc::default(),
            column_lanes,
            chain_groups,
            subgroups,
            shaders: Arc::default(),
            programs: Arc::default(),
            faults,
            objects: Cell::new(0),
        })
    }

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
    /// [`Error::Usage`] where there is no such file. A text that is no WGSL is an error of the first run.
    pub fn with_shader(self, file: &str, text: &str) -> Result<Self> {
        let shaders = Shaders::clone(&self.shaders).with(file, text.to_owned())?;
        Ok(Context { shaders: Arc::new(shaders), programs: Arc::default(), ..self })
    }

    /// A buffer that is bound whole.
    ///
    /// # Errors
    /// [`Error::DoesNotFit`] where the device has no room for it, or cannot bind that much at once.
    pub(super) fn buffer(
        &self,
        category: Category,
        label: &str,
        bytes: u64,
        usage: BufferUsages,
    ) -> Result<Buffer> {
        let remedy = match category {
            Category::Parameters | Category::Gradients => "use narrower --layers",
            Category::Batch => "use a smaller --batch or --micro-batch",
            Category::Dataset => "use --dataset host",
            _ => "use a smaller --batch or --micro-batch, or narrower --layers",
        };
        if usage.contains(BufferUsages::STORAGE) {
            self.check_binding(label, bytes, remedy)?;
        }
        self.allocate(label, ByCategory::of(category, bytes), usage, remedy)
    }

    /// A block of a plan's pool, of which `slot_bytes` bytes at most are bound at once.
    ///
    /// # Errors
    /// As [`Context::buffer`].
    pub(super) fn block(&self, label: &str, block: &Block, slot_bytes: u64) -> Result<Buffer> {
        let remedy = "use a smaller --batch or narrower --layers";
        self.check_binding(label, slot_bytes, remedy)?;
        let usage = BufferUsages::STORAGE | BufferUsages::COPY_SRC;
        self.allocate(label, block.at_peak, usage, remedy)
    }

    /// A buffer of several categories that is bound whole.
    ///
    /// # Errors
    /// As [`Context::buffer`].
    pub(super) fn shared(&self, label: &str, bytes: ByCategory) -> Result<Buffer> {
        let remedy = "use narrower --layers, another --optimizer or no --clip-norm";
        self.check_binding(label, bytes.total(), remedy)?;
        let usage = BufferUsages::STORAGE | BufferUsages::COPY_DST | BufferUsages::COPY_SRC;
        self.allocate(label, bytes, usage, remedy)
    }

    fn check_binding(&self, label: &str, bytes: u64, remedy: &str) -> Result<()> {
        let limit = self.limits().binding_bytes;
        if bytes <= limit {
            return Ok(());
        }
        Err(Error::DoesNotFit(format!(
            "{label} needs {bytes} bytes: {} binds at most {limit} at once; {remedy}",
            self.info.name
        )))
    }

    fn allocate(
        &self,
        label: &str,
        by_category: ByCategory,
        usage: BufferUsages,
        remedy: &str,
    ) -> Result<Buffer> {
        let bytes = by_category.total();
        let refuse = |problem: String| {
            Err(Error::DoesNotFit(format!("{label} needs {bytes} bytes: {problem}; {remedy}")))
        };
        let limit = self.limits().buffer_bytes;
        if bytes > limit {
            return refuse(format!("a buffer of {} has at most {limit}", self.info.name));
        }
        let scope = self.device.push_error_scope(ErrorFilter::OutOfMemory);
        let raw = self.device.create_buffer(&wgpu::BufferDescriptor {
            label: Some(label),
            size: bytes,
            usage,
            mapped_at_creation: false,
        });
        if let Some(error) = pollster::block_on(scope.pop()) {
            return refuse(error.to_string());
        }
        self.count_object();
        let entry = self.ledger.book(label, by_category);
        Ok(Buffer { raw, _entry: entry })
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

    /// # Errors
    /// [`Error::DeviceLost`] if the device was lost, or has refused anything, since it was opened.
    pub(super) fn check(&self) -> Result<()> {
        let fault = self.faults.lock().unwrap_or_else(PoisonError::into_inner);
        fault.as_ref().map_or(Ok(()), |fault| Err(Error::DeviceLost(fault.clone())))
    }

    /// Waits until `submission` is done; `None` waits for everything submitted.
    pub(super) fn wait(&self, submission: Option<wgpu::SubmissionIndex>) -> Result<()> {
        let wait = wgpu::PollType::Wait { submission_index: submission, timeout: None };
        // wgpu panics where the device is lost while it is waited for.
        let polled = catch_unwind(AssertUnwindSafe(|| self.device.poll(wait)));
        self.check()?;
        match polled {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err(Error::DeviceLost(error.to_string())),
            Err(_) => Err(Error::DeviceLost("it went away while it was waited for".to_owned())),
        }
    }

    /// `variant`, compiled unless it has been.
    ///
    /// # Errors
    /// [`Error::DeviceLost`] where the driver does not take the kernel.
    pub(super) fn program(&self, variant: Variant) -> Result<Program> {
        self.programs.lock().unwrap_or_else(PoisonError::into_inner).get(self, variant)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn software_that_is_lost_is_reported_and_does_not_panic() {
        let context = Context::open(AdapterKind::Software).unwrap();
        context.wait(None).unwrap();
        context.device.destroy();
        let _ = context.device.create_buffer(&wgpu::BufferDescriptor {
            label: None,
            size: 16,
            usage: BufferUsages::STORAGE,
            mapped_at_creation: false,
        });
        let lost = [context.wait(None), context.wait(None), context.check()];
        assert!(lost.iter().any(|outcome| matches!(outcome, Err(Error::DeviceLost(_)))), "{lost:?}");
    }

    #[test]
    fn software_that_refuses_is_reported_by_the_next_check() {
        let context = Context::open(AdapterKind::Software).unwrap();
        let module =
            wgpu::ShaderModuleDescriptor { label: None, source: wgpu::ShaderSource::Wgsl("nonsense".into()) };
        let _ = context.device.create_shader_module(module);
        assert!(matches!(context.check(), Err(Error::DeviceLost(_))));
    }

    #[test]
    fn software_names_what_would_fit_where_a_buffer_does_not() {
        let context = Context::open(AdapterKind::Software).unwrap();
        let bytes = context.limits().binding_bytes + 4;
        let refused = context.buffer(Category::Dataset, "samples", bytes, BufferUsages::STORAGE);
        let message = refused.map(|_| ()).unwrap_err().to_string();
        assert!(message.contains("samples") && message.contains("--dataset host"), "{message}");
        assert_eq!(context.ledger.allocated().total(), 0);
    }
}
