//! What may be spent over both sides: what is under way is held back until it is settled.

use crate::price::Price;
use crate::reply::Reply;
use serde::Serialize;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Most that reported tokens are taken to be over estimated ones.
const MOST_RATIO: f64 = 1.5;

/// What may be spent, over both sides.
#[derive(Debug, Default)]
pub struct Budget {
    /// Most questions, attempts included.
    pub questions: Option<u64>,
    /// Most prompt tokens.
    pub tokens: Option<u64>,
    /// Most dollars; needs `price`.
    pub cost_usd: Option<f64>,
    /// What tokens cost.
    pub price: Option<Price>,
    used: Mutex<Used>,
}

#[derive(Debug, Default)]
struct Used {
    questions: u64,
    prompt_tokens: u64,
    output_tokens: u64,
    /// Of questions under way, as estimated.
    held_prompt_tokens: u64,
    held_output_tokens: u64,
    /// What the answered questions were estimated at.
    estimated_tokens: u64,
}

impl Used {
    /// Tokens that an estimate comes to, by what earlier ones came to: a server may count more.
    /// Not much more, since a template weighs heavily in short questions alone.
    fn likely(&self, estimate_tokens: u64) -> u64 {
        let ratio = self.prompt_tokens as f64 / self.estimated_tokens.max(1) as f64;
        (estimate_tokens as f64 * ratio.clamp(1.0, MOST_RATIO)).ceil() as u64
    }
}

/// What was set aside for one question.
#[must_use]
#[derive(Debug)]
pub struct Held {
    estimate_tokens: u64,
    prompt_tokens: u64,
    output_tokens: u64,
}

impl Budget {
    /// A budget of these caps.
    pub fn new(
        questions: Option<u64>,
        tokens: Option<u64>,
        cost_usd: Option<f64>,
        price: Option<Price>,
    ) -> Budget {
        Budget {
            questions,
            tokens,
            cost_usd,
            price,
            ..Budget::default()
        }
    }

    /// What was used so far.
    pub fn spent(&self) -> Spent {
        let used = self.used();
        let (prompt, output) = (used.prompt_tokens, used.output_tokens);
        Spent {
            questions: used.questions,
            prompt_tokens: prompt,
            output_tokens: output,
            usd: self.price.map(|price| price.usd(prompt, output)),
        }
    }

    /// Sets aside a question of about so many prompt tokens and at most so many of the answer, or
    /// says which cap it could break together with those under way.
    ///
    /// # Errors
    /// The cap, in words.
    pub fn take(&self, estimate_tokens: u64, output_tokens: u64) -> Result<Held, String> {
        let mut used = self.used();
        if let Some(cap) = self.questions.filter(|cap| used.questions >= *cap) {
            return Err(format!("--max-trials {cap}"));
        }
        let prompt_tokens = used.likely(estimate_tokens);
        let prompt = used.prompt_tokens + used.held_prompt_tokens + prompt_tokens;
        if let Some(cap) = self.tokens.filter(|cap| prompt > *cap) {
            return Err(format!(
                "--max-tokens {cap} ({} used, {} under way)",
                used.prompt_tokens, used.held_prompt_tokens
            ));
        }
        let output = used.output_tokens + used.held_output_tokens + output_tokens;
        if let (Some(cap), Some(price)) = (self.cost_usd, self.price)
            && price.usd(prompt, output) > cap
        {
            let usd = price.usd(used.prompt_tokens, used.output_tokens);
            return Err(format!("--max-cost {cap} (${usd:.4} spent)"));
        }
        used.questions += 1;
        used.held_prompt_tokens += prompt_tokens;
        used.held_output_tokens += output_tokens;
        Ok(Held {
            estimate_tokens,
            prompt_tokens,
            output_tokens,
        })
    }

    /// Puts what a question used in the place of what was set aside; nothing where it failed.
    pub fn settle(&self, held: Held, reply: Option<&Reply>) {
        let mut used = self.used();
        used.held_prompt_tokens -= held.prompt_tokens;
        used.held_output_tokens -= held.output_tokens;
        if let Some(reply) = reply {
            let told = reply.usage.prompt_tokens;
            used.prompt_tokens += told.unwrap_or(held.estimate_tokens);
            used.output_tokens += reply.usage.output_tokens.unwrap_or(0);
            used.estimated_tokens += held.estimate_tokens;
        }
    }

    fn used(&self) -> MutexGuard<'_, Used> {
        // Numbers alone: whoever held the lock left none of them half written.
        self.used.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What was used.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Spent {
    /// Questions, attempts included.
    pub questions: u64,
    /// Prompt tokens.
    pub prompt_tokens: u64,
    /// Tokens of answers.
    pub output_tokens: u64,
    /// Dollars, where the price is known.
    pub usd: Option<f64>,
}
