use pulp::{Arch, NullaryFnOnce};

/// Elements that are added side by side.
const BLOCK: usize = 64;

/// Sums `partials`, each of `count` elements, in their order, and passes each block of sums to `take(start, sums)`.
pub(super) fn add_up<'a>(
    partials: impl Iterator<Item = &'a [f32]> + Clone,
    count: usize,
    take: impl FnMut(usize, &[f32]),
) {
    Arch::new().dispatch(AddUp { partials, count, take });
}

struct AddUp<I, F> {
    partials: I,
    count: usize,
    take: F,
}

/// A struct rather than a closure: a closure that is not inlined is compiled for the oldest supported processor.
impl<'p, I: Iterator<Item = &'p [f32]> + Clone, F: FnMut(usize, &[f32])> NullaryFnOnce for AddUp<I, F> {
    type Output = ();

    #[inline(always)]
    fn call(mut self) {
        for start in (0..self.count).step_by(BLOCK) {
            let length = BLOCK.min(self.count - start);
            let mut totals = [0.0; BLOCK];
            for partials in self.partials.clone() {
                for (total, part) in totals.iter_mut().zip(&partials[start..start + length]) {
                    *total += part;
                }
            }
            (self.take)(start, &totals[..length]);
        }
    }
}
