//! One posed haystack a task and language, kept as readable text, so that no sentence moves unseen.
//!
//! The files lie under `tests/golden/tasks`; `DEPTHFINDER_REWRITE_GOLDEN=1 cargo test golden`
//! writes them anew, and the difference is looked at before it is kept.

use super::{Entry, Posed, Scene, Sizes};
use crate::corpus::{Corpus, Text};
use crate::fact::Facts;
use crate::language::Language;
use crate::lexicon::Lexicon;
use crate::seed::Secret;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Poses one haystack of a task from a secret, with its depth and what was asked of its difficulty.
pub fn posed(
    entry: &Entry,
    told: &'static Language,
    secret: u64,
    depth_percent: f64,
    asked: &BTreeMap<String, u64>,
) -> Posed {
    scene(entry, told, secret, depth_percent, asked, 2_000).0
}

/// The haystack that the files keep, in a language by its code.
pub fn posed_in(entry: &Entry, code: &str) -> Posed {
    posed_of(entry, code, 1_000)
}

/// The same for a text of another length.
pub fn posed_of(entry: &Entry, code: &str, text_tokens: u64) -> Posed {
    timed(entry, code, text_tokens).0
}

/// The same, and how long the posing took.
pub fn timed(entry: &Entry, code: &str, text_tokens: u64) -> (Posed, Duration) {
    let language = Language::named(code).expect("is read");
    scene(entry, language, 7, 40.0, &BTreeMap::new(), text_tokens)
}

fn scene(
    entry: &Entry,
    told: &'static Language,
    secret: u64,
    depth_percent: f64,
    asked: &BTreeMap<String, u64>,
    text_tokens: u64,
) -> (Posed, Duration) {
    let key = Secret::from_hex(&format!("{secret:04x}"))
        .expect("hex")
        .key("");
    let hay = Corpus {
        name: "hay".into(),
        texts: vec![Text::owned("hay", "Nothing happened here.".into())],
    };
    let lexicon = Arc::new(Lexicon::of(&hay).expect("collects"));
    let sizes = || Sizes { keys: 4, asked };
    let questions = (entry.questions)(&sizes()) as usize;
    let mut scene = Scene {
        told,
        asked: told,
        values: Default::default(),
        wording: 0,
        sizes: sizes(),
        facts: &Facts::new(&key, told, vec![lexicon]).expect("lists"),
        facts_from: 0,
        depths_percent: &[depth_percent, 10.0, 90.0, 30.0, 70.0, 20.0][..questions],
        text_tokens,
        stream: key.stream("golden", &[entry.code]),
    };
    let from = Instant::now();
    let posed = (entry.pose)(&mut scene).expect("is posed");
    (posed, from.elapsed())
}

/// The languages that have a task.
pub fn languages(entry: &Entry) -> Vec<&'static Language> {
    Language::codes()
        .map(|code| Language::named(code).expect("is read"))
        .filter(|language| (entry.speaks)(language))
        .collect()
}

/// Compares a haystack of a task in each language that has it with its file.
pub fn check(entry: &Entry) {
    for language in languages(entry) {
        let written = written(&posed_in(entry, language.code));
        let name = format!("tests/golden/tasks/{}.{}.txt", entry.name, language.code);
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(&name);
        if std::env::var_os("DEPTHFINDER_REWRITE_GOLDEN").is_some() {
            let folder = path.parent().expect("has a folder");
            std::fs::create_dir_all(folder).expect("can be made");
            std::fs::write(&path, &written).expect("can be written");
        }
        let kept = std::fs::read_to_string(&path).unwrap_or_default();
        assert_eq!(written, kept, "{name} tells another haystack");
    }
}

fn written(posed: &Posed) -> String {
    let mut written = String::new();
    for planted in &posed.planted {
        let (depth, sentence) = (planted.depth_percent, &planted.sentence);
        let _ = writeln!(written, "{depth:6.2} % {sentence}");
    }
    if !posed.words.is_empty() {
        let _ = writeln!(written, "{}", posed.words.text());
    }
    for question in &posed.questions {
        let (right, about) = (&question.right, question.about);
        let distractors = question.distractors.join(", ");
        let _ = write!(
            written,
            "\nasked: {}\nkey: {}\nright: {} ({:?}, {:?})\nothers: {distractors}\nabout: {about}\n",
            question.text,
            question.key,
            right.shown(),
            right.rule,
            right.value_type,
        );
    }
    written
}
