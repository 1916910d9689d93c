//! Thin layers: which layers run with kernels of their own, together where a plan says so, and the layout of their
//! parameters.

use std::ops::Range;

use super::chain_shape::chain_shape;
use super::thin_parameters::ParameterOffsets;
use crate::device::{DeviceLimits, Task};
use crate::gpu::kernels::{ChainShape, LayerFunctions, RuleConstants, ThinNorm};
use crate::gpu::pipelines::{ADDS_INPUT, DROPS, LOADS, NORMALISES, PART_SAMPLES, STORES};
use crate::model::{Activation, Layer, Network, Operation};
use crate::plan::Layers;

/// Maximum width of a thin layer. Wider layers have enough work for a dispatch of their own.
const MOST_WIDTH: usize = 128;
/// Partial gradients that are kept at a time take as many bytes as so many of the widest states, if one layer takes no more.
const PARTIAL_STATES: usize = 4;
/// What is kept for the gradients of normalised layers takes at most as many bytes as so many of their widest states, or these
/// bytes, if one layer takes no more.
const NORM_STATES: u64 = 2;
const NORM_BYTES: u64 = 256 << 10;
/// Most workgroups of a dispatch along a dimension, by default in wgpu. Those of a chain loop over the samples.
pub const MOST_GROUPS: usize = 65_535;
/// Bytes of a `vec4f`, the unit of the kernels' offsets.
const FOUR: u64 = 16;

/// Thin layers, and the shape of the kernels that run them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fusion {
    /// Ranges of consecutive thin layers.
    pub runs: Vec<Range<usize>>,
    pub shape: ChainShape,
    /// Width of the widest.
    width: usize,
    micro_batch: usize,
    /// Parameter offsets by layer of the network. `None` for layers that are not thin.
    places: Vec<Option<ParameterOffsets>>,
    /// What thin layers apply, each where the table's flags say so.
    pub functions: LayerFunctions,
    /// `None` if no thin layer normalises its input.
    pub norm: Option<ThinNorm>,
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
        let layers = runs.iter().cloned().flatten().map(|layer| network.layer(layer));
        let normalised: Vec<Layer> = layers.filter(|layer| layer.normalisation().is_some()).collect();
        let normalises = !normalised.is_empty();
        // Two tiles take turns; a third holds the input of a layer after what it does to it.
        let transforms = normalises || functions.load != Activation::Identity || functions.dropout.is_some();
        let shape = chain_shape(task.micro_batch, width, 2 + u32::from(transforms), normalises, limits)?;
        let norm = normalised.first().and_then(|layer| layer.normalisation()).map(|normalisation| {
            let width = normalised.iter().map(|layer| layer.inputs).max().unwrap_or(0);
            let is_normalised = |layer: &usize| network.layer(*layer).normalisation().is_some();
            let longest = runs.iter().map(|run| run.clone().filter(is_normalised).count()).max();
            let one = ThinNorm {
                normalisation,
                layers: 1,
                micro_batch: task.micro_batch,
                group_samples: shape.samples(),
                width,
            };
            let states = NORM_STATES * 4 * task.micro_batch as u64 * width as u64;
            let fit = (states.max(NORM_BYTES).min(limits.binding_bytes) / one.bytes()) as usize;
            ThinNorm { layers: fit.min(longest.unwrap_or(1)).max(1), ..one }
        });
        let mut places = vec![None; network.layers().len()];
        let mut end = 0;
        for layer in runs.iter().cloned().flatten() {
            let place = ParameterOffsets::new(end, network.layer(layer));
            places[layer] = Some(place);
            end = place.end;
        }
        let fusion = Fusion { runs, shape, width, micro_batch: task.micro_batch, places, functions, norm };
        // Gradients and optimizer state are bound together.
        let planes = RuleConstants::of(task).planes().max(1) as u64;
        let largest =
            (planes * fusion.parameter_bytes()).max(fusion.partial_bytes()).max(fusion.norm_bytes());
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

    /// Bytes that the backward pass keeps for the gradients of normalised layers.
    pub fn norm_bytes(&self) -> u64 {
        self.norm.map_or(0, ThinNorm::bytes)
    }

    /// `true` if so many consecutive layers can go backward before their gradients are computed.
    pub fn keeps_norms_of(&self, layers: usize) -> bool {
        self.norm.is_none_or(|norm| layers <= norm.layers)
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
        self.micro_batch.div_ceil(self.shape.samples()).min(MOST_GROUPS)
    }
}

/// Flags of a thin layer in the kernels' table.
pub fn flags(layer: Layer) -> u32 {
    let flags = [
        (NORMALISES, layer.normalisation().is_some()),
        (LOADS, layer.input_activation() != Activation::Identity),
        (STORES, layer.product_activation() != Activation::Identity),
        (ADDS_INPUT, layer.has(Operation::AddInput)),
        (DROPS, layer.dropout().is_some()),
    ];
    flags.into_iter().filter(|&(_, is_set)| is_set).map(|(flag, _)| flag).sum()
}

/// Runs of two or more consecutive thin layers. Those that drop values do so at one rate.
fn thin_runs(network: &Network) -> Vec<Range<usize>> {
    let mut runs: Vec<Range<usize>> = Vec::new();
    let dropout = network.layers().find_map(Layer::dropout);
    for (index, layer) in network.layers().enumerate() {
        let drops_at_another_rate = layer.dropout().is_some_and(|other| Some(other) != dropout);
        if widest(layer) > MOST_WIDTH || drops_at_another_rate {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::DatasetShape;
    use crate::device::Division;
    use crate::model::{Loss, Optimizer, UpdateRule};

    fn task(network: &Network) -> Task<'_> {
        Task {
            network,
            micro_batch: 5,
            parts: 1,
            rule: UpdateRule::of(Optimizer::Sgd),
            label_smoothing: 0.0,
            data: DatasetShape::empty(network.features()),
            timed: false,
            fused: true,
            chains: true,
            observed: false,
            tuned: false,
            slices: None,
            division: Division::None,
            keeps_best: false,
        }
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
