use clap::Args;
use serde::Serialize;

use super::output;
use crate::cpu;
use crate::device::{DeviceInfo, DeviceLimits};
use crate::gpu;
use crate::report::SCHEMA;

#[derive(Debug, Args)]
pub(super) struct DevicesArgs {
    /// Print one JSON object per line to stdout
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Line<'a> {
    schema: u32,
    event: &'static str,
    flag: &'static str,
    device: &'a DeviceInfo,
    limits: Option<DeviceLimits>,
}

/// Lists adapters, then the CPU backend, each with the `--device` that chooses its kind.
pub(super) fn run(args: &DevicesArgs) {
    let adapters = gpu::adapters();
    if !args.json && adapters.is_empty() {
        output::narrate("no Vulkan, Metal or DX12 adapter found: only the cpu backend can train");
    }
    let adapters = adapters.into_iter().map(|(device, limits)| (device, Some(limits)));
    for (device, limits) in adapters.chain([(cpu::info(), None)]) {
        let flag = match device.kind {
            "cpu" | "software" => device.kind,
            _ => "gpu",
        };
        if args.json {
            output::json(&Line { schema: SCHEMA, event: "device", flag, device: &device, limits });
        } else {
            output::line(&format!("--device {flag:<10} {device}"));
        }
    }
}
