use crate::{Error, Result, Setting};

/// Measurements and checks beside training, which change no result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Diagnostics {
    /// Times each action of the last step, if the device has timestamps.
    pub timed: bool,
    /// Compares every recomputed state, bit for bit, with the one computed first.
    pub verify_recompute: bool,
}

impl Diagnostics {
    pub(super) fn validate(&self) -> Result<()> {
        if self.timed && self.verify_recompute {
            let problem =
                "reads states back between the actions that a .trace.json times; leave out one of the two";
            return Err(Error::usage(Setting::VerifyRecompute, problem));
        }
        Ok(())
    }
}
