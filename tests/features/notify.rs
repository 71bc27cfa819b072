//! Notifications end to end: against a real HTTP server on loopback, fake desktop tools and a command of the user's.

use crate::common::agent::Agent;
use crate::common::http::{Request, serve};
use crate::common::session::Session;
use crate::common::setup::ready;
use crate::common::world::{BINARY, World, poll};
use serde_json::{Value, json};
use std::path::Path;
use std::sync::mpsc::Receiver;
use std::time::{Duration, Instant};

/// A server that answers each request alike, or never if the answer is empty.
fn server(answer: &'static str) -> (String, Receiver<Request>) {
    let (url, requests) = serve(move |_, _| (!answer.is_empty()).then(|| answer.to_owned()));
    (format!("{url}/hooks/secret-key"), requests)
}

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok";

fn configure(w: &World, text: &str) {
    let dir = w.home().join(".config/git-ccc");
    std::fs::create_dir_all(&dir).expect("the user's folder");
    std::fs::write(dir.join("config.toml"), format!("[notify]\n{text}\n")).expect("settings");
}

fn private(w: &World, name: &str, text: &str) -> String {
    use std::os::unix::fs::PermissionsExt;
    let path = w.home().join(name);
    std::fs::write(&path, text).expect("a file");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).expect("its mode");
    path.display().to_string()
}

fn received(receiver: &Receiver<Request>) -> (String, Value) {
    let (head, body) = receiver
        .recv_timeout(Duration::from_secs(60))
        .expect("a request");
    (head, serde_json::from_str(&body).expect("a JSON payload"))
}

fn post(session: &Session, text: &str) -> crate::common::output::CommandOutput {
    session.ccc(["chat", "post", text])
}

#[test]
fn a_mention_of_the_person_reaches_the_webhook_harmless_and_once() {
    let w = ready(World::new());
    let (url, requests) = server(OK);
    configure(
        &w,
        &format!(
            "webhook = \"{}\"",
            private(&w, "hook-url", &format!("{url}\n"))
        ),
    );
    let a = w.session("a");
    post(&a, "nothing for a person").ok();
    let id = post(
        &a,
        "@me may I? <!channel> @channel [x](http://e.vil) `c`\u{1b}[2J",
    )
    .ok()
    .stdout
    .clone();
    let (head, payload) = received(&requests);
    assert!(
        head.starts_with("POST /hooks/secret-key HTTP/1.1\r\n"),
        "{head}"
    );
    assert!(
        head.to_lowercase()
            .contains("content-type: application/json"),
        "{head}"
    );
    let fields: Vec<&String> = payload.as_object().expect("an object").keys().collect();
    assert_eq!(fields, ["text"], "what Mattermost and Slack both read");
    let text = payload["text"].as_str().expect("text");
    assert!(
        text.starts_with("*repo") && text.contains(a.tag()),
        "{text}"
    );
    for bad in ["<!", "@c", "@m", "](", "http:/", "`", "\u{1b}"] {
        assert!(!text.contains(bad), "{bad:?} in {text}");
    }
    let again = a.ccc(["chat", "post", "--id", id.trim(), "@me may I?"]);
    again.ok();
    let told = a.ccc(["notify", "mention", "--id", id.trim(), "--json"]);
    assert_eq!(told.ok().json()["outcome"], "known");
    assert!(requests.try_recv().is_err(), "it was told once");
    w.ccc(["chat", "post", "--me", "@me to myself"]).ok();
    assert!(
        requests.try_recv().is_err(),
        "nobody is told of what they said themselves"
    );
}

#[test]
fn a_broken_claim_is_told_in_the_quiet_hours_and_a_mention_is_not() {
    let w = ready(World::new());
    let (url, requests) = server(OK);
    configure(
        &w,
        &format!("webhook = \"{url}\"\nquiet_hours = \"00:00-23:59\""),
    );
    let (a, b) = (w.session("a"), w.session("b"));
    a.ccc(["claim", "src/"]).ok();
    post(&b, "@me hello").ok();
    let told = b.ccc(["notify", "mention", "-m", "x", "--json"]);
    assert_eq!(told.ok().json()["outcome"], "quiet");
    let id = w.ccc(["claims", "--json"]).ok().json()["claims"][0]["id"].clone();
    b.ccc([
        "break",
        id.as_str().expect("an id"),
        "--why",
        "it was asleep",
    ])
    .ok();
    let (_, payload) = received(&requests);
    let text = payload["text"].as_str().expect("text");
    assert!(
        text.contains("had a claim broken") && text.contains("it was asleep"),
        "{text}"
    );
    assert!(requests.try_recv().is_err(), "the mention was held back");
}

#[test]
fn a_webhook_that_fails_is_one_warning_that_names_no_secret() {
    for (answer, why) in [
        (
            "HTTP/1.1 500 Oops\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
            "status 500",
        ),
        (
            "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/elsewhere\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
            "status 302",
        ),
        ("", "no answer within 2 s"),
    ] {
        let w = ready(World::new());
        let (url, requests) = server(answer);
        configure(&w, &format!("webhook = \"{url}\""));
        let a = w.session("a");
        let start = Instant::now();
        let posted = post(&a, "@me hello");
        received(&requests);
        assert!(
            requests.try_recv().is_err(),
            "nothing is sent twice or elsewhere"
        );
        assert_eq!(posted.ok().stderr.lines().count(), 1, "{posted}");
        assert!(posted.stderr.contains(why), "{posted}");
        assert!(!posted.stderr.contains("secret-key"), "{posted}");
        assert!(start.elapsed() < Duration::from_secs(30), "it gives up");
        let refused = a.ccc(["notify", "mention", "-m", "x"]);
        assert!(!refused.code(1).stderr.contains("secret-key"), "{refused}");
    }
}

#[test]
fn a_proxy_of_the_environment_never_sees_the_url() {
    let w = ready(World::new());
    let (url, requests) = server(OK);
    let (proxy, intercepted) = server(OK);
    configure(&w, &format!("webhook = \"{url}\""));
    let a = w.session("a");
    let mut post = a.command(["chat", "post", "@me hello"]);
    for name in ["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"] {
        post = post.env(name, &proxy);
    }
    post.run().ok();
    received(&requests);
    assert!(intercepted.try_recv().is_err());
}

#[test]
fn a_url_that_others_can_read_is_not_used_and_settings_never_show_it() {
    let w = ready(World::new());
    let (url, requests) = server(OK);
    let file = w.home().join("open");
    std::fs::write(&file, &url).expect("a file");
    configure(&w, &format!("webhook = \"{}\"", file.display()));
    let a = w.session("a");
    let told = a.ccc(["notify", "mention", "-m", "x"]);
    assert!(told.code(2).stderr.contains("chmod 600"), "{told}");
    configure(&w, &format!("webhook_command = \"echo {url}\""));
    a.ccc(["notify", "mention", "-m", "x"]).ok();
    received(&requests);
    configure(&w, &format!("webhook = \"{url}\""));
    let doctor = w.ccc(["doctor"]);
    assert!(!doctor.to_string().contains("secret-key"), "{doctor}");
    configure(&w, "webhook = \"secret-key\"");
    let refused = a.ccc(["notify", "mention"]);
    assert!(
        !refused.code(2).to_string().contains("\"secret-key"),
        "{refused}"
    );
}

#[test]
fn a_repository_cannot_say_what_runs_or_where_to_send() {
    let w = ready(World::new());
    let a = w.session("a");
    for key in [
        "command = \"touch pwned\"",
        "webhook = \"http://127.0.0.1:1/\"",
        "webhook_command = \"touch pwned\"",
    ] {
        w.write(".ccc.toml", format!("[notify]\n{key}\n"));
        let refused = post(&a, "@me hello");
        assert!(
            refused
                .code(2)
                .stderr
                .contains("may not be set by the repository layer"),
            "{refused}"
        );
    }
    assert!(!w.repo().join("pwned").exists());
}

#[test]
fn the_command_gets_words_and_json_and_its_failure_is_a_warning() {
    let w = ready(World::new());
    let out = w.tmp().join("told");
    configure(
        &w,
        &format!(
            "command = 'printf \"%s|%s|%s|\" \"$1\" \"$2\" \"$3\" > {0}; cat >> {0}'",
            out.display()
        ),
    );
    let a = w.session("a");
    post(&a, "@me $(touch pwned) `id`").ok();
    let told = std::fs::read_to_string(&out).expect("it ran");
    let start = format!(
        "mention|repo: {} asks for you|@me $(touch pwned) `id`|",
        a.tag()
    );
    let json = told
        .strip_prefix(&start)
        .unwrap_or_else(|| panic!("{told}"));
    let json: Value = serde_json::from_str(json).expect("JSON");
    assert_eq!(json["schema"], "ccc.notification/1");
    assert!(!w.repo().join("pwned").exists());
    configure(&w, "command = \"exit 3\"");
    let warned = post(&a, "@me again");
    assert!(
        warned.ok().stderr.contains("notify.command exited with 3"),
        "{warned}"
    );
}

#[test]
fn a_slow_command_is_left_to_itself() {
    let w = ready(World::new());
    let (ready_file, go) = (w.tmp().join("began"), w.tmp().join("go"));
    let made = std::process::Command::new("mkfifo").arg(&go).status();
    assert!(made.expect("mkfifo").success());
    configure(
        &w,
        &format!(
            "command = 'touch {}; read x < {}'",
            ready_file.display(),
            go.display()
        ),
    );
    let a = w.session("a");
    post(&a, "@me hello").ok();
    poll("the command began", || {
        Path::new(&ready_file).exists().then_some(())
    });
}

#[test]
fn the_desktop_is_told_by_its_own_program() {
    let w = ready(World::new());
    w.tool("notify-send", "printf '%s\\n' \"$@\" > \"$TMPDIR/desktop\"");
    configure(&w, "desktop = \"on\"");
    let a = w.session("a");
    post(&a, "@me <b>hello</b>").ok();
    let told = std::fs::read_to_string(w.tmp().join("desktop")).expect("it ran");
    let expected = format!(
        "--app-name=git-ccc\n--\nrepo: {} asks for you\n@me &lt;b&gt;hello&lt;/b&gt;\n",
        a.tag()
    );
    assert_eq!(told, expected);
    w.tool("notify-send", "exit 1");
    w.tool("osascript", "exit 1");
    let warned = post(&a, "@me again");
    assert!(
        warned.ok().stderr.contains("there is no desktop to tell"),
        "{warned}"
    );
}

#[test]
fn an_idle_timer_is_no_alarm_and_a_permission_prompt_is_one() {
    let w = ready(World::new());
    configure(&w, "command = \"true\"\nevents = [\"input_needed\"]");
    let tell = |args: &[&str]| {
        let args = ["notify"].iter().chain(args).chain(&["--json"]);
        w.command(BINARY, args).run().ok().json()["outcome"].clone()
    };
    assert_eq!(tell(&["--agent-type", "idle_prompt"]), "unwanted");
    assert_eq!(tell(&["--agent-type", "permission_prompt"]), "sent");
    assert_eq!(tell(&["finished"]), "unwanted");
    configure(&w, "");
    assert_eq!(tell(&["input_needed"]), "nowhere");
}

#[test]
fn the_setting_has_a_word_for_every_kind() {
    for word in git_ccc::settings::EVENTS {
        let kind: git_ccc::features::notify::Kind = word.parse().expect("a kind");
        assert_eq!(kind.word(), *word);
    }
}

#[test]
fn an_agent_that_waits_for_its_person_or_is_done_is_told_of() {
    let w = ready(World::new());
    let out = w.tmp().join("told");
    configure(
        &w,
        &format!("command = 'echo \"$1|$3\" >> {}'", out.display()),
    );
    let claude = Agent::new(&w, "claude", "5f0c1a7e-1111-4222-8333-444455556666");
    let hook = |event: &str, fields: &Value| claude.hook(event, fields).run().ok().stdout.clone();
    hook("SessionStart", &json!({"source": "startup"}));
    let idle = json!({"notification_type": "idle_prompt", "message": "Claude is waiting"});
    assert_eq!(hook("Notification", &idle), "");
    assert!(!out.exists(), "time that passes is nothing to be told of");
    let asks = json!({"notification_type": "permission_prompt", "message": "Claude needs your permission to use Bash"});
    hook("Notification", &asks);
    w.session("peer")
        .ccc([
            "send",
            "--priority",
            "now",
            &session_of(&w, "claude"),
            "wait",
        ])
        .ok();
    let kept = hook("Stop", &json!({"stop_hook_active": false}));
    assert!(kept.contains("wait"), "mail keeps it going: {kept}");
    let told = || std::fs::read_to_string(&out).expect("somebody was told");
    assert_eq!(
        told(),
        "input_needed|Claude needs your permission to use Bash\n"
    );
    hook("Stop", &json!({"stop_hook_active": true}));
    let codex = Agent::new(&w, "codex", "0199aaaa-2222-7333-8444-555566667777");
    codex
        .hook("SessionStart", &json!({"source": "startup"}))
        .run()
        .ok();
    let asks = json!({"tool_name": "Bash", "tool_input": {"command": "echo secret"}});
    codex.hook("PermissionRequest", &asks).run().ok();
    assert_eq!(
        told(),
        "input_needed|Claude needs your permission to use Bash\nfinished|its turn has ended\n\
         input_needed|Bash waits for your leave to run\n"
    );
}

/// The tag of the only session of an agent.
fn session_of(w: &World, agent: &str) -> String {
    let all = w.ccc(["session", "list", "--json"]).ok().json();
    let mut sessions = all["sessions"].as_array().expect("a list").iter();
    let found = sessions.find(|session| session["agent"] == agent);
    let tag = found.map(|session| session["tag"].as_str().expect("a tag"));
    tag.expect("it is registered").to_owned()
}
