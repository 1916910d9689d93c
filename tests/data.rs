//! Datasets, honest and hostile, and the one that the project carries.

mod archive;

use archive::*;
use ckpt_gpu::data::{Dataset, Inputs, shuffle};
use std::path::Path;

const MNIST: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/data/mnist.npz");

/// A small data set of 3 and 2 samples with 4 features, one member replaced.
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

#[test]
fn a_data_set_is_flattened_and_checked() {
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

    data.check(4, 3).unwrap();
    refused(data.check(4, 2), &["y_train", "label 2", "index 1", "below 2"]);
    let usage = data.check(784, 3).unwrap_err();
    assert_eq!(usage.exit_code(), 2);
    assert!(usage.to_string().starts_with("--layers: the first width is 784, but"), "{usage}");
    assert!(usage.to_string().contains("4 features"), "{usage}");
}

#[test]
fn bad_data_sets_are_refused_by_name() {
    let scratch = Scratch::new();
    let load = |name, member| scratch.load(&members((name, member)));
    let f64s = |values: [f64; 2]| values.map(f64::to_le_bytes).concat();
    let y = "y_test.npy";
    let without_labels = &members((y, vec![]))[..3];
    refused(scratch.load(without_labels), &["no array y_test", "x_test, x_train, y_train"]);
    refused(load(y, npy("|i1", "(2,)", &[0, 255])), &["y_test", "-1 at index 1"]);
    refused(load(y, npy("<f8", "(2,)", &f64s([1.0, 0.5]))), &["y_test", "0.5 at index 1", "whole"]);
    refused(load(y, npy("<f8", "(2,)", &f64s([f64::NAN, 1.0]))), &["NaN at index 0"]);
    refused(load(y, npy("<f8", "(2,)", &f64s([1.0, 5e9]))), &["5000000000 at index 1"]);
    refused(load(y, npy("|u1", "(2, 3)", &[0; 6])), &["y_test", "[2, 3]", "argmax"]);
    refused(load(y, npy("|u1", "()", &[0])), &["y_test", "[]"]);
    refused(load(y, npy("|u1", "(3,)", &[0; 3])), &["x_test has 2 samples", "y_test 3 labels"]);
    let x = "x_test.npy";
    refused(load(x, npy("|u1", "(2, 5)", &[0; 10])), &["x_train has 4 features", "x_test 5"]);
    refused(load(x, npy("|u1", "(2, 0)", &[])), &["x_test", "2 samples of 0 features"]);
    refused(load(x, npy("|u1", "()", &[0])), &["x_test", "single number"]);
    refused(load(x, npy("<i2", "(2, 4)", &[0; 16])), &["x_test", "uint8", ".astype(np.float32)"]);
    let nan = [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, f32::NAN, 0.0];
    refused(load(x, npy("<f4", "(2, 4)", &le_f32(&nan))), &["x_test", "NaN", "sample 1, feature 2"]);
    refused(load(x, npy("<f8", "(2, 1)", &f64s([0.0, 1e39]))), &["x_test", "inf", "sample 1, feature 0"]);
    let empty = [("x_train.npy", npy("|u1", "(0, 4)", &[])), ("y_train.npy", npy("|u1", "(0,)", &[]))];
    refused(scratch.load(&empty), &["x_train", "0 samples"]);
}

#[test]
fn mnist_is_what_it_should_be() {
    let data = Dataset::load(Path::new(MNIST)).unwrap();
    data.check(784, 10).unwrap();
    assert_eq!((data.train.len(), data.test.len()), (60_000, 10_000));
    assert_eq!((data.train.features(), data.test.features()), (784, 784));
    let mut classes = [0; 10];
    data.train.labels().iter().for_each(|&label| classes[label as usize] += 1);
    assert_eq!(classes, [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]);
    let sum = |inputs: &Inputs| match inputs {
        Inputs::U8(bytes) => bytes.iter().map(|&byte| u64::from(byte)).sum::<u64>(),
        Inputs::F32(_) => panic!("MNIST is kept as bytes"),
    };
    assert_eq!((sum(data.train.inputs()), sum(data.test.inputs())), (1_567_298_545, 264_923_200));

    let mut rows = Vec::new();
    shuffle(1, 0, data.train.len() as u32, &mut rows);
    let mut batch = vec![0.0; 100 * 784];
    data.train.gather(&rows[..100], &mut batch);
    assert!(batch.iter().all(|x| (0.0..=1.0).contains(x)));
    assert!(batch.contains(&1.0));
}
