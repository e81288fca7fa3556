//! How long a server asks us to wait, in each of the forms that it is told in.

use std::time::Duration;

/// What stands before the time in an error's words.
const BEFORE: &[&str] = &["try again in ", "retry in ", "retry after ", "retrying in "];

/// The wait in milliseconds that response headers (names in lower case) ask for:
/// `retry-after-ms`, or `retry-after` in seconds, with a unit, or as an HTTP date.
pub fn retry_after_ms(headers: &[(String, String)]) -> Option<u64> {
    let header = |name: &str| {
        let found = headers.iter().find(|(key, _)| key == name);
        found.map(|(_, value)| value.trim())
    };
    if let Some(ms) = header("retry-after-ms").and_then(|text| whole(text.parse().ok()?)) {
        return Some(ms);
    }
    let value = header("retry-after")?;
    if let Some(span) = span(value) {
        return whole(span.as_secs_f64() * 1000.0);
    }
    let until = jiff::fmt::rfc2822::parse(value).ok()?.timestamp();
    Some(ms_until(until))
}

/// The wait in milliseconds that an error's words ask for: "Please try again in 6m0s."
pub fn in_words_ms(message: &str) -> Option<u64> {
    let message = message.to_lowercase();
    BEFORE.iter().find_map(|phrase| {
        let (_, rest) = message.split_once(phrase)?;
        let mut words = rest.split_whitespace();
        let first = words.next()?.trim_end_matches(['.', ',', ';', ')', '"']);
        let unit = match words.next().unwrap_or_default().get(..3) {
            Some("mil") => "ms",
            Some("min") => "m",
            Some("hou") => "h",
            Some("day") => "d",
            _ => "s",
        };
        let span = match first.parse::<f64>() {
            Ok(_) => span(&format!("{first}{unit}")),
            Err(_) => span(first),
        };
        whole(span?.as_secs_f64() * 1000.0)
    })
}

/// A span of time: bare seconds (`59.7`), or numbers with units (`6m0s`, `1h2m3.5s`, `120ms`).
pub fn span(text: &str) -> Option<Duration> {
    let mut rest = text.trim();
    if let Ok(seconds) = rest.parse::<f64>() {
        return Duration::try_from_secs_f64(seconds).ok();
    }
    let mut seconds = 0.0;
    while !rest.is_empty() {
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let number: f64 = rest[..end].parse().ok()?;
        rest = &rest[end..];
        let end = rest
            .find(|c: char| c.is_ascii_digit() || c == '.')
            .unwrap_or(rest.len());
        seconds += number
            * match &rest[..end] {
                "d" => 86_400.0,
                "h" => 3600.0,
                "m" => 60.0,
                "s" => 1.0,
                "ms" => 1e-3,
                "us" | "µs" | "μs" => 1e-6,
                "ns" => 1e-9,
                _ => return None,
            };
        rest = &rest[end..];
    }
    Duration::try_from_secs_f64(seconds).ok()
}

/// When a limit is renewed, from now: as a span, as seconds or milliseconds since 1970, or as a
/// moment of RFC 3339.
pub fn reset(text: &str) -> Option<Duration> {
    let text = text.trim();
    if let Ok(moment) = text.parse::<jiff::Timestamp>() {
        return Some(Duration::from_millis(ms_until(moment)));
    }
    let moment = match text.parse::<f64>() {
        Ok(ms) if ms >= 1e12 => jiff::Timestamp::from_millisecond(ms as i64),
        Ok(seconds) if seconds >= 1e9 => jiff::Timestamp::from_second(seconds as i64),
        _ => return span(text),
    };
    Some(Duration::from_millis(ms_until(moment.ok()?)))
}

/// Milliseconds from now until a moment, 0 where it has passed.
fn ms_until(moment: jiff::Timestamp) -> u64 {
    let wait_ms = moment.as_millisecond() - jiff::Timestamp::now().as_millisecond();
    u64::try_from(wait_ms).unwrap_or(0)
}

fn whole(ms: f64) -> Option<u64> {
    (ms.is_finite() && ms >= 0.0).then_some(ms.round() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_read_with_and_without_units() {
        for (text, ms) in [
            ("6m0s", Some(360_000)),
            ("1s", Some(1000)),
            ("120ms", Some(120)),
            ("2m59.56s", Some(179_560)),
            ("1h2m3.5s", Some(3_723_500)),
            ("1d", Some(86_400_000)),
            ("59.7", Some(59_700)),
            (" 0 ", Some(0)),
            ("-1", None),
            ("-1s", None),
            ("NaN", None),
            ("inf", None),
            ("soon", None),
            ("6x", None),
            ("s", None),
            ("1.2.3s", None),
            ("1e99s", None),
            ("99999999999999999999999d", None),
        ] {
            let read = span(text).map(|span| span.as_millis());
            assert_eq!(read, ms, "{text}");
        }
        assert_eq!(span(""), Some(Duration::ZERO));
    }

    #[test]
    fn a_renewal_is_read_as_a_span_and_as_a_moment() {
        let later = jiff::Timestamp::now() + jiff::SignedDuration::from_secs(90);
        for text in [
            later.to_string(),
            later.as_second().to_string(),
            later.as_millisecond().to_string(),
            "1m30s".to_owned(),
            "90".to_owned(),
        ] {
            let seconds = reset(&text).expect(&text).as_secs_f64();
            assert!((88.0..=90.1).contains(&seconds), "{text}: {seconds}");
        }
        assert_eq!(reset("2020-01-01T00:00:00Z"), Some(Duration::ZERO));
        assert_eq!(reset("tomorrow"), None);
    }

    #[test]
    fn a_wait_is_found_in_an_errors_words() {
        for (message, ms) in [
            (
                "Limit 30000, Requested 2000. Please try again in 2s. Visit",
                Some(2000),
            ),
            ("Please try again in 6m0s.", Some(360_000)),
            ("please retry in 34.074824224s.", Some(34_075)),
            ("Please retry after 20 seconds.", Some(20_000)),
            ("Try again in 3 minutes", Some(180_000)),
            ("try again in 250 milliseconds", Some(250)),
            ("try again in a while", None),
            ("try again later", None),
            ("try again in ", None),
        ] {
            assert_eq!(in_words_ms(message), ms, "{message}");
        }
    }
}
