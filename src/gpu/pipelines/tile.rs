use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use wgpu::DeviceType;

use super::staged::{KMajor, Staged, StagedText};
use crate::gpu::device::WorkgroupLimits;

/// Division of a product's result among workgroups and invocations. The order of sums is the same for all
/// tiles.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Tile {
    /// Each invocation computes a block of 8 × 8 elements. The workgroup has this many invocations, columns
    /// first.
    Blocks([u32; 2]),
    /// Eight lanes of a subgroup compute 32 × 32 elements and share their loads through subgroup operations.
    Subgroup,
    /// A workgroup computes from operands staged in its memory.
    Staged(Staged),
}

/// Workgroup memory of an invocation that computes a block of 8 × 8 elements.
const BLOCK_BYTES: u32 = 4 * 8 * 8;

/// Default on software drivers without subgroup operations.
const SOFTWARE_BLOCKS: Tile = Tile::Blocks([8, 1]);
const HARDWARE_BLOCKS: Tile = Tile::Blocks([8, 8]);

/// Tilings of staged products, the best guess for large results first.
const STAGED: [Tile; 9] = [
    staged([128, 128], 16, 2, [8, 8]),
    staged([128, 128], 16, 1, [8, 8]),
    staged([128, 128], 8, 2, [8, 8]),
    staged([128, 256], 8, 2, [8, 16]),
    staged([128, 64], 16, 2, [8, 8]),
    staged([64, 128], 16, 2, [8, 8]),
    staged([64, 64], 16, 2, [8, 8]),
    staged([64, 64], 8, 1, [8, 8]),
    staged([32, 32], 16, 2, [4, 4]),
];
/// Workgroups that keep a large GPU busy, as long as each has work for more than one of its schedulers. An estimate: two for each
/// of 132 multiprocessors.
const BUSY_GROUPS: usize = 256;

const fn staged(size: [u32; 2], depth: u32, stages: u32, lane: [u32; 2]) -> Tile {
    Tile::Staged(Staged::new(size, depth, stages, lane))
}

/// Fastest measured tile by kind of product.
pub type Choices = BTreeMap<String, Tile>;

impl Tile {
    /// All tiles that a device with these limits can run.
    pub fn all(limits: WorkgroupLimits) -> impl Iterator<Item = Self> {
        [SOFTWARE_BLOCKS, Tile::Subgroup]
            .into_iter()
            .chain(Tile::for_hardware())
            .filter(move |tile| tile.fits(limits))
    }

    /// Candidates for tuning on a hardware GPU.
    pub fn for_hardware() -> impl Iterator<Item = Self> {
        [HARDWARE_BLOCKS].into_iter().chain(STAGED)
    }

    /// `true` if a device with these limits can run all products in this tile.
    pub fn fits(self, limits: WorkgroupLimits) -> bool {
        match self {
            Tile::Blocks([columns, rows]) => {
                let invocations = columns * rows;
                invocations <= limits.invocations && BLOCK_BYTES * invocations <= limits.bytes
            }
            Tile::Subgroup => limits.subgroups,
            Tile::Staged(staged) => {
                staged.invocations() <= limits.invocations && staged.most_bytes() <= limits.bytes
            }
        }
    }

    /// The tile whose kernels ask least of a driver, and still keep a GPU with these limits busy.
    pub fn simplest(limits: WorkgroupLimits) -> Self {
        if HARDWARE_BLOCKS.fits(limits) { HARDWARE_BLOCKS } else { SOFTWARE_BLOCKS }
    }

    /// Tile of the kernels that compute the gradients of thin layers. Results are small, and many in one dispatch.
    pub fn of_thin_layers(device: DeviceType, limits: WorkgroupLimits) -> Self {
        let small = staged([64, 64], 16, 2, [8, 8]);
        match device {
            DeviceType::Cpu => Tile::unmeasured(device, limits, [1, 1]),
            _ if small.fits(limits) => small,
            _ => HARDWARE_BLOCKS,
        }
    }

    /// Default tile for a result of `rows` × `columns` elements on a device that is not tuned.
    ///
    /// Software drivers distribute workgroups, not invocations, over the CPU cores, and load values lane by
    /// lane. There, small workgroups whose lanes share loads are fastest. On a hardware GPU, the largest tiles that
    /// leave no multiprocessor idle are, or else the smallest.
    pub fn unmeasured(device: DeviceType, limits: WorkgroupLimits, [rows, columns]: [usize; 2]) -> Self {
        let groups = |side: usize| rows.div_ceil(side) * columns.div_ceil(side);
        let square = |side: usize| {
            STAGED.into_iter().find(|tile| tile.fits(limits) && tile.extent() == [side as u32; 2])
        };
        // More than half of a tile's rows and columns are those of the result.
        let is_filled = |side: usize| 2 * rows.min(columns) > side;
        let is_busy = |side: &usize| groups(*side) >= BUSY_GROUPS && is_filled(*side);
        let busy = [128, 64].into_iter().filter(is_busy).find_map(square);
        match device {
            DeviceType::Cpu if limits.subgroups => Tile::Subgroup,
            DeviceType::Cpu => SOFTWARE_BLOCKS,
            _ => busy.or_else(|| square(32)).unwrap_or(HARDWARE_BLOCKS),
        }
    }

    /// Columns and rows of the result that one workgroup computes.
    pub(in crate::gpu) fn extent(self) -> [u32; 2] {
        match self {
            Tile::Blocks(group) => group.map(|side| 8 * side),
            Tile::Subgroup => [32; 2],
            Tile::Staged(staged) => {
                let [rows, columns] = staged.size();
                [columns, rows]
            }
        }
    }

    /// Shader files that assign elements of the result to invocations.
    pub(in crate::gpu) fn files(self) -> &'static [&'static str] {
        match self {
            Tile::Blocks(_) => &["multiply_add", "product", "product_blocks"],
            Tile::Subgroup => &["multiply_add", "product", "subgroup", "product_subgroup"],
            Tile::Staged(_) => &["product", "product_staged"],
        }
    }

    /// Pipeline constants of these files, for sums of `depth` terms.
    pub(in crate::gpu) fn constants(self, depth: usize) -> Vec<(&'static str, f64)> {
        match self {
            Tile::Blocks([columns, rows]) => {
                vec![("GROUP_COLUMNS", columns.into()), ("GROUP_ROWS", rows.into())]
            }
            Tile::Subgroup => Vec::new(),
            Tile::Staged(staged) => {
                let whole_k_tiles = depth.is_multiple_of(staged.depth() as usize);
                vec![("HAS_WHOLE_K_TILES", whole_k_tiles.into())]
            }
        }
    }

    /// What follows these files: the part of the kernel that is not in a file.
    pub(in crate::gpu) fn staged_text(self, k_major: KMajor, contiguous: bool) -> Option<StagedText> {
        match self {
            Tile::Staged(staged) => Some(StagedText { staged, k_major, contiguous }),
            Tile::Blocks(_) | Tile::Subgroup => None,
        }
    }
}
