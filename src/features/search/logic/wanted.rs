//! The words of a query that are scored, each in all forms in which it may stand in a text.

use super::{
    query::Expr,
    words::{self, Word},
};

/// One word that is wanted, in all forms in which it may stand.
#[derive(Clone, Debug, PartialEq)]
pub struct Wanted {
    /// As it was typed.
    pub typed: String,
    /// The words that it may be, any of which is it: whole, by its parts, by its beginning.
    pub terms: Vec<Term>,
}

/// One form of a word.
#[derive(Clone, Debug, PartialEq)]
pub struct Term {
    /// The word, as the index has it.
    pub text: String,
    /// Longer words that begin so are meant too.
    pub begin: bool,
}

/// Words that say nothing of what is looked for; a query of nothing else keeps them.
const IDLE: &[&str] = &[
    "a", "an", "the", "to", "of", "and", "in", "on", "for", "with", "is", "are", "be", "it",
    "this", "that", "as", "at", "by", "from", "or", "not", "do", "no", "so", "if", "did", "does",
    "was", "were", "how", "what", "when", "where", "why", "which", "who", "i", "we", "you", "our",
    "my",
];

/// So many words are told from one another; more add to the score alone.
pub const BITS: usize = 32;

/// Collects the words of a query that are to be scored: those of phrases too, not those that are ruled out.
pub fn wanted(expr: &Expr) -> Vec<Wanted> {
    let mut all = Vec::new();
    collect(expr, &mut all);
    let idle = |wanted: &Wanted| IDLE.contains(&wanted.typed.to_lowercase().as_str());
    if all.iter().any(|wanted| !idle(wanted)) {
        all.retain(|wanted| !idle(wanted));
    }
    let mut distinct: Vec<Wanted> = Vec::new();
    for wanted in all {
        if !distinct.iter().any(|known| known.terms == wanted.terms) {
            distinct.push(wanted);
        }
    }
    distinct
}

fn collect(expr: &Expr, all: &mut Vec<Wanted>) {
    match expr {
        Expr::All(parts) | Expr::Any(parts) => parts.iter().for_each(|part| collect(part, all)),
        Expr::Not(_) | Expr::Filter(_) => {}
        Expr::Word(text) | Expr::Phrase(text) => all.extend(forms(text)),
        Expr::Begin(text) => all.extend(beginnings(text)),
    }
}

/// Returns the words of a text, each with its forms.
pub fn forms(text: &str) -> Vec<Wanted> {
    let mut all: Vec<Wanted> = Vec::new();
    let normal = words::normal(text).into_owned();
    for word in words::sought(&normal) {
        let term = Term {
            text: word.text.clone(),
            begin: false,
        };
        match all.last_mut() {
            // The parts of an identifier are other forms of it.
            Some(last) if !word.whole && inside(&word, last, &normal) => last.terms.push(term),
            _ => {
                let typed = normal[word.from..word.to].to_owned();
                let mut terms = vec![term];
                if words::is_hash(&word.text) {
                    terms[0].begin = true;
                    // A short name in the text stands for the long one that was asked for.
                    let short = [7, 8, 9, 10, 12, 16]
                        .into_iter()
                        .filter(|length| *length < word.text.len());
                    terms.extend(short.map(|length| Term {
                        text: word.text[..length].to_owned(),
                        begin: false,
                    }));
                }
                if word.text.chars().count() == 1 && !word.text.is_ascii() {
                    // One ideograph is the beginning of a pair.
                    terms[0].begin = true;
                }
                all.push(Wanted { typed, terms });
            }
        }
    }
    all
}

fn inside(word: &Word, last: &Wanted, text: &str) -> bool {
    let whole = last.typed.as_str();
    whole.len() > word.to - word.from
        && text
            .get(word.from..word.to)
            .is_some_and(|part| whole.contains(part))
        && text[..word.to]
            .rfind(whole)
            .is_some_and(|at| at <= word.from)
        || text
            .find(whole)
            .is_some_and(|at| at <= word.from && word.to <= at + whole.len())
}

/// Returns the words of a text, the last of which is only begun.
fn beginnings(text: &str) -> Vec<Wanted> {
    let mut all = forms(text);
    if let Some(last) = all.last_mut() {
        // The stem of a beginning is no beginning of the word.
        let plain = words::normal(&last.typed).to_lowercase();
        last.terms = vec![Term {
            text: plain,
            begin: true,
        }];
        last.typed.push('*');
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::features::search::logic::query::parse;

    #[test]
    fn a_word_has_forms() {
        let terms = |text: &str| -> Vec<Vec<String>> {
            let show = |term: &Term| format!("{}{}", term.text, if term.begin { "*" } else { "" });
            let all = |wanted: &Wanted| wanted.terms.iter().map(show).collect();
            wanted(&parse(text).expect("a query"))
                .iter()
                .map(all)
                .collect()
        };
        assert_eq!(
            terms("the resumeIndex"),
            [["resumeindex", "resum", "index"]]
        );
        assert_eq!(terms("src/login.rs"), [["src"], ["login"], ["rs"]]);
        assert_eq!(terms("the"), [["the"]]);
        assert_eq!(terms("pars*"), [["pars*"]]);
        assert_eq!(
            terms("1d33abc9e"),
            [vec!["1d33abc9e*", "1d33abc", "1d33abc9"]]
        );
        assert_eq!(terms("a -b c"), [["c"]]);
    }
}
