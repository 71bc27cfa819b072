//! TOML as a tree with places: the entries of the root are its keys and its tables, each with the lines that belong to it.
//!
//! A table is found by its path; the elements of an array of tables by what names them, with their own tables beneath them.
//! Values are cut like those of JSON.

use super::json::body;
use super::tree::{self, Body, Doc, Node, Slot, Syntax, Value};
use std::ops::Range;
use toml_parser::Source;
use toml_parser::parser::{Event, EventKind, RecursionGuard, parse_document};

/// How deep values nest before we stop to look.
const DEPTH: u32 = 128;

/// Why the text is no TOML.
pub fn check(text: &str) -> Option<String> {
    // The parser below reads syntax; that no key is said twice is read here.
    text.parse::<toml::Table>()
        .err()
        .map(|error| error.message().to_owned())
}

/// Reads a text.
pub fn parse(text: &str) -> Result<Doc<'_>, String> {
    if let Some(why) = check(text) {
        return Err(why);
    }
    let source = Source::new(text);
    let tokens = source.lex().into_vec();
    let mut events: Vec<Event> = Vec::new();
    let mut error = None;
    let mut receive = |event: Event| events.push(event);
    parse_document(
        &tokens,
        &mut RecursionGuard::new(&mut receive, DEPTH),
        &mut error,
    );
    if let Some(error) = error {
        return Err(error.description().to_owned());
    }
    let mut reader = Reader {
        text,
        source,
        events: &events,
        at: 0,
    };
    let lines = reader.lines();
    let root = root(text, lines);
    Ok(Doc {
        text,
        root,
        syntax: Syntax::Toml,
    })
}

/// A line that says something.
enum Said {
    Key(Node),
    Table,
    Element,
}

/// A key or a header.
struct Line {
    said: Said,
    path: Vec<String>,
    /// Where the key or the header begins and ends.
    entry: Range<usize>,
    /// Where its last line ends.
    end: usize,
}

struct Reader<'a> {
    text: &'a str,
    source: Source<'a>,
    events: &'a [Event],
    at: usize,
}

impl Reader<'_> {
    fn lines(&mut self) -> Vec<Line> {
        let mut lines = Vec::new();
        while let Some(event) = self.events.get(self.at) {
            match event.kind() {
                EventKind::StdTableOpen | EventKind::ArrayTableOpen => lines.push(self.header()),
                EventKind::SimpleKey => {
                    let start = event.span().start();
                    let path = self.key();
                    let node = self.value();
                    let entry = start..node.span.end;
                    let end = self.line_end(entry.end);
                    lines.push(Line {
                        said: Said::Key(node),
                        path,
                        entry,
                        end,
                    });
                }
                _ => self.at += 1,
            }
        }
        lines
    }

    fn header(&mut self) -> Line {
        let open = self.events[self.at];
        self.at += 1;
        self.skip(&[EventKind::Whitespace]);
        let path = self.key();
        let close = self.events[self.at];
        self.at += 1;
        let said = match open.kind() {
            EventKind::ArrayTableOpen => Said::Element,
            _ => Said::Table,
        };
        let entry = open.span().start()..close.span().end();
        let end = self.line_end(entry.end);
        Line {
            said,
            path,
            entry,
            end,
        }
    }

    /// A dotted key; stops behind what follows it.
    fn key(&mut self) -> Vec<String> {
        let mut path = Vec::new();
        while let Some(event) = self.events.get(self.at) {
            match event.kind() {
                EventKind::SimpleKey => {
                    let mut key = String::new();
                    if let Some(raw) = self.source.get(*event) {
                        raw.decode_key(&mut key, &mut ());
                    }
                    path.push(key);
                }
                EventKind::Whitespace | EventKind::KeySep => {}
                _ => break,
            }
            self.at += 1;
        }
        path
    }

    /// What follows a key: the separator and the value, or a value alone.
    fn value(&mut self) -> Node {
        self.skip(&[
            EventKind::KeyValSep,
            EventKind::Whitespace,
            EventKind::Comment,
            EventKind::Newline,
        ]);
        let event = self.events[self.at];
        self.at += 1;
        let start = event.span().start();
        match event.kind() {
            EventKind::ArrayOpen => {
                let (span, entries) = self.entries(start, EventKind::ArrayClose);
                let value = Value::Array(body(self.text, Syntax::Toml, &span, entries));
                Node { span, value }
            }
            EventKind::InlineTableOpen => {
                let (span, entries) = self.entries(start, EventKind::InlineTableClose);
                let value = Value::Object(body(self.text, Syntax::Toml, &span, entries));
                Node { span, value }
            }
            _ => {
                let span = start..event.span().end();
                let raw = &self.text[span.clone()];
                let mut text = String::new();
                if event.encoding().is_some()
                    && let Some(source) = self.source.get(event)
                {
                    text.push('"');
                    let mut decoded = String::new();
                    let _ = source.decode_scalar(&mut decoded, &mut ());
                    text += &decoded;
                } else {
                    raw.clone_into(&mut text);
                }
                Node {
                    span,
                    value: Value::Scalar(text),
                }
            }
        }
    }

    /// The entries of an array or inline table up to its end.
    fn entries(
        &mut self,
        start: usize,
        close: EventKind,
    ) -> (Range<usize>, Vec<(String, usize, Node)>) {
        let mut entries = Vec::new();
        loop {
            self.skip(&[
                EventKind::Whitespace,
                EventKind::Comment,
                EventKind::Newline,
                EventKind::ValueSep,
            ]);
            let event = self.events[self.at];
            if event.kind() == close {
                self.at += 1;
                return (start..event.span().end(), entries);
            }
            let begin = event.span().start();
            let key = match event.kind() {
                EventKind::SimpleKey => name(&self.key()),
                _ => String::new(),
            };
            let node = self.value();
            entries.push((key, begin, node));
        }
    }

    fn skip(&mut self, kinds: &[EventKind]) {
        while self
            .events
            .get(self.at)
            .is_some_and(|event| kinds.contains(&event.kind()))
        {
            self.at += 1;
        }
    }

    fn line_end(&self, from: usize) -> usize {
        self.text[from..]
            .find('\n')
            .map_or(self.text.len(), |at| from + at + 1)
    }
}

/// A path as one key.
fn name(path: &[String]) -> String {
    let parts: Vec<String> = path.iter().map(|part| tree::name(part)).collect();
    parts.join(".")
}

/// The lines as entries of the root, tables with theirs.
fn root(text: &str, lines: Vec<Line>) -> Node {
    let first = lines.first().map_or(text.len(), |line| line.entry.start);
    let mut at = file_head(text, first);
    let mut stack = vec![Table::default()];
    stack[0].open = 0..at;
    for line in lines {
        let lead = at..line.entry.start;
        at = line.end;
        match line.said {
            Said::Key(node) => {
                let slot = Slot {
                    key: name(&line.path),
                    lead,
                    head: line.entry.start..node.span.start,
                    trail: node.span.end..line.end,
                    after: line.end..line.end,
                    comma: false,
                    node,
                    table: false,
                };
                if let Some(table) = stack.last_mut() {
                    table.slots.push(slot);
                }
            }
            Said::Table => open(&mut stack, lead, line, false),
            Said::Element => open(&mut stack, lead, line, true),
        }
    }
    while stack.len() > 1 {
        close(&mut stack);
    }
    let Table { open, slots, .. } = stack.pop().unwrap_or_default();
    let body = Body {
        open,
        slots,
        tail: at..text.len(),
        commas: false,
    };
    Node {
        span: 0..text.len(),
        value: Value::Object(body),
    }
}

/// Begins a table, and ends those that it is not in.
fn open(stack: &mut Vec<Table>, lead: Range<usize>, line: Line, element: bool) {
    // Only the elements of arrays have tables of their own: other tables are found by their whole path.
    while stack.len() > 1 && !stack.last().is_some_and(|table| table.holds(&line.path)) {
        close(stack);
    }
    let inside = stack.last().map_or(0, |table| table.path.len());
    stack.push(Table {
        lead,
        open: line.entry.start..line.end,
        key: name(&line.path[inside..]),
        path: line.path,
        element,
        slots: Vec::new(),
    });
}

/// A table while its lines are read.
#[derive(Default)]
struct Table {
    lead: Range<usize>,
    /// The header's line.
    open: Range<usize>,
    /// The path from the table that holds it.
    key: String,
    path: Vec<String>,
    element: bool,
    slots: Vec<Slot>,
}

impl Table {
    fn holds(&self, path: &[String]) -> bool {
        self.element && path.len() > self.path.len() && path.starts_with(&self.path)
    }
}

/// Puts the table that was read into the one that holds it.
fn close(stack: &mut Vec<Table>) {
    let Some(Table {
        lead,
        open,
        key,
        element,
        slots,
        ..
    }) = stack.pop()
    else {
        return;
    };
    let end = slots.last().map_or(open.end, |slot| slot.after.end);
    let body = Body {
        open,
        slots,
        tail: end..end,
        commas: false,
    };
    let node = Node {
        span: body.open.start..end,
        value: Value::Object(body),
    };
    let Some(above) = stack.last_mut() else {
        return;
    };
    if element {
        add_element(&mut above.slots, key, table(String::new(), lead, node));
    } else {
        above.slots.push(table(key, lead, node));
    }
}

fn table(key: String, lead: Range<usize>, node: Node) -> Slot {
    let end = node.span.end;
    Slot {
        key,
        head: lead.end..lead.end,
        lead,
        trail: end..end,
        after: end..end,
        comma: false,
        node,
        table: true,
    }
}

/// Elements that follow each other are one array.
fn add_element(slots: &mut Vec<Slot>, key: String, element: Slot) {
    let end = element.after.end;
    if let Some(last) = slots.last_mut()
        && last.key == key
        && let Value::Array(array) = &mut last.node.value
    {
        array.slots.push(element);
        last.node.span.end = end;
        (array.tail, last.trail, last.after) = (end..end, end..end, end..end);
        return;
    }
    let same = |slot: &&Slot| slot.key.split('#').next() == Some(&key);
    let again = slots.iter().filter(same).count();
    let key = if again == 0 {
        key
    } else {
        format!("{key}#{again}")
    };
    let start = element.lead.start;
    let array = Body {
        open: start..start,
        slots: vec![element],
        tail: end..end,
        commas: false,
    };
    let node = Node {
        span: start..end,
        value: Value::Array(array),
    };
    slots.push(table(key, start..start, node));
}

/// The end of what a file says of itself: comments up to the last blank line before its first entry.
fn file_head(text: &str, first: usize) -> usize {
    let mut end = 0;
    let mut at = 0;
    for line in text[..first].split_inclusive('\n') {
        at += line.len();
        if line.trim().is_empty() && line.ends_with('\n') {
            end = at;
        }
    }
    end
}
