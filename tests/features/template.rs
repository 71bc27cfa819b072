//! `git ccc template`: what comes along, the user's own, the repository's, and what is refused.

use crate::common::setup::ready;
use crate::common::world::World;
use std::fs;

#[test]
fn templates_are_listed_shown_and_begun_from_one_another() {
    let w = ready(World::new());
    let list = w.ccc(["template", "list", "--json"]).ok().json();
    let names: Vec<&str> = list["templates"]
        .as_array()
        .expect("a list")
        .iter()
        .filter_map(|one| one["name"].as_str())
        .collect();
    assert_eq!(names, ["debug", "feature", "refactor"]);
    let show = w
        .ccc(["template", "show", "refactor", "--json"])
        .ok()
        .json();
    assert_eq!(show["template"]["check"][0]["same"], true);
    assert!(
        show["steps"]
            .as_str()
            .is_some_and(|text| text.contains("same tests after"))
    );
    w.ccc(["template", "new", "ours", "--from", "debug"]).ok();
    w.ccc(["template", "new", "ours"]).code(1);
    let own = w.home().join(".config/git-ccc/templates/ours.toml");
    let text = fs::read_to_string(&own).expect("it was written");
    fs::write(&own, text.replace("\"red\"", "\"#aa0000\"")).expect("a template");
    let list = w.ccc(["template", "list", "--json"]).ok().json();
    assert_eq!(list["templates"][2]["name"], "ours");
    assert_eq!(list["templates"][2]["source"], "user");
    assert_eq!(list["templates"][2]["colour"], "#aa0000");
}

#[test]
fn the_users_own_is_stronger_than_the_repositorys_and_that_than_ours() {
    let w = ready(World::new());
    let text = |about: &str| format!("v = 1\nkind = \"feature\"\nabout = \"{about}\"\n");
    w.write(".ccc/templates/feature.toml", text("theirs"));
    let about = || {
        let list = w.ccc(["template", "list", "--json"]).ok().json();
        list["templates"][1]["about"].as_str().map(str::to_owned)
    };
    assert_eq!(about().as_deref(), Some("theirs"));
    let own = w.home().join(".config/git-ccc/templates");
    fs::create_dir_all(&own).expect("a folder");
    fs::write(own.join("feature.toml"), text("mine")).expect("a template");
    assert_eq!(about().as_deref(), Some("mine"));
}

#[test]
fn what_is_no_template_is_named_with_the_reason_and_hides_no_other() {
    let w = ready(World::new());
    w.write(
        ".ccc/templates/odd.toml",
        "v = 1\nkind = \"x\"\nsurprise = 1\n",
    );
    let list = w.ccc(["template", "list", "--json"]).ok().json();
    let odd = &list["templates"][2];
    assert_eq!(odd["name"], "odd");
    assert!(
        odd["error"]
            .as_str()
            .is_some_and(|text| text.contains("surprise")),
        "{odd}"
    );
    let refused = w.ccc(["worktree", "new", "x", "--template", "odd"]);
    assert!(
        refused.code(2).stderr.contains("surprise"),
        "{}",
        refused.stderr
    );
    assert!(!w.main_worktree().with_extension("x").exists());
    w.ccc(["worktree", "new", "x", "--template", "nowhere"])
        .code(2);
}
