//! One self-contained page: a skeleton with its styles, scripts and data inside.

use serde_json::Value;

use crate::report::format::svg;
use crate::report::{Content, Report, json};

const STYLE: &str = concat!(include_str!("page.css"), include_str!("comparison.css"));

/// What any page of ours needs.
const SHARED: &[&str] = &[
    include_str!("script/format.js"),
    include_str!("script/dom.js"),
    include_str!("script/theme.js"),
    include_str!("script/table.js"),
    include_str!("script/chart.js"),
    include_str!("script/curves.js"),
    include_str!("script/report.js"),
];

/// What shows the report of one plan.
const OF_A_PLAN: &[&str] = &[
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
    include_str!("script/outlook.js"),
    include_str!("script/main.js"),
];

/// What shows strategies side by side.
const OF_A_COMPARISON: &[&str] =
    &[include_str!("script/comparison.js"), include_str!("script/main_comparison.js")];

/// The page with the whole JSON report inside.
pub(super) fn page(report: &Report) -> String {
    let data = json::report(report);
    match report.content {
        Content::Plan(_) | Content::Run(..) => filled(include_str!("page.html"), OF_A_PLAN, &data),
        Content::Comparison(summary) => {
            let skeleton = include_str!("comparison.html");
            filled(&skeleton.replace("{{plot}}", &svg::inline(summary.comparison)), OF_A_COMPARISON, &data)
        }
    }
}

fn filled(skeleton: &str, scripts: &[&str], data: &Value) -> String {
    let script = format!("(() => {{\n\"use strict\";\n{}}})();", [SHARED, scripts].concat().concat());
    // No text of the report can end the script element that carries it.
    let data = data.to_string().replace('<', "\\u003c");
    // The data comes last, since it may hold any text.
    skeleton.replace("{{style}}", STYLE).replace("{{script}}", &script).replace("{{report}}", &data)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn text_of_the_report_stays_data() {
        let hostile =
            json!({ "device": "</script><script>alert(1)</script><!--<script {{script}} {{style}}" });
        let page = filled(include_str!("page.html"), OF_A_PLAN, &hostile);
        let start = "id=\"report\">";
        let (_, data) = page.split_once(start).unwrap();
        let (data, rest) = data.split_once("</script>").unwrap();
        assert_eq!(serde_json::from_str::<Value>(data).unwrap(), hostile);
        assert!(!rest.contains("alert(1)") && !rest.contains("{{"), "{rest}");
    }

    #[test]
    fn a_page_asks_for_nothing_outside_itself() {
        let page = filled(include_str!("page.html"), OF_A_PLAN, &json!({}));
        for outside in ["http:", "https:", "//cdn", "src=", "@import", "url(", "fetch(", "innerHTML"] {
            // The name of SVG's namespace is not an address that anything asks.
            assert!(!page.replace("http://www.w3.org/2000/svg", "").contains(outside), "{outside}");
        }
        assert!(page.contains("default-src 'none'"));
    }
}
