//! Scores on the page of a run: the confusion matrix, predictions and tables have the figures of the JSON.

use crate::browser::shown::{Reported, Shown, UNEVEN};
use crate::browser::step::{list, number, text};
use crate::program::Folder;
use serde_json::{Value, json};

/// Holds the cells of a table of scores to `rows`, and its first column to `names`.
pub fn holds_scores(shown: &mut Shown, table: &str, names: &Value, rows: &Value, keys: &[&str]) {
    let heads = shown.browser.eval(&format!(
        "[...document.querySelectorAll('[data-table={table}] tbody th')].map((head) => head.textContent)"
    ));
    assert_eq!(heads, *names);
    for key in keys {
        let values = shown.browser.eval(&format!(
            "[...document.querySelectorAll('[data-table={table}] [data-score={key}] data')].map((data) =>
                data.textContent === 'undefined' ? null : Number(data.value))"
        ));
        let expected: Vec<_> = list(rows).iter().map(|row| &row[*key]).collect();
        let found: Vec<_> = list(&values).iter().collect();
        assert_eq!(found.len(), expected.len(), "{key}");
        for (found, expected) in found.into_iter().zip(expected) {
            assert_eq!(found.as_f64(), expected.as_f64(), "{key}");
        }
    }
}

fn headline(shown: &mut Shown, score: &str) -> f64 {
    let value = shown
        .browser
        .eval(&format!("Number(document.querySelector('.headline [data-score={score}] data').value)"));
    value.as_f64().unwrap()
}

/// The lowest contrast of text and background of the cells, and of such with all shares, by the formula of WCAG 2.
fn lowest_contrast(shown: &mut Shown) -> f64 {
    let contrast = shown.browser.eval(
        "(() => {
            const ink = new OffscreenCanvas(1, 1).getContext('2d', { willReadFrequently: true });
            const light = (colour) => {
                ink.fillStyle = colour;
                ink.fillRect(0, 0, 1, 1);
                const parts = [...ink.getImageData(0, 0, 1, 1).data].slice(0, 3).map((part) => part / 255);
                const [r, g, b] = parts.map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
                return 0.2126 * r + 0.7152 * g + 0.0722 * b;
            };
            const contrast = (cell) => {
                const { color, backgroundColor } = getComputedStyle(cell);
                const [less, more] = [light(color), light(backgroundColor)].sort((a, b) => a - b);
                return (more + 0.05) / (less + 0.05);
            };
            const cells = [...document.querySelectorAll('.matrix td')];
            const found = cells.map(contrast);
            const cell = cells.find((cell) => !cell.classList.contains('quiet'));
            const own = cell.style.getPropertyValue('--share');
            for (let share = 0; share <= 100; share += 5) {
                cell.style.setProperty('--share', `${share}%`);
                found.push(contrast(cell));
            }
            cell.style.setProperty('--share', own);
            return Math.min(...found); })()",
    );
    contrast.as_f64().unwrap()
}

/// Everything that is used by keys says how, and captions keep their words apart.
fn has_described_controls(shown: &mut Shown) {
    let about = shown.browser.eval(
        "[...document.querySelectorAll('#learning [role=application], #results [role=application], .matrix')]
            .map((node) => document.getElementById(node.getAttribute('aria-describedby'))?.textContent ?? '')",
    );
    assert!(!list(&about).is_empty());
    for hint in list(&about) {
        assert!(hint.as_str().unwrap().contains("Point at "), "{about}");
    }
    let ids = shown.browser.eval("[...document.querySelectorAll('[id]')].map((node) => node.id)");
    let unique: std::collections::BTreeSet<_> = list(&ids).iter().map(text).collect();
    assert_eq!(unique.len(), list(&ids).len());
    let captions = shown
        .browser
        .eval("[...document.querySelectorAll('#learning figcaption')].map((node) => node.textContent)");
    for caption in list(&captions) {
        assert!(text(caption).contains(" by step "), "{caption}");
        assert!(!text(caption).contains("splittest"), "{caption}");
    }
}

/// Holds the readout of a cell to the matrix.
fn tells_of_cell(shown: &mut Shown, result: &Value, [row, column]: [usize; 2]) {
    let matrix = list(&result["scores"]["confusion"]);
    let [of_true, of_predicted] = [
        list(&matrix[row]).iter().map(number).sum::<u64>(),
        matrix.iter().map(|cells| number(&cells[column])).sum::<u64>(),
    ];
    let samples = number(&matrix[row][column]);
    assert_eq!(shown.words(".cell [data-field=true]"), text(&result["names"][row]));
    assert_eq!(shown.words(".cell [data-field=predicted]"), text(&result["names"][column]));
    assert_eq!(shown.figure(".cell [data-field=samples]"), samples);
    for (field, all) in [("of-true", of_true), ("of-predicted", of_predicted)] {
        let words = shown.words(&format!(".cell [data-field={field}]"));
        if all == 0 {
            assert_eq!(words, "no samples");
            continue;
        }
        let (share, of) = words.split_once(" % of ").unwrap();
        assert_eq!(of, all.to_string());
        let expected = 100.0 * samples as f64 / all as f64;
        assert!((share.parse::<f64>().unwrap() - expected).abs() <= 0.051, "{words}, expected {expected}");
    }
}

#[test]
fn chromium_shows_the_confusion_matrix_and_scores_of_classes() {
    let flags = "--data small.npz --layers 6,8,3 --batch 8 --epochs 2 --lr 0.01 --device cpu";
    let reported = Reported::new(&format!("train {flags}"));
    let results = list(&reported.json["results"]);
    assert_eq!(results.len(), 1);
    let result = &results[0];
    let scores = &result["scores"];
    assert_eq!((&result["evaluated_on"], number(&result["samples"])), (&json!("test"), 9));
    let mut shown = reported.open();
    assert_eq!(shown.words(".result h3"), "Test split, 9 samples");
    let cells: Vec<u64> = list(&scores["confusion"]).iter().flat_map(list).map(number).collect();
    assert_eq!(shown.figures(".matrix td"), cells);
    assert_eq!(cells.iter().sum::<u64>(), 9);
    for (score, expected) in
        [("accuracy", &scores["accuracy"]), ("f1", &scores["macro"]["f1"]), ("log_loss", &scores["log_loss"])]
    {
        assert_eq!(headline(&mut shown, score), expected.as_f64().unwrap(), "{score}");
    }
    let keys = ["samples", "precision", "recall", "f1", "roc_auc", "average_precision"];
    holds_scores(&mut shown, "by-class", &result["names"], &scores["by_class"], &keys);

    // Each cell's colour is its share of the row.
    let shares = shown.browser.eval(
        "[...document.querySelectorAll('.matrix td')].map((cell) => parseFloat(cell.style.getPropertyValue('--share')))",
    );
    for (at, share) in list(&shares).iter().enumerate() {
        let row = &cells[at / 3 * 3..][..3];
        let expected = 100.0 * cells[at] as f64 / row.iter().sum::<u64>().max(1) as f64;
        assert!((share.as_f64().unwrap() - expected).abs() < 1e-3, "cell {at}: {share}, expected {expected}");
    }

    // The pointer and keys choose a cell; the table is one tab stop.
    for cell in [[0, 0], [1, 2], [2, 1]] {
        shown.point_at(&format!(".matrix [data-cell='{},{}']", cell[0], cell[1]));
        tells_of_cell(&mut shown, result, cell);
    }
    assert_eq!(shown.browser.eval("document.querySelectorAll('.matrix td[tabindex=\"0\"]').length"), 1);
    shown.browser.eval("document.querySelector('.matrix td[tabindex=\"0\"]').focus()");
    for (key, cell) in [
        ("PageUp", None),
        ("Home", Some([0, 0])),
        ("ArrowDown", Some([1, 0])),
        ("ArrowRight", Some([1, 1])),
        ("End", Some([1, 2])),
        ("PageDown", Some([2, 2])),
        ("ArrowDown", Some([2, 2])),
    ] {
        shown.browser.press(key);
        if let Some(cell) = cell {
            tells_of_cell(&mut shown, result, cell);
        }
    }
    assert_eq!(shown.browser.eval("document.querySelectorAll('.matrix td[tabindex=\"0\"]').length"), 1);
    shown.click(".matrix [data-cell='0,1']");
    tells_of_cell(&mut shown, result, [0, 1]);
    let stops =
        "[...document.querySelectorAll('.matrix td[tabindex=\"0\"]')].map((cell) => cell.dataset.cell)";
    assert_eq!(shown.browser.eval(stops), json!(["0,1"]));
    shown.browser.press("ArrowDown");
    tells_of_cell(&mut shown, result, [1, 1]);
    assert_eq!(shown.browser.eval(stops), json!(["1,1"]));
    for dark in [false, true] {
        let least = lowest_contrast(&mut shown);
        assert!(least >= 4.5, "contrast {least} in a cell, dark: {dark}");
        shown.click("#theme");
    }
    has_described_controls(&mut shown);
    shown.is_quiet(&reported);
}

/// A table of two features whose classes are so many, three samples each.
fn many_classes(classes: usize) -> Folder {
    let folder = Folder::new();
    let row = |at: usize| {
        let class = at % classes;
        format!(
            "{},{},kind {class:03}\n",
            class as f64 / 10.0 + (at / classes) as f64 * 0.07,
            (class * class) % 17
        )
    };
    let rows: String = (0..3 * classes).map(row).collect();
    folder.write("kinds.csv", format!("a,b,kind\n{rows}").as_bytes());
    folder
}

#[test]
fn chromium_paints_the_confusion_of_many_classes() {
    let flags =
        "--data kinds.csv --target kind --validation 0.34 --hidden 16 --batch 20 --epochs 3 --device cpu";
    let reported = Reported::of(many_classes(40), &format!("train {flags}"));
    let result = &reported.json["results"][0];
    assert_eq!(result["evaluated_on"], "validation");
    let matrix = list(&result["scores"]["confusion"]);
    assert_eq!(matrix.len(), 40);
    let mut shown = reported.open();
    assert!(shown.figures(".matrix td").is_empty());
    // From a copy, as the browser warns of canvases that are read.
    let pixels = "(() => { const canvas = document.querySelector('.image canvas');
        const copy = new OffscreenCanvas(canvas.width, canvas.height).getContext('2d');
        copy.drawImage(canvas, 0, 0);
        return [...copy.getImageData(0, 0, canvas.width, canvas.height).data]; })()";
    let light = shown.browser.eval(pixels);
    let light = list(&light);
    assert_eq!(light.len(), 4 * 40 * 40);
    // Red of the page's colours.
    let [empty, full] = [243.0, 11.0];
    for (row, cells) in matrix.iter().enumerate() {
        let all = list(cells).iter().map(number).sum::<u64>().max(1) as f64;
        for (column, samples) in list(cells).iter().enumerate() {
            let depth = f64::sqrt(number(samples) as f64 / all);
            let red = light[4 * (40 * row + column)].as_f64().unwrap();
            assert!((red - (empty + depth * (full - empty))).abs() <= 1.0, "{row}, {column}: {red}");
        }
    }

    // It begins at the most frequent confusion.
    let pairs = list(&result["most_confused"]);
    let first = ["class", "predicted"].map(|key| number(&pairs[0][key]) as usize);
    tells_of_cell(&mut shown, result, first);
    shown.browser.eval("document.querySelector('.image').focus()");
    for (key, cell) in
        [("PageUp", None), ("Home", Some([0, 0])), ("ArrowRight", Some([0, 1])), ("ArrowDown", Some([1, 1]))]
    {
        shown.browser.press(key);
        if let Some(cell) = cell {
            tells_of_cell(&mut shown, result, cell);
        }
    }
    shown.point_at(".image");
    tells_of_cell(&mut shown, result, [20, 20]);

    // The worst pairs, most frequent first.
    assert_eq!(
        shown.figures("[data-table=most-confused] tbody td:nth-child(3)"),
        pairs.iter().map(|pair| number(&pair["samples"])).collect::<Vec<_>>()
    );
    let mut expected: Vec<u64> = (matrix.iter().enumerate())
        .flat_map(|(row, cells)| list(cells).iter().enumerate().filter(move |(column, _)| *column != row))
        .map(|(_, samples)| number(samples))
        .filter(|samples| *samples > 0)
        .collect();
    expected.sort_unstable_by(|a, b| b.cmp(a));
    expected.truncate(20);
    assert_eq!(expected, pairs.iter().map(|pair| number(&pair["samples"])).collect::<Vec<_>>());

    has_described_controls(&mut shown);
    shown.click("#theme");
    let dark = shown.browser.eval(pixels);
    assert_ne!(list(&dark), light, "the image has the colours of the theme");
    shown.is_quiet(&reported);
}

#[test]
fn chromium_lists_the_worst_pairs_where_the_report_has_no_matrix() {
    let reported = Reported::new(&format!("train {UNEVEN}")).changed(|json| {
        let result = &mut json["results"][0];
        result["scores"]["confusion"] = json!([]);
        result["most_confused"] = json!([{ "class": 2, "predicted": 0, "samples": 2 }]);
    });
    let mut shown = reported.open();
    assert_eq!(shown.figures("[data-table=most-confused] td"), [2]);
    assert!(shown.words(".result .note").contains("up to 1,000 classes"));
    assert_eq!(shown.browser.eval("document.querySelectorAll('.matrix, .image').length"), 0);
    shown.is_quiet(&reported);
}

/// Holds the points of the scatter of `output` to the JSON.
fn holds_points(shown: &mut Shown, chart: &str, result: &Value, output: usize) {
    let predictions = &result["predictions"]["outputs"][output];
    let dots = shown.numbers(&format!("{chart} .points circle"), ["cx", "cy"]);
    let [low, high] = shown.numbers(&format!("{chart} svg"), ["data-low", "data-high"])[0];
    let [left, bottom, right, top] =
        shown.numbers(&format!("{chart} .identity"), ["x1", "y1", "x2", "y2"])[0];
    let (targets, predicted) = (list(&predictions["targets"]), list(&predictions["predicted"]));
    assert_eq!([dots.len(), dots.len()], [targets.len(), predicted.len()]);
    for (dot, (target, predicted)) in dots.iter().zip(targets.iter().zip(predicted)) {
        let share = |value: &Value| (value.as_f64().unwrap() - low) / (high - low);
        let place = [left + share(target) * (right - left), bottom + share(predicted) * (top - bottom)];
        assert!((0..2).all(|axis| (place[axis] - dot[axis]).abs() < 0.06), "{dot:?}, expected {place:?}");
    }
    let all = || targets.iter().chain(predicted).map(|value| value.as_f64().unwrap());
    assert_eq!([low, high], [all().fold(f64::INFINITY, f64::min), all().fold(f64::NEG_INFINITY, f64::max)]);
}

#[test]
fn chromium_draws_predicted_against_true_values_of_each_output() {
    let folder = Folder::new();
    let row = |at: usize| {
        let x = at as f64 / 100.0;
        format!("{x},{:.3},{:.3}\n", 1000.0 + 50.0 * (3.0 * x).sin(), 0.01 * x * x)
    };
    let rows: String = (0..9000).map(row).collect();
    folder.write("curve.csv", format!("x,price,\"size, log\"\n{rows}").as_bytes());
    let flags = "--data curve.csv --target price --validation 0.3 --loss mse --hidden 8 --batch 500 --epochs 2 --device cpu";
    let one = Reported::of(folder, &format!("train {flags}"));
    let result = &one.json["results"][0];
    assert_eq!(number(&result["samples"]), 2700);
    let samples: Vec<_> = list(&result["predictions"]["samples"]).iter().map(number).collect();
    assert!(samples.len() == 2000 && samples.is_sorted() && samples[1999] > 2690, "{samples:?}");
    let targets = list(&result["predictions"]["outputs"][0]["targets"]);
    assert!(
        targets.iter().all(|target| (949.0..1051.0).contains(&target.as_f64().unwrap())),
        "in the units of the data"
    );
    let mut shown = one.open();
    holds_points(&mut shown, ".square", result, 0);
    assert!(shown.words("[data-figure=points]").contains("2,000 of 2,700 samples"));
    assert_eq!(headline(&mut shown, "rmse"), result["scores"]["rmse"].as_f64().unwrap());
    shown.browser.eval("document.querySelector('.square svg').focus()");
    shown.browser.press("End");
    let most = (0..2000)
        .max_by(|&a, &b| targets[a].as_f64().unwrap().total_cmp(&targets[b].as_f64().unwrap()))
        .unwrap();
    let words = shown.words(".square .reading");
    let told: f64 = words.split("true ").nth(1).unwrap().split(',').next().unwrap().parse().unwrap();
    assert!((told - targets[most].as_f64().unwrap()).abs() < 0.01, "{words}");
    has_described_controls(&mut shown);
    shown.is_quiet(&one);

    let targets = ("--target price", "--target price,x");
    let both = Reported::of(one.folder, &format!("train {}", flags.replace(targets.0, targets.1)));
    let result = &both.json["results"][0];
    assert_eq!(result["names"], json!(["price", "x"]));
    let mut shown = both.open_at(360, true);
    for output in [0, 1] {
        holds_points(&mut shown, &format!(".square:nth-child({})", output + 1), result, output);
    }
    let keys = ["rmse", "mae", "r2", "explained_variance"];
    holds_scores(&mut shown, "by-output", &result["names"], &result["scores"]["by_output"], &keys);
    let overflow = "document.documentElement.scrollWidth - document.documentElement.clientWidth";
    assert_eq!(shown.browser.eval(overflow), 0);
    shown.is_quiet(&both);
}

#[test]
fn chromium_draws_one_of_many_outputs_at_a_time() {
    let folder = Folder::new();
    let head: Vec<_> = (0..24).map(|at| format!("y{at}")).collect();
    let row = |at: usize| {
        let cells: Vec<_> = (0..24).map(|output| (at * (output + 1) % 97).to_string()).collect();
        format!("{at},{}\n", cells.join(","))
    };
    let rows: String = (0..60).map(row).collect();
    folder.write("wide.csv", format!("x,{}\n{rows}", head.join(",")).as_bytes());
    let flags =
        format!("--data wide.csv --target {} --loss mse --hidden 4 --epochs 1 --device cpu", head.join(","));
    let reported = Reported::of(folder, &format!("train {flags} --validation 0.5"));
    let result = &reported.json["results"][0];
    assert_eq!((list(&result["names"]).len(), list(&result["predictions"]["outputs"]).len()), (24, 20));
    let mut shown = reported.open();
    assert!(shown.words("[data-figure=points]").contains("of the first 20 of 24 outputs"));
    holds_points(&mut shown, ".square", result, 0);
    shown.browser.eval(
        "(() => { const choice = document.querySelector('#results select'); choice.value = '19';
        choice.dispatchEvent(new Event('change')); })()",
    );
    holds_points(&mut shown, ".square", result, 19);
    assert!(shown.words(".square figcaption").starts_with("y19: "));
    shown.is_quiet(&reported);
}
