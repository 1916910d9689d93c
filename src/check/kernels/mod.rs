//! Every kernel of a device against the f64 reference: the operands of each action of a plan are read back, and its result
//! is compared with the reference's on the same operands. So each kernel is judged by its own work, not by that of the
//! kernels before it.

mod case;
mod case_run;
mod findings;
mod scale;

pub use case::{Case, grid, large_batches};

use case_run::CaseRun;
use findings::Findings;

use super::Check;
use crate::Result;
use crate::train::Machine;

/// Measures every kernel of `machine` on `cases`, and returns a check for each with its worst case. The last check, `step`,
/// compares whole steps with gradient accumulation. Cases take turns in how a GPU tiles its products. `on_case` is called
/// with the number of cases done.
///
/// # Errors
/// [`crate::Error::Usage`] for an impossible case, and errors of the machine. A kernel that computes wrongly is no error.
pub fn check(machine: &Machine, cases: &[Case], mut on_case: impl FnMut(usize)) -> Result<Vec<Check>> {
    let mut findings = Findings::default();
    for (index, case) in cases.iter().enumerate() {
        CaseRun::new(&machine.in_turn(index), case, index as u64, &mut findings)?.run()?;
        on_case(index + 1);
    }
    Ok(findings.checks())
}
