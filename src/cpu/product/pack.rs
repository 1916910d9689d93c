use std::mem::MaybeUninit;
use std::ops::Range;

use super::tile::with_height;
use crate::cpu::matrix::Matrix;

/// Room for packed operands.
pub(super) type Packed<const LENGTH: usize> = [MaybeUninit<f32>; LENGTH];

/// Edge of the blocks that are transposed at once.
pub(super) const EDGE: usize = 4;

/// Packs rows `terms` of columns `columns` of `right`: rows of `width` elements, a multiple of [`EDGE`]. Those past the last
/// column are any numbers.
#[inline(always)]
pub(super) fn pack_right<'p>(
    right: Matrix,
    terms: Range<usize>,
    columns: Range<usize>,
    width: usize,
    panel: &'p mut [MaybeUninit<f32>],
) -> &'p [f32] {
    assert!(panel.len() == terms.len() * width && width.is_multiple_of(EDGE), "a panel's size");
    if right.column_stride == 1 {
        for (term, packed) in terms.zip(panel.chunks_exact_mut(width)) {
            let row = right.starting_at(term, columns.start);
            // Past the last column it has those of the next row. Copies of a length that is known are fast.
            if let Some(row) = row.get(..width) {
                packed.write_copy_of_slice(row);
            } else {
                let rest = row.iter().copied().chain(std::iter::repeat(0.0));
                packed.iter_mut().zip(rest).for_each(|(packed, value)| _ = packed.write(value));
            }
        }
    } else {
        transpose(right, terms, columns, width / EDGE, panel.as_chunks_mut().0);
    }
    // SAFETY: each row of the panel was written: above as a whole, in `transpose` in whole chunks, of which it consists.
    unsafe { panel.assume_init_ref() }
}

/// [`pack_right`] for a matrix whose columns are contiguous. A row of the panel has `blocks` chunks. Past the last column, it
/// is packed again.
#[inline(always)]
fn transpose(
    right: Matrix,
    terms: Range<usize>,
    columns: Range<usize>,
    blocks: usize,
    panel: &mut [[MaybeUninit<f32>; EDGE]],
) {
    for block in 0..blocks {
        let columns: [&[f32]; EDGE] = std::array::from_fn(|index| {
            let column = (columns.start + block * EDGE + index).min(columns.end - 1);
            &right.starting_at(terms.start, column)[..terms.len()]
        });
        let chunks = columns.map(|column| column.as_chunks::<EDGE>().0);
        let whole = chunks[0].len();
        let chunks = chunks.map(|chunks| &chunks[..whole]);
        for (index, rows) in panel.chunks_exact_mut(EDGE * blocks).enumerate() {
            let transposed = transposed(chunks.map(|chunks| chunks[index]));
            for (row, values) in rows[block..].iter_mut().step_by(blocks).zip(&transposed) {
                row.write_copy_of_slice(values);
            }
        }
        for term in whole * EDGE..terms.len() {
            for (packed, column) in panel[term * blocks + block].iter_mut().zip(columns) {
                packed.write(column[term]);
            }
        }
    }
}

/// With the instructions that every x86-64 processor has, because compilers do not find them here.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
fn transposed(rows: [[f32; EDGE]; EDGE]) -> [[f32; EDGE]; EDGE] {
    use std::arch::x86_64::{__m128, _mm_movehl_ps, _mm_movelh_ps, _mm_unpackhi_ps, _mm_unpacklo_ps};

    let [a, b, c, d]: [__m128; EDGE] = rows.map(bytemuck::cast);
    // SAFETY: every x86-64 processor has SSE.
    let transposed = unsafe {
        let (ab, cd) = (_mm_unpacklo_ps(a, b), _mm_unpacklo_ps(c, d));
        let (ab_high, cd_high) = (_mm_unpackhi_ps(a, b), _mm_unpackhi_ps(c, d));
        [
            _mm_movelh_ps(ab, cd),
            _mm_movehl_ps(cd, ab),
            _mm_movelh_ps(ab_high, cd_high),
            _mm_movehl_ps(cd_high, ab_high),
        ]
    };
    transposed.map(bytemuck::cast)
}

#[cfg(not(target_arch = "x86_64"))]
#[inline(always)]
fn transposed(rows: [[f32; EDGE]; EDGE]) -> [[f32; EDGE]; EDGE] {
    std::array::from_fn(|column| rows.map(|row| row[column]))
}

/// Packs columns `terms` of `left`, whose columns are contiguous, tile after tile, each column by column.
#[inline(always)]
pub(super) fn pack_left<'p>(
    left: Matrix,
    tiles: impl Iterator<Item = (usize, usize)>,
    terms: Range<usize>,
    block: &'p mut [MaybeUninit<f32>],
) -> &'p [f32] {
    debug_assert_eq!(left.row_stride, 1, "columns that are contiguous");
    let mut rest = &mut *block;
    for (row, height) in tiles {
        let tile = rest.split_off_mut(..height * terms.len()).expect("a block that holds all tiles");
        with_height!(height, ROWS => {
            for (term, packed) in terms.clone().zip(tile.as_chunks_mut::<ROWS>().0) {
                packed.write_copy_of_slice(&left.starting_at(row, term)[..ROWS]);
            }
        });
    }
    assert!(rest.is_empty(), "a block's size");
    // SAFETY: tile by tile, all of it was written.
    unsafe { block.assume_init_ref() }
}
