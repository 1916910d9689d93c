use std::sync::Arc;

use super::accumulate::accumulate;
use super::delta::delta;
use super::forward::forward;
use super::loss::loss;
use super::score::score;
use super::update::update;
use crate::data::{BatchCursor, Pass};
use crate::device::{Accumulation, Device, DeviceInfo, Job, Metrics};
use crate::execute::Backend;
use crate::memory::{ByCategory, Category, Ledger, LedgerEntry};
use crate::model::{LayerParameters, Network, Optimizer, Parameters};
use crate::plan::SlotId;
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
    slots: Vec<Booked<Vec<f32>>>,
    labels: Booked<Vec<u32>>,
    cursor: BatchCursor,
    /// Samples in a mini-batch.
    batch: usize,
    /// Samples that count in the micro-batch at hand.
    samples: usize,
    metrics: Metrics,
    buffers_made: u64,
}

/// A buffer that the ledger knows of.
struct Booked<T> {
    values: T,
    _entry: LedgerEntry,
}

impl Cpu {
    /// Bytes of everything outside the plan's pool, before any of it is allocated.
    pub fn planned_bytes(job: &Job) -> ByCategory {
        let parameters = 4 * job.network.parameter_count();
        let gradients = if job.parts > 1 { parameters } else { 0 };
        ByCategory::from_iter([
            (Category::Parameters, parameters),
            (Category::Gradients, gradients),
            (Category::Batch, 4 * job.micro_batch as u64 * (job.network.features() as u64 + 1)),
        ])
    }

    /// Allocates everything that training needs.
    ///
    /// # Errors
    /// [`Error::DoesNotFit`] where the host has no room for it.
    pub fn new(job: &Job, ledger: &Ledger) -> Result<Self> {
        let parameters: Vec<_> = job
            .parameters
            .layers
            .iter()
            .map(|layer| {
                let bytes = 4 * (layer.weights.len() + layer.bias.len()) as u64;
                Booked { values: layer.clone(), _entry: ledger.book(Category::Parameters, bytes) }
            })
            .collect();
        let mut gradients = Vec::new();
        if job.parts > 1 {
            for layer in job.network.layers() {
                let tensor = |elements| zeros(ledger, Category::Gradients, elements);
                gradients.push([tensor(layer.inputs * layer.outputs)?, tensor(layer.outputs)?]);
            }
        }
        let slots: Vec<_> = job
            .plan
            .slots
            .iter()
            .map(|slot| zeros(ledger, slot.category, slot.bytes as usize / 4))
            .collect::<Result<_>>()?;
        Ok(Cpu {
            network: job.network.clone(),
            optimizer: job.optimizer,
            rate: job.rate,
            buffers_made: (parameters.len() + 2 * gradients.len() + slots.len()) as u64 + 1,
            parameters,
            gradients,
            accumulation: Accumulation::Whole,
            slots,
            labels: zeros(ledger, Category::Batch, job.micro_batch)?,
            cursor: BatchCursor::new(Arc::clone(job.data)),
            batch: job.batch(),
            samples: job.micro_batch,
            metrics: Metrics::default(),
        })
    }

    fn micro_batch(&self) -> usize {
        self.labels.values.len()
    }
}

impl Backend for Cpu {
    fn forward(&mut self, layer: usize, input: SlotId, output: SlotId) -> Result<()> {
        let (shape, batch) = (self.network.layer(layer), self.micro_batch());
        let [input, output] = slots(&mut self.slots, [input, output])?;
        let state = &input.values[..batch * shape.inputs];
        forward(
            batch,
            shape,
            state,
            &self.parameters[layer].values,
            &mut output.values[..batch * shape.outputs],
        );
        Ok(())
    }

    fn loss(&mut self, output: SlotId, delta: SlotId) -> Result<()> {
        let last = self.network.layer(self.parameters.len() - 1);
        let elements = self.micro_batch() * last.outputs;
        let [output, delta] = slots(&mut self.slots, [output, delta])?;
        self.metrics.loss += loss(
            self.network.loss(),
            last.activation,
            &output.values[..elements],
            &self.labels.values,
            self.batch as f32,
            &mut delta.values[..elements],
        );
        self.metrics.batches += 1;
        Ok(())
    }

    fn backward(
        &mut self,
        layer: usize,
        state: SlotId,
        delta_slot: SlotId,
        below: Option<SlotId>,
    ) -> Result<()> {
        let (shape, batch) = (self.network.layer(layer), self.micro_batch());
        let (state_elements, delta_elements) = (batch * shape.inputs, batch * shape.outputs);
        let parameters = &mut self.parameters[layer].values;
        // The delta below is made from the weights before the update overwrites them.
        if let Some(below) = below {
            let [state, upstream, below] = slots(&mut self.slots, [state, delta_slot, below])?;
            delta(
                batch,
                shape,
                self.network.layer(layer - 1).activation,
                &upstream.values[..delta_elements],
                &parameters.weights,
                &state.values[..state_elements],
                &mut below.values[..state_elements],
            );
        }
        let [state, upstream] = slots(&mut self.slots, [state, delta_slot])?;
        let upstream = &upstream.values[..delta_elements];
        let state = &state.values[..state_elements];
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
        let output = &self.slots[output].values[..self.micro_batch() * classes];
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
        self.samples = self.cursor.next(&mut self.slots[0].values, &mut self.labels.values);
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
        Ok(self.slots[slot].values[..elements].to_vec())
    }

    fn objects_made(&self) -> u64 {
        self.buffers_made
    }
}

fn slots<const N: usize>(
    slots: &mut [Booked<Vec<f32>>],
    ids: [SlotId; N],
) -> Result<[&mut Booked<Vec<f32>>; N]> {
    slots.get_disjoint_mut(ids).map_err(|error| Error::InvalidPlan {
        index: 0,
        problem: format!("slots {ids:?} cannot be used together: {error}"),
    })
}

fn zeros<T: Copy + Default>(ledger: &Ledger, category: Category, count: usize) -> Result<Booked<Vec<T>>> {
    let bytes = (count * size_of::<T>()) as u64;
    let mut values = Vec::new();
    values.try_reserve_exact(count).map_err(|_| {
        Error::DoesNotFit(format!(
            "{} need {bytes} more bytes than the host has; \
             use a smaller --batch or --micro-batch, or narrower --layers",
            category.name()
        ))
    })?;
    values.resize(count, T::default());
    Ok(Booked { values, _entry: ledger.book(category, bytes) })
}
