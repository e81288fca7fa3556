//! The next question of the bracket: scout upwards, certify what held, halve what is left.

use super::Search;
use super::standing::{Length, Standing};
use crate::stats::{Decision, Side, ln_e_refute, ln_e_verify};

/// Questions after which scouting leaves a rung whatever came back.
const SCOUT_MOST: u64 = 40;
/// The same above a rung that was left so: its own fate does not matter as long as it is not
/// plainly bad, and the way up must not cost more than the answer.
const HASTY_MOST: u64 = 20;
/// Share of right answers below which a hasty scout asks on.
const HASTY_SHARE: f64 = 0.7;
/// Questions without any answer after which nothing longer is tried.
const SILENT: u64 = 10;
/// Short rungs may take so many times the questions of the longest ones: they are cheap.
const PATIENCE: f64 = 4.0;
/// The same, and the tokens in longest prompts, for the one refuted rung that a bracket needs.
const LAST_PATIENCE: f64 = 10.0;
const LAST_PROMPTS: f64 = 50.0;
const ERRORS: f64 = 1.5;

/// The length to ask next, or none once the bracket is as narrow as it is meant to get.
pub(super) fn next(search: &Search, standing: &Standing) -> Option<u64> {
    scout(search, standing)
        .or_else(|| certify(search, standing))
        .or_else(|| refute(search, standing))
        .or_else(|| halve(search, standing))
}

/// From the shortest rung up to the first refuted one; a rung is left when its share of right
/// answers is not below the threshold.
fn scout(search: &Search, standing: &Standing) -> Option<u64> {
    let mut is_hasty = false;
    for length in rungs_below_high(standing) {
        let n = length.tally.asked();
        if is_silent(length) {
            return None;
        }
        let (enough, most) = match is_hasty {
            true => (HASTY_SHARE.min(search.tau), HASTY_MOST),
            false => (search.tau, SCOUT_MOST),
        };
        let is_low = length.tally.share().is_none_or(|share| share < enough);
        if length.decision() != Decision::Open {
            continue;
        }
        if n == 0 || is_low && n < most {
            return Some(length.tokens);
        }
        is_hasty |= is_low;
    }
    None
}

/// Rung by rung upwards until one does not hold.
fn certify(search: &Search, standing: &Standing) -> Option<u64> {
    let length =
        rungs_below_high(standing).find(|length| length.decision() != Decision::Verified)?;
    is_worth_asking(search, standing, length).then_some(length.tokens)
}

/// Where no length was refuted though one could not be certified: the rung that is refuted for
/// the fewest tokens, so that the bracket gets an upper end.
fn refute(search: &Search, standing: &Standing) -> Option<u64> {
    if standing.high().is_some() {
        return None;
    }
    let most = LAST_PATIENCE * search.most_per_length as f64;
    let tokens = |length: &Length| {
        let asked = length.tally.asked() as f64;
        let needed = questions_to(search, length, Side::Refute, 0.5);
        (asked + needed <= most).then_some(needed * length.tokens as f64)
    };
    standing
        .lengths
        .iter()
        .filter(|length| length.decision() == Decision::Open && length.tally.answered() > 0)
        .filter_map(|length| Some((tokens(length)?, length.tokens)))
        .min_by(|one, other| one.0.total_cmp(&other.0))
        .filter(|(tokens, _)| *tokens <= LAST_PROMPTS * search.longest_tokens as f64)
        .map(|(_, length_tokens)| length_tokens)
}

/// The middle of the wider one of the two gaps: above the certified end, and below the refuted one.
/// A middle that cannot be decided makes two gaps of one.
fn halve(search: &Search, standing: &Standing) -> Option<u64> {
    let (low, high) = (standing.low(search.tau), standing.high()?);
    let points: Vec<&Length> = standing
        .between(low, Some(high))
        .filter(|length| length.decision() == Decision::Open && !length.is_models)
        .filter(|length| length.tally.asked() > 0)
        .collect();
    let begun = |length: &&&Length| {
        let is_refutable = || can_be(search, standing, length, Side::Refute);
        match length.is_rung {
            // The climb has ended below: certifying this one would not raise the bracket.
            true => is_refutable(),
            false => is_worth_asking(search, standing, length),
        }
    };
    if let Some(begun) = points.iter().find(begun) {
        return Some(begun.tokens);
    }
    let attempts = standing
        .lengths
        .iter()
        .filter(|length| !length.is_rung && !length.is_models)
        .count();
    if attempts >= search.most_attempts as usize {
        return None;
    }
    let above_low = low.map(|low| (low, points.first().map_or(high, |length| length.tokens)));
    let below_high = points.last().map(|length| (length.tokens, high));
    let ratio = |(from, to): &(u64, u64)| *to as f64 / *from as f64;
    let mut gaps: Vec<(u64, u64)> = above_low.into_iter().chain(below_high).collect();
    gaps.retain(|gap| ratio(gap) > search.bracket_ratio);
    gaps.sort_by(|one, other| ratio(other).total_cmp(&ratio(one)));
    gaps.into_iter().find_map(|(from, to)| {
        let middle = (from as f64 * to as f64).sqrt().round() as u64;
        match standing.position(middle) {
            None => Some(middle),
            Some(at) => {
                let length = &standing.lengths[at];
                is_worth_asking(search, standing, length).then_some(length.tokens)
            }
        }
    })
}

/// The rungs below the first refuted length.
fn rungs_below_high(standing: &Standing) -> impl Iterator<Item = &Length> {
    standing
        .between(None, standing.high())
        .filter(|length| length.is_rung)
}

/// Whether nothing ever comes back from this length.
fn is_silent(length: &Length) -> bool {
    length.tally.answered() == 0 && length.tally.asked() >= SILENT
}

fn is_worth_asking(search: &Search, standing: &Standing, length: &Length) -> bool {
    can_be(search, standing, length, Side::Verify) || can_be(search, standing, length, Side::Refute)
}

/// Whether the length is likely enough to be decided this way by as many questions as it may take:
/// the answers to come are thought to be one standard error better for it than those so far.
fn can_be(search: &Search, standing: &Standing, length: &Length, side: Side) -> bool {
    if length.decision() != Decision::Open || is_silent(length) {
        return false;
    }
    let most = search.most_per_length as f64;
    let top = standing.high().unwrap_or(search.longest_tokens);
    let most = (most * top as f64 / length.tokens as f64).clamp(most, PATIENCE * most);
    let n = length.tally.asked() as f64;
    n < most && n + questions_to(search, length, side, ERRORS) <= most
}

/// Questions it takes to decide a length this way if the answers to come are like those so far, or
/// better for it by so many standard errors; infinite where they lie on the other side.
fn questions_to(search: &Search, length: &Length, side: Side, errors: f64) -> f64 {
    let (tau, tally) = (search.tau, length.tally);
    let n = tally.asked();
    if n == 0 {
        return 0.0;
    }
    let shift = errors * (tau * (1.0 - tau) / n as f64).sqrt();
    let (share, missing) = match side {
        Side::Verify => {
            let right = tally.least_right();
            let share = (right as f64 / n as f64 + shift).min(1.0);
            (share, length.enough[0] - ln_e_verify(right, n, tau))
        }
        Side::Refute => {
            let right = tally.most_right();
            let share = (right as f64 / n as f64 - shift).max(0.0);
            (share, length.enough[1] - ln_e_refute(right, n, tau))
        }
    };
    let is_on_side = match side {
        Side::Verify => share > tau,
        Side::Refute => share < tau,
    };
    let part = |share: f64, of: f64| match share > 0.0 {
        true => share * (share / of).ln(),
        false => 0.0,
    };
    // The evidence grows by the divergence of Kullback and Leibler with each question.
    match is_on_side {
        true => missing.max(0.0) / (part(share, tau) + part(1.0 - share, 1.0 - tau)),
        false => f64::INFINITY,
    }
}
