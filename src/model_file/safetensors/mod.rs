//! The safetensors format: the length of the header, the header in JSON, and the tensors' bytes without gaps.
//! <https://github.com/huggingface/safetensors#format>

mod header;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::Path;

use super::tensors::{names, tensors};
use super::{ARCHITECTURE_KEY, Architecture, Model};
use crate::data::npz::{shown, some_of};
use crate::data::{bfloat, half};
use crate::file;
use crate::memory::check_host_room;
use crate::model::{LayerParameters, Parameters, byte_chunks};
use crate::words::counted;
use crate::{Error, Result};
use header::{Header, METADATA, Tensor, check_extents};

/// Ends of the names of a layer's tensors.
const WEIGHT: &str = "weight";
const BIAS: &str = "bias";

/// Longest header: that of a hundred thousand layers. (The format's own reader takes 100 MB, which need a gigabyte once parsed.)
const MOST_HEADER_BYTES: u64 = 16 << 20;
/// Bytes that are read at a time.
const CHUNK_BYTES: usize = 256 << 10;
pub(super) const ARCHITECTURE_PLACE: &str = "metadata named ckpt-gpu with";

/// Writes `layers.0.weight` `[outputs, inputs]`, `layers.0.bias` `[outputs]`, …, the gain `norms.0.weight` `[inputs]` and shift
/// `norms.0.bias` `[inputs]` of layer 1, …, and the architecture. Equal models give equal files.
pub(super) fn write(path: &Path, model: &Model) -> Result<()> {
    let Model { network, parameters, preprocessing } = model;
    let architecture = Architecture::of(network, preprocessing).to_json();
    let metadata = BTreeMap::from([("format", "pt".to_owned()), (ARCHITECTURE_KEY, architecture)]);
    let mut header = serde_json::Map::new();
    header.insert(METADATA.to_owned(), serde_json::json!(metadata));
    let mut end = 0;
    for (index, layer) in network.layers().enumerate() {
        for (name, shape) in tensors(layer, names(index)) {
            let bytes = 4 * shape.iter().product::<usize>();
            let tensor = Tensor { dtype: "F32".to_owned(), shape, data_offsets: [end, end + bytes] };
            header.insert(name, serde_json::json!(tensor));
            end += bytes;
        }
    }
    let mut header = serde_json::Value::Object(header).to_string().into_bytes();
    // The format aligns tensors to 8 bytes.
    header.resize(header.len().next_multiple_of(8), b' ');
    file::replace(path, |file| {
        let mut file = BufWriter::new(file);
        let mut write = |bytes: &[u8]| file.write_all(bytes).map_err(|error| error.to_string());
        write(&(header.len() as u64).to_le_bytes())?;
        write(&header)?;
        for values in parameters.layers.iter().flat_map(LayerParameters::tensors) {
            byte_chunks(values).try_for_each(|bytes| write(&bytes))?;
        }
        file.flush().map_err(|error| error.to_string())
    })
}

/// Reads `layers.0.weight`, `layers.0.bias`, …, of any floats, and the architecture, if the file has one. Weights and biases
/// of other names are those of the layers in the order of their names, where numbers count as numbers. Weights of one dimension
/// are gains, in the order of their names those of the layers from 1 on, and their biases shifts. Other tensors are an error.
pub(super) fn read(path: &Path) -> Result<(Parameters, Option<Architecture>)> {
    let fail = |problem: String| Error::file(path, problem);
    let (mut file, length) = open(path)?;
    let name = path.display().to_string();
    check_host_room(&name, length, "give a smaller file, or free memory")?;
    parse_from(&mut file, length).map_err(fail)
}

/// Reads the architecture, if the file has one.
pub(super) fn read_architecture(path: &Path) -> Result<Option<Architecture>> {
    let (mut file, length) = open(path)?;
    let architecture = read_header(&mut file, length).and_then(|(header, _)| header.architecture());
    architecture.map_err(|problem| Error::file(path, problem))
}

/// The file at `path`, and its bytes.
fn open(path: &Path) -> Result<(File, u64)> {
    let file = file::open(path)?;
    let length = file.metadata().map_err(|error| Error::file(path, unread(error)))?.len();
    Ok((file, length))
}

fn unread(error: io::Error) -> String {
    format!("cannot be read: {error}")
}

/// The header of a file of `length` bytes, and where the tensors begin.
fn read_header(file: &mut impl Read, length: u64) -> Result<(Header, u64), String> {
    let short = || "is truncated within its header, expected all of it; copy or save it again".to_owned();
    let mut header = [0; 8];
    let rest = length.checked_sub(header.len() as u64).ok_or_else(short)?;
    file.read_exact(&mut header).map_err(unread)?;
    let bytes = u64::from_le_bytes(header);
    if bytes > MOST_HEADER_BYTES {
        return Err(format!("found a header of {bytes} bytes, expected at most {MOST_HEADER_BYTES}"));
    }
    if bytes > rest {
        return Err(short());
    }
    let mut header = vec![0; bytes as usize];
    file.read_exact(&mut header).map_err(unread)?;
    let parsed =
        serde_json::from_slice(&header).map_err(|error| format!("has a malformed header: {error}"))?;
    Ok((parsed, length - rest + bytes))
}

/// [`read()`], of a file in memory.
#[cfg(all(feature = "cli", any(test, fuzzing)))]
pub(crate) fn parse(bytes: &[u8]) -> Result<(Parameters, Option<Architecture>), String> {
    parse_from(&mut io::Cursor::new(bytes), bytes.len() as u64)
}

/// Reads one tensor at a time from a file of `length` bytes.
fn parse_from(
    file: &mut (impl Read + Seek),
    length: u64,
) -> Result<(Parameters, Option<Architecture>), String> {
    let (header, start) = read_header(file, length)?;
    check_extents(&header.tensors, (length - start) as usize)?;
    let architecture = header.architecture();
    let mut tensors = header.tensors;
    let mut values = |name: &str, tensor: &Tensor| values(name, tensor, file, start);

    let mut inputs = None;
    let mut parameters = Parameters { layers: Vec::new() };
    let is_gain = |prefix: &String| {
        tensors.get(&format!("{prefix}{WEIGHT}")).is_some_and(|tensor| tensor.shape.len() == 1)
    };
    let (norms, layers): (Vec<_>, Vec<_>) = prefixes(&tensors)?.into_iter().partition(is_gain);
    for prefix in &layers {
        let (name, bias_name) = (format!("{prefix}{WEIGHT}"), format!("{prefix}{BIAS}"));
        let mut take =
            |name: &str| tensors.remove(name).ok_or_else(|| format!("has no tensor {}", shown(name)));
        let (weights, bias) = (take(&name)?, take(&bias_name)?);
        let [outputs, width] = weights.shape[..] else {
            return Err(format!(
                "{}: found shape {:?}, expected [outputs, inputs]",
                shown(&name),
                weights.shape
            ));
        };
        if bias.shape != [outputs] {
            return Err(format!("{}: found shape {:?}, expected [{outputs}]", shown(&bias_name), bias.shape));
        }
        if outputs == 0 || width == 0 || inputs.is_some_and(|inputs| inputs != width) {
            return Err(format!(
                "{}: found shape [{outputs}, {width}], which does not fit the layer below; layers are in the order of \
                 their names",
                shown(&name)
            ));
        }
        inputs = Some(outputs);
        let weights = values(&name, &weights)?;
        let bias = values(&bias_name, &bias)?;
        parameters.layers.push(LayerParameters { weights, bias, ..Default::default() });
    }
    if !norms.is_empty() && norms.len() + 1 != layers.len() {
        return Err(format!(
            "has {} of one dimension with a name that ends in weight, a gain, expected none, or {}, one for each \
             layer but the first; leave out those of other kinds of layers",
            counted(norms.len(), "tensor"),
            layers.len().saturating_sub(1)
        ));
    }
    for (prefix, layer) in norms.iter().zip(parameters.layers.iter_mut().skip(1)) {
        let width = layer.weights.len() / layer.bias.len();
        for (part, into) in [(WEIGHT, &mut layer.gain), (BIAS, &mut layer.shift)] {
            let name = format!("{prefix}{part}");
            let Some(tensor) = tensors.remove(&name) else { continue };
            if tensor.shape != [width] {
                return Err(format!("{}: found shape {:?}, expected [{width}]", shown(&name), tensor.shape));
            }
            *into = values(&name, &tensor)?;
        }
    }
    match tensors.into_keys().next() {
        Some(name) => Err(format!(
            "has a tensor {}, expected only weights and biases: layers.0.weight, layers.0.bias, …, norms.0.weight, norms.0.bias, …",
            shown(&name)
        )),
        None => Ok((parameters, architecture?)),
    }
}

/// What the names of the layers' tensors begin with, in order: `layers.0.`, `layers.1.`, …, or other names whose parts are
/// ordered as text or as numbers.
fn prefixes(tensors: &BTreeMap<String, Tensor>) -> Result<Vec<String>, String> {
    let mut prefixes: Vec<&str> = tensors.keys().filter_map(|name| name.strip_suffix(WEIGHT)).collect();
    if prefixes.is_empty() {
        let names: Vec<_> = tensors.keys().map(|name| shown(name)).collect();
        return Err(match &names[..] {
            [] => "has no tensors".to_owned(),
            names => format!(
                "has no tensor layers.0.weight, nor another whose name ends in weight, only {}; rename them",
                some_of(names)
            ),
        });
    }
    prefixes.sort_by_key(|prefix| parts(prefix));
    Ok(prefixes.into_iter().map(str::to_owned).collect())
}

/// A run of digits, or of other characters.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Part<'a> {
    Number(u64),
    Text(&'a str),
}

fn parts(name: &str) -> Vec<Part<'_>> {
    let mut parts = Vec::new();
    let mut rest = name;
    while let Some(first) = rest.chars().next() {
        let is_number = first.is_ascii_digit();
        let end = rest.find(|c: char| c.is_ascii_digit() != is_number).unwrap_or(rest.len());
        let (part, after) = rest.split_at(end);
        // More digits than a u64 holds are ordered as text.
        parts.push(part.parse().map_or(Part::Text(part), Part::Number));
        rest = after;
    }
    parts
}

/// The values of `tensor` in `file`, whose tensors begin at byte `data`.
fn values(name: &str, tensor: &Tensor, file: &mut (impl Read + Seek), data: u64) -> Result<Vec<f32>, String> {
    let [start, end] = tensor.data_offsets;
    let bytes = end - start;
    let (each, number): (usize, fn(&[u8]) -> f32) = match &tensor.dtype[..] {
        "F16" => (2, |bytes| bytes.try_into().map_or(0.0, |bytes| half(u16::from_le_bytes(bytes)))),
        "BF16" => (2, |bytes| bytes.try_into().map_or(0.0, |bytes| bfloat(u16::from_le_bytes(bytes)))),
        "F32" => (4, |bytes| bytes.try_into().map_or(0.0, f32::from_le_bytes)),
        "F64" => (8, |bytes| bytes.try_into().map_or(0.0, f64::from_le_bytes) as f32),
        other => {
            return Err(format!(
                "{}: found dtype {}, expected F32, F64, F16 or BF16",
                shown(name),
                shown(other)
            ));
        }
    };
    let count = tensor.shape.iter().try_fold(each, |count: usize, &axis| count.checked_mul(axis));
    if count != Some(bytes) {
        return Err(format!(
            "{}: found {bytes} bytes, expected those of shape {:?} of {}",
            shown(name),
            tensor.shape,
            tensor.dtype
        ));
    }
    file.seek(SeekFrom::Start(data + start as u64)).map_err(unread)?;
    let mut values = Vec::with_capacity(bytes / each);
    let mut chunk = vec![0; bytes.min(CHUNK_BYTES)];
    for from in (0..bytes).step_by(CHUNK_BYTES) {
        let chunk = &mut chunk[..CHUNK_BYTES.min(bytes - from)];
        file.read_exact(chunk).map_err(unread)?;
        values.extend(chunk.chunks_exact(each).map(number));
    }
    match values.iter().position(|value| !value.is_finite()) {
        Some(at) => {
            Err(format!("{}: found {} at element {at}, expected finite numbers", shown(name), values[at]))
        }
        None => Ok(values),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::data::{FeatureScaling, Inputs, Preprocessing, Split};
    use crate::model::{Activation, Initialiser, Loss, Network, Normalisation};

    fn model() -> Model {
        let network = Network::new(&[3, 4, 4, 2], Activation::Gelu, Loss::Huber).unwrap().with_residual(true);
        let network = network.with_normalisation(Some(Normalisation::Layer)).unwrap();
        let mut parameters = Parameters::initial(&network, Initialiser::Siren, 5);
        parameters.layers[2].gain[1] = -0.5;
        parameters.layers[1].shift[0] = 0.25;
        let inputs = vec![0.1, 7.0, -3.0, 0.7, 1e-3, 5.5];
        let scaling = FeatureScaling::of(&Split::new(3, Inputs::F32(inputs), vec![0, 1]).unwrap());
        let preprocessing = Preprocessing { scaling: Some(scaling), ..Preprocessing::default() };
        Model { network, parameters, preprocessing }
    }

    fn written() -> Vec<u8> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("model.safetensors");
        write(&path, &model()).unwrap();
        fs::read(path).unwrap()
    }

    #[test]
    fn written_models_are_read_back() {
        let (parameters, architecture) = parse(&written()).unwrap();
        let architecture = architecture.unwrap();
        let network = architecture.network().unwrap();
        let preprocessing = architecture.preprocessing;
        assert_eq!(Model { network, parameters, preprocessing }, model());
        assert_eq!(written(), written());
    }

    #[test]
    fn truncated_and_corrupted_files_do_not_panic() {
        let bytes = written();
        for length in 0..bytes.len() {
            assert!(parse(&bytes[..length]).is_err(), "{length}");
        }
        for index in 0..bytes.len() {
            for bit in 0..8 {
                let mut flipped = bytes.clone();
                flipped[index] ^= 1 << bit;
                let _ = parse(&flipped);
            }
        }
    }

    #[test]
    fn inconsistent_headers_are_rejected() {
        let file = |header: &str, data: usize| {
            let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
            bytes.extend(header.as_bytes());
            bytes.resize(bytes.len() + data, 0);
            parse(&bytes).map(|_| ()).unwrap_err()
        };
        let tensor = |name: &str, dtype: &str, shape: &str, offsets: &str| {
            format!(r#""{name}":{{"dtype":"{dtype}","shape":{shape},"data_offsets":{offsets}}}"#)
        };
        let bias = tensor("layers.0.bias", "F32", "[1]", "[4,8]");
        for (weights, found) in [
            (tensor("layers.0.weight", "I32", "[1,1]", "[0,4]"), "dtype I32"),
            (tensor("layers.0.weight", "F32", "[1,1,1]", "[0,4]"), "[outputs, inputs]"),
            (tensor("layers.0.weight", "F32", "[1]", "[0,4]"), "has 1 tensor of one dimension"),
            (tensor("layers.0.weight", "F32", "[2,1]", "[0,4]"), "expected [2]"),
            (tensor("layers.0.weight", "F32", "[1,9]", "[0,4]"), "expected those of shape"),
            (tensor("layers.0.weight", "F32", "[1,1]", "[1,5]"), "begins at 0"),
            (tensor("layers.0.weight", "F32", "[1,1]", "[0,5]"), "begins at 5"),
            (tensor("other", "F32", "[1,1]", "[0,4]"), "no tensor layers.0.weight, nor another"),
            (tensor("layers.0.bias", "F32", "[1,1]", "[0,4]"), "two tensors"),
        ] {
            let problem = file(&format!("{{{weights},{bias}}}"), 8);
            assert!(problem.contains(found), "{problem}, expected {found}");
        }
        let whole = format!("{{{},{bias}}}", tensor("layers.0.weight", "F32", "[1,1]", "[0,4]"));
        let mut bytes = (whole.len() as u64).to_le_bytes().to_vec();
        bytes.extend(whole.as_bytes());
        bytes.extend([1.0_f32, f32::NAN].map(f32::to_le_bytes).concat());
        let problem = parse(&bytes).unwrap_err();
        assert_eq!(problem, "layers.0.bias: found NaN at element 0, expected finite numbers");
        assert!(file("{}", 0).contains("no tensors"));
        assert!(file("[]", 0).contains("header"));
    }

    #[test]
    fn layers_are_ordered_by_text_and_numbers() {
        let mut names =
            ["b.weight", "a10.weight", "a9.weight", "a.2.weight", "a.11.weight"].map(str::to_owned);
        names.sort_by(|one, other| parts(one).cmp(&parts(other)));
        assert_eq!(names, ["a9.weight", "a10.weight", "a.2.weight", "a.11.weight", "b.weight"]);
    }

    #[test]
    fn tensors_of_sixteen_bits_are_read() {
        let tensor = |dtype: &str, shape: Vec<usize>, end: usize| Tensor {
            dtype: dtype.to_owned(),
            shape,
            data_offsets: [0, end],
        };
        let read = |dtype, bytes: &[u8]| {
            values("w", &tensor(dtype, vec![2], bytes.len()), &mut io::Cursor::new(bytes), 0)
        };
        assert_eq!(read("F16", &[0x00, 0x3c, 0x00, 0xc1]).unwrap(), [1.0, -2.5]);
        assert_eq!(read("BF16", &[0x80, 0x3f, 0x20, 0xc0]).unwrap(), [1.0, -2.5]);
        assert!(read("F16", &[0x00, 0x7c, 0, 0]).unwrap_err().contains("inf"));
        assert!(read("I16", &[0; 4]).unwrap_err().contains("I16"));
    }
}
