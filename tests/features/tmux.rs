//! Waking an idle agent in its tmux pane, which is played by a script.

use crate::common::agent::Agent;
use crate::common::setup::ready;
use crate::common::world::World;
use serde_json::json;

/// A pane whose program swallows the first Enter.
const TMUX: &str = r#"
echo "$*" >>"$TMPDIR/keys"
case "$*" in
list-panes*) echo "1 %3"; echo "$(cat "$TMPDIR/pid") %7" ;;
*pane_in_mode*) echo 0 ;;
*cursor_y*) echo 1 ;;
capture-pane*) echo "an older line: git ccc inbox"; cat "$TMPDIR/prompt" 2>/dev/null || : ;;
send-keys*-l*) for text; do :; done; printf '> %s' "$text" >"$TMPDIR/prompt" ;;
send-keys*Enter) if [ -e "$TMPDIR/busy" ]; then rm "$TMPDIR/busy"; else rm "$TMPDIR/prompt"; fi ;;
*) exit 1 ;;
esac
"#;

fn keys(w: &World) -> Vec<String> {
    let text = std::fs::read_to_string(w.tmp().join("keys")).unwrap_or_default();
    let sent = text.lines().filter(|line| line.starts_with("send-keys"));
    sent.map(str::to_owned).collect()
}

#[test]
fn an_idle_agent_is_woken_once_by_fixed_words_and_enter_where_the_user_wants_it() {
    let w = ready(World::options().real_clock().build());
    w.tool("tmux", TMUX);
    let codex = Agent::new(&w, "codex", "0199aaaa-2222-7333-8444-555566667777");
    let tag = codex.start("startup");
    std::fs::write(w.tmp().join("pid"), codex.pid().to_string()).expect("a pid");
    std::fs::write(w.tmp().join("busy"), "").expect("a file");
    let peer = w.session("peer");
    let stop = || {
        codex
            .hook("Stop", &json!({"stop_hook_active": true}))
            .run()
            .ok()
            .stdout
            .clone()
    };
    stop();
    let send = |text: &str| peer.ccc(["send", &tag, text]).ok().stderr.clone();
    assert_eq!(
        (send("one"), keys(&w)),
        (String::new(), vec![]),
        "it is opt-in"
    );

    let dir = w.home().join(".config/git-ccc");
    std::fs::create_dir_all(&dir).expect("the user's folder");
    std::fs::write(dir.join("config.toml"), "[agents]\nwake = \"tmux\"\n").expect("settings");
    assert_eq!(
        (send("two"), keys(&w)),
        (String::new(), vec![]),
        "it is not known to be idle"
    );
    stop();
    assert_eq!(send("three; rm -rf /"), "");
    assert_eq!(send("four"), "");
    let once = [
        "send-keys -t %7 -l -- You have mail from other sessions of this repository: git ccc inbox",
        "send-keys -t %7 Enter",
        "send-keys -t %7 Enter",
    ];
    assert_eq!(
        keys(&w),
        once,
        "Enter is sent again where it was swallowed; the next letter wakes nobody twice"
    );

    codex.told("UserPromptSubmit", &json!({"prompt": "go on"}));
    assert_eq!(
        (send("five"), keys(&w).len()),
        (String::new(), 3),
        "it is at work"
    );
    stop();
    let later = peer
        .ccc(["send", &tag, "six", "--priority", "later"])
        .ok()
        .stderr
        .clone();
    assert_eq!(
        (later, keys(&w).len()),
        (String::new(), 3),
        "what can wait waits"
    );
    w.tool("tmux", "exit 1");
    assert!(
        send("seven").contains("was not woken"),
        "the letter is there all the same"
    );
}

#[test]
fn a_repository_cannot_have_words_typed() {
    let w = ready(World::new());
    let peer = w.session("peer");
    w.write(".ccc.toml", "[agents]\nwake = \"tmux\"\n");
    let refused = peer.ccc(["inbox"]);
    assert!(
        refused
            .code(2)
            .stderr
            .contains("may not be set by the repository layer"),
        "{refused}"
    );
}
