//! Lengths in tokens as people write them: `4k`, `128k`, `1M`, `64Ki`, `131072`.

use anyhow::{Context, Result, bail};

/// Units by their written form in lower case. `k` and `M` are decimal because vendors' claims
/// are ("10M"); `Ki` and `Mi` are there for windows that are powers of two.
const UNITS: &[(&str, u64)] = &[
    ("ki", 1 << 10),
    ("mi", 1 << 20),
    ("k", 1_000),
    ("m", 1_000_000),
];

/// Reads a length in tokens: digits with an optional fraction and one of the units `k` (1,000),
/// `M` (1,000,000), `Ki` (1,024), `Mi` (1,048,576), in either case. Underscores and commas
/// between digits are allowed. A fraction must come out as a whole number of tokens.
pub fn parse_tokens(written: &str) -> Result<u64> {
    read(written.trim()).with_context(|| {
        format!("`{written}` is not a length in tokens: write it like 4k, 128k, 1M, 64Ki or 131072")
    })
}

fn read(written: &str) -> Result<u64> {
    let lower = written.to_ascii_lowercase();
    let (digits, unit) = UNITS
        .iter()
        .find_map(|&(suffix, unit)| lower.strip_suffix(suffix).map(|rest| (rest, unit)))
        .unwrap_or((&lower, 1));
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let mut tokens = number(whole)?
        .checked_mul(unit)
        .context("it is too large")?;
    if !fraction.is_empty() || digits.contains('.') {
        let scale = 10u64
            .checked_pow(u32::try_from(fraction.len())?)
            .context("its fraction is too long")?;
        let part = number(fraction)?
            .checked_mul(unit)
            .context("its fraction is too long")?;
        if part % scale != 0 {
            bail!("it is no whole number of tokens");
        }
        tokens = tokens
            .checked_add(part / scale)
            .context("it is too large")?;
    }
    Ok(tokens)
}

fn number(digits: &str) -> Result<u64> {
    let starts_and_ends_in_digits = digits.starts_with(|c: char| c.is_ascii_digit())
        && digits.ends_with(|c: char| c.is_ascii_digit());
    if !starts_and_ends_in_digits {
        bail!("digits are missing");
    }
    let bare = digits.replace(['_', ','], "");
    if !bare.bytes().all(|byte| byte.is_ascii_digit()) {
        bail!("the unit is unknown");
    }
    bare.parse().context("it is too large")
}

/// Writes a length in tokens for people, exactly: the shortest unit that loses nothing (`4k`,
/// `1.5M`, `128Ki`), else all digits with separators (`14,429`). [`parse_tokens`] reads it back.
pub fn short(tokens: u64) -> String {
    const K: u64 = 1_000;
    const M: u64 = 1_000_000;
    const KI: u64 = 1 << 10;
    const MI: u64 = 1 << 20;
    match tokens {
        0 => "0".to_owned(),
        n if n % M == 0 => format!("{}M", n / M),
        n if n > M && n % (M / 10) == 0 => format!("{}.{}M", n / M, n % M / (M / 10)),
        n if n % K == 0 => format!("{}k", n / K),
        n if n % MI == 0 => format!("{}Mi", n / MI),
        n if n % KI == 0 => format!("{}Ki", n / KI),
        n => separated(n),
    }
}

/// Digits in groups of three.
fn separated(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn lengths_are_read_as_people_write_them() {
        for (written, tokens) in [
            ("4k", 4_000),
            ("128k", 128_000),
            ("128K", 128_000),
            ("1M", 1_000_000),
            ("10m", 10_000_000),
            ("1.5M", 1_500_000),
            ("64Ki", 65_536),
            ("1Mi", 1_048_576),
            ("0.5Ki", 512),
            ("131072", 131_072),
            ("131_072", 131_072),
            ("131,072", 131_072),
            (" 8k ", 8_000),
            ("0", 0),
        ] {
            assert_eq!(parse_tokens(written).expect(written), tokens, "{written}");
        }
    }

    #[test]
    fn what_is_no_length_is_refused_in_one_line_that_shows_how_to_write_it() {
        for written in [
            "",
            "k",
            "M",
            "-4k",
            "4kk",
            "4kb",
            "four",
            "1.M",
            ".5M",
            "1.2345k",
            "4 k",
            "_4",
            "4,",
            "1e6",
            "∞",
            "99999999999999999999",
            "99999999999999M",
            "0.00000000000000000000001M",
        ] {
            let error = parse_tokens(written).expect_err(written);
            let line = format!("{error:#}");
            assert!(line.contains("128k") && !line.contains('\n'), "{line}");
        }
    }

    #[test]
    fn lengths_are_written_in_the_unit_that_loses_nothing() {
        for (tokens, written) in [
            (0, "0"),
            (1, "1"),
            (999, "999"),
            (4_000, "4k"),
            (128_000, "128k"),
            (131_072, "128Ki"),
            (1_000_000, "1M"),
            (1_500_000, "1.5M"),
            (1_250_000, "1250k"),
            (1_048_576, "1Mi"),
            (10_000_000, "10M"),
            (14_429, "14,429"),
            (1_234_567, "1,234,567"),
        ] {
            assert_eq!(short(tokens), written);
        }
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back_the_same(tokens in any::<u64>(), unit in 0usize..5, few in 0u64..20_000) {
            prop_assert_eq!(parse_tokens(&short(tokens)).expect("readable"), tokens);
            let round = few * [1, 1_000, 1_024, 100_000, 1 << 20][unit];
            prop_assert_eq!(parse_tokens(&short(round)).expect("readable"), round);
        }

        #[test]
        fn any_text_is_read_or_refused_without_a_panic(text in ".*") {
            let _ = parse_tokens(&text);
        }
    }
}
