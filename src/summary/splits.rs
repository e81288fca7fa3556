//! Where the deployment changed while a run went on, and how it answered before and after.

use super::FingerprintSummary;
use crate::identity::fingerprint::{Fingerprint, changed};
use crate::reply::Reply;

/// Configurations that are listed with their answers.
const LISTED: usize = 4;

/// A settled answer.
pub(super) struct Answered<'r> {
    /// When it was asked, in milliseconds since 1970.
    pub at_ms: u64,
    /// Its number in the run.
    pub id: u64,
    /// What came back.
    pub reply: &'r Reply,
    /// Whether it was right; none where it is void.
    pub right: Option<bool>,
}

/// Says that what answered was not one and the same, where the fingerprints of the run tell it or
/// the replies do: by the model they name, the mark of the configuration, the provider or the
/// software.
pub(super) fn split<'r>(
    answers: impl Iterator<Item = Answered<'r>>,
    fingerprints: &[FingerprintSummary],
) -> Option<String> {
    // At the same millisecond a fingerprint was begun first: questions wait for that of the start.
    let prints = fingerprints.iter();
    let prints = prints.map(|taken| ((taken.at_ms, 0, 0), Seen::print(taken.print.clone())));
    let answers = answers.map(|answer| {
        let print = Fingerprint::of_reply(answer.reply);
        let seen = Seen::answer(print, answer.right);
        ((answer.at_ms, 1, answer.id), seen)
    });
    let mut seen: Vec<_> = prints.chain(answers).collect();
    seen.sort_by_key(|(order, _)| *order);
    let seen: Vec<Seen> = seen.into_iter().map(|(_, seen)| seen).collect();
    sentence(&seen)
}

/// What was seen at one moment.
struct Seen {
    print: Fingerprint,
    /// Of an answer whether it was right, where it was scored; none of a fingerprint.
    answer: Option<Option<bool>>,
}

impl Seen {
    fn print(print: Fingerprint) -> Seen {
        let answer = None;
        Seen { print, answer }
    }

    fn answer(print: Fingerprint, right: Option<bool>) -> Seen {
        let answer = Some(right);
        Seen { print, answer }
    }
}

/// Some answers: how many, how many of them were scored, and how many of those right.
#[derive(Clone, Copy, Default)]
struct Count {
    answers: u64,
    scored: u64,
    right: u64,
}

impl Count {
    fn of<'s>(seen: impl Iterator<Item = &'s Seen>) -> Count {
        let mut count = Count::default();
        for right in seen.filter_map(|seen| seen.answer) {
            count.answers += 1;
            count.scored += u64::from(right.is_some());
            count.right += u64::from(right == Some(true));
        }
        count
    }

    fn share(self) -> String {
        format!("{} of {}", self.right, self.scored)
    }
}

/// A stretch of what was seen that one configuration gave, from one switch to the next.
struct Stretch {
    part: usize,
    from: usize,
    /// Those before it that may be of it already: nothing in them tells it from what was before.
    unclear_from: usize,
}

fn sentence(seen: &[Seen]) -> Option<String> {
    let mut parts: Vec<Fingerprint> = Vec::new();
    let mut stretches: Vec<Stretch> = Vec::new();
    for (at, now) in seen.iter().enumerate() {
        let fits = |part: &Fingerprint| changed(part, &now.print).is_empty();
        let current = stretches.last().map(|stretch| stretch.part);
        // What tells nothing is taken to be of whom answered last.
        let known = current
            .filter(|part| fits(&parts[*part]))
            .or_else(|| parts.iter().position(fits));
        let part = known.unwrap_or_else(|| {
            parts.push(Fingerprint::default());
            parts.len() - 1
        });
        parts[part].learn(&now.print);
        if current != Some(part) {
            let begun = stretches.last().map_or(0, |stretch| stretch.from);
            let mut unclear_from = at;
            while unclear_from > begun
                && changed(&seen[unclear_from - 1].print, &parts[part]).is_empty()
            {
                unclear_from -= 1;
            }
            stretches.push(Stretch {
                part,
                from: at,
                unclear_from,
            });
        }
    }
    let (first, second) = (parts.first()?, parts.get(1)?);
    let what = changed(first, second).join("; ");
    let all = Count::of(seen.iter()).answers;
    let end_of = |nth: usize| {
        stretches
            .get(nth + 1)
            .map_or(seen.len(), |next| next.unclear_from)
    };
    let clear = |nth: usize| &seen[stretches[nth].from.min(end_of(nth))..end_of(nth)];
    let unclear = stretches[1..]
        .iter()
        .flat_map(|stretch| &seen[stretch.unclear_from..stretch.from]);
    let unclear = Count::of(unclear);
    if let [_, changed] = stretches.as_slice() {
        let (before, after) = (Count::of(clear(0).iter()), Count::of(clear(1).iter()));
        if unclear.answers == 0 {
            return Some(format!(
                "run split: the deployment changed after {} of {all} answers ({what}); right: {}, \
                 then {}. Read the two parts apart",
                Count::of(seen[..changed.from].iter()).answers,
                before.share(),
                after.share()
            ));
        }
        return Some(format!(
            "run split: the deployment changed between {} and {} of {all} answers ({what}); right: \
             {} before, {} in between, {} after. Read them apart",
            match before.answers {
                0 => "the start".to_owned(),
                answers => format!("answer {answers}"),
            },
            match after.answers {
                0 => "the end".to_owned(),
                _ => format!("answer {}", before.answers + unclear.answers + 1),
            },
            before.share(),
            unclear.share(),
            after.share()
        ));
    }
    let of_part = |part: usize| {
        let own = stretches.iter().enumerate();
        let own = own.filter(|(_, stretch)| stretch.part == part);
        Count::of(own.flat_map(|(nth, _)| clear(nth))).share()
    };
    let shares: Vec<String> = (0..parts.len().min(LISTED)).map(of_part).collect();
    let more = if parts.len() > LISTED { ", …" } else { "" };
    let unclear = match unclear.answers {
        0 => String::new(),
        _ => format!("; {} between two of them", unclear.share()),
    };
    Some(format!(
        "run split: {} configurations answered, with {} changes between them ({what}); right, each \
         by itself: {}{more}{unclear}",
        parts.len(),
        stretches.len() - 1,
        shares.join(", then ")
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answers(marks: &[(&str, bool)]) -> Vec<Seen> {
        let answer = |(mark, right): &(&str, bool)| Seen::answer(marked(mark), Some(*right));
        marks.iter().map(answer).collect()
    }

    fn marked(mark: &str) -> Fingerprint {
        Fingerprint {
            system_fingerprint: Some(mark.to_owned()),
            ..Fingerprint::default()
        }
    }

    /// A fingerprint of a server that marks nothing.
    fn counted(digits: i64) -> Seen {
        Seen::print(Fingerprint {
            counts: vec![Some(30), Some(digits), Some(40), Some(60)],
            ..Fingerprint::default()
        })
    }

    /// Answers of a server that marks nothing.
    fn plain(right: u64, wrong: u64) -> Vec<Seen> {
        let answer = |right| Seen::answer(Fingerprint::default(), Some(right));
        (0..right + wrong).map(|nth| answer(nth < right)).collect()
    }

    #[test]
    fn one_change_splits_the_run_and_replicas_are_counted_each_by_itself() {
        assert_eq!(sentence(&answers(&[("a", true), ("a", false)])), None);
        assert_eq!(sentence(&[]), None);
        let swapped = answers(&[("a", true), ("a", true), ("b", false), ("b", true)]);
        let told = sentence(&swapped).expect("told");
        for part in [
            "after 2 of 4 answers",
            "system_fingerprint: a, then b",
            "2 of 2, then 1 of 2",
        ] {
            assert!(told.contains(part), "{part}: {told}");
        }
        let replicas = answers(&[("a", true), ("b", false), ("a", true), ("b", false)]);
        let told = sentence(&replicas).expect("told");
        assert!(
            told.contains("2 configurations answered, with 3 changes"),
            "{told}"
        );
        assert!(told.contains("2 of 2, then 0 of 2"), "{told}");
    }

    #[test]
    fn an_answer_that_tells_less_is_no_change() {
        let mut told = answers(&[("a", true), ("a", true)]);
        told.insert(1, Seen::answer(Fingerprint::default(), None));
        assert_eq!(sentence(&told), None);
    }

    #[test]
    fn counts_of_fingerprints_split_a_run_whose_replies_tell_nothing() {
        let run = |digits: [i64; 3]| -> Vec<Seen> {
            let [start, middle, end] = digits;
            let mut seen = vec![counted(start)];
            seen.extend(plain(5, 0));
            seen.push(counted(middle));
            seen.extend(plain(1, 4));
            seen.push(counted(end));
            seen
        };
        assert_eq!(sentence(&run([214, 214, 214])), None);
        let late = sentence(&run([214, 214, 640])).expect("told");
        for part in [
            "between answer 5 and the end of 10 answers",
            "30 214 40 60, then 30 640 40 60",
            "5 of 5 before, 1 of 5 in between, 0 of 0 after",
        ] {
            assert!(late.contains(part), "{part}: {late}");
        }
        let early = sentence(&run([214, 640, 640])).expect("told");
        for part in [
            "between the start and answer 6 of 10 answers",
            "0 of 0 before, 5 of 5 in between, 1 of 5 after",
        ] {
            assert!(early.contains(part), "{part}: {early}");
        }
    }

    #[test]
    fn replies_that_tell_the_change_say_where_it_lies_between_two_fingerprints() {
        let of = |mark: &str, digits: i64| {
            let mut seen = counted(digits);
            seen.print.system_fingerprint = Some(mark.to_owned());
            seen
        };
        let mut seen = vec![of("a", 214)];
        seen.extend(answers(&[("a", true), ("a", true), ("b", false)]));
        seen.push(of("b", 640));
        seen.extend(answers(&[("b", false), ("b", true)]));
        seen.push(of("b", 640));
        let told = sentence(&seen).expect("told");
        for part in [
            "after 2 of 5 answers",
            "system_fingerprint: a, then b; token counts",
            "2 of 2, then 1 of 3",
        ] {
            assert!(told.contains(part), "{part}: {told}");
        }
    }
}
