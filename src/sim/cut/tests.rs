//! Cut prompts against what must be left of them.

use super::*;
use crate::sim::dialect::Dialect;
use crate::sim::truth::Truth;
use bytes::Bytes;
use serde_json::{Value, json};

const ENGLISH: &str = "Nothing of note was said that day. ";
const CHINESE: &str = "那天没有什么值得注意的事。";

fn mind() -> Mind {
    Mind::new(Truth::parse("perfect").expect("a truth")).expect("a mind")
}

fn request(messages: &Value) -> ChatRequest {
    let body = json!({ "messages": messages, "max_tokens": 9 }).to_string();
    ChatRequest::read(Dialect::Chat, &[Bytes::from(body)]).expect("a request")
}

fn user(text: &str) -> ChatRequest {
    request(&json!([{ "role": "user", "content": text }]))
}

/// What is left of a prompt, with its tokens as told and as counted anew.
fn left(mind: &Mind, cut: Cut, request: &ChatRequest) -> Option<(Vec<String>, u64, u64)> {
    let tokens = mind.length(request).expect("a count");
    let kept = cut.apply(mind, request, tokens).expect("a count")?;
    assert_eq!(kept.request.max_tokens, request.max_tokens);
    let texts = (0..kept.request.messages.len())
        .map(|at| kept.request.message(at).to_owned())
        .collect();
    let again = mind.length(&kept.request).expect("a count");
    Some((texts, kept.tokens, again))
}

/// A text in which every place can be told from every other.
fn numbered(sentence: &str, count: usize) -> String {
    let numbers = 100_000..100_000 + count;
    numbers
        .map(|number| format!("{number} {sentence}"))
        .collect()
}

#[test]
fn a_prompt_that_fits_is_left_whole() {
    let mind = mind();
    let text = user(&ENGLISH.repeat(20));
    let tokens = mind.length(&text).expect("a count");
    let half = |window| Cut::Half { window, keep: 5 };
    for (cut, longer) in [
        (
            Cut::Head { window: tokens },
            Cut::Head { window: tokens - 1 },
        ),
        (
            Cut::Tail { window: tokens + 7 },
            Cut::Tail { window: tokens + 6 },
        ),
        (
            Cut::Middle { window: tokens },
            Cut::Middle { window: tokens - 1 },
        ),
        (
            Cut::Rolling { window: tokens },
            Cut::Rolling { window: tokens - 1 },
        ),
        (half(tokens + 1), half(tokens)),
    ] {
        assert!(left(&mind, cut, &text).is_none(), "{cut:?}");
        assert!(left(&mind, longer, &text).is_some(), "{longer:?}");
    }
    assert!(left(&mind, Cut::LastMessage, &text).is_none());
}

#[test]
fn each_cut_leaves_the_ends_that_it_says_to_a_few_tokens() {
    let mind = mind();
    for sentence in [ENGLISH, CHINESE] {
        let text = numbered(sentence, 3_000);
        let request = user(&text);
        for window in [16, 100, 1_001, 20_000] {
            // The template is the prompt's first seven tokens: a cut that loses them leaves as
            // many more of the text, and a recount adds them again.
            for (cut, told, counted) in [
                (Cut::Head { window }, window, window + TEMPLATE_TOKENS),
                (Cut::Tail { window }, window - 7, (window - 7).max(7)),
                (
                    Cut::Middle { window },
                    window,
                    window.max(window - window / 2 + 7),
                ),
                (Cut::Rolling { window }, window, window),
            ] {
                let (texts, tokens, again) = left(&mind, cut, &request).expect("a cut");
                assert_eq!(tokens, told, "{cut:?}");
                assert!(
                    again.abs_diff(counted) <= 24,
                    "{cut:?}: {again} of {counted}"
                );
                let kept = texts.first().map_or("", String::as_str);
                assert!(texts.len() <= 1 && kept.len() < text.len());
                match cut {
                    Cut::Tail { .. } => assert!(text.starts_with(kept), "{cut:?}"),
                    Cut::Middle { .. } => {
                        let head = kept.bytes().zip(text.bytes());
                        let head = head.take_while(|(kept, whole)| kept == whole).count();
                        let head = kept.floor_char_boundary(head);
                        assert!(text.ends_with(&kept[head..]), "{cut:?}");
                        assert!(window < 1_000 || head > kept.len() / 3, "{cut:?}");
                    }
                    _ => assert!(text.ends_with(kept), "{cut:?}"),
                }
            }
        }
    }
}

#[test]
fn the_half_window_is_the_one_that_was_seen() {
    // ollama/ollama#17889, #3839, #17427, #18399: windows, tokens kept, and what was reported.
    for (window, keep, reported) in [
        (4_096, 4, 2_050),
        (4_096, 5, 2_051),
        (32_768, 5, 16_387),
        (65_536, 4, 32_770),
    ] {
        assert_eq!(half_window(window, keep), reported);
    }
    let mind = mind();
    let text = numbered(ENGLISH, 1_000);
    let cut = Cut::Half {
        window: 4_096,
        keep: 5,
    };
    let (texts, tokens, again) = left(&mind, cut, &user(&text)).expect("a cut");
    assert_eq!(tokens, 2_051);
    assert!(again.abs_diff(2_046 + TEMPLATE_TOKENS) <= 4, "{again}");
    assert!(text.ends_with(&texts[0]));
}

#[test]
fn older_messages_go_first_and_the_systems_stay() {
    let mind = mind();
    let text = |number: usize| numbered(ENGLISH, number);
    let request = request(&json!([
        { "role": "system", "content": "Be brief." },
        { "role": "user", "content": text(10) },
        { "role": "assistant", "content": text(20) },
        { "role": "user", "content": text(30) },
    ]));
    let count = |texts: &[String]| -> u64 {
        let each = texts.iter().map(|text| mind.count(text).expect("a count"));
        each.sum::<u64>() + TEMPLATE_TOKENS
    };
    let lasts = |first: usize| {
        let mut texts = vec!["Be brief.".to_owned()];
        texts.extend([10, 20, 30][first..].iter().map(|&number| text(number)));
        texts
    };
    assert_eq!(
        left(&mind, Cut::LastMessage, &request).map(|kept| kept.0),
        Some(vec![text(30)])
    );
    for first in [1, 2] {
        let window = count(&lasts(first));
        let (texts, tokens, again) = left(&mind, Cut::Older { window }, &request).expect("a cut");
        assert_eq!((texts, tokens, again), (lasts(first), window, window));
    }
    // The last message stays even where it does not fit.
    let (texts, ..) = left(&mind, Cut::Older { window: 20 }, &request).expect("a cut");
    assert_eq!(texts, lasts(2));
    let (texts, tokens, again) =
        left(&mind, Cut::Rolling { window: 400 }, &request).expect("a cut");
    assert_eq!(
        (texts.len(), texts[0].as_str(), tokens),
        (3, "Be brief.", 400)
    );
    assert!(text(20).ends_with(&texts[1]) && texts[2] == text(30));
    assert!(again.abs_diff(400) <= 4, "{again}");
    let (texts, ..) = left(&mind, Cut::Head { window: 400 }, &request).expect("a cut");
    assert!(texts.len() == 2 && text(20).ends_with(&texts[0]) && texts[1] == text(30));
}

#[test]
fn forty_megabytes_are_cut_about_as_fast_as_they_are_counted() {
    let mind = mind();
    let text = ENGLISH.repeat(40_000_000 / ENGLISH.len());
    let request = user(&text);
    let clock = std::time::Instant::now();
    let tokens = mind.length(&request).expect("a count");
    let counting = clock.elapsed();
    let window = tokens / 2;
    let kept = Cut::Middle { window }.apply(&mind, &request, tokens);
    let kept = kept.expect("a count").expect("a cut");
    let cutting = clock.elapsed() - counting;
    assert_eq!(kept.tokens, window);
    assert!(kept.request.text.len().abs_diff(20_000_000) < 10_000);
    assert!(cutting < counting * 3, "{cutting:?} beside {counting:?}");
}
