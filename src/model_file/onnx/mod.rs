//! ONNX export, for other programs to run. <https://onnx.ai>
//!
//! Parameters are streamed without a second copy of the model; the size of a file follows from its network alone.

mod graph;
mod message;

use std::io::{BufWriter, Write};
use std::path::Path;

use prost::Message;

use self::graph::graph;
use self::message::{FLOAT, Metadata, OperatorSet, Tensor};
use super::tensors::{names, tensors};
use super::{ARCHITECTURE_KEY, Architecture, Model};
use crate::data::Preprocessing;
use crate::file;
use crate::model::{LayerParameters, Network, byte_chunks};
use crate::{Error, Result};

/// Largest protobuf message, in bytes.
const MOST_BYTES: u64 = i32::MAX as u64;
/// Operator set of 2021, read by ONNX Runtime since 1.12, and the container version that came with it.
const OPERATOR_SET: i64 = 17;
const IR_VERSION: i64 = 8;

/// Tags of the fields that are written here rather than by prost, because their contents are streamed.
const GRAPH: u8 = 7;
const INITIALIZER: u8 = 5;
const RAW_DATA: u8 = 9;

/// A file without the values of its parameters.
struct Outline {
    /// The model without its graph.
    model: Vec<u8>,
    /// The graph without parameters.
    graph: Vec<u8>,
    /// Header of each weight and bias tensor, and the size of its values in bytes.
    tensors: Vec<(Vec<u8>, u64)>,
}

impl Outline {
    fn of(network: &Network, preprocessing: &Preprocessing) -> Self {
        let model = message::Model {
            ir_version: IR_VERSION,
            producer_name: env!("CARGO_PKG_NAME").to_owned(),
            producer_version: env!("CARGO_PKG_VERSION").to_owned(),
            graph: None,
            opset_import: vec![OperatorSet { domain: Some(String::new()), version: OPERATOR_SET }],
            metadata_props: vec![Metadata {
                key: ARCHITECTURE_KEY.to_owned(),
                value: Architecture::of(network, preprocessing).to_json(),
            }],
        };
        let tensors = network.layers().enumerate().flat_map(|(index, layer)| tensors(layer, names(index)));
        Outline {
            model: model.encode_to_vec(),
            graph: graph(network, preprocessing).encode_to_vec(),
            tensors: tensors.map(|(name, shape)| tensor_start(name, shape)).collect(),
        }
    }

    fn graph_bytes(&self) -> u64 {
        let tensors = self.tensors.iter().map(|(start, bytes)| start.len() as u64 + bytes);
        self.graph.len() as u64 + tensors.sum::<u64>()
    }

    /// Size of the whole file, in bytes.
    fn bytes(&self) -> u64 {
        let graph = self.graph_bytes();
        (self.model.len() + start(GRAPH, graph).len()) as u64 + graph
    }
}

/// Checks that a file of `network` is not larger than ONNX allows.
///
/// # Errors
/// [`Error::File`] if it is.
pub(super) fn check(path: &Path, network: &Network) -> Result<()> {
    check_size(path, &Outline::of(network, &Preprocessing::default()))
}

fn check_size(path: &Path, outline: &Outline) -> Result<()> {
    match outline.bytes() {
        bytes if bytes > MOST_BYTES => Err(Error::file(
            path,
            format!(
                "would have {bytes} bytes, but an ONNX file has at most {MOST_BYTES}; save it as .safetensors, or \
                 train a network of fewer parameters"
            ),
        )),
        _ => Ok(()),
    }
}

/// Writes the network from `input` `[batch, features]` to `output` `[batch, outputs]`, both f32, with the tensors
/// `layers.0.weight` `[outputs, inputs]`, `layers.0.bias` `[outputs]`, …, and those of normalisations. Equal networks give equal
/// files.
///
/// # Errors
/// As [`check`], and [`Error::File`] if the file cannot be written.
pub(super) fn write(path: &Path, model: &Model) -> Result<()> {
    let Model { network, parameters, preprocessing } = model;
    let outline = Outline::of(network, preprocessing);
    check_size(path, &outline)?;
    let values = parameters.layers.iter().flat_map(LayerParameters::tensors);
    let values = values.filter(|values| !values.is_empty());
    file::replace(path, |file| {
        let mut file = BufWriter::new(file);
        let mut write = |bytes: &[u8]| file.write_all(bytes).map_err(|error| error.to_string());
        write(&outline.model)?;
        write(&start(GRAPH, outline.graph_bytes()))?;
        write(&outline.graph)?;
        for ((start, _), values) in outline.tensors.iter().zip(values) {
            write(start)?;
            byte_chunks(values).try_for_each(|bytes| write(&bytes))?;
        }
        file.flush().map_err(|error| error.to_string())
    })
}

/// Header of a tensor of the graph, and the size of its values in bytes.
fn tensor_start(name: String, shape: Vec<usize>) -> (Vec<u8>, u64) {
    let dims: Vec<_> = shape.into_iter().map(|axis| axis as i64).collect();
    let bytes = 4 * dims.iter().product::<i64>() as u64;
    let mut tensor = Tensor { dims, data_type: FLOAT, name, raw_data: None }.encode_to_vec();
    tensor.extend(start(RAW_DATA, bytes));
    let mut whole = start(INITIALIZER, tensor.len() as u64 + bytes);
    whole.extend(tensor);
    (whole, bytes)
}

/// Start of a length-delimited `field` of `bytes` bytes: its tag and the length.
fn start(field: u8, bytes: u64) -> Vec<u8> {
    let mut start = vec![field << 3 | 2];
    let mut left = bytes;
    while left >= 0x80 {
        start.push(left as u8 | 0x80);
        left >>= 7;
    }
    start.push(left as u8);
    start
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::graph::{INPUT, OUTPUT};
    use super::message::Node;
    use super::*;
    use crate::data::{FeatureScaling, Fill, Imputation, Inputs, Split, Targets};
    use crate::model::{Activation, Initialiser, Loss, Normalisation, Parameters};

    fn written(model: &Model) -> Vec<u8> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("model.onnx");
        write(&path, model).unwrap();
        fs::read(path).unwrap()
    }

    /// Imputation with an indicator, and scaling of features and of `outputs` targets, for 5 features of the network.
    fn preprocessing(outputs: usize) -> Preprocessing {
        let mut inputs: Vec<f32> = (0..12).map(|n| (n * n % 7) as f32 / 3.0).collect();
        inputs[5] = f32::NAN;
        let split = Split::new(4, Inputs::F32(inputs), vec![0, 1, 0]).unwrap();
        let imputation = Imputation::of(&split, Fill::Mean, true, &[]).unwrap();
        let scaling = FeatureScaling::of(&imputation.apply(split).unwrap());
        let targets =
            Targets::Regression { width: outputs, values: (0..3 * outputs).map(|n| n as f32).collect() };
        let targets = Split::new(1, Inputs::F32(vec![0.0; 3]), targets).unwrap();
        Preprocessing {
            scale: Some(0.5),
            imputation: Some(imputation),
            scaling: Some(scaling),
            target_scaling: FeatureScaling::of_targets(&targets),
            ..Preprocessing::default()
        }
    }

    /// The file decodes as one message, of the length that prost would have written.
    #[test]
    fn streamed_files_are_one_message() {
        for (widths, activation) in [(&[3, 40, 40, 2][..], Activation::Gelu), (&[5, 1], Activation::Relu)] {
            let network = Network::new(widths, activation, Loss::CrossEntropy).unwrap().with_residual(true);
            let normalisation = (activation == Activation::Gelu).then_some(Normalisation::Layer);
            let network = network.with_normalisation(normalisation).unwrap();
            let parameters = Parameters::initial(&network, Initialiser::Siren, 5);
            let preprocessing =
                if activation == Activation::Relu { preprocessing(1) } else { Preprocessing::default() };
            let model = Model { network, parameters: parameters.clone(), preprocessing };
            let bytes = written(&model);
            assert_eq!(bytes, written(&model));
            let outline = Outline::of(&model.network, &model.preprocessing);
            assert_eq!(bytes.len() as u64, outline.bytes());
            let model = message::Model::decode(&bytes[..]).unwrap();
            assert_eq!(model.encoded_len(), bytes.len());
            let found = model.graph.unwrap().initializer;
            for (index, layer) in parameters.layers.iter().enumerate() {
                for (name, values) in names(index).into_iter().zip(layer.tensors()) {
                    if values.is_empty() {
                        continue;
                    }
                    let tensor = found.iter().find(|tensor| tensor.name == name).unwrap();
                    let data: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
                    assert_eq!(tensor.raw_data.as_deref(), Some(&data[..]), "{name}");
                    assert_eq!(tensor.dims.iter().product::<i64>() as usize, values.len(), "{name}");
                }
            }
        }
    }

    /// Each node reads only names defined before it, each name is defined once, and the output is among them.
    #[test]
    fn nodes_are_in_topological_order_with_distinct_names() {
        for activation in Activation::ALL {
            for (loss, residual, normalisation) in [
                (Loss::Quadratic, false, None),
                (Loss::Quadratic, true, None),
                (Loss::Mse, true, Some(Normalisation::Layer)),
                (Loss::Mse, false, Some(Normalisation::PlainLayer)),
                (Loss::Mse, true, Some(Normalisation::Rms)),
                (Loss::Mse, false, Some(Normalisation::PlainRms)),
            ] {
                let network = Network::new(&[5, 4, 4, 4, 2], activation, loss).unwrap();
                let network = network.with_residual(residual).with_normalisation(normalisation).unwrap();
                let preprocessing = if residual { preprocessing(2) } else { Preprocessing::default() };
                let graph = graph(&network, &preprocessing);
                let mut made = vec![INPUT.to_owned()];
                made.extend(graph.initializer.into_iter().map(|tensor| tensor.name));
                let parameters = network.layers().enumerate();
                let parameters = parameters.flat_map(|(index, layer)| tensors(layer, names(index)));
                made.extend(parameters.map(|(name, _)| name));
                for node in &graph.node {
                    assert!(node.input.iter().all(|input| made.contains(input)), "{node:?}");
                    assert!(!made.contains(&node.output[0]), "{node:?}");
                    made.extend(node.output.iter().cloned());
                }
                assert!(made.iter().any(|name| name == OUTPUT), "{made:?}");
                let is_residual = |node: &&Node| {
                    node.op_type == "Add"
                        && node.name.starts_with("layers.")
                        && !node.input.contains(&"one".to_owned())
                        && !node.input.contains(&"rms_epsilon".to_owned())
                };
                let adds = graph.node.iter().filter(is_residual);
                assert_eq!(adds.count(), if residual { 2 } else { 0 }, "{activation:?}");
                let norms = graph
                    .node
                    .iter()
                    .filter(|node| node.op_type == "LayerNormalization" || node.op_type == "ReduceMean");
                assert_eq!(norms.count(), if normalisation.is_some() { 3 } else { 0 }, "{activation:?}");
                let casts = graph.node.iter().filter(|node| node.op_type == "Cast");
                assert_eq!(casts.count(), if residual { 5 } else { 0 }, "{activation:?}");
            }
        }
    }

    #[test]
    fn files_larger_than_the_format_allows_are_refused() {
        let path = Path::new("large.onnx");
        let network = |width| Network::new(&[1 << 15, width], Activation::Relu, Loss::Mse).unwrap();
        let bytes = |width| Outline::of(&network(width), &Preprocessing::default()).bytes();
        let most = (1..1 << 15).rev().find(|&width| bytes(width) <= MOST_BYTES).unwrap();
        assert_eq!(most, (1 << 14) - 1);
        check(path, &network(most)).unwrap();
        let problem = check(path, &network(most + 1)).unwrap_err().to_string();
        for word in ["large.onnx", &bytes(most + 1).to_string(), "2147483647", ".safetensors"] {
            assert!(problem.contains(word), "{problem}");
        }
    }
}
