use super::aligned;
use crate::report::score_tables;
use crate::train::{ClassScores, Scores, ValueScores};

/// In place of a score that is undefined.
const UNDEFINED: &str = "undefined, as the targets do not vary";

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
        Scores::Values(scores) if scores.by_output.len() > 1 => {
            aligned(&score_tables::by_output(scores, names, UNDEFINED), width)
        }
        Scores::Values(_) => return line,
    };
    format!("{line}\n\n{more}")
}

fn of_classes(scores: &ClassScores, names: &[String], width: usize) -> String {
    let confusion = match score_tables::confusion(scores, names) {
        Some(table) => aligned(&table, usize::MAX),
        None => format!("the confusion of {} classes is in the JSON\n", names.len()),
    };
    format!("{}\n{confusion}", aligned(&score_tables::by_class(scores, names), width))
}

/// A score that is undefined where targets do not vary.
fn or_undefined(score: Option<f64>) -> String {
    score.map_or(UNDEFINED.to_owned(), |score| format!("{score:.6}"))
}
