//! What a run will use and cost, announced before the first question.

use super::arguments::Sweep;
use super::screen;
use crate::number::grouped;
use crate::plan::Plan;
use crate::price::Price;
use crate::run::Caps;
use anyhow::{Result, bail};

/// A run that costs more than this asks first.
const FREE_USD: f64 = 1.0;
/// A run of more prompt tokens than this asks first.
const FREE_TOKENS: u64 = 5_000_000;
/// Bytes per token of English prose, for the estimate of what is sent.
const BYTES_PER_TOKEN: f64 = 4.4;

/// What a plan needs at most, if no retry is made.
pub struct Estimate {
    trials: u64,
    prompt_tokens: u64,
    output_tokens: u64,
    price: Option<Price>,
    haystacks: usize,
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
        }
    }

    fn usd(&self) -> Option<f64> {
        self.price
            .map(|price| price.usd(self.prompt_tokens, self.output_tokens))
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
    pub fn consent(&self, arguments: &Sweep, caps: &Caps, free: bool) -> Result<()> {
        if caps.cost_usd.is_some() && self.price.is_none() {
            bail!(
                "--max-cost needs a known price: add --price IN,OUT in dollars per million tokens"
            );
        }
        let capped = caps.cost_usd.is_some() || caps.tokens.is_some() || caps.trials.is_some();
        if free || arguments.yes || capped {
            return Ok(());
        }
        let why = match self.usd() {
            None => "its price is not known".to_string(),
            Some(usd) if usd > FREE_USD => format!("it costs up to ${usd:.2}"),
            Some(_) if self.prompt_tokens > FREE_TOKENS => "it is a large run".to_string(),
            Some(_) => return Ok(()),
        };
        bail!(
            "this run asks {} trials with {} prompt tokens and {why}: add --yes, or a cap such as --max-tokens or --max-cost (--dry-run prints the plan)",
            grouped(self.trials),
            grouped(self.prompt_tokens)
        )
    }
}
