//! The simulated model behind real HTTP says what it says in process, and stops when told.

use crate::support::Place;

#[test]
fn a_sweep_over_http_gets_the_answers_of_the_same_model_in_process() {
    let place = Place::new();
    for signal in ["TERM", "INT"] {
        let mut server = place
            .depthfinder("serve sim:decay=900,seed=4 --port 0")
            .start();
        let target = server.first_line();
        let port = target
            .strip_prefix("http://127.0.0.1:")
            .and_then(|rest| rest.strip_suffix("/v1#sim:decay=900,seed=4"))
            .and_then(|port| port.parse::<u16>().ok());
        assert!(port.is_some_and(|port| port > 0), "{target}");
        let sweep = |target: &str, more: &str| {
            place
                .sweep(
                    target,
                    "--lengths 600,1200 --depths 5 --samples 2 --secret 2b",
                )
                .args("--quiet --out")
                .arg(format!("{signal}-{}", &target[..3]))
                .args(more)
                .ends(0);
            place.run(&format!("{signal}-{}", &target[..3])).settled()
        };
        let served = sweep(&target, "--tokenizer o200k");
        assert_eq!(served.len(), 20);
        assert_eq!(served, sweep("sim:decay=900,seed=4", ""));
        let classes: std::collections::BTreeSet<&str> =
            served.values().map(|settled| settled.2.as_str()).collect();
        assert!(classes.len() > 1, "{classes:?}");
        server.signal(signal);
        let told = server.wait();
        assert_eq!(told.code, Some(0), "{told}");
        assert!(told.stderr.is_empty(), "{told}");
        let line = place.sweep(&target, "--lengths 600 --out gone").refused();
        assert!(line.contains("no connection"), "{line}");
    }
}

#[test]
fn a_server_that_dies_ends_the_run_which_goes_on_with_the_next_server() {
    let place = Place::new();
    let serve = place.depthfinder("serve sim:decay=900,latency=100ms");
    let sweep = |target: &str| {
        place
            .sweep(
                target,
                "--lengths 600,1200 --samples 2 --secret 2c --tokenizer o200k",
            )
            .args("--retries 0 --concurrency 2 --out run")
    };
    let mut server = serve.start();
    let mut started = sweep(&server.first_line()).start();
    let run = place.run("run");
    assert!(
        started.until(|| run.line_count() >= 9),
        "it ended too early"
    );
    assert!(server.kill());
    let told = started.wait();
    assert_eq!(told.code, Some(2), "{told}");
    let line = told.complaint();
    assert!(
        line.contains("no connection") && line.contains("--out run to go on"),
        "{line}"
    );
    let scored = run.json("summary.json")["totals"]["scored"].clone();
    assert!(scored.as_u64().is_some_and(|scored| scored > 0), "{scored}");
    let mut server = serve.start();
    sweep(&server.first_line()).ends(0);
    let summary = run.json("summary.json");
    assert_eq!(
        (&summary["totals"]["scored"], &summary["totals"]["void"]),
        (&60.into(), &0.into())
    );
}

#[test]
fn only_simulated_models_are_served() {
    let place = Place::new();
    for target in [
        "local:smollm2",
        "http://127.0.0.1:1/v1",
        "perfect",
        "sim:oracle",
        "sim:",
    ] {
        let told = place.depthfinder("serve").arg(target).ends(2);
        assert_eq!(told.stderr.lines().count(), 1, "{told}");
        assert!(told.complaint().contains("sim"), "{told}");
    }
    let mut server = place.depthfinder("serve sim:perfect").start();
    let target = server.first_line();
    let port = target.split(['/', ':']).nth(4).expect("a port").to_owned();
    let told = place
        .depthfinder("serve sim:perfect --port")
        .arg(port.clone())
        .ends(2);
    assert!(told.complaint().contains(&port), "{told}");
    assert_eq!(told.stderr.lines().count(), 1, "{told}");
}
