//! One posed haystack a task and language, kept as readable text, so that no sentence moves unseen.
//!
//! `DEPTHFINDER_REWRITE_GOLDEN=1 cargo test golden` writes the files anew.

use super::{Entry, Scene, Sizes};
use crate::corpus::{Corpus, Text};
use crate::fact::Facts;
use crate::language::Language;
use crate::lexicon::Lexicon;
use crate::seed::Secret;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;

/// Poses one haystack of a task from a fixed secret, with its depth and what was asked of its
/// difficulty.
pub fn posed(
    entry: &Entry,
    told: &'static Language,
    secret: u64,
    depth_percent: f64,
    asked: &BTreeMap<String, u64>,
) -> super::Posed {
    let key = Secret::from_hex(&format!("{secret:04x}"))
        .expect("hex")
        .key("");
    let hay = Corpus {
        name: "hay".into(),
        texts: vec![Text::owned("hay", "Nothing happened here.".into())],
    };
    let lexicon = Arc::new(Lexicon::of(&hay).expect("collects"));
    let facts = Facts::new(&key, told, lexicon).expect("lists");
    let mut scene = Scene {
        told,
        asked: told,
        values: Default::default(),
        wording: 0,
        sizes: Sizes { keys: 4, asked },
        facts: &facts,
        facts_from: 0,
        depths_percent: &[depth_percent],
        text_tokens: 2_000,
        stream: key.stream("golden", &[entry.code]),
    };
    (entry.pose)(&mut scene).expect("is posed")
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
        let posed = posed(entry, language, 7, 40.0, &BTreeMap::new());
        let mut written = String::new();
        for planted in &posed.planted {
            let (depth, sentence) = (planted.depth_percent, &planted.sentence);
            writeln!(written, "{depth:6.2} % {sentence}").expect("strings take all");
        }
        for question in &posed.questions {
            let (right, about) = (&question.right, question.about);
            let distractors = question.distractors.join(", ");
            write!(
                written,
                "\nasked: {}\nkey: {}\nright: {} ({:?}, {:?})\nothers: {distractors}\nabout: {about}\n",
                question.text, question.key, right.shown(), right.rule, right.value_type,
            )
            .expect("strings take all");
        }
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
