//! CSV and TSV tables: what columns become, what is learned from them, and what is refused.

use std::fs;
use std::path::PathBuf;

use ckpt_gpu::data::{
    Column, Dataset, EvaluatedOn, Fill, InferenceData, Inputs, LoadOptions, LoadedData, Split, TargetKind,
    Targets,
};
use ckpt_gpu::model::Loss;
use ckpt_gpu::{Error, Result};
use tempfile::TempDir;

const HOUSES: &str = "\
rooms,city,area,price
3,Oslo,70.5,500
2,Bergen,48,300
4,Oslo,99.5,700
1,,30,200
";

struct Tables(TempDir);

impl Tables {
    fn new() -> Self {
        Tables(tempfile::tempdir().unwrap())
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.path().join(name);
        fs::write(&path, text).unwrap();
        path
    }
}

/// Options for targets in this column, for a network with as many outputs as they ask for, without anything held out.
fn options(target: &str, loss: Loss) -> LoadOptions {
    LoadOptions {
        target: Some(target.to_owned()),
        targets: TargetKind::of(loss, None),
        validation: Some(0.0),
        ..LoadOptions::default()
    }
}

fn as_they_are(options: LoadOptions) -> LoadOptions {
    LoadOptions { standardise: Some(false), standardise_targets: Some(false), ..options }
}

fn load(text: &str, options: &LoadOptions) -> Result<LoadedData> {
    let tables = Tables::new();
    Dataset::load_noting(&tables.write("table.csv", text), options)
}

fn floats(split: &Split) -> &[f32] {
    match split.inputs() {
        Inputs::F32(values) => values,
        Inputs::U8(_) | Inputs::Mapped(_) => panic!("the features of a table are floats"),
    }
}

fn numbers(split: &Split) -> &[f32] {
    match split.targets() {
        Targets::Regression { values, .. } => values,
        Targets::Classes(_) => panic!("found classes"),
    }
}

#[test]
fn numbers_and_categories_become_features() {
    let LoadedData { data, preprocessing, notes, .. } =
        load(HOUSES, &as_they_are(options("price", Loss::Mse))).unwrap();
    let expected =
        [[3.0, 0.0, 1.0, 70.5], [2.0, 1.0, 0.0, 48.0], [4.0, 0.0, 1.0, 99.5], [1.0, 0.0, 0.0, 30.0]];
    assert_eq!(floats(&data.train), expected.concat());
    assert_eq!(numbers(&data.train), [500.0, 300.0, 700.0, 200.0]);
    assert_eq!(data.usual_outputs(Loss::Mse), 1);
    let names = Column::feature_names(&preprocessing.columns);
    assert_eq!(names, ["rooms", "city=Bergen", "city=Oslo", "area"]);
    assert_eq!((&preprocessing.targets[..], preprocessing.classes.len()), (&["price".to_owned()][..], 0));
    let notes = notes.join("\n");
    for note in [
        "one-hot encoded, with so many categories: city (2)",
        "column city has 1 empty cell: all of its features",
    ] {
        assert!(notes.contains(note), "no {note:?} in {notes}");
    }
    let dropped = LoadOptions { drop: vec!["city".to_owned()], ..options("price", Loss::Mse) };
    assert_eq!(load(HOUSES, &dropped).unwrap().data.train.features(), 2);
}

/// By default the features of a table, and its numbers to be predicted, are standardised.
#[test]
fn tables_are_standardised_by_default() {
    let LoadedData { data, preprocessing, .. } = load(HOUSES, &options("price", Loss::Mse)).unwrap();
    for values in
        [floats(&data.train).iter().step_by(4).collect::<Vec<_>>(), numbers(&data.train).iter().collect()]
    {
        let (sum, squares): (f32, f32) =
            values.iter().fold((0.0, 0.0), |(sum, squares), &&x| (sum + x, squares + x * x));
        assert!(sum.abs() < 1e-5 && (squares - 4.0).abs() < 1e-4, "{values:?}");
    }
    let mut scaled = numbers(&data.train).to_vec();
    preprocessing.scale_back(&mut scaled);
    for (found, expected) in scaled.iter().zip([500.0, 300.0, 700.0, 200.0]) {
        assert!((found - expected).abs() < 1e-3, "{scaled:?}");
    }
    // Targets of this loss function must be from 0 to 1.
    let shares = "a,share\n1,0.25\n2,0.75\n";
    let LoadedData { data, preprocessing, .. } =
        load(shares, &options("share", Loss::BinaryCrossEntropy)).unwrap();
    assert_eq!((numbers(&data.train), preprocessing.target_scaling), (&[0.25, 0.75][..], None));
}

#[test]
fn targets_are_classes_or_numbers_by_the_loss() {
    let text =
        "a,b,kind,digit,yes,left,right\n1,2,red,3,True,1,0\n2,3,blue,1,False,0,1\n4,5,red,10,True,1,0\n";
    let loaded = |target: &str, loss| load(text, &options(target, loss)).unwrap();
    for (target, loss, labels, classes, outputs) in [
        ("kind", Loss::CrossEntropy, [1, 0, 1], &["blue", "red"][..], 2),
        // As numbers, not as text.
        ("digit", Loss::CrossEntropy, [1, 0, 2], &["1", "3", "10"], 3),
        ("yes", Loss::BinaryCrossEntropy, [1, 0, 1], &["False", "True"], 1),
        ("left", Loss::BinaryCrossEntropy, [1, 0, 1], &["0", "1"], 1),
        ("left,right", Loss::CrossEntropy, [0, 1, 0], &[], 2),
    ] {
        let LoadedData { data, preprocessing, .. } = loaded(target, loss);
        assert_eq!(data.train.labels(), labels, "{target}");
        assert_eq!(preprocessing.classes, classes, "{target}");
        assert_eq!(data.usual_outputs(loss), outputs, "{target}");
    }
    let LoadedData { data, .. } = load(text, &as_they_are(options("digit", Loss::Huber))).unwrap();
    assert_eq!(numbers(&data.train), [3.0, 1.0, 10.0]);
    let LoadedData { data, .. } = load(text, &as_they_are(options("left, digit", Loss::Mse))).unwrap();
    assert_eq!(
        (numbers(&data.train), data.usual_outputs(Loss::Mse)),
        (&[1.0, 3.0, 0.0, 1.0, 1.0, 10.0][..], 2)
    );
    let several = loaded("left,right", Loss::BinaryCrossEntropy).data;
    assert_eq!(
        (numbers(&several.train), several.usual_outputs(Loss::BinaryCrossEntropy)),
        (&[1.0, 0.0, 0.0, 1.0, 1.0, 0.0][..], 2)
    );
}

#[test]
fn usual_forms_of_files_are_read() {
    let tables = Tables::new();
    for (name, text) in [
        ("a.csv", "a;b;y\n1;2;0\n3;4;1\n"),
        ("b.csv", "\u{feff}\"a\",\"b\",y\r\n 1 ,\"2\",0\r\n3,4,1\r\n"),
        ("c.tsv", "a\tb\ty\n1\t2\t0\n3\t4\t1"),
        ("d.csv", ",a,b,y\n0,1,2,0\n1,3,4,1\n"),
        ("E.CSV", "a|b|Target\n1|2|0\n3|4|1\n"),
    ] {
        let path = tables.write(name, text);
        let usual = as_they_are(LoadOptions { target: None, ..options("", Loss::CrossEntropy) });
        let LoadedData { data, notes, .. } = Dataset::load_noting(&path, &usual).unwrap();
        assert_eq!(floats(&data.train), [1.0, 2.0, 3.0, 4.0], "{name}");
        assert_eq!(data.train.labels(), [0, 1], "{name}");
        let notes = notes.join("\n");
        assert!(notes.contains("holds the targets"), "{notes}");
        assert_eq!(notes.contains("left out as an index"), name == "d.csv", "{notes}");
    }
}

#[test]
fn a_directory_holds_a_training_and_a_test_table() {
    let tables = Tables::new();
    tables.write("train.csv", HOUSES);
    tables.write("test.csv", "price,city,rooms,area\n900,Oslo,5,120\n250,Tromsø,2,40\n");
    let options = LoadOptions { validation: None, ..as_they_are(options("price", Loss::Mse)) };
    tables.write("val.csv", "rooms,city,area,price\n6,Oslo,150,1000\n");
    let LoadedData { data, test, .. } = Dataset::load_noting(tables.0.path(), &options).unwrap();
    assert_eq!((numbers(&data.test), data.evaluated_on), (&[1000.0][..], EvaluatedOn::Validation));
    assert_eq!(numbers(&test.unwrap().test), [900.0, 250.0]);
    fs::remove_file(tables.0.path().join("val.csv")).unwrap();
    let LoadedData { data, notes, .. } = Dataset::load_noting(tables.0.path(), &options).unwrap();
    assert_eq!(floats(&data.test), [5.0, 0.0, 1.0, 120.0, 2.0, 0.0, 0.0, 40.0]);
    assert_eq!(numbers(&data.test), [900.0, 250.0]);
    assert!(
        notes.join("\n").contains("1 cell with a text that no training sample had, such as 'Tromsø'"),
        "{notes:?}"
    );
}

#[test]
fn missing_values_are_refused_by_name_or_filled() {
    let text = "age,size,y\n20,,1\n,3,0\n40,5,1\n";
    let refused = load(text, &options("y", Loss::CrossEntropy)).unwrap_err().to_string();
    assert!(
        refused.contains("2 missing values (NaN), the first in sample 0, size: 1 of age, 1 of size"),
        "{refused}"
    );
    let imputed = LoadOptions {
        impute: Some(Fill::Mean),
        impute_indicators: true,
        ..as_they_are(options("y", Loss::CrossEntropy))
    };
    let LoadedData { data, preprocessing, .. } = load(text, &imputed).unwrap();
    let expected = [[20.0, 4.0, 0.0, 1.0], [30.0, 3.0, 1.0, 0.0], [40.0, 5.0, 0.0, 0.0]];
    assert_eq!(floats(&data.train), expected.concat());
    assert_eq!((preprocessing.indicators(), data.train.features()), (2, 4));
}

/// A trained network reads columns by name, and needs no targets.
#[test]
fn tables_are_read_as_in_training() {
    let tables = Tables::new();
    let train = tables.write("houses.csv", HOUSES);
    let mse = options("price", Loss::Mse);
    let LoadedData { data, preprocessing, .. } = Dataset::load_noting(&train, &mse).unwrap();
    let inferred = |name: &str, text: &str, needs_targets: bool| {
        let preprocessing = &preprocessing;
        let asked = LoadOptions { targets: TargetKind::Numbers, ..LoadOptions::default() };
        Dataset::load_for_inference(&tables.write(name, text), &asked, preprocessing, 4, needs_targets)
    };
    let InferenceData { data: same, .. } = inferred("same.csv", HOUSES, true).unwrap();
    assert_eq!(floats(&same.test), floats(&data.train));
    // In the units of the file.
    assert_eq!(numbers(&same.test), [500.0, 300.0, 700.0, 200.0]);

    let other = "id,area,rooms,city\n7,70.5,3,Oslo\n";
    let InferenceData { data: other, notes, .. } = inferred("other.csv", other, false).unwrap();
    assert_eq!(floats(&other.test), &floats(&data.train)[..4]);
    assert!(notes.iter().any(|note| note.contains("columns id")), "{notes:?}");
    let missing = inferred("short.csv", "rooms,area\n3,70.5\n", false).unwrap_err().to_string();
    assert!(missing.contains("has no column city; it has rooms, area"), "{missing}");

    let kinds = "a,kind\n1,x\n2,y\n3,x\n";
    let LoadedData { preprocessing, .. } = load(kinds, &options("kind", Loss::CrossEntropy)).unwrap();
    let asked = LoadOptions { targets: TargetKind::Classes, ..LoadOptions::default() };
    let path = tables.write("kinds.csv", "a,kind\n9,y\n");
    let InferenceData { data, .. } =
        Dataset::load_for_inference(&path, &asked, &preprocessing, 1, true).unwrap();
    assert_eq!((data.test.labels(), preprocessing.class_name(1)), (&[1][..], "y".to_owned()));
    let path = tables.write("kinds.csv", "a,kind\n9,z\n");
    let unknown =
        Dataset::load_for_inference(&path, &asked, &preprocessing, 1, true).unwrap_err().to_string();
    assert!(
        unknown.contains("column kind: holds 'z' in line 2, expected one of the classes x, y"),
        "{unknown}"
    );
}

#[test]
fn tables_that_cannot_be_read_are_refused_with_line_and_column() {
    let class = || options("y", Loss::CrossEntropy);
    let many: String = (0..60).map(|n| format!("name {n},0\n")).collect();
    let many = format!("name,y\n{many}");
    let infinite: String = (0..20).map(|n| format!("{n},{}\n", n % 2)).collect();
    let infinite = format!("a,y\ninf,1\n{infinite}");
    let prices: String = (0..60).map(|n| format!("{n},{}\n", 7 * n)).collect();
    let prices = format!("a,y\n{prices}");
    let dropped = |name: &str| LoadOptions { drop: vec![name.to_owned()], ..class() };
    for (text, options, words) in [
        ("", class(), &["is empty", "names of the columns"][..]),
        ("4,2,3\n4,5,6\n", class(), &["has 4 in its first line", "add a line with names"]),
        ("a,b,y\n1,2,0\n1,2\n", class(), &["line 3: holds 2 cells, expected 3"]),
        ("a,a,y\n1,2,0\n", class(), &["two columns named a"]),
        ("a,,y\n1,2,0\n", class(), &["no name for column 1"]),
        ("a,b\n1,2\n", class(), &["has no column y", "`target`: one of a, b"]),
        ("a,y\n", class(), &["column y: holds no value"]),
        ("a,5.1,y\n1,2,0\n", class(), &["has 5.1 in its first line"]),
        (&infinite, class(), &["column a: holds 'inf' in line 2 among 20 numbers", "`drop`"]),
        (
            "a,y\n\"1,000\",0\n\"2,000\",1\n",
            class(),
            &["column a: holds '1,000' in line 2", "without commas"],
        ),
        ("a,y\n1,\"0,5\"\n", options("y", Loss::Mse), &["holds '0,5' in line 2", "decimal point"]),
        (&prices, class(), &["column y: holds 60 different numbers in 60 rows", "`loss = mse`"]),
        ("y\n1\n2\n", class(), &["no column of features"]),
        ("a,y\n1,\n", class(), &["column y: holds no value, expected classes"]),
        ("a,y\n1,\n2,3\n", class(), &["column y: holds nothing in line 2, expected one of the classes 3"]),
        ("a,y\n1,0.5\n", class(), &["column y: holds 0.5", "whole numbers or texts", "`loss = mse`"]),
        ("a,y\n1,2\n1,red\n", options("y", Loss::Mse), &["holds 'red' in line 3", "`loss = cross-entropy`"]),
        ("a,y\n\"1,5\",2\n", class(), &["column a: holds '1,5' in line 2", "decimal point"]),
        (&many, class(), &["column name: holds 60 different texts in 60 rows", "`drop`"]),
        ("a,y\n1e300,2\n", as_they_are(class()), &["holds inf (as float32) in sample 0, feature 0"]),
        ("a,y\n1,2\n", dropped("b"), &["`drop`: found b, expected columns of", "a, y"]),
        ("a,y\n1,2\n", dropped("y"), &["`drop`: found y, which `target` names, too"]),
        (
            "a,y\n1,2\n",
            LoadOptions { x_key: Some("a".to_owned()), ..class() },
            &["`x_key`", "found a table", "`target`"],
        ),
        ("a,y\n1,2\n", LoadOptions { map_data: true, ..class() }, &["`map_data`", "table of text"]),
        (
            "a,y\n1,2\n",
            LoadOptions { standardise_targets: Some(true), ..class() },
            &["`standardise_targets`", "class labels"],
        ),
        (
            "a,y\n1,2\n",
            LoadOptions { impute_indicators: true, ..class() },
            &["`impute_indicators`: needs `impute`"],
        ),
        ("a,y\n1,2\n", LoadOptions { scale: Some(0.0), ..class() }, &["`scale`: found 0"]),
    ] {
        let message = load(text, &options).map(|_| ()).unwrap_err().to_string();
        assert!(words.iter().all(|word| message.contains(word)), "{words:?} are not all in: {message}");
        assert!(message.len() < 400, "{message}");
    }
    let tables = Tables::new();
    fs::write(tables.0.path().join("bytes.csv"), b"a,y\n1,0\n\xff\xfe,1\n").unwrap();
    let path = tables.0.path().join("bytes.csv");
    let message = Dataset::load_noting(&path, &class()).unwrap_err();
    assert!(matches!(message, Error::File { .. }));
    assert!(message.to_string().contains("line 3: holds bytes that are not UTF-8"), "{message}");
}

/// Digits of targets far from 0, class names that are codes, and forms of tables that programs write.
#[test]
fn what_others_write_is_taken_as_it_is() {
    let times: String = (0..50).map(|n| format!("{n},{}\n", 1_700_000_000 + 60 * n)).collect();
    let times = format!("a,time\n{times}");
    let LoadedData { data, preprocessing, notes, .. } = load(&times, &options("time", Loss::Mse)).unwrap();
    let step = numbers(&data.train)[1] - numbers(&data.train)[0];
    let steps = numbers(&data.train).windows(2).map(|pair| pair[1] - pair[0]);
    assert!(steps.into_iter().all(|other| (other - step).abs() < 1e-5), "{:?}", numbers(&data.train));
    assert!((preprocessing.target_scaling.unwrap().mean()[0] - 1_700_001_470.0).abs() < 1e-3);
    assert!(notes.join("\n").contains("predictions in float32 round to few digits"), "{notes:?}");

    let codes = "a,code\n1,01067\n2,1067\n3,9007199254740993\n4,9007199254740992\n";
    let LoadedData { preprocessing, .. } = load(codes, &options("code", Loss::CrossEntropy)).unwrap();
    assert_eq!(preprocessing.classes.len(), 4, "{:?}", preprocessing.classes);

    let years = "2019,2020,y\n1,2,0\n3,4,1\n";
    assert_eq!(load(years, &options("y", Loss::CrossEntropy)).unwrap().data.train.features(), 2);
    let grades: String = (0..100).map(|n| format!("{},{}\n", ["0", "1", "2", "3+"][n % 4], n % 2)).collect();
    let LoadedData { data, .. } =
        load(&format!("grade,y\n{grades}"), &options("y", Loss::CrossEntropy)).unwrap();
    assert_eq!(data.train.features(), 4);

    let counted = "0,1,target\n1,2,0\n3,4,1\n";
    assert_eq!(
        load(counted, &as_they_are(options("target", Loss::CrossEntropy))).unwrap().data.train.features(),
        2
    );
    // The name that is most usual, not the first.
    let usual = LoadOptions { target: None, ..as_they_are(options("", Loss::CrossEntropy)) };
    let LoadedData { preprocessing, .. } = load("class,a,target\n1,2,0\n3,4,1\n", &usual).unwrap();
    assert_eq!(preprocessing.targets, ["target"]);
    let few = LoadOptions { validation: None, ..options("y", Loss::CrossEntropy) };
    let LoadedData { data, .. } = load("a,y\n1,0\n2,1\n3,0\n", &few).unwrap();
    assert_eq!((data.train.len(), data.test.len()), (2, 1));

    let tables = Tables::new();
    let LoadedData { preprocessing, .. } =
        load("x,y\n1,0\n2,1\n", &options("y", Loss::CrossEntropy)).unwrap();
    let asked = LoadOptions::default();
    let gap = tables.write("gap.csv", "x\n1\n\n3\n");
    let refused =
        Dataset::load_for_inference(&gap, &asked, &preprocessing, 1, false).unwrap_err().to_string();
    assert!(refused.contains("line 3: is empty, expected a cell"), "{refused}");
    let quoted = tables.write("quoted.csv", "x\n1\n\"\"\n3\n");
    let refused =
        Dataset::load_for_inference(&quoted, &asked, &preprocessing, 1, false).unwrap_err().to_string();
    assert!(
        refused.contains("1 missing value") && refused.contains("train the network with imputation"),
        "{refused}"
    );
    let folder = Tables::new();
    folder.write("houses.csv", HOUSES);
    let refused = Dataset::load(folder.0.path()).unwrap_err().to_string();
    assert!(refused.contains("holds houses.csv, expected train.csv"), "{refused}");
}

/// A test table without targets, as competitions have it, is not tested on.
#[test]
fn a_test_table_without_targets_is_noted() {
    let tables = Tables::new();
    tables.write("train.csv", HOUSES);
    tables.write("test.csv", "rooms,city,area\n5,Oslo,120\n");
    let options = LoadOptions { validation: None, ..as_they_are(options("price", Loss::Mse)) };
    let LoadedData { data, notes, .. } = Dataset::load_noting(tables.0.path(), &options).unwrap();
    assert_eq!((data.train.len(), data.evaluated_on), (3, EvaluatedOn::Validation));
    assert!(notes.join("\n").contains("test.csv is not used, as it has no column price"), "{notes:?}");
    tables.write("val.csv", HOUSES);
    let held_out = LoadOptions { validation: Some(0.5), ..options.clone() };
    let LoadedData { data, notes, .. } = Dataset::load_noting(tables.0.path(), &held_out).unwrap();
    assert_eq!((data.train.len(), data.test.len()), (2, 2));
    assert!(notes.join("\n").contains("val.csv is not used, as a share"), "{notes:?}");
    let all = LoadOptions { validation: Some(0.0), ..options };
    let LoadedData { data, .. } = Dataset::load_noting(tables.0.path(), &all).unwrap();
    assert_eq!((data.train.len(), data.test.len(), data.evaluated_on), (4, 4, EvaluatedOn::Validation));
}

/// Targets of the test split are in the units of the file, however those of the training split are held.
#[test]
fn a_test_split_for_after_training_keeps_its_units() {
    let tables = Tables::new();
    for (name, first) in [("train", 0), ("val", 3), ("test", 7)] {
        let rows: String = (first..first + 9).map(|n| format!("{n},{}.1\n", 1000 + 3 * n)).collect();
        tables.write(&format!("{name}.csv"), &format!("a,y\n{rows}"));
    }
    let options = LoadOptions { validation: None, ..options("y", Loss::Mse) };
    let LoadedData { test, .. } = Dataset::load_noting(tables.0.path(), &options).unwrap();
    let expected: Vec<f32> = (7..16).map(|n| (1000 + 3 * n) as f32 + 0.1).collect();
    assert_eq!(numbers(&test.unwrap().test), expected);
}

/// Probabilities in some tables and one-hot rows or labels in others are of one kind.
#[test]
fn columns_of_probabilities_are_targets_of_cross_entropy() {
    let table = |rows: &str| format!("x,a,b\n{rows}");
    let (soft, hard) = ("1,0.25,0.75\n2,0.5,0.5\n3,1,0\n", "1,0,1\n2,1,0\n");
    let options = LoadOptions { validation: None, ..options("a,b", Loss::CrossEntropy) };
    for (train, test, are_classes) in [(soft, hard, false), (hard, soft, false), (hard, hard, true)] {
        let tables = Tables::new();
        tables.write("train.csv", &table(train));
        tables.write("test.csv", &table(test));
        let data = Dataset::load_with(tables.0.path(), &options).unwrap();
        for split in [&data.train, &data.test] {
            assert_eq!(matches!(split.targets(), Targets::Classes(_)), are_classes, "{train}, {test}");
        }
    }
}

/// A column of weights is no feature, and stays beside its rows when some are held out.
#[test]
fn a_column_weighs_the_training_samples() {
    let rows: String = (0..10).map(|n| format!("{n},{}.5,{}\n", n, n % 2)).collect();
    let text = format!("a,weight,y\n{rows}");
    let weighted = LoadOptions {
        weight_key: Some("weight".to_owned()),
        ..as_they_are(options("y", Loss::CrossEntropy))
    };
    let LoadedData { data, preprocessing, .. } = load(&text, &weighted).unwrap();
    let columns = preprocessing.columns;
    assert_eq!(columns.iter().map(|column| &column.name[..]).collect::<Vec<_>>(), ["a"]);
    assert_eq!(data.train.weights().unwrap(), (0..10).map(|n| n as f32 + 0.5).collect::<Vec<_>>());
    let held_out = LoadOptions { validation: Some(0.3), ..weighted };
    let LoadedData { data, .. } = load(&text, &held_out).unwrap();
    assert_eq!((data.train.len(), data.test.len()), (7, 3));
    for (&weight, &feature) in data.train.weights().unwrap().iter().zip(floats(&data.train)) {
        assert_eq!(weight, feature + 0.5);
    }
    for (&weight, &feature) in data.test.weights().unwrap().iter().zip(floats(&data.test)) {
        assert_eq!(weight, feature + 0.5);
    }
    for (weights, words) in [("-1", "-1 at index 0"), ("", "NaN at index 0"), ("heavy", "'heavy'")] {
        let wrong = text.replace("0,0.5,", &format!("0,{weights},"));
        let error = load(&wrong, &held_out).unwrap_err().to_string();
        assert!(error.contains("weight") && error.contains(words), "{error}");
    }
}

/// Ages of people learn nothing as classes, but letters and codes do.
#[test]
fn many_labels_of_few_samples_each_may_be_numbers() {
    let notes = |labels: usize, samples: usize, letter: &str, loss: Loss| {
        let rows: String = (0..samples).map(|row| format!("{row},{letter}{}\n", row % labels)).collect();
        load(&format!("x,age\n{rows}"), &options("age", loss)).unwrap().notes.join("\n")
    };
    let told = notes(60, 240, "", Loss::CrossEntropy);
    let words = "targets are taken for class labels, 60 different ones in 240 training samples; if they are numbers to be \
                 predicted, use `loss = mse`";
    assert!(told.contains(words), "{told}");
    for (labels, samples, letter, loss) in [
        (60, 240, "", Loss::Mse),
        (60, 240, "a", Loss::CrossEntropy),
        (60, 600, "", Loss::CrossEntropy),
        (20, 40, "", Loss::CrossEntropy),
    ] {
        let told = notes(labels, samples, letter, loss);
        assert!(!told.contains("numbers to be predicted"), "{labels} {samples}: {told}");
    }
}
