use wgpu::{Backends, DeviceType, Instance, InstanceDescriptor};

use super::limits::{AdapterLimits, planned_limits};
use crate::device::{DeviceInfo, DeviceLimits};
use crate::{Error, Result, Setting};

/// Kind of adapter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AdapterKind {
    /// A GPU.
    Hardware,
    /// A driver that runs the kernels on the CPU, such as Mesa's lavapipe or SwiftShader.
    Software,
}

/// Every adapter that wgpu finds, best first: discrete, integrated and virtual GPUs, then software drivers. Each comes with
/// the limits that a run on it is planned for.
pub fn adapters() -> Vec<(DeviceInfo, DeviceLimits)> {
    let most = AdapterLimits::MOST;
    let found = found().into_iter().map(|adapter| {
        let info = adapter.get_info();
        let limits = planned_limits(
            &most.required(&adapter),
            most.features(&adapter),
            most.workgroups(&adapter),
            info.device_type == DeviceType::Cpu,
        );
        (describe(&info), limits)
    });
    found.collect()
}

pub fn choose(kind: AdapterKind) -> Result<wgpu::Adapter> {
    let wanted = |adapter: &wgpu::Adapter| {
        (adapter.get_info().device_type == DeviceType::Cpu) == (kind == AdapterKind::Software)
    };
    let mut adapters = found();
    match adapters.iter().position(wanted) {
        Some(position) => Ok(adapters.swap_remove(position)),
        None => Err(no_device(kind, &adapters)),
    }
}

pub fn describe(info: &wgpu::AdapterInfo) -> DeviceInfo {
    DeviceInfo {
        name: info.name.clone(),
        kind: match info.device_type {
            DeviceType::DiscreteGpu => "discrete-gpu",
            DeviceType::IntegratedGpu => "integrated-gpu",
            DeviceType::VirtualGpu => "virtual-gpu",
            DeviceType::Cpu => "software",
            DeviceType::Other => "other",
        },
        backend: info.backend.to_str().to_owned(),
        driver: format!("{} {}", info.driver, info.driver_info).trim().to_owned(),
    }
}

fn found() -> Vec<wgpu::Adapter> {
    let instance = Instance::new(InstanceDescriptor {
        backends: Backends::VULKAN | Backends::METAL | Backends::DX12,
        flags: wgpu::InstanceFlags::empty().with_env(),
        ..InstanceDescriptor::new_without_display_handle()
    });
    let mut adapters = pollster::block_on(instance.enumerate_adapters(Backends::all()));
    adapters.sort_by_key(|adapter| match adapter.get_info().device_type {
        DeviceType::DiscreteGpu => 0,
        DeviceType::IntegratedGpu => 1,
        DeviceType::VirtualGpu => 2,
        DeviceType::Other => 3,
        DeviceType::Cpu => 4,
    });
    adapters
}

fn no_device(kind: AdapterKind, found: &[wgpu::Adapter]) -> Error {
    let names: Vec<_> = found.iter().map(|adapter| adapter.get_info().name).collect();
    let only = if names.is_empty() { String::new() } else { format!(", only {}", names.join(", ")) };
    match kind {
        AdapterKind::Hardware => Error::NoDevice {
            wanted: "gpu".to_owned(),
            problem: format!("no hardware GPU found{only}"),
            remedy: format!(
                "install its Vulkan driver (Metal and DX12 come with the system), or use {}, or {} for the GPU kernels on \
                 a software driver",
                Setting::Device.with("cpu"),
                Setting::Device.with("software")
            ),
        },
        AdapterKind::Software => Error::NoDevice {
            wanted: "software".to_owned(),
            problem: format!("no software Vulkan driver found{only}"),
            remedy: format!(
                "install Mesa's lavapipe (Debian: apt-get install mesa-vulkan-drivers), or use {}",
                Setting::Device.with("cpu")
            ),
        },
    }
}
