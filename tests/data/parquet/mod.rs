//! Parquet files, in builds with that feature: the same samples as from the CSV table with the same content.

use std::path::{Path, PathBuf};

use ckpt_gpu::data::{Dataset, Fill, LoadOptions, LoadedData};

fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/parquet").join(name)
}

fn load(path: &Path) -> LoadedData {
    let options = LoadOptions { impute: Some(Fill::Mean), impute_indicators: true, ..LoadOptions::default() };
    Dataset::load_noting(path, &options).unwrap()
}

#[test]
fn parquet_files_are_tables() {
    let table = load(&path("table.csv"));
    assert_eq!(table.preprocessing.classes, ["no", "yes"]);
    for name in ["snappy.parquet", "zstd.parquet"] {
        let found = load(&path(name));
        assert_eq!((&found.data.train, &found.data.test), (&table.data.train, &table.data.test), "{name}");
        assert_eq!(found.preprocessing, table.preprocessing, "{name}");
    }
}

#[test]
fn parquet_files_that_are_wrong_are_named_with_the_row() {
    let folder = tempfile::tempdir().unwrap();
    let whole = std::fs::read(path("snappy.parquet")).unwrap();
    let refused = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        Dataset::load(&path).unwrap_err().to_string()
    };
    for length in [0, 8, whole.len() / 2, whole.len() - 1] {
        let message = refused("cut.parquet", &whole[..length]);
        assert!(message.contains("cut.parquet: cannot be read as a Parquet file: "), "{message}");
    }
    let message = refused("whole.npz", &whole);
    assert!(message.contains("is a Parquet file") && message.contains("the ending .parquet"), "{message}");
    let missing = Dataset::load(&path("snappy.parquet")).unwrap_err().to_string();
    assert!(missing.contains("age") && missing.contains("missing value"), "{missing}");
    let options =
        LoadOptions { target: Some("city".to_owned()), impute: Some(Fill::Zero), ..LoadOptions::default() };
    let empty = Dataset::load_with(&path("snappy.parquet"), &options).unwrap_err().to_string();
    assert!(empty.contains("column city: holds nothing in row 3, expected one of the classes"), "{empty}");
}
