//! Controls of a study: what the model does where the answer is plain, and where it cannot be known.

use super::RungSummary;
use crate::corpus::Corpus;
use crate::journal::{Control, ControlKind};
use crate::prompt::Part;
use crate::run::is_right;
use crate::stats::{GuessCorrected, Tally, guess_corrected};
use serde::{Deserialize, Serialize};

/// Characters of a passage on either side of a leaked answer.
const PASSAGE_CHARACTERS: usize = 80;
/// Chance that the lower bound of the guess-corrected rate is too high.
const GUESS_ALPHA: f64 = 0.05;

/// Controls of one kind.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ControlSummary {
    /// What they are.
    pub kind: ControlKind,
    /// Answers.
    pub answered: u64,
    /// Right ones.
    pub right: u64,
    /// Those without an answer.
    pub void: u64,
    /// The longest of them, in tokens.
    pub longest_tokens: u64,
}

/// A right answer to a question that nothing answers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Leak {
    /// Which control.
    pub kind: ControlKind,
    /// Its number in the journal.
    pub control: u64,
    /// Length of its prompt in tokens.
    pub length_tokens: u64,
    /// The question.
    pub question: String,
    /// What was answered.
    pub answer: String,
    /// Where the answer stands in the prompt, with what is around it; none where it stands nowhere.
    pub passage: Option<String>,
}

/// The success rate without what guessing gives. It is shown and decides nothing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Guess {
    /// The length, in tokens: the claim, or the longest one that was answered.
    pub length_tokens: u64,
    /// What was asked there.
    pub answers: Tally,
    /// The questions whose answer could not be known: without the fact, and without any text.
    pub controls: Tally,
    /// The corrected rate with its bounds.
    #[serde(flatten)]
    pub corrected: GuessCorrected,
}

/// Kinds of controls that have a right answer.
const KINDS: [ControlKind; 5] = [
    ControlKind::ShortContext,
    ControlKind::NeedleOnly,
    ControlKind::NoContext,
    ControlKind::NoNeedle,
    ControlKind::AbsentNeedle,
];

/// What controls of each kind came to.
pub(super) fn controls(controls: &[Control]) -> Vec<ControlSummary> {
    KINDS
        .iter()
        .filter_map(|kind| {
            let of_kind = || controls.iter().filter(|control| control.kind == *kind);
            let longest = of_kind().map(|control| control.length_tokens).max()?;
            let count = |wanted: Option<bool>| {
                of_kind()
                    .filter(|control| is_right(control) == wanted)
                    .count() as u64
            };
            Some(ControlSummary {
                kind: *kind,
                answered: count(Some(true)) + count(Some(false)),
                right: count(Some(true)),
                void: count(None),
                longest_tokens: longest,
            })
        })
        .collect()
}

/// The controls that were answered rightly where nothing could be known.
pub(super) fn leaks(controls: &[Control], corpus: Option<&Corpus>) -> Vec<Leak> {
    controls
        .iter()
        .filter(|control| matches!(control.kind, ControlKind::NoNeedle | ControlKind::NoContext))
        .filter(|control| is_right(control) == Some(true))
        .filter_map(|control| {
            let item = control.item.as_ref()?;
            Some(Leak {
                kind: control.kind,
                control: control.control,
                length_tokens: control.length_tokens,
                question: item.question.clone(),
                answer: control.reply()?.text.trim().to_string(),
                passage: corpus.and_then(|corpus| passage(control, &item.expected, corpus)),
            })
        })
        .collect()
}

/// Where a value stands in a control's prompt.
fn passage(control: &Control, value: &str, corpus: &Corpus) -> Option<String> {
    let text = Part::rope(&control.prompt.parts, corpus).ok()?.text();
    let at = text.find(value)?;
    let from = text.floor_char_boundary(at.saturating_sub(PASSAGE_CHARACTERS));
    let to = text.ceil_char_boundary((at + value.len() + PASSAGE_CHARACTERS).min(text.len()));
    Some(text[from..to].replace('\n', " "))
}

/// Abbott's correction at the longest answered length of the ladder; none where no control without
/// the fact was answered.
pub(super) fn guess(rungs: &[RungSummary], controls: &[ControlSummary]) -> Option<Guess> {
    let rung = rungs.iter().rev().find(|rung| rung.tally.answered() > 0)?;
    let unknowable = controls
        .iter()
        .filter(|control| matches!(control.kind, ControlKind::NoNeedle | ControlKind::NoContext))
        .map(|control| Tally {
            right: control.right,
            wrong: control.answered - control.right,
            void: control.void,
        })
        .sum::<Tally>();
    (unknowable.answered() > 0).then(|| Guess {
        length_tokens: rung.nominal_tokens,
        answers: rung.tally,
        controls: unknowable,
        corrected: guess_corrected(rung.tally, unknowable, GUESS_ALPHA),
    })
}
