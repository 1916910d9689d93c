//! Measures which tile is fastest on a device for each kind of product.
//!
//! The order of sums is the same for all tiles, so the choice affects the run time but not the results.

use std::collections::btree_map::Entry;
use std::time::Duration;

use super::cache::CacheEntry;
use super::trial::Trial;
use crate::device::Task;
use crate::gpu::memory::Fusion;
use crate::gpu::pipelines::{Choices, Context, LayerProduct, Product, Tile};
use crate::{Error, Result};

/// Minimum FLOPs of a product that is tuned. Tuning smaller products costs more than it saves.
const WORTH_TUNING: u64 = 1 << 28;

impl Context {
    /// Measures the fastest tile for each large product of `task` that is not known yet, and writes it to the
    /// user's cache directory. Software drivers are not tuned: there, compiling the kernels takes longer than
    /// most runs.
    ///
    /// Its buffers are released before the run begins and are not counted in the run's ledger. If they do not
    /// fit into device memory, products use the default tiles.
    ///
    /// # Errors
    /// [`Error::DeviceLost`] if the device is lost.
    pub(in crate::gpu) fn tuned(self, task: &Task) -> Result<Self> {
        if self.device.is_software() || self.has_fixed_tile() {
            return Ok(self);
        }
        let place = CacheEntry::of(&self.device.info);
        let mut choices = place.as_ref().map(CacheEntry::read).unwrap_or_default();
        let tiles: Vec<_> = self.choosable_tiles().collect();
        match add_missing(&self, task, &tiles, WORTH_TUNING, &mut choices) {
            Ok(true) => {
                if let Some(place) = &place {
                    place.write(&choices);
                }
            }
            // Falls back to the known choices; the run itself may need less memory.
            Ok(false) | Err(Error::DoesNotFit(_)) => {}
            Err(error) => return Err(error),
        }
        Ok(self.with_choices(choices))
    }
}

/// Measures the products of `task` with at least `least_flops` FLOPs that `choices` lacks. Returns `true` if
/// there were any.
fn add_missing(
    context: &Context,
    task: &Task,
    tiles: &[Tile],
    least_flops: u64,
    choices: &mut Choices,
) -> Result<bool> {
    let mut any = false;
    let fusion = Fusion::of(task, context.limits());
    for (index, layer) in task.network.layers().enumerate() {
        // Thin layers have kernels of their own.
        let is_thin = fusion.as_ref().is_some_and(|fusion| fusion.place(index).is_some());
        if is_thin || layer.forward_flops(task.micro_batch) < least_flops {
            continue;
        }
        let products = [Product::Forward, Product::Gradient, Product::Delta];
        // The first layer computes no delta.
        for &product in &products[..if index == 0 { 2 } else { 3 }] {
            let product = LayerProduct { product, layer, micro_batch: task.micro_batch };
            if let Entry::Vacant(entry) = choices.entry(product.kind()) {
                entry.insert(fastest(product, context, task, tiles)?);
                any = true;
            }
        }
    }
    Ok(any)
}

/// Fastest of those of `tiles` whose kernels the driver accepts.
fn fastest(product: LayerProduct, context: &Context, task: &Task, tiles: &[Tile]) -> Result<Tile> {
    let mut trial = Trial::new(product, context, task)?;
    let mut fastest = (Duration::MAX, context.tile(product));
    for &tile in tiles {
        match trial.time(tile) {
            Ok(time) if time < fastest.0 => fastest = (time, tile),
            Ok(_) | Err(Error::KernelRefused { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(fastest.1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::DatasetShape;
    use crate::device::Division;
    use crate::gpu::device::AdapterKind;
    use crate::model::{Activation, Loss, Network, Optimizer, UpdateRule};

    #[test]
    fn software_is_timed_once_for_each_kind_of_product_and_leaves_nothing_booked() {
        let context = Context::open(AdapterKind::Software).unwrap();
        let network = Network::new(&[9, 70, 66, 3], Activation::Tanh, Loss::Quadratic).unwrap();
        let task = Task {
            network: &network,
            micro_batch: 5,
            parts: 1,
            rule: UpdateRule::of(Optimizer::Sgd),
            label_smoothing: 0.0,
            data: DatasetShape::empty(9),
            timed: false,
            fused: false,
            chains: false,
            observed: false,
            tuned: true,
            slices: None,
            division: Division::None,
            keeps_best: false,
        };
        let mut choices = Choices::new();
        let least_flops = network.layer(1).forward_flops(5);
        let tiles = [Tile::Blocks([8, 1]), Tile::Blocks([8, 8])];
        assert!(add_missing(&context, &task, &tiles, least_flops, &mut choices).unwrap());
        let kinds: Vec<_> = choices.keys().map(String::as_str).collect();
        assert_eq!(kinds, ["delta 8x128x128", "forward 8x128x128", "gradient 128x128x8"]);
        assert!(!add_missing(&context, &task, &tiles, least_flops, &mut choices).unwrap());
        assert_eq!(context.device.ledger.allocated().total(), 0);
        let chosen = context.with_choices(choices.clone());
        let product = LayerProduct { product: Product::Gradient, layer: network.layer(1), micro_batch: 5 };
        assert_eq!(chosen.tile(product), choices["gradient 128x128x8"]);
    }
}
