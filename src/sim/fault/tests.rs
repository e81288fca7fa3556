//! The names of the faults, and how they are drawn.

use super::*;
use proptest::prelude::*;

fn faults(list: &str) -> Faults {
    let mut faults = Faults::default();
    faults.add(list).expect(list);
    faults
}

#[test]
fn every_listed_fault_is_read_with_a_rate_and_without() {
    for (example, _) in FAULTS {
        assert_eq!(faults(example).draw(0).names, [*example]);
        assert_eq!(faults(&format!("{example}:1")).draw(0).names, [*example]);
        assert!(faults(&format!("{example}:0")).draw(0).names.is_empty());
        let kind = example.split('=').next().expect("a kind");
        let bare = Faults::default().add(kind);
        let needs = ["cut-", "half", "rolling", "status", "minute", "clamped"];
        let needs = needs.iter().any(|start| kind.starts_with(start));
        assert_eq!(bare.is_err(), needs, "{kind}");
    }
    let all: Vec<&str> = FAULTS.iter().map(|&(example, _)| example).collect();
    assert_eq!(faults(&all.join(", ")).draw(3).names, all);
}

#[test]
fn arguments_say_how_much_and_how_long() {
    let first = |list: &str| faults(list).draw(0).faults[0].clone();
    let second = Some(Duration::from_secs(1));
    assert_eq!(
        first("cut-head=32k"),
        Fault::Cut(Cut::Head { window: 32_000 })
    );
    assert_eq!(
        first("half-window=4Ki"),
        Fault::Cut(Cut::Half {
            window: 4_096,
            keep: 5
        })
    );
    assert_eq!(first("stall-mid"), Fault::StallMid(None));
    assert_eq!(first("stall-mid=1s"), Fault::StallMid(second));
    assert_eq!(
        first("stall-before=50ms"),
        Fault::StallBefore(Some(Duration::from_millis(50)))
    );
    assert_eq!(first("keep-alive-for-ever"), Fault::KeepAlive(PING_EVERY));
    assert_eq!(first("reset-upload"), Fault::ResetUpload(64_000));
    assert_eq!(first("early-413=1M"), Fault::EarlyRefusal(1_000_000));
    assert_eq!(first("wrong-model=a-b"), Fault::WrongModel("a-b".into()));
}

#[test]
fn the_same_seed_gives_the_same_faults_to_the_same_questions() {
    let mut some = faults("status=500:0.25,no-usage:0.5");
    let names = |faults: &Faults| -> Vec<Vec<String>> {
        (0..2_000).map(|number| faults.draw(number).names).collect()
    };
    let drawn = names(&some);
    assert_eq!(drawn, names(&some));
    let share = |name: &str| {
        drawn
            .iter()
            .filter(|all| all.contains(&name.to_owned()))
            .count()
    };
    // Five standard deviations of 2,000 draws are 97 and 112.
    assert!(
        share("status=500").abs_diff(500) < 97,
        "{}",
        share("status=500")
    );
    assert!(
        share("no-usage").abs_diff(1_000) < 112,
        "{}",
        share("no-usage")
    );
    // Drawn apart: both come with an eighth of the questions.
    let both = drawn.iter().filter(|all| all.len() == 2).count();
    assert!(both.abs_diff(250) < 74, "{both}");
    some.seed = 1;
    assert_ne!(drawn, names(&some));
}

#[test]
fn what_cannot_be_meant_is_refused_in_one_line() {
    for list in [
        "",
        "madness",
        "cut-head",
        "cut-head=",
        "cut-head=8",
        "cut-head=many",
        "cut-head=32k:2",
        "cut-head=32k:-0.1",
        "cut-head=32k:NaN",
        "cut-head=32k:often",
        "status=418",
        "status=",
        "status",
        "no-usage=1",
        "stall-mid=5",
        "stall-mid=-1s",
        "keep-alive-for-ever=0s",
        "clamped-output=0",
        "no-usage,",
    ] {
        let error = format!("{:#}", Faults::default().add(list).expect_err(list));
        assert!(
            !error.is_empty() && !error.contains('\n'),
            "{list}: {error}"
        );
    }
    let error = Faults::default().add("madness").expect_err("unknown");
    for (example, _) in FAULTS {
        assert!(error.to_string().contains(example), "{error}");
    }
}

proptest! {
    #[test]
    fn any_list_is_read_or_refused_without_a_panic(list in ".*") {
        let _ = Faults::default().add(&list);
    }
}
