//! `claims` through the binary: what it lists, what it prints for programs, what it does not know.

use crate::support::Place;
use serde_json::Value;

/// The figures of the rows of a printed table, in their order.
fn figures(table: &str) -> Vec<u64> {
    let figure = |line: &str| -> Option<u64> {
        let words: Vec<&str> = line.split_whitespace().collect();
        let kind = words
            .iter()
            .position(|word| matches!(*word, "total" | "input"))?;
        words[kind.checked_sub(1)?].replace(',', "").parse().ok()
    };
    table.lines().filter_map(figure).collect()
}

#[test]
fn one_model_stands_at_all_its_hosts_under_a_line_that_tells_the_spread() {
    let told = Place::new().depthfinder("claims llama 4 scout").ends(0);
    let lines: Vec<&str> = told.stdout.lines().collect();
    assert!(
        lines[1].starts_with("Llama 4 Scout: 10,000,000 advertised, 16,384 to 10,485,760 on "),
        "{told}"
    );
    let figures = figures(&told.stdout);
    assert_eq!(figures.len(), lines.len() - 2, "{told}");
    assert!(figures.is_sorted_by(|a, b| a >= b), "{told}");
    assert!(told.stdout.contains("together_ai") && told.stdout.contains("litellm 1.109.1"));
    assert!(told.stderr.is_empty(), "{told}");
}

#[test]
fn without_a_query_everything_is_listed_from_the_largest_family_down() {
    let told = Place::new().depthfinder("claims").ends(0);
    assert!(
        told.stdout
            .lines()
            .nth(1)
            .is_some_and(|line| line.contains("100,000,000"))
    );
    assert!(figures(&told.stdout).len() > 400, "{told}");
    assert!(told.stdout.contains("SmolLM2-135M-Instruct"));
}

#[test]
fn programs_get_the_rows_as_json_in_the_same_order() {
    let place = Place::new();
    let table = place.depthfinder("claims deepseek-r1").ends(0).stdout;
    let printed = place
        .depthfinder("claims deepseek-r1 --json")
        .ends(0)
        .stdout;
    let rows: Vec<Value> = serde_json::from_str(&printed).expect("a list");
    let tokens = rows
        .iter()
        .map(|row| row["advertised_tokens"].as_u64().expect("a count"));
    assert_eq!(tokens.collect::<Vec<u64>>(), figures(&table));
    for row in &rows {
        let fields: Vec<&str> = row
            .as_object()
            .expect("a row")
            .keys()
            .map(String::as_str)
            .collect();
        assert_eq!(
            fields,
            [
                "model",
                "advertised_tokens",
                "kind",
                "max_output_tokens",
                "host",
                "weights",
                "source",
                "date"
            ]
        );
    }
    assert!(rows.iter().any(|row| row["host"].is_null()));
    assert!(rows.iter().any(|row| row["host"] == "together_ai"));
}

#[test]
fn a_model_that_nobody_claims_anything_of_is_a_complaint_with_exit_code_two() {
    let told = Place::new().depthfinder("claims no such model").ends(2);
    assert_eq!(
        told.complaint(),
        "depthfinder: no claim matches `no such model`; add your own with verify --claim"
    );
    assert!(told.stdout.is_empty(), "{told}");
}
