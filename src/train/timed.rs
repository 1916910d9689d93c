use crate::Result;
use crate::device::Timing;
use crate::execute::{Backend, Work};

/// A device that times each action as a lap of its own.
pub(super) struct Timed<'a>(pub &'a mut dyn Timing);

impl Backend for Timed<'_> {
    fn run(&mut self, work: Work) -> Result<()> {
        self.0.run(work)?;
        self.0.lap()
    }
}
