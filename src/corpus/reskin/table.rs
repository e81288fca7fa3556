//! The table of the re-skin: which words change places with which, and what is left out of the source.

use anyhow::{Context, Result, bail};

/// The first line; the number rises with the meaning of the lines below.
const HEAD: &str = "reskin 1";

/// Names a word of the table by its place.
pub type WordId = u32;

/// Words that change places with one another, or with others that stand in no source.
#[derive(Clone, Copy, Debug)]
pub struct Group {
    /// Its first word of the source; the others follow.
    pub first: WordId,
    /// How many.
    pub size: u32,
    /// The first word that these are changed for; `first` itself where they change places.
    pub target: WordId,
}

impl Group {
    /// True where words change places among themselves; false where names are changed for others.
    pub fn is_swap(&self) -> bool {
        self.first == self.target
    }

    /// After how many passes over the source a word comes out as in the first one.
    pub fn period(&self) -> u32 {
        if self.is_swap() {
            // One of the shifts would change nothing and is not used.
            self.size - 1
        } else {
            self.size
        }
    }

    /// How far the words of the group move in a pass: never to their own place.
    pub fn shift(&self, pass: u32) -> u32 {
        if self.is_swap() {
            1 + pass % (self.size - 1)
        } else {
            pass % self.size
        }
    }
}

/// A stretch of a source text that no volume holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Omission {
    /// Name of the text.
    pub text: String,
    /// First byte.
    pub from: usize,
    /// One past the last byte.
    pub to: usize,
}

/// A word, with all that is asked of it on one line of the processor's cache.
#[derive(Debug)]
struct Word {
    key: Key,
    /// Where its letters begin.
    start: u32,
    group: u16,
    bytes: u8,
    /// Whether it begins with a vowel as it is spoken.
    is_vowel: bool,
}

/// The words of the source in groups.
#[derive(Debug)]
pub struct Table {
    letters: Vec<u8>,
    words: Vec<Word>,
    groups: Vec<Group>,
    /// Open addressing: 0 is free, else one more than the word.
    slots: Vec<WordId>,
    omissions: Vec<Omission>,
}

impl Table {
    /// Reads a table: after the head, `s WORD…` is a group whose words change places, `n WORD… | NAME…`
    /// one whose names are changed for as many others, `o TEXT FROM TO` an omission.
    ///
    /// # Errors
    /// When a line has another form, naming it.
    pub fn parse(text: &str) -> Result<Table> {
        let mut lines = text.lines();
        if lines.next() != Some(HEAD) {
            bail!("the table does not begin with {HEAD:?}");
        }
        let mut table = Table {
            letters: Vec::with_capacity(text.len()),
            words: Vec::new(),
            groups: Vec::new(),
            slots: Vec::new(),
            omissions: Vec::new(),
        };
        let mut sources = Vec::new();
        for (at, line) in lines.enumerate() {
            let read = table.line(line, &mut sources);
            read.with_context(|| format!("line {} of the table", at + 2))?;
        }
        table.fill_slots(&sources)?;
        Ok(table)
    }

    fn line(&mut self, line: &str, sources: &mut Vec<WordId>) -> Result<()> {
        let (kind, rest) = line.split_once(' ').context("nothing behind the letter")?;
        match kind {
            "s" | "n" => {
                let (from, to) = match rest.split_once(" | ") {
                    Some((from, to)) => (from, Some(to)),
                    None => (rest, None),
                };
                let first = self.words.len() as WordId;
                let group = u16::try_from(self.groups.len()).context("too many groups")?;
                let size = self.add(from, group)?;
                sources.extend(first..first + size);
                let target = match to {
                    Some(to) => {
                        let target = self.words.len() as WordId;
                        if self.add(to, group)? != size {
                            bail!("a name group with more or fewer others");
                        }
                        target
                    }
                    None => first,
                };
                if size < 2 {
                    bail!("a group of fewer than two words");
                }
                self.groups.push(Group {
                    first,
                    size,
                    target,
                });
            }
            "o" => {
                let fields: Vec<&str> = rest.split(' ').collect();
                let [text, from, to] = fields[..] else {
                    bail!("an omission has a text and two offsets");
                };
                let (from, to) = (from.parse()?, to.parse()?);
                let text = text.to_string();
                self.omissions.push(Omission { text, from, to });
            }
            other => bail!("begins with {other:?}"),
        }
        Ok(())
    }

    fn add(&mut self, list: &str, group: u16) -> Result<u32> {
        let mut count = 0;
        for word in list.split(' ') {
            self.words.push(Word {
                key: key(word.as_bytes()),
                start: self.letters.len() as u32,
                group,
                bytes: u8::try_from(word.len()).context("an overlong word")?,
                is_vowel: begins_with_vowel(word),
            });
            self.letters.extend_from_slice(word.as_bytes());
            count += 1;
        }
        Ok(count)
    }

    fn fill_slots(&mut self, sources: &[WordId]) -> Result<()> {
        self.slots = vec![0; (sources.len() * 3).next_power_of_two()];
        for &id in sources {
            let word = self.word(id);
            if word.is_empty() || self.find(word).is_some() {
                let word = String::from_utf8_lossy(word);
                bail!("the table holds {word:?} twice, or an empty word");
            }
            let mut slot = self.slot(self.words[id as usize].key);
            while self.slots[slot] != 0 {
                slot = (slot + 1) & (self.slots.len() - 1);
            }
            self.slots[slot] = id + 1;
        }
        Ok(())
    }

    fn slot(&self, key: Key) -> usize {
        let mixed = (key.0 ^ key.1.rotate_left(29)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        (mixed >> 40) as usize & (self.slots.len() - 1)
    }

    /// The word of the source that this is in lower case.
    pub fn find(&self, word: &[u8]) -> Option<WordId> {
        let key = key(word);
        let mut slot = self.slot(key);
        loop {
            let id = self.slots[slot].checked_sub(1)?;
            // A key holds all letters of all but the longest words.
            if self.words[id as usize].key == key
                && (word.len() <= 16 || self.word(id).eq_ignore_ascii_case(word))
            {
                return Some(id);
            }
            slot = (slot + 1) & (self.slots.len() - 1);
        }
    }

    /// The letters of a word: in lower case, names with a capital.
    pub fn word(&self, id: WordId) -> &[u8] {
        let word = &self.words[id as usize];
        &self.letters[word.start as usize..][..usize::from(word.bytes)]
    }

    /// True where "an" stands before the word.
    pub fn is_vowel(&self, id: WordId) -> bool {
        self.words[id as usize].is_vowel
    }

    /// The group that a word is in, by its place.
    pub fn group_of(&self, id: WordId) -> usize {
        usize::from(self.words[id as usize].group)
    }

    /// All groups.
    pub fn groups(&self) -> &[Group] {
        &self.groups
    }

    /// Words and names together.
    pub fn len(&self) -> usize {
        self.words.len()
    }

    /// True for a table without words.
    pub fn is_empty(&self) -> bool {
        self.words.is_empty()
    }

    /// What no volume holds.
    pub fn omissions(&self) -> &[Omission] {
        &self.omissions
    }
}

/// The first and the last letters of a word in lower case, and its length: different for different
/// words of up to sixteen letters. Every word of a text is looked up, so letters are read by eights.
type Key = (u64, u64);

fn key(word: &[u8]) -> Key {
    // Sets lower case in letters, and leaves apostrophes and hyphens as they are.
    const LOWER: u64 = 0x2020_2020_2020_2020;
    let from = |at: usize| word.get(at..).unwrap_or_default();
    let eight = |at: usize| {
        from(at)
            .first_chunk()
            .map_or(0, |eight| u64::from_le_bytes(*eight))
    };
    let four = |at: usize| {
        let four = from(at)
            .first_chunk()
            .map_or(0, |four| u32::from_le_bytes(*four));
        u64::from(four)
    };
    match word.len() {
        0 => (0, 0),
        length @ 1..=3 => {
            let all = u64::from(word[0])
                | u64::from(word[length / 2]) << 8
                | u64::from(word[length - 1]) << 16;
            (all | LOWER, length as u64)
        }
        length @ 4..=8 => (four(0) | four(length - 4) << 32 | LOWER, length as u64),
        length => {
            let last = eight(length - 8) | LOWER;
            (
                eight(0) | LOWER,
                last.rotate_left(3) ^ (length as u64) << 56,
            )
        }
    }
}

/// Whether a word is spoken with a vowel first, by its letters: "a union", "an hour".
fn begins_with_vowel(word: &str) -> bool {
    const SILENT_H: &[&str] = &["hour", "honest", "honour", "honor", "heir"];
    const CONSONANT: &[&str] = &[
        "eu", "ewe", "one", "once", "ubi", "uni", "unanim", "us", "ute", "uti", "uto", "ura",
    ];
    const VOWEL: &[&str] = &["unim", "unin", "ush", "oner"];
    let word = word.to_ascii_lowercase();
    let begins = |list: &[&str]| list.iter().any(|start| word.starts_with(start));
    match word.as_bytes().first() {
        Some(b'h') => begins(SILENT_H),
        Some(b'a' | b'e' | b'i' | b'o' | b'u') => begins(VOWEL) || !begins(CONSONANT),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALL: &str = "reskin 1\ns ship boat raft\nn emma darcy | Vellesus Berrameda\no x 5 9\n";

    #[test]
    fn words_are_found_in_any_case_and_others_are_not() {
        let table = Table::parse(SMALL).expect("parses");
        for (word, group) in [("ship", 0), ("RAFT", 0), ("Emma", 1)] {
            let id = table.find(word.as_bytes()).expect("is there");
            assert!(table.word(id).eq_ignore_ascii_case(word.as_bytes()));
            assert_eq!(table.group_of(id), group);
        }
        for absent in ["", "shi", "ships", "vellesus"] {
            assert_eq!(table.find(absent.as_bytes()), None, "{absent}");
        }
        assert_eq!(table.omissions().len(), 1);
        assert!(table.groups()[0].is_swap() && !table.groups()[1].is_swap());
    }

    #[test]
    fn no_pass_leaves_a_word_in_its_place_and_a_period_holds_different_ones() {
        for group in Table::parse(SMALL).expect("parses").groups() {
            let shifts: Vec<u32> = (0..group.period()).map(|pass| group.shift(pass)).collect();
            let mut different = shifts.clone();
            different.sort_unstable();
            different.dedup();
            assert_eq!(different.len(), shifts.len());
            assert!(!group.is_swap() || !shifts.contains(&0));
            assert_eq!(group.shift(group.period()), shifts[0]);
        }
    }

    #[test]
    fn a_damaged_table_is_refused() {
        for bad in [
            "",
            "reskin 2\n",
            "reskin 1\nx a b\n",
            "reskin 1\ns one\n",
            "reskin 1\ns a b\ns b c\n",
            "reskin 1\nn a b | C\n",
            "reskin 1\no x 1\n",
        ] {
            assert!(Table::parse(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn an_stands_before_what_is_spoken_with_a_vowel() {
        for vowel in [
            "army",
            "hour",
            "heir",
            "uncle",
            "unintelligible",
            "utmost",
            "onerous",
        ] {
            assert!(begins_with_vowel(vowel), "{vowel}");
        }
        for not in [
            "ship",
            "house",
            "union",
            "useful",
            "unanimous",
            "European",
            "one",
        ] {
            assert!(!begins_with_vowel(not), "{not}");
        }
    }
}
