//! Names and shapes of a layer's tensors in files.

use crate::model::Layer;

/// Names of the weights, bias, gain and shift of layer `index` in `.safetensors` and `.onnx` files: those of a PyTorch module with
/// lists of `layers` and of `norms`, the first of which is before layer 1.
pub fn names(index: usize) -> [String; 4] {
    // Layer 0 has no normalisation.
    let norm = index.checked_sub(1).map_or("inputs".to_owned(), |norm| norm.to_string());
    [
        format!("layers.{index}.weight"),
        format!("layers.{index}.bias"),
        format!("norms.{norm}.weight"),
        format!("norms.{norm}.bias"),
    ]
}

/// The tensors that `layer` has, of weights, bias, gain and shift: the name of each, from `names`, and its shape.
pub fn tensors(layer: Layer, names: [String; 4]) -> impl Iterator<Item = (String, Vec<usize>)> {
    let Layer { inputs, outputs, .. } = layer;
    let shapes = [vec![outputs, inputs], vec![outputs], vec![inputs], vec![inputs]];
    let tensors = names.into_iter().zip(shapes).zip(layer.tensor_lengths());
    tensors.filter(|&(_, length)| length > 0).map(|(tensor, _)| tensor)
}
