use super::staged::KMajor;
use crate::model::Layer;

/// The products of a layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Product {
    /// Outputs, from inputs and weights.
    Forward,
    /// The delta below the layer, from its delta and weights.
    Delta,
    /// The gradient of the weights, from deltas and inputs.
    Gradient,
}

/// A product of one layer.
#[derive(Debug, Clone, Copy)]
pub struct LayerProduct {
    pub product: Product,
    pub layer: Layer,
    pub micro_batch: usize,
}

impl Product {
    /// How the left and the right operand lie in memory.
    pub fn k_major(self) -> KMajor {
        match self {
            Product::Forward => [true, true],
            Product::Delta => [true, false],
            Product::Gradient => [false, false],
        }
    }

    fn name(self) -> &'static str {
        match self {
            Product::Forward => "forward",
            Product::Delta => "delta",
            Product::Gradient => "gradient",
        }
    }
}

impl LayerProduct {
    /// Rows and columns of the result.
    pub fn answer(self) -> [usize; 2] {
        let Layer { inputs, outputs, .. } = self.layer;
        match self.product {
            Product::Forward => [self.micro_batch, outputs],
            Product::Delta => [self.micro_batch, inputs],
            Product::Gradient => [outputs, inputs],
        }
    }

    /// Terms of each element.
    pub fn depth(self) -> usize {
        match self.product {
            Product::Forward => self.layer.inputs,
            Product::Delta => self.layer.outputs,
            Product::Gradient => self.micro_batch,
        }
    }

    /// `true` if rows of the left and right operand are a multiple of four values wide.
    pub fn by_four(self) -> [bool; 2] {
        let Layer { inputs, outputs, .. } = self.layer;
        let left = if self.product == Product::Forward { inputs } else { outputs };
        [left, inputs].map(|width| width.is_multiple_of(4))
    }

    /// Name that it shares with products whose dimensions round up to the same powers of two.
    pub fn kind(self) -> String {
        let [rows, columns] = self.answer().map(usize::next_power_of_two);
        format!("{} {rows}x{columns}x{}", self.product.name(), self.depth().next_power_of_two())
    }
}
