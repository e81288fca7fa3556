//! `--param`: request fields of the user's own, which no provider's dialect has a flag for.

use crate::cli::arguments::Inquiry;
use anyhow::{Context, Result, bail};
use serde_json::Value;

/// Fields that are not settings, and what stands for them.
const TAKEN: &[(&[&str], &str)] = &[
    (
        &["messages", "prompt", "input", "contents"],
        "the prompt is the measurement's own",
    ),
    (
        &[
            "system",
            "instructions",
            "systemInstruction",
            "system_instruction",
        ],
        "give it with --system",
    ),
    (&["model"], "name it in the target"),
    (&["stream"], "answers are always streamed"),
];

/// The fields as typed, the last of several with one name. A value that is no JSON is a string.
///
/// # Errors
/// When one is not KEY=JSON, or would replace the prompt, the model or the stream. The value is
/// not repeated.
pub fn params(arguments: &Inquiry) -> Result<Vec<(String, Value)>> {
    let mut params: Vec<(String, Value)> = Vec::new();
    for typed in &arguments.param {
        let (name, value) = typed
            .split_once('=')
            .filter(|(name, _)| !name.trim().is_empty())
            .context("a --param is KEY=JSON, as in --param top_k=1")?;
        let name = name.trim();
        if let Some((_, instead)) = TAKEN.iter().find(|(names, _)| names.contains(&name)) {
            bail!("--param cannot set `{name}`: {instead}");
        }
        let value = serde_json::from_str(value).unwrap_or_else(|_| Value::from(value));
        params.retain(|(earlier, _)| earlier != name);
        params.push((name.to_owned(), value));
    }
    Ok(params)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::arguments::{Cli, Command};
    use clap::Parser;
    use serde_json::json;

    fn read(typed: &[&str]) -> Result<Vec<(String, Value)>> {
        let mut line = vec!["depthfinder", "sweep", "sim:perfect"];
        for param in typed {
            line.extend(["--param", param]);
        }
        match Cli::try_parse_from(line).expect("a command").command {
            Command::Sweep(sweep) => params(&sweep),
            other => panic!("not a sweep: {other:?}"),
        }
    }

    #[test]
    fn values_are_json_and_everything_else_is_a_string() {
        let typed = [
            "top_k=1",
            "seed=7",
            "provider={\"only\":[\"a=b\"]}",
            "service_tier=flex",
            "user=",
            "stop=null",
            "top_k=2",
        ];
        let expected = [
            ("seed", json!(7)),
            ("provider", json!({"only": ["a=b"]})),
            ("service_tier", json!("flex")),
            ("user", json!("")),
            ("stop", json!(null)),
            ("top_k", json!(2)),
        ];
        let expected: Vec<_> = expected
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value))
            .collect();
        assert_eq!(read(&typed).expect("fields"), expected);
    }

    #[test]
    fn the_prompt_the_model_and_the_stream_are_not_settings() {
        for typed in [
            "messages=[]",
            "contents=[]",
            "input=x",
            "model=x",
            "stream=false",
            " system =x",
            "top_k",
            "=1",
        ] {
            let told = read(&[typed]).expect_err(typed).to_string();
            assert!(told.contains("--param") && !told.contains('\n'), "{told}");
        }
    }
}
