//! Formats of report files, one file or directory each, and the table of them.

mod csv;
mod html;
mod markdown;
mod range_plot;
mod svg;
mod trace;

pub use markdown::sweep_page;
pub use range_plot::range_plot;

use super::{ComparisonSummary, Content, PlanSummary, Report, RunSummary, json};

/// A format of report files, chosen by the end of the file's name.
#[derive(Debug)]
pub(super) struct Format {
    /// End of the names of its files, in lower case.
    pub ending: &'static str,
    /// What its files hold, in a few words for help.
    pub summary: &'static str,
    /// Shows how long each action of a step took, which is measured only if a report asks for it.
    pub shows_action_times: bool,
    /// Shows scores of the result, which are computed only if a report asks for them.
    pub shows_scores: bool,
    writer: Writer,
}

/// Makes a file's text from the reports that its format is for.
#[derive(Debug)]
enum Writer {
    Any(fn(&Report) -> String),
    /// Plans, and runs with what was counted.
    Step(fn(&PlanSummary, Option<&RunSummary>) -> String),
    Comparison(fn(&ComparisonSummary) -> String),
}

/// The kind of a report's [`Content`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A plan or a run.
    Step,
    Comparison,
    Evaluation,
}

/// All formats, in the order in which help and messages list them.
const ALL: &[Format] = &[
    Format {
        ending: ".json",
        summary: "every figure",
        shows_action_times: false,
        shows_scores: true,
        writer: Writer::Any(json::text),
    },
    Format {
        ending: ".csv",
        summary: "a table of figures",
        shows_action_times: false,
        shows_scores: false,
        writer: Writer::Any(csv::table),
    },
    Format {
        ending: ".html",
        summary: "an interactive page",
        shows_action_times: false,
        shows_scores: true,
        writer: Writer::Any(html::page),
    },
    Format {
        ending: ".md",
        summary: "tables in Markdown",
        shows_action_times: false,
        shows_scores: true,
        writer: Writer::Any(markdown::document),
    },
    Format {
        ending: ".trace.json",
        summary: "one step for Perfetto",
        shows_action_times: true,
        shows_scores: false,
        writer: Writer::Step(trace::step),
    },
    Format {
        ending: ".svg",
        summary: "time against memory",
        shows_action_times: false,
        shows_scores: false,
        writer: Writer::Comparison(svg::plot),
    },
];

/// The formats for reports of this kind.
pub(super) fn all_for(kind: Kind) -> impl Iterator<Item = &'static Format> {
    ALL.iter().filter(move |format| format.is_for(kind))
}

/// The format of a file of this name: `step.trace.json` is a trace, although it ends in `.json`, too.
pub(super) fn of_name(name: &str) -> Option<&'static Format> {
    let name = name.to_lowercase();
    ALL.iter().filter(|format| name.ends_with(format.ending)).max_by_key(|format| format.ending.len())
}

impl Format {
    /// `true` if it can hold reports of this kind.
    pub fn is_for(&self, kind: Kind) -> bool {
        match self.writer {
            Writer::Any(_) => true,
            Writer::Step(_) => kind == Kind::Step,
            Writer::Comparison(_) => kind == Kind::Comparison,
        }
    }

    /// The text of a file with `report`; `None` if the format is for other kinds of report.
    pub fn text(&self, report: &Report) -> Option<String> {
        match (&self.writer, report.content) {
            (Writer::Any(write), _) => Some(write(report)),
            (Writer::Step(write), Content::Plan(outlook)) => Some(write(&outlook.summary, None)),
            (Writer::Step(write), Content::Run(summary, run)) => Some(write(summary, Some(run))),
            (Writer::Comparison(write), Content::Comparison(summary)) => Some(write(summary)),
            (Writer::Step(_), Content::Comparison(_) | Content::Evaluation(_)) => None,
            (Writer::Comparison(_), Content::Plan(_) | Content::Run(..) | Content::Evaluation(_)) => None,
        }
    }
}
