//! `git ccc worktree new` and `list`: whole trees from a fresh base, with what a checkout lacks, and what they say of themselves.

use crate::common::output::CommandOutput;
use crate::common::setup::ready;
use crate::common::world::World;
use serde_json::{Value, json};
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::PathBuf;

/// A repository with a commit, ignored files and a directory of dependencies.
fn scene() -> World {
    let w = ready(World::new());
    w.write(
        ".gitignore",
        ".env*\nnode_modules/\n/secret/\n.claude/settings.local.json\n",
    );
    w.write("src/a.txt", "a\n");
    w.git(["add", "."]).ok();
    w.git(["commit", "-qnm", "base"]).ok();
    w.write(".env", "KEY=mine\nPORT=1\n");
    w.write("node_modules/left/index.js", "left\n");
    w.write("node_modules/left/.env.example", "no\n");
    w.write("secret/deep/key.pem", "key\n");
    w.write("secret/other.txt", "other\n");
    w
}

fn tree(w: &World, name: &str) -> PathBuf {
    w.main_worktree().with_file_name(format!("repo.{name}"))
}

fn text(w: &World, name: &str, file: &str) -> Option<String> {
    fs::read_to_string(tree(w, name).join(file)).ok()
}

fn template(w: &World, name: &str, text: &str) {
    let dir = w.home().join(".config/git-ccc/templates");
    fs::create_dir_all(&dir).expect("a folder");
    fs::write(dir.join(format!("{name}.toml")), text).expect("a template");
}

fn new(w: &World, args: &[&str]) -> Value {
    let all = ["worktree", "new", "--json"].iter().chain(args);
    w.ccc(all).ok().json()
}

fn listed(w: &World, name: &str) -> Value {
    let list = w.ccc(["worktree", "list", "--json"]).ok().json();
    let all = list["worktrees"].as_array().expect("a list").clone();
    let one = all.into_iter().find(|one| one["name"] == name);
    one.unwrap_or_else(|| panic!("{name} is not in {list}"))
}

/// Nothing is left of making: no lock, no journal, no hidden directory.
#[track_caller]
fn nothing_left(w: &World) {
    let porcelain = w.git_text(["worktree", "list", "--porcelain"]);
    assert!(!porcelain.contains("locked"), "{porcelain}");
    let making = w.main_worktree().join(".git/ccc/making");
    let left: Vec<_> = fs::read_dir(making)
        .into_iter()
        .flatten()
        .flatten()
        .collect();
    assert!(left.is_empty(), "{left:?}");
    let beside = w.main_worktree().with_file_name("");
    let hidden = fs::read_dir(beside).expect("a folder").flatten();
    let hidden: Vec<_> = hidden
        .filter(|entry| entry.file_name().to_string_lossy().starts_with(".ccc"))
        .collect();
    assert!(hidden.is_empty(), "{hidden:?}");
}

#[test]
fn a_new_worktree_is_whole_and_waits_for_its_session() {
    let w = scene();
    let made = new(
        &w,
        &[
            "cart",
            "--template",
            "feature",
            "-m",
            "rounding of the cart",
            "--label",
            "component=cart",
        ],
    );
    assert_eq!(made["schema"], "ccc.worktree/1");
    assert_eq!(made["branch"], "cart");
    assert_eq!(made["base"]["name"], "main");
    assert_eq!(made["base"]["behind"], 0);
    assert_eq!(made["prepared"], true);
    assert_eq!(made["labels"]["kind"], "feature");
    assert_eq!(made["labels"]["component"], "cart");
    let path = tree(&w, "cart");
    assert_eq!(text(&w, "cart", "src/a.txt").as_deref(), Some("a\n"));
    let at = |args: &[&str]| w.command("git", args).cwd(&path).run().ok().stdout.clone();
    assert_eq!(at(&["status", "--porcelain"]), "");
    assert_eq!(at(&["symbolic-ref", "--short", "HEAD"]), "cart\n");
    nothing_left(&w);
    w.git(["fsck", "--strict"]).ok();
    let brief = made["brief"].as_str().expect("a brief");
    assert!(
        brief.len() <= 1024 && brief.contains("rounding of the cart"),
        "{brief}"
    );
    let tag = made["session"].as_str().expect("a tag");
    assert!(
        brief.contains(tag) && brief.contains("tests passes"),
        "{brief}"
    );
    // Whoever comes first takes the session that was prepared; the second one is somebody else.
    let start = |name: &str| -> CommandOutput {
        let args = ["session", "start", "--name", name, "--json"];
        w.command(crate::common::world::BINARY, args)
            .cwd(&path)
            .run()
    };
    let first = start("worker").ok().json();
    assert_eq!(first["tag"], tag);
    assert_eq!(first["task"], "rounding of the cart");
    assert_eq!(first["labels"]["component"], "cart");
    assert_ne!(start("other").ok().json()["tag"], tag);
    let one = listed(&w, "cart");
    assert_eq!(
        (&one["ahead"], &one["behind"], &one["dirty"]),
        (&json!(0), &json!(0), &json!(false))
    );
    assert_eq!(one["sessions"].as_array().map(Vec::len), Some(2));
}

#[test]
fn what_git_ignores_and_somebody_names_comes_along_whole() {
    let w = scene();
    fs::set_permissions(
        w.repo().join("node_modules/left/index.js"),
        fs::Permissions::from_mode(0o755),
    )
    .expect("a mode");
    symlink("left", w.repo().join("node_modules/right")).expect("a link");
    fs::hard_link(
        w.repo().join("node_modules/left/index.js"),
        w.repo().join("node_modules/same.js"),
    )
    .expect("a second name");
    w.write("node_modules/ro.js", "never changed\n");
    fs::set_permissions(
        w.repo().join("node_modules/ro.js"),
        fs::Permissions::from_mode(0o444),
    )
    .expect("a mode");
    w.write(".worktreeinclude", "# keys\nsecret/**/*.pem\nsrc/a.txt\n");
    let made = new(&w, &["x", "--template", "feature"]);
    assert_eq!(
        made["brought"]["entries"],
        json!([".env", "node_modules/", "secret/deep/key.pem"]),
        "{made}"
    );
    assert_eq!(text(&w, "x", ".env").as_deref(), Some("KEY=mine\nPORT=1\n"));
    assert_eq!(
        text(&w, "x", "secret/deep/key.pem").as_deref(),
        Some("key\n")
    );
    assert_eq!(text(&w, "x", "secret/other.txt"), None);
    assert_eq!(
        text(&w, "x", "node_modules/left/.env.example").as_deref(),
        Some("no\n")
    );
    let meta = |path: &str| fs::symlink_metadata(tree(&w, "x").join(path)).expect("it is there");
    assert_eq!(meta("node_modules/left/index.js").mode() & 0o777, 0o755);
    assert_eq!(
        meta("node_modules/left/index.js").ino(),
        meta("node_modules/same.js").ino()
    );
    assert!(meta("node_modules/right").is_symlink());
    let mine = fs::metadata(w.repo().join("node_modules/left/index.js")).expect("it is there");
    assert_ne!(
        meta("node_modules/left/index.js").ino(),
        mine.ino(),
        "a change in one is none in the other"
    );
    assert_eq!(
        meta("node_modules/left/index.js").mtime(),
        mine.mtime(),
        "builds compare times"
    );
    let fixed = fs::metadata(w.repo().join("node_modules/ro.js")).expect("it is there");
    assert_eq!(
        meta("node_modules/ro.js").ino(),
        fixed.ino(),
        "what nobody writes to is linked"
    );
    let none = new(&w, &["y", "--template", "feature", "--no-copy"]);
    assert_eq!(none["brought"]["files"], 0);
}

/// More files than one thread takes at once, deeper than directories are kept open, and what no umask or file system gives by itself.
#[test]
fn what_comes_along_is_as_it_was() {
    let w = scene();
    let from = |path: &str| w.main_worktree().join("node_modules").join(path);
    let deep = (0..40).fold(String::from("deep"), |path, n| format!("{path}/{n}"));
    for n in 0..1500 {
        w.write(
            format!("node_modules/wide/{n}.js"),
            format!("{n}\n").repeat(n % 40),
        );
    }
    w.write(format!("node_modules/{deep}/end.js"), "end\n");
    w.write("node_modules/big.node", "0123456789abcdef".repeat(20_000));
    w.write("node_modules/own/.git", "gitdir: ../elsewhere\n");
    w.write("node_modules/own/index.js", "own\n");
    fs::create_dir_all(from("empty/er")).expect("a folder");
    symlink("../wide/1.js", from("deep/link")).expect("a link");
    fs::hard_link(from("wide/7.js"), from("deep/seven.js")).expect("one more name");
    let modes = [0o666, 0o600, 0o755, 0o777, 0o604];
    let set = |path: PathBuf, bits| {
        fs::set_permissions(path, fs::Permissions::from_mode(bits)).expect("a mode");
    };
    for (n, bits) in modes.iter().cycle().take(1500).enumerate() {
        set(from(&format!("wide/{n}.js")), *bits);
    }
    let then = std::time::UNIX_EPOCH + std::time::Duration::new(1_600_000_000, 123_456_789);
    let file = fs::File::options().write(true).open(from("wide/9.js"));
    file.expect("a file").set_modified(then).expect("a time");

    let made = new(&w, &["cart", "--template", "feature"]);
    let there = tree(&w, "cart").join("node_modules");
    for n in 0..1500 {
        let (old, new) = (
            from(&format!("wide/{n}.js")),
            there.join(format!("wide/{n}.js")),
        );
        assert_eq!(
            fs::read(&new).expect("it came"),
            fs::read(&old).expect("it is there")
        );
        let (old, new) = (
            old.metadata().expect("a stat"),
            new.metadata().expect("a stat"),
        );
        assert_eq!(new.mode(), old.mode(), "{n}");
        assert_eq!(
            new.modified().expect("a time"),
            old.modified().expect("a time"),
            "{n}"
        );
        assert_ne!(new.ino(), old.ino(), "{n}");
    }
    let text = |path: &str| fs::read_to_string(there.join(path)).expect("it came");
    assert_eq!(text(&format!("{deep}/end.js")), "end\n");
    assert_eq!(text("big.node"), "0123456789abcdef".repeat(20_000));
    assert_eq!(
        fs::read_link(there.join("deep/link")).expect("a link"),
        PathBuf::from("../wide/1.js")
    );
    let ino = |path: &str| there.join(path).metadata().expect("a stat").ino();
    assert_eq!(ino("wide/7.js"), ino("deep/seven.js"));
    assert!(there.join("empty/er").is_dir());
    assert!(
        !there.join("own").exists(),
        "a worktree in it is somebody's"
    );
    // Those, and what the scene has.
    assert_eq!(
        made["brought"]["files"],
        1500 + 3 + 3,
        "{}",
        made["brought"]
    );
}

/// Half of it is worse than none, and which file it was is said.
#[test]
fn what_cannot_be_copied_whole_is_left_out_and_named() {
    let w = scene();
    let Some(bound) = crate::common::setup::bound_by_modes(&w) else {
        return;
    };
    let secret = w.main_worktree().join("node_modules/left/index.js");
    fs::set_permissions(&secret, fs::Permissions::from_mode(0o200)).expect("a mode");
    let line = format!("{bound} \"$0\" worktree new cart --template feature --json");
    let out = w.command("sh", ["-c", &line, crate::common::world::BINARY]);
    let made = out.run().ok().json();
    assert_eq!(
        made["left"],
        json!(["node_modules: node_modules/left/index.js: Permission denied (os error 13)"])
    );
    assert!(!tree(&w, "cart").join("node_modules").exists());
    assert_eq!(made["brought"]["entries"], json!([".env"]));
}

#[test]
fn ports_and_slots_are_leased_once_and_written_where_the_template_says() {
    let w = scene();
    let port = 20_000 + u16::try_from(std::process::id() % 10_000).expect("a small number");
    template(
        &w,
        "web",
        &format!(
            "v = 1\nkind = \"feature\"\n[copy]\nfiles = [\".env\"]\n[lease.ports]\nweb = \"{port}-{}\"\n[lease.slots]\ndb = [\"a\", \"b\"]\n\
         [[write]]\npath = \".env\"\ntext = \"PORT={{port.web}}\\nDB={{slot.db}}\\n\"\n",
            port + 40
        ),
    );
    let (one, two) = (
        new(&w, &["one", "--template", "web"]),
        new(&w, &["two", "--template", "web"]),
    );
    let lease = |made: &Value, n: usize| {
        made["leases"][n]["scope"]
            .as_str()
            .expect("a scope")
            .to_owned()
    };
    assert_ne!(lease(&one, 0), lease(&two, 0));
    assert_eq!(
        (lease(&one, 1), lease(&two, 1)),
        ("res:slot/db/a".to_owned(), "res:slot/db/b".to_owned())
    );
    let value = two["leases"][0]["value"].as_str().expect("a value");
    assert_eq!(
        text(&w, "two", ".env"),
        Some(format!("KEY=mine\nPORT={value}\nDB=b\n"))
    );
    let claims = w.ccc(["claims", "--json"]).ok().json();
    let held = claims["claims"].to_string();
    assert!(
        held.contains(&lease(&one, 0)) && held.contains("res:slot/db/b"),
        "{held}"
    );
    // No slot is left: nothing is leased, and the worktree says so.
    let third = w.ccc(["worktree", "new", "three", "--template", "web"]);
    assert!(
        third.code(1).stderr.contains("none of slot.db is left"),
        "{third}"
    );
    // Its tree is whole, and can be set up later.
    assert!(tree(&w, "three").join("src/a.txt").exists());
    // Even when all sessions have ended and all claims are gone, what a worktree was given stays its own.
    for made in [&one, &two] {
        w.ccc(["session", "end", made["session"].as_str().expect("a tag")])
            .ok();
    }
    assert!(!w.ccc(["claims"]).ok().stdout.contains("res:"));
    w.ccc(["worktree", "new", "four", "--template", "web"])
        .code(1);
}

#[test]
fn a_stale_base_is_said_and_refused_if_policy_says_so() {
    let w = scene();
    w.git(["branch", "old"]).ok();
    for n in 0..3 {
        w.git(["commit", "-qn", "--allow-empty", "-m", &n.to_string()])
            .ok();
    }
    let made = new(&w, &["stale", "--from", "old"]);
    assert_eq!(
        (&made["base"]["behind"], &made["base"]["target"]),
        (&json!(3), &json!("main"))
    );
    w.write(".git/ccc.toml", "[worktree]\nmax_behind = 2\n");
    let refused = w.ccc(["worktree", "new", "staler", "--from", "old"]);
    assert!(
        refused
            .code(1)
            .stderr
            .contains("old is 3 commits behind main"),
        "{refused}"
    );
    let hint = "hint: git ccc worktree new staler --from main";
    assert!(refused.stderr.contains(hint), "{refused}");
    assert!(!tree(&w, "staler").exists());
    new(&w, &["fresh"]);
    // What the remote has is fresher than a main that nobody has pulled.
    let remote = w.outside().join("remote.git");
    w.git(["clone", "-q", "--bare", ".", &remote.display().to_string()])
        .ok();
    w.git(["remote", "add", "origin", &remote.display().to_string()])
        .ok();
    let other = w.outside().join("other");
    w.git([
        "clone",
        "-q",
        &remote.display().to_string(),
        &other.display().to_string(),
    ])
    .ok();
    let there = |args: &[&str]| w.command("git", args).cwd(&other).run();
    there(&["commit", "-q", "--allow-empty", "-m", "news"]).ok();
    there(&["push", "-q"]).ok();
    assert_eq!(new(&w, &["before"])["base"]["name"], "main");
    let fetched = new(&w, &["after", "--fetch"]);
    assert_eq!(fetched["base"]["name"], "origin/main");
    assert_eq!(
        fetched["base"]["commit"].as_str(),
        Some(there(&["rev-parse", "HEAD"]).ok().stdout.trim())
    );
    assert!(!w.main_worktree().join(".git/FETCH_HEAD").exists());
}

#[test]
fn commands_of_other_tools_run_only_when_their_file_is_trusted() {
    let w = scene();
    let ran = w.outside().join("ran");
    let run = format!(
        "echo \\\"$CONDUCTOR_WORKSPACE_NAME $ROOT_WORKTREE_PATH\\\" >> {}",
        ran.display()
    );
    w.write(
        "conductor.json",
        format!("{{\"scripts\": {{\"setup\": \"{run}\"}}, \"copy\": [\"secret/other.txt\"]}}"),
    );
    let made = new(&w, &["one"]);
    assert_eq!(made["untrusted"], json!(["conductor.json"]));
    assert_eq!(
        text(&w, "one", "secret/other.txt").as_deref(),
        Some("other\n"),
        "what is data is taken"
    );
    assert!(!ran.exists());
    let said = w.ccc(["worktree", "new", "two"]).ok().stdout.clone();
    assert!(said.contains("git ccc trust conductor.json"), "{said}");
    w.ccc(["trust", "conductor.json"]).ok();
    new(&w, &["three"]);
    let told = fs::read_to_string(&ran).expect("it ran");
    assert_eq!(told, format!("three {}\n", w.main_worktree().display()));
    new(&w, &["four", "--no-run"]);
    w.write("conductor.json", "{\"scripts\": {\"setup\": \"exit 3\"}}");
    assert_eq!(
        new(&w, &["five"])["untrusted"],
        json!(["conductor.json"]),
        "another version, another trust"
    );
    w.ccc(["trust", "conductor.json"]).ok();
    let failed = w.ccc(["worktree", "new", "six"]);
    assert!(failed.code(1).stderr.contains("ended with 3"), "{failed}");
    assert!(tree(&w, "six").join("src/a.txt").exists());
    assert_eq!(fs::read_to_string(&ran).expect("it ran").lines().count(), 1);
}

#[test]
fn the_list_counts_what_git_counts() {
    let w = scene();
    for name in ["clean", "dirty", "merging", "gone", "moved"] {
        new(&w, &[name]);
    }
    let git = |name: &str, args: &[&str]| w.command("git", args).cwd(tree(&w, name)).run();
    fs::write(tree(&w, "dirty").join("src/a.txt"), "changed\n").expect("a file");
    fs::write(tree(&w, "dirty").join("new.txt"), "new\n").expect("a file");
    fs::create_dir(tree(&w, "dirty").join("many")).expect("a folder");
    fs::write(tree(&w, "dirty").join("many/one.txt"), "new\n").expect("a file");
    fs::write(tree(&w, "dirty").join("staged.txt"), "new\n").expect("a file");
    git("dirty", &["add", "staged.txt"]).ok();
    for (name, text) in [("merging", "theirs\n"), ("clean", "ours\n")] {
        fs::write(tree(&w, name).join("src/a.txt"), text).expect("a file");
        git(name, &["commit", "-qnam", text.trim()]).ok();
    }
    assert_ne!(git("merging", &["merge", "clean"]).code, 0);
    fs::remove_dir_all(tree(&w, "gone")).expect("it goes");
    fs::rename(tree(&w, "moved"), tree(&w, "elsewhere")).expect("it moves");
    let dirty = listed(&w, "dirty");
    assert_eq!(
        (&dirty["staged"], &dirty["changed"], &dirty["untracked"]),
        (&json!(1), &json!(1), &json!(2))
    );
    assert_eq!(listed(&w, "clean")["dirty"], false);
    assert_eq!(
        (
            &listed(&w, "clean")["ahead"],
            &listed(&w, "clean")["behind"]
        ),
        (&json!(1), &json!(0))
    );
    assert_eq!(listed(&w, "merging")["conflicted"], 1);
    assert_eq!(listed(&w, "gone")["state"], "missing");
    let moved = listed(&w, "moved");
    assert_eq!(moved["state"], "moved");
    assert!(
        moved["detail"]
            .as_str()
            .is_some_and(|path| path.ends_with(".elsewhere")),
        "{moved}"
    );
    assert!(listed(&w, "main")["main"].as_bool().unwrap_or_default());
    w.ccc(["worktree", "list", "--disk"]).ok();
}

#[test]
fn a_hostile_repository_runs_nothing_and_writes_nothing_outside() {
    let w = ready(World::new());
    let outside = w.outside();
    let bait = outside.join("bait");
    let run = format!("touch {}", bait.display());
    symlink(&outside, w.repo().join("out")).expect("a link");
    symlink(outside.join("owned"), w.repo().join("file")).expect("a link");
    w.write(".gitignore", "*.key\nvendor/\n");
    w.write(".ccc.toml", format!("[worktree]\ntest = \"{run}\"\n"));
    w.write(".ccc/templates/evil.toml", format!(
        "v = 1\nkind = \"feature\"\npurpose = \"{{name}} \\u202e\"\n[copy]\nfiles = [\"*\", \"/etc/passwd\", \"../../*\"]\nimmutable = [\"vendor/\"]\n\
         [[write]]\npath = \"out/owned\"\ntext = \"x\"\n[[write]]\npath = \"file\"\ntext = \"x\"\n[run]\nsetup = [\"{run}\"]\nteardown = [\"{run}\"]\n[[check]]\nname = \"t\"\nrun = \"{run}\"\nafter = \"passes\"\n"));
    w.write(
        ".ccc/templates/worse.toml",
        "v = 1\nkind = \"x\"\n[[write]]\npath = \"../owned\"\ntext = \"x\"\n",
    );
    w.write(
        "conductor.json",
        format!("{{\"scripts\": {{\"setup\": \"{run}\", \"archive\": \"{run}\"}}}}"),
    );
    w.write(
        ".cursor/worktrees.json",
        format!("{{\"setup-worktree\": [\"{run}\"]}}"),
    );
    w.write(
        ".superset/config.json",
        format!("{{\"setup\": [\"{run}\"]}}"),
    );
    w.write(
        ".workmux.yaml",
        format!("post_create:\n  - {run}\nfiles:\n  copy: ['../*', '/etc/passwd', \"a\\nb\"]\n"),
    );
    w.write(".config/wt.toml", format!("[post-create]\nx = \"{run}\"\n"));
    w.git(["add", "-A"]).ok();
    w.git(["commit", "-qnm", "bait"]).ok();
    w.write("a\nb\u{1b}[2J.key", "k\n");
    w.write("vendor/x", "mine\n");
    symlink(&outside, w.repo().join("vendor/out")).expect("a link");
    symlink(&outside, w.repo().join("up.key")).expect("a link");
    symlink("/dev/zero", w.repo().join(".worktreeinclude")).expect("a link");
    w.command("mkfifo", ["vendor/pipe"]).run().ok();
    let made = w.ccc(["worktree", "new", "x", "--template", "evil"]);
    let out = made.ok();
    assert!(!out.stdout.contains(['\u{1b}', '\u{202e}']), "{out}");
    let left: Vec<_> = fs::read_dir(&outside)
        .expect("a folder")
        .flatten()
        .collect();
    assert!(left.is_empty(), "{left:?}");
    assert_eq!(text(&w, "x", "vendor/x").as_deref(), Some("mine\n"));
    let (there, here) = (tree(&w, "x").join("vendor/x"), w.repo().join("vendor/x"));
    let ino = |path: PathBuf| fs::metadata(path).expect("it is there").ino();
    assert_ne!(
        ino(there),
        ino(here),
        "a repository's template shares nothing that can change"
    );
    assert!(
        tree(&w, "x").join("file").is_symlink(),
        "a link stays what it is"
    );
    w.ccc(["worktree", "new", "y", "--template", "worse"])
        .code(2);
    for name in ["a\nb", "\u{1b}[2J", "..", "../../x", "-x", ""] {
        let refused = w.ccc(["worktree", "new", "--", name]);
        assert!(
            refused.code(2).stderr.lines().count() < 12 && !refused.stderr.contains('\u{1b}'),
            "{refused}"
        );
    }
    let left: Vec<_> = fs::read_dir(&outside)
        .expect("a folder")
        .flatten()
        .collect();
    assert!(left.is_empty() && !bait.exists(), "{left:?}");
    nothing_left(&w);
}

#[test]
fn refusals_leave_nothing_behind() {
    let w = scene();
    w.git(["branch", "taken"]).ok();
    w.ccc(["worktree", "new", "taken"]).code(1);
    new(&w, &["taken", "--branch", "taken"]);
    w.ccc(["worktree", "new", "again", "--branch", "taken"])
        .code(1);
    fs::create_dir(tree(&w, "there")).expect("a folder");
    w.ccc(["worktree", "new", "there"]).code(1);
    w.ccc(["worktree", "new", "x", "--from", "nowhere"]).code(2);
    let branches = w.git_text(["for-each-ref", "--format=%(refname:short)", "refs/heads"]);
    assert_eq!(branches, "main\ntaken");
    nothing_left(&w);
}
