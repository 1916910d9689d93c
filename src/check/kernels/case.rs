use std::fmt;

use crate::model::{Activation, Loss, Normalisation};

/// A small network with a batch, on which `check` measures every kernel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Case {
    /// Width of every state.
    pub widths: Vec<usize>,
    /// Samples in a mini-batch.
    pub batch: usize,
    /// Micro-batches in a mini-batch, a divisor of `batch`.
    pub parts: usize,
    /// Activation function between the layers.
    pub activation: Activation,
    /// `true` if hidden layers whose input and output have one width add the one to the other.
    pub residual: bool,
    /// Normalisation of the input of layers but the first, per sample.
    pub normalisation: Option<Normalisation>,
    /// Percentage of values that layers but the first drop.
    pub dropout: u8,
    /// Loss function.
    pub loss: Loss,
    /// `true` if targets are regression targets rather than class labels.
    pub values: bool,
    /// `true` if inputs are bytes rather than floats.
    pub bytes: bool,
    /// `true` if a GPU runs thin layers with kernels of their own, neighbours in one action.
    pub fused: bool,
    /// Keeps every so many-th state as a checkpoint.
    pub every: usize,
}

/// Widths and batch: odd and even, narrower and wider than a block of eight and a workgroup of several, batch 1 and width
/// 1; the last has work for several threads.
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

/// Widths, batch and micro-batches: two, three, and more; again with work for several threads.
const IN_PARTS: [(&[usize], usize, usize); 6] = [
    (&[5, 3, 2], 2, 2),
    (&[6, 16, 7, 4], 39, 3),
    (&[33, 17, 17, 10], 65, 5),
    (&[130, 67, 2], 18, 2),
    (&[28, 72, 5], 7, 7),
    (&[30, 300, 300, 60, 5], 201, 3),
];

/// Widths, batch, micro-batches and checkpoint interval of thin layers, which run together: wider and narrower than a multiple
/// of four and a block of eight, some after a wide layer, more samples than a tile has, and than a part of the gradients.
const FUSED: [(&[usize], usize, usize, usize); 8] = [
    (&[1, 1, 1, 1, 1], 1, 1, 3),
    (&[5, 1, 3, 2, 9], 7, 1, 2),
    (&[30, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30, 10], 100, 1, 10),
    (&[20, 31, 140, 17, 8, 4, 33, 10], 33, 1, 3),
    (&[128, 127, 127, 127, 3], 37, 1, 4),
    (&[6, 12, 7, 4, 5], 39, 3, 2),
    (&[7, 6, 6, 6, 6, 9, 3], 270, 1, 2),
    (&[9, 13, 13, 13, 13, 11, 3], 610, 2, 4),
];

/// Widths, batch, micro-batches and whether thin layers run together, for normalisation: more and fewer values than a sample
/// has lanes, more and fewer samples than a workgroup takes.
const NORMALISED: [(&[usize], usize, usize, bool); 8] = [
    (&[5, 2, 3], 3, 1, false),
    (&[7, 3, 3, 5, 2], 1, 1, true),
    (&[6, 16, 16, 7, 4], 13, 1, false),
    (&[33, 17, 17, 41, 10], 65, 1, true),
    (&[9, 20, 20, 20, 20, 3], 610, 2, true),
    (&[130, 67, 66, 2], 18, 2, false),
    (&[28, 200, 72, 5], 34, 1, false),
    (&[30, 300, 300, 60, 5], 201, 3, false),
];

/// Widths, batch, micro-batches, whether thin layers run together, and whether layers normalise, for dropout: wider and narrower than
/// a multiple of four, and samples for several tiles and parts.
const DROPPED: [(&[usize], usize, usize, bool, bool); 8] = [
    (&[5, 3, 2], 3, 1, false, false),
    (&[33, 17, 17, 41, 10], 65, 5, false, false),
    (&[28, 200, 72, 5], 34, 1, false, false),
    (&[6, 16, 16, 7, 4], 26, 2, false, true),
    (&[30, 30, 30, 30, 30, 30, 10], 100, 1, true, false),
    (&[7, 6, 6, 6, 6, 9, 3], 270, 1, true, false),
    (&[9, 13, 13, 13, 11, 3], 610, 2, true, true),
    (&[20, 31, 140, 17, 8, 4, 33, 10], 33, 3, true, false),
];

/// The default cases: whole batches of many shapes, batches in micro-batches, layers that run together, layers that normalise,
/// and layers that drop values. Each activation function meets each loss function, and every other property takes turns,
/// normalisations among them.
pub fn grid() -> Vec<Case> {
    let (activations, losses) = (Activation::ALL, Loss::ALL);
    let case = |widths: &[usize], batch| Case {
        widths: widths.to_vec(),
        batch,
        parts: 1,
        activation: Activation::Identity,
        residual: false,
        normalisation: None,
        dropout: 0,
        loss: Loss::Quadratic,
        values: false,
        bytes: false,
        fused: false,
        every: 2,
    };
    let in_parts = IN_PARTS.map(|(widths, batch, parts)| Case { parts, ..case(widths, batch) });
    let fused =
        FUSED.map(|(widths, batch, parts, every)| Case { parts, fused: true, every, ..case(widths, batch) });
    let normalised = NORMALISED.map(|(widths, batch, parts, fused)| Case {
        parts,
        fused,
        normalisation: Some(Normalisation::Layer),
        ..case(widths, batch)
    });
    let twice = |cases: Vec<Case>| [cases.clone(), cases].concat();
    let others = [in_parts.to_vec(), twice(fused.to_vec()), twice(normalised.to_vec())].concat();
    let pairs = activations.len() * losses.len();
    let rounds = pairs.saturating_sub(others.len()).div_ceil(WHOLE.len()).max(3);
    let whole = (0..rounds).flat_map(|_| WHOLE.map(|(widths, batch)| case(widths, batch)));

    let all = whole.chain(others).enumerate();
    all.map(|(turn, case)| {
        let (round, place) = (turn / activations.len(), turn % activations.len());
        let loss = losses[(place + round) % losses.len()];
        let normalisation = case.normalisation.map(|_| Normalisation::ALL[(turn + round) % 4]);
        Case {
            normalisation,
            activation: activations[place],
            residual: round % 2 == 1,
            loss,
            values: turn % 4 < 2,
            bytes: turn % 4 == 1,
            ..case
        }
    })
    .chain(kept())
    .chain(dropped())
    .collect()
}

/// Cases for GPUs alone: an invocation computes larger blocks of thin layers for more than 2,048 samples, and again from 16,384 on.
/// A CPU sums the gradients of so many samples with more rounding than the bounds allow for.
pub fn large_batches() -> Vec<Case> {
    let case = |widths: &[usize], batch, activation, loss| Case {
        widths: widths.to_vec(),
        batch,
        parts: 1,
        activation,
        residual: false,
        normalisation: None,
        dropout: 0,
        loss,
        values: false,
        bytes: false,
        fused: true,
        every: 0,
    };
    vec![
        case(&[3, 5, 4, 2], 2_101, Activation::Tanh, Loss::Huber),
        case(&[5, 3, 6, 2], 16_390, Activation::Sine, Loss::BinaryCrossEntropy),
    ]
}

/// Thin layers whose states are all kept, so that they run forward and backward in one dispatch: with a function on the output
/// and without, one output and several, class labels and values, after a wide layer, and samples for several tiles and parts.
fn kept() -> impl Iterator<Item = Case> {
    let case = |widths: &[usize], batch, parts, activation, loss: Loss| Case {
        widths: widths.to_vec(),
        batch,
        parts,
        activation,
        residual: parts == 2,
        normalisation: None,
        dropout: 0,
        loss,
        values: parts > 1,
        bytes: false,
        fused: true,
        every: 0,
    };
    let cases = [
        case(&[7, 9, 5, 3], 70, 1, Activation::Sigmoid, Loss::Quadratic),
        case(&[140, 17, 8, 1], 39, 3, Activation::Tanh, Loss::Mse),
        case(&[6, 12, 12, 4], 600, 2, Activation::LeakyRelu, Loss::LogCosh),
        case(&[128, 127, 127, 127, 3], 37, 1, Activation::Sine, Loss::CrossEntropy),
    ];
    let normalised = Case {
        normalisation: Some(Normalisation::Layer),
        ..case(&[9, 20, 20, 4], 300, 2, Activation::Gelu, Loss::CrossEntropy)
    };
    cases.into_iter().chain([normalised])
}

/// Layers that drop values, with functions on their input or output and without.
fn dropped() -> impl Iterator<Item = Case> {
    let activations = [Activation::Relu, Activation::Silu, Activation::Tanh, Activation::Identity];
    DROPPED.into_iter().enumerate().map(move |(turn, (widths, batch, parts, fused, normalises))| Case {
        widths: widths.to_vec(),
        batch,
        parts,
        activation: activations[turn % activations.len()],
        residual: turn % 3 == 1,
        normalisation: normalises.then_some(Normalisation::Layer),
        dropout: [10, 50, 30][turn % 3],
        loss: [Loss::CrossEntropy, Loss::Quadratic][turn % 2],
        values: false,
        bytes: false,
        fused,
        // Also all in one dispatch.
        every: turn % 3,
    })
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let widths: Vec<_> = self.widths.iter().map(usize::to_string).collect();
        let (activation, loss) = (self.activation.name(), self.loss.name());
        let residual = if self.residual { ", residual" } else { "" };
        let norm = self.normalisation.map_or_else(String::new, |norm| format!(", {} norm", norm.name()));
        write!(f, "{}, {activation}{residual}{norm}, {loss}, batch {}", widths.join(","), self.batch)?;
        if self.parts > 1 {
            write!(f, " in {} parts", self.parts)?;
        }
        if self.dropout > 0 {
            write!(f, ", dropout {} %", self.dropout)?;
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
