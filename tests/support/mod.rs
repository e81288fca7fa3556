//! The binary as a user meets it: run in an empty folder with a clean environment and no keys.

pub mod mock;
pub mod run_folder;

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::LazyLock;
use std::time::{Duration, Instant};

/// Nothing here takes a minute on an idle machine; a command that takes longer than this hangs.
const LONGEST: Duration = Duration::from_secs(180);

/// Indexes of all tests in this binary: made once, by whoever comes first. Files in it are
/// written beside their place and renamed, so that tests at the same time do no harm.
static CACHE: LazyLock<PathBuf> = LazyLock::new(|| {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("depthfinder-cache");
    // An index of an earlier build must not be taken for this one's.
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).expect("the target folder can be written");
    folder
});

/// A short stretch of a built-in text as a file: indexed in no time.
static SMALL_TEXT: LazyLock<PathBuf> = LazyLock::new(|| {
    let corpus = depthfinder::corpus::Corpus::open("en-prose").expect("built in");
    let text = corpus.texts[0].as_str().expect("UTF-8");
    let end = text[..400_000.min(text.len())]
        .rfind(". ")
        .expect("a sentence")
        + 1;
    let path = CACHE.join("small.txt");
    std::fs::write(&path, &text[..end]).expect("the target folder can be written");
    path
});

/// The path of a text of some 90,000 tokens.
pub fn small_text() -> String {
    SMALL_TEXT.display().to_string()
}

/// An empty folder to work in, gone at the end.
pub struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    /// A fresh one.
    pub fn new() -> Place {
        Place {
            folder: tempfile::tempdir().expect("a folder"),
        }
    }

    /// A path inside.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a file and returns its path.
    pub fn file(&self, name: &str, content: impl AsRef<[u8]>) -> String {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().expect("inside")).expect("a folder");
        std::fs::write(&path, content).expect("a file");
        path.display().to_string()
    }

    /// Names of what lies in it, sorted.
    pub fn names(&self) -> Vec<String> {
        names(self.folder.path())
    }

    /// A command here.
    pub fn depthfinder(&self, arguments: &str) -> Depthfinder {
        Depthfinder {
            folder: self.folder.path().to_path_buf(),
            cache: CACHE.clone(),
            arguments: arguments.split_whitespace().map(str::to_owned).collect(),
            variables: Vec::new(),
            limit_blocks: None,
            longest: LONGEST,
        }
    }

    /// A sweep of the small text.
    pub fn sweep(&self, target: &str, arguments: &str) -> Depthfinder {
        self.depthfinder("sweep")
            .arg(target)
            .arg("--corpus")
            .arg(small_text())
            .args(arguments)
    }

    /// A verification on the small text.
    pub fn verify(&self, target: &str, arguments: &str) -> Depthfinder {
        self.depthfinder("verify")
            .arg(target)
            .arg("--corpus")
            .arg(small_text())
            .args(arguments)
    }

    /// A run folder in it.
    pub fn run(&self, name: &str) -> run_folder::RunFolder {
        run_folder::RunFolder::at(self.path(name))
    }
}

/// Names of what lies in a folder, sorted.
pub fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(folder)
        .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
        .map(|entry| {
            entry
                .expect("an entry")
                .file_name()
                .to_string_lossy()
                .into_owned()
        })
        .collect();
    names.sort();
    names
}

/// A command to run.
#[derive(Clone)]
pub struct Depthfinder {
    folder: PathBuf,
    cache: PathBuf,
    arguments: Vec<String>,
    variables: Vec<(String, String)>,
    limit_blocks: Option<u64>,
    longest: Duration,
}

impl Depthfinder {
    /// One more argument, spaces and all.
    pub fn arg(mut self, argument: impl Into<String>) -> Depthfinder {
        self.arguments.push(argument.into());
        self
    }

    /// More arguments, between spaces.
    pub fn args(mut self, arguments: &str) -> Depthfinder {
        self.arguments
            .extend(arguments.split_whitespace().map(str::to_owned));
        self
    }

    /// An environment variable.
    pub fn env(mut self, name: &str, value: &str) -> Depthfinder {
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    /// A cache of its own.
    pub fn cache(mut self, folder: PathBuf) -> Depthfinder {
        self.cache = folder;
        self
    }

    /// Lets no file grow beyond so many blocks of 512 bytes, as a full disk would.
    pub fn file_limit_blocks(mut self, blocks: u64) -> Depthfinder {
        self.limit_blocks = Some(blocks);
        self
    }

    /// Gives it more time than any other: two real models on the same cores are slow.
    #[allow(dead_code, reason = "each test program uses its share")]
    pub fn within(mut self, longest: Duration) -> Depthfinder {
        self.longest = longest;
        self
    }

    /// Tests count what servers are asked, and servers that fail to order count it too: they mean
    /// the questions of the run alone, so that fingerprints are left out where a test says nothing
    /// of them.
    fn without_fingerprints(&self) -> &'static [&'static str] {
        let asks = |name: &String| {
            ["sweep", "verify", "compare", "gate", "dispute"].contains(&name.as_str())
        };
        let has_target = self.arguments.len() > 1;
        let is_told = self.arguments.iter().any(|word| word == "--fingerprints");
        match self.arguments.first().is_some_and(asks) && has_target && !is_told {
            true => &["--fingerprints", "never"],
            false => &[],
        }
    }

    fn command(&self) -> Command {
        let binary = env!("CARGO_BIN_EXE_depthfinder");
        let mut command = match self.limit_blocks {
            None => Command::new(binary),
            Some(blocks) => {
                let mut shell = Command::new("sh");
                // Without the signal a write beyond the limit fails like one on a full disk.
                let script = format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$@\"");
                shell.args(["-c", &script, "sh", binary]);
                shell
            }
        };
        command
            .args(&self.arguments)
            .args(self.without_fingerprints())
            .current_dir(&self.folder)
            .env_clear()
            .env("HOME", &self.folder)
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("DEPTHFINDER_CACHE", &self.cache)
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null());
        command
    }

    /// Starts it and returns at once.
    pub fn start(&self) -> Started {
        let child = self
            .command()
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the binary starts");
        Started {
            child: Some(child),
            longest: self.longest,
        }
    }

    /// Runs it to its end, which must have this exit code.
    pub fn ends(&self, code: i32) -> Told {
        let told = self.start().wait();
        assert_eq!(told.code, Some(code), "{:?}\n{told}", self.arguments);
        told
    }

    /// Runs it to its end, which must be one line of complaint and exit code 2; returns the line.
    pub fn refused(&self) -> String {
        let told = self.clone().arg("--quiet").ends(2);
        let lines: Vec<&str> = told.stderr.lines().collect();
        assert!(
            lines.len() == 1 && lines[0].starts_with("depthfinder: "),
            "{:?}\n{told}",
            self.arguments
        );
        assert!(told.stdout.is_empty(), "{told}");
        told.stderr
    }
}

/// A command under way; killed if it is dropped.
pub struct Started {
    child: Option<Child>,
    longest: Duration,
}

impl Started {
    fn child(&mut self) -> &mut Child {
        self.child.as_mut().expect("not waited for yet")
    }

    /// Sends a signal by name: INT, TERM.
    pub fn signal(&mut self, name: &str) {
        let id = self.child().id().to_string();
        let sent = Command::new("kill")
            .args([&format!("-{name}"), &id])
            .status();
        assert!(sent.expect("kill exists").success());
    }

    /// Kills it as a power cut would. False where it had ended by itself.
    pub fn kill(mut self) -> bool {
        let running = self.child().try_wait().expect("a child").is_none();
        let _ = self.child().kill();
        let _ = self.child().wait();
        running
    }

    /// Waits until something holds. False where the command ends before.
    pub fn until(&mut self, mut holds: impl FnMut() -> bool) -> bool {
        let began = Instant::now();
        while !holds() {
            if self.child().try_wait().expect("a child").is_some() {
                return false;
            }
            assert!(began.elapsed() < LONGEST, "it never came true");
            std::thread::sleep(Duration::from_millis(1));
        }
        true
    }

    /// Its number in the system.
    pub fn id(&mut self) -> u32 {
        self.child().id()
    }

    /// Does something over and over until the command has ended.
    pub fn until_ended(&mut self, mut meanwhile: impl FnMut()) {
        while self.child().try_wait().expect("a child").is_none() {
            meanwhile();
        }
    }

    /// The first line that it prints on standard output.
    pub fn first_line(&mut self) -> String {
        use std::io::Read;
        let stdout = self.child().stdout.as_mut().expect("piped");
        let mut line = Vec::new();
        let mut byte = [0];
        while stdout.read(&mut byte).expect("a pipe") == 1 && byte[0] != b'\n' {
            line.push(byte[0]);
        }
        String::from_utf8(line).expect("UTF-8")
    }

    /// Waits for its end. Both pipes are read meanwhile, or a full one would hold it up.
    pub fn wait(mut self) -> Told {
        let child = self.child.take().expect("not waited for yet");
        let id = child.id().to_string();
        let longest = self.longest;
        let (done, ended) = std::sync::mpsc::channel::<()>();
        let watch = std::thread::spawn(move || {
            if ended.recv_timeout(longest) == Err(std::sync::mpsc::RecvTimeoutError::Timeout) {
                let _ = Command::new("kill").args(["-KILL", &id]).status();
            }
        });
        let output = child.wait_with_output().expect("a child");
        drop(done);
        watch.join().expect("a watch");
        let told = Told {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).expect("UTF-8"),
            stderr: String::from_utf8(output.stderr).expect("UTF-8"),
        };
        assert!(!told.stderr.contains("panicked"), "{told}");
        told
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// What a command said.
pub struct Told {
    /// Exit code; none where a signal ended it.
    pub code: Option<i32>,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

impl Told {
    /// The one line on standard error that begins with the program's name.
    pub fn complaint(&self) -> &str {
        let mut lines = self
            .stderr
            .lines()
            .filter(|line| line.starts_with("depthfinder: "));
        let line = lines
            .next()
            .unwrap_or_else(|| panic!("no complaint\n{self}"));
        assert_eq!(lines.next(), None, "{self}");
        line
    }
}

impl std::fmt::Display for Told {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "exit {:?}\nstdout:\n{}\nstderr:\n{}",
            self.code, self.stdout, self.stderr
        )
    }
}
