//! Measures which tile is fastest on a device for each kind of product.
//!
//! The order of sums is the same for all tiles, so the choice affects the run time but not the results.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::time::{Duration, Instant};

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};
use wgpu::BufferBinding;

use super::context::{Buffer, Context};
use super::dispatch::Dispatch;
use super::footprint::{Footprint, METRICS_BYTES, SizesTable};
use super::fusion::Fusion;
use super::immediates::MicroBatch;
use super::kernel::{Kernel, Variant};
use super::rule::RuleConstants;
use super::setup::Setup;
use super::stopwatch::{STOPWATCH_BYTES, Stopwatch};
use super::tile::Tile;
use super::transfer::Readback;
use super::tune_cache;
use crate::device::Task;
use crate::memory::{Category, Ledger};
use crate::model::Layer;
use crate::{Error, Result};

/// Minimum FLOPs of a product that is tuned. Tuning smaller products costs more than it saves.
const WORTH_TUNING: u64 = 1 << 28;
/// Timed runs per tile, after one warm-up run. The fastest counts.
const RUNS: usize = 3;
/// Random numbers that fill the operands, over and over.
const NUMBERS: usize = 1 << 16;

/// Fastest tile by kind of product.
pub(super) type Choices = BTreeMap<String, Tile>;

/// A product of one layer.
struct Product {
    kernel: Kernel,
    layer: Layer,
    micro_batch: usize,
}

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
    pub(super) fn tuned(self, task: &Task) -> Result<Self> {
        if self.is_software() || self.has_fixed_tile() {
            return Ok(self);
        }
        let place = tune_cache::CacheEntry::of(&self.info);
        let mut choices = place.as_ref().map(tune_cache::CacheEntry::read).unwrap_or_default();
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
        let kernels = [Kernel::Forward, Kernel::Update, Kernel::Delta];
        // The first layer computes no delta.
        for &kernel in &kernels[..if index == 0 { 2 } else { 3 }] {
            let product = Product { kernel, layer, micro_batch: task.micro_batch };
            let name = kind(kernel, product.answer(), product.depth());
            if let Entry::Vacant(entry) = choices.entry(name) {
                entry.insert(product.fastest(context, task, tiles)?);
                any = true;
            }
        }
    }
    Ok(any)
}

/// Kind of a product. Products whose dimensions round up to the same powers of two share a tile.
pub(super) fn kind(kernel: Kernel, [rows, columns]: [usize; 2], depth: usize) -> String {
    let kernel = if kernel == Kernel::Optimize { Kernel::Update } else { kernel };
    let [rows, columns, depth] = [rows, columns, depth].map(usize::next_power_of_two);
    format!("{} {rows}x{columns}x{depth}", kernel.name())
}

impl Product {
    /// Rows and columns of the result.
    fn answer(&self) -> [usize; 2] {
        let Layer { inputs, outputs, .. } = self.layer;
        match self.kernel {
            Kernel::Forward => [self.micro_batch, outputs],
            Kernel::Delta => [self.micro_batch, inputs],
            _ => [outputs, inputs],
        }
    }

    fn depth(&self) -> usize {
        match self.kernel {
            Kernel::Forward => self.layer.inputs,
            Kernel::Delta => self.layer.outputs,
            _ => self.micro_batch,
        }
    }

    /// Fastest of `tiles` on random operands: a product of zeros takes less power, and so may run at a higher clock
    /// rate.
    fn fastest(&self, context: &Context, task: &Task, tiles: &[Tile]) -> Result<Tile> {
        let context = context.with_ledger(&Ledger::new());
        let footprint = Footprint::new(task, context.limits(), true);
        let mut setup = Setup::new(context, footprint.upload, footprint.sizes)?;
        let Layer { inputs, outputs, .. } = self.layer;
        let buffer = |numbers: usize| setup.buffer(Category::Workspace, "trial", 4 * numbers as u64);
        let (state, delta) = (buffer(self.micro_batch * inputs)?, buffer(self.micro_batch * outputs)?);
        let (below, weights) = (buffer(self.micro_batch * inputs)?, buffer(inputs * outputs)?);
        let bias = buffer(outputs)?;
        let metrics = buffer(METRICS_BYTES as usize / 4)?;
        let numbers: Vec<f32> =
            StandardNormal.sample_iter(ChaCha8Rng::seed_from_u64(0)).take(NUMBERS).collect();
        for operand in [&state, &delta, &weights, &bias] {
            fill(&mut setup, operand, bytemuck::cast_slice(&numbers))?;
        }
        let operands = match self.kernel {
            Kernel::Forward => vec![&state, &weights, &bias, &delta, &state],
            Kernel::Delta => vec![&delta, &weights, &state, &below],
            _ => vec![&delta, &state, &weights, &bias, &metrics],
        };
        let operands: Vec<_> = operands.into_iter().map(Buffer::whole).collect();
        let mut timer = Timer::new(&setup.context)?;
        let mut fastest = (Duration::MAX, setup.context.tile(self.kernel, self.answer(), self.depth()));
        for &tile in tiles {
            let dispatch = self.dispatch(&mut setup, tile, &operands, task)?;
            let time = timer.time(&setup.context, &dispatch)?;
            if time < fastest.0 {
                fastest = (time, tile);
            }
        }
        Ok(fastest.1)
    }

    fn dispatch(
        &self,
        setup: &mut Setup,
        tile: Tile,
        operands: &[BufferBinding],
        task: &Task,
    ) -> Result<Dispatch> {
        let Layer { inputs, outputs, .. } = self.layer;
        let widths = if self.kernel == Kernel::Forward { [inputs, inputs] } else { [outputs, inputs] };
        let by_four = widths.map(|width| width.is_multiple_of(4));
        // Only the product is compared, not the rest of the kernel.
        let rule = (self.kernel == Kernel::Update).then(|| RuleConstants::of(task));
        let variant = Variant { by_four, rule, ..Variant::of(self.kernel) }.cut(tile, self.depth());
        let sizes = SizesTable::product(self.micro_batch, self.layer);
        setup.dispatch(variant, sizes, operands, self.answer())
    }
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
    fn new(context: &Context) -> Result<Self> {
        let new = || Ok((Stopwatch::new(context)?, Readback::new(context, STOPWATCH_BYTES)?));
        Ok(Timer(context.limits().timestamps.then(new).transpose()?))
    }

    /// Minimum time of several runs, after a warm-up.
    fn time(&mut self, context: &Context, dispatch: &Dispatch) -> Result<Duration> {
        if let Some((stopwatch, readback)) = &mut self.0 {
            // Each run is its own submission, so that a slow device does not seem to hang.
            for run in 0..RUNS + 1 {
                let mut encoder = context.device.create_command_encoder(&Default::default());
                dispatch.record(&mut stopwatch.begin(&mut encoder), &MicroBatch::default());
                stopwatch.end();
                if run == RUNS {
                    stopwatch.resolve(&mut encoder);
                }
                context.queue.submit([encoder.finish()]);
            }
            stopwatch.read(context, readback)?;
            let spans = stopwatch.take();
            let least = spans.iter().skip(1).map(|span| span.end.saturating_sub(span.start)).min();
            // A clock that does not advance tells nothing.
            if let Some(nanoseconds @ 1..) = least {
                return Ok(Duration::from_nanos(nanoseconds));
            }
        }
        time_by_host(context, dispatch)
    }
}

/// Minimum time of several runs, each its own submission.
fn time_by_host(context: &Context, dispatch: &Dispatch) -> Result<Duration> {
    let mut least = Duration::MAX;
    for run in 0..RUNS + 1 {
        let mut encoder = context.device.create_command_encoder(&Default::default());
        let mut pass = encoder.begin_compute_pass(&Default::default());
        dispatch.record(&mut pass, &MicroBatch::default());
        drop(pass);
        let started = Instant::now();
        let submission = context.queue.submit([encoder.finish()]);
        context.wait(Some(submission))?;
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
    use crate::gpu::AdapterKind;
    use crate::gpu::tile::SOFTWARE_BLOCKS;
    use crate::model::{Activation, Loss, Network, Optimizer};

    #[test]
    fn software_is_timed_once_for_each_kind_of_product_and_leaves_nothing_booked() {
        let context = Context::open(AdapterKind::Software).unwrap();
        let network = Network::new(&[9, 70, 66, 3], Activation::Tanh, Loss::Quadratic).unwrap();
        let task = Task {
            network: &network,
            micro_batch: 5,
            parts: 1,
            rule: crate::model::UpdateRule::of(Optimizer::Sgd),
            data: DatasetShape::empty(9),
            timed: false,
            fused: false,
            chains: false,
            observed: false,
            tuned: true,
            slices: None,
        };
        let mut choices = Choices::new();
        let least_flops = network.layer(1).forward_flops(5);
        let tiles = [SOFTWARE_BLOCKS, Tile::Blocks([8, 8])];
        assert!(add_missing(&context, &task, &tiles, least_flops, &mut choices).unwrap());
        let kinds: Vec<_> = choices.keys().map(String::as_str).collect();
        assert_eq!(kinds, ["delta 8x128x128", "forward 8x128x128", "update 128x128x8"]);
        assert!(!add_missing(&context, &task, &tiles, least_flops, &mut choices).unwrap());
        assert_eq!(context.ledger.allocated().total(), 0);
        let chosen = context.with_choices(choices.clone());
        assert_eq!(chosen.tile(Kernel::Optimize, [66, 70], 5), choices["update 128x128x8"]);
    }
}
