//! Trials of a study: what a seat is asked, from the secret and its coordinates alone.

use super::{Grid, Group, Trial};
use crate::seed::RunKey;
use crate::study::{Layout, Registered, SHARED_FACTS, STRATA, Seat};
use crate::task::Task;
use std::collections::HashMap;

/// Lengths that the search asks are drawn this far around their nominal one.
const SPREAD: f64 = 0.05;
/// Sets the streams of shared haystacks apart from those of single questions.
const SHARED: u64 = 1 << 32;

/// A seat with its number in the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Numbered {
    /// The trial.
    pub id: u64,
    /// The trial that asked the question first; itself where it is the first.
    pub first_id: u64,
    /// The seat.
    pub seat: Seat,
}

impl Numbered {
    /// Numbers seats in the order they were given out. A question that is asked again has a number
    /// of its own, and the facts and the haystack of its first time.
    pub fn all(seats: &[Seat], from: u64) -> Vec<Numbered> {
        let mut firsts: HashMap<Seat, u64> = HashMap::new();
        (from..)
            .zip(seats)
            .map(|(id, &seat)| Numbered {
                id,
                first_id: *firsts.entry(Seat { copy: 0, ..seat }).or_insert(id),
                seat,
            })
            .collect()
    }
}

/// The groups that ask these seats.
pub fn groups_of(
    grid: &Grid,
    registered: &Registered,
    key: &RunKey,
    seats: &[Numbered],
) -> Vec<Group> {
    match registered.layout {
        Layout::Isolated => seats
            .iter()
            .map(|numbered| isolated(grid, registered, key, *numbered))
            .collect(),
        Layout::Shared => shared(grid, registered, key, seats),
    }
}

/// The task of a kind of use.
fn task(grid: &Grid, kind: u32) -> Task {
    let task = grid.tasks.get(kind as usize).or(grid.tasks.first());
    task.copied().unwrap_or(Task::NIAH_MULTIKEY)
}

/// Facts that are kept for a single question: as many as the task takes that takes most of them.
fn facts_of_one(grid: &Grid) -> u64 {
    let facts = |task: &Task| (task.entry().facts)(&grid.sizes());
    let most = grid.tasks.iter().map(facts).max();
    most.unwrap_or_else(|| facts(&Task::NIAH_MULTIKEY))
}

/// The middle of a fifth, in percent.
fn cell_percent(stratum: usize) -> f64 {
    100.0 * (stratum as f64 + 0.5) / STRATA as f64
}

/// A haystack and facts of its own; the asked fact is the first of them, the others stand one in
/// each of the other fifths.
fn isolated(grid: &Grid, registered: &Registered, key: &RunKey, numbered: Numbered) -> Group {
    let Numbered { id, first_id, seat } = numbered;
    let task = task(grid, seat.kind);
    let depths = (task.entry().questions)(&grid.sizes());
    // Kinds of use are asked at the same lengths and depths, so that these cannot make them differ.
    let at = [
        seat.rung_tokens,
        u64::from(seat.block),
        u64::from(seat.place),
    ];
    let mut depth = key.stream("study-depth", &at);
    let planted_percent: Vec<f64> = (0..depths as usize)
        .map(|nth| within((seat.stratum() + nth) % STRATA, depth.unit()))
        .collect();
    let trial = Trial {
        id,
        task,
        length_tokens: length(registered, key, seat.rung_tokens, &at),
        // Draws the haystack, which no other question has.
        sample: first_id as u32,
        set: 0,
        slot: 0,
        cell_percent: cell_percent(seat.stratum()),
        depth_percent: planted_percent[0],
        seat: Some(seat),
    };
    Group {
        facts_from: first_id * facts_of_one(grid),
        facts: (task.entry().facts)(&grid.sizes()),
        wording: grid.wording(task, || key.stream("study-wording", &at)),
        planted_percent,
        trials: vec![trial],
    }
}

/// Five haystacks a length, each with a fact in every fifth for every block.
fn shared(grid: &Grid, registered: &Registered, key: &RunKey, seats: &[Numbered]) -> Vec<Group> {
    // Behind the facts of the short contexts, which come first and have one haystack each.
    let first_fact = registered.base_questions * facts_of_one(grid);
    let mut groups: Vec<Group> = Vec::new();
    let mut owners: Vec<(u64, u32)> = Vec::new();
    for Numbered { id, seat, .. } in seats {
        let owner = (seat.rung_tokens, seat.haystack());
        let at = [seat.rung_tokens, SHARED | u64::from(seat.haystack())];
        let known = owners.iter().position(|known| *known == owner);
        let nth = known.unwrap_or_else(|| {
            let rungs = &registered.rungs;
            let rung = rungs
                .iter()
                .position(|rung| rung.nominal_tokens == seat.rung_tokens);
            let nth =
                rung.unwrap_or(rungs.len()) as u64 * STRATA as u64 + u64::from(seat.haystack());
            let mut depth = key.stream("study-depth", &at);
            owners.push(owner);
            groups.push(Group {
                facts_from: first_fact + nth * u64::from(SHARED_FACTS),
                facts: u64::from(SHARED_FACTS),
                wording: grid.wording(task(grid, seat.kind), || key.stream("study-wording", &at)),
                planted_percent: (0..SHARED_FACTS as usize)
                    .map(|fact| within(fact % STRATA, depth.unit()))
                    .collect(),
                trials: Vec::new(),
            });
            groups.len() - 1
        });
        let group = &mut groups[nth];
        let slot = seat.block * STRATA as u32 + seat.stratum() as u32;
        group.trials.push(Trial {
            id: *id,
            task: task(grid, seat.kind),
            length_tokens: length(registered, key, seat.rung_tokens, &at),
            sample: seat.haystack(),
            set: 0,
            slot,
            cell_percent: cell_percent(seat.stratum()),
            depth_percent: group.planted_percent[slot as usize],
            seat: Some(*seat),
        });
    }
    groups
}

/// A depth within a fifth, in percent.
fn within(stratum: usize, unit: f64) -> f64 {
    100.0 * (stratum as f64 + unit) / STRATA as f64
}

/// The length asked, even in its logarithm around the rung.
fn length(registered: &Registered, key: &RunKey, rung_tokens: u64, at: &[u64]) -> u64 {
    let longest = registered
        .rungs
        .last()
        .map_or(u64::MAX, |rung| rung.high_tokens);
    let rung = registered
        .rungs
        .iter()
        .find(|rung| rung.nominal_tokens == rung_tokens);
    let (low, high) = match rung {
        Some(rung) => (rung.low_tokens as f64, rung.high_tokens as f64),
        None => (
            rung_tokens as f64 * (1.0 - SPREAD),
            (rung_tokens as f64 * (1.0 + SPREAD)).min(longest as f64),
        ),
    };
    let unit = key.stream("study-length", at).unit();
    (low * (high / low).powf(unit)).round() as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::answer::ValueType;
    use crate::claims::Kind;
    use crate::plan::{Depths, WordingChoice};
    use crate::prompt::QuestionAt;
    use crate::seed::Secret;
    use crate::study::{Claim, Limits, ladder};
    use std::collections::HashSet;

    fn registered(layout: Layout) -> Registered {
        let claim = Claim {
            written: "128k".into(),
            tokens: 128_000,
            kind: Kind::Total,
            source: None,
        };
        let limits = Limits {
            output_tokens: 64,
            uncertainty_tokens: 16,
        };
        Registered {
            rungs: ladder(&claim, 4, 0.85, layout, limits),
            claim,
            tau: 0.85,
            relative: false,
            alpha: 0.05,
            ladder: 4,
            layout,
            block: 5,
            not_served_gap_ms: 0,
            base_questions: 0,
            search: None,
            kinds: 1,
            stop_at_first: false,
        }
    }

    fn grid() -> Grid {
        Grid {
            tasks: vec![Task::NIAH_MULTIKEY],
            lengths_tokens: vec![8_000, 32_000, 128_000],
            depths: Depths::Strata(5),
            samples: 0,
            keys: 5,
            values: ValueType::Numbers,
            wording: WordingChoice::Pool,
            question_at: QuestionAt::End,
            language: "en".into(),
            question_language: None,
            beyond: Default::default(),
            difficulty: Default::default(),
        }
    }

    fn seats(rung_tokens: u64, blocks: u32, places: u32) -> Vec<Numbered> {
        let seat = |block, place| Seat {
            rung_tokens,
            block,
            place,
            copy: 0,
            kind: 0,
        };
        let seats: Vec<Seat> = (0..blocks)
            .flat_map(|block| (0..places).map(move |place| seat(block, place)))
            .collect();
        Numbered::all(&seats, 0)
    }

    #[test]
    fn isolated_questions_share_no_fact_and_stand_in_their_fifth_at_lengths_around_the_rung() {
        let key = Secret::from_hex("0a").expect("hex").key("");
        let groups = groups_of(
            &grid(),
            &registered(Layout::Isolated),
            &key,
            &seats(32_000, 40, 5),
        );
        assert_eq!(groups.len(), 200);
        let facts: HashSet<u64> = groups
            .iter()
            .flat_map(|group| group.facts_from..group.facts_to())
            .collect();
        assert_eq!(facts.len(), 1_000);
        let lengths: HashSet<u64> = groups
            .iter()
            .map(|group| group.trials[0].length_tokens)
            .collect();
        assert!(
            lengths.len() > 150
                && lengths
                    .iter()
                    .all(|length| (30_400..=33_600).contains(length))
        );
        let wordings: HashSet<usize> = groups.iter().map(|group| group.wording).collect();
        let english = crate::language::Language::named("en").expect("built in");
        assert_eq!(wordings.len(), english.wordings.len());
        for group in &groups {
            let trial = &group.trials[0];
            assert!((trial.depth_percent - trial.cell_percent).abs() <= 10.0);
            let mut strata: Vec<u32> = group
                .planted_percent
                .iter()
                .map(|depth| (depth / 20.0) as u32)
                .collect();
            strata.sort_unstable();
            assert_eq!(strata, [0, 1, 2, 3, 4]);
        }
        let again = groups_of(
            &grid(),
            &registered(Layout::Isolated),
            &key,
            &seats(32_000, 40, 5),
        );
        assert_eq!(groups, again);
    }

    #[test]
    fn a_question_asked_again_is_the_same_under_another_number() {
        let key = Secret::from_hex("0a").expect("hex").key("");
        let first = Seat {
            rung_tokens: 32_000,
            block: 0,
            place: 3,
            copy: 0,
            kind: 0,
        };
        let other = Seat { place: 4, ..first };
        let again = Seat { copy: 1, ..first };
        let numbered = Numbered::all(&[first, other, again], 100);
        assert_eq!((numbered[2].id, numbered[2].first_id), (102, 100));
        let groups = groups_of(&grid(), &registered(Layout::Isolated), &key, &numbered);
        let (one, two) = (&groups[0], &groups[2]);
        assert_eq!((one.facts_from, one.wording), (two.facts_from, two.wording));
        assert_eq!(one.planted_percent, two.planted_percent);
        assert_eq!(one.trials[0].length_tokens, two.trials[0].length_tokens);
        assert_eq!(one.trials[0].sample, two.trials[0].sample);
        assert_ne!(one.facts_from, groups[1].facts_from);
    }

    #[test]
    fn kinds_of_use_share_lengths_and_depths_and_no_fact() {
        let key = Secret::from_hex("0a").expect("hex").key("");
        let names = ["niah_single", "associative", "sum"];
        let grid = Grid {
            tasks: names
                .map(|name| Task::named(name).expect("a task"))
                .to_vec(),
            ..grid()
        };
        // One after the other, as a study gives them out.
        let all: Vec<Seat> = (0..9)
            .flat_map(|place| (0..3).map(move |kind| (place, kind)))
            .map(|(place, kind)| Seat {
                rung_tokens: 32_000,
                block: place / 5,
                place: place % 5,
                copy: 0,
                kind,
            })
            .collect();
        let numbered = Numbered::all(&all, 0);
        let groups = groups_of(&grid, &registered(Layout::Isolated), &key, &numbered);
        let mut facts = HashSet::new();
        for group in &groups {
            assert!((group.facts_from..group.facts_to()).all(|fact| facts.insert(fact)));
        }
        for of_place in groups.chunks(3) {
            let asked: Vec<&str> = of_place
                .iter()
                .map(|group| group.trials[0].task.name())
                .collect();
            assert_eq!(asked, names);
            for group in of_place {
                let (one, other) = (&group.trials[0], &of_place[0].trials[0]);
                assert_eq!(one.length_tokens, other.length_tokens);
                assert_eq!(one.depth_percent, other.depth_percent);
            }
        }
    }

    #[test]
    fn facts_of_short_contexts_are_asked_in_no_haystack() {
        let key = Secret::from_hex("0a").expect("hex").key("");
        for layout in [Layout::Isolated, Layout::Shared] {
            let registered = |layout| Registered {
                relative: true,
                base_questions: 100,
                ..registered(layout)
            };
            let of = |layout, seats: &[Numbered]| -> HashSet<u64> {
                groups_of(&grid(), &registered(layout), &key, seats)
                    .iter()
                    .flat_map(|group| group.facts_from..group.facts_to())
                    .collect()
            };
            let all: Vec<Seat> = seats(8_000, 4, 25).iter().map(|one| one.seat).collect();
            let base = of(Layout::Isolated, &Numbered::all(&all, 0));
            let study = of(layout, &Numbered::all(&all, 100));
            assert_eq!(base.len(), 500);
            assert!(base.is_disjoint(&study), "{layout:?}");
        }
    }

    #[test]
    fn shared_haystacks_keep_their_facts_over_all_blocks_and_ask_each_once() {
        let key = Secret::from_hex("0a").expect("hex").key("");
        let groups = groups_of(
            &grid(),
            &registered(Layout::Shared),
            &key,
            &seats(8_000, 4, 25),
        );
        assert_eq!(groups.len(), 5);
        let from: HashSet<u64> = groups.iter().map(|group| group.facts_from).collect();
        assert_eq!(from.len(), 5);
        for group in &groups {
            assert_eq!((group.planted_percent.len(), group.trials.len()), (20, 20));
            let slots: HashSet<u32> = group.trials.iter().map(|trial| trial.slot).collect();
            assert_eq!(slots.len(), 20);
            for trial in &group.trials {
                assert!((trial.depth_percent - trial.cell_percent).abs() <= 10.0);
                assert_eq!(trial.length_tokens, group.trials[0].length_tokens);
            }
        }
        let later = groups_of(
            &grid(),
            &registered(Layout::Shared),
            &key,
            &seats(8_000, 4, 25)[75..],
        );
        assert_eq!(later[0].planted_percent, groups[0].planted_percent);
        assert_eq!(later[0].facts_from, groups[0].facts_from);
    }
}
