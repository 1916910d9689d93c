use std::fmt;
use std::ops::Range;

use crate::{Error, Result};

/// Neighbouring layers that run as one action: `first` to `end`, without `end`; at least one.
///
/// Several are one action where a device keeps the states between them in its kernel, so that they take none of its
/// memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Layers {
    /// The lowest.
    pub first: usize,
    /// One more than the highest.
    pub end: usize,
}

impl Layers {
    /// How many there are.
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

    /// The highest.
    pub fn last(self) -> usize {
        self.end - 1
    }

    /// Each of them, lowest first.
    pub fn range(self) -> Range<usize> {
        self.first..self.end
    }

    /// All but the highest: those that run again where the states between them are not in memory.
    pub fn below_last(self) -> Range<usize> {
        self.first..self.end - 1
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
