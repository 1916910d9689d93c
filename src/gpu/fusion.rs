//! Fused layers: which layers share a dispatch, with states in workgroup memory, and the layout of their
//! parameters.

use std::ops::Range;

use crate::device::{DeviceLimits, Task};
use crate::model::{Activation, Derivative, Layer, Network, Operation};
use crate::plan::{Fusible, Layers};

/// Maximum width of a fused layer. Wider layers have enough work for a dispatch of their own.
const MOST_WIDTH: usize = 128;
/// Lanes per tile, each with four samples, in order of preference. Fewer lanes leave room for more layers,
/// but produce more partial gradients.
const ROW_LANES: [usize; 3] = [8, 4, 2];
/// Minimum number of layers that fit before a smaller tile is tried.
const ENOUGH_LAYERS: usize = 3;
/// Bytes of a `vec4f`, the unit of the kernels' offsets.
const FOUR: u64 = 16;

/// The layer applies the network's function to its input.
const LOADS: u32 = 1;
/// The layer applies the network's function to its product.
const STORES: u32 = 2;
/// The layer adds its input to its output.
const ADDS_INPUT: u32 = 4;
/// The layer is fused, and the table says where its parameters are.
const IS_THIN: u32 = 8;

/// Flags of the kernels' table by their names in WGSL.
pub(super) const FLAGS: [(&str, u32); 4] =
    [("LOADS", LOADS), ("STORES", STORES), ("ADDS_INPUT", ADDS_INPUT), ("IS_THIN", IS_THIN)];

/// Fused layers, and the shape of the kernels that run them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fusion {
    /// Ranges of consecutive fused layers.
    runs: Vec<Range<usize>>,
    /// Maximum number of layers per dispatch.
    most: usize,
    /// Tiles in workgroup memory.
    tiles: usize,
    /// Columns of a tile.
    width: usize,
    row_lanes: usize,
    subgroups: bool,
    /// Workgroups, each with its own partial gradients.
    pub groups: usize,
    /// Parameter offsets by layer of the network. `None` for unfused layers.
    places: Vec<Option<ParameterOffsets>>,
    /// What fused layers apply, each where the table's flags say so.
    pub functions: ChainFunctions,
}

/// Functions that are compiled into the chain kernel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ChainFunctions {
    /// Of a layer's input.
    pub load: Activation,
    /// Of a layer's product.
    pub store: Activation,
    /// `true` if any layer adds its input.
    pub residual: bool,
    /// Factor of a delta below a layer.
    pub derivative: Derivative,
}

/// Offsets of a layer's parameters in the shared buffer, in units of `vec4f`: rows of weights, each padded to
/// a multiple of four values, then the bias.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ParameterOffsets {
    pub weights: usize,
    pub bias: usize,
    pub end: usize,
}

/// Parameters that are compiled into the chain kernel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Tiles {
    pub row_lanes: u32,
    pub column_lanes: u32,
    pub width: u32,
    pub count: u32,
    /// `true` if lanes share their loads through subgroup operations, which needs a workgroup of one
    /// subgroup.
    pub subgroups: bool,
}

impl Fusion {
    /// Fused layers of `task`'s network on a device with `limits`. `None` if no two consecutive layers are
    /// thin enough, or if the device does not support chains.
    pub fn of(task: &Task, limits: DeviceLimits) -> Option<Self> {
        let network = task.network;
        let runs = thin_runs(network);
        let width = runs.iter().cloned().flatten().map(|layer| widest(network.layer(layer))).max()?;
        let width = width.next_multiple_of(4);
        let functions = ChainFunctions::of(network, runs.iter().cloned().flatten());
        // One tile per layer and one for the input, plus one for the activated input if layers apply an
        // activation to it.
        let beside = 1 + usize::from(functions.load != Activation::Identity);
        let room = |row_lanes: usize| {
            let tile = FOUR as usize * width * row_lanes;
            (limits.workgroup_bytes as usize / tile).saturating_sub(beside)
        };
        let enough = |row_lanes: &usize| room(*row_lanes) >= ENOUGH_LAYERS;
        // A subgroup has as many lanes as the largest tile.
        let subgroups = limits.subgroups && room(ROW_LANES[0]) >= 2;
        let row_lanes = if subgroups {
            ROW_LANES[0]
        } else {
            ROW_LANES.into_iter().find(enough).unwrap_or(ROW_LANES[ROW_LANES.len() - 1])
        };
        let most = room(row_lanes);
        if !task.fused || most < 2 || limits.chain_groups == 0 {
            return None;
        }
        let groups = task.micro_batch.div_ceil(4 * row_lanes).min(limits.chain_groups);
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
        let tiles = most + beside;
        let fusion = Fusion { runs, most, tiles, width, row_lanes, subgroups, groups, places, functions };
        let binds = fusion.parameter_bytes().max(fusion.partial_bytes()) <= limits.binding_bytes;
        binds.then_some(fusion)
    }

    /// Fused layers as the planner sees them.
    pub fn fusible(&self) -> Vec<Fusible> {
        self.runs.iter().map(|layers| Fusible { layers: layers.clone(), most: self.most }).collect()
    }

    /// Parameter offsets of `layer`. `None` if it is not fused.
    pub fn place(&self, layer: usize) -> Option<ParameterOffsets> {
        self.places[layer]
    }

    /// Bytes of the parameters of all fused layers.
    pub fn parameter_bytes(&self) -> u64 {
        FOUR * self.places.iter().flatten().map(|place| place.end as u64).max().unwrap_or(0)
    }

    /// Bytes of the partial gradients of one dispatch.
    pub fn partial_bytes(&self) -> u64 {
        FOUR * (self.groups * self.largest_part()) as u64
    }

    fn largest_part(&self) -> usize {
        let starts =
            self.runs.iter().flat_map(|run| run.clone().map(|first| (first, run.end.min(first + self.most))));
        starts.map(|(first, end)| self.extent(Layers { first, end }).len()).max().unwrap_or(0)
    }

    /// Range of the parameters of `layers`, which must be fused, in units of `vec4f`.
    pub fn extent(&self, layers: Layers) -> Range<usize> {
        let place = |layer: usize| self.places.get(layer).copied().flatten();
        let start = place(layers.first).map_or(0, |place| place.weights);
        start..place(layers.last()).map_or(start, |place| place.end)
    }

    /// Bytes of the kernels' table.
    pub fn table_bytes(&self) -> u64 {
        FOUR * self.places.len() as u64
    }

    /// Table of the network's layers for the kernels, four numbers per layer.
    pub fn table(&self, network: &Network) -> Vec<[u32; 4]> {
        let row = |(layer, place): (Layer, &Option<ParameterOffsets>)| {
            let flags = [
                (LOADS, layer.input_activation() != Activation::Identity),
                (STORES, layer.product_activation() != Activation::Identity),
                (ADDS_INPUT, layer.has(Operation::AddInput)),
                (IS_THIN, place.is_some()),
            ];
            let flags = flags.into_iter().filter(|&(_, is_set)| is_set).map(|(flag, _)| flag).sum();
            let weights = place.map_or(0, |place| place.weights);
            [layer.inputs as u32, layer.outputs as u32, weights as u32, flags]
        };
        network.layers().zip(&self.places).map(row).collect()
    }

    /// Shape of the chain kernel in a workgroup of at most `invocations`, of which at most `most_column_lanes`
    /// share the columns of a layer.
    pub fn tiles(&self, most_column_lanes: u32, invocations: u32) -> Tiles {
        let (width, row_lanes) = (self.width as u32, self.row_lanes as u32);
        let most = most_column_lanes.min(invocations / row_lanes);
        Tiles {
            row_lanes,
            column_lanes: if self.subgroups { 1 } else { width.div_ceil(8).min(most) },
            width,
            count: self.tiles as u32,
            subgroups: self.subgroups,
        }
    }
}

impl ChainFunctions {
    /// Functions of `layers` of `network`, which apply no others.
    fn of(network: &Network, layers: impl Iterator<Item = usize> + Clone) -> Self {
        let first = |of: fn(Layer) -> Activation| {
            let mut functions = layers.clone().map(|layer| of(network.layer(layer)));
            functions.find(|&function| function != Activation::Identity).unwrap_or(Activation::Identity)
        };
        // The first layer computes no delta below.
        let derivative = layers.clone().find(|&layer| layer > 0);
        ChainFunctions {
            load: first(Layer::input_activation),
            store: first(Layer::product_activation),
            residual: layers.clone().any(|layer| network.layer(layer).has(Operation::AddInput)),
            derivative: derivative.map_or(Derivative::ONE, |layer| network.derivative(layer)),
        }
    }
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
pub(super) fn padded(values: &[f32], width: usize) -> impl Iterator<Item = f32> + '_ {
    let padding = width.next_multiple_of(4) - width;
    values.chunks(width).flat_map(move |row| row.iter().copied().chain(std::iter::repeat_n(0.0, padding)))
}

/// Inverse of [`padded`].
pub(super) fn unpadded(values: &[f32], width: usize) -> Vec<f32> {
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
            observed: false,
            tuned: false,
        }
    }

    #[test]
    fn chains_keep_to_the_invocations_of_a_workgroup() {
        let limits = DeviceLimits { workgroup_bytes: 48 << 10, chain_groups: 8, ..DeviceLimits::default() };
        let network = Network::new(&[96, 96, 96, 3], Activation::Relu, Loss::CrossEntropy).unwrap();
        let fusion = Fusion::of(&task(&network), limits).unwrap();
        let [most, few] = [256, 64].map(|invocations| {
            let tiles = fusion.tiles(16, invocations);
            tiles.row_lanes * tiles.column_lanes
        });
        assert!(most > 64 && few <= 64, "{most}, {few}");
    }

    #[test]
    fn chains_hold_all_layers_between_wide_ones() {
        let limits = DeviceLimits { workgroup_bytes: 32 << 10, chain_groups: 8, ..DeviceLimits::default() };
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
