//! Kernels, training and `check` on the CPU and on software Vulkan drivers.

#[path = "../support/common.rs"]
mod common;
#[path = "../support/devices.rs"]
mod devices;
#[path = "../support/program.rs"]
mod program;

mod budget_training;
mod check;
mod dropout;
mod evaluation;
mod examples;
mod golden;
mod kernels;
mod library;
mod limits;
mod numerics;
mod reference_gradients;
mod samples;
mod scores;
mod sums;
mod threads;
mod training;
mod trajectories;
mod verify;
mod weights;
