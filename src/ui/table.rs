//! Columns of text, aligned and not wrapped.

/// Returns rows with their columns aligned; the last column is not padded.
pub fn columns(rows: &[Vec<String>]) -> String {
    let count = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |index: usize| {
        rows.iter()
            .filter_map(|row| row.get(index))
            .map(|cell| cell.chars().count())
            .max()
            .unwrap_or(0)
    };
    let widths: Vec<usize> = (0..count).map(width).collect();
    let mut out = String::new();
    for row in rows {
        let mut line = String::new();
        for (cell, width) in row.iter().zip(&widths) {
            line.push_str(cell);
            line.extend(std::iter::repeat_n(' ', width - cell.chars().count() + 2));
        }
        out.push_str(line.trim_end());
        out.push('\n');
    }
    out
}

#[cfg(test)]
mod tests {
    #[test]
    fn columns_line_up_and_no_line_ends_in_space() {
        let rows = [
            vec!["a".to_owned(), "bcd".to_owned(), String::new()],
            vec!["efg".to_owned(), "h".to_owned(), "i".to_owned()],
        ];
        assert_eq!(super::columns(&rows), "a    bcd\nefg  h    i\n");
    }
}
