use std::ops::Range;
use std::sync::{Mutex, PoisonError};

use super::gradient::gradient;
use super::partials::add_up;
use super::partition::{Partition, Place};
use super::product::Into;
use super::slice::{Slice, Step};
use super::team::{each, together};
use super::work::Work;
use crate::Result;
use crate::data::Split;
use crate::device::Accumulation;
use crate::model::{LayerParameters, Network, Optimizer};
use crate::plan::SlotId;

/// Fewer FLOPs of a layer's gradients are not shared out among threads.
const LEAST_SHARED_FLOPS: u64 = 1_000_000;

/// A network's parameters, and the slices of a batch that move them.
///
/// Each thread takes its slice through as much work as it can without the others: all of it, but for the sums of gradients
/// over slices.
pub(super) struct Steps {
    pub network: Network,
    pub optimizer: Optimizer,
    pub rate: f32,
    /// Samples in a mini-batch.
    pub batch: usize,
    pub partition: Partition,
    pub slices: Vec<Slice>,
    pub parameters: Vec<LayerParameters>,
    /// Of each layer; none where a batch has one part.
    pub gradients: Vec<LayerParameters>,
    /// Of the micro-batch at hand.
    pub accumulation: Accumulation,
}

/// What slices do without each other.
#[derive(Default)]
struct Phase {
    /// From where on in what was recorded.
    start: usize,
    /// Layers whose gradients each of them sums up, all of one group.
    summed: Range<usize>,
    group: usize,
}

impl Steps {
    /// Does what was `recorded`, of one micro-batch or several, which take `samples` of `split`.
    pub fn run(&mut self, recorded: &[Work], samples: &[u32], split: &Split) -> Result<()> {
        match self.partition.threads {
            1 => self.run_all(recorded, samples, split),
            threads => together(threads, || self.run_all(recorded, samples, split)),
        }
    }

    fn run_all(&mut self, recorded: &[Work], samples: &[u32], split: &Split) -> Result<()> {
        let mut phase = Phase::default();
        for (index, work) in recorded.iter().enumerate() {
            match *work {
                Work::Begin { accumulation, .. } => {
                    self.end(&mut phase, &recorded[..index], samples, split)?;
                    self.accumulation = accumulation;
                }
                Work::Backward { layer, state, delta, .. } => match self.partition.place(layer) {
                    Some(Place { group, .. }) => {
                        if group != phase.group && !phase.summed.is_empty() {
                            self.end(&mut phase, &recorded[..index], samples, split)?;
                        }
                        let end = if phase.summed.is_empty() { layer + 1 } else { phase.summed.end };
                        (phase.group, phase.summed) = (group, layer..end);
                    }
                    None => {
                        self.end(&mut phase, &recorded[..=index], samples, split)?;
                        self.share_out(layer, state, delta);
                    }
                },
                _ => {}
            }
        }
        self.end(&mut phase, recorded, samples, split)
    }

    /// Ends a phase after what was `recorded` up to here.
    fn end(&mut self, phase: &mut Phase, recorded: &[Work], samples: &[u32], split: &Split) -> Result<()> {
        let Phase { start, summed, .. } = std::mem::take(phase);
        phase.start = recorded.len();
        if start < recorded.len() {
            self.run_slices(&recorded[start..], samples, split)?;
        }
        self.settle(summed);
        Ok(())
    }

    fn run_slices(&mut self, recorded: &[Work], samples: &[u32], split: &Split) -> Result<()> {
        let step = Step {
            network: &self.network,
            parameters: &self.parameters,
            partition: &self.partition,
            split,
            samples,
            batch: self.batch,
        };
        let outcome = Mutex::new(Ok(()));
        each(&mut self.slices, |slice| {
            if let Err(error) = recorded.iter().try_for_each(|&work| slice.run(step, work)) {
                *outcome.lock().unwrap_or_else(PoisonError::into_inner) = Err(error);
            }
        });
        outcome.into_inner().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds up what the slices have summed up for some `layers`, and moves parameters, or keeps gradients that will.
    fn settle(&mut self, layers: Range<usize>) {
        let Steps { slices, partition, accumulation, rate, optimizer: Optimizer::Sgd, .. } = self;
        let (slices, partition, accumulation, rate) = (&*slices, &*partition, *accumulation, *rate);
        let take = |(layer, parameters): (usize, &mut LayerParameters),
                    gradients: Option<&mut LayerParameters>| {
            let Some(place) = partition.place(layer) else { return };
            let weights = parameters.weights.len();
            let of_weights = slices.iter().map(|slice| &slice.partials(place)[..weights]);
            let of_bias = slices.iter().map(|slice| &slice.partials(place)[weights..]);
            match gradients {
                None => {
                    add_up(of_weights, Into::Add(-rate), &mut parameters.weights);
                    add_up(of_bias, Into::Add(-rate), &mut parameters.bias);
                }
                Some(gradients) => {
                    let into = if accumulation.is_first() { Into::Set } else { Into::Add(1.0) };
                    add_up(of_weights, into, &mut gradients.weights);
                    add_up(of_bias, into, &mut gradients.bias);
                    if accumulation.is_last() {
                        descend(rate, gradients, parameters);
                    }
                }
            }
        };
        let share = layers.len().div_ceil(partition.threads).max(1);
        let numbers = (layers.start..).step_by(share);
        let parameters = numbers.zip(self.parameters[layers.clone()].chunks_mut(share));
        match self.gradients.get_mut(layers) {
            Some(gradients) => {
                each(parameters.zip(gradients.chunks_mut(share)), |((first, some), gradients)| {
                    (first..)
                        .zip(some)
                        .zip(gradients)
                        .for_each(|(layer, gradients)| take(layer, Some(gradients)));
                })
            }
            None => each(parameters, |(first, some)| (first..).zip(some).for_each(|layer| take(layer, None))),
        }
    }

    /// As [`Steps::settle`], of a layer whose gradients no slice has summed up: each thread does that for some of its outputs,
    /// over all slices.
    fn share_out(&mut self, layer: usize, state: SlotId, delta: SlotId) {
        let Steps { slices, accumulation, rate, optimizer: Optimizer::Sgd, .. } = self;
        let (slices, accumulation, rate) = (&*slices, *accumulation, *rate);
        let shape = self.network.layer(layer);
        let threads = match shape.forward_flops(self.partition.rows) {
            ..LEAST_SHARED_FLOPS => 1,
            _ => self.partition.threads,
        };
        let share = shape.outputs.div_ceil(threads);
        let parameters = &mut self.parameters[layer];
        let mut gradients = self.gradients.get_mut(layer);
        let LayerParameters { weights, bias } = gradients.as_deref_mut().unwrap_or(parameters);
        let parts = weights.chunks_mut(share * shape.inputs).zip(bias.chunks_mut(share));
        each((0..).step_by(share).zip(parts), |(first, (weights, bias))| {
            let outputs = first..first + bias.len();
            for (index, slice) in slices.iter().enumerate() {
                let into = match accumulation {
                    Accumulation::Whole => Into::Add(-rate),
                    Accumulation::First if index == 0 => Into::Set,
                    _ => Into::Add(1.0),
                };
                let (delta, state) = (slice.value(delta, shape.outputs), slice.value(state, shape.inputs));
                gradient(shape, outputs.clone(), delta, state, into, [weights, bias]);
            }
        });
        if let (Some(gradients), true) = (gradients, accumulation.is_last()) {
            descend(rate, gradients, &mut self.parameters[layer]);
        }
    }
}

/// Moves parameters against their gradients.
fn descend(rate: f32, gradients: &LayerParameters, parameters: &mut LayerParameters) {
    add_up([&gradients.weights[..]].into_iter(), Into::Add(-rate), &mut parameters.weights);
    add_up([&gradients.bias[..]].into_iter(), Into::Add(-rate), &mut parameters.bias);
}
