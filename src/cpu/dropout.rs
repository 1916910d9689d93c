use pulp::{Arch, NullaryFnOnce};

use crate::model::Dropout;

/// Fours of units that are computed side by side.
const FOURS: usize = 8;

/// The masks of a layer for some rows of the mini-batch.
#[derive(Clone, Copy)]
pub(super) struct Masks {
    pub dropout: Dropout,
    /// The layer's key.
    pub key: [u32; 2],
    /// Place of the first row in the mini-batch.
    pub first: usize,
}

impl Masks {
    /// Applies them to `values` `[rows, width]`, in place.
    pub fn apply(self, values: &mut [f32], width: usize) {
        Arch::new().dispatch(Apply { masks: self, values, width });
    }
}

struct Apply<'a> {
    masks: Masks,
    values: &'a mut [f32],
    width: usize,
}

impl NullaryFnOnce for Apply<'_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let Masks { dropout, key, first } = self.masks;
        for (sample, row) in (first as u32..).zip(self.values.chunks_exact_mut(self.width)) {
            for (start, units) in (0..).step_by(FOURS).zip(row.chunks_mut(4 * FOURS)) {
                let mut factors = [[0.0; 4]; FOURS];
                for (four, factors) in (start..).zip(&mut factors) {
                    *factors = dropout.factors(key, sample, four);
                }
                units.iter_mut().zip(factors.as_flattened()).for_each(|(unit, factor)| *unit *= factor);
            }
        }
    }
}
