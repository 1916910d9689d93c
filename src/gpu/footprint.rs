use super::fusion::Fusion;
use super::stopwatch::STOPWATCH_BYTES;
use crate::data::{DatasetShape, SplitShape};
use crate::device::{DeviceLimits, Task};
use crate::memory::{ByCategory, Category};
use crate::model::{Layer, Network};

/// wgpu's default for the alignment of uniform bindings.
const SIZES_STRIDE: u64 = 256;
/// Larger transfers go in pieces of this many bytes.
const TRANSFER_BYTES: u64 = 1 << 20;
pub(super) const UPLOAD_BUFFERS: u64 = 2;
pub(super) const METRICS_BYTES: u64 = 12;

/// The sizes of every buffer outside the plan's pool, known before any of them is made.
pub(super) struct Footprint {
    pub inputs: u64,
    pub labels: u64,
    pub dataset: Option<DatasetBytes>,
    pub sizes: SizesTable,
    pub sample_losses: u64,
    pub upload: u64,
    pub readback: u64,
    /// The layers that run together, where there are any.
    pub fusion: Option<Fusion>,
    stopwatch: u64,
    parameters: u64,
    gradients: u64,
}

/// A dataset that stays on the device.
pub(super) struct DatasetBytes {
    pub order: u64,
    pub train: SplitBytes,
    pub test: SplitBytes,
}

pub(super) struct SplitBytes {
    pub values: u64,
    pub labels: u64,
}

impl Footprint {
    pub fn new(task: &Task, limits: DeviceLimits, resident: bool) -> Self {
        let &Task { network, micro_batch, data, .. } = task;
        let inputs = 4 * micro_batch as u64 * network.features() as u64;
        let labels = 4 * micro_batch as u64;
        let dataset = resident.then(|| DatasetBytes {
            order: 4 * data.train.samples as u64,
            train: SplitBytes::of(data.train),
            test: SplitBytes::of(data.test),
        });
        let largest_tensor =
            network.layers().map(|layer| 4 * layer.inputs as u64 * layer.outputs as u64).max().unwrap_or(0);
        let sizes = SizesTable::new(task);
        let fusion = Fusion::of(task, limits);
        let place = |layer: usize| fusion.as_ref().and_then(|fusion| fusion.place(layer));
        let alone = network.layers().enumerate().filter(|&(index, _)| place(index).is_none());
        let together = fusion.as_ref().map_or(0, Fusion::parameter_bytes);
        let parameters = together + 4 * alone.map(|(_, layer)| layer.parameter_count()).sum::<u64>();
        let largest_upload = match &dataset {
            Some(dataset) => dataset.train.values.max(dataset.test.values).max(dataset.order),
            None => inputs + labels,
        };
        let piece = largest_upload.max(largest_tensor).max(sizes.bytes()).min(TRANSFER_BYTES);
        Footprint {
            inputs,
            labels,
            dataset,
            sizes,
            sample_losses: 4 * micro_batch as u64,
            // A micro-batch from the host goes up whole, in its one submit.
            upload: if resident { piece } else { piece.max(inputs + labels) },
            readback: largest_tensor.clamp(16, TRANSFER_BYTES),
            stopwatch: if task.timed { STOPWATCH_BYTES } else { 0 },
            parameters,
            gradients: if task.parts > 1 { parameters } else { 0 },
            fusion,
        }
    }

    /// The gradients that workgroups leave for others to add up.
    fn partials(&self) -> u64 {
        self.fusion.as_ref().map_or(0, Fusion::partial_bytes)
    }

    /// What chains know of the layers.
    fn table(&self) -> u64 {
        self.fusion.as_ref().map_or(0, Fusion::table_bytes)
    }

    pub fn by_category(&self) -> ByCategory {
        let dataset = self.dataset.as_ref().map_or(0, |dataset| {
            let splits = [&dataset.train, &dataset.test];
            dataset.order + splits.iter().map(|split| split.values + split.labels).sum::<u64>()
        });
        let workspace =
            self.sizes.bytes() + self.sample_losses + METRICS_BYTES + self.stopwatch + self.table();
        ByCategory::from_iter([
            (Category::Parameters, self.parameters),
            (Category::Gradients, self.gradients + self.partials()),
            (Category::Batch, self.inputs + self.labels),
            (Category::Dataset, dataset),
            (Category::Workspace, workspace),
            (Category::Staging, UPLOAD_BUFFERS * self.upload + self.readback),
        ])
    }
}

impl SplitBytes {
    fn of(split: SplitShape) -> Self {
        let bytes = split.samples as u64 * split.features as u64 * split.value_bytes as u64;
        // Kernels read bytes four at a time.
        SplitBytes { values: bytes.next_multiple_of(4), labels: 4 * split.samples as u64 }
    }
}

/// Whether both splits of `data` can be seen through bindings of at most `binding_limit` bytes each, and indexed
/// with 32 bits.
pub(super) fn can_stay_on_device(data: DatasetShape, binding_limit: u64) -> bool {
    [data.train, data.test].into_iter().all(|split| {
        // The order takes as many bytes as the training labels.
        let SplitBytes { values, labels } = SplitBytes::of(split);
        values.max(labels) <= binding_limit.min(u64::from(u32::MAX)) && split.samples < 1 << 31
    })
}

/// The numbers that kernels are told, every distinct set of four once.
pub(super) struct SizesTable(Vec<[u32; 4]>);

impl SizesTable {
    fn new(task: &Task) -> Self {
        let &Task { network, micro_batch, rate, data, .. } = task;
        let mut entries: Vec<[u32; 4]> =
            network.layers().map(|layer| Self::product(micro_batch, layer, rate)).collect();
        for (split, in_order) in [(data.train, false), (data.train, true), (data.test, true)] {
            entries.push(Self::gather(micro_batch, split, in_order));
        }
        entries.push(Self::loss(task));
        entries.push(Self::score(micro_batch, network, data.test));
        entries.sort_unstable();
        entries.dedup();
        SizesTable(entries)
    }

    pub fn product(batch: usize, layer: Layer, rate: f32) -> [u32; 4] {
        [batch as u32, layer.inputs as u32, layer.outputs as u32, rate.to_bits()]
    }

    pub fn gather(batch: usize, split: SplitShape, in_order: bool) -> [u32; 4] {
        [batch as u32, split.features as u32, split.samples as u32, u32::from(in_order)]
    }

    pub fn loss(task: &Task) -> [u32; 4] {
        [task.micro_batch as u32, task.network.classes() as u32, task.batch() as u32, 0]
    }

    pub fn score(batch: usize, network: &Network, split: SplitShape) -> [u32; 4] {
        [batch as u32, network.classes() as u32, split.samples as u32, 0]
    }

    pub fn bytes(&self) -> u64 {
        SIZES_STRIDE * self.0.len() as u64
    }

    /// The table as the device holds it.
    pub fn contents(&self) -> Vec<u8> {
        let mut bytes = vec![0; self.bytes() as usize];
        for (entry, place) in self.0.iter().zip(bytes.chunks_exact_mut(SIZES_STRIDE as usize)) {
            place[..16].copy_from_slice(bytemuck::bytes_of(entry));
        }
        bytes
    }

    /// Where `entry` is in the table, in bytes.
    pub fn offset(&self, entry: [u32; 4]) -> Option<u64> {
        let position = self.0.binary_search(&entry).ok()?;
        Some(SIZES_STRIDE * position as u64)
    }
}
