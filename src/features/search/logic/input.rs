//! One line that is being typed.

use super::live::Key;

/// So many characters a line may have.
const MOST: usize = 2000;

/// A line and the cursor in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Input {
    text: String,
    at: usize,
}

impl Input {
    /// Begins with a text, behind it.
    pub fn new(text: &str) -> Self {
        let mut input = Input::default();
        input.insert(text);
        input
    }

    /// Returns what was typed.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Returns what stands before the cursor.
    pub fn before(&self) -> &str {
        &self.text[..self.at]
    }

    /// Takes a key, and tells whether the text is another one now.
    pub fn key(&mut self, key: &Key) -> bool {
        let length = self.text.len();
        match key {
            Key::Char(c) => self.insert(c.encode_utf8(&mut [0; 4])),
            Key::Paste(text) => self.insert(text),
            Key::Back => self.cut(self.left()),
            Key::Delete => {
                let from = self.at;
                self.at = self.right();
                self.cut(from);
            }
            Key::Word => {
                let words = self.before().trim_end();
                let begin = words.rfind(char::is_whitespace);
                let begin = begin.map_or(0, |at| {
                    at + words[at..].chars().next().map_or(1, char::len_utf8)
                });
                self.cut(begin);
            }
            Key::Clear => self.cut(0),
            Key::Left => self.at = self.left(),
            Key::Right => self.at = self.right(),
            Key::Home => self.at = 0,
            Key::End => self.at = length,
            _ => {}
        }
        // Nothing replaces: what changes the text changes its length.
        self.text.len() != length
    }

    fn insert(&mut self, text: &str) {
        let room = MOST.saturating_sub(self.text.chars().count());
        // A pasted line end is no key.
        let plain = |c: char| if c.is_control() { ' ' } else { c };
        let text: String = text.chars().map(plain).take(room).collect();
        self.text.insert_str(self.at, &text);
        self.at += text.len();
    }

    /// Takes away what stands between a place and the cursor.
    fn cut(&mut self, from: usize) {
        self.text.replace_range(from..self.at, "");
        self.at = from;
    }

    fn left(&self) -> usize {
        let last = self.before().chars().next_back();
        self.at - last.map_or(0, char::len_utf8)
    }

    fn right(&self) -> usize {
        let next = self.text[self.at..].chars().next();
        self.at + next.map_or(0, char::len_utf8)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_edited_at_the_cursor() {
        let mut input = Input::new("retry  báckoff");
        let mut press = |keys: &[Key]| {
            for key in keys {
                input.key(key);
            }
            format!(
                "{}|{}",
                input.before(),
                &input.text()[input.before().len()..]
            )
        };
        assert_eq!(press(&[Key::Left, Key::Back]), "retry  bácko|f");
        assert_eq!(press(&[Key::Delete, Key::Delete]), "retry  bácko|");
        assert_eq!(press(&[Key::Word]), "retry  |");
        assert_eq!(press(&[Key::Paste("a\nb\u{1b}".into())]), "retry  a b |");
        assert_eq!(
            press(&[Key::Home, Key::Char('é'), Key::Right]),
            "ér|etry  a b "
        );
        assert_eq!(press(&[Key::Clear, Key::Back, Key::Left]), "|etry  a b ");
        assert_eq!(press(&[Key::End, Key::Word, Key::Word, Key::Word]), "|");
        assert_eq!(press(&[Key::Word, Key::Delete]), "|");
    }

    #[test]
    fn a_line_has_an_end() {
        let mut input = Input::new(&"é".repeat(5000));
        assert_eq!(input.text().chars().count(), MOST);
        assert!(!input.key(&Key::Char('x')));
    }
}
