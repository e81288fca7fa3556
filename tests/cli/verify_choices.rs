//! Choices of a verification: a relative threshold, shared haystacks, a search, a claim that is looked up.

use crate::support::Place;
use crate::support::mock::{Answer, Mock};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

#[test]
fn a_relative_threshold_is_measured_first_and_told() {
    let place = Place::new();
    let told = place
        .verify(
            "sim:flat=0.9,seed=2",
            "--tau-relative 0.75 --claim 3k --secret f1 --out run",
        )
        .ends(0);
    let words = "at least 75 % as often as in short texts at every tested length";
    assert!(told.stdout.contains(words), "{told}");
    let run = place.run("run");
    let lines = run.lines();
    let first_row = lines.iter().position(|line| line["line"] == "row");
    let (before, _) = lines.split_at(first_row.expect("a row"));
    let base: Vec<&Value> = before
        .iter()
        .filter(|line| line["line"] == "control")
        .collect();
    assert_eq!(base.len(), 100);
    for control in &base {
        assert_eq!(control["kind"], "short_context");
        let tokens = control["prompt"]["expected_tokens"].as_u64();
        // Drawn around a thousand, and never more.
        assert!(
            (900..=1_000).contains(&tokens.expect("a count")),
            "{control}"
        );
    }
    // Their facts are asked nowhere else.
    let key = |item: &Value| item["key"].as_str().expect("a key").to_owned();
    let keys: BTreeSet<String> = base.iter().map(|control| key(&control["item"])).collect();
    assert_eq!(keys.len(), 100);
    assert!(run.rows().iter().all(|row| !keys.contains(&key(row))));
    let verification = run.verification();
    let number = |pointer: &str| {
        let number = verification.pointer(pointer).and_then(Value::as_f64);
        number.unwrap_or_else(|| panic!("{pointer}"))
    };
    let (right, wrong) = (number("/base/right"), number("/base/wrong"));
    assert_eq!(right + wrong, 100.0);
    // Both ends of the base's interval, between which its rate lies.
    let (verify, refute) = (number("/tau_verify"), number("/tau_refute"));
    assert!(refute < 0.75 * right / 100.0 && 0.75 * right / 100.0 < verify);
    assert!(verify < 0.75 && refute > 0.5, "{refute} {verify}");
    assert!(
        told.stdout
            .contains(&format!("the rate in short texts ({right} of 100 right)")),
        "{told}"
    );
}

#[test]
fn a_model_that_finds_nothing_in_short_contexts_gets_no_verdict_and_no_endless_questions() {
    let place = Place::new();
    let told = place
        .verify(
            "sim:cliff=500",
            "--tau-relative 0.85 --claim 3k --secret f6 --max-trials 600 --out run",
        )
        .ends(3);
    assert!(told.stdout.starts_with("UNDECIDED "), "{told}");
    let verification = place.run("run").verification();
    assert_eq!(verification["base"]["right"], 0);
    // Nothing lies below a share of nothing, and what is planned at most is never passed.
    let rungs = verification["plan"]["rungs"].as_array().expect("rungs");
    let most: u64 = rungs.iter().filter_map(|rung| rung["most"].as_u64()).sum();
    assert!(verification["questions"].as_u64() <= Some(most), "{told}");
    assert_ne!(verification["verdict"]["why"], "the study was not finished");
}

#[test]
fn shared_haystacks_are_five_a_length_and_differ_in_the_question_alone() {
    let place = Place::new();
    let told = place
        .verify(
            "sim:perfect",
            "--layout shared --claim 8k --secret f2 --out run",
        )
        .ends(0);
    assert!(told.stderr.contains("layout shared"), "{told}");
    let run = place.run("run");
    for rung in [2_000, 8_000] {
        let mut haystacks: BTreeMap<u64, BTreeSet<String>> = BTreeMap::new();
        let mut questions = BTreeSet::new();
        for row in run.rung(rung) {
            let place_of = row["trial"]["seat"]["place"].as_u64().expect("a number");
            let mut parts = row["prompt"]["parts"].as_array().expect("parts").clone();
            let question = parts.pop().expect("a question").to_string();
            assert!(question.contains(row["key"].as_str().expect("a key")));
            questions.insert(question);
            // What rounds the length stands between haystack and question, if anything does.
            let text: String = parts.iter().map(Value::to_string).collect();
            haystacks.entry(place_of / 5).or_default().insert(text);
        }
        assert_eq!(haystacks.len(), 5);
        assert_eq!(questions.len(), 25);
        for texts in haystacks.values() {
            let first = texts.first().expect("one");
            let shared = |text: &String| {
                let pairs = text.bytes().zip(first.bytes());
                pairs.take_while(|(one, other)| one == other).count()
            };
            let least = texts.iter().map(shared).min().expect("one");
            assert!(
                least * 10 >= first.len() * 9,
                "{least} of {} are shared",
                first.len()
            );
        }
    }
    let verification = run.verification();
    for rung in verification["rungs"].as_array().expect("rungs") {
        let each = rung["haystacks"].as_array().expect("haystacks");
        assert_eq!(each.len(), 5);
        assert!(each.iter().all(|tally| tally["right"] == 5), "{rung}");
    }
}

#[test]
fn a_search_goes_on_after_the_verdict_and_holds_the_truth() {
    let place = Place::new();
    let command = place.verify(
        "sim:cliff=20k",
        "--search --claim 64k --secret f3 --quiet --out run",
    );
    command.ends(1);
    let run = place.run("run");
    let verification = run.verification();
    let verdict = &verification["verdict"];
    let end = |name: &str| verdict[name].as_u64().expect("an end");
    assert!(end("verified_to_tokens") <= 20_000, "{verdict}");
    assert!(end("refuted_from_tokens") > 20_000, "{verdict}");
    // Lengths between those of the ladder were asked, each on its side of the truth.
    let searched = verification["searched"].as_array().expect("lengths");
    assert!(!searched.is_empty());
    for rung in searched {
        let tokens = rung["nominal_tokens"].as_u64().expect("tokens");
        let (right, wrong) = (&rung["tally"]["right"], &rung["tally"]["wrong"]);
        match tokens {
            0..19_000 => assert_eq!(wrong, 0, "{rung}"),
            21_100.. => assert_eq!(right, 0, "{rung}"),
            _ => {}
        }
    }
    // It has ended: asked again it asks nothing more.
    let rows = run.rows().len();
    command.ends(1);
    assert_eq!(run.rows().len(), rows);
}

#[test]
fn a_claim_is_looked_up_by_the_name_that_the_server_gives() {
    let place = Place::new();
    let listing = |id: &str| {
        let models = json!({"object": "list", "data": [{"id": id, "object": "model"}]});
        Mock::listing(
            Answer::body(200, "application/json", &models.to_string()),
            Answer::right,
        )
    };
    let advertised = |mock: &Mock, out: &str| {
        place
            .verify(&mock.target(), "--claim advertised --tokenizer o200k")
            .args("--wording fixed --secret f4 --out")
            .arg(out)
    };
    let known = listing("SmolLM2-135M-Instruct");
    let told = advertised(&known, "known").ends(0);
    assert!(told.stdout.contains("its claimed 8,192 tokens"), "{told}");
    assert!(
        told.stderr
            .contains("claim: 8,192 tokens (SmolLM2-135M-Instruct: "),
        "{told}"
    );
    let claim = &place.run("known").verification()["plan"]["claim"];
    assert_eq!(claim["tokens"], 8_192);
    assert!(
        claim["source"]
            .as_str()
            .is_some_and(|source| !source.is_empty()),
        "{claim}"
    );

    let unknown = listing("my-own-model");
    let line = advertised(&unknown, "unknown").refused();
    assert!(
        line.contains("nothing is known of what is claimed for my-own-model: give --claim TOKENS"),
        "{line}"
    );
    let several = listing("claude-sonnet-4-5-20250929");
    let line = advertised(&several, "several").refused();
    assert!(
        line.contains("several windows are claimed") && line.contains("--claim TOKENS"),
        "{line}"
    );
    assert_eq!((unknown.count(), several.count()), (0, 0));
    assert_eq!(place.names(), ["known"]);
    // What nobody has claimed the endpoint may declare itself.
    let told = place
        .verify(
            "sim:perfect,window=3k",
            "--claim advertised --secret f5 --out declared",
        )
        .ends(0);
    assert!(
        told.stderr
            .contains("claim: 3,000 tokens (the endpoint itself)"),
        "{told}"
    );
}
