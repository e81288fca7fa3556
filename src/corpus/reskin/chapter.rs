//! One chapter in new words: the same word becomes the same word all through it.

use super::table::{Table, WordId};
use super::words::{Kind, Span, Spans};

/// Where a chapter's words go in one pass. Its tables are kept from chapter to chapter, so that
/// only the groups that a chapter meets are ever drawn.
pub struct Skin<'a> {
    table: &'a Table,
    pass: u32,
    seed: u64,
    years: i32,
    /// Replacement by word, valid where the group was drawn in this chapter.
    replacements: Vec<WordId>,
    drawn_in: Vec<u32>,
    chapter: u32,
    order: Vec<u32>,
}

impl<'a> Skin<'a> {
    /// For chapters of one pass over the source.
    pub fn new(table: &'a Table, pass: u32) -> Skin<'a> {
        Skin {
            table,
            pass,
            seed: 0,
            years: 0,
            replacements: vec![0; table.len()],
            drawn_in: vec![0; table.groups().len()],
            chapter: 0,
            order: Vec::new(),
        }
    }

    /// Begins a chapter. The order of each group's words comes from `seed`, which is the same in
    /// every pass, and a pass only says how far they move in it: so no two passes of a period
    /// give a word the same replacement.
    pub fn begin(&mut self, seed: u64) {
        self.chapter += 1;
        self.seed = seed;
        let mut mixer = Mixer(seed ^ u64::from(self.pass).wrapping_mul(0xd6e8_feb8_6659_fd93));
        // One distance for all years, so that they stay in their order.
        let distance = 3 + mixer.below(30) as i32;
        self.years = if mixer.below(2) == 0 {
            distance
        } else {
            -distance
        };
    }

    fn draw(&mut self, at: usize) {
        let group = self.table.groups()[at];
        let mut mixer = Mixer(self.seed ^ (at as u64 + 1).wrapping_mul(0x9fb2_1c65_1e98_df25));
        self.order.clear();
        self.order.extend(0..group.size);
        for place in (1..self.order.len()).rev() {
            self.order
                .swap(place, mixer.below(place as u64 + 1) as usize);
        }
        let shift = group.shift(self.pass) as usize;
        let (front, back) = (&self.order[shift..], &self.order[..shift]);
        let moved = front.iter().chain(back);
        if group.is_swap() {
            for (&from, &to) in self.order.iter().zip(moved) {
                self.replacements[(group.first + from) as usize] = group.first + to;
            }
        } else {
            for (from, &to) in moved.enumerate() {
                self.replacements[group.first as usize + from] = group.target + to;
            }
        }
        self.drawn_in[at] = self.chapter;
    }

    fn replacement(&mut self, word: &[u8]) -> Option<WordId> {
        let id = self.table.find(word)?;
        let group = self.table.group_of(id);
        if self.drawn_in[group] != self.chapter {
            self.draw(group);
        }
        Some(self.replacements[id as usize])
    }

    /// Writes a stretch of the chapter in its new words behind `out`. What it is given in UTF-8
    /// comes out in UTF-8.
    pub fn write(&mut self, text: &str, out: &mut Vec<u8>) {
        let bytes = text.as_bytes();
        // Where an article ends that the next word may want otherwise.
        let mut article: Option<usize> = None;
        for Span { kind, from, to } in Spans::of(text) {
            let part = &bytes[from..to];
            match kind {
                Kind::Gap => {
                    out.extend_from_slice(part);
                    if part != b" " && !OPENINGS.contains(&part) {
                        article = None;
                    }
                }
                Kind::Number => {
                    if bytes.get(to).is_some_and(u8::is_ascii_alphabetic) {
                        // The "3d" and "20th": endings that only their number has.
                        out.extend_from_slice(part);
                    } else {
                        let begun = out.len();
                        self.number(part, out);
                        let is_vowel = spoken_with_vowel(&out[begun..]);
                        mend(&mut article, is_vowel, out);
                    }
                    article = None;
                }
                Kind::Word => {
                    if matches!(part, b"a" | b"an" | b"A" | b"An" | b"AN") {
                        out.extend_from_slice(part);
                        article = Some(out.len());
                        continue;
                    }
                    match self.replacement(part) {
                        None => out.extend_from_slice(part),
                        Some(id) => {
                            mend(&mut article, self.table.is_vowel(id), out);
                            cased(part, self.table.word(id), out);
                        }
                    }
                    article = None;
                }
            }
        }
    }

    /// A number of the same form: a year a fixed distance away, a day a day, zeros at the end kept.
    fn number(&self, number: &[u8], out: &mut Vec<u8>) {
        let mut mixer = Mixer(
            number
                .iter()
                .fold(self.seed ^ (u64::from(self.pass) << 32), |seed, &digit| {
                    (seed ^ u64::from(digit)).wrapping_mul(0x0100_0000_01b3)
                }),
        );
        let plain: Option<u32> = std::str::from_utf8(number)
            .ok()
            .and_then(|it| it.parse().ok());
        match plain {
            Some(year @ 1500..=2099) => {
                out.extend_from_slice((year as i32 + self.years).to_string().as_bytes());
                return;
            }
            // One of something stays one.
            Some(0..=1) => {
                out.extend_from_slice(number);
                return;
            }
            Some(few @ 2..=31) if number[0] != b'0' => {
                // Some steps around, so that it is never the same.
                let (least, count) = if few < 10 { (2, 8) } else { (10, 22) };
                let step = 1 + mixer.below(u64::from(count) - 1) as u32;
                let drawn = least + (few - least + step) % count;
                out.extend_from_slice(drawn.to_string().as_bytes());
                return;
            }
            _ => {}
        }
        let is_significant = |byte: &u8| matches!(byte, b'1'..=b'9');
        let (first, last) = (
            number.iter().position(is_significant),
            number.iter().rposition(is_significant),
        );
        out.extend(number.iter().enumerate().map(|(at, &byte)| {
            if !byte.is_ascii_digit() || Some(at) < first || Some(at) > last {
                byte
            } else if Some(at) == first || Some(at) == last {
                b'1' + mixer.below(9) as u8
            } else {
                b'0' + mixer.below(10) as u8
            }
        }));
    }
}

/// What may stand between an article and its word.
const OPENINGS: &[&[u8]] = &[b" \"", b" _", b" '", " \u{201c}".as_bytes()];

/// Corrects the article that ends at `article`, where one is awaiting its word.
fn mend(article: &mut Option<usize>, before_vowel: bool, out: &mut Vec<u8>) {
    let Some(end) = article.take() else {
        return;
    };
    let has_n = matches!(out[end - 1], b'n' | b'N');
    if has_n && !before_vowel {
        out.remove(end - 1);
    } else if !has_n && before_vowel {
        out.insert(end, b'n');
    }
}

/// Eight, eleven, eighteen and eighty of anything.
fn spoken_with_vowel(number: &[u8]) -> bool {
    let whole = number.split(|byte| matches!(byte, b'.' | b',')).next();
    let leading = whole.unwrap_or_default();
    leading.starts_with(b"8") || matches!(leading, b"11" | b"18")
}

/// Writes `word` with the capitals of `like`.
fn cased(like: &[u8], word: &[u8], out: &mut Vec<u8>) {
    let begun = out.len();
    out.extend_from_slice(word);
    if like[0].is_ascii_uppercase() {
        let all = like.len() > 1 && !like.iter().any(u8::is_ascii_lowercase);
        let end = if all { out.len() } else { begun + 1 };
        out[begun..end].make_ascii_uppercase();
    }
}

/// SplitMix64 (Steele, Lea, Flood 2014): a new order for a group costs no more than its look-ups.
/// It is written out here because volumes may never change.
struct Mixer(u64);

impl Mixer {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number in `0..bound`; its bias, below `bound` in 2^64, is of no matter for filler.
    fn below(&mut self, bound: u64) -> u64 {
        ((u128::from(self.next()) * u128::from(bound)) >> 64) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str = "reskin 1\ns ship apple raft hour boat oar union\ns sailed ended arrived rowed\nn emma darcy | Vellesus Arrameda\n";

    fn skinned(text: &str, seed: u64, pass: u32) -> String {
        let table = Table::parse(TABLE).expect("parses");
        let mut skin = Skin::new(&table, pass);
        skin.begin(seed);
        let mut out = Vec::new();
        skin.write(text, &mut out);
        String::from_utf8(out).expect("UTF-8")
    }

    #[test]
    fn a_word_becomes_the_same_word_all_through_a_chapter_and_keeps_its_capitals() {
        for seed in 0..20 {
            let out = skinned("ship Ship SHIP, the ship's", seed, 0);
            let word = out.split(' ').next().expect("a word");
            let capital = word[..1].to_uppercase() + &word[1..];
            assert_ne!(word, "ship");
            assert_eq!(
                out,
                format!("{word} {capital} {}, the {word}'s", word.to_uppercase())
            );
        }
    }

    #[test]
    fn different_words_become_different_words() {
        for pass in 0..12 {
            let out = skinned("ship apple raft hour boat oar union", 7, pass);
            let mut words: Vec<&str> = out.split(' ').collect();
            assert!(
                words
                    .iter()
                    .zip(TABLE.split(' ').skip(2))
                    .all(|(new, old)| *new != old)
            );
            words.sort_unstable();
            assert_eq!(
                words,
                ["apple", "boat", "hour", "oar", "raft", "ship", "union"]
            );
        }
    }

    #[test]
    fn passes_give_a_word_different_words_until_they_come_round() {
        let words: Vec<String> = (0..6).map(|pass| skinned("ship", 3, pass)).collect();
        let mut different = words.clone();
        different.sort();
        different.dedup();
        assert_eq!(different.len(), 6);
        assert_eq!(skinned("ship", 3, 6), words[0]);
    }

    #[test]
    fn articles_agree_with_the_words_that_follow_them() {
        for seed in 0..40 {
            let out = skinned("A ship, an hour and \"a apple\" had an \"oar\"", seed, 0);
            let words: Vec<&str> = out
                .split([' ', ',', '"'])
                .filter(|word| !word.is_empty())
                .collect();
            let mut articles = 0;
            for pair in words.windows(2) {
                if matches!(pair[0], "a" | "A" | "an" | "An") {
                    let vowel = matches!(pair[1], "apple" | "hour" | "oar");
                    assert_eq!(pair[0].len() == 2, vowel, "{out}");
                    articles += 1;
                }
            }
            assert_eq!(articles, 4, "{out}");
        }
    }

    #[test]
    fn an_article_before_a_word_that_stays_is_left_as_it_was() {
        assert_eq!(skinned("an hundred, a, an", 1, 0), "an hundred, a, an");
    }

    #[test]
    fn names_become_other_names_that_no_source_holds() {
        for pass in 0..4 {
            let out = skinned("Emma's DARCY", 5, pass);
            assert!(
                out == "Vellesus's ARRAMEDA" || out == "Arrameda's VELLESUS",
                "{out}"
            );
        }
    }

    #[test]
    fn numbers_keep_their_form_and_years_their_order() {
        for seed in 0..50 {
            let text = "In 1851 and 1860, $1,200,000.00 on 14 of 7; 1 for the 3d, 0.05";
            let out = skinned(text, seed, 2);
            let shape = |text: &str| -> String {
                text.chars()
                    .map(|c| if c.is_ascii_digit() { '#' } else { c })
                    .collect()
            };
            assert_eq!(shape(&out), shape(text), "{out}");
            assert_eq!(out, skinned(text, seed, 2));
            let years: Vec<i32> = [3..7, 12..16]
                .into_iter()
                .map(|at| out[at].parse().expect("a year"))
                .collect();
            assert_eq!(years[1] - years[0], 9);
            assert_ne!(years[0], 1851);
            assert!(
                out.contains("00,000.00 on ") && out.contains("; 1 for the 3d"),
                "{out}"
            );
        }
    }
}
