//! Packing values as ranges of one arena, by beam search.

use rustc_hash::FxHashSet;
use std::cmp::Reverse;

use super::{Effort, Layout, Placement, PoolLimits};
use crate::plan::Tenant;
use crate::plan::lifetime::{self, Values};

/// A search for a layout.
#[derive(Clone, Copy)]
struct Trial {
    /// How much the arena may exceed the live peak, in thousandths of it.
    slack: u64,
    /// Width of the beam.
    width: usize,
    order: Order,
}

/// The order in which a search places values.
#[derive(Clone, Copy, PartialEq)]
enum Order {
    Forward,
    /// From the last to the first. A layout for that order is one for the other, too.
    Backward,
}

const fn forward(slack: u64, width: usize) -> Trial {
    Trial { slack, width, order: Order::Forward }
}

const fn backward(slack: u64, width: usize) -> Trial {
    Trial { slack, width, order: Order::Backward }
}

/// Searches to try in this order. None depends on the bytes that are allowed, so that what is found in few bytes is found in
/// more, too.
const TRIALS: [Trial; 13] = [
    forward(0, 24),
    backward(0, 24),
    forward(0, 500),
    backward(0, 500),
    forward(5, 24),
    forward(15, 24),
    forward(20, 96),
    forward(30, 24),
    forward(40, 500),
    forward(50, 24),
    forward(50, 500),
    forward(100, 96),
    forward(200, 96),
];
/// Those after them, if the search may take longer.
const WIDE: [Trial; 6] = [
    forward(0, 3000),
    backward(0, 3000),
    forward(25, 3000),
    forward(75, 3000),
    forward(0, 15_000),
    backward(0, 15_000),
];
/// Limits on the partial layouts that a search follows, over all tenants, for beams of up to 500 and for wider ones.
const FOLLOWED: usize = 120_000;
const FOLLOWED_BY_WIDE: usize = 150_000;
/// Limit on the ranges that a search copies.
const COPIES: usize = 10_000_000;

/// Places every tenant at an offset of one arena, which is cut into as many blocks as the largest buffer
/// requires. `None` if no layout is found that takes at most `most` bytes and little more than the live peak.
pub(super) fn layout(values: &Values, most: u64, limits: PoolLimits, effort: Effort) -> Option<Layout> {
    let (tenants, live_peak) = (&values.tenants, values.peak.bytes);
    // Blocks are a multiple of the alignment, so that an aligned offset in the arena is aligned in its block.
    let block_bytes = limits.block_bytes / limits.alignment * limits.alignment;
    let limits = PoolLimits { block_bytes, ..limits };
    if tenants.iter().any(|tenant| tenant.bytes > block_bytes) {
        return None;
    }
    let aligned_peak = lifetime::live_peak(&aligned(tenants, limits.alignment)).bytes;
    let from_last = reversed(tenants);
    let wide = if effort == Effort::Most { &WIDE[..] } else { &[] };
    let (offsets, bytes) = TRIALS.iter().chain(wide).find_map(|&Trial { slack, width, order }| {
        let more = live_peak / 4000 * 4 * slack;
        let capacity = live_peak + more / limits.block_multiple * limits.block_multiple;
        // Every value but the topmost needs padding after it.
        if capacity > most || capacity + limits.alignment <= aligned_peak {
            return None;
        }
        let tenants = if order == Order::Forward { tenants } else { &from_last };
        Some((place(tenants, capacity, width, limits)?, capacity))
    })?;
    let blocks = bytes.div_ceil(limits.block_bytes);
    let block_bytes =
        (0..blocks).map(|block| limits.block_bytes.min(bytes - block * limits.block_bytes)).collect();
    let placements = tenants.iter().zip(offsets).map(|(tenant, offset)| Placement {
        block: (offset / limits.block_bytes) as usize,
        offset: offset % limits.block_bytes,
        bytes: tenant.bytes,
    });
    Some(Layout { block_bytes, placements: placements.collect() })
}

/// `tenants` in reverse order of time.
fn reversed(tenants: &[Tenant]) -> Vec<Tenant> {
    let last = tenants.iter().map(|tenant| tenant.until).max().unwrap_or(0);
    let reversed =
        |tenant: &Tenant| Tenant { from: last - tenant.until, until: last - tenant.from, ..*tenant };
    tenants.iter().map(reversed).collect()
}

/// `tenants` with the padding after them.
pub(super) fn aligned(tenants: &[Tenant], alignment: u64) -> Vec<Tenant> {
    let aligned = |tenant: &Tenant| Tenant { bytes: tenant.bytes.next_multiple_of(alignment), ..*tenant };
    tenants.iter().map(aligned).collect()
}

/// Offsets of all tenants within `capacity` bytes; `None` if the search finds none.
///
/// Beam search in the order of time: each tenant may go to either end of any gap, and the search follows the
/// layouts whose free bytes are least scattered. Checkpoints come and go as on a stack, so that two stacks
/// that grow towards each other are close to optimal, and choosing the end is most of the work.
fn place(tenants: &[Tenant], capacity: u64, width: usize, limits: PoolLimits) -> Option<Vec<u64>> {
    let mut order: Vec<usize> = (0..tenants.len()).collect();
    order.sort_by_key(|&index| (tenants[index].from, Reverse(tenants[index].bytes)));
    let followed = if width > 500 { FOLLOWED_BY_WIDE } else { FOLLOWED };
    let width = width.min(followed / tenants.len().max(1)).max(1);
    let mut copies = 0;

    let mut history: Vec<Placed> = Vec::with_capacity(tenants.len() * width);
    let mut moves: Vec<Move> = Vec::new();
    let mut beam = vec![Partial::default()];
    for &index in &order {
        let tenant = &tenants[index];
        moves.clear();
        for (from, partial) in beam.iter_mut().enumerate() {
            partial.remove(&history, |range| tenants[range.tenant].until < tenant.from);
            partial.offer(from, tenant.bytes, capacity, limits, &mut moves);
        }
        moves.sort_by_key(|step| Reverse(step.largest_gap));
        let mut seen = FxHashSet::default();
        let mut followed = Vec::with_capacity(width);
        for step in &moves {
            if followed.len() == width {
                break;
            }
            let range = Range { start: step.start, end: step.start + tenant.bytes, tenant: index };
            let before = &beam[step.from];
            if seen.insert(before.key ^ range.key()) {
                let is_on_top = before.stack_end.next_multiple_of(limits.alignment) == step.start
                    && before
                        .stack
                        .is_none_or(|top| tenants[history[top].range.tenant].until >= tenant.until);
                history.push(Placed { range, before: before.last, below: before.stack });
                followed.push(before.with(range, is_on_top, history.len() - 1));
                copies += before.live.len();
            }
        }
        beam = followed;
        if copies > COPIES {
            return None;
        }
    }
    let mut offsets = vec![0; tenants.len()];
    let mut last = beam.first()?.last;
    while let Some(step) = last {
        offsets[history[step].range.tenant] = history[step].range.start;
        last = history[step].before;
    }
    Some(offsets)
}

/// The placement of a tenant in a partial layout.
struct Placed {
    range: Range,
    /// Position of the previous placement in the history.
    before: Option<usize>,
    /// Position of the placement below it, if it is on the stack.
    below: Option<usize>,
}

/// A way to place one more tenant.
struct Move {
    /// Position of the partial layout in the beam.
    from: usize,
    start: u64,
    /// Largest gap after the move. All layouts have the same number of free bytes, so it tells how scattered
    /// they are.
    largest_gap: u64,
}

/// A layout of the tenants placed so far.
///
/// Tenants at the lowest offsets form a stack, each of which is live at least as long as the one above it. All layouts that
/// are followed share it, so that long chains, which keep thousands of states there, cost little.
#[derive(Default)]
struct Partial {
    /// Position of the placement on top of the stack.
    stack: Option<usize>,
    /// End of the stack.
    stack_end: u64,
    /// Ranges of the other live tenants, in ascending order.
    live: Vec<Range>,
    /// Keys of all live ranges, XORed, so that their order does not matter.
    key: u64,
    /// Position of the last placement in the history.
    last: Option<usize>,
}

/// Bytes `start..end` of the arena, held by a tenant.
#[derive(Clone, Copy)]
struct Range {
    start: u64,
    end: u64,
    tenant: usize,
}

impl Range {
    /// Hash of the range. A collision only costs a layout that is not followed.
    fn key(&self) -> u64 {
        // The finalizer of SplitMix64 (Steele, Lea and Flood 2014).
        let mut key = self.start ^ (self.tenant as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        key = (key ^ (key >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        key = (key ^ (key >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        key ^ (key >> 31)
    }
}

impl Partial {
    /// Removes the ranges that are `gone`.
    fn remove(&mut self, history: &[Placed], gone: impl Fn(&Range) -> bool) {
        while let Some(top) = self.stack.map(|top| &history[top]).filter(|top| gone(&top.range)) {
            self.key ^= top.range.key();
            self.stack = top.below;
            self.stack_end = top.below.map_or(0, |below| history[below].range.end);
        }
        let mut key = self.key;
        self.live.retain(|range| {
            let stays = !gone(range);
            key ^= if stays { 0 } else { range.key() };
            stays
        });
        self.key = key;
    }

    /// Adds moves to either end of every gap that has room for `bytes`.
    fn offer(&self, from: usize, bytes: u64, capacity: u64, limits: PoolLimits, moves: &mut Vec<Move>) {
        let starts = [self.stack_end].into_iter().chain(self.live.iter().map(|range| range.end));
        let ends = self.live.iter().map(|range| range.start).chain([capacity]);
        let gaps = starts.zip(ends);
        let (mut largest, mut second) = (0, 0);
        for gap in gaps.clone().map(|(start, end)| end - start) {
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

    /// The layout with one more range, whose placement is at position `last` of the history.
    fn with(&self, range: Range, is_on_stack: bool, last: usize) -> Partial {
        let key = self.key ^ range.key();
        if is_on_stack {
            let live = self.live.clone();
            return Partial { stack: Some(last), stack_end: range.end, live, key, last: Some(last) };
        }
        let position = self.live.partition_point(|other| other.start < range.start);
        let mut live = Vec::with_capacity(self.live.len() + 1);
        live.extend_from_slice(&self.live[..position]);
        live.push(range);
        live.extend_from_slice(&self.live[position..]);
        Partial { live, key, last: Some(last), ..*self }
    }
}

/// First offset from `start` on at which `bytes` bytes do not straddle two blocks.
fn within_a_block(start: u64, bytes: u64, block_bytes: u64) -> u64 {
    let left = block_bytes - start % block_bytes;
    if bytes > left { start + left } else { start }
}
