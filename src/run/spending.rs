//! What a run has spent, and the cap that the next request would break.

use super::Caps;
use crate::journal::Loaded;
use crate::price::Price;
use crate::reply::Reply;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Spent so far, over all resumptions of the run.
pub struct Spending {
    caps: Caps,
    price: Option<Price>,
    spent: Arc<Spent>,
}

/// The purse: that of one run, or of all sides that are asked together.
#[derive(Default)]
struct Spent {
    attempts: AtomicU64,
    tokens: AtomicU64,
    microdollars: AtomicU64,
}

impl Spending {
    /// What earlier sessions have spent is taken over.
    pub fn new(caps: Caps, price: Option<Price>, before: &Loaded) -> Spending {
        Spending::from(caps, price, Arc::default(), before)
    }

    /// Another run out of the same purse, at its own price: the caps are for both together.
    pub fn together(&self, price: Option<Price>, before: &Loaded) -> Spending {
        Spending::from(self.caps, price, Arc::clone(&self.spent), before)
    }

    fn from(caps: Caps, price: Option<Price>, spent: Arc<Spent>, before: &Loaded) -> Spending {
        let spending = Spending { caps, price, spent };
        let attempts = (before.rows.len() + before.items.len()) as u64;
        spending
            .spent
            .attempts
            .fetch_add(attempts, Ordering::Relaxed);
        for row in &before.rows {
            spending.spend(row.reply(), row.prompt.text_tokens);
        }
        for row in &before.items {
            spending.spend(row.reply(), row.prompt.text_tokens);
        }
        for control in &before.controls {
            spending.spend(control.reply(), control.prompt.text_tokens);
        }
        for print in &before.prints {
            spending.spend(print.reply(), print.text_tokens);
        }
        spending
    }

    /// Takes note of an answer to a prompt of `text_tokens`; failures are not paid for.
    pub fn spend(&self, reply: Option<&Reply>, text_tokens: u64) {
        let Some(reply) = reply else {
            return;
        };
        let prompt = reply.usage.prompt_tokens.unwrap_or(text_tokens);
        let output = reply.usage.output_tokens.unwrap_or(0);
        self.spent.tokens.fetch_add(prompt, Ordering::Relaxed);
        if let Some(price) = self.price {
            self.spent.microdollars.fetch_add(
                (price.usd(prompt, output) * 1e6).ceil() as u64,
                Ordering::Relaxed,
            );
        }
    }

    /// The cap that the requests under way would break, in words; counts one more attempt where
    /// none is. `under_way` is the tokens of prompts and answers at most, the asking one's
    /// `tokens` of prompt among them.
    pub fn cap_reached(&self, under_way: (u64, u64), tokens: u64) -> Option<String> {
        let asked = self.spent.attempts.load(Ordering::Relaxed);
        if self.caps.trials.is_some_and(|cap| asked >= cap) {
            return Some(format!("--max-trials {asked}"));
        }
        let reached = self.too_dear(under_way, tokens);
        if reached.is_none() {
            self.spent.attempts.fetch_add(1, Ordering::Relaxed);
        }
        reached
    }

    /// The same for a control, which is no attempt at a trial.
    pub fn too_dear(&self, under_way: (u64, u64), tokens: u64) -> Option<String> {
        let (prompt, output) = under_way;
        let spent = self.spent.tokens.load(Ordering::Relaxed) + prompt;
        if let Some(cap) = self.caps.tokens.filter(|cap| spent > *cap) {
            return Some(format!("--max-tokens {cap} ({} used)", spent - tokens));
        }
        if let (Some(cap), Some(price)) = (self.caps.cost_usd, self.price) {
            let spent = self.spent.microdollars.load(Ordering::Relaxed) as f64 / 1e6;
            if spent + price.usd(prompt, output) > cap {
                return Some(format!("--max-cost {cap} (${spent:.4} spent)"));
            }
        }
        None
    }
}
