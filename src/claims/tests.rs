//! The registry as data, and names as servers, hubs and files spell them.

use super::*;
use proptest::prelude::*;

fn weights(served: &str) -> Option<&'static str> {
    match Registry::built_in().for_model(served) {
        Match::One(claim) => Some(&claim.weights),
        Match::Several(claims) => {
            let first = &claims[0].weights;
            assert!(
                claims.iter().all(|claim| claim.weights == *first),
                "{served}: {claims:?}"
            );
            Some(first)
        }
        Match::None => None,
    }
}

fn one(served: &str) -> &'static Claim {
    match Registry::built_in().for_model(served) {
        Match::One(claim) => claim,
        other => panic!("{served}: {other:?}"),
    }
}

#[test]
fn every_line_is_a_claim_with_its_source_and_a_date() {
    let csv = include_str!("claims.csv");
    let registry = Registry::read(csv).expect("a registry");
    assert_eq!(registry.all(), Registry::built_in().all());
    assert_eq!(registry.all().len(), csv.lines().count() - 1);
    assert!(registry.all().len() > 157);
    for claim in registry.all() {
        let date: Vec<&str> = claim.date.split('-').collect();
        let lengths: Vec<usize> = date.iter().map(|part| part.len()).collect();
        assert!(matches!(lengths[..], [4, 2] | [4, 2, 2]), "{claim:?}");
        assert!(date.iter().all(|part| part.parse::<u32>().is_ok()));
        assert!((1_024..=100_000_000).contains(&claim.advertised_tokens));
        assert!(claim.source.len() > 10, "{claim:?}");
        assert_eq!(claim.weights, claim.weights.to_lowercase());
        assert!(
            claim
                .max_output_tokens
                .is_none_or(|most| most < claim.advertised_tokens),
            "{claim:?}"
        );
        for tidy in [&claim.model, &claim.weights, &claim.source] {
            assert_eq!(tidy.trim(), tidy);
        }
    }
}

#[test]
fn no_row_stands_twice() {
    let mut seen = BTreeSet::new();
    for claim in Registry::built_in().all() {
        let row = format!("{claim:?}");
        assert!(seen.insert(row.clone()), "{row}");
    }
}

#[test]
fn the_kind_follows_the_words_of_the_source() {
    for claim in Registry::built_in().all() {
        let source = &claim.source;
        if source.contains("input token limit") || source.contains("Maximum input tokens") {
            assert_eq!(claim.kind, Kind::Input, "{claim:?}");
        }
        for words in [
            "Claimed Length",
            "Context Length",
            "max_position_embeddings",
        ] {
            if source.contains(words) {
                assert_eq!(claim.kind, Kind::Total, "{claim:?}");
            }
        }
        // A longest answer beside litellm's longest prompt: they do not share that number.
        if source.starts_with("litellm") && claim.max_output_tokens.is_some() {
            assert_eq!(claim.kind, Kind::Input, "{claim:?}");
        }
    }
}

#[test]
fn the_same_weights_stand_at_many_hosts_and_the_vendor_comes_first() {
    let registry = Registry::built_in();
    let all: Vec<&Claim> = registry.all().iter().collect();
    let wide = families(&all).iter().filter(|it| it.hosts() >= 3).count();
    assert!(wide >= 8, "{wide}");
    for pair in registry.all().windows(2) {
        if pair[0].weights == pair[1].weights {
            assert!(pair[0].host <= pair[1].host, "{pair:?}");
        } else {
            assert!(pair[0].weights < pair[1].weights, "{pair:?}");
        }
    }
    let scouts: Vec<&Claim> = registry.find("llama 4 scout");
    let [scout] = &families(&scouts)[..] else {
        panic!("{scouts:?}");
    };
    assert_eq!(scout.name, "Llama 4 Scout");
    assert_eq!(scout.advertised_tokens(), Some((10_000_000, 10_000_000)));
    assert_eq!(scout.served_tokens(), Some((16_384, 10_485_760)));
    assert!(scout.hosts() >= 10);
}

#[test]
fn names_are_found_as_servers_spell_them() {
    for (served, expected) in [
        ("meta-llama/Llama-4-Scout-17B-16E-Instruct", "llama-4-scout"),
        ("llama-4-scout", "llama-4-scout"),
        ("us.meta.llama4-scout-17b-instruct-v1:0", "llama-4-scout"),
        ("@cf/meta/llama-4-scout-17b-16e-instruct", "llama-4-scout"),
        (
            "RedHatAI/Llama-4-Scout-17B-16E-Instruct-quantized.w4a16",
            "llama-4-scout",
        ),
        ("Llama-4-Maverick-17B-128E-Instruct-FP8", "llama-4-maverick"),
        ("gpt-4.1-2025-04-14", "gpt-4.1"),
        ("gpt-4.1-mini-2025-04-14", "gpt-4.1-mini"),
        ("openai/gpt-4.1-nano", "gpt-4.1-nano"),
        ("gpt-4o-2024-08-06", "gpt-4o"),
        ("gpt-4-1106-preview", "gpt-4-1106-preview"),
        ("claude-sonnet-4-5-20250929", "claude-sonnet-4.5"),
        (
            "anthropic.claude-sonnet-4-5-20250929-v1:0",
            "claude-sonnet-4.5",
        ),
        ("claude-sonnet-4-20250514", "claude-sonnet-4"),
        ("claude-sonnet-4@20250514", "claude-sonnet-4"),
        ("claude-3-5-sonnet-20241022", "claude-3.5-sonnet"),
        ("claude-3-5-sonnet-latest", "claude-3.5-sonnet"),
        ("models/gemini-2.5-pro", "gemini-2.5-pro"),
        ("gemini-2.0-flash-001", "gemini-2.0-flash"),
        ("SmolLM2-135M-Instruct", "smollm2-135m"),
        ("SmolLM2-135M-Instruct.Q4_1.gguf", "smollm2-135m"),
        ("/models/SmolLM2-1.7B-Instruct-Q8_0.gguf", "smollm2-1.7b"),
        (
            "C:\\models\\smollm2-360m-instruct-q8_0.gguf",
            "smollm2-360m",
        ),
        ("qwen2.5-7b-instruct-1m-q4_k_m", "qwen2.5-7b-instruct-1m"),
        ("Qwen2.5-14B-Instruct-1M-IQ3_XXS", "qwen2.5-14b-instruct-1m"),
        ("Qwen2.5-7B-1M", "qwen2.5-7b-instruct-1m"),
        (
            "Llama-3.3-70B-Instruct-Q4_K_M-00001-of-00003",
            "llama-3.3-70b",
        ),
        (
            "accounts/fireworks/models/llama-v3p1-70b-instruct",
            "llama-3.1-70b",
        ),
        ("Meta-Llama-3.1-70B-Instruct-AWQ-INT4", "llama-3.1-70b"),
        ("llama3.1:70b-instruct-q4_K_M", "llama-3.1-70b"),
        ("llama3.3:70b", "llama-3.3-70b"),
        ("gpt-oss:120b", "gpt-oss-120b"),
        ("deepseek-ai/DeepSeek-R1", "deepseek-r1"),
        ("deepseek-ai/DeepSeek-R1-0528", "deepseek-r1-0528"),
        ("deepseek-ai/DeepSeek-V3", "deepseek-v3"),
        ("moonshotai/Kimi-K2-Instruct-0905", "kimi-k2-0905"),
        ("moonshotai/Kimi-K2-Instruct", "kimi-k2"),
        ("MiniMaxAI/MiniMax-M2", "minimax-m2"),
        (
            "Qwen/Qwen3-235B-A22B-Instruct-2507-FP8",
            "qwen3-235b-a22b-instruct-2507",
        ),
        ("Qwen/Qwen3-235B-A22B", "qwen3-235b-a22b"),
        ("mlx-community/Qwen3-32B-4bit", "qwen3-32b"),
        ("google/gemma-3-27b-it", "gemma-3-27b"),
        ("qwen/qwen3-32b:free", "qwen3-32b"),
    ] {
        assert_eq!(weights(served), Some(expected), "{served}");
    }
}

#[test]
fn another_version_is_never_taken_for_the_one_asked_for() {
    for (served, wrong) in [
        ("gpt-4", "gpt-4.1"),
        ("gpt-4.1", "gpt-4.1-mini"),
        ("gpt-4.1-mini", "gpt-4.1"),
        ("gpt-4.1", "gpt-4"),
        ("gpt-4o", "gpt-4"),
        ("claude-sonnet-4-5", "claude-sonnet-4"),
        ("claude-sonnet-4", "claude-sonnet-4.5"),
        ("llama-3.1-70b", "llama-3.3-70b"),
        ("deepseek-r1", "deepseek-r1-0528"),
        ("minimax-m2.5", "minimax-m2"),
        ("Qwen/Qwen3-235B-A22B-Instruct-2507", "qwen3-235b-a22b"),
    ] {
        let found = weights(served).expect(served);
        assert_ne!(found, wrong, "{served}");
    }
    for served in [
        "llama-3-70b",
        "meta-llama/Meta-Llama-3-70B-Instruct",
        "NousResearch/Hermes-3-Llama-3.1-70B",
        "deepseek-ai/DeepSeek-R1-Distill-Llama-70B",
        "deepseek-r1:70b",
        "Qwen2.5-7B-Instruct",
        "Qwen/Qwen3-235B-A22B-Thinking-2507",
        "gpt-4-32k",
        "gpt-4-0613",
        "gpt-4.5-preview",
        "gpt-3.5-turbo-instruct",
        "gpt-5-chat-latest",
        "gpt-4o-audio-preview",
        "o1-preview",
        "gemini-2.5",
        "claude",
        "llama",
        "70b",
        "SmolLM2",
        "SmolLM-135M-Instruct",
        "grok-4-0709-mini",
        "my-model",
        "",
        "/",
        "instruct",
        "q4_k_m.gguf",
    ] {
        assert_eq!(weights(served), None, "{served}");
    }
}

#[test]
fn every_row_is_found_by_its_own_names_and_never_with_another_version() {
    for claim in Registry::built_in().all() {
        for name in [&claim.model, &claim.weights] {
            assert_eq!(weights(name), Some(claim.weights.as_str()), "{name}");
        }
    }
}

#[test]
fn claims_that_agree_but_for_rounding_are_one_and_others_are_several() {
    let scout = one("meta-llama/Llama-4-Scout-17B-16E-Instruct");
    assert_eq!(
        (scout.advertised_tokens, scout.kind, &scout.host),
        (10_000_000, Kind::Total, &None)
    );
    let qwen = one("Qwen2.5-7B-Instruct-1M");
    assert_eq!(
        (qwen.advertised_tokens, qwen.kind),
        (1_010_000, Kind::Total)
    );
    let gemini = one("models/gemini-2.5-pro");
    assert_eq!(
        (gemini.advertised_tokens, gemini.kind),
        (1_048_576, Kind::Input)
    );
    let small = one("SmolLM2-135M-Instruct");
    assert_eq!((small.advertised_tokens, small.kind), (8_192, Kind::Total));
    let gpt = one("gpt-4.1-mini-2025-04-14");
    assert_eq!(
        (gpt.advertised_tokens, gpt.kind, gpt.max_output_tokens),
        (1_047_576, Kind::Total, Some(32_768))
    );
    let Match::Several(claims) = Registry::built_in().for_model("claude-sonnet-4-5-20250929")
    else {
        panic!("the sources differ");
    };
    let mut figures: Vec<u64> = claims.iter().map(|claim| claim.advertised_tokens).collect();
    figures.sort_unstable();
    assert_eq!(figures, [200_000, 1_000_000]);
    let Match::Several(hosts) = Registry::built_in().for_model("gpt-oss-120b") else {
        panic!("nobody but hosts says a window, and not the same one");
    };
    assert!(hosts.iter().all(|claim| claim.host.is_some()));
}

#[test]
fn a_query_is_found_in_any_spelling_of_model_weights_and_host() {
    let registry = Registry::built_in();
    let found = |query: &str| registry.find(query).len();
    assert_eq!(found(""), registry.all().len());
    assert!(found("SCOUT") >= 10);
    assert_eq!(found("llama 4 scout"), found("Llama-4_Scout"));
    assert!(
        registry
            .find("together_ai")
            .iter()
            .any(|claim| claim.host.as_deref() == Some("together_ai"))
    );
    assert_eq!(found("no such model"), 0);
}

#[test]
fn a_registry_that_cannot_be_meant_is_refused_with_the_line() {
    let row = "M,1000,total,,,m,somewhere,2026-11";
    let read = |row: &str| Registry::read(&format!("{HEADER}\n{row}\n"));
    assert_eq!(read(row).expect("a row").all()[0].advertised_tokens, 1_000);
    let quoted = read("\"M, \"\"the\"\" model\",1000,input,10,h,m,\"a, b\",2026-11");
    let claim = quoted.expect("a row").all()[0].clone();
    assert_eq!(claim.model, "M, \"the\" model");
    assert_eq!((claim.source.as_str(), claim.kind), ("a, b", Kind::Input));
    assert_eq!(
        (claim.host.as_deref(), claim.max_output_tokens),
        (Some("h"), Some(10))
    );
    for bad in [
        "",
        "M,1000,total,,,m,somewhere",
        "M,1000,total,,,m,somewhere,2026-11,more",
        "M,0,total,,,m,somewhere,2026-11",
        "M,many,total,,,m,somewhere,2026-11",
        "M,1000,unknown,,,m,somewhere,2026-11",
        "M,1000,total,x,,m,somewhere,2026-11",
        ",1000,total,,,m,somewhere,2026-11",
        "M,1000,total,,,,somewhere,2026-11",
        "M,1000,total,,,m,,2026-11",
        "M,1000,total,,,m,somewhere,",
        "\"M,1000,total,,,m,somewhere,2026-11",
        "\"M\"x,1000,total,,,m,somewhere,2026-11",
    ] {
        let error = format!("{:#}", read(bad).expect_err(bad));
        assert!(
            error.starts_with("line 2 of") && !error.contains('\n'),
            "{error}"
        );
    }
    assert!(Registry::read("model\n").is_err());
    assert!(Registry::read("").is_err());
}

proptest! {
    #[test]
    fn any_name_is_looked_up_without_a_panic(name in ".{0,60}", at in 0usize..500) {
        let _ = Registry::built_in().for_model(&name);
        let known = &Registry::built_in().all()[at].model;
        let _ = Registry::built_in().for_model(&format!("{known}{name}"));
        let _ = fields(&name);
    }

    #[test]
    fn an_owner_and_a_quantisation_change_nothing(
        at in 0usize..500,
        owner in "[a-z]{1,8}(/[a-z]{1,8})?",
        packing in "-(Q[2-8]_K_[SML]|q8_0|IQ[1-4]_XXS|AWQ|fp8|bf16|4bit|w8a8|GGUF)",
    ) {
        let known = &Registry::built_in().all()[at];
        let served = format!("{owner}/{}{packing}", known.weights);
        prop_assert_eq!(weights(&served), Some(known.weights.as_str()), "{}", served);
    }
}
