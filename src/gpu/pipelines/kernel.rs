use super::immediates::Immediates;
use super::product::Product;
use super::shaders::Shaders;
use super::staged::StagedText;
use super::tile::Tile;

/// A compute kernel with entry point `main`, and everything that is compiled into it. Equal kernels share a pipeline.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Kernel {
    pub name: &'static str,
    /// Files of `shaders/`, in the order in which they are concatenated.
    pub files: Vec<&'static str>,
    /// What follows them.
    staged: Option<StagedText>,
    /// Pipeline-overridable constants, as the bits of f64, which implement `Eq` and `Hash`.
    constants: Vec<(&'static str, u64)>,
    /// By number.
    pub bindings: &'static [Binding],
    /// It also binds the resident dataset, as group 1.
    pub reads_split: bool,
    pub immediates: Immediates,
    /// Columns and rows of the result that one workgroup computes.
    pub extent: [u32; 2],
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Binding {
    Uniform,
    /// A number that the kernel does not use.
    Unused,
    Read,
    /// Written, or in the pool: ranges of one buffer can be bound together only if all are writable.
    Write,
}

/// Bindings of the resident dataset: sizes, the order of samples, their values and their targets.
pub const SPLIT_BINDINGS: &[Binding] = &[Binding::Uniform, Binding::Read, Binding::Read, Binding::Read];

/// How a kernel reads the rows of a product's operand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rows {
    /// From a binding, value by value.
    Any,
    /// From a binding, four values at a time: their width is a multiple of four.
    ByFour,
    /// With files of the kernel.
    OfKernel,
}

impl Rows {
    /// Rows that lie in memory, a multiple of four values wide if they are `by_four`.
    pub fn in_memory(by_four: bool) -> Self {
        if by_four { Rows::ByFour } else { Rows::Any }
    }
}

/// Shader files of kernels whose immediate data is the micro-batch alone.
const MICRO_BATCH_ALONE: &[&str] = &["micro_batch", "run"];

impl Kernel {
    pub fn new(name: &'static str, files: &[&'static str], bindings: &'static [Binding]) -> Self {
        Kernel {
            name,
            files: files.to_vec(),
            staged: None,
            constants: Vec::new(),
            bindings,
            reads_split: false,
            immediates: Immediates::None,
            extent: [1, 1],
        }
    }

    pub fn with_files(mut self, files: &[&'static str]) -> Self {
        self.files.extend_from_slice(files);
        self
    }

    pub fn with_constants(mut self, constants: impl IntoIterator<Item = (&'static str, f64)>) -> Self {
        self.constants.extend(constants.into_iter().map(|(name, value)| (name, value.to_bits())));
        self
    }

    /// The micro-batch is its immediate data.
    pub fn with_micro_batch(self) -> Self {
        Kernel { immediates: Immediates::MicroBatch, ..self.with_files(MICRO_BATCH_ALONE) }
    }

    /// It reads the resident dataset. Its constants and the micro-batch, which that takes, are added apart.
    pub fn with_split(self) -> Self {
        Kernel { reads_split: true, ..self.with_files(&["split"]) }
    }

    /// Arguments follow the micro-batch in its immediate data.
    pub fn with_arguments(self) -> Self {
        Kernel { immediates: Immediates::MicroBatchAndArguments, ..self }
    }

    pub fn with_extent(self, extent: [u32; 2]) -> Self {
        Kernel { extent, ..self }
    }

    /// Computes `product`, whose elements are sums of `depth` terms, in tiles, from a left and a right operand. With
    /// `contiguous`, four elements that are stored together are neighbours in a row.
    pub fn in_tiles(
        self,
        product: Product,
        tile: Tile,
        depth: usize,
        operands: [Rows; 2],
        contiguous: bool,
    ) -> Self {
        let [left, right] = operands;
        let left: &[_] = match left {
            Rows::Any => &["left_f32"],
            Rows::ByFour => &["left_vec4"],
            Rows::OfKernel => &[],
        };
        let right: &[_] = match right {
            Rows::Any => &["right_f32"],
            Rows::ByFour => &["right_vec4"],
            Rows::OfKernel => &[],
        };
        let k_major = product.k_major();
        let layout = ["LEFT_IS_K_MAJOR", "RIGHT_IS_K_MAJOR"].into_iter().zip(k_major.map(f64::from));
        let kernel = self.with_files(left).with_files(right).with_files(tile.files());
        Kernel { staged: tile.staged_text(k_major, contiguous), ..kernel }
            .with_constants(tile.constants(depth))
            .with_constants(layout)
            .with_extent(tile.extent())
    }

    /// Numbers of its bindings, in order.
    pub fn binding_numbers(&self) -> impl Iterator<Item = u32> {
        let used = (0..).zip(self.bindings).filter(|(_, binding)| **binding != Binding::Unused);
        used.map(|(number, _)| number)
    }

    pub fn constants(&self) -> Vec<(&'static str, f64)> {
        self.constants.iter().map(|&(name, bits)| (name, f64::from_bits(bits))).collect()
    }

    /// Its source in WGSL.
    pub fn source(&self, shaders: &Shaders) -> String {
        shaders.concat(&self.files) + &self.staged.map_or(String::new(), StagedText::wgsl)
    }
}
