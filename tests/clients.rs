//! The simulated server against the vendors' own Python clients: their typed objects and errors come out right.

#[allow(dead_code, reason = "each test program uses its share")]
#[path = "real/files.rs"]
mod files;

use depthfinder::sim::{Responder, Serving, Truth, serve};
use depthfinder::tokens::Tokenizer;
use files::have;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{LazyLock, Mutex};

/// The clients, each with its pinned version.
const CLIENTS: &[(&str, &str)] = &[
    ("openai", "openai==3.54.0"),
    ("anthropic", "anthropic==2.12.0"),
    ("ollama", "ollama==0.6.3"),
    ("google-genai", "google-genai==3.4.0"),
];

/// The tokens that the simulated chat template adds.
const TEMPLATE_TOKENS: u64 = 7;

const VALUE: &str = "4829173";

const SYSTEM: &str = "Be brief.";

/// A prompt of a few hundred tokens with one fact; every other character needs more than a byte.
static PROMPT: LazyLock<String> = LazyLock::new(|| {
    let hay = "Nothing of note was said that day. 那天没有什么值得注意的事。 “Quiet” 😀 café. ";
    format!(
        "{}The special magic number for brave-otter is {VALUE}. {}\n\nWhat is the special magic \
         number for brave-otter? Answer with the number only.",
        hay.repeat(8),
        hay.repeat(8)
    )
});

fn tokens(text: &str) -> u64 {
    let tokenizer = Tokenizer::bundled("o200k").expect("bundled");
    tokenizer.count(text).expect("a count")
}

/// Tokens of the prompt as the server counts them, with the system's message.
fn prompt_tokens() -> u64 {
    tokens(&PROMPT) + tokens(SYSTEM) + TEMPLATE_TOKENS
}

/// The Python of a folder that holds the clients; made once with pip and kept.
fn python() -> Result<PathBuf, String> {
    static MADE: Mutex<Option<Result<PathBuf, String>>> = Mutex::new(None);
    let mut made = MADE.lock().map_err(|error| error.to_string())?;
    made.get_or_insert_with(install).clone()
}

fn install() -> Result<PathBuf, String> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("clients");
    let python = folder.join("bin").join("python");
    let pinned: Vec<&str> = CLIENTS.iter().map(|&(_, pinned)| pinned).collect();
    // Only what was installed to its end has the list beside it.
    let list = folder.join("installed");
    if std::fs::read_to_string(&list).is_ok_and(|list| list == pinned.join("\n")) {
        return Ok(python);
    }
    let _ = std::fs::remove_dir_all(&folder);
    run(Command::new("python3").args(["-m", "venv"]).arg(&folder))?;
    let mut pip = Command::new(&python);
    pip.args([
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
    ]);
    run(pip.args(&pinned))?;
    std::fs::write(&list, pinned.join("\n")).map_err(|error| error.to_string())?;
    Ok(python)
}

fn run(command: &mut Command) -> Result<String, String> {
    let name = command.get_program().to_string_lossy().into_owned();
    let output = command
        .output()
        .map_err(|error| format!("{name} cannot be started: {error}"))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        return Err(format!("{name} failed ({}): {said}", output.status));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// The servers that the clients are sent to, by name.
const SERVERS: &[(&str, &str)] = &[
    ("plain", "perfect,window=128k"),
    ("narrow", "perfect,window=100"),
    ("400", "perfect,fault=status=400"),
    ("401", "perfect,fault=status=401"),
    ("404", "perfect,fault=status=404"),
    ("413", "perfect,fault=status=413"),
    ("429", "perfect,fault=status=429"),
    ("500", "perfect,fault=status=500"),
    ("503", "perfect,fault=status=503"),
    ("529", "perfect,fault=status=529"),
    ("late", "perfect,fault=error-in-200"),
    ("reasons", "perfect,fault=reasoning-eats-budget"),
    ("torn", "perfect,fault=split-utf8"),
];

/// What a client makes of all servers; none where it cannot be had.
fn told_by(client: &str) -> Option<Value> {
    let python = have(&format!("the {client} client"), python())?;
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let serving: Vec<(&str, Serving)> = SERVERS
        .iter()
        .map(|&(name, model)| {
            let truth = Truth::parse(model).expect(model);
            let responder = Responder::new(truth).expect("a model");
            let served = runtime.block_on(serve(responder, 0, std::future::pending()));
            (name, served.expect("a server"))
        })
        .collect();
    let mut servers = json!({});
    for (name, server) in &serving {
        servers[name] = format!("http://{}", server.address).into();
    }
    let told = json!({
        "servers": servers,
        "prompt": *PROMPT,
        "model": "sim:perfect,window=128k",
    });
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients/drive.py");
    let mut asking = Command::new(python);
    // A proxy of the machine's must not stand between two ends of one loopback.
    for name in ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"] {
        asking.env_remove(name).env_remove(name.to_lowercase());
    }
    let said = run(asking.arg(script).arg(client).arg(told.to_string()));
    let said = said.unwrap_or_else(|error| panic!("{client}: {error}"));
    Some(serde_json::from_str(&said).expect("JSON"))
}

/// Holds a raised error against its class and status.
fn raised(told: &Value, case: &str, class: &str, status: u16) {
    let error = &told[case];
    assert_eq!(error["raised"], class, "{case}: {error}");
    assert_eq!(error["status"], status, "{case}: {error}");
}

/// The answer as the server says it that tears characters apart.
fn quoted() -> String {
    format!("“{VALUE}”")
}

#[test]
fn the_openai_client_reads_chats_responses_and_errors() {
    let Some(told) = told_by("openai") else {
        return;
    };
    let (prompt, output) = (prompt_tokens(), tokens(VALUE));
    assert_eq!(
        told["chat"],
        json!({
            "type": "ChatCompletion", "text": VALUE, "finish": "stop", "prompt": prompt,
            "output": output, "cached": 0, "model": "sim:perfect,window=128k",
        })
    );
    assert_eq!(
        told["chat_stream"],
        json!({
            "type": "ChatCompletionChunk", "text": VALUE, "finish": ["stop"], "prompt": prompt,
        })
    );
    assert_eq!(told["chat_cut"], json!({ "finish": "length", "output": 1 }));
    assert_eq!(
        told["responses"],
        json!({
            "type": "Response", "text": VALUE, "status": "completed", "prompt": prompt,
            "output": output, "items": ["ResponseOutputMessage"],
        })
    );
    assert_eq!(
        told["responses_stream"],
        json!({
            "types": [
                "ResponseCompletedEvent", "ResponseContentPartAddedEvent",
                "ResponseContentPartDoneEvent", "ResponseCreatedEvent",
                "ResponseInProgressEvent", "ResponseOutputItemAddedEvent",
                "ResponseOutputItemDoneEvent", "ResponseTextDeltaEvent", "ResponseTextDoneEvent",
            ],
            "numbers": true, "text": VALUE, "last": "response.completed", "final": VALUE,
            "prompt": prompt,
        })
    );
    assert_eq!(told["responses_helper"]["text"], VALUE);
    assert_eq!(
        told["responses_cut"],
        json!({ "status": "incomplete", "why": "max_output_tokens" })
    );
    assert_eq!(told["count"], prompt);
    assert_eq!(told["models"], json!(["Model", "sim:perfect,window=128k"]));
    raised(&told, "error_400", "BadRequestError", 400);
    raised(&told, "error_401", "AuthenticationError", 401);
    raised(&told, "error_404", "NotFoundError", 404);
    raised(&told, "error_429", "RateLimitError", 429);
    raised(&told, "error_500", "InternalServerError", 500);
    raised(&told, "error_503", "InternalServerError", 503);
    raised(&told, "error_responses", "RateLimitError", 429);
    raised(&told, "error_narrow", "BadRequestError", 400);
    raised(&told, "error_narrow_responses", "BadRequestError", 400);
    assert_eq!(told["error_late"]["raised"], "APIError", "{told}");
    assert_eq!(
        told["reasons"],
        json!({ "items": ["ResponseReasoningItem"], "status": "incomplete", "reasoning": 20 })
    );
    assert_eq!(told["torn"], quoted());
}

#[test]
fn the_anthropic_client_reads_messages_and_errors() {
    let Some(told) = told_by("anthropic") else {
        return;
    };
    let (prompt, output) = (prompt_tokens(), tokens(VALUE));
    assert_eq!(
        told["message"],
        json!({
            "type": "Message", "blocks": ["TextBlock"], "text": VALUE, "stop": "end_turn",
            "input": prompt, "read": 0, "output": output, "model": "sim:perfect,window=128k",
            "id": true,
        })
    );
    assert_eq!(
        told["stream"],
        json!({
            "types": [
                "RawMessageStartEvent", "RawContentBlockStartEvent", "RawContentBlockStopEvent",
                "RawMessageDeltaEvent", "RawMessageStopEvent",
            ],
            "text": VALUE,
        })
    );
    assert_eq!(
        told["helper"],
        json!({
            "text": VALUE, "final": VALUE, "stop": "end_turn", "input": prompt, "output": output,
        })
    );
    assert_eq!(told["cut"], "max_tokens");
    assert_eq!(told["count"], prompt);
    assert_eq!(
        told["models"],
        json!(["ModelInfo", "sim:perfect,window=128k", 128_000, "active"])
    );
    raised(&told, "error_400", "BadRequestError", 400);
    raised(&told, "error_401", "AuthenticationError", 401);
    raised(&told, "error_404", "NotFoundError", 404);
    raised(&told, "error_413", "ContentTooLargeError", 413);
    raised(&told, "error_429", "RateLimitError", 429);
    raised(&told, "error_500", "InternalServerError", 500);
    raised(&told, "error_529", "OverloadedError", 529);
    raised(&told, "error_narrow", "BadRequestError", 400);
    let words = format!("prompt is too long: {prompt} tokens > 100 maximum");
    let said = told["error_narrow"]["said"].as_str().expect("words");
    assert!(said.contains(&words), "{said}");
    let late = told["error_late"]["said"].as_str().expect("words");
    assert!(late.contains("Overloaded"), "{late}");
    assert_eq!(
        told["reasons"],
        json!({ "blocks": ["ThinkingBlock"], "stop": "max_tokens", "thinking": 20 })
    );
    assert_eq!(told["torn"], quoted());
}

#[test]
fn the_ollama_client_reads_chats_windows_and_errors() {
    let Some(told) = told_by("ollama") else {
        return;
    };
    let (prompt, output) = (prompt_tokens(), tokens(VALUE));
    assert_eq!(told["ps_before"], 0);
    assert_eq!(
        told["chat"],
        json!({
            "type": "ChatResponse", "text": VALUE, "done": [true, "stop"], "prompt": prompt,
            "output": output,
        })
    );
    assert_eq!(
        told["stream"],
        json!({ "text": VALUE, "done": true, "reason": "stop", "prompt": prompt })
    );
    assert_eq!(told["cut"], "length");
    // 64 - (64 - 5) / 2, by the formula in Ollama's source.
    assert_eq!(told["half"], json!({ "prompt": 35, "loaded": 64 }));
    assert_eq!(told["show"], json!([128_000]));
    assert_eq!(told["list"], "sim:perfect,window=128k");
    for status in [400, 404, 429, 500, 503] {
        raised(&told, &format!("error_{status}"), "ResponseError", status);
    }
    assert_eq!(told["error_late"]["raised"], "ResponseError", "{told}");
    assert_eq!(told["reasons"], json!([true, "", "length"]));
    assert_eq!(told["torn"], quoted());
}

#[test]
fn the_gemini_client_reads_content_and_errors() {
    let Some(told) = told_by("google-genai") else {
        return;
    };
    let (prompt, output) = (prompt_tokens(), tokens(VALUE));
    assert_eq!(
        told["content"],
        json!({
            "type": "GenerateContentResponse", "text": VALUE, "finish": "STOP", "prompt": prompt,
            "output": output, "model": "sim:perfect,window=128k",
        })
    );
    assert_eq!(
        told["stream"],
        json!({ "text": VALUE, "finish": "STOP", "prompt": prompt })
    );
    assert_eq!(told["cut"], "MAX_TOKENS");
    assert_eq!(told["count"], prompt - tokens(SYSTEM));
    assert_eq!(told["model"], 128_000);
    raised(&told, "error_400", "ClientError", 400);
    raised(&told, "error_404", "ClientError", 404);
    raised(&told, "error_429", "ClientError", 429);
    raised(&told, "error_500", "ServerError", 500);
    raised(&told, "error_503", "ServerError", 503);
    raised(&told, "error_narrow", "ClientError", 400);
    raised(&told, "error_late", "ServerError", 503);
    assert_eq!(told["reasons"], json!([null, "MAX_TOKENS", 20]));
    assert_eq!(told["torn"], quoted());
}
