//! A llama-server of our own: started on a loopback port, asked what it serves, ended with us.

use crate::local::fetch::loopback_client;
use crate::local::probe::{Unusable, Verdict, library_path, probe};
use crate::local::watchdog::{Watched, how_it_ended};
use anyhow::{Context, Result, anyhow};
use reqwest::{Client, StatusCode};
use serde_json::{Value, json};
use std::ffi::OsString;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// How a server is started.
#[derive(Clone, Debug)]
pub struct Options {
    /// The llama-server.
    pub binary: PathBuf,
    /// The GGUF file.
    pub model: PathBuf,
    /// What the server calls the model in its replies; its path where `None`, which is nothing
    /// to publish.
    pub name: Option<String>,
    /// The window to serve, in tokens; the model's own where `None`.
    pub context_tokens: Option<u64>,
    /// Threads; the server's own choice where `None`.
    pub threads: Option<usize>,
    /// The file that its output is appended to.
    pub log: PathBuf,
    /// How long loading may take; by the file's size where `None`.
    pub ready_within: Option<Duration>,
}

/// A running llama-server that has loaded our model and computed a token. Ended when dropped.
#[derive(Debug)]
pub struct ManagedServer {
    /// `http://127.0.0.1:PORT/v1`.
    pub base_url: String,
    /// The window that it serves, in tokens.
    pub window_tokens: u64,
    /// Its build, as it names it.
    pub build: Option<String>,
    child: Watched,
    log: Log,
}

/// Why a start failed: the port was another's, or for good.
enum Fault {
    PortTaken(anyhow::Error),
    Final(anyhow::Error),
}

impl From<anyhow::Error> for Fault {
    fn from(error: anyhow::Error) -> Self {
        Fault::Final(error)
    }
}

impl ManagedServer {
    /// Starts the server and waits until it has answered a first request.
    ///
    /// # Errors
    /// With the last line of its log. Where it cannot run on this machine at all, the error
    /// downcasts to [`Unusable`].
    pub async fn start(options: &Options) -> Result<Self> {
        if let Verdict::Unusable { why } = probe(&options.binary).await {
            return Err(Unusable { why }.into());
        }
        let mut last = anyhow!("no port was tried");
        for _ in 0..3 {
            match Self::try_port(options, free_port()?).await {
                Ok(server) => return Ok(server),
                Err(Fault::Final(error)) => return Err(error),
                Err(Fault::PortTaken(error)) => last = error,
            }
        }
        Err(last.context("llama-server found no free port in three attempts"))
    }

    async fn try_port(options: &Options, port: u16) -> Result<Self, Fault> {
        let client = loopback_client()?;
        let size_bytes = options
            .model
            .metadata()
            .with_context(|| format!("{} cannot be read", options.model.display()))?
            .len();
        let ready_within = options
            .ready_within
            .unwrap_or_else(|| loading_time(size_bytes));
        let (mut log, file) = Log::open(&options.log)?;
        let names = std::env::vars_os().filter_map(|(name, _)| name.into_string().ok());
        let env = environment(&options.binary, names);
        let child = Watched::start(&options.binary, &arguments(options, port), &env, file)?;
        let root = format!("http://127.0.0.1:{port}");
        let mut starting = Starting {
            client,
            child,
            root,
            deadline: Instant::now() + ready_within,
        };
        starting.wait_for_health(&mut log, ready_within).await?;
        let props = starting.props(&mut log, options).await?;
        starting.compute_a_token(&mut log).await?;
        // Two servers that race for one port: the loser exits while the winner answers for it.
        starting.check_alive(&mut log)?;
        let window_tokens = props["default_generation_settings"]["n_ctx"]
            .as_u64()
            .or_else(|| props["n_ctx"].as_u64())
            .context("this llama-server does not say which window it serves (/props has no n_ctx); a newer one does")?;
        let Starting { child, root, .. } = starting;
        Ok(ManagedServer {
            base_url: format!("{root}/v1"),
            window_tokens,
            build: props["build_info"].as_str().map(str::to_owned),
            child,
            log,
        })
    }

    /// The server's own pid.
    pub fn pid(&self) -> u32 {
        self.child.pid()
    }

    /// Where it has ended by itself: how, and the last line of its log.
    pub fn ended(&mut self) -> Option<String> {
        let status = self.child.ended()?;
        Some(self.log.obituary(status))
    }

    /// Ends the server and waits until it is gone; at most ten seconds.
    pub fn end(&mut self) {
        self.child.end();
    }
}

struct Starting {
    client: Client,
    child: Watched,
    root: String,
    deadline: Instant,
}

impl Starting {
    fn check_alive(&mut self, log: &mut Log) -> Result<(), Fault> {
        let Some(status) = self.child.ended() else {
            return Ok(());
        };
        let obituary = log.obituary(status);
        let died = matches!(status - 128, 4 | 7 | 8 | 11);
        Err(match log.text() {
            said if said.contains("bind") && said.contains("socket") => {
                Fault::PortTaken(anyhow!(obituary))
            }
            _ if died => Fault::Final(Unusable { why: obituary }.into()),
            _ => Fault::Final(anyhow!(obituary)),
        })
    }

    async fn wait_for_health(&mut self, log: &mut Log, within: Duration) -> Result<(), Fault> {
        let mut pause = Duration::from_millis(20);
        loop {
            tokio::time::sleep(pause).await;
            pause = (pause * 3 / 2).min(Duration::from_millis(500));
            self.check_alive(log)?;
            let asked = self
                .client
                .get(format!("{}/health", self.root))
                .timeout(Duration::from_secs(5))
                .send()
                .await;
            if asked.is_ok_and(|response| response.status() == StatusCode::OK) {
                return Ok(());
            }
            if Instant::now() > self.deadline {
                return Err(Fault::Final(anyhow!(
                    "llama-server was not ready in {:.0} s; {}",
                    within.as_secs_f64(),
                    log.last_words()
                )));
            }
        }
    }

    async fn props(&mut self, log: &mut Log, options: &Options) -> Result<Value, Fault> {
        let asked = self
            .client
            .get(format!("{}/props", self.root))
            .timeout(Duration::from_secs(30))
            .send()
            .await;
        let answered = match asked {
            Ok(response) => response
                .bytes()
                .await
                .ok()
                .and_then(|body| serde_json::from_slice::<Value>(&body).ok()),
            Err(_) => None,
        };
        self.check_alive(log)?;
        let props = answered.context("llama-server gave no /props")?;
        let serves = props["model_path"].as_str();
        if serves.is_some_and(|path| !same_file(Path::new(path), &options.model)) {
            let other = serves.unwrap_or_default();
            return Err(Fault::PortTaken(anyhow!(
                "another server answered, with the model {other}"
            )));
        }
        Ok(props)
    }

    /// One token after a prompt of several dozen: loading a model runs none of the code that a
    /// CPU may lack, and one token alone does not run the code for batches.
    async fn compute_a_token(&mut self, log: &mut Log) -> Result<(), Fault> {
        let prompt = "The quick brown fox jumps over the lazy dog. ".repeat(4);
        let body =
            json!({"prompt": prompt, "n_predict": 1, "temperature": 0, "cache_prompt": false});
        let left =
            self.deadline.saturating_duration_since(Instant::now()) + Duration::from_secs(60);
        let asked = self
            .client
            .post(format!("{}/completion", self.root))
            .header("content-type", "application/json")
            .body(body.to_string())
            .timeout(left)
            .send()
            .await;
        let answer = match asked {
            Ok(response) => (response.status(), response.text().await.unwrap_or_default()),
            Err(error) => {
                // The connection breaks a moment before the shell knows of the death.
                for _ in 0..40 {
                    self.check_alive(log)?;
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
                let error = error.without_url();
                return Err(Fault::Final(anyhow!(
                    "llama-server did not answer a first request ({error}); {}",
                    log.last_words()
                )));
            }
        };
        let computed =
            serde_json::from_str::<Value>(&answer.1).is_ok_and(|json| json["content"].is_string());
        if answer.0 != StatusCode::OK || !computed {
            let said: String = answer.1.chars().take(200).collect();
            return Err(Fault::Final(anyhow!(
                "llama-server cannot use this model ({}): {said}",
                answer.0
            )));
        }
        Ok(())
    }
}

/// The part of a log file that one server wrote.
#[derive(Debug)]
struct Log {
    path: PathBuf,
    begins_at: u64,
}

impl Log {
    fn open(path: &Path) -> Result<(Self, File)> {
        let file = File::options()
            .create(true)
            .append(true)
            .open(path)
            .with_context(|| format!("the log {} cannot be written", path.display()))?;
        let begins_at = file.metadata().map_or(0, |found| found.len());
        Ok((
            Log {
                path: path.to_owned(),
                begins_at,
            },
            file,
        ))
    }

    /// The last 16 KiB of what this server wrote.
    fn text(&self) -> String {
        let mut text = Vec::new();
        let _ = File::open(&self.path).and_then(|mut file| {
            let end = file.metadata()?.len();
            file.seek(SeekFrom::Start(
                self.begins_at.max(end.saturating_sub(16 << 10)),
            ))?;
            file.read_to_end(&mut text)
        });
        String::from_utf8_lossy(&text).into_owned()
    }

    fn last_words(&self) -> String {
        let text = self.text();
        match text
            .lines()
            .rev()
            .map(str::trim)
            .find(|line| !line.is_empty())
        {
            Some(line) => format!("its log {} ends with: {line}", self.path.display()),
            None => format!("its log {} is empty", self.path.display()),
        }
    }

    fn obituary(&self, status: i32) -> String {
        format!(
            "llama-server has ended: {}; {}",
            how_it_ended(status),
            self.last_words()
        )
    }
}

fn arguments(options: &Options, port: u16) -> Vec<OsString> {
    // 0 is llama.cpp's word for the model's own window.
    let context = options.context_tokens.unwrap_or(0).to_string();
    let port = port.to_string();
    let mut words = vec![OsString::from("-m"), options.model.clone().into()];
    let mut add = |more: &[&str]| words.extend(more.iter().map(OsString::from));
    // One slot: with several, each would get a part of the window.
    add(&[
        "--host",
        "127.0.0.1",
        "--port",
        &port,
        "-c",
        &context,
        "-np",
        "1",
    ]);
    if let Some(threads) = options.threads {
        add(&["-t", &threads.to_string()]);
    }
    if let Some(name) = &options.name {
        add(&["--alias", name]);
    }
    add(&["--no-webui"]);
    words
}

/// What the server's environment loses and gains. llama-server takes every option from there too:
/// a context shift or a key left there would change what is measured. Which hardware it uses
/// remains the user's to say.
fn environment(
    binary: &Path,
    names: impl Iterator<Item = String>,
) -> Vec<(String, Option<String>)> {
    let hardware = ["GPU", "DEVICE", "SPLIT"];
    let lost = names
        .filter(|name| name.starts_with("LLAMA_ARG_") || name == "LLAMA_API_KEY")
        .filter(|name| !hardware.iter().any(|word| name.contains(word)))
        .map(|name| (name, None));
    let libraries = library_path(binary).map(|(name, value)| (name, Some(value)));
    lost.chain(libraries).collect()
}

/// A minute, and a cold disk's 25 MB/s on top.
fn loading_time(size_bytes: u64) -> Duration {
    Duration::from_secs(60 + size_bytes / 25_000_000)
}

fn free_port() -> Result<u16> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).context("no loopback port is free")?;
    Ok(listener
        .local_addr()
        .context("no loopback port is free")?
        .port())
}

fn same_file(one: &Path, other: &Path) -> bool {
    one == other
        || matches!((one.canonicalize(), other.canonicalize()), (Ok(one), Ok(other)) if one == other)
}

#[cfg(all(test, unix))]
mod tests;
