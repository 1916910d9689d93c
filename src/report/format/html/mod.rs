//! A self-contained HTML page: a skeleton with styles, scripts and the JSON report inside.

use serde_json::Value;

use crate::report::format::svg;
use crate::report::{Content, Report, json};

const STYLE: &str =
    concat!(include_str!("page.css"), include_str!("comparison.css"), include_str!("scores.css"));

/// Scripts of every page.
const SHARED: &[&str] = &[
    include_str!("script/format.js"),
    include_str!("script/dom.js"),
    include_str!("script/theme.js"),
    include_str!("script/table.js"),
    include_str!("script/places.js"),
    include_str!("script/chart.js"),
    include_str!("script/splits.js"),
    include_str!("script/report.js"),
];

/// Scripts that show scores of a network.
const SCORES: &[&str] = &[
    include_str!("script/confusion.js"),
    include_str!("script/scatter.js"),
    include_str!("script/scores.js"),
];

/// Scripts that show a plan or a run.
const PLAN: &[&str] = &[
    include_str!("script/model.js"),
    include_str!("script/values.js"),
    include_str!("script/state.js"),
    include_str!("script/plot.js"),
    include_str!("script/timeline.js"),
    include_str!("script/slots.js"),
    include_str!("script/input.js"),
    include_str!("script/readout.js"),
    include_str!("script/headline.js"),
    include_str!("script/intervals.js"),
    include_str!("script/detail.js"),
    include_str!("script/totals.js"),
    include_str!("script/ledger.js"),
    include_str!("script/learning.js"),
    include_str!("script/outlook.js"),
    include_str!("script/main.js"),
];

/// Scripts that show strategies side by side.
const COMPARISON: &[&str] = &[
    include_str!("script/curves.js"),
    include_str!("script/comparison.js"),
    include_str!("script/main_comparison.js"),
];

/// Scripts that show an evaluation.
const EVALUATION: &[&str] = &[include_str!("script/main_evaluation.js")];

/// The page with the whole JSON report inside.
pub(super) fn page(report: &Report) -> String {
    let data = json::report(report);
    match report.content {
        Content::Plan(_) | Content::Run(..) => {
            filled("report", include_str!("page.html"), &[SCORES, PLAN], &data)
        }
        Content::Comparison(summary) => {
            let body = include_str!("comparison.html").replace("{{plot}}", &svg::inline(summary.comparison));
            filled("comparison", &body, &[COMPARISON], &data)
        }
        Content::Evaluation(_) => {
            filled("evaluation", include_str!("evaluation.html"), &[SCORES, EVALUATION], &data)
        }
    }
}

fn filled(title: &str, body: &str, scripts: &[&[&str]], data: &Value) -> String {
    let skeleton = include_str!("frame.html").replace("{{title}}", title).replace("{{body}}", body);
    let scripts: String = [SHARED].iter().chain(scripts).copied().flatten().copied().collect();
    let script = format!("(() => {{\n\"use strict\";\n{scripts}}})();");
    // No text of the report can end the script element that carries it.
    let data = data.to_string().replace('<', "\\u003c");
    // The data comes last, because it may hold the names of the other placeholders.
    skeleton.replace("{{style}}", STYLE).replace("{{script}}", &script).replace("{{report}}", &data)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn report_text_cannot_leave_its_element() {
        let hostile =
            json!({ "device": "</script><script>alert(1)</script><!--<script {{script}} {{style}}" });
        let page = filled("report", include_str!("page.html"), &[SCORES, PLAN], &hostile);
        let start = "id=\"report\">";
        let (_, data) = page.split_once(start).unwrap();
        let (data, rest) = data.split_once("</script>").unwrap();
        assert_eq!(serde_json::from_str::<Value>(data).unwrap(), hostile);
        assert!(!rest.contains("alert(1)") && !rest.contains("{{"), "{rest}");
    }

    #[test]
    fn page_requests_nothing() {
        let page = filled("report", include_str!("page.html"), &[SCORES, PLAN], &json!({}));
        for outside in ["http:", "https:", "//cdn", "src=", "@import", "url(", "fetch(", "innerHTML"] {
            // The name of SVG's namespace is no address that a browser requests.
            assert!(!page.replace("http://www.w3.org/2000/svg", "").contains(outside), "{outside}");
        }
        assert!(page.contains("default-src 'none'"));
    }
}
