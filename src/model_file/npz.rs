//! NumPy archives with `W0`, `b0`, `W1`, `b1`, …, gain and shift of normalisations as `gain1`, `shift1`, …, and the
//! architecture in those that we wrote.

use std::path::Path;

use super::tensors::tensors;
use super::{Architecture, Model};
use crate::data::npz::{self, Archive, Elements, Entry, Values, shown, some_of};
use crate::model::{Layer, LayerParameters, Network, Parameters};
use crate::words::counted;
use crate::{Error, Result, Setting};

/// Key of the architecture, an array of bytes, because every member of an npz is an array.
const ARCHITECTURE: &str = "architecture";
pub(super) const ARCHITECTURE_PLACE: &str = "an array architecture, of uint8, with the bytes of";

/// Reads the parameters of `network`: weights `[outputs, inputs]`, biases `[outputs]` or `[outputs, 1]`, of any numbers.
///
/// # Errors
/// [`Error::File`] if the file is malformed or of another network.
pub(super) fn read(path: &Path, network: &Network) -> Result<Parameters> {
    let mut archive = Archive::open(path)?;
    let layers = network.layers().len();
    let found = arrays(&archive).count();
    if !archive.keys().any(|key| key == "W0") {
        let keys: Vec<_> = archive.keys().map(shown).collect();
        let problem = format!(
            "has no array W0, expected W0, b0, … of a trained network; it holds {}; give a file that {} wrote",
            if keys.is_empty() { "nothing".to_owned() } else { some_of(&keys) },
            Setting::Save
        );
        return Err(Error::file(path, problem));
    }
    let expected: usize = network.layers().map(|layer| keys_and_shapes(0, layer).count()).sum();
    if found != expected {
        let keys: Vec<_> = arrays(&archive).take(6).collect();
        // Of so many layers, but with another normalisation.
        let is_other = arrays(&archive).filter(|key| key.starts_with('W')).count() == layers;
        let remedy = if is_other {
            format!("{} or {}", Setting::LayerNorm, Setting::RmsNorm)
        } else {
            Setting::Layers.to_string()
        };
        return Err(Error::file(
            path,
            format!(
                "found {} ({}{}), expected {expected}: W0, b0, … for {}, and the gain1, shift1, … of \
                 their normalisation; use the {remedy} that this file was made for",
                counted(found, "array"),
                keys.join(", "),
                if found > keys.len() { ", …" } else { "" },
                counted(layers, "layer"),
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

/// Reads the architecture, if the file has one.
///
/// # Errors
/// [`Error::File`] if the file is malformed.
pub(super) fn read_architecture(path: &Path) -> Result<Option<Architecture>> {
    let mut archive = Archive::open(path)?;
    if !archive.keys().any(|key| key == ARCHITECTURE) {
        return Ok(None);
    }
    let array = archive.read(ARCHITECTURE)?;
    let Values::U8(text) = &array.values else {
        let found = array.values.describe();
        return Err(Error::file(
            path,
            format!("{ARCHITECTURE}: found {found}, expected uint8: JSON in UTF-8"),
        ));
    };
    let architecture = Architecture::from_json(text);
    architecture.map(Some).map_err(|problem| Error::file(path, problem))
}

fn arrays(archive: &Archive) -> impl Iterator<Item = &str> {
    archive.keys().filter(|&key| key != ARCHITECTURE)
}

/// Writes the parameters of `model` as f32, and its architecture as bytes of JSON. An existing file is replaced only by a
/// complete one.
///
/// # Errors
/// [`Error::File`] if the file cannot be written.
pub(super) fn write(path: &Path, model: &Model) -> Result<()> {
    let Model { network, parameters, preprocessing } = model;
    let architecture = Architecture::of(network, preprocessing).to_json();
    let mut entries = Vec::new();
    for (index, (layer, values)) in network.layers().zip(&parameters.layers).enumerate() {
        let values = values.tensors().into_iter().filter(|values| !values.is_empty());
        let tensors = keys_and_shapes(index, layer).zip(values);
        entries.extend(tensors.map(|((key, shape), values)| Entry { key, shape, values: values.into() }));
    }
    entries.push(Entry {
        key: ARCHITECTURE.to_owned(),
        shape: vec![architecture.len()],
        values: Elements::U8(architecture.as_bytes()),
    });
    npz::write(path, &entries)
}

fn read_layer(archive: &mut Archive, path: &Path, index: usize, layer: Layer) -> Result<LayerParameters> {
    let mut tensors = [const { Vec::new() }; 4];
    let present = tensors.iter_mut().zip(layer.tensor_lengths()).filter(|&(_, length)| length > 0);
    for ((tensor, _), (key, shape)) in present.zip(keys_and_shapes(index, layer)) {
        // The notebook's biases are columns.
        let column = [&shape[..], &[1]].concat();
        let shapes: &[&[usize]] = if shape.len() == 1 { &[&shape, &column] } else { &[&shape] };
        *tensor = read_tensor(archive, path, &key, shapes)?;
    }
    Ok(tensors.into())
}

/// Keys and shapes of the tensors that layer `index` has: weights, bias, gain and shift.
fn keys_and_shapes(index: usize, layer: Layer) -> impl Iterator<Item = (String, Vec<usize>)> {
    tensors(layer, ["W", "b", "gain", "shift"].map(|name| format!("{name}{index}")))
}

fn read_tensor(archive: &mut Archive, path: &Path, key: &str, shapes: &[&[usize]]) -> Result<Vec<f32>> {
    let array = archive.read(key)?;
    if !shapes.contains(&array.shape.as_slice()) {
        return Err(Error::file(
            path,
            format!(
                "{key}: found shape {:?}, expected {:?}; give a file of this network",
                array.shape, shapes[0]
            ),
        ));
    }
    let values = array.values.into_f32();
    match values.iter().position(|value| !value.is_finite()) {
        None => Ok(values),
        Some(position) => Err(Error::file(
            path,
            format!("{key}: found {} at element {position}, expected finite numbers", values[position]),
        )),
    }
}
