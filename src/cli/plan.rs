use std::path::Path;

use clap::Args;

use super::flags::{RunFlags, StrategyFlags};
use super::output;
use crate::config::{DEFAULT_DATA, DeviceChoice, Settings};
use crate::data::{Dataset, DatasetShape};
use crate::device::{DeviceLimits, Residence, Task};
use crate::model::Network;
use crate::plan::Chain;
use crate::report::{self, Choice, MicroBatchChoice, Outlook, PlanSummary, Report, ReportFile};
use crate::strategy::Strategy;
use crate::strategy::budget::Solver;
use crate::train::{Machine, Target, task};
use crate::{Error, Result};

/// How many budgets the frontier shows, and how many sizes of micro-batch are compared; of long chains, which take
/// longer to plan, half as many.
const FRONTIER: usize = 24;
const MICRO_BATCHES: usize = 5;
const LONG: usize = 200;

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
    let (data, residence) = data(&args.flags.data, &network, settings.dataset)?;
    let task = task(&settings, &network, data);
    let planned = target.plan(settings.strategy, &task, residence)?;
    let (bytes, beside) = (planned.bytes(), planned.beside.total());

    let chain = &planned.plan.chain;
    let mut solver = Solver::new(chain, target.pool_limits())?;
    let mut compared = compared(target, &task, residence, settings.strategy)?;
    // What the budget strategy makes of the memory of the best every n.
    if let Some(every) = compared.iter().find(|choice| matches!(choice.strategy, Strategy::EveryN(_))) {
        let budget = Strategy::Budget(every.device_bytes);
        if let Some(plan) = solver.plan(every.device_bytes.saturating_sub(beside))? {
            compared.push(Choice::new(budget, &plan, beside));
        }
    }
    let bound_flops = match planned.strategy {
        Strategy::Budget(budget) => Some(solver.bound(budget.saturating_sub(beside))),
        _ => None,
    };
    let frontier = solver.frontier(if chain.layers() > LONG { FRONTIER / 2 } else { FRONTIER })?;
    let point = |plan| {
        let choice = Choice::new(settings.strategy, plan, beside);
        Choice { strategy: Strategy::Budget(choice.device_bytes), ..choice }
    };
    let outlook = Outlook {
        summary: PlanSummary {
            strategy: planned.strategy,
            network: &network,
            plan: &planned.plan,
            planned: &bytes,
            micro_batch: task.micro_batch,
            parts: task.parts,
        },
        device,
        beside: planned.beside,
        bound_flops,
        compared,
        micro_batches: micro_batches(&settings, target, &network, data, residence)?,
        frontier: frontier.iter().map(point).collect(),
    };
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
fn data(path: &Path, network: &Network, residence: Residence) -> Result<(DatasetShape, Residence)> {
    let fit =
        Dataset::load(path).and_then(|data| data.check(network.features(), network.classes()).map(|()| data));
    match fit {
        Ok(data) => Ok((data.shape(), residence)),
        Err(error) if path == Path::new(DEFAULT_DATA) && residence != Residence::Device => {
            output::narrate(&format!("planned for data that stays on the host, without a dataset: {error}"));
            Ok((DatasetShape::empty(network.features()), Residence::Host))
        }
        Err(error) => Err(error),
    }
}

/// Store-all, the best every n, and `asked`.
fn compared(target: Target, task: &Task, residence: Residence, asked: Strategy) -> Result<Vec<Choice>> {
    let chain = Chain::of(task.network, task.micro_batch)?;
    let mut strategies = vec![Strategy::StoreAll, Strategy::EveryAuto.resolved(&chain)];
    let asked = asked.resolved(&chain);
    if !strategies.contains(&asked) && asked != Strategy::EveryN(0) {
        strategies.push(asked);
    }
    let mut choices = Vec::new();
    for strategy in strategies {
        match target.plan(strategy, task, residence) {
            Ok(planned) => {
                choices.push(Choice::new(strategy, &planned.plan, planned.beside.total()));
            }
            Err(Error::OverBudget { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(choices)
}

/// The same strategies for the whole batch and its largest divisors.
fn micro_batches(
    settings: &Settings,
    target: Target,
    network: &Network,
    data: DatasetShape,
    residence: Residence,
) -> Result<Vec<MicroBatchChoice>> {
    let halves =
        std::iter::successors(Some(settings.batch), |size| Some(size / 2)).take_while(|&size| size > 0);
    let count = if network.widths().len() > LONG { MICRO_BATCHES / 2 } else { MICRO_BATCHES };
    let sizes = halves.filter(|&size| settings.batch.is_multiple_of(size)).take(count);
    sizes
        .map(|micro_batch| {
            let settings = Settings { micro_batch: Some(micro_batch), ..settings.clone() };
            let task = task(&settings, network, data);
            Ok(MicroBatchChoice {
                micro_batch,
                choices: compared(target, &task, residence, settings.strategy)?,
            })
        })
        .collect()
}
