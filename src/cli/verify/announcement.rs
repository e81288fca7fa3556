//! The plan of a verification as it is told before the first question: lengths, questions, tokens, price and time.

use crate::cli::inquiry::Opened;
use crate::number::{chance, counted, grouped, percent};
use crate::seed::Secret;
use crate::sim::Truth;
use crate::stats::Tally;
use crate::study::{Layout, Registered, forecast};
use crate::task::Task;
use anyhow::Result;

/// Plays of each supposed truth.
const PLAYS: u32 = 100;
/// What may be true of the model, and the simulated model that behaves so.
const TRUTHS: &[(&str, &str)] = &[
    ("finds everything", "perfect"),
    ("finds 95 % at every length", "flat=0.95"),
    ("fails as Llama 4 Scout did", "scout"),
];

/// Tells the plan line by line.
pub fn told(
    registered: &Registered,
    tasks: &[Task],
    opened: &Opened,
    say: &mut dyn FnMut(&str),
) -> Result<()> {
    let claim = &registered.claim;
    let source = claim
        .source
        .as_ref()
        .map_or(String::new(), |source| format!(" ({source})"));
    say(&format!(
        "claim: {} tokens{source}; VERIFIED needs {} right at each of {}, REFUTED less at one; error at most {} each way",
        grouped(claim.tokens),
        match registered.relative {
            true => format!("{} of the short-context rate", percent(registered.tau)),
            false => percent(registered.tau),
        },
        counted(registered.rungs.len() as u64, "length"),
        chance(registered.alpha)
    ));
    let kinds = u64::from(registered.kinds);
    if kinds > 1 {
        let names = tasks
            .iter()
            .map(|task| format!("{} ({})", task.kind().words(), task.name()));
        say(&format!(
            "{}, a verdict on each: {}; the error is that of any of them, {} for each{}",
            counted(kinds, "kind") + " of use",
            names.collect::<Vec<_>>().join(", "),
            chance(registered.of_one_kind().alpha),
            match registered.stop_at_first {
                true => "; the first that is refuted ends the others",
                false => "",
            }
        ));
    }
    for rung in &registered.rungs {
        let most = match rung.most {
            Some(most) if kinds > 1 => format!("at most {most:>4} questions of each kind"),
            Some(most) => format!("at most {most:>4} questions"),
            None => "no last question".to_string(),
        };
        say(&format!(
            "{:>12} tokens ({} to {})  {most}",
            grouped(rung.nominal_tokens),
            grouped(rung.low_tokens),
            grouped(rung.high_tokens)
        ));
    }
    if registered.relative {
        say(&format!(
            "before them: {} questions in short contexts, which the threshold is made of",
            registered.base_questions * kinds
        ));
    }
    if registered.layout == Layout::Shared {
        say("layout shared: five haystacks a length; the verdict is one on these haystacks");
    }
    let output = opened.asking.max_output_tokens;
    let costs = |tokens: f64, questions: f64| match opened.price {
        _ if opened.free => String::new(),
        None => ", price not known".to_string(),
        Some(price) => format!(
            ", ${:.2}",
            price.usd(tokens as u64, (questions * output as f64) as u64)
        ),
    };
    let takes = |tokens: f64| {
        format!(
            "{:.1} h at 300 tokens a second, {:.1} h at 10,000",
            tokens / 300.0 / 3600.0,
            tokens / 10_000.0 / 3600.0
        )
    };
    // The numbers of the tests alone are forecast; where the threshold is relative to a rate that is
    // not known yet, for a model that is right in nine of ten short contexts.
    let base = Tally {
        right: registered.base_questions * 9 / 10,
        wrong: registered.base_questions.div_ceil(10),
        void: 0,
    };
    let mut plain = registered.clone();
    plain.search = None;
    // Every kind is supposed to behave alike.
    let study = plain.of_one_kind().study(base);
    if registered.most_tokens().is_some() {
        for (name, truth) in TRUTHS {
            let truth = Truth::parse(truth)?;
            let mut stream = Secret::from_hex("f0")?.key("").stream("forecast", &[]);
            let recall = |tokens, depth| truth.recall(tokens, depth);
            let expected = forecast(&study, PLAYS, &recall, &mut stream);
            let questions = kinds as f64 * expected.mean_questions;
            let tokens = kinds as f64 * expected.mean_tokens;
            say(&format!(
                "if it {name}: about {} with {} prompt tokens{} ({})",
                counted(questions.round() as u64, "question"),
                grouped(tokens.round() as u64),
                costs(tokens, questions),
                takes(tokens)
            ));
        }
    }
    say(
        &match (registered.most_tokens(), registered.most_questions()) {
            (Some(tokens), Some(questions)) => format!(
                "at worst: {} questions with {} prompt tokens{}, before void ones that are asked again; controls add 5 % at most",
                grouped(questions),
                grouped(tokens),
                costs(tokens as f64, questions as f64)
            ),
            _ => "at worst: without end (--open); a cap such as --max-tokens ends it".to_string(),
        },
    );
    if registered.search.is_some() {
        say("the search goes on after the verdict; --max-tokens or --max-cost ends it");
    }
    Ok(())
}
