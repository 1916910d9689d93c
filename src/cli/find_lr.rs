use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;

use super::choices::{count, named};
use super::flags::{Prepared, StrategyFlags, TaskFlags};
use super::hints;
use super::output;
use super::outputs;
use super::progress::{Progress, explain_preparation};
use super::start::StartFlags;
use crate::config::DeviceChoice;
use crate::file;
use crate::report;
use crate::train::{Found, Machine, Obstacle, RangeTest, RangeTestResult, RunPlanner, Trainer};
use crate::{Result, Setting};

#[derive(Debug, Args)]
pub(super) struct FindLrArgs {
    /// Learning rate of the first step
    #[arg(long, help_heading = "Range test", value_name = "RATE", default_value_t = RangeTest::default().from, allow_negative_numbers = true)]
    from: f32,

    /// Learning rate of the last step, unless the loss diverges before
    #[arg(long, help_heading = "Range test", value_name = "RATE", default_value_t = RangeTest::default().to, allow_negative_numbers = true)]
    to: f32,

    /// Number of steps, one mini-batch each
    #[arg(long, help_heading = "Range test", value_name = "N", default_value_t = RangeTest::default().steps, value_parser = count::<u64>, allow_negative_numbers = true)]
    steps: u64,

    #[command(flatten)]
    strategy: StrategyFlags,

    #[command(flatten)]
    task: TaskFlags,

    #[command(flatten)]
    start: StartFlags,

    /// Draw the loss over the learning rate to this .svg file
    #[arg(long, help_heading = "Output", value_name = "FILE", value_parser = named(&["svg"]))]
    plot: Option<PathBuf>,

    /// Print one JSON object to stdout, and nothing else
    #[arg(long, help_heading = "Output")]
    json: bool,
}

/// `ckpt-gpu find-lr`; `config` is the file that flags came from.
pub(super) fn run(args: &FindLrArgs, config: Option<&Path>) -> Result<()> {
    let test = RangeTest { from: args.from, to: args.to, steps: args.steps };
    test.check()?;
    let mut settings = test.settings(&args.task.settings()?);
    settings.placement.strategy = args.strategy.strategy();
    args.task.sizes().check(settings.placement.strategy)?;
    settings.validate()?;
    for hint in hints::unused(&settings) {
        output::narrate(&hint);
    }
    let init = args.start.init.as_deref().map(|path| (Setting::Init, path));
    let config = config.map(|path| (Setting::Config, path));
    let data = (Setting::Data, args.task.data.path.as_path());
    let read: Vec<_> = [init, config, Some(data)].into_iter().flatten().collect();
    if let Some(path) = &args.plot {
        outputs::check_outputs(&read, &[(Setting::Plot, path)])?;
    }
    let Prepared { settings, data, preprocessing, .. } = args.task.load(settings)?;
    let network = settings.network.build()?;
    let parameters = args.start.parameters(&network, &settings, &preprocessing)?;

    let preparing = (settings.placement.device != DeviceChoice::Cpu).then(explain_preparation);
    let Found { machine, passed_over } = Machine::find(settings.placement.device)?;
    let planner = RunPlanner::new(machine.target(), data.shape());
    let settings = args.task.sizes().settled(settings, None, &planner, &mut output::narrate)?;
    let mut trainer = Trainer::on(&machine, &settings, &Arc::new(data), parameters)?;
    drop(preparing);
    let device = output::device(&trainer.device(), passed_over.as_ref());
    output::narrate(&format!(
        "testing learning rates from {:e} to {:e} in {} steps on {device}: {}",
        test.from, test.to, test.steps, settings.network.layers
    ));
    output::refusals(trainer.refusals());
    let mut progress = Progress::of(&trainer, settings.batching.batch);
    let mut steps = 0;
    let tested = test.run(&mut trainer, |step| {
        steps += 1;
        progress.step(steps);
        progress.loss(step.loss);
    })?;
    drop(progress);

    let shown = if args.json {
        output::result_json(&report::json::range_test(&test, &trainer.device(), &tested))
    } else {
        output::result(&format!(
            "{}{}",
            report::text::range_test(&tested, output::width()),
            outcome(&test, &tested)
        ))
    };
    let drawn = match &args.plot {
        Some(path) => file::replace_with(path, &report::range_plot(&tested))
            .map(|()| output::narrate(&format!("plot written to {}", path.display()))),
        None => Ok(()),
    };
    output::first_error([shown, drawn])
}

/// The learning rate to use, or why there is none.
fn outcome(test: &RangeTest, tested: &RangeTestResult) -> String {
    let last = tested.steps.last();
    let mut lines = Vec::new();
    if tested.has_diverged {
        lines.push(match last {
            Some(last) => format!("the loss diverged after the step with learning rate {:.2e}", last.rate),
            None => format!("the loss diverged in the step with learning rate {:.2e}", test.from),
        });
    }
    if let (Some(rate), Some(lowest)) = (tested.suggestion(), tested.lowest()) {
        let still_fell = !tested.has_diverged && Some(lowest) == last;
        let more = if still_fell { "; it still fell at the end, so try a higher --to" } else { "" };
        lines.push(format!("lowest smoothed loss {:.6}, at {:.2e}{more}", lowest.smoothed, lowest.rate));
        lines.push(format!("the smoothed loss fell fastest at {rate}: use --lr {rate}"));
    }
    if let Some(obstacle) = tested.obstacle() {
        let why = match obstacle {
            Obstacle::FewSteps => "there are too few steps; use a larger --steps",
            Obstacle::HighStart => "the first learning rates are too high; use a lower --from",
            Obstacle::Noise => "the loss fell by no more than its noise before it rose; use a larger --batch",
            Obstacle::Flat => {
                "the loss did not change by more than its noise; use a higher --to or a larger --batch"
            }
        };
        lines.push(format!("no learning rate is suggested: {why}"));
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::train::RangeStep;

    /// The last lines for a test of so many steps, whose loss falls from 2 by 0.01 in each.
    fn told(steps: u16, has_diverged: bool) -> String {
        let step = |index: u16| {
            let (rate, loss) = (1e-4 * f32::from(index + 1), 2.0 - 0.01 * f32::from(index));
            RangeStep { rate, loss, smoothed: loss }
        };
        outcome(
            &RangeTest::default(),
            &RangeTestResult { steps: (0..steps).map(step).collect(), has_diverged },
        )
    }

    #[test]
    fn advice_does_not_contradict_itself() {
        let (fell, diverged) = (told(50, false), told(50, true));
        assert!(fell.contains("try a higher --to") && fell.contains("use --lr "), "{fell}");
        assert!(diverged.contains("diverged after the step with learning rate 5.00e-3"), "{diverged}");
        assert!(!diverged.contains("--to") && diverged.contains("use --lr "), "{diverged}");
        let at_once = told(0, true);
        assert!(at_once.contains("diverged in the step with learning rate 1.00e-6"), "{at_once}");
        assert!(at_once.contains("use a lower --from"), "{at_once}");
        let few = told(12, false);
        assert_eq!(few, "no learning rate is suggested: there are too few steps; use a larger --steps");
    }
}
