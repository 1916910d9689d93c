use crate::report::table::{Column, Table};

/// `table` in columns as wide as their widest cell.
pub(super) fn aligned(table: &Table) -> String {
    let heads: Vec<&str> = table.columns.iter().map(Column::head).collect();
    let rows = table.rows.iter().map(|row| row.iter().map(String::as_str).collect());
    let lines: Vec<Vec<&str>> = std::iter::once(heads).chain(rows).collect();
    let width = |column: usize| lines.iter().map(|line| line[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..table.columns.len()).map(width).collect();
    let mut text = String::new();
    for line in &lines {
        let cells =
            line.iter().zip(&table.columns).zip(&widths).map(|((cell, column), width)| match column {
                Column::Words(_) => format!("{cell:<width$}"),
                Column::Numbers(_) => format!("{cell:>width$}"),
            });
        text.push_str(cells.collect::<Vec<_>>().join("  ").trim_end());
        text.push('\n');
    }
    text
}
