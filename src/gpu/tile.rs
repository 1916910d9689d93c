use serde::{Deserialize, Serialize};
use wgpu::DeviceType;

/// Division of a product's result among workgroups and invocations. The order of sums is the same for all
/// tiles.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Tile {
    /// Each invocation computes a block of 8 × 8 elements. The workgroup has this many invocations, columns
    /// first.
    Blocks([u32; 2]),
    /// Eight lanes of a subgroup compute 32 × 32 elements and share their loads through subgroup operations.
    Subgroup,
    /// A workgroup of `lanes` × `lanes` invocations computes 8 × 8 elements per invocation from operands staged
    /// in workgroup memory.
    Shared {
        /// Side of the workgroup: 8 or 16 invocations.
        lanes: u32,
    },
}

/// Default on software drivers without subgroup operations.
pub(super) const SOFTWARE_BLOCKS: Tile = Tile::Blocks([8, 1]);
const HARDWARE_BLOCKS: Tile = Tile::Blocks([8, 8]);
const SMALL: Tile = Tile::Shared { lanes: 8 };
const LARGE: Tile = Tile::Shared { lanes: 16 };

impl Tile {
    /// All tiles that a device can run. `subgroups` includes those that need subgroups of eight lanes.
    pub fn all(subgroups: bool) -> impl Iterator<Item = Self> {
        let everywhere = [SOFTWARE_BLOCKS, HARDWARE_BLOCKS, SMALL, LARGE];
        everywhere.into_iter().chain(subgroups.then_some(Tile::Subgroup))
    }

    /// Candidates for tuning on a hardware GPU.
    pub fn for_hardware() -> impl Iterator<Item = Self> {
        [HARDWARE_BLOCKS, SMALL, LARGE].into_iter()
    }

    /// Default tile for a result of `rows` × `columns` elements on a device that is not tuned.
    ///
    /// Software drivers distribute workgroups, not invocations, over the CPU cores, and load values lane by
    /// lane. There, small workgroups whose lanes share loads are fastest. On a hardware GPU, the result
    /// should fill the tiles of several workgroups.
    pub fn unmeasured(device: DeviceType, subgroups: bool, [rows, columns]: [usize; 2]) -> Self {
        let has = |side: usize| rows >= side && columns >= side;
        match device {
            DeviceType::Cpu if subgroups => Tile::Subgroup,
            DeviceType::Cpu => SOFTWARE_BLOCKS,
            _ if has(512) => LARGE,
            _ if has(128) => SMALL,
            _ => HARDWARE_BLOCKS,
        }
    }

    /// Columns and rows of the result that one workgroup computes.
    pub(super) fn extent(self) -> [u32; 2] {
        match self {
            Tile::Blocks(group) => group.map(|side| 8 * side),
            Tile::Subgroup => [32; 2],
            Tile::Shared { lanes } => [8 * lanes; 2],
        }
    }

    /// Shader files that assign elements of the result to invocations.
    pub(super) fn files(self) -> &'static [&'static str] {
        match self {
            Tile::Blocks(_) => &["multiply_add", "product", "product_blocks"],
            Tile::Subgroup => &["multiply_add", "product", "subgroup", "product_subgroup"],
            Tile::Shared { .. } => &["multiply_add", "product", "product_shared"],
        }
    }

    /// Pipeline constants of these files.
    pub(super) fn constants(self) -> Vec<(&'static str, f64)> {
        match self {
            Tile::Blocks([columns, rows]) => {
                vec![("GROUP_COLUMNS", columns.into()), ("GROUP_ROWS", rows.into())]
            }
            Tile::Subgroup => Vec::new(),
            Tile::Shared { lanes } => vec![("LANES", lanes.into())],
        }
    }
}
