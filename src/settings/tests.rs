//! The settings from the outside: texts in, values or a located fault out.

use std::path::Path;

use proptest::prelude::*;

use super::table::render_table;
use super::*;
use crate::base::time::{Timestamp, parse_duration};

const REPO: &str = "/repo/.git";

fn file(layer: Layer, text: &str) -> LayerText<'_> {
    let path = match layer {
        Layer::User => "/home/u/.config/git-ccc/config.toml",
        Layer::Repo => ".ccc.toml",
        Layer::Clone | Layer::Env => "/repo/.git/ccc.toml",
    };
    LayerText {
        layer,
        path: Path::new(path),
        text: text.as_bytes(),
    }
}

fn load(text: &str) -> Result<Settings, SettingsError> {
    Settings::load(&[file(Layer::Repo, text)], &[])
}

fn refusal(text: &str) -> String {
    let error = load(text).expect_err("the text must be refused");
    format!("{error}\nhint: {}", error.hint())
}

fn variable(name: &str, value: &str) -> (String, String) {
    (name.to_owned(), value.to_owned())
}

const COMMANDS: &[Key] = &[
    Key {
        name: "check.run",
        kind: KeyKind::Command,
        default: KeyDefault::Unset,
        layers: ANY_LAYER,
        doc: "A command, which no real key has yet.",
    },
    Key {
        name: "check.own",
        kind: KeyKind::Duration,
        default: KeyDefault::Text("1s"),
        layers: &[Layer::User, Layer::Clone],
        doc: "A key that the repository may not set.",
    },
];

#[test]
fn nothing_set_means_the_defaults() {
    let settings = Settings::load(&[], &[]).expect("the defaults are valid");
    assert_eq!(Ok(settings.ttl()), parse_duration("60m"));
    assert_eq!(Ok(settings.beat()), parse_duration("60s"));
    assert_eq!(settings.enforce(), Enforce::Commit);
    assert_eq!(settings.lane(), Lane::Auto);
    assert_eq!(settings.hooks(), HOOKS);
    assert_eq!((settings.require().len(), settings.exempt().len()), (0, 0));
    assert_eq!(settings.remote(), None);
    assert!(
        settings
            .entries()
            .iter()
            .all(|entry| entry.origin == Origin::Default)
    );
}

#[test]
fn every_row_of_the_table_is_well_formed() {
    for (index, key) in KEYS.iter().enumerate() {
        let (section, leaf) = key.parts();
        assert!(
            !section.is_empty() && !leaf.is_empty() && !leaf.contains('.'),
            "{}",
            key.name
        );
        assert!(section != "v" && !key.layers.is_empty(), "{}", key.name);
        assert!(
            KEYS[..index].iter().all(|other| other.name != key.name),
            "{} is declared twice",
            key.name
        );
        assert!(
            KEYS[..index]
                .iter()
                .all(|other| other.variable() != key.variable()),
            "{}",
            key.name
        );
    }
}

#[test]
fn the_reference_is_a_settings_file_that_changes_nothing() {
    let text = render_reference();
    for key in KEYS {
        assert!(
            text.contains(key.doc) && text.contains(&key.variable()),
            "{} is not listed",
            key.name
        );
    }
    // The user's own file is the one that may set every key.
    let settings =
        Settings::load(&[file(Layer::User, &text)], &[]).expect("the reference is valid");
    let defaults = Settings::load(&[], &[]).expect("the defaults are valid");
    for (set, default) in settings.entries().iter().zip(defaults.entries()) {
        assert_eq!(set.to_string(), default.to_string(), "{}", set.key.name);
    }
}

#[test]
fn every_word_of_a_choice_has_its_meaning() {
    let words = [
        ("warn", Enforce::Warn),
        ("commit", Enforce::Commit),
        ("strict", Enforce::Strict),
    ];
    assert_eq!(words.map(|(word, _)| word), Enforce::NAMES);
    for (word, meaning) in words {
        let settings = load(&format!("claims.enforce = '{word}'")).expect("a valid word");
        assert_eq!(settings.enforce(), meaning);
    }
    let settings = load("commit.lane = 'stock'").expect("a valid word");
    assert_eq!(
        (settings.lane(), Lane::NAMES),
        (Lane::Stock, &["auto", "stock"][..])
    );
    let settings = load("commit.trailer = 'off'").expect("a valid word");
    assert_eq!(
        (settings.trailer(), Trailer::NAMES),
        (Trailer::Off, &["session", "off"][..])
    );
}

#[test]
fn a_value_knows_its_file_and_line() {
    let files = [
        file(Layer::Clone, "v = 1\n\n[claims]\nrequire = []\n"),
        file(Layer::User, "[claims]\nttl = \"2h\"\nremote = \"origin\"\n"),
        file(
            Layer::Repo,
            "\u{feff}# policy\n[claims]\nttl = \"30m\"\nrequire = [\n  \"src/\",\n]\n",
        ),
    ];
    let settings = Settings::load(
        &files,
        &[variable("CCC_CLAIMS_EXEMPT", "docs/\n {a,b}/**\n")],
    )
    .expect("valid layers");
    let origin = |name| {
        settings
            .origin(name)
            .map(ToString::to_string)
            .unwrap_or_default()
    };
    assert_eq!(settings.ttl().to_string(), "30m");
    assert_eq!(origin("claims.ttl"), ".ccc.toml:3");
    assert_eq!(
        origin("claims.remote"),
        "/home/u/.config/git-ccc/config.toml:3"
    );
    assert_eq!(
        settings.require().len(),
        0,
        "a later list replaces an earlier one"
    );
    assert_eq!(origin("claims.require"), "/repo/.git/ccc.toml:4");
    assert_eq!(settings.exempt(), ["docs/", "{a,b}/**"]);
    assert_eq!(origin("claims.exempt"), "CCC_CLAIMS_EXEMPT");
    assert_eq!(origin("session.beat"), "default");
    assert_eq!(settings.origin("claims.nothing"), None);
}

#[test]
fn an_unknown_key_is_refused_with_the_nearest_one() {
    for (text, message) in [
        (
            "[claims]\ntll = \"5m\"",
            ".ccc.toml:2:1: unknown key claims.tll\nhint: did you mean claims.ttl?",
        ),
        (
            "\n[claim]\nttl = \"5m\"",
            ".ccc.toml:2:2: unknown key claim.ttl\nhint: did you mean claims.ttl?",
        ),
        (
            "ttl = \"5m\"",
            ".ccc.toml:1:1: unknown key ttl\nhint: did you mean claims.ttl?",
        ),
        (
            "\"claims.ttl\" = \"5m\"",
            ".ccc.toml:1:1: unknown key \"claims.ttl\"\nhint: did you mean claims.ttl?",
        ),
    ] {
        assert_eq!(refusal(text), message, "{text}");
    }
    let hint = refusal("[zebra]\n");
    assert!(
        hint.starts_with(".ccc.toml:1:2: unknown key zebra\nhint: the sections are claims, "),
        "{hint}"
    );
}

#[test]
fn a_value_that_does_not_fit_is_refused_with_what_would() {
    for (text, message) in [
        (
            "claims.ttl = 60",
            ".ccc.toml:1:14: claims.ttl must be a duration such as \"60m\", found integer\n\
             hint: set claims.ttl to a duration such as \"60m\"",
        ),
        (
            "claims.ttl = \"0s\"",
            ".ccc.toml:1:14: claims.ttl cannot be \"0s\": a duration must be longer than zero\n\
             hint: set claims.ttl to a duration such as \"60m\"",
        ),
        (
            "claims.enforce = \"strcit\"",
            ".ccc.toml:1:18: claims.enforce cannot be \"strcit\": \
             expected one of \"warn\", \"commit\", \"strict\"\nhint: did you mean \"strict\"?",
        ),
        (
            "claims = 1",
            ".ccc.toml:1:10: claims must be a table, found integer\nhint: correct claims",
        ),
        (
            "claims.ttl.x = 1",
            ".ccc.toml:1:8: claims.ttl must be a duration such as \"60m\", found table\n\
             hint: set claims.ttl to a duration such as \"60m\"",
        ),
        (
            "claims.require = [\"a\", 1]",
            ".ccc.toml:1:18: claims.require must be a list of scopes such as [\"src/auth/\"], \
             found array of other things than strings\n\
             hint: set claims.require to a list of scopes such as [\"src/auth/\"]",
        ),
    ] {
        assert_eq!(refusal(text), message, "{text}");
    }
    assert!(
        refusal("hooks.install = [\"pre-comit\"]").ends_with("hint: did you mean \"pre-commit\"?")
    );
    assert!(refusal("claims.exempt = [\"\"]").contains("a scope must not be empty"));
}

#[test]
fn a_remote_is_a_name_and_neither_an_option_nor_a_url() {
    for good in ["origin", "team/hub", "up-stream.2", "_x"] {
        let settings = load(&format!("claims.remote = '{good}'")).expect("a remote's name");
        assert_eq!(settings.remote(), Some(good));
    }
    let bad = [
        "",
        "--upload-pack=x",
        "ext::sh -c x",
        "../x",
        "/x",
        "a/../b",
        "a//b",
        "a/",
        "host:x",
        "a b",
    ];
    for bad in bad {
        assert!(
            load(&format!("claims.remote = '{bad}'")).is_err(),
            "{bad:?} was taken"
        );
    }
}

#[test]
fn a_newer_file_is_refused_and_a_wrong_version_too() {
    assert!(load("v = 1").is_ok());
    let newer = refusal("v = 2\n[future]\nkey = 1\n");
    assert_eq!(
        newer,
        ".ccc.toml:1:5: the file has version 2, and this git-ccc reads version 1\n\
         hint: update git-ccc, or set v = 1"
    );
    for text in ["v = 0", "v = -1", "v = \"1\"", "[v]", "v = 1.0"] {
        assert!(load(text).is_err(), "{text}");
    }
}

#[test]
fn a_broken_file_is_refused_at_its_line() {
    let error = load("[claims]\nttl = \n").expect_err("broken");
    assert!(error.to_string().starts_with(".ccc.toml:2:"), "{error}");
    assert!(matches!(*error.fault, Fault::Toml { .. }));
    let duplicate = load("[claims]\nttl = '1m'\nttl = '2m'\n").expect_err("set twice");
    assert!(
        duplicate.to_string().starts_with(".ccc.toml:3:"),
        "{duplicate}"
    );
    let bytes = LayerText {
        layer: Layer::Repo,
        path: Path::new("x"),
        text: b"v = 1 # \xff",
    };
    let error = Settings::load(&[bytes], &[]).expect_err("not UTF-8");
    assert_eq!(error.to_string(), "x: the file is not UTF-8");
}

#[test]
fn a_file_may_have_a_mebibyte_and_no_more() {
    let full = " ".repeat(MAX_FILE_BYTES);
    assert!(load(&full).is_ok());
    let error = load(&format!("{full} ")).expect_err("too large");
    assert_eq!(
        *error.fault,
        Fault::TooLarge {
            bytes: MAX_FILE_BYTES + 1
        }
    );
}

#[test]
fn a_deeply_nested_file_is_refused_and_does_not_exhaust_the_stack() {
    for (open, close) in [("[", "]"), ("{a=", "}")] {
        let text = format!("a = {}1{}", open.repeat(100_000), close.repeat(100_000));
        assert!(load(&text).is_err());
    }
    let dotted = format!("{}a = 1", "a.".repeat(500_000));
    assert!(load(&dotted).is_err());
    assert!(load(&format!("[{}a]", "a.".repeat(500_000))).is_err());
}

#[test]
fn text_of_a_file_reaches_no_terminal_unescaped() {
    let long = "x".repeat(5000);
    for text in [
        "\"\\u001b[2Jevil\\u202e\" = 1".to_owned(),
        "claims.enforce = \"\\u001b]0;x\\u0007\\u200b\"".to_owned(),
        format!("{long} = 1"),
        format!("claims.enforce = \"{long}\""),
        "a = \u{1b}[2J".to_owned(),
    ] {
        let shown = refusal(&text);
        assert!(
            !shown.contains(['\u{1b}', '\u{7}', '\u{202e}', '\u{200b}']),
            "{shown:?}"
        );
        assert!(shown.len() < 600, "{} bytes shown", shown.len());
    }
}

#[test]
fn a_bad_variable_is_named_and_an_empty_one_is_unset() {
    let error = Settings::load(&[], &[variable("CCC_CLAIMS_TTL", "5")]).expect_err("no unit");
    assert!(
        error
            .to_string()
            .starts_with("CCC_CLAIMS_TTL: claims.ttl cannot be \"5\": "),
        "{error}"
    );
    let ignored = [
        variable("CCC_CLAIMS_TTL", ""),
        variable("CCC_LOG", "debug"),
        variable("HOME", "/"),
    ];
    let settings = Settings::load(&[], &ignored).expect("nothing is set");
    assert_eq!(settings.origin("claims.ttl"), Some(&Origin::Default));
}

#[test]
fn a_layer_sets_only_what_the_table_lets_it() {
    let error = Settings::load_table(COMMANDS, &[file(Layer::Repo, "check.own = '2s'")], &[])
        .expect_err("not the repository's to set");
    assert_eq!(
        error.to_string(),
        ".ccc.toml:1:7: check.own may not be set by the repository layer"
    );
    assert_eq!(error.hint(), "set check.own in one of: user, clone");
    assert!(Settings::load_table(COMMANDS, &[], &[variable("CCC_CHECK_OWN", "2s")]).is_err());
    assert!(Settings::load_table(COMMANDS, &[file(Layer::Clone, "check.own = '2s'")], &[]).is_ok());
    assert!(render_table(COMMANDS).contains("# Set by: user, clone (CCC_CHECK_OWN)."));
}

#[test]
fn a_command_of_the_repository_runs_only_in_the_version_that_was_trusted() {
    let (repo, now) = (Path::new(REPO), Timestamp::from_unix(0).expect("in range"));
    let text = "[check]\nrun = \"make test\"\n";
    let run = |text: &str, store: &TrustStore, repo: &Path| {
        let settings =
            Settings::load_table(COMMANDS, &[file(Layer::Repo, text)], &[]).expect("valid");
        settings
            .command("check.run", repo, store)
            .map(|found| found.map(|t| t.value().clone()))
    };
    let mut store = TrustStore::default();
    assert!(matches!(
        run(text, &store, repo),
        Err(TrustError::NotTrusted { .. })
    ));
    assert_eq!(store.grant(repo, text.as_bytes(), now), Ok(true));
    assert_eq!(store.grant(repo, text.as_bytes(), now), Ok(false));
    let mut store = TrustStore::parse(&store.encode().expect("encodes")).expect("reads back");
    assert_eq!(run(text, &store, repo), Ok(Some("make test".to_owned())));
    assert!(
        run(&format!("{text} "), &store, repo).is_err(),
        "another version is not trusted"
    );
    assert!(
        run(text, &store, Path::new("/other/.git")).is_err(),
        "another repository is not trusted"
    );
    assert_eq!(store.revoke(repo), 1);
    assert!(run(text, &store, repo).is_err(), "revoked");
}

#[test]
fn an_untrusted_command_is_not_replaced_by_a_weaker_layers() {
    let files = [
        file(Layer::User, "check.run = 'mine'"),
        file(Layer::Clone, "check.run = 'theirs'"),
    ];
    let store = TrustStore::default();
    let of = |files: &[LayerText<'_>], variables: &[(String, String)]| {
        let settings = Settings::load_table(COMMANDS, files, variables).expect("valid");
        settings
            .command("check.run", Path::new(REPO), &store)
            .map(|c| c.map(|t| t.value().clone()))
    };
    assert_eq!(of(&files[..1], &[]), Ok(Some("mine".to_owned())));
    assert!(of(&files, &[]).is_err());
    assert_eq!(
        of(&files, &[variable("CCC_CHECK_RUN", "now")]),
        Ok(Some("now".to_owned()))
    );
    assert_eq!(of(&[], &[]), Ok(None));
}

#[test]
fn a_store_that_cannot_be_read_grants_nothing_and_keeps_what_it_does_not_know() {
    let now = Timestamp::from_unix(0).expect("in range");
    for bad in [
        "v = 'x'",
        "grant = []",
        "v = 0",
        "[[",
        "v = 1\n[[grant]]\nrepo = '/r'\n",
    ] {
        assert!(
            matches!(TrustStore::parse(bad), Err(TrustError::BadStore { .. })),
            "{bad}"
        );
    }
    assert_eq!(
        TrustStore::parse("v = 2"),
        Err(TrustError::NewerVersion { found: 2 })
    );
    assert_eq!(TrustStore::parse(""), Ok(TrustStore::default()));
    let mut store = TrustStore::parse("v = 1\nlater = 'kept'\n").expect("valid");
    assert_eq!(store.grant(Path::new("/r"), b"x", now), Ok(true));
    assert!(matches!(
        store.grant(Path::new("r"), b"x", now),
        Err(TrustError::BadPath { .. })
    ));
    let text = store.encode().expect("encodes");
    assert!(
        text.contains("later = \"kept\"") && text.contains("granted = \"1970-01-01T00:00:00Z\""),
        "{text}"
    );
    assert_eq!(TrustStore::parse(&text), Ok(store.clone()));
    assert_eq!(
        store.grants()[0].sha256,
        "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881"
    );
}

proptest! {
    #[test]
    fn the_last_layer_that_sets_a_key_wins(set in proptest::array::uniform4(proptest::option::of(1..10_000_u32)), turn in 0..3_usize) {
        let texts = set.map(|seconds| seconds.map(|s| format!("claims.ttl = '{s}s'")).unwrap_or_default());
        let mut files = vec![
            file(Layer::User, &texts[0]), file(Layer::Repo, &texts[1]), file(Layer::Clone, &texts[2]),
        ];
        files.rotate_left(turn);
        let env: Vec<_> = set[3].iter().map(|s| variable("CCC_CLAIMS_TTL", &format!("{s}s"))).collect();
        let settings = Settings::load(&files, &env).expect("valid layers");
        let expected = set.iter().rev().flatten().next().copied().unwrap_or(3600);
        prop_assert_eq!(settings.ttl().seconds(), expected);
    }

    #[test]
    fn no_bytes_make_the_loader_panic(
        bytes in prop_oneof![
            proptest::collection::vec(any::<u8>(), 0..60),
            "(v|claims|ttl|[.=\\[\\]{}\"'\n #é]|1|-){0,30}".prop_map(String::into_bytes),
        ]
    ) {
        let files = [LayerText { layer: Layer::Repo, path: Path::new("f"), text: &bytes }];
        if let Err(error) = Settings::load(&files, &[]) {
            prop_assert!(!error.to_string().is_empty() && !error.hint().is_empty());
        }
        let _ = TrustStore::parse(&String::from_utf8_lossy(&bytes));
    }
}
