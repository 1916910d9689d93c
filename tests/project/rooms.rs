//! The rules of ARCHITECTURE.md: which room may use which, and that wgpu stays in its own.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use crate::sources::sources;

/// Each room with those it may use, lowest first: every name on the right stands on the left further up.
const ROOMS: [(&str, &[&str]); 23] = [
    ("words", &[]),
    ("setting", &[]),
    ("error", &["words"]),
    ("file", &[]),
    ("log", &["file"]),
    ("memory", &[]),
    ("model", &[]),
    ("plan", &["memory", "model"]),
    ("strategy", &["plan"]),
    ("execute", &["memory", "plan"]),
    ("simulate", &["execute", "memory", "plan"]),
    ("data", &["file", "memory", "model", "words"]),
    ("model_file", &["data", "file", "memory", "model", "words"]),
    ("snapshot", &["file", "memory", "model"]),
    ("device", &["data", "execute", "model", "plan"]),
    ("config", &["device", "model", "strategy"]),
    ("cpu", &["data", "device", "execute", "memory", "model", "plan", "words"]),
    ("gpu", &["data", "device", "execute", "file", "memory", "model", "plan"]),
    (
        "train",
        &[
            "config", "cpu", "data", "device", "execute", "gpu", "memory", "model", "plan", "simulate",
            "snapshot", "strategy", "words",
        ],
    ),
    (
        "check",
        &["config", "data", "device", "execute", "memory", "model", "plan", "strategy", "train", "words"],
    ),
    (
        "report",
        &["check", "config", "device", "file", "memory", "model", "plan", "strategy", "train", "words"],
    ),
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
            "words",
        ],
    ),
    ("fuzz", &["cli", "data", "model_file", "snapshot"]),
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

/// What the feature `cli` brings: `cli`, `log` and their dependencies. `ROOMS` lets no other room use these two.
#[test]
fn only_cli_and_log_use_dependencies_of_the_feature_cli() {
    let manifest = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml")).unwrap();
    let feature = manifest.lines().find_map(|line| line.strip_prefix("cli = ")).unwrap();
    let dependencies: Vec<_> = feature.split('"').filter_map(|part| part.strip_prefix("dep:")).collect();
    assert!(dependencies.contains(&"clap"), "{dependencies:?}");
    let mut users = BTreeSet::new();
    for (room, text) in rooms() {
        let uses = |name: &&&str| text.contains(&format!("{name}::"));
        if let Some(name) = dependencies.iter().find(uses) {
            assert!(room == "cli" || room == "log", "{room} uses {name}");
            users.insert(room);
        }
    }
    assert_eq!(users.len(), 2, "{users:?}");
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

/// A recurrence that takes two files.
const CIRCLE_OF_BUDGETS: [&str; 2] = ["forward_pass", "segment"];

#[test]
fn files_of_a_room_do_not_use_each_other_in_circles() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut circles = Vec::new();
    let folders =
        fs::read_dir(&root).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_dir());
    for folder in folders {
        collect_circles(&folder, &mut circles);
    }
    circles.retain(|circle| *circle != CIRCLE_OF_BUDGETS);
    assert!(circles.is_empty(), "these files use each other: {circles:?}");
}

/// Folders of `gpu`, each of which uses only those before it.
const GPU_FOLDERS: [&str; 6] = ["device", "pipelines", "kernels", "memory", "measure", "run"];

#[test]
fn folders_of_gpu_use_only_folders_below_them() {
    for (index, folder) in GPU_FOLDERS.iter().enumerate() {
        let files = sources(&format!("src/gpu/{folder}"));
        assert!(files.len() > 1, "{folder}");
        for (file, text) in files {
            let uses = |above: &&&str| {
                text.contains(&format!("gpu::{above}::")) || text.contains(&format!("super::{above}::"))
            };
            let above = GPU_FOLDERS[index + 1..].iter().find(uses);
            assert!(above.is_none(), "{} uses {above:?}, which lies above {folder}", file.display());
        }
    }
    let all = fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/src/gpu")).unwrap();
    let folders = all.filter(|entry| entry.as_ref().unwrap().path().is_dir());
    assert_eq!(folders.count(), GPU_FOLDERS.len());
}

/// Adds the modules of `folder`, and of each folder in it, that use each other directly or through others. Modules name
/// their siblings by `super`; what a `mod.rs` holds is not followed.
fn collect_circles(folder: &Path, circles: &mut Vec<Vec<String>>) {
    let mut uses: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect_circles(&path, circles);
        } else if !path.ends_with("mod.rs") {
            let module = path.file_stem().unwrap().to_string_lossy().into_owned();
            uses.insert(module, siblings(&fs::read_to_string(&path).unwrap()));
        }
    }
    let circle: Vec<String> =
        uses.keys().filter(|module| reach(&uses, module).contains(*module)).cloned().collect();
    if !circle.is_empty() {
        circles.push(circle);
    }
}

/// The modules that `text` names by `super`, in braces or alone.
fn siblings(text: &str) -> BTreeSet<String> {
    let code: String = text.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
    let uses = code.split("super::").skip(1);
    let names = uses.flat_map(|rest| match rest.strip_prefix('{') {
        Some(rest) => rest.split_once('}').map_or(rest, |(list, _)| list).split(',').map(str::trim).collect(),
        None => vec![rest],
    });
    let module =
        |name: &str| name.split(|c: char| !c.is_alphanumeric() && c != '_').next().map(str::to_owned);
    names.filter_map(module).collect()
}

#[test]
fn siblings_are_found_in_braces_and_alone() {
    let text = "use super::one::One;\nuse super::{two::Two,\n    three};\n// super::four\nsuper::five::f();";
    assert_eq!(siblings(text).into_iter().collect::<Vec<_>>(), ["five", "one", "three", "two"]);
}

/// The modules that `module` uses directly or through others.
fn reach<'a>(uses: &'a BTreeMap<String, BTreeSet<String>>, module: &str) -> BTreeSet<&'a String> {
    let mut reached = BTreeSet::new();
    let mut open = vec![module];
    while let Some(module) = open.pop() {
        for used in uses.get(module).into_iter().flatten() {
            if reached.insert(used) {
                open.push(used);
            }
        }
    }
    reached
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
