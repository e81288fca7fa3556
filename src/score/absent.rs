//! Answers where no value is right: the text does not say it, and that is to be said.

use super::{Class, Judged, Question, answer, final_part, judge_one, refusal};
use crate::answer::Right;
use crate::language::Language;
use crate::reply::Stop;
use crate::rope::Rope;

/// Judges an answer to a question about what was never planted.
pub fn judge(
    question: &Question<'_>,
    answer: &str,
    stop: &Stop,
    haystack: &mut dyn FnMut() -> Option<Rope>,
) -> Judged {
    // What was planted beside it shows what a value looks like; any value is a guess.
    let form = question
        .distractors
        .first()
        .map_or("0000000", String::as_str);
    let right = Right::one(question.value_type(), form);
    let guessed = judge_one(
        &Question {
            right: &right,
            distractors: question.distractors.get(1..).unwrap_or_default(),
            ..*question
        },
        answer,
        stop,
        haystack,
    );
    let said = final_part(answer);
    let class = match guessed.class {
        _ if says_none(question.language, said) => Class::Exact,
        // Who asks for the text, or gives up on it, has not found that it does not tell it.
        Class::Refusal if refusal::is_silence(&answer::plain(said)) => Class::Exact,
        Class::Exact | Class::Distractor => Class::Distractor,
        Class::NearMiss => Class::Wrong,
        other => other,
    };
    Judged {
        class,
        distractor: None,
        substring: class == Class::Exact,
        ..guessed
    }
}

/// True where an answer is one of the ways to say that there is none, and nothing else.
fn says_none(language: &str, said: &str) -> bool {
    let said = answer::plain(said);
    let bare = said.trim_matches(|c: char| !c.is_alphanumeric());
    let codes = [language, "en"];
    let languages = codes.iter().filter_map(|code| Language::named(code).ok());
    let mut ways = languages.flat_map(|language| &language.none);
    ways.any(|way| answer::plain(way) == bare)
}

#[cfg(test)]
mod tests {
    use super::super::judge;
    use super::*;
    use crate::answer::ValueType;

    #[test]
    fn saying_that_there_is_none_is_exact_and_any_value_is_a_guess() {
        let right = Right::absent(ValueType::Numbers);
        let distractors = ["4829173".to_owned(), "7431220".to_owned()];
        let question = Question {
            right: &right,
            distractors: &distractors,
            key: "gentle-otter",
            language: "en",
        };
        for (answer, class) in [
            ("none", Class::Exact),
            ("None.", Class::Exact),
            ("\"none\"", Class::Exact),
            ("The text does not mention gentle-otter.", Class::Exact),
            (
                "There is no special magic number for gentle-otter.",
                Class::Exact,
            ),
            ("I cannot find gentle-otter in the text.", Class::Exact),
            ("I'm sorry, but the text doesn't mention it.", Class::Exact),
            ("unknown", Class::Exact),
            ("Could you please provide the text?", Class::Refusal),
            ("You have not provided the document.", Class::Refusal),
            ("I'm sorry, I can't assist with that.", Class::Refusal),
            (
                "I am unable to process such a long document.",
                Class::Refusal,
            ),
            ("I don't know.", Class::Refusal),
            ("I do not see any text here.", Class::Refusal),
            (
                "The text is too long; nothing about it was found.",
                Class::Refusal,
            ),
            ("4829173", Class::Distractor),
            ("7431220", Class::Distractor),
            ("5550198", Class::Wrong),
            ("4829173 or 7431220", Class::Listing),
            ("", Class::Empty),
            ("The otter is gentle and brown", Class::Wrong),
        ] {
            let judged = judge(&question, answer, &Stop::End, &mut || None);
            assert_eq!(judged.class, class, "{answer}");
        }
    }

    /// "I'm sorry, I don't know" in every language.
    fn declines(code: &str) -> &'static str {
        match code {
            "zh" => "抱歉，我不知道。",
            "de" => "Tut mir leid, das weiß ich nicht.",
            "fr" => "Désolé, je ne sais pas.",
            "es" => "Lo siento, no lo sé.",
            "ru" => "Извините, не знаю.",
            "ja" => "申し訳ありませんが、わかりません。",
            "ko" => "죄송하지만 모르겠습니다.",
            "ar" => "عذرًا، لا أعرف.",
            "hi" => "क्षमा करें, मुझे पता नहीं।",
            _ => "I'm sorry, I don't know.",
        }
    }

    #[test]
    fn each_language_says_none_in_its_own_words_and_digits_of_any_script_are_a_guess() {
        let right = Right::absent(ValueType::Numbers);
        let distractors = ["4829173".to_owned()];
        for code in Language::codes() {
            let language = Language::named(code).expect("is read");
            let question = Question {
                right: &right,
                distractors: &distractors,
                key: "x",
                language: code,
            };
            let class = |answer: &str| judge(&question, answer, &Stop::End, &mut || None).class;
            for none in &language.none {
                assert_eq!(class(none), Class::Exact, "{code}: {none}");
                assert_eq!(class(&format!("{none}.")), Class::Exact, "{code}: {none}");
            }
            assert_eq!(class(declines(code)), Class::Refusal, "{code}");
            assert!(language.unless_absent.contains(&language.none[0]), "{code}");
            for guess in ["4829173", "٤٨٢٩١٧٣", "४८२९१७३", "４８２９１７３"]
            {
                assert_eq!(class(guess), Class::Distractor, "{code}: {guess}");
            }
        }
    }
}
