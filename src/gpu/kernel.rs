use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::context::Context;
use super::fusion::Tiles;
use super::immediates::{Arguments, Immediates};
use super::rule::RuleConstants;
use super::shader::Shaders;
use super::staged::KMajor;
use super::tile::{SOFTWARE_BLOCKS, Tile};
use crate::Result;
use crate::model::{Activation, Derivative, Loss, Stored};

/// The compute kernels, one WGSL file each, with entry point `main`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Kernel {
    Gather,
    LayerNorm,
    Forward,
    Loss,
    Tally,
    Delta,
    LayerNormDelta,
    Update,
    Optimize,
    ChainForward,
    ChainDelta,
    ThinGradient,
    ThinUpdate,
    ThinOptimize,
    PartsUpdate,
    PartsOptimize,
    Norm,
    Scale,
    Step,
    Score,
}

/// A kernel and everything that is compiled into it. Fields that a kernel does not use keep their default.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Variant {
    pub kernel: Kernel,
    /// `true` if rows of a product's left and right operand are a multiple of four values wide.
    pub by_four: [bool; 2],
    /// Activation function of the layer's input.
    pub load: Activation,
    /// Activation function of the layer's product.
    pub store: Activation,
    /// `true` if the layer adds its input to its output.
    pub residual: bool,
    /// Factor of the delta below the layer.
    pub derivative: Derivative,
    pub loss: Loss,
    /// Parameter update, for kernels that perform one.
    pub rule: Option<RuleConstants>,
    /// Bytes of one input value in the dataset: 1 or 4.
    pub value_bytes: u32,
    /// 32-bit words of one sample's targets.
    pub target_words: u32,
    /// `true` if targets are class labels.
    pub are_classes: bool,
    pub has_one_output: bool,
    /// Division of a product among workgroups.
    pub tile: Tile,
    /// `true` if the summed dimension is a multiple of the tile's depth.
    pub whole_k_tiles: bool,
    /// Workgroup memory of a chain.
    pub tiles: Option<Tiles>,
}

impl Variant {
    pub fn of(kernel: Kernel) -> Self {
        Variant {
            kernel,
            by_four: [false; 2],
            load: Activation::Identity,
            store: Activation::Identity,
            residual: false,
            derivative: Derivative::ONE,
            loss: Loss::Quadratic,
            rule: None,
            value_bytes: 1,
            target_words: 1,
            are_classes: true,
            has_one_output: false,
            tile: SOFTWARE_BLOCKS,
            whole_k_tiles: false,
            tiles: None,
        }
    }
}

/// Parameters, in vec4f, of a workgroup that adds parts of gradients.
pub(super) const PARTS_GROUP: usize = 64;

#[derive(Clone, Copy, PartialEq)]
enum Binding {
    Uniform,
    /// A number that the kernel does not use.
    Unused,
    Read,
    /// Written, or in the pool: ranges of one buffer can be bound together only if all are writable.
    Write,
}

impl Kernel {
    pub fn name(self) -> &'static str {
        match self {
            Kernel::Gather => "gather",
            Kernel::LayerNorm => "layer_norm",
            Kernel::Forward => "forward",
            Kernel::Loss => "loss",
            Kernel::Tally => "tally",
            Kernel::Delta => "delta",
            Kernel::LayerNormDelta => "layer_norm_delta",
            Kernel::Update => "update",
            Kernel::Optimize => "optimize",
            Kernel::ChainForward => "chain_forward",
            Kernel::ChainDelta => "chain_delta",
            Kernel::ThinGradient => "thin_gradient",
            Kernel::ThinUpdate => "thin_update",
            Kernel::ThinOptimize => "thin_optimize",
            Kernel::PartsUpdate => "parts_update",
            Kernel::PartsOptimize => "parts_optimize",
            Kernel::Norm => "norm",
            Kernel::Scale => "scale",
            Kernel::Step => "step",
            Kernel::Score => "score",
        }
    }

    fn bindings(self) -> &'static [Binding] {
        use Binding::{Read, Uniform, Unused, Write};
        match self {
            Kernel::Gather => &[Uniform, Read, Read, Read, Write, Write],
            Kernel::LayerNorm => &[Uniform, Write, Write],
            Kernel::Forward => &[Uniform, Write, Write, Read, Write, Write],
            Kernel::Delta => &[Uniform, Write, Write, Write, Write],
            Kernel::LayerNormDelta => &[Uniform, Write, Write, Write],
            Kernel::Update => &[Uniform, Write, Write, Write, Write, Write],
            Kernel::Optimize => &[Uniform, Write, Write, Write, Write, Write, Write],
            Kernel::Loss => &[Uniform, Write, Read, Write, Write, Write],
            Kernel::ChainForward => &[Read, Read, Write, Write],
            Kernel::ChainDelta => &[Read, Read, Write, Write, Write],
            Kernel::ThinGradient => &[Read, Write, Write, Write],
            Kernel::ThinUpdate => &[Read, Write, Write, Write, Write],
            Kernel::ThinOptimize => &[Read, Write, Write, Write, Write, Write],
            Kernel::PartsUpdate => &[Read, Write, Unused, Write, Write],
            Kernel::PartsOptimize => &[Read, Write, Unused, Write, Write, Write],
            Kernel::Norm => &[Uniform, Write, Write],
            Kernel::Scale => &[Write, Write],
            Kernel::Step => &[Uniform, Write, Write, Write],
            Kernel::Tally => &[Uniform, Read, Write],
            Kernel::Score => &[Uniform, Write, Read, Write],
        }
    }

    /// `true` if it runs thin layers, which it finds by a table.
    fn is_of_thin_layers(self) -> bool {
        use Kernel::{ChainDelta, ChainForward, PartsOptimize, PartsUpdate};
        self.is_contiguous() || matches!(self, ChainForward | ChainDelta | PartsUpdate | PartsOptimize)
    }

    /// `true` if four elements of a row of the product are stored together.
    fn is_contiguous(self) -> bool {
        matches!(self, Kernel::ThinGradient | Kernel::ThinUpdate | Kernel::ThinOptimize)
    }

    /// Numbers of its bindings, in order.
    pub fn binding_numbers(self) -> impl Iterator<Item = u32> {
        let used = (0..).zip(self.bindings()).filter(|(_, binding)| **binding != Binding::Unused);
        used.map(|(number, _)| number)
    }

    /// Immediate data of each dispatch, with these `arguments` if it runs thin layers.
    pub fn immediates(self, arguments: Arguments) -> Immediates {
        match self {
            Kernel::Gather
            | Kernel::Loss
            | Kernel::Update
            | Kernel::Optimize
            | Kernel::Step
            | Kernel::Score => Immediates::MicroBatch,
            _ if self.is_of_thin_layers() => Immediates::Arguments(arguments),
            _ => Immediates::None,
        }
    }
}

impl Variant {
    /// Cuts the product into tiles. Each element of its result is a sum of `depth` terms.
    pub fn cut(self, tile: Tile, depth: usize) -> Self {
        Variant { tile, whole_k_tiles: tile.has_whole_k_tiles(depth), ..self }
    }

    /// Resets the fields that the kernel does not use, so that layers that differ only in these share a
    /// pipeline.
    pub fn normal(self) -> Self {
        let base = Variant::of(self.kernel);
        match self.kernel {
            Kernel::Forward | Kernel::ChainForward => Variant { derivative: base.derivative, ..self },
            Kernel::Delta | Kernel::ChainDelta => Variant { load: base.load, store: base.store, ..self },
            Kernel::ThinGradient => Variant { rule: base.rule, ..self },
            Kernel::LayerNorm => Variant { load: self.load, ..base },
            Kernel::LayerNormDelta => Variant { load: self.load, residual: self.residual, ..base },
            Kernel::Update | Kernel::Optimize => {
                Variant { store: base.store, residual: false, derivative: base.derivative, ..self }
            }
            _ => self,
        }
    }

    /// Columns and rows of the result that one workgroup computes.
    pub fn extent(self) -> [u32; 2] {
        match self.kernel {
            Kernel::Forward | Kernel::Delta | Kernel::Update | Kernel::Optimize => self.tile.extent(),
            Kernel::Gather => [4 * 4, 16],
            Kernel::LayerNorm | Kernel::LayerNormDelta => [u32::MAX, 1],
            Kernel::Loss => [64, 1],
            Kernel::Tally | Kernel::Score => [u32::MAX, 1],
            // Their workgroups are counted where they are dispatched.
            _ => [1, 1],
        }
    }

    /// Shader files that the kernel's source is concatenated from.
    fn files(self) -> Vec<&'static str> {
        let left = if self.by_four[0] { "left_vec4" } else { "left_f32" };
        let right = if self.by_four[1] { "right_vec4" } else { "right_f32" };
        let product = |files: &[&'static str]| [files, &[left, right], self.tile.files()].concat();
        match self.kernel {
            Kernel::Forward => product(&["sizes", "nan", "activation", "layer", "forward"]),
            Kernel::Delta => product(&["sizes", "nan", "activation", "layer", "delta"]),
            Kernel::Update => product(&[WIDE, &["update"], ALONE, FAULTS].concat()),
            Kernel::Optimize => product(&[WIDE, &["optimize"], RULE, ALONE, FAULTS].concat()),
            Kernel::ChainForward => [CHAIN, &["chain_forward"], self.chain_product()].concat(),
            Kernel::ChainDelta => [CHAIN, &["chain_delta"], self.chain_product()].concat(),
            Kernel::ThinGradient => product(&[THIN, &["thin_part"]].concat()),
            Kernel::ThinUpdate => {
                product(&[THIN, &["thin_whole", "thin_parameters", "thin_update"], FAULTS].concat())
            }
            Kernel::ThinOptimize => {
                product(&[THIN, &["thin_whole", "thin_parameters", "thin_optimize"], RULE, FAULTS].concat())
            }
            Kernel::PartsUpdate => [PARTS, &["thin_update"], FAULTS].concat(),
            Kernel::PartsOptimize => [PARTS, &["thin_optimize"], RULE, FAULTS].concat(),
            Kernel::Norm => vec!["norm"],
            Kernel::Scale => vec!["metrics", "finite", "scale"],
            Kernel::Step => [&["step", "rule"], ALONE, FAULTS].concat(),
            Kernel::Loss => [&["nan", "activation", "losses", "loss"], ALONE, FAULTS].concat(),
            Kernel::Gather => [&["gather"], ALONE].concat(),
            Kernel::LayerNorm => vec!["nan", "activation", "sample", "layer_norm"],
            Kernel::LayerNormDelta => vec!["nan", "activation", "sample", "layer_norm_delta"],
            Kernel::Tally => vec!["metrics", "tally"],
            Kernel::Score => [&["nan", "activation", "losses", "metrics", "score"], ALONE].concat(),
        }
    }

    /// Shader files that multiply the tiles of a chain.
    fn chain_product(self) -> &'static [&'static str] {
        match self.tiles {
            Some(Tiles { subgroups: true, .. }) => &["subgroup", "chain_subgroup"],
            _ => &["chain_lanes"],
        }
    }

    /// How the operands of a product lie in memory.
    fn k_major(self) -> Option<KMajor> {
        match self.kernel {
            Kernel::Forward => Some([true, true]),
            Kernel::Delta => Some([true, false]),
            Kernel::Update
            | Kernel::Optimize
            | Kernel::ThinGradient
            | Kernel::ThinUpdate
            | Kernel::ThinOptimize => Some([false, false]),
            _ => None,
        }
    }

    /// The kernel's source.
    fn source(self, shaders: &Shaders) -> String {
        let contiguous = self.kernel.is_contiguous();
        let tile = self.k_major().map_or(String::new(), |k_major| self.tile.wgsl(k_major, contiguous));
        shaders.concat(&self.files()) + &tile
    }

    fn constants(self) -> Vec<(&'static str, f64)> {
        let k_major = self.k_major().unwrap_or_default().map(f64::from);
        let k_major = ["LEFT_IS_K_MAJOR", "RIGHT_IS_K_MAJOR"].into_iter().zip(k_major).collect();
        let tile = [self.tile.constants(self.whole_k_tiles), k_major].concat();
        let store = [("STORE", f64::from(self.store as u32))];
        let layer = [
            ("LOAD", f64::from(self.load as u32)),
            store[0],
            ("IS_RESIDUAL", f64::from(self.residual)),
            ("DERIVATIVE", f64::from(self.derivative.activation as u32)),
            ("IS_OF_OUTPUT", f64::from(self.derivative.of == Stored::Output)),
        ];
        let losses = [
            ("LOSS", f64::from(self.loss as u32)),
            ("ARE_VALUES", f64::from(!self.are_classes)),
            ("ONE_OUTPUT", f64::from(self.has_one_output)),
        ];
        let moves = self.rule.map_or(Vec::new(), |rule| rule.constants(self.kernel));
        let [columns, rows] = self.tile.extent();
        let extent = [("TILE_COLUMNS", f64::from(columns)), ("TILE_ROWS", f64::from(rows))];
        match self.kernel {
            Kernel::Forward | Kernel::Delta => [&tile[..], &layer].concat(),
            Kernel::Update | Kernel::Optimize => [&tile[..], &layer, &moves].concat(),
            Kernel::ChainForward | Kernel::ChainDelta => {
                let Some(shape) = self.tiles else { return Vec::new() };
                let tiles = [
                    ("ROW_LANES", shape.row_lanes.into()),
                    ("COLUMN_LANES", shape.column_lanes.into()),
                    ("VECTORS", shape.vectors.into()),
                    ("QUADS", shape.quads.into()),
                    ("STRIDE", shape.stride.into()),
                    ("TILES", shape.count.into()),
                ];
                [&tiles[..], &layer].concat()
            }
            Kernel::ThinGradient | Kernel::ThinUpdate | Kernel::ThinOptimize => {
                [&tile[..], &extent, &layer, &moves].concat()
            }
            Kernel::PartsUpdate | Kernel::PartsOptimize => moves,
            Kernel::Scale | Kernel::Step => moves,
            Kernel::Loss => [&losses[..], &store].concat(),
            Kernel::LayerNorm => layer[..1].to_vec(),
            Kernel::LayerNormDelta => vec![layer[0], layer[2]],
            Kernel::Gather => vec![
                ("VALUE_BYTES", f64::from(self.value_bytes)),
                ("TARGET_WORDS", f64::from(self.target_words)),
            ],
            Kernel::Score => [&losses[..], &[("THRESHOLD", f64::from(self.loss.threshold()))]].concat(),
            Kernel::Norm | Kernel::Tally => Vec::new(),
        }
    }
}

/// Shader files of chains, and of the gradients of thin layers.
const CHAIN: &[&str] = &["nan", "activation", "layer", "multiply_add", "micro_batch", "thin_layer", "chain"];
const THIN: &[&str] = &["nan", "activation", "layer", "micro_batch", "thin_layer", "thin_gradient"];
/// Shader files of what adds parts of the gradients of thin layers.
const PARTS: &[&str] = &["micro_batch", "thin_layer", "partials", "thin_parameters"];
/// Shader files of the gradients of wide layers.
const WIDE: &[&str] = &["sizes", "nan", "activation", "layer", "gradient"];
/// Shader files of what an optimizer does with gradients.
const RULE: &[&str] = &["rule", "accumulation"];
/// Shader files of kernels whose immediate data is the micro-batch alone.
const ALONE: &[&str] = &["micro_batch", "run"];
/// Shader files of every kernel that notes NaN or infinite values.
const FAULTS: &[&str] = &["metrics", "finite", "fault"];

/// A compiled kernel.
#[derive(Clone)]
pub(super) struct Program {
    pub pipeline: wgpu::ComputePipeline,
    pub layout: wgpu::BindGroupLayout,
}

/// Compiled kernels by variant and by the texts that were replaced in its source. Contexts whose shaders differ in one
/// file share all other kernels.
#[derive(Default)]
pub(super) struct Programs(Mutex<HashMap<(Variant, String), Entry>>);

/// A kernel, compiled by the first thread that locks it.
type Entry = Arc<Mutex<Option<Program>>>;

impl Programs {
    /// The kernel `variant`, compiled on first use. Other threads can compile other kernels at the same time.
    ///
    /// # Errors
    /// [`crate::Error::DeviceLost`] if the driver rejects the kernel.
    pub fn get(&self, context: &Context, variant: Variant) -> Result<Program> {
        let files = variant.files();
        let key = (variant, context.shaders.replaced(&files));
        let entry = Arc::clone(lock(&self.0).entry(key).or_default());
        let mut entry = lock(&entry);
        if let Some(program) = &*entry {
            return Ok(program.clone());
        }
        Ok(entry.insert(compile(context, variant, variant.source(&context.shaders))?).clone())
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn compile(context: &Context, variant: Variant, source: String) -> Result<Program> {
    let device = &context.device;
    let label = Some(variant.kernel.name());
    let entries: Vec<_> = (0..).zip(variant.kernel.bindings()).filter_map(layout_entry).collect();
    let layout =
        device.create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor { label, entries: &entries });
    let pipeline_layout = device.create_pipeline_layout(&wgpu::PipelineLayoutDescriptor {
        label,
        bind_group_layouts: &[Some(&layout)],
        immediate_size: variant.kernel.immediates(Arguments::default()).bytes(),
    });
    let source = wgpu::ShaderModuleDescriptor { label, source: wgpu::ShaderSource::Wgsl(Cow::Owned(source)) };
    let module = device.create_shader_module(source);
    let pipeline = device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
        label,
        layout: Some(&pipeline_layout),
        module: &module,
        entry_point: Some("main"),
        compilation_options: wgpu::PipelineCompilationOptions {
            constants: &variant.constants(),
            // Every kernel writes its workgroup memory before it reads it.
            zero_initialize_workgroup_memory: false,
        },
        cache: None,
    });
    context.count_object();
    context.check()?;
    Ok(Program { pipeline, layout })
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

#[cfg(test)]
mod tests {
    use wgpu::naga::AddressSpace;
    use wgpu::naga::front::wgsl;
    use wgpu::naga::valid::{Capabilities, ValidationFlags, Validator};

    use super::*;

    /// Also those that need more workgroup memory than the software drivers have.
    #[test]
    fn products_are_valid_in_every_tile_and_take_the_memory_that_is_planned() {
        let shaders = Shaders::default();
        let kernels = [Kernel::Forward, Kernel::Delta, Kernel::Update, Kernel::Optimize];
        let thin = [Kernel::ThinGradient, Kernel::ThinUpdate, Kernel::ThinOptimize];
        for kernel in kernels.into_iter().chain(thin) {
            let most = Tile::for_hardware().map(|tile| {
                let source = Variant { tile, ..Variant::of(kernel) }.source(&shaders);
                let module =
                    wgsl::parse_str(&source).unwrap_or_else(|error| panic!("{kernel:?} {tile:?}: {error}"));
                Validator::new(ValidationFlags::all(), Capabilities::all())
                    .validate(&module)
                    .unwrap_or_else(|error| panic!("{kernel:?} {tile:?}: {error:?}"));
                let shared =
                    module.global_variables.iter().filter(|(_, held)| held.space == AddressSpace::WorkGroup);
                let bytes = shared.map(|(_, held)| module.types[held.ty].inner.size(module.to_ctx()));
                let Tile::Staged(staged) = tile else { return 0 };
                let bytes = bytes.sum::<u32>();
                assert_eq!(bytes, staged.bytes(k_major_of(kernel)), "{kernel:?} {tile:?}");
                bytes
            });
            assert!(most.max().unwrap() <= 48 << 10);
        }
    }

    #[test]
    fn kernels_of_thin_layers_are_valid_in_every_shape() {
        let shaders = Shaders::default();
        let tiles = Tiles {
            row_lanes: 8,
            column_lanes: 1,
            vectors: 2,
            quads: 1,
            stride: 17,
            count: 2,
            subgroups: true,
        };
        let kernels = [Kernel::ChainForward, Kernel::ChainDelta, Kernel::PartsUpdate, Kernel::PartsOptimize];
        for (kernel, subgroups) in kernels.into_iter().flat_map(|kernel| [(kernel, false), (kernel, true)]) {
            let tiles = Some(Tiles { subgroups, ..tiles });
            let source = Variant { tiles, ..Variant::of(kernel) }.source(&shaders);
            let module = wgsl::parse_str(&source).unwrap_or_else(|error| panic!("{kernel:?}: {error}"));
            Validator::new(ValidationFlags::all(), Capabilities::all())
                .validate(&module)
                .unwrap_or_else(|error| panic!("{kernel:?}: {error:?}"));
        }
    }

    fn k_major_of(kernel: Kernel) -> KMajor {
        Variant::of(kernel).k_major().unwrap()
    }
}
