//! Answers where several values are right: all of them and no other, in their order where it is asked.

use super::candidate::normal;
use super::{Class, Judged, Question, Reading, answer, final_part, is_echo, refusal, substring};
use crate::answer::Rule;
use crate::reply::Stop;
use crate::rope::Rope;

/// Judges an answer to which several values belong.
pub fn judge(
    question: &Question<'_>,
    answer: &str,
    stop: &Stop,
    haystack: &mut dyn FnMut() -> Option<Rope>,
) -> Judged {
    let cut = *stop == Stop::Length;
    let part = final_part(answer);
    let text = answer::plain(part);
    // Whatever belongs to the answer is known by its spelling, not only the first value.
    let known: Vec<String> = question.right.values[1.min(question.right.values.len())..]
        .iter()
        .chain(question.distractors)
        .cloned()
        .collect();
    let wide = Question {
        distractors: &known,
        ..*question
    };
    let sought = wide.sought();
    let read = Reading::of(&sought, &text, cut);
    let standing = read.standing();
    let expected: Vec<String> = question
        .right
        .values
        .iter()
        .map(|value| normal(question.value_type(), value))
        .collect();
    // What stands at the end of an answer that broke off may have been going to be longer.
    let whole: Vec<&str> = standing
        .iter()
        .copied()
        .filter(|value| !cut || read.is_complete(value, part))
        .collect();
    let in_order = question.right.rule == Rule::Order;
    let right = match in_order {
        true => common(&expected, &whole),
        false => expected
            .iter()
            .filter(|value| whole.contains(&value.as_str()))
            .count(),
    };
    let is_all = right == expected.len() && standing.len() == expected.len();
    let class = if !text.chars().any(char::is_alphanumeric) {
        if cut { Class::Cut } else { Class::Empty }
    } else if is_echo(&sought, &text, &read.candidates, haystack) {
        Class::Echo
    } else if is_all {
        Class::Exact
    } else if cut {
        Class::Cut
    } else if right > 0 {
        Class::Partial
    } else if standing
        .iter()
        .any(|value| sought.distractor(value).is_some())
    {
        Class::Distractor
    } else if standing.is_empty() && !read.candidates.is_empty() {
        Class::Denied
    } else if standing.is_empty() && refusal::is_refusal(&text) {
        Class::Refusal
    } else {
        Class::Wrong
    };
    let credit = match class {
        Class::Echo | Class::Empty => 0.0,
        _ => right as f64 / expected.len().max(standing.len()).max(1) as f64,
    };
    Judged {
        class,
        value: (!standing.is_empty()).then(|| standing.join(", ")),
        distractor: None,
        substring: substring(question, answer),
        credit: Some(credit),
    }
}

/// Length of the longest common subsequence.
fn common(expected: &[String], standing: &[&str]) -> usize {
    let mut before = vec![0; standing.len() + 1];
    for value in expected {
        let mut here = vec![0; standing.len() + 1];
        for (at, other) in standing.iter().enumerate() {
            here[at + 1] = match value == other {
                true => before[at] + 1,
                false => here[at].max(before[at + 1]),
            };
        }
        before = here;
    }
    before[standing.len()]
}

#[cfg(test)]
mod tests {
    use super::super::judge;
    use super::*;
    use crate::answer::{Right, ValueType};

    fn judged(right: &Right, answer: &str) -> (Class, f64) {
        let distractors = ["Drano".to_owned(), "Selika".to_owned()];
        let question = Question {
            right,
            distractors: &distractors,
            key: "Belano",
            language: "en",
        };
        let judged = judge(&question, answer, &Stop::End, &mut || None);
        (judged.class, judged.credit.expect("a credit"))
    }

    fn names(rule: fn(ValueType, Vec<String>) -> Right) -> Right {
        rule(
            ValueType::Names,
            ["Kelano", "Marida", "Tosven"].map(String::from).to_vec(),
        )
    }

    #[test]
    fn all_values_and_no_other_are_exact_and_the_rest_counts_in_part() {
        let right = names(Right::all);
        for (answer, class, credit) in [
            ("Tosven, Kelano and Marida", Class::Exact, 1.0),
            ("Kelano, Marida, Tosven.", Class::Exact, 1.0),
            (
                "Starting from Belano: Kelano, Marida, Tosven",
                Class::Exact,
                1.0,
            ),
            ("Kelano, Marida", Class::Partial, 2.0 / 3.0),
            ("Kelano, Marida, Tosven, Drano", Class::Partial, 0.75),
            ("Kelano, Marida, and not Tosven", Class::Partial, 2.0 / 3.0),
            ("Drano", Class::Distractor, 0.0),
            ("I cannot find any.", Class::Refusal, 0.0),
            ("Somebody else", Class::Wrong, 0.0),
            ("...", Class::Empty, 0.0),
        ] {
            assert_eq!(judged(&right, answer), (class, credit), "{answer}");
        }
    }

    #[test]
    fn an_order_is_exact_as_a_whole_and_counts_by_what_is_in_order() {
        let right = names(Right::order);
        for (answer, class, credit) in [
            ("Kelano, Marida, Tosven", Class::Exact, 1.0),
            ("1. Kelano 2. Marida 3. Tosven", Class::Exact, 1.0),
            ("Marida, Kelano, Tosven", Class::Partial, 2.0 / 3.0),
            ("Tosven, Marida, Kelano", Class::Partial, 1.0 / 3.0),
        ] {
            assert_eq!(judged(&right, answer), (class, credit), "{answer}");
        }
    }

    #[test]
    fn a_last_value_that_broke_off_may_have_been_another() {
        let counts = ["23", "45", "10"].map(String::from).to_vec();
        let right = Right::order(ValueType::Counts, counts);
        let question = Question {
            right: &right,
            distractors: &[],
            key: "Belano",
            language: "en",
        };
        for (answer, class, credit) in [
            ("23, 45, 10", Class::Cut, 2.0 / 3.0),
            ("23, 45, 10.", Class::Exact, 1.0),
            ("23, 45, 10 are the", Class::Exact, 1.0),
            ("23, 45, 10, 1", Class::Cut, 0.75),
        ] {
            let judged = judge(&question, answer, &Stop::Length, &mut || None);
            assert_eq!(
                (judged.class, judged.credit),
                (class, Some(credit)),
                "{answer}"
            );
        }
    }

    #[test]
    fn counts_are_read_with_spaces_between_them_and_without() {
        let counts = ["123", "456", "789", "65"].map(String::from).to_vec();
        let right = Right::order(ValueType::Counts, counts);
        for answer in [
            "123, 456, 789, 65",
            "123,456,789,65",
            "123，456，789，65",
            "123、456、789、65",
            "(123,456,789,65)",
        ] {
            assert_eq!(judged(&right, answer), (Class::Exact, 1.0), "{answer}");
        }
        assert_eq!(judged(&right, "123,456,700,65"), (Class::Partial, 0.75));
    }

    #[test]
    fn several_numbers_are_read_like_one() {
        let numbers = ["4829173", "7431220"].map(String::from).to_vec();
        let right = Right::all(ValueType::Numbers, numbers);
        assert_eq!(judged(&right, "7,431,220 and 4829173").0, Class::Exact);
        assert_eq!(judged(&right, "4829173").0, Class::Partial);
    }
}
