use crate::gpu::pipelines::Kernel;
use crate::model::{Activation, Derivative, Dropout, Layer, Network, Operation, Stored};

/// What kernels apply to the input and output of a layer, or of several: then those that apply a function share it, and a
/// table tells which do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LayerFunctions {
    /// Of the input.
    pub load: Activation,
    /// Dropout of the input, after that function.
    pub dropout: Option<Dropout>,
    /// Of the product.
    pub store: Activation,
    /// `true` if the layer adds its input to its output.
    pub residual: bool,
    /// Factor of the delta below the layer.
    pub derivative: Derivative,
}

impl LayerFunctions {
    pub const NONE: Self = LayerFunctions {
        load: Activation::Identity,
        dropout: None,
        store: Activation::Identity,
        residual: false,
        derivative: Derivative::ONE,
    };

    /// Functions of `layers` of `network`, which apply no others.
    pub fn of(network: &Network, layers: impl Iterator<Item = usize> + Clone) -> Self {
        let first = |of: fn(Layer) -> Activation| {
            let mut functions = layers.clone().map(|layer| of(network.layer(layer)));
            functions.find(|&function| function != Activation::Identity).unwrap_or(Activation::Identity)
        };
        // The first layer computes no delta below.
        let derivative = layers.clone().find(|&layer| layer > 0);
        LayerFunctions {
            load: first(Layer::input_activation),
            dropout: layers.clone().find_map(|layer| network.layer(layer).dropout()),
            store: first(Layer::product_activation),
            residual: layers.clone().any(|layer| network.layer(layer).has(Operation::AddInput)),
            derivative: derivative.map_or(Derivative::ONE, |layer| network.derivative(layer)),
        }
    }

    /// The functions of the input alone.
    pub fn of_input(self) -> Self {
        LayerFunctions { load: self.load, dropout: self.dropout, ..Self::NONE }
    }

    /// Pipeline constants of `shaders/layer.wgsl`, and of [`dropout_file`].
    pub fn constants(self) -> impl Iterator<Item = (&'static str, f64)> {
        let functions = [
            ("LOAD", f64::from(self.load as u32)),
            ("STORE", f64::from(self.store as u32)),
            ("IS_RESIDUAL", f64::from(self.residual)),
            ("DERIVATIVE", f64::from(self.derivative.activation as u32)),
            ("IS_OF_OUTPUT", f64::from(self.derivative.of == Stored::Output)),
        ];
        functions.into_iter().chain(dropout_constants(self.dropout))
    }
}

/// `kernel`, which reads the file [`dropout_file`], with the micro-batch that dropout takes.
pub fn with_dropout(kernel: Kernel, dropout: Option<Dropout>) -> Kernel {
    if dropout.is_some() { kernel.with_micro_batch() } else { kernel }
}

/// The shader file that drops values, or does not. It takes the micro-batch.
pub fn dropout_file(dropout: Option<Dropout>) -> &'static str {
    if dropout.is_some() { "dropout" } else { "no_dropout" }
}

/// Pipeline constants of [`dropout_file`].
pub fn dropout_constants(dropout: Option<Dropout>) -> impl Iterator<Item = (&'static str, f64)> {
    let constants = |dropout: Dropout| {
        [("DROPPED", f64::from(dropout.dropped())), ("KEPT_FACTOR", f64::from(dropout.factor()))]
    };
    dropout.map(constants).into_iter().flatten()
}
