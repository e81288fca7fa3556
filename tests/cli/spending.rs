//! Caps stop a run cleanly and let it go on; a plan is announced without asking anything.

use crate::support::mock::{Answer, Mock};
use crate::support::{Depthfinder, Place};

const GRID: &str = "--lengths 700 --depths 10 --keys 5 --samples 2 --secret 1a --out run";

fn sweep(place: &Place, target: &str, caps: &str) -> Depthfinder {
    place.sweep(target, GRID).args(caps)
}

#[test]
fn a_cap_on_trials_is_exact_and_a_higher_one_goes_on() {
    let place = Place::new();
    let told = sweep(&place, "sim:perfect", "--max-trials 7").ends(3);
    let words = "stopped by --max-trials 7: 7 of 20 trials are kept; \
        run the same command with --out run to go on with a higher cap";
    assert!(told.stderr.contains(words), "{told}");
    assert_eq!(place.run("run").rows().len(), 7);
    // The same cap is used up: nothing more is asked.
    sweep(&place, "sim:perfect", "--max-trials 7").ends(3);
    assert_eq!(place.run("run").rows().len(), 7);
    sweep(&place, "sim:perfect", "--max-trials 12").ends(3);
    assert_eq!(place.run("run").rows().len(), 12);
    sweep(&place, "sim:perfect", "").ends(0);
    assert_eq!(place.run("run").settled().len(), 20);
    assert_eq!(place.run("run").asked_again(), [0u64; 0]);
}

#[test]
fn a_cap_on_tokens_is_never_passed() {
    for more in [
        "--depths 20",
        // Every question waits for the one before it, and the last ones wait together.
        "--depths 9 --task niah_single --max-inflight-tokens 700",
    ] {
        let place = Place::new();
        let command = place
            .sweep(
                "sim:perfect,latency=2ms",
                "--lengths 700 --secret 1a --out run",
            )
            .args("--concurrency 4")
            .args(more);
        let told = command.clone().args("--max-tokens 5k").ends(3);
        assert!(
            told.stderr
                .contains("stopped by --max-tokens 5000 (4900 used)"),
            "{told}"
        );
        // Seven prompts of 700 tokens fit into 5,000.
        let used = |place: &Place| {
            place.run("run").json("summary.json")["totals"]["prompt_tokens"].clone()
        };
        assert_eq!(used(&place), 4900, "{more}");
        command.clone().args("--max-tokens 5699").ends(3);
        assert_eq!(used(&place), 5600, "{more}");
        command.ends(0);
    }
}

#[test]
fn a_cap_on_cost_is_never_passed_and_the_price_stays_with_the_run() {
    let place = Place::new();
    let mock = Mock::right();
    // A prompt costs 0.7 cents and 64 tokens of answer at most 0.64: four and a half fit.
    let price = "--tokenizer o200k --price 10,100 --concurrency 3";
    let command = sweep(&place, &mock.target(), price);
    let told = command.clone().args("--max-cost 0.04").ends(3);
    assert!(told.stderr.contains("stopped by --max-cost 0.04"), "{told}");
    let cost = |name: &str| -> f64 {
        let summary = place.run(name).json("summary.json");
        summary["totals"]["cost_usd"].as_f64().expect("a cost")
    };
    let (first, asked) = (cost("run"), mock.count() - 2);
    assert!(first <= 0.04 && asked >= 2, "{first} for {asked}");
    // Answers are of four tokens.
    assert!(
        (first - asked as f64 * (0.007 + 0.0004)).abs() < 1e-9,
        "{first} for {asked}"
    );
    command.clone().args("--max-cost 0.08").ends(3);
    assert!(
        cost("run") > first && cost("run") <= 0.08,
        "{}",
        cost("run")
    );
    command.ends(0);
    assert_eq!(place.run("run").settled().len(), 20);
    assert!(
        (cost("run") - 20.0 * 0.0074).abs() < 1e-9,
        "{}",
        cost("run")
    );
    let whole = place.run("run").bytes("summary.json");
    place.depthfinder("report run").ends(0);
    assert!(place.run("run").bytes("summary.json") == whole);
}

#[test]
fn a_fifth_of_void_trials_is_borne_and_more_is_not() {
    for (voids, code) in [(4, 0), (5, 3)] {
        let place = Place::new();
        let mock = Mock::start(move |asked| match asked.number {
            number if number < voids => Answer::error(400, "a bad day"),
            _ => Answer::right(asked),
        });
        let told = sweep(&place, &mock.target(), "--concurrency 1 --calibrate never").ends(code);
        let words = format!("{voids} of 20 trials are void, more than 20 %");
        assert_eq!(told.stderr.contains(&words), code == 3, "{told}");
        let summary = place.run("run").json("summary.json");
        assert_eq!(summary["tasks"][0]["voids"]["refused-request"], voids);
    }
}

#[test]
fn a_dry_run_prints_the_plan_asks_nothing_and_leaves_nothing() {
    let place = Place::new();
    let mock = Mock::right();
    let command = place.sweep(
        &mock.target(),
        "--lengths 1k,4k --depths 10 --keys 5 --samples 2 --dry-run --out run",
    );
    let told = command.ends(0);
    for words in [
        "niah_multikey         1,000 tokens     20 trials           20,000 prompt tokens",
        "niah_multikey         4,000 tokens     20 trials           80,000 prompt tokens",
        "total: 40 trials on 8 haystacks, 100,000 prompt tokens (about 0.4 MB sent), at most 2,560 output tokens",
        "price: none, it runs on this machine",
        "time: ",
    ] {
        assert!(told.stdout.contains(words), "{words}\n{told}");
    }
    assert_eq!((mock.count(), place.names().len()), (0, 0));
    let told = command
        .clone()
        .args("--price 3,15 --tokenizer o200k")
        .ends(0);
    // 0.1 million tokens at 3 dollars and 2,560 at 15.
    assert!(told.stdout.contains("price: at most $0.34"), "{told}");
    assert_eq!((mock.count(), place.names().len()), (0, 0));
    place.sweep("sim:perfect", "--lengths 1k --dry-run").ends(0);
    assert_eq!(place.names().len(), 0);
}

#[test]
fn a_price_of_the_user_s_own_wants_consent_above_a_dollar() {
    let place = Place::new();
    let mock = Mock::right();
    // A relay on this machine costs what the user says it costs.
    let command = sweep(
        &place,
        &mock.target(),
        "--price 1000,1000 --calibrate never",
    );
    let line = command.refused();
    assert!(
        line.contains("20 trials with 14,000 prompt tokens") && line.contains("$15.28"),
        "{line}"
    );
    assert!(
        line.contains("--yes") && line.contains("--max-cost"),
        "{line}"
    );
    assert_eq!((mock.count(), place.names().len()), (0, 0));
    command.clone().args("--max-trials 1").ends(3);
    command.args("--yes").ends(0);
    assert_eq!(mock.count(), 20);
}
