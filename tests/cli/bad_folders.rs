//! Run folders that are not what they should be: told in one line, and nothing in them is changed.

use crate::support::{Depthfinder, Place};

fn sweep(place: &Place, more: &str) -> Depthfinder {
    place
        .sweep("sim:perfect", "--lengths 600 --depths 3 --keys 3 --out run")
        .args(more)
}

/// Refused with these words, by `sweep` and by whichever other commands read the folder; every
/// byte of it is as before.
fn refused(place: &Place, commands: &[Depthfinder], words: &str) {
    let before = place.run("run").files();
    for command in commands {
        let line = command.clone().refused();
        assert!(line.contains(words), "{line}");
        assert_eq!(place.run("run").files(), before);
    }
}

/// Commands that only read a run folder have no `--quiet`, and need none.
fn reader_refused(place: &Place, arguments: &str, words: &str) {
    let before = place.path("run").exists().then(|| place.run("run").files());
    let told = place.depthfinder(arguments).ends(2);
    assert!(told.complaint().contains(words), "{told}");
    assert_eq!(told.stderr.lines().count(), 1, "{told}");
    assert!(told.stdout.is_empty(), "{told}");
    let after = place.path("run").exists().then(|| place.run("run").files());
    assert!(before == after);
}

#[test]
fn another_run_s_folder_is_not_touched() {
    let place = Place::new();
    sweep(&place, "--secret 01").ends(0);
    for (more, words) in [
        ("--secret 02", "run holds another run: the secret differs"),
        ("--salt x", "the salt (\"\" there, \"x\" now)"),
        ("--samples 2", "the number of samples (1 there, 2 now)"),
        ("--max-output 65", "the output budget (64 there, 65 now)"),
        ("--wording pool", "the wording (fixed there, pool now)"),
    ] {
        refused(&place, &[sweep(&place, more)], words);
    }
    let other = place.sweep("sim:perfect", "--lengths 600 --depths 4 --keys 3 --out run");
    let words = "the list of depths (0,50,100 there, 0,33.333333,66.666667,100 now) differs";
    refused(&place, &[other], words);
    let other = place.sweep("sim:grep", "--lengths 600 --depths 3 --keys 3 --out run");
    refused(
        &place,
        &[other],
        "the model (sim:perfect there, sim:grep now)",
    );
    let other = place.sweep(
        "sim:perfect",
        "--lengths 600,700 --depths 3 --keys 3 --out run",
    );
    refused(
        &place,
        &[other],
        "the list of lengths (600 there, 600,700 now)",
    );
    let other = place
        .depthfinder("sweep sim:perfect --lengths 600 --depths 3 --keys 3 --out run --corpus")
        .arg(place.file("mine.txt", "A text. Of my own."));
    refused(&place, &[other], "the corpus");
    // Without a word of the secret the run is the same and complete.
    sweep(&place, "").ends(0);
}

#[test]
fn a_folder_of_other_things_is_not_touched() {
    let place = Place::new();
    place.file("run/thesis.txt", "years of work");
    refused(
        &place,
        &[sweep(&place, "")],
        "run is not empty and no run folder: choose another --out",
    );
    reader_refused(
        &place,
        "report run",
        "holds no run.json: is it a run folder?",
    );
    reader_refused(
        &place,
        "show run 0",
        "holds no run.json: is it a run folder?",
    );
    reader_refused(&place, "report nowhere", "nowhere");
}

#[test]
fn a_place_where_no_folder_can_be_is_told() {
    let place = Place::new();
    place.file("file", "in the way");
    for out in ["file", "file/run", "/proc/depthfinder/run"] {
        let line = place
            .sweep("sim:perfect", "--lengths 600 --out")
            .arg(out)
            .refused();
        assert!(line.contains(out), "{line}");
    }
    assert_eq!(place.names(), ["file"]);
}

#[test]
fn files_of_a_newer_version_are_told_and_kept() {
    let place = Place::new();
    sweep(&place, "--max-trials 1").ends(3);
    let run = place.run("run");
    let journal = run.bytes("journal.jsonl");
    let newer = [
        &journal[..],
        b"{\"line\":\"verdict\",\"schema\":9,\"new\":true}\n",
    ]
    .concat();
    std::fs::write(run.path().join("journal.jsonl"), newer).expect("writes");
    let words =
        "journal.jsonl was written by a newer depthfinder (format 9, this one reads up to 1)";
    refused(&place, &[sweep(&place, "")], words);
    reader_refused(&place, "report run", words);
    reader_refused(&place, "show run 0", words);
    std::fs::write(run.path().join("journal.jsonl"), journal).expect("writes");

    let text = String::from_utf8(run.bytes("run.json")).expect("UTF-8");
    let newer = text.replacen("\"schema\": 1", "\"schema\": 2", 1);
    std::fs::write(run.path().join("run.json"), newer).expect("writes");
    let words = "run.json was written by a newer depthfinder (format 2)";
    refused(&place, &[sweep(&place, "")], words);
    reader_refused(&place, "report run", words);
}

#[test]
fn damage_is_told_with_the_place_and_kept() {
    let place = Place::new();
    sweep(&place, "--max-trials 2 --concurrency 1").ends(3);
    let run = place.run("run");
    let whole = run.bytes("run.json");
    std::fs::write(run.path().join("run.json"), &whole[..whole.len() / 2]).expect("writes");
    let words = "run.json is damaged; the journal beside it is untouched";
    refused(&place, &[sweep(&place, "")], words);
    reader_refused(&place, "report run", words);
    std::fs::write(run.path().join("run.json"), whole).expect("writes");

    let mut journal = run.bytes("journal.jsonl");
    let second = journal
        .iter()
        .position(|&byte| byte == b'\n')
        .expect("lines")
        + 1;
    journal[second..second + 40].fill(b'#');
    std::fs::write(run.path().join("journal.jsonl"), &journal).expect("writes");
    let words = "line 2 of run/journal.jsonl is damaged; the other lines are untouched";
    refused(&place, &[sweep(&place, "")], words);
    reader_refused(&place, "report run", words);
    std::fs::remove_file(run.path().join("journal.jsonl")).expect("removes");
    reader_refused(&place, "report run", "cannot read run/journal.jsonl");
    reader_refused(&place, "show run 99", "cannot read run/journal.jsonl");
}

#[test]
fn a_trial_that_is_not_there_is_told() {
    let place = Place::new();
    sweep(&place, "--max-trials 1").ends(3);
    reader_refused(
        &place,
        "show run 3",
        "there is no trial 3: this run has trials 0 to 2",
    );
    let asked = place.run("run").rows()[0]["trial"]["id"]
        .as_u64()
        .expect("a number");
    let unasked = (asked + 1) % 3;
    reader_refused(
        &place,
        &format!("show run {unasked} --row"),
        "has not been asked yet",
    );
}

#[test]
fn two_processes_do_not_write_one_run() {
    let place = Place::new();
    let command = place.sweep(
        "sim:perfect,latency=2s",
        "--lengths 600 --secret 03 --out run",
    );
    let mut first = command.start();
    let run = place.run("run");
    assert!(first.until(|| run.line_count() > 0), "it ended too early");
    let line = command.refused();
    assert!(
        line.contains("another depthfinder is writing run/journal.jsonl"),
        "{line}"
    );
    first.signal("TERM");
    assert_eq!(first.wait().code, Some(130));
}

#[test]
fn two_processes_that_begin_one_run_at_the_same_time_leave_one_run() {
    let place = Place::new();
    let command = place.sweep(
        "sim:perfect",
        "--lengths 600 --depths 3 --keys 3 --quiet --out run",
    );
    let started: Vec<_> = (0..4).map(|_| command.start()).collect();
    let told: Vec<_> = started.into_iter().map(|started| started.wait()).collect();
    assert!(told.iter().any(|told| told.code == Some(0)), "{}", told[0]);
    for told in &told {
        assert!(matches!(told.code, Some(0 | 2)), "{told}");
        assert!(
            told.code == Some(0) || told.complaint().contains("run"),
            "{told}"
        );
    }
    // Whoever won, its secret is the one that gives its prompts back.
    let run = place.run("run");
    assert_eq!(run.settled().len(), 3);
    let secret = run.json("run.json")["secret"]
        .as_str()
        .expect("hex")
        .to_owned();
    place
        .sweep(
            "sim:perfect",
            "--lengths 600 --depths 3 --keys 3 --quiet --out again --secret",
        )
        .arg(secret)
        .ends(0);
    assert_eq!(run.settled(), place.run("again").settled());
}
