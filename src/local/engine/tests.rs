//! The engine against a forward pass written from the definition, and against damaged files.

use super::synthetic::{self, Synthetic, tokens};
use super::*;
use candle_core::quantized::GgmlDType;
use candle_core::quantized::gguf_file::Value;

fn load(model: &Synthetic) -> Engine {
    let folder = tempfile::tempdir().expect("a folder");
    Engine::load(&model.write(folder.path()), Some(2)).expect("a model")
}

fn refusal(model: &Synthetic) -> String {
    let folder = tempfile::tempdir().expect("a folder");
    match Engine::load(&model.write(folder.path()), Some(1)) {
        Ok(_) => panic!("a broken model was loaded"),
        Err(error) => format!("{error:#}"),
    }
}

fn assert_close(ours: &[f32], theirs: &[f64]) {
    assert_eq!(ours.len(), theirs.len());
    for (ours, theirs) in ours.iter().zip(theirs) {
        assert!(
            (f64::from(*ours) - theirs).abs() < 1e-3,
            "{ours} where {theirs} is expected"
        );
    }
}

fn assert_same(ours: &[f32], theirs: &[f32]) {
    let theirs: Vec<f64> = theirs.iter().map(|&number| f64::from(number)).collect();
    assert_close(ours, &theirs);
}

#[test]
fn logits_are_those_of_the_definition_across_every_block_edge() {
    for model in [Synthetic::llama(), Synthetic::qwen2()] {
        let mut engine = load(&model);
        // One token, a few, and beyond blocks of 192 positions, 512 keys and chunks of 512.
        for count in [1, 2, 19, 193, 513, 1200] {
            let tokens = tokens(count);
            engine.cache.truncate(0);
            let logits = engine.logits(&tokens).expect("logits");
            assert_close(&logits, &model.logits(&tokens, 1.0));
        }
    }
}

#[test]
fn token_by_token_is_the_same_as_all_at_once() {
    let mut engine = load(&Synthetic::llama());
    let mut chunked = load(&Synthetic::llama());
    chunked.chunk_tokens = 7;
    let mut single = load(&Synthetic::llama());
    single.chunk_tokens = 1;
    let tokens = tokens(1100);
    let whole = engine.logits(&tokens).expect("logits");
    assert_same(&chunked.logits(&tokens).expect("logits"), &whole);
    // Beyond 1,024 keys a single position is answered for in two stretches.
    assert_same(&single.logits(&tokens).expect("logits"), &whole);
}

#[test]
fn a_shared_prefix_is_not_computed_again_and_changes_nothing() {
    let mut engine = load(&Synthetic::qwen2());
    let mut first = tokens(300);
    engine
        .generate(&first, 20, &[], &mut |_| true)
        .expect("an answer");
    first.truncate(280);
    first.extend([1, 2, 3, 4, 5]);
    let again = engine
        .generate(&first, 20, &[], &mut |_| true)
        .expect("an answer");
    assert_eq!((again.cached_tokens, again.prompt_tokens), (280, 285));
    let fresh = load(&Synthetic::qwen2()).generate(&first, 20, &[], &mut |_| true);
    let fresh = fresh.expect("an answer");
    assert_eq!(fresh.cached_tokens, 0);
    assert_eq!(again.tokens, fresh.tokens);
    // Its own answer is a prefix too, all but the token that was never fed back.
    first.extend(&again.tokens);
    let continued = engine
        .generate(&first, 1, &[], &mut |_| true)
        .expect("an answer");
    assert_eq!(continued.cached_tokens, 285 + 19);
    // The same prompt again: only its last token is computed.
    let repeated = engine
        .generate(&first, 1, &[], &mut |_| true)
        .expect("an answer");
    assert_eq!(repeated.cached_tokens, first.len() as u64 - 1);
    assert_eq!(repeated.tokens, continued.tokens);
}

#[test]
fn the_cache_grows_while_an_answer_is_written() {
    let mut engine = load(&Synthetic::llama());
    let prompt = tokens(250);
    let answer = engine
        .generate(&prompt, 400, &[], &mut |_| true)
        .expect("an answer");
    assert_eq!(
        (answer.tokens.len(), answer.stopped),
        (400, Stopped::Length)
    );
    let mut all = prompt;
    all.extend(&answer.tokens[..399]);
    let held = engine.logits(&all).expect("logits");
    let fresh = load(&Synthetic::llama()).logits(&all).expect("logits");
    assert_same(&held, &fresh);
    assert_eq!(likeliest(&fresh).expect("a token"), answer.tokens[399]);
}

#[test]
fn an_answer_ends_at_a_stop_token_at_the_budget_at_the_window_and_when_nobody_listens() {
    let mut engine = load(&Synthetic::llama());
    let prompt = tokens(40);
    let whole = engine
        .generate(&prompt, 8, &[], &mut |_| true)
        .expect("an answer");
    assert_eq!((whole.tokens.len(), whole.stopped), (8, Stopped::Length));
    let stop = whole.tokens[7];
    let before = whole
        .tokens
        .iter()
        .position(|&token| token == stop)
        .expect("it is there");
    let stopped = engine
        .generate(&prompt, 8, &[stop], &mut |_| true)
        .expect("an answer");
    assert_eq!(
        (stopped.tokens.len(), stopped.stopped),
        (before, Stopped::Stop)
    );
    let mut seen = Vec::new();
    let cancelled = engine.generate(&prompt, 8, &[], &mut |token| {
        seen.push(token);
        seen.len() < 3
    });
    let cancelled = cancelled.expect("an answer");
    assert_eq!(
        (cancelled.tokens, cancelled.stopped),
        (seen, Stopped::Cancelled)
    );
    let long = tokens(synthetic::CONTEXT - 5);
    let full = engine
        .generate(&long, 100, &[], &mut |_| true)
        .expect("an answer");
    assert_eq!((full.tokens.len(), full.stopped), (5, Stopped::Length));
}

#[test]
fn a_prompt_beyond_the_window_is_an_error_of_its_own() {
    let mut engine = load(&Synthetic::llama());
    let context = synthetic::CONTEXT as u64;
    for excess in [0, 1, 1000] {
        let long = tokens(synthetic::CONTEXT + excess);
        let error = engine
            .generate(&long, 1, &[], &mut |_| true)
            .expect_err("too long");
        let expected = TooLong {
            prompt: context + excess as u64,
            context,
        };
        assert_eq!(error.downcast_ref::<TooLong>(), Some(&expected));
    }
    assert!(engine.generate(&[], 1, &[], &mut |_| true).is_err());
    let unknown = engine
        .logits(&[1, synthetic::VOCABULARY as u32])
        .expect_err("no such token");
    assert!(unknown.to_string().contains("token 80 is not among"));
    // And it still answers.
    assert!(engine.generate(&tokens(9), 1, &[], &mut |_| true).is_ok());
}

#[test]
fn linear_scaling_divides_positions_and_other_kinds_are_refused() {
    let mut model = Synthetic::llama();
    model.set("rope.scaling.type", Value::String("linear".into()));
    model.set("rope.scaling.factor", Value::F32(4.0));
    let tokens = tokens(60);
    assert_close(
        &load(&model).logits(&tokens).expect("logits"),
        &model.logits(&tokens, 4.0),
    );
    model.set("rope.scaling.type", Value::String("yarn".into()));
    assert!(refusal(&model).contains("yarn"));
}

#[test]
fn quantised_weights_are_read_as_candle_reads_them() {
    for format in [
        GgmlDType::Q8_0,
        GgmlDType::F16,
        GgmlDType::BF16,
        GgmlDType::Q5_1,
    ] {
        let mut model = Synthetic::qwen2();
        model.format = format;
        let mut engine = load(&model);
        let device = candle_core::Device::Cpu;
        for (dims, numbers) in model
            .tensors
            .values_mut()
            .filter(|(dims, _)| dims.len() == 2)
        {
            let tensor = candle_core::Tensor::from_slice(numbers, dims.as_slice(), &device)
                .and_then(|tensor| candle_core::quantized::QTensor::quantize(&tensor, format))
                .and_then(|tensor| tensor.dequantize(&device)?.flatten_all()?.to_vec1());
            *numbers = tensor.expect("numbers");
        }
        let tokens = tokens(30);
        assert_close(
            &engine.logits(&tokens).expect("logits"),
            &model.logits(&tokens, 1.0),
        );
    }
}

#[test]
fn what_this_engine_does_not_run_is_named_in_one_line() {
    let mut other = Synthetic::llama();
    other.metadata.insert(
        "general.architecture".into(),
        Value::String("gemma3".into()),
    );
    let said = refusal(&other);
    assert!(said.contains("gemma3") && said.contains("llama-server") && !said.contains('\n'));

    let mut extra = Synthetic::llama();
    extra
        .tensors
        .insert("blk.0.attn_q_norm.weight".into(), (vec![16], vec![1.0; 16]));
    assert!(refusal(&extra).contains("attn_q_norm"));

    let mut experts = Synthetic::llama();
    experts.set("expert_count", Value::U32(8));
    assert!(refusal(&experts).contains("experts"));
}

#[test]
fn a_model_that_does_not_fit_together_is_refused() {
    let mut missing = Synthetic::llama();
    missing.tensors.remove("blk.1.ffn_up.weight");
    assert!(refusal(&missing).contains("blk.1.ffn_up.weight is missing"));

    let mut shape = Synthetic::llama();
    shape.tensors.insert(
        "blk.1.attn_k.weight".into(),
        (vec![32, 32], vec![0.0; 1024]),
    );
    assert!(refusal(&shape).contains("blk.1.attn_k.weight is [32, 32] where [32, 64]"));

    for (key, value) in [
        ("attention.head_count", Value::U32(0)),
        ("attention.head_count", Value::U32(3)),
        ("attention.head_count_kv", Value::U32(3)),
        ("attention.head_count_kv", Value::I32(-2)),
        ("attention.key_length", Value::U32(u32::MAX)),
        ("attention.key_length", Value::U32(1 << 31)),
        ("embedding_length", Value::U64(u64::MAX)),
        ("feed_forward_length", Value::U64(1 << 31)),
        ("block_count", Value::U64(1 << 31)),
        ("context_length", Value::U32(0)),
        ("context_length", Value::String("long".into())),
        ("rope.dimension_count", Value::U32(15)),
        ("rope.dimension_count", Value::U32(64)),
        ("rope.freq_base", Value::F32(f32::NAN)),
        ("rope.freq_base", Value::F32(-1.0)),
    ] {
        let mut model = Synthetic::qwen2();
        model.set(key, value.clone());
        assert!(!refusal(&model).is_empty(), "{key} {value:?}");
    }
    let mut aligned = Synthetic::llama();
    aligned
        .metadata
        .insert("general.alignment".into(), Value::U32(0));
    assert!(refusal(&aligned).contains("alignment"));
}

#[test]
fn a_cut_file_is_an_error_wherever_it_is_cut() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = Synthetic::llama().write(folder.path());
    let whole = std::fs::read(&path).expect("bytes");
    let header = (0..4096).step_by(13);
    for length in header.chain((4096..whole.len() - 64).step_by(16_001)) {
        std::fs::write(&path, &whole[..length]).expect("a shorter file");
        assert!(
            Engine::load(&path, Some(1)).is_err(),
            "{length} bytes were enough"
        );
    }
    assert!(Engine::load(&folder.path().join("nowhere.gguf"), Some(1)).is_err());
}

#[test]
fn a_damaged_header_never_panics() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = Synthetic::qwen2().write(folder.path());
    let whole = std::fs::read(&path).expect("bytes");
    // Every eight bytes of the header become the worst number there is, and single bytes turn.
    for at in (0..3000).step_by(17) {
        for damage in [
            [0xff; 8],
            [0; 8],
            [0, 0, 0, 0x80, 0, 0, 0, 0],
            [0xff, 0, 0, 0, 0, 0, 0, 0x7f],
        ] {
            let mut damaged = whole.clone();
            damaged[at..at + 8].copy_from_slice(&damage);
            std::fs::write(&path, &damaged).expect("a file");
            if let Ok(mut engine) = Engine::load(&path, Some(1)) {
                // Names and a few numbers may change and leave a model that runs.
                let _ = engine.generate(&[1, 2, 3], 2, &[], &mut |_| true);
            }
        }
    }
}

#[test]
fn a_model_larger_than_the_memory_is_refused_before_it_is_loaded() {
    assert!(check_memory("it", 10, Some(10)).is_ok() && check_memory("it", u64::MAX, None).is_ok());
    let said = check_memory("it", 28_000_000_000, Some(16_500_000_000)).expect_err("too large");
    assert!(said.to_string().contains("28.0 GB") && said.to_string().contains("16.5 GB"));
    let folder = tempfile::tempdir().expect("a folder");
    let gguf = Gguf::open(&Synthetic::qwen2().write(folder.path())).expect("a file");
    let numbers: usize = Synthetic::qwen2()
        .tensors
        .values()
        .map(|(_, numbers)| numbers.len())
        .sum();
    assert_eq!(gguf.f32_bytes(), 4 * numbers as u64);
}

#[test]
fn an_engine_can_be_handed_to_another_thread() {
    fn sendable<T: Send>(_: &T) {}
    sendable(&load(&Synthetic::llama()));
}

#[test]
fn weights_that_are_not_numbers_give_no_answer() {
    let mut model = Synthetic::llama();
    if let Some((_, numbers)) = model.tensors.get_mut("output_norm.weight") {
        numbers.fill(f32::NAN);
    }
    let error = load(&model)
        .generate(&[1, 2], 4, &[], &mut |_| true)
        .expect_err("no numbers");
    assert!(error.to_string().contains("damaged"));
}

/// Wants `DEPTHFINDER_TEST_GGUF` to name SmolLM2-135M-Instruct, in any format.
#[test]
fn real_weights_find_a_needle() {
    let Some(path) = std::env::var_os("DEPTHFINDER_TEST_GGUF") else {
        return;
    };
    let mut engine = Engine::load(Path::new(&path), None).expect("a model");
    assert_eq!(engine.info().vocabulary, 49_152, "this is not SmolLM2");
    // As llama-server's /tokenize has it: "<|im_start|>user\nThe special magic number for Lisbon is
    // 4819273.\nWhat is the special magic number for Lisbon? Answer with the number only.<|im_end|>\n
    // <|im_start|>assistant\n"
    let number = [36, 40, 33, 41, 34, 39, 35];
    let mut prompt = vec![1, 4093, 198, 504, 1767, 9019, 1230, 327, 42944, 314, 216];
    prompt.extend(number);
    prompt.extend([30, 198, 1780, 314, 260, 1767, 9019, 1230, 327, 42944, 47]);
    prompt.extend([19842, 351, 260, 1230, 805, 30, 2, 198, 1, 520, 9531, 198]);
    let answer = engine.generate(&prompt, 40, &[2], &mut |_| true);
    let answer = answer.expect("an answer");
    assert_eq!(answer.stopped, Stopped::Stop);
    assert!(answer.tokens.windows(7).any(|window| window == number));
    // Through the cache, with another needle behind the shared prefix, as without.
    prompt[17] = 36;
    let cached = engine.generate(&prompt, 40, &[2], &mut |_| true);
    let cached = cached.expect("an answer");
    assert_eq!(cached.cached_tokens, 17);
    engine.cache.truncate(0);
    let fresh = engine.generate(&prompt, 40, &[2], &mut |_| true);
    assert_eq!(cached.tokens, fresh.expect("an answer").tokens);
}
