//! Products of matrices, after K. Goto and R. van de Geijn, Anatomy of High-Performance Matrix Multiplication (ACM TOMS 34,
//! 2008): a [`tile`] of the result stays in registers while it is summed, a panel of the right operand stays in the first
//! cache while all tiles of a block of rows use it, and the block stays in the second cache.
//!
//! An element is summed by fused multiply-adds in the order of the inner dimension, in parts of about equal length and of
//! [`DEPTH`] terms at most. Each part starts at 0, and is added to the result when it is complete. The bits of an element depend
//! on nothing but its row, its column and its old value: not on the number of threads, nor on the width of vectors, nor on the
//! sizes of caches.

mod pack;
mod tile;

use std::mem::MaybeUninit;
use std::ops::Range;

use pulp::{Arch, NullaryFnOnce, Simd, WithSimd};

use self::pack::{EDGE, Packed, pack_left, pack_right};
use self::tile::{Output, Tile, add_tile, with_height};
use super::matrix::Matrix;
use super::team::each;

/// Most terms that are summed in registers.
const DEPTH: usize = 256;
/// Most rows of a tile: with two vectors to a row, its sums, a row of the right operand and an element of the left one take 15
/// of the 16 registers that AVX2 has.
const HEIGHT: usize = 6;
/// Most columns of a tile: two vectors of AVX-512.
const MOST_WIDTH: usize = 32;
/// Elements of a block of the left operand that is read where it lies: 128 KiB.
const BLOCK: usize = 32 * 1024;
/// Rows of a block of the left operand that is packed: at most 192 KiB, on the stack.
const PACKED_ROWS: usize = 192;
/// A left operand that is not row-major is packed if it has more elements.
const LEAST_PACKED: usize = 8 * 1024;
/// A panel of a row-major right operand is read where it lies, because packing takes longer than it saves, if a block has no
/// more rows than this.
const FEW_ROWS: usize = 64;
/// And if the panel spans no more elements than this, so that its rows stay in a cache.
const FEW_ELEMENTS: usize = 32 * 1024;
/// Multiply-adds that are worth a thread.
const LEAST_WORK: usize = 100_000;

/// How a result is written.
#[derive(Clone, Copy)]
pub(super) enum Write {
    /// Replaces the old value.
    Overwrite,
    /// Adds the result times this factor to the old value; a product does so part by part.
    Add(f32),
}

impl Write {
    /// The new value for a `sum` that is no product, and the old value `there`.
    #[inline(always)]
    pub fn taking(self, there: f32, sum: f32) -> f32 {
        match self {
            Write::Overwrite => sum,
            Write::Add(factor) => there + factor * sum,
        }
    }
}

/// `left · right`, written to the row-major `out` as `into` says, on `threads` threads at most.
pub(super) fn multiply(left: Matrix, right: Matrix, into: Write, out: &mut [f32], threads: usize) {
    assert_eq!(left.columns, right.rows, "inner dimensions");
    assert_eq!(out.len(), left.rows * right.columns, "the answer's size");
    assert!(left.columns > 0 && right.columns > 0, "a product of at least one term and one column");
    let columns = right.columns;
    // SAFETY: the parts below have columns of their own.
    let out = unsafe { Output::new(out, columns) };
    let worthwhile = (left.rows * left.columns * right.columns / LEAST_WORK).max(1);
    let width = columns.div_ceil(threads.clamp(1, worthwhile)).next_multiple_of(MOST_WIDTH);
    let parts = (0..columns).step_by(width).map(|start| start..columns.min(start + width));
    each(parts, |columns| {
        let panel = &mut Panel([MaybeUninit::uninit(); _]);
        Arch::new().dispatch(Product { left, right, into, out, columns, panel });
    });
}

/// Columns of a product.
struct Product<'a> {
    left: Matrix<'a>,
    right: Matrix<'a>,
    into: Write,
    out: Output<'a>,
    columns: Range<usize>,
    panel: &'a mut Panel,
}

/// A packed panel of the right operand, in whole cache lines: vectors that cross two take longer.
#[repr(align(64))]
struct Panel([MaybeUninit<f32>; DEPTH * MOST_WIDTH]);

impl WithSimd for Product<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        // In either case there are enough sums to hide what a multiply-add takes.
        if S::F32_LANES <= 4 { self.run::<S, 4>(simd) } else { self.run::<S, 2>(simd) }
    }
}

impl Product<'_> {
    #[inline(always)]
    fn run<S: Simd, const VECTORS: usize>(self, simd: S) {
        let width = VECTORS * S::F32_LANES;
        assert!(width <= MOST_WIDTH && width.is_multiple_of(EDGE), "a tile of {width} columns");
        let Product { left, right, into, out, columns, panel } = self;
        let parts = left.columns.div_ceil(DEPTH);
        let start = |part: usize| part * left.columns / parts;
        for part in 0..parts {
            let into = match into {
                Write::Overwrite if part > 0 => Write::Add(1.0),
                into => into,
            };
            let depth = start(part)..start(part + 1);
            let (rows, count) = (left.rows, depth.len());
            let columns = columns.clone();
            let mut part = Part::<S, VECTORS> { simd, left, right, depth, into, out, columns, panel };
            if left.column_stride != 1 && rows * count > LEAST_PACKED {
                run_packed(part);
                continue;
            }
            let height = (BLOCK / count).next_multiple_of(HEIGHT);
            for first in (0..rows).step_by(height) {
                let operand = Operand {
                    values: left.starting_at(first, part.depth.start),
                    row: left.row_stride,
                    strides: Some([left.row_stride, left.column_stride]),
                };
                part.run_block(first..rows.min(first + height), operand);
            }
        }
    }
}

/// A product over a part of the inner dimension.
struct Part<'a, S, const VECTORS: usize> {
    simd: S,
    left: Matrix<'a>,
    right: Matrix<'a>,
    depth: Range<usize>,
    into: Write,
    out: Output<'a>,
    columns: Range<usize>,
    panel: &'a mut Panel,
}

/// A block of rows of the left operand.
#[derive(Clone, Copy)]
struct Operand<'a> {
    values: &'a [f32],
    /// Distance between the first elements of tiles, for each row between them.
    row: usize,
    /// Distance between neighbours in a column and in a row; `None` in packed tiles.
    strides: Option<[usize; 2]>,
}

impl<S: Simd, const VECTORS: usize> Part<'_, S, VECTORS> {
    #[inline(always)]
    fn run_block(&mut self, rows: Range<usize>, left: Operand) {
        let (right, depth, width) = (self.right, self.depth.len(), VECTORS * S::F32_LANES);
        let reads_in_place =
            right.column_stride == 1 && rows.len() <= FEW_ROWS && depth * right.row_stride <= FEW_ELEMENTS;
        for first in self.columns.clone().step_by(width) {
            let columns = first..self.columns.end.min(first + width);
            let (panel, stride) = if reads_in_place && columns.len() == width {
                (right.starting_at(self.depth.start, first), right.row_stride)
            } else {
                let panel = &mut self.panel.0[..depth * width];
                (pack_right(right, self.depth.clone(), columns.clone(), width, panel), width)
            };
            for (row, height) in tiles(rows.clone()) {
                let values = &left.values[(row - rows.start) * left.row..];
                let tile = Tile {
                    simd: self.simd,
                    left: values,
                    strides: left.strides.unwrap_or([1, height]),
                    right: panel,
                    right_stride: stride,
                    depth,
                    into: self.into,
                    out: self.out,
                    row,
                    columns: columns.clone(),
                };
                with_height!(height, ROWS => add_tile::<S, ROWS, VECTORS>(tile));
            }
        }
    }
}

/// Each tile's first row and height. The last two are of about equal heights, because low ones are slow.
#[inline(always)]
fn tiles(rows: Range<usize>) -> impl Iterator<Item = (usize, usize)> {
    let mut next = rows.start;
    std::iter::from_fn(move || {
        let (row, rest) = (next, rows.end - next);
        let height = if rest < 2 * HEIGHT && rest > HEIGHT { rest.div_ceil(2) } else { rest.min(HEIGHT) };
        next += height;
        (height > 0).then_some((row, height))
    })
}

/// Runs a part whose left operand is packed. A function of its own, because only here does the stack hold a block.
#[inline(never)]
fn run_packed<S: Simd, const VECTORS: usize>(part: Part<S, VECTORS>) {
    part.simd.vectorize(RunPacked(part));
}

struct RunPacked<'a, S, const VECTORS: usize>(Part<'a, S, VECTORS>);

impl<S: Simd, const VECTORS: usize> NullaryFnOnce for RunPacked<'_, S, VECTORS> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let RunPacked(mut part) = self;
        let depth = part.depth.len();
        let mut block: Packed<{ DEPTH * PACKED_ROWS }> = [MaybeUninit::uninit(); _];
        for first in (0..part.left.rows).step_by(PACKED_ROWS) {
            let rows = first..part.left.rows.min(first + PACKED_ROWS);
            let block = &mut block[..rows.len() * depth];
            let values = pack_left(part.left, tiles(rows.clone()), part.depth.clone(), block);
            part.run_block(rows, Operand { values, row: depth, strides: None });
        }
    }
}

#[cfg(test)]
mod tests {
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    use super::*;

    /// Some that are no multiple of a tile, a part or a block.
    const SIZES: [[usize; 3]; 13] = [
        [1, 1, 1],
        [1, 100, 3],
        [7, 30, 31],
        [13, 257, 33],
        [50, 64, 64],
        [64, 300, 16],
        [65, 511, 17],
        [100, 784, 30],
        [200, 200, 50],
        [201, 513, 47],
        [391, 100, 40],
        [16, 1, 1000],
        [40, 300, 130],
    ];

    /// Operands of each layout, as the three products of a layer have them.
    fn for_each_case(mut test: impl FnMut(Matrix, Matrix, &str)) {
        let mut random = ChaCha8Rng::seed_from_u64(5);
        for [rows, depth, columns] in SIZES {
            let mut numbers =
                |count| (0..count).map(|_| random.random_range(-1.0..1.0)).collect::<Vec<f32>>();
            let (left, right) = (numbers(rows * depth), numbers(depth * columns));
            let lefts = [Matrix::new(&left, rows, depth), Matrix::new(&left, depth, rows).transposed()];
            let rights =
                [Matrix::new(&right, depth, columns), Matrix::new(&right, columns, depth).transposed()];
            for (index, (left, right)) in
                [(lefts[0], rights[1]), (lefts[0], rights[0]), (lefts[1], rights[0])].into_iter().enumerate()
            {
                test(left, right, &format!("{rows} × {depth} × {columns}, layout {index}"));
            }
        }
    }

    /// What [`multiply`] makes of ones.
    fn product(left: Matrix, right: Matrix, into: Write, threads: usize) -> Vec<f32> {
        let mut out = vec![1.0; left.rows * right.columns];
        multiply(left, right, into, &mut out, threads);
        out
    }

    #[test]
    fn products_agree_with_sums_in_f64() {
        for_each_case(|left, right, case| {
            for (into, factor) in
                [(Write::Overwrite, None), (Write::Add(1.0), Some(1.0)), (Write::Add(-0.3), Some(-0.3))]
            {
                let got = product(left, right, into, 1);
                for (index, &got) in got.iter().enumerate() {
                    let (row, column) = (index / right.columns, index % right.columns);
                    let terms = (0..left.columns).map(|term| {
                        f64::from(left.starting_at(row, term)[0])
                            * f64::from(right.starting_at(term, column)[0])
                    });
                    let (sum, size) =
                        terms.fold((0.0, 0.0), |(sum, size), term| (sum + term, size + term.abs()));
                    let expected = factor.map_or(sum, |factor| 1.0 + factor * sum);
                    let bound =
                        f64::from(f32::EPSILON) * (1.0 + size) * (left.columns as f64).sqrt().max(4.0);
                    assert!((f64::from(got) - expected).abs() <= bound, "{case}, {index}: {got}, {expected}");
                }
            }
        });
    }

    fn bits(values: &[f32]) -> Vec<u32> {
        values.iter().map(|value| value.to_bits()).collect()
    }

    #[test]
    fn bits_depend_on_neither_threads_nor_vector_width() {
        for_each_case(|left, right, case| {
            for into in [Write::Overwrite, Write::Add(0.7)] {
                let expected = bits(&product(left, right, into, 1));
                assert_eq!(bits(&product(left, right, into, 3)), expected, "{case} on three threads");
                let on = |run: &dyn Fn(Product)| {
                    let mut out = vec![1.0; expected.len()];
                    let columns = 0..right.columns;
                    // SAFETY: this is the only copy.
                    let written = unsafe { Output::new(&mut out, right.columns) };
                    let panel = &mut Panel([MaybeUninit::uninit(); _]);
                    run(Product { left, right, into, out: written, columns, panel });
                    assert_eq!(bits(&out), expected, "{case}");
                };
                on(&|product| product.with_simd(pulp::Scalar::new()));
                #[cfg(target_arch = "x86_64")]
                {
                    if let Some(avx2) = pulp::x86::V3::try_new() {
                        on(&|product| Arch::V3(avx2).dispatch(product));
                    }
                    if let Some(avx512) = pulp::x86::V4::try_new() {
                        on(&|product| Arch::V4(avx512).dispatch(product));
                    }
                }
            }
        });
    }

    #[test]
    fn an_element_depends_on_its_row_and_column_only() {
        for_each_case(|left, right, case| {
            let all = product(left, right, Write::Add(0.7), 1);
            let (row, column) = (left.rows / 2, right.columns / 2);
            let elements = |count, at: &dyn Fn(usize) -> f32| (0..count).map(at).collect::<Vec<_>>();
            let depth = left.columns;
            let of_row = elements(depth, &|term| left.starting_at(row, term)[0]);
            let of_column = elements(depth, &|term| right.starting_at(term, column)[0]);
            let alone = product(
                Matrix::new(&of_row, 1, depth),
                Matrix::new(&of_column, depth, 1),
                Write::Add(0.7),
                1,
            );
            assert_eq!(bits(&alone), bits(&all[row * right.columns + column..][..1]), "{case}");

            let beside_nan = [of_row.clone(), vec![f32::NAN; depth]].concat();
            let two = product(Matrix::new(&beside_nan, 2, depth), right, Write::Add(0.7), 1);
            let (real, nan) = two.split_at(right.columns);
            assert_eq!(bits(real), bits(&all[row * right.columns..][..right.columns]), "{case}");
            assert!(nan.iter().all(|value| value.is_nan()), "{case}");

            let beside_nan: Vec<f32> = of_column.iter().flat_map(|&value| [f32::NAN, value]).collect();
            let two = product(left, Matrix::new(&beside_nan, depth, 2), Write::Add(0.7), 1);
            for (index, pair) in two.chunks_exact(2).enumerate() {
                let expected = all[index * right.columns + column];
                assert!(pair[0].is_nan() && pair[1].to_bits() == expected.to_bits(), "{case}, row {index}");
            }
        });
    }

    /// Numbers that follow a row or a column in memory are none of its product's.
    #[test]
    fn columns_of_a_matrix_are_multiplied_without_their_neighbours() {
        let (rows, depth, columns) = (40, 30, 7);
        let mut delta = vec![f32::NAN; depth * rows];
        let wanted = 13..31;
        for row in delta.chunks_exact_mut(rows) {
            row[wanted.clone()].fill(2.0);
        }
        let right = vec![0.5; depth * columns];
        let left = Matrix::new(&delta, depth, rows).columns(wanted.clone()).transposed();
        let out = product(left, Matrix::new(&right, depth, columns), Write::Overwrite, 1);
        assert_eq!(out, vec![30.0; wanted.len() * columns]);
    }
}
