//! The lines of an answer from Ollama's own API.

use crate::endpoint::exchange::{Draft, Framing, Step};
use crate::endpoint::refusal::inside_success;
use crate::endpoint::sse::Event;
use crate::endpoint::wire::Response;
use crate::reply::{Failure, Reply, Stop, Timing, Usage};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// Nanoseconds, in its own terms.
const DURATIONS: &[&str] = &[
    "total_duration",
    "load_duration",
    "prompt_eval_duration",
    "eval_duration",
];

/// What has arrived of an answer.
#[derive(Debug, Default)]
pub struct Answer {
    text: String,
    reasoning: String,
    stop: Option<Stop>,
    usage: Usage,
    model: Option<String>,
    remote: Option<String>,
    timings: Option<Value>,
    lines: u64,
}

impl Draft for Answer {
    fn framing(&self) -> Framing {
        Framing::Lines
    }

    fn take(&mut self, line: &Event) -> Result<Step, Failure> {
        match serde_json::from_str::<Value>(&line.data) {
            Ok(value) => self.take_value(&value),
            Err(_) if line.data.starts_with('<') => {
                Err(server_failure("an HTML page came instead of an answer"))
            }
            Err(_) => Err(Failure::Broken {
                cause: format!("a line that is not JSON: {:.120}", line.data),
            }),
        }
    }

    /// Never called: a body that came whole is a stream of one line.
    fn take_whole(&mut self, body: &str) -> Result<(), Failure> {
        self.take(&Event {
            name: String::new(),
            data: body.trim().to_owned(),
        })
        .map(|_| ())
    }

    fn has_stopped(&self) -> bool {
        self.stop.is_some()
    }

    fn finish(self: Box<Self>, response: &Response, mut timing: Timing) -> Result<Reply, Failure> {
        let Some(stop) = self.stop else {
            return Err(Failure::Broken {
                cause: format!(
                    "the stream ended without a done reason, after {} lines and {} bytes of text",
                    self.lines,
                    self.text.len() + self.reasoning.len()
                ),
            });
        };
        timing.server = self.timings;
        Ok(Reply {
            text: self.text,
            reasoning: self.reasoning,
            stop,
            usage: self.usage,
            timing,
            model: self.model,
            system_fingerprint: None,
            request_id: response.header("x-request-id").map(str::to_owned),
            provider: self.remote,
            cut: None,
            id: None,
            headers: BTreeMap::new(),
        })
    }
}

impl Answer {
    fn take_value(&mut self, value: &Value) -> Result<Step, Failure> {
        if let Some(failure) = inside_success(value) {
            return Err(failure);
        }
        self.lines += 1;
        let word = |path: &str| {
            let text = value.pointer(path).and_then(Value::as_str);
            text.filter(|text| !text.is_empty())
        };
        self.model = word("/model").map(str::to_owned).or(self.model.take());
        // A cloud model is computed elsewhere.
        self.remote = word("/remote_host")
            .map(str::to_owned)
            .or(self.remote.take());
        let mut step = Step::Quiet;
        for (part, path) in [
            (&mut self.reasoning, "/message/thinking"),
            (&mut self.text, "/message/content"),
        ] {
            if let Some(more) = word(path) {
                part.push_str(more);
                step = Step::Text;
            }
        }
        if value.get("done") != Some(&Value::Bool(true)) {
            return Ok(step);
        }
        self.take_accounts(value);
        self.stop = match word("/done_reason") {
            Some("stop") => Some(Stop::End),
            Some("length") => Some(Stop::Length),
            Some(reason @ ("load" | "unload")) => {
                return Err(server_failure(&format!(
                    "done reason `{reason}`: the model was loaded or dropped, and nothing answered"
                )));
            }
            Some(other) => Some(Stop::Other(other.to_owned())),
            // So it ends where the connection to its own engine was lost.
            None => None,
        };
        Ok(Step::Done)
    }

    fn take_accounts(&mut self, line: &Value) {
        let count = |name: &str| line.get(name).and_then(Value::as_u64);
        // Cached tokens are not told apart; counts of zero are left out of the line.
        self.usage.prompt_tokens = count("prompt_eval_count");
        self.usage.output_tokens = count("eval_count");
        let some = |names: &[&str]| {
            let told = names
                .iter()
                .filter_map(|name| Some(((*name).to_owned(), line.get(*name)?.clone())));
            let told: Map<String, Value> = told.collect();
            (!told.is_empty()).then_some(Value::Object(told))
        };
        self.usage.told = some(&["prompt_eval_count", "eval_count"]);
        self.timings = some(DURATIONS);
    }
}

fn server_failure(said: &str) -> Failure {
    Failure::Server {
        status: 200,
        said: said.to_owned(),
        retry_after_ms: None,
    }
}
