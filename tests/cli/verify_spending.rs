//! What a verification will use is told before it is asked, consented to, and capped.

use crate::support::Place;
use crate::support::mock::Mock;

#[test]
fn a_dry_run_tells_the_plan_and_asks_nothing() {
    let place = Place::new();
    let mock = Mock::right();
    let command = place.verify(&mock.target(), "--claim 40k --dry-run --out run");
    let told = command.ends(0);
    for words in [
        "claim: 40,000 tokens; VERIFIED needs 85 % right at each of 4 lengths, REFUTED less at one; error at most 5 % each way",
        "         625 tokens (594 to 656)  at most  400 questions",
        "      10,000 tokens (9,500 to 10,500)  at most  400 questions",
        "      40,000 tokens (",
        "at most  100 questions",
        "if it finds everything: about 100 questions with ",
        "if it finds 95 % at every length: about ",
        "if it fails as Llama 4 Scout did: about ",
        "at worst: 1,300 questions with ",
        "controls add 5 % at most",
    ] {
        assert!(told.stdout.contains(words), "{words}\n{told}");
    }
    // It runs on this machine.
    assert!(!told.stdout.contains('$'), "{told}");
    assert_eq!((mock.count(), place.names().len()), (0, 0));
    let told = command.clone().args("--price 3,15").ends(0);
    assert!(told.stdout.matches(", $").count() == 4, "{told}");
    let told = command.clone().args("--tau-relative 0.85").ends(0);
    assert!(
        told.stdout
            .contains("before them: 100 questions in short contexts"),
        "{told}"
    );
    let told = command.clone().args("--open").ends(0);
    assert!(told.stdout.contains("no last question"), "{told}");
    assert!(told.stdout.contains("without end (--open)"), "{told}");
    assert_eq!((mock.count(), place.names().len()), (0, 0));
}

#[test]
fn what_may_cost_much_wants_consent_before_anything_is_asked() {
    let place = Place::new();
    let mock = Mock::right();
    let refused = |arguments: &str, words: &[&str]| {
        let line = place
            .verify(&mock.target(), "--out run --wording fixed")
            .args(arguments)
            .refused();
        assert!(words.iter().all(|words| line.contains(words)), "{line}");
        assert_eq!((mock.count(), place.names().len()), (0, 0), "{line}");
    };
    // A relay on this machine costs what the user says it costs.
    refused(
        "--claim 40k --price 0.01,0",
        &["1,300 trials", "it is a large run", "--yes", "--max-tokens"],
    );
    refused(
        "--claim 8k --price 1000,1000",
        &["it costs up to $", "--max-cost"],
    );
    refused(
        "--claim 2k --price 0.01,0 --open",
        &["no last question", "--max-tokens"],
    );
}

#[test]
fn a_cap_keeps_what_was_asked_and_a_verdict_that_was_reached() {
    let place = Place::new();
    let command = place.verify("sim:perfect", "--claim 2k --secret e1 --out run");
    let told = command.clone().args("--max-tokens 20k").ends(3);
    let run = place.run("run");
    let kept = run.settled();
    let words = format!(
        "stopped by --max-tokens 20000 ({} used): {} questions are kept; run the same command \
         with --out run to go on with a higher cap",
        run.json("summary.json")["totals"]["prompt_tokens"],
        kept.len()
    );
    assert!(told.stderr.contains(&words), "{told}");
    assert!(told.stdout.starts_with("UNDECIDED "), "{told}");
    assert_eq!(kept.len(), 10);
    // Room for the 25 questions of a verdict, and for few of the controls behind it.
    let told = command.clone().args("--max-tokens 49k").ends(0);
    assert!(told.stdout.starts_with("VERIFIED for literal"), "{told}");
    let all = run.settled();
    assert_eq!(all.len(), 25);
    assert!(kept.iter().all(|(trial, came_to)| all[trial] == *came_to));
    let used = run.json("summary.json")["totals"]["prompt_tokens"].as_u64();
    assert!(used <= Some(49_000), "{used:?}");
    command.ends(0);
    assert_eq!(run.settled(), all);

    // What a search may spend does not touch the verdict that it follows.
    let told = place
        .verify(
            "sim:cliff=3k",
            "--claim 8k --search --max-tokens 100k --secret e2 --out searched",
        )
        .ends(1);
    assert!(told.stderr.contains("stopped by --max-tokens"), "{told}");
    assert!(told.stdout.starts_with("REFUTED for literal"), "{told}");
    assert_eq!(
        place.run("searched").verification()["verdict"]["witness_tokens"],
        8_000
    );
}

#[test]
fn a_threshold_is_never_made_of_fewer_answers_than_planned() {
    let place = Place::new();
    let command = place.verify(
        "sim:flat=0.9",
        "--claim 2k --tau-relative 0.85 --secret e3 --out run",
    );
    let told = command.clone().args("--max-tokens 50500").ends(3);
    assert!(told.stderr.contains("stopped by --max-tokens"), "{told}");
    let run = place.run("run");
    // Of short contexts of up to a thousand tokens about so many fit.
    let (asked, totals) = (run.controls().len(), &run.json("summary.json")["totals"]);
    assert!((50..=53).contains(&asked), "{asked}");
    assert!(totals["prompt_tokens"].as_u64() <= Some(50_500), "{totals}");
    assert!(run.rows().is_empty());
    command.start().wait();
    let base = &run.verification()["base"];
    let count = |kind: &str| base[kind].as_u64().expect("a number");
    assert_eq!(count("right") + count("wrong"), 100);
}

#[test]
fn an_open_study_goes_on_to_its_verdict_or_its_cap() {
    let place = Place::new();
    let command = place.verify(
        "sim:flat=0.85,seed=1",
        "--claim 2k --open --secret e4 --out",
    );
    let told = command
        .clone()
        .arg("capped")
        .args("--max-trials 150")
        .ends(3);
    assert!(
        told.stderr.contains("stopped by --max-trials 150"),
        "{told}"
    );
    assert!(told.stdout.contains("the study was not finished"), "{told}");
    // More than the last look of a study that has one.
    assert_eq!(place.run("capped").rows().len(), 150);
    let told = place
        .verify("sim:perfect", "--claim 2k --open --secret e4 --out perfect")
        .ends(0);
    assert!(told.stdout.starts_with("VERIFIED for literal"), "{told}");
}
