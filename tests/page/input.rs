//! Pointer and keys on the page of a report: its answers have the figures of its JSON.

use std::collections::BTreeSet;

use crate::browser::shown::{Reported, UNEVEN};
use crate::browser::step::{ACTIVATIONS, Stay, list, live, number, part_name, stays, text};
use serde_json::json;

/// The numbers of "1, 4–6".
fn unrolled(ranges: &str) -> Vec<u64> {
    let bounds = |run: &str| -> Vec<u64> { run.split('–').map(|bound| bound.parse().unwrap()).collect() };
    ranges.split(", ").map(bounds).flat_map(|run| run[0]..=run[run.len() - 1]).collect()
}

#[test]
fn chromium_shows_the_action_and_value_under_the_pointer() {
    answers_the_pointer(&Reported::new(&format!("train {UNEVEN} --every 3")));
}

#[test]
fn chromium_shows_values_under_the_pointer_that_share_a_block() {
    let network = "--layers 6,100,20,60x3,3 --batch 8 --steps 1 --device software --no-fuse --every 2";
    let reported = Reported::new(&format!("train --preset accuracy --data small.npz {network}"));
    assert!(stays(reported.plan()).iter().any(|stay| stay.offset > 0));
    assert!(number(&reported.plan()["categories"]["fragmentation"]) > 0);
    answers_the_pointer(&reported);
}

fn answers_the_pointer(reported: &Reported) {
    let mut shown = reported.open();
    let plan = reported.plan();
    let stays = stays(plan);
    shown.tells_of(&reported.json, number(&plan["peak_action"]) as usize);
    let plot = shown.plot();
    for action in 0..number(&plan["action_count"]) as usize {
        live(plan, &stays, action);
        shown.browser.move_to(plot.x(action), plot.timeline);
        shown.tells_of(&reported.json, action);
    }
    for stay in &stays {
        let action = (stay.from + stay.until - 1) / 2;
        shown.browser.move_to(plot.x(action), plot.y(plan, stay));
        assert_eq!(shown.words("#at-slot [data-field=value]"), stay.value);
        assert!(shown.words("#at-slot").contains(&stay.category), "{stay:?}");
        assert_eq!(shown.words("#at-slot [data-field=slot]"), format!("slot {}", stay.slot));
        assert_eq!(shown.words("#at-slot [data-field=block]"), format!("block {}", stay.block));
        let fields = ["offset", "bytes", "from", "until"]
            .map(|field| shown.figure(&format!("#at-slot [data-field={field}]")));
        assert_eq!(fields, [stay.offset, stay.bytes, stay.from as u64, stay.until as u64], "{stay:?}");
        assert_eq!(shown.cursor(), action as u64);
    }
    shown.is_quiet(reported);
}

#[test]
fn chromium_shows_checkpoints_recomputed_layers_and_peak_of_an_interval() {
    let reported = Reported::new(&format!("train {UNEVEN} --every 3"));
    let mut shown = reported.open();
    let plan = reported.plan();
    let stays = stays(plan);
    for (index, part) in list(&plan["interval_peaks"]).iter().enumerate() {
        shown.click(&format!("[data-part='{index}'] button"));
        assert_eq!(shown.browser.eval("document.getElementById('interval').dataset.part"), index.to_string());
        let [first, end] = [0, 1].map(|bound| number(&part["actions"][bound]) as usize);

        let held: Vec<_> = (stays.iter())
            .filter(|stay| stay.category == "checkpoints")
            .filter(|stay| (first..end).any(|action| stay.from <= action && action < stay.until))
            .collect();
        if held.is_empty() {
            assert_eq!(shown.words("#interval [data-field=held]"), "none");
        } else {
            let words = shown.words("[data-field=held-values]");
            let states = unrolled(words.trim_start_matches("states ").trim_start_matches("state "));
            let expected: BTreeSet<u64> = held.iter().map(|stay| stay.value[6..].parse().unwrap()).collect();
            assert_eq!(states, expected.into_iter().collect::<Vec<_>>(), "{words}");
            assert_eq!(
                shown.figure("[data-field=held-bytes]"),
                held.iter().map(|stay| stay.bytes).sum::<u64>()
            );
        }

        let recomputed: Vec<u64> = list(&plan["actions"])[first..end]
            .iter()
            .flat_map(|action| match action["action"].as_str() {
                Some("recompute") => number(&action["layers"][0])..number(&action["layers"][1]),
                Some("backward") => number(&action["layers"][0])..number(&action["layers"][1]) - 1,
                _ => 0..0,
            })
            .collect();
        if recomputed.is_empty() {
            assert_eq!(shown.words("#interval [data-field=recomputed]"), "none");
        } else {
            let words = shown.words("[data-field=recomputed-layers]");
            assert_eq!(
                unrolled(&words),
                recomputed.iter().copied().collect::<BTreeSet<_>>().into_iter().collect::<Vec<_>>()
            );
            let flops =
                recomputed.iter().map(|&layer| number(&plan["forward_flops_by_layer"][layer as usize]));
            assert_eq!(shown.figure("[data-field=recomputed-flops]"), flops.sum::<u64>());
        }

        let peak = number(&part["peak_action"]);
        let live = live(plan, &stays, peak as usize);
        assert_eq!(shown.figure("[data-field=peak-action]"), peak);
        assert_eq!(shown.figure("[data-field=peak-bytes]"), number(&part["live_peak_bytes"]));
        assert_eq!(shown.figures("#interval tbody"), live.iter().map(|stay| stay.bytes).collect::<Vec<_>>());
        assert_eq!(shown.figure("[data-field=peak-sum]"), live.iter().map(|stay| stay.bytes).sum::<u64>());
        let names = shown
            .browser
            .eval("[...document.querySelectorAll('#interval [data-value]')].map((row) => row.dataset.value)");
        assert_eq!(names, json!(live.iter().map(|stay| &stay.value).collect::<Vec<_>>()));

        let plot = shown.plot();
        assert!(plot.actions[0] <= first as f64 && plot.actions[1] >= end as f64, "{:?}", plot.actions);
        assert_eq!(shown.cursor(), peak);
    }
    // A click on a name above the plot selects, too.
    shown.click("[data-zoom=all]");
    let plot = shown.plot();
    shown.browser.click(plot.x(1), plot.names);
    assert_eq!(shown.browser.eval("document.getElementById('interval').dataset.part"), "0");
    shown.is_quiet(&reported);
}

#[test]
fn chromium_follows_keys() {
    let reported = Reported::new(&format!("train {UNEVEN} --every 3"));
    let mut shown = reported.open();
    let plan = reported.plan();
    let last = number(&plan["action_count"]) as usize - 1;
    let parts = list(&plan["interval_peaks"]);
    let start = |part: usize| number(&parts[part]["actions"][0]) as usize;
    shown.browser.eval("document.getElementById('plot').focus()");
    for (key, expected) in [
        ("Home", 0),
        ("ArrowLeft", 0),
        ("ArrowRight", 1),
        ("ArrowRight", 2),
        ("ArrowLeft", 1),
        ("PageDown", start(1)),
        ("Shift+ArrowRight", start(2)),
        ("PageUp", start(1)),
        ("Shift+ArrowLeft", start(0)),
        ("End", last),
        ("ArrowRight", last),
    ] {
        shown.browser.press(key);
        shown.tells_of(&reported.json, expected);
    }
    shown.browser.press("+");
    let [from, to] = shown.plot().actions;
    assert!(to - from < last as f64 && from <= last as f64 && to > last as f64, "{from}..{to}");
    shown.browser.press("Home");
    assert!(shown.plot().actions[0] < 1.0, "the view follows the cursor");
    shown.browser.press("0");
    assert_eq!(shown.plot().actions, [0.0, last as f64 + 1.0]);
    shown.browser.press("Enter");
    assert_eq!(shown.browser.eval("document.getElementById('interval').dataset.part"), "0");
    shown.browser.press("Escape");
    assert_eq!(shown.browser.eval("document.getElementById('interval').dataset.part ?? 'none'"), "none");
    shown.tells_of(&reported.json, number(&plan["peak_action"]) as usize);
    let outline = "getComputedStyle(document.activeElement).outlineStyle";
    assert_ne!(shown.browser.eval(outline), "none", "the focus is visible");

    // Up and down go through values in order of their addresses.
    let action = number(&plan["peak_action"]) as usize;
    let mut live = live(plan, &stays(plan), action);
    let plot = shown.plot();
    live.sort_by(|a, b| plot.y(plan, a).total_cmp(&plot.y(plan, b)));
    for stay in live.iter().chain(live.last()) {
        shown.browser.press("ArrowDown");
        assert_eq!(shown.words("#at-slot [data-field=value]"), stay.value);
    }
    shown.browser.press("ArrowUp");
    assert_eq!(shown.words("#at-slot [data-field=value]"), live[live.len() - 2].value);

    // The table is one tab stop; arrows go between rows.
    shown.browser.eval("document.querySelector('#interval-table button[tabindex=\"0\"]').focus()");
    shown.browser.press("ArrowDown");
    shown.browser.press(" ");
    assert_eq!(shown.browser.eval("document.getElementById('interval').dataset.part"), "1");
    // Screen readers are told once keys rest.
    shown.browser.eval("document.getElementById('plot').focus()");
    shown.browser.press("ArrowRight");
    let spoken =
        "new Promise((done) => setTimeout(() => done(document.getElementById('spoken').textContent), 400))";
    let cursor = shown.cursor();
    assert!(text(&shown.browser.eval(spoken)).starts_with(&format!("action {cursor}, ")));
    shown.is_quiet(&reported);
}

#[test]
fn chromium_zooms_by_mouse_and_buttons() {
    let reported = Reported::new(&format!("train {UNEVEN} --every 3"));
    let mut shown = reported.open();
    let plan = reported.plan();
    let count = number(&plan["action_count"]) as f64;
    let plot = shown.plot();
    shown.browser.drag([plot.x(10) - 1.0, plot.timeline], [plot.x(30), plot.timeline]);
    let [from, to] = shown.plot().actions;
    assert!((from - 10.5).abs() < 1.0 && (to - 30.5).abs() < 1.0, "{from}..{to}");

    let plot = shown.plot();
    shown.browser.wheel(plot.x(20), plot.timeline, -200.0);
    let closer = shown.plot();
    assert!(closer.actions[1] - closer.actions[0] < to - from);
    assert!((closer.x(20) - plot.x(20)).abs() < 1.0, "the action under the pointer stays there");
    shown.browser.move_to(closer.x(20), closer.timeline);
    shown.tells_of(&reported.json, 20);

    // A box in the pool zooms into addresses, too.
    let pool = closer.addresses[1];
    let [top, bottom] = closer.slots;
    let (x, quarter) = (closer.x(20), (bottom - top) / 4.0);
    shown.browser.drag([x - 60.0, top + quarter], [x + 60.0, bottom - quarter]);
    let [low, high] = shown.plot().addresses;
    assert!(
        (low - pool / 4.0).abs() < pool / 50.0 && (high - pool * 0.75).abs() < pool / 50.0,
        "{low}..{high}"
    );
    let boxed = shown.plot();
    let inside = |stay: &&Stay| (top + 3.0..bottom - 3.0).contains(&boxed.y(plan, stay));
    let stays = stays(plan);
    let stay = live(plan, &stays, 20).into_iter().find(|stay| inside(&stay)).unwrap();
    shown.browser.move_to(boxed.x(20), boxed.y(plan, &stay));
    assert_eq!(shown.words("#at-slot [data-field=value]"), stay.value);

    shown.click("[data-zoom=out]");
    let further = shown.plot().actions;
    assert!(further[1] - further[0] > boxed.actions[1] - boxed.actions[0]);
    shown.click("[data-zoom=all]");
    assert_eq!(shown.plot().actions, [0.0, count]);
    assert_eq!(shown.plot().addresses, [0.0, pool]);
    let plot = shown.plot();
    shown.browser.move_to(plot.x(20), plot.timeline);

    shown.click("[data-scope=everything]");
    let total = shown.figure("#at-bytes [data-category=total][data-account=planned]");
    let beside = number(&plan["planned_peak_bytes"]) - number(&plan["planned_activation_bytes"]);
    let live: u64 = ACTIVATIONS.iter().map(|name| number(&plan["live_bytes"][*name][20])).sum();
    assert_eq!(total, beside + live);
    assert_eq!(
        shown.figure("#at-bytes [data-category=parameters][data-account=planned]"),
        number(&plan["categories"]["parameters"])
    );
    shown.is_quiet(&reported);
}

#[test]
fn chromium_holds_only_the_rows_in_view_of_long_tables() {
    // A thousand intervals of one layer each.
    let reported = Reported::new(
        "plan --preset accuracy --data small.npz --layers 6,5x999,3 --batch 8 --device cpu --every 1",
    );
    let mut shown = reported.open();
    let parts = list(&reported.plan()["interval_peaks"]);
    assert!(parts.len() > 900, "{}", parts.len());
    let rows = shown.browser.eval("document.querySelectorAll('#interval-table tbody tr').length");
    assert!(number(&rows) < 200, "{rows}");
    for part in [400, 3, parts.len() - 1, 500] {
        shown.browser.eval(&format!(
            "(() => {{ const scroll = document.getElementById('interval-scroll');
            scroll.scrollTop = (scroll.scrollHeight - scroll.clientHeight) * {part} / {}; }})()",
            parts.len() - 1
        ));
        shown.browser.settle();
        assert_eq!(shown.words(&format!("[data-part='{part}'] button")), part_name(&parts[part]));
        let peak = shown.figure(&format!("[data-part='{part}'] [data-account=planned]"));
        assert_eq!(peak, number(&parts[part]["live_peak_bytes"]));
        shown.click(&format!("[data-part='{part}'] button"));
        assert_eq!(shown.figure("[data-field=peak-bytes]"), peak);
    }
    shown.is_quiet(&reported);
}
