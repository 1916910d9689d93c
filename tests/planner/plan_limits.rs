//! Values that exceed a device's limits are rejected before planning.

use crate::chains::of_widths;
use crate::common::{Random, changed};
use ckpt_gpu::Error;
use ckpt_gpu::config::{Batching, Settings, Widths};
use ckpt_gpu::data::DatasetShape;
use ckpt_gpu::device::{DatasetPlacement, DeviceLimits};
use ckpt_gpu::model::{Network, Optimizer, UpdateRule};
use ckpt_gpu::plan::{Chain, PoolLimits};
use ckpt_gpu::simulate::simulate;
use ckpt_gpu::strategy::Strategy;
use ckpt_gpu::strategy::budget::Solver;
use ckpt_gpu::train::{Planned, Target, task};

const MIB: u64 = 1 << 20;

/// Plans every second state for `target`.
fn planned(target: Target, widths: &[usize], batch: usize) -> Result<Planned, Error> {
    let settings = changed(Settings::notebook(), |s| {
        s.network.layers = Widths(widths.to_vec());
        s.batching.batch = batch;
    });
    let network: Network = settings.network.build()?;
    let task = task(&settings, &network, DatasetShape::empty(widths[0]));
    target.plan(Strategy::EveryN(2), &task, DatasetPlacement::Host)
}

#[track_caller]
fn refused(target: Target, widths: &[usize], batch: usize, words: &[&str]) {
    let error = planned(target, widths, batch).unwrap_err();
    assert!(matches!(error, Error::DoesNotFit(_)), "{error}");
    for word in words {
        assert!(error.to_string().contains(word), "no {word:?} in {error}");
    }
}

#[test]
fn states_and_weights_that_a_gpu_cannot_bind_are_rejected() {
    let limits = |binding_bytes, buffer_bytes| {
        Target::Gpu(DeviceLimits { binding_bytes, buffer_bytes, ..DeviceLimits::default() })
    };
    let promised = Target::Gpu(DeviceLimits::default());
    let state = ["state 2 takes 160000000 bytes", "at most 134217728", "`micro_batch`"];
    refused(promised, &[784, 40, 2000, 10], 20_000, &state);
    // Larger than a buffer, too.
    refused(promised, &[252, 79_792, 126], 1000, &["state 1 takes 319168000 bytes"]);
    refused(limits(256 * MIB, 64 * MIB), &[8, 1 << 14, 8], 2048, &["state 1", "at most 67108864"]);
    refused(promised, &[8192, 8192, 10], 1, &["the weights of layer 0 take 268435456 bytes", "`layers`"]);
    refused(promised, &[8, 10, 8192, 8192, 10], 1, &["the weights of layer 2"]);

    // The largest value that can be bound is planned for, and so is any value on the CPU.
    for target in [limits(32 * MIB, 32 * MIB), limits(32 * MIB + 3, 64 * MIB), Target::Cpu] {
        let planned = planned(target, &[8, 4096, 8, 4096, 8], 2048).unwrap();
        simulate(&planned.plan).unwrap();
    }
    refused(limits(32 * MIB - 4, 64 * MIB), &[8, 4096, 8], 2048, &["state 1", "33554428"]);
    planned(Target::Cpu, &[784, 40, 2000, 10], 20_000).unwrap();
    planned(Target::Cpu, &[8192, 8192, 10], 1).unwrap();
}

/// A buffer need not be a multiple of the alignment.
#[test]
fn value_may_fill_the_largest_buffer() {
    let chain = Chain {
        state_bytes: vec![4, 1020, 40, 1020, 40, 300, 12],
        delta_bytes: vec![1020, 40, 1020, 40, 300, 12],
        forward_flops: vec![1; 6],
        fusible: Vec::new(),
        row_bytes: Vec::new(),
    };
    let limits = PoolLimits { block_bytes: 1020, ..PoolLimits::default() };
    for n in 0..7 {
        let plan = Strategy::EveryN(n).plan(&chain, limits, 0).unwrap();
        simulate(&plan).unwrap();
        assert!(plan.blocks[1..].iter().all(|block| block.bytes <= limits.block_bytes));
    }
    let limits = PoolLimits { block_bytes: 1016, ..limits };
    for strategy in [Strategy::StoreAll, Strategy::EveryN(2), Strategy::EveryAuto, Strategy::Budget(1 << 20)]
    {
        let error = strategy.plan(&chain, limits, 0).unwrap_err();
        assert!(matches!(error, Error::DoesNotFit(_)), "{strategy}: {error}");
        assert!(error.to_string().contains("state 1 takes 1020 bytes, expected at most 1016"), "{error}");
    }
}

/// Chains mix large and small values, and some large ones exceed the largest buffer.
#[test]
fn pools_respect_the_largest_buffer_or_are_rejected() {
    let mut random = Random::new(31);
    let (mut kept, mut refused) = (0, 0);
    for _ in 0..150 {
        let layers = 2 + random.below(10);
        let width = |index| 1 + random.below(if index % 2 == 0 { 6 } else { 900 }) as u64;
        let widths: Vec<u64> = (0..=layers).map(width).collect();
        let chain = of_widths(&widths, vec![1; layers]);
        let limits =
            PoolLimits { block_bytes: 700 * 1024 + random.below(999) as u64, ..PoolLimits::default() };
        let largest = chain.state_bytes[1..].iter().max().copied().unwrap();
        for n in 0..4 {
            match Strategy::EveryN(n).plan(&chain, limits, 0) {
                Ok(plan) => {
                    kept += 1;
                    simulate(&plan).unwrap_or_else(|error| panic!("{error}, {limits:?} {chain:?}"));
                    let mut pool = plan.blocks[1..].iter();
                    assert!(pool.all(|block| block.bytes <= limits.block_bytes), "{limits:?} {chain:?}");
                }
                Err(Error::DoesNotFit(_)) => {
                    refused += 1;
                    assert!(largest > limits.block_bytes, "{limits:?} {chain:?}");
                }
                Err(error) => panic!("{error}"),
            }
        }
    }
    assert!(kept > 100 && refused > 100, "{kept} kept, {refused} refused");
}

const GIB: u64 = 1 << 30;

/// Micro-batches and recomputed layers that a budget chooses.
fn divided(
    target: Target,
    layers: &str,
    batch: usize,
    micro_batch: Option<usize>,
    budget: u64,
) -> (usize, usize) {
    let settings = changed(Settings::notebook(), |s| {
        s.network.layers = layers.parse().unwrap();
        s.batching = Batching { batch, micro_batch, ..Batching::default() };
    });
    let network = settings.network.build().unwrap();
    let task = task(&settings, &network, DatasetShape::empty(network.features()));
    let planned = target.plan(Strategy::Budget(budget), &task, DatasetPlacement::Host).unwrap();
    assert_eq!(planned.micro_batch * planned.parts, batch);
    assert!(planned.bytes().total() <= budget);
    (planned.micro_batch, planned.plan.prediction.recomputed_layers)
}

#[test]
fn budgets_divide_batches_where_that_costs_less_than_recomputation() {
    let limits = DeviceLimits { binding_bytes: 2 * GIB, buffer_bytes: 64 * GIB, ..DeviceLimits::default() };
    let gpu = Target::Gpu(limits);
    let wide = "784,4096x48,10";
    let (micro_batch, recomputed) = divided(gpu, wide, 65_536, None, 8 * GIB);
    assert!(recomputed == 0 && (256..65_536).contains(&micro_batch), "{micro_batch}, {recomputed}");
    // The largest that recomputes nothing.
    assert!(divided(gpu, wide, 65_536, Some(2 * micro_batch), 8 * GIB).1 > 0);
    // Enough for all.
    assert_eq!(divided(gpu, wide, 65_536, None, 200 * GIB), (65_536, 0));
    // What the user asks for, and the CPU's sums, are left alone.
    assert_eq!(divided(gpu, wide, 65_536, Some(32_768), 20 * GIB).0, 32_768);
    assert_eq!(divided(Target::Cpu, wide, 65_536, None, 20 * GIB).0, 65_536);
    // A GPU computes half of this batch in the time of the whole one.
    let (micro_batch, recomputed) = divided(gpu, "64x50,10", 16_384, None, 120 * MIB);
    assert!(micro_batch == 16_384 && recomputed > 0, "{micro_batch}, {recomputed}");
    let busy = Target::Gpu(DeviceLimits { busy_elements: 1 << 12, ..limits });
    let (micro_batch, recomputed) = divided(busy, "64x50,10", 16_384, None, 120 * MIB);
    assert!(micro_batch == 8192 && recomputed == 0, "{micro_batch}, {recomputed}");
}

/// Whether layers are thin decides the order of sums, and depends on what a device can bind: here, on the gradients of the
/// batch's parts, and on the gradients that micro-batches keep.
#[test]
fn budgets_divide_no_batch_if_its_bits_would_change() {
    let thin = DeviceLimits { workgroup_bytes: 32 << 10, busy_elements: 1, ..DeviceLimits::default() };
    let sizes = |limits: DeviceLimits, optimizer: Optimizer, budgets: [u64; 4]| {
        budgets.map(|budget| {
            let settings = changed(Settings::notebook(), |s| {
                s.network.layers = "64x50,10".parse().unwrap();
                s.batching = Batching { batch: 512, ..Batching::default() };
                s.optimization.rule = UpdateRule::of(optimizer);
            });
            let network = settings.network.build().unwrap();
            let task = task(&settings, &network, DatasetShape::empty(64));
            let planned = Target::Gpu(limits).plan(Strategy::Budget(budget), &task, DatasetPlacement::Host);
            planned.map_or(0, |planned| planned.micro_batch)
        })
    };
    let budgets = [7 * MIB, 6 * MIB, 5 * MIB, 4 * MIB];
    assert!(sizes(thin, Optimizer::Momentum, budgets).contains(&256));
    // The thin layers' state fits a binding, but not with the gradients that micro-batches keep.
    let state = 4 * 50 * 65 * 64;
    let bound = DeviceLimits { binding_bytes: state + state / 2, ..thin };
    let divided = sizes(bound, Optimizer::Momentum, budgets);
    assert!(divided.contains(&512) && !divided.contains(&256), "{divided:?}");
}

/// Gradients and optimizer state share a buffer, which has to be bound, too.
#[test]
fn budgets_divide_no_batch_whose_gradients_cannot_be_bound() {
    let limits = DeviceLimits { binding_bytes: 128 * MIB, buffer_bytes: 8 * GIB, ..DeviceLimits::default() };
    let plan = |optimizer, micro_batch, budget| {
        let settings = changed(Settings::notebook(), |s| {
            s.network.layers = "784,4096x6,10".parse().unwrap();
            s.batching = Batching { batch: 8192, micro_batch, ..Batching::default() };
            s.optimization.rule = UpdateRule::of(optimizer);
        });
        let network = settings.network.build().unwrap();
        let task = task(&settings, &network, DatasetShape::empty(network.features()));
        Target::Gpu(limits).plan(Strategy::Budget(budget), &task, DatasetPlacement::Host)
    };
    assert_eq!(plan(Optimizer::Sgd, None, 1200 * MIB).unwrap().micro_batch, 4096);
    let whole = plan(Optimizer::Momentum, None, 1536 * MIB).unwrap();
    assert!(whole.micro_batch == 8192 && whole.plan.prediction.recomputed_layers > 0);
    let refused = plan(Optimizer::Momentum, Some(4096), 1536 * MIB).unwrap_err().to_string();
    assert!(
        refused.contains("gradients and optimizer state of layer 1") && refused.contains("`optimizer`"),
        "{refused}"
    );
}

/// A state that is too large to bind is divided, too.
#[test]
fn budgets_divide_batches_that_cannot_be_bound() {
    let gpu = Target::Gpu(DeviceLimits::default());
    let (micro_batch, _) = divided(gpu, "784,4096x4,10", 65_536, None, 8 * GIB);
    assert!(4096 * 4 * micro_batch as u64 <= 128 * MIB, "{micro_batch}");
}

fn network(widths: &[usize], batch: usize) -> Chain {
    let settings = changed(Settings::notebook(), |s| s.network.layers = Widths(widths.to_vec()));
    Chain::of(&settings.network.build().unwrap(), batch).unwrap()
}

/// Checks that the least bytes have a plan that fits, and that one byte less has none.
fn check_least(chain: &Chain) -> u64 {
    let mut solver = Solver::new(chain, PoolLimits::default()).unwrap();
    let least = solver.least().unwrap();
    let plan = solver.plan(least).unwrap();
    let plan = plan.unwrap_or_else(|| panic!("no plan in the least, {least} bytes, of {chain:?}"));
    assert!(plan.pool_bytes() <= least, "{chain:?}");
    let less = solver.plan(least - 1).unwrap().map(|plan| plan.pool_bytes());
    assert_eq!(less, None, "in less than {least} bytes, of {chain:?}");
    least
}

#[test]
fn least_bytes_suffice_and_one_less_does_not() {
    assert_eq!(check_least(&network(&[784, 4, 1, 2], 100)), 4000);
    // The cheapest schedules of this chain take almost the same memory.
    check_least(&network(&[784, 196, 320, 112, 499, 42, 99, 241], 1000));

    let mut random = Random::new(32);
    for (lowest, highest, batch) in
        [(1, 16, 100), (1, 64, 100), (8, 256, 256), (1, 500, 10), (16, 1024, 1000)]
    {
        for _ in 0..50 {
            let hidden = 1 + random.below(12);
            let widths: Vec<usize> =
                (0..=hidden).map(|_| lowest + random.below(highest - lowest + 1)).collect();
            check_least(&network(&[&[784], &widths[..]].concat(), batch));
        }
    }
    for _ in 0..60 {
        check_least(&crate::chains::of_odd_sizes(1 + random.below(20), &mut random));
    }
}
