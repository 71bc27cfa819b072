//! Searching as one types: keys and answers in, what to show and what to do out. It touches neither terminal nor index.
//!
//! Every query has a number. An answer is taken only if it is to the newest one, so what was asked before and answered
//! late is never shown.

pub use super::dialogue::{Answer, Effect, Key, Question, Row};
use super::input::Input;
use crate::features::search::model::Hit;

/// What is seen.
#[derive(Clone, Debug, Default)]
pub struct State {
    /// The query.
    pub input: Input,
    /// The question, while there is one.
    pub question: Option<Question>,
    /// The conversations.
    pub rows: Vec<Row>,
    /// How many there are in all.
    pub total: usize,
    /// Which of them is chosen.
    pub chosen: usize,
    /// The chosen one with its moments, once they are read.
    pub preview: Option<Hit>,
    /// Which of the moments is chosen.
    pub moment: usize,
    /// What was said last: what was done, or why it was not.
    pub said: String,
    /// The number of the newest query.
    asked: u64,
    /// The number of the query whose conversations are shown.
    answered: u64,
    /// The number of the newest query that could not be read.
    refused: u64,
}

/// How far a page goes.
const PAGE: usize = 10;

impl State {
    /// Begins with a query.
    pub fn new(query: &str) -> (Self, Effect) {
        let mut state = State {
            input: Input::new(query),
            ..State::default()
        };
        let first = state.find();
        (state, first)
    }

    /// Tells whether the newest query is still being answered.
    pub fn waits(&self) -> bool {
        self.asked != self.answered.max(self.refused)
    }

    /// Says something until the next key.
    pub fn say(&mut self, text: impl Into<String>) {
        self.said = text.into();
    }

    /// Takes a key.
    pub fn key(&mut self, key: Key) -> Option<Effect> {
        if key == Key::Interrupt {
            return Some(Effect::Quit { interrupted: true });
        }
        self.said.clear();
        if self.question.is_some() {
            return self.in_question(&key);
        }
        match key {
            Key::Escape => Some(Effect::Quit { interrupted: false }),
            Key::Up => self.choose(self.chosen.saturating_sub(1)),
            Key::Down => self.choose(self.chosen + 1),
            Key::PageUp => self.choose(self.chosen.saturating_sub(PAGE)),
            Key::PageDown => self.choose(self.chosen + PAGE),
            Key::Next => self.turn(1),
            Key::Previous => self.turn(-1),
            Key::Enter => self.open(),
            Key::Copy => self.copy(),
            Key::Ask => self.ask(),
            key => {
                let changed = self.input.key(&key);
                changed.then(|| self.find())
            }
        }
    }

    /// Takes an answer.
    pub fn answer(&mut self, answer: Answer) -> Option<Effect> {
        match answer {
            Answer::Found {
                number,
                rows,
                total,
                unmatched,
            } if number == self.asked => {
                self.answered = number;
                (self.rows, self.total) = (rows, total);
                if !unmatched.is_empty() {
                    self.say(format!("nowhere: {}", unmatched.join(" ")));
                }
                (self.chosen, self.moment, self.preview) = (0, 0, None);
                self.show()
            }
            // Half a filter is none: what was found before it stays meanwhile.
            Answer::Wrong { number, why } if number == self.asked => {
                self.refused = number;
                self.say(why);
                None
            }
            Answer::Shown { number, row, hit }
                if number == self.answered && row == self.chosen && !self.rows.is_empty() =>
            {
                self.preview = Some(*hit);
                None
            }
            // Too late: something else is wanted now.
            _ => None,
        }
    }

    fn find(&mut self) -> Effect {
        self.asked += 1;
        Effect::Find {
            number: self.asked,
            query: self.input.text().to_owned(),
        }
    }

    fn show(&self) -> Option<Effect> {
        (self.chosen < self.rows.len()).then_some(Effect::Show {
            number: self.answered,
            row: self.chosen,
        })
    }

    fn choose(&mut self, row: usize) -> Option<Effect> {
        let row = row.min(self.rows.len().saturating_sub(1));
        if row == self.chosen {
            return None;
        }
        (self.chosen, self.moment, self.preview) = (row, 0, None);
        self.show()
    }

    fn turn(&mut self, by: isize) -> Option<Effect> {
        let last = self.preview.as_ref()?.moments.len().checked_sub(1)?;
        self.moment = self.moment.saturating_add_signed(by).min(last);
        None
    }

    fn open(&mut self) -> Option<Effect> {
        if self.rows.is_empty() {
            return None;
        }
        let moment = self.preview.as_ref()?.moments.get(self.moment)?;
        let place = moment.path.clone().map(|path| (path, moment.offset));
        // What was said in a room is in no transcript.
        let written = self
            .chosen_row()
            .is_some_and(|row| row.hit.resume.is_some());
        let effect = place
            .filter(|_| written)
            .map(|(path, offset)| Effect::Open { path, offset });
        if effect.is_none() {
            self.say("it has no transcript that could be opened");
        }
        effect
    }

    fn copy(&mut self) -> Option<Effect> {
        // A name with a control character in it is nobody's, and would do something where it is pasted.
        let command = self.chosen_row()?.hit.resume.clone();
        let command = command.filter(|command| !command.contains(char::is_control));
        if command.is_none() {
            self.say("nothing can go on with it");
        }
        command.map(Effect::Copy)
    }

    fn ask(&mut self) -> Option<Effect> {
        let row = self.chosen_row()?;
        match (&row.hit.tag, row.alive) {
            (Some(tag), true) => {
                self.question = Some(Question {
                    to: tag.clone(),
                    input: Input::default(),
                });
            }
            (Some(tag), false) => self.say(format!("{tag} is not running")),
            (None, _) => self.say("its session is not registered here"),
        }
        None
    }

    /// Returns the chosen conversation.
    pub fn chosen_row(&self) -> Option<&Row> {
        self.rows.get(self.chosen)
    }

    fn in_question(&mut self, key: &Key) -> Option<Effect> {
        let question = self.question.as_mut()?;
        match key {
            Key::Escape => self.question = None,
            Key::Enter => {
                let text = question.input.text().trim().to_owned();
                let to = question.to.clone();
                if !text.is_empty() {
                    self.question = None;
                    return Some(Effect::Send { to, text });
                }
            }
            key => _ = question.input.key(key),
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::features::search::model::Moment;

    fn hit(name: &str, tag: Option<&str>, moments: usize) -> Hit {
        let moment = |n: usize| Moment {
            role: "human",
            path: Some(format!("/t/{name}.jsonl")),
            offset: n as u64,
            ..Moment::default()
        };
        Hit {
            session: name.to_owned(),
            agent: "claude".to_owned(),
            tag: tag.map(str::to_owned),
            resume: Some(format!("claude --resume {name}")),
            moments: (0..moments).map(moment).collect(),
            ..Hit::default()
        }
    }

    fn found(number: u64, names: &[(&str, Option<&str>, bool)]) -> Answer {
        let row = |(name, tag, alive): &(&str, Option<&str>, bool)| Row {
            hit: hit(name, *tag, 0),
            alive: *alive,
        };
        Answer::Found {
            number,
            rows: names.iter().map(row).collect(),
            total: names.len(),
            unmatched: Vec::new(),
        }
    }

    fn shown(number: u64, row: usize, hit: Hit) -> Answer {
        Answer::Shown {
            number,
            row,
            hit: Box::new(hit),
        }
    }

    fn find(number: u64, query: &str) -> Effect {
        let query = query.to_owned();
        Effect::Find { number, query }
    }

    const TWO: &[(&str, Option<&str>, bool)] = &[("a", Some("a-1"), true), ("b", None, false)];

    #[test]
    fn only_the_newest_query_is_answered() {
        let (mut state, first) = State::new("re");
        assert_eq!(first, find(1, "re"));
        assert_eq!(state.key(Key::Char('t')), Some(find(2, "ret")));
        assert_eq!(state.answer(found(1, TWO)), None, "superseded");
        assert!(state.rows.is_empty() && state.waits());
        let show = Effect::Show { number: 2, row: 0 };
        assert_eq!(state.answer(found(2, TWO)), Some(show));
        assert!(!state.waits());
        state.answer(shown(1, 0, hit("old", None, 1)));
        assert!(state.preview.is_none(), "of another query");
        state.answer(shown(2, 1, hit("b", None, 1)));
        assert!(state.preview.is_none(), "of another row");
        state.answer(shown(2, 0, hit("a", None, 1)));
        assert_eq!(
            state.preview.as_ref().map(|hit| hit.session.as_str()),
            Some("a")
        );
        assert_eq!(state.key(Key::Left), None, "nothing else is asked");
    }

    #[test]
    fn rows_and_moments_are_chosen_within_what_is_there() {
        let (mut state, _) = State::new("x");
        assert_eq!(state.key(Key::Down), None);
        assert_eq!(state.key(Key::Enter), None);
        state.answer(found(1, TWO));
        assert_eq!(
            state.key(Key::PageDown),
            Some(Effect::Show { number: 1, row: 1 })
        );
        assert_eq!(state.key(Key::Down), None);
        assert_eq!(state.key(Key::Up), Some(Effect::Show { number: 1, row: 0 }));
        assert_eq!(state.key(Key::Enter), None, "its moments are not read yet");
        state.answer(shown(1, 0, hit("a", None, 2)));
        for key in [Key::Previous, Key::Next, Key::Next] {
            assert_eq!(state.key(key), None);
        }
        let path = "/t/a.jsonl".to_owned();
        assert_eq!(
            state.key(Key::Enter),
            Some(Effect::Open { path, offset: 1 })
        );
    }

    #[test]
    fn the_command_is_copied_and_whoever_is_there_is_asked() {
        let (mut state, _) = State::new("x");
        assert_eq!((state.key(Key::Copy), state.key(Key::Ask)), (None, None));
        state.answer(found(1, TWO));
        let command = "claude --resume a".to_owned();
        assert_eq!(state.key(Key::Copy), Some(Effect::Copy(command)));
        assert_eq!(state.key(Key::Ask), None);
        assert_eq!(state.key(Key::Enter), None, "an empty question is none");
        for c in "why?".chars() {
            assert_eq!(state.key(Key::Char(c)), None);
        }
        assert_eq!(state.input.text(), "x", "the query stays");
        let (to, text) = ("a-1".to_owned(), "why?".to_owned());
        assert_eq!(state.key(Key::Enter), Some(Effect::Send { to, text }));
        assert!(state.question.is_none());
        state.key(Key::Ask);
        assert_eq!(state.key(Key::Escape), None, "it leaves the question");
        state.key(Key::Down);
        state.key(Key::Ask);
        assert_eq!(state.said, "its session is not registered here");
        assert_eq!(
            state.key(Key::Escape),
            Some(Effect::Quit { interrupted: false })
        );
        assert_eq!(
            state.key(Key::Interrupt),
            Some(Effect::Quit { interrupted: true })
        );
    }

    #[test]
    fn what_cannot_be_read_is_said_and_changes_nothing() {
        let (mut state, _) = State::new("x");
        state.answer(found(1, TWO));
        assert_eq!(
            state.key(Key::Paste(" role:no\n".into())),
            Some(find(2, "x role:no "))
        );
        let why = "no such role".to_owned();
        state.answer(Answer::Wrong { number: 2, why });
        assert_eq!((state.rows.len(), state.said.as_str()), (2, "no such role"));
        assert!(!state.waits());
        assert_eq!(
            state.key(Key::Down),
            Some(Effect::Show { number: 1, row: 1 })
        );
        assert_eq!(state.key(Key::Word), Some(find(3, "x ")));
    }

    proptest::proptest! {
        #[test]
        fn whatever_comes_in_whatever_order_what_is_shown_is_of_the_newest_answered_query(
            acts in proptest::collection::vec((0_u8..8, 0_u64..6, 0_usize..4), 0..60),
        ) {
            let (mut state, _) = State::new("");
            for (act, number, row) in acts {
                match act {
                    0 => _ = state.key(Key::Char('é')),
                    1 => _ = state.key(Key::Back),
                    2 => _ = state.key(Key::Down),
                    3 => _ = state.key(Key::Up),
                    4 => _ = state.key(Key::Next),
                    5 => _ = state.answer(found(number, &TWO[..row.min(2)])),
                    6 => _ = state.answer(shown(number, row, hit(&format!("{number}-{row}"), None, row))),
                    _ => _ = state.key(Key::Ask),
                }
                proptest::prop_assert!(state.chosen < state.rows.len().max(1));
                proptest::prop_assert!(state.answered <= state.asked);
                if let Some(hit) = &state.preview {
                    proptest::prop_assert_eq!(&hit.session, &format!("{}-{}", state.answered, state.chosen));
                    proptest::prop_assert!(state.moment < hit.moments.len().max(1));
                }
            }
        }
    }
}
