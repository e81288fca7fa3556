//! Killed at any moment, a run goes on where it was and ends as an undisturbed one would.

use crate::support::{Depthfinder, Place};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::time::Duration;

const KILLS: usize = 20;

/// 240 questions to a model that loses some of them, with time enough to be killed in between.
fn sweep(place: &Place, out: &str) -> Depthfinder {
    place
        .sweep(
            "sim:decay=1k,latency=50ms",
            "--lengths 600,1200 --samples 8",
        )
        .args("--concurrency 4 --secret 0b0b --quiet --out")
        .arg(out)
}

#[test]
fn twenty_kills_change_nothing_in_what_is_settled() {
    let place = Place::new();
    sweep(&place, "undisturbed").ends(0);
    let undisturbed = place.run("undisturbed").settled();
    assert_eq!(undisturbed.len(), 240);
    let classes: std::collections::BTreeSet<&str> = undisturbed
        .values()
        .map(|settled| settled.2.as_str())
        .collect();
    assert!(classes.len() > 1, "only {classes:?}: nothing to tell apart");

    let killed = place.run("killed");
    let mut chance = ChaCha8Rng::seed_from_u64(5);
    for kill in 0..KILLS {
        let mut started = sweep(&place, "killed").start();
        // The first dies before or in its first lines, later ones anywhere.
        let lines = killed.line_count() + chance.random_range(0..11);
        assert!(
            started.until(|| killed.line_count() >= lines),
            "kill {kill} came too late"
        );
        std::thread::sleep(Duration::from_micros(chance.random_range(0..60_000)));
        assert!(started.kill(), "kill {kill} came too late");
    }
    assert!(killed.settled().len() < 240, "nothing was left to resume");
    sweep(&place, "killed").ends(0);
    assert_eq!(killed.settled(), undisturbed);
    assert_eq!(killed.asked_again(), [0u64; 0]);
    let lines = killed.lines();
    let asked = lines.iter().filter(|line| line["line"] == "intent").count();
    assert!(asked > 240, "no kill hit a question under way");
    for totals in ["scored", "void", "planned"] {
        assert_eq!(
            killed.json("summary.json")["totals"][totals],
            place.run("undisturbed").json("summary.json")["totals"][totals]
        );
    }
    // What was sent and lost has been asked again by now: nothing is left to announce.
    let again = sweep(&place, "killed").start().wait();
    assert_eq!(again.code, Some(0));
    assert_eq!(killed.lines().len(), lines.len());
}

#[test]
fn a_torn_last_line_is_told_removed_and_asked_again() {
    let place = Place::new();
    let command = place
        .sweep("sim:decay=1k", "--lengths 600,1200 --depths 5 --secret 0c")
        .args("--concurrency 1 --out");
    command.clone().arg("whole").ends(0);
    let whole = place.run("whole").settled();
    let lines = place.run("whole").line_count();
    let run = place.run("torn");
    for share in [0.1, 0.5, 0.999] {
        command.clone().arg("torn").args("--max-trials 7").ends(3);
        let path = run.path().join("journal.jsonl");
        let bytes = std::fs::read(&path).expect("a journal");
        let last = bytes[..bytes.len() - 1]
            .iter()
            .rposition(|&byte| byte == b'\n');
        let last = last.expect("several lines") + 1;
        let cut = last + ((bytes.len() - last) as f64 * share) as usize;
        std::fs::write(&path, &bytes[..cut]).expect("a journal");
        let told = command.clone().arg("torn").ends(0);
        assert!(told.stderr.contains("cut short"), "{told}");
        assert!(
            told.stderr
                .contains("one question was sent and not answered before"),
            "{told}"
        );
        assert_eq!(run.settled(), whole, "cut at {share}");
        // The torn row's question was sent twice, and no other.
        assert_eq!(run.line_count(), lines + 1);
        let told = command.clone().arg("torn").ends(0);
        assert!(!told.stderr.contains("cut short"), "{told}");
        assert!(!told.stderr.contains("not answered"), "{told}");
        std::fs::remove_dir_all(run.path()).expect("a run folder");
    }
}

#[test]
fn a_run_killed_while_its_first_file_is_written_can_go_on() {
    let place = Place::new();
    place.file("run/run.json.part", "{\"schema\":1,");
    place
        .sweep("sim:perfect", "--lengths 600 --depths 1 --keys 1 --out run")
        .ends(0);
    assert_eq!(place.run("run").settled().len(), 1);
    assert!(!place.path("run/run.json.part").exists());
}
