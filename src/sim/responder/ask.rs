//! From a question's bytes to its answer: read, cut, thought about, garbled and spoken.

use super::{Answer, Responder, Turn, UNSTATED_WINDOW_TOKENS, json, plain, refused, spoken, wrong};
use crate::sim::body::ChatRequest;
use crate::sim::completion::{Accounts, Completion, Finish};
use crate::sim::cut::{Cut, Kept, OLLAMA_KEEP_TOKENS};
use crate::sim::dialect::words::Words;
use crate::sim::dialect::{Dialect, Wish, anthropic, ollama, refusal};
use crate::sim::fault::Fault;
use crate::sim::mind::Mind;
use crate::sim::route::Head;
use crate::sim::speech;
use anyhow::Result;
use bytes::Bytes;
use std::sync::PoisonError;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// Before and after which many bytes of a body that is not read its wish for a stream is sought.
const GLANCE_BYTES: usize = 4096;

impl Responder {
    pub(super) fn ask(&self, dialect: Dialect, turn: &mut Turn, body: &[Bytes]) -> Answer {
        let scripted = turn.drawn.find(|fault| match fault {
            Fault::Status(status) => {
                let now = jiff::Timestamp::now().as_second();
                let refusal = refusal::refusal(dialect, *status, turn.drawn.chance, now);
                Some(refused(refusal, *status))
            }
            Fault::Html502 => Some(refused(refusal::bad_gateway(), 502)),
            _ => None,
        });
        let mut answer = match scripted {
            Some(refused) => refused,
            None if self.reads_bodies() => self.read_and_reply(dialect, turn, body),
            None => self.discard(dialect, turn, body),
        };
        let latency = self.mind.truth().latency;
        let silence = turn.drawn.find(|fault| match fault {
            Fault::StallBefore(silence) => Some(*silence),
            _ => None,
        });
        answer.delay = match silence {
            Some(silence) => silence.map(|silence| silence + latency),
            None if turn.line.cached => Some(Duration::ZERO),
            None => Some(latency),
        };
        answer
    }

    fn discard(&self, dialect: Dialect, turn: &Turn, body: &[Bytes]) -> Answer {
        let completion = Completion {
            mark: 0,
            leak: turn.leak,
            replica: None,
            model: self.mind.truth().model(),
            reasoning: Vec::new(),
            pieces: vec!["discarded".into()],
            finish: Finish::Stop,
            usage: None,
        };
        let stream = turn.head.wants_stream() || wants_stream(body);
        let wish = Wish {
            list: turn.head.wants_list(),
            ..Wish::default()
        };
        spoken(speech::speak(
            dialect,
            &completion,
            stream,
            wish,
            &turn.drawn,
        ))
    }

    fn read_and_reply(&self, dialect: Dialect, turn: &mut Turn, body: &[Bytes]) -> Answer {
        let request = match ChatRequest::read(dialect, body) {
            Ok(request) => request,
            Err(error) => return wrong(dialect, 400, &format!("{error:#}")),
        };
        if let Some(complaint) = complaint(dialect, &turn.head, &request) {
            return wrong(dialect, 400, &complaint);
        }
        // The vocabulary is built in: that it cannot count a text is this server's own failure.
        self.say(dialect, turn, &request)
            .unwrap_or_else(|error| wrong(dialect, 500, &format!("{error:#}")))
    }

    fn say(&self, dialect: Dialect, turn: &mut Turn, request: &ChatRequest) -> Result<Answer> {
        let truth = self.mind.truth();
        let loaded = (dialect == Dialect::Ollama).then(|| self.load(request));
        if dialect == Dialect::Ollama && request.messages.is_empty() {
            return Ok(json(200, &ollama::loaded(&truth.model())));
        }
        let mind = self.mind_for(request)?;
        turn.line.relayed = !std::ptr::eq(mind, &self.mind);
        turn.leak = mind.truth().leak.or(turn.leak);
        let mut reading = mind.read(request)?;
        let received = reading.prompt_tokens;
        turn.line.received_tokens = Some(received);
        let minute = turn.drawn.find(|fault| match fault {
            Fault::Minute(limit) => Some(*limit).filter(|&limit| received > limit),
            _ => None,
        });
        if let Some(limit) = minute {
            let body = refusal::beyond_the_minute(dialect, limit, received);
            return Ok(json(429, &body));
        }
        let kept = match cut(mind, turn, request, received)? {
            Some(kept) => Some(kept),
            None => match loaded {
                Some(window) => match fit_ollama(mind, request, received, window)? {
                    Ok(kept) => kept,
                    Err(refused) => return Ok(refused),
                },
                None => None,
            },
        };
        if let Some(kept) = &kept {
            reading = mind.read(&kept.request)?;
            reading.prompt_tokens = kept.tokens;
        }
        let prompt_tokens = reading.prompt_tokens;
        turn.line.read_tokens = Some(prompt_tokens);
        let windows = [truth.window_tokens, mind.truth().window_tokens];
        let room = match windows.into_iter().flatten().min() {
            // Ollama shifts its context while it answers.
            _ if dialect == Dialect::Ollama => u64::MAX,
            Some(window) if prompt_tokens > window => {
                let words = mind.truth().words.or(truth.words);
                return Ok(too_long(words, dialect, prompt_tokens, window));
            }
            Some(window) => window - prompt_tokens,
            None => u64::MAX,
        };
        let clamp = turn.drawn.find(|fault| match fault {
            Fault::ClampedOutput(tokens) => Some(*tokens),
            _ => None,
        });
        let budget = request.max_tokens.unwrap_or(u64::MAX).min(room);
        let budget = budget.min(clamp.unwrap_or(u64::MAX));
        let completion = self.cached(turn, request, |turn| {
            let thought = mind.think(&reading);
            let quoted = turn.drawn.has(&Fault::SplitUtf8);
            let quoted = quoted.then(|| format!("“{}”", thought.text));
            let text = quoted.as_deref().unwrap_or(&thought.text);
            let (pieces, output_tokens, is_cut) = mind.pieces(text, budget)?;
            let lying = turn.drawn.has(&Fault::LyingUsage);
            Ok(Completion {
                mark: thought.mark,
                leak: turn.leak,
                replica: thought.replica,
                model: truth.model(),
                reasoning: Vec::new(),
                finish: if is_cut { Finish::Length } else { Finish::Stop },
                usage: Some(Accounts {
                    prompt_tokens: if lying { received } else { prompt_tokens },
                    cached_tokens: thought.cached_tokens,
                    output_tokens,
                    reasoning_tokens: 0,
                }),
                pieces,
            })
        })?;
        turn.replica = completion.replica;
        let completion = self.remember(completion, turn.drawn.has(&Fault::OldAnswer));
        let completion = speech::garble(completion, &turn.drawn, budget);
        turn.line.reported_tokens = completion.usage.map(|usage| usage.prompt_tokens);
        turn.line.said = Some(completion.text());
        let stream =
            turn.head.wants_stream() || request.stream.unwrap_or(dialect.streams_unasked());
        let wish = Wish {
            include_usage: request.include_usage,
            list: turn.head.wants_list(),
        };
        let drawn = &turn.drawn;
        Ok(spoken(speech::speak(
            dialect,
            &completion,
            stream,
            wish,
            drawn,
        )))
    }

    /// What was said before to what is the same, where a fault has it so; else what is made now,
    /// which is kept.
    fn cached(
        &self,
        turn: &mut Turn,
        request: &ChatRequest,
        make: impl FnOnce(&Turn) -> Result<Completion>,
    ) -> Result<Completion> {
        let sameness = turn.drawn.find(|fault| match fault {
            Fault::Cached(sameness) => Some(*sameness),
            _ => None,
        });
        let Some(sameness) = sameness else {
            return make(turn);
        };
        let key = sameness.key(request);
        let known = self.memory.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(said) = known.recall(&key) {
            turn.line.cached = true;
            return Ok(said);
        }
        drop(known);
        let made = make(turn)?;
        let mut memory = self.memory.lock().unwrap_or_else(PoisonError::into_inner);
        memory.keep(key, &made);
        Ok(made)
    }

    /// Loads the model with the window that a request of Ollama's asks for; no model is loaded
    /// with more than it was trained with. Returns the window in tokens.
    fn load(&self, request: &ChatRequest) -> u64 {
        let trained = self.mind.truth().window_tokens;
        let trained = trained.unwrap_or(UNSTATED_WINDOW_TOKENS);
        let window = request.ollama.num_ctx.unwrap_or(trained).clamp(1, trained);
        self.loaded_tokens.store(window, Ordering::Relaxed);
        window
    }

    /// Keeps what is said for the next question, and says what was said before where `old`.
    fn remember(&self, completion: Completion, old: bool) -> Completion {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let before = last.replace(completion.clone());
        before.filter(|_| old).unwrap_or(completion)
    }
}

/// The refusal of a prompt that does not fit.
fn too_long(
    words: Option<&'static Words>,
    dialect: Dialect,
    prompt_tokens: u64,
    window: u64,
) -> Answer {
    match words.filter(|_| dialect == Dialect::Chat) {
        Some(words) => {
            let body = words.body(prompt_tokens, window);
            plain(words.status, "application/json", body)
        }
        None => json(400, &refusal::too_long(dialect, prompt_tokens, window)),
    }
}

/// What a fault leaves of a prompt.
fn cut(mind: &Mind, turn: &Turn, request: &ChatRequest, tokens: u64) -> Result<Option<Kept>> {
    let cut = turn.drawn.find(|fault| match fault {
        Fault::Cut(cut) => Some(*cut),
        _ => None,
    });
    cut.map_or(Ok(None), |cut| cut.apply(mind, request, tokens))
}

/// What Ollama does with a prompt that its window does not hold: older messages go first
/// (`chatPrompt` in server/prompt.go), then the front of the last one, or it is refused
/// (`completionPromptForRequest` in llm/llama_server.go).
fn fit_ollama(
    mind: &Mind,
    request: &ChatRequest,
    tokens: u64,
    window: u64,
) -> Result<Result<Option<Kept>, Answer>> {
    if tokens < window {
        return Ok(Ok(None));
    }
    let wish = &request.ollama;
    if wish.no_truncate {
        let body = refusal::too_long(Dialect::Ollama, tokens, window);
        return Ok(Err(json(400, &body)));
    }
    let older = Cut::Older { window }.apply(mind, request, tokens)?;
    let (left, tokens) = match &older {
        Some(kept) => (&kept.request, kept.tokens),
        None => (request, tokens),
    };
    if tokens < window {
        return Ok(Ok(older));
    }
    if wish.no_shift {
        return Ok(Err(wrong(Dialect::Ollama, 400, refusal::OLLAMA_TOO_LONG)));
    }
    // The beginning of the text is kept beside what is asked for.
    let keep = wish.num_keep.map_or(OLLAMA_KEEP_TOKENS, |keep| keep + 1);
    let half = Cut::Half { window, keep };
    Ok(Ok(half.apply(mind, left, tokens)?.or(older)))
}

/// What is wrong with a request that could be read, in the vendor's words.
fn complaint(dialect: Dialect, head: &Head, request: &ChatRequest) -> Option<String> {
    match dialect {
        Dialect::Anthropic => anthropic::complaint(
            head.anthropic_version.as_deref(),
            request.max_tokens,
            request.sampling.as_deref(),
        ),
        Dialect::Ollama => None,
        _ => (request.max_tokens == Some(0))
            .then(|| "max_tokens must be at least 1, got 0.".to_owned()),
    }
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
