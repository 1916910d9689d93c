//! The command line.

#[path = "../support/common.rs"]
mod common;
#[path = "../support/program.rs"]
mod program;

mod alternatives;
mod bench;
mod check;
mod compare;
mod config_file;
mod errors;
mod events;
mod find_lr;
mod full_disk;
mod hints;
mod log;
mod manual;
mod markdown;
mod memory;
mod messages;
mod models;
mod plan;
mod quiet;
mod reports;
mod scores;
mod selection;
mod sizes;
mod snapshots;
mod solve_for;
mod sweep;
mod tables;
mod train;
