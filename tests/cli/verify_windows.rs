//! Windows that are not served: refusals and cuts that come again, with time between them.

use crate::support::Place;
use serde_json::Value;
use std::time::Duration;

/// The times at which the questions of a length were sent, in milliseconds since 1970.
fn sent_ms(rows: &[Value]) -> Vec<u64> {
    let at = |row: &Value| row["at_ms"].as_u64().expect("a time");
    rows.iter().map(at).collect()
}

#[test]
fn a_window_smaller_than_claimed_is_met_three_times_with_time_between() {
    let place = Place::new();
    let told = place
        .verify(
            "sim:perfect,window=15k,advertised=64k",
            "--claim 64k --not-served-gap 1 --secret b1 --out run",
        )
        .ends(1);
    assert!(
        told.stdout.starts_with(
            "REFUTED for literal retrieval and any other use: sim:perfect,window=15k,advertised=64k \
             has a claimed window of 64k tokens, but prompts of about 16,000 tokens are not served here: \
             window 15,000"
        ),
        "{told}"
    );
    let run = place.run("run");
    let asked = run.rung(16_000);
    let copies: Vec<&Value> = asked
        .iter()
        .map(|row| &row["trial"]["seat"]["copy"])
        .collect();
    assert_eq!(copies, [0, 1, 2]);
    let at_ms = sent_ms(&asked);
    assert!(
        at_ms.windows(2).all(|two| two[1] >= two[0] + 1_000),
        "{at_ms:?}"
    );
    assert!(run.rung(64_000).is_empty());
    let verification = run.verification();
    assert_eq!(verification["verdict"]["headline"], "not_served");
    assert_eq!(verification["verdict"]["witness_tokens"], 16_000);
    assert_eq!(verification["window_tokens"], 15_000);
    // Said as well to whoever reads the summary again.
    place.depthfinder("report run").ends(0);
    assert_eq!(run.verification(), verification);
}

#[test]
fn a_wait_that_was_killed_goes_on_where_it_was() {
    let place = Place::new();
    let command = place
        .verify(
            "sim:perfect,window=3k,advertised=16k",
            "--claim 16k --not-served-gap 6 --secret b2 --out run",
        )
        .args("--quiet");
    let run = place.run("run");
    let mut started = command.start();
    let refused = || {
        let journal = std::fs::read_to_string(run.path().join("journal.jsonl"));
        journal.is_ok_and(|lines| lines.contains("too_long") && lines.ends_with('\n'))
    };
    assert!(started.until(refused), "it ended too early");
    std::thread::sleep(Duration::from_secs(3));
    assert!(started.kill(), "it ended too early");
    assert_eq!(run.rung(4_000).len(), 1);
    let told = command.ends(1);
    let at_ms = sent_ms(&run.rung(4_000));
    assert_eq!(at_ms.len(), 3, "{told}");
    let waits: Vec<u64> = at_ms.windows(2).map(|two| two[1] - two[0]).collect();
    // A wait that began anew would have taken nine seconds and the start of the program.
    assert!((6_000..9_000).contains(&waits[0]), "{waits:?}");
    assert!(waits[1] >= 6_000, "{waits:?}");
    assert_eq!(run.verification()["verdict"]["headline"], "not_served");
    assert_eq!(run.asked_again(), [0u64; 0]);
}

#[test]
fn a_server_that_cuts_prompts_is_found_out_by_its_count_or_by_its_answers() {
    let place = Place::new();
    for (faults, name) in [
        ("--fault cut-head=8k", "told"),
        ("--fault cut-head=8k --fault lying-usage", "untold"),
    ] {
        let mut server = place
            .depthfinder("serve sim:perfect --port 0")
            .args(faults)
            .start();
        let target = server.first_line();
        let told = place
            .verify(&target, "--claim 40k --not-served-gap 1 --secret b3 --out")
            .arg(name)
            .ends(1);
        server.signal("TERM");
        server.wait();
        let run = place.run(name);
        let verification = run.verification();
        let verdict = &verification["verdict"];
        if name == "told" {
            let words = "but prompts of about 10,000 tokens are not served here";
            assert!(
                told.stdout.starts_with("REFUTED ") && told.stdout.contains(words),
                "{told}"
            );
            assert_eq!(verdict["headline"], "not_served");
            let rows = run.rung(10_000);
            assert!(rows.iter().all(|row| row["void"] == "cut-prompt"));
            assert_eq!(rows.len(), 3);
        } else {
            // Its counts say that all was read: what it cannot know it answers wrongly.
            assert!(
                told.stdout
                    .starts_with("REFUTED for literal retrieval: sim:perfect, with a claimed window of 40k tokens, finds "),
                "{told}"
            );
            assert_eq!(verdict["headline"], "refuted");
            assert_eq!(verdict["witness_tokens"], 40_000);
        }
    }
}
