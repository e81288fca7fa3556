//! Real error bodies, one by one.

use super::*;

fn refusal(status: u16, body: &str) -> Refusal {
    Refusal {
        status,
        body: body.to_owned(),
        ..Refusal::default()
    }
}

/// (status, body, reason, window).
const BODIES: &[(u16, &str, &str, Option<u64>)] = &[
    // Longer than the window, in each server's words.
    (
        400,
        r#"{"error":{"message":"This model's maximum context length is 8192 tokens. However, your messages resulted in 8227 tokens. Please reduce the length of the messages.","type":"invalid_request_error","param":"messages","code":"context_length_exceeded"}}"#,
        "too-long",
        Some(8192),
    ),
    (
        400,
        r#"{"error":{"message":"Your input exceeds the context window of this model. Please adjust your input and try again.","type":"invalid_request_error","code":"context_length_exceeded"}}"#,
        "too-long",
        None,
    ),
    (
        400,
        r#"{"type":"error","error":{"type":"invalid_request_error","message":"prompt is too long: 200251 tokens > 200000 maximum"},"request_id":"req_1"}"#,
        "too-long",
        Some(200_000),
    ),
    (
        400,
        r#"[{"error":{"code":400,"message":"The input token count (1200293) exceeds the maximum number of tokens allowed (1048576).","status":"INVALID_ARGUMENT"}}]"#,
        "too-long",
        Some(1_048_576),
    ),
    (
        400,
        r#"{"error":{"message":"This model's maximum context length is 4096 tokens. However, your prompt contains at least 4097 input tokens, which exceeds this limit even without any output tokens.","type":"BadRequestError","param":"input_tokens","code":400}}"#,
        "too-long",
        Some(4096),
    ),
    (
        400,
        r#"{"object":"error","message":"The input (9001 tokens) is longer than the model's context length (8192 tokens).","type":"BadRequestError","param":null,"code":400}"#,
        "too-long",
        Some(8192),
    ),
    (
        400,
        r#"{"object":"error","message":"Input length (70001 tokens) exceeds the maximum allowed length (65531 tokens). Use a shorter input or enable --allow-auto-truncate."}"#,
        "too-long",
        Some(65_531),
    ),
    (
        400,
        r#"{"error":{"code":400,"message":"request (331 tokens) exceeds the available context size (256 tokens), try increasing it","type":"exceed_context_size_error","n_prompt_tokens":331,"n_ctx":256}}"#,
        "too-long",
        Some(256),
    ),
    (
        422,
        r#"{"error":"Input validation error: `inputs` tokens + `max_new_tokens` must be <= 32768. Given: 71508 `inputs` tokens and 16 `max_new_tokens`","error_type":"validation"}"#,
        "too-long",
        Some(32_768),
    ),
    (
        400,
        r#"{"error":{"message":"This model's maximum prompt length is 131072 but the request contains 537812 tokens."}}"#,
        "too-long",
        Some(131_072),
    ),
    (
        413,
        r#"{"error":{"message":"Please reduce the length of the messages or completion.","type":"invalid_request_error","code":"context_length_exceeded"}}"#,
        "too-long",
        None,
    ),
    (
        400,
        r#"{"object":"error","message":"Prompt contains 65673 tokens and 0 draft tokens, too large for model with 32,768 maximum context length","type":"invalid_request_error","code":3051}"#,
        "too-long",
        Some(32_768),
    ),
    (
        400,
        r#"{"message":"Input is too long for requested model."}"#,
        "too-long",
        None,
    ),
    (
        400,
        r#"{"error":{"message":"Provider returned error","code":400,"metadata":{"raw":"{\"error\":{\"message\":\"This endpoint's maximum context length is 131072 tokens. However, you requested about 160000 tokens\"}}","provider_name":"X"}}}"#,
        "too-long",
        Some(131_072),
    ),
    (
        400,
        r#"{"error":"the prompt is longer than the context length currently available"}"#,
        "too-long",
        None,
    ),
    (
        400,
        r#"{"error":"Cannot truncate prompt with n_keep (15028) >= n_ctx (7424)"}"#,
        "too-long",
        Some(7424),
    ),
    (
        500,
        r#"{"error":{"message":"litellm.ContextWindowExceededError: OpenAIException","code":"500"}}"#,
        "too-long",
        None,
    ),
    // Limits that are not the window: `verify` must not take them for it.
    (
        400,
        r#"{"error":{"message":"Invalid 'input[0].content': string too long. Expected a string with maximum length 10485760, but got a string with length 62114761 instead.","code":"string_above_max_length","type":"invalid_request_error"}}"#,
        "refused-request",
        None,
    ),
    (
        400,
        r#"{"error":{"message":"max_tokens is too large: 100000. This model supports at most 16384 completion tokens, whereas you provided 100000.","type":"invalid_request_error","param":"max_tokens","code":"invalid_value"}}"#,
        "refused-request",
        None,
    ),
    (
        400,
        r#"{"error":{"message":"Request payload size exceeds the limit: 4194304 bytes.","status":"INVALID_ARGUMENT"}}"#,
        "refused-request",
        None,
    ),
    (
        413,
        "<html><head><title>413 Request Entity Too Large</title></head><body>nginx</body></html>",
        "refused-request",
        None,
    ),
    (
        413,
        r#"{"type":"error","error":{"type":"request_too_large","message":"Request exceeds the maximum size"}}"#,
        "refused-request",
        None,
    ),
    (413, "", "refused-request", None),
    (400, "", "refused-request", None),
    (
        402,
        r#"{"error":{"message":"Insufficient credits","code":402}}"#,
        "refused-request",
        None,
    ),
    (
        405,
        r#"{"detail":"Method Not Allowed"}"#,
        "refused-request",
        None,
    ),
    (
        422,
        r#"{"detail":[{"type":"missing","loc":["body","messages"],"msg":"Field required"}]}"#,
        "refused-request",
        None,
    ),
    (
        403,
        "<!DOCTYPE html><html><head><title>Attention Required! | Cloudflare</title>",
        "refused-request",
        None,
    ),
    (307, "", "refused-request", None),
    // Keys, paths and models.
    (
        401,
        r#"{"error":{"message":"Incorrect API key provided.","type":"invalid_request_error","code":"invalid_api_key"}}"#,
        "unauthorized",
        None,
    ),
    (401, "", "unauthorized", None),
    (
        403,
        r#"{"error":{"message":"Country not supported"}}"#,
        "unauthorized",
        None,
    ),
    (
        404,
        r#"{"error":{"message":"The model `x` does not exist.","type":"NotFoundError","code":404}}"#,
        "not-found",
        None,
    ),
    (
        404,
        r#"{"error":{"message":"File Not Found","type":"not_found_error","code":404}}"#,
        "not-found",
        None,
    ),
    (404, "404 page not found", "not-found", None),
    (
        400,
        r#"{"error":{"message":"The requested model is not here","code":"model_not_found"}}"#,
        "not-found",
        None,
    ),
    // Rates.
    (
        429,
        r#"{"error":{"message":"Rate limit reached for gpt-4o on tokens per min (TPM): Limit 30000, Used 29000, Requested 2000. Please try again in 2s.","code":"rate_limit_exceeded"}}"#,
        "rate-limited",
        None,
    ),
    (
        400,
        r#"{"message":"ThrottlingException: Too many tokens, please wait before trying again. Too many requests"}"#,
        "rate-limited",
        None,
    ),
    (429, "", "rate-limited", None),
    // Filters.
    (
        400,
        r#"{"error":{"message":"The response was filtered due to the prompt triggering content management policy.","code":"content_filter","innererror":{"code":"ResponsibleAIPolicyViolation"}}}"#,
        "filtered",
        None,
    ),
    (
        403,
        r#"{"error":{"code":403,"message":"x requires moderation. Your input was flagged for \"violence\""}}"#,
        "filtered",
        None,
    ),
    // The server's own trouble.
    (
        500,
        r#"{"error":{"code":500,"message":"[json.exception.parse_error.101] parse error","type":"server_error"}}"#,
        "server-error",
        None,
    ),
    (
        502,
        "<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>\r\n<center><h1>502 Bad Gateway</h1></center>",
        "server-error",
        None,
    ),
    (
        503,
        r#"{"detail":"no available workers (all breakers open or unhealthy)"}"#,
        "server-error",
        None,
    ),
    (504, "upstream request timeout", "server-error", None),
    (
        529,
        r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#,
        "server-error",
        None,
    ),
];

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
    for delay in ["soon", "-1s", "34", "NaNs"] {
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
    let quota = refusal(
        429,
        r#"{"error":{"message":"You exceeded your current quota","code":"insufficient_quota"}}"#,
    );
    assert!(matches!(
        quota.failure(),
        Failure::Limited {
            permanent: true,
            ..
        }
    ));
}

#[test]
fn the_time_to_wait_is_read_in_its_three_forms() {
    let waits = |name: &str, value: &str| {
        let mut refused = refusal(429, "");
        refused.headers = vec![(name.to_owned(), value.to_owned())];
        refused.failure().retry_after_ms()
    };
    assert_eq!(waits("retry-after-ms", "1500.7"), Some(1500));
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
