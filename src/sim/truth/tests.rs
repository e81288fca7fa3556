//! The curves against what their names state, and names that cannot be meant.

use super::super::family::FAMILIES;
use super::super::leak::LEAKS;
use super::*;
use proptest::prelude::*;

fn truth(name: &str) -> Truth {
    Truth::parse(name).expect(name)
}

#[test]
fn every_listed_name_and_modifier_is_read() {
    for (name, _) in NAMES {
        assert_eq!(truth(name).model(), format!("sim:{name}"));
        for (modifier, _) in MODIFIERS {
            truth(&format!("{name},{modifier}"));
        }
    }
    for family in FAMILIES {
        assert_eq!(
            truth(&format!("perfect,family={}", family.name)).family,
            *family
        );
        let line = MODIFIERS
            .iter()
            .find(|(name, _)| name.starts_with("family"));
        assert!(line.is_some_and(|(_, what)| what.contains(family.name)));
    }
    for leak in LEAKS {
        assert_eq!(
            truth(&format!("perfect,leaks={}", leak.name)).leak,
            Some(*leak)
        );
        let line = MODIFIERS.iter().find(|(name, _)| name.starts_with("leaks"));
        assert!(line.is_some_and(|(_, what)| what.contains(leak.name)));
    }
    let all: Vec<&str> = MODIFIERS.iter().map(|&(name, _)| name).collect();
    let full = truth(&format!("cliff=64k,{}", all.join(",")));
    assert_eq!(full.recall, Recall::Cliff { tokens: 64_000 });
    assert_eq!(full.window_tokens, Some(131_072));
    assert_eq!(full.advertised_tokens, Some(10_000_000));
    assert_eq!(full.declared_window_tokens(), Some(10_000_000));
    assert_eq!(full.latency, Duration::from_millis(50));
    assert_eq!(full.seed, Some(7));
    assert_eq!(full.model(), "acme-70b");
    assert_eq!(full.tokenizer().expect("bundled").name(), "cl100k");
    assert_eq!(full.family.name, "llama3");
    assert_eq!(
        full.voice,
        Some(Voice {
            seed: 7,
            accent: 0.0
        })
    );
    assert_eq!(full.memorised, Some(0.9));
    assert_eq!(full.leak.map(|leak| leak.name), Some("anthropic"));
    let behind: Vec<(u64, &str)> = full
        .behind
        .iter()
        .map(|behind| (behind.above_tokens, behind.truth.name.as_str()))
        .collect();
    let expected = [
        (0, "flat=0.9,tokenizer=cl100k,voice=8"),
        (32_000, "cliff=8k,voice=8"),
    ];
    assert_eq!(behind, expected);
}

#[test]
fn a_flaky_model_s_prompts_are_as_hard_as_its_correlation_says() {
    let of = |name: &str, difficulty| truth(name).recall.by_request(difficulty).expect("flaky");
    for difficulty in [0.0, 0.3, 1.0] {
        assert!((of("flaky=0.2", difficulty) - 0.8).abs() < 1e-12);
        assert_eq!(of("flaky=0:0.5", difficulty), 1.0);
        assert_eq!(of("flaky=1:0.5", difficulty), 0.0);
    }
    assert_eq!(
        (of("flaky=0.2:1", 0.19), of("flaky=0.2:1", 0.2)),
        (0.0, 1.0)
    );
    // A beta distribution with a mean of .8 and a variance of .8 x .2 x correlation.
    for (name, correlation) in [
        ("flaky=0.2:0.1", 0.1),
        ("flaky=0.2:0.5", 0.5),
        ("flaky=0.2:0.9", 0.9),
    ] {
        let all: Vec<f64> = (0..20_000)
            .map(|at| of(name, (f64::from(at) + 0.5) / 20_000.0))
            .collect();
        assert!(
            all.windows(2).all(|pair| pair[0] <= pair[1] + 1e-9),
            "{name}"
        );
        let mean = all.iter().sum::<f64>() / all.len() as f64;
        let variance = all.iter().map(|p| (p - mean) * (p - mean)).sum::<f64>() / all.len() as f64;
        assert!((mean - 0.8).abs() < 0.002, "{name}: {mean}");
        assert!(
            (variance - 0.16 * correlation).abs() < 0.002,
            "{name}: {variance}"
        );
    }
    assert_eq!(truth("flat=0.5").recall.by_request(0.5), None);
}

#[test]
fn replicas_take_turns_and_each_has_its_share() {
    let recall = truth("drift=3:0.9/0.5/0.1").recall;
    let at = |request| {
        (
            recall.replica(request),
            recall.share_of(request, 1_000, 0.5),
        )
    };
    for (request, replica, share) in [
        (0, 0, 0.9),
        (2, 0, 0.9),
        (3, 1, 0.5),
        (8, 2, 0.1),
        (9, 0, 0.9),
    ] {
        assert_eq!(at(request), (Some(replica), share));
    }
    assert!((recall.share(1, 0.0) - 0.5).abs() < 1e-12);
    assert_eq!(truth("perfect").recall.replica(5), None);
}

#[test]
fn the_curves_are_what_the_names_state() {
    assert_eq!(truth("perfect").recall(10_000_000, 0.5), 1.0);
    assert_eq!(truth("cliff=64k").recall(64_000, 0.5), 1.0);
    assert_eq!(truth("cliff=64k").recall(64_001, 0.5), 0.0);
    assert_eq!(truth("decay=64k").recall(64_000, 0.1), 0.5);
    assert!((truth("decay=64k").recall(32_000, 0.1) - 8.0 / 9.0).abs() < 1e-12);
    assert!((truth("decay=64k").recall(128_000, 0.1) - 1.0 / 9.0).abs() < 1e-12);
    assert!((truth("middle=0.4").recall(1, 0.5) - 0.6).abs() < 1e-12);
    assert!((truth("middle=0.4").recall(1, 0.25) - 0.7).abs() < 1e-12);
    assert_eq!(truth("middle=0.4").recall(1, 0.0), 1.0);
    assert_eq!(truth("middle=0.4").recall(1, 1.0), 1.0);
    assert!((truth("flaky=0.2").recall(1, 0.5) - 0.8).abs() < 1e-12);
    assert_eq!(truth("flat=0.95").recall(1, 0.5), 0.95);
    assert_eq!(truth("flat=0.95").recall(10_000_000, 0.0), 0.95);
}

#[test]
fn tasks_and_kinds_of_tasks_can_have_curves_of_their_own() {
    let truth = truth("perfect,chained=cliff=8k,niah_single=flat=0.5");
    let recall = |name, tokens| truth.recall_in(Task::named(name).expect(name), tokens, 0.5);
    assert_eq!((recall("vt", 8_000), recall("vt", 8_001)), (1.0, 0.0));
    assert_eq!(recall("niah_single", 100), 0.5);
    assert_eq!(recall("niah_multikey", 10_000_000), 1.0);
    assert!(Truth::parse("perfect,chained=10").is_err());
}

#[test]
fn the_scout_starts_well_and_falls_through_the_points_that_its_line_states() {
    let recall = |tokens| truth("scout").recall(tokens, 0.5);
    for (tokens, stated) in [(500, 0.95), (2_100, 0.85), (120_000, 0.15)] {
        assert!((recall(tokens) - stated).abs() < 0.002, "{tokens}");
    }
    // The first crossing of .85 is at 2.1k, in both directions.
    assert!(recall(2_000) > 0.85 && recall(2_200) < 0.85);
    assert!(recall(300) > 0.96 && recall(10_000_000) < 0.005);
}

#[test]
fn a_hole_is_dead_within_its_band_and_at_its_ends() {
    let recall = |depth| truth("hole=40-60").recall(1_000, depth);
    for (depth, stated) in [
        (0.0, 1.0),
        (0.399, 1.0),
        (0.4, 0.1),
        (0.5, 0.1),
        (0.6, 0.1),
        (0.601, 1.0),
        (1.0, 1.0),
    ] {
        assert_eq!(recall(depth), stated, "{depth}");
    }
    // A fifth of the depths is dead, and the mean over all of them is still .82.
    let mean = (0..10_000)
        .map(|at| recall((f64::from(at) + 0.5) / 10_000.0))
        .sum::<f64>()
        / 10_000.0;
    assert!((mean - 0.82).abs() < 1e-9, "{mean}");
    assert_eq!(truth("hole=0-12.5").recall(1, 0.125), 0.1);
}

#[test]
fn steps_hold_up_to_their_lengths_and_the_last_one_beyond() {
    let recall = |name: &str, tokens| truth(name).recall(tokens, 0.5);
    let name = "steps=64k:0.97/1M:0.8/10M:0";
    for (tokens, stated) in [
        (1, 0.97),
        (64_000, 0.97),
        (64_001, 0.8),
        (1_000_000, 0.8),
        (1_000_001, 0.0),
        (10_000_000, 0.0),
        (u64::MAX, 0.0),
    ] {
        assert_eq!(recall(name, tokens), stated, "{tokens}");
    }
    assert_eq!(recall("steps=4k:0.5", 1_000_000), 0.5);
}

#[test]
fn an_unknown_name_is_answered_with_those_that_exist() {
    let error = Truth::parse("magic").expect_err("unknown").to_string();
    for (name, _) in NAMES {
        assert!(error.contains(name), "{error}");
    }
    let error = Truth::parse("perfect,speed=9")
        .expect_err("unknown")
        .to_string();
    for (modifier, _) in MODIFIERS {
        assert!(error.contains(modifier), "{error}");
    }
}

#[test]
fn what_cannot_be_meant_is_refused_in_one_line() {
    for name in [
        "",
        "cliff",
        "cliff=",
        "cliff=0",
        "cliff=many",
        "decay",
        "decay=0",
        "middle",
        "middle=2",
        "middle=NaN",
        "flaky=-0.1",
        "flat",
        "flat=1.1",
        "flat=x",
        "scout=1",
        "hole",
        "hole=40",
        "hole=60-40",
        "hole=40-40",
        "hole=40-101",
        "hole=-1-5",
        "hole=a-b",
        "steps",
        "steps=",
        "steps=64k",
        "steps=64k:2",
        "steps=0:1",
        "steps=64k:1/",
        "steps=64k:1/4k:0",
        "steps=4k:1/4k:0",
        "perfect=1",
        "grep=1",
        "perfect,window=0",
        "perfect,window",
        "perfect,latency=50",
        "perfect,latency=-1s",
        "perfect,latency=1e300s",
        "perfect,seed=x",
        "perfect,seed=1,seed=2",
        "perfect,words",
        "perfect,words=nobody",
        "perfect,fault",
        "perfect,fault=madness",
        "perfect,fault=cut-head=4k:2",
        "perfect,fault-seed=x",
        "flaky=0.2:",
        "flaky=0.2:2",
        "drift",
        "drift=40",
        "drift=0:0.5",
        "drift=x:0.5",
        "drift=40:",
        "drift=40:0.5/2",
        "perfect,name",
        "perfect,tokenizer",
        "perfect,family=nobody",
        "perfect,leaks=nobody",
        "perfect,voice=x",
        "perfect,voice=1:2",
        "perfect,memorised",
        "perfect,memorised=2",
        "perfect,relay",
        "perfect,relay=magic",
        "perfect,relay=discard",
        "perfect,relay=perfect+latency=5s",
        "perfect,relay=perfect+relay=perfect",
        "perfect,router=flat=0.5",
        "perfect,router=0:flat=0.5",
        "perfect,",
        "perfect,middle=0.4",
    ] {
        let error = format!("{:#}", Truth::parse(name).expect_err(name));
        assert!(
            !error.is_empty() && !error.contains('\n'),
            "{name}: {error}"
        );
    }
    let error = Truth::parse("cliff").expect_err("no length").to_string();
    assert!(error.contains("sim:cliff=64k"), "{error}");
}

proptest! {
    #[test]
    fn recall_is_a_probability_at_every_length_and_depth(
        which in 0..NAMES.len(), length in any::<u64>(), depth in 0.0..=1.0f64,
    ) {
        let p = truth(NAMES[which].0).recall(length, depth);
        prop_assert!((0.0..=1.0).contains(&p));
    }

    #[test]
    fn any_name_is_read_or_refused_without_a_panic(name in ".*") {
        let _ = Truth::parse(&name);
    }
}
