//! The tools: small, annotated, each one a command line.

use serde_json::{Map, Value, json};

/// How a named argument of a tool becomes words of the command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Word {
    /// The value itself, or each of a list.
    Plain,
    /// `--name=value`, for each of a list.
    Option(&'static str),
    /// `--name` if the value is true.
    Flag(&'static str),
    /// The value is the next word of the command itself.
    Verb,
}

/// One argument of a tool.
#[derive(Clone, Copy, Debug)]
pub struct Argument {
    /// Its name.
    pub name: &'static str,
    /// What it means, for the model that calls.
    pub about: &'static str,
    /// What it may be.
    pub kind: Kind,
    /// Whether a call must give it.
    pub required: bool,
    /// Where it goes.
    pub word: Word,
}

/// What an argument may be.
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    /// A text.
    Text,
    /// A list of texts.
    Texts,
    /// Yes or no.
    Bool,
    /// One of these words.
    One(&'static [&'static str]),
}

/// A tool.
#[derive(Clone, Copy, Debug)]
pub struct Tool {
    /// Its name.
    pub name: &'static str,
    /// What it does and when to use it.
    pub about: &'static str,
    /// The command it is.
    pub command: &'static [&'static str],
    /// Its arguments; plain ones come last on the command line.
    pub arguments: &'static [Argument],
    /// It changes nothing that others see.
    pub read_only: bool,
    /// It may take as long as its caller allows.
    pub waits: bool,
}

const fn text(name: &'static str, word: Word, about: &'static str) -> Argument {
    Argument {
        name,
        about,
        kind: Kind::Text,
        required: false,
        word,
    }
}

const fn texts(name: &'static str, word: Word, about: &'static str) -> Argument {
    Argument {
        kind: Kind::Texts,
        ..text(name, word, about)
    }
}

const fn flag(name: &'static str, option: &'static str, about: &'static str) -> Argument {
    Argument {
        kind: Kind::Bool,
        ..text(name, Word::Flag(option), about)
    }
}

const fn required(argument: Argument) -> Argument {
    Argument {
        required: true,
        ..argument
    }
}

const SCOPES: Argument = texts(
    "scopes",
    Word::Plain,
    "Paths, directories, globs, res:NAME or ~/FILE",
);
const PATHS: Argument = texts("paths", Word::Option("path"), "Paths it is about");
const ROOM: Argument = text("room", Word::Option("room"), "Room (default main)");

/// All tools, in the order of a day.
pub const TOOLS: &[Tool] = &[
    Tool {
        name: "who",
        about: "Lists the sessions that are alive in this repository: tag, task, branch, age.",
        command: &["who"],
        arguments: &[],
        read_only: true,
        waits: false,
    },
    Tool {
        name: "board",
        about: "Shows who works on what: active claims with eta, recent releases, pinned notes, sessions by column.",
        command: &["board"],
        arguments: &[],
        read_only: true,
        waits: false,
    },
    Tool {
        name: "recap",
        about: "Says what happened while you were away: commits, claims, decisions, open questions.",
        command: &["recap"],
        arguments: &[
            text(
                "since",
                Word::Option("since"),
                "`last`, a length such as 2h, or a time",
            ),
            text("tokens", Word::Option("tokens"), "At most so many tokens"),
        ],
        read_only: true,
        waits: false,
    },
    Tool {
        name: "claims",
        about: "Lists the claims: who holds which paths, since when, until when.",
        command: &["claims"],
        arguments: &[
            flag("mine", "mine", "Only your own"),
            text(
                "path",
                Word::Option("path"),
                "Only those that overlap this path",
            ),
        ],
        read_only: true,
        waits: false,
    },
    Tool {
        name: "claim",
        about: "Claims paths for you before you edit them; all of them or none. A refusal names the holder.",
        command: &["claim"],
        arguments: &[
            required(SCOPES),
            text("intent", Word::Option("intent"), "What for"),
            text(
                "eta",
                Word::Option("eta"),
                "When you will be done, from now: 30m",
            ),
            text(
                "wait",
                Word::Option("wait"),
                "Wait for it at most so long: 5m",
            ),
            flag(
                "until_commit",
                "until-commit",
                "Give it back with the commit",
            ),
        ],
        read_only: false,
        waits: true,
    },
    Tool {
        name: "release",
        about: "Gives claims back; without scopes and with all, everything you hold.",
        command: &["release"],
        arguments: &[SCOPES, flag("all", "all", "Everything")],
        read_only: false,
        waits: false,
    },
    Tool {
        name: "commit",
        about: "Commits exactly the named paths beside everybody else's work, and nothing that others staged.",
        command: &["commit"],
        arguments: &[
            required(text(
                "message",
                Word::Option("message"),
                "The commit message",
            )),
            texts(
                "paths",
                Word::Plain,
                "Paths; none means all you changed under your claims",
            ),
            flag(
                "announce",
                "announce",
                "Post the paths first and give holders time to object",
            ),
        ],
        read_only: false,
        waits: true,
    },
    Tool {
        name: "inbox",
        about: "Shows messages addressed to you that you have not seen; each is shown once.",
        command: &["inbox"],
        arguments: &[flag("peek", "peek", "Leave them unread")],
        read_only: false,
        waits: false,
    },
    Tool {
        name: "send",
        about: "Sends a message to one session, now, at its next turn or when it is idle; or puts a task on its agenda.",
        command: &["send"],
        arguments: &[
            required(text("to", Word::Plain, "Tag or name of the session")),
            required(text("text", Word::Plain, "The message")),
            Argument {
                kind: Kind::One(&["now", "next", "later"]),
                ..text(
                    "priority",
                    Word::Option("priority"),
                    "How soon it should be seen",
                )
            },
            flag("task", "task", "Put it on the receiver's agenda"),
        ],
        read_only: false,
        waits: false,
    },
    Tool {
        name: "ask",
        about: "Asks the session that holds, last committed or last discussed a path, or the one named.",
        command: &["ask"],
        arguments: &[
            required(text("text", Word::Plain, "The question")),
            text("path", Word::Option("path"), "The path it is about"),
            text("to", Word::Option("to"), "A session's name"),
        ],
        read_only: false,
        waits: false,
    },
    Tool {
        name: "listen",
        about: "Waits for a message to you and returns it.",
        command: &["listen"],
        arguments: &[text(
            "timeout",
            Word::Option("timeout"),
            "At most so long: 60s",
        )],
        read_only: false,
        waits: true,
    },
    Tool {
        name: "room_read",
        about: "Reads the room: what is unread, or the newest messages.",
        command: &["chat", "read"],
        arguments: &[
            flag(
                "unread",
                "unread",
                "Only what you have not seen; shown once",
            ),
            text("since", Word::Option("since"), "Not older than this: 1d"),
            text("thread", Word::Option("thread"), "Only this thread"),
            ROOM,
        ],
        read_only: false,
        waits: false,
    },
    Tool {
        name: "room_post",
        about: "Posts to the room. Post starts, questions, proposals and results, not opinions. @tag addresses a session, @me the person.",
        command: &["chat", "post"],
        arguments: &[
            required(text("text", Word::Plain, "The message")),
            Argument {
                kind: Kind::One(&["note", "question", "proposal"]),
                ..text("state", Word::Option("state"), "What it is")
            },
            texts("to", Word::Option("to"), "Sessions it is for"),
            PATHS,
            ROOM,
        ],
        read_only: false,
        waits: false,
    },
    Tool {
        name: "room_answer",
        about: "Answers a message: replies, agrees (ack), objects (counter), begins to do it (executing: one per proposal), or reports it done.",
        command: &["chat"],
        arguments: &[
            required(Argument {
                kind: Kind::One(&["reply", "ack", "counter", "executing", "done"]),
                ..text("act", Word::Verb, "What the answer is")
            }),
            required(text("id", Word::Plain, "Id of the message")),
            text("text", Word::Plain, "What to say"),
        ],
        read_only: false,
        waits: false,
    },
];

/// A page that can be read without a call.
#[derive(Clone, Copy, Debug)]
pub struct Page {
    /// Its address.
    pub uri: &'static str,
    /// Its name.
    pub name: &'static str,
    /// What it shows.
    pub about: &'static str,
    /// The command that shows it and consumes nothing.
    pub command: &'static [&'static str],
}

/// All pages.
pub const PAGES: &[Page] = &[
    Page {
        uri: "ccc://board",
        name: "board",
        about: "Claims, releases, pinned notes and sessions",
        command: &["board", "--md"],
    },
    Page {
        uri: "ccc://inbox",
        name: "inbox",
        about: "Messages to you that you have not seen; reading them here leaves them unread",
        command: &["inbox", "--peek"],
    },
    Page {
        uri: "ccc://room",
        name: "room",
        about: "The newest messages of the room",
        command: &["chat", "read", "--limit=50"],
    },
];

impl Tool {
    /// Returns the JSON Schema of the arguments.
    pub fn schema(&self) -> Map<String, Value> {
        let mut properties = Map::new();
        for argument in self.arguments {
            let mut schema = match argument.kind {
                Kind::Text => json!({"type": "string"}),
                Kind::Texts => json!({"type": "array", "items": {"type": "string"}}),
                Kind::Bool => json!({"type": "boolean"}),
                Kind::One(words) => json!({"type": "string", "enum": words}),
            };
            schema["description"] = argument.about.into();
            properties.insert(argument.name.to_owned(), schema);
        }
        let required: Vec<&str> = self
            .arguments
            .iter()
            .filter(|argument| argument.required)
            .map(|argument| argument.name)
            .collect();
        Map::from_iter([
            ("type".to_owned(), "object".into()),
            ("properties".to_owned(), properties.into()),
            ("required".to_owned(), required.into()),
            ("additionalProperties".to_owned(), false.into()),
        ])
    }
}
