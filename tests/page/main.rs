//! The pages of HTML reports, in a headless Chromium.

#[path = "../support/common.rs"]
mod common;
#[path = "../support/program.rs"]
mod program;

mod browser;
mod compare;
mod evaluation;
mod input;
mod learning;
mod report;
mod scores;
