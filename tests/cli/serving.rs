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
