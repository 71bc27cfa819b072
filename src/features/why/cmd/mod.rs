//! `git ccc why`.

mod inquiry;

use super::{
    logic::{blame, target},
    model::{Blamed, Sure},
    store::{history, records, transcripts::Transcripts},
    view::{Finding, WhyView},
};
use crate::{
    base::{secrets::mask, text},
    ctx::Ctx,
    error::{Error, Result},
    features::{
        search::store::{fresh, ingest, open},
        session::{model::Session, store as sessions},
    },
    git::Repo,
    ui::progress::Progress,
};
use clap::Args;
use inquiry::Inquiry;
use std::time::Duration;

/// Another writer is waited for this long before the index is asked as it is.
const PATIENCE: Duration = Duration::from_millis(300);

/// So many who brought lines are asked for each commit that wrote some.
const BROUGHT: usize = 3;

/// Arguments of `why`.
#[derive(Debug, Args)]
#[command(after_long_help = HELP)]
pub struct WhyArgs {
    /// The file, with a line or a range of lines if not all are meant
    #[arg(value_name = "FILE[:LINE[,LINE]]")]
    target: String,
    /// As the file was in this commit
    #[arg(long, value_name = "COMMIT")]
    rev: Option<String>,
    /// Show so many sessions for each commit
    #[arg(long, default_value_t = 3, value_name = "N")]
    limit: usize,
    /// Look at so many commits: those that name their session first, then those with the most of the lines
    #[arg(long, default_value_t = 10, value_name = "N")]
    commits: usize,
    /// Do not look for new transcripts first
    #[arg(long)]
    no_refresh: bool,
}

const HELP: &str = "\
Blame names the commit; the session that wrote it is found by, the strongest first: the trailer Ccc-Session and the log,
notes in refs/notes/ai, the commit's name in what a tool answered, the lines themselves in what tools were given, other
lines of the same change, who worked on the file in the hours before.

  certain   a record names the session
  likely    its tools were given these lines
  guess     it has some of it, or was only there

  git ccc why src/net/retry.rs:42
  git ccc why src/net/retry.rs:40,60 --json
  git ccc why --rev v1.2 src/net/retry.rs:42

Of a line that was moved or indented there are two answers: who wrote it, and who brought it to where it is.
Exits with 1 if nothing is known, and says what was looked at. Lines that are not committed are traced too.";

/// Runs `why`.
pub fn run(ctx: &Ctx, args: &WhyArgs) -> Result<()> {
    let repo = ctx.repo()?;
    let commit = args.rev.as_ref().map(|rev| history::commit(repo, rev));
    let commit = commit.transpose()?;
    let exists = |path: &str| history::exists(ctx, repo, commit.as_deref(), path);
    let target = target::parse(&args.target, exists)
        .map_err(|why| Error::usage(why).hint("git ccc why --help"))?;
    let path = history::inside(ctx, repo, &target.path)?;
    let mut blamed = history::blame(repo, &path, &target, commit.as_deref(), true)?;
    let makers = records::makers(repo, &blamed)?;
    // Who is known for certain should not stand behind ten of whom nothing is known.
    let is_unknown = |commit: &String| makers.get(commit).is_none_or(Vec::is_empty);
    blamed.sort_by_key(|blamed| blamed.commit.as_ref().is_some_and(is_unknown));
    let more = blamed.len().saturating_sub(args.commits.max(1));
    blamed.truncate(args.commits.max(1));

    let known = known(repo)?;
    let store = open::open(!args.no_refresh)?;
    let mut stale = false;
    if let Some(store) = store.as_ref().filter(|_| !args.no_refresh) {
        let bar = Progress::new(&ctx.ui, "indexing");
        let report = fresh::refresh(ctx, store, PATIENCE, &mut |done, of| bar.set(done, of));
        bar.end();
        stale = report?.busy;
    }
    let searcher = store
        .as_ref()
        .map(|store| ingest::reader(&store.index).map(|reader| reader.searcher()));
    let searcher = searcher.transpose()?;
    let index = store.as_ref().zip(searcher.as_ref());
    let mut inquiry = Inquiry {
        repo,
        known: &known,
        makers,
        index: index.map(|(store, searcher)| Transcripts {
            store,
            searcher,
            now: ctx.now().unix() * 1000,
        }),
        limit: args.limit.max(1),
    };
    let mut looked = Vec::new();
    let plain = || history::blame(repo, &path, &target, commit.as_deref(), false);
    let some = target.lines.is_some();
    let findings = findings(&mut inquiry, &blamed, (some, &plain), &mut looked)?;
    if findings.iter().all(|finding| finding.sessions.is_empty()) {
        return Err(nothing(&args.target, &looked));
    }
    if stale {
        ctx.ui
            .note("another process is indexing: the newest may be missing");
    }
    ctx.ui.answer(&WhyView {
        file: path,
        rev: commit,
        findings,
        more_commits: more,
        stale,
    })
}

/// Asks for each commit; of some lines, and where whoever wrote them is not known, also for who brought them to where
/// they are.
fn findings(
    inquiry: &mut Inquiry<'_>,
    blamed: &[Blamed],
    (some, plain): (bool, &dyn Fn() -> Result<Vec<Blamed>>),
    looked: &mut Vec<(Blamed, Vec<String>)>,
) -> Result<Vec<Finding>> {
    let mut findings = Vec::new();
    let mut all: Option<Vec<Blamed>> = None;
    for blamed in blamed {
        let (sessions, without) = inquiry.ask(blamed)?;
        looked.push((blamed.clone(), without));
        let written = finding(blamed, sessions);
        let mut brought = Vec::new();
        if blamed.commit.is_some() && (some || written.sure() < Some(Sure::Likely)) {
            let plain = match all.take() {
                Some(plain) => plain,
                None => plain()?,
            };
            for other in blame::brought(blamed, &plain).into_iter().take(BROUGHT) {
                inquiry
                    .makers
                    .extend(records::makers(inquiry.repo, std::slice::from_ref(&other))?);
                let (sessions, _) = inquiry.ask(&other)?;
                brought.push(Finding {
                    written_in: blamed.commit.clone(),
                    ..finding(&other, sessions)
                });
            }
            all = Some(plain);
        }
        let (better, other): (Vec<_>, Vec<_>) = brought
            .into_iter()
            .filter(|finding| !finding.sessions.is_empty())
            .partition(|finding| finding.sure() > written.sure());
        findings.extend(better);
        findings.push(written);
        findings.extend(other);
    }
    Ok(findings)
}

/// Loads the sessions that are known here and in the user's hub: who has ended here may go on there.
fn known(repo: &Repo) -> Result<Vec<Session>> {
    let mut all = sessions::load_readable(repo)?;
    if let Some(hub) = sessions::hub(false)? {
        all.extend(sessions::load_readable(&hub)?);
    }
    Ok(all)
}

fn finding(blamed: &Blamed, sessions: Vec<super::view::Who>) -> Finding {
    let first = blamed.lines.first();
    let text = first.map(|line| line.text.trim()).unwrap_or_default();
    let text: String = text.chars().take(200).collect();
    let stamp = crate::base::time::Timestamp::from_unix(blamed.authored);
    Finding {
        commit: blamed.commit.clone(),
        summary: mask(&blamed.summary).into_owned(),
        author: blamed.author.clone(),
        at: stamp
            .filter(|_| blamed.commit.is_some())
            .map(|at| at.to_string()),
        path: blamed.path.clone(),
        lines: blame::ranges(&blamed.lines),
        text: mask(&text).into_owned(),
        sessions,
        written_in: None,
    }
}

fn nothing(typed: &str, looked: &[(Blamed, Vec<String>)]) -> Error {
    let mut error = Error::no(format!(
        "nothing is known of the session that wrote {}",
        text::one_line(typed, 120)
    ));
    for (blamed, without) in looked.iter().take(3) {
        let whose = match &blamed.commit {
            Some(commit) => format!(
                "{} {} ({}):",
                commit.get(..10).unwrap_or(commit),
                text::one_line(&mask(&blamed.summary), 60),
                text::one_line(&blamed.author, 40)
            ),
            None => "not committed:".to_owned(),
        };
        error = error.because(format!("{whose} {}", without.join("; ")));
    }
    error.hint("git ccc index --status")
}
