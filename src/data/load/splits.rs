use crate::data::split::Split;
use crate::data::table::Column;

/// Splits as a file has them.
pub(super) struct Splits {
    pub train: Split,
    pub validation: Option<Split>,
    pub test: Option<Split>,
    /// Columns of a table that became features.
    pub columns: Vec<Column>,
    /// Columns of a table that became targets.
    pub targets: Vec<String>,
    /// Names of the classes in a table.
    pub classes: Vec<String>,
}

impl Splits {
    pub fn without_columns(train: Split, validation: Option<Split>, test: Option<Split>) -> Self {
        Splits { train, validation, test, columns: Vec::new(), targets: Vec::new(), classes: Vec::new() }
    }
}
