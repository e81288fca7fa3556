//! A small real run of another's set, and variants of what it wrote in which every field is filled or left out.

use depthfinder::dataset::Rule;
use depthfinder::journal::{Line, RunFile};
use depthfinder::summary::Summary;
use serde_json::{Value, json};
use std::process::Command;
use std::sync::OnceLock;

/// What a run of a set wrote.
pub struct Asked {
    /// Its rows, as JSON.
    pub rows: Vec<Value>,
    file: Value,
    summary: Value,
}

/// A run by the binary: four items, one of which says all of itself that an item can.
fn asked() -> &'static Asked {
    static ASKED: OnceLock<Asked> = OnceLock::new();
    ASKED.get_or_init(|| {
        let folder = tempfile::tempdir().expect("a folder");
        let (out, set) = (folder.path().join("run"), folder.path().join("set.jsonl"));
        let mut records = String::from(
            "{\"prompt\":\"a?\",\"answer\":\"know\",\"task\":\"t\",\"depth\":50,\"length\":500}\n",
        );
        for answer in ["b", "c", "d"] {
            records.push_str(&format!("{{\"prompt\":\"a?\",\"answer\":\"{answer}\"}}\n"));
        }
        std::fs::write(&set, records).expect("written");
        let output = Command::new(env!("CARGO_BIN_EXE_depthfinder"))
            .args([
                "sweep",
                "sim:perfect",
                "--quiet",
                "--prompt-column",
                "prompt",
            ])
            .arg("--dataset")
            .arg(&set)
            .arg("--out")
            .arg(&out)
            .output()
            .expect("runs");
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(0), "{said}");
        let read = |name: &str| std::fs::read_to_string(out.join(name)).expect(name);
        let lines = read("journal.jsonl");
        let lines = lines.lines();
        let lines = lines.map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
        let (rows, intents): (Vec<Value>, Vec<Value>) =
            lines.partition(|line| line["line"] == "set_row");
        for intent in intents {
            let fields: Vec<&String> = intent.as_object().expect("an object").keys().collect();
            assert_eq!(fields, ["line", "schema", "item", "attempt", "at_ms"]);
        }
        Asked {
            rows,
            file: serde_json::from_str(&read("run.json")).expect("a run"),
            summary: serde_json::from_str(&read("summary.json")).expect("a summary"),
        }
    })
}

/// Its rows, and a void one of MRCR of which little is known.
pub fn rows() -> Vec<Value> {
    let mut void = asked().rows[0].clone();
    void["rule"] = serde_json::to_value(Rule::Mrcr {
        prefix: "xY9".into(),
    })
    .expect("JSON");
    void["prompt"]["expected_tokens"] = Value::Null;
    void["prompt"]["tolerance_tokens"] = Value::Null;
    void["outcome"] = json!({"failure": {"kind": "timed_out", "after_ms": 1, "waiting_for": "it"}});
    void["void"] = json!("timed-out");
    if let Some(fields) = void.as_object_mut() {
        fields.shift_remove("credit");
        fields.shift_remove("right");
    }
    let read: Line = serde_json::from_value(void.clone()).expect("a row");
    assert_eq!(serde_json::to_value(read).expect("JSON"), void);
    asked().rows.iter().cloned().chain([void]).collect()
}

/// Its `run.json`, and one that names no column.
pub fn run_files() -> Vec<Value> {
    let mut plain: RunFile = serde_json::from_value(asked().file.clone()).expect("a run");
    let set = plain.dataset.as_mut().expect("a set");
    set.columns.clear();
    set.nominal_tokens = vec![4_096];
    vec![
        asked().file.clone(),
        serde_json::to_value(plain).expect("JSON"),
    ]
}

/// Its `summary.json`, and one in which nothing was scored.
pub fn summaries() -> Vec<Value> {
    let mut none: Summary = serde_json::from_value(asked().summary.clone()).expect("a summary");
    let task = &mut none.dataset.as_mut().expect("a set").tasks[0];
    (task.credit, task.credit_interval, task.interval) = (None, None, None);
    vec![
        asked().summary.clone(),
        serde_json::to_value(none).expect("JSON"),
    ]
}
