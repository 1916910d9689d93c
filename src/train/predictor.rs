use std::sync::Arc;

use super::{Machine, Planned};
use crate::data::{Dataset, DatasetShape, Pass};
use crate::device::{Accumulation, Device, DeviceInfo, Job, Task};
use crate::execute::execute;
use crate::memory::{ByCategory, Ledger, LiveMeter};
use crate::model::{Network, Optimizer, Parameters, UpdateRule};
use crate::plan::{Action, Plan, SlotId};
use crate::{Error, Result, Setting};

/// A trained network that answers, micro-batch by micro-batch, in two states' room however deep it is.
pub struct Predictor {
    device: Box<dyn Device>,
    plan: Plan,
    output: SlotId,
    meter: LiveMeter,
    ledger: Ledger,
    planned: ByCategory,
    data: Arc<Dataset>,
    micro_batch: usize,
    outputs: usize,
}

impl Predictor {
    /// Plans, and allocates everything that answers for the test split of `data` take.
    ///
    /// # Errors
    /// [`Error::Usage`] for data that is not for this network, [`Error::DoesNotFit`] where the device is too small.
    pub fn on(
        machine: &Machine,
        network: &Network,
        parameters: &Parameters,
        data: &Arc<Dataset>,
        micro_batch: usize,
    ) -> Result<Self> {
        data.check(network)?;
        if micro_batch == 0 {
            return Err(Error::usage(Setting::Batch, "found 0, expected at least 1"));
        }
        let test = data.shape().test;
        let task = Task {
            network,
            micro_batch,
            parts: 1,
            rule: UpdateRule::of(Optimizer::Sgd),
            data: DatasetShape { train: test, test },
            timed: false,
            fused: true,
            observed: false,
            tuned: false,
        };
        let Planned { plan, beside, .. } = machine.target().plan_forward(&task)?;
        let planned: ByCategory = beside.iter().chain(plan.pool().iter()).collect();
        let ledger = Ledger::new();
        let job = Job { task, data, plan: &plan, dataset_on_device: false, parameters, moments: &[] };
        let device = machine.open(&job, planned.total(), &ledger)?;
        let made = |action: &Action| match *action {
            Action::Forward { output, .. } => Some(output),
            _ => None,
        };
        let Some(output) = plan.step.iter().filter_map(made).next_back() else {
            return Err(Error::internal("the forward plan writes no output"));
        };
        Ok(Predictor {
            device,
            output,
            meter: LiveMeter::new(plan.slots.len()),
            plan,
            ledger,
            planned,
            data: Arc::clone(data),
            micro_batch,
            outputs: network.outputs(),
        })
    }

    /// What it runs on.
    pub fn device(&self) -> DeviceInfo {
        self.device.info()
    }

    /// Bytes of all its buffers by category, as planned and as counted.
    pub fn memory(&self) -> [ByCategory; 2] {
        [self.planned, self.ledger.at_peak()]
    }

    /// The outputs of all test samples, `[samples, outputs]`, in their order.
    ///
    /// # Errors
    /// [`Error::DeviceLost`]
    pub fn outputs(&mut self) -> Result<Vec<f32>> {
        let mut outputs = Vec::with_capacity(self.data.test.len() * self.outputs);
        self.predict(|rows| {
            outputs.extend_from_slice(rows);
            Ok(())
        })?;
        Ok(outputs)
    }

    /// Tells `take` the outputs of all test samples, some whole rows `[samples, outputs]` at a time, in their order.
    ///
    /// # Errors
    /// [`Error::DeviceLost`], and those of `take`.
    pub fn predict(&mut self, mut take: impl FnMut(&[f32]) -> Result<()>) -> Result<()> {
        let samples = self.data.test.len();
        self.device.begin_pass(Pass::Test, 0, &[])?;
        for first in (0..samples).step_by(self.micro_batch) {
            self.device.begin_batch(Accumulation::Whole)?;
            execute(&self.plan.chain, &self.plan.step, self.device.as_mut(), &mut self.meter)?;
            let elements = self.micro_batch * self.outputs;
            let outputs = self.device.read_slot(self.output, elements)?;
            self.device.end_batch()?;
            take(&outputs[..self.micro_batch.min(samples - first) * self.outputs])?;
        }
        self.device.end_pass().map(|_| ())
    }
}
