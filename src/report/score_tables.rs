//! Tables of scores that text and Markdown reports share.

use super::MOST_CONFUSED;
use super::number::percent;
use super::table::{Table, numbers, words};
use crate::train::{ClassAverages, ClassScores, OneOutput, ValueScores};
use crate::words::grouped;

/// Most classes whose confusion a table shows.
const MOST_TABULATED: usize = 20;
/// In place of a score that is undefined, or that a row does not have.
const NONE: &str = "-";

/// Scores of each class, then their means.
pub(super) fn by_class(scores: &ClassScores, names: &[String]) -> Table {
    let heads = ["samples", "precision", "recall", "f1", "roc-auc", "average precision"];
    let averages = [("macro mean", scores.macro_average), ("weighted mean", scores.weighted_average)];
    let rows = scores.by_class.iter().zip(names).map(|(class, name)| {
        vec![
            name.clone(),
            grouped(class.samples),
            four(class.precision),
            four(class.recall),
            four(class.f1),
            class.roc_auc.map_or(NONE.to_owned(), four),
            class.average_precision.map_or(NONE.to_owned(), four),
        ]
    });
    let means = averages.into_iter().map(|(name, ClassAverages { precision, recall, f1 })| {
        let samples = grouped(scores.by_class.iter().map(|class| class.samples).sum());
        let [precision, recall, f1] = [precision, recall, f1].map(four);
        vec![name.to_owned(), samples, precision, recall, f1, NONE.to_owned(), NONE.to_owned()]
    });
    let columns = [words("class")].into_iter().chain(heads.map(numbers)).collect();
    Table { columns, rows: rows.chain(means).collect() }
}

/// Scores of all classes together. Undefined ones are left out.
pub(super) fn of_classes(scores: &ClassScores) -> Table {
    let mut rows = vec![("accuracy".to_owned(), scores.accuracy)];
    rows.extend(scores.top.iter().map(|top| (format!("top-{} accuracy", top.k), top.accuracy)));
    let optional = [
        ("roc-auc", scores.roc_auc),
        ("average precision", scores.average_precision),
        ("log-loss", scores.log_loss),
        ("calibration error", scores.calibration_error),
    ];
    rows.extend(optional.into_iter().filter_map(|(name, score)| Some((name.to_owned(), score?))));
    Table {
        columns: vec![words("score"), numbers("value")],
        rows: rows.into_iter().map(|(name, score)| vec![name, four(score)]).collect(),
    }
}

/// A row of predicted classes for each true class; `None` for more classes than a table shows.
pub(super) fn confusion(scores: &ClassScores, names: &[String]) -> Option<Table> {
    if names.len() > MOST_TABULATED {
        return None;
    }
    let columns = [words("true class, predicted as")].into_iter().chain(names.iter().map(numbers));
    let rows = scores
        .confusion
        .iter()
        .zip(names)
        .map(|(row, name)| [name.clone()].into_iter().chain(row.iter().copied().map(grouped)).collect());
    Some(Table { columns: columns.collect(), rows: rows.collect() })
}

/// The most frequent confusions of two classes.
pub(super) fn most_confused(scores: &ClassScores, names: &[String]) -> Table {
    let rows = scores.most_confused(MOST_CONFUSED).into_iter().map(|pair| {
        let of_class = scores.by_class[pair.class].samples.max(1);
        vec![
            names[pair.class].clone(),
            names[pair.predicted].clone(),
            grouped(pair.samples),
            percent(pair.samples as f64 / of_class as f64),
        ]
    });
    Table {
        columns: vec![
            words("true class"),
            words("predicted as"),
            numbers("samples"),
            numbers("of the class"),
        ],
        rows: rows.collect(),
    }
}

/// Scores of each output; `undefined` stands for those that are.
pub(super) fn by_output(scores: &ValueScores, names: &[String], undefined: &str) -> Table {
    let heads = ["rmse", "mae", "r2", "explained variance"];
    let rows = scores.by_output.iter().zip(names).map(|(output, name)| output_row(name, output, undefined));
    let columns = [words("output")].into_iter().chain(heads.map(numbers)).collect();
    Table { columns, rows: rows.collect() }
}

/// [`by_output`], and scores over all outputs if there are several.
pub(super) fn by_output_and_all(scores: &ValueScores, names: &[String]) -> Table {
    let mut table = by_output(scores, names, NONE);
    let &ValueScores { mse, rmse, mae, r2, explained_variance, .. } = scores;
    if scores.by_output.len() > 1 {
        table.rows.push(output_row("all", &OneOutput { mse, rmse, mae, r2, explained_variance }, NONE));
    }
    table
}

fn output_row(name: &str, output: &OneOutput, undefined: &str) -> Vec<String> {
    let optional = |score: Option<f64>| score.map_or(undefined.to_owned(), six);
    vec![
        name.to_owned(),
        six(output.rmse),
        six(output.mae),
        optional(output.r2),
        optional(output.explained_variance),
    ]
}

fn four(score: f64) -> String {
    format!("{score:.4}")
}

fn six(score: f64) -> String {
    format!("{score:.6}")
}
