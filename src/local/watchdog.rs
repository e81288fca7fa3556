//! A child process that ends when we end, however we end: a shell between us holds a pipe to us.

use anyhow::{Context, Result};
use std::ffi::OsString;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::{Duration, Instant};

/// The shell's part. A pipe is the one thing that the system closes for us after `kill -9`, and
/// needs no unsafe code between fork and exec.
const SCRIPT: &str = include_str!("watchdog.sh");

/// How long the shell takes at most: five seconds from SIGTERM to SIGKILL, and a margin.
const END_WITHIN: Duration = Duration::from_secs(10);

/// A running child. Dropping it ends the child and waits for that.
#[derive(Debug)]
pub struct Watched {
    shell: Child,
    /// Its end is the sign to end the child.
    lifeline: Option<ChildStdin>,
    pid: u32,
}

impl Watched {
    /// Starts `program` with both its outputs appended to `log`, in a process group of its own,
    /// so that Ctrl-C reaches it only through us.
    ///
    /// # Errors
    /// Where there is no `sh`, or it cannot start anything.
    pub fn start(
        program: &Path,
        args: &[OsString],
        env: &[(String, Option<String>)],
        log: File,
    ) -> Result<Self> {
        let mut shell = Command::new("sh");
        shell
            .args(["-c", SCRIPT, "depthfinder-watchdog"])
            .arg(program)
            .args(args);
        for (name, value) in env {
            match value {
                Some(value) => shell.env(name, value),
                None => shell.env_remove(name),
            };
        }
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut shell, 0);
        let mut shell = shell
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .context("sh, which watches over the server, cannot be started")?;
        let lifeline = shell.stdin.take();
        let mut line = String::new();
        if let Some(stdout) = shell.stdout.take() {
            BufReader::new(stdout)
                .read_line(&mut line)
                .context("the watching sh said nothing")?;
        }
        let mut watched = Watched {
            shell,
            lifeline,
            pid: 0,
        };
        watched.pid = line
            .trim()
            .parse()
            .context("the watching sh named no pid")?;
        Ok(watched)
    }

    /// The child's own pid.
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// The child's exit status where it has ended: 128 + signal where a signal ended it.
    pub fn ended(&mut self) -> Option<i32> {
        let status = self.shell.try_wait().ok()??;
        // No code: somebody killed the shell itself; the child follows when we let go of the pipe.
        Some(status.code().unwrap_or(128 + 9))
    }

    /// Ends the child: SIGTERM, then SIGKILL, and waits until it is gone.
    pub fn end(&mut self) {
        drop(self.lifeline.take());
        let deadline = Instant::now() + END_WITHIN;
        while self.ended().is_none() {
            if Instant::now() > deadline {
                let _ = self.shell.kill();
                let _ = self.shell.wait();
                return;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        self.end();
    }
}

/// How a status that a shell gives reads in words.
pub fn how_it_ended(status: i32) -> String {
    let signal = match status - 128 {
        4 => "SIGILL: it uses an instruction that this CPU does not have",
        6 => "SIGABRT",
        7 => "SIGBUS",
        8 => "SIGFPE",
        9 => "SIGKILL: the system may be out of memory",
        11 => "SIGSEGV",
        15 => "SIGTERM",
        _ => {
            return match status {
                126 => "it cannot be run as a program".to_owned(),
                127 => "there is no such program".to_owned(),
                code => format!("it exited with code {code}"),
            };
        }
    };
    format!("it died of {signal}")
}

#[cfg(all(test, unix))]
pub(crate) mod tests;
