use std::time::Duration;

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};

use super::timer::Timer;
use crate::Result;
use crate::device::Task;
use crate::gpu::device::Buffer;
use crate::gpu::kernels::{self, LayerFunctions, RuleConstants};
use crate::gpu::memory::{Footprint, METRICS_BYTES, Setup, SizesTable};
use crate::gpu::pipelines::{Context, LayerProduct, MicroBatch, Product, Tile};
use crate::memory::{Category, Ledger};
use crate::model::{Layer, Optimizer, UpdateRule};

/// Random numbers that fill the operands, over and over.
const NUMBERS: usize = 1 << 16;

/// A product on random operands: one of zeros takes less power, and so may run at a higher clock rate.
///
/// Only the product is timed, not what kernels apply to its operands and result. The learning rate is zero, which leaves
/// parameters as they are. Its buffers are in no run's ledger.
pub struct Trial {
    product: LayerProduct,
    setup: Setup,
    operands: Vec<Buffer>,
    timer: Timer,
}

impl Trial {
    pub fn new(product: LayerProduct, context: &Context, task: &Task) -> Result<Self> {
        let context = context.with_ledger(&Ledger::new());
        let footprint = Footprint::new(task, context.limits(), true);
        let mut setup = Setup::new(context, footprint.upload, footprint.sizes)?;
        let LayerProduct { layer: Layer { inputs, outputs, .. }, micro_batch, .. } = product;
        let numbers: Vec<f32> =
            StandardNormal.sample_iter(ChaCha8Rng::seed_from_u64(0)).take(NUMBERS).collect();
        let mut operand = |count: usize| {
            let buffer = setup.buffer(Category::Workspace, "trial", 4 * count as u64)?;
            fill(&mut setup, &buffer, bytemuck::cast_slice(&numbers))?;
            Ok::<_, crate::Error>(buffer)
        };
        let (state, delta) = (operand(micro_batch * inputs)?, operand(micro_batch * outputs)?);
        let weights = operand(inputs * outputs)?;
        let operands = match product.product {
            Product::Forward => vec![state, weights, operand(outputs)?, delta],
            Product::Delta => vec![delta, weights, state, operand(micro_batch * inputs)?],
            Product::Gradient => {
                vec![delta, state, weights, operand(outputs)?, operand(METRICS_BYTES as usize / 4)?]
            }
        };
        let timer = Timer::new(&setup.context.device)?;
        Ok(Trial { product, setup, operands, timer })
    }

    /// Least time of several runs in `tile`.
    pub fn time(&mut self, tile: Tile) -> Result<Duration> {
        let Trial { product, setup, operands, timer } = self;
        let mut bindings: Vec<_> = operands.iter().map(Buffer::whole).collect();
        let kernel = match product.product {
            Product::Forward => {
                // The input that a residual layer would add.
                bindings.push(operands[0].whole());
                kernels::forward(LayerFunctions::NONE, *product, tile, None)
            }
            Product::Delta => kernels::delta(LayerFunctions::NONE, *product, tile),
            Product::Gradient => {
                let rule = RuleConstants::new(UpdateRule::of(Optimizer::Sgd), false);
                kernels::gradient(LayerFunctions::NONE, rule, *product, tile, None)
            }
        };
        let sizes = SizesTable::product(product.micro_batch, product.layer);
        let dispatch = setup.dispatch(&kernel, sizes, &bindings, product.answer())?;
        timer.time(&setup.context.device, |pass| dispatch.record(pass, &MicroBatch::default(), None))
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
