use std::fmt::Write;

use super::svg::{Axis, BOTTOM, HEIGHT, LEFT, RIGHT, STYLE, TOP, WIDTH};
use crate::train::{RangeStep, Tested};

/// Height of the plot relative to the smoothed losses up to the lowest.
const ROOM: f64 = 1.2;

/// The loss of a range test over the learning rate on a logarithmic axis, as an SVG drawing.
pub fn range_plot(tested: &Tested) -> String {
    let steps = &tested.steps;
    // A loss that diverges at the end may be many times that of the rest.
    let before =
        steps.iter().take_while(|step| tested.lowest().is_none_or(|lowest| step.rate <= lowest.rate));
    let top = ROOM * before.map(|step| f64::from(step.smoothed)).fold(0.0, f64::max);
    let x = Decades::new(steps, [LEFT, RIGHT]);
    let y = Axis::new(top, [BOTTOM, TOP]);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" width=\"{WIDTH}\" \
         height=\"{HEIGHT}\" role=\"img\" aria-labelledby=\"plot-title\" class=\"plot\">\n{STYLE}\
         <title id=\"plot-title\">Loss against learning rate</title>\n\
         <text class=\"heading\" x=\"{LEFT}\" y=\"26\">Learning-rate range test</text>\n\
         <path class=\"predicted\" d=\"M{} 45h12\"/><text x=\"{}\" y=\"49\">loss of each mini-batch</text>\n\
         <path class=\"whisker\" fill=\"none\" d=\"M{} 45h12\"/><text x=\"{}\" y=\"49\">smoothed</text>\n",
        LEFT,
        LEFT + 18.0,
        LEFT + 190.0,
        LEFT + 208.0,
    );
    axes(&mut svg, &x, &y);
    let highest = y.ticks().last().unwrap_or(top);
    let line = |loss: fn(&RangeStep) -> f32| {
        let point = |step: &RangeStep| {
            format!("{:.1},{:.1}", x.place(step.rate), y.place(f64::from(loss(step)).min(highest)))
        };
        steps.iter().map(point).collect::<Vec<_>>().join(" ")
    };
    let _ = writeln!(
        svg,
        "<polyline class=\"predicted\" opacity=\"0.5\" points=\"{}\"/>\n\
         <polyline class=\"whisker\" fill=\"none\" points=\"{}\"/>",
        line(|step| step.loss),
        line(|step| step.smoothed),
    );
    if let Some(rate) = tested.suggestion() {
        let at = x.place(rate);
        let (anchor, beside) =
            if at > (LEFT + RIGHT) / 2.0 { ("end", at - 8.0) } else { ("start", at + 8.0) };
        let _ = writeln!(
            svg,
            "<path class=\"axis\" stroke-dasharray=\"4 3\" d=\"M{at:.1} {TOP}V{BOTTOM}\"/>\
             <text text-anchor=\"{anchor}\" x=\"{beside:.1}\" y=\"{:.1}\">suggested: {rate}</text>",
            BOTTOM - 12.0
        );
    }
    svg.push_str("</svg>\n");
    svg
}

/// Logarithmic axis over the learning rates of a test.
struct Decades {
    from: f64,
    to: f64,
    pixels: [f64; 2],
}

impl Decades {
    fn new(steps: &[RangeStep], pixels: [f64; 2]) -> Self {
        let log = |step: Option<&RangeStep>| step.map(|step| f64::from(step.rate).log10());
        let from = log(steps.first()).unwrap_or(0.0);
        let to = log(steps.last()).filter(|&to| to > from).unwrap_or(from + 1.0);
        Decades { from, to, pixels }
    }

    fn place(&self, rate: f32) -> f64 {
        let [start, end] = self.pixels;
        start + (end - start) * (f64::from(rate).log10() - self.from) / (self.to - self.from)
    }

    /// Powers of ten.
    fn ticks(&self) -> impl Iterator<Item = i32> {
        // Single-precision learning rates are not exactly powers of ten.
        ((self.from - 1e-6).ceil() as i32)..=((self.to + 1e-6).floor() as i32)
    }
}

fn axes(svg: &mut String, x: &Decades, y: &Axis) {
    for tick in y.ticks() {
        let at = y.place(tick);
        let _ = writeln!(
            svg,
            "<path class=\"grid\" d=\"M{LEFT} {at:.1}H{RIGHT}\"/>\
             <text class=\"tick\" text-anchor=\"end\" x=\"{:.1}\" y=\"{:.1}\">{}</text>",
            LEFT - 8.0,
            at + 4.0,
            tick as f32
        );
    }
    for power in x.ticks() {
        let at = x.place(10f32.powi(power));
        let _ = writeln!(
            svg,
            "<path class=\"axis\" d=\"M{at:.1} {BOTTOM}v5\"/>\
             <text class=\"tick\" text-anchor=\"middle\" x=\"{at:.1}\" y=\"{:.1}\">1e{power}</text>",
            BOTTOM + 20.0,
        );
    }
    let _ = writeln!(
        svg,
        "<path class=\"axis\" d=\"M{LEFT} {TOP}V{BOTTOM}H{RIGHT}\"/>\
         <text text-anchor=\"middle\" x=\"{:.1}\" y=\"{:.1}\">learning rate</text>\
         <text text-anchor=\"middle\" transform=\"translate(20 {:.1}) rotate(-90)\">loss</text>",
        (LEFT + RIGHT) / 2.0,
        BOTTOM + 46.0,
        (TOP + BOTTOM) / 2.0
    );
}
