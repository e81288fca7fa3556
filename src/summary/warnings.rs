//! What a reader of the charts must know, in words.

use super::{CutFinding, Totals};
use crate::answer::{Rule, ValueType};
use crate::corpus::{Corpus, Kind, Text};
use crate::haystack::Beyond;
use crate::journal::{Row, RunFile};
use crate::number::{counted, grouped, percent};
use crate::task::Hay;
use std::collections::{BTreeSet, HashMap, HashSet};

/// Digits of a number that no other fact of the run has.
const FRESH_DIGITS: usize = 7;

/// What a reader of the charts must know.
pub fn warnings(
    run: &RunFile,
    cuts: &[CutFinding],
    rows: &[Row],
    settled: &HashMap<u64, &Row>,
    totals: &Totals,
    corpus: &Corpus,
) -> Vec<String> {
    let mut warnings = Vec::new();
    if !run.exact && !run.server_counts && run.fit.is_none() {
        warnings.push(format!(
            "lengths are counted with {}, not with the model's own tokenizer: they may be 15 % off (give it with --tokenizer)",
            run.tokenizer.short()
        ));
    } else if let Some(fit) = &run.fit {
        warnings.push(format!(
            "lengths are fitted to the server's counts of {} prompts ({:.3} tokens per token of {}): they may be {:.1} % off",
            fit.samples.len(),
            fit.slope,
            run.tokenizer.short(),
            100.0 * fit.tolerance()
        ));
    } else if run.overhead_tokens.is_none() {
        warnings
            .push("the chat template's tokens are not known and not counted in the lengths".into());
    }
    let unsaid = rows
        .iter()
        .filter(|row| {
            row.settled
                && row
                    .reply()
                    .is_some_and(|reply| reply.usage.prompt_tokens.is_none())
        })
        .count();
    if unsaid > 0 {
        warnings.push(format!(
            "{unsaid} replies came without token counts: a silent cut of the prompt cannot be ruled out for them"
        ));
    }
    for finding in cuts {
        warnings.push(format!(
            "at {} tokens {}: {}",
            grouped(finding.length_tokens),
            match finding.proven {
                true => "the server cut the prompt",
                false =>
                    "a cut of the prompt is suspected, though the token count does not show it",
            },
            finding.words
        ));
    }
    warnings.extend(run.adaptations.iter().cloned());
    let providers: BTreeSet<&str> = settled
        .values()
        .filter_map(|row| row.reply()?.provider.as_deref())
        .collect();
    if providers.len() > 1 {
        let names: Vec<&str> = providers.into_iter().collect();
        warnings.push(format!(
            "replies came from different providers ({}): pin one with --param provider={{\"only\":[\"NAME\"]}}",
            names.join(", ")
        ));
    }
    let open = totals.planned - settled.len() as u64;
    if open > 0 {
        warnings.push(format!(
            "{open} of {} trials are not asked yet",
            totals.planned
        ));
    }
    let shares = settled.values().map(|row| Repeats {
        hay: row.trial.task.entry().hay,
        repeated_tokens: row.prompt.shares.repeated_tokens,
        text_tokens: row.prompt.text_tokens,
    });
    warnings.extend(repeats(shares, run.grid.beyond));
    let code = settled
        .values()
        .filter(|row| row.prompt.shares.code_tokens > 0)
        .count();
    if code > 0 {
        warnings.push(format!(
            "{code} haystacks go on in source code beyond all prose"
        ));
    }
    warnings.extend(one_text(settled, corpus));
    let mut models: Vec<&str> = settled
        .values()
        .filter_map(|row| row.reply()?.model.as_deref())
        .collect::<HashSet<_>>()
        .into_iter()
        .collect();
    models.sort_unstable();
    if models.len() > 1 {
        warnings.push(format!(
            "replies name different models: {}",
            models.join(", ")
        ));
    }
    let asked = run.served.model.as_str();
    if let [only] = models.as_slice()
        && !is_same_model(only, asked)
    {
        warnings.push(format!("the replies name the model {only}, not {asked}"));
    }
    let stale = stale(settled);
    if stale > 0 {
        warnings.push(format!(
            "{stale} wrong answers are the right answers of other prompts, which no text of theirs holds: a response cache, or answers mixed up on the way"
        ));
    }
    warnings
}

/// What of a prompt stands in it a second time.
struct Repeats {
    hay: Hay,
    repeated_tokens: u64,
    text_tokens: u64,
}

/// Where text stands twice in prompts of tasks whose haystack does not repeat by design.
fn repeats(prompts: impl Iterator<Item = Repeats>, beyond: Beyond) -> Option<String> {
    let by_design = |hay: Hay| matches!(hay, Hay::Noise | Hay::Made);
    let shares: Vec<f64> = prompts
        .filter(|prompt| prompt.repeated_tokens > 0 && !by_design(prompt.hay))
        .map(|prompt| prompt.repeated_tokens as f64 / prompt.text_tokens.max(1) as f64)
        .collect();
    let most = shares.iter().copied().max_by(f64::total_cmp)?;
    let (prompts, most) = (counted(shares.len() as u64, "prompt"), percent(most));
    Some(match beyond {
        Beyond::Repeated => format!(
            "text is repeated in {prompts}, where the corpus has ended (--beyond repeated): up to {most} of a prompt stands in it a second time"
        ),
        Beyond::Refused | Beyond::Generated => format!(
            "sentences stand twice in {prompts}, which they round to an exact length: up to {most} of a prompt"
        ),
    })
}

/// Where haystacks are so long that any two of them share most of their text.
fn one_text(settled: &HashMap<u64, &Row>, corpus: &Corpus) -> Option<String> {
    // Tasks that bring a haystack of their own say nothing of the corpus.
    let prose = corpus.texts.iter().filter(|text| text.kind == Kind::Prose);
    let (prose_bytes, all_bytes) = (prose.map(Text::len_bytes).sum::<u64>(), corpus.len_bytes());
    let shares_most = |row: &&&Row| {
        // Code follows only where all prose is used.
        let has_code = row.prompt.shares.code_tokens > 0 || prose_bytes == 0;
        let held_bytes = if has_code { all_bytes } else { prose_bytes };
        2 * row.prompt.bytes > held_bytes
    };
    let mut haystacks: HashMap<u64, HashSet<u32>> = HashMap::new();
    for row in settled.values().filter(shares_most) {
        let samples = haystacks.entry(row.trial.cell_tokens()).or_default();
        samples.insert(row.trial.sample);
    }
    let several = haystacks.iter().filter(|(_, samples)| samples.len() > 1);
    let shortest = several.map(|(length_tokens, _)| *length_tokens).min()?;
    Some(format!(
        "haystacks of {} tokens and more share most of their text, which the corpus holds no more of: \
         they are one text in several orders, with other facts",
        grouped(shortest)
    ))
}

/// Names differ by dates, folders and endings: `gpt-4o` answers as `gpt-4o-2024-08-06`, a file as
/// its path. A path that a server makes up says nothing.
fn is_same_model(answered: &str, asked: &str) -> bool {
    let plain = |name: &str| {
        let name = name.rsplit('/').next().unwrap_or(name).to_lowercase();
        name.trim_end_matches(".gguf").to_owned()
    };
    let (answered, asked) = (plain(answered), plain(asked));
    asked.is_empty()
        || answered.is_empty()
        || answered.contains(&asked)
        || asked.contains(&answered)
}

/// How many wrong answers are the values of facts that stand in other prompts only. Values are
/// fresh and unique over the run, so that no model can have made them up.
fn stale(settled: &HashMap<u64, &Row>) -> usize {
    // Sums, counts and names out of lists may be right in several prompts; these are not.
    let is_fresh = |row: &&&Row| match row.values {
        ValueType::Words | ValueType::Uuids => row.rule == Rule::One,
        ValueType::Numbers => row.rule == Rule::One && row.expected.len() == FRESH_DIGITS,
        ValueType::Names | ValueType::Counts => false,
    };
    let planted: HashSet<&str> = settled
        .values()
        .filter(is_fresh)
        .map(|row| row.expected.as_str())
        .collect();
    settled
        .values()
        .filter(|row| {
            let answered = row
                .judged
                .as_ref()
                .and_then(|judged| judged.value.as_deref());
            answered.is_some_and(|value| {
                value != row.expected
                    && !row.siblings.iter().any(|sibling| sibling == value)
                    && planted.contains(value)
            })
        })
        .count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(beyond: Beyond, prompts: &[(Hay, u64)]) -> Option<String> {
        let prompts = prompts.iter().map(|(hay, repeated_tokens)| Repeats {
            hay: *hay,
            repeated_tokens: *repeated_tokens,
            text_tokens: 1_000,
        });
        repeats(prompts, beyond)
    }

    #[test]
    fn haystacks_that_repeat_by_design_are_no_warning() {
        let by_design = [(Hay::Noise, 900), (Hay::Made, 20), (Hay::Corpus, 0)];
        for beyond in [Beyond::Refused, Beyond::Repeated, Beyond::Generated] {
            assert_eq!(told(beyond, &by_design), None);
        }
    }

    #[test]
    fn rounding_sentences_and_a_corpus_read_again_are_told_apart_with_their_share() {
        let prompts = [
            (Hay::Noise, 900),
            (Hay::Corpus, 20),
            (Hay::Numbers, 240),
            (Hay::Corpus, 0),
        ];
        assert_eq!(
            told(Beyond::Refused, &prompts).expect("a warning"),
            "sentences stand twice in 2 prompts, which they round to an exact length: up to 24 % of a prompt"
        );
        assert_eq!(
            told(Beyond::Repeated, &prompts[..2]).expect("a warning"),
            "text is repeated in 1 prompt, where the corpus has ended (--beyond repeated): up to 2 % of a prompt stands in it a second time"
        );
    }
}
