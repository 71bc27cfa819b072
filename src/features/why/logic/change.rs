//! What a commit adds, from its diff.

use super::blame::unquoted;
use crate::features::why::model::Added;

/// Reads a diff with no context; one of a merge has a column for each parent, and what is new in all counts.
pub fn added(diff: &str) -> Vec<Added> {
    let mut all: Vec<Added> = Vec::new();
    let (mut columns, mut number, mut left) = (1, 0, 0);
    for row in diff.split('\n') {
        if left > 0 {
            let marks = row.get(..columns).unwrap_or(row);
            if marks.contains('-') || marks.starts_with('\\') {
                continue;
            }
            left -= 1;
            if marks.bytes().all(|mark| mark == b'+')
                && let Some(file) = all.last_mut()
            {
                file.lines
                    .push((number, row.get(columns..).unwrap_or_default().to_owned()));
            }
            number += 1;
        } else if let Some(name) = row.strip_prefix("+++ ") {
            let name = unquoted(name.trim_end_matches('\t'));
            all.push(Added {
                path: name.strip_prefix("b/").unwrap_or(&name).to_owned(),
                lines: Vec::new(),
            });
        } else if row.starts_with("@@")
            && let Some((from, count)) = new_side(row)
        {
            columns = row.bytes().take_while(|byte| *byte == b'@').count() - 1;
            (number, left) = (from, count);
        }
    }
    all.retain(|file| !file.lines.is_empty());
    all
}

fn new_side(head: &str) -> Option<(u32, u32)> {
    let side = head.split(' ').find_map(|part| part.strip_prefix('+'))?;
    let (from, count) = side.split_once(',').unwrap_or((side, "1"));
    Some((from.parse().ok()?, count.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn added_lines_are_found_with_their_numbers() {
        let diff = "diff --git a/x b/x\n--- a/x\n+++ b/x\n@@ -1,2 +1,2 @@ fn\n-old\n-+++ b/no\n+new\n+++ b/text\n\\ No newline\n\
                    @@ -9 +9,0 @@\n-gone\ndiff --cc y\n--- a/y\n+++ b/y\n@@@ -1,1 -1,1 +1,3 @@@\n++both\n +one\n++end\n";
        let all = added(diff);
        assert_eq!(all.len(), 2);
        assert_eq!(
            all[0].lines,
            [(1, "new".to_owned()), (2, "++ b/text".to_owned())]
        );
        assert_eq!(
            all[1].lines,
            [(1, "both".to_owned()), (3, "end".to_owned())]
        );
    }
}
