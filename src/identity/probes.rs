//! The texts whose token counts tell tokenizers apart, and the frame that they stand in.

use crate::rope::{Piece, Rope};

/// What stands before a probe, on a line of its own.
const HEAD: &str = "Between the two rules stands a sample of text.\n---\n";
/// What stands behind it. Neither end of the prompt is white space, because templates trim.
const TAIL: &str = "\n---\nDo not comment on it. Reply with the word OK.";

/// A text by its name in the table of tokenizers.
pub struct Probe {
    /// One word.
    pub name: &'static str,
    /// How often `unit` stands there.
    pub times: usize,
    /// What is repeated.
    pub unit: &'static str,
}

impl Probe {
    /// The text.
    pub fn text(&self) -> String {
        self.unit.repeat(self.times)
    }
}

const fn probe(name: &'static str, times: usize, unit: &'static str) -> Probe {
    Probe { name, times, unit }
}

/// Every probe, in the order of the table's vectors. Whoever changes one makes the table again
/// (`cargo run --example tokenizer_vectors`).
pub const PROBES: &[Probe] = &[
    // One token a digit, by threes from the left, by what merges there are.
    probe("digits", 64, "0123456789"),
    probe("spaces", 200, " "),
    probe("tabs", 24, "\t\t\tx\n"),
    probe("newlines", 12, "a\n\n\n\n"),
    probe(
        "chinese",
        2,
        "人工智能模型的上下文窗口究竟有多深,需要用没有人见过的事实来测量。",
    ),
    probe(
        "japanese",
        2,
        "吾輩は猫である。名前はまだ無い。どこで生れたかとんと見当がつかぬ。",
    ),
    probe("long-vowels", 50, "ー"),
    probe(
        "korean",
        2,
        "모든 국민은 인간으로서의 존엄과 가치를 가지며, 행복을 추구할 권리를 가진다.",
    ),
    probe(
        "cyrillic",
        2,
        "Все счастливые семьи похожи друг на друга, каждая несчастливая семья несчастлива по-своему.",
    ),
    probe(
        "greek",
        2,
        "Ἐν ἀρχῇ ἦν ὁ λόγος, καὶ ὁ λόγος ἦν πρὸς τὸν θεόν.",
    ),
    probe(
        "arabic",
        2,
        "يولد جميع الناس أحرارًا متساوين في الكرامة والحقوق.",
    ),
    probe(
        "hindi",
        2,
        "सभी मनुष्यों को गौरव और अधिकारों के मामले में जन्मजात स्वतन्त्रता प्राप्त है।",
    ),
    probe(
        "thai",
        2,
        "มนุษย์ทั้งหลายเกิดมามีอิสระและเสมอภาคกันในเกียรติศักดิ์และสิทธิ",
    ),
    probe("family-emoji", 16, "👩‍👩‍👧‍👦"),
    probe("flags", 8, "🇩🇪🇫🇷🇯🇵🇧🇷"),
    probe(
        "code",
        2,
        "    for (int i = 0; i < n; ++i) {\n        if (a[i] != b[i]) { return -1; }\n    }\n",
    ),
    probe(
        "json",
        2,
        "{\"id\": 12345, \"tags\": [\"a\", \"b\"], \"nested\": {\"ok\": true, \"none\": null}}",
    ),
    probe(
        "base64",
        2,
        "U29tZSB0ZXh0IHRoYXQgbm9ib2R5IHJlYWRzLCBlbmNvZGVkIGFzIGJhc2U2NC4+Pj8/Pw==",
    ),
    probe(
        "hexadecimal",
        4,
        "deadbeef-0000-4a7c-9f3e-c0ffee123456 0xFFEE00AA ",
    ),
    probe("rules", 6, "=====-----#####*****......______~~~~~"),
    probe(
        "capitals",
        2,
        "THE QUICK BROWN FOX JUMPS OVER THE LAZY DOG AND CAMELCASEIDENTIFIERS ",
    ),
    probe(
        "compounds",
        2,
        "Donaudampfschifffahrtsgesellschaftskapitän und Rindfleischetikettierungsüberwachung ",
    ),
    probe(
        "latex",
        2,
        "\\frac{\\partial f}{\\partial x} = \\sum_{i=0}^{\\infty} \\int_0^1 \\alpha_i\\,dx ",
    ),
    probe("symbols", 2, "∀x∈ℝ: ⌈x⌉ ≥ x ∧ √2 ≠ ⅔ → ∮∇·F dV ≈ ½π²"),
    probe(
        "prose",
        3,
        "It was a bright cold day in April, and the clocks were striking thirteen. ",
    ),
];

/// The probe by which reported and true counts are compared: plain English, where vocabularies
/// hardly differ.
pub const PLAIN: &str = "prose";

/// The prompt around a text; around none it is the base of all differences.
pub fn framed(text: &str) -> String {
    format!("{HEAD}{text}{TAIL}")
}

/// The same, behind a haystack where there is one.
pub fn behind(haystack: Option<&Rope>, text: &str) -> Rope {
    let mut rope = haystack.cloned().unwrap_or_default();
    let joint = if haystack.is_some() { "\n\n" } else { "" };
    rope.push(Piece::of(&format!("{joint}{text}")));
    rope
}

/// What is to be repeated for the cut positions of the answer: words and numbers that
/// vocabularies cut differently, in ASCII, so that no character is cut in two.
pub const REPEATED: &str = "unhappiness 31415926 electroencephalogram HTTPServerError \
    refactoring xylophones 2718281828 mischaracterization kubernetes";

/// Eight hex digits that change with any probe, so that the table cannot outlive them.
pub fn digest() -> String {
    let mut hasher = blake3::Hasher::new();
    for probe in PROBES {
        hasher.update(framed(&probe.text()).as_bytes());
        hasher.update(&[0]);
    }
    hasher.update(REPEATED.as_bytes());
    hasher.finalize().to_hex()[..8].to_owned()
}
