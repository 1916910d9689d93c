//! Measures which tile is fastest on a device for each kind of product.
//!
//! The order of sums is the same for all tiles, so the choice affects the run time but not the results.

mod cache;

use std::collections::btree_map::Entry;
use std::time::{Duration, Instant};

use cache::CacheEntry;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};
use wgpu::BufferBinding;

use super::device::{Buffer, OpenDevice, Readback, STOPWATCH_BYTES, Stopwatch};
use super::kernels::{self, LayerFunctions, RuleConstants};
use super::memory::{Footprint, Fusion, METRICS_BYTES, Setup, SizesTable};
use super::pipelines::{Choices, Context, Dispatch, LayerProduct, MicroBatch, Product, Tile};
use crate::device::Task;
use crate::memory::{Category, Ledger};
use crate::model::{Activation, Layer, Optimizer, UpdateRule};
use crate::{Error, Result};

/// Minimum FLOPs of a product that is tuned. Tuning smaller products costs more than it saves.
const WORTH_TUNING: u64 = 1 << 28;
/// Timed runs per tile, after one warm-up run. The fastest counts.
const RUNS: usize = 3;
/// Random numbers that fill the operands, over and over.
const NUMBERS: usize = 1 << 16;

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

/// Fastest of `tiles` on random operands: a product of zeros takes less power, and so may run at a higher clock
/// rate.
fn fastest(product: LayerProduct, context: &Context, task: &Task, tiles: &[Tile]) -> Result<Tile> {
    let context = context.with_ledger(&Ledger::new());
    let footprint = Footprint::new(task, context.limits(), true);
    let mut setup = Setup::new(context, footprint.upload, footprint.sizes)?;
    let LayerProduct { layer: Layer { inputs, outputs, .. }, micro_batch, .. } = product;
    let buffer = |numbers: usize| setup.buffer(Category::Workspace, "trial", 4 * numbers as u64);
    let (state, delta) = (buffer(micro_batch * inputs)?, buffer(micro_batch * outputs)?);
    let (below, weights) = (buffer(micro_batch * inputs)?, buffer(inputs * outputs)?);
    let bias = buffer(outputs)?;
    let metrics = buffer(METRICS_BYTES as usize / 4)?;
    let numbers: Vec<f32> = StandardNormal.sample_iter(ChaCha8Rng::seed_from_u64(0)).take(NUMBERS).collect();
    for operand in [&state, &delta, &weights, &bias] {
        fill(&mut setup, operand, bytemuck::cast_slice(&numbers))?;
    }
    let operands = match product.product {
        Product::Forward => vec![&state, &weights, &bias, &delta, &state],
        Product::Delta => vec![&delta, &weights, &state, &below],
        Product::Gradient => vec![&delta, &state, &weights, &bias, &metrics],
    };
    let operands: Vec<_> = operands.into_iter().map(Buffer::whole).collect();
    let mut timer = Timer::new(&setup.context.device)?;
    let mut fastest = (Duration::MAX, setup.context.tile(product));
    for &tile in tiles {
        let dispatch = dispatch(product, &mut setup, tile, &operands)?;
        let time = timer.time(&setup.context.device, &dispatch)?;
        if time < fastest.0 {
            fastest = (time, tile);
        }
    }
    Ok(fastest.1)
}

/// Dispatch of `product` alone: what kernels apply to its operands and result takes the same time in every tile.
fn dispatch(
    product: LayerProduct,
    setup: &mut Setup,
    tile: Tile,
    operands: &[BufferBinding],
) -> Result<Dispatch> {
    let kernel = match product.product {
        Product::Forward => kernels::forward(LayerFunctions::NONE, product, tile),
        Product::Delta => kernels::delta(LayerFunctions::NONE, product, tile),
        Product::Gradient => {
            let rule = RuleConstants::new(UpdateRule::of(Optimizer::Sgd), false);
            kernels::gradient(Activation::Identity, rule, product, tile)
        }
    };
    let sizes = SizesTable::product(product.micro_batch, product.layer);
    setup.dispatch(&kernel, sizes, operands, product.answer())
}

/// Fills `buffer` with `contents`, over and over.
fn fill(setup: &mut Setup, buffer: &Buffer, contents: &[u8]) -> Result<()> {
    let end = buffer.raw.size();
    for start in (0..end).step_by(contents.len()) {
        let rest = (end - start).min(contents.len() as u64) as usize;
        setup.write(buffer, start, &contents[..rest])?;
    }
    Ok(())
}

/// Times dispatches by the device's clock, or by the host's if the device has none. The learning rate is zero, which leaves the
/// parameters as they are.
struct Timer(Option<(Stopwatch, Readback)>);

impl Timer {
    fn new(device: &OpenDevice) -> Result<Self> {
        let new = || Ok((Stopwatch::new(device)?, Readback::new(device, STOPWATCH_BYTES)?));
        Ok(Timer(device.limits().timestamps.then(new).transpose()?))
    }

    /// Minimum time of several runs, after a warm-up.
    fn time(&mut self, device: &OpenDevice, dispatch: &Dispatch) -> Result<Duration> {
        if let Some((stopwatch, readback)) = &mut self.0 {
            // Each run is its own submission, so that a slow device does not seem to hang.
            for run in 0..RUNS + 1 {
                let mut encoder = device.encoder();
                dispatch.record(&mut stopwatch.begin(&mut encoder), &MicroBatch::default());
                stopwatch.end();
                if run == RUNS {
                    stopwatch.resolve(&mut encoder);
                }
                device.queue.submit([encoder.finish()]);
            }
            stopwatch.read(device, readback)?;
            let spans = stopwatch.take();
            let least = spans.iter().skip(1).map(|span| span.end.saturating_sub(span.start)).min();
            // A clock that does not advance tells nothing.
            if let Some(nanoseconds @ 1..) = least {
                return Ok(Duration::from_nanos(nanoseconds));
            }
        }
        time_by_host(device, dispatch)
    }
}

/// Minimum time of several runs, each its own submission.
fn time_by_host(device: &OpenDevice, dispatch: &Dispatch) -> Result<Duration> {
    let mut least = Duration::MAX;
    for run in 0..RUNS + 1 {
        let mut encoder = device.encoder();
        let mut pass = encoder.begin_compute_pass(&Default::default());
        dispatch.record(&mut pass, &MicroBatch::default());
        drop(pass);
        let started = Instant::now();
        let submission = device.queue.submit([encoder.finish()]);
        device.wait(Some(submission))?;
        // The first run is the warm-up.
        if run > 0 {
            least = least.min(started.elapsed());
        }
    }
    Ok(least)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::DatasetShape;
    use crate::gpu::device::AdapterKind;
    use crate::model::{Loss, Network};

    #[test]
    fn software_is_timed_once_for_each_kind_of_product_and_leaves_nothing_booked() {
        let context = Context::open(AdapterKind::Software).unwrap();
        let network = Network::new(&[9, 70, 66, 3], Activation::Tanh, Loss::Quadratic).unwrap();
        let task = Task {
            network: &network,
            micro_batch: 5,
            parts: 1,
            rule: UpdateRule::of(Optimizer::Sgd),
            data: DatasetShape::empty(9),
            timed: false,
            fused: false,
            chains: false,
            observed: false,
            tuned: true,
            slices: None,
            divisible: false,
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
