//! Limits kept by the clock's own arithmetic, without waiting.

use super::*;

const KB_100: u64 = 100_000;

fn state(requests: Option<u64>, tokens: Option<u64>) -> State {
    let pace = Pace::new(Limits {
        requests_per_minute: requests,
        tokens_per_minute: tokens,
    });
    pace.state.into_inner().expect("unpoisoned")
}

/// 100,000 bytes are 25,000 tokens before any reply has told, and 1,000 of output.
fn turn(bytes: u64) -> Turn {
    Turn {
        bytes,
        prompt_tokens: bytes as f64 * TOKENS_PER_BYTE,
        output_tokens: 1000.0,
    }
}

fn headers(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    let own = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    pairs.iter().map(own).collect()
}

/// When each of many turns goes, in seconds from the first.
fn times(state: &mut State, turns: &[Turn]) -> Vec<f64> {
    let start = Instant::now();
    let mut now = start;
    let each = turns.iter().map(|turn| {
        now += state.wait(now, *turn);
        state.take(now, *turn);
        (now - start).as_secs_f64()
    });
    each.collect()
}

#[test]
fn requests_are_spaced_evenly_within_their_number_a_minute() {
    let mut state = state(Some(30), None);
    assert_eq!(times(&mut state, &[turn(KB_100); 4]), [0.0, 2.0, 4.0, 6.0]);
}

#[test]
fn no_minute_holds_more_tokens_than_allowed_beside_its_last_request() {
    let mut state = state(None, Some(60_000));
    let mut turns = Vec::new();
    for at in 0..200u64 {
        turns.push(turn(1000 + (at * 7919) % KB_100));
    }
    let went = times(&mut state, &turns);
    for (first, from) in went.iter().enumerate() {
        let minute = went.iter().zip(&turns).skip(first);
        let minute = minute.take_while(|(at, _)| **at < from + 60.0);
        let tokens: Vec<f64> = minute
            .map(|(_, turn)| turn.prompt_tokens + turn.output_tokens)
            .collect();
        let last = tokens.last().copied().unwrap_or_default();
        let sum: f64 = tokens.iter().sum();
        assert!(sum - last <= 60_000.0 + 1.0, "{sum} from {from}");
    }
    // And nothing is wasted: all but the last take exactly their share of time.
    let used: f64 = turns[..199]
        .iter()
        .map(|turn| turn.prompt_tokens + turn.output_tokens)
        .sum();
    assert!((went[199] - used / 1000.0).abs() < 0.01, "{}", went[199]);
}

#[test]
fn what_was_counted_too_high_or_too_low_is_corrected() {
    let now = Instant::now();
    let used = |prompt: u64| Usage {
        prompt_tokens: Some(prompt),
        output_tokens: Some(1000),
        ..Usage::default()
    };
    for (prompt, wait_s) in [(25_000, 26.0), (10_000, 11.0), (50_000, 51.0), (0, 1.0)] {
        let mut state = state(None, Some(60_000));
        state.take(now, turn(KB_100));
        state.settle(turn(KB_100), &used(prompt));
        let wait = state.wait(now, turn(1)).as_secs_f64();
        assert!((wait - wait_s).abs() < 0.01, "{prompt}: {wait}");
    }
    // The next prompt is estimated by what the last one told; short ones tell nothing.
    let mut state = state(None, Some(60_000));
    state.settle(turn(KB_100), &used(20_000));
    assert_eq!(state.tokens_per_byte, 0.2);
    state.settle(turn(500), &used(400));
    assert_eq!(state.tokens_per_byte, 0.2);
    state.settle(turn(KB_100), &Usage::default());
    assert_eq!(state.tokens_per_byte, 0.2);
}

#[test]
fn a_request_larger_than_the_limit_goes_alone() {
    let mut state = state(None, Some(1000));
    let went = times(&mut state, &[turn(KB_100), turn(1000)]);
    assert_eq!(went[0], 0.0);
    assert_eq!(went[1], 26_000.0 / 1000.0 * 60.0);
}

#[test]
fn the_providers_own_headers_are_honoured() {
    let now = Instant::now();
    let wait = |pairs: &[(&str, &str)]| {
        let mut state = state(None, None);
        state.see(now, 200, &headers(pairs));
        state.wait(now, turn(KB_100)).as_secs_f64()
    };
    // Enough is left.
    let openai = |requests: &'static str, tokens: &'static str| {
        [
            ("x-ratelimit-limit-requests", "500"),
            ("x-ratelimit-remaining-requests", requests),
            ("x-ratelimit-reset-requests", "120ms"),
            ("x-ratelimit-limit-tokens", "30000"),
            ("x-ratelimit-remaining-tokens", tokens),
            ("x-ratelimit-reset-tokens", "1m0s"),
        ]
    };
    assert_eq!(wait(&openai("499", "26000")), 0.0);
    // 26,000 are needed: of the 30,000 that come back in a minute, 6,000 are missing.
    assert_eq!(wait(&openai("499", "20000")), 60.0 * 6000.0 / 10_000.0);
    assert!((wait(&openai("0", "30000")) - 0.120 / 500.0).abs() < 1e-6);
    // Larger than the limit itself: all there is, and then the server shall say it.
    assert_eq!(
        wait(&[
            ("x-ratelimit-limit-tokens", "6000"),
            ("x-ratelimit-remaining-tokens", "6000"),
            ("x-ratelimit-reset-tokens", "7.66s"),
        ]),
        7.66
    );
    let later = (jiff::Timestamp::now() + jiff::SignedDuration::from_secs(30)).to_string();
    let anthropic = wait(&[
        ("anthropic-ratelimit-requests-limit", "50"),
        ("anthropic-ratelimit-requests-remaining", "49"),
        ("anthropic-ratelimit-requests-reset", "2020-01-01T00:00:00Z"),
        ("anthropic-ratelimit-input-tokens-limit", "50000"),
        ("anthropic-ratelimit-input-tokens-remaining", "0"),
        ("anthropic-ratelimit-input-tokens-reset", &later),
        ("anthropic-ratelimit-output-tokens-limit", "8000"),
        ("anthropic-ratelimit-output-tokens-remaining", "8000"),
        ("anthropic-ratelimit-output-tokens-reset", &later),
    ]);
    assert!((14.0..=15.0).contains(&anthropic), "{anthropic}");
    let router = (jiff::Timestamp::now().as_millisecond() + 20_000).to_string();
    let open_router = wait(&[
        ("x-ratelimit-limit", "20"),
        ("x-ratelimit-remaining", "0"),
        ("x-ratelimit-reset", &router),
    ]);
    assert!((0.9..=1.0).contains(&open_router), "{open_router}");
    assert_eq!(
        wait(&[
            ("x-ratelimit-remaining-tokens-minute", "0"),
            ("x-ratelimit-reset-tokens-minute", "12.5"),
        ]),
        12.5
    );
    // A limit of a day is not waited for, and half an account is none.
    assert_eq!(
        wait(&[
            ("x-ratelimit-remaining-requests", "0"),
            ("x-ratelimit-reset-requests", "17h2m"),
        ]),
        0.0
    );
    assert_eq!(wait(&[("x-ratelimit-remaining-tokens", "0")]), 0.0);
    assert_eq!(wait(&[("x-ratelimit-reset-tokens", "6m0s")]), 0.0);
}

#[test]
fn what_is_left_is_used_up_by_requests_under_way() {
    let now = Instant::now();
    let mut state = state(None, None);
    state.see(
        now,
        200,
        &headers(&[
            ("x-ratelimit-remaining-requests", "2"),
            ("x-ratelimit-reset-requests", "30s"),
        ]),
    );
    for wait_s in [0.0, 0.0, 30.0] {
        assert_eq!(state.wait(now, turn(1)).as_secs_f64(), wait_s);
        state.take(now, turn(1));
    }
    // When it is renewed, nothing is known of it any more.
    let later = now + Duration::from_secs(30);
    assert_eq!(state.wait(later, turn(1)), Duration::ZERO);
}

#[test]
fn all_wait_as_long_as_one_was_told_to() {
    let now = Instant::now();
    for (status, wait_s) in [(429, 7.0), (503, 7.0), (529, 7.0), (200, 0.0), (400, 0.0)] {
        let mut state = state(None, None);
        state.see(now, status, &headers(&[("retry-after", "7")]));
        state.see(now, status, &headers(&[("retry-after-ms", "20")]));
        assert_eq!(state.wait(now, turn(1)).as_secs_f64(), wait_s, "{status}");
    }
    let mut state = state(None, None);
    state.see(now, 429, &headers(&[("retry-after", "86400")]));
    assert_eq!(state.wait(now, turn(1)), Duration::ZERO);
}

#[test]
fn any_headers_leave_the_clock_in_order() {
    let now = Instant::now();
    for value in [
        "",
        "-5",
        "NaN",
        "inf",
        "1e308",
        "99999999999999999999",
        "x",
        "0",
    ] {
        for status in [200, 429] {
            let mut state = state(Some(60), Some(60));
            let mut pairs = vec![("retry-after", value), ("retry-after-ms", value)];
            let names: Vec<String> = HEADERS
                .iter()
                .flat_map(|(_, before, behind)| {
                    ["limit", "remaining", "reset"].map(|what| format!("{before}{what}{behind}"))
                })
                .collect();
            pairs.extend(names.iter().map(|name| (name.as_str(), value)));
            state.see(now, status, &headers(&pairs));
            let wait = state.wait(now, turn(KB_100));
            assert!(wait <= LONGEST, "{value}: {wait:?}");
            state.take(now, turn(u64::MAX));
            state.settle(turn(u64::MAX), &Usage::default());
            let _ = state.wait(now, turn(1));
        }
    }
}

#[test]
fn whoever_stops_waiting_has_used_nothing_up_and_holds_up_nobody() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        // Five requests a second.
        let pace = Pace::new(Limits {
            requests_per_minute: Some(300),
            tokens_per_minute: None,
        });
        let began = Instant::now();
        pace.turn(1, 1).await;
        for _ in 0..20 {
            let waiting = tokio::time::timeout(Duration::from_millis(1), pace.turn(1, 1));
            assert!(waiting.await.is_err(), "it did not wait");
        }
        pace.turn(1, 1).await;
        let took = began.elapsed();
        assert!(took >= Duration::from_millis(199), "{took:?}");
        // Twenty turns that were given back would have taken four seconds.
        assert!(took < Duration::from_secs(2), "{took:?}");
    });
}
