use std::ops::{Index, IndexMut};

use serde::{Serialize, Serializer, ser::SerializeMap};

/// What a device byte is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Category {
    /// Weights and biases.
    Parameters,
    /// What the optimizer remembers between steps; plain SGD remembers nothing.
    Optimizer,
    /// Parameter gradients that outlive their kernel: those of a batch in several parts.
    Gradients,
    /// States kept from the forward sweep until loss and backward have read them.
    Checkpoints,
    /// States that are not kept: passing through in the forward sweep, or recomputed for the backward sweep.
    Recomputed,
    /// Gradients with respect to pre-activations.
    Deltas,
    /// The mini-batch: its inputs (state 0) and labels.
    Batch,
    /// Samples, labels and the epoch's order, where they stay on the device.
    Dataset,
    /// Kernel sizes, per-sample losses and the epoch's metrics.
    Workspace,
    /// Host-visible buffers that carry bytes to the device and back.
    Staging,
}

impl Category {
    /// Every category, in the order that reports list them.
    pub const ALL: [Category; 10] = [
        Category::Parameters,
        Category::Optimizer,
        Category::Gradients,
        Category::Checkpoints,
        Category::Recomputed,
        Category::Deltas,
        Category::Batch,
        Category::Dataset,
        Category::Workspace,
        Category::Staging,
    ];

    /// The categories that a plan decides about.
    pub const ACTIVATIONS: [Category; 3] = [Category::Checkpoints, Category::Recomputed, Category::Deltas];

    /// The name that reports use.
    pub fn name(self) -> &'static str {
        match self {
            Category::Parameters => "parameters",
            Category::Optimizer => "optimizer",
            Category::Gradients => "gradients",
            Category::Checkpoints => "checkpoints",
            Category::Recomputed => "recomputed",
            Category::Deltas => "deltas",
            Category::Batch => "batch",
            Category::Dataset => "dataset",
            Category::Workspace => "workspace",
            Category::Staging => "staging",
        }
    }
}

/// Bytes, one number for each [`Category`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ByCategory([u64; Category::ALL.len()]);

impl ByCategory {
    /// The sum over all categories.
    pub fn total(&self) -> u64 {
        self.0.iter().sum()
    }

    /// The sum over [`Category::ACTIVATIONS`].
    pub fn activations(&self) -> u64 {
        Category::ACTIVATIONS.iter().map(|&category| self[category]).sum()
    }

    /// Each category with its bytes, in report order.
    pub fn iter(&self) -> impl Iterator<Item = (Category, u64)> + '_ {
        Category::ALL.iter().map(|&category| (category, self[category]))
    }
}

impl Index<Category> for ByCategory {
    type Output = u64;

    fn index(&self, category: Category) -> &u64 {
        &self.0[category as usize]
    }
}

impl IndexMut<Category> for ByCategory {
    fn index_mut(&mut self, category: Category) -> &mut u64 {
        &mut self.0[category as usize]
    }
}

impl FromIterator<(Category, u64)> for ByCategory {
    fn from_iter<I: IntoIterator<Item = (Category, u64)>>(items: I) -> Self {
        let mut bytes = ByCategory::default();
        for (category, more) in items {
            bytes[category] += more;
        }
        bytes
    }
}

impl Serialize for ByCategory {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(Category::ALL.len()))?;
        for (category, bytes) in self.iter() {
            map.serialize_entry(category.name(), &bytes)?;
        }
        map.end()
    }
}
