/// A matrix that is only read, in any order of rows and columns.
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

/// `out = beta · out + alpha · left · right`, with `out` row-major. Beta 0 ignores what `out` held.
pub(super) fn multiply(alpha: f32, left: Matrix, right: Matrix, beta: f32, out: &mut [f32]) {
    assert_eq!(left.columns, right.rows, "inner dimensions");
    assert_eq!(out.len(), left.rows * right.columns, "the answer's size");
    // SAFETY: `Matrix::new` has checked that rows × columns elements, at these strides, lie inside each operand's
    // slice, and transposing swaps both; the assertion above does it for `out`, which nothing else can refer to.
    unsafe {
        matrixmultiply::sgemm(
            left.rows,
            left.columns,
            right.columns,
            alpha,
            left.values.as_ptr(),
            left.row_stride as isize,
            left.column_stride as isize,
            right.values.as_ptr(),
            right.row_stride as isize,
            right.column_stride as isize,
            beta,
            out.as_mut_ptr(),
            right.columns as isize,
            1,
        );
    }
}
