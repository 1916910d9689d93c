use std::path::Path;

use clap::Args;

use super::alternatives::Alternatives;
use super::flags::{RunFlags, StrategyFlags};
use super::output;
use crate::config::{DEFAULT_DATA, DeviceChoice, Settings};
use crate::data::{Dataset, DatasetShape};
use crate::device::{DeviceLimits, Residence};
use crate::model::Network;
use crate::report::{self, Choice, Outlook, PlanSummary, Report, ReportFile};
use crate::train::{Machine, Target, task};
use crate::{Error, Result};

#[derive(Debug, Args)]
pub(super) struct PlanArgs {
    #[command(flatten)]
    flags: RunFlags,

    #[command(flatten)]
    strategy: StrategyFlags,

    /// Write what is planned to FILE, too: .json, .csv, .html or .trace.json by its name; may be repeated
    #[arg(long, value_name = "FILE", value_parser = ReportFile::of_plan)]
    report: Vec<ReportFile>,

    /// One JSON object on stdout, with every action, slot and byte
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &PlanArgs) -> Result<()> {
    let settings = Settings { strategy: args.strategy.strategy(), ..args.flags.settings() };
    settings.validate()?;
    report::check(&args.report)?;
    let network = settings.network()?;
    let (target, device) = target(settings.device)?;
    let (data, residence) = data(&args.flags.data, &settings, &network)?;
    let task = task(&settings, &network, data);
    let planned = target.plan(settings.strategy, &task, residence)?;
    let bytes = planned.bytes();
    let summary = PlanSummary {
        strategy: planned.strategy,
        network: &network,
        plan: &planned.plan,
        planned: &bytes,
        micro_batch: task.micro_batch,
        parts: task.parts,
    };

    let alternatives = Alternatives { settings: &settings, network: &network, data, target, residence };
    let asked = Choice::new(planned.strategy, &planned.plan, planned.beside.total());
    let mut compared = alternatives.compared(&asked)?;
    let micro_batches = alternatives.micro_batches(&compared)?;
    compared.extend(alternatives.in_place_of_every_n(&compared)?);
    let (frontier, bound_flops) = alternatives.frontier(&planned)?;
    let outlook =
        Outlook { summary, device, beside: planned.beside, bound_flops, compared, micro_batches, frontier };
    let report = Report::Plan(&outlook);
    if args.json {
        output::json(&report::json::report(&report));
    } else {
        output::line(report::text::outlook(&outlook).trim_end());
    }
    output::write_reports(&args.report, &report)
}

/// What to plan for, in words too. A GPU that is not there is taken to have the limits that every GPU has.
fn target(choice: DeviceChoice) -> Result<(Target, String)> {
    match Machine::find(choice) {
        Ok((machine, passed_over)) => {
            Ok((machine.target(), output::device(&machine.info(), passed_over.as_ref())))
        }
        Err(Error::NoDevice { problem, .. }) => {
            let limits = DeviceLimits::default();
            let device = format!("a GPU with the limits that WebGPU promises ({problem})");
            Ok((Target::Gpu(limits), device))
        }
        Err(error) => Err(error),
    }
}

/// The data's shape and where it may be kept. Unless it was named, data that does not fit the network is left out.
fn data(path: &Path, settings: &Settings, network: &Network) -> Result<(DatasetShape, Residence)> {
    let residence = settings.dataset;
    let fit =
        Dataset::load(path).and_then(|data| data.check(network.features(), network.classes()).map(|()| data));
    match fit {
        Ok(data) => {
            settings.check_batch(data.train.len())?;
            Ok((data.shape(), residence))
        }
        Err(error) if path == Path::new(DEFAULT_DATA) && residence != Residence::Device => {
            output::narrate(&format!("planned for data that stays on the host, without a dataset: {error}"));
            Ok((DatasetShape::empty(network.features()), Residence::Host))
        }
        Err(error) => Err(error),
    }
}
