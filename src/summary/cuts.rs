//! What control prompts showed: a cut, proven or suspected, and its name.

use super::CutFinding;
use crate::canary::Cut;
use crate::journal::{Control, ControlKind};
use crate::number::grouped;
use crate::reconcile::half_window;

/// What canaries showed, one finding a length. A suspicion needs a reader: a model that finds all
/// codes of a shorter prompt.
pub fn cuts(controls: &[Control]) -> Vec<CutFinding> {
    let canaries = || controls.iter().filter(|c| c.kind == ControlKind::Canary);
    let reads = canaries()
        .filter(|control| control.is_whole())
        .map(|control| control.length_tokens)
        .min();
    let mut findings: Vec<CutFinding> = Vec::new();
    for control in canaries().filter(|control| control.reply().is_some()) {
        let (proven, looks) = (control.is_proven_cut(), control.looks_cut());
        // Who names all codes but that of an older message has read the prompt itself whole.
        let can_read = looks == Some(Cut::Messages)
            || reads.is_some_and(|length| length < control.length_tokens);
        if !proven && (looks.is_none() || !can_read) {
            continue;
        }
        let reported = control.reply().and_then(|reply| reply.usage.prompt_tokens);
        let half = reported.and_then(half_window).filter(|_| proven);
        let mut words = match looks {
            Some(cut) => cut.words().to_owned(),
            None => "which part is missing does not show".to_owned(),
        };
        if let Some(window) = half {
            words.push_str(&format!(
                "; its count is what Ollama leaves of a window of {} tokens",
                grouped(window)
            ));
        }
        findings.retain(|finding| finding.length_tokens != control.length_tokens);
        findings.push(CutFinding {
            length_tokens: control.length_tokens,
            proven,
            cut: looks,
            reported_tokens: reported,
            half_window_tokens: half,
            words,
        });
    }
    findings.sort_by_key(|finding| finding.length_tokens);
    findings
}
