//! Answers a request by its bytes alone: what the wire and the server both put in front of people.

use super::body::ChatRequest;
use super::openai::{self, Accounts, Completion};
use super::prefix::{Blocks, Prefixes};
use super::reader::{self, Fact};
use super::truth::{Recall, Truth};
use crate::tokens::Tokenizer;
use anyhow::Result;
use bytes::Bytes;
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// What the chat template adds to the tokens of the messages.
pub const TEMPLATE_TOKENS: u64 = 7;

/// What it says where it finds nothing to say.
pub const NO_IDEA: &str = "I don't know.";

/// Before and after which many bytes of a body that is not read its wish for a stream is sought.
const GLANCE_BYTES: usize = 4096;

/// One simulated model, for any number of requests at a time.
pub struct Responder {
    truth: Truth,
    tokenizer: Arc<Tokenizer>,
    prefixes: Mutex<Prefixes>,
    requests: AtomicU64,
    /// What tells two flaky models apart that were given no seed.
    chance: u64,
}

/// A whole reply.
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// Headers, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body: one chunk, or one per event.
    pub chunks: Vec<Bytes>,
    /// How long to wait before sending anything of it.
    pub delay: Duration,
}

/// What was made of a prompt.
struct Thought {
    text: String,
    prompt_tokens: u64,
    cached_tokens: u64,
    digest: [u8; 32],
}

impl Responder {
    /// A model of this truth.
    pub fn new(truth: Truth) -> Result<Responder> {
        Ok(Responder {
            chance: truth
                .seed
                .unwrap_or_else(|| RandomState::new().hash_one(std::process::id())),
            truth,
            tokenizer: Tokenizer::bundled("o200k")?,
            prefixes: Mutex::default(),
            requests: AtomicU64::new(0),
        })
    }

    /// What the model is like.
    pub fn truth(&self) -> &Truth {
        &self.truth
    }

    /// False where the body is not looked at, so that a server need not keep it: the first and
    /// the last slices of it are enough.
    pub fn reads_bodies(&self) -> bool {
        self.truth.recall != Recall::Discard
    }

    /// Answers one request. The path is taken with or without a leading `/v1`; the work is the
    /// processor's alone and takes about a second for a prompt of ten million tokens.
    pub fn answer(&self, post: bool, path: &str, body: &[Bytes]) -> Answer {
        let number = self.requests.fetch_add(1, Ordering::Relaxed);
        let route = path.split('?').next().unwrap_or_default();
        let route = route.strip_prefix("/v1").unwrap_or(route);
        let mut answer = match (route, post) {
            ("/chat/completions", true) => self.chat(number, body),
            ("/models", false) => {
                let window = self.truth.declared_window_tokens();
                json(200, openai::models(&self.truth.model(), window))
            }
            ("/health", false) => json(200, Bytes::from_static(b"{\"status\":\"ok\"}")),
            ("/chat/completions" | "/models" | "/health", _) => {
                json(405, openai::error("this path takes the other method"))
            }
            _ => {
                let method = if post { "POST" } else { "GET" };
                json(
                    404,
                    openai::error(&format!("Invalid URL ({method} {path})")),
                )
            }
        };
        answer
            .headers
            .push(("server".into(), "depthfinder-sim".into()));
        answer
            .headers
            .push(("x-request-id".into(), format!("sim-{number}")));
        answer
    }

    fn chat(&self, number: u64, body: &[Bytes]) -> Answer {
        let mut answer = if self.reads_bodies() {
            self.read_and_reply(number, body)
        } else {
            self.discard(body)
        };
        answer.delay = self.truth.latency;
        answer
    }

    fn discard(&self, body: &[Bytes]) -> Answer {
        let completion = Completion {
            id: "chatcmpl-discarded".into(),
            model: self.truth.model(),
            pieces: vec!["discarded".into()],
            cut: false,
            usage: None,
        };
        spoken(&completion, wants_stream(body), false)
    }

    fn read_and_reply(&self, number: u64, body: &[Bytes]) -> Answer {
        let request = match ChatRequest::read(body) {
            Ok(request) => request,
            Err(error) => return json(400, openai::error(&format!("{error:#}"))),
        };
        if request.max_tokens == Some(0) {
            return json(400, openai::error("max_tokens must be at least 1, got 0."));
        }
        let thought = self.think(number, &request);
        let room = match self.truth.window_tokens {
            Some(window) if thought.prompt_tokens > window => {
                return json(400, openai::too_long(thought.prompt_tokens, window));
            }
            Some(window) => window - thought.prompt_tokens,
            None => u64::MAX,
        };
        let budget = request.max_tokens.unwrap_or(u64::MAX).min(room);
        let (pieces, cut) = self.pieces(&thought.text, budget);
        let completion = Completion {
            id: format!("chatcmpl-{:016x}", draw(&thought.digest, 2)),
            model: self.truth.model(),
            cut,
            usage: Some(Accounts {
                prompt_tokens: thought.prompt_tokens,
                cached_tokens: thought.cached_tokens,
                output_tokens: self.tokenizer.count(&pieces.concat()),
            }),
            pieces,
        };
        spoken(&completion, request.stream, request.include_usage)
    }

    /// Reads the prompt and finds its answer.
    fn think(&self, number: u64, request: &ChatRequest) -> Thought {
        let text = request.text.as_str();
        let question = reader::question(text, &request.messages);
        let fact = question.and_then(|question| reader::fact(text, question));
        let (prompt_tokens, before_tokens) = self.measure(request, fact);
        let (cached_tokens, prompt_digest) = self.compare(text, prompt_tokens);
        let mut hasher = blake3::Hasher::new();
        hasher.update(&self.chance_of(number, &prompt_digest));
        let digest: [u8; 32] = hasher.finalize().into();
        let text = match (self.truth.recall, question, fact) {
            (Recall::Grep, Some(question), _) => reader::grep(text, question.key),
            (_, _, Some(fact)) => {
                let depth = before_tokens as f64 / prompt_tokens as f64;
                if unit(draw(&digest, 0)) < self.truth.recall(prompt_tokens, depth) {
                    Some(fact.value)
                } else {
                    one_of(&reader::siblings(text, fact), draw(&digest, 1))
                }
            }
            _ => None,
        };
        Thought {
            text: text.unwrap_or(NO_IDEA).to_owned(),
            prompt_tokens,
            cached_tokens,
            digest,
        }
    }

    /// What an answer hangs on: prompt and seed, or for a flaky model the request's number.
    fn chance_of(&self, number: u64, prompt_digest: &[u8; 32]) -> Vec<u8> {
        if matches!(self.truth.recall, Recall::Flaky { .. }) {
            return [self.chance, number].map(u64::to_le_bytes).concat();
        }
        let seed = self.truth.seed.unwrap_or_default();
        [&seed.to_le_bytes()[..], &prompt_digest[..]].concat()
    }

    /// Tokens of the whole prompt, and those of them before the fact.
    fn measure(&self, request: &ChatRequest, fact: Option<Fact<'_>>) -> (u64, u64) {
        let text = request.text.as_str();
        let (mut total, mut before) = (TEMPLATE_TOKENS, 0);
        for message in &request.messages {
            let at = fact.map(|fact| fact.at).filter(|at| message.contains(at));
            let cut = at.map_or(message.start, |at| safe_cut(text, message.start, at));
            let first = self.tokenizer.count(&text[message.start..cut]);
            if let Some(at) = at {
                before = total + first + self.tokenizer.count(&text[cut..at]);
            }
            total += first + self.tokenizer.count(&text[cut..message.end]);
        }
        (total, before)
    }

    /// Tokens that an earlier prompt began with, and the prompt's digest. Cached tokens are the
    /// prompt's tokens by the share of bytes seen before; one at least is always read anew.
    fn compare(&self, text: &str, prompt_tokens: u64) -> (u64, [u8; 32]) {
        let blocks = Blocks::of(text);
        let digest = blocks.digest();
        let mut prefixes = self.prefixes.lock().unwrap_or_else(PoisonError::into_inner);
        let seen_bytes = prefixes.seen_bytes(blocks, text.len());
        let share = seen_bytes as f64 / text.len().max(1) as f64;
        let cached = (prompt_tokens as f64 * share) as u64;
        (cached.min(prompt_tokens.saturating_sub(1)), digest)
    }

    /// Cuts an answer into pieces of one token each, none within a character, and stops at the
    /// budget; true where something was left out.
    fn pieces(&self, answer: &str, budget: u64) -> (Vec<String>, bool) {
        let ends: Vec<(usize, u64)> = answer
            .char_indices()
            .map(|(at, c)| at + c.len_utf8())
            .map(|end| (end, self.tokenizer.count(&answer[..end])))
            .collect();
        let wanted = ends.last().map_or(0, |&(_, tokens)| tokens);
        let mut pieces = Vec::new();
        let mut from = 0;
        for tokens in 1..=wanted.min(budget) {
            // A longer beginning can have fewer tokens than a shorter one: take the longest.
            let end = ends
                .iter()
                .rfind(|end| end.1 <= tokens)
                .map_or(from, |end| end.0);
            if end > from {
                pieces.push(answer[from..end].to_owned());
                from = end;
            }
        }
        (pieces, wanted > budget)
    }
}

fn json(status: u16, body: Bytes) -> Answer {
    reply(status, "application/json", vec![body])
}

fn spoken(completion: &Completion, stream: bool, include_usage: bool) -> Answer {
    if stream {
        reply(200, "text/event-stream", completion.events(include_usage))
    } else {
        json(200, completion.whole())
    }
}

fn reply(status: u16, content_type: &str, chunks: Vec<Bytes>) -> Answer {
    Answer {
        status,
        headers: vec![("content-type".into(), content_type.into())],
        chunks,
        delay: Duration::ZERO,
    }
}

/// The last place at or before `at` where a text can be cut and both halves counted apart:
/// between a non-space and a single space. No token of o200k (nor of any vocabulary measured)
/// reaches over it. The start where there is none.
fn safe_cut(text: &str, start: usize, at: usize) -> usize {
    let solid = |c: Option<char>| c.is_some_and(|c| !c.is_whitespace());
    memchr::memrchr_iter(b' ', &text.as_bytes()[start..at])
        .map(|space| start + space)
        .find(|&space| {
            solid(text[start..space].chars().next_back()) && solid(text[space + 1..].chars().next())
        })
        .unwrap_or(start)
}

/// The n-th number that hangs on a digest.
fn draw(digest: &[u8; 32], nth: usize) -> u64 {
    let mut eight = [0; 8];
    eight.copy_from_slice(&digest[nth * 8..nth * 8 + 8]);
    u64::from_le_bytes(eight)
}

/// A number in 0…1, 1 excluded.
fn unit(number: u64) -> f64 {
    (number >> 11) as f64 / (1u64 << 53) as f64
}

fn one_of<'t>(values: &[&'t str], number: u64) -> Option<&'t str> {
    let count = values.len() as u64;
    (count > 0).then(|| values[(number % count) as usize])
}

/// True where a body that is not read says `"stream":true` near its start or its end.
fn wants_stream(body: &[Bytes]) -> bool {
    let all: usize = body.iter().map(Bytes::len).sum();
    let mut ends = Vec::new();
    let mut passed = 0;
    for slice in body {
        let head = GLANCE_BYTES.saturating_sub(passed).min(slice.len());
        let tail = (all.saturating_sub(GLANCE_BYTES))
            .saturating_sub(passed)
            .clamp(head, slice.len());
        ends.extend_from_slice(&slice[..head]);
        ends.extend_from_slice(&slice[tail..]);
        passed += slice.len();
    }
    ends.retain(|byte| !byte.is_ascii_whitespace());
    memchr::memmem::find(&ends, b"\"stream\":true").is_some()
}
