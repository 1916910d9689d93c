//! Files of trained networks: `.safetensors`, which hold the architecture too, and NumPy's `.npz`.

mod architecture;
mod npz;
mod safetensors;

pub use architecture::Architecture;

use std::path::Path;

use crate::file;
use crate::model::{Network, Parameters};
use crate::{Error, Result};

/// What a file holds.
#[derive(Debug, Clone, PartialEq)]
pub struct ModelFile {
    /// Weights and biases.
    pub parameters: Parameters,
    /// The network that they are of, where the file says so.
    pub architecture: Option<Architecture>,
}

#[derive(Clone, Copy)]
enum Format {
    Npz,
    Safetensors,
}

impl Format {
    fn of(path: &Path) -> Result<Self> {
        let extension = path.extension().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
        match &extension[..] {
            "npz" => Ok(Format::Npz),
            "safetensors" => Ok(Format::Safetensors),
            _ => Err(Error::file(path, "expected a name that ends in .safetensors or .npz")),
        }
    }
}

/// Reads the parameters of `network`, from a file of any kind that [`write()`] makes: weights `[outputs, inputs]`, biases
/// `[outputs]`.
///
/// # Errors
/// [`Error::File`] for a file that cannot be trusted, or of another network.
pub fn read_parameters(path: &Path, network: &Network) -> Result<Parameters> {
    let file = match Format::of(path)? {
        Format::Npz => return npz::read(path, network),
        Format::Safetensors => safetensors::read(path)?,
    };
    if file.parameters.fit(network) {
        return Ok(file.parameters);
    }
    let widths = |parameters: &Parameters| -> Vec<usize> {
        let inputs = parameters.layers.first().map(|layer| layer.weights.len() / layer.bias.len());
        inputs.into_iter().chain(parameters.layers.iter().map(|layer| layer.bias.len())).collect()
    };
    let problem = format!(
        "found widths {:?}, expected {:?}; give the --layers that this file was made for",
        widths(&file.parameters),
        network.widths()
    );
    Err(Error::file(path, problem))
}

/// Reads a network with its parameters from a file that says what network it is.
///
/// # Errors
/// [`Error::File`] for a file that cannot be trusted, or that does not say.
pub fn read(path: &Path) -> Result<(Network, Parameters)> {
    let says_nothing = || {
        let problem = "does not say what network it is of; .safetensors files that ckpt-gpu wrote do: train with \
                       --save MODEL.safetensors";
        Error::file(path, problem)
    };
    let Format::Safetensors = Format::of(path)? else { return Err(says_nothing()) };
    let ModelFile { parameters, architecture } = safetensors::read(path)?;
    let network = architecture
        .ok_or_else(says_nothing)?
        .network()
        .map_err(|error| Error::file(path, error.to_string()))?;
    match parameters.fit(&network) {
        true => Ok((network, parameters)),
        false => Err(Error::file(path, "its tensors are not of the architecture that it tells")),
    }
}

/// Writes the parameters of `network` as f32, in the format that the name of `path` ends in; an existing file is replaced
/// only by a complete one.
///
/// # Errors
/// [`Error::File`] where the file cannot be written, or its name ends otherwise.
pub fn write(path: &Path, network: &Network, parameters: &Parameters) -> Result<()> {
    match Format::of(path)? {
        Format::Npz => npz::write(path, network, parameters),
        Format::Safetensors => safetensors::write(path, network, parameters),
    }
}

/// Checks, before a long run, that [`write()`] will be able to write to `path`.
///
/// # Errors
/// [`Error::File`] for a name of no known ending, or a folder that takes no files.
pub fn check_writable(path: &Path) -> Result<()> {
    Format::of(path)?;
    file::check_writable(path)
}
