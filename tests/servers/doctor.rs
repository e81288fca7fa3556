//! `doctor` as a user meets it.

use serde_json::Value;
use std::process::{Command, Output};

const KEY: &str = "sk-never-shown-0123456789";

fn doctor(arguments: &[&str], variables: &[(&str, &str)]) -> Output {
    let cache = tempfile::tempdir().expect("a folder");
    let mut command = Command::new(env!("CARGO_BIN_EXE_depthfinder"));
    command.arg("doctor").args(arguments).env_clear();
    command
        .env("DEPTHFINDER_CACHE", cache.path())
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .envs(variables.iter().copied());
    command.output().expect("it runs")
}

fn out(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn without_a_target_the_machine_is_looked_at_and_no_value_is_told() {
    let variables = [("OPENAI_API_KEY", KEY), ("HTTPS_PROXY", KEY)];
    let told = doctor(&[], &variables);
    assert_eq!(told.status.code(), Some(0), "{told:?}");
    let text = out(&told);
    assert!(!format!("{told:?}").contains(KEY));
    for line in [
        "variables set     OPENAI_API_KEY, HTTPS_PROXY",
        "tokenizer         o200k loads and counts",
        "tokenizer         cl100k loads and counts",
        "cache folder      ",
        "terminal          standard output is none, standard error is none, no colours",
        "llama-server      ",
        "loopback          carries a connection",
    ] {
        assert!(text.contains(line), "{line} in\n{text}");
    }
    let json = doctor(&["--json"], &variables);
    let checks: Value = serde_json::from_slice(&json.stdout).expect("JSON");
    let checks = checks.as_array().expect("a list");
    assert!(checks.len() >= 8 && checks.iter().all(|check| check["ok"] == true));
    assert!(!format!("{json:?}").contains(KEY));
}

#[test]
fn a_cache_that_cannot_be_written_is_told() {
    let file = tempfile::NamedTempFile::new().expect("a file");
    let path = file.path().display().to_string();
    let told = doctor(&[], &[("DEPTHFINDER_CACHE", &path)]);
    assert_eq!(told.status.code(), Some(2));
    let text = out(&told);
    assert!(
        text.contains("NOT OK: ") && text.contains("name another in DEPTHFINDER_CACHE"),
        "{text}"
    );
}

#[test]
fn a_target_is_described_and_asked_one_short_question() {
    let told = doctor(&["sim:perfect"], &[]);
    assert_eq!(told.status.code(), Some(0), "{told:?}");
    let text = out(&told);
    for line in [
        "model             ",
        "window, declared  ",
        "trial question    \"",
        "  template        ",
        "  latency         ",
    ] {
        assert!(text.contains(line), "{line} in\n{text}");
    }
    let json = doctor(&["sim:perfect", "--json"], &[]);
    let found: Value = serde_json::from_slice(&json.stdout).expect("JSON");
    assert_eq!(found["served"]["software"], "sim", "{found}");
    assert!(found["trial"]["template_tokens"].is_u64(), "{found}");
    assert!(found["trial"]["usage"]["prompt_tokens"].is_u64(), "{found}");
}

#[test]
fn a_target_that_is_not_there_ends_with_one_line() {
    let told = doctor(&["http://127.0.0.1:1/v1#m"], &[]);
    assert_eq!(told.status.code(), Some(2));
    let complaint = String::from_utf8_lossy(&told.stderr).into_owned();
    assert_eq!(complaint.lines().count(), 1, "{complaint}");
    let misplaced = doctor(&["--api-key-env", "X"], &[]);
    assert_eq!(misplaced.status.code(), Some(2));
}
