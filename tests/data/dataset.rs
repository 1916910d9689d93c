//! Loading valid and hostile datasets, and the MNIST archive of the project.

use crate::archive::*;
use ckpt_gpu::data::{
    Dataset, EvaluatedOn, Fill, Fold, InferenceData, Inputs, LoadOptions, LoadedData, Preprocessing, Split,
    TargetKind, Targets, U8_SCALE, shuffle,
};
use ckpt_gpu::model::{Activation, Loss, Network};
use std::path::Path;
use zip::CompressionMethod::Stored;

const MNIST: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/data/mnist.npz");

/// A dataset of 3 training and 2 test samples with 4 features, with one member replaced.
fn members(replaced: (&str, Vec<u8>)) -> Vec<(&str, Vec<u8>)> {
    let mut all = vec![
        ("x_train.npy", npy("|u1", "(3, 2, 2)", &[7; 12])),
        ("y_train.npy", npy("|u1", "(3,)", &[0, 2, 1])),
        ("x_test.npy", npy("|u1", "(2, 4)", &[7; 8])),
        ("y_test.npy", npy("<i8", "(2, 1)", &[2u64.to_le_bytes(), 0u64.to_le_bytes()].concat())),
    ];
    all.retain(|(name, _)| *name != replaced.0);
    all.push(replaced);
    all
}

/// Notes in lines, but for the one about targets that are all of one class.
fn others(notes: &[String]) -> String {
    let others: Vec<_> = notes.iter().filter(|note| !note.contains("are of one class")).cloned().collect();
    others.join("\n")
}

#[test]
fn dataset_is_flattened_and_checked() {
    let scratch = Scratch::new();
    let x = le_f32(&[0.0, 1.0, -2.0, 3.5, 4.0, 5.0, 6.0, 7.0]);
    let data = scratch.load(&members(("x_test.npy", npy("<f4", "(2, 4)", &x)))).unwrap();
    assert_eq!((data.train.len(), data.test.len(), data.train.features()), (3, 2, 4));
    assert_eq!(data.test.labels(), [2, 0]);
    let mut batch = [0.0; 4];
    data.test.gather(&[1], &mut batch);
    assert_eq!(batch, [4.0, 5.0, 6.0, 7.0]);
    let whole = scratch.load(&members(("y_train.npy", npy("<f4", "(3,)", &le_f32(&[0.0, -0.0, 2.0])))));
    assert_eq!(whole.unwrap().train.labels(), [0, 0, 2]);

    let network = |widths: &[usize]| Network::new(widths, Activation::Relu, Loss::CrossEntropy).unwrap();
    data.check(&network(&[4, 3])).unwrap();
    refused(data.check(&network(&[4, 2])), &["y_train", "label 2", "index 1", "below 2"]);
    let usage = data.check(&network(&[784, 3])).unwrap_err();
    assert_eq!(usage.exit_code(), 2);
    assert!(usage.to_string().starts_with("`layers`: the first width is 784, but"), "{usage}");
    assert!(usage.to_string().contains("4 features"), "{usage}");
}

#[test]
fn errors_name_the_invalid_array() {
    let scratch = Scratch::new();
    let classes = LoadOptions { targets: TargetKind::Classes, ..LoadOptions::default() };
    let load = |name, member| scratch.load_with(&members((name, member)), &classes);
    let f64s = |values: [f64; 2]| values.map(f64::to_le_bytes).concat();
    let y = "y_test.npy";
    let without_labels = &members((y, vec![]))[..3];
    refused(scratch.load(without_labels), &["no array y_test", "x_test, x_train, y_train"]);
    refused(load(y, npy("|i1", "(2,)", &[0, 255])), &["y_test", "-1 at index 1"]);
    refused(
        load(y, npy("<f8", "(2,)", &f64s([1.0, 0.5]))),
        &["y_test", "0.5 at index 1", "class labels", "`loss = mse`"],
    );
    refused(load(y, npy("<f8", "(2,)", &f64s([f64::NAN, 1.0]))), &["NaN", "at index 0"]);
    refused(load(y, npy("<f8", "(2,)", &f64s([1.0, 5e9]))), &["y_test", "class labels", "`loss = mse`"]);
    refused(load(y, npy("|u1", "(2, 3)", &[0; 6])), &["y_test", "row 0", "one-hot", "class labels"]);
    refused(load(y, npy("|u1", "()", &[0])), &["y_test", "[]"]);
    refused(load(y, npy("|u1", "(3,)", &[0; 3])), &["x_test has 2 samples", "y_test 3 targets"]);
    let x = "x_test.npy";
    refused(load(x, npy("|u1", "(2, 5)", &[0; 10])), &["x_train has 4 features", "x_test 5"]);
    refused(load(x, npy("|u1", "(2, 0)", &[])), &["x_test", "2 samples of 0 features"]);
    refused(load(x, npy("|u1", "()", &[0])), &["x_test", "single number"]);
    let nan = [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, f32::NAN, 0.0];
    refused(load(x, npy("<f4", "(2, 4)", &le_f32(&nan))), &["x_test", "NaN", "sample 1, feature 2"]);
    refused(load(x, npy("<f8", "(2, 1)", &f64s([0.0, 1e39]))), &["x_test", "inf", "sample 1, feature 0"]);
    let empty = [("x_train.npy", npy("|u1", "(0, 4)", &[])), ("y_train.npy", npy("|u1", "(0,)", &[]))];
    refused(scratch.load(&empty), &["x_train", "0 samples"]);
}

#[test]
fn mnist_has_its_known_sizes_labels_and_sums() {
    let data = Dataset::load(Path::new(MNIST)).unwrap();
    data.check(&Network::new(&[784, 10], Activation::Relu, Loss::CrossEntropy).unwrap()).unwrap();
    assert_eq!((data.train.len(), data.test.len()), (60_000, 10_000));
    assert_eq!((data.train.features(), data.test.features()), (784, 784));
    let mut classes = [0; 10];
    for &label in data.train.labels() {
        classes[label as usize] += 1;
    }
    assert_eq!(classes, [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]);
    let sum = |inputs: &Inputs| match inputs {
        Inputs::U8(bytes) => bytes.iter().map(|&byte| u64::from(byte)).sum::<u64>(),
        Inputs::F32(_) | Inputs::Mapped(_) => panic!("MNIST is kept as bytes"),
    };
    assert_eq!((sum(data.train.inputs()), sum(data.test.inputs())), (1_567_298_545, 264_923_200));

    let mut rows = Vec::new();
    shuffle(1, 0, data.train.len() as u32, &mut rows);
    let mut batch = vec![0.0; 100 * 784];
    data.train.gather(&rows[..100], &mut batch);
    assert!(batch.iter().all(|x| (0.0..=1.0).contains(x)));
    assert!(batch.contains(&1.0));
}

/// Asserts that the error message contains every one of `words`.
#[track_caller]
fn says<T>(result: ckpt_gpu::Result<T>, words: &[&str]) {
    let message = result.map(|_| ()).unwrap_err().to_string();
    assert!(words.iter().all(|word| message.contains(word)), "{words:?} are not all in: {message}");
}

fn idx(kind: u8, shape: &[u32], values: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0, 0, kind, shape.len() as u8];
    bytes.extend(shape.iter().flat_map(|length| length.to_be_bytes()));
    bytes.extend(values);
    bytes
}

/// MNIST and Fashion-MNIST are distributed gzipped.
#[test]
fn directories_of_idx_files_are_read_gzipped_or_not() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, bytes: &[u8], is_gzipped: bool| {
        if !is_gzipped {
            return std::fs::write(folder.path().join(name), bytes).unwrap();
        }
        let file = std::fs::File::create(folder.path().join(format!("{name}.gz"))).unwrap();
        let mut file = flate2::write::GzEncoder::new(file, flate2::Compression::default());
        std::io::Write::write_all(&mut file, bytes).unwrap();
        file.finish().unwrap();
    };
    says(Dataset::load(folder.path()), &["IDX files", "train-images-idx3-ubyte"]);
    let images = idx(8, &[20, 2, 3], &(0..120).collect::<Vec<u8>>());
    let labels = idx(8, &[20], &(0..20).map(|n| n % 4).collect::<Vec<u8>>());
    write("train-images-idx3-ubyte", &images, true);
    write("train-labels-idx1-ubyte", &labels, true);

    // Without test files, 2 of 20 samples are held out.
    let data = Dataset::load(folder.path()).unwrap();
    assert_eq!((data.train.len(), data.test.len(), data.train.features()), (18, 2, 6));
    write("t10k-images-idx3-ubyte", &idx(8, &[1, 2, 3], &[9; 6]), false);
    write("t10k-labels-idx1-ubyte", &idx(8, &[1], &[3]), false);
    let data = Dataset::load(folder.path()).unwrap();
    assert_eq!((data.train.len(), data.test.labels()), (20, &[3][..]));
    let mut sample = [0.0; 6];
    data.train.gather(&[19], &mut sample);
    assert_eq!(sample, [114, 115, 116, 117, 118, 119].map(|byte| f32::from(byte as u8) * U8_SCALE));
    write("t10k-labels-idx1-ubyte", &idx(8, &[2], &[3, 3]), false);
    says(Dataset::load(folder.path()), &["t10k-images-idx3-ubyte has 1 sample"]);
}

#[test]
fn other_names_and_regression_targets_are_read() {
    let scratch = Scratch::new();
    let x = npy("<f4", "(10, 2)", &le_f32(&(0..20).map(|n| n as f32).collect::<Vec<_>>()));
    let y = npy("<f4", "(10,)", &le_f32(&(0..10).map(|n| n as f32 / 4.0).collect::<Vec<_>>()));
    let data = scratch.load(&[("x.npy", x.clone()), ("y.npy", y.clone())]).unwrap();
    assert_eq!((data.train.len(), data.test.len()), (9, 1));
    assert!(matches!(data.train.targets(), Targets::Regression { width: 1, .. }));
    // Held-out samples are not trained on.
    let all = |split: &Split| match split.targets() {
        Targets::Regression { values, .. } => values.clone(),
        Targets::Classes(_) => Vec::new(),
    };
    let mut together = [all(&data.train), all(&data.test)].concat();
    together.sort_by(f32::total_cmp);
    assert_eq!(together, (0..10).map(|n| n as f32 / 4.0).collect::<Vec<_>>());
    let huber = Network::new(&[2, 1], Activation::Relu, Loss::Huber).unwrap();
    data.check(&huber).unwrap();
    let classifier = Network::new(&[2, 1], Activation::Relu, Loss::CrossEntropy).unwrap();
    says(data.check(&classifier), &["row 0 holds 0, which add up to 0", "class labels", "`loss = mse`"]);
    let wide = Network::new(&[2, 3], Activation::Relu, Loss::Huber).unwrap();
    says(data.check(&wide), &["`layers`", "end the list with 1"]);
    let binary = Network::new(&[2, 1], Activation::Relu, Loss::BinaryCrossEntropy).unwrap();
    says(data.check(&binary), &["from 0 to 1"]);

    let one_hot = npy("|u1", "(10, 2)", &[0, 1, 1, 0].repeat(5));
    let path = scratch.file(&archive(Stored, &[("inputs.npy", x), ("answers.npy", one_hot)]));
    says(Dataset::load(&path), &["has arrays answers, inputs", "`x_key`"]);
    let named = LoadOptions {
        x_key: Some("inputs".to_owned()),
        y_key: Some("answers".to_owned()),
        validation: Some(0.3),
        ..LoadOptions::default()
    };
    let data = Dataset::load_with(&path, &named).unwrap();
    assert_eq!((data.train.len(), data.test.len()), (7, 3));
    assert!(data.train.labels().iter().chain(data.test.labels()).all(|&label| label < 2));
    says(Dataset::load_with(&path, &LoadOptions { validation: Some(1.5), ..named }), &["`validation`"]);
}

/// What targets are is decided for both splits at once: by their values, their width, or the user.
#[test]
fn targets_are_of_one_kind() {
    let scratch = Scratch::new();
    let load = |targets, train: &[u8], test: &[u8], width: usize| {
        let shape = |values: &[u8]| format!("({}, {width})", values.len() / width);
        let x = |values: &[u8]| {
            npy("|u1", &format!("({}, 1)", values.len() / width), &vec![5; values.len() / width])
        };
        let members = [
            ("x_train.npy", x(train)),
            ("y_train.npy", npy("|i1", &shape(train), train)),
            ("x_test.npy", x(test)),
            ("y_test.npy", npy("|i1", &shape(test), test)),
        ];
        let options = LoadOptions { targets, ..LoadOptions::default() };
        scratch.load_with(&members, &options).map(|LoadedData { data, .. }| data)
    };
    let are_classes = |data: &Dataset| {
        let [train, test] =
            [&data.train, &data.test].map(|split| matches!(split.targets(), Targets::Classes(_)));
        assert_eq!(train, test);
        train
    };
    let minus = -1_i8 as u8;
    let by_value = |train: &[u8], test: &[u8], width| {
        are_classes(&load(TargetKind::ByValue, train, test, width).unwrap())
    };
    assert!(by_value(&[0, 2, 1], &[2, 0], 1));
    assert!(!by_value(&[0, 2, 1], &[minus, 0], 1));
    assert!(by_value(&[0, 1, 1, 0], &[1, 0], 2));
    // Several labels a sample, of which the test samples have one each by chance.
    assert!(!by_value(&[0, 1, 1, 1], &[1, 0], 2));
    assert!(are_classes(&load(TargetKind::ByWidth, &[0, 2, 1], &[2, 0], 1).unwrap()));
    assert!(!are_classes(&load(TargetKind::ByWidth, &[0, 1, 1, 0], &[1, 0], 2).unwrap()));
    let ages = load(TargetKind::Numbers, &[25, 90], &[minus, 40], 1).unwrap();
    assert_eq!(ages.test.targets(), &Targets::Regression { width: 1, values: vec![-1.0, 40.0] });
    refused(load(TargetKind::Classes, &[0, 2, 1], &[minus, 0], 1), &["y_test", "-1 at index 0"]);

    for (loss, outputs, kind) in [
        (Loss::CrossEntropy, Some(10), TargetKind::ByRows),
        (Loss::Mse, Some(1), TargetKind::Numbers),
        (Loss::Quadratic, Some(10), TargetKind::ByWidth),
        (Loss::BinaryCrossEntropy, Some(1), TargetKind::ByValue),
        (Loss::BinaryCrossEntropy, Some(4), TargetKind::ByWidth),
        (Loss::BinaryCrossEntropy, None, TargetKind::ByValue),
        (Loss::Quadratic, None, TargetKind::Numbers),
    ] {
        assert_eq!(TargetKind::of(loss, outputs), kind, "{loss:?}, {outputs:?}");
    }
}

#[test]
fn integers_and_booleans_are_the_numbers_they_are() {
    let scratch = Scratch::new();
    let inputs = |descr, values: &[u8]| {
        let data = scratch.load(&members(("x_test.npy", npy(descr, "(2, 4)", values)))).unwrap();
        data.test.inputs().clone()
    };
    let numbers = [-3_i16, 0, 1, 255, 256, 7, -7, 30_000];
    let expected = Inputs::F32(numbers.map(f32::from).to_vec());
    assert_eq!(inputs("<i2", &numbers.map(i16::to_le_bytes).concat()), expected);
    assert_eq!(inputs(">i8", &numbers.map(|n| i64::from(n).to_be_bytes()).concat()), expected);
    assert_eq!(
        inputs("|b1", &[0, 1, 1, 0, 0, 0, 1, 1]),
        Inputs::F32(vec![0.0, 1.0, 1.0, 0.0, 0.0, 0.0, 1.0, 1.0])
    );
}

/// Errors name the array and the row of the file, also of samples that are held out.
#[test]
fn wrong_labels_are_named_by_the_array_and_row_of_the_file() {
    let scratch = Scratch::new();
    let labels: Vec<u8> = (0..40).map(|row| if row == 23 { 7 } else { row % 2 }).collect();
    let arrays =
        [("data.npy", npy("|u1", "(40, 3)", &[1; 120])), ("target.npy", npy("|u1", "(40,)", &labels))];
    let data = scratch.load(&arrays).unwrap();
    let network = Network::new(&[3, 2], Activation::Relu, Loss::CrossEntropy).unwrap();
    refused(data.check(&network), &["target: label 7 at index 23", "below 2"]);
}

#[test]
fn what_is_not_used_or_held_out_is_noted() {
    let scratch = Scratch::new();
    let load = |arrays: &[(&str, Vec<u8>)], validation| {
        let LoadedData { data, notes, .. } =
            scratch.load_with(arrays, &LoadOptions { validation, ..LoadOptions::default() }).unwrap();
        (data.train.len(), data.test.len(), others(&notes))
    };
    let alone = [
        ("x.npy", npy("|u1", "(20, 1)", &[3; 20])),
        ("y.npy", npy("|u1", "(20,)", &[1; 20])),
        ("x_val.npy", npy("|u1", "(4, 1)", &[3; 4])),
    ];
    let (train, test, notes) = load(&alone, None);
    assert_eq!((train, test), (18, 2));
    assert!(notes.contains("2 of its 20 samples are held out") && notes.contains("x_val"), "{notes}");
    let (train, test, notes) = load(&alone, Some(0.0));
    assert_eq!((train, test), (20, 20));
    assert!(notes.contains("nothing is held out"), "{notes}");
    let (train, test, notes) = load(&alone[..2], Some(0.25));
    assert_eq!((train, test, &notes[..]), (15, 5, ""));
    let floats = npy("<f4", "(2, 4)", &le_f32(&[200.0; 8]));
    let (_, _, notes) = load(&members(("x_test.npy", floats)), None);
    assert!(notes.contains("scaled by 1/255") && notes.contains("not scaled"), "{notes}");
    assert_eq!(load(&members(("x_test.npy", npy("|u1", "(2, 4)", &[7; 8]))), Some(0.0)).2, "");
}

#[test]
fn test_arrays_of_other_names_are_read() {
    let scratch = Scratch::new();
    let arrays = [
        ("trainX.npy", npy("|u1", "(3, 1)", &[3; 3])),
        ("trainY.npy", npy("|u1", "(3,)", &[0, 1, 0])),
        ("testX.npy", npy("|u1", "(2, 1)", &[3; 2])),
        ("testY.npy", npy("|u1", "(2,)", &[1; 2])),
    ];
    let name = |name: &str| Some(name.to_owned());
    let named = LoadOptions {
        x_key: name("trainX"),
        y_key: name("trainY"),
        x_test_key: name("testX"),
        y_test_key: name("testY"),
        ..LoadOptions::default()
    };
    let LoadedData { data, notes, .. } = scratch.load_with(&arrays, &named).unwrap();
    assert_eq!((data.train.len(), data.test.labels(), &notes[..]), (3, &[1, 1][..], &[][..]));
    // To evaluate on, too.
    let path = scratch.file(&archive(Stored, &arrays));
    let asked = Dataset::load_for_inference(&path, &named, &Preprocessing::default(), 1, true).unwrap();
    assert_eq!(asked.data.test.labels(), [1, 1]);
    // With usual names of the training arrays.
    let usual = [
        ("x.npy", arrays[0].1.clone()),
        ("y.npy", arrays[1].1.clone()),
        arrays[2].clone(),
        arrays[3].clone(),
    ];
    let of_test = LoadOptions { x_key: None, y_key: None, ..named.clone() };
    let LoadedData { data, .. } = scratch.load_with(&usual, &of_test).unwrap();
    assert_eq!((data.train.len(), data.test.labels()), (3, &[1, 1][..]));
    let half = LoadOptions { y_test_key: None, ..named };
    says(scratch.load_with(&arrays, &half), &["`x_test_key`", "`y_test_key`"]);
}

/// EMNIST's names have a prefix, and torchvision keeps the files in a folder `raw`.
#[test]
fn idx_files_are_found_under_prefixes_and_in_raw() {
    let folder = tempfile::tempdir().unwrap();
    let raw = folder.path().join("raw");
    std::fs::create_dir(&raw).unwrap();
    let write = |name: &str, count: u8| {
        std::fs::write(
            raw.join(format!("{name}-images-idx3-ubyte")),
            idx(8, &[count.into(), 1, 2], &vec![9; 2 * usize::from(count)]),
        )
        .unwrap();
        std::fs::write(
            raw.join(format!("{name}-labels-idx1-ubyte")),
            idx(8, &[count.into()], &vec![1; count.into()]),
        )
        .unwrap();
    };
    write("emnist-letters-train", 20);
    write("emnist-letters-test", 4);
    for path in [folder.path(), &raw] {
        let data = Dataset::load(path).unwrap();
        assert_eq!((data.train.len(), data.test.len()), (20, 4));
    }
    says(Dataset::load(&raw.join("emnist-letters-train-images-idx3-ubyte")), &["one IDX file", "folder"]);
    write("emnist-digits-train", 20);
    says(Dataset::load(&raw), &["several datasets", "emnist-digits-", "emnist-letters-"]);
    // Hidden files are nobody's, and MNIST's own names go first.
    write("._train", 3);
    write("train", 20);
    write("t10k", 5);
    assert_eq!(Dataset::load(&raw).unwrap().test.len(), 5);
    let named = LoadOptions { x_key: Some("x".to_owned()), ..LoadOptions::default() };
    says(Dataset::load_with(&raw, &named), &["`x_key`", "IDX files"]);
}

/// Missing values of arrays are refused with their places, or filled in as in training.
#[test]
fn missing_values_of_arrays_are_named_or_filled() {
    let scratch = Scratch::new();
    let nan = f32::NAN;
    let x = npy("<f4", "(2, 4)", &le_f32(&[1.0, nan, 3.0, nan, 1.0, 2.0, 3.0, nan]));
    let members = [
        ("x_train.npy", npy("<f4", "(2, 4)", &le_f32(&[0.0, 2.0, 4.0, 6.0, 2.0, 4.0, nan, 8.0]))),
        ("y_train.npy", npy("|u1", "(2,)", &[0, 1])),
        ("x_test.npy", x),
        ("y_test.npy", npy("|u1", "(2,)", &[1, 0])),
    ];
    let problem = scratch.load(&members).unwrap_err().to_string();
    assert!(
        problem.contains("x_test: holds 3 missing values (NaN), the first in sample 0, feature 1"),
        "{problem}"
    );
    let filled = LoadOptions { impute: Some(Fill::Mean), ..LoadOptions::default() };
    let LoadedData { data, preprocessing, .. } = scratch.load_with(&members, &filled).unwrap();
    assert_eq!(data.test.inputs(), &Inputs::F32(vec![1.0, 3.0, 3.0, 7.0, 1.0, 2.0, 3.0, 7.0]));
    let path = scratch.file(&archive(Stored, &members));
    let asked = LoadOptions { targets: TargetKind::Classes, ..LoadOptions::default() };
    let InferenceData { data: again, .. } =
        Dataset::load_for_inference(&path, &asked, &preprocessing, 4, true).unwrap();
    assert_eq!(again.test.inputs(), data.test.inputs());
}

/// `float64` far from 0 keeps what float32 would round away, if it is standardised.
#[test]
fn wide_numbers_are_standardised_before_they_are_rounded() {
    let scratch = Scratch::new();
    let seconds = |from: usize, count: usize| {
        let values = (from..from + count).map(|n| 1.7e9 + (n * 7 % 60) as f64);
        npy("<f8", &format!("({count}, 1)"), &values.flat_map(f64::to_le_bytes).collect::<Vec<_>>())
    };
    let members = [
        ("x_train.npy", seconds(0, 60)),
        ("y_train.npy", npy("|u1", "(60,)", &[0, 1].repeat(30))),
        ("x_test.npy", seconds(3, 5)),
        ("y_test.npy", npy("|u1", "(5,)", &[1; 5])),
    ];
    let options = LoadOptions { standardise: Some(true), ..LoadOptions::default() };
    let LoadedData { data, preprocessing, notes, .. } = scratch.load_with(&members, &options).unwrap();
    assert!(notes.is_empty(), "{notes:?}");
    let deviation = ((0..60).map(|n| (f64::from(n) - 29.5).powi(2)).sum::<f64>() / 60.0).sqrt();
    let mut scaled = [0.0; 5];
    data.test.gather(&[0, 1, 2, 3, 4], &mut scaled);
    for (n, found) in (3..8).zip(scaled) {
        let expected = (f64::from(n * 7 % 60) - 29.5) / deviation;
        assert!((f64::from(found) - expected).abs() < 1e-6, "{found}, expected {expected}");
    }
    let path = scratch.file(&archive(Stored, &members));
    let asked = LoadOptions { targets: TargetKind::Classes, ..LoadOptions::default() };
    let InferenceData { data: again, .. } =
        Dataset::load_for_inference(&path, &asked, &preprocessing, 1, true).unwrap();
    assert_eq!(again.test.inputs(), data.test.inputs());
    let LoadedData { notes, .. } = scratch.load_with(&members, &LoadOptions::default()).unwrap();
    assert!(notes[0].contains("float32 rounds to few digits; use `standardise = true`"), "{notes:?}");
}

/// A fold is held out before anything is learned from the samples.
#[test]
fn folds_are_scaled_by_the_samples_that_remain() {
    let scratch = Scratch::new();
    let column = |count: usize| {
        let values = (0..count).map(|n| (n * n % 41) as f32);
        npy("<f4", &format!("({count}, 1)"), &values.flat_map(f32::to_le_bytes).collect::<Vec<_>>())
    };
    let members = [
        ("x_train.npy", column(30)),
        ("y_train.npy", npy("|u1", "(30,)", &[0, 1, 1].repeat(10))),
        ("x_val.npy", column(4)),
        ("y_val.npy", npy("|u1", "(4,)", &[1; 4])),
        ("x_test.npy", column(5)),
        ("y_test.npy", npy("|u1", "(5,)", &[1; 5])),
    ];
    for index in 0..3 {
        let fold = Some(Fold { index, count: 3 });
        let options = LoadOptions { standardise: Some(true), fold, ..LoadOptions::default() };
        let LoadedData { data, test, notes, .. } = scratch.load_with(&members, &options).unwrap();
        assert_eq!((data.train.len(), data.test.len(), data.evaluated_on), (20, 10, EvaluatedOn::Validation));
        assert_eq!(test.unwrap().test.len(), 5);
        assert!(notes.iter().any(|note| note.contains("the validation split is not used")), "{notes:?}");
        let ones = |labels: &[u32]| labels.iter().filter(|&&label| label == 1).count();
        let held = ones(data.test.labels());
        assert!([6, 7].contains(&held) && held + ones(data.train.labels()) == 20, "{held}");
        let mean = |split: &Split| {
            let rows: Vec<u32> = (0..split.len() as u32).collect();
            let mut values = vec![0.0; rows.len()];
            split.gather(&rows, &mut values);
            values.iter().sum::<f32>() / values.len() as f32
        };
        assert!(mean(&data.train).abs() < 1e-5 && mean(&data.test).abs() > 1e-3);
    }
    let both = LoadOptions {
        validation: Some(0.1),
        fold: Some(Fold { index: 0, count: 3 }),
        ..LoadOptions::default()
    };
    says(scratch.load_with(&members, &both), &["`validation`: found 0.1 beside 3 folds", "leave it out"]);
}

#[test]
fn a_scale_replaces_that_of_bytes_and_is_kept() {
    let scratch = Scratch::new();
    let bytes = members(("x_test.npy", npy("|u1", "(2, 4)", &[0, 1, 2, 255, 4, 5, 6, 7])));
    let scaled = LoadOptions { scale: Some(0.5), ..LoadOptions::default() };
    let LoadedData { data, preprocessing, .. } = scratch.load_with(&bytes, &scaled).unwrap();
    let expected = Inputs::F32(vec![0.0, 0.5, 1.0, 127.5, 2.0, 2.5, 3.0, 3.5]);
    assert_eq!(data.test.inputs(), &expected);
    let path = scratch.file(&archive(Stored, &bytes));
    let again = Dataset::load_for_inference(&path, &LoadOptions::default(), &preprocessing, 4, true).unwrap();
    assert_eq!((again.data.test.inputs(), &again.notes[..]), (&expected, &[][..]));
    // Without it, inputs of another kind than in training are told.
    let LoadedData { preprocessing, .. } = scratch.load_with(&bytes, &LoadOptions::default()).unwrap();
    let floats = members(("x_test.npy", npy("<f4", "(2, 4)", &le_f32(&[0.5; 8]))));
    let path = scratch.file(&archive(Stored, &floats));
    let told =
        Dataset::load_for_inference(&path, &LoadOptions::default(), &preprocessing, 4, true).unwrap().notes;
    assert!(told[0].contains("not scaled, and the network was trained on bytes"), "{told:?}");
}

/// Validation arrays, or a share that is held out, are evaluated on during training; test arrays are left for after it.
#[test]
fn three_splits_have_a_place_each() {
    let scratch = Scratch::new();
    let split =
        |samples: usize| npy("<f4", &format!("({samples}, 1)"), &le_f32(&vec![samples as f32; samples]));
    let labels = |samples: usize| npy("|u1", &format!("({samples},)"), &vec![1; samples]);
    let arrays = [
        ("x_train.npy", split(20)),
        ("y_train.npy", labels(20)),
        ("x_val.npy", split(4)),
        ("y_val.npy", labels(4)),
        ("x_test.npy", split(6)),
        ("y_test.npy", labels(6)),
    ];
    let load = |arrays: &[(&str, Vec<u8>)], validation| {
        let options = LoadOptions { validation, standardise: Some(true), ..LoadOptions::default() };
        let LoadedData { data, test, notes, .. } = scratch.load_with(arrays, &options).unwrap();
        let sizes = [data.train.len(), data.test.len(), test.as_ref().map_or(0, |test| test.test.len())];
        let first = test.map(|test| {
            let mut value = [0.0];
            test.test.gather(&[0], &mut value);
            value[0]
        });
        (sizes, data.evaluated_on, first, others(&notes))
    };
    // All training samples are 20, so that 6 is 14 below their mean, and none deviates.
    assert_eq!(load(&arrays, None), ([20, 4, 6], EvaluatedOn::Validation, Some(-14.0), String::new()));
    let (sizes, on, first, notes) = load(&arrays, Some(0.1));
    assert_eq!((sizes, on, first), ([18, 2, 6], EvaluatedOn::Validation, Some(-14.0)));
    assert!(notes.contains("not used") && notes.contains("x_val, y_val"), "{notes}");
    let without = [&arrays[..2], &arrays[4..]].concat();
    assert_eq!(load(&without, None), ([20, 6, 0], EvaluatedOn::Test, None, String::new()));
    assert_eq!(load(&without, Some(0.5)).0, [10, 10, 6]);
    let (sizes, on, ..) = load(&arrays[..2], Some(0.0));
    assert_eq!((sizes, on), ([20, 20, 0], EvaluatedOn::Training));
    let wider =
        [&arrays[..4], &[("x_test.npy", npy("<f4", "(6, 2)", &le_f32(&[1.0; 12]))), arrays[5].clone()]]
            .concat();
    let options = LoadOptions::default();
    refused(scratch.load_with(&wider, &options), &["x_train has 1 feature", "x_test 2"]);
}

/// Numbers that `f32` holds have the bits of `f32`, whatever they are stored as, also if they are standardised.
#[test]
fn equal_numbers_of_any_width_are_equal_inputs() {
    let scratch = Scratch::new();
    let numbers: Vec<f32> = (0..12_u8).map(|n| f32::from(n) * 1.375 - 900.1).collect();
    let wide: Vec<u8> = numbers.iter().flat_map(|&n| f64::from(n).to_le_bytes()).collect();
    let load = |x: Vec<u8>| {
        let options = LoadOptions { standardise: Some(true), ..LoadOptions::default() };
        let arrays = [("x.npy", x), ("y.npy", npy("|u1", "(12,)", &[1; 12]))];
        scratch.load_with(&arrays, &options).unwrap().data.train.inputs().clone()
    };
    assert_eq!(load(npy("<f8", "(12, 1)", &wide)), load(npy("<f4", "(12, 1)", &le_f32(&numbers))));
}

#[test]
fn an_array_weighs_the_training_samples() {
    let scratch = Scratch::new();
    let load = |weights: &[f32], key: &str| {
        let shape = format!("({},)", weights.len());
        let options = LoadOptions { weight_key: Some(key.to_owned()), ..LoadOptions::default() };
        scratch.load_with(&members(("importance.npy", npy("<f4", &shape, &le_f32(weights)))), &options)
    };
    let LoadedData { data, notes, .. } = load(&[0.0, 2.0, 0.5], "importance").unwrap();
    assert_eq!(data.train.weights().unwrap(), [0.0, 2.0, 0.5]);
    assert_eq!(data.test.weights().unwrap(), [1.0, 1.0]);
    assert!(!notes.join("\n").contains("not used"), "{notes:?}");
    for (weights, words) in [
        (&[1.0, 2.0][..], "expected 3"),
        (&[1.0, -2.0, 1.0], "-2 at index 1"),
        (&[1.0, 2.0, f32::INFINITY], "inf at index 2"),
        (&[0.0; 3], "all 0"),
    ] {
        refused(load(weights, "importance"), &["importance", words]);
    }
    for weight in [1e-30, 1e30] {
        refused(
            load(&[1.0, weight, 1.0], "importance"),
            &["at index 1, expected 0, or a number from 1e-20 to 1e20"],
        );
    }
    let targets = load(&[1.0; 3], "y_train").unwrap_err().to_string();
    assert!(targets.contains("found y_train, which holds inputs or targets"), "{targets}");
    let missing = load(&[1.0; 3], "mass").unwrap_err().to_string();
    assert!(missing.contains("found mass") && missing.contains("importance"), "{missing}");

    let LoadedData { data, .. } = load(&[1.0, 2.0, 3.0], "importance").unwrap();
    let both = data.weighted_by_class(&"1,0.5,2".parse().unwrap(), 3).unwrap();
    assert_eq!(both.train.weights().unwrap(), [1.0, 4.0, 1.5]);
    let large = both.weighted_by_class(&"1e20,1,1".parse().unwrap(), 3).unwrap();
    let twice = large.weighted_by_class(&"1e20,1,1".parse().unwrap(), 3).unwrap_err().to_string();
    assert!(twice.contains("class_weights") && twice.contains("times the weights of samples"), "{twice}");
}
