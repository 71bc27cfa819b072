//! The thread that looks while one goes on typing. Of all that waits it takes the newest, and it leaves a query unfinished
//! once there is a newer one.

use super::finder::Finder;
use crate::{error::Result, features::search::logic::live::Answer};
use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
        mpsc::{self, Receiver, Sender},
    },
    thread::{self, JoinHandle},
};

/// What is asked of it.
#[derive(Debug)]
pub enum Request {
    /// Look for a query, under its number.
    Find(u64, String),
    /// Read the moments of a row of the query of this number.
    Show(u64, usize),
}

/// What it says.
#[derive(Debug)]
pub enum Said {
    /// An answer.
    Answer(Answer),
    /// It failed, and is no more.
    Failed(crate::error::Error),
    /// It is no more, and could not say why.
    Gone,
}

/// The thread; once it is dropped, so is what it was doing.
#[derive(Debug)]
pub struct Worker {
    requests: Option<Sender<Request>>,
    newest: Arc<AtomicU64>,
    thread: Option<JoinHandle<()>>,
}

impl Worker {
    /// Starts it.
    pub fn start(mut finder: Finder, tell: impl Fn(Said) + Send + 'static) -> Self {
        let (requests, inbox) = mpsc::channel();
        let newest = Arc::new(AtomicU64::new(0));
        let seen = Arc::clone(&newest);
        let thread = thread::spawn(move || {
            let last = Last(tell);
            let tell = |answer| (last.0)(Said::Answer(answer));
            if let Err(error) = serve(&mut finder, &inbox, &seen, &tell) {
                (last.0)(Said::Failed(error));
            }
        });
        Worker {
            requests: Some(requests),
            newest,
            thread: Some(thread),
        }
    }

    /// Asks it something.
    pub fn ask(&self, request: Request) {
        if let Request::Find(number, _) = request {
            self.newest.store(number, Ordering::SeqCst);
        }
        if let Some(requests) = &self.requests {
            // One that is gone has said so.
            let _ = requests.send(request);
        }
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.newest.store(u64::MAX, Ordering::SeqCst);
        self.requests = None;
        if let Some(thread) = self.thread.take() {
            // One that panicked has said so.
            let _ = thread.join();
        }
    }
}

/// Says that the thread is gone, if a panic ends it.
struct Last<T: Fn(Said)>(T);

impl<T: Fn(Said)> Drop for Last<T> {
    fn drop(&mut self) {
        if thread::panicking() {
            (self.0)(Said::Gone);
        }
    }
}

fn serve(
    finder: &mut Finder,
    inbox: &Receiver<Request>,
    newest: &AtomicU64,
    tell: &dyn Fn(Answer),
) -> Result<()> {
    while let Ok(first) = inbox.recv() {
        let (mut find, mut show) = (None, None);
        for request in std::iter::once(first).chain(inbox.try_iter()) {
            match request {
                Request::Find(number, query) => find = Some((number, query)),
                Request::Show(number, row) => show = Some((number, row)),
            }
        }
        if let Some((number, query)) = find {
            let is_wanted = || newest.load(Ordering::SeqCst) == number;
            let answer = finder.find(number, &query, &is_wanted)?;
            answer.into_iter().for_each(tell);
        }
        if let Some((number, row)) = show {
            finder.show(number, row)?.into_iter().for_each(tell);
        }
    }
    Ok(())
}
