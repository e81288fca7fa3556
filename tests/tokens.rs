//! Every way of counting tokens agrees with every other, and with encoders that we did not write.

use depthfinder::tokens::Tokenizer;

const HOSTILE: &str = "He said: \"It's 3.14159…\" — naïve café, 12345678 times!\n\n\tTabs  and   runs of    spaces\r\n汉字 和 かな, emoji 👩‍👩‍👧 end. <|endoftext|x> a\u{301} ﬁ don't WE'LL I'Ve";

#[test]
fn the_fast_encoder_of_a_bundled_vocabulary_agrees_with_the_small_one() {
    for (name, small) in [
        ("o200k", bpe_openai::o200k_base()),
        ("cl100k", bpe_openai::cl100k_base()),
    ] {
        let fast = Tokenizer::bundled(name).expect("bundled");
        let encoder = fast.encoder().expect("loads");
        assert!(encoder.is_fast());
        for text in [HOSTILE, "", " ", "The quick brown fox.", "ααα\u{0}βββ"] {
            let ids = fast.encode(text).expect("encodes");
            assert_eq!(ids, small.encode(text), "{name}: {text:?}");
            assert_eq!(fast.decode(&ids).expect("decodes"), text);
            let bytes: usize = ids
                .iter()
                .map(|&id| encoder.token_bytes(id).expect("known"))
                .sum();
            assert_eq!(bytes, text.len());
        }
    }
}

#[test]
fn the_built_in_corpus_is_indexed_exactly() {
    let corpus = depthfinder::corpus::Corpus::open("en").expect("built in");
    let tokenizer = Tokenizer::bundled("o200k").expect("bundled");
    tokenizer.encoder().expect("loads");
    let began = std::time::Instant::now();
    let index = depthfinder::index::Index::build(&corpus, &tokenizer).expect("indexes");
    println!("{:?}", began.elapsed());
    assert!(index.additive);
    println!(
        "{} {}",
        index.total_tokens(depthfinder::corpus::Kind::Prose),
        index.total_tokens(depthfinder::corpus::Kind::Code)
    );
    println!(
        "{:?}",
        index
            .texts
            .iter()
            .map(|t| (t.units(), t.len_bytes))
            .collect::<Vec<_>>()
    );
    println!(
        "{:?}",
        index.fillers.iter().map(|f| f.len()).collect::<Vec<_>>()
    );
}
