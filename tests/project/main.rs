//! Rules about the source text: those of ARCHITECTURE.md, where flags are named, and what the manual promises.

#[path = "../support/common.rs"]
mod common;
#[path = "../support/program.rs"]
mod program;

mod command_line;
mod commands;
mod flags;
mod json;
mod links;
mod markdown;
mod pages;
mod rooms;
mod sources;
