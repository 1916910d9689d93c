use serde::Serialize;

use super::Device;
use crate::Result;

/// A device with a clock, which times the laps of a micro-batch.
pub trait Timing: Device {
    /// Starts the first lap, after [`Device::begin_batch`].
    ///
    /// # Errors
    /// [`crate::Error::DeviceLost`]
    fn start_laps(&mut self) -> Result<()>;

    /// Ends a lap with the work run since the last one, and starts the next.
    ///
    /// # Errors
    /// [`crate::Error::DeviceLost`]
    fn lap(&mut self) -> Result<()>;

    /// Waits for the laps to finish, and returns when each ran.
    ///
    /// # Errors
    /// [`crate::Error::DeviceLost`]
    fn finish_laps(&mut self) -> Result<Vec<Span>>;
}

/// When the device ran an action, in nanoseconds since the start of its micro-batch's first action.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Span {
    /// Start of the action.
    pub start: u64,
    /// End of the action.
    pub end: u64,
}
