//! The records in lock refs and session refs: what plain git shows, and what survives a rewrite.

use crate::common::setup::ready;
use crate::common::world::World;

#[test]
fn a_claim_is_a_tag_of_the_empty_tree_with_a_toml_record() {
    for options in World::matrix() {
        let w = ready(options.build());
        let a = w.session("a");
        a.ccc([
            "claim",
            "src/",
            "res:port/3000",
            "-m",
            "Why \"quoted\"\nsecond line",
        ])
        .ok();
        let name = w.git_text(["for-each-ref", "--format=%(refname)", "refs/ccc/claims"]);
        let kind = w.git_text([
            "for-each-ref",
            "--format=%(objecttype) %(*objecttype)",
            "refs/ccc/claims",
        ]);
        assert_eq!(kind, "tag tree");
        assert_eq!(w.git_text(["ls-tree", &name]), "", "the tree is empty");
        let body = w.git_text(["for-each-ref", "--format=%(contents:body)", &name]);
        let record: toml::Table = body
            .parse()
            .unwrap_or_else(|error| panic!("{error}\n{body}"));
        assert_eq!(record["v"].as_integer(), Some(1));
        assert_eq!(record["session"].as_str(), Some(a.tag()));
        assert_eq!(record["fence"].as_integer(), Some(1));
        let entry = w.git_text(["rev-parse", "refs/ccc/log"]);
        assert_eq!(
            record["entry"].as_str(),
            Some(entry.as_str()),
            "the fence is (number, entry)"
        );
        for key in [
            "scopes", "intent", "taken", "until", "ttl", "worktree", "nonce",
        ] {
            assert!(record.contains_key(key), "{key} is recorded:\n{body}");
        }
        w.git(["fsck", "--strict"]).ok();
    }
}

#[test]
fn keys_of_a_later_version_survive_a_renewal() {
    let w = ready(World::new());
    let a = w.session("a");
    a.ccc(["claim", "src/"]).ok();
    let name = w.git_text(["for-each-ref", "--format=%(refname)", "refs/ccc/claims"]);
    let mut tag = w.git_text(["cat-file", "tag", &name]);
    tag.push_str("\nfuture = \"kept\"\n");
    let hash = w
        .command("git", ["hash-object", "-t", "tag", "-w", "--stdin"])
        .stdin(tag)
        .run();
    w.git(["update-ref", &name, hash.ok().stdout.trim()]).ok();
    a.ccc(["claim", "src/", "--for", "3h"]).ok();
    let body = w.git_text(["for-each-ref", "--format=%(contents:body)", &name]);
    assert!(body.contains("future = \"kept\""), "{body}");
}

#[test]
fn no_two_writes_make_one_object() {
    let w = ready(World::new());
    let a = w.session("a");
    let mut seen = std::collections::BTreeSet::new();
    for _ in 0..5 {
        a.ccc(["claim", "src/"]).ok();
        let oid = w.git_text(["for-each-ref", "--format=%(objectname)", "refs/ccc/claims"]);
        assert!(seen.insert(oid), "equal objects defeat create-only swaps");
        let log = w.git_text(["rev-parse", "refs/ccc/log"]);
        assert!(seen.insert(log), "each entry is new");
    }
}
