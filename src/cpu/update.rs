use std::ops::Range;

use pulp::Arch;

/// How many numbers are added up side by side.
const BLOCK: usize = 64;

/// `parameters -= rate · Σ sums`, each of the `sums` as long as the parameters and added in their order.
pub(super) fn update<'a>(rate: f32, sums: impl Iterator<Item = &'a [f32]> + Clone, parameters: &mut [f32]) {
    each_total(sums, parameters.len(), |block, total| {
        parameters[block].iter_mut().zip(total).for_each(|(parameter, sum)| *parameter -= rate * sum);
    });
}

/// `gradients = Σ sums`, or where they are to `keep` what was there, `gradients += Σ sums`.
pub(super) fn accumulate<'a>(
    keep: bool,
    sums: impl Iterator<Item = &'a [f32]> + Clone,
    gradients: &mut [f32],
) {
    each_total(sums, gradients.len(), |block, total| {
        let gradients = gradients[block].iter_mut().zip(total);
        gradients.for_each(|(gradient, sum)| *gradient = if keep { *gradient + sum } else { *sum });
    });
}

/// Tells `take` the totals of `count` numbers, block by block.
fn each_total<'a>(
    sums: impl Iterator<Item = &'a [f32]> + Clone,
    count: usize,
    mut take: impl FnMut(Range<usize>, &[f32]),
) {
    Arch::new().dispatch(
        #[inline(always)]
        || {
            for start in (0..count).step_by(BLOCK) {
                let block = start..count.min(start + BLOCK);
                let mut totals = [0.0; BLOCK];
                let totals = &mut totals[..block.len()];
                for sums in sums.clone() {
                    totals.iter_mut().zip(&sums[block.clone()]).for_each(|(total, sum)| *total += sum);
                }
                take(block, totals);
            }
        },
    );
}
