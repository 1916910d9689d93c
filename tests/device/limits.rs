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
use ckpt_gpu::gpu::{AdapterKind, AdapterLimits, Context, Staged, Tile, WorkgroupLimits};
use ckpt_gpu::model::{Loss, Optimizer, Parameters, UpdateRule};
use ckpt_gpu::strategy::Strategy;
use ckpt_gpu::train::{Machine, Trainer};
use ckpt_gpu::{Error, Result};

const SMALL: AdapterLimits = AdapterLimits {
    workgroups: WorkgroupLimits { bytes: 16 << 10, invocations: 64, subgroups: false },
    ..AdapterLimits::MOST
};

/// Chains as wide as there are, layer normalisation, and staged products, in workgroups for hardware.
#[test]
fn software_kernels_agree_in_small_workgroups() {
    let context = Context::open_within(AdapterKind::Software, SMALL).unwrap().with_column_lanes(16);
    let context = context.with_tile(Tile::Staged(Staged::new([64, 64], 8, 1, [8, 8])));
    let grid = kernels::grid();
    let kinds: [fn(&Case) -> bool; 3] = [
        |case| case.fused && case.widths[0] == 128,
        |case| case.normalisation.is_some() && case.widths[0] == 6,
        |case| !case.fused && case.normalisation.is_none() && case.widths[0] == 28,
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
    let [few, all] = [SMALL, AdapterLimits::MOST]
        .map(|limits| limits.workgroups)
        .map(|limits| Tile::all(limits).collect::<Vec<_>>());
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

/// Kernels that read and write all states at once, where no binding, and where no buffer, holds them all.
#[test]
fn software_gives_the_same_bits_in_small_bindings_and_buffers() {
    let settings = changed(Settings::default(), |s| {
        s.network.layers = Widths(vec![7, 20, 24, 24, 3]);
        s.network.loss = Loss::CrossEntropy;
        s.batching.batch = 300;
        s.optimization.steps = Some(2);
        s.placement.strategy = Strategy::StoreAll;
    });
    let recipe = Path::new("synthetic:blobs,features=7,classes=3,samples=700");
    let data = Arc::new(Dataset::load_with(recipe, &LoadOptions::default()).unwrap());
    let parameters = Parameters::normal(&settings.network.build().unwrap(), 4);
    let run = |limits| {
        let context = Context::open_within(AdapterKind::Software, limits).unwrap().with_few_dispatches();
        let machine = Machine::Gpu(Box::new(context));
        let mut trainer = Trainer::on(&machine, &settings, &data, &parameters).unwrap();
        let loss = trainer.epoch(|_| ()).unwrap().loss;
        let memory = trainer.memory();
        assert_eq!(memory.planned, memory.counted);
        let bits = (loss.to_bits(), trainer.parameters().unwrap().sha256());
        (trainer.dispatches_a_step().unwrap(), trainer.planned().pool(), bits)
    };
    let (dispatches, pool, expected) = run(AdapterLimits::MOST);
    assert_eq!(dispatches, 4);
    // The batch lies in a buffer of its own, and so do its gradients' operands: a dispatch more.
    let (apart, _, found) = run(AdapterLimits { buffer_bytes: pool + 4096, ..AdapterLimits::MOST });
    assert!(apart > dispatches, "{apart}");
    assert_eq!(found, expected);
    let (pieces, _, found) = run(AdapterLimits { binding_bytes: 40_000, ..AdapterLimits::MOST });
    assert!(pieces > apart, "{pieces}");
    assert_eq!(found, expected);
}

/// A driver that refuses a kernel gets simpler ones, down to the simplest.
#[test]
fn software_that_refuses_kernels_trains_with_simpler_ones() {
    let settings = changed(Settings::default(), |s| {
        s.network.layers = Widths(vec![7, 20, 24, 3]);
        s.batching.batch = 30;
        s.optimization.steps = Some(2);
        s.placement.strategy = Strategy::StoreAll;
    });
    let recipe = Path::new("synthetic:blobs,features=7,classes=3,samples=70");
    let data = Arc::new(Dataset::load_with(recipe, &LoadOptions::default()).unwrap());
    let parameters = Parameters::normal(&settings.network.build().unwrap(), 4);
    let train = |context: Context| -> Result<(String, Vec<String>)> {
        let machine = Machine::Gpu(Box::new(context));
        let mut trainer = Trainer::on(&machine, &settings, &data, &parameters)?;
        trainer.epoch(|_| ())?;
        let refused = trainer.refusals().iter().map(ToString::to_string).collect::<Vec<_>>();
        Ok((trainer.parameters()?.sha256(), refused))
    };
    let sound = devices::own_software();
    let broken = |file| sound.clone().with_few_dispatches().with_shader(file, "nonsense").unwrap();
    let (expected, refused) = train(sound.clone()).unwrap();
    assert!(refused.is_empty());
    let (found, refused) = train(broken("chain_forward_backward")).unwrap();
    assert_eq!(found, expected);
    assert!(
        matches!(&refused[..], [one] if one.contains("the kernel chain_forward_backward: ")),
        "{refused:?}"
    );
    match train(broken("thin_gradient")) {
        Err(Error::KernelRefused { kernel, .. }) => assert_eq!(kernel, "thin_optimize"),
        other => panic!("{other:?}"),
    }
}
