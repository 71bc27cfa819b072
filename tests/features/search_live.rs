//! Searching as one types, in a real terminal: tmux plays it, the keys go in as a person's would, the screen is read back.

use crate::common::agent::Agent;
use crate::common::command::Cmd;
use crate::common::setup::ready;
use crate::common::world::{World, poll};
use serde_json::json;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

const CLAUDE: &str = "5e551011-aaaa-4bbb-8ccc-000000000001";
const OTHER: &str = "5e551011-aaaa-4bbb-8ccc-000000000002";

/// A terminal of its own; it is gone when the test is.
struct Terminal {
    world: World,
    socket: PathBuf,
}

impl Terminal {
    /// Opens one in which a command runs.
    fn new(world: &World, command: &str) -> Self {
        let terminal = Terminal {
            world: world.clone(),
            socket: world.tmp().join("s"),
        };
        let open = [
            "new-session",
            "-d",
            "-x",
            "110",
            "-y",
            "24",
            command,
            ";",
            "set",
            "-g",
            "set-clipboard",
            "on",
        ];
        terminal.tmux(&open).run().ok();
        terminal
    }

    fn tmux(&self, args: &[&str]) -> Cmd {
        let socket = self.socket.display().to_string();
        let own = ["-u", "-f", "/dev/null", "-S", &socket];
        let command = self.world.command("tmux", own.iter().chain(args));
        command.env("LC_ALL", "C.UTF-8").env("VISUAL", "editor")
    }

    fn keys(&self, keys: &[&str]) {
        let args: Vec<&str> = ["send-keys"].iter().chain(keys).copied().collect();
        self.tmux(&args).run().ok();
    }

    fn screen(&self) -> String {
        self.tmux(&["capture-pane", "-p"]).run().ok().stdout.clone()
    }

    /// Waits until the screen has all of these.
    #[track_caller]
    fn shows(&self, parts: &[&str]) -> String {
        let mut last = String::new();
        let found = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            poll("the screen", || {
                last = self.screen();
                parts
                    .iter()
                    .all(|part| last.contains(part))
                    .then(|| last.clone())
            })
        }));
        found.unwrap_or_else(|_| panic!("{parts:?} is not to be seen:\n{last}"))
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let socket = self.socket.as_os_str();
        let _ = Command::new("tmux")
            .arg("-S")
            .arg(socket)
            .arg("kill-server")
            .output();
    }
}

fn transcript(w: &World, id: &str, title: &str, said: &str) {
    let records = [
        json!({"type": "user", "uuid": format!("{id}-1"), "sessionId": id, "timestamp": "2026-04-26T12:00:00.000Z",
               "cwd": "/r/shop", "message": {"role": "user", "content": said}}),
        json!({"type": "custom-title", "customTitle": title, "sessionId": id}),
    ];
    let path = w
        .home()
        .join(format!(".claude/projects/-r-shop/{id}.jsonl"));
    fs::create_dir_all(path.parent().expect("it has a folder")).expect("the folders");
    let text = records.map(|record| format!("{record}\n")).concat();
    fs::write(path, text).expect("a transcript");
}

#[test]
fn one_types_chooses_copies_asks_opens_and_the_terminal_is_as_it_was() {
    if Command::new("tmux").arg("-V").output().is_err() {
        // The one thing that a machine may lack here.
        return;
    }
    let w = ready(World::options().real_clock().build());
    let agent = Agent::new(&w, "claude", CLAUDE);
    let tag = agent.start("startup");
    transcript(
        &w,
        CLAUDE,
        "Longer waits",
        "use a growing backoff between attempts",
    );
    let token = ["gh", "p_", &"a1B2".repeat(9)].concat();
    let evil = format!("a jittered delay {token} \u{1b}]0;owned\u{7}\u{1b}[2J end");
    transcript(&w, OTHER, "evil\u{1b}[31mtitle", &evil);
    w.tool("editor", r#"printf '%s\n' "$@" >"$TMPDIR/opened""#);

    let run = r#"stty -g >"$TMPDIR/before"; git-ccc search -i; echo "ended $?"; stty -g >"$TMPDIR/after"
        sh -c 'echo $$ >"$TMPDIR/pid"; exec git-ccc search -i delay'; echo "signalled $?"; git-ccc search -i; echo "left $?"; exec cat"#;
    let t = Terminal::new(&w, run);
    t.shows(&["search: ", "conversations\n", "Longer waits"]);
    t.keys(&["-l", "jitt"]);
    let evil = t.shows(&[
        "1 conversation\n",
        "jittered delay [secret]",
        r"evil\u{1b}[31mtitle",
        r"\u{7}",
    ]);
    assert!(!evil.contains("p_a1B2"), "{evil}");
    t.keys(&["C-u"]);
    t.keys(&["-l", "backof"]);
    t.shows(&[
        "1 conversation\n",
        "use a growing backoff",
        "● Longer waits",
        &tag,
    ]);

    let resume = format!("claude --resume {CLAUDE}");
    t.keys(&["C-y"]);
    t.shows(&[&format!("copied: {resume}")]);
    assert_eq!(t.tmux(&["show-buffer"]).run().ok().stdout.trim(), resume);

    t.keys(&["C-s"]);
    t.keys(&["-l", "why does it grow?"]);
    t.shows(&[&format!("ask {tag}: why does it grow?")]);
    t.keys(&["Enter"]);
    t.shows(&[&format!("is sent to {tag}"), "search: backof"]);
    let mail = agent.ccc(["inbox", "--peek"]);
    assert!(mail.ok().stdout.contains("why does it grow?"), "{mail}");

    t.keys(&["Enter"]);
    let opened = poll("the editor", || {
        let text = fs::read_to_string(w.tmp().join("opened")).ok()?;
        text.contains("jsonl").then_some(text)
    });
    assert!(
        opened.starts_with("+1\n") && opened.contains(CLAUDE),
        "{opened}"
    );
    t.keys(&["-l", "f"]);
    t.shows(&["search: backoff", "1 conversation\n"]);
    t.keys(&["Escape"]);
    // The next one has begun; what a signal ends gives the terminal back too.
    t.shows(&["search: delay", "1 conversation\n"]);
    let state =
        |name: &str| fs::read_to_string(w.tmp().join(name)).expect("a state of the terminal");
    assert_eq!(state("before"), state("after"));
    let pid = state("pid");
    let killed = Command::new("kill").args(["-TERM", pid.trim()]).status();
    assert!(killed.is_ok_and(|status| status.success()));
    t.shows(&["search: ", "conversations\n"]);
    t.keys(&["C-c"]);
    let last = t.shows(&["ended 0", "signalled 143", "left 130"]);
    assert!(
        !last.contains("search: "),
        "the screen is the shell's again: {last}"
    );
}

#[test]
fn what_has_no_terminal_is_refused_with_what_to_do_instead() {
    let w = World::new();
    let refused = w.ccc(["search", "-i", "retry it's"]);
    refused.code(2);
    assert_eq!(
        refused.stderr,
        "ccc: -i needs a terminal\n  because: standard input or output is none\nhint: git ccc search -- 'retry it'\\''s'\n"
    );
    let json = w.ccc(["search", "-i", "--json"]);
    json.code(2);
    assert!(
        json.stderr.contains("has no JSON form") && json.stdout.is_empty(),
        "{json}"
    );
    w.ccc(["search", "-i", "--open", "x"]).code(2);
}
