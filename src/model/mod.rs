//! Networks, activation and loss functions, optimizers and parameters, as plain data.

mod activation;
mod dropout;
mod initialise;
mod learning_rate;
mod loss;
mod name;
mod network;
mod normalisation;
mod optimizer;
mod parameters;
mod threefry;

pub use activation::{Activation, Stored};
pub use dropout::{Dropout, DropoutKey};
pub use initialise::Initialiser;
pub use learning_rate::{Decay, Plateau, Schedule};
pub use loss::Loss;
pub(crate) use loss::first_largest;
pub(crate) use name::by_name;
#[cfg(feature = "cli")]
pub(crate) use name::nearest;
pub use network::{Derivative, Layer, Network, Operation};
pub use normalisation::Normalisation;
pub use optimizer::{Hyperparameter, Optimizer, StepParams, UpdateRule};
pub(crate) use parameters::byte_chunks;
pub use parameters::{LayerParameters, ParameterHash, Parameters};
