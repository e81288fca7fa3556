//! What is asked next: a function of the answers so far and of nothing else, so that a killed run goes on as if it had not been.

use super::progress::{Place, Progress, RungProgress};
use super::{STRATA, Study};
use crate::search::Block;
use crate::stats::{Decision, Tally};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;

/// While the scout's share of right answers at a length is below this, it stays there.
const SCOUT_SHARE: f64 = 0.75;
/// Prompts that must meet the end of the window before a length counts as not served.
const REFUSALS: u32 = 3;

/// A question's place in the study.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Seat {
    /// The length it stands for, in tokens.
    pub rung_tokens: u64,
    /// Which block of that length, from 0.
    pub block: u32,
    /// Its place in the block. Its depth stratum is this modulo five; of shared haystacks, this
    /// divided by five is the haystack.
    pub place: u32,
    /// 0 for the first time that the question is asked, 1 where it was void and is asked again;
    /// where the first prompt of a length is refused as too long, 1 and 2 confirm it.
    pub copy: u32,
    /// The kind of use that it asks for, by its place among those that are tested together.
    #[serde(default, skip_serializing_if = "is_first")]
    pub kind: u32,
}

/// True for what studies of one kind need not name.
fn is_first(kind: &u32) -> bool {
    *kind == 0
}

impl Seat {
    /// The fifth of the haystack's depth, from 0.
    pub fn stratum(&self) -> usize {
        self.place as usize % STRATA
    }

    /// The haystack of a shared layout, from 0.
    pub fn haystack(&self) -> u32 {
        self.place / STRATA as u32
    }
}

/// What became of a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Right.
    Right,
    /// Wrong, or refused by the model itself.
    Wrong,
    /// Something other than the model came between.
    Void,
    /// So did the end of the window: a refusal that names it, or a cut proven by a count.
    NotServed {
        /// When the question was sent, in milliseconds since 1970.
        at_ms: u64,
    },
}

/// What must happen next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next {
    /// These questions, in any order and at the same time.
    Ask(Vec<Seat>),
    /// This one, not before its time.
    Confirm {
        /// The question.
        seat: Seat,
        /// Milliseconds since 1970.
        not_before_ms: u64,
    },
    /// Nothing: the study has ended.
    Nothing,
}

/// What became of one block.
enum BlockEnd {
    Closed(Vec<(Seat, Outcome)>),
    NotServed,
    Pending(Next),
}

impl Study {
    /// Goes through the study from its beginning with the outcomes that are known.
    pub fn replay(&self, outcome: &dyn Fn(&Seat) -> Option<Outcome>) -> Progress {
        let mut progress = self.begun();
        while progress.coming.is_some() && progress.next == Next::Nothing {
            self.advance(&mut progress, outcome);
        }
        progress
    }

    /// Where it stands before the first question.
    pub(super) fn begun(&self) -> Progress {
        let layout = self.registered.layout;
        let rungs = self.registered.rungs.iter();
        let mut progress = Progress {
            rungs: rungs
                .map(|rung| RungProgress::new(rung.nominal_tokens, layout))
                .collect(),
            searched: Vec::new(),
            seats: Vec::new(),
            blocks: Vec::new(),
            is_decided: false,
            next: Next::Nothing,
            coming: None,
            served_tokens: 0,
        };
        progress.coming = self.coming(&mut progress);
        progress
    }

    /// Goes through the block that is due. Where an outcome of it is not known yet, what must
    /// happen next says so.
    pub(super) fn advance(
        &self,
        progress: &mut Progress,
        outcome: &dyn Fn(&Seat) -> Option<Outcome>,
    ) {
        let Some(place) = progress.coming else {
            return;
        };
        if let Some(next) = self.step(progress, place, outcome) {
            progress.next = next;
            return;
        }
        let rung = progress.rung(place);
        let is_over = progress.is_decided && (rung.not_served || rung.is_silent());
        progress.coming = match is_over {
            true => None,
            false => self.coming(progress),
        };
    }

    /// The length whose block is due: the ladder's until the verdict is reached, then the search's.
    fn coming(&self, progress: &mut Progress) -> Option<Place> {
        if !progress.is_decided {
            if let Some(place) = self.choose(progress) {
                return Some(place);
            }
            progress.is_decided = true;
        }
        let mut seeking = self.seeking.as_ref()?.lock().ok()?;
        let length_tokens = seeking.next(&progress.blocks)?;
        Some(progress.place_of(length_tokens, self.registered.layout))
    }

    /// The rung whose next block is due; none where the verdict is reached.
    fn choose(&self, progress: &Progress) -> Option<Place> {
        let rungs = &progress.rungs;
        let top = rungs.len() - 1;
        if progress.is_refuted() {
            return None;
        }
        // The scout: one block a length from the shortest, more where it looks bad.
        for (at, rung) in rungs[..top].iter().enumerate() {
            let looks_bad = rung
                .tally()
                .share()
                .is_some_and(|share| share < SCOUT_SHARE);
            if rung.blocks == 0 || (looks_bad && rung.decision == Decision::Open) {
                return Some(Place::Rung(at));
            }
        }
        // The claim to its decision, then the rest: short lengths cost little, and only the claim
        // can be too dear to be worth asking them.
        for at in std::iter::once(top).chain(0..top) {
            match rungs[at].decision {
                Decision::Open if !rungs[at].is_silent() => return Some(Place::Rung(at)),
                Decision::Verified => {}
                _ => return None,
            }
        }
        None
    }

    /// Goes through the next block of a rung; what must happen before it is closed, if anything.
    fn step(
        &self,
        progress: &mut Progress,
        place: Place,
        outcome: &dyn Fn(&Seat) -> Option<Outcome>,
    ) -> Option<Next> {
        let (nominal_tokens, number) = {
            let rung = progress.rung(place);
            (rung.nominal_tokens, rung.blocks)
        };
        // Whether a length is served at all is asked with one question, not with a whole block.
        let with_pilot = number == 0 && nominal_tokens > progress.served_tokens;
        let seats = &mut progress.seats;
        match self.block(nominal_tokens, number, with_pilot, seats, outcome) {
            BlockEnd::Pending(next) => return Some(next),
            BlockEnd::NotServed => progress.rung_mut(place).not_served = true,
            BlockEnd::Closed(slots) => {
                let mut tally = Tally::default();
                let rung = progress.rung_mut(place);
                for (seat, outcome) in slots {
                    let one = match outcome {
                        Outcome::Right => Tally {
                            right: 1,
                            ..Tally::default()
                        },
                        Outcome::Wrong => Tally {
                            wrong: 1,
                            ..Tally::default()
                        },
                        _ => Tally {
                            void: 1,
                            ..Tally::default()
                        },
                    };
                    tally += one;
                    rung.strata[seat.stratum()] += one;
                    if let Some(haystack) = rung.haystacks.get_mut(seat.haystack() as usize) {
                        *haystack += one;
                    }
                }
                rung.blocks += 1;
                if let Place::Rung(at) = place
                    && rung.decision == Decision::Open
                {
                    rung.decision = self.decision(at, rung.tally());
                }
                if tally.answered() > 0 {
                    progress.served_tokens = progress.served_tokens.max(nominal_tokens);
                }
                progress.blocks.push(Block {
                    length_tokens: nominal_tokens,
                    tally,
                });
            }
        }
        None
    }

    /// What a look at a rung of the ladder comes to.
    pub fn decision(&self, rung: usize, tally: Tally) -> Decision {
        let tests = &self.tests[rung];
        let verify = tests.verify.look(tally);
        let refute = tests.refute.as_ref().map(|test| test.look(tally));
        if verify == Decision::Verified {
            Decision::Verified
        } else if refute == Some(Decision::Refuted) {
            Decision::Refuted
        } else if self.is_last_look(rung, tally) || self.is_futile(rung, tally) {
            Decision::Undecided
        } else {
            Decision::Open
        }
    }

    /// True where no further question is planned, or none can help. A relative threshold has two
    /// ends, and a rate between them is refuted by the test of the upper one without any verdict.
    fn is_last_look(&self, rung: usize, tally: Tally) -> bool {
        let tests = &self.tests[rung];
        let most = tests.verify.design.most;
        most.is_some_and(|most| tally.asked() >= most)
            || (tests.refute.is_none() && tests.verify.look(tally) == Decision::Refuted)
    }

    /// True where void questions alone have made both verdicts impossible, whatever is still to
    /// come. Giving up early can make no verdict wrong.
    fn is_futile(&self, rung: usize, tally: Tally) -> bool {
        let tests = &self.tests[rung];
        let (Some(most), Some(verify)) = (tests.verify.design.most, tests.verify.cuts) else {
            return false;
        };
        let left = most.saturating_sub(tally.asked());
        let refute_to = tests.refute.as_ref().and_then(|test| test.cuts?.refute_to);
        tally.void > 0
            && tally.least_right() + left < verify.verify_from
            && refute_to.is_none_or(|refute_to| tally.most_right() > refute_to)
    }

    fn block(
        &self,
        rung_tokens: u64,
        block: u32,
        with_pilot: bool,
        seats: &mut Vec<Seat>,
        outcome: &dyn Fn(&Seat) -> Option<Outcome>,
    ) -> BlockEnd {
        let seat = |place: u32, copy: u32| Seat {
            rung_tokens,
            block,
            place,
            copy,
            kind: self.kind,
        };
        let mut slots: Vec<(Seat, Outcome)> = Vec::new();
        let mut first = 0;
        if with_pilot {
            match self.pilot(&seat, seats, outcome) {
                Ok(slot) => slots.push(slot),
                Err(end) => return end,
            }
            first = 1;
        }
        let places: Vec<u32> = (first..self.registered.block as u32).collect();
        let round: Vec<Seat> = places.iter().map(|&place| seat(place, 0)).collect();
        match asked(&round, seats, outcome) {
            Ok(found) => slots.extend(found),
            Err(missing) => return BlockEnd::Pending(Next::Ask(missing)),
        }
        // A void question is asked again once, the same one: a fresh one would be a second chance
        // just where something failed, and would hide failures that come as errors (METHOD.md).
        let again: Vec<Seat> = slots
            .iter()
            .filter(|(at, outcome)| {
                at.copy == 0 && matches!(outcome, Outcome::Void | Outcome::NotServed { .. })
            })
            .map(|(at, _)| seat(at.place, 1))
            .collect();
        match asked(&again, seats, outcome) {
            Ok(found) => {
                let found: HashMap<u32, (Seat, Outcome)> =
                    found.into_iter().map(|slot| (slot.0.place, slot)).collect();
                for slot in &mut slots {
                    if let Some(replaced) = found.get(&slot.0.place) {
                        *slot = *replaced;
                    }
                }
                BlockEnd::Closed(slots)
            }
            Err(missing) => BlockEnd::Pending(Next::Ask(missing)),
        }
    }

    /// The first question at a length: where the end of the window is met, up to two more, with
    /// time between them.
    fn pilot(
        &self,
        seat: &dyn Fn(u32, u32) -> Seat,
        seats: &mut Vec<Seat>,
        outcome: &dyn Fn(&Seat) -> Option<Outcome>,
    ) -> Result<(Seat, Outcome), BlockEnd> {
        let mut not_before_ms = None;
        for copy in 0..REFUSALS {
            let at = seat(0, copy);
            seats.push(at);
            match (outcome(&at), not_before_ms) {
                (None, None) => return Err(BlockEnd::Pending(Next::Ask(vec![at]))),
                (None, Some(not_before_ms)) => {
                    let next = Next::Confirm {
                        seat: at,
                        not_before_ms,
                    };
                    return Err(BlockEnd::Pending(next));
                }
                (Some(Outcome::NotServed { at_ms }), _) => {
                    not_before_ms = Some(at_ms + self.registered.not_served_gap_ms);
                }
                (Some(outcome), _) => return Ok((at, outcome)),
            }
        }
        Err(BlockEnd::NotServed)
    }
}

/// Gives seats out. Their outcomes, or those that have none yet.
fn asked(
    round: &[Seat],
    seats: &mut Vec<Seat>,
    outcome: &dyn Fn(&Seat) -> Option<Outcome>,
) -> Result<Vec<(Seat, Outcome)>, Vec<Seat>> {
    seats.extend(round);
    let mut missing = Vec::new();
    let mut found = Vec::new();
    for seat in round {
        match outcome(seat) {
            Some(outcome) => found.push((*seat, outcome)),
            None => missing.push(*seat),
        }
    }
    match missing.is_empty() {
        true => Ok(found),
        false => Err(missing),
    }
}
