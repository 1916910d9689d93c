//! The table that kernels of thin layers read: what a layer is, and where in the pool its operands are.

use super::fusion::{Fusion, flags};
use super::pool::Placement;
use crate::device::Fault;
use crate::gpu::pipelines::NOWHERE;
use crate::model::Network;
use crate::plan::{Op, Operand, Plan, Run, Value};

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

/// The rows of a plan: one for each thin layer of each op, of the step and then of the evaluation. An op that runs layers
/// forward and backward has one for each layer's forward pass, and then one for each backward pass.
#[derive(Debug, Clone, PartialEq)]
pub struct Table {
    pub rows: Vec<Row>,
    /// For each action but releases, its first row.
    pub starts: Vec<usize>,
}

impl Table {
    pub fn of(plan: &Plan, network: &Network, fusion: &Fusion, placement: Placement) -> Self {
        let mut table = Table { rows: Vec::new(), starts: Vec::new() };
        for run in plan.runs() {
            table.starts.push(table.rows.len());
            let layers = run.op.layers().map_or(0..0, |layers| layers.range());
            let passes: &[bool] = match run.op {
                Op::ForwardBackward(_) => &[false, true],
                op if op.is_backward() => &[true],
                _ => &[false],
            };
            for &is_backward in passes {
                let rows = layers
                    .clone()
                    .filter_map(|layer| Row::of(plan, placement, network, fusion, run, layer, is_backward));
                table.rows.extend(rows);
            }
        }
        table
    }
}

impl Row {
    /// Row of `layer` in `run`; `None` if it is not thin.
    fn of(
        plan: &Plan,
        placement: Placement,
        network: &Network,
        fusion: &Fusion,
        run: &Run,
        layer: usize,
        is_backward: bool,
    ) -> Option<Self> {
        let place = fusion.place(layer)?;
        let shape = network.layer(layer);
        let answer =
            if is_backward { layer.checked_sub(1).map(Value::Delta) } else { Some(Value::State(layer + 1)) };
        // An action may write what it reads again, such as all deltas of a chunk but the last.
        let operand = |value| match offset(plan, placement, &run.writes, value) {
            NOWHERE => offset(plan, placement, &run.reads, value),
            written => written,
        };
        Some(Row {
            inputs: shape.inputs as u32,
            outputs: shape.outputs as u32,
            weights: place.weights as u32,
            flags: flags(shape),
            state: operand(Value::State(layer)),
            delta: operand(Value::Delta(layer)),
            answer: answer.map_or(NOWHERE, |value| offset(plan, placement, &run.writes, value)),
            place: Fault::place(layer, network.layers().len()),
        })
    }
}

/// Offset of `value` in its buffer, in values, if it is one of `operands`.
fn offset(plan: &Plan, placement: Placement, operands: &[Operand], value: Value) -> u32 {
    let operand = operands.iter().find(|operand| operand.value == value);
    let offset = operand.and_then(|operand| placement.offset(&plan.slots[operand.slot]));
    offset.map_or(NOWHERE, |offset| (offset / 4) as u32)
}
