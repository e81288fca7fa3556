//! The words that denials are made of.

/// Negations. Words ending in "n't" are negations too.
pub const NEGATIONS: &[&str] = &[
    "not", "cannot", "never", "neither", "nor", "no", "none", "isnt", "wasnt", "doesnt", "dont",
    "nicht", "kein", "keine", "pas", "não", "niet", "не", "ليس", "ليست",
];

/// What calls a value wrong.
pub const WRONGS: &[&str] = &[
    "wrong",
    "incorrect",
    "false",
    "invalid",
    "untrue",
    "mistaken",
    "inaccurate",
    "fake",
    "falsch",
    "faux",
];

/// What calls it right.
pub const RIGHTS: &[&str] = &["right", "correct", "true", "accurate"];

/// What a clause that begins with a denial says is not so, though it goes on with "… is X":
/// "it does not say that the number is X".
pub const REPORTS: &[&str] = &[
    "say",
    "says",
    "said",
    "state",
    "states",
    "stated",
    "mention",
    "mentions",
    "mentioned",
    "think",
    "believe",
    "true",
    "case",
    "claim",
    "claims",
    "indicate",
    "indicates",
    "suggest",
    "suggests",
    "show",
    "shows",
    "confirm",
    "confirms",
    "mean",
    "means",
    "correct",
    "right",
    "possible",
    "likely",
    "accurate",
];

/// After a negation these make it none: "not only", "no doubt", "do not forget".
pub const HARMLESS: &[&str] = &[
    "only",
    "just",
    "merely",
    "mistaken",
    "wrong",
    "incorrect",
    "doubt",
    "question",
    "problem",
    "surprisingly",
    "forget",
    "go", // "cannot go wrong with"
    "hesitate",
    "worry",
];

/// Verbs that make a new statement between a negation and a value.
pub const COPULAS: &[&str] = &["is", "was", "are", "were", "it's", "equals", "="];

/// Verbs that open "X is not …", "X does not …".
pub const AUXILIARIES: &[&str] = &[
    "is", "was", "are", "were", "does", "did", "has", "can", "could", "will", "would", "should",
    "seems", "appears", "looks", "be", "which", "that",
];

/// What a value "does not" do that is not the answer.
pub const FAILINGS: &[&str] = &[
    "appear",
    "exist",
    "match",
    "belong",
    "seem",
    "look",
    "occur",
    "correspond",
    "stand",
    "fit",
    "apply",
    "answer",
];

/// Adverbs that may stand before the word that matters.
pub const ADVERBS: &[&str] = &[
    "definitely",
    "certainly",
    "clearly",
    "surely",
    "probably",
    "actually",
    "also",
    "simply",
    "obviously",
    "likely",
    "indeed",
    "therefore",
    "thus",
    "still",
    "however",
    "in",
    "fact",
    "the",
    "a",
    "an",
    "wait",
    "hmm",
    "oops",
    "sorry",
    "no",
    "be",
];

/// Words that begin a clause.
pub const CONJUNCTIONS: &[&str] = &[
    "but",
    "however",
    "yet",
    "whereas",
    "while",
    "because",
    "since",
    "although",
    "though",
    "so",
    "therefore",
    "aber",
    "sondern",
    "mais",
    "pero",
    "sino",
    "а",
    "но",
    "بل",
    "لكن",
    "बल्कि",
];

/// Negations that follow their value at once in Japanese, Korean and Hindi: "it is not".
pub const BEHIND: &[&str] = &[
    "ではありません",
    "じゃありません",
    "ではございません",
    "이 아닙니다",
    "가 아닙니다",
    "은 아닙니다",
    "는 아닙니다",
    "नहीं है",
];

/// Negations of Chinese, which has no spaces, and what ends their reach.
pub const CHINESE_BEFORE: &[&str] = &["不是", "不等于", "并非", "没有", "而非", "不会是"];
pub const CHINESE_AFTER: &[&str] = &["不是", "是错", "不正确", "不对", "是不正确", "并不"];
pub const CHINESE_BUT: &[&str] = &["而是", "但", "应该是", "应为", "其实是"];

/// True for a word that negates what follows it.
pub fn is_negation(word: &str) -> bool {
    NEGATIONS.contains(&word) || word.ends_with("n't")
}
