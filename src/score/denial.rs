//! Which candidates an answer denies: "not 7431220", "rather than X", "X is wrong".
//!
//! A denial works within one clause. Clauses end at `. ! ? ; ,`, brackets, dashes, line breaks
//! and at words such as "but"; a negation in another clause is about something else ("I could
//! not find other numbers, but it is 4829173"). The rules are English, with the plainest
//! negations of a few other languages.

mod clause;
mod lexicon;

use super::candidate::Candidate;
use clause::{Token, tokens};
use lexicon::*;

/// Words between a negation and the value it can reach.
const REACH_WORDS: usize = 10;

/// Characters between a Chinese negation and the value it can reach.
const CHINESE_REACH_CHARS: usize = 10;

/// For each candidate, whether it is denied. `candidates` are in order and do not overlap.
pub fn denied(text: &str, candidates: &[Candidate]) -> Vec<bool> {
    let tokens = tokens(text, candidates);
    let mut denied = vec![false; candidates.len()];
    for (at, token) in tokens.iter().enumerate() {
        if let Token::Value(index) = *token {
            denied[index] = before(&tokens[..at], &denied)
                || after(&tokens[at + 1..])
                || chinese(text, candidates, index);
        }
    }
    denied
}

/// Whether the words before a value deny it.
fn before(tokens: &[Token<'_>], denied: &[bool]) -> bool {
    let mut words: Vec<&str> = Vec::new(); // between the negation and the value, nearest first
    for (at, token) in tokens.iter().enumerate().rev() {
        let previous = at.checked_sub(1).map(|at| tokens[at]);
        let word = match *token {
            Token::Value(index) => {
                let listed = |word: &&str| matches!(*word, "or" | "nor" | "and");
                return denied[index] && !words.is_empty() && words.iter().all(listed);
            }
            // "neither A, nor B", "not A, B, or C": the list goes on.
            Token::Comma if matches!(previous, Some(Token::Value(_))) && !words.is_empty() => {
                continue;
            }
            Token::Colon
                if words.is_empty()
                    && matches!(previous, Some(Token::Word(word)) if is_negation(word)) =>
            {
                continue;
            }
            Token::Comma | Token::Colon | Token::Question | Token::Stop => break,
            Token::Word(word) => word,
        };
        let before_it = match previous {
            Some(Token::Word(word)) => word,
            _ => "",
        };
        match (before_it, word) {
            ("rather", "than") | ("instead", "of") | ("different", "from") => return true,
            ("anything", "but") => return true,
            _ => {}
        }
        if CONJUNCTIONS.contains(&word) || words.len() > REACH_WORDS {
            break;
        }
        if is_negation(word) {
            return negates(word, before_it, &words);
        }
        let judges = matches!(words.last(), Some(&("to" | "that"))); // "it is wrong to say …"
        if WRONGS.contains(&word) && before_it != "go" && (judges || words.len() <= 4) {
            return !is_negation(before_it);
        }
        words.push(word);
    }
    // No negation in the clause: "any number other than X" still speaks of another one.
    let than = words.iter().position(|word| *word == "than");
    than.is_some_and(|at| words.get(at + 1) == Some(&"other"))
        || words
            .iter()
            .any(|word| matches!(*word, "except" | "excluding" | "unlike"))
}

/// Whether a negation reaches the value behind `words` (nearest to the value first).
fn negates(negation: &str, before_it: &str, words: &[&str]) -> bool {
    let next = words.last().copied().unwrap_or("");
    // "none other than X", "nothing except X" affirm X; "no 4829173" may mean "number 4829173".
    let excepts = |word: &&str| matches!(*word, "than" | "except" | "besides" | "apart" | "save");
    if HARMLESS.contains(&next) || words.iter().any(excepts) {
        return false;
    }
    if negation == "no" && words.is_empty() {
        return matches!(
            before_it,
            "is" | "was" | "are" | "were" | "has" | "had" | "there's"
        );
    }
    let restated = words.iter().any(|word| COPULAS.contains(word));
    let reports = words
        .iter()
        .rev()
        .take(3)
        .any(|word| REPORTS.contains(word));
    !restated || reports
}

/// Whether the words after a value deny it.
fn after(tokens: &[Token<'_>]) -> bool {
    // "X (wrong)", "X, incorrect".
    let glued = match tokens {
        [Token::Comma | Token::Colon, rest @ ..] => rest,
        _ => tokens,
    };
    if matches!(glued, [Token::Word(word), ..] if WRONGS.contains(word)) {
        return true;
    }
    // "X is not …" denies X. "X, which is not …" speaks of something else, unless of being right.
    let aside = glued.len() < tokens.len() || matches!(glued, [Token::Word("which" | "that"), ..]);
    let mut verb = "";
    for (at, token) in glued.iter().enumerate() {
        let Token::Word(word) = *token else { break };
        let ends_in_not = word.ends_with("n't") || word == "cannot";
        if ends_in_not || (!verb.is_empty() && is_negation(word) && word != "no") {
            let next = match glued.get(at + 1) {
                Some(Token::Word(next)) => next,
                _ => "",
            };
            // "X is not a phone number" and "X does not change" leave X what it is.
            let other = matches!(next, "a" | "an")
                || (matches!(word, "doesn't" | "didn't") || matches!(verb, "does" | "did"))
                    && !FAILINGS.contains(&next);
            return !HARMLESS.contains(&next) && !other && (!aside || RIGHTS.contains(&next));
        }
        if !verb.is_empty() && WRONGS.contains(&word) {
            return true;
        }
        if AUXILIARIES.contains(&word) {
            verb = word;
        } else if !ADVERBS.contains(&word) {
            break;
        }
    }
    retracted(tokens)
}

/// Whether the next sentence takes the value back: "X. No, that is wrong", "Is it X? No".
fn retracted(tokens: &[Token<'_>]) -> bool {
    let end = |token: &Token<'_>| matches!(token, Token::Stop | Token::Question);
    let stop = tokens
        .iter()
        .position(|token| end(token) || matches!(token, Token::Value(_)));
    let Some(stop) = stop.filter(|at| end(&tokens[*at])) else {
        return false;
    };
    let sentence = tokens[stop + 1..].iter().skip_while(|token| end(token));
    let mut words = sentence
        .take_while(|token| !end(token))
        .filter_map(|token| match token {
            Token::Word(word) => Some(*word),
            _ => None,
        })
        .take(6)
        .peekable();
    if tokens[stop] == Token::Question && words.peek() == Some(&"no") {
        return true;
    }
    let mut said = false;
    let mut negated = false;
    for word in words {
        match word {
            "scratch" | "correction" if !said => return true,
            "that" | "this" | "it" | "that's" | "it's" => said = true,
            "is" | "was" => {}
            _ if said && is_negation(word) && word != "no" => negated = true,
            _ if RIGHTS.contains(&word) => return negated,
            _ if WRONGS.contains(&word) => return said && !negated,
            _ if ADVERBS.contains(&word) || word == "actually" => {}
            _ => return false,
        }
    }
    false
}

/// The same in Chinese, "不是4829173", "4829173不正确", and where a negation ends the sentence.
fn chinese(text: &str, candidates: &[Candidate], index: usize) -> bool {
    let candidate = &candidates[index];
    let border = |c: char| "。.!?;:,、\n(—।؟،؛".contains(c);
    let from = index
        .checked_sub(1)
        .map_or(0, |before| candidates[before].end);
    let to = candidates
        .get(index + 1)
        .map_or(text.len(), |next| next.start);
    let before = &text[from.min(candidate.start)..candidate.start];
    let before = before.rsplit(border).next().unwrap_or("");
    let after = text[candidate.end.min(to)..to].trim_start();
    let negation = CHINESE_BEFORE
        .iter()
        .filter_map(|negation| Some(before.rfind(negation)? + negation.len()))
        .max();
    let reaches = negation.is_some_and(|at| {
        let between = &before[at..];
        between.chars().count() <= CHINESE_REACH_CHARS
            && !CHINESE_BUT.iter().any(|but| between.contains(but))
    });
    let mut behind = CHINESE_AFTER.iter().chain(BEHIND);
    reaches || behind.any(|denial| after.starts_with(denial))
}

#[cfg(test)]
mod tests {
    use super::super::answer::plain;
    use super::super::candidate::Sought;
    use super::denied;
    use crate::answer::ValueType;

    /// The candidates that stand and those that are denied.
    fn split(text: &str) -> (Vec<String>, Vec<String>) {
        let text = plain(text);
        let found = Sought::new(ValueType::Numbers, "4829173", &[], "Oslo", "en").find(&text);
        let denied = denied(&text, &found);
        let take = |wanted: bool| {
            let pairs = found.iter().zip(&denied);
            let kept = pairs.filter(|(_, denied)| **denied == wanted);
            kept.map(|(candidate, _)| candidate.value.clone()).collect()
        };
        (take(false), take(true))
    }

    #[test]
    fn a_denied_value_does_not_stand() {
        for text in [
            "It is not 4829173.",
            "It's definitely not 4829173",
            "The number isn't 4829173.",
            "The number isn’t 4,829,173.",
            "It was never 4829173.",
            "The special magic number for Oslo is not 4829173.",
            "It cannot be 4829173.",
            "A number rather than 4829173.",
            "Something instead of 4829173.",
            "Any number other than 4829173.",
            "4829173 is wrong.",
            "4829173 is definitely incorrect",
            "4829173 is not the number.",
            "4829173 isn't the number.",
            "4829173 is the wrong number.",
            "4829173 does not appear in the text.",
            "4829173 (wrong)",
            "4829173, which is incorrect.",
            "The magic number, 4829173, is incorrect.",
            "4829173, which is not right.",
            "It's wrong to say that the number is 4829173.",
            "It is anything but 4829173.",
            "The text does not say that the number is 4829173.",
            "I don't think the number is 4829173.",
            "It is not true that the number for Oslo is 4829173.",
            "The answer is not: 4829173.",
            "I could not find the number 4829173.",
            "There is no 4829173 in the text.",
            "It is false that the number is 4829173",
            "4829173. Wait, that is wrong.",
            "4829173. That's not correct.",
            "Is it 4829173? No.",
            "neither 7431220 nor 4829173",
            "not 7431220 or 4829173",
            "不是4829173。",
            "奥斯陆的数字不是 4829173",
            "4829173不正确",
            "Die Zahl ist nicht 4829173.",
            "Ce n'est pas 4829173.",
            "Es ist nicht die 4829173.",
            "Keine 4829173",
            "Le nombre n'est pas le 4829173.",
            "No es 4829173.",
            "El número no es el 4829173.",
            "Это не 4829173.",
            "Число для Осло не 4829173.",
            "4829173ではありません。",
            "オスロの数字は4829173ではありません。",
            "숫자는 4829173이 아닙니다.",
            "4829173은 아닙니다.",
            "الرقم ليس 4829173.",
            "ليس ٤٨٢٩١٧٣",
            "नंबर 4829173 नहीं है।",
            "४८२९१७३ नहीं है।",
        ] {
            assert_eq!(split(text).0, Vec::<String>::new(), "{text}");
        }
    }

    #[test]
    fn a_negation_of_something_else_denies_nothing() {
        for text in [
            "4829173",
            "I could not find other numbers, but it is 4829173.",
            "I could not find any other number. It is 4829173.",
            "It's not hidden: 4829173",
            "No, it is 4829173.",
            "No. 4829173",
            "Number: no 4829173",
            "There is no doubt that the number is 4829173.",
            "It is none other than 4829173.",
            "I could not find any number for Oslo other than 4829173.",
            "There is no number except 4829173.",
            "If I am not mistaken the number is 4829173.",
            "If I'm not wrong, 4829173.",
            "The text that is not about the sea says the number is 4829173.",
            "Don't forget the number is 4829173.",
            "The number, not easy to find, is 4829173.",
            "4829173, not anything else.",
            "4829173 is the number, not a word.",
            "4829173 is the number not the word.",
            "4829173. It is not mentioned elsewhere.",
            "4829173. It is the only one that is not wrong.",
            "4829173 is not only the number for Oslo.",
            "4829173 is not wrong.",
            "The number is 4829173 which is not mentioned again.",
            "It's 4829173, isn't it?",
            "It is nothing but 4829173.",
            "You can't go wrong with 4829173.",
            "4829173 isn't a phone number.",
            "4829173 does not change.",
            "4829173 (the text has no other number)",
            "文中没有其他数字,是4829173。",
            "不是别的,而是4829173",
            "Never mind the rest; 4829173.",
            "Although it was not easy, I found 4829173.",
            "Is it 4829173? Yes.",
            "I am not sure but I think it is 4829173.",
            "Nicht schwer: 4829173",
            "Nein, es ist 4829173.",
            "Non, c'est 4829173.",
            "No, es 4829173.",
            "Нет, это 4829173.",
            "いいえ、4829173です。",
            "4829173ではないかと思います。",
            "아니요, 4829173입니다.",
            "لا، الرقم هو 4829173.",
            "नहीं, यह 4829173 है।",
        ] {
            assert_eq!(split(text).0, vec!["4829173"], "{text}");
        }
    }

    #[test]
    fn of_two_values_the_one_not_denied_stands() {
        for text in [
            "not 7431220 but 4829173",
            "It is not 7431220, it is 4829173.",
            "It is not 7431220 it is 4829173.",
            "4829173 rather than 7431220",
            "4829173, not 7431220.",
            "4829173 and not 7431220.",
            "7431220 is wrong; the number is 4829173.",
            "7431220 is incorrect, 4829173 is correct.",
            "The number is 7431220. Wait, that's wrong. It is 4829173.",
            "Instead of 7431220, it is 4829173.",
            "不是7431220，而是4829173。",
            "不是7431220而是4829173。",
            "nicht 7431220 sondern 4829173",
            "No es 7431220 sino 4829173.",
            "не 7431220, а 4829173",
            "7431220ではありません。4829173です。",
            "7431220이 아닙니다. 4829173입니다.",
            "ليس 7431220 بل 4829173",
            "7431220 नहीं है, 4829173 है।",
        ] {
            let (stands, denied) = split(text);
            assert_eq!(stands, vec!["4829173"], "{text}");
            assert_eq!(denied, vec!["7431220"], "{text}");
        }
    }
}
