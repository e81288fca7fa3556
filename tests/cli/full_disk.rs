//! A disk that takes no more: told in one line, earlier rows kept, and the run goes on once there is room.

use crate::support::Place;

#[test]
fn a_journal_that_cannot_grow_keeps_its_rows_and_goes_on_later() {
    let place = Place::new();
    let command = place.sweep(
        "sim:decay=900",
        "--lengths 600 --depths 20 --secret 04 --concurrency 3 --out run",
    );
    // First without a limit: the index must be there, or it would be what does not fit.
    place
        .sweep(
            "sim:decay=900",
            "--lengths 600 --depths 20 --secret 04 --quiet --out whole",
        )
        .ends(0);
    let line = command.clone().file_limit_blocks(24).refused();
    assert!(
        line.contains("cannot write run/journal.jsonl: all earlier rows are kept"),
        "{line}"
    );
    let run = place.run("run");
    assert_eq!(run.bytes("journal.jsonl").len(), 24 * 512);
    let told = command.ends(0);
    assert!(told.stderr.contains("cut short"), "{told}");
    assert_eq!(run.settled(), place.run("whole").settled());
    assert_eq!(run.asked_again(), [0u64; 0]);
}

#[test]
fn a_run_file_that_cannot_be_written_leaves_a_folder_that_can_be_used() {
    let place = Place::new();
    let command = place.sweep("sim:perfect", "--lengths 600 --depths 1 --keys 1 --out run");
    let line = command.clone().file_limit_blocks(1).refused();
    assert!(
        line.contains("cannot write run/run.json: is the folder read-only or the disk full?"),
        "{line}"
    );
    command.ends(0);
}

#[test]
fn charts_that_cannot_be_written_are_drawn_again_later() {
    let place = Place::new();
    let command = place.sweep("sim:perfect", "--lengths 600 --depths 1 --keys 1 --out run");
    let line = command.file_limit_blocks(40).refused();
    assert!(
        line.contains("the journal is complete; `depthfinder report run` draws it again"),
        "{line}"
    );
    place.depthfinder("report run").ends(0);
    let run = place.run("run");
    assert_eq!(run.json("summary.json")["totals"]["scored"], 1);
    assert!(run.bytes("heatmap.png").starts_with(b"\x89PNG"));
}
