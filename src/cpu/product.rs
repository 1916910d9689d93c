use std::ops::Range;

use gemm::Parallelism;

/// A view of a slice as a matrix, row-major or transposed.
#[derive(Clone, Copy)]
pub(super) struct Matrix<'a> {
    values: &'a [f32],
    rows: usize,
    columns: usize,
    row_stride: usize,
    column_stride: usize,
}

impl<'a> Matrix<'a> {
    /// `values` as `rows` × `columns`, row-major.
    pub fn new(values: &'a [f32], rows: usize, columns: usize) -> Self {
        assert_eq!(values.len(), rows * columns, "a matrix of {rows} × {columns}");
        Matrix { values, rows, columns, row_stride: columns, column_stride: 1 }
    }

    /// The submatrix of these columns.
    pub fn columns(self, columns: Range<usize>) -> Self {
        assert!(
            columns.start < columns.end && columns.end <= self.columns,
            "{columns:?} of {}",
            self.columns
        );
        let values = &self.values[columns.start * self.column_stride..];
        Matrix { values, columns: columns.len(), ..self }
    }

    pub fn transposed(self) -> Self {
        Matrix {
            values: self.values,
            rows: self.columns,
            columns: self.rows,
            row_stride: self.column_stride,
            column_stride: self.row_stride,
        }
    }
}

/// How a result is written.
#[derive(Clone, Copy)]
pub(super) enum Write {
    /// Replaces the old value.
    Overwrite,
    /// Adds the result times this factor to the old value.
    Add(f32),
}

impl Write {
    /// The new value for the result `sum` and the old value `there`.
    #[inline(always)]
    pub fn taking(self, there: f32, sum: f32) -> f32 {
        match self {
            Write::Overwrite => sum,
            Write::Add(factor) => there + factor * sum,
        }
    }
}

/// `left · right`, written to the row-major `out` as `into` says, on `threads` threads.
///
/// Each element is summed by one thread, in an order that does not depend on their number.
pub(super) fn multiply(left: Matrix, right: Matrix, into: Write, out: &mut [f32], threads: usize) {
    assert_eq!(left.columns, right.rows, "inner dimensions");
    assert_eq!(out.len(), left.rows * right.columns, "the answer's size");
    let (adds, factor) = match into {
        Write::Overwrite => (false, 1.0),
        Write::Add(factor) => (true, factor),
    };
    let parallelism = if threads > 1 { Parallelism::Rayon(threads) } else { Parallelism::None };
    // SAFETY: `Matrix::new` has checked that rows × columns elements, at these strides, lie inside each operand's
    // slice; taking columns keeps to them, and transposing swaps both. The assertion above does it for `out`, which
    // nothing else can refer to.
    unsafe {
        gemm::gemm(
            left.rows,
            right.columns,
            left.columns,
            out.as_mut_ptr(),
            1,
            right.columns as isize,
            adds,
            left.values.as_ptr(),
            left.column_stride as isize,
            left.row_stride as isize,
            right.values.as_ptr(),
            right.column_stride as isize,
            right.row_stride as isize,
            1.0,
            factor,
            false,
            false,
            false,
            parallelism,
        );
    }
}
