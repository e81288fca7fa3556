//! Verdicts on models whose truth is known, with their sentences and exit codes.

use crate::support::{Place, run_folder::RunFolder};
use serde_json::Value;
use std::collections::BTreeSet;

/// The verdict of a run in one word.
fn headline(run: &RunFolder) -> String {
    let verification = run.verification();
    verification["verdict"]["headline"]
        .as_str()
        .expect("a headline")
        .to_owned()
}

/// Lengths that were asked, shortest first.
fn lengths(run: &RunFolder) -> Vec<u64> {
    let rung = |row: &Value| row["trial"]["seat"]["rung_tokens"].as_u64();
    let lengths: BTreeSet<u64> = run.rows().iter().filter_map(rung).collect();
    lengths.into_iter().collect()
}

#[test]
fn a_model_that_finds_everything_is_verified_for_what_was_tested_and_nothing_else() {
    let place = Place::new();
    // What finds sentences and understands nothing gets no more than the qualified sentence.
    for (target, claim, rungs) in [
        ("sim:perfect", "40k", vec![625, 2_500, 10_000, 40_000]),
        ("sim:grep", "8k", vec![2_000, 8_000]),
    ] {
        let told = place
            .verify(target, "--secret a1 --out")
            .arg(target)
            .args("--claim")
            .arg(claim)
            .ends(0);
        let sentence = format!(
            "VERIFIED for literal retrieval: {target} finds at least 85 % of the planted facts \
             at every tested length up to its claimed {claim} "
        );
        assert!(told.stdout.starts_with(&sentence), "{told}");
        let run = place.run(target);
        assert_eq!(lengths(&run), rungs);
        // 25 right answers in a row verify 85 %.
        assert_eq!(run.rows().len(), 25 * rungs.len());
        let verification = run.verification();
        assert_eq!(verification["kind_of_use"], "literal retrieval");
        assert_eq!(verification["verdict"]["headline"], "verified");
        assert_eq!(
            verification["verdict"]["verified_to_tokens"],
            rungs[rungs.len() - 1]
        );
        for told in verification["plan"]["rungs"].as_array().expect("rungs") {
            let nominal = told["nominal_tokens"].as_u64().expect("tokens");
            let length = |row: &Value| row["trial"]["length_tokens"].as_u64().expect("tokens");
            let asked: Vec<u64> = run.rung(nominal).iter().map(length).collect();
            let (low, high) = (&told["low_tokens"], &told["high_tokens"]);
            let (low, high) = (low.as_u64().expect("low"), high.as_u64().expect("high"));
            assert!(asked.iter().all(|asked| (low..=high).contains(asked)));
            // Each has a length of its own, or nearly so.
            assert!(
                asked.iter().collect::<BTreeSet<_>>().len() > 10,
                "{asked:?}"
            );
            let claimed = nominal == rungs[rungs.len() - 1];
            // Answer and template must fit into the claim too.
            assert!(!claimed || high + 64 <= nominal, "{told}");
        }
    }
}

#[test]
fn a_model_that_fails_beyond_a_length_is_refuted_by_the_first_length_beyond_it() {
    let place = Place::new();
    for (cliff, witness, words) in [
        ("20k", 40_000, "40,000"),
        ("5k", 10_000, "10,000"),
        ("1k", 2_500, "2,500"),
    ] {
        let target = format!("sim:cliff={cliff}");
        let told = place
            .verify(&target, "--claim 40k --secret a2 --out")
            .arg(cliff)
            .ends(1);
        let sentence = format!(
            "REFUTED for literal retrieval: {target}, with a claimed window of 40k tokens, finds \
             none of 5 planted facts in texts of {words} tokens, fewer than the 85 % "
        );
        assert!(told.stdout.starts_with(&sentence), "{told}");
        let run = place.run(cliff);
        // Nothing longer than what decides is ever paid for.
        assert_eq!(lengths(&run).last(), Some(&witness));
        let verdict = &run.verification()["verdict"];
        assert_eq!(verdict["witness_tokens"], witness);
        assert_eq!(verdict["refuted_from_tokens"], witness);
    }
}

#[test]
fn a_model_that_falls_off_early_is_refuted_below_its_claim() {
    let place = Place::new();
    let told = place
        .verify("sim:scout", "--claim 64k --secret a3 --out run")
        .ends(1);
    assert!(told.stdout.starts_with("REFUTED for literal"), "{told}");
    let run = place.run("run");
    let verification = run.verification();
    let witness = verification["verdict"]["witness_tokens"].as_u64();
    // It finds .85 at 2,100 tokens, and less of everything longer.
    assert!(
        witness.is_some_and(|witness| witness > 2_100),
        "{witness:?}"
    );
    assert!(verification["tokens"].as_u64() < Some(3_000_000), "{told}");
}

#[test]
fn a_model_above_the_threshold_is_verified_or_undecided_and_never_refuted() {
    let place = Place::new();
    let mut verified = 0;
    for seed in 0..6 {
        let name = format!("seed-{seed}");
        let told = place
            .verify(
                &format!("sim:flat=0.95,seed={seed}"),
                "--claim 3k --secret a4 --quiet --out",
            )
            .arg(&name)
            .start()
            .wait();
        let headline = headline(&place.run(&name));
        let code = match headline.as_str() {
            "verified" => 0,
            "undecided" => 3,
            _ => panic!("{headline} by seed {seed}"),
        };
        assert_eq!(told.code, Some(code), "{told}");
        verified += u32::from(code == 0);
    }
    // Each has a chance of more than .8: that half of them fail has one below .1 %, and secret and
    // seeds are fixed.
    assert!(verified >= 3, "{verified} of 6");
}

#[test]
fn at_the_threshold_itself_verdicts_of_either_kind_are_seldom() {
    let place = Place::new();
    let mut found = Vec::new();
    for seed in 0..10 {
        let name = format!("seed-{seed}");
        place
            .verify(
                &format!("sim:flat=0.85,seed={seed}"),
                "--claim 3k --secret a5 --quiet --out",
            )
            .arg(&name)
            .start()
            .wait();
        found.push(headline(&place.run(&name)));
    }
    for kind in ["verified", "refuted"] {
        let wrong = found.iter().filter(|found| *found == kind).count();
        // Each is wrong with a chance of .05 at most: seven of ten with one of 1e-7.
        assert!(wrong < 7, "{kind} {wrong} times of 10");
    }
}

#[test]
fn a_dead_band_is_not_hidden_by_a_mean_that_passes() {
    let place = Place::new();
    let told = place
        .verify(
            "sim:hole=40-60",
            "--tau 0.7 --claim 8k --secret a6 --out run",
        )
        .ends(3);
    assert!(
        told.stdout
            .starts_with("VERIFIED except depth 40–60 % for literal retrieval: sim:hole=40-60 "),
        "{told}"
    );
    let verification = place.run("run").verification();
    assert_eq!(verification["verdict"]["headline"], "verified_except");
    let bands = verification["verdict"]["dead_bands"].as_array();
    let bands = bands.expect("bands");
    assert_eq!(bands.len(), 1, "{bands:?}");
    assert_eq!(
        (&bands[0]["from_percent"], &bands[0]["to_percent"]),
        (&40.0.into(), &60.0.into())
    );
    assert!(bands[0]["upper"].as_f64() < Some(0.7));
}

#[test]
fn a_model_that_fails_at_random_is_refuted() {
    let place = Place::new();
    // Which request gets which draw hangs on their order.
    let told = place
        .verify(
            "sim:flaky=0.3,seed=5",
            "--claim 3k --secret a7 --concurrency 1 --out run",
        )
        .ends(1);
    assert!(
        told.stdout
            .starts_with("REFUTED for literal retrieval: sim:flaky=0.3,seed=5"),
        "{told}"
    );
}
