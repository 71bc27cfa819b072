//! Embedders that a server runs: Ollama's `/api/embed` and the `/v1/embeddings` that many servers speak.
//!
//! What leaves this process has its secrets masked and an end. A server that is slow, gone or talks nonsense costs a
//! bounded time and then counts as down: search goes on with words alone and says so.

use super::embed::{Down, Embedder, unit};
use crate::{base::secrets::mask, features::search::logic::pieces::floor, settings::Settings};
use serde_json::{Value, json};
use std::time::Duration;

/// So long a question may take in all.
const ASKED: Duration = Duration::from_secs(3);
/// So long a batch of texts may take.
const BATCH: Duration = Duration::from_secs(60);
/// So often a batch is tried; what cannot be reached at once is asked once more for a question.
const TRIES: u32 = 3;
/// So many bytes of a text are sent.
const MOST: usize = 6000;
/// So large an answer is read.
const ANSWER: u64 = 64 * 1024 * 1024;

/// Which protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Ollama,
    OpenAi,
}

/// See the module head.
pub struct Remote {
    kind: Kind,
    name: String,
    url: String,
    model: String,
    key: Option<String>,
}

impl std::fmt::Debug for Remote {
    // The key is a secret.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Remote")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

impl Remote {
    /// Reads the settings; nothing is asked yet.
    pub fn new(kind: &str, settings: &Settings, key: Option<String>) -> Self {
        let (kind, url, model) = match kind {
            "ollama" => (Kind::Ollama, "http://127.0.0.1:11434", "all-minilm"),
            _ => (
                Kind::OpenAi,
                "https://api.openai.com",
                "text-embedding-3-small",
            ),
        };
        let url = settings.search_embedder_url().unwrap_or(url);
        let url = url.trim_end_matches('/').trim_end_matches("/v1");
        let model = settings.search_embedder_model().unwrap_or(model);
        let protocol = if kind == Kind::Ollama {
            "ollama"
        } else {
            "openai"
        };
        Remote {
            kind,
            name: format!("{protocol} {model}"),
            url: url.to_owned(),
            model: model.to_owned(),
            key: key.filter(|_| kind == Kind::OpenAi),
        }
    }

    fn ask(&self, texts: &[String], limit: Duration) -> Result<Vec<Value>, Trouble> {
        let config = ureq::Agent::config_builder()
            .timeout_global(Some(limit))
            .timeout_connect(Some(limit.min(ASKED)))
            // The key and the text go to the host that was named and to no other.
            .max_redirects(0)
            .proxy(None)
            .http_status_as_error(false)
            .user_agent("git-ccc")
            .build();
        let (path, body) = match self.kind {
            Kind::Ollama => (
                "/api/embed",
                json!({"model": self.model, "input": texts, "truncate": true}),
            ),
            Kind::OpenAi => (
                "/v1/embeddings",
                json!({"model": self.model, "input": texts, "encoding_format": "float"}),
            ),
        };
        let agent = ureq::Agent::new_with_config(config);
        let mut request = agent
            .post(format!("{}{path}", self.url))
            .header("Content-Type", "application/json");
        if let Some(key) = &self.key {
            request = request.header("Authorization", format!("Bearer {key}"));
        }
        let mut answer = request
            .send(body.to_string())
            .map_err(|error| Trouble::passing(&sort(&error)))?;
        let status = answer.status();
        let text = answer.body_mut().with_config().limit(ANSWER).read_to_vec();
        if !status.is_success() {
            let why = format!("the server answered with status {}", status.as_u16());
            let passing = status.is_server_error() || matches!(status.as_u16(), 408 | 429);
            return Err(Trouble { why, passing });
        }
        let text = text.map_err(|error| Trouble::passing(&sort(&error)))?;
        let answer: Value = serde_json::from_slice(&text)
            .map_err(|_| Trouble::lasting("the server's answer is no JSON"))?;
        self.vectors(&answer, texts.len())
            .ok_or_else(|| Trouble::lasting("the server's answer has not a vector for each text"))
    }

    fn vectors(&self, answer: &Value, count: usize) -> Option<Vec<Value>> {
        let list = match self.kind {
            Kind::Ollama => answer.get("embeddings")?.as_array()?.clone(),
            Kind::OpenAi => {
                let mut data = answer.get("data")?.as_array()?.clone();
                // A server may answer in any order if it numbers its answers.
                data.sort_by_key(|entry| entry["index"].as_u64().unwrap_or(u64::MAX));
                let vector = |entry: &Value| entry.get("embedding").cloned();
                data.iter().map(vector).collect::<Option<_>>()?
            }
        };
        (list.len() == count).then_some(list)
    }
}

/// What went wrong, and whether it may be right the next time.
struct Trouble {
    why: String,
    passing: bool,
}

impl Trouble {
    fn passing(why: &str) -> Self {
        Trouble {
            why: why.to_owned(),
            passing: true,
        }
    }

    fn lasting(why: &str) -> Self {
        Trouble {
            why: why.to_owned(),
            passing: false,
        }
    }
}

/// Only its sort: an error may quote what it was given.
fn sort(error: &ureq::Error) -> String {
    match error {
        ureq::Error::Timeout(_) => "the server did not answer in time".to_owned(),
        ureq::Error::Io(error) => format!("the server cannot be reached: {}", error.kind()),
        ureq::Error::HostNotFound => "there is no such server".to_owned(),
        ureq::Error::ConnectionFailed => "the server cannot be reached".to_owned(),
        ureq::Error::BodyExceedsLimit(_) => "the server's answer is too large".to_owned(),
        _ => "the server could not be asked".to_owned(),
    }
}

impl Embedder for Remote {
    fn name(&self) -> &str {
        &self.name
    }

    fn batch(&self) -> usize {
        32
    }

    fn is_quick(&self) -> bool {
        false
    }

    fn floor(&self) -> f32 {
        0.25
    }

    fn embed(&self, texts: &[&str], asked: bool) -> Result<Vec<Option<Vec<f32>>>, Down> {
        let shown = |text: &&str| mask(&text[..floor(text, MOST)]).into_owned();
        let texts: Vec<String> = texts.iter().map(shown).collect();
        let (limit, tries) = if asked { (ASKED, 2) } else { (BATCH, TRIES) };
        let mut last = String::new();
        for attempt in 0..tries {
            if attempt > 0 && !asked {
                // A server that is busy is given a moment, twice at most; a person who waits is not made to. One process
                // embeds at a time, so nobody else does the same at that moment, and ^C ends it.
                std::thread::sleep(Duration::from_millis(200 << attempt));
            }
            match self.ask(&texts, limit) {
                Ok(vectors) => return vectors.iter().map(read).collect(),
                Err(trouble) if trouble.passing => last = trouble.why,
                Err(trouble) => return Err(Down(trouble.why)),
            }
        }
        Err(Down(last))
    }
}

#[expect(clippy::cast_possible_truncation, reason = "four digits are plenty")]
fn read(value: &Value) -> Result<Option<Vec<f32>>, Down> {
    let numbers = value.as_array().filter(|numbers| !numbers.is_empty());
    let read = |numbers: &Vec<Value>| -> Option<Vec<f32>> {
        let number = |value: &Value| value.as_f64().map(|x| x as f32);
        numbers.iter().map(number).collect()
    };
    let vector = numbers
        .and_then(read)
        .ok_or_else(|| Down("the server's answer has something else than vectors".to_owned()))?;
    Ok(unit(vector))
}
