//! Numbers in an answer: digit groups, joined where a writer grouped one number.

use super::Candidate;
use crate::score::distance::one_slip;

/// A candidate has as many digits as the expected value, or up to two fewer or more. Shorter
/// numbers (a year, a section, a list mark) are part of the sentence around the answer, and
/// neither make a right answer a listing nor a wrong one right.
const LENGTH_BAND_DIGITS: usize = 2;

/// Digits written one by one must come this close: "1, 2, 3, 4, 5" is an enumeration.
const SPELLED_BAND_DIGITS: usize = 1;

/// What may stand between the groups of one number.
const JOINTS: &[&str] = &[
    " ", ",", ".", "'", "_", "-", "·", ", ", " - ", "万", "萬", "만", "만 ",
];

/// A maximal run of ASCII digits.
#[derive(Clone, Copy, Debug)]
pub(super) struct Group<'a> {
    pub(super) digits: &'a str,
    pub(super) start: usize,
    pub(super) end: usize,
}

/// All numbers of about the expected length, in order.
pub fn find(text: &str, known: &[String]) -> Vec<Candidate> {
    let length = known.first().map_or(0, String::len);
    let groups = groups(text);
    let mut found = Vec::new();
    let mut from = 0;
    while from < groups.len() {
        let (joint, until) = chain(text, &groups, from);
        let reading = Reading {
            groups: &groups[from..until],
            joint,
            length,
            known,
        };
        reading.read(&mut found);
        from = until;
    }
    found
}

/// All runs of digits of a text, in order.
pub(super) fn groups(text: &str) -> Vec<Group<'_>> {
    let mut groups = Vec::new();
    let bytes = text.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        if !bytes[at].is_ascii_digit() {
            at += 1;
            continue;
        }
        let start = at;
        while at < bytes.len() && bytes[at].is_ascii_digit() {
            at += 1;
        }
        groups.push(Group {
            digits: &text[start..at],
            start,
            end: at,
        });
    }
    groups
}

/// The longest chain of groups from `from` on with one and the same joint between them.
fn chain<'a>(text: &'a str, groups: &[Group<'_>], from: usize) -> (&'a str, usize) {
    let between = |right: usize| &text[groups[right - 1].end..groups[right].start];
    let mut until = from + 1;
    if until >= groups.len() || !JOINTS.contains(&between(until)) {
        return ("", until);
    }
    let joint = between(until);
    while until < groups.len() && between(until) == joint {
        until += 1;
    }
    // "4829173, 7,431,220": the last group begins the next chain where that one is tighter.
    let tighter = |next: &str| JOINTS.contains(&next) && !next.contains(' ');
    if until < groups.len() && joint.contains(' ') && tighter(between(until)) {
        until -= 1;
    }
    (joint, until)
}

/// One chain and what it is read for.
struct Reading<'a> {
    groups: &'a [Group<'a>],
    joint: &'a str,
    length: usize,
    known: &'a [String],
}

impl Reading<'_> {
    fn read(&self, found: &mut Vec<Candidate>) {
        if self.groups.len() == 1 {
            return self.single(0, found);
        }
        // Only between spaces may a number begin anywhere: "in 2024 4 829 173 was given".
        let loose = self.joint == " " || self.joint == ", " || self.joint == " - ";
        let mut numbers = Vec::new();
        let mut at = 0;
        let mut whole = true;
        while at < self.groups.len() {
            match self.grouped(at) {
                Some(until) => {
                    self.joined(at, until, &mut numbers);
                    at = until;
                }
                None => {
                    whole = false;
                    self.single(at, &mut numbers);
                    at += 1;
                }
            }
        }
        if loose || whole {
            found.append(&mut numbers);
        } else {
            (0..self.groups.len()).for_each(|at| self.single(at, found));
        }
    }

    /// The end of the number written in groups that begins at `at`, if one does.
    fn grouped(&self, at: usize) -> Option<usize> {
        let rest = &self.groups[at..];
        let lengths: Vec<usize> = rest.iter().map(|group| group.digits.len()).collect();
        let spelled = lengths.iter().take_while(|length| **length == 1).count();
        if spelled > 1 && spelled.abs_diff(self.length) <= SPELLED_BAND_DIGITS {
            return Some(at + spelled);
        }
        if self.joint.len() == 1 && (1..=3).contains(&lengths[0]) {
            let threes = lengths[1..].iter().take_while(|length| **length == 3);
            let thousands = 1 + threes.count();
            // South Asian grouping, 48,29,173: pairs, and a group of three at the end.
            let pairs = lengths[1..].iter().take_while(|length| **length == 2);
            let pairs = 1 + pairs.count();
            if thousands > 1 {
                return Some(at + thousands);
            }
            if matches!(self.joint, "," | " ")
                && pairs > 1
                && lengths[0] <= 2
                && lengths.get(pairs) == Some(&3)
            {
                return Some(at + pairs + 1);
            }
        }
        // Any other grouping ("482-9173") is read only where it spells a planted value, or the
        // expected one with a slip, and where no group could be a number of its own.
        let expected = self.known.first().map_or("", String::as_str);
        let short = |count: &usize| !lengths[..*count].iter().any(|length| self.in_band(*length));
        (2..=rest.len())
            .take_while(|count| {
                lengths[..*count].iter().sum::<usize>() <= self.length + SPELLED_BAND_DIGITS
            })
            .take_while(short)
            .filter(|count| {
                let value = digits(&rest[..*count]);
                self.known.contains(&value) || one_slip(&value, expected)
            })
            .last()
            .map(|count| at + count)
    }

    fn joined(&self, from: usize, until: usize, found: &mut Vec<Candidate>) {
        let groups = &self.groups[from..until];
        self.push(digits(groups), groups, found);
    }

    /// A group on its own, with the decimals that may follow it.
    fn single(&self, at: usize, found: &mut Vec<Candidate>) {
        let group = self.groups[at];
        if self.joint == "." && self.groups.len() == 2 {
            let fraction = self.groups[1].digits;
            let zero = fraction.bytes().all(|digit| digit == b'0');
            let whole = self.groups[0].digits;
            // "4829173.5" and "0.4829173" are other numbers, "4829173.0" is the same one, and
            // "1.4829173" is a list mark before the number, where "3.14159" is none.
            let decimals = fraction.len() <= 4 && !zero && self.in_band(whole.len());
            if whole == "0" || decimals {
                if at == 0 {
                    let value = format!("{whole}.{fraction}");
                    self.push(value, self.groups, found);
                }
                return;
            }
            if !self.in_band(whole.len()) && fraction.len() != self.length {
                return;
            }
        }
        self.push(group.digits.to_owned(), &self.groups[at..=at], found);
    }

    fn push(&self, value: String, groups: &[Group<'_>], found: &mut Vec<Candidate>) {
        if let (Some(first), Some(last)) = (groups.first(), groups.last())
            && self.in_band(value.bytes().filter(u8::is_ascii_digit).count())
        {
            found.push(Candidate {
                value,
                start: first.start,
                end: last.end,
            });
        }
    }

    fn in_band(&self, digits: usize) -> bool {
        digits > 0 && digits.abs_diff(self.length) <= LENGTH_BAND_DIGITS
    }
}

fn digits(groups: &[Group<'_>]) -> String {
    groups.iter().map(|group| group.digits).collect()
}

#[cfg(test)]
mod tests {
    use super::super::plain;
    use super::find;

    #[test]
    fn one_number_is_read_however_it_is_grouped() {
        let known = ["4829173".to_owned(), "7431220".to_owned()];
        for (text, values) in [
            ("4829173", vec!["4829173"]),
            ("4,829,173", vec!["4829173"]),
            ("4 829 173", vec!["4829173"]),
            ("4\u{202f}829\u{202f}173", vec!["4829173"]),
            ("4.829.173", vec!["4829173"]),
            ("4_829_173", vec!["4829173"]),
            ("4’829’173", vec!["4829173"]),
            ("48,29,173", vec!["4829173"]),
            ("４８２９１７３", vec!["4829173"]),
            ("4{,}829{,}173", vec!["4829173"]),
            ("4 8 2 9 1 7 3", vec!["4829173"]),
            ("4-8-2-9-1-7-3", vec!["4829173"]),
            ("4, 8, 2, 9, 1, 7, 3", vec!["4829173"]),
            ("482-9173", vec!["4829173"]),
            ("482 9173", vec!["4829173"]),
            ("482万9173", vec!["4829173"]),
            ("4829173.0", vec!["4829173"]),
            ("1.4829173", vec!["4829173"]),
            ("0.4829173", vec!["0.4829173"]),
            ("4829173.5", vec!["4829173.5"]),
            ("4829173, 7431220", vec!["4829173", "7431220"]),
            ("4829173,7431220", vec!["4829173", "7431220"]),
            ("4829173, 7,431,220", vec!["4829173", "7431220"]),
            ("4,829,173, 7,431,220", vec!["4829173", "7431220"]),
            ("4,829,173,7,431,220", vec!["4829173", "7431220"]),
            ("4 829 173 7 431 220", vec!["4829173", "7431220"]),
            ("4829173 7431220", vec!["4829173", "7431220"]),
            ("数字是4829173。", vec!["4829173"]),
            ("id4829173x", vec!["4829173"]),
            ("4829 73", vec!["482973"]),
            ("4829173 3 times", vec!["4829173"]),
            ("482917 3 times", vec!["482917"]),
            ("676131", vec!["676131"]),
        ] {
            let found: Vec<String> = find(&plain(text), &known)
                .into_iter()
                .map(|candidate| candidate.value)
                .collect();
            assert_eq!(found, values, "{text}");
        }
    }

    #[test]
    fn other_numbers_are_part_of_the_sentence() {
        let known = ["4829173".to_owned()];
        for text in [
            "section 12 of 1848",
            "2024-01-15",
            "15.01.2024",
            "192.168.100.123",
            "10:23:45",
            "1848-1852",
            "1, 2, 3, 4, 5",
            "4,829,173,000",
            "4 829 173 000",
            "version 1.10.434",
            "3.14159",
            "4829",
            "4829173000",
        ] {
            assert_eq!(find(&plain(text), &known), vec![], "{text}");
        }
    }
}
