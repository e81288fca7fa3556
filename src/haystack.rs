//! The way through the corpus that one haystack takes, and the sentences that round it to an exact length.

use crate::corpus::Kind;
use crate::index::{Index, LONGEST_FILLER_TOKENS, UnitId};
use crate::seed::Stream;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Units `from..to` of one text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Run {
    /// Text, by its place in the corpus.
    pub text: u32,
    /// First unit.
    pub from: u32,
    /// One past the last unit.
    pub to: u32,
}

impl Run {
    /// One unit.
    pub fn of(id: UnitId) -> Run {
        Run {
            text: id.text,
            from: id.unit,
            to: id.unit + 1,
        }
    }

    fn holds(&self, id: UnitId) -> bool {
        self.text == id.text && (self.from..self.to).contains(&id.unit)
    }
}

/// What follows where the real text of a corpus has ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Beyond {
    /// Nothing: a longer length is an error that names the longest.
    #[default]
    Refused,
    /// The same text again from its start, in another order of documents: what other tools do,
    /// for comparison with them.
    Repeated,
    /// The volumes that were generated from the corpus.
    Generated,
}

/// The whole corpus in the order of one haystack: from a random place to the end of its text, then
/// the other texts in random order, then the start of the first one, and each further kind of text
/// (verse, code) beyond all of the kind before. Within a text its own order is kept: coherent text
/// is harder, and more honest, than shuffled.
#[derive(Clone, Debug)]
pub struct Route {
    runs: Vec<Run>,
    /// What is read again when all are read; nothing where text is not to be repeated.
    again: Vec<Run>,
}

impl Route {
    /// Draws a route over the real text alone.
    pub fn draw(index: &Index, stream: &mut Stream) -> Route {
        Route::draw_beyond(index, stream, Beyond::Refused)
    }

    /// Draws a route that goes on as told where the real text has ended.
    pub fn draw_beyond(index: &Index, stream: &mut Stream, beyond: Beyond) -> Route {
        let mut kinds: BTreeMap<Kind, Vec<usize>> = BTreeMap::new();
        for (at, text) in index.texts.iter().enumerate() {
            if text.kind != Kind::Generated || beyond == Beyond::Generated {
                kinds.entry(text.kind).or_default().push(at);
            }
        }
        let Some((_, mut first_kind)) = kinds.pop_first() else {
            return Route::over(Vec::new());
        };
        let total: u64 = first_kind
            .iter()
            .map(|&at| u64::from(index.texts[at].units()))
            .sum();
        let mut place = stream.below(total);
        stream.shuffle(&mut first_kind);
        for texts in kinds.values_mut() {
            stream.shuffle(texts);
        }
        // Units, not texts, are equally likely, so that a long text is met more often.
        let mut first = 0;
        for (at, &text) in first_kind.iter().enumerate() {
            let units = u64::from(index.texts[text].units());
            if place < units {
                first = at;
                break;
            }
            place -= units;
        }
        first_kind.rotate_left(first);
        let (Some(&text), unit) = (first_kind.first(), place as u32) else {
            return Route::over(Vec::new());
        };
        let whole = |&text: &usize| Run {
            text: text as u32,
            from: 0,
            to: index.texts[text].units(),
        };
        let mut runs = vec![Run {
            from: unit,
            ..whole(&text)
        }];
        runs.extend(first_kind[1..].iter().map(whole));
        runs.push(Run {
            to: unit,
            ..whole(&text)
        });
        runs.extend(kinds.values().flatten().map(whole));
        let mut route = Route::over(runs);
        if beyond == Beyond::Repeated {
            stream.shuffle(&mut first_kind);
            route.again = first_kind
                .iter()
                .chain(kinds.values().flatten())
                .map(whole)
                .filter(|run| run.from < run.to)
                .collect();
        }
        route
    }

    fn over(mut runs: Vec<Run>) -> Route {
        runs.retain(|run| run.from < run.to);
        Route {
            runs,
            again: Vec::new(),
        }
    }

    /// The longest beginning of the route of at most `budget_tokens`, where `joint` tells how many
    /// tokens the first unit of a text takes behind another text.
    pub fn take(
        &self,
        index: &Index,
        budget_tokens: u64,
        mut joint: impl FnMut(UnitId, u32) -> anyhow::Result<u64>,
    ) -> anyhow::Result<(Vec<Run>, u64)> {
        let (mut taken, mut tokens): (Vec<Run>, u64) = (Vec::new(), 0);
        for run in self.runs.iter().chain(self.again.iter().cycle()) {
            let text = &index.texts[run.text as usize];
            let mut begun = 0;
            let mut from = run.from;
            if let (0, Some(last)) = (run.from, taken.last()) {
                begun = joint(
                    UnitId {
                        text: last.text,
                        unit: last.to - 1,
                    },
                    run.text,
                )?;
                from = 1;
            }
            let rest = match budget_tokens.checked_sub(tokens + begun) {
                Some(rest) => rest,
                None => break,
            };
            let limit = u64::from(text.tokens_before[from as usize]) + rest;
            let end = text.tokens_before[..=run.to as usize]
                .partition_point(|&before| u64::from(before) <= limit) as u32
                - 1;
            if end <= run.from {
                break;
            }
            taken.push(Run { to: end, ..*run });
            tokens += begun + text.tokens(from, end);
            if end < run.to {
                break;
            }
        }
        Ok((taken, tokens))
    }

    /// True where `runs` are the whole route: the corpus has ended, and is not to be repeated.
    pub fn is_all(&self, runs: &[Run]) -> bool {
        self.again.is_empty() && self.runs == runs
    }
}

/// More tokens than this are no rounding.
const MOST_MISSING_TOKENS: usize = 4_000;

/// Whole sentences of exactly `tokens` tokens together, none of them used already where possible.
/// None where no such sentences exist.
pub fn fill(index: &Index, mut tokens: u64, used: &[Run], stream: &mut Stream) -> Option<Vec<Run>> {
    let mut picked: Vec<Run> = Vec::new();
    let form = form(index, used);
    // Beyond what two or three sentences hold, any sentences will do.
    while tokens > 2 * LONGEST_FILLER_TOKENS as u64 {
        // A small corpus lacks sentences of some counts.
        let start = stream.below(60);
        let Some(count) = (0..60)
            .map(|step| 15 + (start + step) % 60)
            .find(|&count| has(index, count, form))
        else {
            break;
        };
        let id = pick(index, count, form, used, &picked, stream)?;
        picked.push(Run::of(id));
        tokens -= count;
    }
    for sentences in 1..=4 {
        if tokens == 0 {
            return Some(picked);
        }
        if let Some(counts) = split(index, tokens, sentences, form, stream) {
            for count in counts {
                let id = pick(index, count, form, used, &picked, stream)?;
                picked.push(Run::of(id));
            }
            return Some(picked);
        }
    }
    // A text of a few short sentences (noise, lists of words) takes more of them.
    for count in fewest(index, tokens, form)? {
        let id = pick(index, count, form, used, &picked, stream)?;
        picked.push(Run::of(id));
    }
    Some(picked)
}

/// `tokens` as a sum of as few counts as possible for which there are sentences.
fn fewest(index: &Index, tokens: u64, form: Option<bool>) -> Option<Vec<u64>> {
    let tokens = usize::try_from(tokens)
        .ok()
        .filter(|tokens| *tokens <= MOST_MISSING_TOKENS)?;
    let counts: Vec<usize> = (1..=LONGEST_FILLER_TOKENS)
        .filter(|&count| has(index, count as u64, form))
        .collect();
    // The last count of the shortest sum of each number, and how many it has.
    let mut sums: Vec<Option<(usize, usize)>> = vec![None; tokens + 1];
    sums[0] = Some((0, 0));
    for sum in 1..=tokens {
        sums[sum] = counts
            .iter()
            .filter(|count| **count <= sum)
            .filter_map(|&count| Some((sums[sum - count]?.0 + 1, count)))
            .min();
    }
    let (mut rest, mut picked) = (tokens, Vec::new());
    while rest > 0 {
        let (_, count) = sums[rest]?;
        picked.push(count as u64);
        rest -= count;
    }
    Some(picked)
}

/// Where a corpus has texts with spaces and texts without: the form that the haystack ends in.
/// Behind the other one a sentence would not take the tokens that it is listed with.
fn form(index: &Index, used: &[Run]) -> Option<bool> {
    let last = used.last()?;
    let ends = index.texts[last.text as usize].script.is_spaceless();
    let mut texts = index.texts.iter();
    let mixed = texts.any(|text| text.script.is_spaceless() != ends);
    mixed.then_some(ends)
}

fn is_of_form(index: &Index, id: UnitId, form: Option<bool>) -> bool {
    form.is_none_or(|form| index.texts[id.text as usize].script.is_spaceless() == form)
}

/// True where there are sentences of `count` tokens.
fn has(index: &Index, count: u64, form: Option<bool>) -> bool {
    let ids = index.fillers.get(count as usize);
    ids.is_some_and(|ids| ids.iter().any(|&id| is_of_form(index, id, form)))
}

/// `tokens` as a sum of `sentences` counts for which there are sentences.
fn split(
    index: &Index,
    tokens: u64,
    sentences: u32,
    form: Option<bool>,
    stream: &mut Stream,
) -> Option<Vec<u64>> {
    if sentences == 1 {
        return has(index, tokens, form).then(|| vec![tokens]);
    }
    let most = tokens.min(LONGEST_FILLER_TOKENS as u64 + 1);
    let start = stream.below(most);
    for step in 0..most {
        let count = (start + step) % most;
        if count > 0
            && has(index, count, form)
            && let Some(mut rest) = split(index, tokens - count, sentences - 1, form, stream)
        {
            rest.push(count);
            return Some(rest);
        }
    }
    None
}

/// A sentence of `count` tokens: where there is one, of a text that the haystack is made of anyway,
/// because it reads on in the same voice and no other text need be unpacked for it; and an unused
/// one where there is one.
fn pick(
    index: &Index,
    count: u64,
    form: Option<bool>,
    used: &[Run],
    picked: &[Run],
    stream: &mut Stream,
) -> Option<UnitId> {
    let ids = index
        .fillers
        .get(count as usize)
        .filter(|ids| !ids.is_empty())?;
    let start = stream.below(ids.len() as u64) as usize;
    let around = (0..ids.len()).map(|step| ids[(start + step) % ids.len()]);
    let is_near = |id: &UnitId| used.iter().any(|run| run.text == id.text);
    let fits = |id: &UnitId| is_of_form(index, *id, form);
    let is_new = |id: &UnitId| !used.iter().chain(picked).any(|run| run.holds(*id));
    around
        .clone()
        .find(|id| is_near(id) && is_new(id) && fits(id))
        .or_else(|| around.clone().find(|id| is_new(id) && fits(id)))
        .or_else(|| around.clone().find(fits))
}

/// Tokens of a haystack of these units and `fillers` that stand in it a second time.
pub fn repeated_tokens(index: &Index, base: &[Run], fillers: &[Run]) -> u64 {
    // A route reads its text once and only then again, so what is held twice is of the latter.
    let mut by_text: BTreeMap<u32, Vec<(u32, u32)>> = BTreeMap::new();
    for run in base {
        by_text
            .entry(run.text)
            .or_default()
            .push((run.from, run.to));
    }
    let mut repeated = 0;
    for (text, mut ranges) in by_text {
        ranges.sort_unstable();
        let text = &index.texts[text as usize];
        let mut end = 0;
        for (from, to) in ranges {
            repeated += text.tokens(from, to.min(end).max(from));
            end = end.max(to);
        }
    }
    let fillers_repeated: u64 = fillers
        .iter()
        .enumerate()
        .filter(|(at, filler)| {
            let id = UnitId {
                text: filler.text,
                unit: filler.from,
            };
            base.iter().chain(&fillers[..*at]).any(|run| run.holds(id))
        })
        .map(|(_, filler)| index.texts[filler.text as usize].tokens(filler.from, filler.to))
        .sum();
    repeated + fillers_repeated
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::index::TextIndex;
    use crate::seed::Secret;
    use crate::sentence::Script;

    /// Two texts of ten units of ten tokens, all of which are plain sentences.
    fn index() -> Index {
        let text = TextIndex {
            kind: Kind::Prose,
            script: Script::English,
            len_bytes: 1000,
            starts: (0..10).map(|unit| unit * 100).collect(),
            tokens_before: (0..=10).map(|unit| unit * 10).collect(),
        };
        let mut fillers = vec![Vec::new(); LONGEST_FILLER_TOKENS + 1];
        fillers[10] = (0..2)
            .flat_map(|text| (0..10).map(move |unit| UnitId { text, unit }))
            .collect();
        Index {
            texts: vec![text.clone(), text],
            fillers,
            additive: true,
            bordered: true,
        }
    }

    fn taken(beyond: Beyond, budget: u64, kinds: [Kind; 2]) -> (Route, Vec<Run>, u64) {
        let mut index = index();
        for (text, kind) in index.texts.iter_mut().zip(kinds) {
            text.kind = kind;
        }
        let mut stream = Secret::from_hex("05")
            .expect("hex")
            .key("")
            .stream("x", &[]);
        let route = Route::draw_beyond(&index, &mut stream, beyond);
        let (runs, tokens) = route.take(&index, budget, |_, _| Ok(10)).expect("takes");
        (route, runs, tokens)
    }

    #[test]
    fn text_is_read_again_only_where_that_was_asked_for_and_is_counted() {
        let prose = [Kind::Prose; 2];
        let (route, runs, tokens) = taken(Beyond::Refused, 1000, prose);
        assert!(route.is_all(&runs) && tokens == 200);
        assert_eq!(repeated_tokens(&index(), &runs, &[]), 0);
        let (route, runs, tokens) = taken(Beyond::Repeated, 1000, prose);
        assert!(!route.is_all(&runs) && tokens == 1000);
        assert_eq!(repeated_tokens(&index(), &runs, &[]), 800);
        let (_, runs, _) = taken(Beyond::Repeated, 150, prose);
        assert_eq!(repeated_tokens(&index(), &runs, &[]), 0);
    }

    #[test]
    fn generated_volumes_follow_the_real_text_and_only_where_asked_for() {
        let kinds = [Kind::Generated, Kind::Code];
        let (_, runs, tokens) = taken(Beyond::Refused, 1000, kinds);
        assert!(tokens == 100 && runs.iter().all(|run| run.text == 1));
        let (route, runs, tokens) = taken(Beyond::Generated, 1000, kinds);
        assert!(route.is_all(&runs) && tokens == 200);
        assert_eq!(runs.last().map(|run| run.text), Some(0));
    }

    #[test]
    fn a_length_is_met_with_many_short_sentences_where_there_are_no_others() {
        let mut index = index();
        let ids = std::mem::take(&mut index.fillers[10]);
        (index.fillers[9], index.fillers[10]) = (ids.clone(), ids);
        assert_eq!(fewest(&index, 75, None).map(|counts| counts.len()), Some(8));
        assert_eq!(fewest(&index, 25, None), None);
        assert_eq!(fewest(&index, 0, None), Some(Vec::new()));
    }

    #[test]
    fn sentences_are_of_the_haystacks_own_texts_and_new_as_long_as_there_are_such() {
        let index = index();
        let used = |text, to| Run { text, from: 0, to };
        for seed in 0..50 {
            let key = Secret::from_hex("03").expect("hex").key("");
            let filled = |tokens, used: &[Run]| {
                let mut stream = key.stream("x", &[seed]);
                fill(&index, tokens, used, &mut stream).expect("sentences")
            };
            for run in filled(40, &[used(1, 6)]) {
                assert!(run.text == 1 && run.from >= 6, "{run:?}");
            }
            for run in filled(20, &[used(1, 10)]) {
                assert_eq!(run.text, 0);
            }
            assert_eq!(filled(20, &[used(0, 10), used(1, 10)]).len(), 2);
        }
    }
}
