//! Whole requests to a simulated model, answered without a socket.

use super::super::made::{Made, ask, get, model, one, post, said};
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
    let answer = post(&narrow, "/chat/completions", &made.body());
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
        let answer = post(&model, "/chat/completions", &request);
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
        let answer = get(&model(name), "/v1/models");
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
    for (posts, path, body, status) in [
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
        let answer = if posts {
            post(&model, path, &[Bytes::from(body)])
        } else {
            get(&model, path)
        };
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
        let answer = post(&model, "/chat/completions", &body);
        let text = String::from_utf8(answer.chunks.concat()).expect("UTF-8");
        assert_eq!(text.starts_with("data: "), streamed);
        assert!(
            text.contains("discarded") && !text.contains("usage"),
            "{text}"
        );
    }
}
