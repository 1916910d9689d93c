use super::fusion::Fusion;
use super::pool::padded_inputs;
use super::sizes::{NORMS, SizesTable};
use crate::data::{DatasetShape, SplitShape};
use crate::device::{DeviceLimits, Task};
use crate::gpu::device::{STOPWATCH_BYTES, UPLOAD_BUFFERS};
use crate::gpu::pipelines::NORM_SAMPLES;
use crate::memory::{ByCategory, Category};
use crate::model::{Layer, Operation};

/// Larger transfers are split into pieces of this size, in bytes.
const TRANSFER_BYTES: u64 = 1 << 20;
pub const METRICS_BYTES: u64 = 20;

/// Size in bytes of every buffer that a task needs on a GPU besides the plan's pool.
#[derive(Debug, Clone, PartialEq)]
pub struct Footprint {
    /// Bytes of state 0: none if layer 0 reads the resident dataset. If it is thin, they are padded, as the pool may follow
    /// them in one buffer.
    pub(in crate::gpu) inputs: u64,
    pub(in crate::gpu) targets: u64,
    pub(in crate::gpu) dataset: Option<DatasetBytes>,
    pub(in crate::gpu) sizes: SizesTable,
    pub(in crate::gpu) sample_losses: u64,
    /// 0 if all normalised layers are thin.
    pub(in crate::gpu) loaded: u64,
    /// Sums for the gradients of gain and shift; 0 if all layers with a gain are thin.
    pub(in crate::gpu) norm_sums: u64,
    /// 0 without gradient clipping.
    pub(in crate::gpu) norms: u64,
    pub(in crate::gpu) upload: u64,
    pub(in crate::gpu) readback: u64,
    /// Thin layers, if there are any.
    pub(in crate::gpu) fusion: Option<Fusion>,
    /// 0 if actions are not timed.
    pub(in crate::gpu) stopwatch: u64,
    parameters: u64,
    gradients: u64,
    optimizer: u64,
}

/// Buffer sizes of a resident dataset, in bytes.
#[derive(Debug, Clone, PartialEq)]
pub struct DatasetBytes {
    pub order: u64,
    pub train: SplitBytes,
    pub test: SplitBytes,
}

#[derive(Debug, Clone, PartialEq)]
pub struct SplitBytes {
    pub values: u64,
    pub targets: u64,
}

impl Footprint {
    /// Footprint of `task` on a device with `limits`. The dataset is resident or uploaded per micro-batch.
    pub(in crate::gpu) fn new(task: &Task, limits: DeviceLimits, resident: bool) -> Self {
        let &Task { network, micro_batch, data, .. } = task;
        let inputs = 4 * micro_batch as u64 * network.features() as u64;
        let targets = 4 * (micro_batch * data.train.target_words) as u64;
        let dataset = resident.then(|| DatasetBytes {
            order: 4 * data.train.samples as u64,
            train: SplitBytes::of(data.train),
            test: SplitBytes::of(data.test),
        });
        let largest_tensor =
            network.layers().map(|layer| 4 * layer.inputs as u64 * layer.outputs as u64).max().unwrap_or(0);
        let fusion = Fusion::of(task, limits);
        let sizes = SizesTable::new(task, fusion.as_ref());
        let place = |layer: usize| fusion.as_ref().and_then(|fusion| fusion.place(layer));
        let alone: Vec<Layer> = network
            .layers()
            .enumerate()
            .filter_map(|(index, layer)| place(index).is_none().then_some(layer))
            .collect();
        let together = fusion.as_ref().map_or(0, Fusion::parameter_bytes);
        let parameters = together + 4 * alone.iter().map(|layer| layer.parameter_count()).sum::<u64>();
        let buffers = alone.len() + usize::from(fusion.is_some());
        let largest_upload = match &dataset {
            Some(dataset) => dataset.train.values.max(dataset.test.values).max(dataset.order),
            None => inputs + targets,
        };
        let piece = largest_upload.max(largest_tensor).max(sizes.bytes()).min(TRANSFER_BYTES);
        Footprint {
            inputs: match place(0) {
                Some(_) => padded_inputs(inputs),
                None if resident && layer_0_reads_dataset(task, limits) => 0,
                None => inputs,
            },
            targets,
            dataset,
            sizes,
            sample_losses: 4 * task.batch() as u64,
            loaded: loaded_bytes(micro_batch, &alone),
            norm_sums: norm_sum_bytes(micro_batch, &alone),
            // A micro-batch is uploaded as one piece, in a single submission.
            upload: if resident { piece } else { piece.max(inputs + targets) },
            readback: largest_tensor.clamp(16, TRANSFER_BYTES),
            stopwatch: if task.timed && limits.timestamps { STOPWATCH_BYTES } else { 0 },
            parameters,
            gradients: if task.keeps_gradients() { parameters } else { 0 },
            optimizer: parameters * task.rule.moments() as u64,
            norms: if task.rule.clip_norm.is_some() { 4 * (NORMS * buffers) as u64 } else { 0 },
            fusion,
        }
    }

    /// `true` if layer 0 reads the resident dataset, rather than a batch gathered from it.
    pub(in crate::gpu) fn gathers_in_layer_0(&self) -> bool {
        self.inputs == 0
    }

    pub(in crate::gpu) fn is_first_layer_thin(&self) -> bool {
        self.fusion.as_ref().is_some_and(|fusion| fusion.place(0).is_some())
    }

    /// `true` if the dataset is resident on the device.
    pub fn has_dataset(&self) -> bool {
        self.dataset.is_some()
    }

    /// Bytes of the partial gradients of thin layers, which a second kernel sums.
    fn partials(&self) -> u64 {
        self.fusion.as_ref().map_or(0, Fusion::partial_bytes)
    }

    /// Bytes that the backward pass of thin layers keeps for the gradients of normalised ones.
    fn thin_norms(&self) -> u64 {
        self.fusion.as_ref().map_or(0, Fusion::norm_bytes)
    }

    /// Bytes of all buffers except the pool, by category.
    pub fn bytes(&self) -> ByCategory {
        let dataset = self.dataset.as_ref().map_or(0, |dataset| {
            let splits = [&dataset.train, &dataset.test];
            dataset.order + splits.iter().map(|split| split.values + split.targets).sum::<u64>()
        });
        let workspace = self.sizes.bytes()
            + self.sample_losses
            + self.loaded
            + self.norm_sums
            + self.thin_norms()
            + METRICS_BYTES
            + self.stopwatch
            + self.norms;
        ByCategory::from_iter([
            (Category::Parameters, self.parameters),
            (Category::Optimizer, self.optimizer),
            (Category::Gradients, self.gradients + self.partials()),
            (Category::Batch, self.inputs + self.targets),
            (Category::Dataset, dataset),
            (Category::Workspace, workspace),
            (Category::Staging, UPLOAD_BUFFERS * self.upload + self.readback),
        ])
    }
}

/// `true` if layer 0, which is not thin, can read a resident dataset.
fn layer_0_reads_dataset(task: &Task, limits: DeviceLimits) -> bool {
    let layer = task.network.layer(0);
    let is_product_alone = layer.normalisation().is_none() && !layer.has(Operation::AddInput);
    let is_of_one_kind = task.data.train.value_bytes == task.data.test.value_bytes;
    limits.few_dispatches && is_product_alone && is_of_one_kind
}

/// Bytes of the widest state that one of `layers` normalises, after normalisation and activation.
fn loaded_bytes(micro_batch: usize, layers: &[Layer]) -> u64 {
    let normalised = layers.iter().filter(|layer| layer.normalisation().is_some());
    4 * (micro_batch * normalised.map(|layer| layer.inputs).max().unwrap_or(0)) as u64
}

/// Bytes of the sums over groups of samples for the gradients of gain and shift of the widest of `layers`.
fn norm_sum_bytes(micro_batch: usize, layers: &[Layer]) -> u64 {
    let counts = layers.iter().map(|layer| layer.tensor_lengths()[2..].iter().sum::<usize>());
    4 * (micro_batch.div_ceil(NORM_SAMPLES) * counts.max().unwrap_or(0)) as u64
}

impl SplitBytes {
    fn of(split: SplitShape) -> Self {
        let bytes = split.samples as u64 * split.features as u64 * split.value_bytes as u64;
        // Kernels read 32-bit words.
        SplitBytes {
            values: bytes.next_multiple_of(4),
            targets: 4 * (split.samples * split.target_words) as u64,
        }
    }
}

/// `true` if each split of `data` fits a binding of at most `binding_limit` bytes and 32-bit indices.
pub fn can_stay_on_device(data: DatasetShape, binding_limit: u64) -> bool {
    [data.train, data.test].into_iter().all(|split| {
        // The order is no larger than the training targets.
        let SplitBytes { values, targets } = SplitBytes::of(split);
        values.max(targets) <= binding_limit.min(u64::from(u32::MAX)) && split.samples < 1 << 31
    })
}
