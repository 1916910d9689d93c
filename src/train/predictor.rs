use std::sync::Arc;

use super::{Machine, Planned};
use crate::data::{Dataset, DatasetShape, Pass};
use crate::device::{Accumulation, Device, DeviceInfo, Division, Initial, Job, Task};
use crate::execute::execute;
use crate::memory::{ByCategory, Ledger, LiveMeter, check_host_room};
use crate::model::{Network, Optimizer, Parameters, UpdateRule};
use crate::plan::{Action, Plan, SlotId};
use crate::words::counted;
use crate::{Error, Result, Setting};

/// A trained network in inference, micro-batch by micro-batch, in the memory of two states whatever its depth.
pub struct Predictor {
    device: Box<dyn Device>,
    refusals: Vec<Error>,
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
    /// Plans inference on the test split of `data`, and allocates its buffers. Moves `parameters` to the device and leaves none,
    /// except after an error.
    ///
    /// # Errors
    /// [`Error::Usage`] for data that does not fit the network, [`Error::DoesNotFit`] if the device's memory is too small,
    /// [`Error::KernelRefused`] if the driver refuses the simplest kernels.
    pub fn on(
        machine: &Machine,
        network: &Network,
        parameters: &mut Parameters,
        data: &Arc<Dataset>,
        micro_batch: usize,
    ) -> Result<Self> {
        let mut initial = Initial::from(std::mem::take(parameters));
        let open = |machine: &Machine| Predictor::open(machine, network, &mut initial, data, micro_batch);
        let opened = machine.with_accepted_kernels(open);
        *parameters = initial.parameters;
        let (predictor, refusals) = opened?;
        Ok(Predictor { refusals, ..predictor })
    }

    /// Frees the device and returns the parameters.
    ///
    /// # Errors
    /// [`Error::DeviceLost`]
    pub fn into_parameters(self) -> Result<Parameters> {
        self.device.into_parameters()
    }

    fn open(
        machine: &Machine,
        network: &Network,
        initial: &mut Initial,
        data: &Arc<Dataset>,
        micro_batch: usize,
    ) -> Result<Self> {
        data.check(network)?;
        if !initial.parameters.fit(network) {
            return Err(Error::usage(
                Setting::Init,
                "found parameters of other shapes, expected those of the network",
            ));
        }
        if micro_batch == 0 {
            return Err(Error::usage(Setting::Batch, "found 0, expected at least 1"));
        }
        let test = data.shape().test;
        let task = Task {
            network,
            micro_batch,
            parts: 1,
            rule: UpdateRule::of(Optimizer::Sgd),
            label_smoothing: 0.0,
            data: DatasetShape { train: test, test },
            timed: false,
            fused: true,
            chains: true,
            observed: false,
            tuned: false,
            slices: None,
            division: Division::None,
            keeps_best: false,
        };
        let planned = machine.target().plan_forward(&task)?;
        let (bytes, Planned { plan, footprint, .. }) = (planned.bytes(), planned);
        let ledger = Ledger::new();
        let mut job = Job { task, data, plan: &plan, initial };
        let device = machine.open(&mut job, footprint, &ledger)?;
        let writes = plan.step.iter().filter_map(Action::run).flat_map(|run| &run.writes);
        let Some(output) = writes.map(|operand| operand.slot).next_back() else {
            return Err(Error::internal("the forward plan writes no output"));
        };
        Ok(Predictor {
            device,
            refusals: Vec::new(),
            output,
            meter: LiveMeter::new(plan.slots.len()),
            plan,
            ledger,
            planned: bytes,
            data: Arc::clone(data),
            micro_batch,
            outputs: network.outputs(),
        })
    }

    /// Name and kind of its device.
    pub fn device(&self) -> DeviceInfo {
        self.device.info()
    }

    /// Kernels that the driver refused. Simpler ones do their work.
    pub fn refusals(&self) -> &[Error] {
        &self.refusals
    }

    /// Planned bytes of all its buffers, by category.
    pub fn planned(&self) -> &ByCategory {
        &self.planned
    }

    /// Counted bytes of all its buffers at their peak, by category.
    pub fn counted(&self) -> ByCategory {
        self.ledger.at_peak()
    }

    /// Outputs of all test samples, `[samples, outputs]`, in order.
    ///
    /// # Errors
    /// [`Error::DoesNotFit`] if the host has no room for them, and [`Error::DeviceLost`].
    pub fn outputs(&mut self) -> Result<Vec<f32>> {
        self.outputs_while(|| Ok(()))
    }

    /// [`Predictor::outputs`], as long as `check`, before each micro-batch is taken, returns no error.
    ///
    /// # Errors
    /// As [`Predictor::outputs`], and those of `check`.
    pub fn outputs_while(&mut self, check: impl Fn() -> Result<()>) -> Result<Vec<f32>> {
        let count = self.data.test.len() as u64 * self.outputs as u64;
        check_host_room(
            &format!("the outputs of {}", counted(self.data.test.len(), "sample")),
            count.saturating_mul(4),
            "evaluate on fewer samples",
        )?;
        let mut outputs = Vec::with_capacity(count as usize);
        self.predict(|rows| {
            check()?;
            outputs.extend_from_slice(rows);
            Ok(())
        })?;
        Ok(outputs)
    }

    /// Passes the outputs of all test samples to `take` in order, some whole rows `[samples, outputs]` at a time.
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
