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
