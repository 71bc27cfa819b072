//! Where the directories are.

use super::{logic, model::MAIN};
use crate::{
    base::text::shell,
    ctx::Ctx,
    env,
    error::{Error, Result},
    features::session::store as sessions,
    git::Repo,
};
use std::path::{Path, PathBuf};

/// The directories of one repository.
#[derive(Clone, Debug)]
pub struct Place {
    /// What agents share.
    pub main: PathBuf,
    /// Where the copies are, each under its name.
    pub copies: PathBuf,
}

impl Place {
    /// Finds them: by the setting, else where Claude Code keeps the memory of this repository.
    pub fn find(ctx: &Ctx) -> Result<Self> {
        let main = match ctx.settings()?.memory_dir() {
            Some(written) => expand(written)?,
            None => agents_own(ctx.repo()?)?,
        };
        let mut copies = main.clone().into_os_string();
        copies.push("-of");
        let copies = PathBuf::from(copies);
        Ok(Place { main, copies })
    }

    /// The directory of a namespace.
    pub fn of(&self, name: &str) -> PathBuf {
        if name == MAIN {
            self.main.clone()
        } else {
            self.copies.join(name)
        }
    }

    /// Where the versions of a conflict are put side by side; the name begins with a dot, as no namespace does.
    pub fn conflicts(&self, name: &str) -> PathBuf {
        self.copies.join(".conflicts").join(name)
    }
}

fn expand(written: &str) -> Result<PathBuf> {
    match written.strip_prefix("~/") {
        Some(below) => home().map(|home| home.join(below)),
        None => Ok(PathBuf::from(written)),
    }
}

fn home() -> Result<PathBuf> {
    env::home().ok_or_else(|| Error::setup("HOME is not set").hint("git ccc doctor"))
}

fn agents_own(repo: &Repo) -> Result<PathBuf> {
    let common = repo.common_dir();
    // All worktrees of a repository share the memory of its first one.
    let root = if common.ends_with(".git") {
        common.parent().unwrap_or(common)
    } else {
        common
    };
    let slug = logic::slug(&root.display().to_string()).ok_or_else(|| {
        Error::setup(format!(
            "the name of {} is too long to tell its memory directory",
            root.display()
        ))
        .because("set memory.dir in your settings")
        .hint("git ccc doctor")
    })?;
    let claude = match env::var_os(env::CLAUDE_DIR) {
        Some(dir) => PathBuf::from(dir),
        None => home()?.join(".claude"),
    };
    Ok(claude.join("projects").join(slug).join("memory"))
}

/// The namespace of whoever runs this command: what was named, else that of the branch, else that of the session.
pub fn own(ctx: &Ctx, named: Option<&str>) -> Result<String> {
    let name = match named {
        Some(name) => {
            let name_of = logic::namespace(name);
            if name_of.is_empty() {
                return Err(
                    Error::usage("a namespace needs a name with letters or digits")
                        .hint("git ccc memory status"),
                );
            }
            return Ok(name_of);
        }
        None => match ctx.repo()?.branch() {
            Some(branch) => branch,
            None => sessions::current(ctx)?.tag.to_string(),
        },
    };
    let name = logic::namespace(&name);
    // A branch called main has a copy of its own too.
    let name = if name == MAIN {
        format!("branch-{MAIN}")
    } else {
        name
    };
    if name.is_empty() {
        return Err(
            Error::usage("nothing says which namespace is meant").hint("git ccc memory status")
        );
    }
    Ok(name)
}

/// The part of a worktree that its agent reads, so that it uses the copy: Claude Code's own setting.
pub fn point_claude(root: &Path, dir: &Path) -> Result<()> {
    use crate::base::merge::{Kind, Labels, merge};
    use crate::error::{Context, Kind as Sort};
    let path = root.join(".claude/settings.local.json");
    let failed = || format!("{} cannot be written", path.display());
    let old = crate::fs::read_capped(&path, 1 << 20).context(Sort::Setup, failed)?;
    let old = old
        .filter(|old| !old.trim_ascii().is_empty())
        .unwrap_or_else(|| b"{}\n".to_vec());
    let wish = serde_json::json!({ "autoMemoryDirectory": dir.display().to_string() });
    let known = serde_json::from_slice::<serde_json::Value>(&old).ok();
    if known.is_some_and(|known| known["autoMemoryDirectory"] == wish["autoMemoryDirectory"]) {
        return Ok(());
    }
    let wish = format!("{wish:#}\n").into_bytes();
    let labels = Labels {
        base: "nothing",
        ours: "settings.local.json",
        theirs: "git-ccc",
    };
    let merged = merge(Kind::Json, Some(b"{}"), &old, &wish, &labels);
    if !merged.is_clean() {
        return Err(Error::new(
            Sort::Conflict,
            format!(
                "{} has another autoMemoryDirectory, or does not parse",
                path.display()
            ),
        )
        .hint(format!("cat {}", shell(&path.display().to_string()))));
    }
    crate::fs::replace(&path, &merged.bytes).context(Sort::Setup, failed)
}
