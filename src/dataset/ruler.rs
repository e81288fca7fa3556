//! NVIDIA's RULER: what its data preparation writes, and which of its rules belongs to which task.
//!
//! Read from NVIDIA/RULER at c3f5e3b4f87f: `scripts/data/synthetic/*.py` (records),
//! `scripts/data/synthetic/constants.py` (templates and tokens to answer),
//! `scripts/pred/call_api.py` (`answer_prefix` is sent behind `input`) and
//! `scripts/eval/synthetic/constants.py` (rules).

use super::record::Record;
use super::{Content, Outline, Role, Rule};
use anyhow::{Result, ensure};
use serde_json::Value;
use std::path::Path;

const INPUT: &str = "input";
const OUTPUTS: &str = "outputs";
const ANSWER_PREFIX: &str = "answer_prefix";

/// A family of tasks that share a template, a rule and a length of answers.
struct Family {
    /// What the names of its tasks in `scripts/synthetic.yaml` begin with.
    name: &'static str,
    /// Its name in `scripts/data/synthetic/constants.py`.
    long_name: &'static str,
    /// What its template says, and no other.
    says: &'static str,
    /// `tokens_to_generate`.
    output_tokens: u64,
    /// `metric_fn`.
    rule: Rule,
}

const FAMILIES: &[Family] = &[
    Family {
        name: "niah",
        long_name: "niah",
        says: "special magic",
        output_tokens: 128,
        rule: Rule::RulerAll,
    },
    Family {
        name: "vt",
        long_name: "variable_tracking",
        says: "Memorize and track the chain(s) of variable assignment",
        output_tokens: 30,
        rule: Rule::RulerAll,
    },
    Family {
        name: "cwe",
        long_name: "common_words_extraction",
        says: "Below is a numbered list of words.",
        output_tokens: 120,
        rule: Rule::RulerAll,
    },
    Family {
        name: "fwe",
        long_name: "freq_words_extraction",
        says: "Read the following coded text",
        output_tokens: 50,
        rule: Rule::RulerAll,
    },
    Family {
        name: "qa",
        long_name: "qa",
        says: "Answer the question based on the given documents.",
        output_tokens: 32,
        rule: Rule::RulerPart,
    },
];

impl Family {
    /// The family of a task by its name.
    fn named(task: &str) -> Option<&'static Family> {
        FAMILIES.iter().find(|family| {
            let rest = task.strip_prefix(family.name);
            let short = rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('_'));
            short || task == family.long_name
        })
    }

    /// The family of a task by its name, or else by how its prompt begins.
    fn of(task: Option<&str>, input: &str) -> Option<&'static Family> {
        /// Room for a chat template before RULER's own words.
        const BEGINNING_BYTES: usize = 512;
        let beginning = &input[..input.floor_char_boundary(BEGINNING_BYTES)];
        let says = |family: &&Family| beginning.contains(family.says);
        let named = task.and_then(Family::named);
        named.or_else(|| FAMILIES.iter().find(says))
    }
}

/// Whether a record is one of RULER.
pub fn recognised(record: &Record) -> bool {
    let outputs = matches!(record.get(OUTPUTS), Some(Value::Array(_)));
    let other = ["length", ANSWER_PREFIX, "index"];
    outputs && record.text(INPUT).is_ok() && other.iter().any(|column| record.get(column).is_some())
}

/// What a record says of itself. Its task stands in the record, or is the name of the file
/// (`niah_single_1.jsonl`) or of its folder (`niah_single_1/validation.jsonl`), or else the family
/// whose template the prompt begins with. `length` counts prompt and tokens to answer.
pub fn outline(record: &Record, path: &Path) -> Result<Outline> {
    let input = record.text(INPUT)?;
    ensure!(!input.is_empty(), "`{INPUT}` is empty");
    record.answers(OUTPUTS)?;
    let folder = path.parent().and_then(Path::file_name);
    let named = [path.file_stem(), folder]
        .into_iter()
        .flatten()
        .filter_map(|name| name.to_str())
        .find(|name| Family::named(name).is_some());
    let told = record.label("task").or_else(|| named.map(str::to_owned));
    let family = Family::of(told.as_deref(), input);
    let task = told.or_else(|| family.map(|family| family.name.to_owned()));
    let length_tokens = record
        .count("length")
        .or_else(|| record.count("max_length_used"));
    let answered = family.map_or(0, |family| family.output_tokens);
    let prompt_tokens = length_tokens.map(|length| length.saturating_sub(answered));
    let depth = record
        .count("token_position_answer")
        .zip(prompt_tokens)
        .filter(|(at, all)| *all > 0 && at <= all);
    Ok(Outline {
        id: record.label("index").unwrap_or_default(),
        line: 0,
        task,
        length_tokens,
        depth_percent: depth.map(|(at, all)| 100.0 * at as f64 / all as f64),
        text_bytes: 0,
    })
}

/// The prompt as RULER sends it, and its answers. A task that is none of RULER's is scored by the
/// rule of nearly all of them.
pub fn content(mut record: Record, outline: &Outline) -> Result<Content> {
    let answers = record.answers(OUTPUTS)?;
    let mut prompt = record.take_text(INPUT)?;
    let family = Family::of(outline.task.as_deref(), &prompt);
    if record.get(ANSWER_PREFIX).is_some() {
        prompt.push_str(record.text(ANSWER_PREFIX)?);
    }
    Ok(Content {
        messages: vec![(Role::User, prompt)],
        answers,
        rule: family.map_or(Rule::RulerAll, |family| family.rule.clone()),
        output_tokens: family.map(|family| family.output_tokens),
    })
}
