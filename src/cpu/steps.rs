use std::ops::Range;
use std::sync::{Mutex, PoisonError};

use super::faults::Faults;
use super::gradient::gradient;
use super::layer_state::LayerState;
use super::partials::add_up;
use super::partition::{GradientRange, Partition};
use super::product::Write;
use super::slice::{Slice, Step};
use super::team::{each, together};
use super::update::{Update, are_finite};
use super::work::{MicroBatch, Queued};
use crate::Result;
use crate::data::Split;
use crate::device::{Accumulation, Fault};
use crate::model::{LayerParameters, Network, UpdateRule};
use crate::plan::SlotId;

/// Layers whose gradients take fewer FLOPs are not split among threads.
const LEAST_SHARED_FLOPS: u64 = 1_000_000;

/// A network's parameters, and the slices of a batch that update them.
///
/// Each thread takes its slice through as much work as it can without the others: all of it, except for the sums of
/// gradients over slices.
pub(super) struct Steps {
    pub network: Network,
    pub rule: UpdateRule,
    /// Share of each target that is spread over all classes.
    pub smoothing: f32,
    pub partition: Partition,
    pub slices: Vec<Slice>,
    pub layers: Vec<LayerState>,
    /// Workspace for the gradients of one layer.
    pub scratch: LayerParameters,
    /// Accumulation, index and update of the current micro-batch, and the place of its first sample in the mini-batch.
    pub accumulation: Accumulation,
    pub batch_number: u32,
    pub place: usize,
    pub update: Update,
    /// Faults of the current pass.
    pub faults: Faults,
}

/// Queued work that slices run without each other.
#[derive(Default)]
struct Phase {
    /// Position of its first entry in the queue.
    start: usize,
    /// Layers whose gradients each slice sums, all of one group.
    summed: Range<usize>,
    group: usize,
}

impl Steps {
    /// Runs `queue`, one micro-batch or several, on `samples` of `split`.
    pub fn run(&mut self, queue: &[Queued], samples: &[u32], split: &Split) -> Result<()> {
        match (self.partition.threads, self.slices.len()) {
            (1, 1) => self.run_all(queue, samples, split),
            (threads, _) => together(threads, || self.run_all(queue, samples, split)),
        }
    }

    fn run_all(&mut self, queue: &[Queued], samples: &[u32], split: &Split) -> Result<()> {
        let mut phase = Phase::default();
        for (position, &queued) in queue.iter().enumerate() {
            match queued {
                Queued::Begin(MicroBatch { accumulation, index, place, step_params, .. }) => {
                    self.end(&mut phase, &queue[..position], samples, split)?;
                    (self.accumulation, self.batch_number, self.place) = (accumulation, index, place);
                    self.update = Update { rule: self.rule, step_params, scale: 1.0 };
                }
                Queued::Backward { layer, state, delta, .. } => {
                    if let Some(GradientRange { group, .. }) = self.partition.place(layer) {
                        if group != phase.group && !phase.summed.is_empty() {
                            self.end(&mut phase, &queue[..position], samples, split)?;
                        }
                        let end = if phase.summed.is_empty() { layer + 1 } else { phase.summed.end };
                        (phase.group, phase.summed) = (group, layer..end);
                    } else {
                        self.end(&mut phase, &queue[..=position], samples, split)?;
                        self.share_out(layer, state, delta);
                    }
                }
                Queued::Clip => {
                    self.end(&mut phase, &queue[..=position], samples, split)?;
                    self.clip();
                }
                Queued::Forward { .. } | Queued::Loss { .. } | Queued::Score { .. } => {}
            }
        }
        self.end(&mut phase, queue, samples, split)
    }

    /// Ends the phase at the end of `queue`: runs its work on all slices, and adds their gradients.
    fn end(&mut self, phase: &mut Phase, queue: &[Queued], samples: &[u32], split: &Split) -> Result<()> {
        let Phase { start, summed, .. } = std::mem::take(phase);
        phase.start = queue.len();
        if start < queue.len() {
            self.run_slices(&queue[start..], samples, split)?;
        }
        self.settle(summed);
        Ok(())
    }

    fn run_slices(&mut self, queue: &[Queued], samples: &[u32], split: &Split) -> Result<()> {
        let step = Step {
            network: &self.network,
            layers: &self.layers,
            partition: &self.partition,
            split,
            samples,
            place: self.place,
            step_params: self.update.step_params,
            smoothing: self.smoothing,
            faults: &self.faults,
            number: self.batch_number,
        };
        let outcome = Mutex::new(Ok(()));
        each(&mut self.slices, |slice| {
            if let Err(error) = queue.iter().try_for_each(|&queued| slice.run(step, queued)) {
                *outcome.lock().unwrap_or_else(PoisonError::into_inner) = Err(error);
            }
        });
        outcome.into_inner().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds the slices' gradients of `layers`, and updates parameters or accumulates gradients.
    fn settle(&mut self, layers: Range<usize>) {
        let moves = self.moves();
        let Steps { slices, partition, accumulation, update, layers: all, faults, batch_number, .. } = self;
        let (slices, partition, accumulation, update) = (&*slices, &*partition, *accumulation, *update);
        let count = all.len();
        let take = |(index, layer): (usize, &mut LayerState)| {
            let Some(place) = partition.place(index) else { return };
            let mut are_good = take_sums(slices, layer, place.start, 0..4, accumulation, update);
            are_good &= !moves || move_by_kept(layer, update);
            if !are_good {
                faults.note(*batch_number, Fault::place(index, count));
            }
        };
        let share = layers.len().div_ceil(partition.threads).max(1);
        let numbers = (layers.start..).step_by(share);
        each(numbers.zip(all[layers].chunks_mut(share)), |(first, some)| {
            for layer in (first..).zip(some) {
                take(layer);
            }
        });
    }

    /// [`Steps::settle`] for a layer whose gradients no slice has summed: each thread sums those of some outputs, over all
    /// slices.
    fn share_out(&mut self, layer: usize, state: SlotId, delta: SlotId) {
        let moves = self.moves();
        let Steps { slices, accumulation, update, scratch, faults, batch_number, .. } = self;
        let (slices, accumulation, update) = (&*slices, *accumulation, *update);
        let shape = self.network.layer(layer);
        let threads = match shape.forward_flops(self.partition.rows) {
            ..LEAST_SHARED_FLOPS => 1,
            _ => self.partition.threads,
        };
        let share = shape.outputs.div_ceil(threads);
        let add_gradients = |outputs: Range<usize>, whole: Write, [weights, bias]: [&mut [f32]; 2]| {
            for (index, slice) in slices.iter().enumerate() {
                let into = match whole {
                    Write::Overwrite if index > 0 => Write::Add(1.0),
                    whole => whole,
                };
                let delta = slice.value(delta, shape.outputs);
                let loaded = slice.loaded(shape, state);
                gradient(shape, outputs.clone(), delta, loaded, into, [&mut *weights, &mut *bias]);
            }
        };
        let count = self.layers.len();
        let note = |are_good: bool| {
            if !are_good {
                faults.note(*batch_number, Fault::place(layer, count));
            }
        };
        let place = || (0..).step_by(share);
        let held = &mut self.layers[layer];
        let norm = self.partition.norm(layer).start;
        note(take_sums(slices, held, norm, 2..4, accumulation, update));
        if let Some(LayerParameters { weights, bias, .. }) = &mut held.gradients {
            let whole = if accumulation.is_first() { Write::Overwrite } else { Write::Add(1.0) };
            let parts = weights.chunks_mut(share * shape.inputs).zip(bias.chunks_mut(share));
            each(place().zip(parts), |(first, (weights, bias))| {
                add_gradients(first..first + bias.len(), whole, [weights, bias]);
            });
            note(!moves || move_by_kept(held, update));
            return;
        }
        let [of_weights, of_bias, ..] = held.moving();
        let parts = of_weights.chunks(share * shape.inputs).zip(of_bias.chunks(share));
        if update.is_plain() {
            each(place().zip(parts), |(first, (weights, bias))| {
                let (weights, bias) = (weights.parameters, bias.parameters);
                let outputs = first..first + bias.len();
                add_gradients(outputs, Write::Add(-update.step_params.rate), [&mut *weights, &mut *bias]);
                note(are_finite(weights) && are_finite(bias));
            });
            return;
        }
        let sums = scratch.weights.chunks_mut(share * shape.inputs).zip(scratch.bias.chunks_mut(share));
        each(place().zip(parts.zip(sums)), |(first, ((weights, bias), sums))| {
            let count = [weights.parameters.len(), bias.parameters.len()];
            let sums = [&mut sums.0[..count[0]], &mut sums.1[..count[1]]];
            let [of_weights, of_bias] = sums;
            add_gradients(first..first + count[1], Write::Overwrite, [&mut *of_weights, &mut *of_bias]);
            note(update.run(of_weights, weights) & update.run(of_bias, bias));
        });
    }

    /// `true` if accumulated gradients update the parameters as soon as this micro-batch's are added.
    fn moves(&self) -> bool {
        self.rule.clip_norm.is_none() && self.accumulation.is_last()
    }

    /// Updates all parameters by the accumulated gradients, scaled down if their global norm exceeds the bound.
    fn clip(&mut self) {
        let Steps { layers, update, rule, faults, batch_number, partition, .. } = self;
        let count = layers.len();
        let squares = layers.iter().filter_map(|layer| layer.gradients.as_ref()).map(sum_of_squares);
        let norm = squares.sum::<f64>().sqrt();
        let most = f64::from(rule.clip_norm.unwrap_or(f32::INFINITY));
        let scale = (most / (norm + UpdateRule::CLIP_MARGIN)).min(1.0) as f32;
        // A NaN norm says nothing about the scale; the update finds the NaN in the gradients themselves.
        let update = Update { scale: if norm.is_finite() { scale } else { 1.0 }, ..*update };
        let share = count.div_ceil(partition.threads).max(1);
        each((0..).step_by(share).zip(layers.chunks_mut(share)), |(first, some)| {
            for (index, layer) in (first..).zip(some) {
                if !move_by_kept(layer, update) {
                    faults.note(*batch_number, Fault::place(index, count));
                }
            }
        });
    }
}

/// Adds the slices' gradients of `tensors` of a layer, which are at `start` in the slices' partial sums, and updates these parameters
/// or accumulates the gradients. Returns `true` if all updated ones are finite.
fn take_sums(
    slices: &[Slice],
    layer: &mut LayerState,
    start: usize,
    tensors: Range<usize>,
    accumulation: Accumulation,
    update: Update,
) -> bool {
    let (mut start, mut are_good) = (start, true);
    for tensor in tensors {
        let length = layer.parameters.tensors()[tensor].len();
        let sums = slices.iter().map(|slice| slice.partials(start..start + length));
        match &mut layer.gradients {
            None => {
                let moving = &mut layer.moving()[tensor];
                add_up(sums, length, |start, sums| {
                    are_good &= update.run_inline(sums, moving.slice(start..start + sums.len()));
                });
            }
            Some(gradients) => {
                let gradients = &mut gradients.tensors_mut()[tensor][..];
                let into = if accumulation.is_first() { Write::Overwrite } else { Write::Add(1.0) };
                add_up(sums, length, |start, sums| {
                    for (gradient, &sum) in gradients[start..].iter_mut().zip(sums) {
                        *gradient = into.taking(*gradient, sum);
                    }
                });
            }
        }
        start += length;
    }
    are_good
}

/// Updates a layer's parameters by its accumulated gradients, if any; returns `true` if all are finite.
fn move_by_kept(layer: &mut LayerState, update: Update) -> bool {
    let Some(gradients) = layer.gradients.take() else { return true };
    let pairs = gradients.tensors().into_iter().zip(layer.moving());
    let are_good = pairs.fold(true, |are_good, (gradients, moving)| update.run(gradients, moving) & are_good);
    layer.gradients = Some(gradients);
    are_good
}

fn sum_of_squares(gradients: &LayerParameters) -> f64 {
    gradients.values().map(|gradient| f64::from(gradient) * f64::from(gradient)).sum()
}
