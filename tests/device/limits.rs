//! Devices with as little workgroup memory and as few invocations in a workgroup as a driver may offer. wgpu rejects any kernel
//! that exceeds what was asked of it.

use ckpt_gpu::check::Verdict;
use ckpt_gpu::check::kernels::{self, Case};
use ckpt_gpu::gpu::{AdapterKind, Context, Staged, Tile, WorkgroupLimits};
use ckpt_gpu::train::Machine;

const SMALL: WorkgroupLimits = WorkgroupLimits { bytes: 16 << 10, invocations: 64, subgroups: false };

/// Chains as wide as there are, gradient clipping in steps, layer normalisation, and a wide product, in workgroups for hardware.
#[test]
fn software_kernels_agree_in_small_workgroups() {
    let context = Context::open_within(AdapterKind::Software, SMALL).unwrap().with_column_lanes(16);
    let context = context.with_tile(Tile::Staged(Staged::new([64, 64], 8, 1, 8)));
    let is_chosen = |case: &Case| match (case.fused, case.layer_norm) {
        (true, false) => case.widths[0] == 128,
        (false, normalised) => case.widths[0] == if normalised { 33 } else { 28 },
        _ => false,
    };
    let mut cases: Vec<_> = kernels::grid().into_iter().filter(is_chosen).collect();
    cases.dedup_by_key(|case| (case.fused, case.layer_norm, case.parts));
    let checks = kernels::check(&Machine::Gpu(Box::new(context)), &cases, |_| ()).unwrap();
    let wrong: Vec<_> = checks.iter().filter(|check| check.verdict == Verdict::Failed).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
    for name in ["forward", "delta", "update", "chain forward", "chain delta", "chain update", "step"] {
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
