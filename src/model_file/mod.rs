//! Model files: parameters and architecture of trained networks, as `.safetensors`, NumPy's `.npz`, and, for writing only,
//! `.onnx`.

mod architecture;
mod npz;
mod onnx;
mod safetensors;
mod tensors;

pub use architecture::Architecture;
#[cfg(all(feature = "cli", any(test, fuzzing)))]
pub(crate) use safetensors::parse as parse_safetensors;

use std::path::Path;

use crate::data::Preprocessing;
use crate::model::{Layer, Network, Parameters};
use crate::words::{counted, either};
use crate::{Error, Result, Setting};

/// Ends of the names of files that [`write()`] writes, after the dot.
pub const ENDINGS: [&str; 3] = ["safetensors", "npz", "onnx"];

/// Key of the architecture in the metadata of a file.
const ARCHITECTURE_KEY: &str = "ckpt-gpu";

/// A trained network, ready for inference.
#[derive(Debug, Clone, PartialEq)]
pub struct Model {
    /// Architecture.
    pub network: Network,
    /// All parameters.
    pub parameters: Parameters,
    /// Preprocessing of its inputs and targets.
    pub preprocessing: Preprocessing,
}

#[derive(Clone, Copy)]
enum Format {
    Npz,
    Onnx,
    Safetensors,
}

impl Format {
    fn of(path: &Path) -> Option<Self> {
        let extension = path.extension().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
        match &extension[..] {
            "npz" => Some(Format::Npz),
            "onnx" => Some(Format::Onnx),
            "safetensors" => Some(Format::Safetensors),
            _ => None,
        }
    }

    fn to_write(path: &Path) -> Result<Self> {
        Format::of(path).ok_or_else(|| {
            let endings = either(ENDINGS.map(|ending| format!(".{ending}")));
            Error::file(path, format!("expected a name that ends in {endings}"))
        })
    }
}

/// A format that is read, too.
enum Readable {
    Npz,
    Safetensors,
}

impl Readable {
    fn of(path: &Path) -> Result<Self> {
        let problem = match Format::of(path) {
            Some(Format::Npz) => return Ok(Readable::Npz),
            Some(Format::Safetensors) => return Ok(Readable::Safetensors),
            Some(Format::Onnx) => {
                "is an ONNX file, which is written for other programs and never read; give a .safetensors or .npz file of \
                 the network"
            }
            None => "expected a name that ends in .safetensors or .npz",
        };
        Err(Error::file(path, problem))
    }
}

/// Reads the parameters of `network`, from a `.safetensors` or `.npz` file: weights `[outputs, inputs]`, biases
/// `[outputs]`.
///
/// # Errors
/// [`Error::File`] if the file is malformed, of another network, or of a format that is only written.
pub fn read_parameters(path: &Path, network: &Network) -> Result<Parameters> {
    let (parameters, _) = match Readable::of(path)? {
        Readable::Npz => return npz::read(path, network),
        Readable::Safetensors => safetensors::read(path)?,
    };
    if parameters.fit(network) {
        return Ok(parameters);
    }
    Err(misfit(path, &parameters, network))
}

/// Reads the preprocessing from a `.safetensors` or `.npz` file; `None` if it has no architecture.
///
/// # Errors
/// As [`read_parameters`].
pub fn read_preprocessing(path: &Path) -> Result<Option<Preprocessing>> {
    let architecture = match Readable::of(path)? {
        Readable::Npz => npz::read_architecture(path)?,
        Readable::Safetensors => safetensors::read_architecture(path)?,
    };
    Ok(architecture.map(|architecture| architecture.preprocessing))
}

/// The error for a file with `parameters` of another network.
fn misfit(path: &Path, parameters: &Parameters, network: &Network) -> Error {
    let inputs = parameters.layers.first().map(|layer| layer.weights.len() / layer.bias.len());
    let widths: Vec<usize> =
        inputs.into_iter().chain(parameters.layers.iter().map(|layer| layer.bias.len())).collect();
    if widths == network.widths() {
        return Error::file(path, other_normalisation(parameters, network));
    }
    let problem = format!(
        "found widths {widths:?}, expected {:?}; use the {} that this file was made for",
        network.widths(),
        Setting::Layers
    );
    Error::file(path, problem)
}

/// The problem of `parameters` of the widths of `network` but with another normalisation.
fn other_normalisation(parameters: &Parameters, network: &Network) -> String {
    let pairs = parameters.layers.iter().map(|layer| layer.tensors().map(Vec::len));
    let mut pairs = pairs.zip(network.layers().map(Layer::tensor_lengths)).enumerate();
    let (layer, ([.., gain, shift], [.., expected_gain, expected_shift])) =
        pairs.find(|(_, (found, expected))| found != expected).unwrap_or_default();
    format!(
        "found {} of gain and {shift} of shift in layer {layer}, expected {expected_gain} and {expected_shift}; use \
         the {} or {} that this file was made for, or \"normalisation\" in its architecture",
        counted(gain, "value"),
        Setting::LayerNorm,
        Setting::RmsNorm
    )
}

/// Reads a trained network from a file with an architecture.
///
/// # Errors
/// [`Error::File`] if the file is malformed, has no architecture, or is of a format that is only written.
pub fn read(path: &Path) -> Result<Model> {
    read_described(path, None)
}

/// Reads a trained network from a file, which is `network` unless the file has an architecture.
///
/// # Errors
/// [`Error::File`] if the file is malformed, of another network, or of a format that is only written.
pub fn read_as(path: &Path, network: &Network) -> Result<Model> {
    read_described(path, Some(network))
}

fn read_described(path: &Path, given: Option<&Network>) -> Result<Model> {
    let described = |architecture: Option<Architecture>, place: &str| {
        let architecture = match (architecture, given) {
            (Some(found), _) => found,
            (None, Some(given)) => Architecture::of(given, &Preprocessing::default()),
            (None, None) => {
                let problem = format!(
                    "has no architecture, which trained networks saved by this program have; give {} and the other flags of \
                     the network that it was trained with, or add {place} this JSON, filled in for the network: {}",
                    Setting::Layers,
                    r#"{"widths":[784,64,10],"activation":"relu","loss":"cross-entropy","residual":false,"normalisation":null}"#
                );
                return Err(Error::file(path, problem));
            }
        };
        let network = architecture.network().map_err(|error| Error::file(path, error.to_string()))?;
        Ok((network, architecture.preprocessing))
    };
    let ((network, preprocessing), parameters) = match Readable::of(path)? {
        Readable::Npz => {
            let described = described(npz::read_architecture(path)?, npz::ARCHITECTURE_PLACE)?;
            let parameters = npz::read(path, &described.0)?;
            (described, parameters)
        }
        Readable::Safetensors => {
            let (parameters, architecture) = safetensors::read(path)?;
            (described(architecture, safetensors::ARCHITECTURE_PLACE)?, parameters)
        }
    };
    if !parameters.fit(&network) {
        return Err(misfit(path, &parameters, &network));
    }
    Ok(Model { network, parameters, preprocessing })
}

/// Writes `model` in the format of the ending of `path`, parameters as f32. An existing file is replaced only by a complete
/// one.
///
/// # Errors
/// [`Error::File`] if the file cannot be written, the ending is unknown, or an ONNX file would exceed 2 GiB.
pub fn write(path: &Path, model: &Model) -> Result<()> {
    match Format::to_write(path)? {
        Format::Npz => npz::write(path, model),
        Format::Onnx => onnx::write(path, model),
        Format::Safetensors => safetensors::write(path, model),
    }
}

/// Checks, before a long run, that the format of the ending of `path` can hold `network`.
///
/// # Errors
/// [`Error::File`] if the ending is unknown, or the network too large for the format.
pub fn check_size(path: &Path, network: &Network) -> Result<()> {
    match Format::to_write(path)? {
        Format::Onnx => onnx::check(path, network),
        Format::Npz | Format::Safetensors => Ok(()),
    }
}
