//! Normalisation, sample by sample, with what follows it before the product, and the gradients of its gain and shift.

use super::layer::{LayerFunctions, dropout_constants, dropout_file, with_dropout};
use super::rule::RuleConstants;
use super::{FAULTS, RULE};
use crate::gpu::pipelines::Binding::{self, Uniform, Unused, Write};
use crate::gpu::pipelines::Kernel;
use crate::model::Normalisation;

const EXTENT: [u32; 2] = [u32::MAX, 1];
/// Numbers of gain and shift of a workgroup of [`norm_gradient`].
pub const NORM_GROUP: usize = 4 * 64;

/// Normalises the input of layers that then apply the functions of their input to it.
pub fn normalise(normalisation: Normalisation, functions: LayerFunctions) -> Kernel {
    let bindings: &[_] = if normalisation.has_gain() {
        &[Uniform, Write, Write, Unused, Write]
    } else {
        &[Uniform, Write, Write]
    };
    each_sample("normalise", &[], bindings, normalisation, functions)
}

/// Applies the derivative of the normalisation, and of the functions after it, to the delta below the layer; a residual layer adds
/// its delta. If gain and shift are trained, it also writes sums for their gradients.
pub fn normalise_delta(normalisation: Normalisation, functions: LayerFunctions) -> Kernel {
    let (files, bindings): (_, &[_]) = if normalisation.has_gain() {
        (["group_sums"], &[Uniform, Write, Write, Write, Write, Write])
    } else {
        (["no_group_sums"], &[Uniform, Write, Write, Write])
    };
    each_sample("normalise_delta", &files, bindings, normalisation, functions)
        .with_constants([("IS_RESIDUAL", f64::from(functions.residual))])
}

fn each_sample(
    name: &'static str,
    files: &[&'static str],
    bindings: &'static [Binding],
    normalisation: Normalisation,
    functions: LayerFunctions,
) -> Kernel {
    let LayerFunctions { load, dropout, .. } = functions;
    let gain = if normalisation.has_gain() { "gain" } else { "no_gain" };
    let all = ["nan", "activation", dropout_file(dropout), gain, "sample", name];
    let kernel = Kernel::new(name, &all, bindings).with_files(files);
    with_dropout(kernel, dropout)
        .with_constants([
            ("LOAD", f64::from(load as u32)),
            ("IS_CENTRED", f64::from(normalisation.is_centred())),
        ])
        .with_constants(dropout_constants(dropout))
        .with_extent(EXTENT)
}

/// Adds the sums of [`normalise_delta`], and does with these gradients what `rule` says.
pub fn norm_gradient(rule: RuleConstants) -> Kernel {
    let kernel = if rule.is_plain() {
        Kernel::new("norm_update", &["norm_gradient", "norm_update"], &[Uniform, Write, Write, Write])
    } else {
        let bindings = &[Uniform, Write, Write, Write, Write];
        Kernel::new("norm_optimize", &["norm_gradient", "norm_optimize"], bindings).with_files(RULE)
    };
    kernel.with_micro_batch().with_files(FAULTS).with_constants(rule.of_gradients())
}
