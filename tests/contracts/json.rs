//! With `--json`, stdout is one document with a schema, and an error is one object on stderr with its kind, code, message and hints.

use crate::common::setup::ready;
use crate::common::world::{BINARY, World};

#[test]
fn an_answer_carries_its_schema() {
    let w = ready(World::new());
    let a = w.session("a");
    for args in [&["claims", "--json"], &["who", "--json"]] {
        let output = a.ccc(args);
        let document = output.ok().json();
        let schema = document["schema"].as_str().unwrap_or_default();
        assert!(
            schema.starts_with("ccc.") && schema.contains('/'),
            "{} names a numbered schema: {document}",
            output.what
        );
    }
}

#[test]
fn an_error_is_one_object_on_stderr() {
    let w = ready(World::new());
    let output = w
        .command(BINARY, ["claims", "--json"])
        .cwd(w.outside())
        .run();
    let error = output.code(5).json_error();
    assert_eq!(output.stdout, "", "an error is no answer");
    assert_eq!(error["schema"], "ccc.error/1");
    assert_eq!(error["code"], 5, "the code in the object is the exit code");
    assert!(
        error["kind"].is_string() && error["message"].is_string(),
        "kind and message are text: {error}"
    );
    assert!(
        error["hints"].is_array(),
        "hints are a list, empty or not: {error}"
    );
}

#[test]
fn a_refusal_is_an_object_with_kind_no() {
    let w = ready(World::new());
    let (a, b) = (w.session("a"), w.session("b"));
    a.ccc(["claim", "src/"]).ok();
    let refused = b.ccc(["claim", "src/", "--json"]);
    let error = refused.code(1).json_error();
    assert_eq!(
        (&error["kind"], &error["code"]),
        (&"no".into(), &1.into()),
        "a refusal says no: {error}"
    );
}
