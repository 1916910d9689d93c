use std::ops::Range;
use std::sync::Arc;
use std::time::Instant;

use super::accumulate::accumulate;
use super::delta::delta;
use super::forward::forward;
use super::loss::loss;
use super::score::score;
use super::update::update;
use crate::data::{BatchCursor, Pass};
use crate::device::{Accumulation, Device, DeviceInfo, Job, Metrics, Span, Task};
use crate::execute::Backend;
use crate::memory::{ByCategory, Category, Ledger, LedgerEntry};
use crate::model::{LayerParameters, Network, Optimizer, Parameters};
use crate::plan::{Layers, Plan, Slot, SlotId};
use crate::{Error, Result};

/// Runs plans on the host's processor.
///
/// The dataset is read where it lies in host memory, so it takes no bytes here.
pub struct Cpu {
    network: Network,
    optimizer: Optimizer,
    rate: f32,
    parameters: Vec<Booked<LayerParameters>>,
    /// Of each layer's weights and bias; none where a batch has one part.
    gradients: Vec<[Booked<Vec<f32>>; 2]>,
    accumulation: Accumulation,
    /// All blocks of the plan, one after the other.
    pool: Vec<f32>,
    /// Where in it each slot is.
    slots: Vec<Range<usize>>,
    _pool_entries: Vec<LedgerEntry>,
    labels: Booked<Vec<u32>>,
    cursor: BatchCursor,
    /// Samples in a mini-batch.
    batch: usize,
    /// Samples that count in the micro-batch at hand.
    samples: usize,
    metrics: Metrics,
    buffers_made: u64,
    /// When the laps began, and when each was over.
    laps: Vec<Instant>,
}

/// A buffer that the ledger knows of.
struct Booked<T> {
    values: T,
    _entry: LedgerEntry,
}

impl Cpu {
    /// Bytes of everything beside the plan's pool, before any of it is allocated.
    pub fn bytes_beside_pool(task: &Task) -> ByCategory {
        let parameters = 4 * task.network.parameter_count();
        let gradients = if task.parts > 1 { parameters } else { 0 };
        ByCategory::from_iter([
            (Category::Parameters, parameters),
            (Category::Gradients, gradients),
            (Category::Batch, 4 * task.micro_batch as u64 * (task.network.features() as u64 + 1)),
        ])
    }

    /// Allocates everything that training needs.
    ///
    /// # Errors
    /// [`Error::DoesNotFit`] where the host has no room for it.
    pub fn new(job: &Job, ledger: &Ledger) -> Result<Self> {
        let task = &job.task;
        let parameters: Vec<_> = job
            .parameters
            .layers
            .iter()
            .enumerate()
            .map(|(index, layer)| {
                let bytes = 4 * (layer.weights.len() + layer.bias.len()) as u64;
                let label = format!("W{index}, b{index}");
                let _entry = ledger.book(&label, ByCategory::of(Category::Parameters, bytes));
                Booked { values: layer.clone(), _entry }
            })
            .collect();
        let mut gradients = Vec::new();
        if task.parts > 1 {
            for (index, layer) in task.network.layers().enumerate() {
                let tensor = |name, elements| {
                    booked(ledger, &format!("gradient of {name}{index}"), Category::Gradients, elements)
                };
                gradients.push([tensor("W", layer.inputs * layer.outputs)?, tensor("b", layer.outputs)?]);
            }
        }
        let Plan { blocks, slots, .. } = job.plan;
        let starts: Vec<u64> =
            blocks.iter().scan(0, |end, block| Some(std::mem::replace(end, *end + block.bytes))).collect();
        let range = |slot: &Slot| {
            let start = (starts[slot.block] + slot.offset) as usize / 4;
            start..start + slot.bytes as usize / 4
        };
        let pool_bytes: u64 = blocks.iter().map(|block| block.bytes).sum();
        Ok(Cpu {
            network: task.network.clone(),
            optimizer: task.optimizer,
            rate: task.rate,
            buffers_made: (parameters.len() + 2 * gradients.len() + blocks.len()) as u64 + 1,
            parameters,
            gradients,
            accumulation: Accumulation::Whole,
            pool: zeros("the pool", pool_bytes as usize / 4)?,
            slots: slots.iter().map(range).collect(),
            _pool_entries: blocks
                .iter()
                .enumerate()
                .map(|(index, block)| ledger.book(&block_label(index), block.at_peak))
                .collect(),
            labels: booked(ledger, "labels", Category::Batch, task.micro_batch)?,
            cursor: BatchCursor::new(Arc::clone(job.data)),
            batch: task.batch(),
            samples: task.micro_batch,
            metrics: Metrics::default(),
            laps: Vec::new(),
        })
    }

    fn micro_batch(&self) -> usize {
        self.labels.values.len()
    }
}

impl Backend for Cpu {
    fn forward(&mut self, layers: Layers, input: SlotId, output: SlotId) -> Result<()> {
        let layer = single(layers)?;
        let (shape, batch) = (self.network.layer(layer), self.micro_batch());
        let operands = [(input, batch * shape.inputs), (output, batch * shape.outputs)];
        let [state, output] = values(&mut self.pool, &self.slots, operands)?;
        forward(batch, shape, state, &self.parameters[layer].values, output);
        Ok(())
    }

    fn loss(&mut self, output: SlotId, delta: SlotId) -> Result<()> {
        let last = self.network.layer(self.parameters.len() - 1);
        let elements = self.micro_batch() * last.outputs;
        let [output, delta] = values(&mut self.pool, &self.slots, [(output, elements), (delta, elements)])?;
        let batch = self.batch as f32;
        self.metrics.loss +=
            loss(self.network.loss(), last.activation, output, &self.labels.values, batch, delta);
        self.metrics.batches += 1;
        Ok(())
    }

    fn backward(
        &mut self,
        layers: Layers,
        state: SlotId,
        upstream: SlotId,
        below: Option<SlotId>,
    ) -> Result<()> {
        let layer = single(layers)?;
        let (shape, batch) = (self.network.layer(layer), self.micro_batch());
        let (state, upstream) = ((state, batch * shape.inputs), (upstream, batch * shape.outputs));
        let parameters = &mut self.parameters[layer].values;
        // The delta below is made from the weights before the update overwrites them.
        if let Some(below) = below {
            let below = (below, batch * shape.inputs);
            let [state, upstream, below] = values(&mut self.pool, &self.slots, [state, upstream, below])?;
            let activation = self.network.layer(layer - 1).activation;
            delta(batch, shape, activation, upstream, &parameters.weights, state, below);
        }
        let [state, upstream] = values(&mut self.pool, &self.slots, [state, upstream])?;
        match (self.optimizer, self.accumulation, self.gradients.get_mut(layer)) {
            (Optimizer::Sgd, Accumulation::Whole, _) => update(shape, self.rate, upstream, state, parameters),
            (Optimizer::Sgd, part, Some([weights, bias])) => {
                let gradients = [&mut weights.values[..], &mut bias.values];
                accumulate(shape, part, self.rate, upstream, state, gradients, parameters);
            }
            (_, part, None) => {
                let problem = format!("{part:?} part of a batch, on a device for whole batches");
                return Err(Error::InvalidPlan { index: 0, problem });
            }
        }
        Ok(())
    }

    fn score(&mut self, output: SlotId) -> Result<()> {
        let classes = self.network.classes();
        let elements = self.micro_batch() * classes;
        let [output] = values(&mut self.pool, &self.slots, [(output, elements)])?;
        self.metrics.correct += score(classes, output, &self.labels.values[..self.samples]);
        self.metrics.batches += 1;
        Ok(())
    }
}

impl Device for Cpu {
    fn info(&self) -> DeviceInfo {
        super::info()
    }

    fn begin_pass(&mut self, pass: Pass) -> Result<()> {
        self.cursor.begin(pass);
        self.metrics = Metrics::default();
        Ok(())
    }

    fn begin_batch(&mut self, accumulation: Accumulation) -> Result<()> {
        self.accumulation = accumulation;
        self.samples = self.cursor.next(&mut self.pool[self.slots[0].clone()], &mut self.labels.values);
        Ok(())
    }

    fn end_batch(&mut self) -> Result<()> {
        Ok(())
    }

    fn end_pass(&mut self) -> Result<Metrics> {
        Ok(self.metrics)
    }

    fn parameters(&mut self) -> Result<Parameters> {
        Ok(Parameters { layers: self.parameters.iter().map(|layer| layer.values.clone()).collect() })
    }

    fn read_slot(&mut self, slot: SlotId, elements: usize) -> Result<Vec<f32>> {
        Ok(self.pool[self.slots[slot].clone()][..elements].to_vec())
    }

    fn start_laps(&mut self) -> Result<bool> {
        self.laps.clear();
        self.lap()?;
        Ok(true)
    }

    fn lap(&mut self) -> Result<()> {
        self.laps.push(Instant::now());
        Ok(())
    }

    fn finish_laps(&mut self) -> Result<Vec<Span>> {
        let since = |instant: Instant| instant.duration_since(self.laps[0]).as_nanos() as u64;
        let laps = self.laps.windows(2);
        Ok(laps.map(|lap| Span { start: since(lap[0]), end: since(lap[1]) }).collect())
    }

    fn objects_made(&self) -> u64 {
        self.buffers_made
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

/// The first `lengths` numbers of each of `ids`.
fn values<'a, const N: usize>(
    pool: &'a mut [f32],
    slots: &[Range<usize>],
    ids: [(SlotId, usize); N],
) -> Result<[&'a mut [f32]; N]> {
    let ranges = ids.map(|(id, length)| slots[id].start..slots[id].start + length);
    pool.get_disjoint_mut(ranges).map_err(|error| Error::InvalidPlan {
        index: 0,
        problem: format!("slots {ids:?} cannot be used together: {error}"),
    })
}

fn block_label(index: usize) -> String {
    if index == 0 { "state 0".to_owned() } else { format!("block {index}") }
}

fn booked<T: Copy + Default>(
    ledger: &Ledger,
    label: &str,
    category: Category,
    count: usize,
) -> Result<Booked<Vec<T>>> {
    let values = zeros(label, count)?;
    let bytes = (count * size_of::<T>()) as u64;
    Ok(Booked { values, _entry: ledger.book(label, ByCategory::of(category, bytes)) })
}

fn zeros<T: Copy + Default>(what: &str, count: usize) -> Result<Vec<T>> {
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
