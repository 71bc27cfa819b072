//! The terminal as a whole screen, for what is answered key by key.
//!
//! However it ends, the terminal is given back as it was: when the screen is dropped, on a panic of any thread before its
//! text is printed, and on a signal, which the owner of the screen is told of and ends by.

use crate::error::{Context, Error, Kind, Result};
use base64::{Engine as _, prelude::BASE64_STANDARD as STANDARD};
use ratatui::{
    Frame, Terminal,
    backend::CrosstermBackend,
    crossterm::{
        cursor::Show,
        event::{self, DisableBracketedPaste, EnableBracketedPaste, Event},
        execute,
        terminal::{EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode},
    },
};
use signal_hook::{
    consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM},
    iterator::{Handle, Signals},
};
use std::{
    io::{self, IsTerminal, Stdout, Write},
    sync::{
        Arc, Once,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

pub use event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

/// The screen is taken.
static TAKEN: AtomicBool = AtomicBool::new(false);
static HOOK: Once = Once::new();

/// Tells whether there is a terminal on both sides.
pub fn is_possible() -> bool {
    io::stdin().is_terminal() && io::stdout().is_terminal()
}

/// The screen, for as long as it is taken.
#[derive(Debug)]
pub struct Screen {
    terminal: Terminal<CrosstermBackend<Stdout>>,
}

impl Screen {
    /// Takes the screen.
    pub fn take() -> Result<Self> {
        HOOK.call_once(|| {
            let before = std::panic::take_hook();
            std::panic::set_hook(Box::new(move |panic| {
                give_back();
                before(panic);
            }));
        });
        let terminal =
            Terminal::new(CrosstermBackend::new(io::stdout())).context(Kind::Setup, no)?;
        let mut screen = Screen { terminal };
        screen.again()?;
        Ok(screen)
    }

    fn again(&mut self) -> Result<()> {
        TAKEN.store(true, Ordering::SeqCst);
        let taken = enable_raw_mode()
            .and_then(|()| execute!(io::stdout(), EnterAlternateScreen, EnableBracketedPaste))
            .and_then(|()| self.terminal.clear());
        taken.inspect_err(|_| give_back()).context(Kind::Setup, no)
    }

    /// Draws.
    pub fn draw(&mut self, draw: impl FnOnce(&mut Frame<'_>)) -> Result<()> {
        // A panic elsewhere has given the screen back; what is drawn now would stand in the shell's.
        if !TAKEN.load(Ordering::SeqCst) {
            return Ok(());
        }
        self.terminal.draw(draw).context(Kind::Setup, no).map(drop)
    }

    /// Sends the terminal something that is not shown.
    pub fn send(&mut self, sequence: &str) -> Result<()> {
        let mut out = io::stdout();
        let sent = out.write_all(sequence.as_bytes());
        sent.and_then(|()| out.flush()).context(Kind::Setup, no)
    }

    /// Gives the screen back while something else uses it.
    pub fn aside<T>(&mut self, other: impl FnOnce() -> T) -> Result<T> {
        give_back();
        let done = other();
        self.again()?;
        Ok(done)
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        give_back();
    }
}

fn no() -> String {
    "the terminal cannot be used as a screen".to_owned()
}

fn give_back() {
    if TAKEN.swap(false, Ordering::SeqCst) {
        // There is nobody left to tell: what cannot be given back is gone.
        let _ = execute!(
            io::stdout(),
            DisableBracketedPaste,
            LeaveAlternateScreen,
            Show
        );
        let _ = disable_raw_mode();
    }
}

/// What comes from the terminal.
#[derive(Clone, Debug)]
pub enum Input {
    /// A key.
    Key(KeyEvent),
    /// Text that was pasted.
    Paste(String),
    /// The screen has another size.
    Size,
    /// It cannot be read any more.
    Lost,
}

/// Who reads the terminal; once it is dropped, nobody does.
#[derive(Debug)]
pub struct Reader {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

/// How soon a reader that nobody types to sees that it is no more wanted.
const LOOK: Duration = Duration::from_millis(50);

impl Reader {
    /// Begins to read; `tell` is `false` once nobody listens.
    pub fn start(tell: impl Fn(Input) -> bool + Send + 'static) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = thread::spawn(move || {
            while !stopped.load(Ordering::SeqCst) {
                let Some(input) = next() else { continue };
                let lost = matches!(input, Input::Lost);
                if !tell(input) || lost {
                    break;
                }
            }
        });
        Reader {
            stop,
            thread: Some(thread),
        }
    }
}

/// Waits a little for something to come.
fn next() -> Option<Input> {
    let ready = event::poll(LOOK).and_then(|ready| ready.then(event::read).transpose());
    match ready {
        Ok(Some(Event::Key(key))) => (key.kind != KeyEventKind::Release).then_some(Input::Key(key)),
        Ok(Some(Event::Paste(text))) => Some(Input::Paste(text)),
        Ok(Some(Event::Resize(..))) => Some(Input::Size),
        Ok(_) => None,
        Err(error) if error.kind() == io::ErrorKind::Interrupted => None,
        Err(_) => Some(Input::Lost),
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        if let Some(thread) = self.thread.take() {
            // A reader that failed has nothing more to say.
            let _ = thread.join();
        }
    }
}

/// Who waits for signals that would end the program; once it is dropped, nobody is told of them.
#[derive(Debug)]
pub struct Watch {
    handle: Handle,
}

impl Watch {
    /// Begins to wait; `tell` gets the signal's number.
    pub fn start(tell: impl Fn(i32) + Send + 'static) -> Result<Self> {
        let mut signals =
            Signals::new([SIGTERM, SIGHUP, SIGINT, SIGQUIT]).context(Kind::Internal, no)?;
        let handle = signals.handle();
        thread::spawn(move || {
            for signal in signals.forever() {
                tell(signal);
            }
        });
        Ok(Watch { handle })
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.handle.close();
    }
}

/// Returns what puts a text where the user pastes from (OSC 52), by way of the terminal: over ssh too.
pub fn clipboard(text: &str) -> String {
    format!("\x1b]52;c;{}\x07", STANDARD.encode(text))
}

/// Returns the end of a program that a signal ends.
pub fn ended_by(signal: i32) -> Error {
    Error::already_said(u8::try_from(128 + signal).unwrap_or(u8::MAX))
}
