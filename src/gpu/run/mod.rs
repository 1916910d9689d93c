//! Plans on a device: the dispatches of each action, bound before the first step, and their recording.

mod alone;
mod backend;
mod bind;
mod binder;
mod clip;
mod source;
mod thin_layers;

pub use backend::Gpu;
