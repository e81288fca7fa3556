//! Simulated models that are not what they seem: every mode as a client sees it.

use super::super::made::{Made, ask, model, one, post, said};
use super::*;
use crate::tokens::Tokenizer;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// A request's body with one message and further fields.
fn wish(text: &str, more: Value) -> Vec<Bytes> {
    let mut request = json!({ "messages": [{ "role": "user", "content": text }] });
    for (name, value) in more.as_object().expect("an object") {
        request[name] = value.clone();
    }
    one(request)
}

fn echo(model: &Responder, text: &str, budget: u64) -> Value {
    let prompt = format!("Repeat exactly: {text}");
    ask(model, &wish(&prompt, json!({ "max_tokens": budget })))
}

fn header<'a>(answer: &'a Answer, name: &str) -> Option<&'a str> {
    let found = answer.headers.iter().find(|(known, _)| known == name);
    found.map(|(_, value)| value.as_str())
}

fn is_right(reply: &Value, made: &Made) -> bool {
    said(reply) == made.value
}

#[test]
fn what_a_worse_model_answers_rightly_a_better_one_of_the_same_seed_does_too() {
    // A quantised model beside its base: the prompts that it loses are lost, none is won.
    for seed in ["", ",seed=3"] {
        let [better, worse] = ["0.95", "0.85"].map(|flat| model(&format!("flat={flat}{seed}")));
        let (mut lost, mut won) = (0, 0);
        for number in 0..400 {
            let made = Made::new(number, 3, 2);
            let body = made.body();
            let [a, b] = [&better, &worse].map(|model| is_right(&ask(model, &body), &made));
            lost += u32::from(a && !b);
            won += u32::from(b && !a);
        }
        // A tenth of 400 prompts, give or take four standard deviations.
        assert_eq!(won, 0);
        assert!((16..=64).contains(&lost), "{lost}");
    }
}

#[test]
fn harder_and_easier_prompts_correlate_the_answers_of_a_flaky_model_as_stated() {
    for (name, correlation) in [
        ("flaky=0.3,seed=5", 0.0),
        ("flaky=0.3:0.4,seed=5", 0.4),
        ("flaky=0.3:1,seed=5", 1.0),
    ] {
        let model = model(name);
        let (prompts, repeats) = (200, 6);
        let (mut pairs, mut differing, mut right) = (0.0, 0.0, 0.0);
        for number in 0..prompts {
            let made = Made::new(number, 1, 1);
            let body = made.body();
            let hits = (0..repeats)
                .filter(|_| is_right(&ask(&model, &body), &made))
                .count() as f64;
            let count = f64::from(repeats);
            differing += 2.0 * hits * (count - hits);
            pairs += count * (count - 1.0);
            right += hits / count;
        }
        let mean = right / prompts as f64;
        assert!((mean - 0.7).abs() < 0.1, "{name}: {mean}");
        // Two answers to one prompt differ with probability 2 p (1 - p) (1 - correlation).
        let flips: f64 = differing / pairs;
        let stated = 2.0 * 0.7 * 0.3 * (1.0 - correlation);
        assert!((flips - stated).abs() < 0.05, "{name}: {flips} {stated}");
    }
}

#[test]
fn a_task_of_its_own_curve_can_be_flaky_alone() {
    let model = model("perfect,niah_single=flaky=0.5,seed=2");
    let made = Made::new(1, 5, 0);
    let right = (0..400).filter(|_| is_right(&ask(&model, &made.body()), &made));
    let right = right.count();
    assert!((150..=250).contains(&right), "{right}");
}

#[test]
fn a_drifting_model_names_its_replicas_and_each_has_its_recall() {
    let model = model("drift=40:0.9/0.3");
    let mut right: BTreeMap<String, [u32; 2]> = BTreeMap::new();
    let mut replicas = Vec::new();
    for number in 0..800 {
        let made = Made::new(number, 2, 1);
        let answer = post(&model, "/v1/chat/completions", &made.body());
        let reply: Value = serde_json::from_slice(&answer.chunks.concat()).expect("JSON");
        let print = reply["system_fingerprint"].as_str().expect("a fingerprint");
        let replica = header(&answer, "x-replica").expect("a replica").to_owned();
        assert!(print.ends_with(&format!("-{replica}")), "{print} {replica}");
        let tally = right.entry(replica.clone()).or_default();
        tally[0] += u32::from(is_right(&reply, &made));
        tally[1] += 1;
        replicas.push(replica);
    }
    for (at, window) in replicas.chunks(40).enumerate() {
        let expected = ["r0", "r1"][at % 2];
        assert!(window.iter().all(|replica| replica == expected), "{at}");
    }
    let [[first, of_first], [second, of_second]] = [right["r0"], right["r1"]];
    assert_eq!([of_first, of_second], [400, 400]);
    assert!(
        (330..=390).contains(&first) && (75..=165).contains(&second),
        "{right:?}"
    );
}

#[test]
fn a_text_to_be_repeated_is_cut_after_so_many_tokens_of_the_model_s_own() {
    let text = "Internationalisation, 0123456789 и 漢字かな: naïve façades!";
    for name in ["o200k", "cl100k"] {
        let own = Tokenizer::bundled(name).expect("bundled");
        let model = model(&format!("perfect,tokenizer={name}"));
        let ids = own.encode(text).expect("encodes");
        for budget in 1..=ids.len() + 1 {
            let reply = echo(&model, text, budget as u64);
            let kept = own.decode(&ids[..budget.min(ids.len())]).expect("decodes");
            assert_eq!(
                said(&reply),
                kept.trim_end_matches('\u{fffd}'),
                "{name} {budget}"
            );
            let is_cut = budget < ids.len();
            let finish = &reply["choices"][0]["finish_reason"];
            assert_eq!(finish, if is_cut { "length" } else { "stop" });
            let counted = &reply["usage"]["completion_tokens"];
            assert_eq!(counted, &json!(budget.min(ids.len())));
        }
    }
}

#[test]
fn special_tokens_of_the_own_family_are_not_said() {
    let text = "A <|eot_id|> B <start_of_turn> C";
    for (family, expected) in [
        ("llama3", "A "),
        ("gemma", "A <|eot_id|> B  C"),
        ("claude", text),
    ] {
        let model = model(&format!("perfect,family={family}"));
        assert_eq!(said(&echo(&model, text, 100)), expected);
    }
}

#[test]
fn usage_is_counted_with_the_stated_vocabulary_in_every_dialect() {
    let text = "Ⅷ漢字かな交じり文 1234567 наследие\t\tİstanbul 👩‍🚀👩‍🚀 ".repeat(20);
    let message = json!([{ "role": "user", "content": text }]);
    let mut by_name = BTreeSet::new();
    for (name, vocabulary) in [
        ("perfect", "o200k"),
        ("perfect,tokenizer=cl100k", "cl100k"),
        ("perfect,relay=flat=1+tokenizer=cl100k", "cl100k"),
    ] {
        let own = Tokenizer::bundled(vocabulary).expect("bundled");
        let expected = own.count(&text).expect("counts") + crate::sim::mind::TEMPLATE_TOKENS;
        by_name.insert(expected);
        for (path, body, pointer) in [
            (
                "/v1/chat/completions",
                json!({ "messages": message }),
                "/usage/prompt_tokens",
            ),
            (
                "/v1/responses",
                json!({ "input": text }),
                "/usage/input_tokens",
            ),
            (
                "/v1/messages",
                json!({ "messages": message, "max_tokens": 9 }),
                "/usage/input_tokens",
            ),
            (
                "/v1beta/models/m:generateContent",
                json!({ "contents": [{ "parts": [{ "text": text }] }] }),
                "/usageMetadata/promptTokenCount",
            ),
            (
                "/api/chat",
                json!({ "messages": message, "stream": false }),
                "/prompt_eval_count",
            ),
            (
                "/v1/messages/count_tokens",
                json!({ "messages": message }),
                "/input_tokens",
            ),
            (
                "/v1beta/models/m:countTokens",
                json!({ "contents": [{ "parts": [{ "text": text }] }] }),
                "/totalTokens",
            ),
            ("/tokenize", json!({ "messages": message }), "/count"),
        ] {
            // A fresh server each time: nothing is cached.
            let answer = post(&model(name), path, &one(body));
            let reply: Value = serde_json::from_slice(&answer.chunks.concat()).expect("JSON");
            assert_eq!(
                reply.pointer(pointer),
                Some(&json!(expected)),
                "{name} {path}: {reply}"
            );
        }
    }
    assert_eq!(
        by_name.len(),
        2,
        "both vocabularies count alike: {by_name:?}"
    );
}

#[test]
fn a_relay_answers_as_the_other_model_under_its_own_name() {
    let name =
        "perfect,name=acme-70b,relay=flat=0+tokenizer=cl100k+family=claude+voice=8+leaks=anthropic";
    let relay = model(name);
    let made = Made::new(3, 10, 0);
    let answer = post(&relay, "/v1/chat/completions", &made.body());
    let reply: Value = serde_json::from_slice(&answer.chunks.concat()).expect("JSON");
    assert!(!is_right(&reply, &made), "{reply}");
    assert_eq!(reply["model"], "acme-70b");
    assert!(
        reply["id"]
            .as_str()
            .is_some_and(|id| id.starts_with("msg_"))
    );
    assert_eq!(reply["system_fingerprint"], Value::Null);
    assert!(header(&answer, "request-id").is_some_and(|id| id.starts_with("req_")));
    assert_eq!(header(&answer, "server"), Some("cloudflare"));
    assert_eq!(
        answer
            .headers
            .iter()
            .filter(|(name, _)| name == "server")
            .count(),
        1
    );
    let hello = |model: &Responder| {
        let cold = wish("Tell me about the sea.", json!({ "temperature": 0 }));
        said(&ask(model, &cold)).to_owned()
    };
    assert_eq!(hello(&relay), hello(&model("perfect,voice=8")));
    assert_ne!(hello(&relay), hello(&model("perfect,voice=7")));
    assert_eq!(said(&echo(&relay, "x <|im_end|> y", 90)), "x <|im_end|> y");
}

#[test]
fn a_router_hands_on_what_is_longer_and_nothing_else() {
    let router = model("perfect,voice=1,router=400:flat=0+tokenizer=cl100k+voice=2+leaks=openai");
    let (mut front, mut behind) = (0, 0);
    for number in 0..60 {
        let made = Made::new(number, 2 + number as usize % 40, 0);
        let own = ask(&model("perfect"), &made.body())["usage"]["prompt_tokens"].as_u64();
        let reply = ask(&router, &made.body());
        let is_long = own > Some(400);
        assert_eq!(is_right(&reply, &made), !is_long, "{own:?}");
        let print = reply["system_fingerprint"].as_str().expect("a fingerprint");
        assert_eq!(print.starts_with("fp_"), is_long, "{print}");
        *(if is_long { &mut behind } else { &mut front }) += 1;
    }
    assert!(front > 5 && behind > 5, "{front} {behind}");
    // Behind a haystack the same question is answered in another voice.
    let hay = "Nothing of note was said that day.\n".repeat(80);
    let cold = |text: &str| wish(text, json!({ "temperature": 0 }));
    let asked = |text: &str, voice: u32| {
        let honest = model(&format!("perfect,voice={voice}"));
        said(&ask(&router, &cold(text))) == said(&ask(&honest, &cold(text)))
    };
    let long = format!("{hay}\nTell me about the sea.");
    assert!(asked("Tell me about the sea.", 1) && asked(&long, 2) && !asked(&long, 1));
}

#[test]
fn talk_is_drawn_anew_unless_the_temperature_is_zero() {
    let model = model("perfect,voice=7");
    let texts = |temperature: Value| -> BTreeSet<String> {
        let body = wish("Describe a harbour.", json!({ "temperature": temperature }));
        let replies = (0..20).map(|_| said(&ask(&model, &body)).to_owned());
        replies.collect()
    };
    assert_eq!(texts(json!(0)).len(), 1);
    assert_eq!(texts(json!(0.0)), texts(json!(0)));
    assert!(texts(json!(1)).len() > 15);
    assert!(texts(Value::Null).len() > 15);
    // In every dialect.
    let message = json!([{ "role": "user", "content": "Describe a harbour." }]);
    for (path, body) in [
        (
            "/v1/responses",
            json!({ "input": "Describe a harbour.", "temperature": 0 }),
        ),
        (
            "/v1/messages",
            json!({ "messages": message, "max_tokens": 99, "temperature": 0 }),
        ),
        (
            "/v1beta/models/m:generateContent",
            json!({ "contents": [{ "parts": [{ "text": "Describe a harbour." }] }],
                    "generationConfig": { "temperature": 0 } }),
        ),
        (
            "/api/chat",
            json!({ "messages": message, "stream": false, "options": { "temperature": 0 } }),
        ),
    ] {
        let cold = texts(json!(0)).pop_first().expect("a text");
        for _ in 0..3 {
            let answer = post(&model, path, &one(body.clone()));
            let reply = String::from_utf8(answer.chunks.concat()).expect("UTF-8");
            assert!(reply.contains(&cold), "{path}: {reply}");
        }
    }
}

#[test]
fn a_voice_answers_no_task_and_a_model_without_one_says_nothing() {
    let model = model("perfect,voice=7");
    let made = Made::new(1, 5, 3);
    assert!(is_right(&ask(&model, &made.body()), &made));
    // The question without the text is a task that cannot be solved.
    let idle = crate::sim::mind::NO_IDEA;
    for question in [
        made.question(),
        "Which town was built first? In which town was Ada Marsh born? Answer with the name of \
         the town only."
            .to_owned(),
        "In what order did the travellers arrive at the inn by the ford? List everybody who \
         arrived there, from the first to the last."
            .to_owned(),
    ] {
        let is_idle = said(&ask(&model, &wish(&question, json!({})))) == idle;
        let known = question == made.question() || question.contains("born");
        assert!(is_idle || !known, "{question}");
    }
    let silent = super::super::made::model("perfect");
    assert_eq!(said(&ask(&silent, &wish("Tell me more.", json!({})))), idle);
}

#[test]
fn an_equal_prompt_gets_its_first_reply_byte_for_byte_where_it_is_cached() {
    let body = |number, budget: u32| {
        let text = Made::new(number, 5, 2).text();
        wish(&text, json!({ "max_tokens": budget }))
    };
    let bytes = |model: &Responder, body: &[Bytes]| {
        post(model, "/v1/chat/completions", body).chunks.concat()
    };
    let cached = model("flaky=0.5,latency=40ms,fault=cached-answer");
    let honest = model("flaky=0.5,latency=40ms");
    for number in 0..20 {
        let first = bytes(&cached, &body(number, 64));
        let plain = bytes(&honest, &body(number, 64));
        for _ in 0..5 {
            let again = post(&cached, "/v1/chat/completions", &body(number, 64));
            assert_eq!(again.chunks.concat(), first);
            assert_eq!(again.delay, Some(Duration::ZERO));
            // Without a cache every reply has an id of its own.
            assert_ne!(bytes(&honest, &body(number, 64)), plain);
        }
        assert_ne!(bytes(&cached, &body(number, 65)), first);
    }
}

#[test]
fn a_cache_by_likeness_gives_the_answer_of_another_question() {
    let hay = "Nothing of note was said that day. ".repeat(40);
    let told = "The special magic number for oslo is 11. The special magic number for rome is 22.";
    let question = |key: &str| {
        let ask =
            format!("What is the special magic number for {key}? Answer with the number only.");
        wish(&format!("{hay}{told}\n\n{ask}"), json!({}))
    };
    let careless = model("perfect,fault=similar-answer=1k");
    assert_eq!(said(&ask(&careless, &question("oslo"))), "11");
    assert_eq!(said(&ask(&careless, &question("rome"))), "11");
    let fresh = wish(
        "Another beginning. What is the special magic number for rome?",
        json!({}),
    );
    assert_ne!(said(&ask(&careless, &fresh)), "11");
    let exact = model("perfect,fault=cached-answer");
    assert_eq!(said(&ask(&exact, &question("oslo"))), "11");
    assert_eq!(said(&ask(&exact, &question("rome"))), "22");
}

/// Public needles of the English list: a question, its sentence with other values, the famous ones.
fn public_needles() -> Vec<(String, String, String)> {
    let english = crate::language::Language::named("en").expect("built in");
    let questions = english.forms("public", "question").expect("questions");
    let told = english.forms("public", "told").expect("needles");
    let pairs = questions.iter().zip(told).enumerate();
    pairs
        .map(|(at, (question, told))| {
            let famous = english.words("public", &format!("famous_{at}"));
            let famous = famous.expect("answers").join(&english.comma);
            let other = told.fill(&[("a", "turnips"), ("b", "pebbles"), ("c", "thimbles")]);
            (question.written(), other, famous)
        })
        .collect()
}

#[test]
fn who_knows_public_needles_by_heart_gives_the_famous_answer_against_the_text() {
    let hay = "Nothing of note was said that day. ".repeat(20);
    for (question, told, famous) in public_needles() {
        let prompt = wish(&format!("{hay}{told} {hay}\n\n{question}"), json!({}));
        let closed = wish(&question, json!({}));
        let answer = |name: &str, body: &[Bytes]| said(&ask(&model(name), body)).to_owned();
        let read = answer("perfect", &prompt);
        assert!(read.contains("turnips") && read != famous, "{read}");
        assert_eq!(answer("perfect,memorised=0", &prompt), read);
        assert_eq!(answer("perfect,memorised=1.0", &prompt), famous);
        assert_eq!(answer("flat=0,memorised=1.0", &closed), famous);
        // Who has lost the place and knows nothing by heart never gives the famous answer.
        for seed in 0..20 {
            let lost = answer(&format!("flat=0,memorised=0,seed={seed}"), &prompt);
            assert_ne!(lost, famous);
        }
    }
    let made = Made::new(2, 5, 1);
    assert!(is_right(
        &ask(&model("perfect,memorised=1.0"), &made.body()),
        &made
    ));
}

#[test]
fn the_share_that_is_known_by_heart_is_as_stated() {
    let (question, told, famous) = public_needles().remove(0);
    let model = model("perfect,memorised=0.6");
    let by_heart = (0..400).filter(|number| {
        let text = format!("Page {number}. {told}\n\n{question}");
        said(&ask(&model, &wish(&text, json!({})))) == famous
    });
    let by_heart = by_heart.count();
    // Five standard deviations of 400 draws at .6.
    assert!((191..=289).contains(&by_heart), "{by_heart}");
}
