//! Devices that the tests of a process share, so that few open a driver and compile the same kernels.

#![allow(dead_code, reason = "each test binary uses its own part")]

use std::sync::{Arc, Mutex, PoisonError};

use ckpt_gpu::Result;
use ckpt_gpu::config::{DeviceChoice, Settings};
use ckpt_gpu::data::Dataset;
use ckpt_gpu::gpu::{AdapterKind, Context, Staged, Tile};
use ckpt_gpu::model::Parameters;
use ckpt_gpu::train::{Machine, Trainer};

/// The tile that software drivers compile fastest.
pub const FAST: Tile = Tile::Blocks([8, 1]);

/// Tiles for hardware that software drivers compile in seconds: staged, with as few and as many elements as an invocation
/// computes. Fused layers are tested in the blocks for hardware, too.
pub const SHORT: [Tile; 2] =
    [Tile::Staged(Staged::new([32, 32], 16, 2, [4, 4])), Tile::Staged(Staged::new([64, 128], 8, 2, [8, 16]))];

/// A software Vulkan device, the same for all calls of a test. Each test that runs has one to itself, since a device compiles
/// and runs kernels one after the other; the next test takes it over. A test that breaks the device itself opens one of its
/// own.
pub fn software() -> Context {
    thread_local! {
        static OF_THIS_TEST: Lent = Lent::take();
    }
    OF_THIS_TEST.with(|lent| lent.0.clone())
}

/// Devices that no running test uses.
static FREE: Mutex<Vec<Context>> = Mutex::new(Vec::new());

struct Lent(Context);

impl Lent {
    fn take() -> Self {
        let free = FREE.lock().unwrap_or_else(PoisonError::into_inner).pop();
        Lent(free.unwrap_or_else(own_software))
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        FREE.lock().unwrap_or_else(PoisonError::into_inner).push(self.0.clone());
    }
}

/// A software device whose kernels are freed with it, for tests that compile hundreds which no other test uses.
pub fn own_software() -> Context {
    Context::open(AdapterKind::Software).unwrap()
}

/// The device that `choice` names.
pub fn machine(choice: DeviceChoice) -> Machine {
    match choice {
        DeviceChoice::Software => Machine::Gpu(Box::new(software())),
        other => Machine::find(other).unwrap().machine,
    }
}

/// [`Trainer::new`], on the shared device.
pub fn trainer(settings: &Settings, data: &Arc<Dataset>, parameters: &Parameters) -> Result<Trainer> {
    Trainer::on(&machine(settings.placement.device), settings, data, parameters)
}
