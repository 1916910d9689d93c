//! Walking over a split in micro-batches.

use std::sync::Arc;

use super::dataset::Dataset;
use super::split::Split;

/// Which split to walk over, and in which order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pass<'a> {
    /// The training split in this order, one index a sample.
    Shuffled(&'a [u32]),
    /// The training split in its stored order.
    InOrder,
    /// The test split in its stored order.
    Test,
}

/// A micro-batch that is yet to be gathered.
#[derive(Debug, Clone, Copy)]
pub struct Batch<'a> {
    /// Split that the samples belong to.
    pub split: &'a Split,
    /// Indices of the samples. Past the end of the split the last sample repeats as padding.
    pub rows: &'a [u32],
    /// Number of leading rows that are no padding.
    pub valid: usize,
}

/// Walks over a split, micro-batch by micro-batch.
pub struct BatchCursor {
    data: Arc<Dataset>,
    is_test: bool,
    /// Order of the samples; empty for the stored order.
    order: Vec<u32>,
    position: usize,
    rows: Vec<u32>,
}

impl BatchCursor {
    /// A cursor over `data`. Call [`BatchCursor::begin`] before the first batch.
    pub fn new(data: Arc<Dataset>) -> Self {
        BatchCursor { data, is_test: false, order: Vec::new(), position: 0, rows: Vec::new() }
    }

    /// Starts a pass at its sample `position`.
    pub fn begin(&mut self, pass: Pass, position: usize) {
        self.is_test = pass == Pass::Test;
        self.order.clear();
        if let Pass::Shuffled(order) = pass {
            self.order.extend_from_slice(order);
        }
        self.position = position;
    }

    /// The next micro-batch of `samples` samples.
    pub fn next(&mut self, samples: usize) -> Batch<'_> {
        let (first, last) = (self.position, self.split().len() - 1);
        self.rows.clear();
        self.rows.extend((first..first + samples).map(|position| {
            let position = position.min(last);
            self.order.get(position).copied().unwrap_or(position as u32)
        }));
        self.position += samples;
        Batch { split: self.split(), rows: &self.rows, valid: samples.min((last + 1).saturating_sub(first)) }
    }

    /// The split of the current pass.
    pub fn split(&self) -> &Split {
        if self.is_test { &self.data.test } else { &self.data.train }
    }
}
