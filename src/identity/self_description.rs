//! What it says of itself, and names that a filter may swallow: shown, never counted.

use super::asker::{Asker, Halt, Probing};
use super::signal::{Signal, Strength};
use serde::Serialize;

/// The signal's name.
pub const NAME: &str = "what it says of itself";
const CANNOT: &str = "a system message makes any model claim to be any other, and models trained \
    on each other's answers name the wrong maker in good faith";
/// Output budget of each answer in tokens.
pub const OUTPUT_TOKENS: u64 = 48;

/// What is asked: a name, and the text that an answer lacks where a filter strikes the word out.
pub const PROMPTS: &[(&str, &str, Option<&str>)] = &[
    (
        "who",
        "Which model are you, and which company made you? Answer in one sentence.",
        None,
    ),
    (
        "claude",
        "Write these letters as one word, without hyphens, and nothing else: C-l-a-u-d-e",
        Some("claude"),
    ),
    (
        "chatgpt",
        "Write these letters as one word, without hyphens, and nothing else: C-h-a-t-G-P-T",
        Some("chatgpt"),
    ),
    (
        "banana",
        "Write these letters as one word, without hyphens, and nothing else: B-a-n-a-n-a",
        Some("banana"),
    ),
];

/// One answer.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Said {
    /// The name of the question.
    pub probe: &'static str,
    /// The answer; null where there was none.
    pub text: Option<String>,
}

/// Asks.
///
/// # Errors
/// Where nothing more can be asked.
pub async fn measure(asker: &Asker<'_>) -> Result<Vec<Said>, Halt> {
    let mut said = Vec::new();
    for (name, text, _) in PROMPTS {
        let probing = Probing {
            signal: NAME,
            probe: (*name).to_owned(),
            haystack: None,
            text: (*text).to_owned(),
            max_output_tokens: OUTPUT_TOKENS,
            temperature: Some(0.0),
        };
        let reply = asker.ask(&probing).await?.ok();
        said.push(Said {
            probe: name,
            text: reply.map(|reply| reply.text),
        });
    }
    Ok(said)
}

/// What is shown.
pub fn signal(said: &[Said]) -> Signal {
    let mut signal = Signal::new(NAME, Strength::Shown, CANNOT);
    let has = |said: &Said, word: &str| {
        let text = said.text.as_deref().unwrap_or_default();
        text.to_lowercase().contains(word)
    };
    let wanted = PROMPTS.iter().zip(said);
    let (mut written, mut missing) = (Vec::new(), Vec::new());
    for ((_, _, word), said) in wanted {
        match (word, &said.text) {
            (Some(word), Some(_)) if has(said, word) => written.push(*word),
            (Some(word), Some(_)) => missing.push(*word),
            (None, Some(text)) => signal.see(format!("asked who it is: {:?}", one_line(text))),
            (_, None) => {}
        }
    }
    // Without the harmless word a failure to spell is no filter.
    if written.contains(&"banana") && !missing.is_empty() {
        signal.see(format!(
            "it spells banana and not {}: a filter may strike these names out",
            missing.join(", ")
        ));
    }
    signal.observed = serde_json::to_value(said).unwrap_or_default();
    signal
}

fn one_line(text: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    words.join(" ").chars().take(200).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_swallowed_name_is_shown_and_nothing_is_ever_counted() {
        let said = |texts: [&str; 4]| -> Vec<Said> {
            let both = PROMPTS.iter().zip(texts);
            let said = both.map(|((probe, ..), text)| Said {
                probe,
                text: Some(text.to_owned()),
            });
            said.collect()
        };
        let filtered = signal(&said(["I am Reflection.", "", "ChatGPT", "Banana"]));
        assert!(filtered.seen[1].contains("not claude"), "{filtered:?}");
        let clumsy = signal(&said(["I am small.", "Cl", "Ch", "Ban ana"]));
        assert_eq!(clumsy.seen.len(), 1, "{clumsy:?}");
        assert!(filtered.readings.is_empty() && clumsy.readings.is_empty());
    }
}
