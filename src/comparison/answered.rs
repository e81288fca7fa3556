//! What one side answered, by trial: scored anew from its raw replies.

use crate::answer::Rule;
use crate::ground::Corpora;
use crate::journal::Row;
use crate::run::{judge, void_reason};
use crate::task::Task;
use std::collections::BTreeMap;

/// Response headers that name the machine behind a balancer.
const REPLICA: [&str; 5] = [
    "x-replica",
    "x-served-by",
    "x-backend-server",
    "fireworks-backend-host",
    "fireworks-deployment",
];

/// One settled question of one side.
#[derive(Clone, Debug, PartialEq)]
pub struct Answered {
    /// The trial.
    pub trial: u64,
    /// The task's name.
    pub task: &'static str,
    /// The length whose cell it counts for, in tokens.
    pub length_tokens: u64,
    /// Depth of the asked fact in percent.
    pub depth_percent: f64,
    /// The haystack's sample: trials of one length and sample share their text.
    pub sample: u32,
    /// BLAKE3 of the prompt in hex.
    pub prompt: String,
    /// When it was asked, in milliseconds since 1970.
    pub at_ms: u64,
    /// Whether it was right; none where it is void.
    pub right: Option<bool>,
    /// Why it is void.
    pub void: Option<String>,
    /// The answer's class, where it was scored.
    pub class: Option<&'static str>,
    /// What was asked.
    pub question: String,
    /// What would have been right.
    pub expected: String,
    /// What came back; empty where nothing did.
    pub text: String,
    /// Tokens that the server reported for the prompt.
    pub reported_tokens: Option<u64>,
    /// What the reply says of who computed it: the server's fingerprint, the provider, the model,
    /// the replica.
    pub label: Option<String>,
    /// The reply's own id.
    pub reply_id: Option<String>,
    /// True where the text says something else than everybody knows, and the answer is what
    /// everybody knows.
    pub recites: bool,
}

impl Answered {
    /// Scores a row.
    pub fn of(row: &Row, corpora: &Corpora) -> Answered {
        let mut scored = row.clone();
        scored.void = void_reason(row);
        let judged = judge(&scored, corpora);
        let recites = row.trial.task == Task::PUBLIC_CHANGED && recites(&scored, corpora);
        let reply = row.reply();
        let label = reply.map(|reply| {
            let told = [&reply.system_fingerprint, &reply.provider, &reply.model];
            let replica = REPLICA.iter().filter_map(|name| reply.headers.get(*name));
            let told = told.into_iter().flatten().chain(replica);
            told.map(String::as_str).collect::<Vec<_>>().join(" ")
        });
        Answered {
            trial: row.trial.id,
            task: row.trial.task.name(),
            length_tokens: row.trial.cell_tokens(),
            depth_percent: row.trial.depth_percent,
            sample: row.trial.sample,
            prompt: row.prompt.blake3.clone(),
            at_ms: row.at_ms,
            right: judged.as_ref().map(|judged| judged.class.is_right()),
            void: scored.void,
            class: judged.map(|judged| judged.class.name()),
            question: row.question.clone(),
            expected: row.expected.clone(),
            text: reply.map(|reply| reply.text.clone()).unwrap_or_default(),
            reported_tokens: reply.and_then(|reply| reply.usage.prompt_tokens),
            label: label.filter(|label| !label.is_empty()),
            reply_id: reply
                .and_then(|reply| reply.id.clone())
                .filter(|id| !id.is_empty()),
            recites,
        }
    }
}

/// Whether an answer would be right if the famous values stood in the text.
fn recites(row: &Row, corpora: &Corpora) -> bool {
    let mut famous = row.clone();
    famous.siblings = match row.rule {
        Rule::One => vec![row.expected.clone()],
        _ => row.answers.clone(),
    };
    match row.rule {
        Rule::One => famous.expected = row.siblings.join(" "),
        _ => famous.answers = row.siblings.clone(),
    }
    judge(&famous, corpora).is_some_and(|judged| judged.class.is_right())
}

/// The settled questions of a journal, by trial.
pub fn answers(rows: &[Row], corpora: &Corpora) -> BTreeMap<u64, Answered> {
    rows.iter()
        .filter(|row| row.settled)
        .map(|row| (row.trial.id, Answered::of(row, corpora)))
        .collect()
}
