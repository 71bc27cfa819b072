//! A shell line as simple commands of words: enough to see what is plainly written, never more.
//!
//! Expansions are left as they are written, so what a variable holds is not
//! seen. This is a guard against slips, not a gate: the git hooks are that.

/// So many commands of one line are looked at.
const MAX_COMMANDS: usize = 500;
/// So deep a shell that a line starts is looked into.
const DEPTH: usize = 2;
/// Programs that run the command that follows them.
const WRAPPERS: &[&str] = &[
    "sudo", "command", "env", "time", "nohup", "exec", "nice", "builtin", "then", "do", "else", "!",
];

/// A simple command, as POSIX calls it, and where it runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Simple {
    /// The program, without its directory.
    pub program: String,
    /// Its arguments.
    pub args: Vec<String>,
    /// The directories that were changed into before, each as it is seen from the one before.
    pub dirs: Vec<String>,
}

/// Returns the simple commands of a line, also those of shells that it starts.
pub fn simple(line: &str) -> Vec<Simple> {
    let mut found = Vec::new();
    walk(line, &mut Vec::new(), DEPTH, &mut found);
    found
}

fn walk(line: &str, dirs: &mut Vec<String>, depth: usize, found: &mut Vec<Simple>) {
    for words in commands(line) {
        let assignment = |word: &String| {
            let name = word.split_once('=').map_or("", |(name, _)| name);
            !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        };
        let mut words = words
            .into_iter()
            .skip_while(|word| assignment(word) || WRAPPERS.contains(&word.as_str()));
        let Some(program) = words.next() else {
            continue;
        };
        let mut args = words;
        match program.rsplit('/').next().unwrap_or_default() {
            "cd" | "pushd" => dirs.extend(args.find(|arg| !arg.starts_with('-'))),
            "sh" | "bash" | "zsh" | "dash" if depth > 0 => {
                let text = args
                    .by_ref()
                    .skip_while(|arg| !(arg.starts_with('-') && arg.ends_with('c')))
                    .nth(1);
                if let Some(text) = text {
                    walk(&text, &mut dirs.clone(), depth - 1, found);
                }
            }
            name => found.push(Simple {
                program: name.to_owned(),
                args: args.collect(),
                dirs: dirs.clone(),
            }),
        }
    }
}

/// Splits a line at what separates commands; quotes are taken off, texts of heredocs are passed over.
fn commands(line: &str) -> Vec<Vec<String>> {
    let mut reader = Reader {
        rest: line.chars().peekable(),
        done: Vec::new(),
        words: Vec::new(),
        word: None,
        heredocs: Vec::new(),
    };
    reader.run();
    reader.done
}

struct Reader<'a> {
    rest: std::iter::Peekable<std::str::Chars<'a>>,
    done: Vec<Vec<String>>,
    words: Vec<String>,
    word: Option<String>,
    heredocs: Vec<String>,
}

impl Reader<'_> {
    fn run(&mut self) {
        while let Some(c) = self.rest.next() {
            if self.done.len() >= MAX_COMMANDS {
                return;
            }
            match c {
                '\'' => self.quoted(),
                '"' => self.double_quoted(),
                '\\' => match self.rest.next() {
                    // A broken line goes on.
                    Some('\n') | None => {}
                    Some(next) => self.push(next),
                },
                '#' if self.word.is_none() => while self.rest.next_if(|c| *c != '\n').is_some() {},
                '<' if self.rest.peek() == Some(&'<') => self.heredoc(),
                '\n' => {
                    self.end_command();
                    self.skip_heredocs();
                }
                ';' | '&' | '|' | '(' | ')' | '{' | '}' | '`' => self.end_command(),
                c if c.is_whitespace() => self.end_word(),
                c => self.push(c),
            }
        }
        self.end_command();
    }

    fn push(&mut self, c: char) {
        self.word.get_or_insert_default().push(c);
    }

    fn quoted(&mut self) {
        self.word.get_or_insert_default();
        for c in self.rest.by_ref() {
            if c == '\'' {
                return;
            }
            self.word.get_or_insert_default().push(c);
        }
    }

    fn double_quoted(&mut self) {
        self.word.get_or_insert_default();
        while let Some(c) = self.rest.next() {
            match c {
                '"' => return,
                '\\' => {
                    if let Some(next) = self.rest.next() {
                        self.push(next);
                    }
                }
                c => self.push(c),
            }
        }
    }

    /// Notes the end mark of a heredoc; `<<<` is a word like any other.
    fn heredoc(&mut self) {
        self.rest.next();
        if self.rest.next_if_eq(&'<').is_some() {
            return self.end_word();
        }
        self.rest.next_if_eq(&'-');
        self.end_word();
        while self.rest.next_if(|c| *c == ' ').is_some() {}
        let mut mark = String::new();
        while let Some(c) = self
            .rest
            .next_if(|c| !c.is_whitespace() && !";&|()<>".contains(*c))
        {
            if !matches!(c, '\'' | '"' | '\\') {
                mark.push(c);
            }
        }
        self.heredocs.push(mark);
    }

    fn skip_heredocs(&mut self) {
        for mark in std::mem::take(&mut self.heredocs) {
            while self.rest.peek().is_some() {
                let mut line = String::new();
                for c in self.rest.by_ref() {
                    if c == '\n' {
                        break;
                    }
                    line.push(c);
                }
                if line.trim_start_matches('\t') == mark {
                    break;
                }
            }
        }
    }

    fn end_word(&mut self) {
        self.words.extend(self.word.take());
    }

    fn end_command(&mut self) {
        self.end_word();
        if !self.words.is_empty() {
            self.done.push(std::mem::take(&mut self.words));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_falls_into_commands() {
        let line = "cd 'a b' && A=1 git -C \"x y\" reset --hard; (git stash) | tee \"git clean -f\" # git clean -f\ngit \\\n add -A";
        let found: Vec<String> = commands(line).iter().map(|words| words.join("|")).collect();
        assert_eq!(
            found,
            [
                "cd|a b",
                "A=1|git|-C|x y|reset|--hard",
                "git|stash",
                "tee|git clean -f",
                "git|add|-A"
            ]
        );
    }

    #[test]
    fn the_text_of_a_heredoc_is_no_command() {
        let line = "cat > doc.md <<'EOF' && git add -A\ngit reset --hard\nEOF\ngit status";
        let found: Vec<String> = commands(line).iter().map(|words| words.join(" ")).collect();
        assert_eq!(found, ["cat > doc.md", "git add -A", "git status"]);
        assert_eq!(
            commands("cat <<E\ngit stash").len(),
            1,
            "one that never ends"
        );
        assert_eq!(commands("'unfinished").len(), 1);
    }
}
