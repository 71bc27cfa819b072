//! Cutting a long block into pieces of a size at which words stand near each other.

/// About so many bytes: what ranks best, measured.
pub const SIZE: usize = 2500;
/// Of one block no more than this is indexed: one blob must not become the index.
pub const MOST: usize = 4 * 1024 * 1024;

/// Cuts a text at line ends where there are some; a text of half as much again stays whole.
pub fn pieces(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = &text[..floor(text, MOST)];
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let end = if rest.len() <= SIZE + SIZE / 2 {
            rest.len()
        } else {
            let from = floor(rest, SIZE);
            let to = floor(rest, SIZE * 2);
            let line = memchr::memchr(b'\n', &rest.as_bytes()[from..to]);
            // Without a line end near, a word is not cut either, if it ends near.
            let space = || rest[from..to].find(char::is_whitespace);
            line.or_else(space).map_or(to, |found| from + found + 1)
        };
        let end = floor(rest, end);
        let (piece, after) = rest.split_at(end);
        rest = after;
        Some(piece)
    })
}

/// Returns the end of the last character that ends at or before `at`.
pub fn floor(text: &str, at: usize) -> usize {
    if at >= text.len() {
        return text.len();
    }
    (0..=at)
        .rev()
        .find(|at| text.is_char_boundary(*at))
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_are_the_text() {
        for text in [
            String::new(),
            "short".to_owned(),
            "a line of some words\n".repeat(1000),
            "é".repeat(9000),
            format!("{}\u{3000}{}", "x".repeat(2499), "y".repeat(4000)),
        ] {
            let all: Vec<&str> = pieces(&text).collect();
            assert_eq!(all.concat(), text);
            assert!(
                all.iter()
                    .all(|piece| piece.len() <= SIZE * 2 && !piece.is_empty())
            );
        }
    }
}
