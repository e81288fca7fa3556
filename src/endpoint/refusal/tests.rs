//! Real error bodies, one by one.

use super::*;
use bodies::BODIES;

mod bodies;

fn refusal(status: u16, body: &str) -> Refusal {
    Refusal {
        status,
        body: body.to_owned(),
        ..Refusal::default()
    }
}

#[test]
fn googles_retry_info_key_and_forbidden_quota_are_read_from_the_body() {
    let of = |status: u16, message: &str, kind: &str, details: serde_json::Value| {
        let error = serde_json::json!({"code": status, "message": message, "status": kind, "details": details});
        Refusal {
            status,
            body: serde_json::json!({ "error": error }).to_string(),
            ..Refusal::default()
        }
    };
    let retry = serde_json::json!([{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "34.074s"}]);
    let mut limited = of(
        429,
        "You exceeded your current quota.",
        "RESOURCE_EXHAUSTED",
        retry,
    );
    assert_eq!(limited.failure().retry_after_ms(), Some(34_074));
    // A header is nearer to the gate that will open.
    limited.headers = vec![("retry-after".to_owned(), "2".to_owned())];
    assert_eq!(limited.failure().retry_after_ms(), Some(2000));
    for delay in ["soon", "-1s", "NaNs"] {
        let odd = serde_json::json!([{"retryDelay": delay}]);
        let odd = of(429, "quota", "RESOURCE_EXHAUSTED", odd);
        assert_eq!(odd.failure().retry_after_ms(), None, "{delay}");
    }
    let forbidden = of(
        429,
        "Quota exceeded for metric: generativelanguage.googleapis.com/generate_content_free_tier_requests, limit: 0, model: gemini-2.5-pro",
        "RESOURCE_EXHAUSTED",
        serde_json::json!([]),
    );
    assert!(!forbidden.failure().is_transient());
    let key = of(
        400,
        "API key not valid. Please pass a valid API key.",
        "INVALID_ARGUMENT",
        serde_json::json!([]),
    );
    assert_eq!(key.failure().reason(), "unauthorized");
    let large = of(
        400,
        "Request payload size exceeds the limit: 20971520 bytes.",
        "INVALID_ARGUMENT",
        serde_json::json!([]),
    );
    assert_eq!(large.failure().reason(), "refused-request");
}

#[test]
fn every_known_body_has_its_meaning() {
    for (status, body, reason, window) in BODIES {
        let failure = refusal(*status, body).failure();
        assert_eq!(failure.reason(), *reason, "{status} {body}");
        if let Failure::TooLong { window_tokens, .. } = failure {
            assert_eq!(window_tokens, *window, "{body}");
        }
        if let Failure::Server { status: kept, .. } | Failure::Refused { status: kept, .. } =
            failure
        {
            assert_eq!(kept, *status, "{body}");
        }
    }
}

#[test]
fn any_body_cut_anywhere_is_told_on_one_line_with_its_status() {
    for (status, body, ..) in BODIES {
        for at in (0..body.len()).filter(|at| body.is_char_boundary(*at)) {
            let told = refusal(*status, &body[..at]).failure().to_string();
            assert!(!told.contains('\n') && told.chars().count() < 520, "{told}");
        }
    }
}

#[test]
fn a_request_larger_than_the_limit_itself_is_permanent() {
    let body = r#"{"error":{"message":"Request too large for gpt-4o in organization org-1 on tokens per min (TPM): Limit 30000, Requested 342389. The input or output tokens must be reduced in order to run successfully.","type":"tokens","code":"rate_limit_exceeded"}}"#;
    for status in [429, 413] {
        let failure = refusal(status, body).failure();
        assert!(
            matches!(
                failure,
                Failure::Limited {
                    permanent: true,
                    ..
                }
            ),
            "{failure:?}"
        );
    }
    let passing = body.replace("342389", "30000");
    let failure = refusal(413, &passing).failure();
    assert!(
        matches!(
            failure,
            Failure::Limited {
                permanent: false,
                ..
            }
        ),
        "{failure:?}"
    );
}

#[test]
fn a_body_that_is_too_large_is_told_with_its_size_under_any_status() {
    for (status, body) in [
        (
            400,
            r#"{"error":{"message":"Request payload size exceeds the limit: 4194304 bytes.","status":"INVALID_ARGUMENT"}}"#,
        ),
        (
            400,
            r#"{"error":{"message":"Provider returned error","metadata":{"error_type":"payload_too_large"}}}"#,
        ),
        (
            400,
            "Failed to buffer the request body: length limit exceeded",
        ),
        (
            400,
            r#"{"error":{"message":"Request size is too large. Request size is 40.1 MB. Max size is 10 MB","code":"400"}}"#,
        ),
        (
            413,
            r#"{"type":"error","error":{"type":"request_too_large","message":"Request exceeds the maximum size"}}"#,
        ),
        (
            413,
            "<html><head><title>413 Request Entity Too Large</title></head>",
        ),
        (413, ""),
    ] {
        let mut refused = refusal(status, body);
        refused.sent_bytes = 40_100_000;
        let failure = refused.failure();
        assert!(!failure.is_transient());
        let told = failure.to_string();
        let start = format!("the request was refused ({status}): a body of 40.1 MB is too large: ");
        assert!(told.starts_with(&start), "{told}");
    }
    for status in [400, 413] {
        let told = refusal(status, " ").failure().to_string();
        assert!(
            told.ends_with("(Cerebras says as little of a prompt longer than its window)"),
            "{told}"
        );
    }
}

#[test]
fn an_empty_account_ends_the_run_and_a_full_minute_does_not() {
    let quota =
        r#"{"error":{"message":"You exceeded your current quota","code":"insufficient_quota"}}"#;
    for refused in [refusal(402, ""), refusal(429, quota)] {
        let failure = refused.failure();
        assert!(failure.is_fatal() && !failure.is_transient(), "{failure}");
        assert!(
            failure.to_string().contains("no credit is left"),
            "{failure}"
        );
    }
    assert!(
        !refusal(429, r#"{"error":{"message":"busy"}}"#)
            .failure()
            .is_fatal()
    );
}

#[test]
fn a_server_that_says_whether_to_ask_again_is_believed() {
    for (status, word, transient) in [
        (500, None, true),
        (500, Some("true"), true),
        (500, Some("false"), false),
        (429, Some("false"), false),
        (409, None, true),
        (400, None, false),
        (400, Some("true"), true),
        (400, Some("perhaps"), false),
        (401, Some("true"), false),
        (307, Some("true"), false),
    ] {
        let mut refused = refusal(status, r#"{"error":{"message":"m"}}"#);
        let word = word.map(|word| ("x-should-retry".to_owned(), word.to_owned()));
        refused.headers.extend(word.clone());
        assert_eq!(
            refused.failure().is_transient(),
            transient,
            "{status} {word:?}"
        );
    }
}

#[test]
fn the_wait_is_read_out_of_the_body_where_no_header_names_it() {
    let google = r#"{"error":{"code":429,"message":"Resource has been exhausted","status":"RESOURCE_EXHAUSTED","details":[{"@type":"type.googleapis.com/google.rpc.QuotaFailure"},{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"13.5s"}]}}"#;
    assert_eq!(
        refusal(429, google).failure().retry_after_ms(),
        Some(13_500)
    );
    let openai = r#"{"error":{"message":"Rate limit reached: Limit 30000, Used 29000, Requested 2000. Please try again in 2s."}}"#;
    let mut refused = refusal(429, openai);
    assert_eq!(refused.failure().retry_after_ms(), Some(2000));
    refused.headers = vec![("retry-after".to_owned(), "5".to_owned())];
    assert_eq!(refused.failure().retry_after_ms(), Some(5000));
    let inside = serde_json::from_str(openai).expect("JSON");
    let failure = inside_success(&inside).expect("an error");
    assert_eq!(failure.retry_after_ms(), Some(2000));
}

#[test]
fn being_overloaded_keeps_its_status_inside_a_stream() {
    let event = r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#;
    let event = serde_json::from_str(event).expect("JSON");
    assert!(matches!(
        inside_success(&event),
        Some(Failure::Server { status: 529, .. })
    ));
}

#[test]
fn the_time_to_wait_is_read_in_its_three_forms() {
    let waits = |name: &str, value: &str| {
        let mut refused = refusal(429, "");
        refused.headers = vec![(name.to_owned(), value.to_owned())];
        refused.failure().retry_after_ms()
    };
    assert_eq!(waits("retry-after-ms", "1500.7"), Some(1501));
    assert_eq!(waits("retry-after", "6m0s"), Some(360_000));
    assert_eq!(waits("retry-after", "1.5"), Some(1500));
    assert_eq!(waits("retry-after", " 20 "), Some(20_000));
    assert_eq!(waits("retry-after", "-1"), None);
    assert_eq!(waits("retry-after", "NaN"), None);
    assert_eq!(waits("retry-after", "soon"), None);
    assert_eq!(
        waits("retry-after", "Fri, 21 Nov 2025 19:02:00 GMT"),
        Some(0)
    );
    let later = jiff::Timestamp::now() + jiff::SignedDuration::from_secs(90);
    let later = later.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
    let wait_ms = waits("retry-after", &later).expect("a date");
    assert!((88_000..=90_000).contains(&wait_ms), "{wait_ms}");
}

#[test]
fn an_error_inside_a_success_is_seen_and_an_answer_is_not_one() {
    let meaning = |body: &str| {
        let value = serde_json::from_str(body).expect("JSON");
        inside_success(&value).map(|failure| failure.reason())
    };
    for (body, reason) in [
        (
            r#"{"error":{"code":502,"message":"upstream"}}"#,
            "server-error",
        ),
        (r#"{"error":"out of memory"}"#, "server-error"),
        (
            r#"{"error":{"code":"rate_limit_exceeded","message":"x"}}"#,
            "rate-limited",
        ),
        (r#"{"error":{"code":429,"message":"busy"}}"#, "rate-limited"),
        (
            r#"{"error":{"code":400,"message":"m","type":"exceed_context_size_error","n_ctx":9}}"#,
            "too-long",
        ),
        (r#"{"object":"error","message":"abort"}"#, "server-error"),
        (
            r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#,
            "server-error",
        ),
        (r#"[{"error":{"message":"x"}}]"#, "server-error"),
        (
            r#"{"error":{"message":"flagged","code":"content_filter"}}"#,
            "filtered",
        ),
        (r#"{"error":17}"#, "server-error"),
    ] {
        assert_eq!(meaning(body), Some(reason), "{body}");
    }
    for body in [
        r#"{"choices":[{"delta":{"content":"rate limit error"}}]}"#,
        r#"{"error":null,"choices":[]}"#,
        r#"{"error":"","choices":[]}"#,
        r#"{"error":{},"choices":[]}"#,
        "[]",
        "3",
    ] {
        assert_eq!(meaning(body), None, "{body}");
    }
}

#[test]
fn a_page_is_named_by_its_title_and_a_long_body_is_cut() {
    let told = refusal(502, "<HTML><TITLE lang=en>502\n Bad  Gateway</TITLE>").failure();
    assert_eq!(
        told.to_string(),
        "the server failed (502): an HTML page: 502 Bad Gateway"
    );
    let told = refusal(400, &"汉".repeat(5000)).failure().to_string();
    assert!(told.chars().count() < 450 && told.ends_with('…'), "{told}");
}

#[test]
fn a_redirect_is_told_without_its_query() {
    let mut refused = refusal(308, "");
    refused.headers = vec![("location".to_owned(), "https://h/v1?sig=hush#x".to_owned())];
    assert_eq!(
        refused.failure().to_string(),
        "the request was refused (308): redirected to https://h/v1; give that address"
    );
}
