//! A report as a page and as JSON.

use std::path::PathBuf;

use serde_json::{Value, json};

use super::Browser;
use super::step::{ACTIVATIONS, Stay, list, number, part_name, part_of, text, words};
use crate::program::Folder;

/// Twelve layers of different widths.
pub const UNEVEN: &str = "--preset accuracy --data small.npz --layers 6,5,7x3,4,9x5,5,3 --batch 8 --epochs 2 --lr 0.5 --device cpu";
/// Condition that a page shows its report.
pub const READY: &str = "document.body.dataset.ready === 'true'";

/// A report as JSON and as a page, and the directory of both.
pub struct Reported {
    pub folder: Folder,
    pub json: Value,
}

impl Reported {
    pub fn new(command: &str) -> Self {
        Self::of(Folder::new(), command)
    }

    /// The report of a command that reads files in `folder`.
    pub fn of(folder: Folder, command: &str) -> Self {
        folder.run(&format!("{command} --report r.json --report r.html")).succeeded();
        let json = serde_json::from_slice(&folder.read("r.json")).unwrap();
        Reported { folder, json }
    }

    pub fn page(&self) -> PathBuf {
        self.folder.path("r.html")
    }

    /// The same page with another report inside.
    pub fn changed(mut self, change: impl FnOnce(&mut Value)) -> Self {
        let page = String::from_utf8(self.folder.read("r.html")).unwrap();
        let start = "id=\"report\">";
        let (before, rest) = page.split_once(start).unwrap();
        let (_, after) = rest.split_once("</script>").unwrap();
        change(&mut self.json);
        let json = self.json.to_string().replace('<', "\\u003c");
        self.folder.write("r.html", format!("{before}{start}{json}</script>{after}").as_bytes());
        self
    }

    pub fn plan(&self) -> &Value {
        &self.json["plan"]
    }

    pub fn open(&self) -> Shown {
        self.open_at(1280, false)
    }

    /// Opens the page and waits until `condition` holds.
    pub fn open_as(&self, condition: &str) -> Shown {
        let mut browser = Browser::start(1280, false);
        browser.show(&self.page(), condition);
        Shown { browser }
    }

    pub fn open_at(&self, width: u32, is_dark: bool) -> Shown {
        let mut browser = Browser::start(width, is_dark);
        browser.show(&self.page(), READY);
        Shown { browser }
    }
}

/// An open page that shows its report.
pub struct Shown {
    pub browser: Browser,
}

impl Shown {
    /// The exact numbers in the elements that match; their text must equal their machine-readable value.
    #[track_caller]
    pub fn figures(&mut self, selector: &str) -> Vec<u64> {
        let pairs = self.browser.eval(&format!(
            "[...document.querySelectorAll({})]
                .flatMap((node) => (node.matches('data') ? [node] : [...node.querySelectorAll('data')]))
                .map((data) => [data.value, data.textContent])",
            json!(selector)
        ));
        let figure = |pair: &Value| {
            let digits: String = text(&pair[1]).chars().filter(|c| c.is_ascii_digit() || *c == '-').collect();
            assert_eq!(digits, text(&pair[0]), "{selector}");
            digits.parse().unwrap()
        };
        list(&pairs).iter().map(figure).collect()
    }

    #[track_caller]
    pub fn figure(&mut self, selector: &str) -> u64 {
        let figures = self.figures(selector);
        assert_eq!(figures.len(), 1, "{selector}: {figures:?}");
        figures[0]
    }

    #[track_caller]
    pub fn words(&mut self, selector: &str) -> String {
        text(&self.browser.eval(&format!("document.querySelector({}).textContent", json!(selector))))
    }

    /// Position and ranges of the plot.
    pub fn plot(&mut self) -> Plot {
        let about = self.browser.eval(
            "(() => { plot.scrollIntoView({ block: 'center' }); const { x, y, bottom } = plot.getBoundingClientRect();
            return { x, y, bottom, ...Object.fromEntries(Object.entries(plot.dataset).map(([k, v]) => [k, Number(v)])) }; })()",
        );
        let field = |name: &str| about[name].as_f64().unwrap_or_else(|| panic!("{name}: {about}"));
        Plot {
            left: field("x") + field("left"),
            right: field("x") + field("right"),
            actions: [field("from"), field("to")],
            names: field("y") + 24.0,
            timeline: field("y") + field("timelineTop") + 60.0,
            slots: [field("y") + field("slotsTop"), field("y") + field("slotsBottom")],
            addresses: [field("low"), field("high")],
        }
    }

    /// Distance from the top of the plot to the stack at `x` on the screen, in pixels.
    pub fn top_of_stack(&mut self, x: f64) -> u64 {
        let colours = ["29,91,148", "207,122,0", "17,128,106"];
        let row = self.browser.eval(&format!(
            "(() => {{ const canvas = document.getElementById('base');
            const x = Math.floor({x} - canvas.getBoundingClientRect().x);
            const copy = new OffscreenCanvas(1, canvas.height).getContext('2d');
            copy.drawImage(canvas, -x, 0);
            const column = copy.getImageData(0, 0, 1, canvas.height).data;
            return Array.from({{ length: canvas.height }}, (_, y) => `${{column.slice(4 * y, 4 * y + 3)}}`)
                .findIndex((colour) => {}.includes(colour)); }})()",
            json!(colours)
        ));
        number(&row)
    }

    /// Clicks the middle of an element.
    pub fn click(&mut self, selector: &str) {
        let [x, y] = self.middle(selector);
        self.browser.click(x, y);
    }

    /// Points at the middle of an element.
    pub fn point_at(&mut self, selector: &str) {
        let [x, y] = self.middle(selector);
        self.browser.move_to(x, y);
    }

    /// The middle of an element on the screen, which is scrolled there.
    fn middle(&mut self, selector: &str) -> [f64; 2] {
        let place = self.browser.eval(&format!(
            "(() => {{ const node = document.querySelector({}); node.scrollIntoView({{ block: 'center' }});
            const edge = node.getBoundingClientRect(); return [edge.x + edge.width / 2, edge.y + edge.height / 2]; }})()",
            json!(selector)
        ));
        [0, 1].map(|at| place[at].as_f64().unwrap())
    }

    /// Attributes of all elements that match, as numbers.
    pub fn numbers<const N: usize>(&mut self, selector: &str, names: [&str; N]) -> Vec<[f64; N]> {
        let rows = self.browser.eval(&format!(
            "[...document.querySelectorAll({})].map((node) => {}.map((name) => Number(node.getAttribute(name))))",
            json!(selector),
            json!(names.as_slice())
        ));
        let row = |row: &Value| std::array::from_fn(|at| row[at].as_f64().unwrap());
        list(&rows).iter().map(row).collect()
    }

    pub fn cursor(&mut self) -> u64 {
        self.figure("#at-action")
    }

    /// Asserts that the readout has the figures of `action` in the report.
    #[track_caller]
    pub fn tells_of(&mut self, json: &Value, action: usize) {
        let plan = &json["plan"];
        assert_eq!(self.cursor(), action as u64);
        for (field, expected) in words(plan, action) {
            assert_eq!(self.words(&format!("#readout [data-field={field}]")), expected, "action {action}");
        }
        let part = &plan["interval_peaks"][part_of(plan, action)];
        assert_eq!(self.words("#readout [data-field=part]"), part_name(part), "action {action}");
        let mut accounts = vec![("planned", &plan["live_bytes"])];
        if json["run"].is_object() {
            accounts.push(("counted", &json["run"]["live_bytes"]));
        }
        for (account, bytes) in accounts {
            let cell = |name: &str| format!("#at-bytes [data-category={name}][data-account={account}]");
            let expected = ACTIVATIONS.map(|category| number(&bytes[category][action]));
            assert_eq!(ACTIVATIONS.map(|category| self.figure(&cell(category))), expected, "action {action}");
            assert_eq!(self.figure(&cell("total")), expected.iter().sum::<u64>(), "action {action}");
        }
    }

    /// Asserts that the page has no errors and requests nothing.
    #[track_caller]
    pub fn is_quiet(&mut self, reported: &Reported) {
        assert_eq!(self.browser.complaints(), Vec::<Value>::new());
        assert_eq!(self.browser.requests(&reported.page()), Vec::<String>::new());
    }
}

/// Positions on the screen, and the ranges in view.
pub struct Plot {
    pub left: f64,
    pub right: f64,
    pub actions: [f64; 2],
    pub names: f64,
    pub timeline: f64,
    pub slots: [f64; 2],
    pub addresses: [f64; 2],
}

impl Plot {
    /// The middle of an action.
    pub fn x(&self, action: usize) -> f64 {
        let [from, to] = self.actions;
        self.left + (action as f64 + 0.5 - from) / (to - from) * (self.right - self.left)
    }

    /// The middle of a value in the pool.
    pub fn y(&self, plan: &Value, stay: &Stay) -> f64 {
        let blocks = list(&plan["blocks"]);
        // The block of the batch's input is outside the pool.
        let bytes = |block: &Value| match block["at_peak"].get("batch") {
            Some(_) => 0,
            None => number(&block["bytes"]),
        };
        let pool: u64 = blocks.iter().map(bytes).sum();
        assert_eq!(pool, number(&plan["planned_activation_bytes"]));
        let first: u64 = blocks[..stay.block].iter().map(bytes).sum();
        let middle = (first + stay.offset) as f64 + stay.bytes as f64 / 2.0;
        let [low, high] = self.addresses;
        self.slots[0] + (middle - low) / (high - low) * (self.slots[1] - self.slots[0])
    }
}
