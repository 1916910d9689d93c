//! The rules of ARCHITECTURE.md: which room may use which, and that wgpu stays in its own.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::sources::sources;

/// Each room with those it may use, lowest first: every name on the right stands on the left further up.
const ROOMS: [(&str, &[&str]); 21] = [
    ("setting", &[]),
    ("error", &[]),
    ("file", &[]),
    ("log", &["file"]),
    ("memory", &[]),
    ("model", &[]),
    ("plan", &["memory", "model"]),
    ("strategy", &["plan"]),
    ("execute", &["memory", "plan"]),
    ("simulate", &["execute", "memory", "plan"]),
    ("data", &["file", "memory", "model"]),
    ("model_file", &["data", "file", "memory", "model"]),
    ("snapshot", &["file", "model"]),
    ("device", &["data", "execute", "model", "plan"]),
    ("config", &["device", "model", "strategy"]),
    ("cpu", &["data", "device", "execute", "memory", "model", "plan"]),
    ("gpu", &["data", "device", "execute", "file", "memory", "model", "plan"]),
    (
        "train",
        &[
            "config", "cpu", "data", "device", "execute", "gpu", "memory", "model", "plan", "simulate",
            "snapshot", "strategy",
        ],
    ),
    ("check", &["config", "data", "device", "execute", "memory", "model", "plan", "strategy", "train"]),
    ("report", &["check", "config", "device", "file", "memory", "model", "plan", "strategy", "train"]),
    (
        "cli",
        &[
            "check",
            "config",
            "cpu",
            "data",
            "device",
            "file",
            "gpu",
            "log",
            "memory",
            "model",
            "model_file",
            "plan",
            "report",
            "snapshot",
            "strategy",
            "train",
        ],
    ),
];

#[test]
fn rooms_use_only_rooms_below_them() {
    for (index, (room, below)) in ROOMS.iter().enumerate() {
        for used in *below {
            assert!(ROOMS[..index].iter().any(|(name, _)| name == used), "{room} may not use {used}");
        }
    }
    let mut found: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (room, text) in rooms() {
        for group in text.split("crate::{").skip(1) {
            let names = group.split('}').next().unwrap_or_default();
            let is_item = |name: &str| name.trim().starts_with(char::is_uppercase);
            assert!(
                names.split(',').all(is_item),
                "{room}: name rooms one a line, not in crate::{{{names}}}"
            );
        }
        let uses = text.split("crate::").skip(1).map(|rest| {
            let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
            rest[..end].to_owned()
        });
        let modules = uses.filter(|name| ROOMS.iter().any(|(room, _)| room == name) && *name != room);
        found.entry(room.clone()).or_default().extend(modules);
    }
    for (room, uses) in found {
        let Some((_, allowed)) = ROOMS.iter().find(|(name, _)| *name == room) else {
            assert!(["main", "lib"].contains(&room.as_str()), "{room} is not among the rooms");
            continue;
        };
        let extra: Vec<_> = uses.iter().filter(|used| !allowed.contains(&used.as_str())).collect();
        assert!(extra.is_empty(), "{room} uses {extra:?}, expected only {allowed:?}");
    }
}

#[test]
fn only_gpu_uses_wgpu() {
    for (room, text) in rooms() {
        let mut code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
        assert!(room == "gpu" || !code.any(|line| line.contains("wgpu")), "{room} uses wgpu");
    }
}

/// The backends are checked against the reference, so it shares no code with them.
#[test]
fn the_reference_uses_nothing_of_the_crate() {
    let files = sources("src/check/reference");
    assert!(files.len() > 1, "{} files", files.len());
    for (file, text) in files {
        let outer = if file.ends_with("mod.rs") { "super::" } else { "super::super" };
        let reaches_out = text.contains(outer);
        assert!(!reaches_out && !text.contains("crate::"), "{} uses more than its own", file.display());
    }
}

/// Texts of all source files, each with its room.
fn rooms() -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let room = |file: &Path| {
        let first = file.strip_prefix(&root).unwrap().components().next().unwrap();
        Path::new(first.as_os_str()).file_stem().unwrap().to_string_lossy().into_owned()
    };
    let files = sources("src");
    assert!(files.len() > 40, "{} source files", files.len());
    files.into_iter().map(|(file, text)| (room(&file), text)).collect()
}
