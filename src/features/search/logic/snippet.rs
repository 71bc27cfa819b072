//! The part of a text that shows best why it was found.

use super::{
    wanted::{Term, Wanted},
    words::{self, Word},
};

/// A part of a text, and where the words are in it: characters from and to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Snippet {
    /// The part, with `…` where it was cut.
    pub text: String,
    /// Where the words are.
    pub marks: Vec<(usize, usize)>,
}

/// Finds the words of a query in a text in its normal form: (from, to, which word).
fn matches(text: &str, wanted: &[Wanted]) -> Vec<(usize, usize, usize)> {
    let fits = |word: &Word, term: &Term| {
        word.text == term.text || (term.begin && word.text.starts_with(term.text.as_str()))
    };
    let mut found: Vec<(usize, usize, usize)> = Vec::new();
    for word in words::words(text) {
        let which = wanted
            .iter()
            .position(|wanted| wanted.terms.iter().any(|term| fits(&word, term)));
        if let Some(which) = which {
            match found.last_mut() {
                Some(last) if word.from <= last.1 => last.1 = last.1.max(word.to),
                _ => found.push((word.from, word.to, which)),
            }
        }
    }
    found
}

/// Returns the window of about `width` bytes that has most of the words; of code it is whole lines.
pub fn snippet(text: &str, wanted: &[Wanted], width: usize, code: bool) -> Snippet {
    let text = words::normal(text.trim_end());
    let found = matches(&text, wanted);
    let (from, to) = window(&text, &found, width);
    let (from, to) = if code {
        lines(&text, from, to, width)
    } else {
        spaces(&text, from, to)
    };
    let mut out = Snippet::default();
    if from > 0 {
        out.text.push('…');
    }
    let shift = out.text.chars().count();
    let part = text[from..to].trim_end_matches('\n');
    let to = from + part.len();
    out.text.push_str(part);
    if to < text.trim_end().len() {
        out.text.push('…');
    }
    let chars = |at: usize| shift + text[from..at].chars().count();
    let inside = found.iter().filter(|(a, b, _)| from <= *a && *b <= to);
    out.marks = inside.map(|(a, b, _)| (chars(*a), chars(*b))).collect();
    out
}

/// Finds where a window begins and ends that has the most different words, the earliest of the best.
fn window(text: &str, found: &[(usize, usize, usize)], width: usize) -> (usize, usize) {
    let mut best = (0, 0, 0);
    for (index, (from, _, _)) in found.iter().enumerate() {
        let near = found[index..]
            .iter()
            .take_while(|(_, to, _)| *to <= from + width);
        let (mut seen, mut count) = (0_u64, 0);
        for (_, _, which) in near {
            seen |= 1 << (which % 64);
            count += 1;
        }
        let value = (seen.count_ones(), count);
        if value > (best.0, best.1) {
            best = (value.0, value.1, *from);
        }
    }
    let last = found
        .iter()
        .filter(|(from, to, _)| *from >= best.2 && *to <= best.2 + width)
        .map(|(_, to, _)| *to)
        .max();
    let middle = usize::midpoint(best.2, last.unwrap_or(best.2));
    let from = middle.saturating_sub(width / 2).min(best.2);
    let from = super::pieces::floor(text, from);
    (
        from,
        super::pieces::floor(text, (from + width).max(last.unwrap_or(0))),
    )
}

/// Moves the ends to white space.
fn spaces(text: &str, from: usize, to: usize) -> (usize, usize) {
    let start = match text[..from].rfind(char::is_whitespace) {
        _ if from == 0 => 0,
        Some(at) if from - at < 24 => at + text[at..].chars().next().map_or(1, char::len_utf8),
        _ => from,
    };
    let end = match text[to..].find(char::is_whitespace) {
        Some(at) if at < 24 => to + at,
        None if text.len() - to < 24 => text.len(),
        _ => to,
    };
    (start, end)
}

/// Moves the ends to line ends, if lines are of a length to be shown.
fn lines(text: &str, from: usize, to: usize, width: usize) -> (usize, usize) {
    let start = text[..from].rfind('\n').map_or(0, |at| at + 1);
    let end = text[to..].find('\n').map_or(text.len(), |at| to + at);
    if end - start <= width * 2 {
        (start, end)
    } else {
        spaces(text, from, to)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::features::search::logic::{query::parse, wanted::wanted};

    fn cut(text: &str, query: &str, width: usize, code: bool) -> Snippet {
        snippet(text, &wanted(&parse(query).expect("a query")), width, code)
    }

    #[test]
    fn the_window_with_most_words_is_shown() {
        let text = format!(
            "{} the parser fails on resumeIndex here {}",
            "lorem ipsum ".repeat(50),
            "dolor sit ".repeat(50)
        );
        let found = cut(&text, "parsers resume_index", 60, false);
        assert!(
            found.text.contains("parser fails on resumeIndex"),
            "{found:?}"
        );
        let marked: Vec<String> = found
            .marks
            .iter()
            .map(|(a, b)| found.text.chars().skip(*a).take(b - a).collect())
            .collect();
        assert_eq!(marked, ["parser", "resumeIndex"]);
    }

    #[test]
    fn code_is_shown_in_lines() {
        let text = "fn a() {\n    let x = 1;\n    parse(x)\n}\nfn b() {}\n";
        assert_eq!(cut(text, "parse", 12, true).text, "…    parse(x)…");
    }

    proptest::proptest! {
        #[test]
        fn any_text_can_be_shown(text in "[aé検✅\\n \u{301}_B1]{0,200}", width in 1_usize..80, code: bool) {
            let found = cut(&text, "a 検 B1", width, code);
            let length = found.text.chars().count();
            proptest::prop_assert!(found.marks.iter().all(|(a, b)| a < b && *b <= length));
        }
    }
}
