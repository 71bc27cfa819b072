//! What is said while one types: keys and answers in, what is to be done out.

use super::input::Input;
use crate::features::search::model::Hit;

/// What was pressed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Key {
    /// A character.
    Char(char),
    /// Text that was pasted.
    Paste(String),
    /// Takes away the character before the cursor.
    Back,
    /// Takes away the character at the cursor.
    Delete,
    /// Takes away the word before the cursor.
    Word,
    /// Takes away all before the cursor.
    Clear,
    /// To the left.
    Left,
    /// To the right.
    Right,
    /// To the beginning.
    Home,
    /// To the end.
    End,
    /// The conversation above.
    Up,
    /// The conversation below.
    Down,
    /// Some conversations up.
    PageUp,
    /// Some conversations down.
    PageDown,
    /// The next moment of the conversation.
    Next,
    /// The moment before.
    Previous,
    /// Opens the moment, or sends the question.
    Enter,
    /// Copies the command that goes on with the conversation.
    Copy,
    /// Asks the conversation's session something.
    Ask,
    /// Ends, or leaves the question.
    Escape,
    /// Ends at once.
    Interrupt,
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Look for this.
    Find {
        /// The query's number.
        number: u64,
        /// The query.
        query: String,
    },
    /// Read the moments of a conversation.
    Show {
        /// The query's number.
        number: u64,
        /// Which of its conversations.
        row: usize,
    },
    /// Open a file.
    Open {
        /// The file.
        path: String,
        /// Where in it, in bytes.
        offset: u64,
    },
    /// Put this where the user pastes from.
    Copy(String),
    /// Send a question.
    Send {
        /// The session's tag.
        to: String,
        /// The question.
        text: String,
    },
    /// End.
    Quit {
        /// Not by choice of the moment, but by ^C.
        interrupted: bool,
    },
}

/// A conversation in the list.
#[derive(Clone, Debug)]
pub struct Row {
    /// It, without its moments.
    pub hit: Hit,
    /// Its session can be asked.
    pub alive: bool,
}

/// What was found.
#[derive(Clone, Debug)]
pub enum Answer {
    /// The conversations.
    Found {
        /// The query's number.
        number: u64,
        /// The best of them.
        rows: Vec<Row>,
        /// How many there are.
        total: usize,
        /// Words that stand nowhere.
        unmatched: Vec<String>,
    },
    /// The query cannot be read, or the index.
    Wrong {
        /// The query's number.
        number: u64,
        /// Why.
        why: String,
    },
    /// A conversation with its moments.
    Shown {
        /// The query's number.
        number: u64,
        /// Which of its conversations.
        row: usize,
        /// It.
        hit: Box<Hit>,
    },
}

/// A question that is being typed.
#[derive(Clone, Debug, Default)]
pub struct Question {
    /// The session's tag.
    pub to: String,
    /// What was typed of it.
    pub input: Input,
}
