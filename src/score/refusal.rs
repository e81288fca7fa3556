//! Whether an answer without a value says that it has none.

/// Phrases that say so anywhere in an answer, in plain form.
const PHRASES: &[&str] = &[
    "i cannot",
    "i can't",
    "i can not",
    "i could not",
    "i couldn't",
    "i am not able",
    "i'm not able",
    "i won't",
    "i will not",
    "i am unable",
    "unable to",
    "i do not know",
    "i don't know",
    "i do not have",
    "i don't have",
    "i am not sure",
    "i'm not sure",
    "i did not find",
    "i didn't find",
    "i do not see",
    "i don't see",
    "i have no",
    "sorry",
    "apologize",
    "apologise",
    "apologies",
    "as an ai",
    "as a language model",
    "no mention",
    "not mentioned",
    "not mention",
    "n't mention",
    "no information",
    "no record",
    "no reference",
    "no such",
    "no special",
    "no magic",
    "no evidence",
    "no indication",
    "not found",
    "not find",
    "n't find",
    "not contain",
    "n't contain",
    "not include",
    "n't include",
    "not provide",
    "n't provide",
    "not specif",
    "n't specif",
    "not given",
    "not stated",
    "not state",
    "n't state",
    "not listed",
    "not list",
    "n't list",
    "not present",
    "not appear",
    "n't appear",
    "not available",
    "not available",
    "not exist",
    "n't exist",
    "not known",
    "not say",
    "n't say",
    "not possible to",
    "not in the text",
    "not in the document",
    "isn't in the",
    "isn't mentioned",
    "isn't given",
    "wasn't",
    "cannot be determined",
    "can't be determined",
    "cannot be found",
    "there is no",
    "there's no",
    "there isn't",
    "there are no",
    "insufficient information",
    "not enough information",
    "need more",
    "more information",
    "抱歉",
    "对不起",
    "没有提到",
    "没有提及",
    "未提到",
    "未提及",
    "无法",
    "找不到",
    "未找到",
    "没有找到",
    "不知道",
    "没有相关",
    "没有说明",
    "没有给出",
    "并未",
    "不清楚",
];

/// Whole answers that say so.
const WHOLE: &[&str] = &[
    "none",
    "no",
    "unknown",
    "n/a",
    "na",
    "null",
    "nil",
    "not found",
    "not applicable",
    "not mentioned",
    "not specified",
    "undefined",
    "无",
    "没有",
    "未知",
];

/// True where a text (in plain form) declines to give a value.
pub fn is_refusal(text: &str) -> bool {
    let whole = text.trim_matches(|c: char| !c.is_alphanumeric());
    WHOLE.contains(&whole) || PHRASES.iter().any(|phrase| text.contains(phrase))
}

#[cfg(test)]
mod tests {
    use super::super::answer::plain;
    use super::is_refusal;

    #[test]
    fn an_answer_that_declines_is_told_from_one_that_errs() {
        for text in [
            "I'm sorry, but I cannot help with that.",
            "The text doesn’t mention Oslo.",
            "There is no mention of a special magic number for Oslo.",
            "None.",
            "N/A",
            "**Unknown**",
            "文中没有提到奥斯陆。",
            "The passage does not contain this information.",
        ] {
            assert!(is_refusal(&plain(text)), "{text}");
        }
        for text in [
            "Oslo is the capital of Norway.",
            "The number is four.",
            "Nonetheless, Oslo.",
            "happy otter",
            "",
        ] {
            assert!(!is_refusal(&plain(text)), "{text}");
        }
    }
}
