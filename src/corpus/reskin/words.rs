//! A text seen as words, numbers and what stands between them.

/// What a stretch of a text is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Letters; a contraction (`don't`) and `to-day` are one word, an ending `'s` is none of its word.
    Word,
    /// Digits, with the commas and full stops between them.
    Number,
    /// Anything else.
    Gap,
}

/// A stretch of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// What it is.
    pub kind: Kind,
    /// First byte.
    pub from: usize,
    /// One past the last byte.
    pub to: usize,
}

/// The stretches of a text in their order; together they are the whole text.
pub struct Spans<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Spans<'a> {
    /// The stretches of `text`.
    pub fn of(text: &'a str) -> Spans<'a> {
        Spans {
            bytes: text.as_bytes(),
            at: 0,
        }
    }

    /// The byte at `at`; 0 behind the end.
    #[inline]
    fn byte(&self, at: usize) -> u8 {
        self.bytes.get(at).copied().unwrap_or(0)
    }

    /// Bytes of the letter at `at`, 0 where there is none. Marked Latin letters begin with 0xc3 to
    /// 0xc5; the dashes and quotes of the texts with 0xe2, the signs £ and ° with 0xc2.
    fn letter(&self, at: usize) -> usize {
        match self.byte(at) {
            byte if byte.is_ascii_alphabetic() => 1,
            0xc3..=0xc5 => 2,
            _ => 0,
        }
    }

    fn is_letter(&self, at: usize) -> bool {
        self.letter(at) > 0
    }

    /// Bytes of an apostrophe inside a word at `at`, 0 where there is none.
    fn apostrophe(&self, at: usize) -> usize {
        let length = match self.bytes.get(at..) {
            Some([b'\'', ..]) => 1,
            Some([0xe2, 0x80, 0x99, ..]) => 3,
            _ => return 0,
        };
        let next = at + length;
        let possessive = matches!(self.byte(next), b's' | b'S') && !self.is_letter(next + 1);
        if self.is_letter(next) && !possessive {
            length
        } else {
            0
        }
    }

    fn word_end(&self, from: usize) -> usize {
        let mut at = from;
        loop {
            loop {
                while self.byte(at).is_ascii_alphabetic() {
                    at += 1;
                }
                match self.letter(at) {
                    0 => break,
                    bytes => at += bytes,
                }
            }
            // Nearly every word ends here.
            if !matches!(self.byte(at), b'\'' | b'-' | 0xe2) {
                return at;
            }
            // "To-day" and its like were one word in all but spelling.
            let to_day = at == from + 2
                && self.bytes[from..at].eq_ignore_ascii_case(b"to")
                && self.byte(at) == b'-'
                && self.is_letter(at + 1);
            match self.apostrophe(at) + usize::from(to_day) {
                0 => return at,
                joint => at += joint,
            }
        }
    }

    fn number_end(&self, mut at: usize) -> usize {
        loop {
            while self.byte(at).is_ascii_digit() {
                at += 1;
            }
            if !(matches!(self.byte(at), b',' | b'.') && self.byte(at + 1).is_ascii_digit()) {
                return at;
            }
            at += 1;
        }
    }
}

impl Iterator for Spans<'_> {
    type Item = Span;

    #[inline]
    fn next(&mut self) -> Option<Span> {
        let from = self.at;
        let first = *self.bytes.get(from)?;
        let next = self.byte(from + 1);
        let (kind, to) = if first == b' ' && next.is_ascii_alphabetic() {
            (Kind::Gap, from + 1)
        } else if self.is_letter(from) {
            (Kind::Word, self.word_end(from))
        } else if first.is_ascii_digit() {
            (Kind::Number, self.number_end(from))
        } else {
            let mut to = from + 1;
            while to < self.bytes.len() && !self.is_letter(to) && !self.byte(to).is_ascii_digit() {
                to += 1;
            }
            (Kind::Gap, to)
        };
        self.at = to;
        Some(Span { kind, from, to })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<&str> {
        Spans::of(text)
            .filter(|span| span.kind == Kind::Word)
            .map(|span| &text[span.from..span.to])
            .collect()
    }

    #[test]
    fn contractions_are_one_word_and_possessives_are_not() {
        assert_eq!(
            words("Don't take Emma's book to-day, o\u{2019}clock; the boys' 'tis ma'am's"),
            [
                "Don't",
                "take",
                "Emma",
                "s",
                "book",
                "to-day",
                "o\u{2019}clock",
                "the",
                "boys",
                "tis",
                "ma'am",
                "s"
            ]
        );
    }

    #[test]
    fn marked_letters_belong_to_words_and_dashes_do_not() {
        assert_eq!(
            words("caf\u{e9}\u{2014}\u{c5}sa \u{a3}x"),
            ["caf\u{e9}", "\u{c5}sa", "x"]
        );
    }

    #[test]
    fn numbers_keep_their_commas_and_points_inside() {
        let text = "In 1851, $1,234.50; 3d.";
        let numbers: Vec<&str> = Spans::of(text)
            .filter(|span| span.kind == Kind::Number)
            .map(|span| &text[span.from..span.to])
            .collect();
        assert_eq!(numbers, ["1851", "1,234.50", "3"]);
    }

    #[test]
    fn the_stretches_together_are_the_text() {
        let text = "\u{201c}It\u{2019}s 12,000\u{2014}no: to-\n\nA\u{2026} x";
        let mut at = 0;
        for span in Spans::of(text) {
            assert_eq!(span.from, at);
            assert!(text.get(span.from..span.to).is_some(), "{span:?}");
            at = span.to;
        }
        assert_eq!(at, text.len());
    }
}
