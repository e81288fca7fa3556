//! Every kind of fault that a server can have, and what becomes of it: void with its reason, asked
//! again, flagged, or nothing at all.

use crate::support::Place;
use depthfinder::sim::FAULTS;
use serde_json::Value;
use std::collections::BTreeSet;

/// What becomes of a trial under a fault.
#[derive(Clone, Copy, Debug)]
enum Fate {
    /// Void for this reason, after so many attempts where one retry is allowed.
    Void(&'static str, u64),
    /// Scored as this class, after so many attempts.
    Scored(&'static str, u64),
    /// No other question could succeed: the run ends.
    Ends(&'static str),
}

use Fate::{Ends, Scored, Void};

/// Prompts have 700 tokens, of which a cut leaves 300 or so.
const FATES: &[(&str, Fate)] = &[
    ("cut-head=300", Void("cut-prompt", 1)),
    ("cut-tail=300", Void("cut-prompt", 1)),
    ("cut-middle=300", Void("cut-prompt", 1)),
    ("half-window=512", Void("cut-prompt", 1)),
    ("rolling=300", Void("cut-prompt", 1)),
    // There is one message only, so that nothing can be dropped.
    ("drop-messages", Scored("exact", 1)),
    // Without a cut there is nothing to lie about; with one, canaries raise a suspicion.
    ("lying-usage", Scored("exact", 1)),
    ("status=400", Void("refused-request", 1)),
    ("status=401", Ends("the key was refused")),
    ("status=403", Ends("the key was refused")),
    ("status=404", Ends("no such model or path")),
    ("status=413", Void("refused-request", 1)),
    ("status=429", Void("rate-limited", 2)),
    ("status=500", Void("server-error", 2)),
    ("status=503", Void("server-error", 2)),
    ("status=504", Void("server-error", 2)),
    ("status=529", Void("server-error", 2)),
    ("minute=300", Void("rate-limited", 1)),
    ("reset-upload=100", Void("broken", 2)),
    ("early-413=100", Void("refused-request", 1)),
    ("stall-before", Void("timed-out", 2)),
    ("stall-mid", Void("timed-out", 2)),
    ("keep-alive-for-ever=200ms", Void("timed-out", 2)),
    ("break-mid", Void("broken", 2)),
    ("split-utf8", Scored("exact", 1)),
    ("no-usage", Scored("exact", 1)),
    ("no-done", Scored("exact", 1)),
    ("no-finish", Void("broken", 2)),
    ("error-in-200", Void("server-error", 2)),
    ("html-502", Void("server-error", 2)),
    ("empty-answer", Void("no-output", 2)),
    ("wrong-model=other-1", Scored("exact", 1)),
    ("reasoning-eats-budget", Scored("cut", 2)),
    // No question comes twice.
    ("cached-answer", Scored("exact", 1)),
    ("clamped-output=2", Void("output-clamped", 2)),
];

/// Asks two questions of a server with this fault, which has no tokenizer and is not calibrated, so
/// that nothing else is asked before.
fn asked(place: &Place, fault: &str, code: Option<i32>) -> String {
    let mut server = place
        .depthfinder("serve sim:perfect --port 0 --fault")
        .arg(fault)
        .start();
    let target = server.first_line();
    let sweep = place
        .sweep(&target, "--lengths 700 --depths 2 --keys 2 --retries 1")
        .args("--calibrate never --canaries never --out run --secret fa")
        .args("--first-event-timeout 2 --idle-timeout 2 --concurrency 2");
    let told = match code {
        Some(code) => sweep.ends(code),
        None => sweep.start().wait(),
    };
    server.signal("TERM");
    server.wait();
    told.to_string()
}

#[test]
fn each_kind_of_fault_has_its_fate() {
    let known: BTreeSet<&str> = FAULTS
        .iter()
        .map(|(name, _)| name.split('=').next().unwrap_or_default())
        .collect();
    let tried: BTreeSet<&str> = FATES
        .iter()
        .map(|(fault, _)| fault.split('=').next().unwrap_or_default())
        .chain(["old-answer", "similar-answer"])
        .collect();
    assert_eq!(tried, known, "a fault without a fate");
    std::thread::scope(|scope| {
        for half in FATES.chunks(FATES.len().div_ceil(4)) {
            scope.spawn(move || {
                for (fault, fate) in half {
                    holds(fault, *fate);
                }
            });
        }
    });
}

fn holds(fault: &str, fate: Fate) {
    let place = Place::new();
    let told = asked(&place, fault, None);
    if let Ends(words) = fate {
        assert!(
            told.contains(words) && told.contains("exit Some(2)"),
            "{fault}: {told}"
        );
        return;
    }
    let rows = place.run("run").rows();
    let settled: Vec<&Value> = rows.iter().filter(|row| row["settled"] == true).collect();
    assert_eq!(settled.len(), 2, "{fault}: {told}");
    for row in settled {
        let came_to = match row["void"].as_str() {
            Some(void) => format!("void {void}"),
            None => format!(
                "scored {}",
                row["judged"]["class"].as_str().unwrap_or_default()
            ),
        };
        let (meant, attempts) = match fate {
            Void(reason, attempts) => (format!("void {reason}"), attempts),
            Scored(class, attempts) => (format!("scored {class}"), attempts),
            Ends(_) => unreachable!("returned above"),
        };
        assert_eq!(came_to, meant, "{fault}: {row}");
        assert_eq!(row["attempt"], attempts, "{fault}: {row}");
    }
    let summary = place.run("run").json("summary.json");
    let warnings = summary["warnings"].to_string();
    for (kind, words) in [
        ("no-usage", "came without token counts"),
        ("wrong-model", "other-1"),
    ] {
        if fault.starts_with(kind) {
            assert!(warnings.contains(words), "{fault}: {warnings}");
        }
    }
}

#[test]
fn an_answer_to_another_question_is_told_from_a_wrong_one() {
    let place = Place::new();
    let mut server = place
        .depthfinder("serve sim:perfect --port 0 --fault old-answer")
        .start();
    let target = server.first_line();
    place
        .sweep(
            &target,
            "--lengths 700,900 --depths 2 --keys 1 --task niah_single",
        )
        .args("--calibrate never --canaries never --out run --secret fa --concurrency 1")
        .ends(0);
    let summary = place.run("run").json("summary.json");
    let warnings = summary["warnings"].to_string();
    assert!(warnings.contains("answers of other prompts"), "{warnings}");
    server.signal("TERM");
    server.wait();
}
