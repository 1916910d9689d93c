use std::path::Path;

use clap::Args;
use clap::builder::{OsStringValueParser, TypedValueParser};

use super::alternatives::Alternatives;
use super::choices::choices;
use super::flags::{Prepared, RunFlags, StrategyFlags};
use super::hints::{self, Asked};
use super::limits::{LimitsSource, PlannedGpu};
use super::output;
use super::solve_for::Unknown;
use crate::config::{DEFAULT_DATA, DeviceChoice, Placement, Settings};
use crate::data::DatasetShape;
use crate::device::{DatasetPlacement, DeviceInfo};
use crate::report::{self, Choice, Content, Origin, Outlook, PlanSummary, Report, ReportFile};
use crate::train::{Found, Machine, RunPlanner, Target};
use crate::{Error, Result, Setting};

#[derive(Debug, Args)]
pub(super) struct PlanArgs {
    #[command(flatten)]
    strategy: StrategyFlags,

    #[command(flatten)]
    flags: RunFlags,

    /// Show, in place of the plan, the largest value of this setting that --budget allows, in one piece or the micro-batches that
    /// are given
    #[arg(long, help_heading = "Memory", value_name = "WHAT", requires = "budget", conflicts_with = "report", value_parser = choices(Unknown::ALL, Unknown::name, Unknown::summary))]
    solve_for: Option<Unknown>,

    #[arg(long, help = format!("Write the plan to FILE: {}; may be repeated", ReportFile::plan_formats()), help_heading = "Output", value_name = "FILE", value_parser = OsStringValueParser::new().try_map(ReportFile::of_plan))]
    report: Vec<ReportFile>,

    /// Plan for a GPU that is elsewhere: SIZE, such as 8GiB, is that of its largest buffer and binding, and FILE is what
    /// devices --json wrote there
    #[arg(long, help_heading = "Device", value_name = "SIZE|FILE")]
    limits: Option<LimitsSource>,

    /// Print one JSON object with every action, slot and byte
    #[arg(long, help_heading = "Output")]
    json: bool,
}

pub(super) fn run(args: &PlanArgs) -> Result<()> {
    let mut settings = args.flags.settings()?;
    settings.placement.strategy = args.strategy.strategy();
    settings.diagnostics.timed = args.report.iter().any(ReportFile::is_timed);
    let sizes = args.flags.task.sizes();
    sizes.check(settings.placement.strategy)?;
    settings.validate()?;
    args.solve_for.map_or(Ok(()), |unknown| unknown.check(sizes))?;
    for hint in hints::unused(&settings) {
        output::narrate(&hint);
    }
    output::check_reports(&args.flags.task.data.path, None, &args.report)?;
    let planned_for = PlannedFor::of(args.limits.as_ref(), settings.placement.device)?;
    let (settings, data) = data(&args.flags, settings)?;
    let planner = RunPlanner::new(planned_for.target, data);
    if let Some(unknown) = args.solve_for {
        let solved = unknown.solve(&settings, &planner, args.json);
        return solved.map_err(|error| planned_for.about(error));
    }
    let settings = sizes.settled(settings, None, &planner, &mut output::narrate);
    let settings = settings.map_err(|error| planned_for.about(error))?;
    let network = settings.network.build()?;
    let planned = planner.plan(&settings).map_err(|error| planned_for.about(error))?;
    let bytes = planned.bytes();
    let asked = Asked {
        settings: &settings,
        bytes: bytes.total(),
        recomputed_share: planned.plan.prediction.recomputed_share(),
        samples: Some(data.train.samples).filter(|&samples| samples > 0),
    };
    let division = hints::division(&settings, planned.micro_batch);
    if let Some(hint) = division.or_else(|| hints::hint(&asked, &planner)) {
        output::narrate(&hint);
    }
    let summary = PlanSummary {
        strategy: planned.strategy,
        network: &network,
        plan: &planned.plan,
        planned: &bytes,
        micro_batch: planned.micro_batch,
        parts: planned.parts,
    };

    let micro_batch = planned.micro_batch;
    let alternatives = Alternatives { settings: &settings, network: &network, micro_batch, planner };
    let asked = Choice::new(planned.strategy, &planned.plan, planned.beside().total());
    let mut compared = alternatives.compared(&asked)?;
    let micro_batches = alternatives.micro_batches(&compared)?;
    compared.extend(alternatives.in_place_of_every_n(&compared)?);
    let has_dataset = planned.footprint.has_dataset();
    let levers = alternatives.levers(&asked, has_dataset, &compared, &micro_batches)?;
    let (frontier, bound_flops) = alternatives.frontier(&planned)?;
    let outlook = Outlook {
        summary,
        device: planned_for.device,
        planned_for: planned_for.words,
        beside: planned.beside(),
        bound_flops,
        compared,
        micro_batches,
        levers,
        frontier,
    };
    let report = Report {
        origin: Origin::Run { settings: &settings, data: &args.flags.task.data.path, init: None },
        content: Content::Plan(&outlook),
    };
    let shown = if args.json {
        output::result_json(&report::json::report(&report))
    } else {
        output::result(report::text::outlook(&outlook, output::width()).trim_end())
    };
    output::first_error([shown, output::write_reports(&args.report, &report)])
}

/// The device to plan for.
struct PlannedFor {
    target: Target,
    device: DeviceInfo,
    /// The device in words, with the reason why it was chosen.
    words: String,
    /// `true` if nothing is known of a GPU that was chosen.
    is_assumed: bool,
}

impl PlannedFor {
    /// The GPU that `limits` describe, or the device that `choice` finds. A missing GPU is assumed to have the limits that
    /// WebGPU guarantees.
    fn of(limits: Option<&LimitsSource>, choice: DeviceChoice) -> Result<Self> {
        if let Some(limits) = limits {
            let PlannedGpu { limits, info } = limits.gpu(choice)?;
            let (target, words) = (Target::Gpu(limits), info.name.clone());
            return Ok(PlannedFor { target, device: info, words, is_assumed: false });
        }
        match Machine::find(choice) {
            Ok(Found { machine, passed_over }) => {
                let device = machine.info();
                let words = output::device(&device, passed_over.as_ref());
                Ok(PlannedFor { target: machine.target(), device, words, is_assumed: false })
            }
            Err(Error::NoDevice { problem, .. }) => {
                let PlannedGpu { limits, info } = PlannedGpu::unknown();
                let words =
                    format!("{} ({problem}; --limits SIZE plans for a card that is elsewhere)", info.name);
                Ok(PlannedFor { target: Target::Gpu(limits), device: info, words, is_assumed: true })
            }
            Err(error) => Err(error),
        }
    }

    /// `error`, with a remedy if it is about limits that are only assumed.
    fn about(&self, error: Error) -> Error {
        match error {
            Error::DoesNotFit(problem) if self.is_assumed => Error::DoesNotFit(format!(
                "{problem}; these are WebGPU's default limits, as there is no GPU here: plan with those of another by {}",
                Setting::Limits
            )),
            other => other,
        }
    }
}

/// The settings, completed by the dataset, and its shape. The default dataset is left out if it does not fit the network: the
/// plan is then for one that stays on the host.
fn data(flags: &RunFlags, settings: Settings) -> Result<(Settings, DatasetShape)> {
    let placement = settings.placement.dataset;
    match flags.task.load(settings.clone()) {
        Ok(Prepared { settings, data, .. }) => {
            settings.batching.check_samples(data.train.len())?;
            Ok((settings, data.shape()))
        }
        Err(error)
            if flags.task.data.path == Path::new(DEFAULT_DATA) && placement != DatasetPlacement::Device =>
        {
            output::narrate(&format!("planned without a dataset, for one that stays on the host: {error}"));
            let shape = DatasetShape::empty(settings.network.build()?.features());
            let placement = Placement { dataset: DatasetPlacement::Host, ..settings.placement };
            Ok((Settings { placement, ..settings }, shape))
        }
        Err(error) => Err(error),
    }
}
