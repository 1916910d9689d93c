use crate::words::grouped;

/// A table of cells, before text or Markdown lays it out.
pub(super) struct Table {
    pub columns: Vec<Column>,
    /// Each has a cell for every column.
    pub rows: Vec<Vec<String>>,
}

/// A column by its head.
pub(super) enum Column {
    /// Aligned to the left.
    Words(String),
    /// Aligned to the right.
    Numbers(String),
}

impl Column {
    pub fn head(&self) -> &str {
        match self {
            Column::Words(head) | Column::Numbers(head) => head,
        }
    }
}

pub(super) fn words(head: impl Into<String>) -> Column {
    Column::Words(head.into())
}

pub(super) fn numbers(head: impl Into<String>) -> Column {
    Column::Numbers(head.into())
}

/// Bytes that were counted; `-` if nobody counted them.
pub(super) fn known(bytes: Option<u64>) -> String {
    bytes.map_or_else(|| "-".to_owned(), grouped)
}
