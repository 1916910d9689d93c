//! Fused layers: which layers share a dispatch, with states in workgroup memory, and the layout of their
//! parameters.

use std::ops::Range;

use crate::device::{DeviceLimits, Task};
use crate::model::{Activation, Layer, Network, Operation};
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
        let mut layers = runs.iter().cloned().flatten().map(|layer| network.layer(layer));
        let loads = layers.any(|layer| layer.input_activation() != Activation::Identity);
        // One tile per layer and one for the input, plus one for the activated input if layers apply an
        // activation to it.
        let beside = 1 + usize::from(loads);
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
        let fusion = Fusion { runs, most, tiles: most + beside, width, row_lanes, subgroups, groups, places };
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
            let (weights, bias) = place.map_or((0, 0), |place| (place.weights, place.bias));
            [layer.inputs, layer.outputs, weights, bias].map(|number| number as u32)
        };
        network.layers().zip(&self.places).map(row).collect()
    }

    /// Shape of the chain kernel. At most `most_column_lanes` lanes share the columns of a layer.
    pub fn tiles(&self, most_column_lanes: u32) -> Tiles {
        let width = self.width as u32;
        Tiles {
            row_lanes: self.row_lanes as u32,
            column_lanes: if self.subgroups { 1 } else { width.div_ceil(8).min(most_column_lanes) },
            width,
            count: self.tiles as u32,
            subgroups: self.subgroups,
        }
    }
}

/// Runs of two or more consecutive thin layers without layer normalisation that share their activation
/// functions and residual setting.
fn thin_runs(network: &Network) -> Vec<Range<usize>> {
    let mut runs: Vec<Range<usize>> = Vec::new();
    let kind =
        |layer: Layer| (layer.input_activation(), layer.product_activation(), layer.has(Operation::AddInput));
    for (index, layer) in network.layers().enumerate() {
        if widest(layer) > MOST_WIDTH || layer.has(Operation::LayerNorm) {
            continue;
        }
        match runs.last_mut() {
            Some(run) if run.end == index && kind(network.layer(run.start)) == kind(layer) => run.end += 1,
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
