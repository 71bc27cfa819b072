//! `FILE[:LINE[,LINE]]`, as compilers and `grep -n` write it too.

use crate::features::why::model::Target;

/// Reads what is asked about; a file that is there by the whole name is meant by it.
pub fn parse(text: &str, exists: impl Fn(&str) -> bool) -> Result<Target, String> {
    let whole = || Target {
        path: text.to_owned(),
        lines: None,
    };
    if exists(text) {
        return Ok(whole());
    }
    let Some((path, end)) = text.rsplit_once(':') else {
        return Ok(whole());
    };
    if path.is_empty() {
        return Ok(whole());
    }
    let Some(lines) = range(end) else {
        // `src/a.rs:12:in the text` of a matching line is pasted often.
        return match path.rsplit_once(':') {
            Some((file, line)) if exists(file) && range(line).is_some() => parse(path, exists),
            _ => Ok(whole()),
        };
    };
    // `src/a.rs:12:5`: a line and a column.
    if !exists(path)
        && let Some((file, line)) = path.rsplit_once(':')
        && exists(file)
        && range(line).is_some()
    {
        return parse(path, exists);
    }
    match lines {
        (0, _) => Err("lines count from 1".to_owned()),
        (from, to) if to < from => Err(format!("line {to} is before line {from}")),
        lines => Ok(Target {
            path: path.to_owned(),
            lines: Some(lines),
        }),
    }
}

fn range(text: &str) -> Option<(u32, u32)> {
    let (from, to) = text.split_once([',', '-']).unwrap_or((text, text));
    Some((from.parse().ok()?, to.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_and_lines_are_told_apart() {
        let exists = |path: &str| matches!(path, "a.rs" | "odd:7");
        let read = |text: &str| {
            parse(text, exists).map(|target| format!("{} {:?}", target.path, target.lines))
        };
        for (text, means) in [
            ("a.rs", "a.rs None"),
            ("a.rs:3", "a.rs Some((3, 3))"),
            ("a.rs:3,9", "a.rs Some((3, 9))"),
            ("a.rs:3-9", "a.rs Some((3, 9))"),
            ("a.rs:3:14", "a.rs Some((3, 3))"),
            ("a.rs:3:let x = 1", "a.rs Some((3, 3))"),
            ("odd:7", "odd:7 None"),
            ("odd:7:2", "odd:7 Some((2, 2))"),
            ("gone.rs:4", "gone.rs Some((4, 4))"),
            ("gone.rs", "gone.rs None"),
            (":4", ":4 None"),
        ] {
            assert_eq!(read(text).as_deref(), Ok(means), "{text}");
        }
        assert!(read("a.rs:0").is_err() && read("a.rs:9,3").is_err());
    }
}
