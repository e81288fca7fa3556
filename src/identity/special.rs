//! Control tokens in a question: which are read as such, and which the answer drops or ends at.

use super::asker::{Asker, Halt, Probing};
use super::signal::{Hypothesis, Says, Signal, Strength};
use crate::reply::{Reply, Stop};
use futures_util::StreamExt;
use serde::Serialize;
use serde_json::json;

/// The signal's name.
pub const NAME: &str = "special tokens";
const CANNOT: &str = "many servers escape control tokens in what users write, and then every \
    family looks alike; a small model may not repeat what it was told to";
/// Tokens that a control token adds at most, its line break included. Written out, the shortest
/// of them is three and its line break.
const CONTROL_TOKENS: i64 = 2;

/// Control tokens, with the families that have them.
pub const TOKENS: &[(&str, &str)] = &[
    ("<|eot_id|>", "Llama 3"),
    ("<|eot|>", "Llama 4"),
    ("<|im_end|>", "ChatML: Qwen, SmolLM2, Yi"),
    ("<|endoftext|>", "GPT, Qwen, SmolLM2, Phi"),
    ("</s>", "Llama 2, Mistral"),
    ("[/INST]", "Mistral"),
    ("<start_of_turn>", "Gemma"),
    ("<｜end▁of▁sentence｜>", "DeepSeek"),
    ("<|end|>", "gpt-oss, Phi"),
    ("<|return|>", "gpt-oss"),
];

/// What an answer did with a control token that it was to repeat.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Echo {
    /// It stands in the answer.
    Printed,
    /// The answer has what stood before and behind it, and it is gone.
    Dropped,
    /// The answer ends where it should stand.
    Stopped,
    /// The answer is another one.
    Other,
}

/// What was seen of one control token.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Seen {
    /// The token.
    pub token: &'static str,
    /// Tokens that it adds to the reported count; null where that is not told.
    pub added: Option<i64>,
    /// What the answer did; null where there was none.
    pub echo: Option<Echo>,
}

impl Seen {
    /// True where it counts as one token, so that the server knows it.
    pub fn is_control(&self) -> Option<bool> {
        self.added.map(|added| added <= CONTROL_TOKENS)
    }
}

fn text(token: &str) -> String {
    format!("Repeat exactly the lines between the rules.\n---\nleft\n{token}\nright\n---")
}

/// Asks for an echo of every token.
///
/// # Errors
/// Where nothing more can be asked.
pub async fn measure(asker: &Asker<'_>) -> Result<Vec<Seen>, Halt> {
    let probing = |token: &str, name: &str| Probing {
        signal: NAME,
        probe: name.to_owned(),
        haystack: None,
        text: text(token),
        max_output_tokens: 24,
        temperature: Some(0.0),
    };
    let base = asker.ask(&probing("", "base")).await?;
    let base = base.ok().and_then(|reply| reply.usage.prompt_tokens);
    let asked = futures_util::stream::iter(TOKENS.iter().map(|(token, _)| {
        let probing = probing(token, token);
        async move { (*token, asker.ask(&probing).await) }
    }));
    let outcomes: Vec<_> = asked.buffered(asker.concurrency.max(1)).collect().await;
    let mut seen = Vec::new();
    for (token, outcome) in outcomes {
        let reply = outcome?.ok();
        let counted = reply.as_ref().and_then(|reply| reply.usage.prompt_tokens);
        seen.push(Seen {
            token,
            added: counted
                .zip(base)
                .map(|(counted, base)| counted as i64 - base as i64),
            echo: reply.map(|reply| echo(token, &reply)),
        });
    }
    Ok(seen)
}

fn echo(token: &str, reply: &Reply) -> Echo {
    let has = |part: &str| reply.text.contains(part);
    match (has(token), has("left"), has("right")) {
        (true, ..) => Echo::Printed,
        (false, true, true) => Echo::Dropped,
        (false, true, false) if reply.stop == Stop::End => Echo::Stopped,
        _ => Echo::Other,
    }
}

/// What it says. `factor` is by how much the target's counts are multiplied against the
/// reference's, where they are: then each may be rounded by one.
pub fn signal(target: &[Seen], reference: Option<&[Seen]>, factor: Option<f64>) -> Signal {
    let mut signal = Signal::new(NAME, Strength::Medium, CANNOT);
    let control: Vec<String> = TOKENS
        .iter()
        .zip(target)
        .filter(|(_, seen)| seen.is_control() == Some(true))
        .map(|((token, families), _)| format!("{token} ({families})"))
        .collect();
    let told = target.iter().filter(|seen| seen.added.is_some()).count();
    signal.see(match (told, control.is_empty()) {
        (0, _) => "the server does not tell how they are counted".to_owned(),
        (_, true) => "none counts as one token: they are escaped, or of another family".to_owned(),
        (_, false) => format!("counted as one token: {}", control.join(", ")),
    });
    for (echo, words) in [
        (Echo::Dropped, "dropped from the answer"),
        (Echo::Stopped, "the answer ends there"),
    ] {
        let tokens: Vec<&str> = target
            .iter()
            .filter(|seen| seen.echo == Some(echo))
            .map(|seen| seen.token)
            .collect();
        if !tokens.is_empty() {
            signal.see(format!("{words}: {}", tokens.join(", ")));
        }
    }
    if let Some(reference) = reference {
        let pairs: Vec<(i64, i64, &str)> = target
            .iter()
            .zip(reference)
            .filter_map(|(ours, theirs)| Some((ours.added?, theirs.added?, ours.token)))
            .collect();
        let differs = |ours: i64, theirs: i64| match factor {
            Some(factor) => (ours as f64 - factor * theirs as f64).abs() > 1.0,
            None => ours != theirs,
        };
        let differing = pairs
            .iter()
            .filter(|(ours, theirs, _)| differs(*ours, *theirs));
        let differing: Vec<&str> = differing.map(|(.., token)| *token).collect();
        if !pairs.is_empty() && differing.is_empty() {
            let why = format!("both count all {} control tokens alike", pairs.len());
            signal.read(Hypothesis::Reference, Says::Consistent, why);
        } else if !pairs.is_empty() {
            let why = format!("they count {} differently", differing.join(", "));
            signal.read(Hypothesis::Reference, Says::NotConsistent, why);
        }
    }
    signal.observed = json!({"target": target, "reference": reference});
    signal
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tokens::Tokenizer;

    #[test]
    fn written_out_every_control_token_is_longer_than_one() {
        // Neither bundled vocabulary has any of them.
        for name in Tokenizer::BUNDLED {
            let tokenizer = Tokenizer::bundled(name).expect("bundled");
            let count = |text: &str| tokenizer.count(text).expect("counts") as i64;
            for (token, _) in TOKENS {
                let added = count(&text(token)) - count(&text(""));
                let seen = Seen {
                    token,
                    added: Some(added),
                    echo: None,
                };
                assert_eq!(seen.is_control(), Some(false), "{name} {token}: {added}");
            }
        }
    }

    #[test]
    fn sides_that_count_them_otherwise_are_told_apart() {
        let seen = |added: &[i64]| -> Vec<Seen> {
            let tokens = TOKENS.iter().zip(added);
            let seen = tokens.map(|((token, _), added)| Seen {
                token,
                added: Some(*added),
                echo: None,
            });
            seen.collect()
        };
        let (chatml, llama) = (seen(&[7, 5, 2, 2, 4]), seen(&[2, 2, 7, 7, 4]));
        let same = signal(&chatml, Some(&chatml), None);
        assert_eq!(same.readings[0].says, Says::Consistent);
        assert!(same.seen[0].contains("<|im_end|> (ChatML"), "{same:?}");
        let other = signal(&chatml, Some(&llama), None);
        assert_eq!(other.readings[0].says, Says::NotConsistent);
        assert!(other.readings[0].why.contains("<|eot_id|>"), "{other:?}");
        // Each count times 1.25, and rounded one way or the other.
        let multiplied = seen(&[9, 6, 3, 2, 5]);
        for (factor, says) in [(Some(1.25), Says::Consistent), (None, Says::NotConsistent)] {
            let found = signal(&multiplied, Some(&chatml), factor);
            assert_eq!(found.readings[0].says, says, "{found:?}");
        }
    }
}
