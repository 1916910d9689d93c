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

    /// Arguments follow the micro-batch in its immediate data.
    pub fn with_arguments(self) -> Self {
        Kernel { immediates: Immediates::MicroBatchAndArguments, ..self }
    }

    pub fn with_extent(self, extent: [u32; 2]) -> Self {
        Kernel { extent, ..self }
    }

    /// Computes `product`, whose elements are sums of `depth` terms, in tiles. Rows of the left and right operand are a
    /// multiple of four values wide if they are `by_four`. With `contiguous`, four elements that are stored together are
    /// neighbours in a row.
    pub fn in_tiles(
        self,
        product: Product,
        tile: Tile,
        depth: usize,
        by_four: [bool; 2],
        contiguous: bool,
    ) -> Self {
        let left = if by_four[0] { "left_vec4" } else { "left_f32" };
        let right = if by_four[1] { "right_vec4" } else { "right_f32" };
        let k_major = product.k_major();
        let layout = ["LEFT_IS_K_MAJOR", "RIGHT_IS_K_MAJOR"].into_iter().zip(k_major.map(f64::from));
        let kernel = self.with_files(&[left, right]).with_files(tile.files());
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
