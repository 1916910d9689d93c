//! Packing values into one block a slot, shared by values that are never live at once.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use super::{Layout, Placement};
use crate::plan::Tenant;

/// Assigns each tenant a block, which several tenants use in turn.
///
/// Greedy by size: the largest first, each into the smallest block that is free for its lifetime (Pisarchyk
/// and Lee, "Efficient Memory Management for Deep Neural Net Inference", 2020, "greedy by size for shared
/// objects"), and among blocks of equal size into the one that is left idle the shortest. Tenants of equal
/// size come in the order of their lifetimes, which is optimal for uniform chains: they need as many slots as
/// values are live at once.
pub(super) fn layout(tenants: &[Tenant]) -> Layout {
    let mut order: Vec<usize> = (0..tenants.len()).collect();
    order.sort_by_key(|&index| (Reverse(tenants[index].bytes), tenants[index].from));

    let mut block_bytes: Vec<u64> = Vec::new();
    let mut blocks = vec![0; tenants.len()];
    let mut lifetimes: Vec<BTreeMap<usize, Tenant>> = Vec::new();
    for equals in order.chunk_by(|&a, &b| tenants[a].bytes == tenants[b].bytes) {
        let larger = 0..block_bytes.len();
        // Blocks of just this size, with the op after which each is free for good. As tenants of equal size
        // come in the order of their lifetimes, the block freed last is the one left idle the shortest.
        let mut freed: BTreeSet<(usize, usize)> = BTreeSet::new();
        for &index in equals {
            let tenant = tenants[index];
            let idle = |block: usize| {
                idle_around(&lifetimes[block], &tenant).map(|idle| (block_bytes[block], idle, block))
            };
            let block = if let Some(&(until, block)) = freed.range(..(tenant.from, 0)).next_back() {
                freed.remove(&(until, block));
                block
            } else if let Some((_, _, block)) = larger.clone().filter_map(idle).min() {
                block
            } else {
                block_bytes.push(tenant.bytes);
                lifetimes.push(BTreeMap::new());
                block_bytes.len() - 1
            };
            if !larger.contains(&block) {
                freed.insert((tenant.until, block));
            }
            lifetimes[block].insert(tenant.from, tenant);
            blocks[index] = block;
        }
    }
    let placements =
        blocks.iter().map(|&block| Placement { block, offset: 0, bytes: block_bytes[block] }).collect();
    Layout { block_bytes, placements }
}

/// Ops for which a block would be idle right before and after `tenant`; `None` if it is not free.
fn idle_around(lifetimes: &BTreeMap<usize, Tenant>, tenant: &Tenant) -> Option<usize> {
    let before = lifetimes.range(..=tenant.until).next_back().map(|(_, before)| before.until);
    let after = lifetimes.range(tenant.until + 1..).next().map(|(&from, _)| from);
    if before.is_some_and(|until| until >= tenant.from) {
        return None;
    }
    let gap_before = before.map_or(0, |until| tenant.from - until);
    let gap_after = after.map_or(0, |from| from - tenant.until);
    Some(gap_before + gap_after)
}
