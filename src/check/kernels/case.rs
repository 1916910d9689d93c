use std::fmt;

use crate::model::{Activation, Loss};

/// A small network with a batch, on which every kernel is measured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Case {
    /// The width of every state.
    pub widths: Vec<usize>,
    /// Samples in a mini-batch.
    pub batch: usize,
    /// Micro-batches in a mini-batch, a divisor of `batch`.
    pub parts: usize,
    /// Between the layers.
    pub activation: Activation,
    /// Whether layers add what they read to what they make, where the two are equally wide.
    pub residual: bool,
    /// Whether layers but the first normalise what they read.
    pub layer_norm: bool,
    /// What is made small.
    pub loss: Loss,
    /// Whether targets are numbers for each output rather than classes.
    pub values: bool,
    /// Whether the inputs are bytes rather than floats.
    pub bytes: bool,
    /// Whether a GPU runs thin neighbours together.
    pub fused: bool,
    /// Of how many states one is kept.
    pub every: usize,
}

/// Odd and even, narrower and wider than a block of eight and a workgroup of several, batch 1 and width 1; the last has
/// work for several threads.
const WHOLE: [(&[usize], usize); 9] = [
    (&[1, 1], 1),
    (&[5, 1, 3], 3),
    (&[8, 4, 12], 8),
    (&[6, 16, 16, 7, 4], 13),
    (&[33, 17, 17, 41, 10], 65),
    (&[9, 20, 20, 20, 20, 3], 11),
    (&[130, 67, 2], 9),
    (&[28, 200, 72, 5], 34),
    (&[40, 300, 300, 72, 60, 5], 134),
];

/// Batches of two parts, of three, and of more; again with work for several threads.
const IN_PARTS: [(&[usize], usize, usize); 6] = [
    (&[5, 3, 2], 2, 2),
    (&[6, 16, 7, 4], 39, 3),
    (&[33, 17, 17, 10], 65, 5),
    (&[130, 67, 2], 18, 2),
    (&[28, 72, 5], 7, 7),
    (&[30, 300, 300, 60, 5], 201, 3),
];

/// For layers that run together: wider and narrower than a whole four and a block of eight, more than run at once, some
/// after a wide layer, more samples than a tile has, and more tiles than workgroups; the distance between checkpoints.
const FUSED: [(&[usize], usize, usize, usize); 8] = [
    (&[1, 1, 1, 1, 1], 1, 1, 3),
    (&[5, 1, 3, 2, 9], 7, 1, 2),
    (&[30, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30, 10], 100, 1, 10),
    (&[140, 31, 17, 8, 4, 33, 10], 33, 1, 3),
    (&[128, 127, 127, 127, 3], 37, 1, 4),
    (&[6, 12, 7, 4, 5], 39, 3, 2),
    (&[7, 6, 6, 6, 6, 9, 3], 270, 1, 2),
    (&[9, 13, 13, 13, 13, 11, 3], 610, 2, 4),
];

/// For layer normalisation: more and fewer numbers than a sample has lanes, more and fewer samples than a workgroup takes;
/// whether thin layers may run together, which these cannot.
const NORMALISED: [(&[usize], usize, usize, bool); 8] = [
    (&[5, 2, 3], 3, 1, false),
    (&[7, 3, 3, 5, 2], 1, 1, true),
    (&[6, 16, 16, 7, 4], 13, 1, false),
    (&[33, 17, 17, 41, 10], 65, 1, true),
    (&[9, 20, 20, 20, 20, 3], 11, 1, false),
    (&[130, 67, 66, 2], 18, 2, false),
    (&[28, 200, 72, 5], 34, 1, false),
    (&[30, 300, 300, 60, 5], 201, 3, false),
];

/// Whole batches of many shapes, batches in parts, layers that run together, and layers that normalise. Activation, loss and all else take turns at
/// step_params that share no factor, so that each activation meets each loss, and both kinds of layers.
pub fn grid() -> Vec<Case> {
    let turns = |count: usize| 0..count;
    let whole = WHOLE.iter().flat_map(|case| turns(3).map(move |_| (case.0, case.1, 1, 2, false, false)));
    let in_parts = IN_PARTS.iter().map(|&(widths, batch, parts)| (widths, batch, parts, 2, false, false));
    let fused = FUSED.iter().flat_map(|&(widths, batch, parts, every)| {
        turns(2).map(move |_| (widths, batch, parts, every, true, false))
    });
    let normalised = turns(2).flat_map(|_| {
        NORMALISED.iter().map(|&(widths, batch, parts, fused)| (widths, batch, parts, 2, fused, true))
    });
    let all = whole.chain(in_parts).chain(fused).chain(normalised).enumerate();
    all.map(|(turn, (widths, batch, parts, every, fused, layer_norm))| {
        let loss = Loss::ALL[turn % Loss::ALL.len()];
        Case {
            widths: widths.to_vec(),
            batch,
            parts,
            activation: Activation::ALL[turn % Activation::ALL.len()],
            residual: turn / Activation::ALL.len() % 2 == 1,
            layer_norm,
            loss,
            values: loss.takes_values() && turn % 3 == 0,
            bytes: turn % 4 == 1,
            fused,
            every,
        }
    })
    .collect()
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let widths: Vec<_> = self.widths.iter().map(usize::to_string).collect();
        let (activation, loss) = (self.activation.name(), self.loss.name());
        let residual = if self.residual { ", residual" } else { "" };
        let layer_norm = if self.layer_norm { ", layer norm" } else { "" };
        write!(f, "{}, {activation}{residual}{layer_norm}, {loss}, batch {}", widths.join(","), self.batch)?;
        if self.parts > 1 {
            write!(f, " in {} parts", self.parts)?;
        }
        if self.fused {
            write!(f, ", together, every {}", self.every)?;
        }
        if self.values {
            f.write_str(", values")?;
        }
        f.write_str(if self.bytes { ", bytes" } else { ", floats" })
    }
}
