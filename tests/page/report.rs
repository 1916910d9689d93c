//! The page of an HTML report in a real browser: it shows the figures of its JSON and requests nothing.

use crate::browser::Browser;
use crate::browser::shown::{READY, Reported, UNEVEN};
use crate::browser::step::{list, number, part_name, text};
use crate::program::{Folder, SMALL, outcome};
use serde_json::{Value, json};

#[test]
fn chromium_shows_every_total_as_the_report_has_it() {
    let reported = Reported::new(&format!("train {UNEVEN} --every 3"));
    let mut shown = reported.open();
    let (plan, run) = (reported.plan(), &reported.json["run"]);
    let memory = &run["memory"];

    assert_eq!(shown.figure("[data-figure=planned-peak]"), number(&memory["planned_peak_bytes"]));
    assert_eq!(shown.figure("[data-figure=counted-peak]"), number(&memory["counted_peak_bytes"]));
    assert_eq!(shown.words("[data-agree=true]"), "as planned, to the byte");
    assert_eq!(shown.figure("[data-figure=activations]"), number(&plan["planned_activation_bytes"]));
    assert_eq!(shown.words("[data-figure=weights] .hash"), text(&run["weights_sha256"]));
    assert_eq!(shown.words("#network"), "6, 5, 7×3, 4, 9×5, 5, 3");
    assert!(shown.words("#setting").contains(&text(&reported.json["device"]["name"])));
    assert_eq!(shown.words("[data-driver=allocated], #driver dd"), "not reported");
    assert_eq!(shown.figure("[data-figure=allocations]"), 0);

    for account in ["planned", "counted"] {
        let mut sum = 0;
        for (category, both) in memory["categories"].as_object().unwrap() {
            let cell = format!("#totals-table [data-category={category}][data-account={account}]");
            let expected: &[u64] = if both["planned"] == 0 { &[] } else { &[number(&both[account])] };
            assert_eq!(shown.figures(&cell), expected, "{category}");
            sum += expected.iter().sum::<u64>();
        }
        let total = shown.figure(&format!("#totals-table [data-category=total][data-account={account}]"));
        assert_eq!(total, sum);
        assert_eq!(total, number(&memory[format!("{account}_peak_bytes")]));

        let rows = shown.figures(&format!("#interval-table [data-account={account}]"));
        let expected: Vec<_> =
            list(&memory["intervals"][account]).iter().map(|row| number(&row["live_peak_bytes"])).collect();
        assert_eq!(rows, expected);
    }
    for row in 0..list(&plan["interval_peaks"]).len() {
        let name = shown.words(&format!("[data-part='{row}'] button"));
        assert_eq!(name, part_name(&plan["interval_peaks"][row]));
    }

    shown.click("#ledger summary");
    let ledger = shown.figures("#ledger-table");
    assert_eq!(ledger, list(&run["ledger"]).iter().map(|event| number(&event["bytes"])).collect::<Vec<_>>());
    shown.click("#ledger-find");
    for letter in ["W", "3"] {
        shown.browser.eval(&format!("document.execCommand('insertText', false, '{letter}')"));
    }
    assert_eq!(
        shown.words("#ledger-table tbody"),
        shown.words("#ledger-table tbody tr"),
        "one row: {ledger:?}"
    );
    shown.is_quiet(&reported);
}

#[test]
fn chromium_is_ready_within_two_seconds_for_a_thousand_layers() {
    let command = "train --preset accuracy --data small.npz --layers 6,64x1000,3 --batch 8 --steps 2 --device cpu --budget 18MiB";
    let reported = Reported::new(command);
    let plan = reported.plan();
    assert_eq!(list(&plan["network"]["widths"]).len(), 1002);
    let bytes = reported.folder.read("r.html").len();
    assert!(bytes < 5_000_000, "{bytes} bytes");
    let mut shown = reported.open();
    let ready: f64 = text(&shown.browser.eval("document.body.dataset.readyMs")).parse().unwrap();
    println!("{bytes} bytes, ready after {ready} ms");
    assert!(ready < 2000.0, "ready after {ready} ms");

    // Where thousands of actions share a thousand pixels, the peak is drawn as high as when zoomed in.
    assert!(number(&plan["action_count"]) > 3000);
    let peak = number(&plan["peak_action"]) as usize;
    let plot = shown.plot();
    let from_afar = shown.top_of_stack(plot.x(peak));
    shown.click("[data-zoom=peak]");
    let plot = shown.plot();
    assert!(plot.actions[1] - plot.actions[0] < 50.0);
    assert_eq!(shown.top_of_stack(plot.x(peak)), from_afar);
    assert!(shown.top_of_stack(plot.x(peak - 8)) > from_afar, "other actions are lower");

    // The last interval, by keys through a long table.
    let last = list(&plan["interval_peaks"]).len() - 1;
    shown.browser.eval("document.querySelector('#interval-table button').focus()");
    shown.browser.press("End");
    shown.browser.press("Enter");
    assert_eq!(shown.browser.eval("document.getElementById('interval').dataset.part"), last.to_string());
    let peak = number(&plan["interval_peaks"][last]["live_peak_bytes"]);
    assert_eq!(shown.figure("[data-field=peak-sum]"), peak);
    // The readout keeps up with a moving pointer.
    shown.click("[data-zoom=all]");
    let plot = shown.plot();
    for step in 0..20 {
        shown.browser.move_to(plot.left + 10.0 + f64::from(step) * 20.0, plot.timeline);
    }
    let action = shown.cursor() as usize;
    shown.tells_of(&reported.json, action);
    shown.is_quiet(&reported);
}

#[test]
fn chromium_fits_dark_and_narrow_screens() {
    let reported = Reported::new(&format!("train {UNEVEN} --every 3"));
    let mut papers = Vec::new();
    for (width, is_dark) in [(1280, true), (360, false), (360, true)] {
        let mut shown = reported.open_at(width, is_dark);
        for action in [
            "",
            "document.getElementById('ledger').open = true",
            "document.querySelector('[data-part=\"2\"] button').click()",
            "document.querySelector('.matrix td').focus()",
        ] {
            shown.browser.eval(action);
            shown.browser.settle();
            let widths = shown
                .browser
                .eval("[document.documentElement.scrollWidth, document.documentElement.clientWidth]");
            assert_eq!(widths[0], widths[1], "{width} px, after {action:?}");
        }
        papers.push((is_dark, shown.browser.eval("getComputedStyle(document.body).backgroundColor")));
        let plot = shown.plot();
        shown.browser.move_to(plot.x(plot.actions[0] as usize + 3), plot.timeline);
        let action = shown.cursor() as usize;
        shown.tells_of(&reported.json, action);
        shown.click("#theme");
        let switched = shown.browser.eval("getComputedStyle(document.body).backgroundColor");
        assert_ne!(switched, papers.last().unwrap().1, "the button changes the theme");
        shown.is_quiet(&reported);
    }
    assert_eq!(papers[0].1, papers[2].1);
    assert_ne!(papers[0].1, papers[1].1);
}

#[test]
fn chromium_shows_a_plan_and_its_alternatives() {
    let reported = Reported::new(
        "plan --preset accuracy --data small.npz --layers 6,5x12,3 --batch 8 --device cpu --every 4",
    );
    let mut shown = reported.open();
    let (plan, outlook) = (reported.plan(), &reported.json["outlook"]);
    assert_eq!(shown.words("#kicker"), "ckpt-gpu · plan, not run");
    assert_eq!(shown.figure("[data-figure=planned-peak]"), number(&plan["planned_peak_bytes"]));
    assert!(shown.figures("[data-account=counted]").is_empty());
    let parts: Vec<Value> =
        list(&outlook["micro_batches"]).iter().flat_map(|row| list(&row["choices"]).to_vec()).collect();
    for (table, choices) in [
        ("frontier", list(&outlook["frontier"])),
        ("compared", list(&outlook["compared"])),
        ("micro-batches", &parts),
    ] {
        assert!(!choices.is_empty(), "{table}");
        for (field, key) in [
            ("device", "planned_peak_bytes"),
            ("pool", "planned_activation_bytes"),
            ("layers", "recomputed_layers"),
        ] {
            let expected: Vec<_> = choices.iter().map(|choice| number(&choice[key])).collect();
            assert_eq!(
                shown.figures(&format!("[data-table={table}] [data-field={field}]")),
                expected,
                "{table}"
            );
        }
    }
    let dots = shown.browser.eval("document.querySelectorAll('#outlook svg .dot').length");
    assert_eq!(number(&dots) as usize, list(&outlook["frontier"]).len());
    let plot = shown.plot();
    shown.browser.move_to(plot.x(5), plot.timeline);
    shown.tells_of(&reported.json, 5);
    shown.is_quiet(&reported);
}

#[test]
fn chromium_shows_a_bound_only_if_it_is_known() {
    const WORDS: &str = "No schedule in the same memory";
    let budget = "plan --preset accuracy --data small.npz --batch 8 --device cpu --budget";
    for (flags, is_known) in [("3000 --layers 6,5x12,3", true), ("24000 --layers 6,5x120,3", false)] {
        let reported = Reported::new(&format!("{budget} {flags}"));
        assert_eq!(reported.json["outlook"]["bound_flops"].is_number(), is_known);
        assert!(number(&reported.plan()["recomputed_layers"]) > 0);
        let mut shown = reported.open();
        assert_eq!(shown.words("#outlook-body").contains(WORDS), is_known);
        shown.is_quiet(&reported);
    }
}

#[test]
fn chromium_shows_which_micro_batches_do_not_fit() {
    let layers = "6,200000000,3";
    let reported = Reported::new(&format!(
        "plan --preset accuracy --data small.npz --layers {layers} --batch 24 --micro-batch 1 --device cpu"
    ));
    let rows = list(&reported.json["outlook"]["micro_batches"]);
    let fitting: Vec<_> = rows.iter().flat_map(|row| list(&row["choices"]).to_vec()).collect();
    assert!(rows[0]["micro_batch"] == 24 && list(&rows[0]["choices"]).is_empty() && !fitting.is_empty());
    let mut shown = reported.open();
    assert_eq!(shown.words("[data-table=micro-batches] tbody tr:first-child th"), "does not fit");
    let expected: Vec<_> = fitting.iter().map(|choice| number(&choice["planned_peak_bytes"])).collect();
    assert_eq!(shown.figures("[data-table=micro-batches] [data-field=device]"), expected);
    shown.is_quiet(&reported);
}

#[test]
fn chromium_shows_micro_batches_a_budget_and_action_times() {
    let command = format!("train {UNEVEN} --micro-batch 4 --budget 10KiB --report r.trace.json");
    let reported = Reported::new(&command);
    let mut shown = reported.open();
    let (plan, run) = (reported.plan(), &reported.json["run"]);
    assert_eq!(plan["parts"], 2);
    assert!(shown.words("#setting").contains("batches of 8 in 2 micro-batches of 4"));
    assert_eq!(shown.figures("[data-figure=budget]"), [10 * 1024]);
    let laps = list(&run["laps"]);
    assert_eq!(laps.len(), 2);
    let plot = shown.plot();
    let mut op = 0;
    for action in 0..number(&plan["action_count"]) as usize {
        if plan["actions"][action]["action"] == "release" {
            continue;
        }
        shown.browser.move_to(plot.x(action), plot.timeline);
        let took = shown
            .browser
            .eval("[...document.querySelectorAll('[data-field=time]')].map((time) => Number(time.value))");
        let expected: Vec<_> =
            laps.iter().map(|part| number(&part[op]["end"]) - number(&part[op]["start"])).collect();
        assert_eq!(took, json!(expected), "action {action}");
        op += 1;
    }
    assert_eq!(op, list(&laps[0]).len());
    shown.is_quiet(&reported);
}

#[test]
fn chromium_shows_where_plan_and_run_differ() {
    let reported = Reported::new(&format!("train {SMALL} --device cpu --every 2")).changed(|json| {
        let memory = &mut json["run"]["memory"];
        add(&mut memory["counted_peak_bytes"], 4);
        add(&mut memory["categories"]["deltas"]["counted"], 4);
        add(&mut memory["intervals"]["counted"][1]["live_peak_bytes"], 4);
        add(&mut json["run"]["live_bytes"]["deltas"][7], 4);
    });
    let mut shown = reported.open();
    assert_eq!(shown.words("[data-agree=false]"), "4 B more than planned");
    assert!(shown.words("#step-note").contains("differ from the plan at 1 action, first at action 7."));
    for (row, difference) in [("deltas", 4), ("checkpoints", 0), ("total", 4)] {
        let cell = format!("#totals-table [data-category={row}][data-account=difference]");
        assert_eq!(shown.figure(&cell), difference, "{row}");
    }
    assert_eq!(shown.figures("#interval-table [data-account=difference]"), [0, 4, 0]);
    let plot = shown.plot();
    for (action, alarms) in [(6, 0), (7, 2)] {
        shown.browser.move_to(plot.x(action), plot.timeline);
        shown.tells_of(&reported.json, action);
        let marked = shown.browser.eval("document.querySelectorAll('#at-bytes .alarm').length");
        assert_eq!(marked, alarms, "the category and the total");
    }
}

#[test]
fn chromium_shows_test_loss_of_a_regression() {
    let flags = "--data synthetic:sines --layers 8,6,1 --loss mse --batch 50 --epochs 2 --device cpu";
    let trained = Reported::new(&format!("train {flags}"));
    let mut shown = trained.open();
    let last = &list(&trained.json["run"]["epochs"])[1];
    assert!(last["accuracy"].is_null());
    let value = shown.browser.eval("Number(document.querySelector('[data-figure=test_loss]').value)");
    assert_eq!(value, last["test_loss"]);
    assert!(!shown.words("#learning-body").to_lowercase().contains("accuracy"));
    shown.is_quiet(&trained);

    let compared = Reported::new(&format!("compare {flags} --every 0,1 --repeats 1"));
    shown.browser.show(&compared.page(), READY);
    let value =
        "Number(document.querySelector('[data-strategy=store-all] [data-column=test_loss] data').value)";
    let last = &list(&list(&compared.json["strategies"])[0]["epochs"])[1];
    assert_eq!(shown.browser.eval(value), last["test_loss"]);
    assert!(shown.words("#time-table thead").contains("test loss"));
}

fn add(number: &mut Value, more: u64) {
    *number = json!(number.as_u64().unwrap() + more);
}

#[test]
fn chromium_explains_why_a_report_cannot_be_shown() {
    let newer = Reported::new(&format!("train {SMALL} --device cpu --every 2"))
        .changed(|json| json["schema"] = json!(99));
    let mut browser = Browser::start(1280, false);
    let problem = "document.getElementById('problem').textContent";
    browser.show(&newer.page(), &format!("{problem}.includes('cannot show')"));
    let words = text(&browser.eval(problem));
    assert!(words.contains("schema 99") && words.contains("JSON"), "{words}");
    assert_eq!(browser.eval("document.body.dataset.ready ?? 'no'"), "no");
    assert_ne!(browser.eval("getComputedStyle(document.getElementById('problem')).display"), "none");
    assert_eq!(browser.complaints().len(), 1, "the console has the error, too");
}

#[test]
fn chromium_shows_text_of_the_report_as_text() {
    let hostile = "<img src=x onerror=alert(1)>{{script}}</script><script>alert(2)</script>";
    let reported = Reported::new(&format!("train {SMALL} --device cpu --every 2")).changed(|json| {
        json["device"]["name"] = json!(hostile);
        json["program"] = json!(hostile);
        json["run"]["ledger"][0]["label"] = json!(hostile);
        json["plan"]["strategy"] = json!(hostile);
    });
    let mut shown = reported.open();
    shown.browser.eval("document.getElementById('ledger').open = true");
    shown.browser.settle();
    for place in ["#setting", "#foot", "#ledger-table"] {
        assert!(shown.words(place).contains(hostile), "{place}");
    }
    assert_eq!(shown.browser.eval("document.querySelectorAll('img').length"), 0);
    shown.is_quiet(&reported);
}

/// Names of files, columns and classes are text on the page, whatever they say.
#[cfg(unix)]
#[test]
fn chromium_runs_no_script_that_names_of_files_and_columns_hold() {
    let script = "<script>window.hostile=1</script>";
    let image = "<img src=x onerror=window.hostile=1>";
    let folder = Folder::new();
    // A name of a file cannot hold a slash.
    let name = format!("{}.csv", image.replace(' ', "\t"));
    let row = |x: i32, class: &str| format!("{x},\"{class}\"\n");
    let rows: String = (0..40).map(|n| row(n, if n % 2 == 0 { script } else { image })).collect();
    folder.write(&name, format!("\"{script}\",\"{image}\"\n{rows}").as_bytes());
    for command in ["train --epochs 1", "plan", "compare --every 0,1 --repeats 1"] {
        let mut run = folder.command(command);
        run.args([
            "--data",
            &name,
            "--target",
            image,
            "--hidden",
            "3",
            "--device",
            "cpu",
            "--report",
            "page.html",
        ]);
        outcome(&mut run).succeeded();
        let mut browser = Browser::start(1280, false);
        browser.show(&folder.path("page.html"), READY);
        assert_eq!(browser.eval("window.hostile ?? 0"), 0, "{command}");
        assert_eq!(browser.eval("document.querySelectorAll('img').length"), 0, "{command}");
        assert!(browser.complaints().is_empty(), "{command}: {:?}", browser.complaints());
        let page = text(&browser.eval("document.documentElement.textContent"));
        assert!(page.contains("onerror=window.hostile"), "{command}: {page}");
    }
}
