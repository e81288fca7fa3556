//! Ctrl-C and SIGTERM: a clean end, rows kept, and the words that say how to go on.

use crate::support::Place;
use crate::support::mock::{Answer, Mock};
use std::time::Duration;

const GRID: &str = "--lengths 600,1200 --samples 2 --concurrency 2";

#[test]
fn both_signals_end_a_run_cleanly_and_it_can_go_on() {
    let place = Place::new();
    for signal in ["INT", "TERM"] {
        let command = place
            .sweep("sim:decay=1k,latency=100ms", GRID)
            .args("--secret 0d --out")
            .arg(signal);
        let run = place.run(signal);
        let mut started = command.start();
        assert!(
            started.until(|| run.line_count() >= 9),
            "it ended too early"
        );
        started.signal(signal);
        let told = started.wait();
        assert_eq!(told.code, Some(130), "{told}");
        let kept = run.settled();
        assert!(!kept.is_empty() && kept.len() < 60, "{} rows", kept.len());
        let words = format!(
            "interrupted: {} of 60 trials are kept; run the same command with --out {signal} to go on",
            kept.len()
        );
        assert!(told.stderr.contains(&words), "{told}");
        assert!(told.stdout.contains("charts and report"), "{told}");
        assert_eq!(run.json("summary.json")["totals"]["scored"], kept.len());
        let told = command.ends(0);
        let words = format!("{} of 60 trials were asked before", kept.len());
        assert!(told.stderr.contains(&words), "{told}");
        let all = run.settled();
        assert_eq!(all.len(), 60);
        assert!(kept.iter().all(|(trial, came_to)| all[trial] == *came_to));
        assert_eq!(run.asked_again(), [0u64; 0]);
    }
    assert_eq!(place.run("INT").settled(), place.run("TERM").settled());
}

#[test]
fn a_run_without_secret_and_folder_goes_on_as_its_message_says() {
    let place = Place::new();
    let command = place.sweep("sim:perfect,latency=100ms", GRID);
    let mut started = command.start();
    let folder = || {
        let outputs = std::fs::read_dir(place.path("outputs")).ok()?;
        Some(outputs.flatten().next()?.path())
    };
    let begun = || {
        let rows = folder().map(|folder| folder.join("journal.jsonl"));
        rows.is_some_and(|path| std::fs::metadata(path).is_ok_and(|file| file.len() > 5_000))
    };
    assert!(started.until(begun), "it ended too early");
    started.signal("INT");
    let told = started.wait();
    assert_eq!(told.code, Some(130), "{told}");
    let (_, words) = told
        .stderr
        .rsplit_once("run the same command with ")
        .expect("advice");
    let advice = words.split(" to go on").next().expect("arguments");
    let run = crate::support::run_folder::RunFolder::at(folder().expect("one"));
    let kept = run.settled();
    command.args(advice).ends(0);
    let all = run.settled();
    assert_eq!(all.len(), 60);
    assert!(kept.iter().all(|(trial, came_to)| all[trial] == *came_to));
}

#[test]
fn a_signal_before_the_first_trial_ends_with_a_friendly_line_and_leaves_nothing() {
    let place = Place::new();
    let mock = Mock::start(|asked| {
        // Long enough for the signal, far shorter than the clocks.
        std::thread::sleep(Duration::from_secs(5));
        Answer::right(asked)
    });
    for signal in ["INT", "TERM"] {
        let asked = mock.count();
        let mut started = place
            .sweep(&mock.target(), "--lengths 600 --tokenizer o200k --out run")
            .start();
        // The short question that sounds out the template is under way.
        assert!(started.until(|| mock.count() > asked), "it ended too early");
        started.signal(signal);
        let told = started.wait();
        assert_eq!(told.code, Some(130), "{told}");
        assert!(
            told.stderr.contains("interrupted before the first trial"),
            "{told}"
        );
        assert!(!place.path("run").exists());
    }
}
