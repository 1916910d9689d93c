//! What the program says when it cannot do what it is asked: which exit code, about which flag or file, and that it
//! says so before it has cost anything.

use crate::program::{Folder, Outcome, SMALL, crafted, small_data};
use zip::CompressionMethod::{Deflated, Stored};

fn train(folder: &Folder, more: &str) -> Outcome {
    folder.run(&format!("train --device cpu {SMALL} {more}"))
}

/// Runs `train` on a file of these bytes.
fn train_on(bytes: &[u8]) -> Outcome {
    let folder = Folder::new();
    folder.write("bad.npz", bytes);
    folder.run("train --device cpu --layers 6,5x3,3 --batch 8 --data bad.npz")
}

/// Runs [`SMALL`] with `value` for `flag`.
fn with(flag: &str, value: &str) -> Outcome {
    let mut words: Vec<_> = SMALL.split_whitespace().collect();
    match words.iter().position(|word| *word == flag) {
        Some(position) => words[position + 1] = value,
        None => words.extend([flag, value]),
    }
    let device = if flag == "--device" { "" } else { "--device cpu" };
    Folder::new().run(&format!("train {device} {}", words.join(" ")))
}

#[test]
fn missing_data_is_rejected_with_a_remedy() {
    with("--data", "nowhere.npz").refused_at_once(3, &["nowhere.npz: no such file", "--data"]);
    with("--data", ".").refused_at_once(3, &[".: is a directory", "npz"]);
    Folder::new()
        .run("train")
        .refused_at_once(3, &["data/mnist.npz: no such file", "root of the repository"]);
}

#[test]
fn damaged_data_is_rejected() {
    let folder = Folder::new();
    let whole = folder.read("small.npz");
    for length in [0, 1, whole.len() / 2, whole.len() - 1] {
        train_on(&whole[..length]).refused_at_once(3, &["bad.npz: ", "archive"]);
    }
    let mut flipped = whole;
    flipped[200] ^= 1; // among the values of x_train
    train_on(&flipped).refused_at_once(3, &["bad.npz: x_train: ", "damaged"]);
    train_on(b"PK\x03\x04 is how an archive starts").refused_at_once(3, &["bad.npz: ", "np.savez"]);
}

#[test]
fn hostile_data_is_rejected_before_it_takes_memory() {
    let x = |descr, shape, data: &[u8], method| train_on(&crafted("x_train", descr, shape, data, method));
    let long = format!("({0}, {0})", 1u64 << 40);
    x("|O", "(3, 6)", &[0; 64], Stored).refused_at_once(3, &["bad.npz: x_train: ", "|O"]);
    x("<f4", &long, &[0; 64], Stored).refused_at_once(3, &["bad.npz: x_train: ", "shape"]);
    x("|u1", "(1000000000000, 6)", &[0; 64], Stored)
        .refused_at_once(3, &["bad.npz: x_train: ", "takes 6000000000000"]);
    let bomb = vec![0; 8 << 20];
    x("|u1", "(1000000000000, 6)", &bomb, Deflated).refused_at_once(3, &["bad.npz: x_train: ", "shape"]);
    let mut bomb = crafted("x_train", "|u1", "(1431655765, 6)", &bomb, Deflated);
    let directory = bomb.windows(4).rposition(|word| word == b"PK\x01\x02").unwrap();
    bomb[directory + 24..directory + 28].copy_from_slice(&0xffff_fff0u32.to_le_bytes());
    train_on(&bomb).refused_at_once(3, &["bad.npz: x_train: ", "declares 4294967280 bytes"]);
    train_on(&crafted("X_train", "|u1", "(3, 6)", &[0; 18], Stored))
        .refused_at_once(3, &["bad.npz: has arrays X_train, and none of the usual names"]);
}

#[test]
fn labels_and_layers_must_match_the_data() {
    let folder = Folder::new();
    folder.write_npz("more.npz", &small_data(5));
    let found = folder.run("train --device cpu --layers 6,5x3,3 --batch 8 --data more.npz");
    found.refused_at_once(3, &["more.npz: y_train: label 3 at index 3, expected below 3", "--layers"]);
    with("--layers", "7,5,3").refused_at_once(2, &["--layers: ", "7", "small.npz have 6 features"]);
}

#[test]
fn values_out_of_range_are_usage_errors_with_the_flag() {
    let cases = [
        ("--every", "abc", "'abc'"),
        ("--every", "-1", "'-1'"),
        ("--every", "2.5", "'2.5'"),
        ("--batch", "0", "found 0, expected at least 1"),
        ("--batch", "-8", "'-8'"),
        ("--batch", "25", "found 25, expected at most 24"),
        (
            "--micro-batch",
            "0",
            "found 0, which does not divide --batch 8; expected one of its divisors, such as 1",
        ),
        (
            "--micro-batch",
            "3",
            "found 3, which does not divide --batch 8; expected one of its divisors, such as 2 or 4",
        ),
        (
            "--micro-batch",
            "16",
            "found 16, which does not divide --batch 8; expected one of its divisors, such as 8",
        ),
        ("--micro-batch", "-2", "'-2'"),
        ("--lr", "nan", "found NaN, expected a positive number"),
        ("--lr", "0", "found 0, expected a positive number"),
        ("--lr", "-1", "found -1, expected a positive number"),
        ("--lr", "inf", "found inf, expected a positive number"),
        ("--lr", "fast", "'fast'"),
        ("--epochs", "0", "found 0, expected at least 1"),
        ("--epochs", "-2", "'-2'"),
        ("--seed", "-1", "'-1'"),
    ];
    for (flag, value, words) in cases {
        with(flag, value).refused_at_once(2, &[flag, words]);
    }
    let folder = Folder::new();
    let steps = |more: &str| folder.run(&format!("train --device cpu --data small.npz --layers 6,3 {more}"));
    steps("--steps 0").refused_at_once(2, &["--steps: found 0, expected at least 1"]);
    steps("--layers 6,5,1,3 --layer-norm")
        .refused_at_once(2, &["--layer-norm: width 2 of --layers", "is 1", "at least 2"]);
    steps("--layers 6,5,1,3 --rms-norm=plain")
        .refused_at_once(2, &["--rms-norm: width 2 of --layers", "is 1", "at least 2"]);
    steps("--layer-norm --rms-norm=plain").refused_at_once(
        2,
        &["--rms-norm: found beside --layer-norm, expected one of the two; add --layer-norm=false"],
    );
    steps("--layer-norm=fancy").refused_at_once(2, &["fancy", "--layer-norm", "true, plain, false"]);
    steps("--steps 3 --epochs 1").refused_at_once(2, &["--steps", "--epochs"]);
}

#[test]
fn unknown_names_are_answered_with_known_ones() {
    with("--activation", "rleu").refused_at_once(
        2,
        &["--activation", "'rleu'", "sigmoid, tanh, relu, leaky-relu", "a similar value exists: 'relu'"],
    );
    with("--loss", "msee")
        .refused_at_once(2, &["--loss", "'msee'", "quadratic, mse", "a similar value exists: 'mse'"]);
    with("--optimizer", "adm").refused_at_once(2, &["--optimizer", "'adm'", "sgd", "'adam'"]);
    with("--initialiser", "qqqqqqqqq").refused_at_once(2, &["--initialiser", "normal, xavier"]);
    with("--schedule", "cosin").refused_at_once(2, &["--schedule", "a similar value exists: 'cosine'"]);
    with("--momentum", "1").refused_at_once(2, &["--momentum: found 1, expected at least 0 and below 1"]);
    with("--clip-norm", "-1").refused_at_once(2, &["--clip-norm: found -1, expected a positive number"]);
    with("--device", "tpu").refused_at_once(2, &["--device", "'tpu'", "auto, gpu, cpu, software"]);
    with("--dataset", "disk").refused_at_once(2, &["--dataset", "'disk'", "auto, device, host"]);
    with("--bogus", "1").refused_at_once(2, &["--bogus"]);
    Folder::new().run("fly").refused_at_once(2, &["'fly'"]);
    Folder::new().run("devices --bogus").refused_at_once(2, &["--bogus"]);
    Folder::new().run("").refused(2, &["Usage: ckpt-gpu"]);
}

#[test]
fn malformed_layers_are_rejected_with_the_syntax() {
    for (layers, words) in [
        ("6,ten,3", "'ten'"),
        ("6,,3", "''"),
        ("6,5x,3", "'5x'"),
        ("6,0,3", "'0'"),
        ("6,5x0,3", "'5x0'"),
        ("6;5;3", "'6;5;3'"),
        ("6,5x9999999,3", "20000"),
        ("6", "expected at least two"),
        ("4294967296,4294967296", "2^32"),
    ] {
        with("--layers", layers).refused_at_once(2, &["--layers", words]);
    }
}

#[test]
#[cfg(target_os = "linux")]
fn missing_device_is_rejected_with_a_remedy() {
    let folder = Folder::new();
    let run = |device| folder.run_without_drivers(&format!("train {SMALL} --device {device}"));
    run("gpu").refused_at_once(4, &["--device gpu: ", "no hardware GPU found", "--device cpu"]);
    run("software").refused_at_once(
        4,
        &["--device software: ", "no software Vulkan driver found", "lavapipe", "--device cpu"],
    );
}

#[test]
fn cpu_rejects_a_resident_dataset() {
    with("--dataset", "device").refused_at_once(2, &["--dataset", "auto or host"]);
}

#[test]
fn initial_parameters_are_checked() {
    let folder = Folder::new();
    train(&folder, "--save w.npz").succeeded();
    let whole = folder.read("w.npz");
    folder.write("text.npz", b"not an archive");
    folder.write("cut.npz", &whole[..whole.len() / 2]);
    folder.write_npz("nan.npz", &[("W0", vec![3, 6], vec![f32::NAN; 18]), ("b0", vec![3], vec![0.0; 3])]);
    let init = |file: &str, layers: &str| {
        folder.run(&format!("train --device cpu --data small.npz --batch 8 --layers {layers} --init {file}"))
    };
    init("none.npz", "6,3").refused_at_once(3, &["none.npz: no such file"]);
    init("text.npz", "6,3").refused_at_once(3, &["text.npz: ", "archive"]);
    init("cut.npz", "6,5x3,3").refused_at_once(3, &["cut.npz: ", "archive"]);
    init("w.npz", "6,5,3").refused_at_once(3, &["w.npz: found 8 arrays", "expected 4", "--layers"]);
    init("w.npz", "6,4x3,3").refused_at_once(3, &["w.npz: W0: found shape [5, 6], expected [4, 6]"]);
    init("nan.npz", "6,3").refused_at_once(3, &["nan.npz: W0: found NaN at element 0"]);
    init("small.npz", "6,5,3").refused_at_once(3, &["small.npz: has no array W0", "x_train"]);
}

#[test]
fn unwritable_output_is_rejected_before_training() {
    let folder = Folder::new();
    std::fs::create_dir(folder.path("folder.npz")).unwrap();
    folder.write("file", b"");
    for (save, words) in [
        ("nowhere/w.npz", "nowhere/w.npz: cannot be written: the directory is not there; make it"),
        ("file/w.npz", "file/w.npz: cannot be written: file is no directory; choose another place"),
        ("folder.npz", "folder.npz: cannot be written: found a directory, expected the name of a file"),
    ] {
        train(&folder, &format!("--save {save}")).refused_at_once(3, &[words]);
    }
    for directory in ["--log", "--snapshot"] {
        let words = "file/runs: cannot be made: file is no directory; choose another place";
        // Before the data is read, which is not there.
        folder.run(&format!("train --data none.npz {directory} file/runs")).refused_at_once(3, &[words]);
    }
    assert_eq!(folder.files(), ["file", "folder.npz"]);
}

/// Every command tells in the same words what is wrong with the name of a file that it is to write.
#[test]
fn names_of_outputs_are_checked_alike() {
    let folder = Folder::new();
    let small = "--data small.npz --hidden 4 --batch 8 --device cpu";
    folder.run(&format!("train {small} --epochs 1 --save m.npz")).succeeded();
    folder.write("sweep.toml", b"data = 'small.npz'\nhidden = '4'\n[sweep]\n");
    for (command, ending) in [
        (format!("train {small} --save"), ".npz"),
        (format!("train {small} --report"), ".html"),
        (format!("train {small} --save-config"), ".toml"),
        (format!("plan {small} --report"), ".md"),
        (format!("compare {small} --report"), ".svg"),
        (format!("find-lr {small} --plot"), ".svg"),
        ("sweep sweep.toml --results kept --report".to_owned(), ".md"),
        ("eval m.npz --data small.npz --report".to_owned(), ".json"),
        ("predict m.npz --data small.npz --out".to_owned(), ".csv"),
        ("convert m.npz".to_owned(), ".onnx"),
        ("check --device cpu --gradients".to_owned(), ".npz"),
    ] {
        std::fs::create_dir_all(folder.path(&format!("folder{ending}"))).unwrap();
        for (directory, words) in [
            ("nowhere/x", "cannot be written: the directory is not there; make it, or choose another place"),
            ("sweep.toml/x", "cannot be written: sweep.toml is no directory; choose another place"),
            ("folder", "cannot be written: found a directory, expected the name of a file"),
        ] {
            let name = format!("{directory}{ending}");
            folder.run(&format!("{command} {name}")).refused_at_once(3, &[&format!("{name}: {words}")]);
        }
        if ending != ".toml" {
            let words = ["invalid value 'x.txt' for '", "expected a name that ends in ", ending];
            folder.run(&format!("{command} x.txt")).refused_at_once(2, &words);
        }
    }
}

#[test]
fn diverged_training_saves_nothing() {
    for device in ["cpu", "software"] {
        for (activation, steps) in [("identity", 12), ("relu", 12), ("identity", 1)] {
            let folder = Folder::new();
            folder.write("w.npz", b"trained long ago");
            let run = folder.run(&format!(
                "train --json --device {device} --data small.npz --layers 6,5x3,3 --batch 8 --lr 1e38 \
                 --steps {steps} --activation {activation} --save w.npz"
            ));
            // One step's loss is still that of the first parameters, so a fine epoch may come first.
            assert_eq!(run.code, Some(6), "{activation}, {steps} steps on {device}: {run:#?}");
            assert!(
                run.stderr.contains("diverged in epoch ") && run.stderr.contains("use a lower --lr"),
                "{run:#?}"
            );
            assert!(!run.stderr.contains("panicked") && !run.stderr.contains("parameters saved"), "{run:#?}");
            assert!(run.events().iter().all(|event| event["event"] != "done"), "{run:#?}");
            assert_eq!(folder.read("w.npz"), b"trained long ago");
            assert_eq!(folder.files(), ["w.npz"]);
        }
    }
}

#[test]
fn failed_run_leaves_the_saved_file_untouched() {
    let folder = Folder::new();
    folder.write("w.npz", b"trained long ago");
    for wrong in ["--init none.npz", "--dataset device", "--every -1"] {
        assert_ne!(train(&folder, &format!("--save w.npz {wrong}")).code, Some(0), "{wrong}");
        assert_eq!(
            (folder.read("w.npz"), folder.files()),
            (b"trained long ago".to_vec(), vec!["w.npz".into()])
        );
    }
}

/// The address space is limited so that a missing check fails this test, not the host.
#[test]
#[cfg(target_os = "linux")]
fn network_larger_than_the_host_is_rejected_before_it_is_allocated() {
    let folder = Folder::new();
    let program = env!("CARGO_BIN_EXE_ckpt-gpu");
    let mut shell = std::process::Command::new("sh");
    shell.current_dir(folder.path("")).args(["-c", "ulimit -v 4000000; exec \"$@\"", "sh", program]);
    shell.args("train --device cpu --data small.npz --batch 8 --layers 6,65000x400,3".split(' '));
    crate::program::outcome(&mut shell).refused_at_once(5, &["does not fit", "--layers"]);
}

#[test]
#[cfg(target_os = "linux")]
fn huge_number_of_epochs_is_no_panic() {
    let folder = Folder::new();
    let mut command = std::process::Command::new("timeout");
    command.current_dir(folder.path("")).args(["1", env!("CARGO_BIN_EXE_ckpt-gpu")]);
    command.args("train --device cpu --data small.npz --batch 8 --layers 6,3 --lr 0.1".split(' '));
    let run = crate::program::outcome(command.args(["--epochs", "18446744073709551615"]));
    assert_eq!(run.code, Some(124), "it trains until it is stopped: {} {}", run.stderr, run.stdout.len());
}
