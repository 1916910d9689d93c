use std::sync::Arc;
use std::time::Instant;

use super::faults::Faults;
use super::layer_state::LayerState;
use super::slice::Slice;
use super::steps::Steps;
use super::target::{Footprint, column_bytes};
use super::update::Update;
use super::work::{MicroBatch, Queued};
use super::zeros::zeros;
use crate::data::{BatchCursor, Pass};
use crate::device::{Accumulation, Device, DeviceInfo, Inspect, Job, Metrics, Piece, Span, Timing, Values};
use crate::execute::{Backend, Work};
use crate::memory::{ByCategory, Category, Ledger, LedgerEntry};
use crate::model::{LayerParameters, Parameters, StepParams};
use crate::plan::{Op, Plan, SlotId};
use crate::{Error, Result};

/// FLOPs and micro-batches that are queued before they run: enough that waking the threads takes little time in comparison.
const RUN_FLOPS: u64 = 400_000_000;
const RUN_BATCHES: u64 = 16;

/// Runs plans on the host's processor.
///
/// Work is queued, and runs once a few micro-batches are complete. The dataset is read from host memory, so it takes no
/// device bytes.
pub struct Cpu {
    steps: Steps,
    /// Work to run, its number of micro-batches, and their samples as rows of the split.
    queue: Vec<Queued>,
    batches: u64,
    samples: Vec<u32>,
    /// Micro-batches that run at once.
    at_once: u64,
    /// Accumulation of the micro-batch being queued.
    accumulation: Accumulation,
    parts: usize,
    /// Step parameters of the pass's mini-batches.
    step_params: Vec<StepParams>,
    /// Micro-batches of the pass begun so far.
    begun: usize,
    cursor: BatchCursor,
    /// Micro-batches of the pass whose loss or score was queued.
    seen: u32,
    /// Start of the first lap, and end of each.
    laps: Vec<Instant>,
    entries: Vec<LedgerEntry>,
}

impl Cpu {
    /// Allocates all buffers of `job`, those outside the pool as planned in `footprint`, and moves the initial values into
    /// their place.
    ///
    /// # Errors
    /// [`Error::DoesNotFit`] if the host has too little memory.
    pub fn new(job: &mut Job, footprint: Footprint, ledger: &Ledger) -> Result<Self> {
        let task = &job.task;
        let Footprint { partition, .. } = footprint;
        let mut entries = Vec::new();
        let mut book = |label: String, bytes: ByCategory| entries.push(ledger.book(&label, bytes));

        for (index, layer) in task.network.layers().enumerate() {
            let bytes = 4 * layer.parameter_count();
            let of_optimizer = bytes * task.rule.moments() as u64;
            let mut book = |what: &str, category, bytes| {
                book(format!("{what}W{index}, b{index}"), ByCategory::of(category, bytes));
            };
            book("", Category::Parameters, bytes);
            if task.keeps_gradients() {
                book("gradients of ", Category::Gradients, bytes);
            }
            if of_optimizer > 0 {
                book("moments of ", Category::Optimizer, of_optimizer);
            }
        }
        if task.keeps_best {
            // Made with the first evaluation, in `Best`.
            let bytes = 4 * task.network.parameter_count();
            book("best parameters".to_owned(), ByCategory::of(Category::Parameters, bytes));
        }
        let layers = LayerState::without_parameters(task, !job.initial.moments.is_empty())?;
        let Plan { blocks, slots, .. } = job.plan;
        for (index, block) in blocks.iter().enumerate() {
            let label = if index == 0 { "state 0".to_owned() } else { format!("block {index}") };
            book(label, block.at_peak);
        }
        let target_words = task.data.train.target_words;
        let target_bytes = 4 * (task.micro_batch * target_words) as u64;
        book("targets".to_owned(), ByCategory::of(Category::Batch, target_bytes));
        book("gradients and activations of slices".to_owned(), partition.bytes());

        let mut columns = 0;
        let mut starts = Vec::new();
        for block in blocks {
            starts.push(columns);
            columns += column(block.bytes, task.micro_batch)?;
        }
        let slots = slots.iter().map(|slot| Ok(starts[slot.block] + column(slot.offset, task.micro_batch)?));
        let slots: Vec<usize> = slots.collect::<Result<_>>()?;
        let slices =
            partition.slices().map(|rows| Slice::new(rows, columns, &slots, target_words, &partition));
        let [weights, bias] = partition.scratch;
        let at_once = (RUN_FLOPS / job.plan.step_flops()).clamp(1, RUN_BATCHES);
        let works = 2 + job.plan.step.len().max(job.plan.evaluation.len());
        let mut cpu = Cpu {
            steps: Steps {
                network: task.network.clone(),
                rule: task.rule,
                smoothing: task.label_smoothing,
                slices: slices.collect::<Result<_>>()?,
                partition,
                layers,
                scratch: LayerParameters {
                    weights: zeros("a layer's gradients", weights)?,
                    bias: zeros("a layer's gradients", bias)?,
                    ..LayerParameters::default()
                },
                accumulation: Accumulation::Whole,
                batch_number: 0,
                place: 0,
                update: Update { rule: task.rule, step_params: StepParams::default(), scale: 1.0 },
                faults: Faults::none(),
            },
            parts: task.parts,
            step_params: Vec::with_capacity(task.steps_in_pass()),
            begun: 0,
            queue: Vec::with_capacity(at_once as usize * works),
            batches: 0,
            samples: Vec::with_capacity(at_once as usize * task.micro_batch),
            at_once,
            accumulation: Accumulation::Whole,
            cursor: BatchCursor::new(Arc::clone(job.data)),
            seen: 0,
            laps: Vec::new(),
            entries,
        };
        LayerState::begin(&mut cpu.steps.layers, job.initial, task.rule.ema.is_some());
        Ok(cpu)
    }

    /// Runs the queue.
    fn flush(&mut self) -> Result<()> {
        let Cpu { steps, queue, samples, cursor, .. } = self;
        let outcome = steps.run(queue, samples, cursor.split());
        self.forget();
        outcome
    }

    fn forget(&mut self) {
        self.queue.clear();
        self.samples.clear();
        self.batches = 0;
    }
}

impl Backend for Cpu {
    fn run(&mut self, work: Work) -> Result<()> {
        if work.op.is_backward() {
            self.accumulation.check(self.parts)?;
        }
        if work.op.has_loss() || work.op == Op::Score {
            self.seen += 1;
        }
        self.queue.push(Queued::of(work, self.steps.layers.len())?);
        Ok(())
    }
}

impl Device for Cpu {
    fn slices(&self) -> Option<usize> {
        Some(self.steps.partition.slices().count())
    }

    fn info(&self) -> DeviceInfo {
        super::info_of(self.steps.partition.available)
    }

    fn begin_pass(&mut self, pass: Pass, skip: usize, step_params: &[StepParams]) -> Result<()> {
        // An earlier step that failed may have left work.
        self.forget();
        self.cursor.begin(pass, skip * self.steps.partition.rows);
        for slice in &mut self.steps.slices {
            slice.begin_pass();
        }
        self.steps.faults = Faults::none();
        self.step_params.clear();
        self.step_params.extend_from_slice(step_params);
        (self.seen, self.begun) = (0, skip);
        Ok(())
    }

    fn begin_batch(&mut self, accumulation: Accumulation) -> Result<()> {
        self.accumulation = accumulation;
        let (rows, samples) = (self.samples.len(), self.cursor.next(self.steps.partition.rows));
        self.samples.extend_from_slice(samples.rows);
        let (new, index) = (samples.valid, self.begun as u32);
        let place = self.begun % self.parts * self.steps.partition.rows;
        let step_params = self.step_params.get(self.begun / self.parts).copied().unwrap_or_default();
        self.queue.push(Queued::Begin(MicroBatch { rows, new, accumulation, index, place, step_params }));
        self.begun += 1;
        Ok(())
    }

    fn end_batch(&mut self) -> Result<()> {
        let went_backward = matches!(self.queue.last(), Some(Queued::Backward { .. }));
        if went_backward && self.accumulation.is_last() && self.steps.rule.clip_norm.is_some() {
            self.queue.push(Queued::Clip);
        }
        self.batches += 1;
        if self.batches < self.at_once { Ok(()) } else { self.flush() }
    }

    fn end_pass(&mut self) -> Result<Metrics> {
        self.flush()?;
        let slices = &self.steps.slices;
        Ok(Metrics {
            batches: self.seen,
            correct: slices.iter().map(|slice| slice.correct).sum(),
            loss: slices.iter().map(|slice| slice.loss).sum::<f64>() as f32,
            fault: self.steps.faults.first(self.steps.layers.len()),
        })
    }

    fn read(&mut self, values: Values, take: &mut dyn FnMut(Piece) -> Result<()>) -> Result<()> {
        self.flush()?;
        for (index, layer) in self.steps.layers.iter().enumerate() {
            let held = match values {
                Values::Parameters => &layer.parameters,
                Values::Moment(moment) => &layer.moments[moment],
            };
            for (tensor, values) in held.tensors().into_iter().enumerate() {
                take(Piece { layer: index, tensor, start: 0, values })?;
            }
        }
        Ok(())
    }

    fn into_parameters(mut self: Box<Self>) -> Result<Parameters> {
        self.flush()?;
        let layers = self.steps.layers.into_iter().map(|layer| layer.parameters);
        Ok(Parameters { layers: layers.collect() })
    }

    fn swap_average(&mut self) -> Result<()> {
        self.flush()?;
        if self.steps.rule.ema.is_some() {
            for LayerState { parameters, moments, .. } in &mut self.steps.layers {
                moments.last_mut().into_iter().for_each(|average| std::mem::swap(average, parameters));
            }
        }
        Ok(())
    }

    fn timing(&mut self) -> Option<&mut dyn Timing> {
        Some(self)
    }
}

impl Inspect for Cpu {
    fn read_slot(&mut self, slot: SlotId, elements: usize) -> Result<Vec<f32>> {
        self.flush()?;
        let width = elements / self.steps.partition.rows;
        Ok(self.steps.slices.iter().flat_map(|slice| slice.value(slot, width)).copied().collect())
    }

    fn objects_made(&self) -> u64 {
        self.entries.len() as u64
    }
}

impl Timing for Cpu {
    fn start_laps(&mut self) -> Result<()> {
        self.laps.clear();
        self.lap()
    }

    fn lap(&mut self) -> Result<()> {
        self.flush()?;
        self.laps.push(Instant::now());
        Ok(())
    }

    fn finish_laps(&mut self) -> Result<Vec<Span>> {
        let since = |instant: Instant| instant.duration_since(self.laps[0]).as_nanos() as u64;
        let laps = self.laps.windows(2);
        Ok(laps.map(|lap| Span { start: since(lap[0]), end: since(lap[1]) }).collect())
    }
}

/// Number of columns of `rows` elements in `bytes`.
fn column(bytes: u64, rows: usize) -> Result<usize> {
    if bytes.is_multiple_of(column_bytes(rows)) {
        Ok((bytes / column_bytes(rows)) as usize)
    } else {
        Err(Error::internal(format!(
            "found an offset of {bytes} bytes in the pool, expected a multiple of {}",
            column_bytes(rows)
        )))
    }
}
