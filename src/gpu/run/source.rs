use std::num::NonZero;
use std::sync::Arc;

use wgpu::{BufferBinding, CommandEncoder, ComputePass, SubmissionIndex};

use crate::Result;
use crate::data::{BatchCursor, Dataset, Pass, Split};
use crate::gpu::device::{Buffer, OpenDevice, Uploads};
use crate::gpu::kernels;
use crate::gpu::memory::{DatasetBytes, Setup, SizesTable, SplitBytes};
use crate::gpu::pipelines::{Dispatch, MicroBatch};
use crate::memory::Category;

/// Source of micro-batches.
pub enum Source {
    /// The dataset is resident; a kernel gathers micro-batches on the device.
    Device(Box<Resident>),
    /// The host gathers micro-batches and uploads them.
    Host(Streamed),
}

/// Buffers of a micro-batch, which the source fills.
pub struct Batch {
    pub samples: usize,
    /// The inputs lie at its start.
    pub inputs: wgpu::Buffer,
    pub targets: Buffer,
}

pub struct Resident {
    order: Buffer,
    /// Indexed by [`Gather`].
    gathers: [Dispatch; 3],
    gather: Gather,
    /// Bound by the dispatches. Owned here so that the ledger counts them while they exist.
    _splits: [SplitBuffers; 2],
}

#[derive(Clone, Copy)]
enum Gather {
    Shuffled,
    InOrder,
    Test,
}

pub struct Streamed {
    cursor: BatchCursor,
    /// `true` if copies from an upload buffer are recorded but not yet submitted.
    is_copying: bool,
    inputs: Vec<f32>,
    targets: Vec<u32>,
}

impl Source {
    /// Starts a pass without its first `skip` samples.
    pub fn begin_pass(
        &mut self,
        device: &OpenDevice,
        uploads: &mut Uploads,
        pass: Pass,
        skip: usize,
    ) -> Result<()> {
        match self {
            Source::Device(resident) => {
                resident.gather = match pass {
                    Pass::Shuffled(order) => {
                        uploads.copy(device, bytemuck::cast_slice(order), &resident.order.raw)?;
                        Gather::Shuffled
                    }
                    Pass::InOrder => Gather::InOrder,
                    Pass::Test => Gather::Test,
                };
            }
            Source::Host(streamed) => streamed.cursor.begin(pass, skip),
        }
        Ok(())
    }

    /// Uploads the next micro-batch if it comes from the host. Call it before the compute pass begins.
    pub fn upload(
        &mut self,
        device: &OpenDevice,
        uploads: &mut Uploads,
        encoder: &mut CommandEncoder,
        batch: &Batch,
    ) -> Result<()> {
        let Source::Host(streamed) = self else { return Ok(()) };
        let samples = streamed.cursor.next(batch.samples);
        samples.split.gather(samples.rows, &mut streamed.inputs);
        samples.split.gather_targets(samples.rows, &mut streamed.targets);
        let inputs: &[u8] = bytemuck::cast_slice(&streamed.inputs);
        let targets: &[u8] = bytemuck::cast_slice(&streamed.targets);
        let source = uploads.fill(device, &[inputs, targets])?;
        encoder.copy_buffer_to_buffer(source, 0, &batch.inputs, 0, inputs.len() as u64);
        encoder.copy_buffer_to_buffer(
            source,
            inputs.len() as u64,
            &batch.targets.raw,
            0,
            targets.len() as u64,
        );
        streamed.is_copying = true;
        Ok(())
    }

    /// `true` if micro-batches are uploaded from the host.
    pub fn uploads(&self) -> bool {
        matches!(self, Source::Host(_))
    }

    /// Records the gather of the next micro-batch if the dataset is resident. Returns the number of dispatches.
    pub fn record(&self, pass: &mut ComputePass, micro_batch: &MicroBatch) -> u64 {
        match self {
            Source::Device(resident) => {
                resident.gathers[resident.gather as usize].record(pass, micro_batch);
                1
            }
            Source::Host(_) => 0,
        }
    }

    /// Notes that the recorded copies were submitted as `submission`.
    pub fn submitted(&mut self, uploads: &mut Uploads, submission: &SubmissionIndex) {
        if let Source::Host(streamed) = self
            && std::mem::take(&mut streamed.is_copying)
        {
            uploads.submitted(submission.clone());
        }
    }
}

impl Resident {
    pub fn new(setup: &mut Setup, data: &Dataset, bytes: &DatasetBytes, batch: &Batch) -> Result<Self> {
        let order = setup.buffer(Category::Dataset, "order", bytes.order)?;
        let train = SplitBuffers::new(setup, &data.train, &bytes.train)?;
        let test = SplitBuffers::new(setup, &data.test, &bytes.test)?;
        let mut gather = |split: &Split, buffers: &SplitBuffers, in_order| {
            let kernel = kernels::gather(buffers.value_bytes, split.targets().width() as u32);
            let SplitBuffers { values, targets, .. } = buffers;
            let sizes = SizesTable::gather(batch.samples, split.shape(), in_order);
            let inputs = 4 * batch.samples as u64 * split.features() as u64;
            let inputs = BufferBinding { buffer: &batch.inputs, offset: 0, size: NonZero::new(inputs) };
            let [order, values, targets, gathered] =
                [&order, values, targets, &batch.targets].map(Buffer::whole);
            let operands = [order, values, targets, inputs, gathered];
            setup.dispatch(&kernel, sizes, &operands, [batch.samples, split.features()])
        };
        let gathers = [
            gather(&data.train, &train, false)?,
            gather(&data.train, &train, true)?,
            gather(&data.test, &test, true)?,
        ];
        Ok(Resident { order, gathers, gather: Gather::InOrder, _splits: [train, test] })
    }
}

impl Streamed {
    pub fn new(data: &Arc<Dataset>, samples: usize) -> Self {
        Streamed {
            cursor: BatchCursor::new(Arc::clone(data)),
            is_copying: false,
            inputs: vec![0.0; samples * data.train.features()],
            targets: vec![0; samples * data.train.targets().width()],
        }
    }
}

/// Buffers of a resident split.
struct SplitBuffers {
    values: Buffer,
    value_bytes: u32,
    targets: Buffer,
}

impl SplitBuffers {
    fn new(setup: &mut Setup, split: &Split, bytes: &SplitBytes) -> Result<Self> {
        let value_bytes = split.shape().value_bytes as u32;
        let values = setup.buffer(Category::Dataset, "dataset values", bytes.values)?;
        split.inputs().in_pieces(|offset, piece| setup.write(&values, offset, piece))?;
        let target_bytes = bytemuck::cast_slice(split.targets().words());
        let targets = setup.filled(Category::Dataset, "dataset targets", bytes.targets, target_bytes)?;
        Ok(SplitBuffers { values, value_bytes, targets })
    }
}
