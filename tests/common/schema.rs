//! A strict checker for the part of JSON Schema that the contracts use; a key that it does not know is a fault of the schema.

use serde_json::Value;

/// Says what is wrong with a value, with its place.
pub fn faults(schema: &Value, value: &Value) -> Vec<String> {
    faults_in(schema, schema, value)
}

fn faults_in(root: &Value, schema: &Value, value: &Value) -> Vec<String> {
    let mut found = Vec::new();
    check(root, schema, value, "$", &mut found);
    found
}

fn check(root: &Value, schema: &Value, value: &Value, at: &str, found: &mut Vec<String>) {
    let rules = schema.as_object().expect("a schema is an object");
    for (rule, want) in rules {
        let fault = match rule.as_str() {
            "$comment" | "definitions" => None,
            "$ref" => {
                let name = want.as_str().and_then(|name| name.strip_prefix('#'));
                let there = name.and_then(|name| root.pointer(name));
                check(root, there.expect("a definition"), value, at, found);
                None
            }
            "enum" => {
                let all = want.as_array().expect("a list");
                (!all.contains(value)).then(|| format!("must be one of {want}, is {value}"))
            }
            "minimum" => (value.as_f64() < want.as_f64()).then(|| format!("is below {want}")),
            "maximum" => (value.as_f64() > want.as_f64()).then(|| format!("is above {want}")),
            "minItems" => (value.as_array().map(Vec::len)
                < want.as_u64().and_then(|want| usize::try_from(want).ok()))
            .then(|| format!("has less than {want} items")),
            "uniqueItems" => {
                let items = value.as_array().expect("items are a list");
                let twice = |(n, item): (usize, &Value)| items[..n].contains(item);
                let any = items.iter().enumerate().any(twice);
                (any && *want == Value::Bool(true)).then(|| "has an item twice".to_owned())
            }
            "items" => {
                for (n, item) in value.as_array().into_iter().flatten().enumerate() {
                    check(root, want, item, &format!("{at}[{n}]"), found);
                }
                None
            }
            "anyOf" => {
                let all = want.as_array().expect("a list");
                let fits = |schema: &Value| faults_in(root, schema, value).is_empty();
                (!all.iter().any(fits)).then(|| "must fit one of the forms".to_owned())
            }
            "const" => (value != want).then(|| format!("must be {want}, is {value}")),
            "type" if want == "integer" => {
                (!value.is_i64() && !value.is_u64()).then(|| format!("must be of type {want}"))
            }
            "type" if want.is_array() => {
                let all = want.as_array().into_iter().flatten();
                let fits = all
                    .filter_map(Value::as_str)
                    .any(|want| want == kind(value));
                (!fits).then(|| format!("must be one of {want}"))
            }
            "type" => (kind(value) != want.as_str().expect("a type has a name"))
                .then(|| format!("must be of type {want}")),
            "minLength" | "maxLength" => length(rule, want, value),
            "required" => want
                .as_array()
                .expect("a list")
                .iter()
                .filter_map(Value::as_str)
                .find(|key| value.get(key).is_none())
                .map(|key| format!("{key} is missing")),
            "properties" => {
                for (key, schema) in want.as_object().expect("properties by name") {
                    if let Some(value) = value.get(key) {
                        check(root, schema, value, &format!("{at}.{key}"), found);
                    }
                }
                None
            }
            "additionalProperties" if want.is_object() => {
                let known = rules.get("properties").and_then(Value::as_object);
                for (key, value) in value.as_object().into_iter().flatten() {
                    if !known.is_some_and(|known| known.contains_key(key)) {
                        check(root, want, value, &format!("{at}.{key}"), found);
                    }
                }
                None
            }
            "additionalProperties" if *want == Value::Bool(true) => None,
            "additionalProperties" => {
                let known = rules.get("properties").and_then(Value::as_object);
                let known = |key: &String| known.is_some_and(|known| known.contains_key(key));
                let keys = value.as_object().into_iter().flatten();
                keys.map(|(key, _)| key)
                    .find(|key| !known(key))
                    .map(|key| format!("{key} is not documented"))
            }
            "oneOf" => {
                let all = want.as_array().expect("a list");
                let fit = all
                    .iter()
                    .filter(|schema| faults_in(root, schema, value).is_empty());
                (fit.count() != 1).then(|| "must fit exactly one form".to_owned())
            }
            other => Some(format!("the checker does not know {other}")),
        };
        found.extend(fault.map(|fault| format!("{at}: {fault}")));
    }
}

fn length(rule: &str, want: &Value, value: &Value) -> Option<String> {
    let want = usize::try_from(want.as_u64()?).ok()?;
    let length = value.as_str()?.len();
    let fits = if rule == "minLength" {
        length >= want
    } else {
        length <= want
    };
    (!fits).then(|| format!("{rule} is {want}, it has {length} bytes"))
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}
