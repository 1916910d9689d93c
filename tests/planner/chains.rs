//! Families of chains that planning is tested on.

use ckpt_gpu::plan::Chain;

use crate::common::Random;

/// Bytes of a state of width 1, in a batch of 256 samples.
pub const UNIT: u64 = 1024;

/// Variation of widths along a chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Family {
    Uniform,
    Alternating,
    Funnel,
    Bulge,
    Random,
}

impl Family {
    pub const ALL: [Family; 5] =
        [Family::Uniform, Family::Alternating, Family::Funnel, Family::Bulge, Family::Random];

    /// A chain of `layers` layers. Costs are products of neighbouring widths, or random for random chains.
    pub fn chain(self, layers: usize, random: &mut Random) -> Chain {
        let state = |index: usize, random: &mut Random| match self {
            Family::Uniform => 4,
            Family::Alternating => [2, 16][index % 2],
            Family::Funnel => 16 - (14 * index / layers) as u64,
            Family::Bulge => bulge(index, layers),
            Family::Random => 1 + random.below(16) as u64,
        };
        let widths: Vec<u64> = (0..=layers).map(|index| state(index, random)).collect();
        let costs = match self {
            Family::Random => (0..layers).map(|_| 1 + random.below(100) as u64).collect(),
            _ => widths.windows(2).map(|pair| pair[0] * pair[1]).collect(),
        };
        of_widths(&widths, costs)
    }
}

/// 4 at both ends and 32 in the middle.
fn bulge(index: usize, layers: usize) -> u64 {
    let from_end = index.min(layers - index) as u64;
    4 + 28 * 2 * from_end / layers.max(1) as u64
}

/// A chain with these widths, in units of [`UNIT`] bytes, and these costs.
pub fn of_widths(widths: &[u64], forward_flops: Vec<u64>) -> Chain {
    let state_bytes: Vec<u64> = widths.iter().map(|width| width * UNIT).collect();
    Chain {
        delta_bytes: state_bytes[1..].to_vec(),
        state_bytes,
        forward_flops,
        fusible: Vec::new(),
        row_bytes: Vec::new(),
    }
}

/// The chain with another number of bytes for a width of 1, from 4 to 1,600.
pub fn resized(mut chain: Chain, random: &mut Random) -> Chain {
    let unit = 4 * (1 + random.below(400) as u64);
    for bytes in chain.state_bytes.iter_mut().chain(&mut chain.delta_bytes) {
        *bytes = *bytes / UNIT * unit;
    }
    chain
}

/// A chain with random costs and sizes, where the delta of a layer differs in size from its output.
pub fn of_odd_sizes(layers: usize, random: &mut Random) -> Chain {
    let mut sizes = |count: usize| (0..count).map(|_| 4 * (1 + random.below(500) as u64)).collect::<Vec<_>>();
    let (state_bytes, delta_bytes) = (sizes(layers + 1), sizes(layers));
    Chain {
        state_bytes,
        delta_bytes,
        forward_flops: (0..layers).map(|_| 1 + random.below(1000) as u64).collect(),
        fusible: Vec::new(),
        row_bytes: Vec::new(),
    }
}

/// A random number of layers: usually few, sometimes up to 250.
pub fn length(random: &mut Random) -> usize {
    let most = match random.below(1000) {
        0..800 => 8,
        800..970 => 24,
        970..997 => 60,
        _ => 250,
    };
    1 + random.below(most)
}
