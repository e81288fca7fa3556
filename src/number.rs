//! Numbers as people read them: 131,072 and 95 %, never rounded to a bound they did not reach.

use crate::stats::Interval;

/// A count with commas between the thousands: 131072 is `131,072`.
pub fn grouped(count: u64) -> String {
    let digits = count.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// A share as a percentage, without the sign: 0.8 is `80`. Only all is `100` and only nothing
/// is `0`: what lies less than one percent beside them keeps a digit (`99.6`, `>99.9`).
pub fn percent_figure(share: f64) -> String {
    let percent = share * 100.0;
    if percent <= 0.0 {
        "0".to_owned()
    } else if percent >= 100.0 {
        "100".to_owned()
    } else if percent < 0.05 {
        "<0.1".to_owned()
    } else if percent >= 99.95 {
        ">99.9".to_owned()
    } else if !(1.0..=99.0).contains(&percent) {
        // 0.97 would become "1.0", a digit more than is known of its neighbours.
        format!("{percent:.1}")
            .replace("1.0", "1")
            .replace("99.0", "99")
    } else {
        format!("{percent:.0}")
    }
}

/// A share as a percentage: 0.8 is `80 %`.
pub fn percent(share: f64) -> String {
    format!("{} %", percent_figure(share))
}

/// A chance that is an upper bound, as a percentage of two digits at most, never rounded down:
/// 0.05 is `5 %`, a third of it `1.7 %`.
pub fn chance(bound: f64) -> String {
    format!("{} %", two_digits(100.0 * bound))
}

/// What is left where such a chance is taken away: 0.05 leaves `95 %`, a third of it `98.3 %`.
pub fn confidence(bound: f64) -> String {
    let percent: f64 = two_digits(100.0 * bound).parse().unwrap_or(100.0);
    // Without the last bits of the difference.
    format!("{} %", ((100.0 - percent) * 1e6).round() / 1e6)
}

/// Two digits, rounded up; but for what the last bits of a number add.
fn two_digits(percent: f64) -> String {
    if percent <= 0.0 {
        return "0".to_owned();
    }
    let unit = 10f64.powi(percent.log10().floor() as i32 - 1);
    let steps = (percent / unit - 1e-9).ceil();
    format!("{}", (steps * unit * 1e6).round() / 1e6)
}

/// An interval without the sign: `4–48`.
pub fn interval_figures(interval: Interval) -> String {
    format!(
        "{}–{}",
        percent_figure(interval.low),
        percent_figure(interval.high)
    )
}

/// A count with its noun, which takes an s unless the count is one: `3 haystacks`.
pub fn counted(count: u64, noun: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{} {noun}{plural}", grouped(count))
}

/// The smallest to the largest of some counts with their noun: `12–15 questions`, or
/// `15 questions` where they are all the same. Without any it is `0 questions`.
pub fn spanned(counts: impl Iterator<Item = u64> + Clone, noun: &str) -> String {
    let least = counts.clone().min().unwrap_or(0);
    let most = counts.max().unwrap_or(0);
    if least == most {
        return counted(most, noun);
    }
    format!("{}–{}", grouped(least), counted(most, noun))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_set_apart() {
        let written = [0, 7, 999, 1000, 131_072, 10_000_000, u64::MAX].map(grouped);
        assert_eq!(
            written,
            [
                "0",
                "7",
                "999",
                "1,000",
                "131,072",
                "10,000,000",
                "18,446,744,073,709,551,615"
            ]
        );
    }

    #[test]
    fn a_bound_of_a_chance_is_never_rounded_down() {
        let bounds = [0.05, 0.05 / 3.0, 0.025, 0.05 / 4.0, 0.01, 0.0001, 0.2, 0.0];
        assert_eq!(
            bounds.map(chance),
            [
                "5 %", "1.7 %", "2.5 %", "1.3 %", "1 %", "0.01 %", "20 %", "0 %"
            ]
        );
        assert_eq!(
            bounds[..4]
                .iter()
                .map(|bound| confidence(*bound))
                .collect::<Vec<_>>(),
            ["95 %", "98.3 %", "97.5 %", "98.7 %"]
        );
    }

    #[test]
    fn only_all_is_a_hundred_percent_and_only_nothing_is_zero() {
        let written = [
            0.0, 0.0001, 0.004, 0.0098, 0.2, 0.855, 0.985, 0.9902, 0.996, 0.99999, 1.0,
        ]
        .map(percent_figure);
        assert_eq!(
            written,
            [
                "0", "<0.1", "0.4", "1", "20", "86", "98", "99", "99.6", ">99.9", "100"
            ]
        );
        assert_eq!(percent(0.8), "80 %");
    }

    #[test]
    fn counts_agree_with_their_nouns() {
        assert_eq!(counted(1, "haystack"), "1 haystack");
        assert_eq!(counted(1200, "question"), "1,200 questions");
        assert_eq!(
            spanned([12, 15, 15].into_iter(), "question"),
            "12–15 questions"
        );
        assert_eq!(spanned([1, 1].into_iter(), "haystack"), "1 haystack");
        assert_eq!(spanned([].into_iter(), "void trial"), "0 void trials");
    }
}
