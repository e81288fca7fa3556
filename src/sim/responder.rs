//! Answers a request by its bytes alone: what the wire and the server both put in front of people.

use super::body::ChatRequest;
use super::mind::Mind;
use super::openai::{self, Accounts, Completion};
use super::truth::{Recall, Truth};
use anyhow::Result;
use bytes::Bytes;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Before and after which many bytes of a body that is not read its wish for a stream is sought.
const GLANCE_BYTES: usize = 4096;

/// One simulated model, for any number of requests at a time.
pub struct Responder {
    mind: Mind,
    requests: AtomicU64,
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

impl Responder {
    /// A model of this truth.
    pub fn new(truth: Truth) -> Result<Responder> {
        Ok(Responder {
            mind: Mind::new(truth)?,
            requests: AtomicU64::new(0),
        })
    }

    /// False where the body is not looked at, so that a server need not keep it: the first and
    /// the last slices of it are enough.
    pub fn reads_bodies(&self) -> bool {
        self.mind.truth().recall != Recall::Discard
    }

    /// Answers one request. The path is taken with or without a leading `/v1`; the work is the
    /// processor's alone and takes about a second for a prompt of ten million tokens.
    pub fn answer(&self, post: bool, path: &str, body: &[Bytes]) -> Answer {
        let number = self.requests.fetch_add(1, Ordering::Relaxed);
        let route = path.split('?').next().unwrap_or_default();
        let route = route.strip_prefix("/v1").unwrap_or(route);
        let mut answer = match (route, post) {
            ("/chat/completions", true) => self.chat(body),
            ("/models", false) => {
                let window = self.mind.truth().declared_window_tokens();
                json(200, openai::models(&self.mind.truth().model(), window))
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

    fn chat(&self, body: &[Bytes]) -> Answer {
        let mut answer = if self.reads_bodies() {
            self.read_and_reply(body)
        } else {
            self.discard(body)
        };
        answer.delay = self.mind.truth().latency;
        answer
    }

    fn discard(&self, body: &[Bytes]) -> Answer {
        let completion = Completion {
            id: "chatcmpl-discarded".into(),
            model: self.mind.truth().model(),
            pieces: vec!["discarded".into()],
            cut: false,
            usage: None,
        };
        spoken(&completion, wants_stream(body), false)
    }

    fn read_and_reply(&self, body: &[Bytes]) -> Answer {
        let request = match ChatRequest::read(body) {
            Ok(request) => request,
            Err(error) => return json(400, openai::error(&format!("{error:#}"))),
        };
        if request.max_tokens == Some(0) {
            return json(400, openai::error("max_tokens must be at least 1, got 0."));
        }
        // The vocabulary is built in: that it cannot count a text is this server's own failure.
        self.say(&request)
            .unwrap_or_else(|error| json(500, openai::error(&format!("{error:#}"))))
    }

    fn say(&self, request: &ChatRequest) -> Result<Answer> {
        let reading = self.mind.read(request)?;
        let prompt_tokens = reading.prompt_tokens;
        let room = match self.mind.truth().window_tokens {
            Some(window) if prompt_tokens > window => {
                return Ok(json(400, openai::too_long(prompt_tokens, window)));
            }
            Some(window) => window - prompt_tokens,
            None => u64::MAX,
        };
        let thought = self.mind.think(&reading);
        let budget = request.max_tokens.unwrap_or(u64::MAX).min(room);
        let (pieces, cut) = self.mind.pieces(thought.text, budget)?;
        let completion = Completion {
            id: format!("chatcmpl-{:016x}", thought.mark),
            model: self.mind.truth().model(),
            cut,
            usage: Some(Accounts {
                prompt_tokens,
                cached_tokens: thought.cached_tokens,
                output_tokens: self.mind.count(&pieces.concat())?,
            }),
            pieces,
        };
        Ok(spoken(&completion, request.stream, request.include_usage))
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
    use super::super::made::{Made, ask, model, one, said};
    use super::*;
    use serde_json::{Value, json};

    fn user(text: &str) -> Value {
        json!([{ "role": "user", "content": text }])
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
        let needed = model.mind.count(&made.value).expect("a count");
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
}
