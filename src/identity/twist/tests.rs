//! Another tokenizer behind a long text, cuts and multiplied usage, from invented counts.

use super::*;
use crate::identity::known::Table;

const LONG_TOKENS: f64 = 8_000.0;
const BASE: i64 = 31;

fn known(name: &str) -> &'static Known {
    let table = &Table::built_in().expect("the table").known;
    let found = table.iter().find(|known| known.name == name);
    found.unwrap_or_else(|| panic!("{name} is not in the table"))
}

/// What a server reports that makes `report` of the true counts of such a tokenizer.
fn reported(name: &str, behind: i64, report: impl Fn(i64) -> i64) -> Vector {
    let base = report(BASE + behind);
    let probes = known(name).vector.iter();
    let deltas = probes.map(|count| Some(report(BASE + behind + count) - base));
    Vector {
        base_tokens: Some(base as u64),
        deltas: deltas.collect(),
        failed: None,
    }
}

fn read(short: &Vector, long: &Vector, is_counted: bool) -> (Says, Strength, String) {
    let expected = Expected {
        tokens: LONG_TOKENS,
        is_counted,
    };
    let table = &Table::built_in().expect("the table").known;
    let found = signal(short, long, expected, table);
    let of_long = found
        .readings
        .into_iter()
        .filter(|reading| reading.hypothesis == Hypothesis::Long);
    let mut of_long: Vec<_> = of_long.collect();
    assert_eq!(of_long.len(), 1, "{of_long:?}");
    let reading = of_long.remove(0);
    (reading.says, reading.strength, reading.why)
}

#[test]
fn a_twist_is_found_and_a_cut_prompt_is_not_taken_for_one() {
    let short = reported("o200k", 0, |count| count);
    let twisted = |name: &str, behind: i64| {
        let (says, ..) = read(&short, &reported(name, behind, |count| count), true);
        says
    };
    assert_eq!(twisted("o200k", 8_000), Says::Consistent);
    assert_eq!(twisted("gemma-3", 8_500), Says::NotConsistent);
    // Another tokenizer may need fewer tokens as well.
    assert_eq!(twisted("gemma-3", 7_600), Says::NotConsistent);
    assert_eq!(twisted("gemma-3", 2_000), Says::Undecided);
    // The probes are whole, and the text before them is not.
    assert_eq!(twisted("o200k", 7_000), Says::Undecided);
}

#[test]
fn counts_that_stop_at_one_number_are_a_cut_and_no_other_tokenizer() {
    for name in ["o200k", "llama-3"] {
        let short = reported(name, 0, |count| count);
        // Below the text, and within what the longest probes add to it.
        for cap in [5_000, 6_000, 7_000, 8_030, 8_060, 8_150] {
            for waver in [0, 3] {
                let long = reported(name, 8_000, |count| match count > cap {
                    true => cap - (count * 7) % (waver + 1),
                    false => count,
                });
                let (says, _, why) = read(&short, &long, name == "o200k");
                assert_eq!(says, Says::Undecided, "{name} at {cap}: {why}");
                assert!(why.contains("the prompt was cut"), "{why}");
            }
        }
    }
}

#[test]
fn a_text_that_was_cut_by_its_bytes_is_told_by_what_is_missing() {
    let short = reported("o200k", 0, |count| count);
    let mut long = reported("o200k", 7_000, |count| count);
    // What a probe puts in pushes as many bytes of English out.
    for (delta, probe) in long.deltas.iter_mut().zip(PROBES) {
        *delta = delta.map(|delta| delta - probe.text().len() as i64 / 4);
    }
    let (says, _, why) = read(&short, &long, true);
    assert_eq!(says, Says::Undecided, "{why}");
    assert!(why.contains("the prompt was cut: 7000 tokens"), "{why}");
}

#[test]
fn multiplied_usage_is_rounded_and_no_other_tokenizer() {
    let times = |count: i64| (count as f64 * 1.25).round() as i64;
    let short = reported("o200k", 0, times);
    let expected = |vector: &Vector| {
        let rope = Rope::of(&"The rain fell on the roof all night. ".repeat(40));
        let table = &Table::built_in().expect("the table").known;
        Expected::of(&rope, vector, table).expect("counts")
    };
    let honest = expected(&reported("o200k", 0, |count| count));
    assert!(honest.is_counted);
    assert!((expected(&short).tokens / honest.tokens - 1.25).abs() < 0.01);
    let mut differing = 0;
    for behind in [8_000, 8_001, 8_002, 8_003] {
        let long = reported("o200k", behind, times);
        differing += i32::from(!long.against(&short).is_exact());
        let table = &Table::built_in().expect("the table").known;
        let expected = Expected {
            tokens: 1.25 * behind as f64,
            is_counted: true,
        };
        let found = signal(&short, &long, expected, table);
        assert_eq!(found.readings[0].says, Says::Consistent, "{found:?}");
    }
    assert!(differing > 0, "rounding must differ somewhere");
    // Multiplied behind the long text alone: of the usage and not of the tokenizer.
    let honest = reported("o200k", 0, |count| count);
    let table = &Table::built_in().expect("the table").known;
    let expected = Expected {
        tokens: LONG_TOKENS,
        is_counted: true,
    };
    let found = signal(&honest, &reported("o200k", 8_000, times), expected, table);
    let says: Vec<_> = found
        .readings
        .iter()
        .map(|reading| (reading.hypothesis, reading.says))
        .collect();
    assert!(says.contains(&(Hypothesis::Usage, Says::NotConsistent)));
    assert!(says.contains(&(Hypothesis::Long, Says::Consistent)));
}

#[test]
fn a_text_is_estimated_where_only_the_table_knows_the_tokenizer() {
    let rope = Rope::of(&"The rain fell on the roof all night. ".repeat(40));
    let table = &Table::built_in().expect("the table").known;
    let short = reported("gemma-3", 0, |count| count);
    let expected = Expected::of(&rope, &short, table).expect("counts");
    assert!(!expected.is_counted);
    assert!((300.0..500.0).contains(&expected.tokens), "{expected:?}");
}
