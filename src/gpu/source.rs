use std::sync::Arc;

use wgpu::{CommandEncoder, ComputePass, SubmissionIndex};

use super::context::{Buffer, Context};
use super::dispatch::Dispatch;
use super::footprint::{DatasetBytes, SizesTable, SplitBytes};
use super::kernel::{Kernel, Variant};
use super::setup::Setup;
use super::transfer::Uploads;
use crate::Result;
use crate::data::{BatchCursor, Dataset, Inputs, Part, Split};
use crate::memory::Category;

/// Where mini-batches come from.
pub(super) enum Source {
    /// The dataset is on the device, and a kernel gathers.
    Device(Box<Resident>),
    /// The host gathers, and uploads a batch a step.
    Host(Streamed),
}

/// What a source fills.
pub(super) struct Batch {
    pub samples: usize,
    pub inputs: Buffer,
    pub labels: Buffer,
}

pub(super) struct Resident {
    order: Buffer,
    /// Gathers from each part: by `order`, and as the samples lie.
    train: [Dispatch; 2],
    test: [Dispatch; 2],
    pass: (Part, bool),
    /// Bound by the dispatches; kept so that the ledger counts them for as long as they exist.
    _splits: [Buffer; 4],
}

pub(super) struct Streamed {
    cursor: BatchCursor,
    /// Whether copies out of an upload buffer are recorded and not yet submitted.
    is_copying: bool,
    inputs: Vec<f32>,
    labels: Vec<u32>,
}

impl Source {
    /// Starts a pass over `part`, by `order` or as the samples lie.
    pub fn begin_pass(
        &mut self,
        context: &Context,
        uploads: &mut Uploads,
        part: Part,
        order: Option<&[u32]>,
    ) -> Result<()> {
        match self {
            Source::Device(resident) => {
                resident.pass = (part, order.is_none());
                let order = bytemuck::cast_slice(order.unwrap_or_default());
                uploads.copy(context, order, &resident.order.raw)
            }
            Source::Host(streamed) => {
                streamed.cursor.begin(part, order);
                Ok(())
            }
        }
    }

    /// Brings the next mini-batch from the host, if that is where it comes from, before the step's pass begins.
    pub fn upload(
        &mut self,
        context: &Context,
        uploads: &mut Uploads,
        encoder: &mut CommandEncoder,
        batch: &Batch,
    ) -> Result<()> {
        let Source::Host(streamed) = self else { return Ok(()) };
        streamed.cursor.next(&mut streamed.inputs, &mut streamed.labels);
        let inputs: &[u8] = bytemuck::cast_slice(&streamed.inputs);
        let labels: &[u8] = bytemuck::cast_slice(&streamed.labels);
        let source = uploads.fill(context, &[inputs, labels])?;
        encoder.copy_buffer_to_buffer(source, 0, &batch.inputs.raw, 0, inputs.len() as u64);
        encoder.copy_buffer_to_buffer(source, inputs.len() as u64, &batch.labels.raw, 0, labels.len() as u64);
        streamed.is_copying = true;
        Ok(())
    }

    /// Gathers the next mini-batch on the device, if that is where it comes from.
    pub fn record(&self, pass: &mut ComputePass) {
        if let Source::Device(resident) = self {
            let (part, in_order) = resident.pass;
            let gathers = match part {
                Part::Train => &resident.train,
                Part::Test => &resident.test,
            };
            gathers[usize::from(in_order)].record(pass);
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
        let (train, train_buffers) = gathers(setup, &data.train, &bytes.train, &order, metrics, batch)?;
        let (test, test_buffers) = gathers(setup, &data.test, &bytes.test, &order, metrics, batch)?;
        let [train_values, train_labels] = train_buffers;
        let [test_values, test_labels] = test_buffers;
        let _splits = [train_values, train_labels, test_values, test_labels];
        Ok(Resident { order, train, test, pass: (Part::Train, true), _splits })
    }
}

impl Streamed {
    pub fn new(data: &Arc<Dataset>, samples: usize) -> Self {
        Streamed {
            cursor: BatchCursor::new(Arc::clone(data)),
            is_copying: false,
            inputs: vec![0.0; samples * data.train.features()],
            labels: vec![0; samples],
        }
    }
}

/// The two ways to gather from `split`, and the buffers that hold it.
fn gathers(
    setup: &mut Setup,
    split: &Split,
    bytes: &SplitBytes,
    order: &Buffer,
    metrics: &Buffer,
    batch: &Batch,
) -> Result<([Dispatch; 2], [Buffer; 2])> {
    let (value_bytes, contents): (u32, &[u8]) = match split.inputs() {
        Inputs::U8(values) => (1, values),
        Inputs::F32(values) => (4, bytemuck::cast_slice(values)),
    };
    let values = setup.filled(Category::Dataset, "dataset values", bytes.values, contents)?;
    let label_bytes = bytemuck::cast_slice(split.labels());
    let labels = setup.filled(Category::Dataset, "dataset labels", bytes.labels, label_bytes)?;

    let variant = Variant { value_bytes, ..Variant::of(Kernel::Gather) };
    let buffers = [metrics, order, &values, &labels, &batch.inputs, &batch.labels];
    let mut gather = |in_order| {
        let sizes = SizesTable::gather(batch.samples, split, in_order);
        setup.dispatch(variant, sizes, &buffers, [batch.samples, split.features()])
    };
    Ok(([gather(false)?, gather(true)?], [values, labels]))
}
