//! A conversation that goes on after its process ended has the ports and slots of its worktree again, or knows what it has instead.

use crate::common::agent::Agent;
use crate::common::setup::ready;
use crate::common::world::World;
use serde_json::json;
use std::fs;

use super::worktree_matrix::tree;

/// A worktree that was leased one of two slots.
fn scene() -> World {
    let w = ready(World::new());
    let dir = w.home().join(".config/git-ccc/templates");
    fs::create_dir_all(&dir).expect("a folder");
    let text = "v = 1\nkind = \"feature\"\n[lease.slots]\ndb = [\"a\", \"b\"]\n\
        [[write]]\npath = \".env\"\ntext = \"DB={slot.db}\\n\"\n";
    fs::write(dir.join("t.toml"), text).expect("a template");
    w.ccc(["worktree", "new", "one", "--template", "t"]).ok();
    w
}

fn written(w: &World) -> String {
    fs::read_to_string(tree(w, "one").join(".env")).expect("a file")
}

/// Who holds which slot.
fn holders(w: &World) -> Vec<(String, String)> {
    let claims = w.ccc(["claims", "--json"]).ok().json();
    let all = claims["claims"].as_array().expect("a list").iter();
    let text = |value: &serde_json::Value| value.as_str().expect("a text").to_owned();
    let pair = |claim: &serde_json::Value| (text(&claim["scopes"][0]), text(&claim["session"]));
    all.map(pair)
        .filter(|(scope, _)| scope.starts_with("res:"))
        .collect()
}

/// The conversation with a process of its own.
fn agent(w: &World) -> Agent {
    Agent::new(w, "claude", "c1").standing_in(&tree(w, "one"))
}

#[test]
fn what_nobody_took_meanwhile_is_held_again() {
    let w = scene();
    let mut first = agent(&w);
    let tag = first.start("startup");
    let slot = |name: &str| (format!("res:slot/db/{name}"), tag.clone());
    assert_eq!(holders(&w), [slot("a")]);
    first.die();
    let other = w.session("other");
    // What the dead held ends when somebody needs it.
    other.ccc(["claim", "res:slot/db/a"]).ok();
    other.ccc(["release", "--all"]).ok();
    // Whoever makes a worktree meanwhile is given another one.
    let made = w.ccc(["worktree", "new", "two", "--template", "t", "--json"]);
    assert_eq!(made.ok().json()["leases"][0]["value"], "b");
    assert!(!holders(&w).contains(&slot("a")), "nobody holds it");
    let again = agent(&w);
    let told = again.told("SessionStart", &json!({"source": "resume"}));
    assert!(!told.contains("slot.db"), "nothing is different: {told}");
    assert_eq!(again.tag(), tag);
    assert!(holders(&w).contains(&slot("a")), "{:?}", holders(&w));
    assert_eq!(written(&w), "DB=a\n");
}

#[test]
fn what_another_took_is_replaced_and_the_file_says_so() {
    let w = scene();
    let mut first = agent(&w);
    let tag = first.start("startup");
    first.die();
    let other = w.session("other");
    other.ccc(["claim", "res:slot/db/a"]).ok();
    let mut again = agent(&w);
    let told = again.told("SessionStart", &json!({"source": "resume"}));
    assert!(
        told.contains("slot.db is b now") && told.contains(".env says so"),
        "{told}"
    );
    assert_eq!(written(&w), "DB=b\n");
    assert!(holders(&w).contains(&("res:slot/db/b".to_owned(), tag)));
    let list = w.ccc(["worktree", "list", "--json"]).ok().json();
    assert_eq!(list["worktrees"][1]["leases"], json!(["slot.db=b"]));
    // Where none is left, whoever comes back is told; the file stays, for there is nothing else to say.
    again.die();
    other.ccc(["claim", "res:slot/db/b"]).ok();
    let told = agent(&w).told("SessionStart", &json!({"source": "resume"}));
    assert!(
        told.contains("is not held: none of slot.db is left"),
        "{told}"
    );
    other.ccc(["release", "res:slot/db/a"]).ok();
    let third = agent(&w);
    assert!(
        third
            .told("SessionStart", &json!({"source": "resume"}))
            .contains("slot.db is a now")
    );
    assert_eq!(written(&w), "DB=a\n");
}

#[test]
fn a_session_that_is_started_by_hand_has_them_too() {
    let w = scene();
    let path = tree(&w, "one");
    let mut first = w.session_in(&path, "worker");
    first.die();
    let other = w.session("other");
    other.ccc(["claim", "res:slot/db/a"]).ok();
    let second = w.session_in(&path, "second");
    assert_eq!(written(&w), "DB=b\n");
    assert!(holders(&w).contains(&("res:slot/db/b".to_owned(), second.tag().to_owned())));
}
