//! What a verification cannot mean is refused in one line before anything is asked.

use crate::support::Place;
use crate::support::mock::Mock;

#[test]
fn a_threshold_relative_to_short_contexts_that_cannot_be_laid_out_is_refused() {
    let place = Place::new();
    let arguments = "--claim 16k --task qa_1 --tau-relative 0.9 --out run";
    let line = place.verify("sim:perfect", arguments).refused();
    assert!(
        line.contains("--tau-relative asks in texts of 1000 tokens") && line.contains("at least"),
        "{line}"
    );
}

#[test]
fn claims_and_thresholds_that_cannot_be_meant_are_refused_by_name() {
    let place = Place::new();
    let mock = Mock::right();
    for (arguments, words) in [
        ("--claim 12", "fewer than 256 tokens"),
        ("--claim lots", "bad --claim"),
        ("--claim 2k --tau 1.5", "--tau is a share between"),
        ("--claim 2k --tau 85", "--tau is a share between"),
        ("--claim 2k --tau 0", "--tau is a share between"),
        ("--claim 2k --tau NaN", "--tau is a share between"),
        (
            "--claim 2k --tau-relative 1.5",
            "--tau-relative is a share between",
        ),
        ("--claim 2k --alpha 0", "--alpha is a chance between"),
        ("--claim 2k --alpha 0.5", "--alpha is a chance between"),
        ("--claim 2k --ladder 1", "--ladder is a ratio between"),
        (
            "--claim 2k --task niah_single,niah_multikey",
            "niah_single and niah_multikey are both literal retrieval: verify tests one task of each kind",
        ),
        ("--claim 2k --suite quick", "are both literal retrieval"),
        (
            "--claim 2k --kinds literal,verbatim",
            "no kind of use verbatim: there are literal",
        ),
        (
            "--claim 2k --stop-at-first",
            "--stop-at-first is there for several kinds",
        ),
        (
            "--claim 2k --kinds literal,aggregate --layout shared",
            "--layout shared plants many facts",
        ),
        ("--claim 2k --task a,b", "no task a"),
        (
            "--claim 2k --layout shared --search",
            "--layout shared has a fixed number of questions",
        ),
        (
            "--claim 2k --layout shared --open",
            "--layout shared has a fixed number of questions",
        ),
        (
            "--claim 2k --layout shared --question-at start",
            "leave --question-at start out",
        ),
        ("--claim 500k", "bring more text (--corpus DIR)"),
        ("--claim 300 --keys 20", "too short for 20 needles"),
    ] {
        let line = place
            .verify(&mock.target(), "--out run")
            .args(arguments)
            .refused();
        assert!(line.contains(words), "{arguments}: {line}");
        assert_eq!(
            (mock.count(), place.names().len()),
            (0, 0),
            "{arguments}: {line}"
        );
    }
}

#[test]
fn what_clap_refuses_names_the_argument_and_ends_with_the_same_code() {
    let place = Place::new();
    for (arguments, words) in [
        ("", "--claim"),
        ("--claim 2k --tau 0.8 --tau-relative 0.8", "--tau-relative"),
        ("--claim 2k --open --search", "--search"),
        ("--claim 2k --claim-kind half", "--claim-kind"),
        ("--claim 2k --layout heap", "--layout"),
        ("--claim 2k --kinds literal --task sum", "--kinds"),
        ("--claim 2k --not-served-gap -1", "-1"),
    ] {
        let told = place.verify("sim:perfect", arguments).start().wait();
        assert_eq!((told.code, told.stdout.as_str()), (Some(2), ""), "{told}");
        assert!(
            told.stderr.contains(words) && told.stderr.contains("--help"),
            "{told}"
        );
    }
}
