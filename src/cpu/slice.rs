use std::ops::Range;

use super::delta::delta;
use super::forward::forward;
use super::gradient::gradient;
use super::loss::loss;
use super::partition::{Partition, Place};
use super::product::Into;
use super::score::score;
use super::work::Work;
use crate::data::Split;
use crate::model::{LayerParameters, Network};
use crate::plan::SlotId;
use crate::{Error, Result};

/// A part of the batch, with its part of every value in the pool: what one thread takes through a step.
pub(super) struct Slice {
    /// Its samples, as rows of the micro-batch.
    rows: Range<usize>,
    values: Values,
    labels: Vec<u32>,
    /// Its sums of gradients, where the partition puts them.
    partials: Vec<f32>,
    /// How many of them count, the first ones.
    new: usize,
    /// Of the pass at hand.
    pub loss: f32,
    pub correct: u32,
}

/// What all slices see of a step.
#[derive(Clone, Copy)]
pub(super) struct Step<'a> {
    pub network: &'a Network,
    pub parameters: &'a [LayerParameters],
    pub partition: &'a Partition,
    pub split: &'a Split,
    /// Rows of the split, of one micro-batch or several.
    pub samples: &'a [u32],
    /// Samples in a mini-batch.
    pub batch: usize,
}

/// A slice's part of the pool.
struct Values {
    rows: usize,
    /// Where each slot begins.
    starts: Vec<usize>,
    numbers: Vec<f32>,
}

impl Slice {
    /// `rows` of a pool of `columns` columns, with `slots` beginning at these columns, and room for `partials` sums.
    pub fn new(rows: Range<usize>, columns: usize, slots: &[usize], partials: usize) -> Result<Self> {
        let count = rows.len();
        Ok(Slice {
            rows,
            values: Values {
                rows: count,
                starts: slots.iter().map(|column| column * count).collect(),
                numbers: zeros("the pool", columns * count)?,
            },
            labels: zeros("labels", count)?,
            partials: zeros("gradients of slices", partials)?,
            new: 0,
            loss: 0.0,
            correct: 0,
        })
    }

    pub fn begin_pass(&mut self) {
        (self.loss, self.correct) = (0.0, 0);
    }

    pub fn run(&mut self, step: Step, work: Work) -> Result<()> {
        let Slice { rows, values, labels, partials, new: counted, loss: mean_loss, correct } = self;
        let threads = step.partition.threads_each();
        match work {
            Work::Begin { rows: first, new, .. } => {
                let samples = &step.samples[first + rows.start..first + rows.end];
                let [inputs] = values.get_mut([(0, step.network.features())])?;
                step.split.gather(samples, inputs);
                step.split.gather_labels(samples, labels);
                *counted = new.clamp(rows.start, rows.end) - rows.start;
            }
            Work::Forward { layer, input, output } => {
                let shape = step.network.layer(layer);
                let [state, output] = values.get_mut([(input, shape.inputs), (output, shape.outputs)])?;
                forward(shape, state, &step.parameters[layer], output, threads);
            }
            Work::Loss { output, delta } => {
                let last = step.network.layer(step.parameters.len() - 1);
                let [output, delta] = values.get_mut([(output, last.outputs), (delta, last.outputs)])?;
                let batch = step.batch as f32;
                *mean_loss += loss(step.network.loss(), last.activation, output, labels, batch, delta);
            }
            Work::Backward { layer, state, delta: upstream, below } => {
                let shape = step.network.layer(layer);
                let (state, upstream) = ((state, shape.inputs), (upstream, shape.outputs));
                if let Some(below) = below {
                    let activation = step.network.layer(layer - 1).activation;
                    let weights = &step.parameters[layer].weights;
                    let [state, upstream, below] =
                        values.get_mut([state, upstream, (below, shape.inputs)])?;
                    delta(shape, activation, upstream, weights, state, below, threads);
                }
                if let Some(Place { start, end, .. }) = step.partition.place(layer) {
                    let sums = partials[start..end].split_at_mut(shape.inputs * shape.outputs);
                    let [state, upstream] = [state, upstream].map(|operand| values.get(operand));
                    gradient(shape, 0..shape.outputs, upstream, state, Into::Set, sums.into());
                }
            }
            Work::Score { output } => {
                let classes = step.network.classes();
                *correct += score(classes, values.get((output, classes)), &labels[..*counted]);
            }
        }
        Ok(())
    }

    /// Its rows of what is in `slot`, `[rows, width]`.
    pub fn value(&self, slot: SlotId, width: usize) -> &[f32] {
        self.values.get((slot, width))
    }

    /// What it has summed up for a layer.
    pub fn partials(&self, place: Place) -> &[f32] {
        &self.partials[place.start..place.end]
    }
}

impl Values {
    fn get(&self, operand: (SlotId, usize)) -> &[f32] {
        &self.numbers[self.range(operand)]
    }

    fn get_mut<const N: usize>(&mut self, operands: [(SlotId, usize); N]) -> Result<[&mut [f32]; N]> {
        let ranges = operands.map(|operand| self.range(operand));
        self.numbers.get_disjoint_mut(ranges).map_err(|error| Error::InvalidPlan {
            index: 0,
            problem: format!("slots {operands:?} cannot be used together: {error}"),
        })
    }

    /// Where a value of `width` columns is that is in `slot`.
    fn range(&self, (slot, width): (SlotId, usize)) -> Range<usize> {
        let start = self.starts[slot];
        start..start + width * self.rows
    }
}

/// # Errors
/// [`Error::DoesNotFit`] where the host has no room for it.
pub(super) fn zeros<T: Copy + Default>(what: &str, count: usize) -> Result<Vec<T>> {
    let mut values = Vec::new();
    values.try_reserve_exact(count).map_err(|_| {
        let bytes = count * size_of::<T>();
        Error::DoesNotFit(format!(
            "{what} takes {bytes} bytes, more than the host has; \
             use a smaller --batch or --micro-batch, or narrower --layers"
        ))
    })?;
    values.resize(count, T::default());
    Ok(values)
}
