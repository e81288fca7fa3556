//! What a reader of a set's charts must know, in words.

use crate::journal::{Loaded, RunFile, SetRow};
use crate::summary::Totals;
use std::collections::{BTreeMap, BTreeSet};

/// Said of every run of another's set.
const KNOWN: &str = "these are another's questions, known since the set was published: a model may \
                     have seen them with their answers, and a good score may be memory (fresh \
                     questions: a sweep without --dataset)";

/// What a reader of the charts must know.
pub fn warnings(
    run: &RunFile,
    loaded: &Loaded,
    settled: &BTreeMap<u64, &SetRow>,
    totals: &Totals,
) -> Vec<String> {
    let mut warnings = vec![KNOWN.to_owned()];
    let replies = || settled.values().filter_map(|row| row.reply());
    let unstated = settled.values().any(|row| row.length_tokens.is_none());
    if unstated && !run.exact {
        warnings.push(format!(
            "lengths that the set does not state are the server's own count of the prompt, or one \
             by {} where the server reports none",
            run.tokenizer.short()
        ));
    }
    let unsaid = replies()
        .filter(|reply| reply.usage.prompt_tokens.is_none())
        .count();
    if unsaid > 0 {
        warnings.push(format!(
            "{unsaid} replies came without token counts: a silent cut of the prompt cannot be ruled out for them"
        ));
    } else if settled
        .values()
        .any(|row| row.prompt.expected_tokens.is_none())
    {
        warnings.push(
            "the model's tokenizer is not known: a cut of the prompt shows only where a quarter \
             or more is lost (give it with --tokenizer)"
                .to_owned(),
        );
    }
    warnings.extend(run.adaptations.iter().cloned());
    let open = totals.planned.saturating_sub(settled.len() as u64);
    if open > 0 {
        warnings.push(format!(
            "{open} of {} items are not asked yet",
            totals.planned
        ));
    }
    let larger = loaded.items.iter().filter(|row| !row.settled);
    let larger = larger.filter(|row| row.reply().is_some()).count();
    if larger > 0 {
        warnings.push(format!(
            "{larger} replies ran out of their budget and were asked once more with a larger one, \
             which the set's own scripts do not do"
        ));
    }
    let names = |of: &dyn Fn(&SetRow) -> Option<String>| -> BTreeSet<String> {
        settled.values().filter_map(|row| of(row)).collect()
    };
    let providers = names(&|row| row.reply()?.provider.clone());
    if providers.len() > 1 {
        warnings.push(format!(
            "replies came from different providers ({}): pin one with --param provider={{\"only\":[\"NAME\"]}}",
            Vec::from_iter(providers).join(", ")
        ));
    }
    let models = names(&|row| row.reply()?.model.clone());
    if models.len() > 1 {
        warnings.push(format!(
            "replies name different models: {}",
            Vec::from_iter(models).join(", ")
        ));
    }
    warnings
}
