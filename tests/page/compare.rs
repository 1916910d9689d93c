//! The page of a comparison in a real browser.

use crate::browser::shown::{READY, Reported};
use crate::browser::step::{list, number, text};
use crate::program::SMALL;
use serde_json::json;

#[test]
fn chromium_shows_strategies_side_by_side() {
    let command = SMALL.replace("--epochs 1", "--epochs 3");
    let command = format!("compare {command} --device cpu --every 0,1,2 --budget 1GiB --repeats 2");
    let reported = Reported::new(&command);
    let mut shown = reported.open();
    let strategies = list(&reported.json["strategies"]);
    assert_eq!(strategies.len(), 4);
    for strategy in strategies {
        let name = text(&strategy["strategy"]);
        let cell = |table: &str, column: &str| {
            format!("#{table}-table [data-strategy={name}] [data-column={column}]")
        };
        let memory = &strategy["memory"];
        for (column, expected) in [
            ("planned", &memory["planned_peak_bytes"]),
            ("counted", &memory["counted_peak_bytes"]),
            ("activations", &strategy["activation_bytes"]),
        ] {
            assert_eq!(shown.figure(&cell("memory", column)), number(expected), "{name}");
        }
        for (column, expected) in [
            ("median", &strategy["median_seconds"]),
            ("ratio", &strategy["time_ratio"]),
            ("predicted", &strategy["predicted_time_ratio"]),
            ("accuracy", &strategy["accuracy"]),
        ] {
            let value = format!("Number(document.querySelector('{} data').value)", cell("time", column));
            let (found, expected) =
                (shown.browser.eval(&value).as_f64().unwrap(), expected.as_f64().unwrap());
            assert!((found - expected).abs() <= 1e-12 * expected, "{name}, {column}");
        }
        assert_eq!(shown.words(&cell("time", "weights")), "equal", "{name}");
        let label = shown.words(&format!(".plot [data-strategy={name}] text"));
        assert_eq!(label, name);
    }

    // The strategy under the pointer in the plot is highlighted in the tables.
    let lit = "[...document.querySelectorAll('tr[data-lit]')].map((row) => row.dataset.strategy)";
    assert_eq!(shown.browser.eval(lit), json!([]));
    let point = shown.browser.eval(
        "(() => { const point = document.querySelector('.plot [data-strategy=every-2] .measured');
        point.scrollIntoView({ block: 'center' }); const { x, y, width, height } = point.getBoundingClientRect();
        return [x + width / 2, y + height / 2]; })()",
    );
    shown.browser.move_to(point[0].as_f64().unwrap(), point[1].as_f64().unwrap());
    assert_eq!(shown.browser.eval(lit), json!(["every-2", "every-2"]));
    assert_eq!(shown.browser.eval("document.querySelectorAll('#epochs svg .dot').length"), 6);
    shown.is_quiet(&reported);
}

#[test]
fn chromium_shows_differing_weights_and_fits_a_narrow_dark_screen() {
    let reported = Reported::new(&format!("compare {SMALL} --device cpu --every 0,2 --repeats 1"));
    let mut shown = reported.open_at(360, true);
    let overflow = "document.documentElement.scrollWidth - document.documentElement.clientWidth";
    assert_eq!(shown.browser.eval(overflow), 0);
    assert_eq!(shown.words("#theme"), "Light");
    let changed = reported.changed(|json| json["strategies"][1]["equal_weights"] = json!(false));
    shown.browser.show(&changed.page(), READY);
    assert_eq!(shown.words("[data-strategy=every-2] [data-column=weights].alarm"), "differ");
}
