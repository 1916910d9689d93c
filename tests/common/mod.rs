//! What several tests need.

#![allow(dead_code, reason = "each test binary uses its own part")]

use std::path::Path;
use std::sync::{Arc, OnceLock};

use ckpt_gpu::data::Dataset;

/// The project's folder.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The MNIST that the project carries.
pub fn mnist() -> &'static Arc<Dataset> {
    static MNIST: OnceLock<Arc<Dataset>> = OnceLock::new();
    MNIST.get_or_init(|| Arc::new(Dataset::load(&root().join("data/mnist.npz")).unwrap()))
}
