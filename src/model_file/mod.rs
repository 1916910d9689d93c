//! Model files: parameters and architecture of trained networks, as `.safetensors`, NumPy's `.npz`, and, for writing only,
//! `.onnx`.

mod architecture;
mod npz;
mod onnx;
mod safetensors;

pub use architecture::Architecture;

use std::path::Path;

use crate::data::FeatureScaling;
use crate::file;
use crate::model::{Network, Parameters};
use crate::{Error, Result};

/// Key of the architecture in the metadata of a file.
const ARCHITECTURE_KEY: &str = "ckpt-gpu";

/// A trained network, ready for inference.
#[derive(Debug, Clone, PartialEq)]
pub struct Model {
    /// Architecture.
    pub network: Network,
    /// Weights and biases.
    pub parameters: Parameters,
    /// Feature scaling of its inputs, if it was trained with one.
    pub scaling: Option<FeatureScaling>,
}

#[derive(Clone, Copy)]
enum Format {
    Npz,
    Onnx,
    Safetensors,
}

impl Format {
    fn of(path: &Path) -> Result<Self> {
        let extension = path.extension().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
        match &extension[..] {
            "npz" => Ok(Format::Npz),
            "onnx" => Ok(Format::Onnx),
            "safetensors" => Ok(Format::Safetensors),
            _ => Err(Error::file(path, "expected a name that ends in .safetensors, .npz or .onnx")),
        }
    }
}

fn only_written(path: &Path) -> Error {
    let problem = "is an ONNX file, which is written for other programs and never read; give a .safetensors or .npz \
                   file of the network, which train --save writes";
    Error::file(path, problem)
}

/// Reads the parameters of `network`, from a `.safetensors` or `.npz` file: weights `[outputs, inputs]`, biases
/// `[outputs]`.
///
/// # Errors
/// [`Error::File`] if the file is malformed, of another network, or of a format that is only written.
pub fn read_parameters(path: &Path, network: &Network) -> Result<Parameters> {
    let (parameters, _) = match Format::of(path)? {
        Format::Npz => return npz::read(path, network),
        Format::Onnx => return Err(only_written(path)),
        Format::Safetensors => safetensors::read(path)?,
    };
    if parameters.fit(network) {
        return Ok(parameters);
    }
    let widths = |parameters: &Parameters| -> Vec<usize> {
        let inputs = parameters.layers.first().map(|layer| layer.weights.len() / layer.bias.len());
        inputs.into_iter().chain(parameters.layers.iter().map(|layer| layer.bias.len())).collect()
    };
    let problem = format!(
        "found widths {:?}, expected {:?}; give the --layers that this file was made for",
        widths(&parameters),
        network.widths()
    );
    Err(Error::file(path, problem))
}

/// Reads a trained network from a file with an architecture.
///
/// # Errors
/// [`Error::File`] if the file is malformed, has no architecture, or is of a format that is only written.
pub fn read(path: &Path) -> Result<Model> {
    let told = |architecture: Option<Architecture>, place: &str| {
        let says_nothing = || {
            let problem = format!(
                "does not say what network it is of, as files that train --save writes do; add {place} this JSON, \
                 filled in for the network: {}",
                r#"{"widths":[784,64,10],"activation":"relu","loss":"cross-entropy","residual":false}"#
            );
            Error::file(path, problem)
        };
        let architecture = architecture.ok_or_else(says_nothing)?;
        let network = architecture.network().map_err(|error| Error::file(path, error.to_string()))?;
        Ok((network, architecture.scaling))
    };
    let ((network, scaling), parameters) = match Format::of(path)? {
        Format::Npz => {
            let told = told(npz::read_architecture(path)?, npz::ARCHITECTURE_PLACE)?;
            let parameters = npz::read(path, &told.0)?;
            (told, parameters)
        }
        Format::Onnx => return Err(only_written(path)),
        Format::Safetensors => {
            let (parameters, architecture) = safetensors::read(path)?;
            (told(architecture, safetensors::ARCHITECTURE_PLACE)?, parameters)
        }
    };
    if !parameters.fit(&network) {
        return Err(Error::file(path, "its tensors do not have the shapes of its architecture"));
    }
    Ok(Model { network, parameters, scaling })
}

/// Writes `model` in the format of the ending of `path`, parameters as f32. An existing file is replaced only by a complete
/// one.
///
/// # Errors
/// [`Error::File`] if the file cannot be written, the ending is unknown, or an ONNX file would exceed 2 GiB.
pub fn write(path: &Path, model: &Model) -> Result<()> {
    match Format::of(path)? {
        Format::Npz => npz::write(path, model),
        Format::Onnx => onnx::write(path, model),
        Format::Safetensors => safetensors::write(path, model),
    }
}

/// Checks, before a long run, that [`write()`] will be able to write `network` to `path`.
///
/// # Errors
/// [`Error::File`] if the ending is unknown, the network too large for the format, or the directory not writable.
pub fn check_writable(path: &Path, network: &Network) -> Result<()> {
    if let Format::Onnx = Format::of(path)? {
        onnx::check(path, network)?;
    }
    file::check_writable(path)
}
