//! What the speed benches share: CPU clocks, medians, and a server in another process that discards.
#![allow(dead_code, reason = "each bench takes its part of this")]

use anyhow::{Context, Result, ensure};
use depthfinder::answer::ValueType;
use depthfinder::corpus::Corpus;
use depthfinder::fact::Facts;
use depthfinder::index::Index;
use depthfinder::lexicon::Lexicon;
use depthfinder::plan::{Depths, Grid, Group, Plan, WordingChoice, needles};
use depthfinder::prompt::{Assembler, Prompt, QuestionAt, SetPlan};
use depthfinder::seed::{RunKey, Secret};
use depthfinder::task::Task;
use depthfinder::tokens::Tokenizer;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Barrier};
use std::time::{Duration, Instant};

/// `/proc/PID/stat` counts in hundredths of a second on every Linux.
const TICKS_PER_S: f64 = 100.0;

/// How often each side is measured: `DEPTHFINDER_BENCH_ROUNDS`, nine times where it is not set.
pub fn rounds() -> Result<u32> {
    match std::env::var("DEPTHFINDER_BENCH_ROUNDS") {
        Ok(rounds) => rounds
            .parse()
            .context("DEPTHFINDER_BENCH_ROUNDS is not a number"),
        Err(_) => Ok(9),
    }
}

/// CPU time that this thread has used.
pub fn thread_cpu() -> Result<Duration> {
    // The kernel brings the account up to date when the thread gives way.
    std::thread::yield_now();
    let account = std::fs::read_to_string("/proc/thread-self/schedstat")?;
    let ns = account.split(' ').next().context("an empty account")?;
    Ok(Duration::from_nanos(ns.parse()?))
}

/// CPU time of the work, done on this thread alone.
pub fn on_this_thread<T>(work: impl FnOnce() -> Result<T>) -> Result<(T, Duration)> {
    let before = thread_cpu()?;
    let done = work()?;
    Ok((done, thread_cpu()? - before))
}

/// CPU time of this process with all its threads, to a hundredth of a second.
pub fn process_cpu() -> Result<Duration> {
    Ok(Duration::from_secs_f64(
        (stat(13)? + stat(14)?) / TICKS_PER_S,
    ))
}

/// CPU time of the children that were waited for, to a hundredth of a second.
pub fn children_cpu() -> Result<Duration> {
    Ok(Duration::from_secs_f64(
        (stat(15)? + stat(16)?) / TICKS_PER_S,
    ))
}

/// A field of this process's account, counted from 0.
fn stat(field: usize) -> Result<f64> {
    let account = std::fs::read_to_string("/proc/self/stat")?;
    // The second field is a name that may hold spaces.
    let (_, rest) = account.rsplit_once(") ").context("an odd account")?;
    let value = rest.split(' ').nth(field - 2).context("a short account")?;
    Ok(value.parse()?)
}

/// The most memory that this process ever held, in bytes.
pub fn peak_rss_bytes() -> Result<u64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib: u64 = line
        .context("no VmHWM")?
        .trim()
        .trim_end_matches(" kB")
        .parse()?;
    Ok(kib * 1024)
}

/// How busy the machine is, for the head of every table.
pub fn machine() -> String {
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    format!(
        "{cores} cores, load {}",
        load.split(' ').next().unwrap_or("unknown")
    )
}

/// The middle of some times.
pub fn median(times: &[Duration]) -> Duration {
    let mut sorted = times.to_vec();
    sorted.sort_unstable();
    sorted.get(sorted.len() / 2).copied().unwrap_or_default()
}

/// Median, least and most, in milliseconds.
pub fn shown(times: &[Duration]) -> String {
    let ms = |time: Option<&Duration>| time.map_or(0.0, |time| time.as_secs_f64() * 1e3);
    format!(
        "{:9.2} ms ({:.2}..{:.2})",
        ms(Some(&median(times))),
        ms(times.iter().min()),
        ms(times.iter().max())
    )
}

/// Whether a target was met, in words.
pub fn verdict(met: bool) -> &'static str {
    if met { "met" } else { "MISSED" }
}

/// Everything that prompts are laid out of: the built-in corpus, its index and facts.
pub struct Ground {
    /// The texts.
    pub corpus: Corpus,
    /// Their index.
    pub index: Index,
    /// The trials.
    pub plan: Plan,
    /// Their facts.
    pub facts: Facts,
    /// The key of all randomness.
    pub key: RunKey,
    /// What counts.
    pub tokenizer: Arc<Tokenizer>,
}

/// Where the benches keep their indexes from one run to the next.
pub fn cache() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("bench-cache")
}

/// Five facts at five depths, `samples` haystacks of one length.
pub fn grid(task: Task, length_tokens: u64, samples: u32) -> Result<Grid> {
    Ok(Grid {
        tasks: vec![task],
        lengths_tokens: vec![length_tokens],
        depths: Depths::parse("5")?,
        samples,
        keys: 5,
        values: ValueType::Numbers,
        wording: WordingChoice::Fixed,
        question_at: QuestionAt::End,
        language: "en".into(),
        question_language: None,
        beyond: Default::default(),
        difficulty: Default::default(),
    })
}

impl Ground {
    /// The ground of `niah_multikey` with five facts at five depths, `samples` haystacks of one length.
    pub fn lay(length_tokens: u64, samples: u32) -> Result<Ground> {
        let grid = grid(Task::NIAH_MULTIKEY, length_tokens, samples)?;
        let key = Secret::from_hex("0123")?.key("");
        let plan = Plan::new(grid, &key);
        let tokenizer = Tokenizer::bundled("o200k")?;
        let corpus = Corpus::open("en")?;
        let index = Index::open(&corpus, &tokenizer, Some(&cache()))?;
        let lexicon = Lexicon::open(&corpus, Some(&cache()))?;
        let facts = Facts::new(&key, plan.grid.languages()?.0, vec![Arc::new(lexicon)])?;
        Ok(Ground {
            corpus,
            index,
            plan,
            facts,
            key,
            tokenizer,
        })
    }

    /// Lays the prompt of a haystack's first question, as a run does.
    pub fn prompt(&self, assembler: &Assembler<'_>, group: &Group) -> Result<Prompt> {
        let trial = group.trials.first().context("an empty group")?;
        let posed = group.posed(&self.plan.grid, &self.facts, &self.key)?;
        let needles = needles(&posed);
        let questions: Vec<String> = posed.questions.into_iter().map(|one| one.text).collect();
        let plan = SetPlan {
            text_tokens: trial.length_tokens,
            needles: &needles,
            questions: &questions,
            question_at: QuestionAt::End,
        };
        let set = assembler.set(
            &group.route(&self.index, &self.key, self.plan.grid.beyond),
            plan,
        )?;
        set.prompt(0, group.rounding(trial, &self.key))
    }
}

/// A server of this binary's own in another process; it ends with its parent's end of the pipe.
pub struct Server {
    child: Child,
    /// Where it listens.
    pub address: String,
}

impl Server {
    /// Starts this binary again as a server. `together` requests are read only once so many have begun.
    pub fn start(together: usize) -> Result<Server> {
        let mut child = Command::new(std::env::current_exe()?)
            .args(["--serve", &together.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let mut address = String::new();
        let out = child.stdout.take().context("no output")?;
        BufReader::new(out).read_line(&mut address)?;
        ensure!(!address.is_empty(), "the server did not start");
        Ok(Server {
            child,
            address: address.trim().to_string(),
        })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // The end of its input tells it to go.
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}

/// The server's whole life: reads requests, discards their bodies, answers at once.
pub fn serve(together: usize, announce: impl FnOnce(&str)) -> Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    announce(&listener.local_addr()?.to_string());
    let begun = Arc::new(Barrier::new(together.max(1)));
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let begun = Arc::clone(&begun);
            std::thread::spawn(move || converse(stream, &begun));
        }
    });
    std::io::stdin().read_to_end(&mut Vec::new())?;
    Ok(())
}

fn converse(mut stream: TcpStream, begun: &Barrier) -> Result<()> {
    stream.set_nodelay(true)?;
    let mut buffer = vec![0u8; 256 * 1024];
    loop {
        let (mut filled, mut head) = (0, None);
        while head.is_none() {
            let read = stream.read(&mut buffer[filled..])?;
            if read == 0 {
                return Ok(());
            }
            filled += read;
            head = memchr::memmem::find(&buffer[..filled], b"\r\n\r\n").map(|at| at + 4);
        }
        let head = head.context("no head")?;
        let text = String::from_utf8_lossy(&buffer[..head]).to_ascii_lowercase();
        let length = text
            .lines()
            .find_map(|line| line.strip_prefix("content-length:"));
        let length: usize = length.map_or(Ok(0), |length| length.trim().parse())?;
        let large = length > 1 << 20;
        if large {
            begun.wait();
        }
        let mut tail = buffer[head..filled].to_vec();
        let mut left = length.saturating_sub(filled - head);
        while left > 0 {
            let read = stream.read(&mut buffer)?;
            ensure!(read > 0, "a body was cut");
            left = left.saturating_sub(read);
            if left < 4096 {
                tail.extend_from_slice(&buffer[..read]);
            }
        }
        let streamed = memchr::memmem::find(&tail, b"\"stream\":true").is_some();
        stream.write_all(answer(text.starts_with("get"), streamed).as_bytes())?;
    }
}

fn answer(list: bool, streamed: bool) -> String {
    let (kind, body) = if list {
        (
            "application/json",
            "{\"object\":\"list\",\"data\":[{\"id\":\"m\",\"object\":\"model\"}]}".to_string(),
        )
    } else if streamed {
        let event = |delta: &str, finish: &str| {
            format!(
                "data: {{\"id\":\"x\",\"object\":\"chat.completion.chunk\",\"model\":\"m\",\"choices\":[{{\"index\":0,\"delta\":{delta},\"finish_reason\":{finish}}}]}}\n\n"
            )
        };
        let text = event("{\"role\":\"assistant\",\"content\":\"1234567\"}", "null");
        (
            "text/event-stream",
            format!("{text}{}data: [DONE]\n\n", event("{}", "\"stop\"")),
        )
    } else {
        ("application/json", "{\"id\":\"x\",\"object\":\"chat.completion\",\"created\":1,\"model\":\"m\",\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":\"1234567\"},\"finish_reason\":\"stop\"}]}".to_string())
    };
    format!(
        "HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// Sends a contiguous request over a raw socket and waits for the whole answer.
pub fn send_raw(stream: &mut TcpStream, request: &[u8]) -> Result<Duration> {
    let began = Instant::now();
    stream.write_all(request)?;
    let mut buffer = vec![0u8; 64 * 1024];
    let mut filled = 0;
    loop {
        let read = stream.read(&mut buffer[filled..])?;
        ensure!(read > 0, "no answer");
        filled += read;
        if buffer[..filled].ends_with(b"[DONE]\n\n") {
            return Ok(began.elapsed());
        }
    }
}
