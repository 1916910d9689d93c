use std::fmt::Write;

use crate::report::ComparisonSummary;
use crate::strategy::Strategy;
use crate::train::{Comparison, Contender};

pub(super) const WIDTH: f64 = 760.0;
pub(super) const HEIGHT: f64 = 460.0;
/// Edges of the area between the axes.
pub(super) const LEFT: f64 = 76.0;
pub(super) const RIGHT: f64 = WIDTH - 28.0;
pub(super) const TOP: f64 = 64.0;
pub(super) const BOTTOM: f64 = HEIGHT - 64.0;
/// Width and height of a letter of a label, in pixels.
const LETTER: f64 = 7.2;
const LINE: f64 = 16.0;
pub(super) const STYLE: &str = "<style>
.plot { background: #ffffff }
.plot text { font: 13px system-ui, sans-serif; fill: #1d2733 }
.plot .heading { font-size: 15px; font-weight: 600 }
.plot .axis { stroke: #8793a0; fill: none }
.plot .grid { stroke: #e3e8ed; fill: none }
.plot .tick { fill: #5b6875 }
.plot .measured { fill: #1d5b94; stroke: #1d5b94 }
.plot .whisker { stroke: #1d5b94; stroke-width: 1.5 }
.plot .predicted { fill: none; stroke: #cf7a00; stroke-width: 1.8 }
@media (prefers-color-scheme: dark) {
  .plot { background: #15171a }
  .plot text { fill: #e5e7ea }
  .plot .axis { stroke: #77838f }
  .plot .grid { stroke: #33383e }
  .plot .tick { fill: #a0a7b0 }
  .plot .measured { fill: #5da2e0; stroke: #5da2e0 }
  .plot .whisker { stroke: #5da2e0 }
  .plot .predicted { stroke: #f0b04e }
}
</style>
";

/// Time against memory: each strategy's step time relative to the baseline, measured and predicted by FLOPs, over its
/// activation bytes. Whiskers are the range over rounds.
pub(super) fn plot(summary: &ComparisonSummary) -> String {
    drawing(summary.comparison, STYLE)
}

/// The same plot without styles, for a page that has its own.
pub(super) fn inline(comparison: &Comparison) -> String {
    drawing(comparison, "")
}

fn drawing(comparison: &Comparison, style: &str) -> String {
    let points: Vec<Point> = points(comparison);
    let most_bytes = points.iter().map(|point| point.bytes).fold(0.0, f64::max);
    let most_time = points.iter().flat_map(|point| [point.range[1], point.predicted]).fold(1.0, f64::max);
    let x = Axis::new(most_bytes, [LEFT, RIGHT]);
    let y = Axis::new(most_time, [BOTTOM, TOP]);

    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" width=\"{WIDTH}\" \
         height=\"{HEIGHT}\" role=\"img\" aria-labelledby=\"plot-title\" class=\"plot\">\n{style}\
         <title id=\"plot-title\">Step time against activation bytes, by strategy</title>\n"
    );
    legend(&mut svg);
    let baseline = comparison.baseline().strategy;
    axes(&mut svg, &x, &y, baseline);
    let mut taken: Vec<[f64; 4]> = Vec::new();
    for point in &points {
        let (px, measured, predicted) =
            (x.place(point.bytes), y.place(point.measured), y.place(point.predicted));
        let [low, high] = point.range.map(|time| y.place(time));
        taken.push([px - 4.0, high, px + 4.0, low]);
        taken.push(around(px, measured));
        taken.push(around(px, predicted));
    }
    for point in &points {
        draw(&mut svg, point, baseline, [&x, &y], &mut taken);
    }
    svg.push_str("</svg>\n");
    svg
}

/// A strategy's place in the plot; times are relative to the baseline.
struct Point {
    name: String,
    bytes: f64,
    measured: f64,
    range: [f64; 2],
    predicted: f64,
}

/// Points from left to right.
fn points(comparison: &Comparison) -> Vec<Point> {
    let point = |contender: &Contender| Point {
        name: comparison.name(contender),
        bytes: contender.memory.counted.pool() as f64,
        measured: comparison.time_ratio(contender),
        range: comparison.time_ratio_range(contender),
        predicted: comparison.predicted_ratio(contender),
    };
    let mut points: Vec<Point> = comparison.contenders.iter().map(point).collect();
    points.sort_by(|a, b| a.bytes.total_cmp(&b.bytes));
    points
}

/// Axis from zero to a round number of at least `most`.
pub(super) struct Axis {
    step: f64,
    steps: u32,
    pixels: [f64; 2],
}

impl Axis {
    pub fn new(most: f64, pixels: [f64; 2]) -> Self {
        let most = if most > 0.0 { most } else { 1.0 };
        let scale = 10f64.powf((most / 4.0).log10().floor());
        let step = [1.0, 2.0, 2.5, 5.0, 10.0].map(|factor| factor * scale).into_iter();
        let step = step.clone().find(|step| most / step <= 5.0).unwrap_or(10.0 * scale);
        Axis { step, steps: (most / step - 1e-9).ceil().max(1.0) as u32, pixels }
    }

    pub fn place(&self, value: f64) -> f64 {
        let [start, end] = self.pixels;
        start + (end - start) * value / (self.step * f64::from(self.steps))
    }

    pub fn ticks(&self) -> impl Iterator<Item = f64> + '_ {
        (0..=self.steps).map(|tick| self.step * f64::from(tick))
    }
}

fn legend(svg: &mut String) {
    let _ = write!(
        svg,
        "<text class=\"heading\" x=\"{LEFT}\" y=\"26\">Time against memory</text>\n\
         <circle class=\"measured\" cx=\"{}\" cy=\"45\" r=\"5\"/><text x=\"{}\" y=\"49\">measured, with range</text>\n\
         <path class=\"predicted\" d=\"{}\"/><text x=\"{}\" y=\"49\">predicted by FLOPs</text>\n",
        LEFT + 6.0,
        LEFT + 18.0,
        diamond(LEFT + 180.0, 45.0),
        LEFT + 192.0,
    );
}

fn axes(svg: &mut String, x: &Axis, y: &Axis, baseline: Strategy) {
    for tick in y.ticks() {
        let at = y.place(tick);
        let _ = writeln!(
            svg,
            "<path class=\"grid\" d=\"M{LEFT} {at:.1}H{RIGHT}\"/>\
             <text class=\"tick\" text-anchor=\"end\" x=\"{:.1}\" y=\"{:.1}\">{}×</text>",
            LEFT - 8.0,
            at + 4.0,
            (1000.0 * tick).round() / 1000.0
        );
    }
    for tick in x.ticks() {
        let at = x.place(tick);
        let _ = writeln!(
            svg,
            "<path class=\"axis\" d=\"M{at:.1} {BOTTOM}v5\"/>\
             <text class=\"tick\" text-anchor=\"middle\" x=\"{at:.1}\" y=\"{:.1}\">{}</text>",
            BOTTOM + 20.0,
            bytes(tick)
        );
    }
    let _ = writeln!(
        svg,
        "<path class=\"axis\" d=\"M{LEFT} {TOP}V{BOTTOM}H{RIGHT}\"/>\
         <text text-anchor=\"middle\" x=\"{:.1}\" y=\"{:.1}\">activation bytes on the device</text>\
         <text text-anchor=\"middle\" transform=\"translate(20 {:.1}) rotate(-90)\">step time relative to {baseline}</text>",
        (LEFT + RIGHT) / 2.0,
        BOTTOM + 46.0,
        (TOP + BOTTOM) / 2.0
    );
}

fn draw(svg: &mut String, point: &Point, baseline: Strategy, [x, y]: [&Axis; 2], taken: &mut Vec<[f64; 4]>) {
    let (px, measured, predicted) = (x.place(point.bytes), y.place(point.measured), y.place(point.predicted));
    let [low, high] = point.range.map(|time| y.place(time));
    let label = label_place(&point.name, px, measured, taken);
    let Point { name, bytes, .. } = point;
    let _ = writeln!(
        svg,
        "<g data-strategy=\"{name}\" tabindex=\"0\"><title>{name}: {bytes} activation bytes, {:.2} times \
         the step time of {baseline}, {:.2} predicted by FLOPs</title>\
         <path class=\"whisker\" d=\"M{px:.1} {low:.1}V{high:.1}M{:.1} {low:.1}h8M{:.1} {high:.1}h8\"/>\
         <path class=\"predicted\" d=\"{}\"/>\
         <circle class=\"measured\" cx=\"{px:.1}\" cy=\"{measured:.1}\" r=\"5\"/>\
         <text x=\"{:.1}\" y=\"{:.1}\">{name}</text></g>",
        point.measured,
        point.predicted,
        px - 4.0,
        px - 4.0,
        diamond(px, predicted),
        label[0],
        label[3] - 4.0,
    );
    taken.push(label);
}

/// The first place around a point where its label overlaps nothing in `taken` and stays inside the axes; left, top, right
/// and bottom.
fn label_place(name: &str, x: f64, y: f64, taken: &[[f64; 4]]) -> [f64; 4] {
    let width = LETTER * name.len() as f64;
    let places = (0..12).flat_map(|ring| {
        let far = 9.0 + 14.0 * f64::from(ring);
        [
            [x + far, y - LINE / 2.0],
            [x - far - width, y - LINE / 2.0],
            [x - width / 2.0, y - far - LINE],
            [x - width / 2.0, y + far],
            [x + 9.0, y - far - LINE],
            [x + 9.0, y + far],
        ]
    });
    let boxes = places.map(|[left, top]| [left, top, left + width, top + LINE]);
    let is_free = |place: &[f64; 4]| {
        place[0] > LEFT + 2.0
            && place[2] < WIDTH
            && place[1] > TOP - LINE
            && place[3] < BOTTOM
            && !taken.iter().any(|other| {
                place[0] < other[2] && other[0] < place[2] && place[1] < other[3] && other[1] < place[3]
            })
    };
    let mut boxes = boxes.peekable();
    let first = boxes.peek().copied().unwrap_or_default();
    boxes.find(is_free).unwrap_or(first)
}

fn around(x: f64, y: f64) -> [f64; 4] {
    [x - 7.0, y - 7.0, x + 7.0, y + 7.0]
}

fn diamond(x: f64, y: f64) -> String {
    format!("M{x:.1} {:.1}l6 6l-6 6l-6 -6z", y - 6.0)
}

/// A tick's bytes in decimal units.
fn bytes(bytes: f64) -> String {
    let units = [(1e9, "GB"), (1e6, "MB"), (1e3, "kB")];
    match units.into_iter().find(|(unit, _)| bytes >= *unit) {
        Some((unit, name)) => format!("{} {name}", (1000.0 * bytes / unit).round() / 1000.0),
        None => format!("{bytes}"),
    }
}
