//! Tables of what must hold, and properties against a matcher that shares no code with the automata.

use std::sync::LazyLock;

use proptest::prelude::*;

use super::*;

const EXACT: Fold = Fold {
    case: false,
    unicode: false,
};
const CASE: Fold = Fold {
    case: true,
    unicode: false,
};
const UNICODE: Fold = Fold {
    case: false,
    unicode: true,
};
const BOTH: Fold = Fold {
    case: true,
    unicode: true,
};

fn scope(text: &str) -> Scope {
    Scope::parse(text).unwrap_or_else(|e| panic!("{e}"))
}

fn overlap(a: &str, b: &str, fold: Fold) -> bool {
    let (a, b) = (scope(a), scope(b));
    let there = a.overlaps(&b, fold);
    assert_eq!(there, b.overlaps(&a, fold), "{a} ~ {b} is not symmetric");
    there
}

#[test]
fn what_must_overlap_does() {
    for (a, b) in [
        ("src/a.py", "src/**"),
        ("src", "src/a.py"),
        ("src/*.py", "src/a*"),
        ("src/*/a.py", "src/b/*.py"),
        ("./src/a.py", "src/a.py"),
        ("src//a.py", "src/a.py"),
        ("src/../src/a.py", "src/a.py"),
        ("src/[ab].ts", "src/a.ts"),
        ("**/*.md", "docs/x.md"),
        ("**/x", "x"),
        ("a/**/b", "a/b"),
        ("src", "**/*.md"),
        (".", "*"),
        (".", "a/b"),
        ("*", "a/b/c"),
        ("a/*", "a/b/c"),
        ("a/{b,c{d,e}}/f", "a/cd"),
        ("{a/b,c}/d", "a/*/d"),
        ("{a,**}/z", "q/r/z"),
        ("x{,y}", "x"),
        ("src/{a,}", "src/b"),
        ("res:port/3000", "res:port"),
        ("~/.claude", "~/.claude/settings.json"),
        ("~/.config/*.toml", "~/.config/a*"),
        ("[[:alpha:]]*", "[[:upper:]]?"),
        ("[]a]", "]"),
        ("[a-]", "-"),
        ("\\*", "[*]"),
        ("..a", "?.?"),
        ("...", "..?"),
        // Exact, if surprising: nothing in the text says that `main.rs` is no directory.
        ("src/main.rs", "**/*.md"),
        ("**/*.rs", "**/*.md"),
    ] {
        assert!(overlap(a, b, EXACT), "{a} ~ {b}");
    }
}

#[test]
fn what_must_not_overlap_does_not() {
    for (a, b) in [
        ("a.py", "src/a.py"),
        ("docs/*.md", "docs/x.txt"),
        ("src/[ab].ts", "src/c.ts"),
        ("src/*.py", "src/*.rs"),
        ("src", "srcs"),
        ("a/**", "b"),
        ("a?c", "a/c"),
        ("a[!x]c", "a/c"),
        ("x**y", "x/y"),
        ("x{**,a}z", "x/y/z"),
        ("[!a]", "a"),
        ("[^a]", "a"),
        ("\\*", "a"),
        ("res:port", "port"),
        ("res:port/3000", "res:port/3001"),
        ("res:port", "res:Port"),
        ("~/a", "a"),
        ("~/a", "res:a"),
        ("A.py", "a.py"),
        ("caf\u{e9}", "cafe\u{301}"),
        ("?.", ".?a"),
        ("[.][!a]", "[.]a"),
    ] {
        assert!(!overlap(a, b, EXACT), "{a} ~ {b}");
    }
    assert!(!overlap("res:port", "res:Port", BOTH));
    // Met only by `a/..`, which is no path.
    assert!(!overlap("a/.?", "a/?.", EXACT));
}

#[test]
fn twins_overlap_where_the_file_system_says_so() {
    assert!(overlap("Src/A.py", "src/a.PY", CASE));
    assert!(overlap("caf\u{e9}/x", "cafe\u{301}/*", UNICODE));
    assert!(!overlap("Caf\u{e9}", "cafe\u{301}", UNICODE));
    assert!(overlap("CAF\u{c9}", "cafe\u{301}", BOTH));
    assert!(overlap("J\u{30c}*", "\u{1f0}", BOTH));
    assert!(overlap("[A-Z].rs", "q.rs", CASE));
    assert!(overlap("[[:upper:]]", "q", CASE));
    assert!(!overlap("[!A-Z].rs", "q.rs", CASE));
    assert!(!overlap("[!q].rs", "Q.rs", CASE));
    assert!(overlap("[!q].rs", "Q.rs", EXACT));
    assert!(overlap("[e\u{301}]", "\u{e9}", UNICODE));
    assert!(
        overlap("[a-\u{212a}]", "b", BOTH),
        "a range that NFC turns round"
    );
    assert!(scope("[!A-Z]").covers(&scope("[!a-z]"), CASE));
    assert!(scope("[!a]").covers(&scope("[!A]"), CASE));
    assert!(scope("{[!a-k],[A-K]}").covers(&scope("?"), CASE));
    assert!(scope("[!A-Z]*").covers(&scope("[!a-z]*"), CASE));
    assert!(scope("SRC").covers_path("src/A", CASE));
}

#[test]
fn covering_is_inclusion() {
    for (a, b, yes) in [
        ("src", "src/**/*.rs", true),
        ("src/**", "src", false),
        ("src/**", "src/a", true),
        ("src/*", "src/**", true),
        ("**", ".", true),
        ("*", ".", true),
        (".", "**", true),
        ("{*.rs,[!.]*,.*}", ".", true),
        ("**/*.rs", "src/*.rs", true),
        ("src/*.rs", "**/*.rs", false),
        ("a/?", "a/[ab]", true),
        ("a/{b,c}", "a/[bc]", true),
        ("a/[bc]", "a/{b,c}/d", true),
        ("?", "[!a]", true),
        ("[!a]", "?", false),
        ("res:port", "res:port/1", true),
        ("res:port/1", "res:port", false),
        ("~/a", "~/a/*", true),
        ("a", "~/a", false),
    ] {
        assert_eq!(scope(a).covers(&scope(b), EXACT), yes, "{a} covers {b}");
    }
    assert!(!scope("a").covers_path("a/../b", EXACT));
    assert!(!scope("a").covers_path("", EXACT));
    assert!(scope(".").covers_path("a\nb", EXACT));
}

#[test]
fn typed_text_resolves_lexically() {
    let base = Base {
        prefix: "sub/d[1]",
        roots: &["/home/u/proj", "/home/u/proj/.trees/x"],
        home: Some("/home/u"),
    };
    for (typed, canonical) in [
        ("x", "sub/d\\[1]/x"),
        ("*.rs", "sub/d\\[1]/*.rs"),
        ("../**/", "sub/**"),
        ("../../", "."),
        ("", "sub/d\\[1]"),
        (":/", "."),
        (":/x/./y//z/", "x/y/z"),
        ("/home/u/proj/a/*", "a/*"),
        ("/home/u/./proj", "."),
        ("/home/u/proj/.trees/x/a", "a"),
        ("~/proj/a", "a"),
        ("~", "~"),
        ("~/b/../c{d,e}", "~/c{d,e}"),
        ("/home/u/z", "~/z"),
        ("/../home/u/z", "~/z"),
        ("res:a/b", "res:a/b"),
        ("res:a/", "res:a"),
        (":/\\~/x", "\\~/x"),
        (":/res:x", "\\res:x"),
        (":/\\!x", "\\!x"),
        (":/!x", "\\!x"),
        (":/\\a\\*", "a\\*"),
        (":/{a\\,b,c}", "{a\\,b,c}"),
        (":/{a/../b,c}/d", "no"),
    ] {
        match Scope::resolve(typed, &base) {
            Ok(scope) => {
                assert_eq!(scope.to_string(), canonical, "{typed}");
                let root = Base { prefix: "", ..base };
                assert_eq!(Scope::resolve(canonical, &root).ok(), Some(scope));
            }
            Err(e) => assert_eq!(canonical, "no", "{typed}: {e}"),
        }
    }
    assert_eq!(scope("src/auth/"), scope("src/auth"));
    for path in ["~", "~/x", "!a", "res:x", ":/x", "a*[b]{c}\\d?", "#", "-x"] {
        let made = Scope::literal(path).unwrap_or_else(|e| panic!("{e}"));
        assert_eq!(made.as_literal_path(), Some(path));
        assert_eq!(scope(&made.to_string()), made);
    }
}

#[test]
fn unfit_text_is_refused_fast_and_named() {
    for (typed, message) in [
        ("!a", "cannot exclude"),
        ("a/../../b", "leads out of the repository"),
        ("~/../x", "leads out of the home directory"),
        ("/etc/passwd", "outside"),
        ("a\0b", "control character"),
        ("a\u{1b}[31m", "\\u{1b}"),
        ("[a", "never closed"),
        ("[]", "never closed"),
        ("{a", "never closed"),
        ("a\\", "escapes nothing"),
        ("a\\/b", "cannot be escaped"),
        ("[a/b]", "cannot hold"),
        ("[z-a]", "backwards"),
        ("[[:nope:]]", "unknown"),
        ("*/../a", "`..` after a wildcard"),
        ("{..,a}/b", "inside braces"),
        ("[.]", "can match no path"),
        ("a/[.].", "can match no path"),
        ("res:", "no name"),
        ("res:a*", "letters, digits"),
        ("res:a//b", "empty"),
        ("res:../b", "`..`"),
    ] {
        let Err(e) = Scope::parse(typed) else {
            panic!("{typed} was accepted")
        };
        let text = e.to_string();
        assert!(text.contains(message), "{typed}: {text}");
        assert!(!text.contains(char::is_control), "{text:?}");
    }
    for huge in [
        "a".repeat(10 << 20),
        "{a,b}".repeat(2 << 20),
        "{a,b}".repeat(800),
        "{,}".repeat(1000),
        "*a".repeat(1000),
        format!("{}{}", "{".repeat(2000), "}".repeat(2000)),
        format!("{{{}}}{}", ",".repeat(1500), "x".repeat(2000)),
    ] {
        assert!(Scope::parse(&huge).is_err());
    }
    let long = Scope::literal(&"*".repeat(3000));
    assert!(matches!(long, Err(ScopeError::TooLong { .. })));
}

#[test]
fn the_largest_patterns_are_still_answered() {
    let a = scope(&"*a".repeat(500));
    let b = scope(&format!("{}c", "a?*".repeat(500)));
    assert!(!scope(&"?".repeat(4000)).overlaps(&scope(&"?/".repeat(2000)), EXACT));
    assert!(a.overlaps(&b, EXACT) == b.overlaps(&a, EXACT));
    assert!(a.covers(&a.clone(), EXACT));
    assert!(!scope("*a??????????????????????????").covers(&b, EXACT));
}

#[test]
fn a_scope_is_a_string_to_serde() {
    let made: Scope = serde_json::from_str("\"./src//*.rs\"").unwrap_or_else(|e| panic!("{e}"));
    let text = serde_json::to_string(&made).unwrap_or_else(|e| panic!("{e}"));
    assert_eq!(text, "\"src/*.rs\"");
    assert!(serde_json::from_str::<Scope>("\"!a\"").is_err());
}

/// All valid paths over a tiny alphabet up to a length, in order of length.
fn paths(alphabet: &[char], longest: usize) -> Vec<String> {
    let mut all = vec![String::new()];
    let mut from = 0;
    for _ in 0..longest {
        let end = all.len();
        for i in from..end {
            for c in alphabet {
                all.push(format!("{}{c}", all[i]));
            }
        }
        from = end;
    }
    all.retain(|path| is_valid(path));
    all
}

static SHORT: LazyLock<Vec<String>> = LazyLock::new(|| paths(&['a', 'b', '.', '/'], 6));
static LONG: LazyLock<Vec<String>> = LazyLock::new(|| paths(&['a', 'b', '.', '/'], 9));
/// With `c`, which stands for every character that no pattern names.
static WIDE: LazyLock<Vec<String>> = LazyLock::new(|| paths(&['a', 'b', 'c', '.', '/'], 7));

/// A scope as the second matcher sees it: brace-free patterns, split into components.
struct Brute(Vec<Vec<String>>);

impl Brute {
    fn new(text: &str) -> Self {
        let split = |p: String| {
            let parts = p.split('/').filter(|part| !matches!(*part, "" | "."));
            parts.map(str::to_owned).collect()
        };
        Self(unbrace(text).into_iter().map(split).collect())
    }

    /// The most characters that an expansion asks for; a wildcard component asks for one.
    fn size(&self) -> usize {
        let part = |part: &String| match part.as_str() {
            "**" => 0,
            part => {
                let stars = part.matches('*').count();
                let classes: usize = part
                    .split('[')
                    .skip(1)
                    .map(|c| c.find(']').map_or(0, |n| n + 1))
                    .sum();
                1 + (part.len() - classes - stars).max(1)
            }
        };
        let all = self
            .0
            .iter()
            .map(|parts| parts.iter().map(part).sum::<usize>());
        all.max().unwrap_or(0).saturating_sub(1)
    }

    fn matches(&self, path: &str) -> bool {
        let path: Vec<&str> = path.split('/').collect();
        self.0.iter().any(|parts| walk(parts, &path))
    }
}

fn walk(parts: &[String], path: &[&str]) -> bool {
    match parts {
        [] => true,
        [last] if last == "**" => !path.is_empty(),
        [deep, rest @ ..] if deep == "**" => (0..=path.len()).any(|n| walk(rest, &path[n..])),
        [part, rest @ ..] => match path {
            [name, below @ ..] => {
                name_matches(part.as_bytes(), name.as_bytes()) && walk(rest, below)
            }
            [] => false,
        },
    }
}

fn name_matches(part: &[u8], name: &[u8]) -> bool {
    match part {
        [] => name.is_empty(),
        [b'*', rest @ ..] => (0..=name.len()).any(|n| name_matches(rest, &name[n..])),
        [b'?', rest @ ..] => !name.is_empty() && name_matches(rest, &name[1..]),
        [b'[', rest @ ..] => {
            let Some(close) = rest.iter().position(|b| *b == b']') else {
                return false;
            };
            let (class, rest) = (&rest[..close], &rest[close + 1..]);
            let (negated, class) = match class {
                [b'!', class @ ..] => (true, class),
                class => (false, class),
            };
            !name.is_empty()
                && class.contains(&name[0]) != negated
                && name_matches(rest, &name[1..])
        }
        [b, rest @ ..] => name.first() == Some(b) && name_matches(rest, &name[1..]),
    }
}

/// Expands the last `{` that opens, which holds no other brace, until none is left.
fn unbrace(text: &str) -> Vec<String> {
    let Some(open) = text.rfind('{') else {
        return vec![text.to_owned()];
    };
    let Some(close) = text[open..].find('}').map(|n| open + n) else {
        return Vec::new();
    };
    let choices = text[open + 1..close].split(',');
    let whole = choices.map(|choice| format!("{}{choice}{}", &text[..open], &text[close + 1..]));
    whole.flat_map(|text| unbrace(&text)).collect()
}

fn literal_text() -> impl Strategy<Value = String> {
    "[ab.]{1,2}(/[ab.]{1,2}){0,2}"
}

fn glob_text() -> impl Strategy<Value = String> {
    let atom = prop::sample::select(vec![
        "a",
        "b",
        ".",
        "*",
        "?",
        "**",
        "[ab]",
        "[!a]",
        "[.]",
        "[!.]",
        "{a,b}",
        "{,a}",
        "{a/b,**}",
        "{.a,*}",
        "{a,{b,.}?}",
        "{b/,a}",
        "{**/,}",
    ]);
    let part = prop::collection::vec(atom, 1..=2).prop_map(|atoms| atoms.concat());
    prop::collection::vec(part, 1..=3).prop_map(|parts| parts.join("/"))
}

fn any_scope() -> impl Strategy<Value = Scope> {
    prop_oneof![1 => literal_text(), 3 => glob_text()]
        .prop_filter_map("no scope", |text| Scope::parse(&text).ok())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 250, max_global_rejects: 100_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn overlap_and_cover_equal_brute_force(a in any_scope(), b in any_scope()) {
        let (brute_a, brute_b) = (Brute::new(&a.to_string()), Brute::new(&b.to_string()));
        // Every character of a shortest witness is asked for by one of the two, or fills an empty component.
        prop_assume!(brute_a.size() + brute_b.size() <= 7);
        let (mut both, mut alone) = (false, false);
        for path in SHORT.iter() {
            let (in_a, in_b) = (brute_a.matches(path), brute_b.matches(path));
            prop_assert_eq!(a.covers_path(path, EXACT), in_a, "{} covers {}", a, path);
            both |= in_a && in_b;
            alone |= in_b && !in_a;
        }
        let (overlaps, covers) = (a.overlaps(&b, EXACT), a.covers(&b, EXACT));
        prop_assert_eq!(overlaps, b.overlaps(&a, EXACT));
        // A witness that the automata claim and the short paths lack must be among the long ones.
        if overlaps && !both {
            both = LONG.iter().any(|p| brute_a.matches(p) && brute_b.matches(p));
        }
        if !covers && !alone {
            alone = WIDE.iter().chain(LONG.iter()).any(|p| brute_b.matches(p) && !brute_a.matches(p));
        }
        prop_assert_eq!(overlaps, both, "{} ~ {}", a, b);
        prop_assert_eq!(covers, !alone, "{} covers {}", a, b);
        if covers {
            prop_assert!(overlaps);
        }
    }

    #[test]
    fn text_and_scope_are_inverse(text in prop_oneof![glob_text(), "[a\\\\*{},!~:/\\[\\]^.-]{0,12}", "\\PC{0,12}"], sub in "(a/)?b") {
        let base = Base { prefix: &sub, roots: &["/r"], home: Some("/h") };
        if let Ok(made) = Scope::resolve(&text, &base) {
            let canonical = made.to_string();
            let again = scope(&canonical);
            prop_assert_eq!(&again, &made);
            prop_assert_eq!(again.to_string(), canonical.clone());
            prop_assert_eq!(again.is_glob(), made.is_glob());
            let root = Base { prefix: "", ..base };
            prop_assert_eq!(Scope::resolve(&canonical, &root).ok(), Some(made.clone()));
            for fold in [EXACT, CASE, UNICODE, BOTH] {
                prop_assert!(made.overlaps(&again, fold), "{} ~ itself", made);
                prop_assert!(made.covers(&again, fold), "{} covers itself", made);
            }
        }
    }

    #[test]
    fn folding_is_matching_of_folded_text(a in any_scope(), path in "[abAB.]{1,3}(/[abAB.]{1,3}){0,2}") {
        // The patterns are lowercase, so with case folded they match what they match of the lowercase path.
        prop_assert_eq!(a.covers_path(&path, CASE), a.covers_path(&path.to_lowercase(), EXACT));
        let upper = a.to_string().to_uppercase();
        prop_assert_eq!(scope(&upper).covers_path(&path, CASE), a.covers_path(&path, CASE));
    }

    #[test]
    fn literals_are_literal(path in "[ab*?{}!~:\\[\\]\\\\,.]{1,4}(/[ab*?{}\\\\.]{1,3}){0,2}") {
        if is_valid(&path) {
            let made = Scope::literal(&path).unwrap_or_else(|e| panic!("{e}"));
            prop_assert_eq!(made.as_literal_path(), Some(&*path));
            prop_assert_eq!(scope(&made.to_string()), made);
        }
    }
}
