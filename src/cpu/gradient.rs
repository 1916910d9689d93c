use std::ops::Range;

use pulp::{Arch, Simd, WithSimd};

use super::matrix::Matrix;
use super::product::{Write, multiply};
use crate::model::Layer;

/// Lanes of the widest vectors.
const MOST_LANES: usize = 16;

/// Gradients of the weights and bias of the layer's outputs `outputs`, `deltaᵀ · state` and `Σ_rows delta`, written to
/// `weights` and `bias` as `into` says.
///
/// Delta is `[rows, layer.outputs]`, state `[rows, inputs]`, weights `[outputs.len(), inputs]`, bias `[outputs.len()]`.
pub(super) fn gradient(
    layer: Layer,
    outputs: Range<usize>,
    delta: &[f32],
    state: &[f32],
    into: Write,
    [weights, bias]: [&mut [f32]; 2],
) {
    Arch::new().dispatch(ColumnSums { delta, width: layer.outputs, first: outputs.start, into, out: bias });
    let rows = delta.len() / layer.outputs;
    let delta = Matrix::new(delta, rows, layer.outputs).columns(outputs);
    multiply(delta.transposed(), Matrix::new(state, rows, layer.inputs), into, weights, 1);
}

struct ColumnSums<'a> {
    delta: &'a [f32],
    /// Columns of `delta`, and the first to sum.
    width: usize,
    first: usize,
    into: Write,
    out: &'a mut [f32],
}

impl WithSimd for ColumnSums<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        for (first, out) in (self.first..).step_by(S::F32_LANES).zip(self.out.chunks_mut(S::F32_LANES)) {
            let mut sums = simd.splat_f32s(0.0);
            for row in self.delta.chunks_exact(self.width) {
                sums = simd.add_f32s(sums, simd.partial_load_f32s(&row[first..first + out.len()]));
            }
            let mut stored = [0.0; MOST_LANES];
            simd.partial_store_f32s(&mut stored[..S::F32_LANES], sums);
            out.iter_mut().zip(stored).for_each(|(out, sum)| *out = self.into.taking(*out, sum));
        }
    }
}
