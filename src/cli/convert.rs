use std::path::PathBuf;

use clap::Args;

use super::architecture::ArchitectureFlags;
use super::choices::named;
use super::output;
use super::outputs;
use crate::model_file;
use crate::{Result, Setting};

#[derive(Debug, Args)]
pub(super) struct ConvertArgs {
    /// Model file to read, .safetensors or .npz
    #[arg(value_name = "MODEL")]
    model: PathBuf,

    /// File to write, .safetensors, .npz or .onnx
    #[arg(value_name = "FILE", value_parser = named(&model_file::ENDINGS))]
    out: PathBuf,

    /// For model files that do not describe their network.
    #[command(flatten)]
    network: ArchitectureFlags,
}

/// `ckpt-gpu convert`
pub(super) fn run(args: &ConvertArgs) -> Result<()> {
    outputs::check_outputs(&[(Setting::Model, &args.model)], &[(Setting::Converted, &args.out)])?;
    let model = args.network.read(&args.model)?;
    model_file::check_size(&args.out, &model.network)?;
    model_file::write(&args.out, &model)?;
    output::narrate(&format!("{} written to {}", args.model.display(), args.out.display()));
    Ok(())
}
