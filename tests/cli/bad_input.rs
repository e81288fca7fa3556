//! What cannot be meant is refused in one line that says what is wrong, before anything is asked.

use crate::support::Place;
use crate::support::mock::Mock;

#[test]
fn unknown_words_are_answered_with_those_that_exist() {
    let place = Place::new();
    for (arguments, words) in [
        (
            "sim:oracle",
            "no simulated model `oracle`; there are perfect",
        ),
        ("sim:cliff", "like sim:cliff=64k"),
        (
            "magic:1",
            "unknown target magic:1: use http://host:8000/v1#model",
        ),
        ("smollm2", "unknown target smollm2"),
        ("openai:gpt-4.1", "OPENAI_API_KEY"),
        ("openai-responses:gpt-4.1", "OPENAI_API_KEY"),
        ("anthropic:claude", "ANTHROPIC_API_KEY"),
        ("gemini:m", "GEMINI_API_KEY or GOOGLE_API_KEY"),
        ("openrouter:a/b", "OPENROUTER_API_KEY"),
        ("azure:d", "AZURE_OPENAI_ENDPOINT"),
        (
            "azure:d --base-url http://127.0.0.1:1",
            "AZURE_OPENAI_API_KEY",
        ),
        ("anthropic:", "name the model: anthropic:MODEL"),
        ("bedrock:m", "bedrock: is not covered"),
        ("vertex:m", "vertex: is not covered"),
        (
            "anthropic:m --base-url here",
            "--base-url is not a valid address",
        ),
        (
            "http://127.0.0.1:1/v1 --base-url http://127.0.0.1:2",
            "this target is an address already",
        ),
        (
            "sim:perfect --base-url http://127.0.0.1:2",
            "--base-url is for a named provider",
        ),
        ("sim:perfect --param top_k", "--param is KEY=JSON"),
        (
            "sim:perfect --param messages=[]",
            "--param cannot set `messages`",
        ),
        ("sim:perfect --param stream=false", "always streamed"),
        (
            "sim:perfect --task niah_magic",
            "no task niah_magic: there are niah_single, ",
        ),
        ("sim:perfect --corpus nowhere.txt", "no corpus nowhere.txt"),
        (
            "sim:perfect --tokenizer gpt5",
            "no tokenizer named gpt5 is built in: use o200k, cl100k",
        ),
        ("sim:perfect --depths deep", "deep"),
        ("sim:perfect --lengths 4q", "`4q` is not a length in tokens"),
        ("sim:perfect --lengths 8k..4k", "does not rise"),
        ("sim:perfect --lengths 7", "fewer than 32 tokens"),
        ("sim:perfect --samples 0", "--samples is between"),
        ("sim:perfect --keys 0", "--keys is between"),
        ("sim:perfect --max-output 0", "--max-output is between"),
        ("sim:perfect --concurrency 0", "--concurrency is at least 1"),
        ("sim:perfect --threshold 85", "--threshold is a share"),
        (
            "sim:perfect --temperature hot",
            "--temperature is between 0 and 2",
        ),
        ("sim:perfect --secret xyz", "hex"),
        ("sim:perfect --price cheap", "price"),
        ("sim:perfect --max-tokens lots", "--max-tokens"),
        (
            "sim:perfect --max-inflight-tokens lots",
            "--max-inflight-tokens",
        ),
        ("sim:perfect --advertised lots", "--advertised"),
        ("http://127.0.0.1:1/v1 --header nocolon", "NAME:VALUE"),
        (
            "http://127.0.0.1:1/v1 --api-key-env UNSET_NAME",
            "--api-key-env is not set",
        ),
        ("http://127.0.0.1:1/v1 --ca-cert nowhere.pem", "nowhere.pem"),
        (
            "http://user:hunter22@127.0.0.1:1/v1",
            "user name or password",
        ),
    ] {
        let line = place
            .depthfinder("sweep --out run")
            .args(arguments)
            .refused();
        assert!(line.contains(words), "{arguments}: {line}");
        assert!(!line.contains("hunter22"), "{line}");
        // Nothing was begun, so nothing is left behind.
        assert_eq!(
            place.names().len(),
            0,
            "{arguments} left {:?}",
            place.names()
        );
    }
}

#[test]
fn what_clap_refuses_ends_with_the_same_code() {
    let place = Place::new();
    for arguments in [
        "",
        "sweep",
        "swep sim:perfect",
        "sweep sim:perfect --lenghts 4k",
        "show run x",
    ] {
        let told = place.depthfinder(arguments).start().wait();
        assert_eq!((told.code, told.stdout.as_str()), (Some(2), ""), "{told}");
        assert!(told.stderr.contains("--help"), "{told}");
    }
}

#[test]
fn lengths_that_cannot_be_met_are_refused_before_anything_is_asked() {
    let place = Place::new();
    let mock = Mock::right();
    for (arguments, words) in [
        (
            "--lengths 100,2k",
            "too short for 5 needles and the question: at least ",
        ),
        (
            "--lengths 1k,500k",
            "tokens of o200k and 500000 are asked for: ask for at most ",
        ),
        (
            "--lengths 1k --keys 100 --depths 100",
            "too short for 100 needles",
        ),
    ] {
        let line = place
            .sweep(&mock.target(), "--out run")
            .args(arguments)
            .refused();
        assert!(line.contains(words), "{arguments}: {line}");
        assert_eq!(mock.count(), 0, "{arguments}");
        // The same folder takes the corrected command.
        assert_eq!(
            place.names().len(),
            0,
            "{arguments} left {:?}",
            place.names()
        );
    }
}

#[test]
fn a_text_of_the_user_s_own_is_refused_with_file_and_offset() {
    let place = Place::new();
    place.file("texts/good.txt", "Some words. And more.");
    place.file("texts/below/bad.txt", b"good bytes \xff\xfe bad ones");
    place.file("empty/nothing.txt", "\n \n");
    for (corpus, words) in [
        (
            "texts",
            "texts/below/bad.txt is not UTF-8: bad byte at offset 11",
        ),
        ("texts/below/bad.txt", "bad byte at offset 11"),
        ("empty", "the corpus empty holds no text"),
        ("texts/good.txt", "texts/good.txt"),
    ] {
        let line = place
            .depthfinder("sweep sim:perfect --lengths 700 --out run --corpus")
            .arg(corpus)
            .refused();
        assert!(line.contains(words), "{corpus}: {line}");
        assert_eq!(place.names(), ["empty", "texts"], "{corpus}");
    }
}

#[test]
fn a_file_that_is_no_tokenizer_is_refused_by_name() {
    let place = Place::new();
    for (name, content) in [
        ("words.json", &b"not json at all"[..]),
        ("object.json", b"{\"model\":{\"type\":\"Magic\"}}"),
        ("bytes.json", b"\xff\xfe"),
        ("weights.gguf", b"GGUF\x03\0\0\0"),
        ("empty.gguf", b""),
    ] {
        place.file(name, content);
        let line = place
            .sweep("sim:perfect", "--lengths 700 --out run --tokenizer")
            .arg(name)
            .refused();
        assert!(line.contains(name), "{line}");
        assert!(!place.path("run").exists(), "{name}");
    }
    place.file("folder/x", "");
    let line = place
        .sweep("sim:perfect", "--lengths 700 --tokenizer folder")
        .refused();
    assert!(line.contains("folder"), "{line}");
}

#[test]
fn a_model_file_that_is_none_is_refused_by_name() {
    let place = Place::new();
    place.file("model.gguf", "GGUF but not really");
    for target in ["local:model.gguf", "local:nowhere.gguf"] {
        let line = place
            .sweep(target, "--lengths 700 --backend engine")
            .refused();
        let name = target.strip_prefix("local:").expect("local");
        assert!(line.contains(name), "{line}");
    }
}
