//! The inputs of samples, in memory or mapped.

use serde::{Deserialize, Serialize};

use super::element::U8_SCALE;
use super::mapped::Mapped;
use crate::Result;

/// Samples that the system is asked to read ahead of a sequential pass.
const READ_AHEAD: usize = 64;

/// Inputs of all samples, `[samples, features]`, row-major.
#[derive(Debug, Clone, PartialEq)]
pub enum Inputs {
    /// Bytes, scaled by [`U8_SCALE`](super::U8_SCALE) on use.
    U8(Vec<u8>),
    /// Floats, used as they are.
    F32(Vec<f32>),
    /// Either of these, left in its file and read on use.
    Mapped(Mapped),
}

impl Inputs {
    /// Number of values, `samples * features`.
    pub(super) fn len(&self) -> usize {
        match self {
            Inputs::U8(bytes) => bytes.len(),
            Inputs::F32(values) => values.len(),
            Inputs::Mapped(mapped) => mapped.len(),
        }
    }

    /// Bytes of one value as a device stores it: 1 or 4.
    pub(super) fn value_bytes(&self) -> usize {
        match self {
            Inputs::U8(_) => 1,
            Inputs::F32(_) => 4,
            Inputs::Mapped(mapped) => mapped.value_bytes(),
        }
    }

    /// Passes all values to `take` in order, in pieces, each with its offset in bytes. Values have the form
    /// in which a device stores them, bytes or `f32`; every piece but the last is a whole number of 32-bit
    /// words.
    ///
    /// # Errors
    /// The errors of `take`.
    pub fn in_pieces(&self, mut take: impl FnMut(u64, &[u8]) -> Result<()>) -> Result<()> {
        match self {
            Inputs::U8(bytes) => take(0, bytes),
            Inputs::F32(values) => take(0, bytemuck::cast_slice(values)),
            Inputs::Mapped(mapped) => mapped.in_pieces(take),
        }
    }

    /// Calls `visit(feature, value)` for every value in order, at `features` values a sample.
    pub(super) fn for_each(&self, features: usize, mut visit: impl FnMut(usize, f64)) {
        match self {
            Inputs::U8(bytes) => {
                for (index, &byte) in bytes.iter().enumerate() {
                    visit(index % features, f64::from(f32::from(byte) * U8_SCALE));
                }
            }
            Inputs::F32(values) => {
                for (index, &value) in values.iter().enumerate() {
                    visit(index % features, f64::from(value));
                }
            }
            Inputs::Mapped(mapped) => {
                let samples = mapped.len() / features;
                let mut values = vec![0.0; features];
                for row in 0..samples {
                    if row.is_multiple_of(READ_AHEAD) {
                        mapped.read_ahead(row..samples.min(row + READ_AHEAD));
                    }
                    mapped.read(row, &mut values);
                    for (feature, &value) in values.iter().enumerate() {
                        visit(feature, f64::from(value));
                    }
                }
            }
        }
    }
}

/// What inputs are stored as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum InputKind {
    /// Bytes, which are scaled by 1/255.
    Bytes,
    /// Numbers of any other kind.
    Numbers,
}

impl InputKind {
    /// The kind of `inputs` that are held as they are stored.
    pub(super) fn of(inputs: &Inputs) -> Self {
        if inputs.value_bytes() == 1 { InputKind::Bytes } else { InputKind::Numbers }
    }

    /// Description for messages.
    pub(super) fn describe(self) -> &'static str {
        match self {
            InputKind::Bytes => "bytes, which are scaled by 1/255",
            InputKind::Numbers => "floats, which are not scaled",
        }
    }
}
