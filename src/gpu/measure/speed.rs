use std::time::{Duration, Instant};

use wgpu::BufferUsages;

use super::timer::Timer;
use super::trial::Trial;
use crate::data::DatasetShape;
use crate::device::{Division, Task};
use crate::gpu::device::{Buffer, OpenDevice};
use crate::gpu::kernels;
use crate::gpu::pipelines::{Arguments, Context, Dispatch, Kernel, LayerProduct, MicroBatch, Product};
use crate::memory::{Category, Ledger};
use crate::model::{Activation, Loss, Network, Optimizer, UpdateRule};
use crate::{Error, Result};

/// Measured speed of a device.
#[derive(Debug, Clone, PartialEq)]
pub struct Speed {
    /// Time of a dispatch that waits for the one before it.
    pub dispatch: Duration,
    /// Host time to record and submit an empty pass.
    pub submission: Duration,
    /// Host time to record a dispatch.
    pub recording: Duration,
    /// FLOPs per second of multiply-adds on registers: the most that any kernel can reach.
    pub peak_flops: f64,
    /// Bytes per second, read and written, of a copy.
    pub copied_bytes: f64,
    /// The products of a wide layer, each in the tile that a run would choose.
    pub products: Vec<ProductSpeed>,
}

/// Speed of one product.
#[derive(Debug, Clone, PartialEq)]
pub struct ProductSpeed {
    /// Its kernel.
    pub name: &'static str,
    /// Rows and columns of all three matrices.
    pub side: usize,
    /// FLOPs per second.
    pub flops: f64,
}

/// Dispatches that are timed together.
const DISPATCHES: u32 = 500;
/// Dispatches in a pass whose host time is compared with that of an empty pass.
const RECORDED: u32 = 200;
/// Passes of each kind, of which the fastest counts.
const PASSES: usize = 20;
/// Time that a kernel should take at least, so that its start does not count. Sizes double until it does, so that no device
/// takes so long that it seems to hang.
const ENOUGH: Duration = Duration::from_millis(2);
/// How often an invocation repeats [`kernels::PEAK_FLOPS`].
const TURNS: u32 = 64;

impl Context {
    /// Measures the device. On hardware, tiles of the products are tuned first, unless they are known.
    ///
    /// # Errors
    /// [`Error::DoesNotFit`] if device memory is exhausted, [`Error::DeviceLost`] if the device is lost.
    pub fn speed(&self) -> Result<Speed> {
        let context = self.with_ledger(&Ledger::new());
        let device = &context.device;
        let mut timer = Timer::new(device)?;

        let word = buffer(device, 4)?;
        let empty = bind(&context, &kernels::chained(), &[&word], 1)?;
        let dispatches = timer.time(device, |pass| record(pass, &empty, DISPATCHES))?;
        let submission = host_time(device, &empty, 0)?;
        let recording = host_time(device, &empty, RECORDED)?.saturating_sub(submission) / RECORDED;

        let (groups, time) = scaled(64, 1 << 14, |groups| {
            let sums = buffer(device, 16 * u64::from(kernels::PEAK_GROUP) * groups)?;
            let peak = bind(&context, &kernels::multiply_adds(TURNS), &[&sums], groups as u32)?;
            timer.time(device, |pass| record(pass, &peak, 1))
        })?;
        let lanes = groups as f64 * f64::from(kernels::PEAK_GROUP);
        let peak_flops = lanes * f64::from(TURNS) * kernels::PEAK_FLOPS / time.as_secs_f64();

        let most = (device.limits().binding_bytes / 4096 * 4096).min(1 << 28);
        let (bytes, time) = scaled(1 << 20, most, |bytes| {
            let (from, to) = (buffer(device, bytes)?, buffer(device, bytes)?);
            let groups = (bytes / 16 / u64::from(kernels::COPY_GROUP)).min(1 << 15) as u32;
            let copy = bind(&context, &kernels::copy(), &[&from, &to], groups)?;
            timer.time(device, |pass| record(pass, &copy, 1))
        })?;
        let copied_bytes = 2.0 * bytes as f64 / time.as_secs_f64();

        let dispatch = dispatches / DISPATCHES;
        let products = products(&context)?;
        Ok(Speed { dispatch, submission, recording, peak_flops, copied_bytes, products })
    }
}

/// Measures at sizes that double from `first` to at most `most`, until a run takes long enough or does not fit. Returns the
/// last size that did, and its time.
fn scaled(
    first: u64,
    most: u64,
    mut measure: impl FnMut(u64) -> Result<Duration>,
) -> Result<(u64, Duration)> {
    let mut measured = (first, measure(first)?);
    while measured.1 < ENOUGH && 2 * measured.0 <= most {
        let size = 2 * measured.0;
        measured = match measure(size) {
            Ok(time) => (size, time),
            Err(Error::DoesNotFit(_)) => break,
            Err(error) => return Err(error),
        };
    }
    Ok(measured)
}

/// Host time to record and submit a pass with `dispatch` so many `times`.
fn host_time(device: &OpenDevice, dispatch: &Dispatch, times: u32) -> Result<Duration> {
    let mut least = Duration::MAX;
    for _ in 0..PASSES {
        let started = Instant::now();
        let mut encoder = device.encoder();
        let mut pass = encoder.begin_compute_pass(&Default::default());
        record(&mut pass, dispatch, times);
        drop(pass);
        let submission = device.queue.submit([encoder.finish()]);
        least = least.min(started.elapsed());
        device.wait(Some(submission))?;
    }
    Ok(least)
}

/// The products of a layer as wide as its batch.
fn products(context: &Context) -> Result<Vec<ProductSpeed>> {
    let network = |side: u64| Network::new(&[side as usize; 3], Activation::Relu, Loss::Quadratic);
    let product = |network: &Network, product| LayerProduct {
        product,
        layer: network.layer(1),
        micro_batch: network.features(),
    };
    let (side, _) = scaled(256, 4096, |side| {
        let network = network(side)?;
        let forward = product(&network, Product::Forward);
        Trial::new(forward, context, &task(&network))?.time(context.tile(forward))
    })?;
    let network = network(side)?;
    let context = context.clone().tuned(&task(&network))?;
    let named = [("forward", Product::Forward), ("delta", Product::Delta), ("gradient", Product::Gradient)];
    let speed = |(name, kind)| {
        let product = product(&network, kind);
        let time = Trial::new(product, &context, &task(&network))?.time(context.tile(product))?;
        let side = side as usize;
        Ok(ProductSpeed { name, side, flops: product.layer.forward_flops(side) as f64 / time.as_secs_f64() })
    };
    named.into_iter().map(speed).collect()
}

/// The task of training `network` on as many samples as it has features.
fn task(network: &Network) -> Task<'_> {
    Task {
        network,
        micro_batch: network.features(),
        parts: 1,
        rule: UpdateRule::of(Optimizer::Sgd),
        label_smoothing: 0.0,
        data: DatasetShape::empty(network.features()),
        timed: false,
        fused: true,
        chains: true,
        observed: false,
        tuned: true,
        slices: None,
        division: Division::None,
        keeps_best: false,
    }
}

fn buffer(device: &OpenDevice, bytes: u64) -> Result<Buffer> {
    device.buffer(Category::Workspace, "measured", bytes, BufferUsages::STORAGE)
}

fn bind(context: &Context, kernel: &Kernel, operands: &[&Buffer], groups: u32) -> Result<Dispatch> {
    let operands: Vec<_> = operands.iter().map(|buffer| buffer.whole()).collect();
    context.bind(kernel, &operands, Arguments::default(), [groups, 1])
}

fn record(pass: &mut wgpu::ComputePass, dispatch: &Dispatch, times: u32) {
    for _ in 0..times {
        dispatch.record(pass, &MicroBatch::default(), None);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gpu::device::AdapterKind;

    #[test]
    fn sizes_double_until_they_take_long_enough_or_do_not_fit() {
        let slow = |size: u64| Ok(Duration::from_micros(size));
        assert_eq!(scaled(600, 1 << 20, slow).unwrap(), (2400, Duration::from_micros(2400)));
        assert_eq!(scaled(600, 2000, slow).unwrap().0, 1200);
        let small = |size: u64| match size {
            ..700 => Ok(Duration::from_micros(size)),
            _ => Err(Error::DoesNotFit(String::new())),
        };
        assert_eq!(scaled(600, 1 << 20, small).unwrap().0, 600);
        assert!(scaled(800, 1 << 20, small).is_err());
    }

    #[test]
    fn software_has_a_speed_in_all_respects() {
        let speed = Context::open(AdapterKind::Software).unwrap().speed().unwrap();
        assert!(speed.dispatch > Duration::ZERO && speed.submission > Duration::ZERO, "{speed:?}");
        assert!(speed.peak_flops > 1e6 && speed.copied_bytes > 1e6, "{speed:?}");
        let products: Vec<_> = speed.products.iter().map(|product| product.name).collect();
        assert_eq!(products, ["forward", "delta", "gradient"]);
        for product in &speed.products {
            assert!(product.flops > 1e6 && product.flops < 2.0 * speed.peak_flops, "{speed:?}");
        }
    }
}
