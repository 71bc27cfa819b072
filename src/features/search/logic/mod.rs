//! Pure decisions of search: reading JSON without parsing it, cutting words, queries, ranks, snippets, what is typed.

pub mod blend;
pub mod dialogue;
pub mod input;
pub mod live;
pub mod pieces;
pub mod query;
pub mod rank;
pub mod scan;
pub mod snippet;
pub mod stems;
pub mod wanted;
pub mod when;
pub mod wordpiece;
pub mod words;
