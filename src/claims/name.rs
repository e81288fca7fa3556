//! Model ids as servers give them, taken apart so that spellings of one model become equal and different versions never do.

/// Owners that Amazon's ids put before a dot: `us.meta.llama3-3-70b-instruct-v1:0`.
const DOTTED_OWNERS: &[&str] = &[
    "us",
    "eu",
    "apac",
    "jp",
    "au",
    "global",
    "meta",
    "amazon",
    "anthropic",
    "qwen",
    "deepseek",
    "minimax",
    "moonshot",
    "moonshotai",
    "openai",
    "zai",
    "mistral",
    "google",
    "nvidia",
    "cohere",
    "ai21",
    "writer",
];

/// How weights are packed, where it is a word of its own.
const PACKINGS: &[&str] = &[
    "awq",
    "gptq",
    "gguf",
    "mlx",
    "exl2",
    "exl3",
    "nvfp4",
    "mxfp4",
    "dynamic",
    "quantized",
    "ud",
    "imatrix",
    "i1",
];

/// What follows `q4` in llama.cpp's names where hyphens stand for the underscores.
const PACKING_TAILS: &[&str] = &["k", "m", "s", "l", "xs", "xxs", "nl", "0", "1"];

/// Words that say how weights of a stated size are tuned or served and not which they are. Without
/// a size they do name another model: `gpt-5-chat` is not `gpt-5`.
const SERVINGS: &[&str] = &[
    "instruct",
    "chat",
    "it",
    "hf",
    "turbo",
    "maas",
    "fast",
    "versatile",
    "basic",
    "instant",
];

/// A model's name from what it says to what it means, to be looked up one after the other. Words
/// about serving go before dates do: a date is more often a version.
pub fn spellings(name: &str) -> [Vec<String>; 5] {
    let all = pieces(name);
    let unpacked = without_packing(&all);
    let undated = without_dates(&unpacked);
    let (all, unpacked, undated) = (tokens(&all), tokens(&unpacked), tokens(&undated));
    let untuned = without_serving(&unpacked);
    let plain = without_serving(&undated);
    [all, unpacked, untuned, undated, plain]
}

/// The spellings under which a name of the registry can be found. Its dates are versions and stay.
pub fn keys(name: &str) -> [Vec<String>; 2] {
    let all = pieces(name);
    [
        tokens(&all),
        without_serving(&tokens(&without_packing(&all))),
    ]
}

/// The words of the last part of a path, in small letters: `qwen2.5`, `7b`, `instruct`, `q4_k_m`.
fn pieces(name: &str) -> Vec<String> {
    let lower = name.trim().to_lowercase();
    let mut rest = lower.strip_suffix(".gguf").unwrap_or(&lower);
    rest = rest.rsplit(['/', '\\']).next().unwrap_or_default();
    let mut is_dotted = false;
    while let Some((owner, model)) = rest.split_once('.') {
        if !DOTTED_OWNERS.contains(&owner) {
            break;
        }
        (rest, is_dotted) = (model, true);
    }
    if is_dotted {
        rest = without_revision(rest);
    }
    let rest = points(rest);
    let chars: Vec<char> = rest.chars().collect();
    let mut pieces = vec![String::new()];
    for (at, &c) in chars.iter().enumerate() {
        let next_is_letter = chars.get(at + 1).is_some_and(|c| c.is_alphabetic());
        if "-: ()@,*".contains(c) || (c == '.' && next_is_letter) {
            pieces.push(String::new());
        } else if let Some(piece) = pieces.last_mut() {
            piece.push(c);
        }
    }
    pieces.retain(|piece| !piece.is_empty());
    pieces
}

/// Without Amazon's `-v1:0`, `-1:0` or `-v1` at the end.
fn without_revision(id: &str) -> &str {
    let Some((before, last)) = id.rsplit_once('-') else {
        return id;
    };
    let revision = last.strip_prefix('v').unwrap_or(last);
    let is_revision = match revision.split_once(':') {
        Some((major, minor)) => is_number(major) && is_number(minor),
        None => last.starts_with('v') && is_number(revision),
    };
    if is_revision { before } else { id }
}

/// Fireworks writes `v3p1` for 3.1.
fn points(id: &str) -> String {
    let chars: Vec<char> = id.chars().collect();
    let digit = |at: Option<usize>| {
        at.and_then(|at| chars.get(at))
            .is_some_and(char::is_ascii_digit)
    };
    let point = |(at, &c): (usize, &char)| match c {
        'p' if digit(at.checked_sub(1)) && digit(Some(at + 1)) => '.',
        c => c,
    };
    chars.iter().enumerate().map(point).collect()
}

/// Versions and words apart: `llama3.1` and `llama-3-1` are both `llama`, `3`, `1`.
fn tokens(pieces: &[String]) -> Vec<String> {
    let mut tokens: Vec<String> = Vec::new();
    for piece in pieces {
        let mut apart = String::new();
        for c in piece.chars() {
            if c.is_ascii_digit() && apart.ends_with(char::is_alphabetic) {
                apart.push('.');
            }
            apart.push(c);
        }
        tokens.extend(apart.split(['.', '_']).map(str::to_owned));
    }
    tokens.retain(|token| !token.is_empty());
    let is_digit = |token: Option<&String>| {
        token.is_some_and(|token| token.starts_with(|c: char| c.is_ascii_digit()))
    };
    // `v3` and `3` are one version.
    let named: Vec<bool> = (0..tokens.len())
        .map(|at| tokens[at] != "v" || !is_digit(tokens.get(at + 1)))
        .collect();
    let mut named = named.into_iter();
    tokens.retain(|_| named.next().unwrap_or(true));
    if let [first, second, ..] = &tokens[..]
        && first == "meta"
        && second == "llama"
    {
        tokens.remove(0);
    }
    tokens
}

fn without_packing(pieces: &[String]) -> Vec<String> {
    let mut kept: Vec<String> = Vec::new();
    let mut in_tail = false;
    for (at, piece) in pieces.iter().enumerate() {
        let is_tail = in_tail && PACKING_TAILS.contains(&piece.as_str());
        let is_part = is_shard(&pieces[at..])
            || at.checked_sub(1).is_some_and(|at| is_shard(&pieces[at..]))
            || at.checked_sub(2).is_some_and(|at| is_shard(&pieces[at..]));
        in_tail = is_tail || is_packing(piece);
        let is_tag = matches!(piece.as_str(), "latest" | "free" | "default");
        if !in_tail && !is_part && !is_tag {
            kept.push(piece.clone());
        }
    }
    kept
}

/// True for `00001-of-00003`.
fn is_shard(pieces: &[String]) -> bool {
    let five = |piece: &String| piece.len() == 5 && is_number(piece);
    matches!(pieces, [number, of, count, ..] if five(number) && of == "of" && five(count))
}

fn is_packing(piece: &str) -> bool {
    let numbered = |prefix: &str| piece.strip_prefix(prefix).filter(|rest| is_number(rest));
    let width = |prefix: &str| {
        numbered(prefix).is_some_and(|bits| matches!(bits, "4" | "6" | "8" | "16" | "32"))
    };
    // q4_k_m, iq2_xxs, q4f16_1
    let plain = piece.strip_prefix('i').unwrap_or(piece);
    let quantised = plain.strip_prefix('q').is_some_and(|rest| {
        let tail = rest.trim_start_matches(|c: char| c.is_ascii_digit());
        tail.len() < rest.len() && (tail.is_empty() || tail.starts_with(['_', 'f']))
    });
    // 4bit, 8bits
    let bits = piece
        .strip_suffix("bit")
        .or_else(|| piece.strip_suffix("bits"))
        .is_some_and(is_number);
    // w4a16
    let mixed = piece
        .strip_prefix('w')
        .and_then(|rest| rest.split_once('a'))
        .is_some_and(|(weights, activations)| is_number(weights) && is_number(activations));
    PACKINGS.contains(&piece)
        || quantised
        || bits
        || mixed
        || ["fp", "bf", "f", "int"].into_iter().any(width)
}

/// Without `20250929`, `2025-04-14` and Gemini's `001`. Four digits (`2507`, `0528`) are versions:
/// their windows differ.
fn without_dates(pieces: &[String]) -> Vec<String> {
    let mut kept: Vec<String> = Vec::new();
    let mut rest = pieces;
    while let [first, after @ ..] = rest {
        let digits = |piece: &String, count| piece.len() == count && is_number(piece);
        let is_century = first.starts_with("20") && is_number(first);
        rest = match after {
            [month, day, after @ ..]
                if is_century && first.len() == 4 && digits(month, 2) && digits(day, 2) =>
            {
                after
            }
            _ => {
                let is_date = is_century && first.len() == 8;
                let is_revision = digits(first, 3) && first.starts_with("00");
                if !is_date && !is_revision {
                    kept.push(first.clone());
                }
                after
            }
        };
    }
    kept
}

fn without_serving(tokens: &[String]) -> Vec<String> {
    if !tokens.iter().any(|token| is_size(token)) {
        return tokens.to_vec();
    }
    let kept = tokens
        .iter()
        .filter(|token| !SERVINGS.contains(&token.as_str()));
    kept.cloned().collect()
}

/// True for `70b`, `8x7b` and `135m`; `1m` is a window.
fn is_size(token: &str) -> bool {
    let billions = token
        .strip_suffix('b')
        .is_some_and(|rest| rest.split('x').all(is_number));
    let millions = token
        .strip_suffix('m')
        .is_some_and(|rest| rest.len() > 1 && is_number(rest));
    billions || millions
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}
