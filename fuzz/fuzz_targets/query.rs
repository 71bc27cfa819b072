//! What the query parser and the snippet make of any text.
#![no_main]

#[path = "../../tests/common/bytes.rs"]
#[expect(dead_code, reason = "each target asks one of its questions")]
mod bytes;

libfuzzer_sys::fuzz_target!(|text: &str| bytes::ask(text));
