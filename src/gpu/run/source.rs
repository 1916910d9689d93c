use std::num::NonZero;
use std::sync::Arc;

use wgpu::{BindGroup, BufferBinding, CommandEncoder, SubmissionIndex};

use crate::data::{BatchCursor, Dataset, Pass, Split, SplitShape};
use crate::gpu::device::{Buffer, OpenDevice, Uploads};
use crate::gpu::kernels::{self, SplitConstants};
use crate::gpu::memory::{DatasetBytes, Setup, SizesTable, SplitBytes};
use crate::gpu::pipelines::Dispatch;
use crate::memory::Category;
use crate::{Error, Result};

/// Source of micro-batches.
pub enum Source {
    /// The dataset is resident, and kernels read it on the device.
    Device(Box<Resident>),
    /// The host gathers micro-batches and uploads them.
    Host(Streamed),
}

/// Buffers of a micro-batch, which the source fills.
pub struct Batch {
    pub samples: usize,
    /// The inputs lie at its start. `None` if layer 0 reads the dataset.
    pub inputs: Option<wgpu::Buffer>,
    pub targets: Buffer,
}

pub struct Resident {
    order: Buffer,
    /// The dataset as kernels bind it, by [`Reading`].
    splits: [BindGroup; 3],
    reading: Reading,
    /// Gather micro-batches of the training and of the test split, if layer 0 does not read the dataset.
    gathers: Option<[Dispatch; 2]>,
    /// Bound by the groups. Owned here so that the ledger counts them while they exist.
    _buffers: [SplitBuffers; 2],
}

/// The split of a pass, and the order of its samples.
#[derive(Clone, Copy)]
enum Reading {
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
                resident.reading = match pass {
                    Pass::Shuffled(order) => {
                        uploads.copy(device, bytemuck::cast_slice(order), &resident.order.raw)?;
                        Reading::Shuffled
                    }
                    Pass::InOrder => Reading::InOrder,
                    Pass::Test => Reading::Test,
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
        let Some(gathered) = &batch.inputs else {
            return Err(Error::internal("micro-batches from the host have no buffer"));
        };
        let source = uploads.fill(device, &[inputs, targets])?;
        encoder.copy_buffer_to_buffer(source, 0, gathered, 0, inputs.len() as u64);
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

    /// The split of the pass, as kernels bind it, if the dataset is resident.
    pub fn split(&self) -> Option<&BindGroup> {
        match self {
            Source::Device(resident) => Some(&resident.splits[resident.reading as usize]),
            Source::Host(_) => None,
        }
    }

    /// Dispatch that gathers the next micro-batch, if any has to.
    pub fn gather(&self) -> Option<&Dispatch> {
        match self {
            Source::Device(resident) => {
                let [train, test] = resident.gathers.as_ref()?;
                Some(if matches!(resident.reading, Reading::Test) { test } else { train })
            }
            Source::Host(_) => None,
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
        let readings = [(&data.train, &train, false), (&data.train, &train, true), (&data.test, &test, true)];
        let bind = |(split, buffers, in_order): (&Split, &SplitBuffers, bool)| {
            let sizes = setup.sizes(SizesTable::split(batch.samples, split.shape(), in_order))?;
            let operands = [sizes, order.whole(), buffers.values.whole(), buffers.targets.whole()];
            Ok(setup.context.bind_split(&operands))
        };
        let [shuffled, in_order, of_test] = readings.map(bind);
        let splits = [shuffled?, in_order?, of_test?];
        let gathers = match &batch.inputs {
            Some(inputs) => {
                let mut gather = |split: &Split| gather(setup, split.shape(), inputs, batch);
                Some([gather(&data.train)?, gather(&data.test)?])
            }
            None => None,
        };
        Ok(Resident { order, splits, reading: Reading::InOrder, gathers, _buffers: [train, test] })
    }
}

/// Dispatch that gathers micro-batches of a split into `inputs` and the batch's targets.
fn gather(setup: &mut Setup, split: SplitShape, inputs: &wgpu::Buffer, batch: &Batch) -> Result<Dispatch> {
    let kernel = kernels::gather(SplitConstants::of(split));
    let bytes = 4 * batch.samples as u64 * split.features as u64;
    let inputs = BufferBinding { buffer: inputs, offset: 0, size: NonZero::new(bytes) };
    setup.dispatch_without_sizes(&kernel, &[inputs, batch.targets.whole()], [batch.samples, split.features])
}

impl Streamed {
    pub fn new(data: &Arc<Dataset>, samples: usize) -> Self {
        Streamed {
            cursor: BatchCursor::new(Arc::clone(data)),
            is_copying: false,
            inputs: vec![0.0; samples * data.train.features()],
            targets: vec![0; samples * data.train.target_words()],
        }
    }
}

/// Buffers of a resident split.
struct SplitBuffers {
    values: Buffer,
    targets: Buffer,
}

impl SplitBuffers {
    fn new(setup: &mut Setup, split: &Split, bytes: &SplitBytes) -> Result<Self> {
        let values = setup.buffer(Category::Dataset, "dataset values", bytes.values)?;
        split.inputs().in_pieces(|offset, piece| setup.write(&values, offset, piece))?;
        let words = split.words();
        let target_bytes = bytemuck::cast_slice(&words);
        let targets = setup.filled(Category::Dataset, "dataset targets", bytes.targets, target_bytes)?;
        Ok(SplitBuffers { values, targets })
    }
}
