//! The rules of ARCHITECTURE.md, and what the manual promises.

#[path = "../support/common.rs"]
mod common;
#[path = "../support/program.rs"]
mod program;

mod command_line;
mod commands;
mod json;
mod links;
mod markdown;
mod pages;
mod rooms;
