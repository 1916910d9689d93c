//! What is trained: layers, activations, losses and parameters, as plain data.

mod activation;
mod initialise;
mod loss;
mod name;
mod network;
mod optimizer;
mod parameters;

pub use activation::Activation;
pub use loss::Loss;
pub use network::{Layer, Network};
pub use optimizer::Optimizer;
pub use parameters::{LayerParameters, Parameters};
