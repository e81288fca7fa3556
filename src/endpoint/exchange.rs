//! One question over a wire: the first-event clock, the refusal's body, and events fed to a draft.

use crate::endpoint::refusal::Refusal;
use crate::endpoint::wire::{Request, Response, Wire};
use crate::endpoint::{lines, marks, sse};
use crate::reply::{Failure, Reply, Stop, Timing};
use futures_util::StreamExt;
use std::time::Duration;
use tokio::time::{Instant, timeout, timeout_at};

/// Most of an error's body that is read.
const REFUSAL_LIMIT_BYTES: usize = 64 * 1024;
/// How long an error's body may take.
const EXPLANATION: Duration = Duration::from_secs(30);
/// Longest answer accepted, in bytes on the wire.
const ANSWER_LIMIT_BYTES: u64 = 256 << 20;

/// How long the first event may take. The clock is absolute: keep-alive comments do not reset it
/// (they have kept a client waiting for ever elsewhere), and it grows with the prompt, because a
/// prefill of ten million tokens takes hours where one of a thousand takes a second.
#[derive(Clone, Debug, PartialEq)]
pub struct Patience {
    /// For a prompt of no length.
    pub base: Duration,
    /// For each million bytes of request (about 250,000 tokens of English).
    pub per_megabyte: Duration,
    /// How long usage and `[DONE]` may follow the finish reason; some servers send neither and
    /// keep the connection open.
    pub aftermath: Duration,
}

impl Default for Patience {
    /// Enough for a prefill of 125 tokens a second, the pace of a small model on a busy laptop.
    fn default() -> Patience {
        Patience {
            base: Duration::from_secs(600),
            per_megabyte: Duration::from_secs(2000),
            aftermath: Duration::from_secs(10),
        }
    }
}

impl Patience {
    /// How long the first event of a request of so many bytes may take.
    pub fn for_bytes(&self, bytes: u64) -> Duration {
        self.base + self.per_megabyte.mul_f64(bytes as f64 / 1e6)
    }
}

/// What an event brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// A sign of life and no part of the answer, such as Anthropic's pings: it resets no clock.
    Alive,
    /// Nothing that a reader sees.
    Quiet,
    /// Text of the answer or of its reasoning.
    Text,
    /// The end: nothing that follows belongs to the answer.
    Done,
}

/// An answer in the making: each dialect reads its own events. Drafts know no clock.
pub trait Draft: Send {
    /// Takes one event of the stream.
    fn take(&mut self, event: &sse::Event) -> Result<Step, Failure>;

    /// Takes a whole JSON answer, from servers that ignore `stream`.
    fn take_whole(&mut self, body: &str) -> Result<(), Failure>;

    /// True once a finish reason has arrived.
    fn has_stopped(&self) -> bool;

    /// The answer, or why it is none.
    fn finish(self: Box<Self>, headers: &Response, timing: Timing) -> Result<Reply, Failure>;

    /// How events are told apart in the stream.
    fn framing(&self) -> Framing {
        Framing::Events
    }
}

/// How a stream is cut into events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// Server-sent events.
    Events,
    /// A JSON object a line (NDJSON), as Ollama's own API has it.
    Lines,
}

/// Sends one question and reads its answer into the draft. A refusal is handed back as it came,
/// because the dialect may know a remedy.
pub async fn converse(
    wire: &dyn Wire,
    request: Request,
    patience: &Patience,
    draft: Box<dyn Draft>,
) -> Result<Result<Reply, Refusal>, Failure> {
    match read_answer(wire, request, patience, draft).await {
        Ok(Ok(reply)) => Ok(Ok(redact_reply(wire, reply))),
        Ok(Err(refusal)) => Ok(Err(redact_refusal(wire, refusal))),
        Err(failure) => Err(redact_failure(wire, failure)),
    }
}

/// Sends one small request and reads its whole answer, of which at most `limit_bytes` are kept.
/// Any status but success is a refusal.
pub async fn fetch(
    wire: &dyn Wire,
    request: Request,
    to_root: bool,
    patience: Duration,
    limit_bytes: usize,
) -> Result<Result<(Response, String), Refusal>, Failure> {
    let sent_bytes = request.body.len_bytes();
    let path = request.path.clone();
    let whole = async {
        let sending = if to_root {
            wire.send_to_root(request)
        } else {
            wire.send(request)
        };
        let mut response = sending.await?;
        if !is_success(response.status) {
            return Ok(Err(refusal(response, sent_bytes).await));
        }
        let (body, broke) = read_text(&mut response, limit_bytes).await;
        match broke {
            Some(failure) => Err(failure),
            None => Ok(Ok((response, body))),
        }
    };
    let outcome = match timeout(patience, whole).await {
        Ok(outcome) => outcome,
        Err(_) => Err(timed_out(patience, format!("{path} of the server"))),
    };
    match outcome {
        Ok(Err(refusal)) => Ok(Err(redact_refusal(wire, refusal))),
        Ok(Ok((response, body))) => Ok(Ok((response, wire.redact(body)))),
        Err(failure) => Err(redact_failure(wire, failure)),
    }
}

async fn read_answer(
    wire: &dyn Wire,
    request: Request,
    patience: &Patience,
    mut draft: Box<dyn Draft>,
) -> Result<Result<Reply, Refusal>, Failure> {
    let sent_bytes = request.body.len_bytes();
    let aftermath = patience.aftermath;
    let patience = patience.for_bytes(sent_bytes);
    // Put off by every event but signs of life, which servers send for ever.
    let mut deadline = Instant::now() + patience;
    let mut response = match timeout_at(deadline, wire.send(request)).await {
        Ok(sent) => sent?,
        Err(_) => return Err(timed_out(patience, "the answer to begin".to_owned())),
    };
    if !is_success(response.status) {
        return Ok(Err(refusal(response, sent_bytes).await));
    }
    let mut timing = Timing {
        uploaded_ms: response.uploaded_ms,
        headers_ms: Some(response.headers_ms),
        ..Timing::default()
    };
    let mut body = match draft.framing() {
        Framing::Events => Body::Unknown,
        Framing::Lines => Body::Lines(lines::Parser::new()),
    };
    let mut received_bytes = 0;
    let mut begun = false;
    'answer: loop {
        let next = timeout_at(deadline, response.chunks.next()).await;
        let chunk = match next {
            Ok(Some(Ok(chunk))) => chunk,
            Ok(None) => break,
            // The answer was complete; only its accounts are missing.
            Ok(Some(Err(_))) | Err(_) if draft.has_stopped() => break,
            Ok(Some(Err(failure))) => return Err(failure),
            Err(_) if received_bytes == 0 => {
                return Err(timed_out(
                    patience,
                    "the first byte of the answer".to_owned(),
                ));
            }
            Err(_) => {
                let waiting_for = match begun {
                    true => "the next event of the answer".to_owned(),
                    false => format!(
                        "the first event of the answer ({received_bytes} bytes of keep-alive came)"
                    ),
                };
                return Err(timed_out(patience, waiting_for));
            }
        };
        received_bytes += chunk.len() as u64;
        if received_bytes > ANSWER_LIMIT_BYTES {
            return Err(Failure::Broken {
                cause: format!("the answer exceeds {} MiB", ANSWER_LIMIT_BYTES >> 20),
            });
        }
        for mut event in body.take(&chunk)? {
            // Before a message is shortened, or the first half of a key would remain.
            event.data = wire.redact(event.data);
            let step = draft.take(&event)?;
            note(&mut timing, &response, step);
            if step != Step::Alive {
                begun = true;
                let wait = if draft.has_stopped() {
                    aftermath
                } else {
                    patience
                };
                deadline = Instant::now() + wait;
            }
            if step == Step::Done {
                drain(&mut response).await;
                break 'answer;
            }
        }
        if matches!(body, Body::Whole(_)) {
            begun = true;
            deadline = Instant::now() + patience;
        }
    }
    match body {
        Body::Events(parser) => {
            for mut event in parser.finish() {
                event.data = wire.redact(event.data);
                let step = draft.take(&event)?;
                note(&mut timing, &response, step);
            }
        }
        Body::Lines(parser) => {
            for mut event in parser.finish() {
                event.data = wire.redact(event.data);
                let step = draft.take(&event)?;
                note(&mut timing, &response, step);
            }
        }
        Body::Whole(bytes) => {
            let text = String::from_utf8_lossy(&bytes).into_owned();
            draft.take_whole(&wire.redact(text))?;
            timing.total_ms = elapsed_ms(&response);
        }
        Body::Unknown => {}
    }
    let mut reply = draft.finish(&response, timing)?;
    reply.headers = marks::of(&response);
    Ok(Ok(reply))
}

/// What kind of body it is shows in its first byte that is not white space: content types are
/// wrong too often, and some servers send blank lines while they compute a plain JSON answer.
enum Body {
    Unknown,
    Events(sse::Parser),
    Lines(lines::Parser),
    Whole(Vec<u8>),
}

impl Body {
    fn take(&mut self, chunk: &[u8]) -> Result<Vec<sse::Event>, Failure> {
        if let Body::Unknown = self {
            let Some(first) = chunk.iter().find(|byte| !byte.is_ascii_whitespace()) else {
                return Ok(Vec::new());
            };
            *self = match first {
                b'{' | b'[' | b'<' => Body::Whole(Vec::new()),
                _ => Body::Events(sse::Parser::new()),
            };
        }
        match self {
            Body::Events(parser) => parser.push(chunk),
            Body::Lines(parser) => parser.push(chunk),
            Body::Whole(bytes) => {
                bytes.extend_from_slice(chunk);
                Ok(Vec::new())
            }
            Body::Unknown => Ok(Vec::new()),
        }
    }
}

fn note(timing: &mut Timing, response: &Response, step: Step) {
    let now_ms = elapsed_ms(response);
    // The last event's time, not the connection's end: some servers leave it open.
    timing.total_ms = now_ms;
    if step == Step::Text && timing.first_text_ms.is_none() {
        timing.first_text_ms = Some(now_ms);
    }
}

/// Reads what is there already, so that the connection can be used again.
async fn drain(response: &mut Response) {
    let rest = async { while let Some(Ok(_)) = response.chunks.next().await {} };
    let _ = timeout(Duration::from_millis(20), rest).await;
}

async fn refusal(mut response: Response, sent_bytes: u64) -> Refusal {
    // The status is the answer; its explanation may break off or never come.
    let reading = read_text(&mut response, REFUSAL_LIMIT_BYTES);
    let body = timeout(EXPLANATION, reading).await;
    let body = body.map_or(String::new(), |(body, _)| body);
    Refusal {
        status: response.status,
        headers: response.headers,
        body,
        sent_bytes,
    }
}

async fn read_text(response: &mut Response, limit_bytes: usize) -> (String, Option<Failure>) {
    let mut bytes = Vec::new();
    let mut broke = None;
    while bytes.len() < limit_bytes {
        match response.chunks.next().await {
            Some(Ok(chunk)) => bytes.extend_from_slice(&chunk),
            Some(Err(failure)) => {
                broke = Some(failure);
                break;
            }
            None => break,
        }
    }
    bytes.truncate(limit_bytes);
    (String::from_utf8_lossy(&bytes).into_owned(), broke)
}

fn elapsed_ms(response: &Response) -> f64 {
    response.began.elapsed().as_secs_f64() * 1000.0
}

fn is_success(status: u16) -> bool {
    (200..300).contains(&status)
}

fn timed_out(after: Duration, waiting_for: String) -> Failure {
    Failure::TimedOut {
        after_ms: after.as_millis() as u64,
        waiting_for,
    }
}

fn redact_refusal(wire: &dyn Wire, mut refusal: Refusal) -> Refusal {
    refusal.body = wire.redact(refusal.body);
    for (_, value) in &mut refusal.headers {
        *value = wire.redact(std::mem::take(value));
    }
    refusal
}

fn redact_reply(wire: &dyn Wire, mut reply: Reply) -> Reply {
    reply.text = wire.redact(reply.text);
    reply.reasoning = wire.redact(reply.reasoning);
    for field in [
        &mut reply.model,
        &mut reply.system_fingerprint,
        &mut reply.request_id,
        &mut reply.provider,
        &mut reply.cut,
        &mut reply.id,
    ] {
        *field = field.take().map(|text| wire.redact(text));
    }
    for value in reply.headers.values_mut() {
        *value = wire.redact(std::mem::take(value));
    }
    if let Stop::Other(reason) = &mut reply.stop {
        *reason = wire.redact(std::mem::take(reason));
    }
    reply
}

fn redact_failure(wire: &dyn Wire, mut failure: Failure) -> Failure {
    let text = match &mut failure {
        Failure::TooLong { said, .. }
        | Failure::Limited { said, .. }
        | Failure::Unauthorized { said }
        | Failure::NotFound { said }
        | Failure::Refused { said, .. }
        | Failure::Server { said, .. }
        | Failure::Filtered { said } => said,
        Failure::Unreachable { cause } | Failure::Broken { cause } => cause,
        Failure::TimedOut { waiting_for, .. } => waiting_for,
    };
    *text = wire.redact(std::mem::take(text));
    failure
}
