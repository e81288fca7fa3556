//! A claim over several kinds of use: a verdict on each, and what they come to together.

use super::quote;
use super::verification::{Verification, verification};
use crate::ground::Corpora;
use crate::journal::{Loaded, RunFile};
use crate::number::{chance, counted, grouped, percent};
use crate::run::Standing;
use crate::stats::Tally;
use crate::study::{Headline, Registered};
use crate::task::Kind;
use serde::{Deserialize, Serialize};

/// The kinds that must all be verified for a verdict that names none: a search for words passes
/// the first of them.
const UNQUALIFIED: [Kind; 3] = [Kind::Literal, Kind::Associative, Kind::Aggregate];

/// The verdicts on a claim over several kinds of use.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Verdicts {
    /// One sentence that can be quoted.
    pub sentence: String,
    /// One paragraph with the numbers that all kinds share.
    pub paragraph: String,
    /// What the kinds come to together: verified where all are, refuted where any is.
    pub headline: Headline,
    /// True where the claim is verified for literal, associative and aggregate use and whatever
    /// else was asked, so that the verdict names no kind.
    pub is_unqualified: bool,
    /// The plan of all kinds, registered before the first question.
    pub plan: Registered,
    /// Its digest.
    pub plan_hash: Option<String>,
    /// Each kind's own, from the simplest on.
    pub kinds: Vec<KindVerdict>,
    /// Questions of all kinds.
    pub questions: u64,
    /// Tokens of their prompts.
    pub tokens: u64,
    /// Tokens of the controls' prompts.
    pub control_tokens: u64,
}

/// The verdict on one kind of use.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct KindVerdict {
    /// The kind.
    pub kind: Kind,
    /// The task that stands for it.
    pub task: String,
    /// Its study, with its share of alpha.
    pub verification: Verification,
}

impl KindVerdict {
    /// The kind and its task: `aggregation (sum)`.
    pub fn name(&self) -> String {
        format!("{} ({})", self.kind.words(), self.task)
    }

    fn headline(&self) -> Headline {
        self.verification.verdict.headline
    }

    /// `effective length below 40,000 tokens`.
    pub fn effective_length(&self) -> String {
        match self.verification.certified_words() {
            Some(words) => format!("effective length {words}"),
            None => "effective length not certified".to_owned(),
        }
    }
}

/// The verdicts of a run that tests several kinds of use; none where it tests one.
pub fn verdicts(
    run: &RunFile,
    standing: &Standing,
    loaded: &Loaded,
    corpora: &Corpora,
) -> Option<Verdicts> {
    let plan = &standing.studies.registered;
    if plan.kinds < 2 {
        return None;
    }
    let kinds = run
        .grid
        .tasks
        .iter()
        .enumerate()
        .map(|(at, task)| KindVerdict {
            kind: task.kind(),
            task: task.name().to_owned(),
            verification: verification(run, standing, loaded, corpora, at),
        });
    Some(Verdicts::of(&run.served.model, plan, kinds.collect()))
}

impl Verdicts {
    /// What the kinds' verdicts come to.
    pub fn of(model: &str, plan: &Registered, mut kinds: Vec<KindVerdict>) -> Verdicts {
        kinds.sort_by_key(|kind| kind.kind);
        let is = |kind: &KindVerdict, among: &[Headline]| among.contains(&kind.headline());
        let all = |among: &[Headline]| kinds.iter().all(|kind| is(kind, among));
        let any = |among: &[Headline]| kinds.iter().any(|kind| is(kind, among));
        use Headline::{NotServed, Refuted, Undecided, Verified, VerifiedExcept};
        let headline = match () {
            () if any(&[Refuted]) => Refuted,
            () if any(&[NotServed]) => NotServed,
            () if all(&[Verified]) => Verified,
            () if all(&[Verified, VerifiedExcept]) => VerifiedExcept,
            () => Undecided,
        };
        let asked = |wanted: &Kind| kinds.iter().any(|kind| kind.kind == *wanted);
        let sum =
            |of: fn(&Verification) -> u64| kinds.iter().map(|kind| of(&kind.verification)).sum();
        let mut verdicts = Verdicts {
            sentence: String::new(),
            paragraph: String::new(),
            is_unqualified: headline == Verified && UNQUALIFIED.iter().all(asked),
            headline,
            plan: plan.clone(),
            plan_hash: kinds
                .first()
                .and_then(|kind| kind.verification.plan_hash.clone()),
            questions: sum(|one| one.questions),
            tokens: sum(|one| one.tokens),
            control_tokens: sum(|one| one.control_tokens),
            kinds,
        };
        verdicts.tell(model);
        verdicts
    }

    /// Writes sentence and paragraph anew.
    pub fn tell(&mut self, model: &str) {
        self.sentence = self.told(model);
        self.paragraph = self.accounts();
    }

    /// The verdict in capitals with the kinds that it is about, grouped by what they came to:
    /// `VERIFIED for literal retrieval; REFUTED for aggregation`.
    pub fn headline(&self) -> String {
        self.grouped(&|_| String::new())
    }

    /// The claim as people read it: `10M tokens`.
    pub fn claim(&self) -> String {
        quote::claim(&self.plan.claim)
    }

    fn grouped(&self, beside: &dyn Fn(&KindVerdict) -> String) -> String {
        if self.is_unqualified {
            return Headline::Verified.word().to_owned();
        }
        let named = |kind: &KindVerdict| format!("{}{}", kind.kind.words(), beside(kind));
        let group = |among: &[Headline]| -> Option<String> {
            let inside = self
                .kinds
                .iter()
                .filter(|kind| among.contains(&kind.headline()));
            let names: Vec<String> = inside.map(named).collect();
            let word = among.first()?.word();
            (!names.is_empty()).then(|| format!("{word} for {}", listed(&names)))
        };
        let except = |kind: &&KindVerdict| kind.headline() == Headline::VerifiedExcept;
        let mut groups: Vec<String> = group(&[Headline::Verified]).into_iter().collect();
        let excepted = self.kinds.iter().filter(except);
        groups.extend(
            excepted.map(|kind| format!("{}{}", kind.verification.headline(), beside(kind))),
        );
        groups.extend(group(&[Headline::Refuted, Headline::NotServed]));
        groups.extend(group(&[Headline::Undecided]));
        groups.join("; ")
    }

    /// The verdicts in one sentence.
    fn told(&self, model: &str) -> String {
        let plan = &self.plan;
        let claim = self.claim();
        let error = format!(
            "chance that any of these verdicts is wrong: {} at most",
            chance(plan.alpha)
        );
        let tau = percent(plan.tau);
        let (does, must) = match plan.relative {
            true => (
                format!("is right at least {tau} as often as in short texts"),
                format!("be right at least {tau} as often as in short texts"),
            ),
            false => (
                format!("answers at least {tau} of the questions right"),
                format!("answer at least {tau} of the questions right"),
            ),
        };
        if self.headline == Headline::Verified {
            let kinds = self.kinds.iter().map(|kind| {
                let counts = quote::of(at_claim(&kind.verification));
                format!("{} ({counts} there)", kind.kind.words())
            });
            return format!(
                "{}: {model} {does} at every tested length up to its claimed {claim}, in {}; {error}.",
                self.headline(),
                listed(&kinds.collect::<Vec<_>>())
            );
        }
        let beside = |kind: &KindVerdict| match kind.headline() {
            Headline::Refuted | Headline::NotServed => format!(" ({})", kind.effective_length()),
            _ => String::new(),
        };
        let kinds: Vec<String> = self
            .kinds
            .iter()
            .map(|kind| format!("in {}, {}", kind.kind.words(), came_to(&kind.verification)))
            .collect();
        format!(
            "{}: the claimed window of {model} is {claim}, up to which it must {must} in every kind of use; {}; {error}.",
            self.grouped(&beside),
            kinds.join("; ")
        )
    }

    /// The numbers that all kinds share.
    fn accounts(&self) -> String {
        let plan = &self.plan;
        let names: Vec<String> = self.kinds.iter().map(KindVerdict::name).collect();
        let lengths: Vec<String> = self
            .kinds
            .iter()
            .map(|kind| format!("{} {}", kind.kind.words(), of_length(kind)))
            .collect();
        format!(
            "It took {} with {} prompt tokens in {}: {}. Each kind has a verdict of its own that is wrong with a chance of {} at most, so that any of the {} is with {} at most, either way. Effective length, certified: {}.",
            counted(self.questions, "question"),
            grouped(self.tokens),
            counted(self.kinds.len() as u64, "kind") + " of use",
            listed(&names),
            chance(plan.of_one_kind().alpha),
            self.kinds.len(),
            chance(plan.alpha),
            lengths.join("; ")
        )
    }
}

fn of_length(kind: &KindVerdict) -> String {
    let words = kind.verification.certified_words();
    words.unwrap_or_else(|| "not known".to_owned())
}

fn at_claim(verification: &Verification) -> Tally {
    let top = verification.rungs.last();
    top.map_or(Tally::default(), |rung| rung.tally)
}

/// What decided a kind, as a clause.
fn came_to(verification: &Verification) -> String {
    let verdict = &verification.verdict;
    let claim_tokens = verification.plan.claim.tokens;
    let at = |tokens: u64| {
        let rung = verification.rungs.iter();
        let mut there = rung.filter(|rung| rung.nominal_tokens == tokens);
        there.next().map_or(Tally::default(), |rung| rung.tally)
    };
    let witness = verdict.witness_tokens.unwrap_or(claim_tokens);
    match verdict.headline {
        Headline::Verified => format!(
            "{} at {} tokens",
            quote::share(at(claim_tokens)),
            grouped(claim_tokens)
        ),
        Headline::VerifiedExcept => {
            let bands: Vec<String> = verdict.dead_bands.iter().map(quote::depth).collect();
            format!(
                "{} at {} tokens, but depth {} fails",
                quote::share(at(claim_tokens)),
                grouped(claim_tokens),
                listed(&bands)
            )
        }
        Headline::Refuted => format!(
            "{} right at {} tokens",
            quote::found(at(witness)),
            grouped(witness)
        ),
        Headline::NotServed => format!(
            "prompts of about {} tokens are not served here",
            grouped(witness)
        ),
        Headline::Undecided => {
            let why = verdict.why.as_deref();
            why.unwrap_or("nothing was asked").to_owned()
        }
    }
}

/// `a`, `a and b`, `a, b and c`.
fn listed(items: &[String]) -> String {
    match items {
        [] => String::new(),
        [one] => one.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}
