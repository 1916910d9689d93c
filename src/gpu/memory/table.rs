//! The table that kernels of thin layers read: what a layer is, and where in the pool its operands are.

use super::fusion::{Fusion, flags};
use crate::device::Fault;
use crate::gpu::pipelines::NOWHERE;
use crate::model::Network;
use crate::plan::{Operand, Plan, Value};

/// Bytes of a row.
pub const ROW_BYTES: u64 = size_of::<Row>() as u64;

/// A row, laid out as in `shaders/thin_layer.wgsl`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C)]
pub struct Row {
    inputs: u32,
    outputs: u32,
    weights: u32,
    flags: u32,
    state: u32,
    delta: u32,
    answer: u32,
    place: u32,
}

/// The rows of a plan: one for each thin layer of each op, of the step and then of the evaluation.
#[derive(Debug, Clone, PartialEq)]
pub struct Table {
    pub rows: Vec<Row>,
    /// For each action but releases, its first row.
    pub starts: Vec<usize>,
}

impl Table {
    pub fn of(plan: &Plan, network: &Network, fusion: &Fusion) -> Self {
        let mut table = Table { rows: Vec::new(), starts: Vec::new() };
        for run in plan.runs() {
            table.starts.push(table.rows.len());
            let layers = run.op.layers().map_or(0..0, |layers| layers.range());
            for layer in layers {
                let Some(place) = fusion.place(layer) else { continue };
                let shape = network.layer(layer);
                let answer = if run.op.is_backward() {
                    layer.checked_sub(1).map(Value::Delta)
                } else {
                    Some(Value::State(layer + 1))
                };
                table.rows.push(Row {
                    inputs: shape.inputs as u32,
                    outputs: shape.outputs as u32,
                    weights: place.weights as u32,
                    flags: flags(shape),
                    state: offset(plan, &run.reads, Value::State(layer)),
                    // Backward writes the deltas of all layers but the last, which it reads.
                    delta: match offset(plan, &run.writes, Value::Delta(layer)) {
                        NOWHERE => offset(plan, &run.reads, Value::Delta(layer)),
                        written => written,
                    },
                    answer: answer.map_or(NOWHERE, |value| offset(plan, &run.writes, value)),
                    place: Fault::place(layer, network.layers().len()),
                });
            }
        }
        table
    }
}

/// Offset of `value` in its block, in values, if it is one of `operands`.
fn offset(plan: &Plan, operands: &[Operand], value: Value) -> u32 {
    let operand = operands.iter().find(|operand| operand.value == value);
    operand.map_or(NOWHERE, |operand| (plan.slots[operand.slot].offset / 4) as u32)
}
