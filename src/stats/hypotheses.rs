//! Three explanations of one disputed score, tested together: another model, unstable, memorised.

use super::memorised::{Recitals, Recited};
use super::pairs::{Difference, Pairs, mcnemar};
use super::repeats::{Heterogeneity, heterogeneity, repeat_icc};
use super::windows::{WindowPair, WindowTest, window_sign_flips, without_windows};
use super::{Tally, holm};
use serde::{Deserialize, Serialize};
use statrs::distribution::{Binomial, DiscreteCDF};

mod published;

pub use published::{Published, PublishedFinding};

/// Share of prompts whose answer flips between two askings of a deployment that is called stable:
/// temperature 0 is not quite deterministic (batching changes the last bits of sums).
pub const USUAL_FLIPS: f64 = 0.05;

/// What was observed. Whatever was not looked at stays none and is not tested.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Observed {
    /// H1: the reference (base) and the tested deployment on the same prompts.
    pub reference: Option<Vec<WindowPair>>,
    /// H1 where there is no reference: a published share of right answers.
    pub published: Option<Published>,
    /// H2: prompts asked more than once.
    pub repeats: Option<Repeated>,
    /// H3: public facts (base) and fresh ones in the same texts.
    pub memory: Option<Memory>,
}

/// What was observed of stability.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Repeated {
    /// The answers to each prompt.
    pub prompts: Vec<Tally>,
    /// The answers of each window of time: prompts dealt over them at random, and no window with
    /// two answers to one prompt, which would hang together in the stablest deployment. Empty where
    /// there is one window only.
    pub windows: Vec<Tally>,
}

/// What was observed of memory.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Memory {
    /// Lost where the public fact was answered rightly and the fresh one was not.
    pub pairs: Vec<WindowPair>,
    /// Famous answers given against the text.
    pub recitals: Option<Recitals>,
}

/// What one hypothesis comes to.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Tested {
    /// P-value against "nothing of the kind", before Holm.
    pub p: f64,
    /// After Holm over the hypotheses tested.
    pub adjusted: f64,
    /// Whether the evidence is enough: `adjusted` is alpha at most.
    pub holds: bool,
}

/// H1 and H3: losses over pairs.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct PairFinding {
    /// The test as a whole.
    pub tested: Tested,
    /// All pairs.
    pub pairs: Pairs,
    /// New less base, with Tango's 95 % interval, which takes pairs as independent.
    pub difference: Difference,
    /// One-sided mid-p value of independent pairs.
    pub p_pairs: f64,
    /// The test by whole windows; it replaces `p_pairs` where the deployment is unstable.
    pub by_windows: Option<WindowTest>,
    /// H3: famous answers against the text.
    pub recited: Option<Recited>,
}

/// H2: answers that flip, rates that swing.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct StabilityFinding {
    /// The test as a whole.
    pub tested: Tested,
    /// Prompts with two answers or more.
    pub prompts: u64,
    /// Those whose answers are not all alike.
    pub mixed: u64,
    /// Chance that two answers to one prompt differ.
    pub flips: f64,
    /// Intraclass correlation; see [`repeat_icc`].
    pub icc: Option<f64>,
    /// P-value of "answers flip no more than is usual".
    pub p_flips: f64,
    /// Tarone's test over windows of time.
    pub windows: Option<Heterogeneity>,
}

/// What the three hypotheses come to.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Findings {
    /// H1: lower than the reference.
    pub other_model: Option<PairFinding>,
    /// H1 where there is no reference: lower than what was published.
    pub below_published: Option<PublishedFinding>,
    /// H2: unstable.
    pub unstable: Option<StabilityFinding>,
    /// H3: public facts are remembered.
    pub memorised: Option<PairFinding>,
    /// Whether H1 and H3 were tested by whole windows.
    pub by_windows: bool,
}

/// Tests the three hypotheses with Holm's procedure over those that were looked at: the chance of
/// any false finding is `alpha` at most. H1 and H3 are one-sided mid-p McNemar tests. H2 is the
/// number of prompts with mixed answers against [`USUAL_FLIPS`] and Tarone's test over windows,
/// each for half of the level where both are there; so are H3's pairs and its famous answers.
///
/// Where H2's own p-value is `alpha` or less, outcomes hang together in time, and independent
/// pairs would give false findings: H1's and H3's pairs are then tested with the signs of whole
/// windows flipped. That takes six windows or more with a difference: with fewer no evidence of
/// theirs can be enough after Holm over three. A published share has its own test by windows, see
/// [`Published`]; where there is a reference too, the reference is the test. `draw` gives a random number below its bound, for
/// Tarone's test of few answers.
pub fn three_hypotheses(
    observed: &Observed,
    alpha: f64,
    draw: &mut impl FnMut(u64) -> u64,
) -> Findings {
    let mut unstable = observed
        .repeats
        .as_ref()
        .and_then(|seen| stability(seen, draw));
    let by_windows = unstable.is_some_and(|finding| finding.tested.p <= alpha);
    let mut other_model = observed
        .reference
        .as_ref()
        .map(|pairs| pair_finding(pairs, None, by_windows));
    let mut below_published = match other_model {
        None => observed
            .published
            .as_ref()
            .and_then(|published| published.test(by_windows)),
        Some(_) => None,
    };
    let mut memorised = observed
        .memory
        .as_ref()
        .map(|memory| pair_finding(&memory.pairs, memory.recitals, by_windows));
    let mut tests: Vec<&mut Tested> = Vec::new();
    tests.extend(other_model.as_mut().map(|finding| &mut finding.tested));
    tests.extend(below_published.as_mut().map(|finding| &mut finding.tested));
    tests.extend(unstable.as_mut().map(|finding| &mut finding.tested));
    tests.extend(memorised.as_mut().map(|finding| &mut finding.tested));
    let p: Vec<f64> = tests.iter().map(|tested| tested.p).collect();
    for (tested, adjusted) in tests.into_iter().zip(holm(&p)) {
        tested.adjusted = adjusted;
        tested.holds = adjusted <= alpha;
    }
    Findings {
        other_model,
        below_published,
        unstable,
        memorised,
        by_windows,
    }
}

/// A test before Holm.
fn tested(p: &[f64]) -> Tested {
    // Bonferroni among the parts of one hypothesis.
    let smallest = p.iter().copied().fold(1.0, f64::min);
    let p = (smallest * p.len() as f64).min(1.0);
    Tested {
        p,
        adjusted: p,
        holds: false,
    }
}

fn pair_finding(pairs: &[WindowPair], recitals: Option<Recitals>, by_windows: bool) -> PairFinding {
    let all = without_windows(pairs);
    let p_pairs = mcnemar(all.lose, all.win).mid_loss;
    let windows = by_windows.then(|| window_sign_flips(pairs));
    let recited = recitals.map(Recitals::test);
    let mut parts = vec![windows.map_or(p_pairs, |windows| windows.p)];
    parts.extend(recited.map(|recited| recited.p));
    PairFinding {
        tested: tested(&parts),
        pairs: all,
        difference: all.interval(0.95),
        p_pairs,
        by_windows: windows,
        recited,
    }
}

/// H2; none where no prompt has two answers.
fn stability(seen: &Repeated, draw: &mut impl FnMut(u64) -> u64) -> Option<StabilityFinding> {
    let repeats = repeat_icc(&seen.prompts)?;
    let (mixed, p_flips) = mixed_prompts(&seen.prompts, USUAL_FLIPS);
    let windows = heterogeneity(&seen.windows, draw);
    let mut parts = vec![p_flips];
    parts.extend(windows.map(|windows| windows.p));
    Some(StabilityFinding {
        tested: tested(&parts),
        prompts: repeats.prompts,
        mixed,
        flips: repeats.flips,
        icc: repeats.icc,
        p_flips,
        windows,
    })
}

/// Prompts whose answers are not all alike, and the chance of as many where two answers to a
/// prompt differ with a chance of `usual` on average. Two answers each: the binomial law of
/// [`super::flips`]. More than two: a prompt with a flip chance φ is right with a chance p of which
/// 2p(1 − p) = φ, and is mixed with 1 − p^R − (1 − p)^R; this is concave in φ, so that prompts
/// which flip unequally are mixed no more often than ones that all have the mean. Exact by
/// convolution.
fn mixed_prompts(prompts: &[Tally], usual: f64) -> (u64, f64) {
    // The smaller root; a flip chance is half at most.
    let wrong = 0.5 * (1.0 - (1.0 - 2.0 * usual.clamp(0.0, 0.5)).sqrt());
    let mut chances = vec![1.0];
    let mut mixed = 0;
    for prompt in prompts.iter().filter(|prompt| prompt.answered() >= 2) {
        mixed += usize::from(prompt.right > 0 && prompt.wrong > 0);
        let times = prompt.answered() as f64;
        let chance = 1.0 - wrong.powf(times) - (1.0 - wrong).powf(times);
        chances.push(0.0);
        for at in (0..chances.len()).rev() {
            let before = at.checked_sub(1).map_or(0.0, |from: usize| chances[from]);
            chances[at] = chances[at] * (1.0 - chance) + before * chance;
        }
    }
    (mixed as u64, chances[mixed..].iter().sum::<f64>().min(1.0))
}

/// The smallest chance of a flip that `prompts` prompts asked twice show with `power` at `alpha`;
/// none where no chance does. The flips' part of H2 alone, by the binomial law.
pub fn detectable_flips(prompts: u64, alpha: f64, power: f64) -> Option<f64> {
    let usual = Binomial::new(USUAL_FLIPS, prompts).ok()?;
    let enough = (1..=prompts).find(|flipped| usual.sf(flipped - 1) <= alpha)?;
    let found =
        |chance: f64| Binomial::new(chance, prompts).is_ok_and(|law| law.sf(enough - 1) >= power);
    (1..=1_000)
        .map(|at| f64::from(at) / 1_000.0)
        .find(|chance| found(*chance))
}

#[cfg(test)]
mod tests;
