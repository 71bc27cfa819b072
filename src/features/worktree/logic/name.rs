//! From the name that somebody gives to the names of directory and branch.

/// Returns the name of the directory: no separators, nothing hidden, nothing that a shell or a terminal takes for more.
pub fn directory(name: &str) -> Option<String> {
    let mut out = String::new();
    for c in name.chars() {
        match c {
            c if c.is_ascii_alphanumeric() || "._-+".contains(c) => out.push(c),
            '/' | ' ' | ':' | '#' | '@' => out.push('-'),
            _ => return None,
        }
    }
    let out = out.trim_matches(['-', '.']).to_owned();
    (!out.is_empty() && out.len() <= 100 && !out.to_ascii_lowercase().ends_with(".lock"))
        .then_some(out)
}

/// Tells whether git would take a text as the name of a branch (`git check-ref-format --branch`).
pub fn is_branch(name: &str) -> bool {
    let bad = |c: char| c.is_control() || " ~^:?*[\\\u{7f}".contains(c);
    let part = |part: &str| {
        !part.is_empty()
            && !part.starts_with('.')
            && !part.to_ascii_lowercase().ends_with(".lock")
            && !part.ends_with('.')
    };
    name.len() <= 200
        && !name.starts_with('-')
        && name != "HEAD"
        && name != "@"
        && !name.contains("..")
        && !name.contains("@{")
        && !name.chars().any(bad)
        && name.split('/').all(part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_is_one_plain_name() {
        assert_eq!(directory("feat/cart #3").as_deref(), Some("feat-cart--3"));
        for bad in [
            "",
            "..",
            "-",
            "a\nb",
            "a\u{1b}[2J",
            "\u{202e}x",
            "../..",
            "x.lock",
            "$(x)",
        ] {
            let made = directory(bad);
            assert!(
                made.as_deref().is_none_or(
                    |made| !made.contains(['/', '\n', '$']) && !made.starts_with(['.', '-'])
                ),
                "{bad:?} made {made:?}"
            );
        }
        assert_eq!(directory("../.."), None);
    }

    #[test]
    fn a_branch_is_what_git_takes() {
        assert!(is_branch("feature/x") && is_branch("a.b"));
        for bad in [
            "", "-x", "a..b", "a b", "a~", "x.lock", "a/.b", "a//b", "a/", "@", "HEAD", "a@{b",
            "a\n",
        ] {
            assert!(!is_branch(bad), "{bad:?}");
        }
    }
}
