//! What the answers come to: VERIFIED, REFUTED or UNDECIDED, with the reason.

use super::{Progress, RungProgress, STRATA, Study};
use crate::stats::{Decision, Tally, clopper_pearson_upper, ln_e_refute};
use serde::{Deserialize, Serialize};

/// Above this share of void questions nothing is concluded.
const MOST_VOID: f64 = 0.2;
/// Confidence with which a depth band must lie below the threshold to be named.
const BAND_ALPHA: f64 = 0.05;

/// The verdict in one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Headline {
    /// Every length of the ladder is above the threshold.
    Verified,
    /// On average it is, and a fifth of the depths is not.
    VerifiedExcept,
    /// A length is below the threshold.
    Refuted,
    /// A length is not served at all.
    NotServed,
    /// Neither was shown.
    Undecided,
}

impl Headline {
    /// In the words of a headline.
    pub fn word(self) -> &'static str {
        match self {
            Headline::Verified => "VERIFIED",
            Headline::VerifiedExcept => "VERIFIED except",
            Headline::Refuted | Headline::NotServed => "REFUTED",
            Headline::Undecided => "UNDECIDED",
        }
    }
}

/// A fifth of the haystack's depth.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Band {
    /// Where it begins, in percent of the haystack.
    pub from_percent: f64,
    /// Where it ends.
    pub to_percent: f64,
    /// The length at which it was seen, in tokens; none for all lengths together.
    pub length_tokens: Option<u64>,
    /// Its answers.
    pub tally: Tally,
    /// Upper bound of its success rate, void questions counted as successes.
    pub upper: f64,
}

/// A verdict.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Verdict {
    /// In one word.
    pub headline: Headline,
    /// The length that broke the claim, in tokens.
    pub witness_tokens: Option<u64>,
    /// Why nothing is concluded, in words.
    pub why: Option<String>,
    /// Depths that fail where the mean does not.
    pub dead_bands: Vec<Band>,
    /// The longest length up to which every length of the ladder is verified, in tokens.
    pub verified_to_tokens: Option<u64>,
    /// The shortest length that is refuted or not served, in tokens.
    pub refuted_from_tokens: Option<u64>,
    /// Natural logarithm of the mean of the lengths' e-values against "all is well": evidence
    /// from all lengths together, that names no witness. None where it is no number.
    pub ln_mean_e_refute: Option<f64>,
}

/// What the answers of a study come to.
pub fn verdict(study: &Study, progress: &Progress) -> Verdict {
    let rungs = &progress.rungs;
    let is_clean = |rung: &RungProgress| rung.tally().void_share() <= MOST_VOID;
    let below: Vec<f64> = rungs
        .iter()
        .map(|rung| {
            let tally = rung.tally();
            match study.taus.1 > 0.0 {
                true => ln_e_refute(tally.most_right(), tally.asked(), study.taus.1),
                false => f64::NEG_INFINITY,
            }
        })
        .collect();
    let verified = rungs
        .iter()
        .take_while(|rung| rung.decision == Decision::Verified && is_clean(rung))
        .last();
    let broken = rungs
        .iter()
        .find(|rung| rung.not_served || (rung.decision == Decision::Refuted && is_clean(rung)));
    let mut verdict = Verdict {
        headline: Headline::Undecided,
        witness_tokens: broken.map(|rung| rung.nominal_tokens),
        why: None,
        dead_bands: Vec::new(),
        verified_to_tokens: verified.map(|rung| rung.nominal_tokens),
        refuted_from_tokens: broken.map(|rung| rung.nominal_tokens),
        ln_mean_e_refute: Some(ln_mean(&below)).filter(|ln| ln.is_finite()),
    };
    if let Some(broken) = broken {
        verdict.headline = match broken.not_served {
            true => Headline::NotServed,
            false => Headline::Refuted,
        };
    } else if rungs
        .iter()
        .all(|rung| rung.decision == Decision::Verified && is_clean(rung))
    {
        verdict.dead_bands = dead_bands(rungs, study.taus.1);
        verdict.headline = match verdict.dead_bands.is_empty() {
            true => Headline::Verified,
            false => Headline::VerifiedExcept,
        };
    } else {
        verdict.why = Some(why_undecided(study, progress));
    }
    verdict
}

/// ln of the mean of e^x, without overflow.
fn ln_mean(logarithms: &[f64]) -> f64 {
    let largest = logarithms.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    if largest == f64::NEG_INFINITY {
        return largest;
    }
    let sum: f64 = logarithms.iter().map(|ln| (ln - largest).exp()).sum();
    largest + (sum / logarithms.len() as f64).ln()
}

/// Fifths of the depth whose upper bound (95 %, corrected by Holm for their number) is below
/// `tau`: at the longest length, and over all lengths together.
pub fn dead_bands(rungs: &[RungProgress], tau: f64) -> Vec<Band> {
    let mut together = [Tally::default(); STRATA];
    for rung in rungs {
        for (sum, tally) in together.iter_mut().zip(rung.strata) {
            *sum += tally;
        }
    }
    let top = rungs
        .last()
        .map(|rung| (Some(rung.nominal_tokens), rung.strata));
    let mut bands: Vec<Band> = Vec::new();
    for (length_tokens, strata) in top.into_iter().chain([(None, together)]) {
        for band in below(&strata, length_tokens, tau) {
            let is_known = |known: &Band| known.from_percent == band.from_percent;
            if !bands.iter().any(is_known) {
                bands.push(band);
            }
        }
    }
    bands.sort_by(|a, b| a.from_percent.total_cmp(&b.from_percent));
    bands
}

fn below(strata: &[Tally; STRATA], length_tokens: Option<u64>, tau: f64) -> Vec<Band> {
    // Holm: the worst is held against a fifth of alpha, the next against a fourth …
    let mut order: Vec<usize> = (0..STRATA).collect();
    let share = |tally: Tally| match tally.asked() {
        0 => 1.0,
        asked => tally.most_right() as f64 / asked as f64,
    };
    let bound = |at: usize, alpha: f64| {
        clopper_pearson_upper(strata[at].most_right(), strata[at].asked(), alpha)
    };
    order.sort_by(|&a, &b| {
        // By the bound, because counts may differ between the fifths.
        let alpha = BAND_ALPHA / STRATA as f64;
        bound(a, alpha)
            .total_cmp(&bound(b, alpha))
            .then(share(strata[a]).total_cmp(&share(strata[b])))
    });
    let mut bands = Vec::new();
    for (nth, at) in order.into_iter().enumerate() {
        let upper = bound(at, BAND_ALPHA / (STRATA - nth) as f64);
        if strata[at].asked() == 0 || upper >= tau {
            break;
        }
        let width = 100.0 / STRATA as f64;
        bands.push(Band {
            from_percent: width * at as f64,
            to_percent: width * (at + 1) as f64,
            length_tokens,
            tally: strata[at],
            upper,
        });
    }
    bands
}

/// The reason, for the length that kept the study from a verdict.
fn why_undecided(study: &Study, progress: &Progress) -> String {
    let name =
        |rung: &RungProgress| format!("{} tokens", crate::number::grouped(rung.nominal_tokens));
    let rungs = &progress.rungs;
    let void = rungs
        .iter()
        .rev()
        .find(|rung| rung.tally().void_share() > MOST_VOID);
    if let Some(rung) = void {
        let tally = rung.tally();
        return match tally.answered() {
            0 => format!(
                "0 of {} questions were answered at {}",
                tally.asked(),
                name(rung)
            ),
            _ => format!(
                "{} of {} questions at {} are void, more than {:.0} %",
                tally.void,
                tally.asked(),
                name(rung),
                100.0 * MOST_VOID
            ),
        };
    }
    let undecided = rungs
        .iter()
        .rev()
        .find(|rung| rung.decision == Decision::Undecided);
    if let Some(rung) = undecided {
        let tally = rung.tally();
        let void = match tally.void {
            0 => String::new(),
            void => format!(", {void} void"),
        };
        let (right, answered, asked) = (tally.right, tally.answered(), tally.asked());
        let (upper, lower) = (100.0 * study.taus.0, 100.0 * study.taus.1);
        let name = name(rung);
        return match study.registered.relative {
            false => format!(
                "{right} of {answered} right at {name}{void} is too close to {upper:.0} % for {asked} questions"
            ),
            true => format!(
                "{right} of {answered} right at {name}{void} is shown to lie neither above {upper:.0} % nor below {lower:.0} %"
            ),
        };
    }
    match progress.is_decided {
        true => "no length was decided".to_string(),
        false => "the study was not finished".to_string(),
    }
}
