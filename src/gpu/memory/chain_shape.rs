//! The shape of the kernels that take samples through thin layers.

use crate::device::DeviceLimits;
use crate::gpu::kernels::{ChainProduct, ChainShape};

/// Lanes per tile, each with four samples or eight, in order of preference.
const ROW_LANES: [u32; 3] = [8, 4, 2];
/// Micro-batches of fewer samples do not keep a large device busy: what counts is how long a layer takes, not how many
/// instructions. An estimate, from 132 multiprocessors with four schedulers each.
const MANY_SAMPLES: usize = 16_384;
/// Micro-batches of no more samples leave so much of a large device idle that the smallest workgroups are best. An estimate: two
/// workgroups of eight samples on each multiprocessor.
const FEW_SAMPLES: usize = 2048;

/// Shape of the kernels for micro-batches of so many samples and layers of at most `width`, with `count` tiles in workgroup
/// memory, and normalisation or none; `None` if that is too small.
pub fn chain_shape(
    micro_batch: usize,
    width: usize,
    count: u32,
    normalises: bool,
    limits: DeviceLimits,
) -> Option<ChainShape> {
    // An odd number of vectors lets neighbouring rows lie in different banks.
    let (vectors, stride) = (width.div_ceil(4) as u32, width.div_ceil(4) as u32 | 1);
    let shape = |row_lanes, column_lanes, quads, product| ChainShape {
        row_lanes,
        column_lanes,
        quads,
        stride,
        count,
        normalises,
        product,
    };
    let fits = |shape: &ChainShape| shape.bytes() <= limits.workgroup_bytes;

    let columns = shape(2, 4 * vectors, 1, ChainProduct::Columns);
    let has_lanes = columns.column_lanes <= limits.column_lanes.min(limits.invocations / columns.row_lanes);
    if !limits.subgroups && micro_batch <= FEW_SAMPLES && has_lanes && fits(&columns) {
        return Some(columns);
    }
    let is_large = micro_batch >= MANY_SAMPLES;
    let most_quads = if is_large && !limits.subgroups { 2 } else { 1 };
    let blocks = (1..=most_quads).rev().find_map(|quads| {
        let blocks = ROW_LANES.map(|row_lanes| {
            let most = limits.column_lanes.min(limits.invocations / row_lanes);
            let each = if is_large || vectors > most { 2 } else { 1 };
            shape(row_lanes, vectors.div_ceil(each).min(most), quads, ChainProduct::Blocks(each))
        });
        blocks.into_iter().find(fits)
    })?;
    // A subgroup has as many lanes as the largest tile.
    if limits.subgroups && blocks.row_lanes == ROW_LANES[0] {
        return Some(ChainShape { column_lanes: 1, product: ChainProduct::Subgroup, ..blocks });
    }
    Some(blocks)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HARDWARE: DeviceLimits = DeviceLimits {
        binding_bytes: u64::MAX,
        buffer_bytes: u64::MAX,
        timestamps: false,
        workgroup_bytes: 48 << 10,
        invocations: 256,
        column_lanes: 128,
        subgroups: false,
        busy_elements: 0,
        few_dispatches: true,
    };

    #[test]
    fn chains_keep_to_the_invocations_of_a_workgroup() {
        let shape = |micro_batch, invocations| {
            let limits = DeviceLimits { invocations, ..HARDWARE };
            let shape = chain_shape(micro_batch, 96, 2, false, limits).unwrap();
            assert!(shape.row_lanes * shape.column_lanes <= invocations);
            (shape.column_lanes, shape.product)
        };
        let blocks = ChainProduct::Blocks;
        assert_eq!(shape(FEW_SAMPLES, 256), (96, ChainProduct::Columns));
        assert_eq!([shape(5, 128), shape(5, 64)], [(12, blocks(2)), (8, blocks(2))]);
        let more = FEW_SAMPLES + 1;
        assert_eq!([shape(more, 256), shape(MANY_SAMPLES, 256)], [(24, blocks(1)), (12, blocks(2))]);
    }

    #[test]
    fn lanes_take_eight_samples_of_large_batches_where_memory_suffices() {
        let fours = |micro_batch, kib: u32| {
            let limits = DeviceLimits { workgroup_bytes: kib << 10, ..HARDWARE };
            let shape = chain_shape(micro_batch, 127, 2, false, limits).unwrap();
            (shape.quads, shape.row_lanes)
        };
        assert_eq!([fours(MANY_SAMPLES - 1, 48), fours(MANY_SAMPLES, 48)], [(1, 8), (2, 4)]);
        // The same layers are thin, so that gradients are summed in the same order.
        assert_eq!([fours(MANY_SAMPLES - 1, 16), fours(MANY_SAMPLES, 16)], [(1, 2), (1, 2)]);
        assert_eq!([fours(100, 48), fours(100, 16)], [(1, 2), (1, 2)]);
    }

    #[test]
    fn software_drivers_get_workgroups_of_a_subgroup_or_without_columns() {
        let software = DeviceLimits { column_lanes: 1, ..HARDWARE };
        let product =
            |limits| chain_shape(100, 30, 2, false, limits).map(|shape| (shape.column_lanes, shape.product));
        assert_eq!(product(software), Some((1, ChainProduct::Blocks(2))));
        let subgroups = DeviceLimits { subgroups: true, ..software };
        assert_eq!(product(subgroups), Some((1, ChainProduct::Subgroup)));
    }
}
