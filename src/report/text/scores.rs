use super::aligned;
use crate::report::number::grouped;
use crate::report::table::{Table, numbers, words};
use crate::train::{ClassAverages, ClassScores, Scores, ValueScores};

/// Most classes whose confusion a terminal shows.
const MOST_CLASSES: usize = 20;

/// Scores in one line.
pub fn scores_in_one_line(scores: &Scores) -> String {
    match scores {
        Scores::Values(ValueScores { rmse, mae, r2, .. }) => {
            format!("rmse {rmse:.6}, mae {mae:.6}, r2 {}", or_undefined(*r2))
        }
        Scores::Classes(scores) => {
            let mut parts = vec![format!("accuracy {:.4}", scores.accuracy)];
            parts.push(format!("f1 {:.4}", scores.macro_average.f1));
            let others = [
                ("roc-auc", scores.roc_auc),
                ("log-loss", scores.log_loss),
                ("calibration error", scores.calibration_error),
            ];
            let told = others.into_iter().filter_map(|(name, score)| Some(format!("{name} {:.4}", score?)));
            parts.extend(told);
            parts.extend(scores.top.iter().map(|top| format!("top-{} {:.4}", top.k, top.accuracy)));
            parts.join(", ")
        }
    }
}

/// Scores, and those of each class or output by its name, for a terminal of `width` characters.
pub fn scores(scores: &Scores, names: &[String], width: usize) -> String {
    let line = scores_in_one_line(scores);
    let more = match scores {
        Scores::Classes(scores) => of_classes(scores, names, width),
        Scores::Values(scores) if scores.by_output.len() > 1 => of_outputs(scores, names, width),
        Scores::Values(_) => return line,
    };
    format!("{line}\n\n{more}")
}

fn of_classes(scores: &ClassScores, names: &[String], width: usize) -> String {
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
    let table = Table { columns, rows: rows.chain(means).collect() };
    let confusion = if names.len() > MOST_CLASSES {
        format!("the confusion of {} classes is in the JSON\n", names.len())
    } else {
        let columns = [words("true class, predicted as")].into_iter().chain(names.iter().map(numbers));
        let rows =
            scores.confusion.iter().zip(names).map(|(row, name)| {
                [name.clone()].into_iter().chain(row.iter().copied().map(grouped)).collect()
            });
        aligned(&Table { columns: columns.collect(), rows: rows.collect() }, usize::MAX)
    };
    format!("{}\n{confusion}", aligned(&table, width))
}

fn of_outputs(scores: &ValueScores, names: &[String], width: usize) -> String {
    let heads = ["rmse", "mae", "r2", "explained variance"];
    let rows = scores.by_output.iter().zip(names).map(|(output, name)| {
        vec![
            name.clone(),
            format!("{:.6}", output.rmse),
            format!("{:.6}", output.mae),
            or_undefined(output.r2),
            or_undefined(output.explained_variance),
        ]
    });
    let columns = [words("output")].into_iter().chain(heads.map(numbers)).collect();
    aligned(&Table { columns, rows: rows.collect() }, width)
}

/// In place of a score that is undefined, or that a row does not have.
const NONE: &str = "-";

fn four(score: f64) -> String {
    format!("{score:.4}")
}

/// A score that is undefined where targets do not vary.
fn or_undefined(score: Option<f64>) -> String {
    score.map_or("undefined, as the targets do not vary".to_owned(), |score| format!("{score:.6}"))
}
