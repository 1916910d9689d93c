//! The pages of HTML reports, in a headless Chromium.

#[path = "../support/common.rs"]
mod common;
#[path = "../support/program.rs"]
mod program;

mod browser;
mod compare;
mod input;
mod report;
