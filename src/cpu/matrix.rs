use std::ops::Range;

/// A view of a slice as a matrix, row-major or transposed.
#[derive(Clone, Copy)]
pub(super) struct Matrix<'a> {
    values: &'a [f32],
    pub rows: usize,
    pub columns: usize,
    /// Distance between neighbours in a column. It or the other is 1.
    pub row_stride: usize,
    /// Distance between neighbours in a row.
    pub column_stride: usize,
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
        Matrix { values: self.starting_at(0, columns.start), columns: columns.len(), ..self }
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

    /// Its values from this element on.
    #[inline(always)]
    pub fn starting_at(self, row: usize, column: usize) -> &'a [f32] {
        &self.values[row * self.row_stride + column * self.column_stride..]
    }
}
