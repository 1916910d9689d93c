//! Checks that a device computes correctly.
//!
//! [`run`] measures every kernel against an f64 [`reference`](mod@reference) that shares no code with the backends; then a
//! network's gradients against the same reference, finite differences and the CPU backend; then the crate's promises:
//! recomputed states are bit-identical, every strategy gives bit-identical weights, and counted bytes are the planned ones.
//! It needs no data: all values are random, and the same in every run.

mod differences;
mod gradients;
pub mod kernels;
mod line;
mod problem;
mod random;
pub mod reference;
mod runs;
mod twin;

pub use gradients::ComparedGradients;
pub use line::{Check, Verdict};

use crate::config::Settings;
use crate::train::Machine;
use crate::{Error, Result};

use problem::Problem;
use runs::Runs;

/// Progress of running checks.
#[derive(Debug, Clone, Copy)]
pub enum Event<'a> {
    /// A part starts; the text names it.
    Doing(&'a str),
    /// Progress within the part.
    Progress(&'a str),
    /// A check is complete.
    Done(&'a Check),
}

/// Results of all checks.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// The checks, in order.
    pub checks: Vec<Check>,
    /// The network's gradients, by the device and by the reference.
    pub gradients: ComparedGradients,
}

impl Outcome {
    /// Names of the checks that failed or could not be judged.
    pub fn failed(&self) -> Vec<String> {
        self.checks.iter().filter(|check| !check.holds()).map(|check| check.name.to_owned()).collect()
    }

    /// Turns the results into an error unless every check holds.
    ///
    /// # Errors
    /// [`Error::CheckFailed`] with the names of those that do not.
    pub fn verdict(&self) -> Result<()> {
        match self.failed() {
            failed if failed.is_empty() => Ok(()),
            failed => Err(Error::CheckFailed { failed }),
        }
    }
}

/// Runs all checks of `machine`: its kernels on `cases` ([`kernels::grid`] has all of them), and the network of `settings`
/// with their batch and seed.
///
/// # Errors
/// Errors that keep checks from running, such as [`Error::DeviceLost`]. A check that fails is no error: see
/// [`Outcome::verdict`].
pub fn run(
    machine: &Machine,
    settings: &Settings,
    cases: &[kernels::Case],
    mut on_event: impl FnMut(Event),
) -> Result<Outcome> {
    settings.validate()?;
    problem::check_memory(settings)?;
    let mut checks = Vec::new();
    on_event(Event::Doing("kernels"));
    let on_case = |done| on_event(Event::Progress(&format!("kernels on case {done} of {}", cases.len())));
    for check in kernels::check(machine, cases, on_case)? {
        on_event(Event::Done(&check));
        checks.push(check);
    }
    let mut done = |check: Check, on_event: &mut dyn FnMut(Event)| {
        on_event(Event::Done(&check));
        checks.push(check);
    };

    on_event(Event::Doing("the reference's gradients"));
    let problem = Problem::new(settings)?;
    let device = gradients::of(machine, &problem)?;
    done(gradients::compare("gradients", &problem, &device, &problem.gradients), &mut on_event);
    let on_cpu = gradients::of(&Machine::Cpu, &problem)?;
    done(gradients::compare("gradients-cpu", &problem, &device, &on_cpu), &mut on_event);
    on_event(Event::Doing("finite differences"));
    done(differences::check(&problem, &device), &mut on_event);

    let mut runs = Runs::new(machine, &problem);
    on_event(Event::Doing("recomputed states"));
    done(runs.recompute()?, &mut on_event);
    on_event(Event::Doing("every n"));
    let check = runs.every_n(|run, of| on_event(Event::Progress(&format!("every n, {run} of {of} runs"))))?;
    done(check, &mut on_event);
    on_event(Event::Doing("budgets"));
    done(runs.budgets()?, &mut on_event);
    on_event(Event::Doing("micro-batches"));
    done(runs.micro_batches()?, &mut on_event);
    on_event(Event::Doing("repeated runs"));
    done(runs.repeat()?, &mut on_event);
    done(runs.memory(), &mut on_event);

    let gradients = ComparedGradients { device, reference: problem.gradients };
    Ok(Outcome { checks, gradients })
}
