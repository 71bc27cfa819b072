//! What `git blame --line-porcelain` says.

use crate::features::why::model::{Blamed, Line};

/// Reads it; lines of one commit and file are together, those with the most lines first.
pub fn parse(text: &str) -> Vec<Blamed> {
    let mut all: Vec<Blamed> = Vec::new();
    let mut now = Blamed::default();
    let mut line = None;
    for row in text.split('\n') {
        if let Some(text) = row.strip_prefix('\t') {
            let Some((original, number)) = line.take() else {
                continue;
            };
            let line = Line {
                number,
                original,
                text: text.to_owned(),
            };
            let same = |known: &&mut Blamed| known.commit == now.commit && known.path == now.path;
            match all.iter_mut().find(same) {
                Some(known) => known.lines.push(line),
                None => all.push(Blamed {
                    lines: vec![line],
                    ..std::mem::take(&mut now)
                }),
            }
            continue;
        }
        let (key, value) = row.split_once(' ').unwrap_or((row, ""));
        match key {
            "author" => value.clone_into(&mut now.author),
            "author-time" => now.authored = value.parse().unwrap_or(0),
            "committer-time" => now.committed = value.parse().unwrap_or(0),
            "summary" => value.clone_into(&mut now.summary),
            "filename" => now.path = unquoted(value),
            _ if line.is_none() => {
                line = numbers(value);
                now.commit = (!key.bytes().all(|byte| byte == b'0')).then(|| key.to_owned());
            }
            _ => {}
        }
    }
    all.sort_by_key(|blamed| std::cmp::Reverse(blamed.lines.len()));
    all
}

/// Returns, of who brought lines to where they are, whoever brought some of these and did not write them.
pub fn brought(written: &Blamed, all: &[Blamed]) -> Vec<Blamed> {
    let others = all.iter().filter(|other| other.commit != written.commit);
    let some = others.map(|other| {
        let here = |line: &&Line| written.lines.iter().any(|own| own.number == line.number);
        Blamed {
            lines: other.lines.iter().filter(here).cloned().collect(),
            ..other.clone()
        }
    });
    some.filter(|other| !other.lines.is_empty()).collect()
}

fn numbers(value: &str) -> Option<(u32, u32)> {
    let mut numbers = value.split(' ').map(str::parse);
    Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
}

/// Returns a name as it is; git puts quotes around one with unusual characters.
pub fn unquoted(name: &str) -> String {
    let Some(inner) = name
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'))
    else {
        return name.to_owned();
    };
    let mut out = Vec::new();
    let mut bytes = inner.bytes().peekable();
    while let Some(byte) = bytes.next() {
        if byte != b'\\' {
            out.push(byte);
            continue;
        }
        match bytes.next() {
            Some(b'n') => out.push(b'\n'),
            Some(b't') => out.push(b'\t'),
            Some(digit @ b'0'..=b'7') => {
                let mut value = u32::from(digit - b'0');
                while let Some(next) = bytes.next_if(|next| (b'0'..=b'7').contains(next)) {
                    value = value * 8 + u32::from(next - b'0');
                }
                out.push(u8::try_from(value & 0xff).unwrap_or(b'?'));
            }
            Some(other) => out.push(other),
            None => {}
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// Writes numbers of lines as ranges.
pub fn ranges(lines: &[Line]) -> Vec<(u32, u32)> {
    let mut all: Vec<(u32, u32)> = Vec::new();
    let mut numbers: Vec<u32> = lines.iter().map(|line| line.number).collect();
    numbers.sort_unstable();
    for number in numbers {
        match all.last_mut() {
            Some((_, to)) if *to + 1 == number => *to = number,
            _ => all.push((number, number)),
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_grouped_by_commit_and_file() {
        let a = "a".repeat(40);
        let zero = "0".repeat(40);
        let text = format!(
            "{a} 4 1 1\nauthor Ada\nauthor-time 10\ncommitter-time 11\nsummary one two\nboundary\nfilename old.rs\n\tfirst\n\
             {zero} 2 2 1\nauthor Not Committed Yet\nfilename new.rs\n\t\tsecond\n\
             {a} 5 3 1\nauthor Ada\nfilename \"\\303\\251.rs\"\n\tthird\n\
             {a} 6 4 1\nauthor Ada\nfilename old.rs\n\t\n"
        );
        let all = parse(&text);
        assert_eq!(all.len(), 3);
        assert_eq!(
            (all[0].path.as_str(), all[0].lines.len(), all[0].committed),
            ("old.rs", 2, 11)
        );
        assert_eq!(all[0].lines[1].original, 6);
        assert_eq!(all[1].commit, None);
        assert_eq!(all[1].lines[0].text, "\tsecond");
        assert_eq!(all[2].path, "é.rs");
        assert_eq!(ranges(&all[0].lines), [(1, 1), (4, 4)]);
        let mut plain = all.clone();
        plain[0].commit = Some("b".repeat(40));
        let brought = brought(&all[0], &plain);
        assert_eq!(brought.len(), 1, "{brought:?}");
        assert_eq!(ranges(&brought[0].lines), [(1, 1), (4, 4)]);
    }
}
