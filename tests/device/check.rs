//! `ckpt-gpu check` passes on correct devices, and names the kernel that is broken.

use crate::common::changed;
use crate::devices::{self, FAST};
use ckpt_gpu::Error;
use ckpt_gpu::check::kernels::{self, Case};
use ckpt_gpu::check::{self, Check, Event, Verdict};
use ckpt_gpu::config::{Settings, Widths};
use ckpt_gpu::gpu::{AdapterKind, Context, Staged, Tile};
use ckpt_gpu::model::{Activation, Loss, Normalisation};
use ckpt_gpu::train::Machine;

/// Two cases of whole batches and one with gradient accumulation, enough for every kernel of wide layers; and for thin
/// layers, micro-batches of one part and of several.
fn few_cases() -> Vec<Case> {
    let case = |batch, parts| Case {
        widths: vec![6, 16, 7, 2],
        batch,
        parts,
        activation: Activation::Tanh,
        residual: false,
        normalisation: None,
        dropout: 0,
        loss: Loss::Quadratic,
        values: false,
        bytes: parts == 1,
        fused: false,
        every: 2,
    };
    let together = |batch, parts| Case { widths: vec![6, 16, 7, 9, 5, 2], fused: true, ..case(batch, parts) };
    vec![
        case(13, 1),
        case(26, 2),
        case(10, 1),
        together(70, 1),
        Case { every: 0, ..together(26, 2) },
        together(300, 1),
        together(530, 2),
    ]
}

fn odd_network() -> Settings {
    changed(Settings::notebook(), |s| {
        s.network.layers = Widths(vec![13, 1, 37, 8, 22, 3]);
        s.network.activation = Activation::Relu;
        s.network.loss = Loss::CrossEntropy;
        s.batching.batch = 9;
        s.optimization.seed = 5;
    })
}

#[track_caller]
fn everything_holds(machine: &Machine, settings: &Settings) {
    let mut told = Vec::new();
    let outcome = check::run(machine, settings, &few_cases(), |event| {
        if let Event::Done(check) = event {
            told.push(check.clone());
        }
    });
    let outcome = outcome.unwrap();
    assert_eq!(outcome.checks, told);
    assert_eq!(told.len(), if matches!(machine, Machine::Cpu) { 18 } else { 22 });
    assert!(
        outcome.verdict().is_ok(),
        "{:#?}",
        told.iter().filter(|check| !check.holds()).collect::<Vec<_>>()
    );
    assert!(told.iter().all(|check| check.figure <= check.bound && !check.detail.is_empty()), "{told:#?}");
}

/// If layers amplified rounding, a correct device would differ from the reference.
#[test]
fn cpu_holds_however_wide_and_deep() {
    let layers = Widths([vec![20], vec![300; 30], vec![5]].concat());
    everything_holds(
        &Machine::Cpu,
        &changed(Settings::notebook(), |s| {
            s.network.layers = layers;
            s.batching.batch = 4;
        }),
    );
}

#[test]
fn cpu_holds() {
    everything_holds(&Machine::Cpu, &Settings::notebook());
    everything_holds(&Machine::Cpu, &odd_network());
    let normalised = changed(odd_network(), |s| {
        s.network.layers = Widths(vec![13, 9, 37, 37, 22, 3]);
        s.network.normalisation = Some(Normalisation::Layer);
        s.network.residual = true;
    });
    everything_holds(&Machine::Cpu, &normalised);
    everything_holds(
        &Machine::Cpu,
        &changed(Settings::notebook(), |s| {
            s.network.layers = Widths(vec![4, 2]);
            s.batching.batch = 1;
        }),
    );
}

#[test]
fn software_holds() {
    let machine = Machine::Gpu(Box::new(cut(FAST)));
    everything_holds(&machine, &Settings::notebook());
    everything_holds(&machine, &odd_network());
}

/// Gradients shrink by twelve orders of magnitude through 51 layers.
#[test]
fn cpu_holds_where_gradients_vanish() {
    everything_holds(&Machine::Cpu, &ckpt_gpu::config::Preset::VeryLong.settings());
}

/// Breaks shader `file` by replacing `from` with `to`. Returns the names of the kernels that fail, and of those that cannot be
/// judged. Whole steps are left out: they fail with any kernel.
fn broken(context: Context, file: &str, from: &str, to: &str) -> (Vec<&'static str>, Vec<&'static str>) {
    // No width is a multiple of four, so that a broken product is compiled once.
    let cases = few_cases().into_iter().map(|case| match case.fused {
        true => case,
        false => Case { widths: vec![6, 9, 7, 2], ..case },
    });
    broken_in(&cases.collect::<Vec<_>>(), context, file, from, to)
}

fn broken_in(
    cases: &[Case],
    context: Context,
    file: &str,
    from: &str,
    to: &str,
) -> (Vec<&'static str>, Vec<&'static str>) {
    let machine = Machine::Gpu(Box::new(break_shader(context, file, from, to)));
    let checks = kernels::check(&machine, cases, |_| ()).unwrap();
    (names(&checks, Verdict::Failed), names(&checks, Verdict::NotJudged))
}

fn names(checks: &[Check], verdict: Verdict) -> Vec<&'static str> {
    let those = checks.iter().filter(|check| check.verdict == verdict && check.name != "step");
    those.map(|check| check.name).collect()
}

fn break_shader(context: Context, file: &str, from: &str, to: &str) -> Context {
    let path = format!("{}/shaders/{file}.wgsl", env!("CARGO_MANIFEST_DIR"));
    let sound = std::fs::read_to_string(path).unwrap();
    assert!(sound.contains(from), "{file} has no {from}");
    context.with_shader(file, &sound.replace(from, to)).unwrap()
}

#[track_caller]
fn only(fails: &[&str], file: &str, from: &str, to: &str) {
    only_on(cut(FAST), fails, file, from, to);
}

#[track_caller]
fn only_on(context: Context, fails: &[&str], file: &str, from: &str, to: &str) {
    let (failed, not_judged) = broken(context, file, from, to);
    assert_eq!(failed, fails, "{file}: {to}");
    assert!(not_judged.is_empty(), "{file}: {to}: not judged: {not_judged:?}");
}

const PRODUCTS: [&str; 4] = ["forward", "delta", "update", "accumulate"];
/// What `forward` stores, before the residual term.
const BIASED: &str = "store_activation(sums + vec4f(bias[read.x], bias[read.y], bias[read.z], bias[read.w]))";
/// What `chain_states` adds to the first of a lane's samples, and the same with what its slot held before.
const SUMMED: &str = "sums[0] + bias,";
const STALE: &str = "sums[0] + bias + 0.01 * answers[layer.answer - run.write_from + (top + row_of(id, 0u)) * layer.outputs],";
const NAN: &str = "bitcast<f32>(0x7fc00000u + min(row, 0u))";

#[test]
fn software_with_a_product_off_by_one_fails_in_all_products() {
    breaks(FAST, "product_blocks", "var k = 0u; k < depth;", "var k = 4u; k < depth;");
    breaks(FAST, "product_blocks", "c11, b1, a1)", "c11, b1, a0)");
    breaks(FAST, "product", "min(extent().depth,", "min(extent().depth - min(extent().depth, 4u),");
    let staged = Tile::Staged(Staged::new([64, 64], 8, 1, [8, 8]));
    breaks(staged, "product_staged", "is_within_depth(k)", "is_within_depth(k + 4u)");
}

#[test]
fn software_with_a_subgroup_product_off_by_one_fails_in_all_products() {
    // Drivers with fewer lanes never run these.
    if devices::software().limits().subgroups {
        let lane = "multiply_add(c1, right, of_lane(left, ";
        breaks(Tile::Subgroup, "product_subgroup", &format!("{lane}1u)"), &format!("{lane}2u)"));
    }
}

/// Breaks a file of all products, each of which is compiled again.
#[track_caller]
fn breaks(tile: Tile, file: &str, from: &str, to: &str) {
    let cases = few_cases().into_iter().take(2);
    let cases: Vec<_> = cases.map(|case| Case { widths: vec![9, 13, 9], ..case }).collect();
    let (failed, not_judged) = broken_in(&cases, cut(tile), file, from, to);
    assert_eq!(failed, PRODUCTS, "{file}: {to}");
    assert!(not_judged.is_empty(), "{file}: {to}: not judged: {not_judged:?}");
}

#[test]
fn software_with_a_broken_layer_norm_fails_in_what_reads_it() {
    let cases = few_cases().into_iter().take(2);
    let cases: Vec<_> = cases
        .map(|case| Case {
            widths: vec![6, 16, 16, 21, 2],
            residual: true,
            normalisation: Some(Normalisation::Layer),
            ..case
        })
        .collect();
    for (fails, file, from, to) in [
        (&["forward", "update", "accumulate"][..], "normalise", "activate(LOAD, ", "activate(IDENTITY, "),
        (&["forward", "update", "accumulate"], "normalise", "i += LANES", "i += 2u * LANES"),
        (&PRODUCTS, "sample", "distance * distance", "distance"),
        (&PRODUCTS, "sample", "lane < LANES", "lane + 1u < LANES"),
        (&["delta"], "normalise_delta", " * mean_along", ""),
        (&["delta"], "normalise_delta", " - mean_h", ""),
        (&["delta"], "normalise_delta", "value += delta[i]", "value -= delta[i]"),
        (&["update", "accumulate"], "group_sums", "of_shift += below[i]", "of_shift += 1.01 * below[i]"),
        (&["update", "accumulate"], "group_sums", "* scales[sample]", "* scales[0]"),
        (&["accumulate"], "norm_gradient", "total += sum;", "total = sum;"),
    ] {
        let (failed, not_judged) = broken_in(&cases, cut(FAST), file, from, to);
        assert_eq!(failed, fails, "{file}: {to}");
        assert!(not_judged.is_empty(), "{file}: {to}: not judged: {not_judged:?}");
    }
}

fn cut(tile: Tile) -> Context {
    devices::software().with_tile(tile)
}

#[test]
fn software_with_a_broken_forward_fails_there_alone() {
    let forward = ["forward"];
    only(&forward, "forward", BIASED, "store_activation(sums)");
    only(&forward, "forward", "{ output[places.y] = values.y; }", "{ output[places.x] = values.y; }");
    // One column in four is not stored, so the slot keeps its previous values.
    only(&forward, "forward", "{ output[places.z] = values.z; }", "{}");
    // NaN in one sample, for batches of 10.
    let nan = format!("select({BIASED}, vec4f({NAN}), sizes.batch == 10u && row == 2u)");
    only(&forward, "forward", BIASED, &nan);
}

/// A kernel whose operands are all NaN cannot be judged, and does not pass.
#[test]
fn software_with_nothing_but_nan_fails_and_says_what_it_cannot_judge() {
    let context = devices::software();
    let broken = break_shader(context, "forward", BIASED, &format!("vec4f({NAN})"));
    let apart: Vec<_> = few_cases().into_iter().filter(|case| !case.fused).collect();
    let checks = kernels::check(&Machine::Gpu(Box::new(broken)), &apart, |_| ()).unwrap();
    let [failed, not_judged] = [Verdict::Failed, Verdict::NotJudged].map(|verdict| names(&checks, verdict));
    assert_eq!(failed, ["forward"]);
    assert_eq!(not_judged, ["loss", "tally", "delta", "update", "accumulate"]);
}

#[test]
fn software_with_a_broken_backward_fails_there_alone() {
    let delta = "var values = sums * derivatives(";
    only(&["delta"], "delta", delta, "var values = sums;\n    _ = derivatives(");
    only(&["delta"], "delta", delta, "var values = sums / 0.0 * derivatives(");
    only(&["update"], "update", "parameters - run.micro_batch", "parameters + run.micro_batch");
    only(&["update"], "update", "weights[places.z] = numbers.z", "weights[places.z] = numbers.y");
    only(&["update"], "update", "bias[places.y] = numbers.y", "bias[places.y] = 1.0001 * numbers.y");
    let kept = "return kept_at(0u, places);";
    only(&["accumulate"], "optimize", kept, "return 0.0 * kept_at(0u, places);");
    // The parameters change with every micro-batch.
    only(&["accumulate"], "optimize", kept, &format!("bias[0] -= 1e-6;\n    {kept}"));
}

const CHAIN: [&str; 4] = ["chain forward", "chain delta", "chain update", "chain accumulate"];

#[test]
fn software_with_a_broken_chain_fails_there_alone() {
    only(&CHAIN[..1], "chain_states", "sums[2] + bias", "sums[2]");
    only(&CHAIN[1..2], "chain_deltas", "values *= derivatives(", "values += 0.0 * derivatives(");
    // One column in four is not written to the pool.
    only(&CHAIN[..2], "chain", "{ answers[place + 2u] = values.z; }", "{}");
}

#[test]
fn software_with_a_broken_norm_in_a_chain_fails_in_what_reads_it() {
    let cases = [Case {
        widths: vec![6, 16, 16, 21, 2],
        residual: true,
        normalisation: Some(Normalisation::Layer),
        batch: 300,
        fused: true,
        ..few_cases().remove(0)
    }];
    let gradients = &CHAIN[2..3];
    for (fails, file, from, to) in [
        (&CHAIN[..3], "chain_norm", "fma(distances, distances, squares)", "squares + distances"),
        (&CHAIN[1..2], "chain_norm_deltas", "vec4f(known.of_delta.y)", "vec4f()"),
        (gradients, "chain_norm_deltas", "top + row < run.batch);", "true);"),
        (gradients, "thin_norm_sums", "(*sums)[i + apart].gain", "(*sums)[i].gain"),
        (gradients, "thin_norm_gradient", "gain += sum.gain;", "gain = sum.gain;"),
        (gradients, "thin_kept_norm", "norms[statistics_place(layer, row)]", "vec2f(0.0, 1.0)"),
    ] {
        let (failed, not_judged) = broken_in(&cases, cut(FAST), file, from, to);
        assert_eq!(failed, fails, "{file}: {to}");
        // No layer runs alone, and no batch in micro-batches.
        assert_eq!(
            not_judged,
            ["forward", "delta", "update", "accumulate", "chain accumulate"],
            "{file}: {to}"
        );
    }
}

#[test]
fn software_with_broken_products_of_a_chain_fails_in_states_and_deltas() {
    let only = |column_lanes, file, from: &str, to: &str| {
        let context = devices::software().without_subgroups().with_column_lanes(column_lanes);
        only_on(context, &CHAIN[..2], file, from, to);
    };
    only(1, "chain_lanes", "for (var k = 0u; k < depth; k++)", "for (var k = 1u; k < depth; k++)");
    only(1, "chain_lanes", "high = multiply_add(high, right_high, left);", "");
    only(128, "chain_columns", "min(k + 1u, depth - 1u)", "k");
    only(128, "chain_columns", "results[place + 2u]", "results[place]");
}

#[test]
fn software_with_broken_products_of_a_subgroup_fails_in_states_and_deltas() {
    let only = |from: &str, to: &str| {
        let context = devices::software();
        // Drivers with fewer lanes never run these.
        if context.limits().subgroups {
            only_on(context, &CHAIN[..2], "chain_subgroup", from, to);
        }
    };
    only("of_lane(mine, 1u)", "of_lane(mine, 0u)");
    only("for (var k = 0u; k < depth; k++)", "for (var k = 1u; k < depth; k++)");
}

#[test]
fn software_with_broken_gradients_of_thin_layers_fails_there_alone() {
    only(&CHAIN[2..], "thin_gradient", "take(bias_of(layer) + row / 4u, ", "take(bias_of(layer), ");
    only(&CHAIN[2..], "thin_gradient", "part * PART_SAMPLES + row", "row + min(part, 0u)");
    only(&CHAIN[2..], "partials", "part < parts", "part + 1u < parts");
    only(&CHAIN[2..], "thin_part", "part * run.count + ", "");
    let minus = "parameters[place] - run.micro_batch";
    only(&CHAIN[2..3], "thin_update", minus, "parameters[place] + run.micro_batch");
    only(&CHAIN[3..], "thin_optimize", "return kept_at", "return 0.0 * kept_at");
    only(&CHAIN[3..], "thin_optimize", "every, sum);", "every, 1.001 * sum);");
}

#[test]
fn software_with_a_broken_loss_or_count_fails_there_alone() {
    only(&["loss"], "loss", " * derivative_of_output(STORE, output[place])", "");
    only(&["loss"], "loss", "slope * weight / run.micro_batch.divisor", "slope / f32(sizes.batch)");
    let together = |fails, from, to| {
        only_on(cut(FAST).with_few_dispatches(), fails, "chain_forward_backward", from, to);
    };
    together(&["loss"], "slope * weight / run.micro_batch.divisor", "slope / f32(run.batch)");
    together(&["loss"], "slope *= derivative_of_output(STORE, output_of(sample, unit));", "");
    together(&["tally"], "+= loss * weight / run.micro_batch.divisor;", "+= 0.0;");
    only(&["tally"], "tally", "var other = 0u", "var other = 1u");
    only(&["score"], "score", "best == label_of(sample)", "best != label_of(sample)");
    only(&["tally", "score"], "score", "min(sizes.batch, run.micro_batch.counted)", "sizes.batch");
    only(&["gather"], "gather", "value(sample * split.features + column)", "value(sample * split.features)");
    let read = |fails, file, from, to| only_on(cut(FAST).with_few_dispatches(), fails, file, from, to);
    read(&["forward"], "forward_split", "return sample_in(row);", "return row;");
    read(&["update", "accumulate"], "gradient_split", "return sample_in(row);", "return row;");
    read(&["loss", "tally", "score"], "forward_split", "split_targets[sample_in(row)", "split_targets[row");
}

/// With a forward kernel that reads its output slot, the kernel, the gradients and every promise of bit-identity fail, and
/// all of them are reported.
#[test]
fn software_with_a_forward_that_depends_on_its_slot_fails_in_every_way() {
    let context = break_shader(cut(FAST), "chain_states", SUMMED, STALE);
    let settings = changed(Settings::notebook(), |s| {
        s.network.layers = Widths(vec![9, 7, 7, 7, 7, 3]);
        s.batching.batch = 6;
        s.placement.fused = false;
    });
    let machine = Machine::Gpu(Box::new(context));
    let outcome = check::run(&machine, &settings, &few_cases(), |_| ()).unwrap();
    assert_eq!(outcome.checks.len(), 22);
    let failed = outcome.failed();
    for name in ["chain forward", "step", "recompute", "every-n", "budgets", "micro-batches", "repeat"] {
        assert!(failed.iter().any(|failed| failed == name), "{name} holds, of {failed:?}");
    }
    for name in ["gather", "forward", "loss", "tally", "delta", "update", "accumulate", "score", "memory"] {
        assert!(!failed.iter().any(|failed| failed == name), "{name} fails");
    }
    let recompute = outcome.checks.iter().find(|check| check.name == "recompute").unwrap();
    assert!(recompute.detail.contains("of layer "), "{}", recompute.detail);
    let error = outcome.verdict().unwrap_err();
    assert!(matches!(&error, Error::CheckFailed { failed } if failed.contains(&"chain forward".to_owned())));
    assert_eq!(error.exit_code(), 1);
}

#[test]
fn software_that_refuses_a_shader_is_an_error_of_its_own() {
    let context = Context::open(AdapterKind::Software).unwrap().with_shader("delta", "nonsense").unwrap();
    let refused = check::run(&Machine::Gpu(Box::new(context)), &odd_network(), &few_cases(), |_| ());
    assert!(
        matches!(refused, Err(Error::KernelRefused { .. })),
        "{:?}",
        refused.map(|outcome| outcome.checks)
    );
}
