//! The final answer in a model's text, and the plain form in which it is read.

use std::borrow::Cow;
use unicode_normalization::UnicodeNormalization;

/// How models fence reasoning that a server left inside the answer.
const FENCES: &[(&str, &str)] = &[
    ("<think>", "</think>"),
    ("<thinking>", "</thinking>"),
    ("<thought>", "</thought>"),
    ("<reasoning>", "</reasoning>"),
    ("<seed:think>", "</seed:think>"),
    ("[think]", "[/think]"),
    ("◁think▷", "◁/think▷"),
    ("<|start_thinking|>", "<|end_thinking|>"),
    (
        "<|channel|>analysis<|message|>",
        "<|channel|>final<|message|>",
    ),
];

/// The answer without leading reasoning: after the closing fence where there is one, and empty
/// where reasoning was opened and never closed. A closing fence without an opening one counts,
/// because chat templates put the opening one into the prompt.
pub fn final_part(answer: &str) -> &str {
    let mut rest = answer.trim_start();
    loop {
        let lower = rest.to_ascii_lowercase();
        let opened = FENCES.iter().find(|(open, _)| lower.starts_with(open));
        let close = match opened {
            Some((_, close)) => match lower.find(close) {
                Some(at) => Some((at, close.len())),
                None => return "",
            },
            None => FENCES
                .iter()
                .filter_map(|(open, close)| {
                    let at = lower.find(close)?;
                    // A pair further on is talk about the tag, not leading reasoning.
                    let before = lower.get(..at)?;
                    (!before.contains(open)).then_some((at, close.len()))
                })
                .min(),
        };
        match close.and_then(|(at, length)| rest.get(at + length..)) {
            Some(after) => rest = after.trim_start(),
            None => return rest,
        }
    }
}

/// The text in the one form that candidates, denials and refusals are looked for: NFKC, lower
/// case, decimal digits of any script as ASCII, one kind of hyphen and apostrophe, no markdown
/// emphasis, no invisible characters, single spaces. Line breaks stay, because they end a clause.
pub fn plain(text: &str) -> String {
    let text = without_control_tokens(text);
    let mut out = String::with_capacity(text.len());
    for original in text.chars() {
        if let Some(digit) = decimal_digit(original) {
            out.push(digit);
            continue;
        }
        // Footnote marks, circled and fractional numbers become ASCII digits under NFKC and
        // would grow onto a number beside them ("4829173²").
        if !original.is_ascii() && original.is_numeric() && original != '〇' {
            push_space(&mut out);
            continue;
        }
        // NFKC takes the acute accent that stands for an apostrophe ("isn´t") apart.
        let original = if original == '´' { '\'' } else { original };
        for c in std::iter::once(original)
            .nfkc()
            .flat_map(char::to_lowercase)
        {
            push_plain(&mut out, c);
        }
    }
    // Composition across characters ("e" + U+0301), after the character-wise pass above.
    let composed: String = out.nfkc().collect();
    composed.replace("{,}", ",")
}

/// Appends one character of the plain form, or nothing.
fn push_plain(out: &mut String, c: char) {
    match c {
        '\n' | '\r' | '\u{2028}' | '\u{2029}' => {
            if out.ends_with(' ') {
                out.pop();
            }
            if !out.ends_with('\n') {
                out.push('\n');
            }
        }
        '*' | '`' | '\u{AD}' | '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' => {}
        '\u{2060}'..='\u{2069}' | '\u{FEFF}' | '\u{FE0F}' => {}
        '‐' | '‒' | '–' | '−' => out.push('-'),
        '―' => out.push('—'),
        '’' | '‘' | 'ʼ' | '′' => out.push('\''),
        '٬' => out.push(','),
        '٫' => out.push('.'),
        // A backslash before punctuation escapes it, in markdown and in LaTeX.
        ',' | '-' | '_' | '.' | '{' | '}' | '"' if out.ends_with('\\') => {
            out.pop();
            out.push(c);
        }
        c if c.is_whitespace() => push_space(out),
        c if c.is_control() => {}
        c => out.push(c),
    }
}

fn push_space(out: &mut String) {
    if !out.ends_with([' ', '\n']) {
        out.push(' ');
    }
}

/// `<|im_end|>` and `</s>`: marks that some servers leave in the text.
fn without_control_tokens(text: &str) -> Cow<'_, str> {
    if !text.contains("<|") && !text.contains("</s>") {
        return Cow::Borrowed(text);
    }
    let text = text.replace("</s>", " ");
    let mut out = String::with_capacity(text.len());
    let mut rest = text.as_str();
    while let Some(open) = rest.find("<|") {
        let (before, mark) = rest.split_at(open);
        out.push_str(before);
        match mark.find("|>") {
            Some(close) if close < 40 => {
                out.push(' ');
                rest = &mark[close + 2..];
            }
            _ => {
                out.push_str("<|");
                rest = &mark[2..];
            }
        }
    }
    out.push_str(rest);
    Cow::Owned(out)
}

/// First code points of the decimal digits (category Nd) of the scripts that answers come in.
const ZEROS: &[u32] = &[
    0x0030, 0x0660, 0x06F0, 0x07C0, 0x0966, 0x09E6, 0x0A66, 0x0AE6, 0x0B66, 0x0BE6, 0x0C66, 0x0CE6,
    0x0D66, 0x0E50, 0x0ED0, 0x0F20, 0x1040, 0x17E0, 0x1810, 0xFF10, 0x1D7CE, 0x1D7D8, 0x1D7E2,
    0x1D7EC, 0x1D7F6,
];

/// The ASCII form of a decimal digit of any script.
fn decimal_digit(c: char) -> Option<char> {
    let code = u32::from(c);
    ZEROS
        .iter()
        .filter_map(|zero| code.checked_sub(*zero))
        .find(|value| *value < 10)
        .and_then(|value| char::from_digit(value, 10))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leading_reasoning_is_not_the_answer() {
        for (answer, part) in [
            ("<think>it may be 1</think>\n\n2", "2"),
            ("  <THINK>\nx</Think>2", "2"),
            ("<think>a</think><think>b</think>2", "2"),
            ("the template opened it</think>2", "2"),
            ("<think>never closed", ""),
            (
                "<|channel|>analysis<|message|>hm<|channel|>final<|message|>2",
                "2",
            ),
            (
                "2 <think>afterthought</think>",
                "2 <think>afterthought</think>",
            ),
            ("no fence", "no fence"),
        ] {
            assert_eq!(final_part(answer), part, "{answer}");
        }
    }

    #[test]
    fn the_plain_form_has_one_way_to_write_a_thing() {
        for (text, form) in [
            ("**４８２９１７３**", "4829173"),
            ("٤٨٢٩١٧٣", "4829173"),
            ("𝟒𝟖𝟐𝟗𝟏𝟕𝟑", "4829173"),
            ("4829173²", "4829173 "),
            ("①4829173", " 4829173"),
            ("`Happy‑Otter`", "happy-otter"),
            ("It’s\u{a0}X isn´t", "it's x isn't"),
            ("4{,}829{,}173", "4,829,173"),
            ("4\\,829\\,173", "4,829,173"),
            ("a \t b\r\n\r\nc", "a b\nc"),
            ("1<|im_end|>", "1 "),
            ("e\u{301}", "é"),
        ] {
            assert_eq!(plain(text), form, "{text}");
        }
    }
}
