//! The watchdog with real processes, real signals and a real `kill -9` of us.

use super::*;
use std::path::PathBuf;

/// A shell script in that folder, executable, called `program`.
pub(crate) fn script(folder: &Path, body: &str) -> PathBuf {
    use std::os::unix::fs::PermissionsExt;
    let path = folder.join("program");
    // Written by a shell and not by us: a child forked by another test while we hold the file
    // open for writing would make executing it fail (ETXTBSY).
    let written = Command::new("sh")
        .args(["-c", "printf '%s\\n' '#!/bin/sh' \"$2\" > \"$1\"", "sh"])
        .args([path.as_os_str(), body.as_ref()])
        .status()
        .expect("sh");
    assert!(written.success());
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).expect("executable");
    path
}

/// This test program, to run one of its ignored tests as a process of its own.
pub(crate) fn again(test: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().expect("ourselves"));
    command.args(["--exact", test, "--ignored", "--nocapture"]);
    command
}

fn log(folder: &Path) -> (PathBuf, File) {
    let path = folder.join("log");
    let file = File::options()
        .create(true)
        .append(true)
        .open(&path)
        .expect("a log");
    (path, file)
}

fn start(folder: &Path, program: &Path, args: &[&str]) -> Watched {
    let args: Vec<OsString> = args.iter().map(OsString::from).collect();
    Watched::start(program, &args, &[], log(folder).1).expect("started")
}

/// Waits until the log holds `text`.
fn wait_for(log: &Path, text: &str) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !std::fs::read_to_string(log)
        .unwrap_or_default()
        .contains(text)
    {
        assert!(Instant::now() < deadline, "{text:?} never came");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// (pid, state, process group) of every process, from /proc.
#[cfg(target_os = "linux")]
fn processes() -> Vec<(u32, String, u32)> {
    let stats = std::fs::read_dir("/proc").expect("/proc");
    stats
        .filter_map(|entry| std::fs::read_to_string(entry.ok()?.path().join("stat")).ok())
        .filter_map(|stat| {
            let pid = stat.split(' ').next()?.parse().ok()?;
            let mut rest = stat.rsplit_once(')')?.1.split_whitespace();
            let state = rest.next()?.to_owned();
            Some((pid, state, rest.nth(1)?.parse().ok()?))
        })
        .collect()
}

#[cfg(target_os = "linux")]
fn wait_until_gone(what: impl Fn(&(u32, String, u32)) -> bool) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while let Some(left) = processes()
        .iter()
        .find(|process| what(process) && process.1 != "Z")
    {
        assert!(Instant::now() < deadline, "{left:?} lingers");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn every_argument_arrives_as_it_is() {
    let folder = tempfile::tempdir().expect("a folder");
    let odd = [
        "two words",
        "it's",
        "\"$HOME\" `id`",
        "",
        "*",
        "back\\slash",
        "-n",
        "new\nline",
        "ünï",
    ];
    let home = folder.path().join("a 'quoted' $folder");
    std::fs::create_dir(&home).expect("made");
    let program = script(
        &home,
        "for word in \"$@\"; do printf '<%s>' \"$word\"; done; printf '<%s>' \"$EXTRA\"",
    );
    let args: Vec<OsString> = odd.iter().map(OsString::from).collect();
    let env = [("EXTRA".to_owned(), Some("a b".to_owned()))];
    let (path, file) = log(folder.path());
    let mut watched = Watched::start(&program, &args, &env, file).expect("started");
    let expected: String = odd
        .iter()
        .chain(&["a b"])
        .map(|word| format!("<{word}>"))
        .collect();
    wait_for(&path, &expected);
    watched.end();
    assert_eq!(
        std::fs::read_to_string(&path).expect("the log"),
        expected,
        "and nothing else is logged"
    );
}

#[test]
fn a_child_that_ends_by_itself_is_noticed_with_its_status() {
    let folder = tempfile::tempdir().expect("a folder");
    for (body, status, words) in [
        ("exit 3", 3, "exited with code 3"),
        ("kill -ILL $$", 132, "SIGILL"),
        ("kill -SEGV $$", 139, "SIGSEGV"),
    ] {
        let mut watched = start(folder.path(), &script(folder.path(), body), &[]);
        let deadline = Instant::now() + Duration::from_secs(20);
        let ended = loop {
            match watched.ended() {
                Some(ended) => break ended,
                None => assert!(Instant::now() < deadline, "{body} is noticed"),
            }
            std::thread::sleep(Duration::from_millis(5));
        };
        assert_eq!(ended, status);
        assert!(how_it_ended(ended).contains(words));
        #[cfg(target_os = "linux")]
        wait_until_gone(|process| process.2 == watched.shell.id());
    }
    let mut watched = start(folder.path(), Path::new("/nowhere/llama-server"), &[]);
    let begun = Instant::now();
    while watched.ended().is_none() && begun.elapsed() < Duration::from_secs(20) {
        std::thread::sleep(Duration::from_millis(5));
    }
    assert_eq!(
        watched.ended().map(how_it_ended).as_deref(),
        Some("there is no such program")
    );
}

#[test]
fn dropping_ends_it_gently_and_waits() {
    let folder = tempfile::tempdir().expect("a folder");
    let program = script(
        folder.path(),
        "trap 'sleep 0.3; echo bye; exit 0' TERM\necho ready\nwhile :; do sleep 0.05; done",
    );
    let watched = start(folder.path(), &program, &[]);
    let path = folder.path().join("log");
    wait_for(&path, "ready");
    drop(watched);
    assert!(
        std::fs::read_to_string(&path)
            .expect("the log")
            .ends_with("bye\n"),
        "it had its time"
    );
}

#[cfg(target_os = "linux")]
#[test]
fn a_child_deaf_to_sigterm_is_killed() {
    let folder = tempfile::tempdir().expect("a folder");
    let program = script(
        folder.path(),
        "trap '' TERM\necho ready\nwhile :; do sleep 0.05; done",
    );
    let watched = start(folder.path(), &program, &[]);
    wait_for(&folder.path().join("log"), "ready");
    let (pid, group) = (watched.pid(), watched.shell.id());
    assert!(processes().iter().any(|process| process.0 == pid));
    drop(watched);
    assert!(
        !processes()
            .iter()
            .any(|process| process.0 == pid && process.1 != "Z")
    );
    wait_until_gone(|process| process.2 == group);
}

/// Runs only as a process of its own, which the next test starts and kills; run by hand
/// (`cargo test --lib helper_that_is_killed -- --ignored`) it does nothing.
#[test]
#[ignore = "the helper process of the crash test"]
fn helper_that_is_killed() {
    let Some(folder) = std::env::var_os("DEPTHFINDER_TEST_FOLDER") else {
        return;
    };
    let folder = Path::new(&folder);
    let program = script(folder, "echo ready\nwhile :; do sleep 0.05; done");
    let watched = start(folder, &program, &[]);
    std::fs::write(
        folder.join("pids"),
        format!("{} {} \n", watched.pid(), watched.shell.id()),
    )
    .expect("written");
    std::thread::sleep(Duration::from_secs(60));
}

#[cfg(target_os = "linux")]
#[test]
fn a_kill_9_of_us_ends_the_child_and_the_watchdog() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut helper = again("local::watchdog::tests::helper_that_is_killed")
        .env("DEPTHFINDER_TEST_FOLDER", folder.path())
        .stdout(Stdio::null())
        .spawn()
        .expect("the helper");
    wait_for(&folder.path().join("pids"), "\n");
    wait_for(&folder.path().join("log"), "ready");
    let pids = std::fs::read_to_string(folder.path().join("pids")).expect("written");
    let pids: Vec<u32> = pids
        .split_whitespace()
        .map(|pid| pid.parse().expect("a pid"))
        .collect();
    assert!(
        processes().iter().any(|process| process.0 == pids[0]),
        "it runs"
    );
    // Child::kill is SIGKILL: no destructor, no handler.
    helper.kill().expect("killed");
    helper.wait().expect("gone");
    wait_until_gone(|process| process.0 == pids[0]);
    wait_until_gone(|process| process.2 == pids[1]);
}
