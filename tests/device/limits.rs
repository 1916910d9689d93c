//! Devices with as little workgroup memory and as few invocations in a workgroup as a driver may offer. wgpu rejects kernels
//! with more invocations.

use std::path::Path;
use std::sync::Arc;

use crate::common::changed;
use crate::devices::{self, FAST};
use ckpt_gpu::check::Verdict;
use ckpt_gpu::check::kernels::{self, Case};
use ckpt_gpu::config::{Settings, Widths};
use ckpt_gpu::data::{Dataset, LoadOptions};
use ckpt_gpu::gpu::{AdapterKind, Context, Staged, Tile, WorkgroupLimits};
use ckpt_gpu::model::{Optimizer, Parameters, UpdateRule};
use ckpt_gpu::train::{Machine, Trainer};

const SMALL: WorkgroupLimits = WorkgroupLimits { bytes: 16 << 10, invocations: 64, subgroups: false };

/// Chains as wide as there are, layer normalisation, and staged products, in workgroups for hardware.
#[test]
fn software_kernels_agree_in_small_workgroups() {
    let context = Context::open_within(AdapterKind::Software, SMALL).unwrap().with_column_lanes(16);
    let context = context.with_tile(Tile::Staged(Staged::new([64, 64], 8, 1, 8)));
    let grid = kernels::grid();
    let kinds: [fn(&Case) -> bool; 3] = [
        |case| case.fused && case.widths[0] == 128,
        |case| case.layer_norm && case.widths[0] == 33,
        |case| !case.fused && !case.layer_norm && case.widths[0] == 28,
    ];
    let cases = kinds.map(|is| grid.iter().find(|case| is(case)).unwrap().clone());
    let checks = kernels::check(&Machine::Gpu(Box::new(context)), &cases, |_| ()).unwrap();
    let wrong: Vec<_> = checks.iter().filter(|check| check.verdict == Verdict::Failed).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
    for name in ["forward", "delta", "update", "chain forward", "chain delta", "chain update"] {
        assert!(checks.iter().any(|check| check.name == name && check.holds()), "{name}: {checks:#?}");
    }
}

#[test]
fn software_offers_only_tiles_that_fit_small_workgroups() {
    let small = Context::open_within(AdapterKind::Software, SMALL).unwrap();
    let [few, all] = [SMALL, WorkgroupLimits::MOST].map(|limits| Tile::all(limits).collect::<Vec<_>>());
    assert_eq!(small.tiles().collect::<Vec<_>>(), few);
    assert!(few.len() < all.len() && few.iter().any(|tile| matches!(tile, Tile::Staged(_))), "{few:?}");
}

/// Also where gradients are clipped, and by Adam.
#[test]
fn software_gives_the_same_bits_in_small_workgroups() {
    let settings = changed(Settings::default(), |s| {
        s.network.layers = Widths(vec![20, 30, 30, 5]);
        s.optimization.rule = UpdateRule { clip_norm: Some(0.1), ..UpdateRule::of(Optimizer::Adam) };
        s.batching.batch = 300;
        s.optimization.steps = Some(2);
        s.placement.fused = false;
    });
    let recipe = Path::new("synthetic:blobs,features=20,classes=5,samples=700");
    let data = Arc::new(Dataset::load_with(recipe, &LoadOptions::default()).unwrap());
    let parameters = Parameters::normal(&settings.network.build().unwrap(), 4);
    let small = Context::open_within(AdapterKind::Software, SMALL).unwrap();
    let [found, expected] = [small, devices::software()].map(|context| {
        let machine = Machine::Gpu(Box::new(context.with_tile(FAST)));
        let mut trainer = Trainer::on(&machine, &settings, &data, &parameters).unwrap();
        let loss = trainer.epoch(|_| ()).unwrap().loss;
        (loss.to_bits(), trainer.parameters().unwrap().sha256())
    });
    assert_eq!(found, expected);
}
