//! Answers a request by its bytes alone: what the wire and the server both put in front of people.

mod ask;
mod count;

use super::body::ChatRequest;
use super::completion::Completion;
use super::dialect::{Dialect, anthropic, chat, gemini, ollama, refusal};
use super::fault::{Drawn, Fault};
use super::leak::Leak;
use super::log::{Line, Log};
use super::memory::Memory;
use super::mind::Mind;
use super::playback::Tempo;
use super::route::{Head, Route};
use super::speech::Speech;
use super::truth::{Recall, Truth};
use anyhow::Result;
use bytes::Bytes;
use serde_json::{Value, json};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// The window that Ollama is told where the model's name states none, in tokens.
const UNSTATED_WINDOW_TOKENS: u64 = 1 << 24;

/// One simulated model, for any number of requests at a time.
pub struct Responder {
    mind: Mind,
    /// Those that answer in its name, each above so many tokens; the longest come last.
    behind: Vec<(u64, Mind)>,
    log: Option<Log>,
    requests: AtomicU64,
    questions: AtomicU64,
    /// The window that Ollama's chat last loaded the model with, in tokens; 0 before the first.
    loaded_tokens: AtomicU64,
    /// What was said last, for a cache to say again.
    last: Mutex<Option<Completion>>,
    /// What was said to what, for another cache to say again.
    memory: Mutex<Memory>,
}

/// A request whose head has come: what it wants, and what will go wrong with it.
pub struct Turn {
    head: Head,
    route: Route,
    drawn: Drawn,
    line: Line,
    /// Whose marks the reply bears.
    leak: Option<&'static Leak>,
    /// Which replica answered, where there are several.
    replica: Option<usize>,
}

/// What becomes of a request's upload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Upload {
    /// It is read to its end.
    Whole,
    /// The connection is reset after so many bytes.
    Reset(u64),
    /// It is refused after so many bytes, and the connection closed.
    Refused(u64),
}

/// A whole reply.
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// Headers, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body: one chunk, or one per event.
    pub chunks: Vec<Bytes>,
    /// True where the body's length is told beforehand.
    pub has_length: bool,
    /// When which chunk comes.
    pub tempo: Tempo,
    /// How long to wait before sending anything of it; `None` is for ever.
    pub delay: Option<Duration>,
}

impl Responder {
    /// A model of this truth.
    pub fn new(truth: Truth) -> Result<Responder> {
        let behind = truth.behind.iter();
        let behind = behind.map(|other| Ok((other.above_tokens, Mind::new(other.truth.clone())?)));
        Ok(Responder {
            behind: behind.collect::<Result<_>>()?,
            mind: Mind::new(truth)?,
            log: None,
            requests: AtomicU64::new(0),
            questions: AtomicU64::new(0),
            loaded_tokens: AtomicU64::new(0),
            last: Mutex::default(),
            memory: Mutex::default(),
        })
    }

    /// The same, writing a line of each request into a file.
    pub fn with_log(self, log: Log) -> Responder {
        Responder {
            log: Some(log),
            ..self
        }
    }

    /// False where the body is not looked at, so that a server need not keep it: the first and
    /// the last slices of it are enough.
    pub fn reads_bodies(&self) -> bool {
        self.mind.truth().recall != Recall::Discard
    }

    /// Takes a request's head. Faults are drawn here, in the order in which heads come.
    pub fn begin(&self, head: Head) -> Turn {
        let route = head.route();
        let asks = matches!(route, Route::Ask(_));
        let question = asks.then(|| self.questions.fetch_add(1, Ordering::Relaxed));
        let faults = &self.mind.truth().faults;
        let drawn = question.map_or_else(Drawn::default, |number| faults.draw(number));
        let line = Line {
            request: self.requests.fetch_add(1, Ordering::Relaxed),
            question,
            method: if head.post { "POST" } else { "GET" },
            path: head.path.split('?').next().unwrap_or_default().to_owned(),
            faults: drawn.names.clone(),
            ..Line::default()
        };
        Turn {
            head,
            route,
            drawn,
            line,
            leak: self.mind.truth().leak,
            replica: None,
        }
    }

    /// Who answers a prompt.
    fn mind_for(&self, request: &ChatRequest) -> Result<&Mind> {
        let [(shortest, _), ..] = &self.behind[..] else {
            return Ok(&self.mind);
        };
        // A relay need not count what it hands on.
        let tokens = match (shortest, self.behind.len()) {
            (0, 1) => u64::MAX,
            _ => self.mind.length(request)?,
        };
        let mut longest_first = self.behind.iter().rev();
        let behind = longest_first.find(|(above, _)| tokens > *above);
        Ok(behind.map_or(&self.mind, |(_, mind)| mind))
    }

    /// Answers one request; the work is the processor's alone and takes about a second for a
    /// prompt of ten million tokens.
    pub fn answer(&self, mut turn: Turn, body: &[Bytes]) -> Answer {
        let window = self.mind.truth().declared_window_tokens();
        let model = self.mind.truth().model();
        let mut answer = match turn.route.clone() {
            Route::Ask(dialect) => self.ask(dialect, &mut turn, body),
            Route::Count(dialect) => self.count(dialect, &turn, body),
            Route::Tokenize => self.tokenize(body),
            Route::Models(dialect) => json(
                200,
                &match dialect {
                    Dialect::Anthropic => anthropic::models(&model, window),
                    Dialect::Gemini => gemini::models(&model, window),
                    Dialect::Ollama => ollama::tags(&model),
                    Dialect::Chat | Dialect::Responses => chat::models(&model, window),
                },
            ),
            Route::Model(dialect, name) if name != model => {
                wrong(dialect, 404, &format!("model: {name} not found"))
            }
            Route::Model(dialect, name) => json(
                200,
                &match dialect {
                    Dialect::Anthropic => anthropic::model(&name, window),
                    Dialect::Gemini => gemini::model(&name, window),
                    _ => chat::model(&name, window),
                },
            ),
            Route::Health => json(200, &json!({ "status": "ok" })),
            Route::Version => json(200, &json!({ "version": ollama::VERSION })),
            Route::Running => {
                let loaded = self.loaded_tokens.load(Ordering::Relaxed);
                let loaded = Some(loaded).filter(|&tokens| tokens > 0);
                json(200, &ollama::running(&model, loaded))
            }
            Route::Show => json(200, &ollama::show(window.unwrap_or(UNSTATED_WINDOW_TOKENS))),
            Route::OtherMethod(dialect) => wrong(dialect, 405, "this path takes the other method"),
            Route::Nowhere(dialect) => {
                let (method, path) = (turn.line.method, &turn.head.path);
                wrong(dialect, 404, &format!("Invalid URL ({method} {path})"))
            }
        };
        self.close(turn, &mut answer);
        answer
    }

    /// What an upload that was refused before its end is answered.
    pub fn refuse_upload(&self, turn: Turn) -> Answer {
        let mut answer = refused(refusal::refusal(turn.route.dialect(), 413, 0, 0), 413);
        answer.headers.push(("connection".into(), "close".into()));
        self.close(turn, &mut answer);
        answer
    }

    /// Takes note of a connection that was reset.
    pub fn note_reset(&self, turn: Turn) {
        self.note(&turn.line);
    }

    fn note(&self, line: &Line) {
        if let Some(log) = &self.log {
            log.write(line);
        }
    }

    fn close(&self, mut turn: Turn, answer: &mut Answer) {
        let number = turn.line.request;
        let mut put = |name: &str, value: String| answer.headers.push((name.into(), value));
        put("server", "depthfinder-sim".into());
        match turn.route.dialect() {
            Dialect::Anthropic => put("request-id", format!("req_sim{number}")),
            Dialect::Chat | Dialect::Responses => put("x-request-id", format!("sim-{number}")),
            Dialect::Gemini | Dialect::Ollama => {}
        }
        if let Some(replica) = turn.replica {
            put("x-replica", format!("r{replica}"));
        }
        for (name, value) in turn.leak.into_iter().flat_map(|leak| leak.headers(number)) {
            answer.headers.retain(|(known, _)| *known != name);
            answer.headers.push((name, value));
        }
        turn.line.status = Some(answer.status);
        self.note(&turn.line);
    }
}

impl Turn {
    /// What becomes of the upload; to be asked before the body is read.
    pub fn upload(&self) -> Upload {
        let torn = self.drawn.find(|fault| match fault {
            Fault::ResetUpload(bytes) => Some(Upload::Reset(*bytes)),
            Fault::EarlyRefusal(bytes) => Some(Upload::Refused(*bytes)),
            _ => None,
        });
        torn.unwrap_or(Upload::Whole)
    }
}

fn json(status: u16, body: &Value) -> Answer {
    plain(status, "application/json", Bytes::from(body.to_string()))
}

fn wrong(dialect: Dialect, status: u16, message: &str) -> Answer {
    plain(status, "application/json", dialect.error(status, message))
}

fn refused(refusal: refusal::Refusal, status: u16) -> Answer {
    let mut answer = plain(status, refusal.content_type, refusal.body);
    answer.headers.extend(refusal.headers);
    answer
}

fn plain(status: u16, content_type: &str, body: Bytes) -> Answer {
    Answer {
        status,
        headers: vec![("content-type".into(), content_type.into())],
        chunks: vec![body],
        has_length: true,
        tempo: Tempo::default(),
        delay: Some(Duration::ZERO),
    }
}

fn spoken(speech: Speech) -> Answer {
    Answer {
        status: 200,
        headers: vec![("content-type".into(), speech.content_type.into())],
        chunks: speech.chunks,
        has_length: speech.has_length,
        tempo: speech.tempo,
        delay: Some(Duration::ZERO),
    }
}

#[cfg(test)]
mod tests;
