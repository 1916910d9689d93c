//! Trained networks: saved, evaluated and asked.

use crate::program::{Folder, SMALL, crafted, small_data};
use ckpt_gpu::data::npz::{Archive, Values};
use serde_json::Value;
use zip::CompressionMethod;

fn json(text: &str) -> Value {
    serde_json::from_str(text.trim()).unwrap()
}

#[test]
fn eval_and_predict_read_saved_models() {
    let folder = Folder::new();
    for (device, network) in [
        ("cpu", "--activation tanh"),
        ("cpu", "--activation gelu --residual --loss cross-entropy"),
        ("software", "--activation relu --residual --loss cross-entropy"),
        ("cpu", "--activation relu --residual --layer-norm --loss cross-entropy"),
        ("cpu", "--activation relu --residual --layer-norm=plain --loss cross-entropy"),
        ("cpu", "--activation tanh --rms-norm=plain --loss cross-entropy"),
        ("software", "--activation silu --rms-norm --loss cross-entropy"),
    ] {
        let flags = format!("{SMALL} --device {device} {network}").replace("--epochs 1", "--epochs 20");
        let events = folder.train(&format!("{flags} --optimizer adam --lr 0.02 --save m.safetensors"));
        let trained = &events[events.len() - 2]["accuracy"];
        let ask = format!("m.safetensors --data small.npz --device {device} --batch 4");
        let as_npz = format!("{flags} --optimizer adam --lr 0.02 --save m.npz");
        folder.train(&as_npz);
        let scores = json(&folder.run(&format!("eval {ask} --json")).succeeded().stdout);
        assert_eq!(&scores["scores"]["accuracy"], trained, "{network}");
        assert_eq!(scores["planned_peak_bytes"], scores["counted_peak_bytes"]);
        assert!(folder.run(&format!("eval {ask}")).succeeded().stdout.contains("precision"));
        let of_npz = folder.run(&format!("eval {} --json", ask.replace("safetensors", "npz")));
        assert_eq!(json(&of_npz.succeeded().stdout), scores, "{network}");

        folder.run(&format!("predict {ask} --out p.csv")).succeeded();
        folder.run(&format!("predict {ask} --out p.npz")).succeeded();
        let text = String::from_utf8(folder.read("p.csv")).unwrap();
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines[0], "output0,output1,output2,class");
        assert_eq!(lines.len(), 1 + 9);
        let mut archive = Archive::open(&folder.path("p.npz")).unwrap();
        let Values::I64(classes) = archive.read("classes").unwrap().values else { panic!("no integers") };
        let written = lines[1..].iter().map(|line| line.rsplit(',').next().unwrap().parse::<i64>().unwrap());
        assert_eq!(classes, written.collect::<Vec<_>>());
    }
}

/// Prediction keeps two states beside the parameters, however deep the network is.
#[test]
fn prediction_keeps_two_states() {
    let folder = Folder::new();
    let bytes = |layers: &str| {
        let flags = SMALL.replace("6,5x3,3", layers);
        folder.run(&format!("train {flags} --device cpu --save m.safetensors")).succeeded();
        let ask = "eval m.safetensors --data small.npz --device cpu --json";
        json(&folder.run(ask).succeeded().stdout)["planned_peak_bytes"].as_u64().unwrap()
    };
    let more_layers = 60;
    let parameters = 4 * (5 * 5 + 5) * more_layers;
    assert_eq!(bytes("6,5x63,3") - bytes("6,5x3,3"), parameters);
}

#[test]
fn models_without_architecture_or_of_another_network_are_rejected() {
    let folder = Folder::new();
    folder.run(&format!("train {SMALL} --device cpu --save m.npz")).succeeded();
    folder.run(&format!("train {SMALL} --device cpu --save m.safetensors")).succeeded();
    folder.run(&format!("train {SMALL} --device cpu --save m.onnx")).succeeded();
    let tensors = [("W0", vec![3, 6], vec![0.5; 18]), ("b0", vec![3], vec![0.5; 3])];
    folder.write_npz("foreign.npz", &tensors);
    let numbers = [&tensors[..], &[("architecture", vec![2], vec![1.0, 2.0])]].concat();
    folder.write_npz("numbers.npz", &numbers);
    let text = br#"{"widths":[6,3],"activation":"swishy","loss":"mse","residual":false}"#;
    let shape = format!("({},)", text.len());
    folder.write("unknown.npz", &crafted("architecture", "|u1", &shape, text, CompressionMethod::Stored));
    for (command, problem) in [
        ("eval foreign.npz --data small.npz", "an array architecture, of uint8, with the bytes of"),
        ("eval numbers.npz --data small.npz", "architecture: found float32, expected uint8"),
        ("eval unknown.npz --data small.npz", "has a malformed architecture: unknown variant 'swishy'"),
        ("eval m.onnx --data small.npz", "never read; give a .safetensors or .npz"),
        ("predict m.onnx --data small.npz --out p.npz", "never read; give a .safetensors or .npz"),
        (&format!("train {SMALL} --init m.onnx"), "never read; give a .safetensors or .npz"),
        (
            "train --data small.npz --layers 6,40000,40000,3 --batch 8 --save large.onnx",
            "would have 6401760885 bytes",
        ),
        ("eval none.safetensors --data small.npz", "no such file"),
        (
            "train --preset accuracy --data small.npz --layers 6,4,3 --batch 8 --init m.safetensors",
            "[6, 5, 5, 5, 3]",
        ),
    ] {
        let refused = folder.run(&format!("{command} --device cpu"));
        assert_eq!(refused.code, Some(3), "{command}: {refused:?}");
        assert!(refused.stderr.contains(problem), "{command}: {}", refused.stderr);
    }
    // A file of another normalisation.
    folder
        .run(&format!("train {SMALL} --rms-norm --device cpu --save rms.npz --save rms.safetensors"))
        .succeeded();
    for (flags, file, words) in [
        ("", "rms.npz", ["found 11 arrays", "expected 8", "--layer-norm or --rms-norm"]),
        ("", "rms.safetensors", ["found 5 values of gain", "layer 1", "--layer-norm or --rms-norm"]),
        ("--layer-norm", "rms.safetensors", ["and 0 of shift in layer 1", "expected 5 and 5", "--rms-norm"]),
        ("--rms-norm", "m.safetensors", ["found 0 values of gain", "layer 1", "expected 5 and 0"]),
    ] {
        let refused = folder.run(&format!("train {SMALL} {flags} --device cpu --init {file}"));
        assert_eq!(refused.code, Some(3), "{refused:?}");
        assert!(words.iter().all(|word| refused.stderr.contains(word)), "{}", refused.stderr);
    }
    folder.run(&format!("train {SMALL} --rms-norm --device cpu --init rms.npz")).succeeded();
    let hash = |init: &str| folder.hash(&format!("{SMALL} --device cpu --init {init}"));
    assert_eq!(hash("m.npz"), hash("m.safetensors"));
}

/// Features with distant means, and their weighted sum.
fn far_features(samples: usize) -> [Vec<f32>; 2] {
    let value = |n: usize| ((n * n + 7 * n) % 31) as f32 / 31.0;
    let rows: Vec<[f32; 3]> = (0..samples)
        .map(|row| [900.0 + value(3 * row), -4.0 + 50.0 * value(3 * row + 1), 0.001 * value(3 * row + 2)])
        .collect();
    let sum = |row: &[f32; 3]| (row[0] - 900.0) + row[1] / 50.0 - 1000.0 * row[2];
    [rows.concat(), rows.iter().map(sum).collect()]
}

/// A model trained on standardised inputs keeps the scaling and applies it to raw inputs.
#[test]
fn saved_models_scale_their_inputs() {
    let folder = Folder::new();
    let [x, y] = far_features(200);
    folder.write_npz("far.npz", &[("x", vec![200, 3], x), ("y", vec![200], y)]);
    let flags = "--data far.npz --layers 3,16x3,1 --loss mse --batch 20 --epochs 40 --lr 0.01 --device cpu \
                 --validation 0.2 --seed 5";
    let r2 = |model: &str, ask: &str| {
        let asked = format!("eval {model} --data far.npz {ask} --device cpu --json");
        json(&folder.run(&asked).succeeded().stdout)["scores"]["r2"].as_f64().unwrap()
    };
    for model in ["m.npz", "m.safetensors"] {
        folder.train(&format!("{flags} --standardise --save {model}"));
        assert!(r2(model, "") > 0.9 && r2(model, "--validation 0.2 --seed 5") > 0.9, "{model}");
    }
    assert_eq!(r2("m.npz", ""), r2("m.safetensors", ""), "the files hold different numbers");
    folder.train(&format!("{flags} --save plain.npz"));
    assert!(r2("plain.npz", "") < 0.5, "inputs need not be standard to learn this");
}

/// Without a test split, all samples are predicted in order, and no targets are needed.
#[test]
fn all_samples_are_predicted_without_a_test_split() {
    let folder = Folder::new();
    let [x, _] = far_features(20);
    let labels: Vec<f32> = (0..20).map(|n| (n % 3) as f32).collect();
    let (inputs, targets) = (("x", vec![20, 3], x.clone()), ("y", vec![20], labels));
    folder.write_npz("both.npz", &[inputs.clone(), targets]);
    folder.write_npz("alone.npz", &[inputs]);
    folder.write_npz("test.npz", &[("x_test", vec![20, 3], x.clone())]);
    folder.write_npz("odd.npz", &[("mine", vec![20, 3], x.clone())]);
    folder.write_npz(
        "split.npz",
        &[("x_train", vec![20, 3], x.clone()), ("x_test", vec![2, 3], x[..6].to_vec())],
    );
    folder.train("--data both.npz --layers 3,4,4,3 --batch 6 --epochs 1 --device cpu --save m.npz");
    let answers = |ask: &str| {
        folder.run(&format!("predict m.npz {ask} --device cpu --out p.csv")).succeeded();
        String::from_utf8(folder.read("p.csv")).unwrap()
    };
    let all = answers("--data both.npz");
    assert_eq!(all.lines().count(), 1 + 20);
    assert_eq!(all.lines().next(), Some("output0,output1,output2,class"));
    for ask in
        ["--data alone.npz", "--data test.npz", "--data odd.npz --x-key mine", "--data alone.npz --map-data"]
    {
        assert_eq!(answers(ask), all, "{ask}");
    }
    let first: Vec<_> = all.lines().take(3).collect();
    assert_eq!(answers("--data split.npz").lines().collect::<Vec<_>>(), first);
    assert_eq!(answers("--data both.npz --validation 0.25").lines().count(), 1 + 5);

    for (ask, problems) in [
        ("eval m.npz --data alone.npz", ["alone.npz: has no targets", "--y-key"]),
        ("predict m.npz --data alone.npz --y-key mine --out p.csv", ["alone.npz", "has no array mine"]),
        (
            "eval m.npz --data small.npz",
            ["small.npz: has samples of 6 features", "expected 3, as the network has"],
        ),
    ] {
        folder.run(&format!("{ask} --device cpu")).refused(3, &problems);
    }
    folder.run("predict m.npz --data odd.npz --out p.csv").refused(3, &["none of the usual names"]);
}

/// The evaluation is the first to see the last step's update.
#[test]
fn divergence_in_the_last_step_saves_nothing() {
    let folder = Folder::new();
    let flags = "--data small.npz --layers 6,5x3,3 --batch 24 --epochs 1 --activation relu --loss mse --optimizer sgd \
                 --schedule constant --lr 1e25 --device cpu";
    let run = folder.run(&format!("train {flags} --save m.npz --snapshot kept"));
    run.refused(6, &["diverged in epoch 0", "after step 0, the test loss is", "use a lower --lr"]);
    assert!(!folder.files().contains(&"m.npz".to_owned()), "{:?}", folder.files());
    folder
        .run("train --data small.npz --layers 6,3 --snapshot kept --resume")
        .refused(3, &["holds no snapshot"]);
}

#[test]
fn input_files_are_not_overwritten() {
    let folder = Folder::new();
    let train = format!("train {SMALL} --device cpu");
    folder.run(&format!("{train} --save m.npz")).succeeded();
    let before = ["small.npz", "m.npz"].map(|name| folder.read(name));
    for (command, flags) in [
        (format!("{train} --save small.npz"), ["--save: found small.npz", "--data names"]),
        (format!("{train} --save ./small.npz"), ["--save: found ./small.npz", "--data names"]),
        (format!("{train} --init m.npz --save m.npz"), ["--save: found m.npz", "--init names"]),
        (
            format!("{train} --save-config a.json --report ./a.json"),
            ["--report: found ./a.json", "--save-config names"],
        ),
        (
            "predict m.npz --data small.npz --out small.npz".to_owned(),
            ["--out: found small.npz", "--data names"],
        ),
        ("predict m.npz --data small.npz --out m.npz".to_owned(), ["--out: found m.npz", "MODEL names"]),
    ] {
        folder.run(&command).refused(2, &flags);
    }
    assert!(before == ["small.npz", "m.npz"].map(|name| folder.read(name)));
    assert!(!folder.files().contains(&"a.json".to_owned()));
}

/// The safetensors at `path`, with its header changed.
fn with_header(
    folder: &Folder,
    from: &str,
    to: &str,
    change: impl FnOnce(&mut serde_json::Map<String, Value>),
) {
    let bytes = folder.read(from);
    let length = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
    let mut header: Value = serde_json::from_slice(&bytes[8..8 + length]).unwrap();
    change(header.as_object_mut().unwrap());
    let header = header.to_string();
    let head = [&(header.len() as u64).to_le_bytes(), header.as_bytes()].concat();
    folder.write(to, &[&head, &bytes[8 + length..]].concat());
}

/// Other programs lose the metadata, and name tensors as their modules.
#[test]
fn models_of_other_programs_are_read_with_the_networks_flags() {
    let folder = Folder::new();
    let network = "--layers 6,5x3,3 --activation tanh --residual";
    folder.train(&format!("{SMALL} --device cpu {network} --loss cross-entropy --save m.safetensors"));
    with_header(&folder, "m.safetensors", "plain.safetensors", |header| {
        header.remove("__metadata__");
        let names: Vec<String> = header.keys().cloned().collect();
        for name in names {
            // An nn.Sequential with activations between, so that 10 follows 8.
            let (layer, kind) = name.strip_prefix("layers.").unwrap().split_once('.').unwrap();
            let other = format!("model.{}.{kind}", 2 * layer.parse::<u32>().unwrap() + 6);
            let tensor = header.remove(&name).unwrap();
            header.insert(other, tensor);
        }
    });
    let ask =
        |model: &str, flags: &str| folder.run(&format!("eval {model} --data small.npz --device cpu {flags}"));
    let expected = ask("m.safetensors", "").succeeded().stdout;
    assert_eq!(ask("plain.safetensors", network).succeeded().stdout, expected);
    assert_eq!(ask("m.safetensors", network).succeeded().stdout, expected);
    ask("plain.safetensors", "").refused(3, &["plain.safetensors", "no architecture", "--layers"]);
    let other = ask("m.safetensors", "--layers 6,5,3").succeeded();
    assert!(other.stdout == expected && other.stderr.contains("describes its network"), "{other:?}");
    with_header(&folder, "m.safetensors", "bare.safetensors", |header| {
        header.remove("__metadata__");
        let names: Vec<String> = header.keys().cloned().collect();
        for name in names {
            let tensor = header.remove(&name).unwrap();
            header.insert(name.replace("weight", "kernel"), tensor);
        }
    });
    ask("bare.safetensors", network).refused(3, &["layers.0.kernel", "weight"]);
    folder.write("m.pt", b"torch");
    let refused = ask("m.pt", "");
    refused.refused(3, &["m.pt", ".safetensors or .npz"]);
    assert!(!refused.stderr.contains(".onnx"), "{}", refused.stderr);
}

/// No class follows from NaN.
#[test]
fn outputs_that_overflow_are_an_error() {
    let folder = Folder::new();
    folder.write_npz(
        "huge.npz",
        &[
            ("W0", vec![2, 6], vec![3e38; 12]),
            ("b0", vec![2], vec![0.0; 2]),
            ("W1", vec![3, 2], vec![1.0; 6]),
            ("b1", vec![3], vec![0.0; 3]),
        ],
    );
    let ask = "huge.npz --data small.npz --device cpu --layers 6,2,3 --residual=false --activation identity";
    folder.run(&format!("eval {ask}")).refused(3, &["huge.npz", "output ", "sample "]);
    for out in ["p.npz", "p.csv"] {
        folder.run(&format!("predict {ask} --out {out}")).refused(3, &["huge.npz", "sample "]);
        assert!(!folder.files().iter().any(|name| name == out));
    }
}

/// One rule for every output against every input, folder and log.
#[test]
fn outputs_replace_no_input_and_no_other_output() {
    let folder = Folder::new();
    folder.write("c.toml", b"every = 2\n");
    let run = |flags: &str| folder.run(&format!("train {SMALL} --device cpu {flags}"));
    run("--config c.toml --save-config c.toml").refused(2, &["--save-config", "c.toml", "--config"]);
    run("--log kept --report kept/metrics.csv").refused(2, &["--report", "metrics.csv", "--log"]);
    run("--save out.npz --log out.npz").refused(2, &["--save", "out.npz", "--log"]);
    assert_eq!(folder.read("c.toml"), b"every = 2\n");
    // A natural layout: the file of flags beside the snapshots.
    std::fs::create_dir(folder.path("own")).unwrap();
    std::fs::create_dir(folder.path("old")).unwrap();
    folder.write("own/config.toml", b"every = 2\n");
    let kept = run("--config own/config.toml --snapshot own").succeeded();
    assert!(kept.stderr.contains("kept as it is"), "{}", kept.stderr);
    assert_eq!(folder.read("own/config.toml"), b"every = 2\n");
    // What the program itself has left is replaced, and a command can be given twice.
    folder.write("old/config.toml", b"# A run of ckpt-gpu 0.0.0\nevery = 3\n");
    let again = "--snapshot old --save-config old/flags.toml --save old/m.npz --resume auto";
    run(again).succeeded();
    assert_ne!(folder.read("old/config.toml"), b"# A run of ckpt-gpu 0.0.0\nevery = 3\n");
    run(again).succeeded();
}

/// Rows of probabilities train a classifier, which is tested on labels.
#[test]
fn probabilities_are_targets_of_cross_entropy() {
    let folder = Folder::new();
    let hard = small_data(3);
    let rows = |smoothing: f32| -> Vec<f32> {
        let share = |class: usize, label: f32| {
            if class as f32 == label { 1.0 - smoothing } else { smoothing / 2.0 }
        };
        hard[1].2.iter().flat_map(|&label| (0..3).map(move |class| share(class, label))).collect()
    };
    let with_targets = |name: &str, targets: Vec<f32>| {
        let mut arrays = hard.clone();
        arrays[1] = ("y_train", vec![24, 3], targets);
        folder.write_npz(name, &arrays);
    };
    with_targets("one_hot.npz", rows(0.0));
    with_targets("soft.npz", rows(0.2));
    // Labels become rows of 0 and 1 beside probabilities in the other split.
    let mut arrays = hard.clone();
    arrays[3] = ("y_test", vec![9, 3], [0.2, 0.3, 0.5].repeat(9));
    folder.write_npz("soft_test.npz", &arrays);
    let hash = |data: &str, device: &str| {
        folder.hash(&format!("--data {data} --hidden 5 --batch 8 --epochs 2 --device {device}"))
    };
    for device in ["cpu", "software"] {
        let labels = hash("small.npz", device);
        assert_eq!(hash("one_hot.npz", device), labels, "{device}");
        assert_eq!(hash("soft_test.npz", device), labels, "{device}");
        assert_ne!(hash("soft.npz", device), labels, "{device}");
    }
    let flags = "--hidden 5 --batch 8 --epochs 2 --device cpu --save soft.safetensors";
    let events = folder.train(&format!("--data soft.npz {flags}"));
    let last = events.iter().rev().find(|event| event["event"] == "epoch").unwrap();
    for data in ["soft.npz", "small.npz", "soft_test.npz"] {
        let scored =
            folder.run(&format!("eval soft.safetensors --data {data} --device cpu --json")).succeeded();
        let score = &scored.events()[0]["scores"];
        assert!(score["accuracy"].is_number(), "{data}: {score}");
        if data == "soft.npz" {
            assert_eq!(score["accuracy"], last["accuracy"]);
        }
    }
    folder.run("predict soft.safetensors --data small.npz --out out.csv --device cpu").succeeded();
    let table = String::from_utf8(folder.read("out.csv")).unwrap();
    assert!(table.lines().next().unwrap().split(',').any(|name| name == "class"), "{table}");

    let mut wrong = rows(0.2);
    wrong[7] = 0.9;
    with_targets("wrong.npz", wrong);
    let refused = folder.run("train --data wrong.npz --hidden 5 --device cpu");
    refused.refused_at_once(
        3,
        &[
            "y_train: row 2 holds 0.1, 0.9, 0.8, which add up to 1.8",
            "probabilities that add up to 1",
            "--loss mse",
        ],
    );
}
