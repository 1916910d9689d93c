use std::fmt;

/// Where a row of a table is, for messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// Line of a text, counted from 1, of which the names of the columns take the first.
    Line(u64),
    /// Row of a file that has no lines, counted from 1.
    #[cfg(feature = "parquet")]
    Row(u64),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::Line(line) => write!(f, "line {line}"),
            #[cfg(feature = "parquet")]
            Place::Row(row) => write!(f, "row {row}"),
        }
    }
}
