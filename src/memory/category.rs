use std::ops::{AddAssign, Index, IndexMut, SubAssign};

use serde::{Serialize, Serializer, ser::SerializeMap};

/// Use of a byte of device memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Category {
    /// All parameters of the network; on the CPU backend, the best so far, too, if they are kept.
    Parameters,
    /// Optimizer state between steps; plain SGD has none.
    Optimizer,
    /// Parameter gradients that outlive their kernel, such as those that accumulate over micro-batches.
    Gradients,
    /// States kept from the forward pass until the loss and the backward pass have read them.
    Checkpoints,
    /// States that are not kept: transient in the forward pass, or recomputed for the backward pass.
    Recomputed,
    /// Deltas: gradients of the loss with respect to pre-activations.
    Deltas,
    /// Bytes of the pool that hold no value when live bytes peak.
    Fragmentation,
    /// A micro-batch: its inputs (state 0) and targets.
    Batch,
    /// Samples, targets and the epoch's order of a resident dataset.
    Dataset,
    /// Kernel parameters, per-sample losses and the epoch's metrics.
    Workspace,
    /// Host-visible buffers for transfers to and from the device.
    Staging,
}

impl Category {
    /// Every category, in the order of reports.
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

    /// Categories of the pool's values.
    pub const ACTIVATIONS: [Category; 3] = [Category::Checkpoints, Category::Recomputed, Category::Deltas];

    /// Name in reports.
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
    /// `bytes` of one category, 0 of the others.
    pub fn of(category: Category, bytes: u64) -> Self {
        Self::from_iter([(category, bytes)])
    }

    /// Sum over all categories.
    pub fn total(&self) -> u64 {
        self.0.iter().sum()
    }

    /// Bytes of a plan's pool: [`Category::ACTIVATIONS`] and [`Category::Fragmentation`].
    pub fn pool(&self) -> u64 {
        Category::ACTIVATIONS.iter().map(|&category| self[category]).sum::<u64>()
            + self[Category::Fragmentation]
    }

    /// Each category with its bytes, in the order of [`Category::ALL`].
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
        for (bytes, more) in self.0.iter_mut().zip(more.0) {
            *bytes += more;
        }
    }
}

impl SubAssign for ByCategory {
    fn sub_assign(&mut self, less: Self) {
        for (bytes, less) in self.0.iter_mut().zip(less.0) {
            *bytes -= less;
        }
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
