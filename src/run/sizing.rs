//! Meets a length by the server's own count, where the model's tokenizer is not at hand.

use super::Session;
use crate::haystack::Route;
use crate::plan::Group;
use crate::prompt::{Assembler, Set, SetPlan};
use anyhow::Result;

impl Session<'_> {
    /// Sizes a haystack by the server's own count of the whole prompt, in at most three calls.
    /// Returns how many tokens more than the index the server counts.
    pub(super) async fn fit_to_server(
        &self,
        group: &Group,
        assembler: &Assembler<'_>,
        route: &Route,
        plan: &mut SetPlan<'_>,
    ) -> Result<Option<i64>> {
        let wanted = plan.text_tokens as i64;
        let mut difference = None;
        for _ in 0..3 {
            let set: Set<'_> = assembler.set(route, plan.clone())?;
            let prompt = set.prompt(0, group.rounding(&group.trials[0], self.runner.key))?;
            let Some(counted) = self.runner.endpoint.count_tokens(&prompt.rope).await else {
                return Ok(difference);
            };
            let off = counted as i64 - wanted;
            difference = Some(counted as i64 - prompt.text_tokens as i64);
            if off == 0 {
                break;
            }
            // Tokens of the index per token of the server, for large differences.
            let step = off * prompt.text_tokens as i64 / (counted as i64).max(1);
            plan.text_tokens = (plan.text_tokens as i64
                - if step == 0 { off.signum() } else { step })
            .max(1) as u64;
        }
        Ok(difference)
    }
}
