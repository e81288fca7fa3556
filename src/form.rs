//! A sentence with blanks: filled in to tell a fact or to ask for it, and found again in a text.

use memchr::memmem;

/// What stands in a blank is shorter than this, in bytes.
const MOST_FIELD_BYTES: usize = 240;

/// A sentence with blanks, written `The number of {key} is {value}.`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Form {
    /// What stands before the first blank, between blanks, and behind the last one.
    literals: Vec<String>,
    blanks: Vec<String>,
}

/// A place in a text where a form stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found<'t> {
    /// Where it begins, in bytes.
    pub from: usize,
    /// One past its end, in bytes.
    pub to: usize,
    fields: Vec<(String, &'t str)>,
}

impl<'t> Found<'t> {
    /// What stands in a blank; empty for one that the form does not have.
    pub fn field(&self, blank: &str) -> &'t str {
        let field = self.fields.iter().find(|(name, _)| name == blank);
        field.map_or("", |(_, text)| text)
    }
}

impl Form {
    /// Reads a form.
    pub fn new(written: &str) -> Form {
        let (mut literals, mut blanks) = (vec![String::new()], Vec::new());
        let mut rest = written;
        while let Some((before, after)) = rest.split_once('{') {
            let Some((blank, behind)) = after.split_once('}') else {
                break;
            };
            if let Some(literal) = literals.last_mut() {
                literal.push_str(before);
            }
            blanks.push(blank.to_string());
            literals.push(String::new());
            rest = behind;
        }
        if let Some(literal) = literals.last_mut() {
            literal.push_str(rest);
        }
        Form { literals, blanks }
    }

    /// The form as it was written.
    pub fn written(&self) -> String {
        self.fill(&[])
    }

    /// The names of its blanks, in order.
    pub fn blanks(&self) -> &[String] {
        &self.blanks
    }

    /// What stands around its blanks, one more than there are blanks.
    pub fn literals(&self) -> &[String] {
        &self.literals
    }

    /// The sentence with its blanks filled in. A blank that is not given keeps its braces, which
    /// the tests of the languages would show.
    pub fn fill(&self, fields: &[(&str, &str)]) -> String {
        let mut sentence = String::new();
        for (at, literal) in self.literals.iter().enumerate() {
            sentence.push_str(literal);
            let Some(blank) = self.blanks.get(at) else {
                break;
            };
            match fields.iter().find(|(name, _)| name == blank) {
                Some((_, text)) => sentence.push_str(text),
                None => {
                    sentence.push('{');
                    sentence.push_str(blank);
                    sentence.push('}');
                }
            }
        }
        sentence
    }

    /// The form with some blanks filled in and the others left.
    pub fn with(&self, fields: &[(&str, &str)]) -> Form {
        Form::new(&self.fill(fields))
    }

    /// Every place of a text where it stands, in order. A blank reaches to the nearest text that
    /// follows it in the form and never over the end of a sentence or a line.
    pub fn find<'t>(&self, text: &'t str) -> Vec<Found<'t>> {
        // The longest literal is met most seldom; the others are looked for around it.
        let anchor = (0..self.literals.len())
            .max_by_key(|&at| self.literals[at].len())
            .unwrap_or(0);
        if self.literals[anchor].is_empty() {
            return Vec::new();
        }
        let mut found: Vec<Found<'t>> = Vec::new();
        for at in memmem::find_iter(text.as_bytes(), self.literals[anchor].as_bytes()) {
            if let Some(here) = self.around(text, anchor, at)
                && found.last().is_none_or(|last| last.to <= here.from)
            {
                found.push(here);
            }
        }
        found
    }

    /// The place whose `anchor`-th literal stands at `at`.
    fn around<'t>(&self, text: &'t str, anchor: usize, at: usize) -> Option<Found<'t>> {
        let mut fields = vec![""; self.blanks.len()];
        let mut from = at;
        for blank in (0..anchor).rev() {
            let literal = self.literals[blank].as_str();
            let start =
                text.floor_char_boundary(from.saturating_sub(MOST_FIELD_BYTES + literal.len()));
            let before = text.get(start..from)?;
            let end = match literal.is_empty() {
                // A blank that opens the sentence begins behind the sentence before it.
                true => {
                    let border = before.char_indices().rev().find(|(_, c)| is_border(*c));
                    let end = border.map_or(0, |(at, c)| at + c.len_utf8());
                    end + before[end..].len() - before[end..].trim_start_matches(' ').len()
                }
                false => memmem::rfind(before.as_bytes(), literal.as_bytes())? + literal.len(),
            };
            fields[blank] = before.get(end..)?;
            from = start + end - literal.len();
        }
        let mut to = at + self.literals[anchor].len();
        for (field, literal) in fields[anchor..]
            .iter_mut()
            .zip(&self.literals[anchor + 1..])
        {
            let end =
                text.floor_char_boundary((to + MOST_FIELD_BYTES + literal.len()).min(text.len()));
            let after = text.get(to..end)?;
            let length = match literal.is_empty() {
                true => after
                    .char_indices()
                    .find(|(_, c)| is_border(*c))
                    .map_or(after.len(), |(at, _)| at),
                false => memmem::find(after.as_bytes(), literal.as_bytes())?,
            };
            *field = after.get(..length)?;
            to += length + literal.len();
        }
        let is_whole = fields
            .iter()
            .all(|field| !field.is_empty() && !field.contains(is_border));
        is_whole.then(|| Found {
            from,
            to,
            fields: self.blanks.iter().cloned().zip(fields).collect(),
        })
    }
}

/// What ends a sentence of any language, or a line.
fn is_border(c: char) -> bool {
    matches!(
        c,
        '\n' | '.' | '!' | '?' | '。' | '！' | '？' | '।' | '؟' | '۔'
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_form_is_filled_in_and_found_again_with_what_stands_in_its_blanks() {
        let form = Form::new("The {noun} of {key} is {value}.");
        assert_eq!(form.blanks(), ["noun", "key", "value"]);
        let told = form.fill(&[("noun", "number"), ("key", "gentle-otter"), ("value", "12")]);
        assert_eq!(told, "The number of gentle-otter is 12.");
        let text = format!("A man. The sum of it is. {told} Then {told}");
        let found = form.find(&text);
        assert_eq!(found.len(), 2);
        assert_eq!(&text[found[1].from..found[1].to], told);
        assert_eq!(found[0].field("key"), "gentle-otter");
        assert_eq!(found[0].field("value"), "12");
        assert_eq!(found[0].field("nothing"), "");
    }

    #[test]
    fn a_blank_ends_with_its_sentence_and_a_form_may_open_with_one() {
        let form = Form::new("{who} went to {place}.");
        let text = "It rained. Ann went to Rome.\nBo went to\nBerlin.";
        let found = form.find(text);
        assert_eq!(found.len(), 1);
        assert_eq!(
            (found[0].field("who"), found[0].field("place")),
            ("Ann", "Rome")
        );
        assert_eq!(&text[found[0].from..found[0].to], "Ann went to Rome.");
        assert_eq!(Form::new("{all}").find("text"), []);
        assert_eq!(Form::new("broken {").fill(&[]), "broken {");
    }

    #[test]
    fn other_scripts_are_found_in_the_same_way() {
        let form = Form::new("据登记，{key}的编号是{value}。");
        let told = form.fill(&[("key", "青铜灯塔"), ("value", "1234567")]);
        let text = format!("他说好。{told}天黑了。");
        let found = form.find(&text);
        assert_eq!(found[0].field("key"), "青铜灯塔");
        assert_eq!(found[0].field("value"), "1234567");
    }

    proptest! {
        #[test]
        fn any_text_can_be_searched_and_what_was_filled_in_is_found(
            before in "(\\PC|\n){0,60}", after in "(\\PC|\n){0,60}",
            key in "[a-zé]{1,12}", value in "[0-9]{1,9}", written in "\\PC{0,30}",
        ) {
            let form = Form::new("Note that {key} has {value}; so it is.");
            let told = form.fill(&[("key", &key), ("value", &value)]);
            let text = format!("{before}{told}{after}");
            let is_found = form.find(&text).iter().any(|found| {
                found.field("key").ends_with(&key) && found.field("value") == value
            });
            prop_assert!(is_found);
            let _ = Form::new(&written).find(&text);
            let _ = form.find(&written);
        }
    }
}
