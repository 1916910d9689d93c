//! `plan --solve-for`: the largest value of one setting that a budget allows.

use std::str::FromStr;

use serde_json::{Value, json};

use super::output;
use super::sizes::Sizes;
use crate::config::{Batching, Settings, divisors};
use crate::model::by_name;
use crate::report::SCHEMA;
use crate::strategy::Strategy;
use crate::train::{Largest, RunPlanner};
use crate::words::grouped;
use crate::{Error, Result, Setting};

/// Most layers and width that are tried.
const MOST_LAYERS: usize = 1024;
const MOST_WIDTH: usize = 1 << 16;

/// What the last value is that is tried, where larger ones may do.
const MOST: &str = "the most that is tried";

/// What to solve for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unknown {
    /// Samples in a mini-batch, in one piece.
    Batch,
    /// Samples in a micro-batch: a divisor of the batch.
    MicroBatch,
    /// Number of the hidden layers that have the width which most neighbours share.
    Layers,
    /// Width of these layers.
    Width,
}

/// Values of a setting, and how to set them.
struct Range<'a> {
    /// What is varied, in words.
    words: String,
    /// Most values that are tried, and what the last of them is, in words.
    most: usize,
    last: &'static str,
    /// The settings with the value of this number, counted from 1.
    with: Box<dyn Fn(usize) -> Settings + 'a>,
    /// The value of this number.
    value: Box<dyn Fn(usize) -> usize + 'a>,
}

impl Unknown {
    pub const ALL: [Unknown; 4] = [Unknown::Batch, Unknown::MicroBatch, Unknown::Layers, Unknown::Width];

    pub fn name(self) -> &'static str {
        match self {
            Unknown::Batch => "batch",
            Unknown::MicroBatch => "micro-batch",
            Unknown::Layers => "layers",
            Unknown::Width => "width",
        }
    }

    pub fn summary(self) -> &'static str {
        match self {
            Unknown::Batch => "Samples in a mini-batch, in one piece",
            Unknown::MicroBatch => "Samples in a micro-batch",
            Unknown::Layers => "Number of the hidden layers of the width that most neighbours share",
            Unknown::Width => "Width of these layers",
        }
    }

    /// Checks that it can be solved for beside `sizes`.
    ///
    /// # Errors
    /// [`Error::Usage`] about a size that is left open, or micro-batches of a batch that is to be found.
    pub fn check(self, sizes: Sizes) -> Result<()> {
        let refused = sizes.is_open() || (self == Unknown::Batch && sizes.micro_batch.is_some());
        if refused {
            let problem = format!(
                "found {} beside {} or {}, which it would have to know; leave them out, or give numbers to solve for another",
                self.name(),
                Setting::Batch.with("auto"),
                Setting::MicroBatch
            );
            return Err(Error::usage(Setting::SolveFor, problem));
        }
        Ok(())
    }

    /// Prints the largest values with which runs of `settings` can be planned, as JSON if `is_json`.
    ///
    /// # Errors
    /// Those of [`RunPlanner::largest`], and [`Error::Usage`] for layers of a network without hidden ones.
    pub fn solve(self, settings: &Settings, planner: &RunPlanner, is_json: bool) -> Result<()> {
        let Range { words, most, last, with, value } = self.range(settings, planner)?;
        let Largest { stored, planned } = planner.largest(most, with)?;
        let [stored, planned] = [stored, Some(planned)].map(|number| number.map(&value));
        if is_json {
            return output::result_json(&self.line(settings, stored, planned));
        }
        let shown = |found: Option<usize>| match found {
            Some(found) if found == value(most) => format!("{}, {last}", grouped(found as u64)),
            Some(found) => grouped(found as u64),
            None => "none".to_owned(),
        };
        output::result(&format!(
            "largest {words} within the budget\nwithout recomputation  {}\nwith recomputation     {}",
            shown(stored),
            shown(planned)
        ))
    }

    fn line(self, settings: &Settings, stored: Option<usize>, planned: Option<usize>) -> Value {
        let budget = match settings.placement.strategy {
            Strategy::Budget(bytes) => Some(bytes),
            _ => None,
        };
        json!({
            "schema": SCHEMA,
            "event": "solved",
            "solve_for": self.name(),
            "budget_bytes": budget,
            "without_recomputation": stored,
            "with_recomputation": planned,
        })
    }

    fn range<'a>(self, settings: &'a Settings, planner: &RunPlanner) -> Result<Range<'a>> {
        let batching = settings.batching;
        let undivided = Batching { micro_batch: Some(batching.micro_batch()), ..batching };
        let batched = |batching| Settings { batching, ..settings.clone() };
        Ok(match self {
            Unknown::Batch => Range {
                words: "batch in one piece".to_owned(),
                most: match planner.data.train.samples {
                    0 => Batching::MOST_SAMPLES,
                    samples => samples,
                },
                last: if planner.data.train.samples == 0 { MOST } else { "all training samples" },
                with: Box::new(move |batch| {
                    batched(Batching { batch, micro_batch: Some(batch), ..batching })
                }),
                value: Box::new(|batch| batch),
            },
            Unknown::MicroBatch => {
                let mut sizes: Vec<usize> = divisors(batching.batch).collect();
                sizes.sort_unstable();
                sizes.dedup();
                let values = sizes.clone();
                Range {
                    words: format!("micro-batch of a batch of {}", grouped(batching.batch as u64)),
                    most: sizes.len(),
                    last: "the whole batch",
                    with: Box::new(move |number| {
                        batched(Batching { micro_batch: Some(sizes[number - 1]), ..batching })
                    }),
                    value: Box::new(move |number| values[number - 1]),
                }
            }
            Unknown::Layers | Unknown::Width => {
                let Hidden { start, count, width } = Hidden::of(&settings.network.layers.0)?;
                let with = move |count_of: usize, width_of: usize| {
                    let mut settings = batched(undivided);
                    let widths = &mut settings.network.layers.0;
                    widths.splice(start..start + count, std::iter::repeat_n(width_of, count_of));
                    settings
                };
                let is_width = self == Unknown::Width;
                Range {
                    words: if is_width {
                        format!("width of {count} hidden layers, now {width},")
                    } else {
                        format!("number of hidden layers of width {width}, now {count},")
                    },
                    most: if is_width { MOST_WIDTH } else { MOST_LAYERS },
                    last: MOST,
                    with: Box::new(
                        move |value| if is_width { with(count, value) } else { with(value, width) },
                    ),
                    value: Box::new(|value| value),
                }
            }
        })
    }
}

/// The longest run of equal widths between the first and the last state.
struct Hidden {
    start: usize,
    count: usize,
    width: usize,
}

impl Hidden {
    fn of(widths: &[usize]) -> Result<Self> {
        let hidden = widths.get(1..widths.len().saturating_sub(1)).unwrap_or_default();
        let mut longest = Hidden { start: 1, count: 0, width: 0 };
        let mut start = 1;
        for run in hidden.chunk_by(|a, b| a == b) {
            if run.len() > longest.count {
                longest = Hidden { start, count: run.len(), width: run[0] };
            }
            start += run.len();
        }
        if longest.count == 0 {
            let problem = "found a network without hidden layers, expected some whose number or width varies; give one such as \
                           784,64x2,10";
            return Err(Error::usage(Setting::Layers, problem));
        }
        Ok(longest)
    }
}

impl FromStr for Unknown {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        by_name(&Self::ALL, Self::name, name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_run_of_hidden_widths_varies() {
        let of = |widths: &[usize]| {
            Hidden::of(widths).map(|hidden| (hidden.start, hidden.count, hidden.width)).ok()
        };
        assert_eq!(of(&[5, 5, 5, 3, 3, 3, 3]), Some((3, 3, 3)));
        assert_eq!(of(&[5, 8, 8, 4, 4, 3]), Some((1, 2, 8)));
        assert_eq!(of(&[5, 5, 5]), Some((1, 1, 5)));
        assert_eq!([of(&[5, 3]), of(&[5])], [None, None]);
    }
}
