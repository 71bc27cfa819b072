//! A block of ours in a text of somebody else's, between two marks.

const BEGIN: &str = "<!-- git-ccc: begin -->";
const END: &str = "<!-- git-ccc: end -->";

/// Returns the lines of the block with its marks; an unfinished one is none.
fn find(text: &str) -> Option<std::ops::Range<usize>> {
    let starts = |at: usize| at == 0 || text[..at].ends_with('\n');
    let (start, _) = text.match_indices(BEGIN).find(|(at, _)| starts(*at))?;
    let end = start + text[start..].find(END)? + END.len();
    let rest = &text[end..];
    let line = rest.find('\n').map_or(rest.len(), |at| at + 1);
    Some(start..end + line)
}

/// Puts the block at the end, or in the place of the one that is there.
pub fn put(text: &str, block: &str) -> String {
    let block = if text.contains("\r\n") {
        block.replace('\n', "\r\n")
    } else {
        block.to_owned()
    };
    match find(text) {
        Some(span) => format!("{}{block}{}", &text[..span.start], &text[span.end..]),
        None if text.is_empty() => block,
        None => {
            let line = if text.contains("\r\n") { "\r\n" } else { "\n" };
            let end = if text.ends_with('\n') { "" } else { line };
            format!("{text}{end}{line}{block}")
        }
    }
}

/// Takes the block out, with the empty line before it.
pub fn strip(text: &str) -> String {
    let Some(span) = find(text) else {
        return text.to_owned();
    };
    let head = &text[..span.start];
    let head = ["\r\n\r\n", "\n\n"]
        .iter()
        .find_map(|gap| {
            head.strip_suffix(gap)
                .map(|_| &head[..head.len() - gap.len() / 2])
        })
        .unwrap_or(head);
    format!("{head}{}", &text[span.end..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_comes_once_and_goes_without_trace() {
        let block = format!("{BEGIN}\none\n{END}\n");
        for text in ["", "# A\n", "# A\r\ntext\r\n", "a\n\n\nb\n"] {
            let with = put(text, &block);
            assert_eq!(put(&with, &block), with, "twice is once");
            assert_eq!(strip(&with), text);
        }
        assert_eq!(strip(&put("no end", &block)), "no end\n");
        let moved = put("a\n", &block).replace("one", "changed") + "after\n";
        assert!(
            put(&moved, &block).ends_with("after\n") && put(&moved, &block).contains("\none\n")
        );
        assert_eq!(strip(BEGIN), BEGIN, "an unfinished one is nobody's");
    }
}
