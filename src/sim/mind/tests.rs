//! The simulated mind against the curves that its name states.

use super::super::made::{Made, ask, body, model, one, said};
use super::*;
use crate::sim::dialect::Dialect;
use bytes::Bytes;
use serde_json::json;

fn tokens(text: &str) -> u64 {
    Tokenizer::bundled("o200k")
        .expect("a tokenizer")
        .count(text)
        .expect("a count")
}

/// Asks 2,000 prompts and holds the share of right answers against the stated curve, which
/// is computed here from the prompts themselves: within four standard deviations of the sum
/// of independent draws. Returns how many answers were right, a sibling's, and neither.
fn holds_the_curve(name: &str, sentences: std::ops::Range<usize>, siblings: usize) -> [usize; 3] {
    let truth = Truth::parse(name).expect(name);
    let model = model(name);
    let (mut expected, mut variance) = (0.0, 0.0);
    let mut tally = [0; 3];
    for seed in 0..2_000 {
        let count = sentences.start + seed as usize % sentences.len();
        let made = Made::new(seed, count, siblings);
        let (start, end) = made.halves();
        let before = tokens(&start) + TEMPLATE_TOKENS;
        let total = tokens(&(start + &end)) + TEMPLATE_TOKENS;
        let p = truth.recall(total, before as f64 / total as f64);
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
    let at = |tokens: u64| said(&ask(&model(&format!("cliff={tokens}")), &made.body())).to_owned();
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
fn the_scout_the_hole_and_the_steps_are_as_stated() {
    let [right, lost, _] = holds_the_curve("scout", 0..150, 2);
    assert!(right > 1_500 && lost > 20, "{right} {lost}");
    let [right, lost, _] = holds_the_curve("hole=40-60", 20..40, 2);
    assert!(right > 1_500 && lost > 150, "{right} {lost}");
    let [right, lost, _] = holds_the_curve("steps=300:0.97/600:0.8/601:0", 5..60, 2);
    assert!(right > 500 && lost > 300, "{right} {lost}");
}

#[test]
fn a_flat_model_decides_by_the_prompt_and_not_by_the_request() {
    let [right, ..] = holds_the_curve("flat=0.8", 0..40, 2);
    assert!((1_500..1_700).contains(&right), "{right}");
    holds_the_curve("flat=0.8,seed=9", 0..40, 2);
    let model = model("flat=0.5");
    for seed in 0..50 {
        let body = Made::new(seed, 5, 2).body();
        let first = said(&ask(&model, &body)).to_owned();
        for _ in 0..4 {
            assert_eq!(said(&ask(&model, &body)), first);
        }
    }
}

#[test]
fn a_fact_that_is_not_there_is_never_invented() {
    for (name, _) in crate::sim::NAMES {
        // It answers without reading.
        if *name == "discard" {
            continue;
        }
        let model = model(name);
        for seed in 0..60 {
            let made = Made::new(seed, 20, 3);
            let told = super::super::made::needle(made.wording, made.kind, &made.key, &made.value);
            let without = made.text().replacen(&told, "", 1);
            assert!(!without.contains(&made.value));
            assert_eq!(said(&ask(&model, &body(&without))), NO_IDEA, "{name}");
            let question = made.question();
            let allowing = format!("{question} If it is not in the text, answer \"none\".");
            let allowed = without.replacen(&question, &allowing, 1);
            assert_eq!(said(&ask(&model, &body(&allowed))), "none", "{name}");
        }
    }
}

#[test]
fn a_lost_fact_without_siblings_is_denied_in_the_words_that_are_allowed() {
    let made = Made::new(4, 10, 0);
    let model = model("flat=0");
    assert_eq!(said(&ask(&model, &made.body())), NO_IDEA);
    let allowed = format!("{} If it is not in the text, answer \"none\".", made.text());
    assert_eq!(said(&ask(&model, &body(&allowed))), "none");
    let found = super::super::made::model("perfect");
    assert_eq!(said(&ask(&found, &body(&allowed))), made.value);
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
fn depth_is_counted_in_tokens_of_the_whole_prompt() {
    let mind = Mind::new(Truth::parse("perfect").expect("a truth")).expect("a mind");
    for seed in 0..100 {
        let (start, end) = Made::new(seed, 30, 0).halves();
        let request = one(json!({ "messages": [
            { "role": "system", "content": "Be brief, please." },
            { "role": "user", "content": format!("{start}{end}") },
        ]}));
        let request = ChatRequest::read(Dialect::Chat, &request).expect("a request");
        let before = tokens("Be brief, please.") + tokens(&start) + TEMPLATE_TOKENS;
        // The space in front of the needle is a token or the beginning of one.
        let got = mind.read(&request).expect("a prompt").before_tokens;
        assert!(
            got.abs_diff(before) <= 1,
            "{got} where {before} were expected"
        );
    }
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
    let count = |text: &str| tokens(text);
    let expected = count("Be brief.") + count(&made.text()) + TEMPLATE_TOKENS;
    assert_eq!(reply["usage"]["prompt_tokens"], expected);
}

#[test]
fn halves_cut_at_a_safe_place_have_as_many_tokens_as_the_whole() {
    for seed in 0..300 {
        let text = Made::new(seed, 10, 2).text();
        let whole = tokens(&text);
        for at in (0..text.len()).step_by(37) {
            let cut = safe_cut(&text, 0, text.floor_char_boundary(at));
            let halves = tokens(&text[..cut]) + tokens(&text[cut..]);
            assert_eq!(halves, whole, "cut at {cut}: {text}");
        }
    }
}

#[test]
fn a_long_text_counted_in_stretches_has_as_many_tokens_as_the_whole() {
    let mind = Mind::new(Truth::parse("perfect").expect("a truth")).expect("a mind");
    let long = (0..).map(|seed| Made::new(seed, 50, 2).text());
    let long = long.take(700).collect::<Vec<_>>().join("\n");
    let unbroken = "那天没有什么值得注意的事。".repeat(STRETCH_BYTES / 20);
    for text in [&long, &unbroken, &format!("{unbroken} {long}{unbroken}")] {
        assert!(text.len() > STRETCH_BYTES);
        let whole = mind.tokenizer.count(text).expect("a count");
        assert_eq!(mind.count(text).expect("a count"), whole);
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
    let all = tokens(&hay);
    let warm = cached(&format!("{hay}two"));
    assert!(warm > all * 85 / 100 && warm <= all, "{warm} of {all}");
    assert_eq!(cached(&format!("Well. {hay}one")), 0);
    // Whole blocks, less the newline that stands for the end of the message.
    let blocks = &hay[..4 * super::super::prefix::BLOCK_BYTES - 1];
    cached(blocks);
    assert_eq!(cached(blocks), tokens(blocks) + TEMPLATE_TOKENS - 1);
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
    let slices: Vec<Bytes> = body(&text)
        .concat()
        .chunks(1 << 20)
        .map(Bytes::copy_from_slice)
        .collect();
    let clock = std::time::Instant::now();
    let read = ChatRequest::read(Dialect::Chat, &slices).expect("a good request");
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
