//! The ways to run one schedule: layer by layer, and fused.

use super::lifetime::{self, Values, live_peak, tenants};
use super::{Chain, Op, Schedule, fuse, schedule};
use crate::{Error, Result};

/// A schedule layer by layer, and fused in the ways that fit into some number of bytes.
pub(super) struct Variants<'a> {
    chain: &'a Chain,
    unfused: Values,
    /// Live bytes that chunks may take, in order of preference.
    caps: Vec<u64>,
}

impl<'a> Variants<'a> {
    /// The variants of `schedule` for a budget of `most` bytes, which they may exceed.
    pub fn of(chain: &'a Chain, schedule: Schedule, most: u64) -> Result<Self> {
        let evaluation = schedule::evaluation(chain.layers());
        let unfused = Values::new(chain, schedule, evaluation)?;
        // Fusion changes no row. Padding between values may take what the first cap leaves.
        let most = most.saturating_sub(unfused.row_bytes);
        let caps = [most, most - most / 64, unfused.peak.bytes.min(most), 0];
        let caps = if chain.fusible.is_empty() { Vec::new() } else { caps.to_vec() };
        Ok(Variants { chain, unfused, caps })
    }

    /// All of them, in order of preference, the unfused one last. Each is made when it is asked for.
    pub fn all(self) -> impl Iterator<Item = Result<Values>> {
        let Variants { chain, unfused, mut caps } = self;
        caps.dedup();
        let mut unfused = Some(unfused);
        let mut last: Option<Schedule> = None;
        let mut caps = caps.into_iter();
        std::iter::from_fn(move || {
            for most in caps.by_ref() {
                let unfused = unfused.as_ref()?;
                let live = lifetime::live(&unfused.tenants);
                let fused = match fuse::fused(chain, &unfused.schedule, &live, most) {
                    Ok(fused) => fused,
                    Err(error) => return Some(Err(error)),
                };
                if last.as_ref() != Some(&fused) {
                    last = Some(fused.clone());
                    let evaluation = fused_evaluation(chain, &fused, &unfused.evaluation);
                    return Some(evaluation.and_then(|evaluation| Values::new(chain, fused, evaluation)));
                }
            }
            unfused.take().map(Ok)
        })
    }
}

/// Peak of the live bytes in one step of `schedule`, fused as `most` live bytes allow.
pub(super) fn fused_peak(chain: &Chain, schedule: &Schedule, most: u64) -> Result<u64> {
    let unfused = tenants(chain, schedule.ops.iter())?;
    if chain.fusible.is_empty() {
        return Ok(live_peak(&unfused).bytes);
    }
    let fused = fuse::fused(chain, schedule, &lifetime::live(&unfused), most)?;
    Ok(live_peak(&tenants(chain, fused.ops.iter())?).bytes)
}

/// The evaluation with as few actions as possible, or with the actions of the `step` if that would exceed its
/// peak.
fn fused_evaluation(chain: &Chain, step: &Schedule, evaluation: &[Op]) -> Result<Vec<Op>> {
    let peak_bytes = |ops: &[Op]| Ok::<_, Error>(live_peak(&tenants(chain, ops.iter())?).bytes);
    let fused = fuse::forward_fused(chain, evaluation);
    if peak_bytes(&fused)? <= peak_bytes(&step.ops)? {
        return Ok(fused);
    }
    let forward = step.ops.iter().filter(|op| op.is_forward()).filter_map(|op| op.layers()).map(Op::Forward);
    Ok(forward.chain([Op::Score]).collect())
}
