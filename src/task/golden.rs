//! Golden prompts: what a task poses from one fixed scene, as text that can be read.
//!
//! They lie under `tests/golden/tasks`; where a change is meant, the tests of the tasks rewrite
//! them with `DEPTHFINDER_REWRITE_GOLDEN=1`, and the difference is looked at before it is kept.

use super::{Entry, Posed, Scene, Sizes};
use crate::corpus::{Corpus, Text};
use crate::fact::Facts;
use crate::language::Language;
use crate::lexicon::Lexicon;
use crate::seed::Secret;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// What a task poses from the fixed scene, text and question in one language.
pub fn posed(entry: &Entry, code: &str) -> Posed {
    posed_of(entry, code, 1_000)
}

/// The same for a text of another length.
pub fn posed_of(entry: &Entry, code: &str, text_tokens: u64) -> Posed {
    timed(entry, code, text_tokens).0
}

/// The same, and how long the posing took.
pub fn timed(entry: &Entry, code: &str, text_tokens: u64) -> (Posed, Duration) {
    let language = Language::named(code).expect("is read");
    let key = Secret::from_hex("60").expect("hex").key("");
    let corpus = Corpus {
        name: "none".into(),
        texts: vec![Text::owned("none", String::new())],
    };
    let lexicon = Arc::new(Lexicon::of(&corpus).expect("collects"));
    let asked = BTreeMap::new();
    let sizes = || Sizes {
        keys: 4,
        asked: &asked,
    };
    let questions = (entry.questions)(&sizes()) as usize;
    let mut scene = Scene {
        told: language,
        asked: language,
        values: Default::default(),
        wording: 0,
        sizes: sizes(),
        facts: &Facts::new(&key, language, lexicon).expect("lists"),
        facts_from: 0,
        depths_percent: &[50.0, 10.0, 90.0, 30.0, 70.0, 20.0][..questions],
        text_tokens,
        stream: key.stream("golden", &[entry.code]),
    };
    let from = Instant::now();
    let posed = (entry.pose)(&mut scene).expect("is posed");
    (posed, from.elapsed())
}

/// Compares what a task poses with what it posed when its file was written.
pub fn check(entry: &Entry) {
    for code in Language::codes() {
        if !(entry.speaks)(Language::named(code).expect("is read")) {
            continue;
        }
        let written = written(&posed(entry, code));
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/tasks");
        let path = format!("{folder}/{}.{code}.txt", entry.name);
        if std::env::var_os("DEPTHFINDER_REWRITE_GOLDEN").is_some() {
            std::fs::create_dir_all(folder).expect("can be made");
            std::fs::write(&path, &written).expect("can be written");
        }
        let kept = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(written == kept, "{path} is not what is posed:\n{written}");
    }
}

fn written(posed: &Posed) -> String {
    let mut planted: Vec<_> = posed.planted.iter().collect();
    planted.sort_by(|a, b| a.depth_percent.total_cmp(&b.depth_percent));
    let mut text = String::new();
    for planted in planted {
        let _ = writeln!(text, "{:.2} % {}", planted.depth_percent, planted.sentence);
    }
    if !posed.words.is_empty() {
        let _ = writeln!(text, "{}", posed.words.text());
    }
    for question in &posed.questions {
        let _ = writeln!(text, "? {}\n= {}", question.text, question.right.shown());
    }
    text
}
