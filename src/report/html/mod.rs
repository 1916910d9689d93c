//! One self-contained page.

use crate::report::{Report, json};

/// The page with the whole JSON report inside.
pub(super) fn report(report: &Report) -> String {
    // No text of the report can end the script element that carries it.
    let data = json::report(report).to_string().replace('<', "\\u003c");
    include_str!("page.html").replace("{{report}}", &data)
}
