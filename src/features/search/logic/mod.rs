//! Pure decisions of search: reading JSON without parsing it, cutting words, queries, ranks, snippets.

pub mod blend;
pub mod pieces;
pub mod query;
pub mod rank;
pub mod scan;
pub mod snippet;
pub mod when;
pub mod wordpiece;
pub mod words;
