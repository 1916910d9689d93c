mod pace;
mod position;
mod recordable;
mod recorder;

use position::Position;
use recordable::{Recordable, Recordables};
use recorder::Recorder;
use wgpu::CommandEncoder;

use crate::data::Pass;
use crate::device::{
    Accumulation, Device, DeviceInfo, DriverMemory, Fault, Inspect, Job, Metrics, Piece, Span, Timing,
    Values, read_all,
};
use crate::execute::{Backend, Work};
use crate::gpu::device::{Buffer, OpenDevice, Readback, Stopwatch, Uploads};
use crate::gpu::kernels::SplitConstants;
use crate::gpu::memory::{
    Chains, Footprint, Fusion, METRICS_BYTES, OptimizerState, Placement, Pool, Setup, Slots, Table, Tensors,
};
use crate::gpu::pipelines::{Context, Dispatch};
use crate::gpu::run::bind::flops;
use crate::gpu::run::binder::Binder;
use crate::gpu::run::source::{Batch, Resident, Source, Streamed};
use crate::memory::Category;
use crate::model::{Network, Parameters, StepParams};
use crate::plan::{Slot, SlotId};
use crate::{Error, Result};

/// Runs plans on a GPU or a software driver.
///
/// Micro-batches are recorded into compute passes; several small ones share a pass and a submission. All
/// buffers and bind groups are created in advance.
pub struct Gpu {
    device: OpenDevice,
    uploads: Uploads,
    source: Source,
    readback: Readback,
    batch: Batch,
    pool: Pool,
    slots: Vec<Slot>,
    network: Network,
    fusion: Option<Fusion>,
    parameters: Tensors,
    metrics: Buffer,
    work: Recordables,
    recorder: Recorder,
    is_timing: bool,
    /// `true` after the first step.
    has_run: bool,
    position: Position,
    /// Dispatches of the current mini-batch so far, and of the last.
    dispatches: u64,
    last_dispatches: u64,
    sample_losses: Buffer,
    /// Sums the losses of a pass at its end.
    tally: Dispatch,
    /// Samples of the training and of the test split.
    samples: [usize; 2],
    /// Gradient clipping and parameter update, after the last backward pass of a mini-batch.
    clip: Vec<Dispatch>,
    /// Exchange of parameters and their moving average; none without one.
    swap: Vec<Dispatch>,
    kept: Option<OptimizerState>,
    stopwatch: Option<Stopwatch>,
    /// Bound by the dispatches. Owned here so that the ledger counts them while they exist.
    _bound: Vec<Buffer>,
    _chains: Option<Chains>,
}

impl Gpu {
    /// Allocates, uploads and binds everything that training needs.
    ///
    /// # Errors
    /// [`crate::Error::DoesNotFit`] if device memory is exhausted, or if a buffer is larger than a binding.
    pub fn new(context: Context, job: &Job, footprint: Footprint) -> Result<Self> {
        let task = &job.task;
        let context = if task.tuned { context.tuned(task)? } else { context };
        let readback = Readback::new(&context.device, footprint.readback)?;
        let binding_bytes = context.limits().binding_bytes;
        let fusion = footprint.fusion.clone();
        let split = footprint.gathers_in_layer_0().then(|| SplitConstants::of(task.data.train));
        let placement = Placement::of(
            job.plan,
            footprint.inputs,
            footprint.is_first_layer_thin(),
            context.limits().buffer_bytes,
        );
        let table = fusion.as_ref().map(|fusion| Table::of(job.plan, task.network, fusion, placement));
        let mut setup = Setup::new(context, footprint.upload, footprint.sizes)?;
        let chains = match (&fusion, &table) {
            (Some(fusion), Some(table)) => Some(Chains::new(&mut setup, fusion.clone(), table)?),
            _ => None,
        };

        let pool = Pool::new(&setup.context.device, job.plan, footprint.inputs, placement)?;
        let batch = Batch {
            samples: task.micro_batch,
            inputs: pool.batch().map(|buffer| buffer.raw.clone()),
            targets: setup.buffer(Category::Batch, "targets", footprint.targets)?,
        };
        let metrics = setup.buffer(Category::Workspace, "metrics", METRICS_BYTES)?;
        let source = match &footprint.dataset {
            Some(bytes) => Source::Device(Box::new(Resident::new(&mut setup, job.data, bytes, &batch)?)),
            None => Source::Host(Streamed::new(job.data, task.micro_batch)),
        };
        let parameters = Tensors::of(&mut setup, &job.initial.parameters, fusion.as_ref())?;
        let kept = OptimizerState::new(&mut setup, task, job.initial, fusion.as_ref())?;
        let sample_losses = setup.buffer(Category::Workspace, "sample losses", footprint.sample_losses)?;
        let loaded = (footprint.loaded > 0)
            .then(|| setup.buffer(Category::Workspace, "normalised state", footprint.loaded))
            .transpose()?;
        let norm_sums = (footprint.norm_sums > 0)
            .then(|| setup.buffer(Category::Workspace, "sums of normalisation", footprint.norm_sums))
            .transpose()?;

        let mut binder = Binder {
            setup: &mut setup,
            task,
            slots: Slots { plan: job.plan, pool: &pool, binding_bytes },
            parameters: &parameters,
            kept: kept.as_ref(),
            chains: chains.as_ref(),
            targets: &batch.targets,
            split,
            metrics: &metrics,
            sample_losses: &sample_losses,
            loaded: loaded.as_ref(),
            norm_sums: norm_sums.as_ref(),
        };
        let mut work = Recordables::default();
        for (index, run) in job.plan.runs().enumerate() {
            let row = table.as_ref().map_or(0, |table| table.starts[index]);
            let todo = Work::from(run);
            if work.find(todo).is_none() {
                let dispatches = binder.bind(todo, row)?;
                work.add(todo, dispatches, flops(todo.op, task));
            }
        }
        let norms = (footprint.norms > 0)
            .then(|| binder.setup.buffer(Category::Workspace, "norms", footprint.norms))
            .transpose()?;
        let tally = binder.tally()?;
        let clip = norms.as_ref().map_or(Ok(Vec::new()), |norms| binder.clip(norms))?;
        let swap = if task.rule.ema.is_some() { binder.swap()? } else { Vec::new() };
        let (device, uploads, sizes) = setup.finish();
        let stopwatch = (footprint.stopwatch > 0).then(|| Stopwatch::new(&device)).transpose()?;
        let gpu = Gpu {
            recorder: Recorder::new(device.clone()),
            device,
            uploads,
            source,
            readback,
            batch,
            pool,
            network: task.network.clone(),
            fusion,
            slots: job.plan.slots.clone(),
            parameters,
            metrics,
            work,
            is_timing: false,
            has_run: false,
            stopwatch,
            position: Position::new(task),
            dispatches: 0,
            last_dispatches: 0,
            tally,
            samples: [task.data.train.samples, task.data.test.samples],
            sample_losses,
            clip,
            swap,
            kept,
            _bound: [sizes].into_iter().chain(norms).chain(loaded).chain(norm_sums).collect(),
            _chains: chains,
        };
        gpu.device.wait(None)?;
        Ok(gpu)
    }
}

impl Backend for Gpu {
    fn run(&mut self, work: Work) -> Result<()> {
        self.position.note(work.op)?;
        let (Some(pass), Some(Recordable { dispatches, flops, .. })) =
            (self.recorder.pass(), self.work.find(work))
        else {
            return Err(Error::internal(format!("no dispatches were prepared for {work:?}")));
        };
        let (micro_batch, split) = (self.position.micro_batch(), self.source.split());
        dispatches.iter().for_each(|dispatch| dispatch.record(pass, micro_batch, split));
        self.dispatches += dispatches.len() as u64;
        self.recorder.add_flops(*flops);
        if self.recorder.is_full() && !self.is_timing {
            self.flush();
            self.recorder.keep_up()?;
        }
        Ok(())
    }
}

impl Gpu {
    /// Submits the recording, so that results can be read back, and starts a new one.
    fn flush(&mut self) {
        if self.submit() {
            self.recorder.begin(self.device.encoder());
        }
    }

    /// Submits the recording. Returns `true` if there was one.
    fn submit(&mut self) -> bool {
        let encoder = self.recorder.end();
        let is_any = encoder.is_some();
        encoder.into_iter().for_each(|encoder| self.submit_encoder(encoder));
        is_any
    }

    fn submit_encoder(&mut self, encoder: CommandEncoder) {
        let submission = self.recorder.submit(encoder);
        self.source.submitted(&mut self.uploads, &submission);
    }

    /// Submits the recording and reads its laps back.
    fn read_laps(&mut self, mut encoder: CommandEncoder) -> Result<()> {
        self.stopwatch.iter().for_each(|stopwatch| stopwatch.resolve(&mut encoder));
        self.submit_encoder(encoder);
        let Gpu { device, readback, stopwatch, .. } = self;
        stopwatch.iter_mut().try_for_each(|stopwatch| stopwatch.read(device, readback))
    }

    fn begin_lap(&mut self, encoder: CommandEncoder) {
        if let Some(stopwatch) = &self.stopwatch {
            self.recorder.begin_lap(encoder, stopwatch);
        }
    }
}

impl Device for Gpu {
    fn info(&self) -> DeviceInfo {
        self.device.info.clone()
    }

    fn begin_pass(&mut self, pass: Pass, skip: usize, step_params: &[StepParams]) -> Result<()> {
        // Submits what a failed step may have left.
        self.submit();
        let [train, test] = self.samples;
        let samples = if pass == Pass::Test { test } else { train };
        self.position.begin_pass(samples, skip, step_params);
        let Gpu { device, uploads, .. } = self;
        let metrics = [0, 0, u32::MAX, u32::MAX, 1.0_f32.to_bits()];
        uploads.copy(device, bytemuck::cast_slice(&metrics), &self.metrics.raw)?;
        let mut encoder = device.encoder();
        encoder.clear_buffer(&self.sample_losses.raw, 0, None);
        device.queue.submit([encoder.finish()]);
        self.source.begin_pass(device, uploads, pass, skip * self.batch.samples)
    }

    fn begin_batch(&mut self, accumulation: Accumulation) -> Result<()> {
        self.position.begin_batch(accumulation);
        if accumulation.is_first() {
            self.dispatches = 0;
        }
        let Gpu { device, uploads, .. } = self;
        device.check()?;
        if self.recorder.pass().is_none() {
            let mut encoder = device.encoder();
            self.source.upload(device, uploads, &mut encoder, &self.batch)?;
            self.recorder.begin(encoder);
        }
        if let (Some(pass), Some(gather)) = (self.recorder.pass(), self.source.gather()) {
            gather.record(pass, self.position.micro_batch(), self.source.split());
            self.dispatches += 1;
        }
        Ok(())
    }

    fn end_batch(&mut self) -> Result<()> {
        if self.position.is_end_of_step() {
            if let Some(pass) = self.recorder.pass() {
                let micro_batch = self.position.micro_batch();
                self.clip.iter().for_each(|dispatch| dispatch.record(pass, micro_batch, None));
                self.dispatches += self.clip.len() as u64;
            }
            self.last_dispatches = self.dispatches;
        }
        self.recorder.add_micro_batch();
        // Software drivers compile a kernel when it first runs. The first step ends when that is done.
        let is_first = !self.has_run;
        self.has_run |= self.position.is_last();
        // An upload must precede the compute pass of its micro-batch.
        if is_first || self.recorder.is_full() || self.source.uploads() {
            self.submit();
            self.recorder.keep_up()?;
        }
        if is_first {
            self.recorder.wait()?;
        }
        Ok(())
    }

    fn end_pass(&mut self) -> Result<Metrics> {
        if self.position.has_losses() {
            if self.recorder.pass().is_none() {
                self.recorder.begin(self.device.encoder());
            }
            if let Some(pass) = self.recorder.pass() {
                self.tally.record(pass, self.position.micro_batch(), None);
            }
        }
        self.submit();
        self.recorder.forget();
        let bytes = self.readback.copy(&self.device, &self.metrics.raw, 0, METRICS_BYTES)?;
        let word = |index: usize| bytes.as_chunks().0.get(index).copied().map_or(0, u32::from_le_bytes);
        let (batch, place) = (word(2), word(3));
        let fault = (batch != u32::MAX).then(|| Fault::at(batch, place, self.network.layers().len()));
        let batches = self.position.micro_batches();
        Ok(Metrics { batches, correct: word(0), loss: f32::from_bits(word(1)), fault })
    }

    fn swap_average(&mut self) -> Result<()> {
        if self.swap.is_empty() {
            return Ok(());
        }
        if self.recorder.pass().is_none() {
            self.recorder.begin(self.device.encoder());
        }
        let micro_batch = *self.position.micro_batch();
        if let Some(pass) = self.recorder.pass() {
            self.swap.iter().for_each(|dispatch| dispatch.record(pass, &micro_batch, None));
        }
        self.submit();
        self.device.check()
    }

    fn read(&mut self, values: Values, take: &mut dyn FnMut(Piece) -> Result<()>) -> Result<()> {
        self.flush();
        let Gpu { device, readback, parameters, kept, network, fusion, .. } = self;
        match (values, kept) {
            (Values::Parameters, _) => parameters.read(device, readback, network, fusion.as_ref(), take),
            (Values::Moment(moment), Some(kept)) => {
                kept.read(moment, device, readback, network, fusion.as_ref(), take)
            }
            (Values::Moment(_), None) => Err(Error::internal("there is no optimizer state to read")),
        }
    }

    fn into_parameters(mut self: Box<Self>) -> Result<Parameters> {
        let network = self.network.clone();
        read_all(self.as_mut(), Values::Parameters, &network)
    }

    fn timing(&mut self) -> Option<&mut dyn Timing> {
        if self.stopwatch.is_some() { Some(self) } else { None }
    }
}

impl Inspect for Gpu {
    fn read_slot(&mut self, slot: SlotId, elements: usize) -> Result<Vec<f32>> {
        self.flush();
        let (buffer, offset) = self.pool.locate(&self.slots[slot])?;
        let values = self.readback.floats(&self.device, &buffer.raw, offset, elements);
        self.recorder.forget();
        values
    }

    fn driver_memory(&self) -> Option<DriverMemory> {
        self.device.raw.generate_allocator_report().map(|report| DriverMemory {
            allocated: report.total_allocated_bytes,
            reserved: report.total_reserved_bytes,
        })
    }

    fn holds_inputs(&self) -> bool {
        self.pool.batch().is_some()
    }

    fn dispatches_a_step(&self) -> Option<u64> {
        (self.last_dispatches > 0).then_some(self.last_dispatches)
    }

    fn objects_made(&self) -> u64 {
        self.device.objects()
    }
}

impl Timing for Gpu {
    fn start_laps(&mut self) -> Result<()> {
        if let Some(encoder) = self.recorder.end() {
            self.is_timing = true;
            self.begin_lap(encoder);
        }
        Ok(())
    }

    fn lap(&mut self) -> Result<()> {
        let Some(mut encoder) = self.recorder.end() else { return Ok(()) };
        if self.stopwatch.as_mut().is_some_and(Stopwatch::end) {
            self.read_laps(encoder)?;
            encoder = self.device.encoder();
        }
        self.begin_lap(encoder);
        Ok(())
    }

    fn finish_laps(&mut self) -> Result<Vec<Span>> {
        if let Some(encoder) = self.recorder.end() {
            self.read_laps(encoder)?;
            // What ends the micro-batch is recorded, too.
            let encoder = self.device.encoder();
            self.recorder.begin(encoder);
        }
        self.is_timing = false;
        Ok(self.stopwatch.as_mut().map(Stopwatch::take).unwrap_or_default())
    }
}
