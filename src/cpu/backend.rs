use std::ops::Range;
use std::sync::Arc;
use std::time::Instant;

use rayon::prelude::*;

use super::gradient::gradient;
use super::partition::Partition;
use super::product::Into;
use super::slice::{Slice, Step, zeros};
use super::update::{accumulate, update};
use super::work::Work;
use crate::data::{BatchCursor, Pass};
use crate::device::{Accumulation, Device, DeviceInfo, Job, Metrics, Span, Task};
use crate::execute::Backend;
use crate::memory::{ByCategory, Category, Ledger, LedgerEntry};
use crate::model::{LayerParameters, Network, Optimizer, Parameters};
use crate::plan::{Layers, Plan, PoolLimits, SlotId};
use crate::{Error, Result};

/// Fewer FLOPs of a layer's gradients are not shared out among threads.
const LEAST_SHARED_FLOPS: u64 = 1_000_000;

/// Runs plans on the host's processor.
///
/// What the executor asks for is recorded, and run at the end of the micro-batch: each thread takes its slice of the batch
/// through as many actions as it can without the others, which is all of them but for the sums of gradients over slices.
///
/// The dataset is read where it lies in host memory, so it takes no bytes here.
pub struct Cpu {
    network: Network,
    optimizer: Optimizer,
    rate: f32,
    partition: Partition,
    slices: Vec<Slice>,
    parameters: Vec<LayerParameters>,
    /// Of each layer; none where a batch has one part.
    gradients: Vec<LayerParameters>,
    accumulation: Accumulation,
    recorded: Vec<Work>,
    cursor: BatchCursor,
    /// Samples in a micro-batch and in a mini-batch.
    batches: [usize; 2],
    /// Samples that count in the micro-batch at hand.
    samples: usize,
    metrics: Metrics,
    /// When the laps began, and when each was over.
    laps: Vec<Instant>,
    entries: Vec<LedgerEntry>,
}

impl Cpu {
    /// Bytes of everything beside the plan's pool, before any of it is allocated.
    pub fn bytes_beside_pool(task: &Task) -> ByCategory {
        let parameters = 4 * task.network.parameter_count();
        let gradients = if task.parts > 1 { parameters } else { 0 };
        let tensors = [
            (Category::Parameters, parameters),
            (Category::Gradients, gradients),
            (Category::Batch, 4 * task.micro_batch as u64 * (task.network.features() as u64 + 1)),
        ];
        tensors.into_iter().chain(Partition::of(task).bytes().iter()).collect()
    }

    /// What the pool of a micro-batch of `rows` samples may be: slices take their rows of whole columns.
    pub fn pool_limits(rows: usize) -> PoolLimits {
        PoolLimits { alignment: column_bytes(rows), ..PoolLimits::default() }
    }

    /// Allocates everything that training needs.
    ///
    /// # Errors
    /// [`Error::DoesNotFit`] where the host has no room for it.
    pub fn new(job: &Job, ledger: &Ledger) -> Result<Self> {
        let task = &job.task;
        let partition = Partition::of(task);
        let mut entries = Vec::new();
        let mut book = |label: String, bytes: ByCategory| entries.push(ledger.book(&label, bytes));

        let mut gradients = Vec::new();
        for (index, layer) in task.network.layers().enumerate() {
            let bytes = 4 * layer.parameter_count();
            book(format!("W{index}, b{index}"), ByCategory::of(Category::Parameters, bytes));
            if task.parts > 1 {
                let label = format!("gradients of W{index}, b{index}");
                let [weights, bias] = [layer.inputs * layer.outputs, layer.outputs];
                gradients
                    .push(LayerParameters { weights: zeros(&label, weights)?, bias: zeros(&label, bias)? });
                book(label, ByCategory::of(Category::Gradients, bytes));
            }
        }
        let Plan { blocks, slots, .. } = job.plan;
        for (index, block) in blocks.iter().enumerate() {
            let label = if index == 0 { "state 0".to_owned() } else { format!("block {index}") };
            book(label, block.at_peak);
        }
        book("labels".to_owned(), ByCategory::of(Category::Batch, 4 * task.micro_batch as u64));
        if partition.partials > 0 {
            book("gradients of slices".to_owned(), partition.bytes());
        }

        let mut columns = 0;
        let mut starts = Vec::new();
        for block in blocks {
            starts.push(columns);
            columns += column(block.bytes, task.micro_batch)?;
        }
        let slots = slots.iter().map(|slot| Ok(starts[slot.block] + column(slot.offset, task.micro_batch)?));
        let slots: Vec<usize> = slots.collect::<Result<_>>()?;
        let slices = partition.rows().map(|rows| Slice::new(rows, columns, &slots, partition.partials));
        Ok(Cpu {
            network: task.network.clone(),
            optimizer: task.optimizer,
            rate: task.rate,
            slices: slices.collect::<Result<_>>()?,
            partition,
            parameters: job.parameters.layers.clone(),
            gradients,
            accumulation: Accumulation::Whole,
            recorded: Vec::with_capacity(1 + job.plan.step.len().max(job.plan.evaluation.len())),
            cursor: BatchCursor::new(Arc::clone(job.data)),
            batches: [task.micro_batch, task.batch()],
            samples: task.micro_batch,
            metrics: Metrics::default(),
            laps: Vec::new(),
            entries,
        })
    }

    fn record(&mut self, work: Work) -> Result<()> {
        self.recorded.push(work);
        Ok(())
    }

    /// Runs what was recorded.
    fn run(&mut self) -> Result<()> {
        let mut recorded = std::mem::take(&mut self.recorded);
        let outcome = match self.partition.threads {
            1 => self.run_all(&recorded),
            // All of it from inside the pool of threads, so that these are woken once.
            _ => rayon::scope(|_| self.run_all(&recorded)),
        };
        recorded.clear();
        self.recorded = recorded;
        outcome
    }

    fn run_all(&mut self, recorded: &[Work]) -> Result<()> {
        // What was recorded from here on is still to be run.
        let mut start = 0;
        // Layers of which the slices hold sums, all of one group.
        let (mut group, mut summed) = (0, 0..0);
        for (index, work) in recorded.iter().enumerate() {
            let Work::Backward { layer, state, delta, .. } = *work else { continue };
            match self.partition.place(layer) {
                Some(place) => {
                    if place.group != group {
                        self.run_slices(&recorded[std::mem::replace(&mut start, index)..index])?;
                        self.add_up(std::mem::replace(&mut summed, 0..0));
                        group = place.group;
                    }
                    summed = layer..if summed.is_empty() { layer + 1 } else { summed.end };
                }
                None => {
                    self.run_slices(&recorded[std::mem::replace(&mut start, index + 1)..=index])?;
                    self.share_out(layer, state, delta);
                }
            }
        }
        self.run_slices(&recorded[start..])?;
        self.add_up(summed);
        Ok(())
    }

    fn run_slices(&mut self, recorded: &[Work]) -> Result<()> {
        let step = Step {
            network: &self.network,
            parameters: &self.parameters,
            partition: &self.partition,
            split: self.cursor.split(),
            batch: self.batches[1],
            samples: self.samples,
        };
        let run = |slice: &mut Slice| recorded.iter().try_for_each(|&work| slice.run(step, work));
        match &mut self.slices[..] {
            [only] => run(only),
            slices => slices.par_iter_mut().try_for_each(run),
        }
    }

    /// Adds up what the slices have summed up for some `layers`, and moves parameters, or keeps gradients that will.
    fn add_up(&mut self, layers: Range<usize>) {
        let Cpu { slices, partition, accumulation, rate, optimizer: Optimizer::Sgd, .. } = self;
        let (slices, partition, accumulation, rate) = (&*slices, &*partition, *accumulation, *rate);
        let take = |(layer, parameters): (usize, &mut LayerParameters),
                    gradients: Option<&mut LayerParameters>| {
            let Some(place) = partition.place(layer) else { return };
            let weights = parameters.weights.len();
            let of_weights = slices.iter().map(|slice| &slice.partials(place)[..weights]);
            let of_bias = slices.iter().map(|slice| &slice.partials(place)[weights..]);
            match gradients {
                None => {
                    update(rate, of_weights, &mut parameters.weights);
                    update(rate, of_bias, &mut parameters.bias);
                }
                Some(gradients) => {
                    accumulate(!accumulation.is_first(), of_weights, &mut gradients.weights);
                    accumulate(!accumulation.is_first(), of_bias, &mut gradients.bias);
                    if accumulation.is_last() {
                        descend(rate, gradients, parameters);
                    }
                }
            }
        };
        let each = layers.len().div_ceil(partition.threads).max(1);
        let parameters = self.parameters[layers.clone()].par_iter_mut().with_min_len(each);
        let parameters = parameters.enumerate().map(|(index, parameters)| (layers.start + index, parameters));
        match self.gradients.get_mut(layers.clone()) {
            Some(gradients) => {
                parameters.zip(gradients).for_each(|(layer, gradients)| take(layer, Some(gradients)))
            }
            None => parameters.for_each(|layer| take(layer, None)),
        }
    }

    /// As [`Cpu::add_up`], of a layer whose gradients no slice has summed up: each thread does that for some of its outputs,
    /// over all slices.
    fn share_out(&mut self, layer: usize, state: SlotId, delta: SlotId) {
        let Cpu { slices, accumulation, rate, optimizer: Optimizer::Sgd, .. } = self;
        let (slices, accumulation, rate) = (&*slices, *accumulation, *rate);
        let shape = self.network.layer(layer);
        let threads = match shape.forward_flops(self.batches[0]) {
            ..LEAST_SHARED_FLOPS => 1,
            _ => self.partition.threads,
        };
        let each = shape.outputs.div_ceil(threads);
        let parameters = &mut self.parameters[layer];
        let mut gradients = self.gradients.get_mut(layer);
        let LayerParameters { weights, bias } = gradients.as_deref_mut().unwrap_or(parameters);
        let parts = weights.par_chunks_mut(each * shape.inputs).zip(bias.par_chunks_mut(each));
        parts.enumerate().for_each(|(part, (weights, bias))| {
            let outputs = part * each..part * each + bias.len();
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
    update(rate, [&gradients.weights[..]].into_iter(), &mut parameters.weights);
    update(rate, [&gradients.bias[..]].into_iter(), &mut parameters.bias);
}

impl Backend for Cpu {
    fn forward(&mut self, layers: Layers, input: SlotId, output: SlotId) -> Result<()> {
        self.record(Work::Forward { layer: single(layers)?, input, output })
    }

    fn loss(&mut self, output: SlotId, delta: SlotId) -> Result<()> {
        self.metrics.batches += 1;
        self.record(Work::Loss { output, delta })
    }

    fn backward(
        &mut self,
        layers: Layers,
        state: SlotId,
        delta: SlotId,
        below: Option<SlotId>,
    ) -> Result<()> {
        if (self.accumulation == Accumulation::Whole) != self.gradients.is_empty() {
            let problem = format!("{:?} part of a batch, on a device for others", self.accumulation);
            return Err(Error::InvalidPlan { index: 0, problem });
        }
        self.record(Work::Backward { layer: single(layers)?, state, delta, below })
    }

    fn score(&mut self, output: SlotId) -> Result<()> {
        self.metrics.batches += 1;
        self.record(Work::Score { output })
    }
}

impl Device for Cpu {
    fn info(&self) -> DeviceInfo {
        super::info()
    }

    fn begin_pass(&mut self, pass: Pass) -> Result<()> {
        // What an earlier step that failed has left.
        self.recorded.clear();
        self.cursor.begin(pass);
        self.metrics = Metrics::default();
        Ok(())
    }

    fn begin_batch(&mut self, accumulation: Accumulation) -> Result<()> {
        self.accumulation = accumulation;
        let batch = self.cursor.next(self.batches[0]);
        self.slices.iter_mut().for_each(|slice| slice.begin(batch.rows));
        self.samples = batch.new;
        self.record(Work::Gather)
    }

    fn end_batch(&mut self) -> Result<()> {
        self.run()?;
        for slice in &self.slices {
            self.metrics.loss += slice.loss;
            self.metrics.correct += slice.correct;
        }
        Ok(())
    }

    fn end_pass(&mut self) -> Result<Metrics> {
        Ok(self.metrics)
    }

    fn parameters(&mut self) -> Result<Parameters> {
        self.run()?;
        Ok(Parameters { layers: self.parameters.clone() })
    }

    fn read_slot(&mut self, slot: SlotId, elements: usize) -> Result<Vec<f32>> {
        self.run()?;
        let width = elements / self.batches[0];
        Ok(self.slices.iter().flat_map(|slice| slice.value(slot, width)).copied().collect())
    }

    fn start_laps(&mut self) -> Result<bool> {
        self.laps.clear();
        self.lap()?;
        Ok(true)
    }

    fn lap(&mut self) -> Result<()> {
        self.run()?;
        self.laps.push(Instant::now());
        Ok(())
    }

    fn finish_laps(&mut self) -> Result<Vec<Span>> {
        let since = |instant: Instant| instant.duration_since(self.laps[0]).as_nanos() as u64;
        let laps = self.laps.windows(2);
        Ok(laps.map(|lap| Span { start: since(lap[0]), end: since(lap[1]) }).collect())
    }

    fn objects_made(&self) -> u64 {
        self.entries.len() as u64
    }
}

/// Plans for this device have one layer an action.
fn single(layers: Layers) -> Result<usize> {
    match layers.count() {
        1 => Ok(layers.first),
        _ => Err(Error::InvalidPlan {
            index: 0,
            problem: format!("{layers} at once, on a device that runs one"),
        }),
    }
}

/// Bytes of a column of `rows` numbers.
fn column_bytes(rows: usize) -> u64 {
    4 * rows as u64
}

/// How many columns of `rows` numbers are in `bytes`.
fn column(bytes: u64, rows: usize) -> Result<usize> {
    match bytes % column_bytes(rows) {
        0 => Ok((bytes / column_bytes(rows)) as usize),
        _ => Err(Error::InvalidPlan {
            index: 0,
            problem: format!(
                "found a place of {bytes} bytes, expected whole columns of {} bytes",
                column_bytes(rows)
            ),
        }),
    }
}
