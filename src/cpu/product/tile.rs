use std::marker::PhantomData;
use std::ops::Range;

use pulp::{NullaryFnOnce, Simd};

use super::{HEIGHT, Write};

/// A tile of a product, `height` × `columns.len()`, over a part of the inner dimension.
pub(super) struct Tile<'a, S> {
    pub simd: S,
    /// The left operand from the tile's first element on, and the distance between neighbours in a column and in a row.
    pub left: &'a [f32],
    pub strides: [usize; 2],
    /// The right operand from the tile's first element on: rows of as many elements as the widest tile has, at this distance.
    pub right: &'a [f32],
    pub right_stride: usize,
    /// Number of terms, at least one.
    pub depth: usize,
    pub into: Write,
    pub out: Output<'a>,
    pub row: usize,
    pub columns: Range<usize>,
}

/// A row-major matrix, copies of which write to columns of their own.
#[derive(Clone, Copy)]
pub(super) struct Output<'a> {
    start: *mut f32,
    len: usize,
    columns: usize,
    borrowed: PhantomData<&'a mut [f32]>,
}

// SAFETY: it stands for a `&mut [f32]`, which may be sent, and whoever made it has its copies write to different elements.
unsafe impl Send for Output<'_> {}
// SAFETY: all that a shared one can do is to be copied.
unsafe impl Sync for Output<'_> {}

impl<'a> Output<'a> {
    /// # Safety
    /// No two copies that are in use at the same time are asked for the same columns.
    pub unsafe fn new(values: &'a mut [f32], columns: usize) -> Self {
        Output { start: values.as_mut_ptr(), len: values.len(), columns, borrowed: PhantomData }
    }

    /// Elements of a row.
    ///
    /// # Safety
    /// No other reference to any of them is in use.
    #[inline(always)]
    unsafe fn row(&mut self, row: usize, columns: &Range<usize>) -> &mut [f32] {
        let start = row * self.columns + columns.start;
        assert!(columns.end <= self.columns && start + columns.len() <= self.len, "a tile inside the result");
        // SAFETY: they lie inside the slice that it was made of, and the caller has no other reference to them.
        unsafe { std::slice::from_raw_parts_mut(self.start.add(start), columns.len()) }
    }
}

const _: () = assert!(HEIGHT == 6, "with_height! lists every height");

/// Runs `$run` with the constant `$constant`, which equals `$height`, from 1 to 6.
macro_rules! with_height {
    ($height:expr, $constant:ident => $run:expr) => {
        with_height!(@ $height, $constant => $run, 1 2 3 4 5 6)
    };
    (@ $height:expr, $constant:ident => $run:expr, $($value:literal)*) => {
        match $height {
            $($value => {
                const $constant: usize = $value;
                $run
            })*
            height => unreachable!("a tile of {height} rows"),
        }
    };
}
pub(super) use with_height;

/// Computes a tile of `ROWS` rows, and writes it to the result. A function of its own, because compilers find registers for
/// the sums of one height, but not in a function with all of them.
#[inline(never)]
pub(super) fn add_tile<S: Simd, const ROWS: usize, const VECTORS: usize>(tile: Tile<S>) {
    tile.simd.vectorize(AddTile::<S, ROWS, VECTORS>(tile));
}

struct AddTile<'a, S, const ROWS: usize, const VECTORS: usize>(Tile<'a, S>);

impl<S: Simd, const ROWS: usize, const VECTORS: usize> NullaryFnOnce for AddTile<'_, S, ROWS, VECTORS> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let Tile { simd, left, strides: [down, across], right, right_stride, depth, .. } = self.0;
        let width = VECTORS * S::F32_LANES;
        assert!(depth > 0 && left.len() > (ROWS - 1) * down + (depth - 1) * across, "the left operand");
        assert!(right.len() >= (depth - 1) * right_stride + width, "the right operand");
        let mut sums = [[simd.splat_f32s(0.0); VECTORS]; ROWS];
        for term in 0..depth {
            // SAFETY: term < depth, so by the second assertion the row lies inside the slice. Checks here take a third of
            // the time.
            let row = unsafe { right.get_unchecked(term * right_stride..term * right_stride + width) };
            let (row, _) = S::as_simd_f32s(row);
            for (index, sums) in sums.iter_mut().enumerate() {
                // SAFETY: index < ROWS and term < depth, so by the first assertion the element lies inside the slice.
                let element = unsafe { *left.get_unchecked(index * down + term * across) };
                let element = simd.splat_f32s(element);
                for (vector, sum) in sums.iter_mut().enumerate() {
                    *sum = simd.mul_add_f32s(element, row[vector], *sum);
                }
            }
        }
        self.write(sums);
    }
}

impl<S: Simd, const ROWS: usize, const VECTORS: usize> AddTile<'_, S, ROWS, VECTORS> {
    #[inline(always)]
    fn write(self, sums: [[S::f32s; VECTORS]; ROWS]) {
        let Tile { simd, into, mut out, row, columns, .. } = self.0;
        let taking = |there: S::f32s, sum| match into {
            Write::Overwrite => sum,
            Write::Add(factor) => simd.mul_add_f32s(simd.splat_f32s(factor), sum, there),
        };
        for (row, sums) in (row..).zip(sums) {
            // SAFETY: by the contract of `Output::new` no other copy refers to these columns, and this one to no others.
            let out = unsafe { out.row(row, &columns) };
            if out.len() == VECTORS * S::F32_LANES {
                let (out, _) = S::as_mut_simd_f32s(out);
                for (out, sum) in out.iter_mut().zip(sums) {
                    *out = taking(*out, sum);
                }
            } else {
                let (whole, rest) = S::as_mut_simd_f32s(out);
                let last = sums[whole.len()];
                for (out, sum) in whole.iter_mut().zip(sums) {
                    *out = taking(*out, sum);
                }
                if !rest.is_empty() {
                    simd.partial_store_f32s(rest, taking(simd.partial_load_f32s(rest), last));
                }
            }
        }
    }
}
