//! What pairs of answers come to.

use super::*;

fn answered(trial: u64, length_tokens: u64, right: Option<bool>) -> Answered {
    Answered {
        trial,
        task: "niah_single",
        length_tokens,
        depth_percent: 50.0,
        sample: trial as u32,
        prompt: format!("prompt {trial}"),
        at_ms: trial,
        right,
        void: right.is_none().then(|| "timed-out".to_string()),
        class: right.map(|right| if right { "exact" } else { "wrong" }),
        question: "Which?".into(),
        expected: "1".into(),
        text: "1".into(),
        reported_tokens: Some(length_tokens),
        label: None,
        reply_id: None,
        recites: false,
    }
}

/// `counts` are both right, lost, won, both wrong; the first half at 1,000 tokens.
fn sides(counts: [u64; 4]) -> [BTreeMap<u64, Answered>; 2] {
    let [both, lost, won, neither] = counts;
    let outcomes = [
        (both, true, true),
        (lost, true, false),
        (won, false, true),
        (neither, false, false),
    ];
    let mut sides = [BTreeMap::new(), BTreeMap::new()];
    let mut trial = 0;
    for (count, base, other) in outcomes {
        for _ in 0..count {
            let length = if trial % 2 == 0 { 1_000 } else { 2_000 };
            for (side, right) in sides.iter_mut().zip([base, other]) {
                side.insert(trial, answered(trial, length, Some(right)));
            }
            trial += 1;
        }
    }
    sides
}

fn contrast(sides: &[BTreeMap<u64, Answered>; 2], planned: u64) -> Contrast {
    let mut contrast = Contrast::of("a", "b", &sides[0], &sides[1], planned);
    settle(std::slice::from_mut(&mut contrast));
    contrast
}

#[test]
fn twelve_losses_against_two_wins_are_worse_and_the_reverse_is_better() {
    let worse = contrast(&sides([80, 12, 2, 6]), 100);
    assert_eq!(worse.finding, Finding::Worse);
    assert!((worse.pooled.difference.observed + 0.1).abs() < 1e-12);
    assert!(worse.sentence.contains("WORSE"), "{}", worse.sentence);
    assert!(
        worse.sentence.contains("12 lost, 2 won"),
        "{}",
        worse.sentence
    );
    let better = contrast(&sides([80, 2, 12, 6]), 100);
    assert_eq!(better.finding, Finding::Better);
    // The same as published: mid-p of 12 against 4 is .04905.
    let close = contrast(&sides([80, 12, 4, 4]), 100);
    assert!(
        (close.pooled.p - 0.04905).abs() < 1e-4,
        "{}",
        close.pooled.p
    );
}

#[test]
fn equal_answers_show_no_difference_and_many_voids_decide_nothing() {
    let same = contrast(&sides([90, 0, 0, 10]), 100);
    assert_eq!(same.finding, Finding::NoDifference);
    assert_eq!(same.pooled.p, 1.0);
    assert!(same.differing.is_empty());
    // METHOD.md, two-sided with a discordance of 2 %: .085; without any a little less.
    assert!(
        same.sentence
            .contains("100 pairs of which 0 % differ show a loss of "),
        "{}",
        same.sentence
    );
    let mut holes = sides([80, 12, 2, 6]);
    for trial in 0..30 {
        holes[1].insert(trial, answered(trial, 1_000, None));
    }
    let undecided = contrast(&holes, 100);
    assert_eq!(undecided.pooled.paired.missing, 30);
    assert_eq!(undecided.finding, Finding::Undecided);
    // What was never asked is missing too.
    assert_eq!(
        contrast(&sides([80, 12, 2, 6]), 200).finding,
        Finding::Undecided
    );
}

#[test]
fn prompts_whose_bytes_differ_are_no_pair() {
    let mut other = sides([80, 12, 2, 6]);
    for answered in other[1].values_mut() {
        answered.prompt.push('!');
    }
    let contrast = contrast(&other, 100);
    assert_eq!(contrast.pooled.paired.pairs().n, 0);
    assert_eq!(contrast.finding, Finding::Undecided);
}

#[test]
fn questions_that_differ_are_listed_losses_first_and_bands_cover_all_pairs() {
    let contrast = contrast(&sides([80, 5, 3, 12]), 100);
    let classes: Vec<&str> = contrast
        .differing
        .iter()
        .map(|one| one.base_class.as_str())
        .collect();
    assert_eq!(classes, [vec!["exact"; 5], vec!["wrong"; 3]].concat());
    let pairs: u64 = contrast
        .bands
        .iter()
        .map(|band| band.tested.paired.pairs().n)
        .sum();
    assert_eq!(pairs, 100);
    assert_eq!(contrast.bands.len(), 2);
    assert_eq!(contrast.haystacks, 100);
}

#[test]
fn several_sides_share_the_chance_of_a_wrong_finding() {
    let [base, worse] = sides([78, 14, 4, 4]);
    let same = base.clone();
    let summary = |name: &str| SideSummary {
        name: name.into(),
        target: "sim:perfect".into(),
        model: "sim".into(),
        folder: name.into(),
        n: 100,
        right: 90,
        accuracy: Some(0.9),
        interval: None,
        voids: BTreeMap::new(),
        reported_tokens: 0,
        tokens_ratio: None,
    };
    let of = |names: &[&str], answers: &[BTreeMap<u64, Answered>]| {
        Comparison::of(
            names.iter().map(|name| summary(name)).collect(),
            answers,
            100,
        )
    };
    let two = of(&["a", "b"], &[base.clone(), worse.clone()]);
    assert_eq!(two.finding(), Finding::Worse);
    // With a third side the same p-value of .019 is no longer enough: half of .05 is for all pairs.
    let three = of(&["a", "b", "c"], &[base, worse, same]);
    assert_eq!(three.finding(), Finding::NoDifference);
    let pooled = three.contrasts[0].pooled;
    assert!(
        pooled.p < ALPHA / 2.0 && pooled.p_holm > ALPHA / 2.0,
        "{pooled:?}"
    );
    // Nor is so small a loss found as with two.
    let pairs = three.contrasts[1].pooled.paired.pairs();
    let drop = |others| detectable_points(pairs, 100, others, 2);
    assert_ne!(drop(1), drop(2));
    assert!(
        three.contrasts[1].sentence.ends_with(&drop(2)),
        "{}",
        three.contrasts[1].sentence
    );
    // At .05 six texts of several questions can differ by chance once in 32; five once in 16.
    assert_eq!(least_haystacks(ALPHA), 6);
    let few = detectable_points(pairs, 5, 1, 1);
    assert!(few.contains("5 haystacks show no loss"), "{few}");
    let enough = detectable_points(pairs, 6, 1, 1);
    assert!(enough.contains("show a loss of"), "{enough}");
}
