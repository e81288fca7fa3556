//! `show`: the exact bytes of one prompt.

use super::arguments::Show;
use super::folder::{self, Ground, Kept};
use super::{Exit, screen};
use crate::ground::{Assemblers, of_words};
use crate::prompt::Part;
use crate::tokens::Tokenizer;
use anyhow::{Context, Result, ensure};

/// Prints a trial's prompt, from its row where it was asked, else from secret and coordinates.
pub fn run(arguments: &Show) -> Result<Exit> {
    if let Some(exit) = super::sweep::dataset::show(arguments)? {
        return Ok(exit);
    }
    let kept = Kept::read(&arguments.run)?;
    let asked = kept
        .loaded
        .rows
        .iter()
        .rev()
        .find(|row| row.trial.id == arguments.trial);
    if arguments.row {
        let row =
            asked.with_context(|| format!("trial {} has not been asked yet", arguments.trial))?;
        screen::out(&serde_json::to_string_pretty(row)?);
        return Ok(Exit::Done);
    }
    let rope = match asked.cloned() {
        Some(row) => {
            let rope = match kept.corpora.of_task(row.trial.task) {
                Some(corpus) => Part::rope(&row.prompt.parts, corpus)?,
                // Its haystack was made for it alone, from the secret.
                None => {
                    let (group, _) = kept
                        .plan
                        .find(arguments.trial)
                        .with_context(|| format!("the plan has no trial {}", arguments.trial))?;
                    let facts = folder::facts(&kept.corpora, &kept.plan.grid, &kept.key)?;
                    let posed = group.posed(&kept.plan.grid, &facts, &kept.key)?;
                    Part::rope(&row.prompt.parts, &of_words(&posed))?
                }
            };
            ensure!(
                rope.blake3_hex() == row.prompt.blake3,
                "the prompt of trial {} cannot be rebuilt: its bytes are not those that were sent",
                arguments.trial
            );
            rope
        }
        None => rebuilt(kept, arguments.trial)?,
    };
    for piece in rope.pieces() {
        screen::raw(&piece.raw);
    }
    Ok(Exit::Done)
}

fn rebuilt(kept: Kept, id: u64) -> Result<crate::rope::Rope> {
    let (group, trial) = kept.plan.find(id).with_context(|| {
        format!(
            "there is no trial {id}: this run has trials 0 to {}",
            kept.plan.trials().count().saturating_sub(1)
        )
    })?;
    ensure!(
        !kept.run.server_counts,
        "trial {id} has not been asked yet, and its length depends on the server's own count"
    );
    let tokenizer = Tokenizer::resolve(&kept.run.tokenizer.name).with_context(|| {
        format!("trial {id} has not been asked yet, and its tokenizer is not at hand")
    })?;
    let ground = Ground::lay(kept.corpora, &tokenizer, &kept.plan, &kept.key)?;
    let assemblers = Assemblers::new(&ground.grounds);
    let prompt = ground.prompt(
        &assemblers,
        &kept.plan,
        group,
        trial,
        &kept.key,
        &kept.run.basis(),
    )?;
    Ok(prompt.rope)
}
