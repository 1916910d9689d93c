//! Tables from training to prediction, and widths that follow from the data.

use ckpt_gpu::data::npz::{Archive, Values};
use serde_json::Value;

use crate::program::{Folder, SMALL};

/// Points in the plane, of two classes that a line divides, with a column of text, gaps, and a number to be predicted.
fn points() -> String {
    let row = |n: u32| {
        let (x, y) = ((n * 37 % 101) as f32 / 10.0, (n * 53 % 97) as f32 / 10.0);
        let side = if x > y { "below" } else { "above" };
        let colour = ["red", "green", "blue"][n as usize % 3];
        let gap = if n.is_multiple_of(20) { String::new() } else { x.to_string() };
        format!("{gap},{y},{colour},{side},{}\n", 1000.0 + 3.0 * x - 2.0 * y)
    };
    let rows: String = (0..400).map(row).collect();
    format!("x,y,colour,side,sum\n{rows}")
}

fn json(text: &str) -> Value {
    serde_json::from_str(text.trim()).unwrap()
}

#[test]
fn classes_of_a_table_keep_their_names() {
    let folder = Folder::new();
    folder.write("points.csv", points().as_bytes());
    let flags = "--data points.csv --target side --drop sum --impute median --impute-indicators --hidden 16x2 --epochs 30 \
                 --lr 0.01 --batch 20 --device cpu --save m.npz --save m.onnx --save m.safetensors";
    let trained = folder.run(&format!("train {flags}")).succeeded();
    for words in [
        "360 training and 40 validation samples of 6 features, standardised; 2 classes: above, below",
        "one-hot encoded, with so many categories: colour (3)",
        "training 6,16x2,2 on",
    ] {
        assert!(trained.stderr.contains(words), "no {words:?} in {trained:#?}");
    }
    let asked = "--data points.csv --device cpu";
    let scores = json(&folder.run(&format!("eval m.npz {asked} --json")).succeeded().stdout);
    assert!(scores["scores"]["accuracy"].as_f64().unwrap() > 0.9, "{scores}");
    assert_eq!(scores["classes"], serde_json::json!(["above", "below"]));
    let shown = folder.run(&format!("eval m.safetensors {asked}")).succeeded().stdout;
    assert!(shown.contains("above") && shown.contains("below"), "{shown}");

    folder.run(&format!("predict m.npz {asked} --probabilities --out p.csv")).succeeded();
    let text = String::from_utf8(folder.read("p.csv")).unwrap();
    let lines: Vec<_> = text.lines().collect();
    assert_eq!(lines[0], "output0,output1,probability of above,probability of below,class");
    assert_eq!(lines.len(), 1 + 400);
    for line in &lines[1..] {
        let cells: Vec<_> = line.split(',').collect();
        let [above, below] = [cells[2], cells[3]].map(|cell| cell.parse::<f32>().unwrap());
        assert!((above + below - 1.0).abs() < 1e-6, "{line}");
        assert_eq!(cells[4], if above >= below { "above" } else { "below" }, "{line}");
    }
    folder.run(&format!("predict m.npz {asked} --probabilities --out p.npz")).succeeded();
    let Values::F32(values) =
        Archive::open(&folder.path("p.npz")).unwrap().read("probabilities").unwrap().values
    else {
        panic!("no floats")
    };
    assert_eq!(values.len(), 800);

    // Arrays have no columns to be named.
    folder.write_npz(
        "encoded.npz",
        &[("x", vec![2, 5], vec![1.0, 2.0, 0.0, 0.0, 1.0, 3.0, 2.0, 1.0, 0.0, 0.0])],
    );
    folder.run("predict m.npz --data encoded.npz --device cpu --out q.csv").succeeded();
    folder.run("convert m.npz again.safetensors").succeeded();
    assert_eq!(folder.read("again.safetensors"), folder.read("m.safetensors"));
    folder.run("convert again.safetensors again.onnx").succeeded();
    assert_eq!(folder.read("again.onnx"), folder.read("m.onnx"));
    folder.run("convert m.npz m.npz").refused(2, &["FILE: found m.npz, which MODEL names"]);
    folder.run("convert m.onnx again.npz").refused(3, &["never read"]);
    folder
        .run(&format!("eval m.npz {asked} --target sum"))
        .refused(3, &["column sum: holds", "above, below"]);
}

/// Predictions have the units of the table, whatever training standardises.
#[test]
fn numbers_of_a_table_keep_their_units() {
    let folder = Folder::new();
    folder.write("points.csv", points().as_bytes());
    let flags = "--data points.csv --target sum --drop side --impute mean --loss mse --hidden 16x2 --epochs 30 --lr 0.01 \
                 --batch 20 --device cpu --save m.safetensors";
    let trained = folder.run(&format!("train {flags}")).succeeded();
    assert!(trained.stderr.contains("standardised; a number as target, standardised"), "{trained:#?}");
    let asked = "m.safetensors --data points.csv --device cpu";
    let scores = json(&folder.run(&format!("eval {asked} --json")).succeeded().stdout);
    assert!(scores["scores"]["r2"].as_f64().unwrap() > 0.9, "{scores}");
    assert!(scores["scores"]["rmse"].as_f64().unwrap() > 0.1, "of standardised targets: {scores}");
    folder.run(&format!("predict {asked} --out p.csv")).succeeded();
    let text = String::from_utf8(folder.read("p.csv")).unwrap();
    assert_eq!(text.lines().next(), Some("sum"), "the name of the column");
    let values: Vec<f32> = text.lines().skip(1).map(|line| line.parse().unwrap()).collect();
    assert!(values.iter().all(|value| (900.0..1100.0).contains(value)), "{values:?}");
    folder
        .run(&format!("predict {asked} --probabilities --out p.csv"))
        .refused(3, &["mse loss", "--probabilities"]);
}

#[test]
fn widths_follow_from_the_data() {
    let folder = Folder::new();
    let widths = |flags: &str| {
        let plan =
            folder.run(&format!("plan --data small.npz --device cpu --json {flags}")).succeeded().stdout;
        json(&plan)["settings"]["layers"].as_str().unwrap().to_owned()
    };
    assert_eq!(widths("--batch 8"), "6,100,3");
    let many =
        folder.run("plan --data synthetic:blobs,features=6,classes=3,samples=7000 --device cpu --json");
    assert_eq!(json(&many.succeeded().stdout)["settings"]["layers"], "6,64x50,3");
    assert_eq!(widths("--batch 8 --hidden 5x3"), "6,5x3,3");
    assert_eq!(widths("--batch 8 --hidden 5x3 --loss mse"), "6,5x3,1");
    assert_eq!(widths("--batch 8 --hidden 5x3 --loss mse --targets classes"), "6,5x3,3");
    assert_eq!(widths("--batch 8 --preset accuracy --hidden 5x3 --targets classes"), "6,5x3,3");
    // A mini-batch is no larger than the training split, unless it is given.
    let whole = folder.run("train --data small.npz --device cpu --hidden 5x3 --epochs 1").succeeded();
    assert!(whole.stderr.contains("a mini-batch has all"), "{whole:#?}");
    folder.run("train --data small.npz --device cpu --batch 100").refused_at_once(2, &["--batch: found 100"]);
    folder.run(&format!("train {SMALL} --hidden 3")).refused_at_once(2, &["cannot be used with"]);
    folder
        .run("train --data small.npz --x-key x --target y")
        .refused_at_once(2, &["--target", "found arrays", "--y-key"]);
}

/// Targets from 0 to 1 are not scaled, and outputs that are their logits are scored as probabilities.
#[test]
fn probabilities_of_a_table_are_scored_as_such() {
    let folder = Folder::new();
    let row = |n: u32| {
        let x = (n * 37 % 101) as f32 / 101.0;
        format!("{x},{},{}\n", 0.1 + 0.8 * x, 0.9 - 0.8 * x)
    };
    let rows: String = (0..300).map(row).collect();
    folder.write("shares.csv", format!("x,up,down\n{rows}").as_bytes());
    let flags = "--data shares.csv --loss binary-cross-entropy --epochs 60 --batch 20 --lr 0.01 --device cpu --save m.npz";
    for more in [
        "--target up --drop down --hidden 8",
        "--target up,down --hidden 8",
        "--target up,down --layers 1,8,2",
    ] {
        folder.run(&format!("train {flags} {more}")).succeeded();
        let scores = json(&folder.run("eval m.npz --data shares.csv --device cpu --json").succeeded().stdout);
        assert!(scores["scores"]["rmse"].as_f64().unwrap() < 0.1, "{more}: {scores}");
    }
    folder
        .run(&format!("train {flags} --target up --hidden 8 --standardise-targets"))
        .refused_at_once(2, &["--standardise-targets", "--loss binary-cross-entropy"]);
}

/// Weights of one table are not given to another, and no output replaces a table.
#[test]
fn models_and_tables_are_not_mixed_up() {
    let folder = Folder::new();
    folder.write("points.csv", points().as_bytes());
    folder.write("others.csv", points().replace("above", "over").as_bytes());
    folder.write("colours.csv", points().replace("red", "pink").as_bytes());
    let flags = "--target side --drop sum --impute zero --hidden 8 --epochs 1 --batch 20 --device cpu";
    folder.run(&format!("train --data points.csv {flags} --save m.npz --snapshot kept")).succeeded();
    for (data, words) in [("others.csv", ["classes", "over"]), ("colours.csv", ["features", "colour=pink"])] {
        let refused = folder.run(&format!("train --data {data} {flags} --init m.npz"));
        refused.refused_at_once(3, &["m.npz: was trained on the", words[0], words[1]]);
        let resumed = folder.run(&format!("train --data {data} {flags} --snapshot kept --resume"));
        resumed.refused_at_once(3, &["differs from this run in data (--data)", "preprocessing"]);
    }
    std::fs::create_dir(folder.path("tables")).unwrap();
    folder.write("tables/train.csv", points().as_bytes());
    folder.write("tables/test.csv", points().as_bytes());
    folder
        .run(&format!("train --data tables {flags} --report tables/test.csv"))
        .refused_at_once(2, &["--report: found tables/test.csv, which --data names or holds"]);
    folder
        .run("predict m.npz --data tables --device cpu --out tables/test.csv")
        .refused_at_once(2, &["--out: found tables/test.csv"]);
    assert_eq!(folder.read("tables/test.csv"), points().as_bytes());
}

/// A validation split is evaluated on during training, and the test split once after it.
#[test]
fn the_test_split_is_used_after_training() {
    let folder = Folder::new();
    std::fs::create_dir(folder.path("tables")).unwrap();
    for name in ["train", "validation", "test"] {
        folder.write(&format!("tables/{name}.csv"), points().as_bytes());
    }
    let flags =
        "--data tables --target side --drop sum --impute zero --hidden 8 --batch 20 --epochs 3 --device cpu";
    let run = folder.run(&format!("train {flags} --save m.npz")).succeeded();
    assert!(run.stderr.contains("400 training, 400 validation and 400 test samples"), "{run:#?}");
    assert!(
        run.stdout.contains(", validation accuracy ") && run.stdout.contains("\ntest accuracy "),
        "{run:#?}"
    );
    let events = folder.train(flags);
    let [.., epoch, done, test] = &events[..] else { panic!("{events:?}") };
    assert_eq!(
        (&epoch["evaluated_on"], &done["event"], &test["event"]),
        (&json("\"validation\""), &json("\"done\""), &json("\"test\""))
    );
    // Equal samples have equal scores.
    assert_eq!(test["scores"]["accuracy"], epoch["accuracy"]);

    let regression = "--data tables --target sum --drop side --impute zero --hidden 8 --loss mse --batch 20 --epochs 3 --device cpu";
    let events = folder.train(&format!("{regression} --save r.npz"));
    let tested = &events[events.len() - 1]["scores"];
    let scores = json(&folder.run("eval r.npz --data tables --device cpu --json").succeeded().stdout);
    // The batches that they are computed in differ.
    let [tested, evaluated] = [tested, &scores["scores"]].map(|scores| scores["r2"].as_f64().unwrap());
    assert!((tested - evaluated).abs() < 1e-6, "{tested}, {evaluated}");

    let huge = points().replacen("\n0,0,", "\n1e38,1e38,", 1).replacen("3.7,5.3", "1e38,1e38", 1);
    folder.write("tables/test.csv", huge.as_bytes());
    let regression = "--data tables --target sum --drop side --impute zero --hidden 8x9 --residual=false --layer-norm=false \
                      --activation softplus --loss mse --batch 20 --epochs 3 --device cpu --lr 0.1 --standardise=false";
    let overflow = folder.run(&format!("train {regression}"));
    assert_eq!(overflow.code, Some(3), "{overflow:#?}");
    assert!(overflow.stderr.contains("tables: output 0 of sample "), "{overflow:#?}");
}
