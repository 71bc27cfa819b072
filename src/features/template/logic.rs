//! Filling in what a template leaves open: `{name}`, `{port.web}`; `{{` stands for a brace.

use std::collections::BTreeMap;

/// What stands for what.
pub type Values = BTreeMap<String, String>;

/// Fills in every `{word}`; an unknown one is the error.
pub fn fill(text: &str, values: &Values) -> Result<String, String> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(['{', '}']) {
        out.push_str(&rest[..at]);
        let brace = &rest[at..=at];
        let after = &rest[at + 1..];
        if after.starts_with(brace) {
            out.push_str(brace);
            rest = &after[1..];
            continue;
        }
        let word = after
            .split_once('}')
            .map(|(word, _)| word)
            .filter(|word| brace == "{" && is_placeholder(word));
        if let Some(word) = word {
            out.push_str(values.get(word).ok_or_else(|| format!("{{{word}}}"))?);
            rest = &after[word.len() + 1..];
        } else {
            // A brace of the text itself, as in JSON.
            out.push_str(brace);
            rest = after;
        }
    }
    out.push_str(rest);
    Ok(out)
}

fn is_placeholder(word: &str) -> bool {
    !word.is_empty()
        && word
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c))
}

/// Lays lines of `KEY=value` over a text: a key that is there gets the new value, others are added, the rest stays.
pub fn lay_over(old: &str, new: &str) -> String {
    let key = |line: &str| {
        let (key, _) = line.split_once('=')?;
        let key = key.trim().trim_start_matches("export ").trim().to_owned();
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
        (!key.is_empty() && key.chars().all(plain)).then_some(key)
    };
    let mut lines: Vec<String> = old.lines().map(str::to_owned).collect();
    for line in new.lines() {
        let here = key(line).and_then(|wanted| {
            lines
                .iter()
                .position(|line| key(line).as_ref() == Some(&wanted))
        });
        match here {
            Some(at) => line.clone_into(&mut lines[at]),
            None if lines.iter().any(|known| known == line) => {}
            None => lines.push(line.to_owned()),
        }
    }
    let mut text = lines.join("\n");
    text.push('\n');
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_are_filled_and_other_braces_stay() {
        let values = Values::from([
            ("name".to_owned(), "x".to_owned()),
            ("port.web".to_owned(), "3000".to_owned()),
        ]);
        let fill = |text: &str| super::fill(text, &values);
        assert_eq!(
            fill("{name}: {port.web} {{name}} { \"a\": {} }").as_deref(),
            Ok("x: 3000 {name} { \"a\": {} }")
        );
        assert_eq!(fill("${PORT}"), Err("{PORT}".to_owned()));
        assert_eq!(fill("a {port.api}"), Err("{port.api}".to_owned()));
    }

    #[test]
    fn lines_are_laid_over_what_is_there() {
        let old = "# mine\nPORT=1\nKEY=secret\n";
        assert_eq!(
            lay_over(old, "PORT=3000\nDB=a\n"),
            "# mine\nPORT=3000\nKEY=secret\nDB=a\n"
        );
        assert_eq!(lay_over("", "A=1\nA=2\n"), "A=2\n");
    }
}
