//! What readers and the query must hold for any bytes: asked by the properties here and by the targets in `fuzz/`, which
//! include this file, so it knows nothing of the harness.

use git_ccc::features::search::logic::query;
use git_ccc::features::search::logic::scan::{self, Found};
use git_ccc::features::search::logic::snippet::snippet;
use git_ccc::features::search::logic::wanted;
use git_ccc::features::search::model::Source;
use git_ccc::features::search::readers::{self, Reader};
use std::path::Path;

/// Reads a line with every reader.
pub fn read(line: &[u8]) {
    for reader in readers::ALL {
        read_as(*reader, line);
    }
}

/// Reads a line with one agent's reader, if there is such an agent.
pub fn read_by(agent: &str, line: &[u8]) {
    let reader = readers::of_agent(agent).expect("the agent has a reader");
    read_as(reader, line);
}

/// Reads a line, and holds what is handed over to what was there.
fn read_as(reader: &dyn Reader, line: &[u8]) {
    let mut source = Source::default();
    reader.begin(Path::new("/r/x.jsonl"), &mut source);
    for part in scan::line(line) {
        let Found::Object(raw, start) = part else {
            continue;
        };
        assert!(start < line.len());
        assert!(raw.bytes().len() <= line.len() - start);
        reader.knows(&raw);
        let mut bytes = 0;
        reader.read(&raw, &mut source, &mut |block| bytes += block.text.len());
        // A value may be handed over under a few names, but nothing grows without end.
        assert!(bytes <= 16 * line.len() + 4096, "{bytes} of {}", line.len());
    }
}

/// Reads a query, and looks for it in its own text.
pub fn ask(text: &str) {
    if let Ok(expr) = query::parse(text) {
        let wanted = wanted::wanted(&expr);
        assert!(wanted.iter().all(|wanted| !wanted.terms.is_empty()));
        let found = snippet(text, &wanted, 40, false);
        let length = found.text.chars().count();
        let inside = |(from, to): &(usize, usize)| from <= to && *to <= length;
        assert!(found.marks.iter().all(inside));
    }
}
