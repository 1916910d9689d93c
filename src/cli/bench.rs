use std::time::Duration;

use clap::Args;
use serde_json::json;

use super::choices::choices;
use super::output;
use crate::config::DeviceChoice;
use crate::device::DeviceInfo;
use crate::gpu::{AdapterKind, Context, ProductSpeed, Speed};
use crate::report::SCHEMA;
use crate::{Error, Result, Setting};

#[derive(Debug, Args)]
pub(super) struct BenchArgs {
    /// Device to measure
    #[arg(long, value_name = "KIND", default_value = DeviceChoice::Gpu.name(), value_parser = choices([DeviceChoice::Gpu, DeviceChoice::Software], DeviceChoice::name, DeviceChoice::summary))]
    device: DeviceChoice,

    /// Print one JSON object to stdout
    #[arg(long)]
    json: bool,
}

/// Shows what a device does: the cost of a dispatch, and how near products and copies come to its limits.
pub(super) fn run(args: &BenchArgs) -> Result<()> {
    let kind = match args.device {
        DeviceChoice::Software => AdapterKind::Software,
        _ => AdapterKind::Hardware,
    };
    let context = Context::open(kind).map_err(|error| with_remedy(error, kind))?;
    let device = context.info();
    output::narrate(&format!("measuring {device}"));
    let speed = context.speed()?;
    if args.json { output::result_json(&line(&device, &speed)) } else { output::result(&text(&speed)) }
}

/// `error` with a remedy among the devices that can be measured.
fn with_remedy(error: Error, kind: AdapterKind) -> Error {
    let Error::NoDevice { wanted, problem, .. } = error else { return error };
    let remedy = match kind {
        AdapterKind::Hardware => {
            let other = Setting::Device.with("software");
            format!("install the GPU's Vulkan driver (Metal and DX12 come with the system), or use {other}")
        }
        AdapterKind::Software => {
            "install Mesa's lavapipe (Debian: apt-get install mesa-vulkan-drivers)".to_owned()
        }
    };
    Error::NoDevice { wanted, problem, remedy }
}

fn line(device: &DeviceInfo, speed: &Speed) -> serde_json::Value {
    let product = |product: &ProductSpeed| {
        json!({
            "kernel": product.name,
            "side": product.side,
            "flops_per_second": product.flops,
            "of_peak": product.flops / speed.peak_flops,
        })
    };
    json!({
        "schema": SCHEMA,
        "event": "bench",
        "device": device,
        "dispatch_seconds": speed.dispatch.as_secs_f64(),
        "submission_seconds": speed.submission.as_secs_f64(),
        "recording_seconds": speed.recording.as_secs_f64(),
        "peak_flops_per_second": speed.peak_flops,
        "copied_bytes_per_second": speed.copied_bytes,
        "products": speed.products.iter().map(product).collect::<Vec<_>>(),
    })
}

fn text(speed: &Speed) -> String {
    let microseconds = |time: Duration| format!("{:>9.2} µs", 1e6 * time.as_secs_f64());
    let giga = |rate: f64, unit: &str| format!("{:>9.1} G{unit}/s", 1e-9 * rate);
    let mut lines = vec![
        format!("dispatch       {}       one that waits for the one before it", microseconds(speed.dispatch)),
        format!("submission     {}       on the host, of an empty pass", microseconds(speed.submission)),
        format!("recording      {}       on the host, of each dispatch", microseconds(speed.recording)),
        format!("copy           {}     read and written", giga(speed.copied_bytes, "B")),
        format!("multiply-adds  {}  on registers: the peak", giga(speed.peak_flops, "FLOP")),
    ];
    for &ProductSpeed { name, side, flops } in &speed.products {
        let share = 100.0 * flops / speed.peak_flops;
        let flops = giga(flops, "FLOP");
        lines.push(format!("{name:<14} {flops}  {share:.0} % of the peak, {side} × {side} × {side}"));
    }
    lines.join("\n")
}
