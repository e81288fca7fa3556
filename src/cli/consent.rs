//! What a run will use and cost, announced before the first question.

use super::arguments::Inquiry;
use super::screen;
use crate::number::grouped;
use crate::plan::Plan;
use crate::price::Price;
use crate::run::{Caps, FingerprintCost};
use crate::study::Registered;
use anyhow::{Result, bail};

/// A run that costs more than this asks first.
const FREE_USD: f64 = 1.0;
/// A run of more prompt tokens than this asks first.
const FREE_TOKENS: u64 = 5_000_000;
/// Bytes per token of English prose, for the estimate of what is sent.
const BYTES_PER_TOKEN: f64 = 4.4;

/// What a plan needs at most, if no retry is made.
pub struct Estimate {
    pub trials: u64,
    pub prompt_tokens: u64,
    output_tokens: u64,
    price: Option<Price>,
    haystacks: usize,
    fingerprints: Option<FingerprintCost>,
}

impl Estimate {
    /// Of a whole plan.
    pub fn of(plan: &Plan, max_output_tokens: u64, price: Option<Price>) -> Estimate {
        let trials = plan.trials().count() as u64;
        Estimate {
            trials,
            prompt_tokens: plan.trials().map(|trial| trial.length_tokens).sum(),
            output_tokens: trials * max_output_tokens,
            price,
            haystacks: plan.groups.len(),
            fingerprints: None,
        }
    }

    /// Of a study at its worst. One without an end has none, and is not estimated.
    pub fn of_study(
        registered: &Registered,
        max_output_tokens: u64,
        price: Option<Price>,
    ) -> Estimate {
        let trials = registered.most_questions().unwrap_or(0);
        Estimate {
            trials,
            prompt_tokens: registered.most_tokens().unwrap_or(0),
            output_tokens: trials * max_output_tokens,
            price,
            haystacks: trials as usize,
            fingerprints: None,
        }
    }

    /// Of items of a set.
    pub fn of_items(
        trials: u64,
        prompt_tokens: u64,
        output_tokens: u64,
        price: Option<Price>,
    ) -> Estimate {
        Estimate {
            trials,
            prompt_tokens,
            output_tokens,
            price,
            haystacks: trials as usize,
            fingerprints: None,
        }
    }

    /// The same with the fingerprints that are taken of whoever answers.
    pub fn with_fingerprints(mut self, cost: Option<FingerprintCost>) -> Estimate {
        self.fingerprints = cost;
        self
    }

    fn usd(&self) -> Option<f64> {
        let (mut prompt, mut output) = (self.prompt_tokens, self.output_tokens);
        if let Some(cost) = self.fingerprints {
            (prompt, output) = (prompt + cost.prompt_tokens, output + cost.output_tokens);
        }
        self.price.map(|price| price.usd(prompt, output))
    }

    /// Prints what fingerprints add to the plan, where any are taken.
    pub fn print_fingerprints(&self) {
        if let Some(cost) = self.fingerprints {
            screen::out(&format!(
                "fingerprints: {} short questions more at the start, the middle and the end, about {} prompt tokens together, at most {} output tokens (--fingerprints never leaves them out)",
                cost.questions,
                grouped(cost.prompt_tokens),
                grouped(cost.output_tokens)
            ));
        }
    }

    /// Prints the plan.
    pub fn print(&self, plan: &Plan, connected_free: bool) {
        for task in &plan.grid.tasks {
            for length in &plan.grid.lengths_tokens {
                let trials = plan
                    .trials()
                    .filter(|trial| trial.task == *task && trial.length_tokens == *length)
                    .count();
                screen::out(&format!(
                    "{:<14} {:>12} tokens  {:>5} trials  {:>15} prompt tokens",
                    task.name(),
                    grouped(*length),
                    trials,
                    grouped(length * trials as u64)
                ));
            }
        }
        screen::out(&format!(
            "total: {} trials on {} haystacks, {} prompt tokens (about {:.1} MB sent), at most {} output tokens",
            grouped(self.trials),
            self.haystacks,
            grouped(self.prompt_tokens),
            self.prompt_tokens as f64 * BYTES_PER_TOKEN / 1e6,
            grouped(self.output_tokens)
        ));
        self.print_price(connected_free);
    }

    /// Prints what the plan costs, in money and in time.
    pub fn print_price(&self, connected_free: bool) {
        self.print_fingerprints();
        screen::out(&match (self.usd(), connected_free) {
            (_, true) => "price: none, it runs on this machine".to_string(),
            (Some(usd), _) => format!(
                "price: at most ${usd:.2} by list price, without cached-token discounts and retries"
            ),
            (None, _) => "price: not known for this model (give --price IN,OUT)".to_string(),
        });
        // Prefill dominates: two speeds that bracket what is seen in practice.
        let hours = |tokens_per_second: f64| self.prompt_tokens as f64 / tokens_per_second / 3600.0;
        screen::out(&format!(
            "time: {:.2} h at 300 prompt tokens a second (a small model on two cores), {:.2} h at 10,000 (a GPU server), each without prefix cache",
            hours(300.0),
            hours(10_000.0)
        ));
    }

    /// Refuses to go on where money would be spent unasked.
    pub fn consent(&self, arguments: &Inquiry, caps: &Caps, free: bool) -> Result<()> {
        if caps.cost_usd.is_some() && self.price.is_none() {
            bail!(
                "--max-cost needs a known price: add --price IN,OUT in dollars per million tokens"
            );
        }
        match free {
            true => Ok(()),
            false => Estimate::consent_together(&[self], arguments, caps),
        }
    }

    /// The same for all that is paid for together.
    pub fn consent_together(paid: &[&Estimate], arguments: &Inquiry, caps: &Caps) -> Result<()> {
        if caps.cost_usd.is_some() && paid.iter().any(|one| one.price.is_none()) {
            bail!(
                "--max-cost needs a known price: add --price IN,OUT in dollars per million tokens"
            );
        }
        let capped = caps.cost_usd.is_some() || caps.tokens.is_some() || caps.trials.is_some();
        if paid.is_empty() || arguments.yes || capped {
            return Ok(());
        }
        let usd: Option<f64> = paid.iter().map(|one| one.usd()).sum();
        let prompt_tokens: u64 = paid.iter().map(|one| one.prompt_tokens).sum();
        let trials: u64 = paid.iter().map(|one| one.trials).sum();
        let why = match usd {
            None => "its price is not known".to_string(),
            Some(usd) if usd > FREE_USD => format!("it costs up to ${usd:.2}"),
            Some(_) if prompt_tokens > FREE_TOKENS => "it is a large run".to_string(),
            Some(_) => return Ok(()),
        };
        bail!(
            "this run asks {} trials with {} prompt tokens and {why}: add --yes, or a cap such as --max-tokens or --max-cost (--dry-run prints the plan)",
            grouped(trials),
            grouped(prompt_tokens)
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::answer::ValueType;
    use crate::cli::{Cli, Command};
    use crate::plan::{Depths, Grid, WordingChoice};
    use crate::prompt::QuestionAt;
    use crate::seed::Secret;
    use crate::task::Task;
    use clap::Parser;

    /// Ten questions of so many tokens each.
    fn estimate(length_tokens: u64, price: Option<&str>) -> Estimate {
        let grid = Grid {
            tasks: vec![Task::NIAH_MULTIKEY],
            lengths_tokens: vec![length_tokens],
            depths: Depths::parse("10").expect("depths"),
            samples: 1,
            keys: 5,
            values: ValueType::Numbers,
            wording: WordingChoice::Fixed,
            question_at: QuestionAt::End,
            language: "en".into(),
            question_language: None,
            beyond: Default::default(),
            difficulty: Default::default(),
        };
        let plan = Plan::new(grid, &Secret::from_hex("01").expect("hex").key(""));
        let price = price.map(|price| Price::parse(price).expect("a price"));
        Estimate::of(&plan, 64, price)
    }

    fn asked(estimate: &Estimate, typed: &str, caps: Caps, free: bool) -> Result<(), String> {
        let line = format!("depthfinder sweep openai:any {typed}");
        let Command::Sweep(arguments) = Cli::parse_from(line.split_whitespace()).command else {
            unreachable!("a sweep was typed");
        };
        estimate
            .consent(&arguments, &caps, free)
            .map_err(|error| error.to_string())
    }

    #[test]
    fn an_unknown_price_a_dollar_and_five_million_tokens_want_consent() {
        let none = Caps::default();
        for (length, price, why) in [
            (1_000, None, Some("its price is not known")),
            (1_000, Some("10,10"), None),
            (100_000, Some("1,0"), None),
            (100_001, Some("1,0"), Some("it costs up to $1.00")),
            (1_000, Some("0,2000"), Some("it costs up to $1.28")),
            (500_000, Some("0.1,0"), None),
            (500_001, Some("0.1,0"), Some("it is a large run")),
        ] {
            let estimate = estimate(length, price);
            let refusal = asked(&estimate, "", none, false).err();
            assert_eq!(refusal.is_some(), why.is_some(), "{length} {price:?}");
            if let (Some(refusal), Some(why)) = (refusal, why) {
                assert!(
                    refusal.contains(why) && refusal.contains("--yes"),
                    "{refusal}"
                );
                assert!(refusal.contains("10 trials"), "{refusal}");
            }
            // Said, or nothing to spend.
            assert_eq!(asked(&estimate, "--yes", none, false), Ok(()));
            assert_eq!(asked(&estimate, "", none, true), Ok(()));
        }
    }

    #[test]
    fn any_cap_is_consent_and_one_on_cost_wants_a_price() {
        let dear = estimate(100_000, Some("100,100"));
        let unknown = estimate(100_000, None);
        let trials = Caps {
            trials: Some(3),
            ..Caps::default()
        };
        let tokens = Caps {
            tokens: Some(1_000),
            ..Caps::default()
        };
        for caps in [trials, tokens] {
            assert_eq!(asked(&dear, "", caps, false), Ok(()));
            assert_eq!(asked(&unknown, "", caps, false), Ok(()));
        }
        let cost = Caps {
            cost_usd: Some(0.5),
            ..Caps::default()
        };
        assert_eq!(asked(&dear, "", cost, false), Ok(()));
        for typed in ["", "--yes"] {
            let refusal = asked(&unknown, typed, cost, false).expect_err("no price");
            assert!(
                refusal.contains("--max-cost needs a known price"),
                "{refusal}"
            );
        }
    }
}
