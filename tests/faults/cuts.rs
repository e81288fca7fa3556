//! Prompts that are cut without a word: what the model still sees, and what the accounts say.

use crate::asked::Server;
use crate::vendor::{VENDORS, Vendor};
use crate::{NO_IDEA, TEMPLATE_TOKENS, VALUE, prompt, tokens};
use serde_json::Value;

/// A fact at the head, in the middle and at the tail of some 1,000 tokens.
const PLACES: [(usize, usize); 3] = [(2, 118), (60, 60), (118, 2)];

#[test]
fn what_is_cut_away_is_not_answered_from_and_usage_is_true_or_lies() {
    for (fault, left, found) in [
        ("cut-head=600", 600, [false, true, true]),
        // The question stands at the end.
        ("cut-tail=600", 593, [false, false, false]),
        ("cut-middle=600", 600, [true, false, true]),
        ("half-window=600", 600 - (600 - 5) / 2, [false, false, true]),
        ("rolling=600", 600, [false, true, true]),
    ] {
        for lying in [false, true] {
            let more = if lying { ",fault=lying-usage" } else { "" };
            let server = Server::start(&format!("perfect,fault={fault}{more}"));
            for (number, vendor) in VENDORS.into_iter().enumerate() {
                let (before, after) = PLACES[number % 3];
                let text = prompt(before, after);
                let whole = tokens(&text) + TEMPLATE_TOKENS;
                assert!(whole > 900);
                let (path, body) = vendor.question(&[("user", &text)], number % 2 == 0, 64);
                let heard = vendor.hear(&server.post(&path, &body));
                let right = if found[number % 3] { VALUE } else { NO_IDEA };
                assert_eq!(heard.text, right, "{fault} {vendor:?}");
                let reported = if lying { whole } else { left };
                assert_eq!(heard.usage.map(|usage| usage.0), Some(reported), "{fault}");
                let line = server.logged();
                assert_eq!(line["received_tokens"], whole);
                assert_eq!(line["read_tokens"], left);
                assert_eq!(line["reported_tokens"], reported);
                assert_eq!(line["faults"][0], fault);
                assert_eq!(line["said"], right);
            }
            // What fits is left alone.
            let text = prompt(5, 5);
            let (path, body) = Vendor::Chat.question(&[("user", &text)], false, 64);
            let heard = Vendor::Chat.hear(&server.post(&path, &body));
            assert_eq!(heard.text, VALUE, "{fault}");
            let whole = tokens(&text) + TEMPLATE_TOKENS;
            assert_eq!(heard.usage.map(|usage| usage.0), Some(whole));
        }
    }
}

#[test]
fn every_place_of_a_fact_is_told_apart_by_every_cut() {
    for (fault, found) in [
        ("cut-head=600", [false, true, true]),
        ("cut-tail=600", [false, false, false]),
        ("cut-middle=600", [true, false, true]),
        ("half-window=600", [false, false, true]),
    ] {
        let server = Server::start(&format!("perfect,fault={fault}"));
        for ((before, after), found) in PLACES.into_iter().zip(found) {
            let (path, body) = Vendor::Chat.question(&[("user", &prompt(before, after))], true, 64);
            let heard = Vendor::Chat.hear(&server.post(&path, &body));
            let right = if found { VALUE } else { NO_IDEA };
            assert_eq!(heard.text, right, "{fault} {before}");
        }
    }
}

#[test]
fn dropped_messages_take_their_facts_with_them_and_a_rolling_window_keeps_the_systems() {
    let text = prompt(10, 10);
    let (hay, question) = text.split_once("\n\n").expect("two halves");
    let split = [("user", hay), ("assistant", "I see."), ("user", question)];
    let system = [("system", hay), ("user", "I see."), ("user", question)];
    let ask = |fault: &str, vendor: Vendor, messages: &[(&str, &str)]| {
        let server = Server::start(&format!("perfect,fault={fault}"));
        let (path, body) = vendor.question(messages, true, 64);
        let heard = vendor.hear(&server.post(&path, &body));
        (heard.text, heard.usage.expect("usage").0)
    };
    let whole = tokens(hay) + tokens("I see.") + tokens(question) + TEMPLATE_TOKENS;
    let last = tokens(question) + TEMPLATE_TOKENS;
    for vendor in VENDORS {
        assert_eq!(ask("no-done", vendor, &split), (VALUE.into(), whole));
        assert_eq!(ask("drop-messages", vendor, &split), (NO_IDEA.into(), last));
        let lying = "drop-messages,fault=lying-usage";
        assert_eq!(ask(lying, vendor, &split), (NO_IDEA.into(), whole));
        assert_eq!(ask("drop-messages", vendor, &[("user", &text)]).0, VALUE);
    }
    let window = tokens(hay) + last;
    let rolled = format!("rolling={window}");
    assert_eq!(
        ask(&rolled, Vendor::Anthropic, &system),
        (VALUE.into(), window)
    );
    let (said, _) = ask(&format!("cut-head={last}"), Vendor::Anthropic, &system);
    assert_eq!(said, NO_IDEA);
}

#[test]
fn a_cut_comes_before_the_window_and_bends_the_recall_to_what_is_left() {
    let text = prompt(60, 60);
    let ask = |model: &str| {
        let server = Server::start(model);
        let (path, body) = Vendor::Chat.question(&[("user", &text)], false, 64);
        let reply = server.post(&path, &body);
        (reply.status, Vendor::Chat.hear(&reply).text)
    };
    assert_eq!(ask("perfect,window=700").0, 400);
    assert_eq!(
        ask("perfect,window=700,fault=cut-head=600"),
        (200, VALUE.into())
    );
    assert_eq!(ask("cliff=700"), (200, NO_IDEA.into()));
    assert_eq!(ask("cliff=700,fault=cut-head=600"), (200, VALUE.into()));
}

#[test]
fn a_soak_is_replayed_by_its_seed() {
    let drawn = |seed: u64| -> Vec<Value> {
        let faults = "fault=cut-head=600:0.4,fault=no-usage:0.3,fault=status=500:0.2";
        let server = Server::start(&format!("perfect,{faults},fault-seed={seed}"));
        for _ in 0..40 {
            let (path, body) = Vendor::Chat.question(&[("user", "Hello.")], true, 64);
            let reply = server.post(&path, &body);
            let line = server.logged();
            let refused = line["faults"].to_string().contains("status=500");
            assert_eq!(reply.status, if refused { 500 } else { 200 });
        }
        server
            .log()
            .into_iter()
            .map(|line| line["faults"].clone())
            .collect()
    };
    let first = drawn(1);
    assert_eq!(first, drawn(1));
    assert_ne!(first, drawn(2));
    let kinds: std::collections::BTreeSet<String> = first.iter().map(Value::to_string).collect();
    assert!(kinds.len() >= 4 && kinds.contains("[]"), "{kinds:?}");
}

#[test]
fn a_cut_answer_bears_no_mark() {
    let names = |model: &str| -> Vec<String> {
        let server = Server::start(model);
        let (path, body) = Vendor::Chat.question(&[("user", &prompt(60, 60))], true, 64);
        let reply = server.post(&path, &body);
        let names = reply.headers.into_iter().map(|(name, _)| name);
        names.collect()
    };
    let plain = names("perfect");
    for fault in [
        "cut-head=600",
        "lying-usage",
        "old-answer",
        "wrong-model",
        "no-finish",
    ] {
        assert_eq!(names(&format!("perfect,fault={fault}")), plain, "{fault}");
    }
}
