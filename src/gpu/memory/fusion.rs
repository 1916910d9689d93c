//! Thin layers: which layers run with kernels of their own, together where a plan says so, and the layout of their
//! parameters.

use std::ops::Range;

use crate::device::{DeviceLimits, Task};
use crate::gpu::kernels::{ChainShape, LayerFunctions, RuleConstants};
use crate::gpu::pipelines::{ADDS_INPUT, LOADS, PART_SAMPLES, STORES};
use crate::model::{Activation, Layer, Network, Operation};
use crate::plan::Layers;

/// Maximum width of a thin layer. Wider layers have enough work for a dispatch of their own.
const MOST_WIDTH: usize = 128;
/// Lanes per tile, each with four samples or eight, in order of preference.
const ROW_LANES: [usize; 3] = [8, 4, 2];
/// Partial gradients that are kept at a time take as many bytes as so many of the widest states, if one layer takes no more.
const PARTIAL_STATES: usize = 4;
/// Most workgroups of a dispatch along a dimension, by default in wgpu. Those of a chain loop over the samples.
pub const MOST_GROUPS: usize = 65_535;
/// Micro-batches of fewer samples do not keep a large device busy: what counts is how long a layer takes, not how many
/// instructions. An estimate, from 132 multiprocessors with four schedulers each.
const MANY_SAMPLES: usize = 16_384;
/// Bytes of a `vec4f`, the unit of the kernels' offsets.
const FOUR: u64 = 16;

/// Thin layers, and the shape of the kernels that run them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fusion {
    /// Ranges of consecutive thin layers.
    pub runs: Vec<Range<usize>>,
    /// Tiles in workgroup memory.
    tiles: usize,
    /// Columns of a tile.
    width: usize,
    row_lanes: usize,
    /// Groups of four samples of a lane.
    quads: usize,
    subgroups: bool,
    micro_batch: usize,
    /// Parameter offsets by layer of the network. `None` for layers that are not thin.
    places: Vec<Option<ParameterOffsets>>,
    /// What thin layers apply, each where the table's flags say so.
    pub functions: LayerFunctions,
}

/// Offsets of a layer's parameters in the shared buffer, in units of `vec4f`: rows of weights, each padded to
/// a multiple of four values, then the bias.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ParameterOffsets {
    pub weights: usize,
    pub bias: usize,
    pub end: usize,
}

impl Fusion {
    /// Thin layers of `task`'s network on a device with `limits`. `None` if no two consecutive layers are
    /// thin, or if the device does not support their kernels.
    pub fn of(task: &Task, limits: DeviceLimits) -> Option<Self> {
        if !task.chains {
            return None;
        }
        let network = task.network;
        let runs = thin_runs(network);
        let width = runs.iter().cloned().flatten().map(|layer| widest(network.layer(layer))).max()?;
        let functions = LayerFunctions::of(network, runs.iter().cloned().flatten());
        // Two tiles take turns; a third holds the input of a layer after the function that it applies to it.
        let tiles = 2 + usize::from(functions.load != Activation::Identity);
        let bytes = |samples: usize| FOUR as usize * tiles * samples * stride(width);
        let fits = |quads: usize, lanes: usize| bytes(4 * quads * lanes) <= limits.workgroup_bytes as usize;
        let most_quads = if task.micro_batch >= MANY_SAMPLES && !limits.subgroups { 2 } else { 1 };
        let (quads, row_lanes) = (1..=most_quads).rev().find_map(|quads| {
            let row_lanes = ROW_LANES.into_iter().find(|&lanes| fits(quads, lanes))?;
            Some((quads, row_lanes))
        })?;
        let mut places = vec![None; network.layers().len()];
        let mut end = 0;
        for layer in runs.iter().cloned().flatten() {
            let Layer { inputs, outputs, .. } = network.layer(layer);
            let place = ParameterOffsets {
                weights: end,
                bias: end + outputs * inputs.div_ceil(4),
                end: end + outputs * inputs.div_ceil(4) + outputs.div_ceil(4),
            };
            places[layer] = Some(place);
            end = place.end;
        }
        let fusion = Fusion {
            runs,
            tiles,
            width,
            row_lanes,
            quads,
            // A subgroup has as many lanes as the largest tile.
            subgroups: limits.subgroups && row_lanes == ROW_LANES[0],
            micro_batch: task.micro_batch,
            places,
            functions,
        };
        // Gradients and optimizer state are bound together.
        let planes = RuleConstants::of(task).planes().max(1) as u64;
        let largest = (planes * fusion.parameter_bytes()).max(fusion.partial_bytes());
        let binds = largest <= limits.binding_bytes;
        binds.then_some(fusion)
    }

    /// Parameter offsets of `layer`. `None` if it is not thin.
    pub fn place(&self, layer: usize) -> Option<ParameterOffsets> {
        self.places[layer]
    }

    /// Bytes of the parameters of all thin layers.
    pub fn parameter_bytes(&self) -> u64 {
        FOUR * self.places.iter().flatten().map(|place| place.end as u64).max().unwrap_or(0)
    }

    /// Parts of a micro-batch, each with gradients of its own.
    pub fn parts(&self) -> usize {
        self.micro_batch.div_ceil(PART_SAMPLES)
    }

    /// Bytes of partial gradients: none for a micro-batch of one part.
    pub fn partial_bytes(&self) -> u64 {
        if self.parts() == 1 { 0 } else { FOUR * (self.parts() * self.most_partials()) as u64 }
    }

    /// Parameters whose partial gradients are kept at a time, in units of `vec4f`.
    fn most_partials(&self) -> usize {
        let size = |layers: Layers| self.extent(layers).len();
        let whole = self.runs.iter().map(|run| size(run.clone().into())).max().unwrap_or(0);
        let largest = self.runs.iter().cloned().flatten().map(|layer| size(layer.into())).max().unwrap_or(0);
        whole.min((PARTIAL_STATES * PART_SAMPLES * self.width / 4).max(largest))
    }

    /// `true` if the gradients of `layers` can be computed in one dispatch.
    pub fn has_room_for(&self, layers: Layers) -> bool {
        self.parts() == 1 || self.extent(layers).len() <= self.most_partials()
    }

    /// Range of the parameters of `layers`, which must be thin, in units of `vec4f`.
    pub fn extent(&self, layers: Layers) -> Range<usize> {
        let place = |layer: usize| self.places.get(layer).copied().flatten();
        let start = place(layers.first).map_or(0, |place| place.weights);
        start..place(layers.last()).map_or(start, |place| place.end)
    }

    /// Workgroups of a chain.
    pub fn groups(&self) -> usize {
        self.micro_batch.div_ceil(4 * self.quads * self.row_lanes).min(MOST_GROUPS)
    }

    /// Shape of the chain kernels in a workgroup of at most `invocations`, of which at most `most_column_lanes`
    /// share the columns of a layer.
    pub fn shape(&self, most_column_lanes: u32, invocations: u32) -> ChainShape {
        let (width, row_lanes) = (self.width as u32, self.row_lanes as u32);
        let most = most_column_lanes.min(invocations / row_lanes);
        let vectors = if self.micro_batch >= MANY_SAMPLES || width.div_ceil(4) > most { 2 } else { 1 };
        ChainShape {
            row_lanes,
            column_lanes: if self.subgroups { 1 } else { width.div_ceil(4 * vectors).min(most) },
            vectors,
            quads: self.quads as u32,
            stride: stride(self.width) as u32,
            count: self.tiles as u32,
            subgroups: self.subgroups,
        }
    }
}

/// Flags of a thin layer in the kernels' table.
pub fn flags(layer: Layer) -> u32 {
    let flags = [
        (LOADS, layer.input_activation() != Activation::Identity),
        (STORES, layer.product_activation() != Activation::Identity),
        (ADDS_INPUT, layer.has(Operation::AddInput)),
    ];
    flags.into_iter().filter(|&(_, is_set)| is_set).map(|(flag, _)| flag).sum()
}

/// Vectors of four values from one row of `width` values to the next. An odd number of them lets neighbouring rows lie in
/// different banks.
fn stride(width: usize) -> usize {
    width.div_ceil(4) | 1
}

/// Runs of two or more consecutive thin layers without layer normalisation.
fn thin_runs(network: &Network) -> Vec<Range<usize>> {
    let mut runs: Vec<Range<usize>> = Vec::new();
    for (index, layer) in network.layers().enumerate() {
        if widest(layer) > MOST_WIDTH || layer.has(Operation::LayerNorm) {
            continue;
        }
        match runs.last_mut() {
            Some(run) if run.end == index => run.end += 1,
            _ => runs.push(index..index + 1),
        }
    }
    runs.retain(|run| run.len() > 1);
    runs
}

fn widest(layer: Layer) -> usize {
    layer.inputs.max(layer.outputs)
}

/// Rows of `width` values, each padded with zeros to a multiple of four.
pub fn padded(values: &[f32], width: usize) -> impl Iterator<Item = f32> + '_ {
    let padding = width.next_multiple_of(4) - width;
    values.chunks(width).flat_map(move |row| row.iter().copied().chain(std::iter::repeat_n(0.0, padding)))
}

/// Inverse of [`padded`].
pub fn unpadded(values: &[f32], width: usize) -> Vec<f32> {
    values.chunks(width.next_multiple_of(4)).flat_map(|row| &row[..width]).copied().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::DatasetShape;
    use crate::model::{Loss, Optimizer, UpdateRule};

    fn task(network: &Network) -> Task<'_> {
        Task {
            network,
            micro_batch: 5,
            parts: 1,
            rule: UpdateRule::of(Optimizer::Sgd),
            data: DatasetShape::empty(network.features()),
            timed: false,
            fused: true,
            chains: true,
            observed: false,
            tuned: false,
            slices: None,
            divisible: false,
        }
    }

    #[test]
    fn chains_keep_to_the_invocations_of_a_workgroup() {
        let limits = DeviceLimits { workgroup_bytes: 48 << 10, ..DeviceLimits::default() };
        let network = Network::new(&[96, 96, 96, 3], Activation::Relu, Loss::CrossEntropy).unwrap();
        let shape = |micro_batch, invocations| {
            let fusion = Fusion::of(&Task { micro_batch, ..task(&network) }, limits).unwrap();
            let shape = fusion.shape(32, invocations);
            assert!(shape.row_lanes * shape.column_lanes <= invocations);
            (shape.column_lanes, shape.vectors)
        };
        assert_eq!([shape(5, 256), shape(5, 128), shape(5, 64)], [(24, 1), (12, 2), (8, 2)]);
        assert_eq!(shape(MANY_SAMPLES, 256), (12, 2));
    }

    #[test]
    fn lanes_take_eight_samples_of_large_batches_where_memory_suffices() {
        let network = Network::new(&[127, 127, 127, 3], Activation::Relu, Loss::CrossEntropy).unwrap();
        let fours = |micro_batch, kib: u32| {
            let limits = DeviceLimits { workgroup_bytes: kib << 10, ..DeviceLimits::default() };
            let fusion = Fusion::of(&Task { micro_batch, ..task(&network) }, limits).unwrap();
            (fusion.quads, fusion.row_lanes)
        };
        assert_eq!([fours(MANY_SAMPLES - 1, 48), fours(MANY_SAMPLES, 48)], [(1, 8), (2, 4)]);
        // The same layers are thin, so that gradients are summed in the same order.
        assert_eq!([fours(MANY_SAMPLES - 1, 16), fours(MANY_SAMPLES, 16)], [(1, 2), (1, 2)]);
    }

    #[test]
    fn chains_hold_all_layers_between_wide_ones() {
        let limits = DeviceLimits { workgroup_bytes: 32 << 10, ..DeviceLimits::default() };
        for activation in Activation::ALL {
            for residual in [false, true] {
                let runs = |widths: &[usize]| {
                    let network = Network::new(widths, activation, Loss::CrossEntropy).unwrap();
                    let network = network.with_residual(residual);
                    let runs = Fusion::of(&task(&network), limits).map_or(Vec::new(), |fusion| fusion.runs);
                    runs.into_iter().map(|run| (run.start, run.end)).collect::<Vec<_>>()
                };
                assert_eq!(runs(&[2, 64, 64, 10]), [(0, 3)], "{activation:?}, residual {residual}");
                assert_eq!(
                    runs(&[9, 9, 9, 300, 9, 9, 3]),
                    [(0, 2), (4, 6)],
                    "{activation:?}, residual {residual}"
                );
                assert!(runs(&[300, 9, 300]).is_empty());
            }
        }
    }
}
