use std::ops::Range;

use super::delta::delta;
use super::dropout::Masks;
use super::faults::Faults;
use super::forward::{apply, forward};
use super::gradient::gradient;
use super::layer_state::LayerState;
use super::loss::{Layout, Objective, loss, of_sample};
use super::partition::{GradientRange, Partition};
use super::product::Write;
use super::score::score;
use super::work::{MicroBatch, Queued};
use super::zeros::zeros;
use crate::data::Split;
use crate::device::Fault;
use crate::model::{Layer, Network, Operation, StepParams};
use crate::plan::SlotId;
use crate::{Error, Result};

/// A slice of the batch, with its rows of every value in the pool: what one thread takes through a step.
pub(super) struct Slice {
    /// Its samples, as rows of the micro-batch.
    rows: Range<usize>,
    values: Values,
    /// Their targets, as words.
    targets: Vec<u32>,
    /// Workspace for a layer's normalised and activated input, `[rows, inputs]`.
    loaded: Vec<f32>,
    /// Workspace for one sample's outputs.
    row: Vec<f32>,
    /// Its sums of gradients, at the offsets of the partition.
    partials: Vec<f32>,
    /// Number of samples, from the first, that count in metrics.
    new: usize,
    /// Sums over the current pass.
    pub loss: f64,
    pub correct: u32,
}

/// Data that all slices share in a step.
#[derive(Clone, Copy)]
pub(super) struct Step<'a> {
    pub network: &'a Network,
    pub layers: &'a [LayerState],
    pub partition: &'a Partition,
    pub split: &'a Split,
    /// Samples of one micro-batch or several, as rows of the split.
    pub samples: &'a [u32],
    /// Place of the micro-batch's first sample in the mini-batch.
    pub place: usize,
    pub step_params: StepParams,
    /// Share of each target that is spread over all classes.
    pub smoothing: f32,
    pub faults: &'a Faults,
    /// Index of the micro-batch in the pass.
    pub number: u32,
}

impl Step<'_> {
    /// The masks of `layer` for rows of the micro-batch from `first` on; `None` if it drops nothing.
    fn masks(&self, layer: usize, first: usize) -> Option<Masks> {
        let dropout = self.network.layer(layer).dropout()?;
        let key = self.step_params.dropout?.of_layer(Fault::place(layer, self.layers.len()));
        Some(Masks { dropout, key, first: self.place + first })
    }
}

/// A slice's part of the pool.
struct Values {
    rows: usize,
    /// Offset of each slot.
    starts: Vec<usize>,
    numbers: Vec<f32>,
}

impl Slice {
    /// The slice of `rows`, for a pool of `columns` columns in which `slots` start at these columns. A target has
    /// `target_words` words.
    pub fn new(
        rows: Range<usize>,
        columns: usize,
        slots: &[usize],
        target_words: usize,
        partition: &Partition,
    ) -> Result<Self> {
        let count = rows.len();
        Ok(Slice {
            rows,
            values: Values {
                rows: count,
                starts: slots.iter().map(|column| column * count).collect(),
                numbers: zeros("the pool", columns * count)?,
            },
            targets: zeros("targets", count * target_words)?,
            loaded: zeros("activated states", count * partition.loaded)?,
            row: zeros("a sample's outputs", partition.outputs)?,
            partials: zeros("gradients of slices", partition.partials)?,
            new: 0,
            loss: 0.0,
            correct: 0,
        })
    }

    pub fn begin_pass(&mut self) {
        (self.loss, self.correct) = (0.0, 0);
    }

    pub fn run(&mut self, step: Step, queued: Queued) -> Result<()> {
        let Slice { rows, values, targets: words, loaded, row, partials, new: counted, loss: total, correct } =
            self;
        let threads = step.partition.threads_each();
        let layout = Layout::of(step.split);
        match queued {
            Queued::Begin(MicroBatch { rows: first, new, .. }) => {
                let samples = &step.samples[first + rows.start..first + rows.end];
                let [inputs] = values.get_mut([(0, step.network.features())])?;
                step.split.gather(samples, inputs);
                step.split.gather_targets(samples, words);
                *counted = new.clamp(rows.start, rows.end) - rows.start;
            }
            Queued::Forward { layer, input, output } => {
                let shape = step.network.layer(layer);
                let [state, output] = values.get_mut([(input, shape.inputs), (output, shape.outputs)])?;
                let loaded = load(shape, state, loaded);
                let parameters = &step.layers[layer].parameters;
                apply(
                    shape.before_product(),
                    parameters,
                    loaded,
                    shape.inputs,
                    step.masks(layer, rows.start),
                );
                let loaded = if shape.transforms_input() { &*loaded } else { &*state };
                forward(shape, state, loaded, parameters, output, threads);
            }
            Queued::Loss { output, delta } => {
                let last = step.network.layer(step.layers.len() - 1);
                let [output, delta] = values.get_mut([(output, last.outputs), (delta, last.outputs)])?;
                let objective = Objective {
                    loss: step.network.loss(),
                    activation: last.product_activation(),
                    smoothing: step.smoothing,
                    divisor: step.step_params.divisor,
                };
                // Samples past the end of the split have no part in the loss.
                let counted = *counted * last.outputs;
                delta[counted..].fill(0.0);
                let share = loss(objective, last.outputs, &output[..counted], layout.targets(words), delta);
                if !(share as f32).is_finite() {
                    step.faults.note(step.number, Fault::LOSS);
                }
                *total += share;
            }
            Queued::Backward { layer, state, delta: upstream, below } => {
                let shape = step.network.layer(layer);
                let (state, upstream) = ((state, shape.inputs), (upstream, shape.outputs));
                let parameters = &step.layers[layer].parameters;
                let normalises = |operation: &Operation| matches!(operation, Operation::Normalise(_));
                let loaded = load(shape, values.get(state), loaded);
                apply(shape.before_product().filter(normalises), parameters, loaded, shape.inputs, None);
                let masks = step.masks(layer, rows.start);
                if let Some(below) = below {
                    let derivative = step.network.derivative(layer);
                    let [state, upstream, below] =
                        values.get_mut([state, upstream, (below, shape.inputs)])?;
                    let normalised = if shape.transforms_input() { &*loaded } else { &*state };
                    let states = [&*state, normalised];
                    let sums = &mut partials[step.partition.norm(layer)];
                    delta(shape, (derivative, masks), upstream, parameters, states, [below, sums], threads);
                }
                let rest = shape.before_product().filter(|operation| !normalises(operation));
                apply(rest, parameters, loaded, shape.inputs, masks);
                if let Some(GradientRange { start, end, .. }) = step.partition.place(layer) {
                    let [weights, bias, ..] = shape.tensor_lengths();
                    let sums = partials[start..end][..weights + bias].split_at_mut(weights);
                    let loaded = if shape.transforms_input() { &*loaded } else { values.get(state) };
                    gradient(
                        shape,
                        0..shape.outputs,
                        values.get(upstream),
                        loaded,
                        Write::Overwrite,
                        sums.into(),
                    );
                }
            }
            Queued::Score { output } => {
                let (network, outputs) = (step.network, step.network.outputs());
                let output = &values.get((output, outputs))[..*counted * outputs];
                let targets = || layout.targets(words).map(|(target, _)| target);
                *correct += score(outputs, network.loss(), output, targets());
                let samples = output.chunks_exact(outputs).zip(targets());
                let losses =
                    samples.map(|(output, target)| of_sample(network.loss(), 0.0, output, target, row));
                *total += losses.map(f64::from).sum::<f64>();
            }
            Queued::Clip => {}
        }
        Ok(())
    }

    /// Its rows of the operand that `layer` multiplies by its weights, `[rows, inputs]`, as its last work has left it.
    pub fn loaded(&self, layer: Layer, state: SlotId) -> &[f32] {
        if layer.transforms_input() {
            &self.loaded[..layer.inputs * self.rows.len()]
        } else {
            self.value(state, layer.inputs)
        }
    }

    /// Its rows of the value in `slot`, `[rows, width]`.
    pub fn value(&self, slot: SlotId, width: usize) -> &[f32] {
        self.values.get((slot, width))
    }

    /// Its sums of gradients in this range.
    pub fn partials(&self, range: Range<usize>) -> &[f32] {
        &self.partials[range]
    }
}

/// A copy of `state` at the start of `loaded`, for the operations before the product. Empty if `layer` has none: then the
/// state itself is the operand.
fn load<'a>(layer: Layer, state: &[f32], loaded: &'a mut [f32]) -> &'a mut [f32] {
    if !layer.transforms_input() {
        return &mut [];
    }
    let loaded = &mut loaded[..state.len()];
    loaded.copy_from_slice(state);
    loaded
}

impl Values {
    fn get(&self, operand: (SlotId, usize)) -> &[f32] {
        &self.numbers[self.range(operand)]
    }

    fn get_mut<const N: usize>(&mut self, operands: [(SlotId, usize); N]) -> Result<[&mut [f32]; N]> {
        let ranges = operands.map(|operand| self.range(operand));
        self.numbers.get_disjoint_mut(ranges).map_err(|error| {
            Error::internal(format!("slots {operands:?} cannot be borrowed together: {error}"))
        })
    }

    /// Range of a value of `width` columns in `slot`.
    fn range(&self, (slot, width): (SlotId, usize)) -> Range<usize> {
        let start = self.starts[slot];
        start..start + width * self.rows
    }
}
