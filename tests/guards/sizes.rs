//! Budgets: a file of at most 500 lines without its tests (the aim is 250), a function of at most 60.

use super::source::{Source, refuse, sources};

const FILE_AIM: usize = 250;
const FILE_HARD: usize = 500;
const FUNCTION: usize = 60;

#[test]
fn files_and_functions_keep_their_budget() {
    let mut findings = Vec::new();
    for source in sources("src") {
        let lines = source.code.lines().count();
        if lines > FILE_HARD {
            findings.push(format!(
                "{}:{FILE_HARD}: {lines} lines: a file has at most {FILE_HARD}",
                source.path
            ));
        } else if lines > FILE_AIM {
            println!(
                "info: {}: {lines} lines: the aim is {FILE_AIM}",
                source.path
            );
        }
        findings.extend(long_functions(&source));
    }
    refuse(&findings);
}

fn long_functions(source: &Source) -> Vec<String> {
    let long = |start: usize| {
        let end = body_end(&source.code, start)?;
        let lines = source.line(end) + 1 - source.line(start);
        let rule = format!("{lines} lines: a function has at most {FUNCTION}");
        (lines > FUNCTION).then(|| source.finding(start, &rule))
    };
    source.positions("fn ").filter_map(long).collect()
}

/// Where the body of the function that starts here ends; none for a declaration or a function type.
fn body_end(code: &str, start: usize) -> Option<usize> {
    let (mut round, mut curly) = (0_i32, 0_i32);
    for (offset, c) in code[start..].char_indices() {
        match c {
            '(' | '[' => round += 1,
            ')' | ']' => round -= 1,
            '{' if round == 0 => curly += 1,
            '}' if round == 0 => {
                curly -= 1;
                if curly <= 0 {
                    return (curly == 0).then_some(start + offset);
                }
            }
            ';' | ',' if round == 0 && curly == 0 => return None,
            _ if round < 0 => return None,
            _ => {}
        }
    }
    None
}

#[test]
fn a_long_function_is_found_and_a_short_one_is_not() {
    let body = |lines: usize| {
        format!(
            "fn f(a: [u8; 2]) -> u8 {{\n{}}}\n",
            "    g({ 1 });\n".repeat(lines)
        )
    };
    let source = |text: &str| Source::new("a.rs", text);
    assert_eq!(
        long_functions(&source(&body(58))).len(),
        0,
        "60 lines are within the budget"
    );
    assert_eq!(
        long_functions(&source(&body(59))).len(),
        1,
        "61 lines are not"
    );
    assert_eq!(
        long_functions(&source(&format!(
            "trait T {{\nfn f();\n{}}}",
            "\n".repeat(70)
        )))
        .len(),
        0
    );
}
