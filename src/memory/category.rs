use std::ops::{AddAssign, Index, IndexMut, SubAssign};

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
    /// Bytes of the pool that hold no value when the most bytes live.
    Fragmentation,
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
    pub const ALL: [Category; 11] = [
        Category::Parameters,
        Category::Optimizer,
        Category::Gradients,
        Category::Checkpoints,
        Category::Recomputed,
        Category::Deltas,
        Category::Fragmentation,
        Category::Batch,
        Category::Dataset,
        Category::Workspace,
        Category::Staging,
    ];

    /// The categories of a plan's values.
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
            Category::Fragmentation => "fragmentation",
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
    /// `bytes` bytes of one category.
    pub fn of(category: Category, bytes: u64) -> Self {
        Self::from_iter([(category, bytes)])
    }

    /// The sum over all categories.
    pub fn total(&self) -> u64 {
        self.0.iter().sum()
    }

    /// What a plan's pool takes: [`Category::ACTIVATIONS`] and the fragmentation between them.
    pub fn pool(&self) -> u64 {
        Category::ACTIVATIONS.iter().map(|&category| self[category]).sum::<u64>()
            + self[Category::Fragmentation]
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

impl AddAssign for ByCategory {
    fn add_assign(&mut self, more: Self) {
        self.0.iter_mut().zip(more.0).for_each(|(bytes, more)| *bytes += more);
    }
}

impl SubAssign for ByCategory {
    fn sub_assign(&mut self, less: Self) {
        self.0.iter_mut().zip(less.0).for_each(|(bytes, less)| *bytes -= less);
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
