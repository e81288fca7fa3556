//! Bins, depths, samples and scores of a set, out of rows.

use super::*;
use crate::journal::SetAsked;
use serde_json::{Value, json};

fn run(nominal_tokens: Vec<u64>) -> RunFile {
    let run = json!({
        "schema": 1, "depthfinder": "0", "prompt_format": 1, "began_ms": 0, "target": "sim:perfect",
        "served": crate::endpoint::Served::default(), "advertised_tokens": null,
        "grid": {"tasks": [], "lengths_tokens": [], "depths": {"at": []}, "samples": 1, "keys": 5,
            "values": "numbers", "wording": "fixed", "question_at": "end"},
        "dataset": SetAsked { kind: "ruler".into(), columns: BTreeMap::new(), items: 9, asked: 4,
            nominal_tokens },
        "secret": "00", "salt": "", "corpus": {"name": "/data/set.jsonl", "digest": "1"},
        "tokenizer": {"name": "o200k", "digest": "1"}, "exact": true, "server_counts": false,
        "overhead_tokens": null, "price": null,
        "asking": {"max_output_tokens": 64, "temperature": 0.0, "reasoning": null, "system": null,
            "threshold": 0.85},
    });
    serde_json::from_value(run).expect("a run")
}

/// A settled row: its place, length, depth, and what was said to a question for `a`.
fn row(item: u64, length_tokens: Option<u64>, depth: Option<f64>, said: &str) -> Value {
    json!({
        "schema": 1, "item": item, "id": item.to_string(), "attempt": 1, "at_ms": 0, "task": "niah",
        "length_tokens": length_tokens, "depth_percent": depth, "rule": {"name": "ruler-all"},
        "answers": ["alpha", "beta"],
        "prompt": {"blake3": "", "bytes": 1, "turns": 1, "text_tokens": 700,
            "expected_tokens": 710, "tolerance_tokens": 16, "exact": true},
        "max_output_tokens": 64,
        "outcome": {"reply": {"text": said, "stop": "end",
            "usage": {"prompt_tokens": 710, "cached_tokens": null, "cache_write_tokens": null,
                "output_tokens": 5, "reasoning_tokens": null},
            "timing": {"uploaded_ms": null, "headers_ms": null, "first_text_ms": null,
                "total_ms": 1.0}}},
        "settled": true,
    })
}

fn summed(nominal: Vec<u64>, rows: Vec<Value>) -> Summary {
    let items = rows.into_iter();
    let items = items.map(|row| serde_json::from_value(row).expect("a row"));
    let loaded = Loaded {
        items: items.collect(),
        ..Loaded::default()
    };
    summarize_set(&run(nominal), &loaded, None)
}

#[test]
fn credits_are_averaged_and_answers_counted_by_the_rule_of_the_row() {
    let summary = summed(
        vec![600],
        vec![
            row(0, Some(600), None, "Alpha and BETA"),
            row(1, Some(600), None, "alpha"),
            row(2, Some(600), None, "gamma"),
        ],
    );
    let point = &summary.tasks[0].curve[0];
    assert_eq!((point.length_tokens, point.n, point.right), (600, 3, 1));
    assert_eq!(point.credit, Some(0.5));
    assert_eq!(point.credit_interval, Some(wilson_mean(1.5, 3, 0.95)));
    assert_eq!(point.interval, Some(wilson(1, 3, 0.95)));
    let set = summary.dataset.expect("a set");
    assert_eq!(
        (set.items, set.asked, set.file.as_str()),
        (9, 4, "set.jsonl")
    );
    assert!(!set.binned && set.counted == 0);
    assert!(set.tasks[0].rules[0].contains("string_match_all"));
    let quoted: Vec<(u64, f64)> = set
        .samples
        .iter()
        .map(|one| (one.item, one.credit))
        .collect();
    assert_eq!(quoted, [(2, 0.0), (1, 0.5), (0, 1.0)]);
    assert!(summary.warnings[0].contains("known since the set was published"));
    assert!(
        summary
            .warnings
            .iter()
            .any(|w| w == "1 of 4 items are not asked yet")
    );
    // No depth is stated: there is nothing to map.
    assert!(summary.tasks[0].cells.is_empty());
}

#[test]
fn what_was_not_stated_is_counted_and_told_up_to_the_next_power_of_two() {
    let summary = summed(
        Vec::new(),
        vec![
            row(0, None, Some(10.0), "alpha beta"),
            row(1, Some(1_024), Some(90.0), "alpha beta"),
            row(2, Some(1_025), Some(90.0), "none"),
        ],
    );
    let lengths: Vec<u64> = summary.tasks[0]
        .curve
        .iter()
        .map(|p| p.length_tokens)
        .collect();
    assert_eq!(lengths, [1_024, 2_048]);
    let cells: Vec<(u64, f64, u64, u64)> = summary.tasks[0]
        .cells
        .iter()
        .map(|cell| (cell.length_tokens, cell.depth_percent, cell.right, cell.n))
        .collect();
    assert_eq!(
        cells,
        [
            (1_024, 10.0, 1, 1),
            (1_024, 90.0, 1, 1),
            (2_048, 10.0, 0, 0),
            (2_048, 90.0, 0, 1)
        ]
    );
    let set = summary.dataset.expect("a set");
    assert!(set.binned && set.counted == 1);
}

#[test]
fn a_prompt_that_lost_tokens_is_void_and_of_an_item_asked_twice_the_settled_row_counts() {
    let mut cut = row(0, Some(600), None, "alpha beta");
    cut["outcome"]["reply"]["usage"]["prompt_tokens"] = json!(300);
    let mut early = row(1, Some(600), None, "alpha");
    early["settled"] = json!(false);
    let summary = summed(
        vec![600],
        vec![cut, early, row(1, Some(600), None, "alpha beta")],
    );
    assert_eq!(summary.tasks[0].voids.get("cut-prompt"), Some(&1));
    let point = &summary.tasks[0].curve[0];
    assert_eq!((point.n, point.right, point.void), (1, 1, 1));
    assert_eq!(summary.totals.attempts, 3);
    let said = |words: &str| {
        summary
            .warnings
            .iter()
            .any(|warning| warning.contains(words))
    };
    assert!(
        said("1 replies ran out of their budget"),
        "{:?}",
        summary.warnings
    );
}

#[test]
fn many_depths_are_told_in_tenths() {
    let rows = (0..40).map(|item| row(item, Some(600), Some(item as f64 * 2.5), "alpha beta"));
    let summary = summed(vec![600], rows.collect());
    let cells = &summary.tasks[0].cells;
    assert_eq!(cells.len(), 10);
    assert_eq!(cells.iter().map(|cell| cell.n).sum::<u64>(), 40);
    assert_eq!(cells[0].depth_percent, 5.0);
    assert!(cells.iter().all(|cell| (3..=5).contains(&cell.n)));
}
