use std::sync::Arc;

use clap::Args;
use clap::builder::{OsStringValueParser, TypedValueParser};

use super::choices::count;
use super::flags::{Prepared, RunFlags, every};
use super::hints;
use super::output;
use super::progress::Progress;
use super::start::StartFlags;
use crate::config::{Placement, Preset, Settings};
use crate::memory::parse_bytes;
use crate::report::{self, ComparisonSummary, Content, Origin, Report, ReportFile};
use crate::strategy::Strategy;
use crate::train::{Comparison, Found, Machine, RunPlanner};
use crate::words::counted;
use crate::{Error, Result, Setting};

#[derive(Debug, Args)]
pub(super) struct CompareArgs {
    /// Keep every N-th state as a checkpoint, for each of these N; the baseline is 0, which keeps all, or else the first
    /// [default: those that the notebook compares for the preset, or 0,1,2,4,10]
    #[arg(long, help_heading = "Memory", value_name = "N,…", value_delimiter = ',', value_parser = every, allow_negative_numbers = true)]
    every: Vec<Strategy>,

    /// Upper bounds on all device memory, such as 64KiB,1.5MiB; the planner recomputes as little as
    /// each allows, and on a GPU may divide batches instead
    #[arg(long, help_heading = "Memory", value_name = "BYTES,…", value_delimiter = ',', value_parser = parse_bytes, allow_negative_numbers = true)]
    budget: Vec<u64>,

    #[command(flatten)]
    flags: RunFlags,

    #[command(flatten)]
    start: StartFlags,

    /// Runs of each strategy, alternating with the others
    #[arg(long, help_heading = "Training", value_name = "N", default_value_t = 3, value_parser = count::<usize>, allow_negative_numbers = true)]
    repeats: usize,

    #[arg(long, help = format!("Write the comparison to FILE: {}; may be repeated", ReportFile::comparison_formats()), help_heading = "Output", value_name = "FILE", value_parser = OsStringValueParser::new().try_map(ReportFile::of_comparison))]
    report: Vec<ReportFile>,

    /// Print one JSON object to stdout, and nothing else
    #[arg(long, help_heading = "Output")]
    json: bool,
}

impl CompareArgs {
    /// The strategy that sizes of batches are chosen for: the smallest budget, whose sizes fit all.
    fn sizing(&self) -> Strategy {
        self.budget.iter().min().map_or(Strategy::StoreAll, |&budget| Strategy::Budget(budget))
    }

    fn strategies(&self) -> Vec<Strategy> {
        let every = match &self.every[..] {
            [] => {
                let every = self.flags.task.network.preset.unwrap_or(Preset::VeryLong).every();
                every.iter().copied().map(Strategy::EveryN).collect()
            }
            every => every.to_vec(),
        };
        every.into_iter().chain(self.budget.iter().copied().map(Strategy::Budget)).collect()
    }
}

/// `ckpt-gpu compare`
pub(super) fn run(args: &CompareArgs) -> Result<()> {
    let settings = args.flags.settings()?;
    let (sizes, sizing) = (args.flags.task.sizes(), args.sizing());
    sizes.check(sizing)?;
    settings.validate()?;
    for hint in hints::unused(&settings) {
        output::narrate(&hint);
    }
    if args.repeats == 0 {
        return Err(Error::usage(Setting::Repeats, "found 0, expected at least 1"));
    }
    output::check_reports(&args.flags.task.data.path, args.start.init.as_deref(), &args.report)?;
    let Prepared { settings, data, preprocessing, .. } = args.flags.task.load(settings)?;
    let network = settings.network.build()?;
    let data = Arc::new(data);
    let parameters = args.start.parameters(&network, &settings, &preprocessing)?;

    let Found { machine, passed_over } = Machine::find(settings.placement.device)?;
    let device = output::device(&machine.info(), passed_over.as_ref());
    output::narrate(&format!(
        "comparing on {device}: {}, {} each",
        settings.network.layers,
        counted(args.repeats, "time")
    ));
    let sized = Placement { strategy: sizing, ..settings.placement };
    let planner = RunPlanner::new(machine.target(), data.shape());
    let Settings { batching, .. } = sizes.settled(
        Settings { placement: sized, ..settings.clone() },
        None,
        &planner,
        &mut output::narrate,
    )?;
    let settings = Settings { batching, ..settings };
    let mut progress = None;
    let comparison =
        Comparison::run(&machine, &settings, &args.strategies(), args.repeats, &data, &parameters, |turn| {
            let progress = progress.get_or_insert_with(|| {
                Progress::new((turn.runs as u64).saturating_mul(turn.steps), settings.batching.batch)
            });
            progress.step((turn.run as u64).saturating_mul(turn.steps).saturating_add(turn.step));
        })?;
    drop(progress);
    output::refusals(&comparison.refusals);

    let summary = ComparisonSummary { network: &network, comparison: &comparison };
    let report = Report {
        origin: Origin::Run {
            settings: &settings,
            data: &args.flags.task.data.path,
            init: args.start.init.as_deref(),
        },
        content: Content::Comparison(&summary),
    };
    let shown = if args.json {
        output::result_json(&report::json::report(&report))
    } else {
        output::result(report::text::comparison(&summary, output::width()).trim_end())
    };
    let written = output::write_reports(&args.report, &report);
    output::first_error([equal_weights(&comparison), shown, written])
}

/// Rejects weights that differ from the baseline's.
fn equal_weights(comparison: &Comparison) -> Result<()> {
    let differ = comparison.contenders.iter().filter(|contender| !comparison.has_equal_weights(contender));
    let names: Vec<_> = differ.map(|contender| contender.strategy.to_string()).collect();
    if names.is_empty() {
        return Ok(());
    }
    let baseline = comparison.baseline().strategy.to_string();
    Err(Error::WeightsDiffer { strategies: names.join(", "), baseline })
}
