//! The page of an evaluation.

use crate::browser::shown::{READY, Reported};
use crate::browser::step::{list, number};
use crate::program::{Folder, SMALL};
use crate::scores::holds_scores;

#[test]
fn chromium_shows_an_evaluation_in_both_themes_and_on_narrow_screens() {
    let folder = Folder::new();
    folder.run(&format!("train {SMALL} --device cpu --save m.npz")).succeeded();
    let reported = Reported::of(folder, "eval m.npz --data small.npz --device cpu");
    let result = &reported.json["results"][0];
    assert!(reported.json["command"] == "eval" && result["evaluated_on"] == "test");
    let cells: Vec<u64> = list(&result["scores"]["confusion"]).iter().flat_map(list).map(number).collect();
    for (width, is_dark) in [(1280, false), (1280, true), (360, true)] {
        let mut shown = reported.open_at(width, is_dark);
        assert_eq!(shown.words("#network"), "6, 5×3, 3");
        assert!(shown.words("#setting").contains("m.npz · on small.npz"));
        assert_eq!(shown.words(".result h3"), "Test split, 9 samples");
        assert_eq!(shown.figures(".matrix td"), cells);
        let keys = ["precision", "recall", "f1"];
        holds_scores(&mut shown, "by-class", &result["names"], &result["scores"]["by_class"], &keys);
        let overflow = "document.documentElement.scrollWidth - document.documentElement.clientWidth";
        assert_eq!(shown.browser.eval(overflow), 0, "{width} px");
        assert_eq!(shown.words("#theme"), if is_dark { "Light" } else { "Dark" });
        let paper = shown.browser.eval("getComputedStyle(document.body).backgroundColor");
        shown.click("#theme");
        assert_ne!(shown.browser.eval("getComputedStyle(document.body).backgroundColor"), paper);
        shown.is_quiet(&reported);
    }
    // A newer report is not shown as if it were an old one.
    let newer = reported.changed(|json| json["schema"] = 99.into());
    let mut shown = newer.open_as("document.getElementById('problem').textContent.includes('schema 99')");
    assert_ne!(shown.browser.eval(READY), true);
}
