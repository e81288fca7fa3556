//! Whether this machine is ready: keys, tokenizers, room, terminal, and who can run local models.

use crate::cli::setup;
use crate::local::{Store, find_llama_server};
use crate::tokens::Tokenizer;
use serde::Serialize;
use std::io::IsTerminal;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// Variables that hold keys, or addresses that may hold some: only their names are ever told.
const VARIABLES: &[&str] = &[
    "DEPTHFINDER_API_KEY",
    "OPENAI_API_KEY",
    "ANTHROPIC_API_KEY",
    "GEMINI_API_KEY",
    "GOOGLE_API_KEY",
    "OPENROUTER_API_KEY",
    "AZURE_OPENAI_API_KEY",
    "AZURE_OPENAI_ENDPOINT",
    "OLLAMA_HOST",
    "HF_TOKEN",
    "HF_ENDPOINT",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "ALL_PROXY",
    "http_proxy",
    "https_proxy",
    "all_proxy",
];

/// A sentence that every vocabulary here counts alike whenever it is whole.
const SENTENCE: &str = "The sea was calm.";
const SENTENCE_TOKENS: u64 = 5;

/// Less room than this is too little for an index and a run, in bytes.
const ROOM_BYTES: u64 = 200_000_000;

/// One thing that was looked at.
#[derive(Debug, Serialize)]
pub struct Check {
    /// What.
    pub what: &'static str,
    /// What was found.
    pub told: String,
    /// False where something would not work.
    pub ok: bool,
}

/// Looks at everything.
pub async fn checks() -> Vec<Check> {
    let mut checks = vec![fine(
        "depthfinder",
        format!(
            "{} on {} {}, {} processors",
            env!("CARGO_PKG_VERSION"),
            std::env::consts::OS,
            std::env::consts::ARCH,
            std::thread::available_parallelism().map_or(1, usize::from)
        ),
    )];
    checks.push(fine("variables set", variables()));
    checks.extend(Tokenizer::BUNDLED.iter().map(|name| tokenizer(name)));
    checks.push(cache());
    checks.push(fine("terminal", terminal()));
    checks.push(fine("llama-server", llama_server()));
    checks.push(fine(
        "built-in engine",
        match cfg!(feature = "engine") {
            true => "built in".to_owned(),
            false => "left out of this build: local models need a llama-server".to_owned(),
        },
    ));
    checks.push(loopback("loopback", "127.0.0.1:0").await);
    checks
}

fn fine(what: &'static str, told: String) -> Check {
    Check {
        what,
        told,
        ok: true,
    }
}

fn variables() -> String {
    let set = |name: &&&str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    let names: Vec<&str> = VARIABLES.iter().filter(set).copied().collect();
    match names.is_empty() {
        true => "none of those that are looked for".to_owned(),
        false => names.join(", "),
    }
}

fn tokenizer(name: &'static str) -> Check {
    let began = Instant::now();
    let counted = Tokenizer::bundled(name).and_then(|tokenizer| tokenizer.count(SENTENCE));
    let ms = began.elapsed().as_millis();
    let (told, ok) = match counted {
        Ok(SENTENCE_TOKENS) => (format!("{name} loads and counts ({ms} ms)"), true),
        Ok(other) => (
            format!("{name} counts {other} tokens where there are {SENTENCE_TOKENS}"),
            false,
        ),
        Err(error) => (format!("{name}: {error:#}"), false),
    };
    Check {
        what: "tokenizer",
        told,
        ok,
    }
}

fn cache() -> Check {
    let what = "cache folder";
    let Some(folder) = setup::cache() else {
        return Check {
            what,
            told: "none is known here: name one in DEPTHFINDER_CACHE".to_owned(),
            ok: false,
        };
    };
    let shown = folder.display();
    if let Err(error) = writable(&folder) {
        return Check {
            what,
            told: format!("{shown} cannot be written ({error}): name another in DEPTHFINDER_CACHE"),
            ok: false,
        };
    }
    let free = free_bytes(&folder);
    let room = free.map_or("free space not known".to_owned(), |bytes| {
        format!("{:.1} GB free", bytes as f64 / 1e9)
    });
    Check {
        what,
        told: format!("{shown}, {room}"),
        ok: free.is_none_or(|bytes| bytes >= ROOM_BYTES),
    }
}

/// Writes a file and takes it away again; a folder that was not there is left behind, empty.
fn writable(folder: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(folder)?;
    let probe = folder.join(format!(".doctor-{}", std::process::id()));
    std::fs::write(&probe, b"1")?;
    std::fs::remove_file(&probe)
}

/// Asked of `df`, which every Unix has, in its portable form: no crate here can tell.
fn free_bytes(folder: &Path) -> Option<u64> {
    let told = Command::new("df")
        .arg("-Pk")
        .arg(folder)
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output()
        .ok()?;
    let told = String::from_utf8_lossy(&told.stdout).into_owned();
    // Names on both sides may hold spaces; the share that is used stands right behind what is free.
    let words: Vec<&str> = told.lines().nth(1)?.split_whitespace().collect();
    let used = words.iter().rposition(|word| word.ends_with('%'))?;
    let available = words.get(used.checked_sub(1)?)?;
    available.parse::<u64>().ok()?.checked_mul(1024)
}

fn terminal() -> String {
    let name = std::env::var("TERM").unwrap_or_default();
    let is = |terminal: bool, what: &str| match terminal {
        true => format!("{what} is a terminal"),
        false => format!("{what} is none"),
    };
    let shown = std::io::stdout().is_terminal();
    let unwanted = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let colours = shown && !unwanted && name != "dumb" && !name.is_empty();
    format!(
        "{}, {}, {}",
        is(shown, "standard output"),
        is(std::io::stderr().is_terminal(), "standard error"),
        match colours {
            true => "colours",
            false => "no colours",
        }
    )
}

fn llama_server() -> String {
    let found = Store::from_env().and_then(|store| find_llama_server(None, &store));
    match found {
        Ok(Some(path)) => path.display().to_string(),
        Ok(None) => "none in PATH and none fetched yet".to_owned(),
        Err(error) => format!("{error:#}"),
    }
}

/// Servers of ours, and many a proxy, need it.
async fn loopback(what: &'static str, address: &str) -> Check {
    let passes = async {
        let listener = TcpListener::bind(address).await?;
        let mut near = TcpStream::connect(listener.local_addr()?).await?;
        let (mut far, _) = listener.accept().await?;
        near.write_all(b"1").await?;
        far.read_exact(&mut [0]).await
    };
    let passed = tokio::time::timeout(Duration::from_secs(5), passes).await;
    let (told, ok) = match passed {
        Ok(Ok(_)) => ("carries a connection".to_owned(), true),
        Ok(Err(error)) => (format!("carries no connection: {error}"), false),
        Err(_) => ("carries no connection: nothing came".to_owned(), false),
    };
    Check { what, told, ok }
}
