use std::sync::Arc;

use super::{Dataset, Split};

/// A way through one of a dataset's splits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pass<'a> {
    /// Samples to learn from, in this order, one entry a sample.
    Shuffled(&'a [u32]),
    /// Samples to learn from, as they lie.
    InOrder,
    /// Samples to score, as they lie.
    Test,
}

/// A micro-batch, before it is gathered.
#[derive(Debug, Clone, Copy)]
pub struct Batch<'a> {
    /// Where its samples are.
    pub split: &'a Split,
    /// Which of them; past the split's end the last one again and again.
    pub rows: &'a [u32],
    /// How many are not such repetitions.
    pub new: usize,
}

/// Walks over a split, micro-batch by micro-batch.
pub struct BatchCursor {
    data: Arc<Dataset>,
    is_test: bool,
    /// Empty where samples are taken as they lie.
    order: Vec<u32>,
    position: usize,
    rows: Vec<u32>,
}

impl BatchCursor {
    /// A cursor over `data`; [`BatchCursor::begin`] says which way.
    pub fn new(data: Arc<Dataset>) -> Self {
        BatchCursor { data, is_test: false, order: Vec::new(), position: 0, rows: Vec::new() }
    }

    /// Starts a pass, at its sample `position`.
    pub fn begin(&mut self, pass: Pass, position: usize) {
        self.is_test = pass == Pass::Test;
        self.order.clear();
        if let Pass::Shuffled(order) = pass {
            self.order.extend_from_slice(order);
        }
        self.position = position;
    }

    /// The next `samples` samples.
    pub fn next(&mut self, samples: usize) -> Batch<'_> {
        let (first, last) = (self.position, self.split().len() - 1);
        self.rows.clear();
        self.rows.extend((first..first + samples).map(|position| {
            let position = position.min(last);
            self.order.get(position).copied().unwrap_or(position as u32)
        }));
        self.position += samples;
        Batch { split: self.split(), rows: &self.rows, new: samples.min((last + 1).saturating_sub(first)) }
    }

    /// What it walks over.
    pub fn split(&self) -> &Split {
        if self.is_test { &self.data.test } else { &self.data.train }
    }
}
