use std::path::PathBuf;

use burn::tensor::DeviceKind;

use crate::Fallible;

/// Flags of all peers, and two of its own.
pub struct Options {
    pub layers: Vec<usize>,
    pub batch: usize,
    pub steps: usize,
    pub rate: f32,
    pub data: PathBuf,
    pub init: PathBuf,
    /// `--adapter software`, or `gpu` for wgpu's first choice.
    pub adapter: DeviceKind,
    /// Recomputes cheap values instead of keeping them. Burn has no checkpointing every n.
    pub checkpoint: bool,
}

impl Options {
    pub fn parse(mut arguments: impl Iterator<Item = String>) -> Fallible<Self> {
        let mut options = Options {
            layers: Vec::new(),
            batch: 0,
            steps: 0,
            rate: 3.0,
            data: PathBuf::new(),
            init: PathBuf::new(),
            adapter: DeviceKind::DefaultDevice,
            checkpoint: false,
        };
        while let Some(flag) = arguments.next() {
            if flag == "--checkpoint" {
                options.checkpoint = true;
                continue;
            }
            let value = arguments.next().ok_or_else(|| format!("{flag}: found no value, expected one"))?;
            match flag.as_str() {
                "--layers" => options.layers = widths(&value)?,
                "--batch" => options.batch = value.parse()?,
                "--steps" => options.steps = value.parse()?,
                "--rate" => options.rate = value.parse()?,
                "--data" => options.data = value.into(),
                "--init" => options.init = value.into(),
                "--every" if value == "0" => (),
                "--every" => {
                    return Err("burn has no checkpointing every n; use --every 0 or --checkpoint".into());
                }
                "--adapter" => {
                    options.adapter = match value.as_str() {
                        "gpu" => DeviceKind::DefaultDevice,
                        "software" => DeviceKind::Cpu,
                        _ => return Err(format!("--adapter: found {value}, expected gpu or software").into()),
                    }
                }
                _ => return Err(format!("unknown flag {flag}").into()),
            }
        }
        if options.layers.len() < 2 || options.batch == 0 || options.steps == 0 {
            return Err("--layers, --batch and --steps are required".into());
        }
        Ok(options)
    }
}

/// Parses 784,30x50,10.
fn widths(text: &str) -> Fallible<Vec<usize>> {
    let mut widths = Vec::new();
    for part in text.split(',') {
        let (width, times) = part.split_once('x').unwrap_or((part, "1"));
        widths.extend(std::iter::repeat_n(width.parse::<usize>()?, times.parse()?));
    }
    Ok(widths)
}
