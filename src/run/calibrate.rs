//! Learns how a server's token counts grow with ours, from prompts of the run's own texts.

use super::controls::{ControlPlan, Controls};
use crate::haystack::Route;
use crate::journal::{Control, ControlKind, Outcome};
use crate::reconcile::{FIT_SAMPLES, Fit, Sample};
use crate::reply::Failure;
use anyhow::Result;

/// Longest sample in tokens: what lies beyond is predicted.
const LONGEST_SAMPLE_TOKENS: u64 = 16_000;
/// Shorter than this, template and question would be most of a sample.
const SHORTEST_SAMPLE_TOKENS: u64 = 256;
/// Where the samples do not lie on a line, a window may have cut the longer ones: the next try is
/// so much shorter.
const SHRINK: u64 = 4;

/// Asks four samples along the run's own routes, up to `longest_tokens`, and fits them. None where
/// the server reports no counts, or counts that no line meets; a failure where no question can
/// succeed.
///
/// # Errors
/// When a row cannot be written.
pub async fn calibrate(
    controls: &Controls<'_>,
    routes: &[Route],
    longest_tokens: u64,
) -> Result<Result<Option<Fit>, Failure>> {
    let mut top = longest_tokens.clamp(4 * SHORTEST_SAMPLE_TOKENS, LONGEST_SAMPLE_TOKENS);
    while top >= FIT_SAMPLES as u64 * SHORTEST_SAMPLE_TOKENS {
        let mut samples = Vec::new();
        for at in 1..=FIT_SAMPLES as u64 {
            let own = match routes.get(at as usize - 1) {
                Some(route) => route.clone(),
                None => controls.route(ControlKind::Calibration, at),
            };
            let length_tokens = top * at / FIT_SAMPLES as u64;
            let asked = ask(controls, length_tokens, &own).await?;
            let Some(control) = asked else { break };
            match control.reply().map(|reply| reply.usage.prompt_tokens) {
                Some(Some(reported_tokens)) => samples.push(Sample {
                    own_tokens: control.prompt.text_tokens,
                    reported_tokens,
                }),
                // An answer without a count: there is nothing to learn.
                Some(None) => return Ok(Ok(None)),
                None => match fatal(&control) {
                    Some(failure) => return Ok(Err(failure)),
                    None => break,
                },
            }
        }
        if let Some(fit) = Fit::of(samples) {
            return Ok(Ok(Some(fit)));
        }
        top /= SHRINK;
    }
    Ok(Ok(None))
}

/// The failure after which no question can succeed.
fn fatal(control: &Control) -> Option<Failure> {
    match &control.outcome {
        Outcome::Failure(failure)
            if failure.is_fatal() || matches!(failure, Failure::Unreachable { .. }) =>
        {
            Some(failure.clone())
        }
        _ => None,
    }
}

async fn ask(
    controls: &Controls<'_>,
    length_tokens: u64,
    route: &Route,
) -> Result<Option<Control>> {
    controls
        .ask(&ControlPlan {
            kind: ControlKind::Calibration,
            length_tokens,
            route,
            with_codes: false,
            max_output_tokens: Some(16 + controls.reasoning_tokens),
        })
        .await
}

/// The fit that earlier controls of a run allow, so that a resumed run asks none again.
pub fn fit_before(controls: &[Control]) -> Option<Fit> {
    let calibrations: Vec<&Control> = controls
        .iter()
        .filter(|control| control.kind == ControlKind::Calibration && control.reply().is_some())
        .collect();
    let last = calibrations.len().checked_sub(FIT_SAMPLES)?;
    let samples = calibrations[last..].iter().filter_map(|control| {
        Some(Sample {
            own_tokens: control.prompt.text_tokens,
            reported_tokens: control.reply()?.usage.prompt_tokens?,
        })
    });
    Fit::of(samples.collect())
}
