use crate::report::table::{Column, Table};

/// `table` in columns as wide as their widest cell. Where that exceeds `width` characters, heads take several lines, and lines
/// that are still longer are cut off.
pub(super) fn aligned(table: &Table, width: usize) -> String {
    let heads: Vec<&str> = table.columns.iter().map(Column::head).collect();
    let cells = |column: usize| table.rows.iter().map(move |row| count(&row[column])).max().unwrap_or(0);
    let wide: Vec<usize> =
        heads.iter().enumerate().map(|(index, head)| count(head).max(cells(index))).collect();
    let fits = wide.iter().sum::<usize>() + 2 * wide.len().saturating_sub(1) <= width;
    let widths: Vec<usize> = if fits {
        wide
    } else {
        let word = |head: &str| head.split(' ').map(count).max().unwrap_or(0);
        heads.iter().enumerate().map(|(index, head)| word(head).max(cells(index))).collect()
    };
    let heads: Vec<Vec<String>> =
        heads.iter().zip(&widths).map(|(head, &width)| lines(head, width)).collect();
    let height = heads.iter().map(Vec::len).max().unwrap_or(0);
    let mut text = String::new();
    for line in 0..height {
        // Heads stand on the rows below them.
        let cell = |head: &Vec<String>| {
            (line + head.len()).checked_sub(height).map_or("", |at| &head[at]).to_owned()
        };
        push_line(&mut text, &heads.iter().map(cell).collect::<Vec<_>>(), table, &widths, width);
    }
    for row in &table.rows {
        push_line(&mut text, row, table, &widths, width);
    }
    text
}

/// Adds a line of `cells`, cut off with an ellipsis after `width` characters.
fn push_line(text: &mut String, cells: &[String], table: &Table, widths: &[usize], width: usize) {
    let cells = cells.iter().zip(&table.columns).zip(widths).map(|((cell, column), width)| match column {
        Column::Words(_) => format!("{cell:<width$}"),
        Column::Numbers(_) => format!("{cell:>width$}"),
    });
    let line = cells.collect::<Vec<_>>().join("  ");
    let line = line.trim_end();
    if count(line) > width {
        text.extend(line.chars().take(width.saturating_sub(1)));
        text.push('…');
    } else {
        text.push_str(line);
    }
    text.push('\n');
}

/// `text` in lines of at most `width` characters, broken between words; a longer word has a line of its own.
fn lines(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split(' ') {
        match lines.last_mut() {
            Some(line) if count(line) + 1 + count(word) <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

fn count(text: &str) -> usize {
    text.chars().count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::table::{numbers, words};

    #[test]
    fn heads_of_wide_tables_take_several_lines() {
        let table = Table {
            columns: vec![words("strategy"), numbers("recomputed layers"), numbers("of a forward pass")],
            rows: vec![vec!["every-10".to_owned(), "45".to_owned(), "92.1 %".to_owned()]],
        };
        let wide = "strategy  recomputed layers  of a forward pass\nevery-10                 45             92.1 %\n";
        assert_eq!(aligned(&table, usize::MAX), wide);
        assert_eq!(aligned(&table, 46), wide);
        let narrow = "                         of a\n          recomputed  forward\n";
        let narrow = format!("{narrow}strategy      layers     pass\nevery-10          45   92.1 %\n");
        assert_eq!(aligned(&table, 45), narrow);
        assert!(aligned(&table, 20).ends_with("every-10          4…\n"), "{}", aligned(&table, 20));
    }
}
