//! A small real run, and variants of what it wrote in which every field is filled or left out.

use depthfinder::answer::Rule;
use depthfinder::canary::Cut;
use depthfinder::comparison::{Answered, Comparison, SideSummary};
use depthfinder::corpus::Corpus;
use depthfinder::gate::{Answer, Baseline, Course};
use depthfinder::haystack::Beyond;
use depthfinder::identity::fingerprint::Fingerprint;
use depthfinder::journal::{
    FoundWindow, Line, Loaded, Moment, Named, Outcome, Print, Row, RunFile,
};
use depthfinder::plan::{Depths, Plan};
use depthfinder::reconcile::{Fit, Sample};
use depthfinder::reply::{Failure, Reply, Stop, Timing, Usage};
use depthfinder::seed::Secret;
use depthfinder::stats::GateRules;
use depthfinder::summary::{CutFinding, FingerprintSummary, KindSummary, Reach, Summary};
use depthfinder::task::Kind;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// What a run wrote.
pub struct Run {
    /// Its intents, as JSON.
    pub intents: Vec<Value>,
    /// Its rows, as JSON.
    pub rows: Vec<Value>,
    /// Its controls, as JSON.
    pub controls: Vec<Value>,
    /// A row with an answer.
    pub answered: Row,
    /// Its `run.json`.
    pub file: RunFile,
    /// Its `summary.json`.
    pub summary: Summary,
    /// Its `cells.csv`.
    pub cells: String,
}

/// Writes a small corpus into a folder; where it lies.
pub fn write_corpus(folder: &Path) -> PathBuf {
    let text = &Corpus::open("en-prose").expect("built in").texts[0];
    let text: String = text
        .as_str()
        .expect("UTF-8")
        .chars()
        .take(120_000)
        .collect();
    let corpus = folder.join("corpus.txt");
    std::fs::write(&corpus, text).expect("written");
    corpus
}

/// A run of the binary: three lengths, the last of which does not fit the simulated window.
pub fn run() -> &'static Run {
    static RUN: OnceLock<Run> = OnceLock::new();
    RUN.get_or_init(|| {
        let folder = tempfile::tempdir().expect("a folder");
        let out = folder.path().join("run");
        let corpus = write_corpus(folder.path());
        let output = Command::new(env!("CARGO_BIN_EXE_depthfinder"))
            .args([
                "sweep",
                "sim:decay=1k,window=2048",
                "--quiet",
                "--keys",
                "3",
                "--canaries",
                "always",
            ])
            .args(["--lengths", "512,1k,4k", "--depths", "3", "--samples", "2"])
            .arg("--corpus")
            .arg(&corpus)
            .arg("--out")
            .arg(&out)
            .env("DEPTHFINDER_CACHE", folder.path().join("cache"))
            .output()
            .expect("runs");
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(3), "a third is void: {said}");
        let read = |name: &str| std::fs::read_to_string(out.join(name)).expect(name);
        let lines: Vec<Value> = read("journal.jsonl")
            .lines()
            .map(|line| serde_json::from_str(line).expect("JSON"))
            .collect();
        let of_kind = |kind: &str| -> Vec<Value> {
            let lines = lines.iter().filter(|line| line["line"] == kind);
            lines.cloned().collect()
        };
        let (intents, rows) = (of_kind("intent"), of_kind("row"));
        let controls = of_kind("control");
        assert_eq!(of_kind("control_intent").len(), controls.len());
        let answered = rows
            .iter()
            .filter_map(|row| match serde_json::from_value(row.clone()) {
                Ok(Line::Row(row)) => Some(*row),
                _ => None,
            })
            .find(|row| row.reply().is_some())
            .expect("an answer");
        Run {
            intents,
            rows,
            controls,
            answered,
            file: serde_json::from_str(&read("run.json")).expect("a run"),
            summary: serde_json::from_str(&read("summary.json")).expect("a summary"),
            cells: read("cells.csv"),
        }
    })
}

/// Every failure that there is; once with all that a server may say and once without.
pub fn failures() -> Vec<Failure> {
    let said = || "words".to_owned();
    let all = vec![
        Failure::TooLong {
            said: said(),
            window_tokens: Some(1),
        },
        Failure::TooLong {
            said: said(),
            window_tokens: None,
        },
        Failure::Limited {
            said: said(),
            retry_after_ms: Some(1),
            permanent: false,
        },
        Failure::Limited {
            said: said(),
            retry_after_ms: None,
            permanent: true,
        },
        Failure::Unauthorized { said: said() },
        Failure::NotFound { said: said() },
        Failure::Refused {
            status: 400,
            said: said(),
        },
        Failure::Server {
            status: 500,
            said: said(),
            retry_after_ms: Some(1),
        },
        Failure::Unreachable { cause: said() },
        Failure::Broken { cause: said() },
        Failure::TimedOut {
            after_ms: 1,
            waiting_for: said(),
        },
        Failure::Filtered { said: said() },
    ];
    // A new kind of failure must be added above: this match is what fails to compile then.
    for failure in &all {
        match failure {
            Failure::TooLong { .. }
            | Failure::Limited { .. }
            | Failure::Unauthorized { .. }
            | Failure::NotFound { .. }
            | Failure::Refused { .. }
            | Failure::Server { .. }
            | Failure::Unreachable { .. }
            | Failure::Broken { .. }
            | Failure::TimedOut { .. }
            | Failure::Filtered { .. } => {}
        }
    }
    all
}

/// The run's rows, and rows with everything filled and with nothing but what must be.
pub fn rows(run: &Run) -> Vec<Value> {
    let Outcome::Reply(reply) = &run.answered.outcome else {
        panic!("an answered row");
    };
    let full = Reply {
        reasoning: "hm".into(),
        stop: Stop::Other("pause".into()),
        usage: Usage {
            prompt_tokens: Some(1),
            cached_tokens: Some(1),
            cache_write_tokens: Some(1),
            output_tokens: Some(1),
            reasoning_tokens: Some(1),
            told: Some(json!({ "prompt_tokens": 1 })),
        },
        timing: Timing {
            uploaded_ms: Some(0.5),
            headers_ms: Some(0.5),
            first_text_ms: Some(0.5),
            total_ms: 0.5,
            server: Some(json!({ "prompt_ms": 1.0 })),
        },
        provider: Some("host".into()),
        cut: Some("compressed".into()),
        id: Some("chatcmpl-1".into()),
        headers: [("server".to_owned(), "host".to_owned())].into(),
        ..reply.clone()
    };
    let bare = Reply {
        text: String::new(),
        reasoning: String::new(),
        stop: Stop::End,
        usage: Usage::default(),
        timing: Timing::default(),
        model: None,
        system_fingerprint: None,
        request_id: None,
        provider: None,
        cut: None,
        id: None,
        headers: Default::default(),
    };
    let mut judged = run.answered.judged.clone().expect("scored");
    judged.value = Some("1".into());
    judged.distractor = Some(0);
    judged.credit = Some(0.5);
    let mut filled = Row {
        rule: Rule::All,
        answers: vec!["1".into(), "2".into()],
        language: "zh".into(),
        outcome: Outcome::Reply(full),
        judged: Some(judged.clone()),
        ..run.answered.clone()
    };
    let shares = &mut filled.prompt.shares;
    shares.classical_tokens = 1;
    shares.verse_tokens = 1;
    shares.generated_tokens = 1;
    judged.value = None;
    judged.distractor = None;
    judged.credit = None;
    let mut empty = Row {
        outcome: Outcome::Reply(bare),
        judged: Some(judged),
        void: None,
        ..run.answered.clone()
    };
    empty.prompt.expected_tokens = None;
    empty.prompt.tolerance_tokens = None;
    let failed = failures().into_iter().map(|failure| Row {
        void: Some(failure.reason().into()),
        outcome: Outcome::Failure(failure),
        judged: None,
        ..run.answered.clone()
    });
    let made = [filled, empty].into_iter().chain(failed);
    let made = made.map(|row| serde_json::to_value(Line::Row(Box::new(row))).expect("JSON"));
    run.rows.iter().cloned().chain(made).collect()
}

/// The run's controls, and one of which less is known.
pub fn controls(run: &Run) -> Vec<Value> {
    let mut plain = run.controls[0].clone();
    plain["kind"] = json!("calibration");
    plain["prompt"]["expected_tokens"] = Value::Null;
    plain["prompt"]["tolerance_tokens"] = Value::Null;
    if let Some(fields) = plain.as_object_mut() {
        fields.remove("codes");
    }
    let read: Line = serde_json::from_value(plain.clone()).expect("a control");
    assert_eq!(serde_json::to_value(read).expect("JSON"), plain);
    run.controls.iter().cloned().chain([plain]).collect()
}

/// A question of a fingerprint that was answered, and one that was not.
pub fn prints(run: &Run) -> Vec<Value> {
    let failure = Outcome::Failure(Failure::Filtered { said: "no".into() });
    [run.answered.outcome.clone(), failure]
        .map(|outcome| {
            let print = Print {
                schema: 1,
                question: 0,
                fingerprint: 0,
                moment: Moment::Start,
                settled: 0,
                at_ms: 1,
                probe: "short".into(),
                text: "Reply with the word OK.".into(),
                text_tokens: 6,
                max_output_tokens: 16,
                outcome,
            };
            serde_json::to_value(Line::Fingerprint(Box::new(print))).expect("JSON")
        })
        .into()
}

/// The run's `run.json`, and one with everything filled.
pub fn run_files(run: &Run) -> Vec<Value> {
    let mut filled = run.file.clone();
    filled.served.software = Some("vllm".into());
    filled.served.window_tokens = Some(1);
    filled.served.trained_window_tokens = Some(1);
    filled.served.body_limit_bytes = Some(1);
    filled.served.output_limit_tokens = Some(1);
    filled.served.details = vec!["a detail".into()];
    filled.adaptations = vec!["a change".into()];
    filled.fit = Fit::of(
        (1..=4)
            .map(|at| Sample {
                own_tokens: 1_000 * at,
                reported_tokens: 1_100 * at,
            })
            .collect(),
    );
    filled.found_window = Some(found_window());
    filled.asking.reasoning = Some("low".into());
    filled.asking.system = Some("Be brief.".into());
    filled.grid.depths = Depths::Strata(5);
    filled.sized_by = Some(Named {
        name: "cl100k".into(),
        digest: "1".into(),
    });
    filled.grid.question_language = Some("zh".into());
    filled.grid.beyond = Beyond::Repeated;
    filled.grid.difficulty.insert("hops".into(), 2);
    let mut bare = run.file.clone();
    bare.found_window = Some(nothing_found());
    bare.served.software = None;
    bare.served.window_tokens = None;
    bare.advertised_tokens = None;
    bare.overhead_tokens = None;
    bare.price = None;
    bare.asking.temperature = None;
    bare.price = None;
    let files = [&run.file, &filled, &bare].map(|file| serde_json::to_value(file).expect("JSON"));
    files.into()
}

/// The run's `summary.json`, and one of which less is known.
pub fn summaries(run: &Run) -> Vec<Value> {
    let mut bare = run.summary.clone();
    bare.advertised_tokens = None;
    bare.totals.cost_usd = None;
    bare.settings.clear();
    bare.warnings.clear();
    let mut told = run.summary.clone();
    let finding = CutFinding {
        length_tokens: 4_096,
        proven: true,
        cut: Some(Cut::Head),
        reported_tokens: Some(2_051),
        half_window_tokens: Some(4_096),
        words: "the head is cut off".into(),
    };
    let unclear = CutFinding {
        cut: None,
        reported_tokens: None,
        half_window_tokens: None,
        ..finding.clone()
    };
    told.cuts = vec![finding, unclear];
    told.tasks[0].curve[0].credit = Some(0.5);
    let reach = |tokens| Reach {
        passed_tokens: tokens,
        above_tokens: tokens,
        failed_tokens: tokens,
    };
    told.kinds = [Some(512), None]
        .map(|tokens| KindSummary {
            kind: Kind::Literal,
            tasks: vec![told.tasks[0].task.clone()],
            curve: told.tasks[0].curve.clone(),
            reach: reach(tokens),
        })
        .into();
    told.found_window = Some(found_window());
    told.totals.fingerprint_questions = 5;
    told.fingerprints = fingerprints();
    bare.found_window = Some(nothing_found());
    bare.tasks[0].curve[0].accuracy_voids_failed = None;
    told.warnings.push("a warning".into());
    let all = [&run.summary, &bare, &told];
    all.map(|summary| serde_json::to_value(summary).expect("JSON"))
        .into()
}

/// A fingerprint of which all is told, and one of which nothing is.
fn fingerprints() -> Vec<FingerprintSummary> {
    let full = FingerprintSummary {
        moment: Moment::Start,
        at_ms: 1,
        settled: 0,
        questions: 4,
        print: Fingerprint {
            model: Some("m".into()),
            system_fingerprint: Some("fp_1".into()),
            provider: Some("host".into()),
            headers: [("server".to_owned(), "host".to_owned())].into(),
            counts: vec![Some(30), Some(214), Some(40), None],
        },
        missing: vec!["code: refused".into()],
        changed: vec!["model: m, then n".into()],
    };
    let bare = FingerprintSummary {
        print: Fingerprint {
            counts: vec![None; 4],
            ..Fingerprint::default()
        },
        missing: Vec::new(),
        changed: Vec::new(),
        ..full.clone()
    };
    vec![full, bare]
}

/// A comparison, and one of which less is known.
pub fn comparisons(run: &Run) -> Vec<Value> {
    let answered = |trial: u64, right: Option<bool>| Answered {
        trial,
        task: "niah_single",
        length_tokens: 1_000,
        depth_percent: 50.0,
        sample: 0,
        prompt: "1".into(),
        at_ms: 0,
        right,
        void: right.is_none().then(|| "timed-out".into()),
        class: right.map(|_| "exact"),
        question: "Which?".into(),
        expected: "1".into(),
        text: "1".into(),
        reported_tokens: right.map(|_| 1_000),
        label: None,
        reply_id: None,
        recites: false,
    };
    let side = |outcomes: [Option<bool>; 3]| -> BTreeMap<u64, Answered> {
        let rows = outcomes.into_iter().zip(0..);
        rows.map(|(right, trial)| (trial, answered(trial, right)))
            .collect()
    };
    let of = |sides: [[Option<bool>; 3]; 2]| {
        let answers = sides.map(side);
        let summaries = answers.iter().zip(["a", "b"]).map(|(answers, name)| {
            SideSummary::of(name, &run.file, name, answers, &|_| Some(1_000))
        });
        Comparison::of(summaries.collect(), &answers, 3)
    };
    let (yes, no) = (Some(true), Some(false));
    [
        of([[yes, yes, no], [yes, no, None]]),
        of([[yes; 3], [None; 3]]),
    ]
    .map(|comparison| serde_json::to_value(comparison).expect("JSON"))
    .into()
}

/// Gates that end in each way.
pub fn gates() -> Vec<Value> {
    let key = Secret::from_hex("07").expect("hex").key("");
    let plan = Plan::new(run().file.grid.clone(), &key);
    let reference = plan.trials().map(|trial| (trial.id, Some(true))).collect();
    let course = Course::new(GateRules::default(), &plan.groups, reference, &key);
    let missing = || Answer::Missing("timed-out".into());
    [Answer::Counts(true), Answer::Counts(false), missing()]
        .map(|answer| {
            let answers = plan
                .trials()
                .map(|trial| (trial.id, answer.clone()))
                .collect();
            let (gate, _) = course.next(&answers);
            serde_json::to_value(course.gated(gate, &answers, "new", "old")).expect("JSON")
        })
        .into()
}

/// Baselines of the run: as it is, and with an answer that was cut and a question that is void.
pub fn baselines(run: &Run) -> Vec<Value> {
    let loaded = Loaded {
        rows: vec![run.answered.clone()],
        ..Loaded::default()
    };
    let plain = Baseline::of(&run.file, &loaded).expect("a baseline");
    let mut marked = plain.clone();
    let mut void = marked.rows[0].clone();
    marked.rows[0].stop = Some(Stop::Length);
    (void.answer, void.id) = (None, None);
    void.void = Some("timed-out".into());
    let mut other = void.clone();
    other.stop = Some(Stop::Other("tired".into()));
    marked.rows.extend([void, other]);
    [plain, marked]
        .map(|baseline| serde_json::to_value(baseline).expect("JSON"))
        .into()
}

/// The rows of the registry of claims.
pub fn claims() -> Vec<Value> {
    let claims = depthfinder::claims::Registry::built_in().all();
    let rows = claims
        .iter()
        .map(|row| serde_json::to_value(row).expect("JSON"));
    rows.collect()
}

fn found_window() -> FoundWindow {
    FoundWindow {
        served_tokens: Some(1),
        refused_tokens: Some(2),
        how: Some("too-long".into()),
        requests: 3,
        stopped: Some("a timeout".into()),
    }
}

fn nothing_found() -> FoundWindow {
    FoundWindow {
        served_tokens: None,
        refused_tokens: None,
        how: None,
        requests: 1,
        stopped: None,
    }
}

/// A field as a document describes it.
#[derive(Debug)]
pub struct Field {
    /// Where it stands, as in `tasks[].curve[].n`.
    pub path: String,
    types: Vec<String>,
    or_null: bool,
    optional: bool,
}

impl Field {
    /// Reads a row of a table: path, type, meaning.
    pub fn of(row: &[String]) -> Field {
        let path = row[0].trim_matches('`').to_owned();
        assert!(row.len() == 3 && !row[2].is_empty(), "{row:?}");
        let (types, optional) = match row[1].strip_suffix(", optional") {
            Some(types) => (types, true),
            None => (row[1].as_str(), false),
        };
        let (types, or_null) = match types.strip_suffix(" or null") {
            Some(types) => (types, true),
            None => (types, false),
        };
        Field {
            path,
            types: types.split(" or ").map(str::to_owned).collect(),
            or_null,
            optional,
        }
    }
}

/// A value found under a path; `None` where the object that should hold it does not.
type Found = Vec<(String, Option<Value>)>;

/// Holds descriptions against samples, both ways.
pub fn compare(what: &str, fields: &[Field], samples: &[Value]) {
    assert!(samples.len() > 1, "{what}");
    for sample in samples {
        let mut leaves = Vec::new();
        walk("", sample, fields, &mut leaves);
        for leaf in leaves {
            let known = fields.iter().any(|field| field.path == leaf);
            assert!(known, "{what}: `{leaf}` is not described");
        }
    }
    for field in fields {
        let (mut seen, mut null, mut missing) = (false, false, false);
        let name = format!("{what}: `{}`", field.path);
        for value in samples
            .iter()
            .flat_map(|sample| find(sample, &field.path, fields))
        {
            match value {
                None => missing = true,
                Some(Value::Null) => null = true,
                Some(value) => {
                    seen = true;
                    let fits = field.types.iter().any(|kind| is(&value, kind));
                    assert!(fits, "{name} is {value}, not {:?}", field.types);
                }
            }
        }
        assert!(seen, "{name} is described and never written");
        assert_eq!(null, field.or_null, "{name} and null");
        assert_eq!(missing, field.optional, "{name} and being left out");
    }
}

/// The paths of everything in a value that is not an object or a list, or is described as one.
fn walk(path: &str, value: &Value, fields: &[Field], into: &mut Vec<String>) {
    let described = fields.iter().any(|field| field.path == path);
    let below = |child: &str| format!("{path}{}{child}", if path.is_empty() { "" } else { "." });
    let goes_on = fields.iter().any(|field| {
        field.path.starts_with(&below("")) || field.path.starts_with(&format!("{path}[]"))
    });
    match value {
        Value::Object(object) if path.is_empty() || goes_on || !described => {
            for (name, child) in object {
                walk(&below(name), child, fields, into);
            }
        }
        Value::Array(items) if goes_on => {
            for item in items {
                walk(&format!("{path}[]"), item, fields, into);
            }
        }
        _ => into.push(path.to_owned()),
    }
}

/// The values under a path. One that is missing counts where its object is there, or where the
/// object has no description of its own that could say that it may be missing.
fn find(sample: &Value, path: &str, fields: &[Field]) -> Vec<Option<Value>> {
    let mut found: Found = vec![(String::new(), Some(sample.clone()))];
    for step in path.split('.') {
        let (name, list) = match step.strip_suffix("[]") {
            Some(name) => (name, true),
            None => (step, false),
        };
        let mut next = Found::new();
        for (at, value) in found {
            let here = if at.is_empty() {
                name.to_owned()
            } else {
                format!("{at}.{name}")
            };
            match value {
                Some(Value::Object(object)) => match (object.get(name), list) {
                    (Some(Value::Array(items)), true) => {
                        let items = items.iter().cloned();
                        next.extend(items.map(|item| (format!("{here}[]"), Some(item))));
                    }
                    (child, _) => next.push((here, child.cloned())),
                },
                // Null where it may be, or left out as a whole, which its own row says.
                other => {
                    let told = |field: &Field| match other {
                        Some(_) => field.or_null,
                        None => true,
                    };
                    if !fields.iter().any(|field| field.path == at && told(field)) {
                        next.push((here, None));
                    }
                }
            }
        }
        found = next;
    }
    found.into_iter().map(|(_, value)| value).collect()
}

fn is(value: &Value, kind: &str) -> bool {
    match kind {
        "integer" => value.is_u64(),
        "number" => value.is_number(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "list" => value.is_array(),
        "object" => value.is_object(),
        _ => panic!("no type {kind}"),
    }
}
