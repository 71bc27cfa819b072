//! Columns of text, aligned and not wrapped; a cell may be in colour.

/// Returns rows with their columns aligned; the last column is not padded.
pub fn columns(rows: &[Vec<String>]) -> String {
    let count = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |index: usize| {
        rows.iter()
            .filter_map(|row| row.get(index))
            .map(|cell| wide(cell))
            .max()
            .unwrap_or(0)
    };
    let widths: Vec<usize> = (0..count).map(width).collect();
    let mut out = String::new();
    for row in rows {
        let mut line = String::new();
        for (cell, width) in row.iter().zip(&widths) {
            line.push_str(cell);
            line.extend(std::iter::repeat_n(' ', width - wide(cell) + 2));
        }
        out.push_str(line.trim_end());
        out.push('\n');
    }
    out
}

/// How many characters of a cell are seen.
fn wide(cell: &str) -> usize {
    let mut parts = cell.split("\x1b[");
    let first = parts.next().unwrap_or_default().chars().count();
    // What follows is a colour, which ends in an `m`.
    let seen = |part: &str| {
        part.split_once('m')
            .map_or(0, |(_, text)| text.chars().count())
    };
    first + parts.map(seen).sum::<usize>()
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
        let rows = [
            vec!["\x1b[32ma\x1b[0m".to_owned(), "b".to_owned()],
            vec!["cd".to_owned(), "e".to_owned()],
        ];
        assert_eq!(super::columns(&rows), "\x1b[32ma\x1b[0m   b\ncd  e\n");
    }
}
