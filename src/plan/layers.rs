use std::fmt;
use std::ops::Range;

use crate::{Error, Result};

/// Adjacent layers that run as one action: `first..end`, at least one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Layers {
    /// The lowest layer.
    pub first: usize,
    /// One more than the highest layer.
    pub end: usize,
}

impl Layers {
    /// Number of layers.
    pub fn count(self) -> usize {
        self.end - self.first
    }

    /// The layer of an action on a device that runs one layer per action.
    ///
    /// # Errors
    /// [`Error::Internal`] if there are several.
    pub fn alone(self) -> Result<usize> {
        match self.count() {
            1 => Ok(self.first),
            _ => Err(Error::internal(format!("{self} in one action of a device that runs one layer each"))),
        }
    }

    /// The highest layer.
    pub fn last(self) -> usize {
        self.end - 1
    }

    /// All layers, lowest first.
    pub fn range(self) -> Range<usize> {
        self.first..self.end
    }
}

impl From<usize> for Layers {
    fn from(layer: usize) -> Self {
        Layers { first: layer, end: layer + 1 }
    }
}

impl From<Range<usize>> for Layers {
    fn from(layers: Range<usize>) -> Self {
        Layers { first: layers.start, end: layers.end }
    }
}

impl fmt::Display for Layers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.count() {
            1 => write!(f, "layer {}", self.first),
            _ => write!(f, "layers {}-{}", self.first, self.last()),
        }
    }
}
