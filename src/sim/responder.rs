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

#[cfg(test)]
mod tests {
    use super::super::made::{Made, body};
    use super::*;
    use serde_json::{Value, json};

    fn model(name: &str) -> Responder {
        Responder::new(Truth::parse(name).expect(name)).expect("a model")
    }

    fn ask(model: &Responder, body: &[Bytes]) -> Value {
        let answer = model.answer(true, "/v1/chat/completions", body);
        let whole = answer.chunks.concat();
        assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&whole));
        serde_json::from_slice(&whole).expect("JSON")
    }

    fn said(reply: &Value) -> &str {
        reply["choices"][0]["message"]["content"]
            .as_str()
            .expect("an answer")
    }

    fn one(request: Value) -> Vec<Bytes> {
        vec![Bytes::from(request.to_string())]
    }

    fn user(text: &str) -> Value {
        json!([{ "role": "user", "content": text }])
    }

    /// Asks 2,000 prompts and holds the share of right answers against the stated curve, which
    /// is computed here from the prompts themselves: within four standard deviations of the sum
    /// of independent draws. Returns how many answers were right, a sibling's, and neither.
    fn holds_the_curve(
        name: &str,
        sentences: std::ops::Range<usize>,
        siblings: usize,
    ) -> [usize; 3] {
        let model = model(name);
        let (mut expected, mut variance) = (0.0, 0.0);
        let mut tally = [0; 3];
        for seed in 0..2_000 {
            let count = sentences.start + seed as usize % sentences.len();
            let made = Made::new(seed, count, siblings);
            let (start, end) = made.halves();
            let before = model.tokenizer.count(&start) + TEMPLATE_TOKENS;
            let total = model.tokenizer.count(&(start + &end)) + TEMPLATE_TOKENS;
            let p = model.truth.recall(total, before as f64 / total as f64);
            expected += p;
            variance += p * (1.0 - p);
            let reply = ask(&model, &made.body());
            assert_eq!(reply["usage"]["prompt_tokens"], total);
            let right = said(&reply) == made.value;
            let lost = made.siblings.iter().any(|sibling| sibling == said(&reply));
            assert!(right || lost || said(&reply) == NO_IDEA, "{reply}");
            tally[if right {
                0
            } else if lost {
                1
            } else {
                2
            }] += 1;
        }
        let off = (tally[0] as f64 - expected).abs();
        assert!(
            off <= 4.0 * variance.sqrt(),
            "{name}: {tally:?} where {expected:.1} were expected"
        );
        tally
    }

    #[test]
    fn a_perfect_model_and_a_grep_are_always_right() {
        assert_eq!(holds_the_curve("perfect", 0..40, 2), [2_000, 0, 0]);
        assert_eq!(holds_the_curve("grep", 0..40, 2), [2_000, 0, 0]);
    }

    #[test]
    fn a_cliff_is_right_up_to_its_length_and_wrong_beyond() {
        let [right, lost, silent] = holds_the_curve("cliff=500", 5..45, 2);
        assert!(
            right > 500 && lost > 500 && silent == 0,
            "{right} {lost} {silent}"
        );
    }

    #[test]
    fn the_cliff_is_at_the_very_token() {
        let made = Made::new(3, 20, 0);
        let length = ask(&model("perfect"), &made.body())["usage"]["prompt_tokens"].clone();
        let length = length.as_u64().expect("a count");
        let at =
            |tokens: u64| said(&ask(&model(&format!("cliff={tokens}")), &made.body())).to_owned();
        assert_eq!(at(length), made.value);
        assert_eq!(at(length - 1), NO_IDEA);
    }

    #[test]
    fn recall_decays_with_length_as_stated() {
        let [right, lost, _] = holds_the_curve("decay=500", 5..60, 2);
        assert!(right > 500 && lost > 500, "{right} {lost}");
        let [_, lost, silent] = holds_the_curve("decay=500,seed=1", 20..40, 0);
        assert!(lost == 0 && silent > 300, "{lost} {silent}");
    }

    #[test]
    fn the_middle_is_lost_as_stated() {
        let [right, lost, _] = holds_the_curve("middle=0.9", 10..40, 2);
        assert!(right > 300 && lost > 300, "{right} {lost}");
    }

    #[test]
    fn a_flaky_model_fails_by_request_and_not_by_prompt() {
        holds_the_curve("flaky=0.2,seed=1", 0..20, 2);
        let model = model("flaky=0.5");
        let body = Made::new(1, 5, 0).body();
        let right = (0..2_000)
            .filter(|_| said(&ask(&model, &body)) != NO_IDEA)
            .count();
        // Four standard deviations of 2,000 fair draws are 89; five leave one in a million.
        assert!((888..=1_112).contains(&right), "{right} of 2000");
    }

    #[test]
    fn all_but_flaky_models_give_one_prompt_one_answer_and_another_seed_other_answers() {
        let bodies: Vec<_> = (0..200).map(|seed| Made::new(seed, 10, 3).body()).collect();
        let answers = |name: &str| -> Vec<String> {
            let model = model(name);
            bodies
                .iter()
                .map(|body| said(&ask(&model, body)).to_owned())
                .collect()
        };
        assert_eq!(answers("decay=200"), answers("decay=200"));
        assert_ne!(answers("decay=200"), answers("decay=200,seed=2"));
        assert_eq!(answers("flaky=0.5,seed=2"), answers("flaky=0.5,seed=2"));
        assert_ne!(answers("flaky=0.5"), answers("flaky=0.5"));
    }

    #[test]
    fn a_value_swapped_in_the_body_changes_the_answer() {
        for (seed, name) in (0..50).flat_map(|seed| [(seed, "perfect"), (seed, "grep")]) {
            let made = Made::new(seed, 10, 2);
            let model = model(name);
            assert_eq!(said(&ask(&model, &made.body())), made.value);
            let swapped = String::from_utf8(made.body()[0].to_vec()).expect("UTF-8");
            let swapped = swapped.replace(&made.value, "another-42");
            assert_eq!(said(&ask(&model, &[Bytes::from(swapped)])), "another-42");
            let gone = made.text().replacen(&made.value, "", 1);
            assert_ne!(said(&ask(&model, &body(&gone))), made.value);
        }
    }

    #[test]
    fn a_prompt_without_question_or_fact_is_not_answered() {
        let model = model("perfect");
        assert_eq!(said(&ask(&model, &body("Hello."))), NO_IDEA);
        let made = Made::new(1, 5, 3);
        assert_eq!(said(&ask(&model, &body(&made.question()))), NO_IDEA);
        let empty = ask(&model, &one(json!({ "messages": [] })));
        assert_eq!(empty["usage"]["prompt_tokens"], TEMPLATE_TOKENS);
    }

    #[test]
    fn a_system_message_and_parts_are_read_and_counted() {
        let model = model("perfect");
        let made = Made::new(5, 30, 1);
        let (start, end) = made.halves();
        let reply = ask(
            &model,
            &one(json!({ "messages": [
                { "role": "system", "content": "Be brief." },
                { "role": "user", "content": [
                    { "type": "text", "text": start }, { "type": "text", "text": end },
                ]},
            ]})),
        );
        assert_eq!(said(&reply), made.value);
        let count = |text: &str| model.tokenizer.count(text);
        let expected = count("Be brief.") + count(&made.text()) + TEMPLATE_TOKENS;
        assert_eq!(reply["usage"]["prompt_tokens"], expected);
    }

    #[test]
    fn halves_cut_at_a_safe_place_have_as_many_tokens_as_the_whole() {
        let tokenizer = Tokenizer::bundled("o200k").expect("a tokenizer");
        for seed in 0..300 {
            let text = Made::new(seed, 10, 2).text();
            for at in (0..text.len())
                .step_by(37)
                .map(|at| text.floor_char_boundary(at))
            {
                let cut = safe_cut(&text, 0, at);
                let halves = tokenizer.count(&text[..cut]) + tokenizer.count(&text[cut..]);
                assert_eq!(halves, tokenizer.count(&text), "cut at {cut}: {text}");
            }
        }
    }

    #[test]
    fn a_prompt_longer_than_the_window_is_refused_in_the_words_of_llama_server() {
        let made = Made::new(3, 20, 0);
        let tokens = ask(&model("perfect"), &made.body())["usage"]["prompt_tokens"].as_u64();
        let tokens = tokens.expect("a count");
        let narrow = model(&format!("perfect,window={}", tokens - 1));
        let answer = narrow.answer(true, "/chat/completions", &made.body());
        let error: Value = serde_json::from_slice(&answer.chunks.concat()).expect("JSON");
        assert_eq!((answer.status, &error["error"]["code"]), (400, &json!(400)));
        assert_eq!(error["error"]["type"], "exceed_context_size_error");
        assert_eq!(error["error"]["n_prompt_tokens"], tokens);
        assert_eq!(error["error"]["n_ctx"], tokens - 1);
        // A window that holds the prompt alone leaves no room for an answer.
        let full = ask(&model(&format!("perfect,window={tokens}")), &made.body());
        assert_eq!(
            (said(&full), &full["choices"][0]["finish_reason"]),
            ("", &json!("length"))
        );
    }

    #[test]
    fn an_answer_that_does_not_fit_the_budget_is_cut_there() {
        let model = model("perfect");
        let made = (0..)
            .map(|seed| Made::new(seed, 5, 0))
            .find(|made| made.value.len() == 36);
        let made = made.expect("a uuid");
        let needed = model.tokenizer.count(&made.value);
        for budget in 1..needed + 2 {
            let reply = ask(
                &model,
                &one(json!({ "messages": user(&made.text()), "max_tokens": budget })),
            );
            let finish = if budget < needed { "length" } else { "stop" };
            assert_eq!(reply["choices"][0]["finish_reason"], finish);
            assert!(made.value.starts_with(said(&reply)));
            assert!(reply["usage"]["completion_tokens"].as_u64() <= Some(budget));
            assert_eq!(said(&reply) == made.value, budget >= needed);
        }
    }

    #[test]
    fn a_stream_says_the_same_as_the_whole_reply() {
        let model = model("perfect");
        let made = Made::new(8, 10, 0);
        let whole = ask(&model, &made.body());
        for include_usage in [false, true] {
            let request = one(json!({
                "messages": user(&made.text()), "stream": true,
                "stream_options": { "include_usage": include_usage },
            }));
            let answer = model.answer(true, "/chat/completions", &request);
            assert!(
                answer
                    .headers
                    .contains(&("content-type".into(), "text/event-stream".into()))
            );
            let mut events: Vec<&[u8]> = answer.chunks.iter().map(|chunk| &chunk[..]).collect();
            assert_eq!(events.pop(), Some(&b"data: [DONE]\n\n"[..]));
            let mut chunks: Vec<Value> = events
                .iter()
                .map(|event| event.strip_prefix(b"data: ").expect("an event"))
                .map(|json| serde_json::from_slice(json).expect("JSON"))
                .collect();
            if include_usage {
                let last = chunks.pop().expect("the accounts");
                assert_eq!(
                    (&last["choices"], &last["usage"]),
                    (&json!([]), &whole["usage"])
                );
            }
            assert!(chunks.iter().all(|chunk| chunk.get("usage").is_none()));
            let text: String = chunks
                .iter()
                .filter_map(|chunk| chunk["choices"][0]["delta"]["content"].as_str())
                .collect();
            assert_eq!(text, made.value);
            let finishes: Vec<&Value> = chunks
                .iter()
                .map(|chunk| &chunk["choices"][0]["finish_reason"])
                .filter(|f| !f.is_null())
                .collect();
            assert_eq!(finishes, ["stop"]);
        }
    }

    #[test]
    fn a_shared_beginning_is_reported_as_cached() {
        let model = model("perfect");
        let hay = "Nothing of note was said that day. ".repeat(20_000);
        let cached = |text: &str| -> u64 {
            let usage = ask(&model, &body(text))["usage"].clone();
            assert!(
                usage["prompt_tokens_details"]["cached_tokens"].as_u64()
                    < usage["prompt_tokens"].as_u64()
            );
            usage["prompt_tokens_details"]["cached_tokens"]
                .as_u64()
                .expect("a count")
        };
        assert_eq!(cached(&format!("{hay}one")), 0);
        let all = model.tokenizer.count(&hay);
        let warm = cached(&format!("{hay}two"));
        assert!(warm > all * 85 / 100 && warm <= all, "{warm} of {all}");
        assert_eq!(cached(&format!("Well. {hay}one")), 0);
    }

    #[test]
    fn the_list_of_models_declares_the_window() {
        let list = |name: &str| -> Value {
            let answer = model(name).answer(false, "/v1/models", &[]);
            serde_json::from_slice(&answer.chunks.concat()).expect("JSON")
        };
        assert_eq!(list("cliff=64k")["data"][0]["id"], "sim:cliff=64k");
        assert!(list("cliff=64k")["data"][0].get("max_model_len").is_none());
        assert_eq!(
            list("perfect,window=128k")["data"][0]["max_model_len"],
            128_000
        );
        let liar = list("perfect,window=128k,advertised=10M");
        assert_eq!(liar["data"][0]["max_model_len"], 10_000_000);
    }

    #[test]
    fn what_is_no_such_request_gets_an_error_and_no_panic() {
        let model = model("perfect");
        for (post, path, body, status) in [
            (true, "/chat/completions", "{\"messages\":", 400),
            (true, "/chat/completions", "\u{0}", 400),
            (
                true,
                "/chat/completions",
                "{\"messages\":[],\"max_tokens\":0}",
                400,
            ),
            (false, "/chat/completions", "", 405),
            (true, "/models", "", 405),
            (false, "/v1/props", "", 404),
            (false, "", "", 404),
            (false, "/health?x=1", "", 200),
        ] {
            let answer = model.answer(post, path, &[Bytes::from(body)]);
            assert_eq!(answer.status, status, "{path}");
            let reply: Value = serde_json::from_slice(&answer.chunks.concat()).expect("JSON");
            assert_eq!(
                reply["error"]["message"].is_string(),
                status != 200,
                "{reply}"
            );
        }
    }

    #[test]
    fn discard_answers_unread_and_streams_where_either_end_asks_for_it() {
        let model = model("discard");
        assert!(!model.reads_bodies());
        let filler = Bytes::from("x".repeat(100_000));
        let wish = Bytes::from("{\"stream\": true,");
        for (body, streamed) in [
            (vec![], false),
            (vec![filler.clone()], false),
            (vec![wish.clone(), filler.clone(), filler.clone()], true),
            (vec![filler.clone(), filler.clone(), wish.clone()], true),
            (vec![filler.clone(), wish.slice(..9), wish.slice(9..)], true),
            (vec![filler.clone(), wish, filler], false),
        ] {
            let answer = model.answer(true, "/chat/completions", &body);
            let text = String::from_utf8(answer.chunks.concat()).expect("UTF-8");
            assert_eq!(text.starts_with("data: "), streamed);
            assert!(
                text.contains("discarded") && !text.contains("usage"),
                "{text}"
            );
        }
    }

    #[test]
    fn forty_megabytes_are_read_with_the_right_answer() {
        let made = Made::new(11, 40, 5);
        let (start, end) = made.halves();
        let hay = "\"Nothing\" of note was said; 那天没有什么值得注意的事。 😀\n";
        let hay = hay.repeat(20_000_000 / hay.len());
        let text = [&start, &hay[..], &end]
            .concat()
            .replacen(&start, &format!("{start}{hay} "), 1);
        assert!(text.len() > 40_000_000);
        let request = json!({ "messages": user(&text), "max_tokens": 64 }).to_string();
        let slices: Vec<Bytes> = request
            .as_bytes()
            .chunks(1 << 20)
            .map(Bytes::copy_from_slice)
            .collect();
        let clock = std::time::Instant::now();
        let read = ChatRequest::read(&slices).expect("a good request");
        let question = reader::question(&read.text, &read.messages).expect("a question");
        let fact = reader::fact(&read.text, question).expect("a fact");
        assert_eq!(
            (fact.value, fact.at),
            (&*made.value, text.len() - end.len())
        );
        assert_eq!(reader::siblings(&read.text, fact).len(), 5);
        // Well under a second even where nothing is optimised and every core is busy.
        assert!(clock.elapsed().as_secs() < 5, "{:?}", clock.elapsed());
    }
}
