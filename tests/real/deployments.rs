//! Real deployments of one name: the same weights again, spoilt ones, another model, and a router between two.

use super::files::{self, have, say};
use super::router::Router;
use super::support::{Depthfinder, Place, Told};
use super::{alone, cache};
use depthfinder::local::server::{ManagedServer, Options};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Two cores that others use too are several times slower than two quiet ones.
const SLOW: Duration = Duration::from_secs(1_500);
/// One fact in 512 tokens: SmolLM2 finds it. Short answers, since a base model writes on and on.
const ASKED: &str = "--task niah_single --lengths 512 --max-output 24";
/// Another haystack and other facts would be as good; these are drawn the same each time.
const SECRET: &str = "--secret 5eed";

/// The cache of keys and values in four bits instead of sixteen.
const COARSE_CACHE: &str = "-ctk q4_0 -ctv q4_0 -fa on";
/// Places in the text counted half as far apart as the model was trained with.
const HALF_ROPE: &str = "--rope-freq-scale 0.5";
/// Places turned ten times faster than the model was trained with.
const OTHER_ROPE: &str = "--rope-freq-base 10000";
/// The weights carry no chat template.
const GEMMA: &str = "--no-jinja --chat-template gemma";

/// A llama-server and what it can serve.
struct Weights {
    binary: PathBuf,
    smollm2: PathBuf,
    gemma: PathBuf,
}

/// None where the server or one of both models cannot be had here.
fn weights(case: &str) -> Option<Weights> {
    Some(Weights {
        binary: have(case, files::llama_server())?,
        smollm2: have(case, files::smollm2())?,
        gemma: have(case, files::gemma())?,
    })
}

/// Servers that were started in a place of their own, all under the name of SmolLM2.
struct Served {
    place: Place,
    weights: Weights,
    threads: usize,
    running: Vec<ManagedServer>,
}

impl Served {
    fn with(weights: Weights, threads: usize) -> Served {
        Served {
            place: Place::new(),
            weights,
            threads,
            running: Vec::new(),
        }
    }

    fn start(&mut self, model: &Path, otherwise: &str) -> String {
        let name = format!("server-{}", self.running.len());
        let binary = match otherwise {
            "" => self.weights.binary.clone(),
            _ => self.otherwise(&name, otherwise),
        };
        let options = Options {
            binary,
            model: model.to_owned(),
            name: Some("smollm2".into()),
            context_tokens: Some(8192),
            threads: Some(self.threads),
            log: self.place.path(&format!("{name}.log")),
            ready_within: Some(SLOW),
        };
        let server = files::wait(ManagedServer::start(&options));
        let server = server.unwrap_or_else(|error| panic!("{otherwise}: {error:#}"));
        let base_url = server.base_url.clone();
        self.running.push(server);
        format!("{base_url}#smollm2")
    }

    /// A llama-server that is always given some options more.
    fn otherwise(&self, name: &str, options: &str) -> PathBuf {
        use std::os::unix::fs::PermissionsExt;
        let binary = self.weights.binary.display();
        let folder = self.weights.binary.parent().expect("a folder").display();
        let script =
            format!("#!/bin/sh\nLD_LIBRARY_PATH='{folder}' exec '{binary}' \"$@\" {options}\n");
        let path = PathBuf::from(self.place.file(&format!("{name}.sh"), script));
        let executable = std::fs::Permissions::from_mode(0o755);
        std::fs::set_permissions(&path, executable).expect("it is ours");
        path
    }

    fn smollm2(&mut self, otherwise: &str) -> String {
        let model = self.weights.smollm2.clone();
        self.start(&model, otherwise)
    }

    fn gemma(&mut self) -> String {
        let model = self.weights.gemma.clone();
        self.start(&model, GEMMA)
    }

    /// A command whose lengths SmolLM2's own vocabulary measures, and its target.
    fn asks(&self, command: &str, target: &str) -> Depthfinder {
        self.plain(command, target)
            .arg("--tokenizer")
            .arg(self.weights.smollm2.display().to_string())
    }

    fn plain(&self, command: &str, target: &str) -> Depthfinder {
        let command = self.place.depthfinder(command).arg(target);
        command.cache(cache()).within(SLOW)
    }

    /// What a gate against `before` says of a target.
    fn gated(&self, target: &str, out: &str, code: i32, outcome: &str) -> String {
        let told = self
            .asks("gate", target)
            .args(&format!("--baseline before --delta 0.2 --out {out}"))
            .ends(code);
        assert!(told.stdout.starts_with(outcome), "{told}");
        told.stdout.trim().to_owned()
    }

    fn identity(&self, folder: &str) -> Value {
        self.place.run(folder).json("identity.json")
    }
}

/// What the verdict on a hypothesis says.
fn says<'v>(identity: &'v Value, hypothesis: &str) -> &'v str {
    let verdicts = identity["verdicts"].as_array().expect("verdicts");
    let found = verdicts
        .iter()
        .find(|verdict| verdict["hypothesis"] == hypothesis);
    let found = found.and_then(|verdict| verdict["says"].as_str());
    found.unwrap_or("nothing")
}

/// What was seen of a signal.
fn seen(identity: &Value, signal: &str) -> String {
    let signals = identity["signals"].as_array().expect("signals");
    let found = signals.iter().find(|found| found["name"] == signal);
    found
        .map(|found| found["seen"].to_string())
        .unwrap_or_default()
}

fn lines_with<'t>(told: &'t Told, words: &str) -> Vec<&'t str> {
    let lines = told.stdout.lines();
    lines.filter(|line| line.contains(words)).collect()
}

#[test]
fn of_deployments_of_one_name_the_spoilt_and_the_other_model_are_worse_and_the_same_is_not() {
    let _alone = alone();
    let case = "compare of five real deployments";
    let Some(weights) = weights(case) else {
        return;
    };
    let began = Instant::now();
    let mut served = Served::with(weights, 1);
    let base = served.smollm2("");
    let others = [
        served.smollm2(""),
        served.smollm2(COARSE_CACHE),
        served.smollm2(HALF_ROPE),
        served.gemma(),
    ];
    let command = served.asks("compare", &base).args(&others.join(" "));
    let told = command
        // A haystack of its own for each question: whole haystacks are what is compared.
        .args(&format!(
            "{ASKED} {SECRET} --depths 1 --samples 12 --out both"
        ))
        .ends(1);
    let comparison = served.place.run("both").json("comparison.json");
    let contrasts = comparison["contrasts"].as_array().expect("contrasts");
    let [same, coarse, half, other] = &contrasts[..] else {
        panic!("four others, not {}", contrasts.len());
    };
    // At temperature 0 the same server gives the same answers, but for a batch now and then.
    assert_eq!(same["finding"], "no_difference", "{told}");
    assert!(same["pooled"]["lose"].as_u64() <= Some(1), "{same}");
    for contrast in [half, other] {
        assert_eq!(contrast["finding"], "worse", "{told}");
        let observed = contrast["pooled"]["difference"]["observed"].as_f64();
        assert!(observed < Some(-0.18), "{contrast}");
    }
    // Its true drop on these questions is far below .18: so nothing is to be found, and what
    // could have been found stands beside it.
    assert_eq!(coarse["finding"], "no_difference", "{told}");
    let sentences = lines_with(&told, "no difference between");
    assert_eq!(sentences.len(), 2, "{told}");
    for sentence in sentences {
        assert!(sentence.contains("differ show a loss of"), "{sentence}");
    }
    let ratio = comparison["sides"][4]["tokens_ratio"].as_f64();
    assert!(ratio < Some(0.95), "another tokenizer: {ratio:?}");
    let ratio = comparison["sides"][3]["tokens_ratio"].as_f64();
    assert_eq!(ratio, Some(1.0));
    let points = |contrast: &Value| {
        let observed = contrast["pooled"]["difference"]["observed"].as_f64();
        format!("{:+.0}", 100.0 * observed.unwrap_or(f64::NAN))
    };
    say(&format!(
        "{case}: 12 pairs each: itself {}, coarse cache {}, rope halved {}, Gemma {} points, {:.0} s",
        points(same),
        points(coarse),
        points(half),
        points(other),
        began.elapsed().as_secs_f64()
    ));
}

#[test]
fn a_gate_lets_the_same_deployment_pass_and_stops_the_spoilt_and_the_other_model() {
    let _alone = alone();
    let case = "gate of three real deployments";
    let Some(weights) = weights(case) else {
        return;
    };
    let began = Instant::now();
    let mut served = Served::with(weights, 2);
    let base = served.smollm2("");
    served
        .asks("sweep", &base)
        .args(&format!(
            "{ASKED} {SECRET} --depths 1 --samples 30 --out before"
        ))
        .ends(0);
    let same = served.gated(&base, "same", 0, "PASS: not worse by 20 points or more");
    let half = served.smollm2(HALF_ROPE);
    let half = served.gated(&half, "half", 1, "FAIL: worse");
    let other = served.gemma();
    let other = served.gated(&other, "other", 1, "FAIL: worse");
    say(&format!(
        "{case}: {same}; rope halved: {half}; Gemma: {other}; {:.0} s",
        began.elapsed().as_secs_f64()
    ));
}

#[test]
fn identify_names_the_family_of_each_and_refuses_another_model_under_the_same_name() {
    let _alone = alone();
    let case = "identify of real deployments under one name";
    let Some(weights) = weights(case) else {
        return;
    };
    let began = Instant::now();
    let mut served = Served::with(weights, 2);
    let reference = served.smollm2("");
    let (same, other) = (served.smollm2(""), served.gemma());
    let against = |target: &str, arguments: &str| {
        served
            .plain("identify", target)
            .arg("--reference")
            .arg(reference.clone())
            .args(arguments)
    };
    // One honest test of the answers in twenty finds a difference: that is its level.
    let told = against(&same, "--long 0 --no-equality --out same").ends(0);
    let identity = served.identity("same");
    assert_eq!(says(&identity, "reference"), "consistent", "{told}");
    assert_eq!(says(&identity, "name"), "consistent", "{told}");
    let vector = seen(&identity, "tokenizer vector");
    assert!(vector.contains("exactly as smollm2 does"), "{vector}");
    let told = against(&other, "--long 0 --prompts 5 --samples 4 --out other").ends(1);
    let identity = served.identity("other");
    assert_eq!(says(&identity, "reference"), "not_consistent", "{told}");
    assert_eq!(says(&identity, "name"), "not_consistent", "{told}");
    let vector = seen(&identity, "tokenizer vector");
    assert!(vector.contains("exactly as gemma-3 does"), "{vector}");
    let answers = &lines_with(&told, "the distribution of the answers differs");
    assert_eq!(answers.len(), 1, "{told}");
    say(&format!(
        "{case}: {} and {} questions, {:.0} s",
        served.identity("same")["spent"]["questions"],
        identity["spent"]["questions"],
        began.elapsed().as_secs_f64()
    ));
}

#[test]
fn a_router_to_another_real_model_above_a_length_is_caught_by_the_long_twist() {
    let _alone = alone();
    let case = "a router between two real models";
    let Some(weights) = weights(case) else {
        return;
    };
    let began = Instant::now();
    let mut served = Served::with(weights, 2);
    let (short, long) = (served.smollm2(""), served.gemma());
    let bare = |target: &str| target.trim_end_matches("#smollm2").to_owned();
    // About 1,200 tokens of English.
    let router = Router::between(&bare(&short), &bare(&long), 6_000);
    let target = format!("{}#smollm2", router.base_url);
    let told = served
        .plain("identify", &target)
        .args("--long 2k --out routed")
        .ends(1);
    let identity = served.identity("routed");
    assert_eq!(says(&identity, "name"), "consistent", "{told}");
    assert_eq!(says(&identity, "long"), "not_consistent", "{told}");
    let [to_short, to_long] = router.passed();
    assert!(to_short > 40 && to_long > 25, "{to_short}, {to_long}");
    say(&format!(
        "{case}: {} questions, {to_long} of the requests went to Gemma, {:.0} s",
        identity["spent"]["questions"],
        began.elapsed().as_secs_f64()
    ));
}

/// `cargo test --release --test real default_size -- --ignored`: 500 answers for each of two.
#[test]
#[ignore = "a quarter of an hour: 250 answers of each side, twice"]
fn at_its_default_size_identify_tells_spoilt_weights_from_the_reference() {
    let _alone = alone();
    let case = "identify at its default size";
    let Some(weights) = weights(case) else {
        return;
    };
    let mut served = Served::with(weights, 2);
    let reference = served.smollm2("");
    for (otherwise, out, may_stay_undecided) in
        [(HALF_ROPE, "half", false), (OTHER_ROPE, "turned", true)]
    {
        let target = served.smollm2(otherwise);
        let told = served
            .plain("identify", &target)
            .arg("--reference")
            .arg(reference.clone())
            .args(&format!("--long 0 --out {out}"))
            .start()
            .wait();
        let identity = served.identity(out);
        say(&format!(
            "{case}: {otherwise}: {}",
            seen(&identity, "model equality test")
        ));
        assert_eq!(says(&identity, "name"), "consistent", "{told}");
        match says(&identity, "reference") {
            "not_consistent" => {}
            "undecided" if may_stay_undecided => {}
            other => panic!("{otherwise}: {other}\n{told}"),
        }
    }
}
