use std::cmp::Reverse;

use super::{Layout, Place, PoolLimits};
use crate::plan::Tenant;

/// Every tenant at its own offset of one large block, or of as many as the largest buffer asks for.
///
/// Offline best fit: each tenant, in some order, goes into the tightest gap that those it meets leave, or on top of
/// them (Pisarchyk and Lee, 2020, "greedy by size for offset calculation"). Which order is best depends on the
/// chain, so several are tried until one wastes nothing.
pub(super) fn layout(tenants: &[Tenant], live_peak: u64, limits: PoolLimits) -> Layout {
    let aligned = |bytes: u64| bytes.next_multiple_of(limits.alignment);
    let stay = |tenant: &Tenant| tenant.until - tenant.from;
    let orders: [&dyn Fn(usize) -> (Reverse<u64>, Reverse<u64>, usize); 3] = [
        &|index| (Reverse(tenants[index].bytes), Reverse(stay(&tenants[index]) as u64), tenants[index].from),
        &|index| (Reverse(stay(&tenants[index]) as u64), Reverse(tenants[index].bytes), tenants[index].from),
        &|index| {
            (Reverse(tenants[index].bytes * stay(&tenants[index]) as u64), Reverse(0), tenants[index].from)
        },
    ];
    let mut best: Option<(u64, Vec<u64>)> = None;
    for key in orders {
        let mut order: Vec<usize> = (0..tenants.len()).collect();
        order.sort_by_key(|&index| key(index));
        let (bytes, offsets) = place(tenants, &order, aligned, limits.block_bytes);
        if best.as_ref().is_none_or(|(least, _)| bytes < *least) {
            best = Some((bytes, offsets));
        }
        if best.as_ref().is_some_and(|(least, _)| *least <= live_peak) {
            break;
        }
    }
    let (bytes, offsets) = best.unwrap_or_default();
    let blocks = bytes.div_ceil(limits.block_bytes);
    let block_bytes =
        (0..blocks).map(|block| limits.block_bytes.min(bytes - block * limits.block_bytes)).collect();
    let places = tenants.iter().zip(offsets).map(|(tenant, offset)| Place {
        block: (offset / limits.block_bytes) as usize,
        offset: offset % limits.block_bytes,
        bytes: tenant.bytes,
    });
    Layout { block_bytes, places: places.collect() }
}

/// Places tenants in `order`; returns the bytes up to the end of the topmost, and each tenant's offset.
fn place(
    tenants: &[Tenant],
    order: &[usize],
    aligned: impl Fn(u64) -> u64,
    block_bytes: u64,
) -> (u64, Vec<u64>) {
    let mut offsets = vec![0; tenants.len()];
    // By offset.
    let mut placed: Vec<usize> = Vec::new();
    let mut top = 0;
    for &index in order {
        let tenant = &tenants[index];
        let mut end_below = 0;
        let mut tightest: Option<(u64, u64)> = None;
        for &other in placed.iter().filter(|&&other| tenants[other].meets(tenant)) {
            let start = within_a_block(aligned(end_below), tenant.bytes, block_bytes);
            if start + tenant.bytes <= offsets[other] {
                let gap = offsets[other] - start;
                if tightest.is_none_or(|(least, _)| gap < least) {
                    tightest = Some((gap, start));
                }
            }
            end_below = end_below.max(offsets[other] + tenants[other].bytes);
        }
        let on_top = within_a_block(aligned(end_below), tenant.bytes, block_bytes);
        let offset = tightest.map_or(on_top, |(_, start)| start);
        offsets[index] = offset;
        let position = placed.partition_point(|&other| offsets[other] <= offset);
        placed.insert(position, index);
        top = top.max(offset + tenant.bytes);
    }
    (top, offsets)
}

/// The first offset from `start` on where `bytes` bytes do not straddle two blocks.
fn within_a_block(start: u64, bytes: u64, block_bytes: u64) -> u64 {
    let left = block_bytes - start % block_bytes;
    if bytes > left { start + left } else { start }
}
