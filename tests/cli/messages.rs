//! Every kind of error that a user can cause from the command line, with the whole of what the program says.
//!
//! `messages.txt` has sections, each with a folder of its own. `@ NAME` makes a file of the lines after it, which begin with
//! `| `; `= NAME SEED` copies one of the fuzzers' seeds; `$ ARGUMENTS` runs the program there, and its exit code and the
//! lines of stderr follow. `UPDATE_MESSAGES=1` rewrites codes and lines.

use std::fmt::Write;
use std::path::Path;

use rayon::prelude::*;

use crate::program::{Folder, NO_DRIVERS, outcome};

const PATH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/cli/messages.txt");
const SEEDS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/fuzz/seeds");

/// The section with what the program says now.
fn repeated(section: &str) -> String {
    let folder = Folder::new();
    let write = |name: &str, bytes: &[u8]| {
        std::fs::create_dir_all(folder.path(name).parent().unwrap()).unwrap();
        folder.write(name, bytes);
    };
    let mut now = String::new();
    let mut file: Option<(&str, String)> = None;
    let is_given = |&(index, line): &(usize, &str)| index == 0 || line.starts_with(['@', '|', '=', '$']);
    for (_, line) in section.lines().enumerate().filter(is_given) {
        if let Some(content) = line.strip_prefix('|') {
            let (_, text) = file.as_mut().expect("a file that the line belongs to");
            text.push_str(content.strip_prefix(' ').unwrap_or(content));
            text.push('\n');
        } else if let Some((name, text)) = file.take() {
            write(name, text.as_bytes());
        }
        writeln!(now, "{line}").unwrap();
        if let Some(name) = line.strip_prefix("@ ") {
            file = Some((name, String::new()));
        } else if let Some((name, seed)) = line.strip_prefix("= ").and_then(|line| line.split_once(' ')) {
            write(name, &std::fs::read(Path::new(SEEDS).join(seed)).unwrap());
        } else if let Some(arguments) = line.strip_prefix("$ ") {
            let outcome = outcome(folder.command(arguments).envs(NO_DRIVERS).env("COLUMNS", "80"));
            let code = outcome.code.unwrap_or(-1);
            writeln!(now, "exit {code}").unwrap();
            // Machines differ in what runs are told.
            if code != 0 {
                let place = folder.path("").display().to_string();
                let said = outcome.stderr.replace(place.trim_end_matches('/'), "FOLDER");
                for line in said.lines().filter(|line| !line.trim().is_empty()) {
                    writeln!(now, "  {line}").unwrap();
                }
            }
        }
    }
    now
}

/// Drivers differ by system.
#[cfg(target_os = "linux")]
#[test]
fn every_error_says_what_was_found_and_what_to_do() {
    let recorded = std::fs::read_to_string(PATH).unwrap();
    let sections: Vec<&str> = recorded.split("\n\n== ").collect();
    let now = sections.par_iter().map(|section| repeated(section)).collect::<Vec<_>>().join("\n== ");
    assert!(!now.contains("panicked") && !now.contains("internal error:") && !now.contains("exit -1"));
    if std::env::var_os("UPDATE_MESSAGES").is_some() {
        std::fs::write(PATH, &now).unwrap();
        return;
    }
    for (now, recorded) in now.lines().zip(recorded.lines()) {
        assert_eq!(now, recorded, "UPDATE_MESSAGES=1 rewrites {PATH}");
    }
    assert_eq!(now.len(), recorded.len(), "UPDATE_MESSAGES=1 rewrites {PATH}");
}
