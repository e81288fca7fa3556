//! Keys that stand in a text but for their endings: of which words two forms are taken for one.
//!
//! What a word loses is cut off by a list of endings of each language. That takes too many words
//! for one rather than too few: it only costs another draw.

use super::words::{fold, hash, is_spaceless};
use crate::names;
use anyhow::Result;
use std::collections::HashSet;

/// Of a row of characters no more is kept than two words need; it is cut now and then.
const MOST_ROW_BYTES: usize = 4096;

/// How the keys of a language are made and what forms their words take.
struct Forms {
    code: &'static str,
    /// Lists of the first and of the last words.
    lists: [&'static str; 2],
    /// Letters that its words are written in.
    letters: fn(char) -> bool,
    /// Articles and the like that are written on to a word.
    heads: &'static str,
    endings: &'static str,
    /// Characters of a word that always stay.
    stay: usize,
    /// Where no spaces part words: what may stand between the two.
    joint: Option<char>,
}

fn is_latin(c: char) -> bool {
    c.is_ascii_alphabetic() || matches!(c, '\u{c0}'..='\u{24f}')
}

/// Lists of endings after Porter's Snowball stemmers (de, fr, es, ru) and the light stemmers of
/// Larkey (Arabic, 2002) and Ramanathan and Rao (Hindi, 2003), cut down to nouns; for Korean the
/// particles.
const ALL: &[Forms] = &[
    Forms {
        code: "de",
        lists: ["de-nouns", "de-nouns"],
        letters: is_latin,
        heads: "",
        endings: "ern ens em en er es e n s",
        stay: 3,
        joint: None,
    },
    Forms {
        code: "fr",
        lists: ["fr-nouns", "fr-nouns"],
        letters: is_latin,
        heads: "",
        endings: "es e s x",
        stay: 3,
        joint: None,
    },
    Forms {
        code: "es",
        lists: ["es-nouns", "es-nouns"],
        letters: is_latin,
        heads: "",
        endings: "as es os a e o s",
        stay: 3,
        joint: None,
    },
    Forms {
        code: "ru",
        lists: ["ru-nouns", "ru-nouns"],
        letters: |c| matches!(c, '\u{400}'..='\u{4ff}'),
        heads: "",
        endings: "иями ями ами ией иям иях ием ов ев ей ом ем ам ям ах ях ой ою ею ью ия ии ию ие ий а я о е у ю ы и ь й",
        stay: 3,
        joint: None,
    },
    Forms {
        code: "ar",
        lists: ["ar-nouns", "ar-nouns"],
        letters: |c| matches!(c, '\u{620}'..='\u{64a}'),
        heads: "وال بال فال كال ال لل",
        endings: "ات ون ين ان ها ة ه ا",
        stay: 2,
        joint: None,
    },
    Forms {
        code: "hi",
        lists: ["hi-nouns", "hi-nouns"],
        letters: |c| matches!(c, '\u{900}'..='\u{97f}'),
        heads: "",
        endings: "ियाँ ियों िया ाओं ुओं ाएँ ओं एँ ों ें ाँ ा े ी ो",
        stay: 2,
        joint: None,
    },
    Forms {
        code: "ko",
        lists: ["ko-nouns", "ko-nouns"],
        letters: |c| matches!(c, '\u{ac00}'..='\u{d7a3}'),
        heads: "",
        endings: "에서는 에서 에게 에는 으로 부터 까지 이나 들은 들이 들을 들의 은 는 이 가 을 를 의 에 로 와 과 도 들 만 나",
        stay: 2,
        joint: None,
    },
    Forms {
        code: "ja",
        lists: ["ja-nouns", "ja-nouns"],
        letters: is_spaceless,
        heads: "",
        endings: "",
        stay: 1,
        joint: Some('の'),
    },
    Forms {
        code: "zh",
        lists: ["zh-adjectives", "zh-nouns"],
        letters: is_spaceless,
        heads: "",
        endings: "",
        stay: 1,
        joint: Some('的'),
    },
];

impl Forms {
    /// What all forms of a word have in common, of a word in lower case.
    fn stem(&self, word: &str) -> String {
        let count = |text: &str| text.chars().count();
        let head = self
            .heads
            .split_whitespace()
            .find_map(|head| word.strip_prefix(head));
        let mut cut = head.filter(|rest| count(rest) >= self.stay).unwrap_or(word);
        // One after the other: a genitive ends behind the ending of its noun.
        while let Some(rest) = self.endings.split_whitespace().find_map(|ending| {
            let rest = cut.strip_suffix(ending)?;
            (count(rest) >= self.stay).then_some(rest)
        }) {
            cut = rest;
        }
        let plain = |c| match c {
            // A plural of German changes the vowel: Garten, Gärten.
            'ä' if self.code == "de" => 'a',
            'ö' if self.code == "de" => 'o',
            'ü' if self.code == "de" => 'u',
            _ => c,
        };
        cut.chars().map(plain).collect()
    }

    fn sum(&self, word: &str) -> u64 {
        hash(self.stem(word).as_bytes())
    }

    /// What a near match is kept as.
    fn pair(&self, first: u64, last: u64) -> u64 {
        hash(format!("{}~{first:x}~{last:x}", self.code).as_bytes())
    }
}

/// What a near match of a key is kept as; none in a language whose keys are looked for as they are
/// written.
pub(super) fn pair(code: &str, first: &str, last: &str) -> Option<u64> {
    let forms = ALL.iter().find(|forms| forms.code == code)?;
    let sum = |word: &str| forms.sum(&fold(word));
    Some(forms.pair(sum(first), sum(last)))
}

/// The words that keys of a language are made of, and the last word that was read.
pub(super) struct NearKeys {
    forms: &'static Forms,
    firsts: HashSet<u64>,
    lasts: HashSet<u64>,
    /// The longest word of the lists, in characters.
    longest: usize,
    previous: Option<u64>,
    /// The last characters in a row, where no spaces part words.
    row: String,
}

impl NearKeys {
    /// Those of every language whose keys are looked for in other forms.
    pub fn all() -> Result<Vec<NearKeys>> {
        let read = |forms: &'static Forms| {
            let [first, last] = forms.lists;
            let (first, last) = (names::list(first)?, names::list(last)?);
            let lengths = first.iter().chain(&last).map(|word| word.chars().count());
            let longest = lengths.max().unwrap_or(0);
            let sums = |list: &[String]| -> HashSet<u64> {
                let folded = list.iter().map(|word| fold(word));
                folded.map(|word| forms.sum(&word)).collect()
            };
            Ok(NearKeys {
                forms,
                firsts: sums(&first),
                lasts: sums(&last),
                longest,
                previous: None,
                row: String::new(),
            })
        };
        ALL.iter().map(read).collect()
    }

    /// True where a text of a language may hold near matches; where the language is not known, a
    /// text of any.
    pub fn reads(&self, language: Option<&str>) -> bool {
        language.is_none_or(|language| language.starts_with(self.forms.code))
    }

    /// Goes to the next text.
    pub fn begin(&mut self) {
        self.previous = None;
        self.row.clear();
    }

    /// Reads a word in lower case and says what stands in the text with it.
    pub fn read(&mut self, word: &str, mut held: impl FnMut(u64)) {
        if self.forms.joint.is_some() {
            return self.read_row(word, held);
        }
        let is_of_script = word.chars().next().is_some_and(self.forms.letters);
        let sum = is_of_script.then(|| self.forms.sum(word));
        if let (Some(first), Some(last)) = (self.previous, sum)
            && self.firsts.contains(&first)
            && self.lasts.contains(&last)
        {
            held(self.forms.pair(first, last));
        }
        self.previous = sum;
    }

    /// A key of words without spaces ends at any character, with its joint or without, whatever
    /// signs stand between its characters.
    fn read_row(&mut self, word: &str, mut held: impl FnMut(u64)) {
        for c in word.chars() {
            if !(self.forms.letters)(c) {
                self.row.clear();
                continue;
            }
            if self.row.len() > MOST_ROW_BYTES {
                let kept = self.row.char_indices().rev().nth(2 * self.longest);
                self.row.drain(..kept.map_or(0, |(at, _)| at));
            }
            self.row.push(c);
            for last in tails(&self.row, self.longest) {
                let sum = hash(last.as_bytes());
                if !self.lasts.contains(&sum) {
                    continue;
                }
                let before = &self.row[..self.row.len() - last.len()];
                let joined = self
                    .forms
                    .joint
                    .and_then(|joint| before.strip_suffix(joint));
                for before in std::iter::once(before).chain(joined) {
                    tails(before, self.longest)
                        .map(|first| hash(first.as_bytes()))
                        .filter(|first| self.firsts.contains(first))
                        .for_each(|first| held(self.forms.pair(first, sum)));
                }
            }
        }
    }
}

/// The ends of a text of one character, two, and so on.
fn tails(text: &str, most: usize) -> impl Iterator<Item = &str> {
    let starts = text.char_indices().rev().take(most);
    starts.map(move |(at, _)| &text[at..])
}

#[cfg(test)]
mod tests {
    use super::super::Lexicon;
    use super::*;
    use crate::corpus::{Corpus, Text};

    fn lexicon(text: &str) -> Lexicon {
        let corpus = Corpus {
            name: "x".into(),
            texts: vec![Text::owned("x", text.into())],
        };
        Lexicon::of(&corpus).expect("collects")
    }

    #[test]
    fn words_of_a_key_are_found_side_by_side_in_their_forms_and_in_its_order_alone() {
        for (code, first, last, text) in [
            ("de", "Kröte", "Igel", "Von Kröten, Igeln und Hühnern."),
            (
                "fr",
                "aviateur",
                "biscuit",
                "Les aviateurs (biscuits à part).",
            ),
            ("es", "mensaje", "lancha", "Dos mensajes: lanchas rotas."),
            ("ru", "справка", "зоопарк", "Со справкой зоопарка пришли."),
            ("ar", "حديد", "خبز", "قال إن الحديد والخبز هنا."),
            ("hi", "केला", "गुड़िया", "ये केले गुड़ियों के हैं।"),
            ("ko", "공기", "게임", "이것은 공기의 게임을 말한다."),
            ("ja", "鐘", "寿司", "これは鐘寿司である。"),
            ("ja", "鐘", "寿司", "これは鐘の寿司である。"),
            ("zh", "精美", "亮相", "他们精美，亮相了。"),
            ("zh", "精美", "亮相", "这是精美的亮相。"),
        ] {
            let lexicon = lexicon(text);
            assert!(lexicon.holds_near(code, first, last), "{text}");
            assert!(!lexicon.holds_near(code, last, first), "{text}");
            assert!(!lexicon.holds_near("en", first, last), "{text}");
            // Not side by side: what stands between is no joint.
            let apart = text.replace(['，', '的', 'の'], "和").replace(' ', " und ");
            let apart = apart.replace("鐘寿", "鐘と寿");
            assert!(
                !self::lexicon(&apart).holds_near(code, first, last),
                "{apart}"
            );
        }
    }

    /// Held against the words of the text as they stand there.
    #[test]
    fn no_key_whose_words_stand_side_by_side_is_missed_in_real_text() {
        for code in ["de", "ru", "ko"] {
            let forms = ALL.iter().find(|forms| forms.code == code).expect("listed");
            let words: HashSet<String> = names::list(forms.lists[0])
                .expect("a list")
                .into_iter()
                .collect();
            let corpus = Corpus::open(code).expect("built in");
            let lexicon = Lexicon::of(&corpus).expect("collects");
            let mut met = 0;
            for text in &corpus.texts {
                let text = text.as_str().expect("UTF-8");
                let split = text.split(|c: char| c.is_whitespace() || c.is_ascii_punctuation());
                let all: Vec<&str> = split.filter(|word| !word.is_empty()).collect();
                for pair in all.windows(2) {
                    if words.contains(pair[0]) && words.contains(pair[1]) {
                        met += 1;
                        assert!(lexicon.holds_near(code, pair[0], pair[1]), "{pair:?}");
                    }
                }
            }
            assert!(met > 0, "{code}: the text has no such words");
        }
    }

    /// The numbers that METHOD.md gives.
    #[test]
    #[ignore = "a measurement over all built-in text: cargo test --release near -- --ignored"]
    fn so_many_keys_of_each_language_stand_in_its_own_text() {
        let share = |code: &str| -> (usize, usize) {
            let forms = ALL.iter().find(|forms| forms.code == code).expect("listed");
            let corpus = Corpus::open(code).expect("built in");
            let lexicon = Lexicon::of(&corpus).expect("collects");
            let lists = forms.lists.map(|list| names::list(list).expect("a list"));
            let sums = lists.map(|list| -> Vec<u64> {
                list.iter().map(|word| forms.sum(&fold(word))).collect()
            });
            let held = |first: &u64, last: &u64| {
                let pair = forms.pair(*first, *last);
                lexicon.hashes.binary_search(&pair).is_ok()
            };
            let [firsts, lasts] = sums;
            let found = firsts
                .iter()
                .flat_map(|first| lasts.iter().map(move |last| (first, last)));
            let found = found.filter(|(first, last)| held(first, last)).count();
            (found, firsts.len() * lasts.len())
        };
        let shares: Vec<(&str, usize, usize)> = ALL
            .iter()
            .map(|forms| {
                let (held, all) = share(forms.code);
                (forms.code, held, all)
            })
            .collect();
        assert_eq!(
            shares,
            [
                ("de", 143, 2_108_304),
                ("fr", 137, 1_437_601),
                ("es", 6_188, 2_735_716),
                ("ru", 1_782, 2_647_129),
                ("ar", 32, 234_256),
                ("hi", 1, 236_196),
                ("ko", 1_007, 4_072_324),
                ("ja", 27, 303_601),
                ("zh", 224, 1_800_000),
            ]
        );
    }
}
