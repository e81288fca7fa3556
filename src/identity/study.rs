//! A whole identification: what will be asked, asking it, and what all signals come to.

use super::asker::{Asker, Floor, Halt, Side, now_ms};
use super::budget::{Budget, Spent};
use super::coverage::{self, Missing};
use super::cutting::{self, Cuts};
use super::equality::{self, Design, Equality, Sampled};
use super::fields::{self, Fields};
use super::fingerprint::{self, Fingerprint};
use super::greedy::{self, Answers};
use super::inflation;
use super::known::{CUTS, Known, Table};
use super::limits::{self, Limits};
use super::probes::{PROBES, framed};
use super::record::{Attempt, Record};
use super::self_description::{self, Said};
use super::signal::{Hypothesis, Says, Signal, Verdict, weigh};
use super::special::{self, Seen};
use super::twist::{self, Expected};
use super::vector::{self, Vector};
use crate::endpoint::Endpoint;
use crate::journal::Outcome;
use crate::rope::Rope;
use crate::seed::Stream;
use crate::tokens::Tokenizer;
use serde::Serialize;

/// How much is asked.
#[derive(Clone, Debug)]
pub struct Options {
    /// The long text of the twist; none where it is left out or does not fit the window.
    pub haystack: Option<Rope>,
    /// How many tokens it has, counted with o200k.
    pub haystack_tokens: u64,
    /// A text longer than the target's declared window, where asking it is free.
    pub overlong: Option<Rope>,
    /// The test of the answers, where there is a reference and it is wanted.
    pub equality: Option<Design>,
    /// The same test behind the long text.
    pub long_equality: Option<Design>,
    /// Attempts after the first where a failure may pass.
    pub retries: u32,
}

/// What one signal will take of one side, at most.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Planned {
    /// The signal.
    pub signal: &'static str,
    /// Questions.
    pub questions: u64,
    /// Prompt tokens, counted with o200k.
    pub prompt_tokens: u64,
    /// Tokens of answers.
    pub output_tokens: u64,
}

/// What will be asked of each side: the target, and the reference where there is one.
///
/// # Errors
/// When the bundled tokenizer cannot be loaded.
pub fn plan(options: &Options, has_reference: bool) -> anyhow::Result<Vec<(Side, Planned)>> {
    let tokenizer = Tokenizer::bundled("o200k")?;
    let count = |text: &str| tokenizer.count(text);
    let mut vector_tokens = count(&framed(""))?;
    for probe in PROBES {
        vector_tokens += count(&framed(&probe.text()))?;
    }
    let row = |signal, questions: u64, prompt_tokens, each_output: u64| Planned {
        signal,
        questions,
        prompt_tokens,
        output_tokens: questions * each_output,
    };
    let probes = PROBES.len() as u64 + 1;
    let cuts = CUTS as u64;
    let specials = special::TOKENS.len() as u64 + 1;
    let greedy = 2 * greedy::PROMPTS.len() as u64;
    let own = self_description::PROMPTS.len() as u64;
    let both = [
        row(vector::NAME, probes, vector_tokens, 1),
        row(cutting::NAME, cuts, cuts * 60, cuts),
        row(special::NAME, specials, specials * 35, 24),
        row(greedy::NAME, greedy, greedy * 25, greedy::OUTPUT_TOKENS),
    ];
    let mut planned: Vec<(Side, Planned)> = Vec::new();
    planned.extend(both.iter().map(|row| (Side::Target, row.clone())));
    if let Some(overlong) = &options.overlong {
        let tokens = overlong.raw_bytes() / 4;
        planned.push((Side::Target, row(limits::NAME, 1, tokens, 1)));
    }
    planned.push((
        Side::Target,
        row(
            self_description::NAME,
            own,
            own * 35,
            self_description::OUTPUT_TOKENS,
        ),
    ));
    if options.haystack.is_some() {
        let questions = probes + cuts;
        let tokens = questions * options.haystack_tokens + vector_tokens + cuts * 60;
        planned.push((Side::Target, row(twist::NAME, questions, tokens, cuts)));
    }
    if has_reference {
        planned.extend(both.iter().map(|row| (Side::Reference, row.clone())));
    }
    for (name, design, before) in [
        (equality::NAME, options.equality, 0),
        (
            equality::LONG_NAME,
            options.long_equality,
            options.haystack_tokens,
        ),
    ] {
        for (side, Design { prompts, samples }) in [Side::Target, Side::Reference]
            .into_iter()
            .zip(design.into_iter().cycle())
        {
            let questions = (prompts * samples) as u64;
            if questions > 0 {
                let tokens = questions * (before + 20);
                planned.push((side, row(name, questions, tokens, equality::OUTPUT_TOKENS)));
            }
        }
    }
    // The fingerprint is taken again at the end.
    planned.push((Side::Target, row("fingerprint at the end", 4, 900, 1)));
    Ok(planned)
}

/// Who is asked.
#[derive(Clone, Copy)]
pub struct Asked<'a> {
    /// The one in question.
    pub target: &'a dyn Endpoint,
    /// What the two are called: as typed.
    pub names: [&'a str; 2],
    /// The one that it is held against.
    pub reference: Option<&'a dyn Endpoint>,
    /// Questions at a time, of each.
    pub concurrency: [usize; 2],
}

/// Where attempts are written, and what they may cost.
#[derive(Clone, Copy)]
pub struct Ledger<'a> {
    /// The attempts.
    pub record: &'a Record,
    /// The caps.
    pub budget: &'a Budget,
}

/// What was seen of one side.
#[derive(Default)]
struct Observed {
    vector: Vector,
    cuts: Cuts,
    special: Vec<Seen>,
    greedy: Answers,
    limits: Limits,
    samples: Sampled,
    long_samples: Sampled,
}

/// The result, as it stands in `identity.json`.
#[derive(Debug, Serialize)]
pub struct Identity {
    /// Version of the format.
    pub schema: u32,
    /// The program's version.
    pub depthfinder: String,
    /// When it began, in milliseconds since 1970.
    pub began_ms: u64,
    /// The target as typed.
    pub target: String,
    /// The model that it was asked for.
    pub model: String,
    /// The reference as typed; null where there is none.
    pub reference: Option<String>,
    /// What all signals come to, a hypothesis each.
    pub verdicts: Vec<Verdict>,
    /// The signals.
    pub signals: Vec<Signal>,
    /// What it looked like at the start and at the end.
    pub fingerprints: Vec<Fingerprint>,
    /// What was used.
    pub spent: Spent,
    /// Why not everything was asked and answered; null where it was.
    pub stopped: Option<String>,
    /// What was planned and not measured.
    pub missing: Vec<Missing>,
    /// Every attempt.
    pub attempts: Vec<Attempt>,
}

impl Identity {
    /// True where no question had an answer.
    pub fn is_silent(&self) -> bool {
        let mut outcomes = self.attempts.iter().map(|attempt| &attempt.outcome);
        !outcomes.any(|outcome| matches!(outcome, Outcome::Reply(_)))
    }

    /// How the verdicts stand: one against decides; one for the reference, or else for the name, is
    /// enough where long prompts and reported tokens leave no doubt.
    pub fn says(&self) -> Says {
        let any = |says: Says| self.verdicts.iter().any(|verdict| verdict.says == says);
        let asked = |hypothesis: Hypothesis| {
            let found = self
                .verdicts
                .iter()
                .find(|verdict| verdict.hypothesis == hypothesis);
            found.map(|verdict| verdict.says)
        };
        if any(Says::NotConsistent) {
            return Says::NotConsistent;
        }
        // A reference was named: what does not tell about it is no answer.
        let main = match &self.reference {
            Some(_) => asked(Hypothesis::Reference),
            None => asked(Hypothesis::Name),
        };
        // Nor is the rest in order where it cannot be told.
        let is_open = [Hypothesis::Long, Hypothesis::Usage]
            .into_iter()
            .any(|hypothesis| asked(hypothesis) == Some(Says::Undecided));
        match main {
            Some(says) if !is_open => says,
            _ => Says::Undecided,
        }
    }
}

/// Asks everything and weighs it. Where nothing more can be asked, what was seen so far is weighed.
pub async fn identify(
    asked: Asked<'_>,
    options: &Options,
    table: &Table,
    claimed: &[&Known],
    ledger: Ledger<'_>,
    stream: &mut Stream,
    progress: &mut (dyn FnMut(&str) + Send),
) -> (Identity, Option<Halt>) {
    let began_ms = now_ms();
    let Ledger { record, budget } = ledger;
    let asker = |endpoint, side, concurrency| Asker {
        endpoint,
        side,
        record,
        budget,
        retries: options.retries,
        concurrency,
        floor: Floor::default(),
    };
    let target = asker(asked.target, Side::Target, asked.concurrency[0]);
    let reference = asked
        .reference
        .map(|endpoint| asker(endpoint, Side::Reference, asked.concurrency[1]));
    let mut ours = Observed::default();
    let mut theirs = Observed::default();
    let mut long = None;
    let mut said = Vec::new();
    let mut end = None;
    let halted = ask_all(
        &target,
        reference.as_ref(),
        options,
        (&mut ours, &mut theirs),
        (&mut long, &mut said, &mut end),
        progress,
    )
    .await
    .err();
    let attempts = record.attempts();
    let model = asked.target.served().model.clone();
    let fields = Fields::of(&attempts, Side::Target);
    let reference_fields = reference
        .as_ref()
        .map(|_| Fields::of(&attempts, Side::Reference));
    let mut signals = signals(
        options,
        table,
        claimed,
        (&ours, reference.as_ref().map(|_| &theirs)),
        stream,
    );
    if let Some((vector, cuts)) = &long {
        signals.extend(twisted(&ours, (vector, cuts), options, table));
    }
    signals.push(fields::signal(&model, &fields, reference_fields.as_ref()));
    if !said.is_empty() {
        signals.push(self_description::signal(&said));
    }
    let mut fingerprints = vec![Fingerprint::of(&ours.vector, &fields)];
    if let Some(end) = end {
        fingerprints.push(end);
    }
    if let [first, last] = &fingerprints[..] {
        signals.push(fingerprint::steadiness(first, last));
    }
    let against = |hypothesis| match hypothesis {
        Hypothesis::Name => {
            let names: Vec<&str> = claimed.iter().map(|known| known.name.as_str()).collect();
            format!("the tokenizer of its name ({})", names.join(" or "))
        }
        Hypothesis::Reference => asked.names[1].to_owned(),
        Hypothesis::Long => "itself without the long text".to_owned(),
        Hypothesis::Usage => "an honest count of tokens".to_owned(),
    };
    let mut verdicts: Vec<Verdict> = [
        Hypothesis::Reference,
        Hypothesis::Name,
        Hypothesis::Long,
        Hypothesis::Usage,
    ]
    .into_iter()
    .filter_map(|hypothesis| weigh(hypothesis, &against(hypothesis), &signals))
    .collect();
    let has_reference = reference.is_some();
    // Loading the tokenizer succeeded when the plan was shown.
    let planned = plan(options, has_reference).unwrap_or_default();
    let missing = coverage::missing(&planned, &attempts, halted.is_some());
    coverage::withhold(&mut verdicts, &missing, against);
    let identity = Identity {
        schema: super::record::SCHEMA,
        depthfinder: env!("CARGO_PKG_VERSION").to_owned(),
        began_ms,
        target: asked.names[0].to_owned(),
        model,
        reference: reference.as_ref().map(|_| asked.names[1].to_owned()),
        verdicts,
        signals,
        fingerprints,
        spent: budget.spent(),
        stopped: halted
            .as_ref()
            .map(Halt::words)
            .or_else(|| coverage::unanswered(&attempts)),
        missing,
        attempts,
    };
    (identity, halted)
}

type Extras<'o> = (
    &'o mut Option<(Vector, Cuts)>,
    &'o mut Vec<Said>,
    &'o mut Option<Fingerprint>,
);

async fn ask_all(
    target: &Asker<'_>,
    reference: Option<&Asker<'_>>,
    options: &Options,
    (ours, theirs): (&mut Observed, &mut Observed),
    (long, said, end): Extras<'_>,
    progress: &mut (dyn FnMut(&str) + Send),
) -> Result<(), Halt> {
    for (asker, observed) in [(Some(target), &mut *ours), (reference, &mut *theirs)] {
        let Some(asker) = asker else {
            continue;
        };
        let side = asker.side.name();
        progress(&format!("{side}: {}", vector::NAME));
        observed.vector = Vector::measure(asker, vector::NAME, PROBES, None).await?;
        progress(&format!("{side}: {}", cutting::NAME));
        observed.cuts = Cuts::measure(asker, cutting::NAME, None).await?;
        progress(&format!("{side}: {}", special::NAME));
        observed.special = special::measure(asker).await?;
        progress(&format!("{side}: {}", greedy::NAME));
        observed.greedy = greedy::measure(asker).await?;
        let overlong = options
            .overlong
            .as_ref()
            .filter(|_| asker.side == Side::Target);
        observed.limits = limits::measure(asker, overlong).await?;
    }
    progress(self_description::NAME);
    *said = self_description::measure(target).await?;
    if let Some(haystack) = &options.haystack {
        progress(twist::NAME);
        let vector = Vector::measure(target, twist::NAME, PROBES, Some(haystack)).await?;
        let cuts = Cuts::measure(target, twist::NAME, Some(haystack)).await?;
        *long = Some((vector, cuts));
    }
    let rounds = [
        (options.equality, None),
        (options.long_equality, options.haystack.as_ref()),
    ];
    for (design, haystack) in rounds {
        let (Some(design), Some(reference)) = (design, reference) else {
            continue;
        };
        for (asker, observed) in [(target, &mut *ours), (reference, &mut *theirs)] {
            progress(&format!("{}: {}", asker.side.name(), equality::NAME));
            let samples = equality::sample(asker, design, haystack).await?;
            match haystack {
                None => observed.samples = samples,
                Some(_) => observed.long_samples = samples,
            }
        }
    }
    let last = fingerprint::again(target).await?;
    let attempts = target.record.attempts();
    let fields = Fields::of(&attempts[attempts.len().saturating_sub(4)..], Side::Target);
    let mut print = Fingerprint::of(&Vector::default(), &fields);
    print.counts = std::iter::once(last.base_tokens.map(|base| base as i64))
        .chain(last.deltas)
        .collect();
    *end = Some(print);
    Ok(())
}

fn signals(
    options: &Options,
    table: &Table,
    claimed: &[&Known],
    (ours, theirs): (&Observed, Option<&Observed>),
    stream: &mut Stream,
) -> Vec<Signal> {
    let known = &table.known;
    let their_vector = theirs.map(|theirs| &theirs.vector);
    let factor = their_vector.and_then(|theirs| vector::factor(&ours.vector, theirs));
    let mut signals = vec![
        vector::signal(&ours.vector, their_vector, known, claimed),
        inflation::signal(&ours.vector, their_vector, known, claimed),
        cutting::signal(
            &ours.cuts,
            theirs.map(|theirs| &theirs.cuts),
            known,
            claimed,
        ),
        special::signal(
            &ours.special,
            theirs.map(|theirs| &theirs.special[..]),
            factor,
        ),
        greedy::signal(&ours.greedy, theirs.map(|theirs| &theirs.greedy)),
        limits::signal(&ours.limits, theirs.map(|theirs| &theirs.limits)),
    ];
    let Some(theirs) = theirs else {
        return signals;
    };
    let rounds = [
        (
            equality::NAME,
            options.equality,
            &ours.samples,
            &theirs.samples,
        ),
        (
            equality::LONG_NAME,
            options.long_equality,
            &ours.long_samples,
            &theirs.long_samples,
        ),
    ];
    let tests = rounds
        .iter()
        .filter(|(_, design, ..)| design.is_some())
        .count();
    for (name, design, target, reference) in rounds {
        let Some(design) = design.filter(|_| !target.is_empty() && !reference.is_empty()) else {
            continue;
        };
        let equality = Equality::of(target, reference, design, stream);
        signals.push(equality::signal(name, &equality, tests));
    }
    signals
}

/// None where the tokenizer that the long text is counted with cannot be loaded.
fn twisted(
    short: &Observed,
    (vector, cuts): (&Vector, &Cuts),
    options: &Options,
    table: &Table,
) -> Option<Signal> {
    let haystack = options.haystack.as_ref()?;
    let expected = Expected::of(haystack, &short.vector, &table.known).ok()?;
    let mut signal = twist::signal(&short.vector, vector, expected, &table.known);
    cutting::compare(cuts, &short.cuts, Hypothesis::Long, &mut signal);
    signal.observed = serde_json::json!({"vector": vector, "cuts": cuts});
    Some(signal)
}
