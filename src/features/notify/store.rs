//! Telling: the settings, the ledger of what was told, and the three ways.

use super::{
    logic::{self, QuietHours, Wanted},
    model::{Event, Outcome, Way},
};
use crate::{
    base::{local::Zone, text::one_line},
    ctx::Ctx,
    env,
    error::{Context, Error, Kind, Result},
    fs::{self, Lock},
    proc::{Cmd, Output},
    settings::TrustStore,
};
use std::{os::unix::fs::PermissionsExt, path::PathBuf, sync::mpsc, time::Duration};

/// A notifier that takes longer goes on by itself; a webhook is given up.
const PATIENCE: Duration = Duration::from_secs(2);
/// So many events are remembered.
const REMEMBERED: usize = 500;
/// A larger file holds no URL.
const MAX_URL: usize = 4096;

/// Tells a person of an event. Whatever goes wrong is one warning: the command that caused the event has done its work.
pub fn send(ctx: &Ctx, event: &Event) {
    if let Err(error) = try_send(ctx, event) {
        ctx.ui.warn(&format!("nobody was told of it: {error}"));
    }
}

/// As [`send`], and says what became of it.
pub fn try_send(ctx: &Ctx, event: &Event) -> Result<Outcome> {
    let ways = Ways::of(ctx)?;
    let settings = ctx.settings()?;
    let wanted = Wanted {
        kinds: settings.notify_events(),
        quiet: quiet(settings.quiet_hours())?,
        somewhere: !ways.0.is_empty(),
    };
    let minute = Zone(ctx.local_offset()).minute_of_day(ctx.now());
    if let Some(outcome) = logic::hold_back(event.kind, &wanted, minute) {
        return Ok(outcome);
    }
    let key = key(event);
    if !remember(&key)? {
        return Ok(Outcome::Known);
    }
    let (mut sent, mut failed) = (Vec::new(), Vec::new());
    for (way, to) in ways.0 {
        match tell(ctx, event, &to) {
            Ok(()) => sent.push(way),
            Err(error) => failed.push(error),
        }
    }
    if sent.is_empty() {
        // It may be tried again.
        forget(&key)?;
    }
    let mut failed = failed.into_iter();
    match failed.next() {
        Some(first) => Err(failed.fold(first, Error::because)),
        None => Ok(Outcome::Sent { ways: sent }),
    }
}

fn quiet(text: Option<&str>) -> Result<Option<QuietHours>> {
    let parse = |text: &str| {
        text.parse().context(Kind::Usage, || {
            "notify.quiet_hours is not understood".to_owned()
        })
    };
    text.map(parse).transpose()
}

/// Where to.
enum To {
    Command(String),
    Desktop,
    /// What gives the URL.
    Webhook(Source),
}

enum Source {
    Written(String),
    Printed(String),
}

struct Ways(Vec<(Way, To)>);

impl Ways {
    fn of(ctx: &Ctx) -> Result<Self> {
        let settings = ctx.settings()?;
        // None of these keys may stand in a file that needs trust: their layers are the user's own.
        let none = TrustStore::default();
        let dir = ctx.repo()?.common_dir();
        let command = |name: &str| {
            let found = settings.command(name, dir, &none);
            found
                .context(Kind::Usage, || format!("{name} may not run"))
                .map(|found| found.map(|found| found.value().clone()))
        };
        let mut ways = Vec::new();
        if let Some(text) = command("notify.command")? {
            ways.push((Way::Command, To::Command(text)));
        }
        if settings.notify_desktop() {
            ways.push((Way::Desktop, To::Desktop));
        }
        let printed = command("notify.webhook_command")?.map(Source::Printed);
        let source = printed.or_else(|| {
            let written = settings.webhook();
            written.map(|text| Source::Written(text.to_owned()))
        });
        ways.extend(source.map(|source| (Way::Webhook, To::Webhook(source))));
        Ok(Ways(ways))
    }
}

fn tell(ctx: &Ctx, event: &Event, to: &To) -> Result<()> {
    match to {
        To::Command(text) => run_command(event, text),
        To::Desktop => desktop(ctx, event),
        To::Webhook(source) => webhook(event, source),
    }
}

/// Runs a child at most so long; one that takes longer is left to itself.
fn within(cmd: Cmd) -> Result<Option<Output>> {
    let (done, wait) = mpsc::channel();
    std::thread::spawn(move || {
        // Nobody listens any more when it took too long.
        let _ = done.send(cmd.run());
    });
    wait.recv_timeout(PATIENCE).ok().transpose()
}

fn run_command(event: &Event, text: &str) -> Result<()> {
    let json = serde_json::json!({
        "schema": "ccc.notification/1",
        "id": event.id,
        "kind": event.kind,
        "from": one_line(&event.from, 80),
        "repo": one_line(&event.repo, 80),
        "text": logic::body(event),
    });
    let words = [
        event.kind.word().to_owned(),
        logic::title(event),
        logic::body(event),
    ];
    let cmd = Cmd::new("sh")
        .args(["-c", text, "notify.command"])
        .args(words)
        .input(json.to_string());
    match within(cmd)? {
        Some(out) if !out.ok() => Err(Error::no(format!(
            "notify.command exited with {}",
            crate::proc::exit_code(out.status)
        ))
        .because(one_line(out.stderr_text().trim(), 200))),
        _ => Ok(()),
    }
}

/// Tries what is there: the desktop's own program, then the terminal.
fn desktop(ctx: &Ctx, event: &Event) -> Result<()> {
    let (title, body) = (logic::title(event), logic::body(event));
    let programs = [
        Cmd::new("notify-send")
            .args(["--app-name=git-ccc", "--"])
            .args([&title, &logic::markup(&body)]),
        Cmd::new("osascript").args([
            "-e",
            "on run argv",
            "-e",
            "display notification (item 2 of argv) with title (item 1 of argv)",
            "-e",
            "end run",
            &title,
            &body,
        ]),
    ];
    for cmd in programs {
        // One that is not installed, or has no desktop to speak to, is no failure yet.
        if matches!(within(cmd), Ok(out) if out.as_ref().is_none_or(Output::ok)) {
            return Ok(());
        }
    }
    if ctx.ui.escape(&logic::escape_sequence(event))? {
        return Ok(());
    }
    Err(Error::no("there is no desktop to tell")
        .because("notify-send and osascript did not work, and stdout is no terminal"))
}

fn webhook(event: &Event, source: &Source) -> Result<()> {
    let url = url(source)?;
    let config = ureq::Agent::config_builder()
        .timeout_global(Some(PATIENCE))
        // The URL is a secret: nothing but the host it names may see it.
        .max_redirects(0)
        .proxy(None)
        .http_status_as_error(false)
        .user_agent("git-ccc")
        .build();
    let sent = ureq::Agent::new_with_config(config)
        .post(&url)
        .header("Content-Type", "application/json")
        .send(logic::payload(event));
    match sent {
        Ok(answer) if answer.status().is_success() => Ok(()),
        Ok(answer) => Err(Error::no(format!(
            "the webhook answered with status {}",
            answer.status().as_u16()
        ))),
        // Only its sort: an error may quote what it was given.
        Err(error) => Err(Error::no("the webhook could not be reached").because(sort(&error))),
    }
}

fn sort(error: &ureq::Error) -> String {
    match error {
        ureq::Error::Timeout(_) => format!("no answer within {} s", PATIENCE.as_secs()),
        ureq::Error::Io(error) => error.kind().to_string(),
        ureq::Error::HostNotFound => "no such host".to_owned(),
        ureq::Error::ConnectionFailed => "the connection failed".to_owned(),
        ureq::Error::Tls(_) | ureq::Error::Rustls(_) => {
            "the certificate was not accepted".to_owned()
        }
        ureq::Error::BadUri(_) => "it is no URL".to_owned(),
        _ => "the request failed".to_owned(),
    }
}

/// Finds the URL; no error repeats it.
fn url(source: &Source) -> Result<String> {
    let text = match source {
        Source::Written(text) if text.starts_with("http") => text.clone(),
        Source::Written(path) => read_private(path)?,
        Source::Printed(command) => {
            let out = within(Cmd::new("sh").args(["-c", command]))?;
            let out = out
                .filter(Output::ok)
                .ok_or_else(|| Error::no("notify.webhook_command printed no URL"))?;
            out.stdout_text()
        }
    };
    let url = text.lines().next().unwrap_or_default().trim().to_owned();
    if url.starts_with("https://") || url.starts_with("http://") {
        Ok(url)
    } else {
        Err(Error::usage(
            "what should be the URL of the webhook is none",
        ))
    }
}

fn read_private(path: &str) -> Result<String> {
    let file = match (path.strip_prefix("~/"), env::home()) {
        (Some(rest), Some(home)) => home.join(rest),
        _ => PathBuf::from(path),
    };
    let unreadable = || format!("{} cannot be read", file.display());
    let meta = std::fs::metadata(&file).context(Kind::Usage, unreadable)?;
    if meta.permissions().mode() & 0o077 != 0 {
        let name = file.display().to_string();
        return Err(Error::usage(format!("others can read {name}"))
            .because("whoever knows the URL of a webhook can post to it")
            .hint(format!("chmod 600 {}", crate::base::text::shell(&name))));
    }
    let bytes = fs::read_capped(&file, MAX_URL).context(Kind::Usage, unreadable)?;
    Ok(String::from_utf8_lossy(&bytes.unwrap_or_default()).into_owned())
}

fn key(event: &Event) -> String {
    let part = |text: &str| one_line(text, 120).replace(' ', "_");
    format!("{} {} {}", event.kind, part(&event.repo), part(&event.id))
}

/// Opens the ledger under its lock.
fn ledger() -> Result<(PathBuf, Vec<String>, Option<Lock>)> {
    let dir = env::state_dir().ok_or_else(|| Error::setup("there is no home directory"))?;
    let path = dir.join("notified");
    let lock = Lock::acquire(&dir.join("notified.lock"), PATIENCE).context(Kind::Setup, || {
        format!("{} cannot be locked", path.display())
    })?;
    let bytes = fs::read_capped(&path, 1024 * 1024)
        .context(Kind::Setup, || format!("{} cannot be read", path.display()))?;
    let text = String::from_utf8_lossy(&bytes.unwrap_or_default()).into_owned();
    Ok((path, text.lines().map(str::to_owned).collect(), lock))
}

fn write(path: &std::path::Path, lines: &[String]) -> Result<()> {
    let start = lines.len().saturating_sub(REMEMBERED);
    let text = lines[start..].join("\n") + "\n";
    fs::replace(path, text.as_bytes()).context(Kind::Setup, || {
        format!("{} cannot be written", path.display())
    })
}

/// Notes that an event is told; `false` if it was before.
fn remember(key: &str) -> Result<bool> {
    let (path, mut lines, _lock) = ledger()?;
    if lines.iter().any(|line| line == key) {
        return Ok(false);
    }
    lines.push(key.to_owned());
    write(&path, &lines).map(|()| true)
}

fn forget(key: &str) -> Result<()> {
    let (path, mut lines, _lock) = ledger()?;
    lines.retain(|line| line != key);
    write(&path, &lines)
}
