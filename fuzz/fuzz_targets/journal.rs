//! The journal: any bytes are read or refused, and what was read once is read again.
#![no_main]

use depthfinder::journal::Loaded;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(loaded) = Loaded::parse(bytes, "journal.jsonl") {
        // A torn last line changes nothing of what stands before it.
        let torn = [bytes, b"{\"line\":\"row\",\"sch"].concat();
        if bytes.is_empty() || bytes.ends_with(b"\n") {
            let again = Loaded::parse(&torn, "journal.jsonl").expect("a torn last line is ignored");
            assert_eq!(again.rows, loaded.rows);
            assert_eq!(again.controls, loaded.controls);
        }
    }
});
