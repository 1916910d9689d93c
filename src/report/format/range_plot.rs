use std::fmt::Write;

use super::svg::{Axis, BOTTOM, HEIGHT, LEFT, RIGHT, STYLE, TOP, WIDTH};
use crate::train::{RangeStep, RangeTestResult};

/// Height of the plot relative to the smoothed losses up to the lowest.
const ROOM: f64 = 1.2;
/// Most powers of ten that have room on the axis, less one.
const POWERS: f64 = 14.0;

/// The loss of a range test over the learning rate on a logarithmic axis, as an SVG drawing.
pub fn range_plot(tested: &RangeTestResult) -> String {
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
        self.place_log(f64::from(rate).log10())
    }

    fn place_log(&self, log: f64) -> f64 {
        let [start, end] = self.pixels;
        start + (end - start) * (log - self.from) / (self.to - self.from)
    }

    /// Logarithms and labels: powers of ten, every n-th if there are many, and two and five times these if there are few. Both
    /// ends if there would be less than two.
    fn ticks(&self) -> Vec<(f64, String)> {
        let decades = self.to - self.from;
        let factors: &[u8] = if decades < 2.0 { &[1, 2, 5] } else { &[1] };
        let apart = (decades / POWERS).ceil().max(1.0) as i32;
        let powers = (self.from.floor() as i32..=self.to.ceil() as i32).filter(|power| power % apart == 0);
        let tick = |power: i32, factor: u8| {
            (f64::from(power) + f64::from(factor).log10(), format!("{factor}e{power}"))
        };
        // Single-precision learning rates are not exactly powers of ten.
        let range = self.from - 1e-6..=self.to + 1e-6;
        let ticks: Vec<_> = powers
            .flat_map(|power| factors.iter().map(move |&factor| tick(power, factor)))
            .filter(|(log, _)| range.contains(log))
            .collect();
        let end = |log: f64| (log, format!("{:.2e}", 10f64.powf(log)));
        if ticks.len() < 2 { vec![end(self.from), end(self.to)] } else { ticks }
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
    for (log, label) in x.ticks() {
        let at = x.place_log(log);
        let _ = writeln!(
            svg,
            "<path class=\"axis\" d=\"M{at:.1} {BOTTOM}v5\"/>\
             <text class=\"tick\" text-anchor=\"middle\" x=\"{at:.1}\" y=\"{:.1}\">{label}</text>",
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_suit_the_range() {
        let labels = |from: f32, to: f32| {
            let step = |rate| RangeStep { rate, loss: 1.0, smoothed: 1.0 };
            let axis = Decades::new(&[step(from), step(to)], [LEFT, RIGHT]);
            let ticks = axis.ticks();
            let places: Vec<f64> = ticks.iter().map(|&(log, _)| axis.place_log(log)).collect();
            assert!(places.windows(2).all(|pair| pair[1] - pair[0] > 40.0), "{places:?}");
            assert!(places.iter().all(|place| (LEFT - 0.1..RIGHT + 0.1).contains(place)), "{places:?}");
            ticks.into_iter().map(|(_, label)| label).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(labels(1e-6, 10.0), "1e-6 1e-5 1e-4 1e-3 1e-2 1e-1 1e0 1e1");
        assert_eq!(labels(1e-3, 0.05), "1e-3 2e-3 5e-3 1e-2 2e-2 5e-2");
        assert_eq!(labels(1.5e-3, 6e-3), "2e-3 5e-3");
        assert_eq!(labels(2.1e-3, 2.2e-3), "2.10e-3 2.20e-3");
        assert_eq!(labels(1e-12, 1e12), "1e-12 1e-10 1e-8 1e-6 1e-4 1e-2 1e0 1e2 1e4 1e6 1e8 1e10 1e12");
        assert_eq!(
            labels(1e-44, 1e38),
            "1e-42 1e-36 1e-30 1e-24 1e-18 1e-12 1e-6 1e0 1e6 1e12 1e18 1e24 1e30 1e36"
        );
    }
}
