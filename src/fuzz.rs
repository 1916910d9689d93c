//! What the fuzzers in `fuzz/` run, a function for each format that is parsed. Each panics if the parser does, or if what it
//! returns contradicts itself, and returns whether the bytes were accepted. A test replays the fuzzers' seeds, to which every
//! input that once broke a parser is added.

use std::io::{BufReader, Cursor, Write};
use std::path::Path;

use sha2::{Digest, Sha256};

use crate::cli;
use crate::data::npz::{Archive, Array, read_npy};
use crate::data::{Dataset, Fill, Inputs, LoadOptions, idx, parse_recipe};
use crate::model_file::{self, Architecture, parse_safetensors};
use crate::snapshot::{read_snapshot, write_snapshot};

/// Room for what compressed bytes inflate to.
const ROOM: u64 = 1 << 20;

/// A fuzzer: its name, and what it runs.
pub type Target = (&'static str, fn(&[u8]) -> bool);

/// All of them.
pub const TARGETS: [Target; 10] = [
    ("architecture", architecture),
    ("config", config),
    ("csv", csv),
    ("idx", idx),
    ("model_npz", model_npz),
    ("npy", npy),
    ("npz", npz),
    ("recipe", recipe),
    ("safetensors", safetensors),
    ("snapshot", snapshot),
];

/// The architecture in a model file, as JSON.
pub fn architecture(bytes: &[u8]) -> bool {
    let Ok(architecture) = Architecture::from_json(bytes) else { return false };
    let is_network = architecture.network().is_ok();
    if is_network {
        let written = architecture.to_json();
        assert_eq!(Architecture::from_json(written.as_bytes()).as_ref(), Ok(&architecture), "{written}");
    }
    is_network
}

/// A file of flags.
pub fn config(bytes: &[u8]) -> bool {
    str::from_utf8(bytes).is_ok_and(|text| cli::check_config(text).is_ok())
}

/// A table. The first byte chooses options.
pub fn csv(bytes: &[u8]) -> bool {
    let (&options, table) = bytes.split_first().unwrap_or((&0, bytes));
    let options = LoadOptions {
        impute: [None, Some(Fill::Mean), Some(Fill::Median), Some(Fill::Zero)][usize::from(options % 4)],
        impute_indicators: options & 4 > 0,
        standardise: (options & 8 > 0).then_some(false),
        validation: (options & 16 > 0).then_some(0.5),
        ..LoadOptions::default()
    };
    with_file(".csv", table, |path| {
        let Ok(data) = Dataset::load_with(path, &options) else { return false };
        for split in [&data.train, &data.test] {
            let Inputs::F32(inputs) = split.inputs() else { panic!("inputs of another kind") };
            assert_eq!(inputs.len(), split.len() * split.features());
            assert!(inputs.iter().all(|input| input.is_finite()), "{inputs:?}");
        }
        true
    })
}

/// An IDX file.
pub fn idx(bytes: &[u8]) -> bool {
    idx::read_any(BufReader::new(bytes), ROOM).is_ok_and(|array| is_whole(&array))
}

/// A trained network as an npz.
pub fn model_npz(bytes: &[u8]) -> bool {
    with_file(".npz", bytes, |path| {
        let Ok(model) = model_file::read(path) else { return false };
        assert!(model.parameters.fit(&model.network));
        true
    })
}

/// An array.
pub fn npy(bytes: &[u8]) -> bool {
    read_npy(Cursor::new(bytes), bytes.len() as u64).is_ok_and(|array| is_whole(&array))
}

/// An archive of arrays.
pub fn npz(bytes: &[u8]) -> bool {
    with_file(".npz", bytes, |path| {
        let Ok(archive) = Archive::open(path) else { return false };
        let mut archive = archive.with_limit(ROOM);
        let keys: Vec<_> = archive.keys().map(str::to_owned).collect();
        let read = keys.iter().map(|key| archive.read(key).is_ok_and(|array| is_whole(&array)));
        read.filter(|&is_read| is_read).count() > 0
    })
}

/// The recipe of synthetic data.
pub fn recipe(bytes: &[u8]) -> bool {
    str::from_utf8(bytes).is_ok_and(parse_recipe)
}

/// A trained network as safetensors.
pub fn safetensors(bytes: &[u8]) -> bool {
    let Ok((parameters, _)) = parse_safetensors(bytes) else { return false };
    for layer in &parameters.layers {
        assert!(!layer.bias.is_empty() && layer.weights.len().is_multiple_of(layer.bias.len()));
    }
    true
}

/// A snapshot, to which this adds the checksum.
pub fn snapshot(bytes: &[u8]) -> bool {
    let bytes = [bytes, &Sha256::digest(bytes)].concat();
    let Ok(snapshot) = read_snapshot(&mut Cursor::new(&bytes)) else { return false };
    let write = |snapshot| {
        let mut written = Vec::new();
        write_snapshot(snapshot, &mut written).expect("memory takes any snapshot");
        written
    };
    let written = write(&snapshot);
    let again = read_snapshot(&mut Cursor::new(&written)).expect("what was just written");
    assert_eq!(write(&again), written);
    true
}

fn is_whole(array: &Array) -> bool {
    assert_eq!(array.values.len(), array.shape.iter().product::<usize>(), "{:?}", array.shape);
    true
}

fn with_file(ending: &str, bytes: &[u8], test: impl FnOnce(&Path) -> bool) -> bool {
    let mut file = tempfile::Builder::new().suffix(ending).tempfile().expect("a temporary directory");
    file.write_all(bytes).expect("room in the temporary directory");
    test(file.path())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fs;

    use super::*;

    fn names_in(folder: &Path) -> BTreeSet<String> {
        let entries = folder.read_dir().unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    }

    #[test]
    fn seeds_are_read_without_a_panic_and_most_kinds_are_accepted() {
        let seeds = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/seeds");
        for (name, run) in TARGETS {
            let folder = seeds.join(name);
            let mut accepted = BTreeSet::new();
            for seed in names_in(&folder) {
                let bytes = fs::read(folder.join(&seed)).unwrap();
                match std::panic::catch_unwind(|| run(&bytes)) {
                    Ok(true) => _ = accepted.insert(seed),
                    Ok(false) => {}
                    Err(_) => panic!("{name}/{seed}"),
                }
            }
            assert!(accepted.len() >= 2, "{name}: only {accepted:?} are accepted");
        }
    }

    #[test]
    fn every_function_has_a_fuzzer() {
        let fuzz = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz");
        let names: BTreeSet<_> = TARGETS.iter().map(|(name, _)| (*name).to_owned()).collect();
        let targets: BTreeSet<_> = names.iter().map(|name| format!("{name}.rs")).collect();
        assert_eq!(names_in(&fuzz.join("targets")), targets);
        assert_eq!(names_in(&fuzz.join("seeds")), names);
        let manifest = fs::read_to_string(fuzz.join("Cargo.toml")).unwrap();
        assert_eq!(manifest.matches("[[bin]]").count(), names.len());
        for name in names {
            let target = fs::read_to_string(fuzz.join("targets").join(format!("{name}.rs"))).unwrap();
            assert!(target.contains(&format!("ckpt_gpu::fuzz::{name}(bytes);")), "{name}: {target}");
            assert!(manifest.contains(&format!("name = \"{name}\"\npath = \"targets/{name}.rs\"")), "{name}");
        }
    }
}
