//! What classes of answers and reasons of void trials mean, and what the user can do.

/// What a class of answers means, in a phrase. Empty for a class that this version does not know.
pub fn class(name: &str) -> &'static str {
    match name {
        "exact" => "the right value and no other; the only class that counts as right",
        "listing" => "several values, so that the reader would have to choose",
        "echo" => "a copy of the haystack",
        "denied" => "every value named was denied",
        "distractor" => "the value of another fact in the same haystack",
        "near_miss" => "one slip away from the right value",
        "refusal" => "no value, and words that say that there is none or it will not be given",
        "empty" => "nothing, though the model ended its answer",
        "cut" => "no complete answer within the output budget, asked twice",
        "partial" => "some of several right values, or others beside them, or not in their order",
        "wrong" => "another value, or talk",
        _ => "",
    }
}

/// What a reason of void trials means, and what can be done about it.
pub fn void(reason: &str) -> (&'static str, &'static str) {
    match reason {
        "too-long" => (
            "the server refused the prompt as too long for its window",
            "start the server with a larger window, or ask for shorter lengths",
        ),
        "rate-limited" => (
            "the provider's rate limit stopped it",
            "run again with the same --out folder later or with fewer requests at a time; what was \
             answered is kept",
        ),
        "unauthorized" => (
            "the API key was refused",
            "check the provider's key in the environment and run again",
        ),
        "not-found" => (
            "there is no such model or path",
            "check the name after the # of the target, and its path",
        ),
        "refused-request" => (
            "the server refused the request itself",
            "read the server's words in the journal row",
        ),
        "server-error" => (
            "the server failed",
            "look at the server's log, then run again",
        ),
        "unreachable" => (
            "no connection could be made",
            "check that the server runs at this address, then run again",
        ),
        "broken" => (
            "the answer broke off before it was complete",
            "look for a proxy that ends long answers, then run again",
        ),
        "timed-out" => (
            "nothing came in time",
            "see whether the server still computes; ask for shorter lengths, or fewer at a time",
        ),
        "filtered" => (
            "the provider filtered the prompt or the answer",
            "try another corpus; the model itself was not heard",
        ),
        "cut-prompt" => (
            "the server counted fewer tokens than were sent: it cut the prompt, or the tokenizer \
             is not the model's own",
            "start the server with a larger window, and check --tokenizer",
        ),
        "token-mismatch" => (
            "the server counted more tokens than were sent",
            "check that --tokenizer is the model's own and that nothing adds to the prompt",
        ),
        "no-output" => (
            "the server ended the answer without a single token",
            "start the server with a larger window than the longest prompt",
        ),
        "output-clamped" => (
            "the server stopped the answer before its output budget was used",
            "start the server with a larger window than the longest prompt",
        ),
        _ => (
            "something other than the model came between",
            "read the rows of this reason in the journal",
        ),
    }
}
