use super::fusion::{Fusion, ParameterOffsets};
use super::stopwatch::STOPWATCH_BYTES;
use crate::data::{DatasetShape, SplitShape};
use crate::device::{DeviceLimits, Fault, Task};
use crate::memory::{ByCategory, Category};
use crate::model::{Layer, Network, Operation};

/// Default alignment of uniform bindings in wgpu, in bytes.
const SIZES_STRIDE: u64 = 256;
/// Larger transfers are split into pieces of this size, in bytes.
const TRANSFER_BYTES: u64 = 1 << 20;
pub(super) const UPLOAD_BUFFERS: u64 = 2;
pub(super) const METRICS_BYTES: u64 = 20;
/// Number of partial sums of squares per gradient buffer.
pub(super) const NORMS: usize = 64;

/// Size in bytes of every buffer that a task needs on a GPU besides the plan's pool.
#[derive(Debug, Clone, PartialEq)]
pub struct Footprint {
    pub(super) inputs: u64,
    pub(super) targets: u64,
    pub(super) dataset: Option<DatasetBytes>,
    pub(super) sizes: SizesTable,
    pub(super) sample_losses: u64,
    /// 0 without layer normalisation.
    pub(super) loaded: u64,
    /// 0 without gradient clipping.
    pub(super) norms: u64,
    pub(super) upload: u64,
    pub(super) readback: u64,
    /// Thin layers, if there are any.
    pub(super) fusion: Option<Fusion>,
    /// 0 if actions are not timed.
    pub(super) stopwatch: u64,
    parameters: u64,
    gradients: u64,
    optimizer: u64,
}

/// Buffer sizes of a resident dataset, in bytes.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct DatasetBytes {
    pub order: u64,
    pub train: SplitBytes,
    pub test: SplitBytes,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct SplitBytes {
    pub values: u64,
    pub targets: u64,
}

impl Footprint {
    /// Footprint of `task` on a device with `limits`. The dataset is resident or uploaded per micro-batch.
    pub(super) fn new(task: &Task, limits: DeviceLimits, resident: bool) -> Self {
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
            inputs,
            targets,
            dataset,
            sizes,
            sample_losses: 4 * micro_batch as u64,
            loaded: loaded_bytes(task),
            // A micro-batch is uploaded as one piece, in a single submission.
            upload: if resident { piece } else { piece.max(inputs + targets) },
            readback: largest_tensor.clamp(16, TRANSFER_BYTES),
            stopwatch: if task.timed && limits.timestamps { STOPWATCH_BYTES } else { 0 },
            parameters,
            gradients: if task.keeps_gradients() { parameters } else { 0 },
            optimizer: parameters * task.rule.optimizer.moments() as u64,
            norms: if task.rule.clip_norm.is_some() { 4 * (NORMS * buffers) as u64 } else { 0 },
            fusion,
        }
    }

    /// `true` if the dataset is resident on the device.
    pub fn has_dataset(&self) -> bool {
        self.dataset.is_some()
    }

    /// Bytes of the partial gradients of thin layers, which a second kernel sums.
    fn partials(&self) -> u64 {
        self.fusion.as_ref().map_or(0, Fusion::partial_bytes)
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

/// Bytes of the widest state that layer normalisation is applied to, after normalisation and activation.
fn loaded_bytes(task: &Task) -> u64 {
    let layers = task.network.layers().filter(|layer| layer.has(Operation::LayerNorm));
    4 * (task.micro_batch * layers.map(|layer| layer.inputs).max().unwrap_or(0)) as u64
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
pub(super) fn can_stay_on_device(data: DatasetShape, binding_limit: u64) -> bool {
    [data.train, data.test].into_iter().all(|split| {
        // The order is no larger than the training targets.
        let SplitBytes { values, targets } = SplitBytes::of(split);
        values.max(targets) <= binding_limit.min(u64::from(u32::MAX)) && split.samples < 1 << 31
    })
}

/// Uniform arguments of kernels: each distinct set of four numbers once.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct SizesTable(Vec<[u32; 4]>);

impl SizesTable {
    fn new(task: &Task, fusion: Option<&Fusion>) -> Self {
        let &Task { network, micro_batch, data, .. } = task;
        let layers = network.layers().len();
        let mut entries = Vec::new();
        let mut first_norm = 0;
        let mut note_norm = |entries: &mut Vec<[u32; 4]>, plane: usize| {
            entries.push(Self::norm(plane, first_norm));
            first_norm += NORMS;
        };
        let clips = task.rule.clip_norm.is_some();
        for (index, layer) in network.layers().enumerate() {
            let fault = Fault::place(index, layers);
            match fusion.and_then(|fusion| fusion.place(index)) {
                None => {
                    entries.push(Self::product(micro_batch, layer));
                    entries.push(Self::update(micro_batch, layer, fault));
                    if clips {
                        entries.extend(Self::steps(layer, fault));
                        note_norm(&mut entries, layer.parameter_count() as usize);
                    }
                }
                Some(place) if clips => entries.push(Self::step_together(place, fault)),
                Some(_) => {}
            }
        }
        if let (Some(fusion), true) = (fusion, clips) {
            note_norm(&mut entries, fusion.parameter_bytes() as usize / 4);
        }
        for (split, in_order) in [(data.train, false), (data.train, true), (data.test, true)] {
            entries.push(Self::gather(micro_batch, split, in_order));
        }
        entries.push(Self::loss(task));
        entries.push(Self::score(micro_batch, network, data.test));
        entries.sort_unstable();
        entries.dedup();
        SizesTable(entries)
    }

    pub fn product(batch: usize, layer: Layer) -> [u32; 4] {
        Self::update(batch, layer, 0)
    }

    /// Entry of a product that updates a layer's parameters. The kernel records `fault` if they become NaN or
    /// infinite.
    pub fn update(batch: usize, layer: Layer, fault: u32) -> [u32; 4] {
        [batch as u32, layer.inputs as u32, layer.outputs as u32, fault]
    }

    /// Entry of the sums of squares over `plane` gradients. The first sum is written at index `first`.
    pub fn norm(plane: usize, first: usize) -> [u32; 4] {
        [plane as u32, first as u32, 0, 0]
    }

    /// Entries of the updates of a layer's weights and bias from stored gradients.
    pub fn steps(layer: Layer, fault: u32) -> [[u32; 4]; 2] {
        let [weights, bias] = [layer.inputs * layer.outputs, layer.outputs].map(|count| count as u32);
        [[weights, 0, 0, fault], [bias, 0, weights, fault]]
    }

    /// Entry of the update of a thin layer's parameters from stored gradients.
    pub fn step_together(place: ParameterOffsets, fault: u32) -> [u32; 4] {
        let [start, end] = [place.weights, place.end].map(|four| 4 * four as u32);
        [end - start, start, start, fault]
    }

    pub fn gather(batch: usize, split: SplitShape, in_order: bool) -> [u32; 4] {
        [batch as u32, split.features as u32, split.samples as u32, u32::from(in_order)]
    }

    pub fn loss(task: &Task) -> [u32; 4] {
        [task.micro_batch as u32, task.network.outputs() as u32, task.batch() as u32, 0]
    }

    pub fn score(batch: usize, network: &Network, split: SplitShape) -> [u32; 4] {
        [batch as u32, network.outputs() as u32, split.samples as u32, 0]
    }

    pub fn bytes(&self) -> u64 {
        SIZES_STRIDE * self.0.len() as u64
    }

    /// Bytes of the table in device layout.
    pub fn contents(&self) -> Vec<u8> {
        let mut bytes = vec![0; self.bytes() as usize];
        for (entry, place) in self.0.iter().zip(bytes.chunks_exact_mut(SIZES_STRIDE as usize)) {
            place[..16].copy_from_slice(bytemuck::bytes_of(entry));
        }
        bytes
    }

    /// Offset of `entry` in the table, in bytes.
    pub fn offset(&self, entry: [u32; 4]) -> Option<u64> {
        let position = self.0.binary_search(&entry).ok()?;
        Some(SIZES_STRIDE * position as u64)
    }
}
