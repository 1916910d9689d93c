use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::context::Context;
use super::fusion::Tiles;
use super::rule::RuleConstants;
use super::shader::Shaders;
use super::staged::KMajor;
use super::tile::{SOFTWARE_BLOCKS, Tile};
use crate::Result;
use crate::device::Accumulation;
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
    Chain,
    ChainUpdate,
    ChainOptimize,
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
    pub accumulation: Accumulation,
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
            accumulation: Accumulation::Whole,
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

/// Immediate data of a chain's dispatch, in bytes.
pub(super) const IMMEDIATE_BYTES: u32 = 16;
/// Invocations in a workgroup that sums a chain's gradients.
const CHAIN_GROUP: u32 = 64;

#[derive(Clone, Copy, PartialEq)]
enum Binding {
    Uniform,
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
            Kernel::Chain => "chain",
            Kernel::ChainUpdate => "chain_update",
            Kernel::ChainOptimize => "chain_optimize",
            Kernel::Norm => "norm",
            Kernel::Scale => "scale",
            Kernel::Step => "step",
            Kernel::Score => "score",
        }
    }

    fn bindings(self) -> &'static [Binding] {
        use Binding::{Read, Uniform, Write};
        match self {
            Kernel::Gather => &[Uniform, Write, Read, Read, Read, Write, Write],
            Kernel::LayerNorm => &[Uniform, Write, Write],
            Kernel::Forward => &[Uniform, Write, Write, Read, Write, Write],
            Kernel::Delta => &[Uniform, Write, Write, Write, Write],
            Kernel::LayerNormDelta => &[Uniform, Write, Write, Write],
            Kernel::Update => &[Uniform, Write, Write, Write, Write, Write, Read],
            Kernel::Optimize => &[Uniform, Write, Write, Write, Write, Write, Write, Read],
            Kernel::Loss => &[Uniform, Write, Read, Write, Write],
            Kernel::Chain => &[Read, Read, Write, Write, Write, Write],
            Kernel::ChainUpdate => &[Write, Read, Write, Read, Write],
            Kernel::ChainOptimize => &[Write, Read, Write, Read, Write, Write],
            Kernel::Norm => &[Uniform, Write, Write],
            Kernel::Scale => &[Write, Write],
            Kernel::Step => &[Uniform, Write, Write, Write, Read],
            Kernel::Tally => &[Uniform, Read, Write],
            Kernel::Score => &[Uniform, Write, Read, Write],
        }
    }

    /// Immediate data of each dispatch, in bytes.
    pub fn immediate_bytes(self) -> u32 {
        match self {
            Kernel::Chain | Kernel::ChainUpdate | Kernel::ChainOptimize => IMMEDIATE_BYTES,
            _ => 0,
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
            Kernel::Forward => Variant { derivative: base.derivative, ..self },
            Kernel::Delta => Variant { load: base.load, store: base.store, ..self },
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
            Kernel::ChainUpdate | Kernel::ChainOptimize => [CHAIN_GROUP, 1],
            Kernel::Chain | Kernel::Norm | Kernel::Scale | Kernel::Step => [1, 1],
            Kernel::Tally | Kernel::Score => [u32::MAX, 1],
        }
    }

    /// Shader files that the kernel's source is concatenated from.
    fn files(self) -> Vec<&'static str> {
        let left = if self.by_four[0] { "left_vec4" } else { "left_f32" };
        let right = if self.by_four[1] { "right_vec4" } else { "right_f32" };
        let product = |files: &[&'static str]| [files, &[left, right], self.tile.files()].concat();
        match self.kernel {
            Kernel::Forward => product(&["nan", "activation", "layer", "forward"]),
            Kernel::Delta => product(&["nan", "activation", "layer", "delta"]),
            Kernel::Update => {
                product(&[&["nan", "activation", "layer", "gradient", "update"], MOVES].concat())
            }
            Kernel::Optimize => {
                product(&[&["nan", "activation", "layer", "gradient", "optimize", "rule"], MOVES].concat())
            }
            Kernel::Chain => {
                let products = match self.tiles {
                    Some(Tiles { subgroups: true, .. }) => &["subgroup", "chain_subgroup"][..],
                    _ => &["chain_lanes"],
                };
                [&["nan", "activation", "layer", "multiply_add", "thin_layer", "chain"], products].concat()
            }
            Kernel::ChainUpdate => [&["thin_layer", "partials", "chain_update"], MOVES].concat(),
            Kernel::ChainOptimize => [&["thin_layer", "partials", "chain_optimize", "rule"], MOVES].concat(),
            Kernel::Norm => vec!["norm"],
            Kernel::Scale => vec!["metrics", "fault", "scale"],
            Kernel::Step => [&["step", "rule"], MOVES].concat(),
            Kernel::Loss => vec!["nan", "activation", "losses", "loss"],
            Kernel::Gather => vec!["metrics", "gather"],
            Kernel::LayerNorm => vec!["nan", "activation", "sample", "layer_norm"],
            Kernel::LayerNormDelta => vec!["nan", "activation", "sample", "layer_norm_delta"],
            Kernel::Tally => vec!["metrics", "fault", "tally"],
            Kernel::Score => vec!["nan", "activation", "losses", "metrics", "score"],
        }
    }

    /// How the operands of a product lie in memory.
    fn k_major(self) -> Option<KMajor> {
        match self.kernel {
            Kernel::Forward => Some([true, true]),
            Kernel::Delta => Some([true, false]),
            Kernel::Update | Kernel::Optimize => Some([false, false]),
            _ => None,
        }
    }

    /// The kernel's source.
    fn source(self, shaders: &Shaders) -> String {
        let tile = self.k_major().map_or(String::new(), |k_major| self.tile.wgsl(k_major));
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
        let moves = self.rule.map_or(Vec::new(), |rule| rule.constants(self.kernel, self.accumulation));
        let group = [("GROUP", f64::from(CHAIN_GROUP))];
        match self.kernel {
            Kernel::Forward | Kernel::Delta => [&tile[..], &layer].concat(),
            Kernel::Update | Kernel::Optimize => [&tile[..], &layer, &moves].concat(),
            Kernel::Chain => {
                let Some(tiles) = self.tiles else { return Vec::new() };
                let tiles = [
                    ("ROW_LANES", tiles.row_lanes.into()),
                    ("COLUMN_LANES", tiles.column_lanes.into()),
                    ("WIDTH", tiles.width.into()),
                    ("TILES", tiles.count.into()),
                ];
                [&tiles[..], &layer].concat()
            }
            Kernel::ChainUpdate | Kernel::ChainOptimize => [&group[..], &moves].concat(),
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

/// Shader files of every kernel that updates parameters.
const MOVES: &[&str] = &["metrics", "fault", "step_params"];

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
    let entries: Vec<_> = (0..).zip(variant.kernel.bindings()).map(layout_entry).collect();
    let layout =
        device.create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor { label, entries: &entries });
    let pipeline_layout = device.create_pipeline_layout(&wgpu::PipelineLayoutDescriptor {
        label,
        bind_group_layouts: &[Some(&layout)],
        immediate_size: variant.kernel.immediate_bytes(),
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
        for kernel in [Kernel::Forward, Kernel::Delta, Kernel::Update, Kernel::Optimize] {
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

    fn k_major_of(kernel: Kernel) -> KMajor {
        Variant::of(kernel).k_major().unwrap()
    }
}
