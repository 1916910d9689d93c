use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    match ckpt_gpu::cli::run(ckpt_gpu::cli::Cli::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("ckpt-gpu: {error}");
            ExitCode::from(error.exit_code())
        }
    }
}
