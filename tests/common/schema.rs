//! A strict checker for the part of JSON Schema that the contracts use; a key that it does not know is a fault of the schema.

use serde_json::Value;

/// Says what is wrong with a value, with its place.
pub fn faults(schema: &Value, value: &Value) -> Vec<String> {
    let mut found = Vec::new();
    check(schema, value, "$", &mut found);
    found
}

fn check(schema: &Value, value: &Value, at: &str, found: &mut Vec<String>) {
    let rules = schema.as_object().expect("a schema is an object");
    for (rule, want) in rules {
        let fault = match rule.as_str() {
            "$comment" => None,
            "const" => (value != want).then(|| format!("must be {want}, is {value}")),
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
                        check(schema, value, &format!("{at}.{key}"), found);
                    }
                }
                None
            }
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
                let fit = all.iter().filter(|schema| faults(schema, value).is_empty());
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
