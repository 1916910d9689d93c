use std::process::ExitCode;

use ckpt_gpu::cli;

fn main() -> ExitCode {
    match cli::parse(std::env::args_os()).and_then(cli::run) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("ckpt-gpu: {error}");
            ExitCode::from(error.exit_code())
        }
    }
}
