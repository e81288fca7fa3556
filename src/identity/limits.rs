//! The window that is declared, and the words of a refusal: which software answers.

use super::asker::{Asker, Halt, Probing};
use super::signal::{Hypothesis, Says, Signal, Strength};
use crate::endpoint::Served;
use crate::number::grouped;
use crate::reply::Failure;
use crate::rope::Rope;
use serde::Serialize;
use serde_json::json;

/// The signal's name.
pub const NAME: &str = "limits and refusals";
const CANNOT: &str = "windows are settings of a server, and a relay can translate a refusal: it \
    tells the software in front and not the model";

/// Words of refusals, and who says them so. All parts must stand there.
const PHRASES: &[(&[&str], &str)] = &[
    (&["exceeds the available context size"], "llama.cpp"),
    (&["maximum context length is", "at least"], "vLLM"),
    (
        &["maximum context length is", "your messages resulted in"],
        "OpenAI",
    ),
    (&["this endpoint's maximum context length"], "OpenRouter"),
    (&["maximum context length is"], "OpenAI or vLLM"),
    (&["your input exceeds the context window"], "OpenAI"),
    (&["prompt is too long", "maximum"], "Anthropic"),
    (
        &["input token count", "exceeds the maximum number of tokens"],
        "Gemini",
    ),
    (
        &["longer than the model's context length"],
        "SGLang or Together",
    ),
    (&["`inputs` tokens + `max_new_tokens`"], "TGI"),
    (&["maximum prompt length is"], "xAI"),
    (&["input is too long for requested model"], "Bedrock"),
    (
        &["longer than the context length currently available"],
        "Ollama",
    ),
];

/// Who says a refusal in these words.
pub fn speaker(said: &str) -> Option<&'static str> {
    let said = said.to_lowercase();
    let speaks = |parts: &&[&str]| parts.iter().all(|part| said.contains(part));
    let found = PHRASES.iter().find(|(parts, _)| speaks(parts));
    found.map(|(_, name)| *name)
}

/// What one side told.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Limits {
    /// What software seems to answer.
    pub software: Option<String>,
    /// The window that it declares, in tokens.
    pub window_tokens: Option<u64>,
    /// The words of its refusal of a prompt that is longer.
    pub refusal: Option<String>,
    /// Who says them so.
    pub spoken_by: Option<&'static str>,
    /// Tokens that it reports for such a prompt, where it took it.
    pub taken_tokens: Option<u64>,
}

/// Reads what was declared, and asks one prompt that is too long where there is one.
///
/// # Errors
/// Where nothing more can be asked.
pub async fn measure(asker: &Asker<'_>, overlong: Option<&Rope>) -> Result<Limits, Halt> {
    let served: &Served = asker.endpoint.served();
    let mut limits = Limits {
        software: served.software.clone(),
        window_tokens: served.window_tokens,
        ..Limits::default()
    };
    let Some(overlong) = overlong else {
        return Ok(limits);
    };
    let probing = Probing {
        signal: NAME,
        probe: "too long".to_owned(),
        haystack: Some(overlong.clone()),
        text: "Reply with the word OK.".to_owned(),
        max_output_tokens: 1,
        temperature: Some(0.0),
    };
    match asker.ask(&probing).await? {
        Ok(reply) => limits.taken_tokens = reply.usage.prompt_tokens,
        Err(Failure::TooLong { said, .. } | Failure::Refused { said, .. }) => {
            limits.spoken_by = speaker(&said);
            limits.refusal = Some(said);
        }
        Err(_) => {}
    }
    Ok(limits)
}

/// What it says.
pub fn signal(target: &Limits, reference: Option<&Limits>) -> Signal {
    let mut signal = Signal::new(NAME, Strength::Weak, CANNOT);
    signal.see(format!(
        "software: {}; declared window: {}",
        target.software.as_deref().unwrap_or("not told"),
        target
            .window_tokens
            .map_or("not told".to_owned(), |tokens| format!(
                "{} tokens",
                grouped(tokens)
            ))
    ));
    if let Some(said) = &target.refusal {
        let who = target.spoken_by.unwrap_or("nobody known");
        signal.see(format!(
            "too long a prompt is refused as {who} does: {said:.160}"
        ));
    }
    if let Some(taken) = target.taken_tokens {
        signal.see(format!(
            "a prompt beyond the declared window was taken, and {} tokens of it reported",
            grouped(taken)
        ));
    }
    if let Some(reference) = reference {
        let mut differing = Vec::new();
        for (what, ours, theirs) in [
            (
                "software",
                target.software.as_deref(),
                reference.software.as_deref(),
            ),
            ("words of refusal", target.spoken_by, reference.spoken_by),
        ] {
            if let (Some(ours), Some(theirs)) = (ours, theirs)
                && ours != theirs
            {
                differing.push(format!("{what} ({ours} and {theirs})"));
            }
        }
        if let (Some(ours), Some(theirs)) = (target.window_tokens, reference.window_tokens)
            && ours != theirs
        {
            differing.push(format!(
                "window ({} and {})",
                grouped(ours),
                grouped(theirs)
            ));
        }
        let says = match differing.is_empty() {
            true => Says::Consistent,
            false => Says::NotConsistent,
        };
        let why = match differing.is_empty() {
            true => "nothing that both tell differs".to_owned(),
            false => format!("they differ in {}", differing.join(", ")),
        };
        signal.read(Hypothesis::Reference, says, why);
    }
    signal.observed = json!({"target": target, "reference": reference});
    signal
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_are_known_by_their_words() {
        for (said, who) in [
            (
                "request (331 tokens) exceeds the available context size (256 tokens), try increasing it",
                "llama.cpp",
            ),
            (
                "This model's maximum context length is 8192 tokens. However, your messages resulted in 8227 tokens",
                "OpenAI",
            ),
            (
                "This model's maximum context length is 4096 tokens. However, your prompt contains at least 4097 input tokens",
                "vLLM",
            ),
            (
                "prompt is too long: 200251 tokens > 200000 maximum",
                "Anthropic",
            ),
            (
                "The input token count (1200293) exceeds the maximum number of tokens allowed (1048576).",
                "Gemini",
            ),
            (
                "The input (9000 tokens) is longer than the model's context length (8192 tokens).",
                "SGLang or Together",
            ),
        ] {
            assert_eq!(speaker(said), Some(who), "{said}");
        }
        assert_eq!(speaker("no"), None);
    }
}
