//! Names that nobody bears, in the likeness of the source's own: three letters say which may follow.

use crate::lexicon::Lexicon;
use depthfinder::seed::RunKey;
use std::collections::{BTreeMap, BTreeSet};

const LETTERS: std::ops::RangeInclusive<usize> = 4..=10;
/// No name may hold one of these.
const RUDE: &[&str] = &[
    "arse", "ass", "bitch", "boob", "cock", "coon", "crap", "cum", "cunt", "dago", "dick", "dyke",
    "fag", "fuck", "gook", "homo", "jap", "jew", "kike", "klux", "nazi", "nig", "paki", "penis",
    "piss", "poo", "porn", "prick", "pube", "rape", "sex", "shit", "slut", "spic", "tit", "turd",
    "twat", "wank", "whor",
];

/// `count` different names with a capital, none of them in `known` or on WordNet's lists.
pub fn names(
    models: &[&str],
    count: usize,
    known: &BTreeSet<&str>,
    lexicon: &Lexicon,
) -> Vec<String> {
    let mut after: BTreeMap<[u8; 3], Vec<u8>> = BTreeMap::new();
    for model in models {
        if model.len() < 4 || !model.bytes().all(|byte| byte.is_ascii_lowercase()) {
            continue;
        }
        let mut last = *b"^^^";
        for byte in model.bytes().chain([b'$']) {
            after.entry(last).or_default().push(byte);
            last = [last[1], last[2], byte];
        }
    }
    let mut stream = RunKey::public("re-skin names, version 1").stream("names", &[]);
    let mut seen = BTreeSet::new();
    let mut names = Vec::new();
    while names.len() < count {
        let mut name = String::new();
        let mut last = *b"^^^";
        while let Some(next) = after.get(&last) {
            let byte = next[stream.below(next.len() as u64) as usize];
            if byte == b'$' || name.len() > *LETTERS.end() {
                break;
            }
            name.push(char::from(byte));
            last = [last[1], last[2], byte];
        }
        if LETTERS.contains(&name.len())
            && !known.contains(&name[..])
            && !lexicon.is_listed(&name)
            && !RUDE.iter().any(|rude| name.contains(rude))
            && seen.insert(name.clone())
        {
            let capital = name[..1].to_ascii_uppercase();
            names.push(capital + &name[1..]);
        }
    }
    names
}
