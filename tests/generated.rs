//! Generated volumes are texts like any other: they are indexed, cut into sentences and counted.

use depthfinder::corpus::{Corpus, Kind, Text};
use depthfinder::index::Index;
use depthfinder::tokens::Tokenizer;

fn own_text() -> Corpus {
    Corpus {
        name: "own".into(),
        texts: vec![Text::owned(
            "own",
            "One sentence here. Another one there.".into(),
        )],
    }
}

#[test]
fn a_corpus_with_volumes_is_indexed_and_its_units_are_cut_like_those_of_prose() {
    let corpus = own_text().with_generated(1).expect("one volume");
    let tokenizer = Tokenizer::bundled("o200k").expect("built in");
    let index = Index::build(&corpus, &tokenizer).expect("indexes");
    assert!(index.additive);
    assert_eq!(corpus.texts[1].kind, Kind::Generated);
    let (volume, text) = (&index.texts[1], corpus.texts[1].as_str().expect("is made"));
    assert_eq!(u64::from(volume.len_bytes), corpus.texts[1].len_bytes());
    let whole = tokenizer.encode(text).expect("encodes").len() as u64;
    assert_eq!(volume.tokens(0, volume.units()), whole);
    for unit in 1..volume.units() {
        let (from, to) = volume.bytes(unit, unit + 1);
        let mut letters = text[from..to].chars();
        assert_eq!(letters.next(), Some(' '));
        assert!(letters.next().is_some_and(|c| !c.is_whitespace()));
        assert!(!text[from..to].ends_with(char::is_whitespace));
    }

    // Volume 0 is the first of Austen's novels in other words, so sentences are as many and as long.
    let source = Corpus::open("en-prose").expect("built in");
    let source = Corpus {
        name: "emma".into(),
        texts: source
            .texts
            .into_iter()
            .filter(|text| text.name == "austen-emma")
            .collect(),
    };
    let real = Index::build(&source, &tokenizer).expect("indexes");
    let bytes_a_unit = |index: &Index, text: usize| {
        let text = &index.texts[text];
        f64::from(text.len_bytes) / f64::from(text.units())
    };
    let ratio = bytes_a_unit(&index, 1) / bytes_a_unit(&real, 0);
    assert!((0.8..1.25).contains(&ratio), "{ratio}");
    let tokens_a_byte = |index: &Index, text: usize| {
        let text = &index.texts[text];
        text.tokens(0, text.units()) as f64 / f64::from(text.len_bytes)
    };
    let ratio = tokens_a_byte(&index, 1) / tokens_a_byte(&real, 0);
    assert!((0.85..1.25).contains(&ratio), "{ratio}");
}
