use std::sync::Arc;

use super::{Dataset, Split};

/// One of a dataset's splits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// Samples to learn from.
    Train,
    /// Samples to score.
    Test,
}

/// Walks over a split and gathers its mini-batches on the host.
pub struct BatchCursor {
    data: Arc<Dataset>,
    part: Part,
    in_order: bool,
    order: Vec<u32>,
    position: usize,
    rows: Vec<u32>,
}

impl BatchCursor {
    /// A cursor over `data`; [`BatchCursor::begin`] says over which part.
    pub fn new(data: Arc<Dataset>) -> Self {
        BatchCursor {
            data,
            part: Part::Train,
            in_order: true,
            order: Vec::new(),
            position: 0,
            rows: Vec::new(),
        }
    }

    /// Starts a pass over `part`, by `order` or as the samples lie.
    pub fn begin(&mut self, part: Part, order: Option<&[u32]>) {
        self.part = part;
        self.in_order = order.is_none();
        self.order.clear();
        self.order.extend_from_slice(order.unwrap_or_default());
        self.position = 0;
    }

    /// Writes the next mini-batch to `inputs`, `[labels.len(), features]`, and `labels`, and returns how many of
    /// its samples are new: past the split's end the last sample is repeated.
    pub fn next(&mut self, inputs: &mut [f32], labels: &mut [u32]) -> usize {
        let split = self.data.split(self.part);
        let (first, last) = (self.position, split.len() - 1);
        self.rows.clear();
        self.rows.extend((first..first + labels.len()).map(|position| {
            let position = position.min(last);
            if self.in_order { position as u32 } else { self.order[position] }
        }));
        split.gather(&self.rows, inputs);
        split.gather_labels(&self.rows, labels);
        self.position += labels.len();
        labels.len().min((last + 1).saturating_sub(first))
    }
}

impl Dataset {
    /// The split that `part` names.
    pub fn split(&self, part: Part) -> &Split {
        match part {
            Part::Train => &self.train,
            Part::Test => &self.test,
        }
    }
}
