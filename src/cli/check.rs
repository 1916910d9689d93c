use std::path::PathBuf;
use std::time::{Duration, Instant};

use clap::Args;

use super::flags::NetworkFlags;
use super::output;
use crate::Result;
use crate::check::{self, Event, kernels};
use crate::data::npz;
use crate::report;
use crate::train::{Found, Machine};

/// How long checks go without a word.
const SILENCE: Duration = Duration::from_secs(5);

#[derive(Debug, Args)]
pub(super) struct CheckArgs {
    #[command(flatten)]
    network: NetworkFlags,

    /// Write the network's gradients to this npz: gpu_W0, gpu_b0, … by the device, whatever it is, and ref_W0, … in f64
    #[arg(long, help_heading = "Output", value_name = "FILE")]
    gradients: Option<PathBuf>,

    /// One JSON object a line on stdout, nothing else there
    #[arg(long, help_heading = "Output")]
    json: bool,
}

/// Prints a line for each check, all of them whatever fails.
pub(super) fn run(args: &CheckArgs) -> Result<()> {
    let settings = args.network.settings();
    settings.validate()?;
    if let Some(path) = &args.gradients {
        npz::check_writable(path)?;
    }
    let Found { machine, passed_over } = Machine::find(settings.placement.device)?;
    let device = machine.info();
    let name = output::device(&device, passed_over.as_ref());
    output::narrate(&format!("checking {name}, with {} and random data", settings.network.layers));

    let started = Instant::now();
    let (mut last_word, mut shown) = (started, Ok(()));
    let outcome = check::run(&machine, &settings, &kernels::grid(), |event| match event {
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
                shown = match args.json {
                    true => output::result_json(&report::json::check(check)),
                    false => output::result(&report::text::check(check)),
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
