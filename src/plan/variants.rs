//! The ways to run one schedule: layer by layer, and fused.

use super::lifetime::{Values, live_peak, tenants};
use super::{Chain, Op, Schedule, fuse, schedule};
use crate::{Error, Result};

/// A schedule layer by layer, and fused in the ways that fit into some number of bytes.
pub(super) struct Variants {
    /// Fused, largest chunks first. Empty if the device runs layer by layer.
    pub fused: Vec<Values>,
    pub unfused: Values,
}

impl Variants {
    /// The variants of `schedule` for a budget of `most` live bytes, which they may exceed.
    pub fn of(chain: &Chain, schedule: Schedule, most: u64) -> Result<Self> {
        let evaluation = schedule::evaluation(chain.layers());
        let unfused = Values::new(chain, schedule, evaluation)?;
        if chain.fusible.is_empty() {
            return Ok(Variants { fused: Vec::new(), unfused });
        }
        let mut fused: Vec<Values> = Vec::new();
        for most in [most, unfused.peak.bytes.min(most), 0] {
            let schedule = fuse::fused(chain, &unfused, most);
            if fused.last().is_none_or(|last| last.schedule != schedule) {
                let evaluation = fused_evaluation(chain, &schedule, &unfused.evaluation)?;
                fused.push(Values::new(chain, schedule, evaluation)?);
            }
        }
        Ok(Variants { fused, unfused })
    }

    /// All of them, in order of preference.
    pub fn all(self) -> impl Iterator<Item = Values> {
        self.fused.into_iter().chain([self.unfused])
    }
}

/// The evaluation with as few actions as possible, or with the actions of the `step` if that would exceed its
/// peak.
fn fused_evaluation(chain: &Chain, step: &Schedule, evaluation: &[Op]) -> Result<Vec<Op>> {
    let peak_bytes = |ops: &[Op]| Ok::<_, Error>(live_peak(&tenants(chain, ops.iter())?).bytes);
    let fused = fuse::forward_fused(chain, evaluation);
    if peak_bytes(&fused)? <= peak_bytes(&step.ops)? {
        return Ok(fused);
    }
    let forward = step.ops.iter().copied().take_while(|op| *op != Op::Loss);
    Ok(forward.chain([Op::Score]).collect())
}
