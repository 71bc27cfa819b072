//! What Codex's reader makes of any line.
#![no_main]

#[path = "../../tests/common/bytes.rs"]
#[expect(dead_code, reason = "each target asks one of its questions")]
mod bytes;

libfuzzer_sys::fuzz_target!(|line: &[u8]| bytes::read_by("codex", line));
