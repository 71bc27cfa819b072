//! From a call to a command line. Arguments are never words of their own making: an option is one word with `=`, and what
//! is plain stands behind `--`.

use super::model::{Argument, Kind, TOOLS, Tool, Word};
use serde_json::{Map, Value};

/// A call that is none.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadCall {
    /// No such tool.
    #[error("there is no tool {0}")]
    Tool(String),
    /// No such argument.
    #[error("{tool} has no argument {name}")]
    Unknown {
        /// The tool.
        tool: &'static str,
        /// The argument.
        name: String,
    },
    /// An argument is missing.
    #[error("{tool} needs {name}")]
    Missing {
        /// The tool.
        tool: &'static str,
        /// The argument.
        name: &'static str,
    },
    /// An argument is of another type.
    #[error("{name} must be {expected}")]
    Type {
        /// The argument.
        name: &'static str,
        /// What it must be.
        expected: String,
    },
}

/// Finds a tool by its name.
pub fn tool(name: &str) -> Result<&'static Tool, BadCall> {
    let found = TOOLS.iter().find(|tool| tool.name == name);
    found.ok_or_else(|| BadCall::Tool(crate::base::text::one_line(name, 80)))
}

/// Returns the words of the command line, without the program's name.
pub fn command_line(tool: &Tool, given: &Map<String, Value>) -> Result<Vec<String>, BadCall> {
    let known = |name: &String| tool.arguments.iter().any(|argument| argument.name == name);
    if let Some(name) = given.keys().find(|name| !known(name)) {
        return Err(BadCall::Unknown {
            tool: tool.name,
            name: crate::base::text::one_line(name, 80),
        });
    }
    let mut words: Vec<String> = tool.command.iter().map(ToString::to_string).collect();
    let (mut options, mut plain) = (Vec::new(), Vec::new());
    for argument in tool.arguments {
        let values = match given.get(argument.name) {
            None | Some(Value::Null) if argument.required => {
                return Err(BadCall::Missing {
                    tool: tool.name,
                    name: argument.name,
                });
            }
            None | Some(Value::Null) => continue,
            Some(value) => values(argument, value)?,
        };
        for value in values {
            match argument.word {
                Word::Plain => plain.push(value),
                Word::Option(option) => options.push(format!("--{option}={value}")),
                Word::Flag(option) => options.push(format!("--{option}")),
                Word::Verb => words.push(value),
            }
        }
    }
    words.extend(options);
    if !plain.is_empty() {
        words.push("--".to_owned());
        words.extend(plain);
    }
    Ok(words)
}

/// Returns the texts of a value; a flag that is set has one, one that is not has none.
fn values(argument: &Argument, value: &Value) -> Result<Vec<String>, BadCall> {
    let wrong = |expected: &str| BadCall::Type {
        name: argument.name,
        expected: expected.to_owned(),
    };
    let text = |value: &Value| value.as_str().map(str::to_owned);
    match argument.kind {
        Kind::Text => text(value)
            .map(|text| vec![text])
            .ok_or_else(|| wrong("a text")),
        Kind::Texts => {
            let list = value.as_array().ok_or_else(|| wrong("a list of texts"))?;
            let texts: Option<Vec<String>> = list.iter().map(text).collect();
            texts.ok_or_else(|| wrong("a list of texts"))
        }
        Kind::Bool => match value.as_bool() {
            Some(true) => Ok(vec![String::new()]),
            Some(false) => Ok(Vec::new()),
            None => Err(wrong("true or false")),
        },
        Kind::One(words) => match value.as_str() {
            Some(word) if words.contains(&word) => Ok(vec![word.to_owned()]),
            _ => Err(wrong(&format!("one of {}", words.join(", ")))),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn call(name: &str, given: &Value) -> Result<Vec<String>, BadCall> {
        command_line(tool(name)?, given.as_object().expect("an object"))
    }

    #[test]
    fn a_call_is_a_command_line() {
        let words = call(
            "claim",
            &json!({"scopes": ["src/a b", "-x"], "intent": "the parser", "until_commit": true}),
        );
        assert_eq!(
            words.expect("a command line"),
            [
                "claim",
                "--intent=the parser",
                "--until-commit",
                "--",
                "src/a b",
                "-x"
            ]
        );
        assert_eq!(
            call("room_answer", &json!({"act": "ack", "id": "x1"})).expect("a command line"),
            ["chat", "ack", "--", "x1"]
        );
    }

    #[test]
    fn a_wrong_call_says_what_is_wrong() {
        for (name, given, says) in [
            ("claim", json!({}), "claim needs scopes"),
            (
                "claim",
                json!({"scopes": "src"}),
                "scopes must be a list of texts",
            ),
            (
                "claim",
                json!({"scopes": [], "force": true}),
                "claim has no argument force",
            ),
            ("who", json!({"x": 1}), "who has no argument x"),
            (
                "room_answer",
                json!({"act": "delete", "id": "x"}),
                "act must be one of reply, ack, counter, executing, done",
            ),
            ("shell", json!({}), "there is no tool shell"),
        ] {
            assert_eq!(call(name, &given).expect_err(says).to_string(), says);
        }
    }

    #[test]
    fn tools_are_named_once_and_plain_arguments_are_last() {
        let mut names: Vec<_> = TOOLS.iter().map(|tool| tool.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), TOOLS.len());
        assert!(TOOLS.iter().all(|tool| tool.about.len() < 2048));
    }

    proptest! {
        #[test]
        fn no_text_becomes_an_option(text in ".*") {
            let words = call("send", &json!({"to": &text, "text": &text})).expect("a command line");
            prop_assert_eq!(words, vec!["send".to_owned(), "--".to_owned(), text.clone(), text]);
        }
    }
}
