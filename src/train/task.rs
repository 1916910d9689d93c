use crate::config::Settings;
use crate::data::DatasetShape;
use crate::device::Task;
use crate::model::Network;

/// What `settings` train, on `data`.
pub fn task<'a>(settings: &Settings, network: &'a Network, data: DatasetShape) -> Task<'a> {
    Task {
        network,
        micro_batch: settings.micro_batch(),
        parts: settings.batch / settings.micro_batch(),
        rule: settings.rule,
        data,
        timed: settings.timed,
        fused: settings.fused,
        observed: settings.verify_recompute,
        tuned: settings.tuned,
    }
}
