use serde::{Deserialize, Serialize};
use wgpu::DeviceType;

/// How a product's answer is cut among workgroups and their invocations. All sum in the same order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Tile {
    /// Every invocation makes a block of 8 × 8 numbers; in a workgroup are so many, columns first.
    Blocks([u32; 2]),
    /// Eight lanes of a subgroup make 32 × 32 numbers, and pass on what they read.
    Subgroup,
    /// A workgroup of `lanes` × `lanes` invocations makes eight times as many numbers each way, from operands that it keeps
    /// in its own memory.
    Shared {
        /// 8 or 16.
        lanes: u32,
    },
}

/// What a driver without subgroups gets, and a test may give any.
pub(super) const SOFTWARE_BLOCKS: Tile = Tile::Blocks([8, 1]);
const HARDWARE_BLOCKS: Tile = Tile::Blocks([8, 8]);
const SMALL: Tile = Tile::Shared { lanes: 8 };
const LARGE: Tile = Tile::Shared { lanes: 16 };

impl Tile {
    /// Every one that a device can run, with or without subgroups of eight lanes.
    pub fn all(subgroups: bool) -> impl Iterator<Item = Self> {
        let everywhere = [SOFTWARE_BLOCKS, HARDWARE_BLOCKS, SMALL, LARGE];
        everywhere.into_iter().chain(subgroups.then_some(Tile::Subgroup))
    }

    /// Those worth a trial on a GPU.
    pub fn for_hardware() -> impl Iterator<Item = Self> {
        [HARDWARE_BLOCKS, SMALL, LARGE].into_iter()
    }

    /// The one for an answer of `rows` × `columns` on a device that nobody has measured.
    ///
    /// Software drivers spread workgroups, not their invocations, over the processor's cores, and load every lane's numbers
    /// one by one: there a workgroup is as small as a vector unit, and lanes had better share what they read. Elsewhere an
    /// answer should fill the tiles of several workgroups.
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

    /// Columns and rows of the answer that one workgroup makes.
    pub(super) fn extent(self) -> [u32; 2] {
        match self {
            Tile::Blocks(group) => group.map(|side| 8 * side),
            Tile::Subgroup => [32; 2],
            Tile::Shared { lanes } => [8 * lanes; 2],
        }
    }

    /// The shader files that say which invocation makes what.
    pub(super) fn files(self) -> &'static [&'static str] {
        match self {
            Tile::Blocks(_) => &["product", "product_blocks"],
            Tile::Subgroup => &["product", "subgroup", "product_subgroup"],
            Tile::Shared { .. } => &["product", "product_shared"],
        }
    }

    /// What these files leave open.
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
