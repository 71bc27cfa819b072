//! JSON and JSONC as a tree with places.

use super::tree::{self, Body, Doc, Node, Slot, Syntax, Value};
use jsonc_parser::common::Ranged;
use jsonc_parser::{CollectOptions, ParseOptions, ast, parse_to_ast};
use std::ops::Range;

/// Why the text is no JSON, with comments and trailing commas allowed.
pub fn check(text: &str) -> Option<String> {
    parse(text).err()
}

/// Reads a text.
pub fn parse(text: &str) -> Result<Doc<'_>, String> {
    // Our files are read by strict readers too: no dialect beyond comments and trailing commas.
    let options = ParseOptions {
        allow_comments: true,
        allow_trailing_commas: true,
        allow_loose_object_property_names: false,
        allow_missing_commas: false,
        allow_single_quoted_strings: false,
        allow_hexadecimal_numbers: false,
        allow_unary_plus_numbers: false,
        allow_bare_decimal_point_numbers: false,
        allow_non_finite_numbers: false,
        allow_extended_string_escapes: false,
    };
    let parsed = parse_to_ast(text, &CollectOptions::default(), &options)
        .map_err(|error| error.to_string())?;
    let value = parsed.value.ok_or("it holds no value")?;
    Ok(Doc {
        text,
        root: node(text, &value),
        syntax: Syntax::Json,
    })
}

fn node(text: &str, value: &ast::Value<'_>) -> Node {
    let span = value.start()..value.end();
    let value = match value {
        ast::Value::StringLit(string) => Value::Scalar(format!("\"{}", string.value)),
        ast::Value::NumberLit(_) | ast::Value::BooleanLit(_) | ast::Value::NullKeyword(_) => {
            Value::Scalar(text[span.clone()].to_owned())
        }
        ast::Value::Object(object) => {
            let entry = |property: &ast::ObjectProp<'_>| {
                (
                    tree::name(property.name.as_str()),
                    property.start(),
                    node(text, &property.value),
                )
            };
            Value::Object(body(
                text,
                Syntax::Json,
                &span,
                object.properties.iter().map(entry).collect(),
            ))
        }
        ast::Value::Array(array) => {
            let entry = |value: &ast::Value<'_>| (String::new(), value.start(), node(text, value));
            Value::Array(body(
                text,
                Syntax::Json,
                &span,
                array.elements.iter().map(entry).collect(),
            ))
        }
    };
    Node { span, value }
}

/// Cuts a container with brackets and commas; its entries are keys, where they begin, and values.
pub fn body(
    text: &str,
    syntax: Syntax,
    span: &Range<usize>,
    entries: Vec<(String, usize, Node)>,
) -> Body {
    let close = span.end - 1;
    let mut at = span.start + 1;
    let starts: Vec<usize> = entries.iter().map(|(_, start, _)| *start).collect();
    let mut slots = Vec::with_capacity(entries.len());
    for (n, (key, start, node)) in entries.into_iter().enumerate() {
        let end = node.span.end;
        let next = starts.get(n + 1).copied().unwrap_or(close);
        let comma = syntax.comma(text, end..next);
        let behind = comma.map_or(end, |comma| comma + 1);
        let after = syntax.comment_behind(text, behind..next);
        let (trail, after) = match comma {
            Some(comma) => (end..comma, behind..after),
            None => (end..after, after..after),
        };
        let next = after.end;
        slots.push(Slot {
            key,
            lead: at..start,
            head: start..node.span.start,
            node,
            trail,
            comma: comma.is_some(),
            after,
            table: false,
        });
        at = next;
    }
    Body {
        open: span.start..span.start + 1,
        slots,
        tail: at..span.end,
        commas: true,
    }
}
