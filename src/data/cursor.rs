use std::sync::Arc;

use super::Dataset;

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

/// Walks over a split and gathers its micro-batches on the host.
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

    /// Starts a pass.
    pub fn begin(&mut self, pass: Pass) {
        self.is_test = pass == Pass::Test;
        self.order.clear();
        if let Pass::Shuffled(order) = pass {
            self.order.extend_from_slice(order);
        }
        self.position = 0;
    }

    /// Writes the next micro-batch to `inputs`, `[labels.len(), features]`, and `labels`, and returns how many of
    /// its samples are new: past the split's end the last sample is repeated.
    pub fn next(&mut self, inputs: &mut [f32], labels: &mut [u32]) -> usize {
        let split = if self.is_test { &self.data.test } else { &self.data.train };
        let (first, last) = (self.position, split.len() - 1);
        self.rows.clear();
        self.rows.extend((first..first + labels.len()).map(|position| {
            let position = position.min(last);
            self.order.get(position).copied().unwrap_or(position as u32)
        }));
        split.gather(&self.rows, inputs);
        split.gather_labels(&self.rows, labels);
        self.position += labels.len();
        labels.len().min((last + 1).saturating_sub(first))
    }
}
