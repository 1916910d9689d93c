//! Times kernels: to choose tiles, and to tell what a device does.

mod cache;
mod speed;
mod timer;
mod trial;
mod tune;

pub use speed::{ProductSpeed, Speed};
