use std::path::Path;

use clap::Args;
use clap::builder::{OsStringValueParser, TypedValueParser};

use super::alternatives::Alternatives;
use super::flags::{Prepared, RunFlags, StrategyFlags};
use super::hints::{self, Asked};
use super::output;
use crate::config::{DEFAULT_DATA, DeviceChoice, Settings};
use crate::data::DatasetShape;
use crate::device::{DatasetPlacement, DeviceInfo, DeviceLimits};
use crate::report::{self, Choice, Content, Origin, Outlook, PlanSummary, Report, ReportFile};
use crate::train::{self, Found, Machine, Target};
use crate::{Error, Result};

#[derive(Debug, Args)]
pub(super) struct PlanArgs {
    #[command(flatten)]
    strategy: StrategyFlags,

    #[command(flatten)]
    flags: RunFlags,

    #[arg(long, help = format!("Write the plan to FILE: {}; may be repeated", ReportFile::plan_formats()), help_heading = "Output", value_name = "FILE", value_parser = OsStringValueParser::new().try_map(ReportFile::of_plan))]
    report: Vec<ReportFile>,

    /// Print one JSON object with every action, slot and byte
    #[arg(long, help_heading = "Output")]
    json: bool,
}

pub(super) fn run(args: &PlanArgs) -> Result<()> {
    let mut settings = args.flags.settings()?;
    settings.placement.strategy = args.strategy.strategy();
    settings.diagnostics.timed = args.report.iter().any(ReportFile::is_timed);
    settings.validate()?;
    for hint in hints::unused(&settings) {
        output::narrate(&hint);
    }
    output::check_reports(&args.flags.task.data.path, None, &args.report)?;
    let (target, device, planned_for) = target(settings.placement.device)?;
    let (settings, data, placement) = data(&args.flags, settings)?;
    let network = settings.network.build()?;
    let task = train::task(&settings, &network, data);
    let planned = target.plan(settings.placement.strategy, &task, placement)?;
    let bytes = planned.bytes();
    let mut asked_settings = settings.clone();
    asked_settings.placement.dataset = placement;
    let asked = Asked {
        settings: &asked_settings,
        bytes: bytes.total(),
        recomputed_layers: planned.plan.prediction.recomputed_layers,
        samples: Some(data.train.samples).filter(|&samples| samples > 0),
    };
    let other = |other: &Settings| {
        target.plan(other.placement.strategy, &train::task(other, &network, data), other.placement.dataset)
    };
    let division = hints::division(&settings, planned.micro_batch);
    if let Some(hint) = division.or_else(|| hints::hint(&asked, other)) {
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
    let alternatives =
        Alternatives { settings: &settings, network: &network, micro_batch, data, target, placement };
    let asked = Choice::new(planned.strategy, &planned.plan, planned.beside().total());
    let mut compared = alternatives.compared(&asked)?;
    let micro_batches = alternatives.micro_batches(&compared)?;
    compared.extend(alternatives.in_place_of_every_n(&compared)?);
    let (frontier, bound_flops) = alternatives.frontier(&planned)?;
    let outlook = Outlook {
        summary,
        device,
        planned_for,
        beside: planned.beside(),
        bound_flops,
        compared,
        micro_batches,
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

/// The device to plan for. A missing GPU is assumed to have the limits that WebGPU guarantees.
fn target(choice: DeviceChoice) -> Result<(Target, DeviceInfo, String)> {
    match Machine::find(choice) {
        Ok(Found { machine, passed_over }) => {
            let device = machine.info();
            let words = output::device(&device, passed_over.as_ref());
            Ok((machine.target(), device, words))
        }
        Err(Error::NoDevice { problem, .. }) => {
            let name = "a GPU with WebGPU's default limits".to_owned();
            let words = format!("{name} ({problem})");
            let device = DeviceInfo { name, kind: "assumed", backend: String::new(), driver: String::new() };
            Ok((Target::Gpu(DeviceLimits::default()), device, words))
        }
        Err(error) => Err(error),
    }
}

/// The settings, completed by the dataset, and its shape and placement. The default dataset is left out if it does not fit
/// the network.
fn data(flags: &RunFlags, settings: Settings) -> Result<(Settings, DatasetShape, DatasetPlacement)> {
    let placement = settings.placement.dataset;
    match flags.task.load(settings.clone()) {
        Ok(Prepared { settings, data, .. }) => {
            settings.batching.check_samples(data.train.len())?;
            Ok((settings, data.shape(), placement))
        }
        Err(error)
            if flags.task.data.path == Path::new(DEFAULT_DATA) && placement != DatasetPlacement::Device =>
        {
            output::narrate(&format!("planned without a dataset, for one that stays on the host: {error}"));
            let shape = DatasetShape::empty(settings.network.build()?.features());
            Ok((settings, shape, DatasetPlacement::Host))
        }
        Err(error) => Err(error),
    }
}
