//! Memory-mapped inputs: the same bits as inputs in memory, in less memory, and the same errors.

use std::fs;
use std::path::Path;

use crate::archive::{Scratch, archive, le_f32, npy, npy_text};
use crate::program::Folder;
use ckpt_gpu::data::{Dataset, FeatureScaling, Inputs, LoadOptions};
use zip::CompressionMethod::{Deflated, Stored};

const SAMPLES: usize = 37;
/// Odd, so that samples of bytes, and some pieces of a file, are not whole words.
const FEATURES: usize = 5;

/// Input type of a dataset.
#[derive(Debug, Clone, Copy, PartialEq)]
enum InputType {
    U8,
    F32,
}

/// Values of `x` and `y`, without headers.
fn arrays(stored: InputType) -> [Vec<u8>; 2] {
    let numbers = 0..SAMPLES * FEATURES;
    let x = match stored {
        InputType::U8 => numbers.map(|n| (n * n % 251) as u8).collect(),
        InputType::F32 => le_f32(&numbers.map(|n| (n * n % 251) as f32 / 100.0 - 1.0).collect::<Vec<_>>()),
    };
    [x, (0..SAMPLES).map(|n| (n % 3) as u8).collect()]
}

fn npys(stored: InputType) -> [Vec<u8>; 2] {
    let [x, y] = arrays(stored);
    let descr = match stored {
        InputType::U8 => "|u1",
        InputType::F32 => "<f4",
    };
    [npy(descr, &format!("({SAMPLES}, {FEATURES})"), &x), npy("|u1", &format!("({SAMPLES},)"), &y)]
}

fn idx(shape: &[usize], values: &[u8]) -> Vec<u8> {
    let lengths = shape.iter().flat_map(|&length| (length as u32).to_be_bytes());
    [0, 0, 8, shape.len() as u8].into_iter().chain(lengths).chain(values.iter().copied()).collect()
}

/// Writes the same samples in every layout that can be mapped.
fn write_all(folder: &Folder) -> [(&'static str, InputType); 5] {
    let make = |name: &str| fs::create_dir(folder.path(name)).unwrap();
    for (stored, name) in [(InputType::U8, "u8"), (InputType::F32, "f32")] {
        let [x, y] = npys(stored);
        make(name);
        folder.write(&format!("{name}/x.npy"), &x);
        folder.write(&format!("{name}/y.npy"), &y);
        folder.write(&format!("{name}.npz"), &archive(Stored, &[("x.npy", x), ("y.npy", y)]));
    }
    let [x, y] = arrays(InputType::U8);
    make("idx");
    folder.write("idx/train-images.idx3-ubyte", &idx(&[SAMPLES, FEATURES, 1], &x));
    folder.write("idx/train-labels-idx1-ubyte", &idx(&[SAMPLES], &y));
    [
        ("u8", InputType::U8),
        ("u8.npz", InputType::U8),
        ("idx", InputType::U8),
        ("f32", InputType::F32),
        ("f32.npz", InputType::F32),
    ]
}

/// Trains on `layouts`, or on all of them if it is empty, with mapped inputs and with inputs in memory.
fn equal_bits(flags: &str, variants: &[&str], layouts: &[&str]) {
    let folder = Folder::new();
    let all = write_all(&folder);
    for variant in variants {
        for of_type in [InputType::U8, InputType::F32] {
            let mut hashes = Vec::new();
            for (data, stored) in all {
                if stored != of_type || !layouts.is_empty() && !layouts.contains(&data) {
                    continue;
                }
                let network = "--layers 5,4x2,3 --batch 7 --epochs 2 --lr 0.1 --optimizer sgd";
                let flags = format!("--data {data} {network} {flags} {variant}");
                hashes.push(folder.hash(&flags));
                let mapped = folder.run(&format!("train --json --map-data {flags}")).succeeded();
                assert!(mapped.stderr.contains("is mapped, read as it is needed"), "{}", mapped.stderr);
                let events = mapped.events();
                let hash = events[events.len() - 1]["weights_sha256"].as_str().unwrap();
                hashes.push(hash.to_owned());
            }
            assert!(hashes.len() > 1, "{of_type:?}");
            assert!(hashes.iter().all(|hash| *hash == hashes[0]), "{variant}, {of_type:?}: {hashes:?}");
        }
    }
}

const VARIANTS: [&str; 3] = ["", "--validation 0.3", "--validation 0.3 --standardise"];

#[test]
fn mapped_inputs_train_to_the_same_bits() {
    equal_bits("--device cpu", &VARIANTS, &[]);
}

#[test]
fn software_trains_mapped_inputs_to_the_same_bits() {
    equal_bits("--device software --dataset device", &VARIANTS, &["u8", "f32.npz"]);
    equal_bits("--device software --dataset host", &VARIANTS[2..], &["u8", "f32.npz"]);
}

#[test]
fn mapped_rows_equal_rows_in_memory() {
    let folder = Folder::new();
    for (data, _) in write_all(&folder) {
        for standardise in [false, true] {
            let [read, mapped] = [false, true].map(|map_data| {
                let options = LoadOptions { map_data, validation: Some(0.4), ..LoadOptions::default() };
                let data = Dataset::load_with(&folder.path(data), &options).unwrap();
                if !standardise {
                    return data;
                }
                let scaling = FeatureScaling::of(&data.train);
                data.standardised(&scaling).unwrap()
            });
            assert!(matches!(mapped.train.inputs(), Inputs::Mapped(_)), "{data}");
            assert_eq!(read.shape(), mapped.shape(), "{data}");
            for (read, mapped) in [(&read.train, &mapped.train), (&read.test, &mapped.test)] {
                let rows = [2, 0, 9, 9];
                for [read, mapped] in
                    [[read.clone(), mapped.clone()], [read.rows(&rows).unwrap(), mapped.rows(&rows).unwrap()]]
                {
                    let [expected, found] = [read.inputs(), mapped.inputs()].map(joined_pieces);
                    assert_eq!(found, expected, "{data}, standardise {standardise}");
                }
            }
        }
    }
}

/// All values as a device stores them, after a check that the offsets of the pieces are contiguous.
fn joined_pieces(inputs: &Inputs) -> Vec<u8> {
    let mut joined = Vec::new();
    let pieces = inputs.in_pieces(|offset, piece| {
        assert_eq!(offset, joined.len() as u64);
        joined.extend_from_slice(piece);
        Ok(())
    });
    pieces.unwrap();
    joined
}

fn load(path: &Path, map_data: bool) -> ckpt_gpu::Result<Dataset> {
    Dataset::load_with(path, &LoadOptions { map_data, validation: Some(0.5), ..LoadOptions::default() })
}

/// Asserts that inputs of `member` are rejected with `words`: read and mapped, in an npz and as a file of
/// their own.
#[track_caller]
fn refused_either_way(member: &[u8], words: &[&str]) {
    let scratch = Scratch::new();
    let y = npy("|u1", "(2,)", &[0, 1]);
    fs::write(scratch.path("x.npy"), member).unwrap();
    fs::write(scratch.path("y.npy"), &y).unwrap();
    let npz = scratch.file(&archive(Stored, &[("x.npy", member.to_vec()), ("y.npy", y)]));
    for path in [scratch.0.path(), &npz] {
        for map_data in [false, true] {
            let message = load(path, map_data).unwrap_err().to_string();
            let all = words.iter().all(|word| message.contains(word));
            assert!(all, "{words:?} are not all in: {message}");
            let names_it = ["x: ", "x.npy: ", "x has "].iter().any(|name| message.contains(name));
            assert!(names_it, "{message}");
        }
    }
}

#[test]
fn inputs_rejected_when_read_are_rejected_when_mapped() {
    let bad = [0.0, 1.0, f32::INFINITY, 0.0];
    refused_either_way(&npy("<f4", "(2, 2)", &le_f32(&bad)), &["inf", "sample 1, feature 0", "finite"]);
    refused_either_way(&npy("<f4", "(2, 2)", &[0; 15]), &["holds 15 bytes", "takes 16"]);
    refused_either_way(&npy("|u1", "(2, 2)", &[0; 5]), &["holds 5 bytes", "takes 4"]);
    refused_either_way(&npy("|u1", "(3, 2)", &[0; 6]), &["x has 3 samples", "2 targets"]);
    refused_either_way(&npy("|u1", "(2, 0)", &[]), &["2 samples of 0 features"]);
    refused_either_way(&npy("|u1", "()", &[0]), &["single number"]);
    refused_either_way(&npy("|u1", "(1099511627776, 1099511627776)", &[]), &["memory"]);
    refused_either_way(&npy("|O", "(2, 2)", &[0; 32]), &["Python objects"]);
    refused_either_way(b"no array", &["magic"]);
    refused_either_way(b"", &[".npy"]);
    let whole = npy("<f4", "(2, 2)", &[0; 16]);
    for length in 0..whole.len() {
        refused_either_way(&whole[..length], &[]);
    }
}

#[test]
fn inputs_that_cannot_be_mapped_are_rejected_with_a_remedy() {
    let scratch = Scratch::new();
    let y = || npy("|u1", "(2,)", &[0, 1]);
    let fortran = "{'descr': '|u1', 'fortran_order': True, 'shape': (2, 2), }";
    for (x, method, words) in [
        (npy("|u1", "(2, 2)", &[0; 4]), Deflated, ["compressed", "np.savez"]),
        (npy("<f8", "(2, 2)", &[0; 32]), Stored, ["float64", "<f4"]),
        (npy(">f4", "(2, 2)", &[0; 16]), Stored, ["big-endian", "<f4"]),
        (npy_text(fortran, &[0; 4]), Stored, ["Fortran", "np.ascontiguousarray"]),
    ] {
        let path = scratch.file(&archive(method, &[("x.npy", x), ("y.npy", y())]));
        load(&path, false).unwrap();
        let message = load(&path, true).unwrap_err().to_string();
        assert!(message.contains(": x: ") && message.contains("`map_data = false`"), "{message}");
        assert!(words.iter().all(|word| message.contains(word)), "{words:?}: {message}");
    }
    let message = load(&scratch.path("a.npy"), false).unwrap_err().to_string();
    assert!(message.contains("no such file"), "{message}");
    fs::write(scratch.path("a.npy"), y()).unwrap();
    let message = load(&scratch.path("a.npy"), false).unwrap_err().to_string();
    assert!(message.contains("one array") && message.contains("directory"), "{message}");
}

#[test]
fn damaged_member_is_not_mapped() {
    let scratch = Scratch::new();
    let x = npy("|u1", "(2, 4)", b"\x01\x02\x03\x04QRST");
    let mut bytes = archive(Stored, &[("x.npy", x), ("y.npy", npy("|u1", "(2,)", &[0, 1]))]);
    load(&scratch.file(&bytes), true).unwrap();
    crate::archive::patch(&mut bytes, b"QRST", 0, b"Q");
    load(&scratch.file(&bytes), true).unwrap();
    crate::archive::patch(&mut bytes, b"QRST", 1, b"r");
    let message = load(&scratch.file(&bytes), true).unwrap_err().to_string();
    assert!(message.contains("x: ") && message.contains("checksum"), "{message}");
}

/// The program may use less writable memory than the size of the file.
#[cfg(target_os = "linux")]
#[test]
fn mapped_file_larger_than_memory_is_trained_on() {
    use std::io::Write;
    let folder = Folder::new();
    let (samples, features) = (20_000, 4_000);
    fs::create_dir(folder.path("large")).unwrap();
    let header = npy("<f4", &format!("({samples}, {features})"), &[]);
    // A sparse file takes no space on disk.
    let mut file = fs::File::create(folder.path("large/x.npy")).unwrap();
    file.write_all(&header).unwrap();
    file.set_len((header.len() + 4 * samples * features) as u64).unwrap();
    let y: Vec<u8> = (0..samples).map(|n| (n % 2) as u8).collect();
    folder.write("large/y.npy", &npy("|u1", &format!("({samples},)"), &y));

    let run = |flags: &str| {
        let program = env!("CARGO_BIN_EXE_ckpt-gpu");
        let train = "train --data large --layers 4000,3,2 --steps 3 --validation 0.01 --device cpu --json";
        let script = format!("ulimit -d 200000 && exec {program} {train} {flags}");
        let mut shell = std::process::Command::new("sh");
        shell.args(["-c", &script]).current_dir(folder.path(""));
        shell.output().unwrap()
    };
    let mapped = run("--map-data");
    assert!(mapped.status.success(), "{}", String::from_utf8_lossy(&mapped.stderr));
    let read = run("");
    assert!(!read.status.success());
    let message = String::from_utf8_lossy(&read.stderr);
    assert!(message.contains("memory") && !message.contains("panicked"), "{message}");
}

/// The files are sparse and take no space on disk.
#[cfg(target_os = "linux")]
#[test]
fn large_inputs_are_mapped_by_default_or_rejected() {
    let scratch = Scratch::new();
    fs::write(scratch.path("y.npy"), npy("|u1", "(4,)", &[0, 1, 0, 1])).unwrap();
    let available = ckpt_gpu::memory::available_host_bytes().unwrap() as usize;
    let large = |descr: &str, width: usize, bytes: usize| {
        let features = bytes / width / 4;
        let header = npy(descr, &format!("(4, {features})"), &[]);
        fs::write(scratch.path("x.npy"), &header).unwrap();
        let file = fs::File::options().write(true).open(scratch.path("x.npy")).unwrap();
        file.set_len((header.len() + 4 * features * width) as u64).unwrap();
        load(scratch.0.path(), false)
    };
    let small = large("|u1", 1, 1000).unwrap();
    assert!(matches!(small.train.inputs(), Inputs::U8(_)));
    for bytes in [available / 2, 3 * available] {
        let data = large("|u1", 1, bytes).unwrap();
        assert!(matches!(data.train.inputs(), Inputs::Mapped(_)), "{bytes} bytes");
        assert_eq!(data.train.len(), 2);
    }
    let message = large("<f8", 8, 3 * available).unwrap_err().to_string();
    for word in ["x: takes", "available", "float64", "save it with"] {
        assert!(message.contains(word), "{message}");
    }
}
