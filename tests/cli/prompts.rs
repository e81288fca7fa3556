//! The secret decides every byte of every prompt, and `show` gives them back.

use crate::support::mock::Mock;
use crate::support::{Depthfinder, Place};
use std::collections::BTreeSet;

fn sweep(place: &Place, target: &str, more: &str) -> Depthfinder {
    place
        .sweep(target, "--lengths 700,1500 --depths 5 --samples 2 --quiet")
        .args(more)
}

#[test]
fn one_secret_gives_the_same_prompts_anywhere_and_to_anybody() {
    let place = Place::new();
    let other = Place::new();
    sweep(
        &place,
        "sim:perfect",
        "--secret 0e0f --concurrency 1 --out a",
    )
    .ends(0);
    let prompts = place.run("a").prompts();
    assert_eq!(prompts.len(), 20);
    assert_eq!(prompts.values().collect::<BTreeSet<_>>().len(), 20);
    sweep(
        &other,
        "sim:decay=900",
        "--secret 0e0f --concurrency 7 --out elsewhere/b",
    )
    .ends(0);
    assert_eq!(other.run("elsewhere/b").prompts(), prompts);
    let mock = Mock::right();
    sweep(
        &place,
        &mock.target(),
        "--secret 0e0f --tokenizer o200k --out c",
    )
    .ends(0);
    assert_eq!(place.run("c").prompts(), prompts);

    sweep(
        &place,
        "sim:perfect",
        "--secret 0e0f --salt drawn-later --out d",
    )
    .ends(0);
    sweep(&place, "sim:perfect", "--secret 0e10 --out e").ends(0);
    sweep(&place, "sim:perfect", "--out f").ends(0);
    let all: Vec<BTreeSet<String>> = ["a", "d", "e", "f"]
        .iter()
        .map(|name| place.run(name).prompts().into_values().collect())
        .collect();
    for (at, one) in all.iter().enumerate() {
        assert!(all[..at].iter().all(|earlier| earlier.is_disjoint(one)));
    }
}

#[test]
fn show_prints_the_bytes_that_were_sent_and_those_that_will_be() {
    let place = Place::new();
    let mock = Mock::right();
    let target = mock.target();
    let command = sweep(&place, &target, "--secret 0e --tokenizer o200k --out run");
    command.clone().args("--max-trials 6").ends(3);
    let run = place.run("run");
    let asked: BTreeSet<u64> = run.settled().into_keys().collect();
    assert_eq!(asked.len(), 6);
    let show = |trial: u64| {
        let told = place.depthfinder(&format!("show run {trial}")).ends(0);
        assert!(told.stderr.is_empty(), "{told}");
        told.stdout
    };
    let unasked: Vec<u64> = (0..20)
        .filter(|trial| !asked.contains(trial))
        .take(4)
        .collect();
    let before: Vec<(u64, String)> = unasked.iter().map(|&trial| (trial, show(trial))).collect();
    command.ends(0);
    let received: BTreeSet<String> = mock
        .asked()
        .iter()
        .filter(|asked| !asked.is_probe())
        .map(|asked| asked.prompt().to_owned())
        .collect();
    assert_eq!(received.len(), 20);
    for row in run.rows() {
        let trial = row["trial"]["id"].as_u64().expect("a number");
        if !asked.contains(&trial) && !unasked.contains(&trial) {
            continue;
        }
        let shown = show(trial);
        assert_eq!(row["prompt"]["bytes"], shown.len());
        let digest = blake3::hash(shown.as_bytes()).to_hex().to_string();
        assert_eq!(row["prompt"]["blake3"], digest);
        assert!(
            received.contains(&shown),
            "trial {trial} was sent otherwise"
        );
        let promised = before.iter().find(|(unasked, _)| *unasked == trial);
        assert!(
            promised.is_none_or(|(_, text)| *text == shown),
            "trial {trial}"
        );
        assert!(shown.contains(row["expected"].as_str().expect("text")));
    }
    let told = place.depthfinder("show run 3 --row").ends(0);
    let row: serde_json::Value = serde_json::from_str(&told.stdout).expect("JSON");
    assert_eq!(row["trial"]["id"], 3);
}

#[test]
fn lengths_are_those_that_the_server_counts() {
    let place = Place::new();
    let mock = Mock::right();
    sweep(&place, &mock.target(), "--tokenizer o200k --out run").ends(0);
    let lengths: BTreeSet<u64> = mock.asked()[2..]
        .iter()
        .map(|asked| asked.tokens())
        .collect();
    assert_eq!(lengths, BTreeSet::from([700, 1500]));
    for row in place.run("run").rows() {
        assert_eq!(
            row["prompt"]["expected_tokens"],
            row["trial"]["length_tokens"]
        );
        assert_eq!(
            row["outcome"]["reply"]["usage"]["prompt_tokens"],
            row["trial"]["length_tokens"]
        );
    }
}

#[test]
fn a_user_s_text_is_found_again_from_another_folder() {
    let place = Place::new();
    let text = std::fs::read(crate::support::small_text()).expect("a text");
    place.file("below/mine.txt", text);
    place
        .depthfinder("sweep sim:perfect --lengths 700 --depths 2 --keys 2 --max-trials 1")
        .args("--corpus below/mine.txt --out run")
        .ends(3);
    let elsewhere = Place::new();
    for trial in 0..2 {
        let told = elsewhere
            .depthfinder("show")
            .arg(place.path("run").display().to_string())
            .arg(trial.to_string())
            .ends(0);
        assert!(told.stdout.contains("special magic number"), "{told}");
    }
}

#[test]
fn samples_are_asked_in_turn_and_a_haystack_s_questions_together() {
    let place = Place::new();
    place
        .sweep(
            "sim:perfect",
            "--lengths 600,900,1200 --depths 8 --keys 4 --samples 3",
        )
        .args("--concurrency 1 --secret 1b --quiet --out run")
        .ends(0);
    let rows = place.run("run").rows();
    let of = |row: &serde_json::Value, field: &str| row["trial"][field].as_u64().expect("a number");
    let samples: Vec<u64> = rows.iter().map(|row| of(row, "sample")).collect();
    assert_eq!(samples.len(), 72);
    assert!(samples.is_sorted(), "{samples:?}");
    let mut haystacks: Vec<(u64, u64, u64)> = rows
        .iter()
        .map(|row| (of(row, "sample"), of(row, "length_tokens"), of(row, "set")))
        .collect();
    haystacks.dedup();
    assert_eq!(
        haystacks.len(),
        18,
        "a haystack was left and taken up again"
    );
    let mut lengths: Vec<(u64, u64)> = haystacks
        .iter()
        .map(|&(sample, length, _)| (sample, length))
        .collect();
    lengths.dedup();
    assert_eq!(lengths.len(), 9, "a length was left and taken up again");
    let order = |sample: usize| -> Vec<u64> {
        lengths[3 * sample..3 * sample + 3]
            .iter()
            .map(|&(_, length)| length)
            .collect()
    };
    for sample in 0..3 {
        let mut sorted = order(sample);
        sorted.sort_unstable();
        assert_eq!(sorted, [600, 900, 1200]);
    }
    // Shuffled anew in each round, by the secret.
    assert!(order(0) != order(1) || order(1) != order(2), "{lengths:?}");
    assert!(
        (0..3).any(|sample| !order(sample).is_sorted()),
        "{lengths:?}"
    );
}
