//! The arithmetic of a multi-layer perceptron in f64, written to be read rather than to be fast.
//!
//! The backends are compared with this module, so it shares no code with them, nor with any other module of the crate:
//! every function is the textbook formula as a loop. It panics on arrays that do not have the shapes given. Arrays are
//! row-major slices, with their shapes in brackets. Layer `l` has weights `[outputs, inputs]` and bias `[outputs]`; a
//! state or a delta is `[batch, width]`, and so are targets; labels are class indices `[batch]`. A *delta* is the
//! gradient of the mean loss with respect to a layer's pre-activation, so the division by the batch size happens once, in
//! [`loss`](fn@loss).

mod activation;
mod dropout;
mod layer;
mod loss;
mod network;
mod normalisation;
mod parameters;

pub use activation::Activation;
pub use dropout::{Dropout, Mask, threefry2x32};
pub use layer::{Operation, Shape, delta, forward, norm_gradient, operand, weight_gradient};
pub use loss::{Loss, loss, one_hot};
pub use network::Reference;
pub use normalisation::{Normalisation, layer_norm, rms_norm, size, spread};
pub use parameters::Parameters;

/// One step of plain gradient descent, `parameters -= rate · gradients`, in place.
pub fn update(parameters: &mut [f64], gradients: &[f64], rate: f64) {
    assert_eq!(parameters.len(), gradients.len(), "one gradient for each parameter");
    for (parameter, gradient) in parameters.iter_mut().zip(gradients) {
        *parameter -= rate * gradient;
    }
}

/// `true` for each row of `output` `[batch, width]` whose first maximum is at its label, or, at width 1, which is above
/// `threshold` exactly if the label is 1. `false` for a row with a NaN.
pub fn correct(batch: usize, width: usize, threshold: f64, output: &[f64], labels: &[u32]) -> Vec<bool> {
    let mut verdicts = vec![false; batch];
    for n in 0..batch {
        let row = &output[n * width..(n + 1) * width];
        let mut best = 0;
        for o in 1..width {
            if row[o] > row[best] {
                best = o;
            }
        }
        if width == 1 && row[0] > threshold {
            best = 1;
        }
        verdicts[n] = best == labels[n] as usize && !row.iter().any(|a| a.is_nan());
    }
    verdicts
}

/// The rows `indices` of `rows` `[any, width]`, in that order: `[indices.len(), width]`.
pub fn gather<T: Copy>(width: usize, rows: &[T], indices: &[u32]) -> Vec<T> {
    let mut picked = Vec::new();
    for &index in indices {
        let start = index as usize * width;
        picked.extend_from_slice(&rows[start..start + width]);
    }
    picked
}

/// Relative error of `found`: the Frobenius norm of its difference from `expected` over that of `expected`.
///
/// Infinite, and so above every tolerance, if anything is NaN or infinite on either side. If `expected` is all zeros, the
/// error of all zeros is 0, and of anything else infinite.
pub fn relative_error<T: Copy + Into<f64>>(found: &[T], expected: &[f64]) -> f64 {
    assert_eq!(found.len(), expected.len(), "only arrays of equal length can be compared");
    let (mut difference, mut norm) = (0.0, 0.0);
    for (&f, e) in found.iter().zip(expected) {
        difference += (f.into() - e).powi(2);
        norm += e.powi(2);
    }
    if difference == 0.0 && norm.is_finite() {
        0.0
    } else if difference.is_finite() && norm.is_finite() {
        (difference / norm).sqrt()
    } else {
        f64::INFINITY
    }
}
