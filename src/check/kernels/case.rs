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
    /// Of every layer, but for the last where the loss wants logits.
    pub activation: Activation,
    /// What is made small.
    pub loss: Loss,
    /// Whether the inputs are bytes rather than floats.
    pub bytes: bool,
    /// Whether a GPU runs thin neighbours together.
    pub fused: bool,
    /// Of how many states one is kept.
    pub every: usize,
}

/// Odd and even, narrower and wider than a block of eight and a workgroup of several, batch 1 and width 1; the last has
/// work for several threads.
const WHOLE: [(&[usize], usize); 8] = [
    (&[1, 1], 1),
    (&[5, 1, 3], 3),
    (&[8, 4, 12], 8),
    (&[6, 16, 7, 4], 13),
    (&[33, 17, 41, 10], 65),
    (&[130, 67, 2], 9),
    (&[28, 200, 72, 5], 34),
    (&[40, 60, 300, 72, 60, 5], 134),
];

/// Batches of two parts, of three, and of more; again with work for several threads.
const IN_PARTS: [(&[usize], usize, usize); 6] = [
    (&[5, 3, 2], 2, 2),
    (&[6, 16, 7, 4], 39, 3),
    (&[33, 17, 41, 10], 65, 5),
    (&[130, 67, 2], 18, 2),
    (&[28, 72, 5], 7, 7),
    (&[30, 300, 72, 60, 5], 201, 3),
];

/// For layers that run together: wider and narrower than a whole four and a block of eight, more than run at once, some
/// after a wide layer, more samples than a tile has, and more tiles than workgroups; the n of `--every`.
const FUSED: [(&[usize], usize, usize, usize); 8] = [
    (&[1, 1, 1, 1, 1], 1, 1, 3),
    (&[5, 1, 3, 2, 9], 7, 1, 2),
    (&[30, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30, 10], 100, 1, 10),
    (&[140, 31, 17, 8, 4, 33, 10], 33, 1, 3),
    (&[128, 127, 65, 128, 3], 37, 1, 4),
    (&[6, 12, 7, 4, 5], 39, 3, 2),
    (&[7, 6, 5, 9, 3], 270, 1, 2),
    (&[9, 8, 13, 6, 5, 11, 3], 610, 2, 4),
];

/// Every activation and every loss on whole batches of many shapes; every loss on batches in parts, whose own kernel
/// knows no activation.
pub fn grid() -> Vec<Case> {
    let losses = || Loss::ALL.into_iter().zip([false, true].into_iter().cycle());
    let case = |widths: &[usize], batch, activation, (loss, bytes)| {
        let widths = widths.to_vec();
        Case { widths, batch, parts: 1, activation, loss, bytes, fused: false, every: 2 }
    };
    // Where not all are tried, each in its turn.
    let activation = |index: usize, turn: usize| Activation::ALL[(index + turn) % Activation::ALL.len()];
    let mut cases = Vec::new();
    for (widths, batch) in WHOLE {
        for activation in Activation::ALL {
            cases.extend(losses().map(|loss| case(widths, batch, activation, loss)));
        }
    }
    for (index, (widths, batch, parts)) in IN_PARTS.into_iter().enumerate() {
        for (turn, loss) in losses().enumerate() {
            cases.push(Case { parts, ..case(widths, batch, activation(index, turn), loss) });
        }
    }
    for (index, (widths, batch, parts, every)) in FUSED.into_iter().enumerate() {
        for (turn, loss) in losses().enumerate() {
            cases.push(Case {
                parts,
                every,
                fused: true,
                ..case(widths, batch, activation(index, turn), loss)
            });
        }
    }
    cases
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let widths: Vec<_> = self.widths.iter().map(usize::to_string).collect();
        let (activation, loss) = (self.activation.name(), self.loss.name());
        write!(f, "{}, {activation}, {loss}, batch {}", widths.join(","), self.batch)?;
        if self.parts > 1 {
            write!(f, " in {} parts", self.parts)?;
        }
        if self.fused {
            write!(f, ", together, every {}", self.every)?;
        }
        f.write_str(if self.bytes { ", bytes" } else { ", floats" })
    }
}
