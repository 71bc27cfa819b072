//! Where the index is, what a document is, and how text becomes words.
//!
//! The directory has the layout's number in its name: another layout is another directory, so nothing is migrated.

use super::disk::Disk;
use crate::{
    base::time::Timestamp,
    env,
    error::{Context, Error, Kind, Result},
    features::search::logic::{
        stems::Stems,
        words::{Cutter, Word, normal},
    },
    fs::private_dir,
};
use std::{
    borrow::Cow,
    path::{Path, PathBuf},
};
use tantivy::{
    Index, IndexSettings,
    schema::{
        FAST, Field, INDEXED, IndexRecordOption, STORED, Schema, TextFieldIndexing, TextOptions,
    },
    tokenizer::{TextAnalyzer, Token, TokenStream, Tokenizer},
};

/// The layout's number.
const LAYOUT: u32 = 2;
/// The analyzer's name in the index.
const WORDS: &str = "ccc-words";

/// The fields of a document.
#[derive(Clone, Copy, Debug)]
pub struct Fields {
    /// What names the record, wherever it is copied to.
    pub key: Field,
    /// The source it was read from.
    pub source: Field,
    /// The conversation.
    pub session: Field,
    /// Where in the source: byte of the record, then block and piece.
    pub at: Field,
    /// What kind of block, or [`SOURCE`].
    pub role: Field,
    /// When, in milliseconds.
    pub time: Field,
    /// The text's hash.
    pub hash: Field,
    /// The words of what was said.
    pub said: Field,
    /// The words of what tools answered.
    pub bulk: Field,
    /// Properties: `tool:bash`, `branch:main`, …
    pub facet: Field,
    /// The files it is about, by their parts.
    pub path: Field,
    /// The text, or a source's record.
    pub body: Field,
    /// The tool.
    pub tool: Field,
}

/// The number in the place of a role for the document that describes a source.
pub const SOURCE: u64 = 100;

/// The index of one user.
#[derive(Clone, Debug)]
pub struct Store {
    /// The engine.
    pub index: Index,
    /// The fields.
    pub fields: Fields,
    /// Where it is.
    pub dir: PathBuf,
}

/// Returns the directory of the index.
pub fn directory() -> Result<PathBuf> {
    let base = env::cache_dir().ok_or_else(|| {
        Error::setup("there is no place for the index")
            .because("neither XDG_CACHE_HOME nor HOME is set")
    })?;
    Ok(base.join(format!("search-{LAYOUT}")))
}

fn schema() -> (Schema, Fields) {
    let mut builder = Schema::builder();
    let words = |tokenizer: &str, option| {
        let indexing = TextFieldIndexing::default()
            .set_tokenizer(tokenizer)
            .set_index_option(option);
        TextOptions::default().set_indexing_options(indexing)
    };
    let text = words(WORDS, IndexRecordOption::WithFreqsAndPositions);
    let raw = TextOptions::default().set_indexing_options(
        TextFieldIndexing::default()
            .set_tokenizer("raw")
            .set_fieldnorms(false)
            .set_index_option(IndexRecordOption::Basic),
    );
    let fields = Fields {
        key: builder.add_u64_field("key", INDEXED | FAST),
        source: builder.add_u64_field("source", INDEXED | FAST),
        session: builder.add_u64_field("session", FAST),
        at: builder.add_u64_field("at", FAST),
        role: builder.add_u64_field("role", FAST),
        time: builder.add_i64_field("time", FAST),
        hash: builder.add_u64_field("hash", FAST),
        said: builder.add_text_field("said", text.clone()),
        bulk: builder.add_text_field("bulk", text.clone()),
        facet: builder.add_text_field("facet", raw),
        path: builder.add_text_field("path", text),
        body: builder.add_text_field("body", STORED),
        tool: builder.add_text_field("tool", STORED),
    };
    (builder.build(), fields)
}

fn failed(dir: &Path) -> impl Fn() -> String {
    let dir = dir.display().to_string();
    move || format!("the index in {dir} cannot be opened")
}

/// Opens the index; `None` if there is none yet and none is to be made.
pub fn open(create: bool) -> Result<Option<Store>> {
    let dir = directory()?;
    if !create && !dir.join("meta.json").exists() {
        return Ok(None);
    }
    private_dir(&dir).context(Kind::Setup, failed(&dir))?;
    let directory = Disk::open(&dir, true).context(Kind::Setup, failed(&dir))?;
    let (index, fields) = build(directory, &dir)?;
    Ok(Some(Store { index, fields, dir }))
}

impl Store {
    /// Opens the index once more, for whoever writes much of it: its files are not mapped.
    pub fn unmapped(&self) -> Result<Index> {
        let directory = Disk::open(&self.dir, false).context(Kind::Setup, failed(&self.dir))?;
        Ok(build(directory, &self.dir)?.0)
    }
}

fn build(directory: Disk, dir: &Path) -> Result<(Index, Fields)> {
    let (schema, fields) = schema();
    // A thread of its own for packing text costs a small update more than it gives a large one.
    let settings = IndexSettings {
        docstore_compress_dedicated_thread: false,
        ..IndexSettings::default()
    };
    let opened = Index::builder()
        .schema(schema)
        .settings(settings)
        .open_or_create(directory);
    let index = opened
        .context(Kind::Setup, failed(dir))
        .map_err(|error| error.hint("git ccc index --rebuild"))?;
    index
        .tokenizers()
        .register(WORDS, TextAnalyzer::from(Analyzer::default()));
    Ok((index, fields))
}

/// Removes the index.
pub fn remove() -> Result<()> {
    let dir = directory()?;
    match std::fs::remove_dir_all(&dir) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error)
            .context(Kind::Setup, || {
                format!("{} cannot be removed", dir.display())
            }),
        _ => Ok(()),
    }
}

/// Tells a moment as RFC 3339.
pub fn shown(millis: i64) -> Option<String> {
    if millis == 0 {
        return None;
    }
    Timestamp::from_unix(millis.div_euclid(1000)).map(|at| at.to_string())
}

/// The analyzer: words as [`Cutter`] cuts them.
#[derive(Clone, Debug, Default)]
struct Analyzer {
    stems: Stems,
    text: String,
}

/// The words of one text.
struct Stream<'a> {
    cutter: Cutter<'a>,
    word: Word,
    token: Token,
}

impl Tokenizer for Analyzer {
    type TokenStream<'a> = Stream<'a>;

    fn token_stream<'a>(&'a mut self, text: &'a str) -> Self::TokenStream<'a> {
        let text = match normal(text) {
            Cow::Borrowed(text) => text,
            Cow::Owned(text) => {
                self.text = text;
                &self.text
            }
        };
        Stream {
            cutter: Cutter::with(text, &mut self.stems),
            word: Word::default(),
            token: Token::default(),
        }
    }
}

impl TokenStream for Stream<'_> {
    fn advance(&mut self) -> bool {
        if !self.cutter.next(&mut self.word) {
            return false;
        }
        std::mem::swap(&mut self.token.text, &mut self.word.text);
        self.token.position = self.word.place;
        (self.token.offset_from, self.token.offset_to) = (self.word.from, self.word.to);
        true
    }

    fn token(&self) -> &Token {
        &self.token
    }

    fn token_mut(&mut self) -> &mut Token {
        &mut self.token
    }
}
