use pulp::{Arch, NullaryFnOnce};

use super::product::Into;

/// How many numbers are added up side by side.
const BLOCK: usize = 64;

/// `Σ partials` `into` `out`: each of the `partials` is as long, and they are added in their order.
pub(super) fn add_up<'a>(partials: impl Iterator<Item = &'a [f32]> + Clone, into: Into, out: &mut [f32]) {
    Arch::new().dispatch(AddUp { partials, into, out });
}

struct AddUp<'a, I> {
    partials: I,
    into: Into,
    out: &'a mut [f32],
}

/// Not a closure, which would be compiled for the least of processors unless it happened to be inlined.
impl<'p, I: Iterator<Item = &'p [f32]> + Clone> NullaryFnOnce for AddUp<'_, I> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        for (index, out) in self.out.chunks_mut(BLOCK).enumerate() {
            let start = index * BLOCK;
            let mut totals = [0.0; BLOCK];
            for partials in self.partials.clone() {
                for (total, part) in totals.iter_mut().zip(&partials[start..start + out.len()]) {
                    *total += part;
                }
            }
            for (out, total) in out.iter_mut().zip(totals) {
                *out = self.into.taking(*out, total);
            }
        }
    }
}
