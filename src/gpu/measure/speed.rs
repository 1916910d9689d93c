use std::time::{Duration, Instant};

use wgpu::BufferUsages;

use super::timer::Timer;
use super::trial::Trial;
use crate::Result;
use crate::data::DatasetShape;
use crate::device::Task;
use crate::gpu::device::{Buffer, OpenDevice};
use crate::gpu::kernels;
use crate::gpu::pipelines::{Arguments, Context, Dispatch, Kernel, LayerProduct, MicroBatch, Product};
use crate::memory::{Category, Ledger};
use crate::model::{Activation, Loss, Network, Optimizer, UpdateRule};

/// What a device does in a second, measured.
#[derive(Debug, Clone, PartialEq)]
pub struct Speed {
    /// Time of a dispatch that waits for the one before it.
    pub dispatch: Duration,
    /// Host time of a submission with an empty pass.
    pub submission: Duration,
    /// Host time of each dispatch in it.
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

/// Sizes of what is timed.
struct Scale {
    /// Workgroups that compute on registers, and how often each repeats [`kernels::PEAK_FLOPS`].
    groups: u32,
    turns: u32,
    copied_bytes: u64,
    /// Sides of the products' matrices.
    side: usize,
}

/// Some milliseconds on a large GPU.
const HARDWARE: Scale = Scale { groups: 4096, turns: 256, copied_bytes: 1 << 28, side: 4096 };
/// The same on a few CPU cores.
const SOFTWARE: Scale = Scale { groups: 16, turns: 16, copied_bytes: 1 << 24, side: 256 };

impl Context {
    /// Measures the device. On hardware, tiles of the products are tuned first, unless they are known.
    ///
    /// # Errors
    /// [`crate::Error::DoesNotFit`] if device memory is exhausted, [`crate::Error::DeviceLost`] if the device is lost.
    pub fn speed(&self) -> Result<Speed> {
        let scale = if self.device.is_software() { SOFTWARE } else { HARDWARE };
        let context = self.with_ledger(&Ledger::new());
        let device = &context.device;
        let mut timer = Timer::new(device)?;

        let word = buffer(device, 4)?;
        let empty = bind(&context, &kernels::chained(), &[&word], 1)?;
        let dispatches = timer.time(device, |pass| record(pass, &empty, DISPATCHES))?;
        let submission = host_time(device, &empty, 0)?;
        let recording = host_time(device, &empty, RECORDED)?.saturating_sub(submission) / RECORDED;

        let sums = buffer(device, 16 * u64::from(scale.groups * kernels::PEAK_GROUP))?;
        let peak = bind(&context, &kernels::multiply_adds(scale.turns), &[&sums], scale.groups)?;
        let time = timer.time(device, |pass| record(pass, &peak, 1))?;
        let lanes = f64::from(scale.groups) * f64::from(kernels::PEAK_GROUP);
        let flops = lanes * f64::from(scale.turns) * kernels::PEAK_FLOPS;
        let peak_flops = flops / time.as_secs_f64();
        drop((sums, peak));

        let bytes = scale.copied_bytes.min(device.limits().binding_bytes) / 4096 * 4096;
        let (from, to) = (buffer(device, bytes)?, buffer(device, bytes)?);
        let groups = (bytes / 16 / u64::from(kernels::COPY_GROUP)).min(1 << 15) as u32;
        let copy = bind(&context, &kernels::copy(), &[&from, &to], groups)?;
        let time = timer.time(device, |pass| record(pass, &copy, 1))?;
        let copied_bytes = 2.0 * bytes as f64 / time.as_secs_f64();
        drop((from, to, copy));

        let products = products(&context, scale.side)?;
        Ok(Speed {
            dispatch: dispatches / DISPATCHES,
            submission,
            recording,
            peak_flops,
            copied_bytes,
            products,
        })
    }
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

/// The products of a layer of width `side` on as many samples.
fn products(context: &Context, side: usize) -> Result<Vec<ProductSpeed>> {
    let network = Network::new(&[side, side, side], Activation::Relu, Loss::Quadratic)?;
    let task = Task {
        network: &network,
        micro_batch: side,
        parts: 1,
        rule: UpdateRule::of(Optimizer::Sgd),
        data: DatasetShape::empty(side),
        timed: false,
        fused: true,
        chains: true,
        observed: false,
        tuned: true,
        slices: None,
        divisible: false,
    };
    let context = context.clone().tuned(&task)?;
    let named = [("forward", Product::Forward), ("delta", Product::Delta), ("gradient", Product::Gradient)];
    let speed = |(name, product)| {
        let product = LayerProduct { product, layer: network.layer(1), micro_batch: side };
        let time = Trial::new(product, &context, &task)?.time(context.tile(product))?;
        let flops = product.layer.forward_flops(side) as f64 / time.as_secs_f64();
        Ok(ProductSpeed { name, side, flops })
    };
    named.into_iter().map(speed).collect()
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
        dispatch.record(pass, &MicroBatch::default());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gpu::device::AdapterKind;

    #[test]
    fn software_has_a_speed_in_all_respects() {
        let speed = Context::open(AdapterKind::Software).unwrap().speed().unwrap();
        assert!(speed.dispatch > Duration::ZERO && speed.recording > Duration::ZERO, "{speed:?}");
        assert!(speed.submission > speed.recording, "{speed:?}");
        assert!(speed.peak_flops > 1e6 && speed.copied_bytes > 1e6, "{speed:?}");
        let products: Vec<_> = speed.products.iter().map(|product| product.name).collect();
        assert_eq!(products, ["forward", "delta", "gradient"]);
        for product in &speed.products {
            assert!(product.flops > 1e6 && product.flops < 2.0 * speed.peak_flops, "{speed:?}");
        }
    }
}
