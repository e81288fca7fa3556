//! A text as words, values and the borders of its clauses.

use crate::score::candidate::Candidate;

/// A word, a value or a border.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Token<'a> {
    /// A word, apostrophes included.
    Word(&'a str),
    /// A candidate, by its index.
    Value(usize),
    /// Ends a clause.
    Comma,
    /// Ends a clause, unless a negation stands right before it ("is not: X").
    Colon,
    /// Ends a question.
    Question,
    /// Ends a sentence.
    Stop,
}

/// Reads a text; `candidates` are in order and do not overlap.
pub fn tokens<'a>(text: &'a str, candidates: &[Candidate]) -> Vec<Token<'a>> {
    let mut tokens = Vec::new();
    let mut values = candidates.iter().enumerate().peekable();
    let mut at = 0;
    while at < text.len() {
        if let Some((index, value)) = values.next_if(|(_, value)| value.start == at) {
            tokens.push(Token::Value(index));
            at = value.end.max(at + 1);
            continue;
        }
        let until = values.peek().map_or(text.len(), |(_, value)| value.start);
        let rest = &text[at..until];
        let word = rest
            .find(|c: char| !c.is_alphanumeric() && c != '\'')
            .unwrap_or(rest.len());
        if word > 0 {
            let word_text = rest[..word].trim_matches('\'');
            if !word_text.is_empty() {
                tokens.push(Token::Word(word_text));
            }
            at += word;
            continue;
        }
        let c = rest.chars().next().unwrap_or(' ');
        let next = text[at + c.len_utf8()..].chars().next();
        match c {
            // A full stop inside a word or number ends nothing.
            '.' if next.is_some_and(char::is_alphanumeric) => {}
            '.' | '!' | '\n' | '。' | '।' | '|' => tokens.push(Token::Stop),
            '?' | '؟' => tokens.push(Token::Question),
            ',' | ';' | '(' | ')' | '[' | ']' | '—' | '、' | '،' | '؛' => {
                tokens.push(Token::Comma)
            }
            '-' if next == Some(' ') && text[..at].ends_with(' ') => tokens.push(Token::Comma),
            ':' => tokens.push(Token::Colon),
            '=' => tokens.push(Token::Word("=")),
            _ => {}
        }
        at += c.len_utf8();
    }
    tokens
}
