use std::path::PathBuf;
use std::time::{Duration, Instant};

use clap::Args;

use super::choices::named;
use super::flags::NetworkFlags;
use super::output;
use crate::Result;
use crate::check::{self, Event, kernels};
use crate::file;
use crate::report;
use crate::train::{Found, Machine};

/// Longest time without a line of progress.
const SILENCE: Duration = Duration::from_secs(5);

#[derive(Debug, Args)]
pub(super) struct CheckArgs {
    #[command(flatten)]
    network: NetworkFlags,

    /// Write the network's gradients to this .npz file: gpu_W0, gpu_b0, … from the device, and ref_W0, …
    /// from the f64 reference
    #[arg(long, help_heading = "Output", value_name = "FILE", value_parser = named(&["npz"]))]
    gradients: Option<PathBuf>,

    /// Print one JSON object per line to stdout, and nothing else
    #[arg(long, help_heading = "Output")]
    json: bool,
}

/// `ckpt-gpu check`: prints a line per check, and runs all even if one fails.
pub(super) fn run(args: &CheckArgs) -> Result<()> {
    let settings = args.network.settings()?;
    settings.validate()?;
    args.network.check_without_budget()?;
    if let Some(path) = &args.gradients {
        file::check_writable(path)?;
    }
    let Found { machine, passed_over } = Machine::find(settings.placement.device)?;
    let device = machine.info();
    let name = output::device(&device, passed_over.as_ref());
    output::narrate(&format!("checking {name}, with {} and random data", settings.network.layers));

    let started = Instant::now();
    let (mut last_word, mut shown) = (started, Ok(()));
    let mut cases = kernels::grid();
    if let Machine::Gpu(_) = machine {
        cases.extend(kernels::large_batches());
    }
    let outcome = check::run(&machine, &settings, &cases, |event| match event {
        Event::Doing(what) => {
            last_word = Instant::now();
            output::narrate(what);
        }
        Event::Progress(what) => {
            if last_word.elapsed() >= SILENCE {
                last_word = Instant::now();
                output::narrate(what);
            }
        }
        Event::Done(check) => {
            last_word = Instant::now();
            if shown.is_ok() {
                shown = if args.json {
                    output::result_json(&report::json::check(check))
                } else {
                    output::result(&report::text::check(check))
                };
            }
        }
    })?;
    if args.json && shown.is_ok() {
        shown = output::result_json(&report::json::checked(&device, &outcome));
    }
    let saved = match &args.gradients {
        Some(path) => outcome.gradients.write(path, &settings.network.build()?).map(|()| {
            output::narrate(&format!("gradients written to {}", path.display()));
        }),
        None => Ok(()),
    };
    let seconds = started.elapsed().as_secs_f64();
    output::narrate(&format!("{} checks in {seconds:.1} s", outcome.checks.len()));
    output::first_error([outcome.verdict(), shown, saved])
}
