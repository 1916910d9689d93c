use crate::cpu::Cpu;
use crate::device::{DatasetPlacement, DeviceLimits, Task};
use crate::gpu::Gpu;
use crate::memory::{ByCategory, Category};
use crate::plan::{Chain, Plan, PoolLimits};
use crate::simulate::simulate;
use crate::strategy::Strategy;
use crate::{Error, Result, Setting};

/// What kind of device is planned for. The device itself need not be there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// The CPU backend.
    Cpu,
    /// A GPU.
    Gpu(DeviceLimits),
}

/// What a run will do and take, decided before anything is allocated.
#[derive(Debug, Clone, PartialEq)]
pub struct Planned {
    /// The strategy that it was made by.
    pub strategy: Strategy,
    /// What a step does to each of its micro-batches.
    pub plan: Plan,
    /// Bytes of everything beside the plan's pool.
    pub beside: ByCategory,
    /// Whether the dataset is kept on the device.
    pub dataset_on_device: bool,
}

/// A place for the dataset, and the bytes beside the pool that come with it.
struct Placement {
    on_device: bool,
    beside: ByCategory,
}

impl Planned {
    /// Bytes of everything, by category.
    pub fn bytes(&self) -> ByCategory {
        self.beside.iter().chain(self.plan.pool().iter()).collect()
    }
}

impl Target {
    /// Plans `task`, and replays the plan.
    ///
    /// A budget bounds the pool and everything beside it. The dataset is kept on the device only where the plan
    /// leaves room for it: bytes are better spent on recomputing less.
    ///
    /// # Errors
    /// [`Error::OverBudget`] for a budget that is too small, [`Error::DoesNotFit`] for states, weights and datasets that
    /// the device cannot take, [`Error::Usage`] where it cannot keep the dataset as `residence` asks.
    pub fn plan(self, strategy: Strategy, task: &Task, residence: DatasetPlacement) -> Result<Planned> {
        let task = &self.able(task);
        let chain = self.chain(task)?;
        self.check_bindings(task, &chain)?;
        let strategy = strategy.resolved(&chain);
        let placements = self.placements(task, residence)?;
        let least = least_of(&placements);
        let apart = Task { fused: false, ..*task };
        let least_apart = least_of(&self.placements(&apart, residence)?);
        let plan = strategy
            .plan(&chain, self.pool_limits(task.micro_batch), least)
            .map_err(|error| explain(error, task, residence, &placements, least_apart < least))?;
        simulate(&plan)?;

        let budget = if let Strategy::Budget(bytes) = strategy { bytes } else { u64::MAX };
        let fits = |placement: &Placement| plan.pool_bytes() + placement.beside.total() <= budget;
        let Some(Placement { on_device, beside }) = placements.into_iter().find(fits) else {
            let advice = "this is a bug of the planner".to_owned();
            return Err(Error::OverBudget { budget, least: least + plan.pool_bytes(), advice });
        };
        Ok(Planned { strategy, plan, beside, dataset_on_device: on_device })
    }

    /// Plans to run `task`'s network forward alone, on data that stays on the host.
    ///
    /// # Errors
    /// [`Error::DoesNotFit`] for states and weights that the device cannot take.
    pub fn plan_forward(self, task: &Task) -> Result<Planned> {
        let task = &self.able(task);
        let chain = self.chain(task)?;
        self.check_bindings(task, &chain)?;
        let plan = Plan::forward(&chain, self.pool_limits(task.micro_batch))?;
        let beside = match self {
            Target::Cpu => Cpu::bytes_beside_pool(task),
            Target::Gpu(limits) => Gpu::bytes_beside_pool(task, limits, false),
        };
        Ok(Planned { strategy: Strategy::StoreAll, plan, beside, dataset_on_device: false })
    }

    /// The layers of `task` as this target runs them.
    ///
    /// # Errors
    /// As [`Chain::of`].
    pub fn chain(self, task: &Task) -> Result<Chain> {
        let chain = Chain::of(task.network, task.micro_batch)?;
        let fusible = match self {
            Target::Cpu => Vec::new(),
            Target::Gpu(_) if task.observed => Vec::new(),
            Target::Gpu(limits) => Gpu::fusible(task, limits),
        };
        Ok(Chain { fusible, ..chain })
    }

    /// The fewest bytes of a budget for `task` that other things than the pool take.
    ///
    /// # Errors
    /// Those of [`Target::plan`] that are about the dataset.
    pub fn least_beside(self, task: &Task, residence: DatasetPlacement) -> Result<u64> {
        Ok(least_of(&self.placements(&self.able(task), residence)?))
    }

    /// `task`, with no more asked of the device than it can do.
    pub(super) fn able<'a>(self, task: &Task<'a>) -> Task<'a> {
        let can_time = matches!(self, Target::Gpu(DeviceLimits { timestamps: true, .. }));
        Task { timed: task.timed && can_time, ..*task }
    }

    /// What its buffers may be, for micro-batches of `rows` samples.
    pub fn pool_limits(self, rows: usize) -> PoolLimits {
        match self {
            Target::Cpu => Cpu::pool_limits(rows),
            Target::Gpu(limits) => limits.pool(),
        }
    }

    /// Kernels see every state and every layer's weights whole.
    fn check_bindings(self, task: &Task, chain: &Chain) -> Result<()> {
        let Target::Gpu(limits) = self else { return Ok(()) };
        let most = limits.binding_bytes.min(limits.buffer_bytes);
        let check = |what: String, bytes: u64, remedy: &str| {
            if bytes <= most {
                return Ok(());
            }
            Err(Error::DoesNotFit(format!(
                "{what} {bytes} bytes, expected at most {most}, which the device binds at once; use {remedy}"
            )))
        };
        for (state, &bytes) in chain.state_bytes.iter().enumerate() {
            let remedy = &format!(
                "a smaller {} or {}, or narrower {}",
                Setting::Batch,
                Setting::MicroBatch,
                Setting::Layers
            );
            check(format!("state {state} takes"), bytes, remedy)?;
        }
        for (layer, shape) in task.network.layers().enumerate() {
            let bytes = 4 * shape.inputs as u64 * shape.outputs as u64;
            check(
                format!("the weights of layer {layer} take"),
                bytes,
                &format!("narrower {}", Setting::Layers),
            )?;
        }
        Ok(())
    }

    /// Where the dataset may be kept, the best first.
    fn placements(self, task: &Task, residence: DatasetPlacement) -> Result<Vec<Placement>> {
        let Target::Gpu(limits) = self else {
            if residence == DatasetPlacement::Device {
                return Err(Error::usage(
                    Setting::Dataset,
                    "found device, expected auto or host: \
                     the cpu backend reads the data where it lies in host memory",
                ));
            }
            return Ok(vec![Placement { on_device: false, beside: Cpu::bytes_beside_pool(task) }]);
        };
        let can_keep = Gpu::can_keep(task.data, limits);
        if residence == DatasetPlacement::Device && !can_keep {
            return Err(Error::DoesNotFit(format!(
                "the dataset is larger than the {} bytes that the device binds at once; use {}",
                limits.binding_bytes,
                Setting::Dataset.with("host")
            )));
        }
        let wanted = |&on_device: &bool| match residence {
            DatasetPlacement::Auto => can_keep || !on_device,
            DatasetPlacement::Device => on_device,
            DatasetPlacement::Host => !on_device,
        };
        let place =
            |on_device| Placement { on_device, beside: Gpu::bytes_beside_pool(task, limits, on_device) };
        Ok([true, false].into_iter().filter(wanted).map(place).collect())
    }
}

/// What is beside the pool at least.
fn least_of(placements: &[Placement]) -> u64 {
    placements.iter().map(|placement| placement.beside.total()).min().unwrap_or(0)
}

/// Says of a budget that is too small what takes the bytes, and what would lower them.
fn explain(
    error: Error,
    task: &Task,
    residence: DatasetPlacement,
    placements: &[Placement],
    is_lighter_apart: bool,
) -> Error {
    let Error::OverBudget { budget, least, .. } = error else { return error };
    let Some(Placement { beside, .. }) = placements.iter().min_by_key(|place| place.beside.total()) else {
        return error;
    };
    let pool = (least - beside.total(), "activations");
    let mut takers: Vec<(u64, &str)> =
        beside.iter().map(|(category, bytes)| (bytes, category.name())).chain([pool]).collect();
    takers.sort_by(|a, b| b.cmp(a));
    let takers: Vec<String> = takers
        .iter()
        .filter(|(bytes, _)| *bytes > 0)
        .map(|(bytes, name)| format!("{name} {bytes}"))
        .collect();

    let mut remedies = Vec::new();
    if residence == DatasetPlacement::Device {
        remedies.push(Setting::Dataset.with("host"));
    }
    if is_lighter_apart {
        remedies.push(Setting::Fused.with(false));
    }
    if task.micro_batch > 1 {
        // Gradients that are kept for several parts take as much as the parameters.
        let price = if task.parts > 1 { 0 } else { beside[Category::Parameters] };
        if (pool.0 + beside[Category::Batch]) / 2 > price {
            remedies.push(format!("a smaller {}", Setting::MicroBatch));
        }
        remedies.push(format!("a smaller {}", Setting::Batch));
    }
    remedies.push(format!("narrower or fewer {}", Setting::Layers));
    Error::OverBudget {
        budget,
        least,
        advice: format!("{}; use {}", takers.join(", "), remedies.join(", or ")),
    }
}
