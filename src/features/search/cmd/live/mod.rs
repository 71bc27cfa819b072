//! `git ccc search -i`: the screen, the keys and the worker brought together; what they mean is `logic::live`.

mod finder;
mod worker;

pub use finder::Finder;

use super::search::{SearchArgs, editor, line_of, query_text};
use crate::{
    base::{id::SessionTag, text},
    ctx::Ctx,
    error::{Error, Result},
    features::search::{
        logic::live::{Effect, Key, State},
        view::live::draw,
    },
    ui::{
        self,
        screen::{self, Input, KeyCode, KeyEvent, KeyModifiers, Reader, Screen, Watch},
    },
};
use std::{
    ops::ControlFlow,
    path::Path,
    sync::mpsc::{self, Receiver, Sender},
};
use worker::{Request, Said, Worker};

/// Sends a question to a session, and tells what became of it.
pub type Ask<'a> = &'a dyn Fn(&Ctx, &SessionTag, &str) -> Result<String>;

/// What can happen.
enum Event {
    Input(Input),
    Said(Said),
    Signal(i32),
}

/// Runs `search -i`.
pub fn live(ctx: &Ctx, args: &SearchArgs, ask: Ask<'_>) -> Result<()> {
    let query = query_text(ctx, args);
    refuse(ctx, &query)?;
    let finder = Finder::new(ctx, args)?;
    let (events, inbox) = mpsc::channel();
    let signals = events.clone();
    // Whoever ends first leaves the others with nobody to tell, which is as it should be.
    let _watch = Watch::start(move |signal| _ = signals.send(Event::Signal(signal)))?;
    let said = events.clone();
    let worker = Worker::start(finder, move |what| _ = said.send(Event::Said(what)));
    let mut desk = Desk {
        ctx,
        ask,
        screen: Screen::take()?,
        reader: Some(read(&events)),
        events,
        worker,
    };
    let done = desk.run(&query, &inbox);
    // The reader first: what it would still read is the shell's.
    desk.reader = None;
    drop(desk);
    match done? {
        Some(place) => ctx.ui.raw(place.as_bytes()),
        None => Ok(()),
    }
}

fn refuse(ctx: &Ctx, query: &str) -> Result<()> {
    let instead = |flag: &str| match query {
        "" => "git ccc search --help".to_owned(),
        query => format!("git ccc search {flag}-- {}", text::shell(query)),
    };
    if ctx.ui.json {
        return Err(Error::usage("-i is for the eye and has no JSON form").hint(instead("--json ")));
    }
    if !screen::is_possible() {
        return Err(Error::usage("-i needs a terminal")
            .because("standard input or output is none")
            .hint(instead("")));
    }
    Ok(())
}

fn read(events: &Sender<Event>) -> Reader {
    let events = events.clone();
    Reader::start(move |input| events.send(Event::Input(input)).is_ok())
}

/// Everything that one sits at.
struct Desk<'d> {
    ctx: &'d Ctx,
    ask: Ask<'d>,
    screen: Screen,
    reader: Option<Reader>,
    events: Sender<Event>,
    worker: Worker,
}

/// Where it ended: with a place to print, or without.
type End = Option<String>;

impl Desk<'_> {
    fn run(&mut self, query: &str, inbox: &Receiver<Event>) -> Result<End> {
        let (mut state, first) = State::new(query);
        if let ControlFlow::Break(end) = self.act(&mut state, first)? {
            return Ok(end);
        }
        loop {
            self.screen.draw(|frame| draw(frame, &state))?;
            let Ok(event) = inbox.recv() else {
                return Ok(None);
            };
            // All that has happened meanwhile is drawn at once.
            for event in std::iter::once(event).chain(inbox.try_iter()) {
                let effect = match event {
                    Event::Input(Input::Key(key)) => meaning(key).and_then(|key| state.key(key)),
                    Event::Input(Input::Paste(text)) => state.key(Key::Paste(text)),
                    Event::Input(Input::Size) => None,
                    Event::Input(Input::Lost) => {
                        return Err(Error::setup("the terminal is gone"));
                    }
                    Event::Said(Said::Answer(answer)) => state.answer(answer),
                    Event::Said(Said::Failed(error)) => return Err(error),
                    Event::Said(Said::Gone) => return Err(Error::internal("the search ended")),
                    Event::Signal(signal) => return Err(screen::ended_by(signal)),
                };
                if let Some(effect) = effect
                    && let ControlFlow::Break(end) = self.act(&mut state, effect)?
                {
                    return Ok(end);
                }
            }
        }
    }

    fn act(&mut self, state: &mut State, effect: Effect) -> Result<ControlFlow<End>> {
        match effect {
            Effect::Find { number, query } => self.worker.ask(Request::Find(number, query)),
            Effect::Show { number, row } => self.worker.ask(Request::Show(number, row)),
            Effect::Open { path, offset } => return self.open(state, &path, offset),
            Effect::Copy(command) => {
                self.screen.send(&ui::screen::clipboard(&command))?;
                state.say(format!("copied: {command}"));
            }
            Effect::Send { to, text } => state.say(self.send(&to, &text)),
            Effect::Quit { interrupted: true } => return Err(Error::already_said(130)),
            Effect::Quit { interrupted: false } => return Ok(ControlFlow::Break(None)),
        }
        Ok(ControlFlow::Continue(()))
    }

    /// Opens a transcript in the editor and comes back; without an editor it ends and says where to look.
    fn open(&mut self, state: &mut State, path: &str, offset: u64) -> Result<ControlFlow<End>> {
        let line = line_of(Path::new(path), offset);
        let Some(editor) = editor(path, line) else {
            return Ok(ControlFlow::Break(Some(format!("{path}:{line}\n"))));
        };
        // The editor reads the keys now.
        self.reader = None;
        let done = self.screen.aside(|| editor.run_attached())?;
        self.reader = Some(read(&self.events));
        match done {
            Ok(status) if status.success() => {}
            Ok(_) => state.say("the editor ended with an error"),
            Err(error) => state.say(error.to_string()),
        }
        Ok(ControlFlow::Continue(()))
    }

    /// Sends a question; what is narrated on the way would stand across the screen.
    fn send(&self, to: &str, text: &str) -> String {
        let sent = to
            .parse::<SessionTag>()
            .map_err(|_| Error::no(format!("no session is called {to}")));
        let (done, heard) = ui::listen(|| sent.and_then(|tag| (self.ask)(self.ctx, &tag, text)));
        let narrated = heard.narration.lines().next().map(str::to_owned);
        match (done, narrated) {
            (Ok(done), None) => done,
            (Ok(done), Some(more)) => format!("{done}; {more}"),
            (Err(error), _) => format!("not sent: {error}"),
        }
    }
}

/// What a key means here.
fn meaning(key: KeyEvent) -> Option<Key> {
    let held = key.modifiers & (KeyModifiers::CONTROL | KeyModifiers::ALT);
    let control = held == KeyModifiers::CONTROL;
    Some(match key.code {
        KeyCode::Char('c' | 'd') if control => Key::Interrupt,
        KeyCode::Char('y') if control => Key::Copy,
        KeyCode::Char('s') if control => Key::Ask,
        KeyCode::Char('u') if control => Key::Clear,
        KeyCode::Char('w') if control => Key::Word,
        KeyCode::Char('p' | 'k') if control => Key::Up,
        KeyCode::Char('n' | 'j') if control => Key::Down,
        KeyCode::Char('a') if control => Key::Home,
        KeyCode::Char('e') if control => Key::End,
        KeyCode::Char('h') if control => Key::Back,
        KeyCode::Char(c) if held.is_empty() => Key::Char(c),
        KeyCode::Backspace if held.is_empty() => Key::Back,
        KeyCode::Backspace => Key::Word,
        KeyCode::Delete => Key::Delete,
        KeyCode::Left => Key::Left,
        KeyCode::Right => Key::Right,
        KeyCode::Home => Key::Home,
        KeyCode::End => Key::End,
        KeyCode::Up => Key::Up,
        KeyCode::Down => Key::Down,
        KeyCode::PageUp => Key::PageUp,
        KeyCode::PageDown => Key::PageDown,
        KeyCode::Tab => Key::Next,
        KeyCode::BackTab => Key::Previous,
        KeyCode::Enter => Key::Enter,
        KeyCode::Esc => Key::Escape,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_mean_what_shells_have_taught() {
        let press = |code, held| meaning(KeyEvent::new(code, held));
        let control = KeyModifiers::CONTROL;
        assert_eq!(press(KeyCode::Char('y'), control), Some(Key::Copy));
        assert_eq!(press(KeyCode::Char('c'), control), Some(Key::Interrupt));
        assert_eq!(
            press(KeyCode::Char('É'), KeyModifiers::SHIFT),
            Some(Key::Char('É'))
        );
        assert_eq!(press(KeyCode::Char('y'), KeyModifiers::ALT), None);
        assert_eq!(
            press(KeyCode::Backspace, KeyModifiers::ALT),
            Some(Key::Word)
        );
        assert_eq!(press(KeyCode::F(1), KeyModifiers::NONE), None);
    }
}
