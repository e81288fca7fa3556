//! The way through the corpus that one haystack takes, and the sentences that round it to an exact length.

use crate::index::{Index, LONGEST_FILLER_TOKENS, UnitId};
use crate::seed::Stream;

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

/// The whole corpus in the order of one haystack: from a random place to the end of its text, then
/// the other texts in random order, then the start of the first one, and code beyond all prose.
/// Within a text its own order is kept: coherent text is harder, and more honest, than shuffled.
#[derive(Clone, Debug)]
pub struct Route {
    runs: Vec<Run>,
}

impl Route {
    /// Draws a route.
    pub fn draw(index: &Index, stream: &mut Stream) -> Route {
        let only_code = index.texts.iter().all(|text| text.code);
        let is_prose = |text: &usize| only_code || !index.texts[*text].code;
        let (mut prose, mut code): (Vec<usize>, Vec<usize>) =
            (0..index.texts.len()).partition(is_prose);
        let total: u64 = prose
            .iter()
            .map(|&at| u64::from(index.texts[at].units()))
            .sum();
        let mut place = stream.below(total);
        stream.shuffle(&mut prose);
        stream.shuffle(&mut code);
        // Units, not texts, are equally likely, so that a long text is met more often.
        let mut first = 0;
        for (at, &text) in prose.iter().enumerate() {
            let units = u64::from(index.texts[text].units());
            if place < units {
                first = at;
                break;
            }
            place -= units;
        }
        prose.rotate_left(first);
        let (Some(&text), unit) = (prose.first(), place as u32) else {
            return Route { runs: Vec::new() };
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
        runs.extend(prose[1..].iter().map(whole));
        runs.push(Run {
            to: unit,
            ..whole(&text)
        });
        runs.extend(code.iter().map(whole));
        runs.retain(|run| run.from < run.to);
        Route { runs }
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
        for run in &self.runs {
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

    /// True where `runs` are the whole route: the corpus has ended.
    pub fn is_all(&self, runs: &[Run]) -> bool {
        self.runs == runs
    }
}

/// Whole sentences of exactly `tokens` tokens together, none of them used already where possible.
/// None where no such sentences exist.
pub fn fill(index: &Index, mut tokens: u64, used: &[Run], stream: &mut Stream) -> Option<Vec<Run>> {
    let mut picked: Vec<Run> = Vec::new();
    // Beyond what two or three sentences hold, any sentences will do.
    while tokens > 2 * LONGEST_FILLER_TOKENS as u64 {
        // A small corpus lacks sentences of some counts.
        let start = stream.below(60);
        let count = (0..60)
            .map(|step| 15 + (start + step) % 60)
            .find(|&count| has(index, count))?;
        let id = pick(index, count, used, &picked, stream)?;
        picked.push(Run::of(id));
        tokens -= count;
    }
    for sentences in 1..=4 {
        if tokens == 0 {
            return Some(picked);
        }
        if let Some(counts) = split(index, tokens, sentences, stream) {
            for count in counts {
                let id = pick(index, count, used, &picked, stream)?;
                picked.push(Run::of(id));
            }
            return Some(picked);
        }
    }
    None
}

/// True where there are sentences of `count` tokens.
fn has(index: &Index, count: u64) -> bool {
    index
        .fillers
        .get(count as usize)
        .is_some_and(|ids| !ids.is_empty())
}

/// `tokens` as a sum of `sentences` counts for which there are sentences.
fn split(index: &Index, tokens: u64, sentences: u32, stream: &mut Stream) -> Option<Vec<u64>> {
    if sentences == 1 {
        return has(index, tokens).then(|| vec![tokens]);
    }
    let most = tokens.min(LONGEST_FILLER_TOKENS as u64 + 1);
    let start = stream.below(most);
    for step in 0..most {
        let count = (start + step) % most;
        if count > 0
            && has(index, count)
            && let Some(mut rest) = split(index, tokens - count, sentences - 1, stream)
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
    let is_new = |id: &UnitId| !used.iter().chain(picked).any(|run| run.holds(*id));
    around
        .clone()
        .find(|id| is_near(id) && is_new(id))
        .or_else(|| around.clone().find(is_new))
        .or_else(|| around.clone().next())
}

/// Tokens of `fillers` that stand a second time in the prompt.
pub fn repeated_tokens(index: &Index, base: &[Run], fillers: &[Run]) -> u64 {
    fillers
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
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::index::TextIndex;
    use crate::seed::Secret;

    /// Two texts of ten units of ten tokens, all of which are plain sentences.
    fn index() -> Index {
        let text = TextIndex {
            code: false,
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
        }
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
