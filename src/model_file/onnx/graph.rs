//! A network as a graph of ONNX's standard operators.

use std::f32::consts::SQRT_2;

use super::message::{
    Attribute, DOUBLE, Dimension, FLOAT, Graph, INT, INT64, INTS, Node, Shape, Tensor, TensorType, Type,
    ValueInfo,
};
use crate::data::{FeatureScaling, Imputation, Preprocessing};
use crate::model::{Activation, Network, Normalisation, Operation};
use crate::model_file::tensors::names;

/// Name of the input, `[batch, features]`.
pub const INPUT: &str = "input";
/// Name of the output, `[batch, outputs]`, equal to what `predict` writes.
pub const OUTPUT: &str = "output";

/// The graph without the parameters, which it refers to by their [`names`].
pub fn graph(network: &Network, preprocessing: &Preprocessing) -> Graph {
    let mut nodes = Nodes::default();
    let mut state = nodes.preprocess(INPUT, preprocessing);
    for (index, layer) in network.layers().enumerate() {
        let place = format!("layers.{index}");
        let (mut value, mut side) = (state.clone(), "load");
        for operation in layer.operations() {
            value = match operation {
                Operation::Normalise(normalisation) => {
                    nodes.normalise(normalisation, &value, index, layer.inputs)
                }
                Operation::Activation(activation) => {
                    nodes.activate(activation, &value, &format!("{place}.{side}"))
                }
                // Nothing is dropped in inference.
                Operation::Dropout(_) => value,
                Operation::Linear => {
                    side = "store";
                    nodes.product(&value, index, &place)
                }
                Operation::AddInput => nodes.add("Add", &place, &[&value, &state]),
            };
        }
        state = value;
    }
    if let Some(scaling) = &preprocessing.target_scaling {
        nodes.scale_back(&state, scaling);
    }
    if let Some(last) = nodes.node.last_mut() {
        last.output = vec![OUTPUT.to_owned()];
    }
    Graph {
        node: nodes.node,
        name: "network".to_owned(),
        initializer: nodes.constants,
        input: vec![matrix(
            INPUT,
            network.features() - preprocessing.indicators(),
            input_type(preprocessing),
        )],
        output: vec![matrix(OUTPUT, network.outputs(), FLOAT)],
    }
}

/// Largest mean, in standard deviations, of features that `f32` can tell apart to a hundredth.
const MOST_DEVIATIONS: f64 = 0.01 / f32::EPSILON as f64;

/// Type of the input: 64-bit floats where features are too far from 0 for their range. Constant ones have a scale of 1.
fn input_type(preprocessing: &Preprocessing) -> i32 {
    let is_far = |scaling: &FeatureScaling| {
        scaling
            .mean()
            .iter()
            .zip(scaling.scale())
            .any(|(mean, &scale)| scale != 1.0 && (mean * scale).abs() > MOST_DEVIATIONS)
    };
    if preprocessing.scaling.as_ref().is_some_and(is_far) { DOUBLE } else { FLOAT }
}

fn matrix(name: &str, width: usize, elem_type: i32) -> ValueInfo {
    let batch = Dimension { dim_param: Some("batch".to_owned()), dim_value: None };
    let width = Dimension { dim_value: Some(width as i64), dim_param: None };
    let shape = Some(Shape { dim: vec![batch, width] });
    let tensor_type = Some(TensorType { elem_type, shape });
    ValueInfo { name: name.to_owned(), r#type: Some(Type { tensor_type }) }
}

#[derive(Default)]
struct Nodes {
    node: Vec<Node>,
    constants: Vec<Tensor>,
}

impl Nodes {
    /// Multiplies, fills in and scales the features of `value`, `[batch, features]`, as training does. Returns the result's
    /// name.
    fn preprocess(&mut self, value: &str, preprocessing: &Preprocessing) -> String {
        let mut value = value.to_owned();
        let kind = input_type(preprocessing);
        if let Some(scale) = preprocessing.scale {
            let scale = self.numbers("scale", &[], kind, &[scale.into()]);
            value = self.add("Mul", "scaled", &[&value, &scale]);
        }
        if let Some(imputation) = &preprocessing.imputation {
            value = self.impute(&value, imputation, kind);
        }
        if let Some(scaling) = &preprocessing.scaling {
            value = self.standardise(&value, scaling, kind);
        }
        value
    }

    /// Fills in the NaNs of `value`, `[batch, features]`, of floats of this `kind`, and appends indicators of them.
    fn impute(&mut self, value: &str, imputation: &Imputation, kind: i32) -> String {
        let place = "imputed";
        let fills = imputation.fills();
        let fills = self.numbers(&format!("{place}.fills"), &[fills.len() as i64], kind, fills);
        let missing = self.add("IsNaN", place, &[value]);
        let filled = self.add("Where", place, &[&missing, &fills, value]);
        let indicators = imputation.indicators();
        if indicators.is_empty() {
            return filled;
        }
        let indices = indicators.iter().flat_map(|&feature| (feature as i64).to_le_bytes()).collect();
        let indices = self.tensor(&format!("{place}.indicators"), &[indicators.len() as i64], INT64, indices);
        let floats = self.cast(&missing, kind, &format!("{place}.missing"));
        let indicators = self.add("Gather", place, &[&floats, &indices]);
        self.attribute(Attribute {
            name: "axis".to_owned(),
            i: Some(1),
            r#type: INT,
            ..Attribute::default()
        });
        let all = self.add("Concat", place, &[&filled, &indicators]);
        self.attribute(Attribute {
            name: "axis".to_owned(),
            i: Some(1),
            r#type: INT,
            ..Attribute::default()
        });
        all
    }

    /// Shifts and scales the features of `value`, `[batch, features]`, of floats of this `kind`, in f64 as training does.
    /// Returns the result's name.
    fn standardise(&mut self, value: &str, scaling: &FeatureScaling, kind: i32) -> String {
        let place = "standard";
        let (mean, scale) = self.scaling(place, scaling);
        let wide = if kind == DOUBLE {
            value.to_owned()
        } else {
            self.cast(value, DOUBLE, &format!("{place}.wide"))
        };
        let shifted = self.add("Sub", place, &[&wide, &mean]);
        let scaled = self.add("Mul", place, &[&shifted, &scale]);
        self.cast(&scaled, FLOAT, place)
    }

    /// Scales the outputs `value`, `[batch, outputs]`, back to the units of the targets, in f64.
    fn scale_back(&mut self, value: &str, scaling: &FeatureScaling) {
        let place = "target_standard";
        let (mean, scale) = self.scaling(place, scaling);
        let wide = self.cast(value, DOUBLE, &format!("{place}.wide"));
        let divided = self.add("Div", place, &[&wide, &scale]);
        let shifted = self.add("Add", place, &[&divided, &mean]);
        self.cast(&shifted, FLOAT, place);
    }

    /// Mean and scale of `scaling` as constants.
    fn scaling(&mut self, place: &str, scaling: &FeatureScaling) -> (String, String) {
        let mut constant =
            |name: &str, of: &[f64]| self.numbers(&format!("{place}.{name}"), &[of.len() as i64], DOUBLE, of);
        (constant("mean", scaling.mean()), constant("scale", scaling.scale()))
    }

    fn cast(&mut self, value: &str, to: i32, place: &str) -> String {
        let made = self.add("Cast", place, &[value]);
        self.attribute(Attribute {
            name: "to".to_owned(),
            i: Some(to.into()),
            r#type: INT,
            ..Attribute::default()
        });
        made
    }

    /// The product of `value`, `[batch, inputs]`, with a layer's weights, plus its bias. Returns the result's name.
    fn product(&mut self, value: &str, layer: usize, place: &str) -> String {
        let [weights, bias, ..] = names(layer);
        let made = self.add("Gemm", place, &[value, &weights, &bias]);
        self.attribute(Attribute {
            name: "transB".to_owned(),
            i: Some(1),
            r#type: INT,
            ..Attribute::default()
        });
        made
    }

    /// Normalises each sample of `value`, `[batch, width]`, for a layer. Returns the result's name.
    fn normalise(&mut self, normalisation: Normalisation, value: &str, layer: usize, width: usize) -> String {
        let place = format!("layers.{layer}");
        let [_, _, gain, shift] = names(layer);
        if normalisation.is_centred() {
            // The operator has no default for its scale.
            let mut ones = || self.constant(&format!("ones.{width}"), &[width as i64], &vec![1.0; width]);
            let trained = [gain, shift];
            let numbers = if normalisation.has_gain() { trained.to_vec() } else { vec![ones()] };
            let inputs: Vec<_> = [value].into_iter().chain(numbers.iter().map(String::as_str)).collect();
            let made = self.add("LayerNormalization", &place, &inputs);
            let epsilon = Some(Normalisation::EPSILON);
            let name = "epsilon".to_owned();
            self.attribute(Attribute { name, f: epsilon, r#type: FLOAT, ..Attribute::default() });
            return made;
        }
        // Operator set 17 has no operator for it.
        let place = format!("{place}.rms");
        let epsilon = self.constant("rms_epsilon", &[], &[Normalisation::EPSILON]);
        let squares = self.add("Mul", &place, &[value, value]);
        let mean = self.add("ReduceMean", &place, &[&squares]);
        let name = "axes".to_owned();
        self.attribute(Attribute { name, ints: vec![1], r#type: INTS, ..Attribute::default() });
        let sum = self.add("Add", &place, &[&mean, &epsilon]);
        let root = self.add("Sqrt", &place, &[&sum]);
        let made = self.add("Div", &place, &[value, &root]);
        if normalisation.has_gain() {
            return self.add("Mul", &format!("{place}.gain"), &[&made, &gain]);
        }
        made
    }

    /// Applies φ to `value`. Returns the result's name.
    fn activate(&mut self, activation: Activation, value: &str, place: &str) -> String {
        match activation {
            Activation::Sigmoid => self.add("Sigmoid", place, &[value]),
            Activation::Tanh => self.add("Tanh", place, &[value]),
            Activation::Relu => self.add("Relu", place, &[value]),
            Activation::LeakyRelu => {
                let made = self.add("LeakyRelu", place, &[value]);
                let slope = Some(Activation::LEAK);
                self.attribute(Attribute {
                    name: "alpha".to_owned(),
                    f: slope,
                    r#type: FLOAT,
                    ..Attribute::default()
                });
                made
            }
            // Operator set 17 has no Gelu. Runtimes know these five nodes, in this order, and fuse them.
            Activation::Gelu => {
                let [root, one, half] = [("sqrt2", SQRT_2), ("one", 1.0), ("half", 0.5)]
                    .map(|(name, of)| self.constant(name, &[], &[of]));
                let scaled = self.add("Div", place, &[value, &root]);
                let erf = self.add("Erf", place, &[&scaled]);
                let doubled = self.add("Add", place, &[&erf, &one]);
                let product = self.add("Mul", place, &[value, &doubled]);
                self.add("Mul", &format!("{place}.half"), &[&product, &half])
            }
            Activation::Silu => {
                let sigmoid = self.add("Sigmoid", place, &[value]);
                self.add("Mul", place, &[value, &sigmoid])
            }
            Activation::Softplus => self.add("Softplus", place, &[value]),
            // Operator set 17 has no Mish.
            Activation::Mish => {
                let softplus = self.add("Softplus", place, &[value]);
                let tanh = self.add("Tanh", place, &[&softplus]);
                self.add("Mul", place, &[value, &tanh])
            }
            Activation::Sine => self.add("Sin", place, &[value]),
            Activation::Identity => value.to_owned(),
        }
    }

    /// Adds a node, and returns its output's name. Nodes of one operator need different places.
    fn add(&mut self, operator: &str, place: &str, inputs: &[&str]) -> String {
        let name = format!("{place}.{operator}");
        self.node.push(Node {
            input: inputs.iter().map(|&input| input.to_owned()).collect(),
            output: vec![name.clone()],
            name: name.clone(),
            op_type: operator.to_owned(),
            attribute: Vec::new(),
        });
        name
    }

    /// Adds an attribute to the last node.
    fn attribute(&mut self, attribute: Attribute) {
        if let Some(node) = self.node.last_mut() {
            node.attribute.push(attribute);
        }
    }

    /// Adds a constant of these dimensions (none for a scalar) unless it exists, and returns its name.
    fn constant(&mut self, name: &str, dims: &[i64], values: &[f32]) -> String {
        let bytes = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        self.tensor(name, dims, FLOAT, bytes)
    }

    /// A constant of floats of this `kind`.
    fn numbers(&mut self, name: &str, dims: &[i64], kind: i32, values: &[f64]) -> String {
        let bytes = if kind == DOUBLE {
            values.iter().flat_map(|value| value.to_le_bytes()).collect()
        } else {
            values.iter().flat_map(|&value| (value as f32).to_le_bytes()).collect()
        };
        self.tensor(name, dims, kind, bytes)
    }

    fn tensor(&mut self, name: &str, dims: &[i64], data_type: i32, bytes: Vec<u8>) -> String {
        if !self.constants.iter().any(|constant| constant.name == name) {
            self.constants.push(Tensor {
                dims: dims.to_vec(),
                data_type,
                name: name.to_owned(),
                raw_data: Some(bytes),
            });
        }
        name.to_owned()
    }
}
