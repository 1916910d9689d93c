use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Cells that hold no value, in lower case.
const MISSING: [&str; 7] = ["", "na", "n/a", "nan", "null", "none", "?"];

/// A column of a table, and the features that it becomes: one for numbers, or one for each category, which is 1 where a cell
/// has that text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Column {
    /// Name in the header.
    pub name: String,
    /// Texts of its cells, sorted; empty for numbers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub categories: Vec<String>,
}

/// What a cell holds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Cell<'a> {
    Missing,
    Number(f64),
    Text(&'a str),
}

impl<'a> Cell<'a> {
    /// Reads a trimmed cell. Infinite numbers are text.
    pub fn of(text: &'a str) -> Self {
        match text.parse() {
            Ok(number) if f64::is_finite(number) => Cell::Number(number),
            _ if MISSING.iter().any(|missing| text.eq_ignore_ascii_case(missing)) => Cell::Missing,
            _ => Cell::Text(text),
        }
    }
}

impl Column {
    /// Number of features that it becomes.
    pub fn features(&self) -> usize {
        self.categories.len().max(1)
    }

    /// Names of all features of `columns`, in order.
    pub fn feature_names(columns: &[Column]) -> Vec<String> {
        let names = columns.iter().flat_map(|Column { name, categories }| {
            let numbers = categories.is_empty().then(|| name.clone());
            numbers.into_iter().chain(categories.iter().map(move |category| format!("{name}={category}")))
        });
        names.collect()
    }

    /// Position of the category `text`.
    pub fn category(&self, text: &str) -> Option<usize> {
        self.categories.binary_search_by(|category| category.as_str().cmp(text)).ok()
    }
}

/// Columns of targets.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct TargetColumns {
    /// Their names.
    pub names: Vec<String>,
    /// Names of the classes of the only column, in the order of their labels; empty for numbers.
    pub classes: Vec<String>,
}

impl TargetColumns {
    /// Labels by class name.
    pub fn labels(&self) -> BTreeMap<String, u32> {
        (0..).zip(&self.classes).map(|(label, class)| (class.clone(), label)).collect()
    }
}

/// Longest digits that a number of a class may have: all these differ as f64.
const MOST_DIGITS: usize = 15;

/// Name of the class that a cell stands for, so that `1` and `1.0` are one. Codes such as `01067`, and numbers of so many digits
/// that they may be codes, keep their text. `None` for a missing cell.
pub fn class_name(text: &str) -> Option<String> {
    let is_code = || {
        let digits = text.trim_start_matches(['-', '+']);
        (digits.len() > 1 && digits.starts_with('0') && !digits.starts_with("0."))
            || digits.chars().filter(char::is_ascii_digit).count() > MOST_DIGITS
    };
    match Cell::of(text) {
        Cell::Missing => None,
        // Adding 0 turns -0 into 0.
        Cell::Number(number) if !is_code() => Some((number + 0.0).to_string()),
        Cell::Number(_) | Cell::Text(_) => Some(text.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_numbers_texts_or_missing() {
        for (text, cell) in [
            ("5.1", Cell::Number(5.1)),
            ("-1e3", Cell::Number(-1000.0)),
            ("+.5", Cell::Number(0.5)),
            ("", Cell::Missing),
            ("NaN", Cell::Missing),
            ("N/A", Cell::Missing),
            ("?", Cell::Missing),
            ("inf", Cell::Text("inf")),
            ("1,5", Cell::Text("1,5")),
            ("True", Cell::Text("True")),
        ] {
            assert_eq!(Cell::of(text), cell, "{text:?}");
        }
        for (text, name) in [
            ("1.0", "1"),
            ("1", "1"),
            ("-0", "0"),
            ("0.50", "0.5"),
            ("01067", "01067"),
            ("9007199254740993", "9007199254740993"),
            ("red", "red"),
        ] {
            assert_eq!(class_name(text).as_deref(), Some(name), "{text}");
        }
        assert_eq!(class_name("NA"), None);
    }

    #[test]
    fn features_are_named() {
        let numbers = Column { name: "age".to_owned(), categories: Vec::new() };
        let categories = Column { name: "sex".to_owned(), categories: vec!["f".to_owned(), "m".to_owned()] };
        assert_eq!((numbers.features(), categories.features()), (1, 2));
        assert_eq!((categories.category("m"), categories.category("x")), (Some(1), None));
        assert_eq!(Column::feature_names(&[numbers, categories]), ["age", "sex=f", "sex=m"]);
    }
}
