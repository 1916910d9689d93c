//! Every kernel of every backend against the f64 reference, as `ckpt-gpu check` measures them: on every activation,
//! every loss, batches whole and in parts, and shapes of every kind.

use crate::devices::{self, FAST, SHORT};
use ckpt_gpu::check::Verdict;
use ckpt_gpu::check::kernels::{self, Case};
use ckpt_gpu::gpu::{Context, Tile};
use ckpt_gpu::model::{Activation, Loss, Normalisation};
use ckpt_gpu::train::Machine;

/// A kernel each, and whole steps.
const NAMES: [&str; 8] = ["gather", "forward", "loss", "tally", "delta", "update", "accumulate", "score"];
const CHAIN: [&str; 4] = ["chain forward", "chain delta", "chain update", "chain accumulate"];

fn every_kernel_agrees(machine: &Machine, cases: &[Case]) {
    let checks = kernels::check(machine, cases, |_| ()).unwrap();
    let chain = if matches!(machine, Machine::Cpu) { &[][..] } else { &CHAIN };
    let drops = cases.iter().any(|case| case.dropout > 0);
    let dropout = if drops { &["dropout"][..] } else { &[] };
    let names = [&NAMES, chain, dropout, &["step"]].concat();
    assert_eq!(checks.iter().map(|check| check.name).collect::<Vec<_>>(), names);
    let wrong: Vec<_> = checks.iter().filter(|check| !check.holds()).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn cpu_kernels_agree_with_the_reference() {
    every_kernel_agrees(&Machine::Cpu, &kernels::grid());
}

/// In the tile that compiles fastest. Two tests take half the activation functions each, on a device of their own.
#[test]
fn software_kernels_agree_with_the_reference() {
    kernels_agree_for(&Activation::ALL[..Activation::ALL.len() / 2]);
}

#[test]
fn software_kernels_agree_with_the_reference_for_other_activations() {
    kernels_agree_for(&Activation::ALL[Activation::ALL.len() / 2..]);
}

fn kernels_agree_for(activations: &[Activation]) {
    let context = devices::own_software().with_tile(FAST);
    let cases = kernels::grid().into_iter().filter(|case| activations.contains(&case.activation));
    every_kernel_agrees(&Machine::Gpu(Box::new(context)), &cases.collect::<Vec<_>>());
}

/// Fused layers in the workgroups that hardware gets, and no software driver otherwise: lanes for all columns of a layer, too
/// few of them, and one for each column.
#[test]
fn software_fused_layers_agree_in_workgroups_for_hardware() {
    let context = devices::own_software().without_subgroups().with_tile(Tile::Blocks([8, 8]));
    let (mut some, mut others): (Vec<_>, Vec<_>) =
        fused_cases().into_iter().partition(|case| case.batch.is_multiple_of(2));
    let normalised = kernels::grid().into_iter().filter(|case| case.fused && case.normalisation.is_some());
    let mut normalised = normalised.skip(2);
    some.extend(normalised.next());
    others.extend(normalised.next());
    // Wider than 32 lanes, which then compute blocks.
    assert!(others.iter().any(|case| case.widths[1..].iter().any(|&width| width > 32)));
    for (column_lanes, cases) in [(32, &others), (5, &some), (128, &others)] {
        fused_layers_agree(context.clone().with_column_lanes(column_lanes), cases);
    }
}

fn fused_layers_agree(context: Context, cases: &[Case]) {
    let checks = kernels::check(&Machine::Gpu(Box::new(context)), cases, |_| ()).unwrap();
    // Kernels of single layers may find none.
    let wrong: Vec<_> = checks.iter().filter(|check| check.verdict == Verdict::Failed).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
    for name in CHAIN {
        assert!(checks.iter().any(|check| check.name == name && check.holds()), "{name}: {checks:#?}");
    }
}

/// Every shape of fused layers once.
fn fused_cases() -> Vec<Case> {
    let cases = kernels::grid().into_iter().filter(|case| case.fused && case.normalisation.is_none());
    let cases: Vec<_> = cases.take(8).collect();
    assert!(cases.iter().all(|case| cases.iter().filter(|other| case.widths == other.widths).count() == 1));
    assert!(cases.iter().any(|case| case.residual) && cases.iter().any(|case| case.parts > 1));
    cases
}

/// On shapes that exceed each tile, with rest and without.
#[test]
fn software_products_agree_in_short_tiles() {
    products_agree(devices::own_software(), SHORT);
}

#[test]
fn software_products_agree_in_all_tiles() {
    let context = devices::own_software().without_subgroups();
    products_agree(context.clone(), context.tiles());
}

/// On drivers with subgroups of eight lanes: its products and fused layers.
#[test]
fn software_kernels_agree_in_subgroups() {
    let context = devices::own_software();
    if context.limits().subgroups {
        fused_layers_agree(context.clone().with_tile(FAST), &fused_cases());
        products_agree(context, [Tile::Subgroup]);
    }
}

fn products_case(widths: &[usize], batch: usize, parts: usize) -> Case {
    Case {
        widths: widths.to_vec(),
        batch,
        parts,
        activation: Activation::Tanh,
        residual: false,
        normalisation: None,
        dropout: 0,
        loss: Loss::Quadratic,
        values: false,
        bytes: false,
        fused: false,
        every: 2,
    }
}

fn products_agree(context: Context, tiles: impl IntoIterator<Item = Tile>) {
    let cases = [products_case(&[5, 1, 3], 3, 1), products_case(&[130, 260, 131, 5], 2 * 137, 2)];
    for tile in tiles {
        let machine = Machine::Gpu(Box::new(context.clone().with_tile(tile)));
        let checks = kernels::check(&machine, &cases, |_| ()).unwrap();
        let wrong: Vec<_> = checks.iter().filter(|check| check.verdict == Verdict::Failed).collect();
        assert!(wrong.is_empty(), "{tile:?}: {wrong:#?}");
    }
}

/// Kernels that do the work of several, which software drivers run only in tests: forward and backward passes, and layer 0 on
/// samples of the dataset, as floats and bytes, with fewer and more targets than the layer has outputs.
#[test]
fn software_kernels_of_few_dispatches_agree() {
    // Of a few samples, and of so many that lanes compute 8 × 8 elements.
    let kept = kernels::grid().into_iter().filter(|case| case.every == 0);
    let kept = kept.chain(kernels::large_batches().into_iter().skip(1));
    let wide = |widths: &[usize], batch, parts, values, bytes| Case {
        loss: if values { Loss::Mse } else { Loss::CrossEntropy },
        fused: false,
        values,
        bytes,
        ..products_case(widths, batch, parts)
    };
    let wide = [
        wide(&[131, 2, 5], 33, 1, true, true),
        wide(&[130, 9, 3], 34, 2, true, false),
        wide(&[132, 9, 3], 34, 1, false, true),
    ];
    let context = devices::own_software().with_few_dispatches().without_subgroups().with_column_lanes(128);
    let machine = Machine::Gpu(Box::new(context));
    let checks = kernels::check(&machine, &kept.chain(wide).collect::<Vec<_>>(), |_| ()).unwrap();
    assert!(checks.iter().all(|check| check.holds()), "{checks:#?}");
}

#[test]
fn the_grid_has_every_kind_of_case() {
    let grid = kernels::grid();
    let any = |is: &dyn Fn(&Case) -> bool| assert!(grid.iter().any(is));
    for activation in Activation::ALL {
        for loss in Loss::ALL {
            any(&|case| case.activation == activation && case.loss == loss);
        }
    }
    for activation in Activation::ALL {
        for residual in [false, true] {
            any(&|case| {
                let has_blocks = case.widths[1..].windows(2).any(|pair| pair[0] == pair[1]);
                case.activation == activation && case.residual == residual && (has_blocks || !residual)
            });
        }
        any(&|case| case.activation == activation && case.normalisation.is_some());
    }
    for residual in [false, true] {
        any(&|case| case.normalisation.is_some() && case.residual == residual && case.parts == 3);
        any(&|case| {
            let is_normalised = case.normalisation.is_some() && case.residual == residual;
            is_normalised && case.fused && case.parts == 2 && case.batch > 512
        });
    }
    for normalisation in Normalisation::ALL {
        for fused in [false, true] {
            any(&|case| case.normalisation == Some(normalisation) && case.fused == fused);
        }
    }
    any(&|case| case.normalisation.is_some() && case.fused && case.dropout > 0);
    // States that are all kept: a function on the output, one output, several parts.
    any(&|case| case.every == 0 && case.loss == Loss::Quadratic);
    any(&|case| case.every == 0 && case.widths.ends_with(&[1]));
    any(&|case| case.every == 0 && case.parts > 1 && case.batch > 512);
    // More numbers than a sample has lanes, and samples for several workgroups.
    any(&|case| {
        case.normalisation.is_some() && case.widths[1..].iter().any(|&width| width > 16) && case.batch > 4
    });
    for loss in Loss::ALL {
        any(&|case| case.loss == loss && case.values);
        any(&|case| case.loss == loss && !case.values);
    }
    for bytes in [false, true] {
        any(&|case| case.bytes == bytes && case.parts == 1);
        any(&|case| case.bytes == bytes && case.parts > 2);
    }
    any(&|case| case.batch == 1);
    any(&|case| case.widths[1..].contains(&1));
    // Wider and longer than the 64 × 64 numbers of the largest workgroup, and not by whole ones.
    any(&|case| case.widths.iter().any(|&width| width > 128 && width % 64 != 0));
    any(&|case| case.batch > 64 && case.batch % 64 != 0);
    for parts in [1, 2] {
        any(&|case| case.fused && case.parts == parts && case.batch > 256);
    }
    for parts in [2, 3, 7] {
        any(&|case| case.parts == parts);
    }
}
