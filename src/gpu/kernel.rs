use std::borrow::Cow;
use std::collections::HashMap;

use super::context::Context;
use super::fusion::Tiles;
use super::tile::{SOFTWARE_BLOCKS, Tile};
use crate::Result;
use crate::device::Accumulation;
use crate::model::{Activation, Loss};

/// Our kernels, one WGSL file each. `main` is the entry point of all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Kernel {
    Gather,
    Forward,
    Loss,
    Tally,
    Delta,
    Update,
    Accumulate,
    Chain,
    ChainUpdate,
    ChainAccumulate,
    Score,
}

/// A kernel with everything that is fixed when it is compiled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Variant {
    pub kernel: Kernel,
    /// Of a product's operands, left and right: whether rows are a multiple of four numbers wide.
    pub by_four: [bool; 2],
    pub activation: Activation,
    pub loss: Loss,
    pub accumulation: Accumulation,
    /// Bytes of one value of the data: 1 or 4.
    pub value_bytes: u32,
    /// Of a product.
    pub tile: Tile,
    /// Of a chain.
    pub tiles: Option<Tiles>,
}

impl Variant {
    pub fn of(kernel: Kernel) -> Self {
        Variant {
            kernel,
            by_four: [false; 2],
            activation: Activation::Identity,
            loss: Loss::Quadratic,
            accumulation: Accumulation::Whole,
            value_bytes: 1,
            tile: SOFTWARE_BLOCKS,
            tiles: None,
        }
    }
}

/// What a dispatch of a chain is told beside its operands.
pub(super) const IMMEDIATE_BYTES: u32 = 16;
/// Invocations in a workgroup that adds up a chain's gradients.
const CHAIN_GROUP: u32 = 64;

#[derive(Clone, Copy, PartialEq)]
enum Binding {
    Uniform,
    Read,
    /// Written, or in the pool: ranges of one buffer can be bound together only where all are bound for writing.
    Write,
}

impl Kernel {
    pub fn name(self) -> &'static str {
        match self {
            Kernel::Gather => "gather",
            Kernel::Forward => "forward",
            Kernel::Loss => "loss",
            Kernel::Tally => "tally",
            Kernel::Delta => "delta",
            Kernel::Update => "update",
            Kernel::Accumulate => "accumulate",
            Kernel::Chain => "chain",
            Kernel::ChainUpdate => "chain_update",
            Kernel::ChainAccumulate => "chain_accumulate",
            Kernel::Score => "score",
        }
    }

    fn bindings(self) -> &'static [Binding] {
        use Binding::{Read, Uniform, Write};
        match self {
            Kernel::Gather => &[Uniform, Read, Read, Read, Read, Write, Write],
            Kernel::Forward => &[Uniform, Write, Write, Read, Write],
            Kernel::Delta | Kernel::Update => &[Uniform, Write, Write, Write, Write],
            Kernel::Loss => &[Uniform, Write, Read, Write, Write],
            Kernel::Accumulate => &[Uniform, Write, Write, Write, Write, Write, Write],
            Kernel::Chain => &[Read, Read, Write, Write, Write, Write],
            Kernel::ChainUpdate => &[Write, Write],
            Kernel::ChainAccumulate => &[Write, Write, Write],
            Kernel::Tally => &[Uniform, Read, Write],
            Kernel::Score => &[Uniform, Write, Read, Write],
        }
    }

    /// Bytes that each dispatch of it is told beside its operands.
    pub fn immediate_bytes(self) -> u32 {
        match self {
            Kernel::Chain | Kernel::ChainUpdate | Kernel::ChainAccumulate => IMMEDIATE_BYTES,
            _ => 0,
        }
    }
}

impl Variant {
    /// How many rows and columns of the answer one workgroup makes, columns first.
    pub fn extent(self) -> [u32; 2] {
        match self.kernel {
            Kernel::Forward | Kernel::Delta | Kernel::Update | Kernel::Accumulate => self.tile.extent(),
            Kernel::Gather => [4 * 4, 16],
            Kernel::Loss => [64, 1],
            Kernel::ChainUpdate | Kernel::ChainAccumulate => [CHAIN_GROUP, 1],
            Kernel::Chain => [1, 1],
            Kernel::Tally | Kernel::Score => [u32::MAX, 1],
        }
    }

    /// The shader files that it is made of.
    fn files(self) -> Vec<&'static str> {
        let left = if self.by_four[0] { "left_vec4" } else { "left_f32" };
        let right = if self.by_four[1] { "right_vec4" } else { "right_f32" };
        let product = |files: &[&'static str]| [&[left, right], self.tile.files(), files].concat();
        match self.kernel {
            Kernel::Forward => product(&["nan", "activation", "forward"]),
            Kernel::Delta => product(&["nan", "activation", "delta"]),
            Kernel::Update => product(&["gradient", "update"]),
            Kernel::Accumulate => product(&["gradient", "accumulate"]),
            Kernel::Chain => {
                let products = match self.tiles {
                    Some(Tiles { subgroups: true, .. }) => &["subgroup", "chain_subgroup"][..],
                    _ => &["chain_lanes"],
                };
                [&["nan", "activation", "chain"], products].concat()
            }
            Kernel::ChainUpdate => vec!["partials", "chain_update"],
            Kernel::ChainAccumulate => vec!["partials", "chain_accumulate"],
            Kernel::Loss => vec!["nan", "activation", "loss"],
            Kernel::Gather => vec!["metrics", "gather"],
            Kernel::Tally => vec!["metrics", "tally"],
            Kernel::Score => vec!["nan", "metrics", "score"],
        }
    }

    fn constants(self) -> Vec<(&'static str, f64)> {
        let tile = self.tile.constants();
        let part = [
            ("IS_FIRST", f64::from(self.accumulation.is_first())),
            ("IS_LAST", f64::from(self.accumulation.is_last())),
        ];
        let activation = ("ACTIVATION", f64::from(activation_code(self.activation)));
        match self.kernel {
            Kernel::Forward | Kernel::Delta => [&tile[..], &[activation]].concat(),
            Kernel::Update => tile,
            Kernel::Accumulate => [&tile[..], &part].concat(),
            Kernel::Chain => {
                let Some(tiles) = self.tiles else { return Vec::new() };
                vec![
                    activation,
                    ("ROW_LANES", tiles.row_lanes.into()),
                    ("COLUMN_LANES", tiles.column_lanes.into()),
                    ("WIDTH", tiles.width.into()),
                    ("TILES", tiles.count.into()),
                ]
            }
            Kernel::ChainUpdate => vec![("GROUP", CHAIN_GROUP.into())],
            Kernel::ChainAccumulate => [&[("GROUP", CHAIN_GROUP.into())], &part[..]].concat(),
            Kernel::Loss => vec![activation, ("LOSS", f64::from(loss_code(self.loss)))],
            Kernel::Gather => vec![("VALUE_BYTES", f64::from(self.value_bytes))],
            Kernel::Tally | Kernel::Score => Vec::new(),
        }
    }
}

/// As `shaders/activation.wgsl` has them.
fn activation_code(activation: Activation) -> u8 {
    match activation {
        Activation::Sigmoid => 0,
        Activation::Tanh => 1,
        Activation::Relu => 2,
        Activation::Identity => 3,
    }
}

/// As `shaders/loss.wgsl` has them.
fn loss_code(loss: Loss) -> u8 {
    match loss {
        Loss::Quadratic => 0,
        Loss::CrossEntropy => 1,
    }
}

/// A compiled kernel.
#[derive(Clone)]
pub(super) struct Program {
    pub pipeline: wgpu::ComputePipeline,
    pub layout: wgpu::BindGroupLayout,
}

/// Every kernel variant that was needed so far, compiled once.
#[derive(Default)]
pub(super) struct Programs(HashMap<Variant, Program>);

impl Programs {
    /// # Errors
    /// [`Error::DeviceLost`] where the driver does not take the kernel.
    pub fn get(&mut self, context: &Context, variant: Variant) -> Result<Program> {
        if let Some(program) = self.0.get(&variant) {
            return Ok(program.clone());
        }
        let program = compile(context, variant)?;
        self.0.insert(variant, program.clone());
        Ok(program)
    }
}

fn compile(context: &Context, variant: Variant) -> Result<Program> {
    let device = &context.device;
    let label = Some(variant.kernel.name());
    let entries: Vec<_> = (0..).zip(variant.kernel.bindings()).map(layout_entry).collect();
    let layout =
        device.create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor { label, entries: &entries });
    let pipeline_layout = device.create_pipeline_layout(&wgpu::PipelineLayoutDescriptor {
        label,
        bind_group_layouts: &[Some(&layout)],
        immediate_size: variant.kernel.immediate_bytes(),
    });
    let source = wgpu::ShaderModuleDescriptor {
        label,
        source: wgpu::ShaderSource::Wgsl(Cow::Owned(context.shaders.concat(&variant.files()))),
    };
    let module = device.create_shader_module(source);
    let pipeline = device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
        label,
        layout: Some(&pipeline_layout),
        module: &module,
        entry_point: Some("main"),
        compilation_options: wgpu::PipelineCompilationOptions {
            constants: &variant.constants(),
            // Every kernel writes what it reads of its workgroup's memory.
            zero_initialize_workgroup_memory: false,
        },
        cache: None,
    });
    context.count_object();
    context.check()?;
    Ok(Program { pipeline, layout })
}

fn layout_entry((binding, kind): (u32, &Binding)) -> wgpu::BindGroupLayoutEntry {
    let ty = match kind {
        Binding::Uniform => wgpu::BufferBindingType::Uniform,
        Binding::Read => wgpu::BufferBindingType::Storage { read_only: true },
        Binding::Write => wgpu::BufferBindingType::Storage { read_only: false },
    };
    wgpu::BindGroupLayoutEntry {
        binding,
        visibility: wgpu::ShaderStages::COMPUTE,
        ty: wgpu::BindingType::Buffer { ty, has_dynamic_offset: false, min_binding_size: None },
        count: None,
    }
}
