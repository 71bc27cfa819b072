//! How letters, receipts and agendas are shown.

use super::model::{Receipt, Sent};
use crate::{
    base::{text::one_line, time::Timestamp},
    features::chat::{MessageView, age, logic::agenda::Task},
    ui::{Answer, table},
};
use serde::Serialize;
use std::fmt::Write as _;

/// `send` and `ask`: what became of it.
#[derive(Debug, Serialize)]
pub struct SentView {
    /// The message.
    #[serde(flatten)]
    pub message: MessageView,
    /// It was there before.
    pub known: bool,
    /// It went through the hub, to a session of another repository.
    pub hub: bool,
    /// Why this session was asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub because: Option<&'static str>,
    /// The session that is gone and whose successor was asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instead_of: Option<String>,
}

impl Answer for SentView {
    const SCHEMA: &'static str = "ccc.sent/1";

    fn render(&self) -> String {
        format!("{}\n", self.message.id)
    }
}

/// One message that was sent, and how far it came.
#[derive(Debug, Serialize)]
pub struct ReceiptView {
    /// Its id.
    pub id: String,
    /// The receiver.
    pub to: String,
    /// stored, offered, seen or acted.
    pub receipt: Receipt,
    /// When it was said.
    pub at: String,
    /// Its first line.
    pub line: String,
    /// It gives a task.
    pub task: bool,
    #[serde(skip)]
    age: String,
}

impl ReceiptView {
    /// Builds the view.
    pub fn new(sent: &Sent, now: Timestamp) -> Self {
        let message = &sent.message;
        ReceiptView {
            id: message.id.to_string(),
            to: sent.to.to_string(),
            receipt: sent.receipt,
            at: message.at.to_string(),
            line: message.first_line(120),
            task: message.about.extra("Ccc-Task") == Some(message.id.as_str()),
            age: age(message.at, now),
        }
    }
}

/// `inbox --sent` and `inbox status`.
#[derive(Debug, Serialize)]
pub struct ReceiptList {
    /// What was sent, oldest first.
    pub sent: Vec<ReceiptView>,
}

impl Answer for ReceiptList {
    const SCHEMA: &'static str = "ccc.receipts/1";

    fn render(&self) -> String {
        let row = |sent: &ReceiptView| {
            vec![
                sent.id.clone(),
                sent.receipt.word().to_owned(),
                sent.to.clone(),
                sent.age.clone(),
                sent.line.clone(),
            ]
        };
        table::columns(&self.sent.iter().map(row).collect::<Vec<_>>())
    }
}

/// One task on an agenda.
#[derive(Debug, Serialize)]
pub struct TaskView {
    /// The task.
    #[serde(flatten)]
    pub task: Task,
    /// It is past its time.
    pub late: bool,
    /// Its holder is gone, and this session is the successor.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub inherited: bool,
    #[serde(skip)]
    now: Timestamp,
}

impl TaskView {
    /// Builds the view.
    pub fn new(task: Task, inherited: bool, now: Timestamp) -> Self {
        TaskView {
            late: task.stage.is_open() && task.due.is_some_and(|due| due < now),
            inherited,
            now,
            task,
        }
    }
}

/// `inbox --tasks`.
#[derive(Debug, Serialize)]
pub struct Agenda {
    /// What the session has to do, the first due first.
    pub tasks: Vec<TaskView>,
    /// What it gave to others and is not done.
    pub given: Vec<TaskView>,
}

impl Answer for Agenda {
    const SCHEMA: &'static str = "ccc.agenda/1";

    fn render(&self) -> String {
        let mut out = table::columns(&self.tasks.iter().map(row).collect::<Vec<_>>());
        if !self.given.is_empty() {
            out.push_str("given to others\n");
            let given: Vec<_> = self.given.iter().map(row).collect();
            for line in table::columns(&given).lines() {
                let _ = writeln!(out, "  {line}");
            }
        }
        out
    }
}

fn row(view: &TaskView) -> Vec<String> {
    let task = &view.task;
    let due = match task.due {
        Some(due) if view.late => format!("late since {due}"),
        Some(due) => format!("due {due}"),
        None => "no end".to_owned(),
    };
    let mut line = one_line(&task.line, 100);
    if view.inherited {
        let _ = write!(line, " (of {}, which is gone)", task.holder);
    }
    if let Some(why) = &task.why {
        let _ = write!(line, " (returned: {})", one_line(why, 100));
    }
    vec![
        task.id.to_string(),
        task.stage.word().to_owned(),
        due,
        format!("from {}", task.by),
        format!("to {}", task.holder),
        age(task.given, view.now),
        line,
    ]
}

/// `listen`: what it woke for.
#[derive(Debug, Serialize)]
#[serde(tag = "event", rename_all = "lowercase")]
pub enum Heard {
    /// A message.
    Message {
        /// It.
        message: Box<MessageView>,
    },
    /// There is mail, which was not taken.
    Mail {
        /// Who wrote.
        from: String,
        /// How urgent it is.
        priority: &'static str,
        /// How many messages wait.
        waiting: usize,
    },
    /// What it waits for is free.
    Free {
        /// The scopes.
        scopes: Vec<String>,
    },
    /// A claim of this session was broken.
    Broken {
        /// The claim.
        claim: String,
        /// What the log says.
        line: String,
    },
}

impl Answer for Heard {
    const SCHEMA: &'static str = "ccc.heard/1";

    fn render(&self) -> String {
        match self {
            Heard::Message { message } => message.render(),
            Heard::Mail { from, .. } => {
                format!("you have mail from {}: git ccc inbox\n", one_line(from, 60))
            }
            Heard::Free { scopes } => format!("free now: {}\n", one_line(&scopes.join(" "), 400)),
            Heard::Broken { claim, line } => {
                format!("your claim {claim} was broken: {}\n", one_line(line, 200))
            }
        }
    }
}
