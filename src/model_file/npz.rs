//! NumPy's archives with `W0, b0, W1, b1, …`.

use std::path::Path;

use crate::data::npz::{self, Archive, Entry};
use crate::model::{Layer, LayerParameters, Network, Parameters};
use crate::{Error, Result};

/// Reads the parameters of `network`: weights `[outputs, inputs]`, biases `[outputs]` or `[outputs, 1]`, f32 or
/// f64.
///
/// # Errors
/// [`Error::File`] for a file that cannot be trusted, or of another network.
pub(super) fn read(path: &Path, network: &Network) -> Result<Parameters> {
    let mut archive = Archive::open(path)?;
    let layers = network.layers().len();
    let found = archive.keys().count();
    if found != 2 * layers {
        let keys: Vec<_> = archive.keys().take(6).collect();
        return Err(Error::file(
            path,
            format!(
                "found {found} arrays ({}{}), expected {}: W0, b0, … for {layers} layers; \
                 give the --layers that this file was made for",
                keys.join(", "),
                if found > keys.len() { ", …" } else { "" },
                2 * layers
            ),
        ));
    }
    let layers = network
        .layers()
        .enumerate()
        .map(|(index, layer)| read_layer(&mut archive, path, index, layer))
        .collect::<Result<_>>()?;
    Ok(Parameters { layers })
}

/// Writes the parameters of `network` as f32; an existing file is replaced only by a complete one.
///
/// # Errors
/// [`Error::File`] where the file cannot be written.
pub(super) fn write(path: &Path, network: &Network, parameters: &Parameters) -> Result<()> {
    let mut entries = Vec::new();
    for (index, (layer, values)) in network.layers().zip(&parameters.layers).enumerate() {
        let weights = Entry {
            key: format!("W{index}"),
            shape: vec![layer.outputs, layer.inputs],
            values: &values.weights,
        };
        entries.push(weights);
        entries.push(Entry { key: format!("b{index}"), shape: vec![layer.outputs], values: &values.bias });
    }
    npz::write(path, &entries)
}

fn read_layer(archive: &mut Archive, path: &Path, index: usize, layer: Layer) -> Result<LayerParameters> {
    let Layer { inputs, outputs, .. } = layer;
    Ok(LayerParameters {
        weights: read_tensor(archive, path, &format!("W{index}"), &[&[outputs, inputs]])?,
        bias: read_tensor(archive, path, &format!("b{index}"), &[&[outputs], &[outputs, 1]])?,
    })
}

fn read_tensor(archive: &mut Archive, path: &Path, key: &str, shapes: &[&[usize]]) -> Result<Vec<f32>> {
    let array = archive.read(key)?;
    if !shapes.contains(&array.shape.as_slice()) {
        return Err(Error::file(
            path,
            format!(
                "{key}: found shape {:?}, expected {:?}; is this another network's file?",
                array.shape, shapes[0]
            ),
        ));
    }
    let found = array.values.describe();
    let values = array.values.into_f32().ok_or_else(|| {
        Error::file(path, format!("{key}: found {found}, expected float32 or float64 values"))
    })?;
    match values.iter().position(|value| !value.is_finite()) {
        None => Ok(values),
        Some(position) => Err(Error::file(
            path,
            format!("{key}: found {} at element {position}, expected finite numbers", values[position]),
        )),
    }
}
