//! `unreadable-record`: a claim, a session or a message cannot be read.

use super::Rule;
use crate::{
    base::text::{one_line, shell},
    features::check::model::{
        finding::{Draft, Level, Place},
        snapshot::{Damage, Snapshot},
    },
};

pub const RULE: Rule = Rule {
    id: "unreadable-record",
    level: Level::Error,
    title: "a claim, a session or a message cannot be read",
    why: "A claim that cannot be read may cover anything, and a message that cannot be read may be the objection to this very \
          change. A record of a newer version is one of these: a newer git-ccc is needed to judge it.",
    fix: "Look at the object; what it says may still be told from its bytes.",
    check,
};

fn check(snapshot: &Snapshot) -> Vec<Draft> {
    let draft = |damage: &Damage| Draft {
        place: Place::line(&damage.name, 1),
        commit: None,
        fact: format!("{} cannot be read", one_line(&damage.name, 200)),
        because: vec![one_line(&damage.why, 200)],
        next: format!("git cat-file -p {}", shell(&damage.oid)),
        key: vec![damage.name.clone(), damage.oid.clone()],
    };
    snapshot.damaged.iter().map(draft).collect()
}
