//! One device of each kind for all tests of a process, so that each opens its driver and compiles each kernel once.

#![allow(dead_code, reason = "each test binary uses its own part")]

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use ckpt_gpu::Result;
use ckpt_gpu::config::{DeviceChoice, Settings};
use ckpt_gpu::data::Dataset;
use ckpt_gpu::gpu::{AdapterKind, Context};
use ckpt_gpu::model::Parameters;
use ckpt_gpu::train::{Machine, Trainer};

/// The software Vulkan driver's device. A test that breaks the device itself opens one of its own.
pub fn software() -> Context {
    static SHARED: OnceLock<Mutex<Context>> = OnceLock::new();
    let shared = SHARED.get_or_init(|| Mutex::new(Context::open(AdapterKind::Software).unwrap()));
    shared.lock().unwrap_or_else(PoisonError::into_inner).clone()
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
