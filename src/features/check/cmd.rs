//! `git ccc check`.

use super::{
    logic::{
        baseline::{self, Baseline},
        rules,
    },
    store::{
        place,
        snapshot::{self, Request},
    },
    view::{Report, explain::Explained, github, junit, sarif},
};
use crate::{
    base::text::{counted, one_line},
    ctx::Ctx,
    error::{Context, Error, Kind, Result},
    ui::Ui,
};
use clap::{Args, ValueEnum};

/// The jobs that are ready to be put into a repository.
const GITHUB: &str = include_str!("../../../templates/ci/github.yml");
const SHELL: &str = include_str!("../../../templates/ci/check.sh");

/// Arguments of `check`.
#[derive(Debug, Args)]
pub struct CheckArgs {
    /// TARGET..TIP judges what TIP has and TARGET lacks; one revision, its whole history [default: what HEAD has beyond its upstream]
    range: Option<String>,
    /// Judge as a machine does: by the target's .ccc.toml and baseline and the log's clock, the same in every clone
    #[arg(long)]
    ci: bool,
    /// In which form to report
    #[arg(long, value_name = "FORM")]
    format: Option<Format>,
    /// Say what a rule is about, or list the rules
    #[arg(long, value_name = "RULE", num_args = 0..=1, default_missing_value = "")]
    explain: Option<String>,
    /// Accept what is found now: write it into .ccc-baseline.toml
    #[arg(long, conflicts_with = "ci")]
    write_baseline: bool,
    /// Print a job that runs this check, for a workflow or for any shell
    #[arg(long, value_name = "KIND")]
    job: Option<Job>,
}

/// The forms of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    Text,
    Json,
    Sarif,
    Github,
    Junit,
}

/// The ready jobs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Job {
    Github,
    Shell,
}

/// Runs `check`.
pub fn run(ctx: &Ctx, args: &CheckArgs) -> Result<()> {
    if let Some(job) = args.job {
        let text = match job {
            Job::Github => GITHUB,
            Job::Shell => SHELL,
        };
        return ctx.ui.raw(text.as_bytes());
    }
    if let Some(rule) = &args.explain {
        return explain(ctx, rule);
    }
    let format = format(ctx, args)?;
    let request = Request {
        range: args.range.as_deref(),
        ci: args.ci,
    };
    let (snapshot, accepted) = snapshot::load(ctx, request)?;
    let mut findings = rules::judge(&snapshot);
    if args.write_baseline {
        let newest = snapshot.ledger.tip.clone();
        return write_baseline(ctx, &Baseline::of(&findings, newest), findings.len());
    }
    place::lines(ctx.repo()?, &snapshot, &mut findings)?;
    let (findings, count) = accepted.part(findings);
    let report = Report::new(&snapshot, findings, count);
    let ui = ctx.ui;
    match format {
        Format::Text => Ui { json: false, ..ui }.answer(&report)?,
        Format::Json => Ui { json: true, ..ui }.answer(&report)?,
        Format::Sarif => ui.raw(sarif(&report).as_bytes())?,
        Format::Github => ui.raw(github(&report).as_bytes())?,
        Format::Junit => ui.raw(junit(&report).as_bytes())?,
    }
    if report.fails() {
        // The report is the answer: nothing is left to say but the exit code.
        return Err(Error::no(""));
    }
    Ok(())
}

fn format(ctx: &Ctx, args: &CheckArgs) -> Result<Format> {
    match (args.format, ctx.ui.json) {
        (None, false) => Ok(Format::Text),
        (None | Some(Format::Json), true) => Ok(Format::Json),
        (Some(_), true) => Err(Error::usage("--json and --format name different forms")
            .hint("git ccc check --format json")),
        (Some(format), false) => Ok(format),
    }
}

fn explain(ctx: &Ctx, name: &str) -> Result<()> {
    if name.is_empty() {
        return ctx.ui.answer(&Explained::new(rules::ALL));
    }
    let rule = rules::named(name).ok_or_else(|| {
        Error::usage(format!("there is no rule {}", one_line(name, 80)))
            .hint("git ccc check --explain")
    })?;
    ctx.ui.answer(&Explained::new(std::slice::from_ref(rule)))
}

fn write_baseline(ctx: &Ctx, baseline: &Baseline, count: usize) -> Result<()> {
    let path = ctx.repo()?.require_worktree()?.join(baseline::FILE);
    let text = baseline
        .encode()
        .context(Kind::Internal, || "the baseline has no form".to_owned())?;
    crate::fs::replace(&path, text.as_bytes()).context(Kind::Setup, || {
        format!("{} cannot be written", path.display())
    })?;
    ctx.ui.note(&format!(
        "{} accepted by {}: commit it",
        counted(count, "finding"),
        baseline::FILE
    ));
    Ok(())
}
