//! Properties of a GPU that the planner needs, computed from its limits alone.

use super::footprint::{Footprint, can_stay_on_device};
use super::fusion::Fusion;
use super::table::ROW_BYTES;
use crate::device::{DatasetPlacement, DeviceLimits, Task};
use crate::gpu::kernels::RuleConstants;
use crate::gpu::pipelines::PART_SAMPLES;
use crate::plan::Chain;
use crate::{Error, Result, Setting};

/// `chain` with the layers of `task` that can run as one action, none if recomputed states are observed in memory, and with
/// the rows of the table that their kernels read.
pub fn with_thin_layers(chain: Chain, task: &Task, limits: DeviceLimits) -> Chain {
    let Some(fusion) = Fusion::of(task, limits) else { return chain };
    let row_bytes = |layer: usize| fusion.place(layer).map_or(0, |_| ROW_BYTES);
    let mut runs = fusion.runs.clone();
    if let Some(last) = runs.last_mut().filter(|last| limits.few_dispatches && last.end == chain.layers()) {
        // With the loss.
        last.end += 1;
    }
    Chain {
        row_bytes: (0..chain.layers()).map(row_bytes).collect(),
        fusible: if task.fused && !task.observed { runs } else { Vec::new() },
        ..chain
    }
}

/// `true` if `divided` yields the bits of `task`, of which it runs smaller micro-batches: if these do not cut the parts in which
/// gradients of thin layers are summed, and if the same layers are thin.
pub fn keeps_bits(task: &Task, divided: &Task, limits: DeviceLimits) -> bool {
    let has_thin_layers = |task: &Task| Fusion::of(task, limits).is_some();
    divided.micro_batch.is_multiple_of(PART_SAMPLES) && has_thin_layers(task) == has_thin_layers(divided)
}

/// Checks that the device can bind each state, each layer's weights, and its gradients with its optimizer state whole, as
/// kernels read them.
///
/// # Errors
/// [`Error::DoesNotFit`] for the first that is larger than a binding.
pub fn check_bindings(task: &Task, chain: &Chain, limits: DeviceLimits) -> Result<()> {
    let most = limits.binding_bytes.min(limits.buffer_bytes);
    let check = |what: String, bytes: u64, remedy: &str| {
        if bytes <= most {
            return Ok(());
        }
        Err(Error::DoesNotFit(format!(
            "{what} {bytes} bytes, expected at most {most}, the largest buffer binding of the device; use {remedy}"
        )))
    };
    let narrower = format!("narrower {}", Setting::Layers);
    let smaller = format!("a smaller {} or {}, or {narrower}", Setting::Batch, Setting::MicroBatch);
    for (state, &bytes) in chain.state_bytes.iter().enumerate() {
        check(format!("state {state} takes"), bytes, &smaller)?;
    }
    for (layer, shape) in task.network.layers().enumerate() {
        let bytes = 4 * shape.inputs as u64 * shape.outputs as u64;
        check(format!("the weights of layer {layer} take"), bytes, &narrower)?;
    }
    let fusion = Fusion::of(task, limits);
    let planes = RuleConstants::of(task).planes() as u64;
    let fewer = match (task.parts, task.rule.clip_norm) {
        (1, None) => String::new(),
        (1, Some(_)) => format!("no {}, ", Setting::ClipNorm),
        _ => format!("{}, ", Setting::MicroBatch.with(task.batch())),
    };
    let other = format!("{fewer}another {}, or {narrower}", Setting::Optimizer);
    for (layer, shape) in task.network.layers().enumerate() {
        // Those of thin layers fit, or the layers are not thin.
        if fusion.as_ref().and_then(|fusion| fusion.place(layer)).is_none() {
            let bytes = 4 * planes * shape.parameter_count();
            check(format!("gradients and optimizer state of layer {layer} take"), bytes, &other)?;
        }
    }
    check(
        "the losses of a batch take".to_owned(),
        4 * task.batch() as u64,
        &format!("a smaller {}", Setting::Batch),
    )
}

/// Footprints of `task` for each dataset placement that `placement` allows, the preferred one first.
///
/// # Errors
/// [`Error::DoesNotFit`] if the dataset has to be resident and is larger than a binding.
pub fn footprints(task: &Task, placement: DatasetPlacement, limits: DeviceLimits) -> Result<Vec<Footprint>> {
    let can_keep = can_stay_on_device(task.data, limits.binding_bytes);
    let places: &[bool] = match placement {
        DatasetPlacement::Device if !can_keep => {
            return Err(Error::DoesNotFit(format!(
                "the dataset is larger than the device's largest buffer binding of {} bytes; use {}",
                limits.binding_bytes,
                Setting::Dataset.with("host")
            )));
        }
        DatasetPlacement::Auto if can_keep => &[true, false],
        DatasetPlacement::Device => &[true],
        DatasetPlacement::Auto | DatasetPlacement::Host => &[false],
    };
    Ok(places.iter().map(|&resident| Footprint::new(task, limits, resident)).collect())
}
