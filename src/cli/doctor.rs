//! `doctor`: what an endpoint says of itself and answers, or whether this machine is ready.

mod machine;

use super::arguments::{Cli, Command, Inquiry};
use super::{Exit, connect, screen};
use crate::endpoint::{Ask, Endpoint, Served};
use crate::number::grouped;
use crate::price::Price;
use crate::reply::{Reply, Stop, Timing, Usage};
use crate::rope::Rope;
use crate::tokens::Tokenizer;
use anyhow::{Result, bail};
use clap::{Args, Parser};
use serde::Serialize;
use std::ffi::OsString;
use std::path::PathBuf;

/// The trial question: an answer of one word, told by the text itself.
const QUESTION: &str = "The sea was calm.\n\nWhat was calm? Answer with one word only.";
/// Enough for a model that reasons first.
const OUTPUT_TOKENS: u64 = 512;
/// Longest answer that is quoted, in characters.
const QUOTED_CHARS: usize = 80;
/// Where the values begin.
const COLUMN: usize = 18;

/// Arguments of `doctor`.
#[derive(Args, Clone, Debug)]
pub struct Doctor {
    /// Who is asked [default: this machine is looked at]
    pub target: Option<String>,
    /// Environment variable that holds the API key
    #[arg(long, value_name = "NAME", requires = "target")]
    pub api_key_env: Option<String>,
    /// Certificates to trust beside the system's, PEM
    #[arg(long, value_name = "FILE", requires = "target")]
    pub ca_cert: Option<PathBuf>,
    /// Request header NAME:VALUE, may be given again; values are kept secret
    #[arg(long, value_name = "NAME:VALUE", requires = "target")]
    pub header: Vec<String>,
    /// Request field of your own as JSON, may be given again: top_k=1, 'provider={"only":["x"]}'
    #[arg(long, value_name = "KEY=JSON", requires = "target")]
    pub param: Vec<String>,
    /// Another address for a named provider's API: a proxy, or a server that speaks its dialect
    #[arg(long, value_name = "URL", requires = "target")]
    pub base_url: Option<String>,
    /// Print what was found as JSON on standard output
    #[arg(long)]
    pub json: bool,
}

/// What an endpoint says of itself, and what came of a short question.
#[derive(Debug, Serialize)]
pub struct Findings {
    /// Everything that discovery found.
    pub served: Served,
    /// What had to be changed in the question, in words.
    pub adaptations: Vec<String>,
    /// What it answered; none where it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trial: Option<Trial>,
    /// Why there is no answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
}

/// The answer to a short question.
#[derive(Debug, Serialize)]
pub struct Trial {
    /// The answer proper.
    pub answer: String,
    /// Length of its reasoning in bytes.
    pub reasoning_bytes: usize,
    /// Why it stopped.
    pub stop: Stop,
    /// The model that it says answered.
    pub model: Option<String>,
    /// Its own mark of its configuration.
    pub system_fingerprint: Option<String>,
    /// Who computed the answer, where a router says it.
    pub provider: Option<String>,
    /// What it says of having cut the prompt.
    pub cut: Option<String>,
    /// Its token accounts.
    pub usage: Usage,
    /// Tokens of the question alone, where they can be counted.
    pub question_tokens: Option<u64>,
    /// Tokens that it adds to a question, where both counts are known.
    pub template_tokens: Option<u64>,
    /// List price of the question in dollars, where known.
    pub usd: Option<f64>,
    /// Clock readings.
    pub timing: Timing,
}

/// Looks at a target, or at this machine.
pub async fn run(arguments: &Doctor) -> Result<Exit> {
    let Some(target) = &arguments.target else {
        return machine(arguments.json).await;
    };
    let connected = connect::target(&arguments.as_inquiry(target)?, None).await?;
    let price = match connected.free {
        true => Some(Price::FREE),
        // List prices are those of the provider, not of whoever else serves a model of that name.
        false if target.starts_with("openai:") => Price::listed(&connected.endpoint.served().model),
        false => None,
    };
    let tokenizer = connected.tokenizer.as_deref();
    let findings = examine(connected.endpoint.as_ref(), tokenizer, price).await;
    print(&findings, arguments.json)
}

/// Asks an endpoint one short question. `tokenizer` is the model's own, where it is known;
/// otherwise the endpoint counts the question itself, where it can.
pub async fn examine(
    endpoint: &dyn Endpoint,
    tokenizer: Option<&Tokenizer>,
    price: Option<Price>,
) -> Findings {
    let prompt = Rope::of(QUESTION);
    let counted = match tokenizer {
        Some(tokenizer) => tokenizer.count(QUESTION).ok(),
        None => endpoint.count_tokens(&prompt).await,
    };
    let ask = Ask {
        system: None,
        earlier: Vec::new(),
        prompt,
        shared_pieces: 0,
        max_output_tokens: OUTPUT_TOKENS,
        // Left to the model: some refuse every value but their own.
        temperature: None,
        reasoning: None,
    };
    let (trial, failure) = match endpoint.ask(&ask).await {
        Ok(reply) => (Some(Trial::of(reply, counted, price)), None),
        Err(failure) => (None, Some(failure.to_string())),
    };
    Findings {
        served: endpoint.served().clone(),
        adaptations: endpoint.adaptations(),
        trial,
        failure,
    }
}

/// Prints what was found of an endpoint. It ends as "could not run" where it did not answer.
pub fn print(findings: &Findings, json: bool) -> Result<Exit> {
    if json {
        screen::out(&serde_json::to_string_pretty(findings)?);
    } else {
        for (what, told) in findings.lines() {
            screen::out(&line(what, &told));
        }
    }
    Ok(match findings.trial {
        Some(_) => Exit::Done,
        None => Exit::CouldNotRun,
    })
}

/// Looks at this machine and prints what was found.
pub async fn machine(json: bool) -> Result<Exit> {
    let checks = machine::checks().await;
    if json {
        screen::out(&serde_json::to_string_pretty(&checks)?);
    } else {
        for check in &checks {
            let mark = if check.ok { "" } else { "NOT OK: " };
            screen::out(&line(check.what, &format!("{mark}{}", check.told)));
        }
    }
    Ok(match checks.iter().all(|check| check.ok) {
        true => Exit::Done,
        false => Exit::CouldNotRun,
    })
}

impl Doctor {
    /// The same connection as a sweep would make, with everything else at its default.
    fn as_inquiry(&self, target: &str) -> Result<Inquiry> {
        let mut words: Vec<OsString> = vec!["depthfinder".into(), "sweep".into()];
        if let Some(name) = &self.api_key_env {
            words.extend(["--api-key-env".into(), name.into()]);
        }
        if let Some(path) = &self.ca_cert {
            words.extend(["--ca-cert".into(), path.into()]);
        }
        if let Some(address) = &self.base_url {
            words.extend(["--base-url".into(), address.into()]);
        }
        for (flag, values) in [("--header", &self.header), ("--param", &self.param)] {
            for value in values {
                words.extend([flag.into(), value.into()]);
            }
        }
        words.extend(["--".into(), target.into()]);
        match Cli::try_parse_from(words).map(|cli| cli.command) {
            Ok(Command::Sweep(sweep)) => Ok(sweep.inquiry),
            // Not quoted: a header may be among the words.
            _ => bail!("these arguments cannot be read"),
        }
    }
}

/// Servers choose many of these words: none of them may move the cursor.
fn line(what: &str, told: &str) -> String {
    let line = format!("{what:<COLUMN$}{told}");
    line.trim_end().replace(char::is_control, " ")
}

impl Trial {
    fn of(reply: Reply, counted: Option<u64>, price: Option<Price>) -> Trial {
        let prompt = reply.usage.prompt_tokens;
        let spent = prompt.zip(reply.usage.output_tokens);
        Trial {
            answer: reply.text,
            reasoning_bytes: reply.reasoning.len(),
            stop: reply.stop,
            model: reply.model,
            system_fingerprint: reply.system_fingerprint,
            provider: reply.provider,
            cut: reply.cut,
            question_tokens: counted,
            template_tokens: prompt
                .zip(counted)
                .and_then(|(prompt, counted)| prompt.checked_sub(counted)),
            usd: price
                .zip(spent)
                .map(|(price, (prompt, output))| price.usd(prompt, output)),
            usage: reply.usage,
            timing: reply.timing,
        }
    }
}

impl Findings {
    /// What is printed, a pair of name and value a line.
    fn lines(&self) -> Vec<(&'static str, String)> {
        let served = &self.served;
        let tokens = |count: Option<u64>| {
            count.map_or("not told".to_owned(), |count| {
                format!("{} tokens", grouped(count))
            })
        };
        let mut lines = vec![
            ("model", served.model.clone()),
            (
                "software",
                served.software.clone().unwrap_or("not told".to_owned()),
            ),
            ("dialect", served.dialect.clone()),
            ("window, declared", tokens(served.window_tokens)),
        ];
        if let Some(trained) = served.trained_window_tokens {
            lines.push(("window, trained", tokens(Some(trained))));
        }
        lines.push((
            "counts tokens",
            match (served.tokenize, served.count_is_estimate) {
                (false, _) => "no",
                (true, false) => "yes",
                (true, true) => "yes, as an estimate",
            }
            .to_owned(),
        ));
        lines.push((
            "body at most",
            served
                .body_limit_bytes
                .map_or("not known".to_owned(), |bytes| {
                    format!("{:.1} MB", bytes as f64 / 1e6)
                }),
        ));
        if let Some(limit) = served.output_limit_tokens {
            lines.push(("output at most", tokens(Some(limit))));
        }
        lines.extend(served.details.iter().map(|detail| ("", detail.clone())));
        lines.extend(
            self.adaptations
                .iter()
                .map(|told| ("changed", told.clone())),
        );
        match (&self.trial, &self.failure) {
            (Some(trial), _) => trial.tell(&mut lines),
            (None, failure) => lines.push((
                "trial question",
                format!("FAILED: {}", failure.as_deref().unwrap_or("no answer")),
            )),
        }
        lines
    }
}

impl Trial {
    fn tell(&self, lines: &mut Vec<(&'static str, String)>) {
        let answer: Vec<&str> = self.answer.split_whitespace().collect();
        let answer: String = answer.join(" ").chars().take(QUOTED_CHARS).collect();
        let mut told = format!("\"{answer}\"");
        if self.stop != Stop::End {
            told.push_str(&format!(", stopped by {:?}", self.stop).to_lowercase());
        }
        if self.reasoning_bytes > 0 {
            let bytes = grouped(self.reasoning_bytes as u64);
            told.push_str(&format!(", after {bytes} bytes of reasoning"));
        }
        lines.push(("trial question", told));
        for (what, text) in [
            ("  model", &self.model),
            ("  fingerprint", &self.system_fingerprint),
            ("  provider", &self.provider),
            ("  cut", &self.cut),
        ] {
            if let Some(text) = text {
                lines.push((what, text.clone()));
            }
        }
        let count = |count: Option<u64>| count.map_or("?".to_owned(), grouped);
        let mut tokens = format!(
            "{} in, {} out",
            count(self.usage.prompt_tokens),
            count(self.usage.output_tokens)
        );
        if let Some(cached) = self.usage.cached_tokens.filter(|cached| *cached > 0) {
            tokens.push_str(&format!(", {} cached", grouped(cached)));
        }
        lines.push(("  tokens", tokens));
        lines.push((
            "  template",
            match (self.template_tokens, self.question_tokens) {
                (Some(template), _) => format!("{} tokens around a question", grouped(template)),
                (None, Some(_)) => "the server told no tokens".to_owned(),
                (None, None) => "not known: nothing here counts its tokens".to_owned(),
            },
        ));
        if let Some(usd) = self.usd {
            lines.push(("  cost", format!("${usd:.6}")));
        }
        let first = self.timing.first_text_ms;
        let first = first.map_or(String::new(), |ms| format!("first text {ms:.0} ms, "));
        lines.push((
            "  latency",
            format!("{first}all {:.0} ms", self.timing.total_ms),
        ));
    }
}
