//! The document that describes a source: written anew whenever the source has grown, found by the source's number.

use super::{
    open::{Fields, SOURCE, Store},
    post::{Budget, Post},
};
use crate::{
    error::{Context, Kind, Result},
    features::search::{model::Source, readers::hash},
};
use std::path::Path;
use tantivy::{
    DocSet, Searcher, TERMINATED, TantivyDocument, Term,
    schema::{IndexRecordOption, Value},
};

/// Returns the key of a source's document.
pub fn key(id: u64) -> u64 {
    hash(format!("source {id:x}").as_bytes())
}

/// Returns the number of a conversation.
pub fn conversation(agent: &str, id: &str) -> u64 {
    hash(format!("{agent} {}", id.to_lowercase()).as_bytes())
}

/// Makes the document.
pub fn post(source: &Source, id: u64, fields: &Fields, budget: &Budget) -> Result<Post> {
    let body = serde_json::to_string(source)
        .context(Kind::Internal, || "a source has no JSON form".to_owned())?;
    let mut post = budget.post(body.len());
    post.number(fields.key, key(id));
    post.number(fields.source, id);
    post.number(
        fields.session,
        conversation(&source.agent, source.conversation()),
    );
    post.number(fields.role, SOURCE);
    post.signed(fields.time, source.span.map_or(0, |(_, last)| last));
    post.facet(fields, "agent", &source.agent);
    post.facet(fields, "session", &source.session);
    post.facet(fields, "session", source.conversation());
    if let Some(room) = &source.room {
        post.facet(fields, "room", room);
    }
    if let Some(base) = &source.base {
        post.facet(fields, "commit", base);
    }
    for branch in &source.branches {
        post.facet(fields, "branch", branch);
    }
    for dir in &source.dirs {
        post.facet(fields, "project", dir.trim_end_matches('/'));
        for part in Path::new(dir).components() {
            post.facet(fields, "project", &part.as_os_str().to_string_lossy());
        }
    }
    post.text(&[fields.body], &body);
    Ok(post)
}

/// Reads what is known of a source.
pub fn load(store: &Store, searcher: &Searcher, id: u64) -> Result<Option<Source>> {
    let unreadable = || "the index cannot be read".to_owned();
    let term = Term::from_field_u64(store.fields.key, key(id));
    for segment in searcher.segment_readers() {
        let index = segment
            .inverted_index(store.fields.key)
            .context(Kind::Setup, unreadable)?;
        let postings = index
            .read_postings(&term, IndexRecordOption::Basic)
            .context(Kind::Setup, unreadable)?;
        let Some(mut postings) = postings else {
            continue;
        };
        while postings.doc() != TERMINATED {
            let doc = postings.doc();
            if !segment.is_deleted(doc) {
                let reader = segment
                    .get_store_reader(1)
                    .context(Kind::Setup, unreadable)?;
                let document: TantivyDocument = reader.get(doc).context(Kind::Setup, unreadable)?;
                let body = document
                    .get_first(store.fields.body)
                    .and_then(|value| value.as_str().map(str::to_owned));
                // A record of another version of this layout cannot be; one that cannot be read is read anew.
                return Ok(body.and_then(|body| serde_json::from_str(&body).ok()));
            }
            postings.advance();
        }
    }
    Ok(None)
}
