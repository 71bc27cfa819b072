//! Secrets in text, masked before the text is shown or leaves the machine.
//!
//! Detectors are the well-known forms of tokens, keys in PEM, passwords in URLs and values that are assigned to a name
//! that says what they are. Object names and uuids stay whole: they are what a search is about.

use std::borrow::Cow;

/// What stands in place of a secret.
const MASK: &str = "[secret]";

/// Beginnings of tokens, and how many characters follow at least.
const TOKENS: &[(&str, usize)] = &[
    ("sk-ant-", 20),
    ("sk-proj-", 20),
    ("sk-or-", 20),
    ("sk-", 32),
    ("ghp_", 30),
    ("gho_", 30),
    ("ghu_", 30),
    ("ghs_", 30),
    ("ghr_", 30),
    ("github_pat_", 22),
    ("glpat-", 18),
    ("glptt-", 18),
    ("xoxb-", 10),
    ("xoxp-", 10),
    ("xoxa-", 10),
    ("xoxr-", 10),
    ("xoxs-", 10),
    ("xapp-", 10),
    ("AKIA", 16),
    ("ASIA", 16),
    ("AIza", 35),
    ("ya29.", 20),
    ("sk_live_", 16),
    ("rk_live_", 16),
    ("sk_test_", 16),
    ("whsec_", 16),
    ("npm_", 30),
    ("pypi-", 40),
    ("dop_v1_", 40),
    ("hf_", 30),
    ("SG.", 40),
    ("shpat_", 30),
    ("lin_api_", 30),
    ("dckr_pat_", 20),
    ("AGE-SECRET-KEY-", 40),
    ("eyJ", 40),
];

/// Names whose value is a secret.
const NAMES: &[&str] = &[
    "password",
    "passwd",
    "secret",
    "token",
    "api_key",
    "apikey",
    "api-key",
    "access_key",
    "private_key",
    "client_secret",
    "auth_token",
    "authorization",
];

/// Returns the text with its secrets masked.
pub fn mask(text: &str) -> Cow<'_, str> {
    let mut found = pem(text);
    tokens(text, &mut found);
    found.extend(
        text.match_indices("://")
            .filter_map(|(at, _)| in_url(text, at + 3)),
    );
    assigned(text, &mut found);
    if found.is_empty() {
        return Cow::Borrowed(text);
    }
    found.sort_unstable();
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    for (from, to) in found {
        if from >= at {
            out.push_str(&text[at..from]);
            out.push_str(MASK);
        }
        at = at.max(to);
    }
    out.push_str(&text[at..]);
    Cow::Owned(out)
}

fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b'+' | b'/' | b'=' | b'~')
}

/// Returns how long the run of a token's characters at `at` is.
fn run(text: &str, at: usize) -> usize {
    text.as_bytes()[at..]
        .iter()
        .take_while(|byte| is_token(**byte))
        .count()
}

fn tokens(text: &str, found: &mut Vec<(usize, usize)>) {
    let bytes = text.as_bytes();
    for (beginning, least) in TOKENS {
        for (at, _) in text.match_indices(beginning) {
            let inside = at > 0 && (bytes[at - 1].is_ascii_alphanumeric() || bytes[at - 1] == b'_');
            let plain =
                |byte: &&u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
            let length = bytes[at..].iter().take_while(plain).count();
            let rest = &bytes[at + beginning.len()..at + length.max(beginning.len())];
            // Words joined by dashes are no token: those have digits.
            let dense = rest.iter().any(u8::is_ascii_digit)
                || rest.iter().filter(|byte| byte.is_ascii_uppercase()).count() > 3;
            if !inside && rest.len() >= *least && dense {
                found.push((at, at + length));
            }
        }
    }
}

fn pem(text: &str) -> Vec<(usize, usize)> {
    let mut found = Vec::new();
    for (at, _) in text.match_indices("-----BEGIN ") {
        let head = &text[at..];
        let Some(line) = head[11..].find("-----").map(|end| &head[11..11 + end]) else {
            continue;
        };
        if line.ends_with("PRIVATE KEY") || line.ends_with("PRIVATE KEY BLOCK") {
            let body = at + 11 + line.len() + 5;
            let end = text[body..]
                .find("-----END ")
                .map_or(text.len(), |end| body + end);
            found.push((body, end));
        }
    }
    found
}

/// Finds the password of `scheme://user:password@host`.
fn in_url(text: &str, at: usize) -> Option<(usize, usize)> {
    let rest = &text[at..];
    let end = rest
        .find(|c: char| c.is_whitespace() || matches!(c, '/' | '"' | '\'' | '<' | '>'))
        .unwrap_or(rest.len());
    let user = &rest[..end];
    let host = user.rfind('@')?;
    let colon = user[..host].find(':')?;
    let password = &user[colon + 1..host];
    let variable = password.starts_with(['$', '{', '<']);
    (!password.is_empty() && !variable).then_some((at + colon + 1, at + host))
}

/// Finds values that are assigned to a name that says what they are, if they look like a secret.
fn assigned(text: &str, found: &mut Vec<(usize, usize)>) {
    let lower = text.to_ascii_lowercase();
    for name in NAMES {
        for (at, _) in lower.match_indices(name) {
            let after = at + name.len();
            let rest = &text[after..];
            let skipped = rest.len() - rest.trim_start_matches(['"', '\'', ' ']).len();
            let Some(sign) = rest[skipped..]
                .chars()
                .next()
                .filter(|c| matches!(c, '=' | ':'))
            else {
                continue;
            };
            let value = skipped + sign.len_utf8();
            let lead = rest[value..].len()
                - rest[value..]
                    .trim_start_matches(['"', '\'', ' ', '='])
                    .len();
            let mut from = after + value + lead;
            for scheme in ["Bearer ", "bearer ", "Basic ", "token "] {
                from += if text[from..].starts_with(scheme) {
                    scheme.len()
                } else {
                    0
                };
            }
            let to = from + run(text, from);
            if is_secret(&text[from..to]) {
                found.push((from, to));
            }
        }
    }
}

/// Tells a secret from a word, a path, an object's name and a uuid.
fn is_secret(value: &str) -> bool {
    let has = |kind: fn(&u8) -> bool| value.bytes().any(|byte| kind(&byte));
    let mixed = has(u8::is_ascii_digit) && has(u8::is_ascii_alphabetic);
    let hex = value
        .bytes()
        .all(|byte| byte.is_ascii_hexdigit() || byte == b'-');
    let names_object = hex && matches!(value.len(), 36 | 40 | 64);
    value.len() >= 12
        && mixed
        && !names_object
        && !value.contains("://")
        && !value.starts_with(['/', '.'])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_keys_and_passwords_are_masked() {
        // In pieces, so that no scanner takes this file for a leak.
        let token = ["gh", "p_", &"a1B2".repeat(9)].concat();
        let key = ["AK", "IA", "ABCDEFGH12345678"].concat();
        for (text, masked) in [
            (format!("use {token} now"), "use [secret] now".to_owned()),
            (format!("{key}."), "[secret]".to_owned()),
            (
                "https://me:hunter2@host/x".to_owned(),
                "https://me:[secret]@host/x".to_owned(),
            ),
            (
                "PASSWORD = \"abcdef123456xyz\"".to_owned(),
                "PASSWORD = \"[secret]\"".to_owned(),
            ),
            (
                "Authorization: Bearer abc.def123456789".to_owned(),
                "Authorization: Bearer [secret]".to_owned(),
            ),
            (
                "-----BEGIN RSA PRIVATE KEY-----\nabc\n-----END RSA PRIVATE KEY-----".to_owned(),
                "-----BEGIN RSA PRIVATE KEY-----[secret]-----END RSA PRIVATE KEY-----".to_owned(),
            ),
        ] {
            assert_eq!(mask(&text), masked, "{text}");
        }
    }

    #[test]
    fn names_of_objects_and_words_stay() {
        for text in [
            "commit 3f786850e387550fdab836ed7e6dc881de23001b",
            "token: 3f786850e387550fdab836ed7e6dc881de23001b",
            "session 1d33abcd-1111-2222-3333-444455556666",
            "secret: 1d33abcd-1111-2222-3333-444455556666",
            "the token is checked in src/auth/token.rs:42",
            "password: String, api_key: Option<String>",
            "https://host:8080/a@b",
            "postgres://user:$PASSWORD@host/db",
            "task-sk-integration-of-the-parser-with-the-lexer-and-more",
            "é password=検索",
        ] {
            assert_eq!(mask(text), text);
        }
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_masked_and_nothing_is_masked_twice(text in "(password|token|=|:|\"|é|://|u:p@|sk-|A1b2C3d4E5f6| |-----BEGIN ){0,20}") {
            let once = mask(&text).into_owned();
            proptest::prop_assert_eq!(mask(&once), once.as_str());
        }
    }
}
