//! An identification in words: for the terminal, and as `report.md`.

use super::signal::{Hypothesis, Says, Verdict};
use super::study::Identity;
use crate::number::grouped;

/// What no result of this kind can be.
const LIMITS: &str = "None of this proves which weights were run. A difference can come from a \
    system message, a chat template, a sampler, a quantisation or a relay; agreement proves no \
    more than that nothing differed which was looked at.";

/// A verdict as a sentence.
pub fn sentence(target: &str, verdict: &Verdict) -> String {
    let against = &verdict.against;
    let subject = match verdict.hypothesis {
        Hypothesis::Usage => format!("reported tokens of {target}"),
        Hypothesis::Long => format!("{target} behind a long text"),
        Hypothesis::Name | Hypothesis::Reference => target.to_owned(),
    };
    match verdict.says {
        Says::Undecided => format!("{subject}: undecided whether it is consistent with {against}"),
        says => format!("{subject}: {} with {against}", says.name()),
    }
}

/// The lines for the terminal.
pub fn lines(identity: &Identity) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for verdict in &identity.verdicts {
        lines.push(sentence(&identity.target, verdict));
        lines.extend(
            verdict
                .because
                .iter()
                .map(|why| format!("    {}", plain(why))),
        );
    }
    if identity.verdicts.is_empty() {
        lines.push(format!(
            "{}: undecided: its name tells no tokenizer that is known here, and there is no --reference",
            identity.target
        ));
    }
    lines.push(String::new());
    for signal in &identity.signals {
        lines.push(format!("{} ({})", signal.name, signal.strength.name()));
        lines.extend(
            signal
                .seen
                .iter()
                .map(|seen| format!("    {}", plain(seen))),
        );
    }
    lines.push(String::new());
    if let Some(stopped) = &identity.stopped {
        lines.push(format!("not everything was measured: {}", plain(stopped)));
    }
    for missing in &identity.missing {
        lines.push(format!("not measured: {}", plain(&missing.words())));
    }
    lines.push(used(identity));
    lines.push(LIMITS.to_owned());
    lines
}

/// `report.md`.
pub fn markdown(identity: &Identity) -> String {
    let mut text = format!("# Who answers as {}\n\n", code(&identity.target));
    if let Some(reference) = &identity.reference {
        text.push_str(&format!("Held against {}.\n\n", code(reference)));
    }
    if let Some(stopped) = &identity.stopped {
        text.push_str(&format!(
            "Not everything was measured: {}.\n\n",
            plain(stopped)
        ));
    }
    for missing in &identity.missing {
        text.push_str(&format!("- not measured: {}\n", plain(&missing.words())));
    }
    for verdict in &identity.verdicts {
        text.push_str(&format!(
            "- **{}**\n",
            sentence(&code(&identity.target), verdict)
        ));
        for why in &verdict.because {
            text.push_str(&format!("  - {}\n", plain(why)));
        }
    }
    if identity.verdicts.is_empty() {
        text.push_str("- **undecided**: nothing to hold it against\n");
    }
    text.push_str(&format!("\n{LIMITS}\n"));
    for signal in &identity.signals {
        text.push_str(&format!(
            "\n## {} ({})\n\n",
            signal.name,
            signal.strength.name()
        ));
        for seen in &signal.seen {
            text.push_str(&format!("- {}\n", plain(seen)));
        }
        for reading in &signal.readings {
            text.push_str(&format!(
                "- says {} ({}, of {}): {}\n",
                reading.says.name(),
                reading.strength.name(),
                hypothesis(reading.hypothesis),
                plain(&reading.why)
            ));
        }
        text.push_str(&format!("\nWhat it cannot show: {}.\n", signal.cannot));
    }
    text.push_str(&format!("\n{}\n", used(identity)));
    text
}

fn hypothesis(hypothesis: Hypothesis) -> &'static str {
    match hypothesis {
        Hypothesis::Name => "the name",
        Hypothesis::Reference => "the reference",
        Hypothesis::Long => "long prompts",
        Hypothesis::Usage => "the reported tokens",
    }
}

fn used(identity: &Identity) -> String {
    let spent = &identity.spent;
    let usd = spent.usd.filter(|usd| *usd > 0.0);
    format!(
        "asked: {} questions, {} prompt tokens, {} tokens of answers{}",
        grouped(spent.questions),
        grouped(spent.prompt_tokens),
        grouped(spent.output_tokens),
        usd.map_or(String::new(), |usd| format!(", ${usd:.2} by list price"))
    )
}

/// Servers choose many of these words: none may move the cursor or begin a heading.
fn plain(text: &str) -> String {
    text.replace(char::is_control, " ")
}

fn code(text: &str) -> String {
    format!("`{}`", plain(text).replace('`', "'"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::signal::{Signal, Strength};

    fn identity() -> Identity {
        let mut signal = Signal::new("tokenizer vector", Strength::Strong, "the family alone");
        signal.see("words\u{1b}[2J of a server");
        signal.read(Hypothesis::Reference, Says::NotConsistent, "they differ");
        let verdict =
            crate::identity::signal::weigh(Hypothesis::Reference, "sim:b", &[signal.clone()]);
        Identity {
            schema: 1,
            depthfinder: "0".into(),
            began_ms: 0,
            target: "sim:a".into(),
            model: "a".into(),
            reference: Some("sim:b".into()),
            verdicts: verdict.into_iter().collect(),
            signals: vec![signal],
            fingerprints: Vec::new(),
            spent: crate::identity::budget::Budget::default().spent(),
            stopped: None,
            missing: Vec::new(),
            attempts: Vec::new(),
        }
    }

    #[test]
    fn both_forms_name_verdict_strength_and_limits_and_no_word_moves_the_cursor() {
        let identity = identity();
        assert_eq!(identity.says(), Says::NotConsistent);
        let terminal = lines(&identity).join("\n");
        for text in [terminal, markdown(&identity)] {
            for part in [
                "not consistent with sim:b",
                "(strong): they differ",
                "proves which weights",
            ] {
                assert!(text.contains(part), "{part} is missing in {text}");
            }
            assert!(!text.contains('\u{1b}') && !text.contains("fraud"));
        }
        assert!(markdown(&identity).contains("What it cannot show: the family alone."));
    }
}
