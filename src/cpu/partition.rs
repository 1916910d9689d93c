use std::ops::Range;

use super::update::is_plain;
use crate::device::Task;
use crate::memory::{ByCategory, Category};
use crate::model::Layer;

/// Fewest samples in a slice: products of fewer rows are slow.
const LEAST_ROWS: usize = 16;
/// Steps of fewer FLOPs run on one thread: waking another would take as long.
const LEAST_FLOPS: u64 = 1_000_000;
/// Largest number of gradients that a slice sums on its own before the slices' sums are added, besides those of a gain and
/// shift.
const MOST_PARTIALS: usize = 16 * 1024;

/// How a task is split among threads: each takes a slice of the batch through all layers.
///
/// The number of slices, and with it the order in which gradients are summed, depends on the number of threads, unless the task
/// has one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Partition {
    /// Threads in the pool.
    pub available: usize,
    /// Threads that work.
    pub threads: usize,
    /// Samples in a micro-batch.
    pub rows: usize,
    /// Number of slices of a micro-batch.
    slices: usize,
    /// For each layer, the range of its gradients in a slice's partial sums. `None` for a layer with too many: threads split
    /// its outputs once the deltas of all slices are there.
    places: Vec<Option<GradientRange>>,
    /// For each layer, the range of the gradients of its gain and shift in a slice's partial sums.
    norms: Vec<Range<usize>>,
    /// Partial sums in a slice.
    pub partials: usize,
    /// Weights and biases of the largest layer whose gradients are summed before the update and are not stored.
    pub scratch: [usize; 2],
    /// Width of the widest state that a layer normalises or activates as it reads it.
    pub loaded: usize,
    /// Width of the output.
    pub outputs: usize,
}

/// Range of a layer's gradients in a slice's partial sums: weights, bias, gain and shift.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct GradientRange {
    /// Layers of one group are stored at the same time.
    pub group: usize,
    pub start: usize,
    pub end: usize,
}

impl Partition {
    pub fn of(task: &Task) -> Self {
        let flops: u64 = task.network.layers().map(|layer| 3 * layer.forward_flops(task.micro_batch)).sum();
        let available = rayon::current_num_threads();
        let threads = if flops < LEAST_FLOPS { 1 } else { available };
        let slices = task.slices.unwrap_or(threads.min(task.micro_batch / LEAST_ROWS));
        let slices = slices.clamp(1, task.micro_batch.max(1));
        let layers: Vec<Layer> = task.network.layers().collect();
        let mut places = vec![None; layers.len()];
        let (mut group, mut end, mut partials) = (0, 0, 0);
        // Backward meets the last layer first.
        for (layer, place) in layers.iter().zip(&mut places).rev() {
            let count = layer.parameter_count() as usize;
            if slices == 1 || count > MOST_PARTIALS {
                continue;
            }
            if end + count > MOST_PARTIALS {
                (group, end) = (group + 1, 0);
            }
            *place = Some(GradientRange { group, start: end, end: end + count });
            end += count;
            partials = end.max(partials);
        }
        let apart = layers.iter().zip(&places).filter(|(_, place)| place.is_none()).map(|(layer, _)| layer);
        // A slice sums the gradients of gain and shift while it has the delta before the normalisation. Those of a layer without a
        // place are used before the next layer's.
        let norm_lengths = || layers.iter().map(|layer| layer.tensor_lengths()[2..].iter().sum::<usize>());
        let norms = norm_lengths().zip(&places).map(|(length, place)| match place {
            Some(place) => place.end - length..place.end,
            None => partials..partials + length,
        });
        let norms: Vec<_> = norms.collect();
        partials = norms.iter().map(|norm| norm.end).fold(partials, usize::max);
        let needs_scratch = !task.keeps_gradients() && !is_plain(&task.rule);
        let scratch = apart.filter(|_| needs_scratch).fold([0, 0], |[weights, bias], layer| {
            [weights.max(layer.inputs * layer.outputs), bias.max(layer.outputs)]
        });
        let transformed = layers.iter().filter(|layer| layer.transforms_input());
        Partition {
            available,
            threads,
            rows: task.micro_batch,
            slices,
            places,
            norms,
            partials,
            scratch,
            loaded: transformed.map(|layer| layer.inputs).max().unwrap_or(0),
            outputs: task.network.outputs(),
        }
    }

    /// Each slice's samples, as rows of the micro-batch.
    pub fn slices(&self) -> impl Iterator<Item = Range<usize>> + '_ {
        let start = move |slice: usize| slice * self.rows / self.slices;
        (0..self.slices).map(move |slice| start(slice)..start(slice + 1))
    }

    pub fn place(&self, layer: usize) -> Option<GradientRange> {
        self.places[layer]
    }

    pub fn norm(&self, layer: usize) -> Range<usize> {
        self.norms[layer].clone()
    }

    /// Threads for the products of one slice.
    pub fn threads_each(&self) -> usize {
        (self.threads / self.slices).max(1)
    }

    /// Bytes of partial sums and workspace.
    pub fn bytes(&self) -> ByCategory {
        let gradients = self.slices * self.partials + self.scratch.iter().sum::<usize>();
        let workspace = self.rows * self.loaded + self.slices * self.outputs;
        ByCategory::from_iter([
            (Category::Gradients, 4 * gradients as u64),
            (Category::Workspace, 4 * workspace as u64),
        ])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slices_have_every_row_once() {
        for (rows, slices) in [(1, 1), (16, 1), (100, 2), (100, 3), (101, 6), (1000, 7)] {
            let partition = Partition {
                available: slices,
                threads: slices,
                rows,
                slices,
                places: Vec::new(),
                norms: Vec::new(),
                partials: 0,
                scratch: [0, 0],
                loaded: 0,
                outputs: 1,
            };
            let all: Vec<usize> = partition.slices().flatten().collect();
            assert_eq!(all, (0..rows).collect::<Vec<_>>());
            let (least, most) = (
                partition.slices().map(|rows| rows.len()).min(),
                partition.slices().map(|rows| rows.len()).max(),
            );
            assert!(most.unwrap() - least.unwrap() <= 1);
        }
    }
}
