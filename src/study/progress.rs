//! Where a study stands: what its questions have come to so far.

use super::protocol::{Next, Seat};
use super::{Layout, SHARED_HAYSTACKS, STRATA};
use crate::search::Block;
use crate::stats::{Decision, Tally};

/// A length at which so many blocks stayed without any answer is given up.
const SILENT_BLOCKS: u32 = 2;

/// Where one length stands.
#[derive(Clone, Debug, PartialEq)]
pub struct RungProgress {
    /// The length, in tokens.
    pub nominal_tokens: u64,
    /// Blocks that are closed.
    pub blocks: u32,
    /// Outcomes of closed blocks by depth stratum.
    pub strata: [Tally; STRATA],
    /// Outcomes of closed blocks by haystack; empty where each question has its own.
    pub haystacks: Vec<Tally>,
    /// What its questions come to.
    pub decision: Decision,
    /// True where its end of the window was met three times.
    pub not_served: bool,
}

impl RungProgress {
    pub(super) fn new(nominal_tokens: u64, layout: Layout) -> RungProgress {
        let haystacks = match layout {
            Layout::Isolated => 0,
            Layout::Shared => SHARED_HAYSTACKS as usize,
        };
        RungProgress {
            nominal_tokens,
            blocks: 0,
            strata: [Tally::default(); STRATA],
            haystacks: vec![Tally::default(); haystacks],
            decision: Decision::Open,
            not_served: false,
        }
    }

    /// All outcomes of closed blocks.
    pub fn tally(&self) -> Tally {
        self.strata.iter().copied().sum()
    }

    /// True where nothing comes back from this length.
    pub fn is_silent(&self) -> bool {
        self.blocks >= SILENT_BLOCKS && self.tally().answered() == 0
    }
}

/// Where a study stands.
#[derive(Clone, Debug, PartialEq)]
pub struct Progress {
    /// The ladder, shortest first.
    pub rungs: Vec<RungProgress>,
    /// Other lengths that the search asked, in the order it came to them.
    pub searched: Vec<RungProgress>,
    /// Every question given out so far, in this order.
    pub seats: Vec<Seat>,
    /// Closed blocks in the order they were asked.
    pub blocks: Vec<Block>,
    /// True where the verdict is reached: what follows is the search's.
    pub is_decided: bool,
    /// What must happen next.
    pub next: Next,
    /// The length whose block is due; none where nothing is.
    pub(super) coming: Option<Place>,
    /// The longest length at which anything was answered, in tokens.
    pub(super) served_tokens: u64,
}

/// A length by its place.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Place {
    Rung(usize),
    Searched(usize),
}

impl Progress {
    /// The length of the block that is due, in tokens; none where nothing is.
    pub fn coming_tokens(&self) -> Option<u64> {
        self.coming.map(|place| self.rung(place).nominal_tokens)
    }

    /// True where a length is refuted or not served.
    pub fn is_refuted(&self) -> bool {
        let is_broken = |rung: &RungProgress| rung.decision == Decision::Refuted || rung.not_served;
        self.rungs.iter().any(is_broken)
    }

    pub(super) fn rung(&self, place: Place) -> &RungProgress {
        match place {
            Place::Rung(at) => &self.rungs[at],
            Place::Searched(at) => &self.searched[at],
        }
    }

    pub(super) fn rung_mut(&mut self, place: Place) -> &mut RungProgress {
        match place {
            Place::Rung(at) => &mut self.rungs[at],
            Place::Searched(at) => &mut self.searched[at],
        }
    }

    pub(super) fn place_of(&mut self, length_tokens: u64, layout: Layout) -> Place {
        let is_it = |rung: &RungProgress| rung.nominal_tokens == length_tokens;
        if let Some(at) = self.rungs.iter().position(is_it) {
            return Place::Rung(at);
        }
        if let Some(at) = self.searched.iter().position(is_it) {
            return Place::Searched(at);
        }
        self.searched.push(RungProgress::new(length_tokens, layout));
        Place::Searched(self.searched.len() - 1)
    }

    /// The lengths of ladder and search that were asked, shortest first.
    pub fn lengths(&self) -> Vec<&RungProgress> {
        let mut all: Vec<&RungProgress> = self
            .rungs
            .iter()
            .chain(&self.searched)
            .filter(|rung| rung.blocks > 0 || rung.not_served)
            .collect();
        all.sort_by_key(|rung| rung.nominal_tokens);
        all
    }
}
