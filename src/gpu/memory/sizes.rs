use super::fusion::Fusion;
use super::thin_parameters::ParameterOffsets;
use crate::data::SplitShape;
use crate::device::{Fault, Task};
use crate::gpu::pipelines::NORM_SAMPLES;
use crate::model::Layer;

/// Default alignment of uniform bindings in wgpu, in bytes.
const SIZES_STRIDE: u64 = 256;
/// Number of partial sums of squares per gradient buffer.
pub const NORMS: usize = 64;

/// Uniform arguments of kernels: each distinct set of four numbers once.
#[derive(Debug, Clone, PartialEq)]
pub struct SizesTable(Vec<[u32; 4]>);

impl SizesTable {
    pub fn new(task: &Task, fusion: Option<&Fusion>) -> Self {
        let &Task { network, micro_batch, data, .. } = task;
        let layers = network.layers().len();
        let mut entries = Vec::new();
        let mut first_norm = 0;
        let mut note_norm = |entries: &mut Vec<[u32; 4]>, plane: usize| {
            entries.push(Self::norm(plane, first_norm));
            first_norm += NORMS;
        };
        let clips = task.rule.clip_norm.is_some();
        let visits_parameters = clips || task.rule.ema.is_some();
        for (index, layer) in network.layers().enumerate() {
            let fault = Fault::place(index, layers);
            match fusion.and_then(|fusion| fusion.place(index)) {
                None => {
                    entries.push(Self::product(micro_batch, layer));
                    entries.push(Self::update(micro_batch, layer, fault));
                    entries.extend(Self::norm_gradient(micro_batch, layer, fault));
                    if visits_parameters {
                        entries.extend(Self::steps(layer, fault));
                    }
                    if clips {
                        note_norm(&mut entries, layer.parameter_count() as usize);
                    }
                }
                Some(place) if visits_parameters => entries.push(Self::step_together(place, fault)),
                Some(_) => {}
            }
        }
        if let (Some(fusion), true) = (fusion, clips) {
            note_norm(&mut entries, fusion.parameter_bytes() as usize / 4);
        }
        for (split, in_order) in [(data.train, false), (data.train, true), (data.test, true)] {
            entries.push(Self::split(micro_batch, split, in_order));
        }
        entries.extend([Self::loss(task), Self::tally(task)]);
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

    /// Entries of kernels that visit a layer's parameters and what is kept for them: weights, bias, and gain with shift if it has a
    /// gain.
    pub fn steps(layer: Layer, fault: u32) -> impl Iterator<Item = [u32; 4]> {
        let [weights, bias, gain, shift] = layer.tensor_lengths().map(|count| count as u32);
        let norm = [gain + shift, 0, weights + bias, fault];
        let all = [[weights, 0, 0, fault], [bias, 0, weights, fault], norm];
        all.into_iter().filter(|&[count, ..]| count > 0)
    }

    /// Entry of the gradients of a layer's gain and shift, if it has a gain.
    pub fn norm_gradient(batch: usize, layer: Layer, fault: u32) -> Option<[u32; 4]> {
        let [weights, bias, gain, shift] = layer.tensor_lengths().map(|count| count as u32);
        let groups = batch.div_ceil(NORM_SAMPLES) as u32;
        (gain > 0).then_some([gain + shift, groups, weights + bias, fault])
    }

    /// Entry of kernels that visit a thin layer's parameters and what is kept for them.
    pub fn step_together(place: ParameterOffsets, fault: u32) -> [u32; 4] {
        let [start, end] = [place.weights, place.end].map(|four| 4 * four as u32);
        [end - start, start, start, fault]
    }

    pub fn split(batch: usize, split: SplitShape, in_order: bool) -> [u32; 4] {
        [batch as u32, split.features as u32, split.samples as u32, u32::from(in_order)]
    }

    /// Entry of the loss, and of the score.
    pub fn loss(task: &Task) -> [u32; 4] {
        [task.micro_batch as u32, task.network.outputs() as u32, 0, 0]
    }

    pub fn tally(task: &Task) -> [u32; 4] {
        [task.batch() as u32, 0, 0, 0]
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
