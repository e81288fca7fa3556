//! Sentences and numbers of verifications that were played through.

use super::Verdicts;
use super::samples::{gallery, kinds_gallery, plan, played, told};
use super::verification::Verification;
use crate::stats::Tally;
use crate::study::{Headline, Layout, Outcome, Seat};

fn sample(name: &str) -> Verification {
    let found = gallery().into_iter().find(|(other, ..)| *other == name);
    found.unwrap_or_else(|| panic!("no sample {name}")).2
}

/// The words that a sentence or paragraph must not have, whatever it tells.
fn assert_is_prose(name: &str, text: &str) {
    assert!(
        text.ends_with(['.', ')']) || text.ends_with("\"."),
        "{name}: {text}"
    );
    for clumsy in [
        "  ", "..", "NaN", "inf", "None", "Some(", " ,", " .", "()", "::", "- ",
    ] {
        assert!(!text.contains(clumsy), "{name}: {clumsy:?} in {text}");
    }
}

#[test]
fn each_sentence_names_model_use_claim_length_and_counts() {
    for (name, model, verification) in gallery() {
        let said = &verification.sentence;
        assert_is_prose(name, said);
        assert_is_prose(name, &verification.paragraph);
        let word = verification.verdict.headline.word();
        assert!(said.starts_with(word), "{name}: {said}");
        for part in [
            "for literal retrieval",
            model,
            &verification.claim(),
            " of ",
        ] {
            assert!(said.contains(part), "{name}: {part:?} is not in {said}");
        }
        assert_eq!(
            said.matches(": ").count(),
            1 + usize::from(matches!(
                verification.verdict.headline,
                Headline::Verified | Headline::Refuted | Headline::NotServed
            )),
            "{name}: {said}"
        );
    }
}

#[test]
fn the_sentences_read_as_people_write() {
    let said = |name: &str| sample(name).sentence;
    assert_eq!(
        said("verified"),
        "VERIFIED for literal retrieval: sim:perfect finds at least 85 % of the planted facts at \
         every tested length up to its claimed 128k tokens (25 of 25 right there; chance of a wrong \
         verdict: 5 % at most)."
    );
    let refuted = sample("refuted");
    let tally = refuted.rungs[0].tally;
    assert_eq!(
        refuted.sentence,
        format!(
            "REFUTED for literal retrieval: sim:scout, with a claimed window of 10M tokens, finds {} \
             of {} planted facts in texts of 9,766 tokens, fewer than the 85 % that it is held to \
             (chance of a wrong verdict: 5 % at most).",
            tally.right,
            tally.answered()
        )
    );
    let hole = sample("hole");
    let band = hole.verdict.dead_bands[0];
    assert!(
        hole.sentence
            .starts_with("VERIFIED except depth 40–60 % for literal retrieval: sim:hole"),
        "{}",
        hole.sentence
    );
    assert!(
        hole.sentence.ends_with(&format!(
            "but only {} of {} of those planted 40–60 % into the text (at 128,000 tokens).",
            band.tally.right,
            band.tally.answered()
        )),
        "{}",
        hole.sentence
    );
    assert_eq!(
        said("not_served"),
        "REFUTED for literal retrieval and any other use: gpt-4.1-mini has a claimed window of 1M \
         tokens, but prompts of about 250,000 tokens are not served here: window 131,072 (5 of 5 right at \
         62,500 tokens)."
    );
    let undecided = said("undecided");
    assert!(
        undecided.starts_with(
            "UNDECIDED for literal retrieval: sim:flat may or may not live up to its claimed 128k tokens; "
        ) && undecided.ends_with("is too close to 85 % for 100 questions."),
        "{undecided}"
    );
    let unfinished = said("unfinished");
    assert!(
        unfinished.ends_with(
            "the study was not finished (15 of 15 right so far, at up to 128,000 tokens)."
        ),
        "{unfinished}"
    );
    assert!(
        said("unasked").ends_with("(0 of 0 questions answered)."),
        "{}",
        said("unasked")
    );
    let leak = sample("leak");
    assert!(
        leak.sentence
            .contains("its fact was nowhere in the prompt (75 of 75 right so far"),
        "{}",
        leak.sentence
    );
    assert!(
        leak.paragraph.contains(
            "A no needle control was answered rightly (\"4829173\"): its text says \"the number 4829173 stood on the door\"."
        ),
        "{}",
        leak.paragraph
    );
    let relative = said("relative");
    assert!(
        relative.contains(
            "finds planted facts at least 85 % as often as in short texts at every tested length"
        ),
        "{relative}"
    );
}

#[test]
fn what_is_certified_is_said_as_far_as_it_goes() {
    let certified = |name: &str| sample(name).effective_length().join(" ");
    assert_eq!(
        certified("refuted"),
        "Certified: the effective length is below 9,766 tokens (error 5 % at most); no shorter \
         length was tested."
    );
    assert_eq!(
        certified("verified"),
        "Certified: the effective length is at least 128,000 tokens (error 5 % at most)."
    );
    assert_eq!(certified("undecided"), "No length is certified either way.");
    let search = sample("search");
    let found = search.search.as_ref().expect("a search");
    let (Some(low), Some(high)) = (found.bracket.low_tokens, found.bracket.high_tokens) else {
        panic!("{found:?}");
    };
    assert!(
        low < 180_000 && high >= 180_000 && high < 2 * low,
        "{low} {high}"
    );
    assert_eq!(search.certified(), (Some(low), Some(high)));
    assert!(
        found.estimate.is_some() != found.withheld.is_some(),
        "{found:?}"
    );
    assert_eq!(
        found.assumes,
        "assumes one smooth decline; no verdict rests on it"
    );
    let said = certified("search");
    assert!(
        said.starts_with(
            "Certified with 95 % by the search: the effective length, up to which 85 % of the facts \
             are found, lies between "
        ),
        "{said}"
    );
    match &found.estimate {
        Some(_) => assert!(
            said.contains("(assumes one smooth decline; no verdict rests on it)"),
            "{said}"
        ),
        None => assert!(said.contains("No model interval: "), "{said}"),
    }
}

#[test]
fn void_questions_and_refusals_are_told_with_what_they_change() {
    let voids = sample("flaky");
    let said = voids.differences();
    assert_eq!(said.len(), 2, "{said:?}");
    assert!(
        said[0].contains("void questions count against either verdict; without them"),
        "{said:?}"
    );
    assert!(
        said[1].contains("the model refuses, which counts as wrong; without them"),
        "{said:?}"
    );
    assert!(sample("verified").differences().is_empty());

    let one_void = &mut |seat: &Seat| match (seat.block, seat.place, seat.rung_tokens) {
        (0, 1, 8_000) => Outcome::Void,
        _ => Outcome::Right,
    };
    let short = plan("128k", 128_000, Layout::Isolated);
    let one = played("m", &short, Tally::default(), usize::MAX, one_void);
    assert_eq!(
        one.differences(),
        ["1 void question counts against either verdict; without them the verdict is the same."]
    );
    // A part of the depth is no end of a sentence.
    let mut except = one.clone();
    except.headline_without_voids = Headline::VerifiedExcept;
    assert!(
        except.differences()[0].ends_with("it would be VERIFIED except for a part of the depth."),
        "{:?}",
        except.differences()
    );
}

#[test]
fn the_depth_profile_holds_what_was_counted_and_names_the_hole() {
    let hole = sample("hole");
    let profile = &hole.depth;
    assert_eq!(profile.lengths.len(), 3);
    for (row, rung) in profile.lengths.iter().zip(&hole.rungs) {
        assert_eq!(row.nominal_tokens, rung.nominal_tokens);
        let cells: Vec<Tally> = row.fifths.iter().map(|cell| cell.tally).collect();
        assert_eq!(cells, rung.strata);
        for (at, cell) in row.fifths.iter().enumerate() {
            assert_eq!(cell.from_percent, 20.0 * at as f64);
            assert_eq!(cell.to_percent, cell.from_percent + 20.0);
            let share = cell.tally.share().expect("answered");
            assert!(cell.interval.low <= share && share <= cell.interval.high);
            let band = cell.smoothed.band;
            assert!(band.low <= cell.smoothed.rate && cell.smoothed.rate <= band.high);
        }
        let (hole, beside) = (row.fifths[2].smoothed.rate, row.fifths[4].smoothed.rate);
        assert!(hole < 0.4 && beside > 0.9, "{hole} {beside}");
    }
    let weakest = profile.weakest.as_ref().expect("a region");
    assert_eq!((weakest.from_percent, weakest.to_percent), (40.0, 60.0));
    assert_eq!((weakest.from_tokens, weakest.to_tokens), (8_000, 128_000));
    assert!(weakest.right * 3 < weakest.n, "{weakest:?}");
    assert!(weakest.is_notable() && weakest.p == 0.001, "{}", weakest.p);
    // The same journal gives the same p to everybody.
    assert_eq!(sample("hole").depth, *profile);
    assert!(sample("unasked").depth.lengths.is_empty());
    assert_eq!(sample("refuted").depth.bands, "approximate");
}

#[test]
fn texts_that_are_all_alike_do_not_differ_and_others_are_tested() {
    let shared = sample("shared");
    let found = shared.rungs.iter().filter_map(|rung| rung.heterogeneity);
    assert!(found.clone().count() > 0);
    for one in found {
        assert!((0.0..=1.0).contains(&one.p), "{one:?}");
    }
    assert!(
        sample("verified")
            .rungs
            .iter()
            .all(|rung| rung.heterogeneity.is_none())
    );
}

#[test]
fn evidence_that_is_enough_grows_with_the_ladder_for_refuting_alone() {
    let (verify, refute) = sample("refuted").enough_evidence();
    assert!(
        (verify - 20.0).abs() < 1e-9 && (refute - 120.0).abs() < 1e-9,
        "{verify} {refute}"
    );
    let (verify, _) = sample("relative").enough_evidence();
    assert!((verify - 40.0).abs() < 1e-9, "{verify}");
    let mut input = sample("verified");
    input.plan.claim.kind = crate::claims::Kind::Input;
    told("m", &mut input);
    assert!(
        input.sentence.contains("claimed 128k input tokens"),
        "{}",
        input.sentence
    );
}

fn kinds(name: &str) -> Verdicts {
    let found = kinds_gallery()
        .into_iter()
        .find(|(other, ..)| *other == name);
    found.unwrap_or_else(|| panic!("no sample {name}")).2
}

#[test]
fn verdicts_on_several_kinds_of_use_are_told_by_what_each_came_to() {
    for (name, model, verdicts) in kinds_gallery() {
        assert_is_prose(name, &verdicts.sentence);
        assert_is_prose(name, &verdicts.paragraph);
        for part in [
            model,
            "128k tokens",
            "any of these verdicts is wrong: 5 % at most",
        ] {
            assert!(
                verdicts.sentence.contains(part),
                "{name}: {}",
                verdicts.sentence
            );
        }
    }
    let verified = kinds("kinds_verified");
    assert!(verified.is_unqualified);
    assert_eq!(
        verified.sentence,
        "VERIFIED: sim:perfect answers at least 85 % of the questions right at every tested length \
         up to its claimed 128k tokens, in literal retrieval (35 of 35 there), associative retrieval \
         (35 of 35 there) and aggregation (35 of 35 there); chance that any of these verdicts is \
         wrong: 5 % at most."
    );
    assert!(
        verified
            .paragraph
            .starts_with("It took 315 questions with ")
            && verified.paragraph.contains(
                "wrong with a chance of 1.7 % at most, so that any of the 3 is with 5 % at most"
            ),
        "{}",
        verified.paragraph
    );
    let mixed = kinds("kinds_mixed");
    assert_eq!(mixed.headline, Headline::Refuted);
    let one = &mixed.kinds[2].verification;
    let (verify, refute) = one.enough_evidence();
    assert_eq!((verify.round(), refute.round()), (60.0, 180.0));
    assert!(
        mixed.sentence.starts_with(
            "VERIFIED for literal retrieval; REFUTED for aggregation (effective length below 32,000 \
             tokens); UNDECIDED for associative retrieval: the claimed window of "
        ),
        "{}",
        mixed.sentence
    );
    assert!(
        mixed.sentence.contains(
            "in associative retrieval, 90 of 100 right at 128,000 tokens is too close to 85 % for 100 \
             questions; in aggregation, none of 5 right at 32,000 tokens;"
        ),
        "{}",
        mixed.sentence
    );
    let stopped = kinds("kinds_stopped");
    assert!(
        stopped.sentence.starts_with("REFUTED for aggregation ")
            && stopped
                .sentence
                .contains("in literal retrieval, another kind of use was refuted first;"),
        "{}",
        stopped.sentence
    );
    // Two kinds are not enough for a verdict without a name.
    let search = kinds("kinds_search");
    let (low, high) = search.kinds[1].verification.certified();
    assert!(low.is_some() && high.is_some(), "{}", search.sentence);
    assert!(search.kinds[1].effective_length().contains(" to "));
    assert!(
        search.sentence.starts_with(
            "VERIFIED for literal retrieval; REFUTED for aggregation (effective length "
        )
    );
}

#[test]
fn together_a_claim_is_refuted_by_any_kind_and_verified_by_all_of_them() {
    use Headline::{NotServed, Refuted, Undecided, Verified, VerifiedExcept};
    let of = |headlines: [Headline; 3]| {
        let all = kinds("kinds_verified");
        let mut kinds = all.kinds.clone();
        for (kind, headline) in kinds.iter_mut().zip(headlines) {
            kind.verification.verdict.headline = headline;
        }
        let told = Verdicts::of("m", &all.plan, kinds);
        (told.headline, told.is_unqualified)
    };
    for (headlines, together) in [
        ([Verified, Verified, Verified], Verified),
        ([Verified, VerifiedExcept, Verified], VerifiedExcept),
        ([Verified, Undecided, VerifiedExcept], Undecided),
        ([Undecided, Refuted, Verified], Refuted),
        ([NotServed, Refuted, Verified], Refuted),
        ([NotServed, Undecided, Verified], NotServed),
    ] {
        let (headline, is_unqualified) = of(headlines);
        assert_eq!(headline, together, "{headlines:?}");
        assert_eq!(is_unqualified, together == Verified, "{headlines:?}");
    }
}
