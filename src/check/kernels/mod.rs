//! Every kernel of a device against the f64 reference: what each action of a plan reads is read back, and what it
//! writes is compared with what the reference makes of the same numbers. So a kernel is judged by its own work, and
//! not by that of those before it.

mod case;
mod case_run;
mod findings;
mod scale;

pub use case::{Case, grid};

use case_run::CaseRun;
use findings::Findings;

use super::Check;
use crate::Result;
use crate::train::Machine;

/// Measures every kernel of `machine` on `cases`, and returns a line for each with its worst case; a last line, `step`,
/// compares whole steps of batches in parts. The ways in which a GPU can cut products take turns. `on_case` is told how many
/// cases are done.
///
/// # Errors
/// [`crate::Error::Usage`] for a case that cannot be, and whatever the machine meets; a kernel that computes wrongly is
/// none.
pub fn check(machine: &Machine, cases: &[Case], mut on_case: impl FnMut(usize)) -> Result<Vec<Check>> {
    let mut findings = Findings::default();
    for (index, case) in cases.iter().enumerate() {
        CaseRun::new(&machine.in_turn(index), case, index as u64, &mut findings)?.run()?;
        on_case(index + 1);
    }
    Ok(findings.checks())
}
