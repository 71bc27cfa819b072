//! Leftover conflict markers: whole blocks alone, for a line of `=` alone is a heading.

/// How long git's markers are.
const SIZE: usize = 7;
/// No more blocks than this are told of one file.
const MOST: usize = 20;

/// A block: the line it begins on, from 1, and its first line.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Block {
    /// The line.
    pub line: u32,
    /// The text of that line.
    pub text: String,
}

/// Finds the blocks of a file; a binary one has none.
pub fn blocks(bytes: &[u8]) -> Vec<Block> {
    if bytes.iter().take(8000).any(|byte| *byte == 0) {
        return Vec::new();
    }
    let (mut found, mut open, mut split) = (Vec::new(), None::<Block>, false);
    for (line, number) in bytes.split(|byte| *byte == b'\n').zip(1..) {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if is(line, b'<') {
            let text = String::from_utf8_lossy(line).into_owned();
            (open, split) = (Some(Block { line: number, text }), false);
        } else if is(line, b'=') && line.len() == SIZE {
            split = open.is_some();
        } else if is(line, b'>') && split {
            found.extend(open.take());
            split = false;
            if found.len() == MOST {
                break;
            }
        }
    }
    found
}

/// Tells whether a line is a marker of this sign: seven of it, then nothing or a label.
fn is(line: &[u8], sign: u8) -> bool {
    line.len() >= SIZE
        && line[..SIZE].iter().all(|byte| *byte == sign)
        && line.get(SIZE).is_none_or(|next| *next == b' ')
}

/// Returns the blocks that are not among those that were there before; each of those stands for one block.
pub fn new_blocks(now: Vec<Block>, before: &mut Vec<String>) -> Vec<Block> {
    let is_new = |block: &Block| match before.iter().position(|known| *known == block.text) {
        Some(at) => {
            before.swap_remove(at);
            false
        }
        None => true,
    };
    now.into_iter().filter(is_new).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const BLOCK: &str = "<<<<<<< HEAD\na\n=======\nb\n>>>>>>> topic\n";

    fn lines(text: &str) -> Vec<u32> {
        blocks(text.as_bytes())
            .iter()
            .map(|block| block.line)
            .collect()
    }

    #[test]
    fn a_whole_block_counts_and_nothing_less() {
        assert_eq!(lines(&format!("x\n{BLOCK}y\n{BLOCK}")), [2, 8]);
        assert_eq!(lines(&BLOCK.replace('\n', "\r\n")), [1]);
        assert_eq!(lines("<<<<<<< a\n||||||| b\n=======\n>>>>>>> c"), [1]);
        for harmless in [
            "Title\n=======\n",
            "<<<<<<< HEAD\n",
            "=======\n>>>>>>> x\n",
            "<<<<<<<< a\n========\n>>>>>>>> b\n",
            " <<<<<<< a\n=======\n>>>>>>> b\n",
            "<<<<<<< a\0\n=======\n>>>>>>> b\n",
        ] {
            assert_eq!(lines(harmless), [0_u32; 0], "{harmless:?}");
        }
    }

    #[test]
    fn what_was_there_before_is_not_new() {
        let now = blocks(format!("{BLOCK}{BLOCK}").as_bytes());
        assert_eq!(
            new_blocks(now.clone(), &mut vec!["<<<<<<< HEAD".to_owned()]).len(),
            1
        );
        assert_eq!(new_blocks(now, &mut Vec::new()).len(), 2);
    }
}
