//! Immediate data, which a dispatch takes when it is recorded: what changes from one micro-batch to the next, and after it the
//! arguments of kernels of thin layers.

use crate::device::Accumulation;
use crate::gpu::device::IMMEDIATE_BYTES;
use crate::model::{DropoutKey, StepParams};

/// Gradients are added to those of earlier micro-batches of the mini-batch.
const CONTINUES_SUMS: u32 = 1;
/// Gradients are kept, rather than used to update parameters.
const KEEPS_SUMS: u32 = 2;
/// Layers with dropout drop values.
const DROPS_VALUES: u32 = 4;

/// Flags of a micro-batch by their names in WGSL.
pub const FLAGS: [(&str, u32); 3] =
    [("CONTINUES_SUMS", CONTINUES_SUMS), ("KEEPS_SUMS", KEEPS_SUMS), ("DROPS_VALUES", DROPS_VALUES)];

/// What changes from one micro-batch to the next, laid out as in `shaders/micro_batch.wgsl`.
#[derive(Debug, Clone, Copy, Default, PartialEq, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C)]
pub struct MicroBatch {
    index: u32,
    flags: u32,
    rate: f32,
    stride: f32,
    root: f32,
    place: u32,
    counted: u32,
    divisor: f32,
    dropout_key: [u32; 2],
}

/// Arguments of a kernel of thin layers, which uses as many as it needs.
pub type Arguments = [u32; 7];

/// Immediate data of a kernel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Immediates {
    None,
    MicroBatch,
    MicroBatchAndArguments,
}

impl MicroBatch {
    /// The micro-batch `index` of an epoch, whose first sample has this `place` in the mini-batch, and of whose samples so many are
    /// `counted`. `clips` if gradients are clipped, before another kernel updates parameters.
    pub fn new(
        index: u32,
        [place, counted]: [usize; 2],
        accumulation: Accumulation,
        clips: bool,
        step_params: StepParams,
    ) -> Self {
        let StepParams { rate, stride, root, divisor, dropout } = step_params;
        let continues = if accumulation.is_first() { 0 } else { CONTINUES_SUMS };
        let keeps = if accumulation.is_last() && !clips { 0 } else { KEEPS_SUMS };
        let drops = if dropout.is_some() { DROPS_VALUES } else { 0 };
        MicroBatch {
            index,
            flags: continues | keeps | drops,
            rate,
            stride,
            root,
            place: place as u32,
            counted: counted as u32,
            divisor,
            dropout_key: dropout.map_or([0; 2], DropoutKey::words),
        }
    }
}

impl Immediates {
    /// Size in bytes.
    pub const fn bytes(self) -> u32 {
        let bytes = match self {
            Immediates::None => 0,
            Immediates::MicroBatch => size_of::<MicroBatch>(),
            Immediates::MicroBatchAndArguments => size_of::<MicroBatch>() + size_of::<Arguments>(),
        };
        bytes as u32
    }
}

const _: () = assert!(Immediates::MicroBatchAndArguments.bytes() <= IMMEDIATE_BYTES);
