use std::sync::Arc;

use wgpu::{CommandEncoder, ComputePass, SubmissionIndex};

use super::context::{Buffer, Context};
use super::dispatch::Dispatch;
use super::footprint::{DatasetBytes, SizesTable, SplitBytes};
use super::kernel::{Kernel, Variant};
use super::setup::Setup;
use super::transfer::Uploads;
use crate::Result;
use crate::data::{BatchCursor, Dataset, Pass, Split};
use crate::memory::Category;

/// Where micro-batches come from.
pub(super) enum Source {
    /// The dataset is on the device, and a kernel gathers.
    Device(Box<Resident>),
    /// The host gathers and uploads them.
    Host(Streamed),
}

/// What a source fills.
pub(super) struct Batch {
    pub samples: usize,
    pub inputs: Buffer,
    pub targets: Buffer,
}

pub(super) struct Resident {
    order: Buffer,
    /// In the order of [`Gather`].
    gathers: [Dispatch; 3],
    gather: Gather,
    /// Bound by the dispatches; kept so that the ledger counts them for as long as they exist.
    _splits: [SplitBuffers; 2],
}

#[derive(Clone, Copy)]
enum Gather {
    Shuffled,
    InOrder,
    Test,
}

pub(super) struct Streamed {
    cursor: BatchCursor,
    /// Whether copies out of an upload buffer are recorded and not yet submitted.
    is_copying: bool,
    inputs: Vec<f32>,
    targets: Vec<u32>,
}

impl Source {
    /// Starts a pass.
    /// `skip` samples of it are left out; a kernel that gathers is told so by the metrics.
    pub fn begin_pass(
        &mut self,
        context: &Context,
        uploads: &mut Uploads,
        pass: Pass,
        skip: usize,
    ) -> Result<()> {
        match self {
            Source::Device(resident) => {
                resident.gather = match pass {
                    Pass::Shuffled(order) => {
                        uploads.copy(context, bytemuck::cast_slice(order), &resident.order.raw)?;
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

    /// Brings the next micro-batch from the host, if that is where it comes from, before its compute pass begins.
    pub fn upload(
        &mut self,
        context: &Context,
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
        let source = uploads.fill(context, &[inputs, targets])?;
        encoder.copy_buffer_to_buffer(source, 0, &batch.inputs.raw, 0, inputs.len() as u64);
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

    /// Whether micro-batches are brought from the host.
    pub fn uploads(&self) -> bool {
        matches!(self, Source::Host(_))
    }

    /// Gathers the next micro-batch on the device, if that is where it comes from.
    pub fn record(&self, pass: &mut ComputePass) {
        if let Source::Device(resident) = self {
            resident.gathers[resident.gather as usize].record(pass);
        }
    }

    /// What was recorded has been submitted, as `submission`.
    pub fn submitted(&mut self, uploads: &mut Uploads, submission: &SubmissionIndex) {
        if let Source::Host(streamed) = self
            && std::mem::take(&mut streamed.is_copying)
        {
            uploads.submitted(submission.clone());
        }
    }
}

impl Resident {
    pub fn new(
        setup: &mut Setup,
        data: &Dataset,
        bytes: &DatasetBytes,
        metrics: &Buffer,
        batch: &Batch,
    ) -> Result<Self> {
        let order = setup.buffer(Category::Dataset, "order", bytes.order)?;
        let train = SplitBuffers::new(setup, &data.train, &bytes.train)?;
        let test = SplitBuffers::new(setup, &data.test, &bytes.test)?;
        let mut gather = |split: &Split, buffers: &SplitBuffers, in_order| {
            let variant = Variant {
                value_bytes: buffers.value_bytes,
                target_words: split.targets().width() as u32,
                ..Variant::of(Kernel::Gather)
            };
            let SplitBuffers { values, targets, .. } = buffers;
            let sizes = SizesTable::gather(batch.samples, split.shape(), in_order);
            let operands =
                [metrics, &order, values, targets, &batch.inputs, &batch.targets].map(Buffer::whole);
            setup.dispatch(variant, sizes, &operands, [batch.samples, split.features()])
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

/// A split on the device.
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
