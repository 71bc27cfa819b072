//! What is installed for coding agents, in the worktree where `init` runs: hooks, skill, commands, instructions.
//!
//! Files of others are changed in our places alone and only if they can be read as what they are; each file as it was
//! is kept in `$GIT_COMMON_DIR/ccc-agents`. Taking away puts those bytes back while the file is as we left it, else takes
//! out what is ours. Links that lead out of the worktree are not followed. The commands are the same bytes in every
//! clone, since Codex trusts a hook by its hash, and do nothing where git-ccc is missing.

pub mod block;
pub mod gates;
pub mod text;

use crate::{
    ctx::Ctx,
    env,
    error::{Context, Error, Kind, Result},
    features::{
        agent::model::Vendor,
        setup::model::{Installed, Written},
    },
    fs,
    git::Repo,
};
use sha2::{Digest, Sha256};
use std::{
    fmt::Write as _,
    fs as disk,
    path::{Path, PathBuf},
};

/// A larger file is none of these.
const CAP: usize = 4 << 20;
/// How our commands are known again.
pub const OURS: text::Ours = text::Ours {
    mark: "exec git-ccc ",
};

const CLAUDE: &str = include_str!("../../../../templates/agents/claude.json");
const CODEX: &str = include_str!("../../../../templates/agents/codex.json");
const SKILL: &str = include_str!("../../../../templates/agents/SKILL.md");
const INSTRUCTIONS: &str = include_str!("../../../../templates/agents/AGENTS.md");
const IMPORT: &str = include_str!("../../../../templates/agents/CLAUDE.md");
const COMMANDS: &[(&str, &str)] = &[
    (
        ".claude/commands/ccc-board.md",
        include_str!("../../../../templates/agents/commands/ccc-board.md"),
    ),
    (
        ".claude/commands/ccc-claim.md",
        include_str!("../../../../templates/agents/commands/ccc-claim.md"),
    ),
    (
        ".claude/commands/ccc-commit.md",
        include_str!("../../../../templates/agents/commands/ccc-commit.md"),
    ),
    (
        ".claude/commands/ccc-inbox.md",
        include_str!("../../../../templates/agents/commands/ccc-inbox.md"),
    ),
    (
        ".claude/commands/ccc-release.md",
        include_str!("../../../../templates/agents/commands/ccc-release.md"),
    ),
    (
        ".claude/commands/ccc-send.md",
        include_str!("../../../../templates/agents/commands/ccc-send.md"),
    ),
];

/// How a file is ours.
#[derive(Clone, Copy)]
enum Part {
    /// Hooks in a settings file.
    Hooks(&'static str),
    /// A block in a text.
    Block(&'static str),
    /// All of it.
    Whole(&'static str),
}

fn parts(vendors: &[Vendor]) -> Vec<(&'static str, Part)> {
    let mut all = Vec::new();
    if vendors.is_empty() {
        return all;
    }
    all.push(("AGENTS.md", Part::Block(INSTRUCTIONS)));
    if vendors.contains(&Vendor::Claude) {
        all.push((".claude/settings.json", Part::Hooks(CLAUDE)));
        all.push((".claude/skills/group-chat/SKILL.md", Part::Whole(SKILL)));
        all.extend(
            COMMANDS
                .iter()
                .map(|(path, text)| (*path, Part::Whole(text))),
        );
        all.push(("CLAUDE.md", Part::Block(IMPORT)));
    }
    if vendors.contains(&Vendor::Codex) {
        all.push((".codex/hooks.json", Part::Hooks(CODEX)));
        all.push((".agents/skills/group-chat/SKILL.md", Part::Whole(SKILL)));
    }
    all
}

/// Returns the agents whose directories are there: the user's, or the repository's.
pub fn present(repo: &Repo) -> Vec<Vendor> {
    let there = |variable: &str, name: &str| {
        let own = env::var_os(variable).map(PathBuf::from);
        let own = own.or_else(|| Some(env::home()?.join(name)));
        own.is_some_and(|dir| dir.is_dir())
            || repo.worktree().is_some_and(|root| root.join(name).is_dir())
    };
    let mut found = Vec::new();
    if there(env::CLAUDE_DIR, ".claude") {
        found.push(Vendor::Claude);
    }
    if there(env::CODEX_DIR, ".codex") {
        found.push(Vendor::Codex);
    }
    found
}

/// Installs for these agents; returns the files that carry something of ours.
pub fn install(ctx: &Ctx, installed: &mut Installed, vendors: &[Vendor]) -> Result<Vec<String>> {
    let repo = ctx.repo()?;
    let Some(root) = repo.worktree() else {
        return Ok(Vec::new());
    };
    let mut files = Vec::new();
    for (name, part) in parts(vendors) {
        let path = match place(root, name) {
            Ok(path) => path,
            Err(why) => {
                ctx.ui.warn(&format!("{name} is left as it is: {why}"));
                continue;
            }
        };
        let before = fs::read_capped(&path, CAP).context(Kind::Setup, || unreadable(&path))?;
        let old = match before.as_deref().map(std::str::from_utf8) {
            None => "",
            Some(Ok(text)) => text,
            Some(Err(_)) => {
                ctx.ui
                    .warn(&format!("{name} is left as it is: it is no text"));
                continue;
            }
        };
        let Some(new) = render(name, part, old, installed, &path) else {
            ctx.ui.warn(&format!(
                "{name} is left as it is: it is not what it should be, or somebody else's"
            ));
            continue;
        };
        if before.is_none() || new != old {
            write(repo, installed, &path, (before.as_deref(), &new))?;
        }
        files.push(name.to_owned());
    }
    Ok(files)
}

/// Installs in another worktree what `init` has installed in the first one, as far as no commit brings it along.
pub fn equip(ctx: &Ctx) -> Result<()> {
    let repo = ctx.repo()?;
    let guard = crate::git::log::lock(repo)?;
    let Some(mut installed) = crate::features::setup::store::load(repo)? else {
        return Ok(());
    };
    let first = Repo::open(repo.common_dir())?;
    let Some(root) = first.worktree() else {
        return Ok(());
    };
    let has = |name: &str| {
        let path = root.join(name).display().to_string();
        installed.agents.iter().any(|written| written.path == path)
    };
    let mut vendors = Vec::new();
    if has(".claude/settings.json") {
        vendors.push(Vendor::Claude);
    }
    if has(".codex/hooks.json") {
        vendors.push(Vendor::Codex);
    }
    install(ctx, &mut installed, &vendors)?;
    drop(guard);
    Ok(())
}

/// Returns where a file really is, inside of the worktree.
fn place(root: &Path, name: &str) -> Result<PathBuf, String> {
    let path = root.join(name);
    let there = path
        .ancestors()
        .find(|path| path.symlink_metadata().is_ok())
        .unwrap_or(root);
    let real = there.canonicalize().map_err(|error| error.to_string())?;
    if !real.starts_with(root) {
        return Err("a link leads out of the worktree".to_owned());
    }
    let rest = path.strip_prefix(there).unwrap_or(Path::new(""));
    if name == "CLAUDE.md" && real.ends_with("AGENTS.md") {
        return Err("it is a link to AGENTS.md".to_owned());
    }
    Ok(if rest.as_os_str().is_empty() {
        real
    } else {
        real.join(rest)
    })
}

/// Returns the text as it should be; nothing if it must not be touched.
fn render(name: &str, part: Part, old: &str, installed: &Installed, path: &Path) -> Option<String> {
    match part {
        Part::Hooks(template) => {
            let wanted = serde_json::from_str(template).ok()?;
            text::merge(old, &wanted, OURS)
        }
        Part::Block(template) => {
            let imports = |line: &str| line.trim() == "@AGENTS.md";
            let theirs = block::strip(old).lines().any(imports);
            if name == "CLAUDE.md" && theirs {
                return Some(old.to_owned());
            }
            Some(block::put(old, template))
        }
        Part::Whole(template) => {
            let ours = || {
                installed.agents.iter().any(|written| {
                    Path::new(&written.path) == path && written.sha256 == digest(old.as_bytes())
                })
            };
            (old.is_empty() || old == template || ours()).then(|| template.to_owned())
        }
    }
}

fn unreadable(path: &Path) -> String {
    format!("{} cannot be read", path.display())
}

fn backups(repo: &Repo) -> PathBuf {
    repo.common_dir().join("ccc-agents")
}

fn write(
    repo: &Repo,
    installed: &mut Installed,
    path: &Path,
    (before, new): (Option<&[u8]>, &str),
) -> Result<()> {
    let shown = path.display().to_string();
    let failed = || format!("{shown} cannot be written");
    let found = installed
        .agents
        .iter()
        .position(|written| written.path == shown);
    let untouched = |written: &Written| before.is_some_and(|bytes| written.sha256 == digest(bytes));
    let missing = path.ancestors().skip(1).take_while(|dir| !dir.exists());
    let mut made: Vec<String> = missing.map(|dir| dir.display().to_string()).collect();
    made.reverse();
    match found {
        // The bytes from before our first change are still the ones to go back to.
        Some(index) if untouched(&installed.agents[index]) => {
            digest(new.as_bytes()).clone_into(&mut installed.agents[index].sha256);
        }
        // Somebody changed it since: only what is ours can be taken out.
        Some(index) => installed.agents[index].sha256.clear(),
        None => {
            let name = format!("{}", installed.agents.len());
            if let Some(bytes) = before {
                fs::replace(&backups(repo).join(&name), bytes).context(Kind::Setup, failed)?;
            }
            installed.agents.push(Written {
                path: shown.clone(),
                sha256: digest(new.as_bytes()),
                before: before.map(|_| name),
                made,
            });
        }
    }
    // The record first: what it names and is not there is no harm, what it does not name stays for ever.
    crate::features::setup::store::save(repo, installed)?;
    fs::replace(path, new.as_bytes()).context(Kind::Setup, failed)
}

/// Takes away what was installed; returns the files that stay because somebody changed them.
pub fn uninstall(ctx: &Ctx, installed: &mut Installed) -> Result<Vec<String>> {
    let repo = ctx.repo()?;
    let mut left = Vec::new();
    for written in installed.agents.drain(..).rev() {
        let path = PathBuf::from(&written.path);
        let failed = || format!("{} cannot be restored", path.display());
        let Some(now) = fs::read_capped(&path, CAP).context(Kind::Setup, failed)? else {
            continue;
        };
        let as_left = digest(&now) == written.sha256;
        let kept = written.before.as_ref().map(|name| backups(repo).join(name));
        let back = match (&kept, as_left) {
            (Some(kept), true) => Some(disk::read(kept).context(Kind::Setup, failed)?),
            (None, true) => None,
            (_, false) => match stripped(&path, &now) {
                Some(text) if text.trim().is_empty() && written.before.is_none() => None,
                Some(text) if text.trim() == "{}" && written.before.is_none() => None,
                Some(text) => Some(text.into_bytes()),
                None => {
                    left.push(written.path.clone());
                    continue;
                }
            },
        };
        match back {
            Some(bytes) => fs::replace(&path, &bytes).context(Kind::Setup, failed)?,
            None => fs::remove(&path).context(Kind::Setup, failed)?,
        }
        for dir in written.made.iter().rev() {
            // Something of others in it keeps it.
            let _ = disk::remove_dir(dir);
        }
    }
    // The copies are of no use any more; one that stays harms nobody.
    let _ = disk::remove_dir_all(backups(repo));
    Ok(left)
}

/// Returns a changed file without what is ours; nothing if all of it was ours.
fn stripped(path: &Path, now: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(now).ok()?;
    match path.extension().and_then(|ending| ending.to_str()) {
        Some("json") => text::strip(text, OURS),
        _ if path.ends_with("AGENTS.md") || path.ends_with("CLAUDE.md") => Some(block::strip(text)),
        _ => None,
    }
}

fn digest(bytes: &[u8]) -> String {
    let mut text = String::new();
    for byte in Sha256::digest(bytes) {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// Reads `claude,codex` or `none`.
pub fn parse_vendor(word: &str) -> Result<Option<Vendor>, String> {
    if word == "none" {
        return Ok(None);
    }
    let found = Vendor::ALL.into_iter().find(|vendor| vendor.word() == word);
    found
        .map(Some)
        .ok_or_else(|| "expected claude, codex or none".to_owned())
}

/// Returns whom to install for: as told, else who is there.
pub fn chosen(repo: &Repo, told: &[Option<Vendor>]) -> Result<Vec<Vendor>> {
    if told.is_empty() {
        return Ok(present(repo));
    }
    if told.len() > 1 && told.contains(&None) {
        return Err(Error::usage("none is not one of several agents").hint("git ccc help init"));
    }
    Ok(told.iter().flatten().copied().collect())
}
