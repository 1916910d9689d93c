use serde_json::Value;

use crate::report::table::{Column, Table, numbers, words};
use crate::report::{Content, Report, RunSummary, SweepSummary, json, notes, score_tables, tables, text};
use crate::train::{Epoch, Evaluation, EvaluationRecord, Scores, SplitScores};
use crate::words::{counted, grouped};

/// The report's tables, for GitHub and whatever else reads its Markdown.
pub(super) fn document(report: &Report) -> String {
    let mut document = Document(String::new());
    match report.content {
        Content::Plan(outlook) => {
            let summary = &outlook.summary;
            document.title(&format!("Plan {}", summary.strategy));
            document.paragraph(&text::plan(summary));
            document.paragraph(&format!("for {}", outlook.planned_for));
            document.paragraphs(notes::bound(outlook));
            document.section("Device memory", &tables::planned_bytes(summary));
            document.paragraph(&notes::peak(summary));
            document.section("Intervals", &tables::planned_intervals(summary));
            document.section("Other settings", &tables::levers(outlook));
            document.paragraph(notes::LEVERS);
            document.section("Least recomputation by memory", &tables::choices(&outlook.frontier));
        }
        Content::Run(summary, run) => {
            document.title(&format!("Run {}", summary.strategy));
            document.paragraph(&text::plan(summary));
            document.paragraphs(notes::outcome(run));
            document.section("Device memory", &tables::counted_bytes(run.memory));
            document.paragraphs(notes::allocations(run.memory));
            document.section("Intervals", &tables::counted_intervals(run.memory));
            document.section("Epochs", &epochs(run.epochs));
            document.sections(evaluations(run).map(|table| ("Evaluations".to_owned(), table)));
            for result in run.results {
                document.sections(results(result));
            }
        }
        Content::Comparison(summary) => {
            let comparison = summary.comparison;
            document.title("Comparison of strategies");
            document.paragraph(&format!("on {}", comparison.device));
            document.section("Memory", &tables::compared_bytes(comparison));
            document.paragraphs(notes::dataset_on_host(comparison));
            document.section("Time", &tables::compared_times(comparison));
            document.paragraphs(notes::scores(comparison));
        }
        Content::Evaluation(summary) => {
            let result = summary.result;
            document.title("Evaluation");
            let samples = counted(result.samples, "sample");
            let samples = match result.on {
                Some(on) => format!("{samples} of the {} split", on.name()),
                None => format!("all {samples}"),
            };
            document.paragraph(&format!(
                "{samples} on {}: {}",
                summary.device,
                text::scores_in_one_line(&result.scores)
            ));
            document.sections(results(result));
        }
    }
    document.section("Settings", &settings(&json::settings(&report.origin)));
    document.0
}

/// The results of a sweep, as a page of their own.
pub fn sweep_page(summary: &SweepSummary) -> String {
    let mut document = Document(String::new());
    document.title("Sweep");
    document.paragraph(&summary.about());
    document.section("Combinations", &summary.table());
    document.section("Runs", &summary.runs());
    document.0
}

/// Blocks with an empty line between them.
struct Document(String);

impl Document {
    fn title(&mut self, title: &str) {
        self.0.push_str(&format!("# {}\n", escaped(title)));
    }

    fn paragraph(&mut self, text: &str) {
        self.0.push_str(&format!("\n{}\n", escaped(text)));
    }

    fn paragraphs(&mut self, texts: impl IntoIterator<Item = String>) {
        for text in texts {
            self.paragraph(&text);
        }
    }

    fn sections(&mut self, sections: impl IntoIterator<Item = (String, Table)>) {
        for (title, table) in sections {
            self.section(&title, &table);
        }
    }

    fn section(&mut self, title: &str, table: &Table) {
        self.0.push_str(&format!("\n## {title}\n\n"));
        self.line(table.columns.iter().map(|column| escaped(column.head())));
        self.line(table.columns.iter().map(|column| match column {
            Column::Words(_) => ":---".to_owned(),
            Column::Numbers(_) => "---:".to_owned(),
        }));
        for row in &table.rows {
            self.line(row.iter().map(|cell| escaped(cell)));
        }
    }

    fn line(&mut self, cells: impl Iterator<Item = String>) {
        self.0.push_str(&format!("| {} |\n", cells.collect::<Vec<_>>().join(" | ")));
    }
}

fn epochs(epochs: &[Epoch]) -> Table {
    let row = |epoch: &Epoch| {
        vec![
            grouped(epoch.index as u64),
            format!("{:.6}", epoch.loss),
            epoch.test.accuracy.map_or_else(|| "-".to_owned(), |accuracy| format!("{accuracy:.4}")),
            format!("{:.6}", epoch.test.loss),
        ]
    };
    let split = epochs.last().map_or("test", |epoch| epoch.test.on.name());
    let [accuracy, loss] = ["accuracy", "loss"].map(|score| format!("{split} {score}"));
    Table {
        columns: vec![numbers("epoch"), numbers("loss"), numbers(accuracy), numbers(loss)],
        rows: epochs.iter().map(row).collect(),
    }
}

/// Evaluations with steps; `None` if the epochs show as much.
fn evaluations(run: &RunSummary) -> Option<Table> {
    let evaluations = run.evaluations;
    let has_training = evaluations.iter().any(|evaluation| evaluation.training.is_some());
    if evaluations.len() == run.epochs.len() && !has_training {
        return None;
    }
    let score = |evaluation: &Evaluation| {
        let accuracy =
            evaluation.accuracy.map_or_else(|| "-".to_owned(), |accuracy| format!("{accuracy:.4}"));
        [accuracy, format!("{:.6}", evaluation.loss)]
    };
    let row = |evaluation: &EvaluationRecord| {
        let steps = [grouped(evaluation.steps), format!("{:.6}", evaluation.loss)];
        let training = evaluation.training.as_ref().filter(|_| has_training).map(score);
        steps.into_iter().chain(score(&evaluation.test)).chain(training.into_iter().flatten()).collect()
    };
    let on = |evaluation: &Evaluation| {
        ["accuracy", "loss"].map(|score| numbers(format!("{} {score}", evaluation.on.name())))
    };
    let last = evaluations.last()?;
    let training = last.training.as_ref().map(on);
    let steps = [numbers("steps"), numbers("loss since the one before")];
    let columns = steps.into_iter().chain(on(&last.test)).chain(training.into_iter().flatten());
    Some(Table { columns: columns.collect(), rows: evaluations.iter().map(row).collect() })
}

/// Tables of scores on a split, with their titles.
fn results(result: &SplitScores) -> Vec<(String, Table)> {
    let SplitScores { on, names, scores, .. } = result;
    let title = |words: &str| match on {
        Some(on) => capitalised(&format!("{} {words}", on.name())),
        None => capitalised(words),
    };
    match scores {
        Scores::Values(scores) => vec![(title("scores"), score_tables::by_output_and_all(scores, names))],
        Scores::Classes(scores) => {
            let confusion = match score_tables::confusion(scores, names) {
                Some(table) => (title("confusion"), table),
                None => (title("confusion, most frequent"), score_tables::most_confused(scores, names)),
            };
            vec![
                (title("scores"), score_tables::of_classes(scores)),
                (title("scores by class"), score_tables::by_class(scores, names)),
                confusion,
            ]
        }
    }
}

fn capitalised(words: &str) -> String {
    let mut letters = words.chars();
    letters.next().map(|first| first.to_ascii_uppercase()).into_iter().chain(letters).collect()
}

/// The members of an object.
fn settings(settings: &Value) -> Table {
    let members = settings.as_object().into_iter().flatten();
    Table {
        columns: ["setting", "value"].map(words).into(),
        rows: members.map(|(name, value)| vec![name.clone(), plain(value)]).collect(),
    }
}

/// Text without quotes, and others as in JSON.
fn plain(value: &Value) -> String {
    match value {
        Value::Null => "-".to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// `text` on one line that shows as it is: no character of it is markup, and none ends a cell.
fn escaped(text: &str) -> String {
    let mut escaped = String::new();
    for character in text.chars() {
        match character {
            '\\' | '|' | '`' | '*' | '_' | '[' | ']' | '<' | '&' | '~' | '#' | '@' | '$' => {
                escaped.extend(['\\', character]);
            }
            _ if character.is_control() => escaped.push(' '),
            _ => escaped.push(character),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_no_markup() {
        assert_eq!(escaped("a|b\\|c"), "a\\|b\\\\\\|c");
        assert_eq!(escaped("*x*_y_ `z` <b>&lt;[t](u)"), "\\*x\\*\\_y\\_ \\`z\\` \\<b>\\&lt;\\[t\\](u)");
        assert_eq!(escaped("line\nbreak\r"), "line break ");
    }
}
