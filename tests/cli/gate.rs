//! `gate` end to end: a baseline out of a run, and PASS, FAIL or NEUTRAL against it.

use crate::support::{Depthfinder, Place, Started};
use serde_json::Value;
use std::path::Path;

/// A hundred texts with two questions each.
const GRID: &str = "--lengths 1k,2k --depths 2 --keys 2 --samples 50 --out before";

/// A place with the run of a base and its baseline file.
fn with_baseline(target: &str) -> Place {
    let place = Place::new();
    place.sweep(target, GRID).ends(0);
    let told = place
        .depthfinder("report before --baseline base.json")
        .ends(0);
    assert!(told.stderr.contains("200 answers"), "{told}");
    place
}

fn gate(place: &Place, target: &str, more: &str) -> Depthfinder {
    place
        .depthfinder("gate")
        .arg(target)
        .args("--baseline base.json")
        .args(more)
}

fn outcome(place: &Place, folder: &str) -> Value {
    place.run(folder).json("gate.json")
}

#[test]
fn the_same_deployment_passes_before_all_questions_are_asked() {
    let place = with_baseline("sim:flat=0.95");
    let told = gate(
        &place,
        "sim:flat=0.95",
        "--out after --junit j.xml --prometheus p.prom",
    )
    .ends(0);
    assert!(told.stdout.starts_with("PASS"), "{told}");
    assert!(
        told.stderr
            .contains("chance of PASS if nothing has changed"),
        "{told}"
    );
    let gated = outcome(&place, "after");
    assert_eq!(gated["outcome"], "pass");
    // Every question on a text of its own.
    assert_eq!(gated["texts"], gated["asked"], "{gated}");
    assert!(told.stdout.contains(" pairs on "), "{told}");
    let asked = place.run("after").settled().len();
    assert!((70..=100).contains(&asked), "{asked}");
    // The prompts are those of the baseline, byte for byte.
    let before = place.run("before").prompts();
    for (trial, hash) in place.run("after").prompts() {
        assert_eq!(before[&trial], hash);
    }
    let junit = std::fs::read_to_string(place.path("j.xml")).expect("is written");
    assert!(junit.contains("tests=\"3\" failures=\"0\""), "{junit}");
    let prometheus = std::fs::read_to_string(place.path("p.prom")).expect("is written");
    assert!(
        prometheus.contains(
            "depthfinder_gate_outcome{target=\"sim:flat=0.95\",baseline=\"sim:flat=0.95\"} 1"
        ),
        "{prometheus}"
    );
    assert!(
        prometheus.contains("depthfinder_gate_timestamp_seconds{"),
        "{prometheus}"
    );
    assert!(!place.names().iter().any(|name| name.ends_with(".part")));
}

#[test]
fn a_baseline_of_shorter_answers_than_usual_is_gated_and_compared_with() {
    let place = Place::new();
    let grid = "--lengths 600 --depths 1 --keys 1 --samples 40 --max-output 24 --out before";
    place.sweep("sim:perfect", grid).ends(0);
    let told = place
        .depthfinder("gate sim:perfect --baseline before --delta 0.3 --out after")
        .ends(0);
    assert!(told.stdout.starts_with("PASS"), "{told}");
    place
        .depthfinder("compare before sim:perfect --out both")
        .ends(0);
    for side in ["after", "both/b"] {
        let row = place.run(side).rows().remove(0);
        assert_eq!(row["max_output_tokens"], 24, "{row}");
    }
}

#[test]
fn a_worse_deployment_fails_and_the_page_of_the_job_says_so() {
    let place = with_baseline("sim:flat=0.97");
    let told = gate(&place, "sim:flat=0.6", "--out after --junit j.xml")
        .env(
            "GITHUB_STEP_SUMMARY",
            &place.path("step.md").display().to_string(),
        )
        .ends(1);
    assert!(told.stdout.starts_with("FAIL: worse"), "{told}");
    assert_eq!(told.stdout.lines().count(), 1, "{told}");
    let step = std::fs::read_to_string(place.path("step.md")).expect("is written");
    assert!(step.contains("FAIL"), "{step}");
    let junit = std::fs::read_to_string(place.path("j.xml")).expect("is written");
    assert!(junit.contains("<failure message=\"FAIL"), "{junit}");
}

#[test]
fn errors_are_missing_pairs_and_end_neutral_whatever_neutral_ok_says() {
    let place = with_baseline("sim:perfect");
    let faulty = "sim:perfect,fault=status=400:0.3";
    for more in ["--out one", "--out two --neutral-ok"] {
        let told = gate(&place, faulty, more).ends(3);
        assert!(told.stdout.starts_with("NEUTRAL"), "{told}");
        assert!(told.stdout.contains(" refused-request"), "{told}");
    }
    // A noisy deployment that shows neither may be let through.
    let noisy = "--delta 0.01 --n-max 20";
    gate(&place, "sim:perfect", &format!("{noisy} --out three")).ends(3);
    gate(
        &place,
        "sim:perfect",
        &format!("{noisy} --neutral-ok --out four"),
    )
    .ends(0);
    // What a cap has stopped before it could show anything is not let through.
    gate(
        &place,
        "sim:perfect",
        "--max-trials 5 --neutral-ok --out five",
    )
    .ends(3);
}

#[test]
fn a_gate_that_was_stopped_goes_on_where_it_was() {
    let place = with_baseline("sim:perfect");
    gate(&place, "sim:perfect", "--out after --max-trials 30").ends(3);
    let early = place.run("after").settled().len();
    assert_eq!(early, 30);
    assert_eq!(outcome(&place, "after")["ended"], false);
    gate(&place, "sim:perfect", "--out after").ends(0);
    assert!(place.run("after").asked_again().is_empty());
    assert_eq!(outcome(&place, "after")["outcome"], "pass");
    // Its answers are those of whoever stood there then: the same command asks nobody else.
    let ended = gate(&place, "sim:perfect", "--out after").refused();
    assert!(
        ended.contains("this gate has ended with PASS on 2") && ended.contains("another --out"),
        "{ended}"
    );
}

/// A served model and its address.
fn served(place: &Place, model: &str, more: &str) -> (Started, String) {
    let mut server = place.depthfinder("serve").arg(model).args(more).start();
    let target = server.first_line();
    (server, target)
}

#[test]
fn an_outage_is_made_good_in_a_later_session() {
    let place = Place::new();
    let (server, target) = served(&place, "sim:perfect", "--port 0");
    place.sweep(&target, GRID).ends(0);
    place
        .depthfinder("report before --baseline base.json")
        .ends(0);
    server.kill();
    let port = target
        .split(['/', ':'])
        .find_map(|part| part.parse::<u16>().ok())
        .expect("a port");
    let faulty = format!("--port {port} --fault status=503:0.4");
    let (server, _) = served(&place, "sim:perfect", &faulty);
    let told = gate(&place, &target, "--retries 0 --out after").ends(3);
    assert!(told.stdout.contains(" server-error"), "{told}");
    server.kill();
    let missing = outcome(&place, "after")["missing"]
        .as_u64()
        .expect("a number");
    assert!(missing > 5, "{missing}");
    let (_server, _) = served(&place, "sim:perfect", &format!("--port {port}"));
    gate(&place, &target, "--out after").ends(0);
    let gated = outcome(&place, "after");
    assert_eq!(gated["missing"], 0);
    assert_eq!(gated["ended"], true);
}

#[test]
fn a_cache_of_replies_is_no_deployment_that_passes() {
    let place = Place::new();
    let (_server, target) = served(&place, "sim:perfect", "--port 0 --fault cached-answer");
    place.sweep(&target, GRID).ends(0);
    place
        .depthfinder("report before --baseline base.json")
        .ends(0);
    let told = gate(&place, &target, "--out after").ends(3);
    assert!(
        told.stdout.starts_with("NEUTRAL") && told.stdout.contains("a cache of replies"),
        "{told}"
    );
    assert_eq!(outcome(&place, "after")["lose"], 0);
}

#[test]
fn a_window_that_was_lost_is_a_loss() {
    let place = with_baseline("sim:perfect");
    let told = gate(&place, "sim:perfect,window=1500", "--out after").ends(1);
    assert!(told.stdout.starts_with("FAIL"), "{told}");
    let gated = outcome(&place, "after");
    assert_eq!(gated["missing"], 0);
    assert_eq!(gated["bands"][0]["lose"], 0);
    assert_eq!(gated["bands"][1]["lose"], gated["bands"][1]["pairs"]);
}

#[test]
fn few_texts_are_warned_of_and_a_margin_is_told_with_its_digits() {
    let place = Place::new();
    place
        .sweep(
            "sim:perfect",
            "--lengths 1k --depths 5 --samples 4 --out before",
        )
        .ends(0);
    let few = place
        .depthfinder("gate sim:perfect --baseline before --out few")
        .ends(3);
    assert!(few.stderr.contains("lie on 4 texts only"), "{few}");
    let place = with_baseline("sim:perfect");
    let told = gate(&place, "sim:perfect", "--delta 0.075 --out after").ends(0);
    assert!(told.stdout.contains("not worse by 7.5 points"), "{told}");
}

#[test]
fn what_the_baseline_fixes_is_refused_and_quiet_is_quiet() {
    let place = with_baseline("sim:perfect");
    for (typed, named) in [
        (
            "--temperature 0.9 --system hi",
            "fixes --temperature, --system: leave them out",
        ),
        ("--keys 9 --values words", "fixes --keys, --values"),
        ("--max-output 100", "fixes --max-output: leave it out"),
        ("--param top_k=1", "fixes --param"),
        ("--runs-per-year inf", "--runs-per-year"),
    ] {
        let told = gate(&place, "sim:perfect", typed)
            .args("--out after")
            .refused();
        assert!(told.contains(named), "{told}");
    }
    for more in ["--out one -q", "--out two -q --update-baseline new.json"] {
        let told = gate(&place, "sim:perfect", more).ends(0);
        assert_eq!(
            (told.stdout.as_str(), told.stderr.as_str()),
            ("", ""),
            "{told}"
        );
    }
    let told = gate(
        &place,
        "sim:perfect",
        "--out three --json --update-baseline new.json",
    )
    .ends(0);
    let json: Value = serde_json::from_str(&told.stdout).expect("nothing but JSON");
    assert_eq!(json["outcome"], "pass");
    assert!(
        told.stderr.contains("new baseline of 200 answers"),
        "{told}"
    );
}

#[test]
fn a_text_of_ones_own_may_lie_elsewhere() {
    let place = Place::new();
    let text = std::fs::read_to_string(crate::support::small_text()).expect("a text");
    place.file("mine.txt", &text);
    let grid = "--lengths 1k --depths 1 --keys 1 --samples 20 --out before";
    place
        .depthfinder("sweep sim:perfect --corpus mine.txt")
        .args(grid)
        .ends(0);
    place
        .depthfinder("report before --baseline base.json")
        .ends(0);
    std::fs::rename(place.path("mine.txt"), place.path("moved.txt")).expect("is moved");
    let lost = gate(&place, "sim:perfect", "--out after").refused();
    assert!(lost.contains("--corpus"), "{lost}");
    place.file("other.txt", format!("{text} And one more sentence."));
    let other = gate(&place, "sim:perfect", "--corpus other.txt --out after").refused();
    assert!(other.contains("not what it was"), "{other}");
    gate(
        &place,
        "sim:perfect",
        "--corpus moved.txt --out after --delta 0.2",
    )
    .ends(0);
}

#[test]
fn a_baseline_that_no_gate_would_take_is_not_written() {
    let place = with_baseline("sim:perfect");
    let faulty = "sim:perfect,fault=status=400:0.2";
    let told = gate(&place, faulty, "--out after --update-baseline new.json").ends(2);
    assert!(
        told.complaint().contains("no baseline was written"),
        "{told}"
    );
    assert!(!place.path("new.json").exists());
}

/// The script of a step of `action.yml`.
fn script(step: &str) -> String {
    let action = Path::new(env!("CARGO_MANIFEST_DIR")).join("action.yml");
    let action = std::fs::read_to_string(action).expect("action.yml");
    let (_, step) = action
        .split_once(&format!("- name: {step}\n"))
        .expect("a step");
    let (_, script) = step.split_once("run: |\n").expect("a script");
    let lines = script
        .lines()
        .take_while(|line| line.starts_with("        "));
    lines.map(|line| format!("{}\n", line.trim())).collect()
}

#[test]
fn the_action_takes_a_fresh_folder_each_time_and_tells_the_outcome() {
    let place = with_baseline("sim:perfect");
    let binary = Path::new(env!("CARGO_BIN_EXE_depthfinder"));
    let path = format!(
        "{}:{}",
        binary.parent().expect("a folder").display(),
        std::env::var("PATH").expect("a PATH")
    );
    let run = |target: &str, arguments: &str| {
        let output = place.path("output");
        let _ = std::fs::remove_file(&output);
        let ended = std::process::Command::new("bash")
            .args([
                "--noprofile",
                "--norc",
                "-eo",
                "pipefail",
                "-c",
                &script("Gate"),
            ])
            .current_dir(place.path(""))
            .env("PATH", &path)
            .env("DEPTHFINDER_CACHE", place.path("cache"))
            .env("RUNNER_TEMP", place.path(""))
            .env("GITHUB_OUTPUT", &output)
            .envs([
                ("TARGET", target),
                ("BASELINE", "base.json"),
                ("ARGUMENTS", arguments),
            ])
            .envs([
                ("NEUTRAL_OK", "false"),
                ("OUT", ""),
                ("JUNIT", "junit here.xml"),
            ])
            .output()
            .expect("bash");
        let told = std::fs::read_to_string(&output).unwrap_or_default();
        (ended.status.code(), told)
    };
    let (code, first) = run("sim:perfect", "");
    assert_eq!(code, Some(0), "{first}");
    assert!(
        first.contains("outcome=pass\n") && first.contains("folder="),
        "{first}"
    );
    assert!(place.path("junit here.xml").exists());
    // The deployment behind the same address got worse: nothing of the PASS is left.
    let (code, second) = run("sim:flat=0.3", "--prometheus\nout of depth.prom\n--yes");
    assert_eq!(code, Some(1), "{second}");
    assert!(second.contains("outcome=fail\n"), "{second}");
    assert!(place.path("out of depth.prom").exists());
    let folder = |told: &str| {
        told.lines()
            .find(|line| line.starts_with("folder="))
            .map(str::to_owned)
    };
    assert_ne!(folder(&first), folder(&second));
    let (code, clash) = run("sim:perfect", "--out=there");
    assert_eq!(
        (code, clash.contains("outcome=pass")),
        (Some(2), false),
        "{clash}"
    );
    let (code, broken) = run("sim:nothing", "");
    assert_eq!(
        (code, broken.contains("outcome=\n")),
        (Some(2), true),
        "{broken}"
    );
}

#[test]
fn a_new_baseline_says_what_it_changes_and_gates_like_any_other() {
    let place = with_baseline("sim:flat=0.95");
    let told = gate(
        &place,
        "sim:flat=0.6",
        "--out after --update-baseline new.json",
    )
    .ends(1);
    assert!(told.stdout.contains("right before"), "{told}");
    assert!(told.stdout.contains("lost: trials"), "{told}");
    assert!(
        told.stdout.contains("new baseline of 200 answers"),
        "{told}"
    );
    place
        .depthfinder("gate sim:flat=0.6 --baseline new.json --out again")
        .ends(0);
    // Where nothing has changed, the files differ in no answer.
    let rows = |name: &str| {
        let file: Value = serde_json::from_slice(&std::fs::read(place.path(name)).expect("a file"))
            .expect("JSON");
        let mut rows = file["rows"].as_array().expect("rows").clone();
        for row in &mut rows {
            // Every reply has a name of its own.
            row.as_object_mut().expect("a row").remove("id");
        }
        rows
    };
    gate(
        &place,
        "sim:flat=0.95",
        "--out same --update-baseline same.json",
    )
    .ends(0);
    assert_eq!(rows("same.json"), rows("base.json"));
}

#[test]
fn baselines_that_would_deceive_are_refused_in_one_line() {
    let place = with_baseline("sim:flat=0.8");
    let path = place.path("base.json");
    let whole: Value =
        serde_json::from_slice(&std::fs::read(&path).expect("a file")).expect("JSON");
    let write = |change: &dyn Fn(&mut Value)| {
        let mut changed = whole.clone();
        change(&mut changed);
        std::fs::write(&path, changed.to_string()).expect("is written");
        gate(&place, "sim:perfect", "--out after").refused()
    };
    let picked = write(&|file| {
        let rows = file["rows"].as_array_mut().expect("rows");
        rows.truncate(150);
    });
    assert!(picked.contains("picked by success"), "{picked}");
    let other = write(&|file| file["secret"] = "01".into());
    assert!(other.contains("cannot be rebuilt"), "{other}");
    let newer = write(&|file| file["schema"] = 99.into());
    assert!(newer.contains("newer depthfinder"), "{newer}");
    let voids = write(&|file| {
        for row in file["rows"]
            .as_array_mut()
            .expect("rows")
            .iter_mut()
            .take(20)
        {
            row["void"] = "timed-out".into();
            row.as_object_mut().expect("a row").remove("answer");
        }
    });
    assert!(
        voids.contains("20 of the baseline's 200 questions are void"),
        "{voids}"
    );
    let emptied = write(&|file| {
        for row in file["rows"]
            .as_array_mut()
            .expect("rows")
            .iter_mut()
            .take(36)
        {
            row.as_object_mut().expect("a row").remove("answer");
        }
    });
    assert!(
        emptied.contains("neither an answer nor a reason"),
        "{emptied}"
    );
    let twice = write(&|file| {
        let rows = file["rows"].as_array_mut().expect("rows");
        rows[1] = rows[0].clone();
    });
    assert!(twice.contains("twice"), "{twice}");
    let unknown = write(&|file| file["rows"][0]["trial"] = 200.into());
    assert!(
        unknown.contains("a trial 200 that its plan does not have"),
        "{unknown}"
    );
    std::fs::write(&path, whole.to_string()).expect("is written");
    let tasks = gate(&place, "sim:perfect", "--task sum").refused();
    assert!(tasks.contains("the baseline fixes"), "{tasks}");
    place
        .verify(
            "sim:perfect",
            "--claim 2k --task niah_single --out verified",
        )
        .ends(0);
    let verified = place
        .depthfinder("gate sim:perfect --baseline verified")
        .arg("--out")
        .arg("after")
        .refused();
    assert!(verified.contains("verification"), "{verified}");
}
