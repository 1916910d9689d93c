use crate::config::Settings;
use crate::data::DatasetShape;
use crate::device::{Division, Task};
use crate::model::Network;

/// The task of training `network` with `settings` on data of shape `data`.
pub fn task<'a>(settings: &Settings, network: &'a Network, data: DatasetShape) -> Task<'a> {
    Task {
        network,
        micro_batch: settings.batching.micro_batch(),
        parts: settings.batching.parts(),
        rule: settings.optimization.rule,
        label_smoothing: settings.optimization.label_smoothing,
        data,
        timed: settings.diagnostics.timed,
        fused: settings.placement.fused,
        chains: true,
        observed: settings.diagnostics.verify_recompute,
        tuned: settings.placement.tuned,
        slices: None,
        division: match settings.batching.micro_batch {
            Some(_) => Division::None,
            None => Division::SameBits,
        },
        keeps_best: settings.placement.keeps_best,
    }
}
