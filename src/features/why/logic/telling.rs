//! Which lines tell who wrote them, and whether a tool was given one.

/// A line in the form in which lines are compared: white space is the formatter's.
pub fn normal(line: &str) -> String {
    line.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Tells whether a line says enough to be anybody's own: `}` and `return nil` are everybody's.
pub fn tells(normal: &str) -> bool {
    let words = normal
        .split(|c: char| !c.is_alphanumeric() && c != '_')
        .filter(|word| !word.is_empty());
    normal.chars().count() >= 12 && words.count() >= 2
        || normal.chars().filter(|c| !c.is_ascii()).count() >= 4
}

/// What an index is asked for: the words of a line, not endlessly many.
pub fn phrase(normal: &str) -> &str {
    const LONGEST: usize = 240;
    if normal.len() <= LONGEST {
        return normal;
    }
    let end = (0..=LONGEST)
        .rev()
        .find(|at| normal.is_char_boundary(*at))
        .unwrap_or(0);
    let cut = &normal[..end];
    // A word that is cut is another word.
    cut.rsplit_once(' ').map_or(cut, |(whole, _)| whole)
}

/// Tells whether the text that a tool was given has a line; of a patch only what it adds counts.
pub fn has(text: &str, tool: &str, normal_line: &str) -> bool {
    let patch = tool == "apply_patch" || text.contains("*** Begin Patch");
    text.lines().any(|line| {
        let plus = line.strip_prefix('+');
        match plus {
            Some(rest) if normal(rest) == normal_line => true,
            _ if patch => false,
            _ => normal(line) == normal_line,
        }
    })
}

/// What a text says of a commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Mention {
    /// Its name stands there.
    Named,
    /// It is what `git commit` answers.
    Made,
}

/// Looks for a commit in a tool's output: `[main 1a2b3c4] subject` is what whoever made it saw.
pub fn mention(text: &str, commit: &str) -> Option<Mention> {
    let mut best = None;
    for line in text.lines() {
        let words = line.split(|c: char| !c.is_ascii_alphanumeric());
        for word in words {
            let lower = word.to_ascii_lowercase();
            if word.len() < 7 || !commit.starts_with(&lower) {
                continue;
            }
            let made = line
                .trim_start()
                .strip_prefix('[')
                .and_then(|rest| rest.split_once(']'))
                .is_some_and(|(head, _)| head.contains(' ') && head.ends_with(word));
            best = best.max(Some(if made { Mention::Made } else { Mention::Named }));
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_compared_without_their_white_space() {
        let line = normal("\t let  total = round( x );\r");
        assert_eq!(line, "let total = round( x );");
        assert!(tells(&line) && !tells("}") && !tells("return nil") && tells("検索エンジン"));
        let edit = "/r/a.rs\nlet x = 1;\n   let total =  round( x );";
        assert!(has(edit, "Edit", &line));
        assert!(!has("let total = round( x ); // more", "Edit", &line));
        let patch = "*** Begin Patch\n*** Update File: a\n let total = round( x );\n-let total = round( x );\n";
        assert!(!has(patch, "apply_patch", &line));
        assert!(has(
            &format!("{patch}+  let total = round( x );"),
            "exec",
            &line
        ));
        assert_eq!(phrase(&"word ".repeat(80)).len(), 239);
        assert!(phrase(&"é".repeat(400)).len() <= 240);
    }

    #[test]
    fn who_made_a_commit_saw_it_so() {
        let commit = "1a2b3c4d5e6f708192a3b4c5d6e7f8091a2b3c4d";
        assert_eq!(
            mention("[main 1a2b3c4] A subject", commit),
            Some(Mention::Made)
        );
        assert_eq!(
            mention("x\n [a/b (root-commit) 1A2B3C4d] s", commit),
            Some(Mention::Made)
        );
        assert_eq!(mention("1a2b3c4 A subject", commit), Some(Mention::Named));
        assert_eq!(mention("1a2b3c A subject", commit), None);
        assert_eq!(mention("1a2b3c5 A subject", commit), None);
    }
}
