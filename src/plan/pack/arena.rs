use std::cmp::Reverse;
use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};

use super::{Layout, Placement, PoolLimits};
use crate::plan::Tenant;
use crate::plan::lifetime::{self, Values};

/// How much more than the live peak an arena may take, in thousandths, and how many partial layouts are followed at
/// once; tried in this order, the smallest arena first.
const TRIALS: [(u64, usize); 11] = [
    (0, 24),
    (0, 500),
    (5, 24),
    (15, 24),
    (20, 96),
    (30, 24),
    (40, 500),
    (50, 24),
    (50, 500),
    (100, 96),
    (200, 96),
];
/// How many layouts are followed at most in all, over all tenants, and how many ranges of theirs are copied: long
/// chains follow fewer at once, and the longest of which much lives at once have no arena.
const FOLLOWED: usize = 120_000;
const COPIES: usize = 50_000_000;

/// Every tenant at its own offset of one large block, or of as many as the largest buffer asks for; nothing where
/// none was found of at most `most` bytes that is not much larger than the live peak.
pub(super) fn layout(values: &Values, most: u64, limits: PoolLimits) -> Option<Layout> {
    let &Values { ref tenants, live_peak, .. } = values;
    // Blocks that follow each other in the arena, so that what is aligned there is aligned in its block.
    let block_bytes = limits.block_bytes / limits.alignment * limits.alignment;
    let limits = PoolLimits { block_bytes, ..limits };
    if tenants.iter().any(|tenant| tenant.bytes > block_bytes) {
        return None;
    }
    let aligned =
        |tenant: &Tenant| Tenant { bytes: tenant.bytes.next_multiple_of(limits.alignment), ..*tenant };
    let (_, aligned_peak) = lifetime::live_peak(&tenants.iter().map(aligned).collect::<Vec<_>>());
    let (offsets, bytes) = TRIALS.iter().find_map(|&(slack, width)| {
        let more = live_peak / 4000 * 4 * slack;
        let capacity = live_peak + more / limits.block_multiple * limits.block_multiple;
        // Only the topmost value needs no padding behind it.
        if capacity > most || capacity + limits.alignment <= aligned_peak {
            return None;
        }
        Some((place(tenants, capacity, width, limits)?, capacity))
    })?;
    let blocks = bytes.div_ceil(limits.block_bytes);
    let block_bytes =
        (0..blocks).map(|block| limits.block_bytes.min(bytes - block * limits.block_bytes)).collect();
    let places = tenants.iter().zip(offsets).map(|(tenant, offset)| Placement {
        block: (offset / limits.block_bytes) as usize,
        offset: offset % limits.block_bytes,
        bytes: tenant.bytes,
    });
    Some(Layout { block_bytes, places: places.collect() })
}

/// Offsets for all tenants within `capacity` bytes, or nothing where none were found.
///
/// A beam search in the order of time: each tenant may go to either end of any gap, and of the layouts that
/// result, those are followed whose free bytes are least scattered. Checkpoints come and go as on a stack, so that
/// two stacks that grow towards each other are close to what is wanted, and choosing the end is most of the work.
fn place(tenants: &[Tenant], capacity: u64, width: usize, limits: PoolLimits) -> Option<Vec<u64>> {
    let mut order: Vec<usize> = (0..tenants.len()).collect();
    order.sort_by_key(|&index| (tenants[index].from, Reverse(tenants[index].bytes)));
    let copied = tenants.len() * most_alive(tenants);
    let width = width.min(FOLLOWED / tenants.len().max(1)).min(COPIES / copied.max(1));

    let mut history: Vec<Placed> = Vec::new();
    let mut beam = vec![Partial::default()];
    for &index in &order {
        let tenant = &tenants[index];
        let mut moves: Vec<Move> = Vec::new();
        for (from, partial) in beam.iter_mut().enumerate() {
            partial.leave(|range| tenants[range.tenant].until < tenant.from);
            partial.offer(from, tenant.bytes, capacity, limits, &mut moves);
        }
        moves.sort_by_key(|step| Reverse(step.largest_gap));
        let mut seen = HashSet::new();
        let mut followed = Vec::with_capacity(width);
        for step in moves {
            let range = Range { start: step.start, end: step.start + tenant.bytes, tenant: index };
            let before = &beam[step.from];
            if followed.len() < width && seen.insert(before.key ^ range.key()) {
                history.push(Placed { tenant: index, start: step.start, before: before.last });
                followed.push(before.with(range, history.len() - 1));
            }
        }
        beam = followed;
    }
    let mut offsets = vec![0; tenants.len()];
    let mut last = beam.first()?.last;
    while let Some(step) = last {
        offsets[history[step].tenant] = history[step].start;
        last = history[step].before;
    }
    Some(offsets)
}

/// The most tenants that live at once.
fn most_alive(tenants: &[Tenant]) -> usize {
    let mut comings: Vec<usize> = tenants.iter().map(|tenant| tenant.from).collect();
    let mut goings: Vec<usize> = tenants.iter().map(|tenant| tenant.until).collect();
    comings.sort_unstable();
    goings.sort_unstable();
    let alive = |(index, &from): (usize, &usize)| index + 1 - goings.partition_point(|&until| until < from);
    comings.iter().enumerate().map(alive).max().unwrap_or(0)
}

/// Where one tenant was put, after which others.
struct Placed {
    tenant: usize,
    start: u64,
    before: Option<usize>,
}

/// A way to put one more tenant.
struct Move {
    /// Position in the beam.
    from: usize,
    start: u64,
    /// The largest gap afterwards. As all layouts have as many bytes free, it tells how scattered these are.
    largest_gap: u64,
}

#[derive(Default)]
struct Partial {
    /// By offset.
    live: Vec<Range>,
    /// Of all live ranges, in any order.
    key: u64,
    last: Option<usize>,
}

#[derive(Clone, Copy)]
struct Range {
    start: u64,
    end: u64,
    tenant: usize,
}

impl Range {
    /// A number that tells ranges apart, but for rare accidents that cost no more than a layout not followed.
    fn key(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        (self.start, self.tenant).hash(&mut hasher);
        hasher.finish()
    }
}

impl Partial {
    fn leave(&mut self, gone: impl Fn(&Range) -> bool) {
        let mut key = self.key;
        self.live.retain(|range| {
            let stays = !gone(range);
            key ^= if stays { 0 } else { range.key() };
            stays
        });
        self.key = key;
    }

    /// Either end of every gap that has room for `bytes`.
    fn offer(&self, from: usize, bytes: u64, capacity: u64, limits: PoolLimits, moves: &mut Vec<Move>) {
        let starts = [0].into_iter().chain(self.live.iter().map(|range| range.end));
        let ends = self.live.iter().map(|range| range.start).chain([capacity]);
        let gaps: Vec<(u64, u64)> = starts.zip(ends).collect();
        let (mut largest, mut second) = (0, 0);
        for gap in gaps.iter().map(|(start, end)| end - start) {
            second = second.max(gap.min(largest));
            largest = largest.max(gap);
        }
        for (start, end) in gaps {
            let others = if end - start == largest { second } else { largest };
            let mut offer = |at: u64| {
                let largest_gap = others.max(at - start).max(end - at - bytes);
                moves.push(Move { from, start: at, largest_gap });
            };
            let low = within_a_block(start.next_multiple_of(limits.alignment), bytes, limits.block_bytes);
            if low + bytes <= end {
                offer(low);
                let high = (end - bytes) / limits.alignment * limits.alignment;
                if high > low && within_a_block(high, bytes, limits.block_bytes) == high {
                    offer(high);
                }
            }
        }
    }

    fn with(&self, range: Range, last: usize) -> Partial {
        let position = self.live.partition_point(|other| other.start < range.start);
        let mut live = Vec::with_capacity(self.live.len() + 1);
        live.extend_from_slice(&self.live[..position]);
        live.push(range);
        live.extend_from_slice(&self.live[position..]);
        Partial { live, key: self.key ^ range.key(), last: Some(last) }
    }
}

/// The first offset from `start` on where `bytes` bytes do not straddle two blocks.
fn within_a_block(start: u64, bytes: u64, block_bytes: u64) -> u64 {
    let left = block_bytes - start % block_bytes;
    if bytes > left { start + left } else { start }
}
