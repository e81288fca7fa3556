//! What a simulated model makes of a prompt: where it finds the fact, and whether it recalls it.

use super::body::ChatRequest;
use super::prefix::{Blocks, Prefixes};
use super::reader::{self, Fact, Question};
use super::truth::{Recall, Truth};
use crate::tokens::Tokenizer;
use anyhow::Result;
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// What the chat template adds to the tokens of the messages.
pub const TEMPLATE_TOKENS: u64 = 7;

/// What it says where it finds nothing to say.
pub const NO_IDEA: &str = "I don't know.";

/// Length in bytes of the stretches in which tokens are counted.
const STRETCH_BYTES: usize = 1 << 20;

/// One simulated model's mind.
pub struct Mind {
    truth: Truth,
    tokenizer: Arc<Tokenizer>,
    prefixes: Mutex<Prefixes>,
    /// What tells two flaky models apart that were given no seed.
    chance: u64,
    thoughts: AtomicU64,
}

/// A prompt as it was read.
pub struct Reading<'t> {
    text: &'t str,
    question: Option<Question<'t>>,
    fact: Option<Fact<'t>>,
    before_tokens: u64,
    /// Tokens of the whole prompt, template included.
    pub prompt_tokens: u64,
}

/// What is answered to a prompt.
pub struct Thought<'t> {
    /// The answer.
    pub text: &'t str,
    /// Tokens of the prompt that an earlier prompt began with.
    pub cached_tokens: u64,
    /// A number that belongs to this prompt and this answer.
    pub mark: u64,
}

impl Mind {
    /// A mind of this truth.
    pub fn new(truth: Truth) -> Result<Mind> {
        let chance = RandomState::new().hash_one(std::process::id());
        Ok(Mind {
            chance: truth.seed.unwrap_or(chance),
            truth,
            tokenizer: Tokenizer::bundled("o200k")?,
            prefixes: Mutex::default(),
            thoughts: AtomicU64::new(0),
        })
    }

    /// What it is like.
    pub fn truth(&self) -> &Truth {
        &self.truth
    }

    /// Reads a prompt: finds question and fact, and counts its tokens.
    pub fn read<'t>(&self, request: &'t ChatRequest) -> Result<Reading<'t>> {
        let text = request.text.as_str();
        let question = reader::question(text, &request.messages);
        let fact = question.and_then(|question| reader::fact(text, question));
        let (prompt_tokens, before_tokens) = self.measure(request, fact)?;
        Ok(Reading {
            text,
            question,
            fact,
            before_tokens,
            prompt_tokens,
        })
    }

    /// Answers a prompt that was read.
    pub fn think<'t>(&self, reading: &Reading<'t>) -> Thought<'t> {
        let (cached_tokens, prompt) = self.remember(reading);
        let chance = self.chance(&prompt);
        let answer = match (self.truth.recall, reading.question, reading.fact) {
            (Recall::Grep, Some(question), _) => reader::grep(reading.text, question.key),
            (_, _, Some(fact)) => {
                let depth = reading.before_tokens as f64 / reading.prompt_tokens as f64;
                let recall = self.truth.recall(reading.prompt_tokens, depth);
                if unit(draw(&chance, 0)) < recall {
                    Some(fact.value)
                } else {
                    one_of(&reader::siblings(reading.text, fact), draw(&chance, 1))
                }
            }
            _ => None,
        };
        Thought {
            text: answer.unwrap_or(NO_IDEA),
            cached_tokens,
            mark: draw(&chance, 2),
        }
    }

    /// What an answer hangs on: the prompt and the seed, or how many were answered before.
    fn chance(&self, prompt: &blake3::Hash) -> blake3::Hash {
        let mut hasher = blake3::Hasher::new();
        if matches!(self.truth.recall, Recall::Flaky { .. }) {
            let number = self.thoughts.fetch_add(1, Ordering::Relaxed);
            hasher.update(&self.chance.to_le_bytes());
            hasher.update(&number.to_le_bytes());
        } else {
            hasher.update(&self.truth.seed.unwrap_or_default().to_le_bytes());
            hasher.update(prompt.as_bytes());
        }
        hasher.finalize()
    }

    /// Tokens of the whole prompt, and those of them before the fact.
    fn measure(&self, request: &ChatRequest, fact: Option<Fact<'_>>) -> Result<(u64, u64)> {
        let text = request.text.as_str();
        let (mut total, mut before) = (TEMPLATE_TOKENS, 0);
        for message in &request.messages {
            let at = fact.map(|fact| fact.at).filter(|at| message.contains(at));
            let cut = at.map_or(message.start, |at| safe_cut(text, message.start, at));
            let first = self.count(&text[message.start..cut])?;
            if let Some(at) = at {
                before = total + first + self.count(&text[cut..at])?;
            }
            total += first + self.count(&text[cut..message.end])?;
        }
        Ok((total, before))
    }

    /// Tokens of a text, counted stretch by stretch: the ids of ten million tokens would take as
    /// much memory as the text.
    pub fn count(&self, text: &str) -> Result<u64> {
        let (mut tokens, mut from) = (0, 0);
        while text.len() - from > STRETCH_BYTES {
            let cut = safe_cut(text, from, text.floor_char_boundary(from + STRETCH_BYTES));
            if cut == from {
                break;
            }
            tokens += self.tokenizer.count(&text[from..cut])?;
            from = cut;
        }
        Ok(tokens + self.tokenizer.count(&text[from..])?)
    }

    /// Tokens that an earlier prompt began with, and the prompt's fingerprint. Cached tokens are
    /// the prompt's tokens by the share of bytes seen before; one at least is always read anew.
    fn remember(&self, reading: &Reading<'_>) -> (u64, blake3::Hash) {
        let blocks = Blocks::of(reading.text);
        let digest = blocks.digest();
        let mut prefixes = self.prefixes.lock().unwrap_or_else(PoisonError::into_inner);
        let seen_bytes = prefixes.seen_bytes(blocks, reading.text.len());
        let share = seen_bytes as f64 / reading.text.len().max(1) as f64;
        let cached = (reading.prompt_tokens as f64 * share) as u64;
        (cached.min(reading.prompt_tokens - 1), digest)
    }

    /// Cuts an answer into pieces of one token each, none within a character, and stops at the
    /// budget; true where something was left out.
    pub fn pieces(&self, answer: &str, budget: u64) -> Result<(Vec<String>, bool)> {
        let mut ends = Vec::new();
        for (at, c) in answer.char_indices() {
            let end = at + c.len_utf8();
            ends.push((end, self.tokenizer.count(&answer[..end])?));
        }
        let wanted = ends.last().map_or(0, |&(_, tokens)| tokens);
        let mut pieces = Vec::new();
        let mut from = 0;
        for tokens in 1..=wanted.min(budget) {
            // A longer beginning can have fewer tokens than a shorter one: take the longest.
            let end = ends
                .iter()
                .rfind(|end| end.1 <= tokens)
                .map_or(from, |end| end.0);
            if end > from {
                pieces.push(answer[from..end].to_owned());
                from = end;
            }
        }
        Ok((pieces, wanted > budget))
    }
}

/// The last place at or before `at` where a text can be cut and both halves counted apart:
/// between a non-space and a single space. No token of o200k (nor of any vocabulary measured)
/// reaches over it. The start where there is none.
fn safe_cut(text: &str, start: usize, at: usize) -> usize {
    let solid = |c: Option<char>| c.is_some_and(|c| !c.is_whitespace());
    memchr::memrchr_iter(b' ', &text.as_bytes()[start..at])
        .map(|space| start + space)
        .find(|&space| {
            solid(text[start..space].chars().next_back()) && solid(text[space + 1..].chars().next())
        })
        .unwrap_or(start)
}

/// The n-th number that hangs on a digest.
fn draw(digest: &blake3::Hash, nth: usize) -> u64 {
    let mut eight = [0; 8];
    eight.copy_from_slice(&digest.as_bytes()[nth * 8..nth * 8 + 8]);
    u64::from_le_bytes(eight)
}

/// A number in 0…1, 1 excluded.
fn unit(number: u64) -> f64 {
    (number >> 11) as f64 / (1u64 << 53) as f64
}

fn one_of<'t>(values: &[&'t str], number: u64) -> Option<&'t str> {
    let count = values.len() as u64;
    (count > 0).then(|| values[(number % count) as usize])
}

#[cfg(test)]
mod tests {
    use super::super::made::{Made, ask, body, model, one, said};
    use super::*;
    use bytes::Bytes;
    use serde_json::json;

    fn tokens(text: &str) -> u64 {
        Tokenizer::bundled("o200k")
            .expect("a tokenizer")
            .count(text)
            .expect("a count")
    }

    /// Asks 2,000 prompts and holds the share of right answers against the stated curve, which
    /// is computed here from the prompts themselves: within four standard deviations of the sum
    /// of independent draws. Returns how many answers were right, a sibling's, and neither.
    fn holds_the_curve(
        name: &str,
        sentences: std::ops::Range<usize>,
        siblings: usize,
    ) -> [usize; 3] {
        let truth = Truth::parse(name).expect(name);
        let model = model(name);
        let (mut expected, mut variance) = (0.0, 0.0);
        let mut tally = [0; 3];
        for seed in 0..2_000 {
            let count = sentences.start + seed as usize % sentences.len();
            let made = Made::new(seed, count, siblings);
            let (start, end) = made.halves();
            let before = tokens(&start) + TEMPLATE_TOKENS;
            let total = tokens(&(start + &end)) + TEMPLATE_TOKENS;
            let p = truth.recall(total, before as f64 / total as f64);
            expected += p;
            variance += p * (1.0 - p);
            let reply = ask(&model, &made.body());
            assert_eq!(reply["usage"]["prompt_tokens"], total);
            let right = said(&reply) == made.value;
            let lost = made.siblings.iter().any(|sibling| sibling == said(&reply));
            assert!(right || lost || said(&reply) == NO_IDEA, "{reply}");
            tally[if right {
                0
            } else if lost {
                1
            } else {
                2
            }] += 1;
        }
        let off = (tally[0] as f64 - expected).abs();
        assert!(
            off <= 4.0 * variance.sqrt(),
            "{name}: {tally:?} where {expected:.1} were expected"
        );
        tally
    }

    #[test]
    fn a_perfect_model_and_a_grep_are_always_right() {
        assert_eq!(holds_the_curve("perfect", 0..40, 2), [2_000, 0, 0]);
        assert_eq!(holds_the_curve("grep", 0..40, 2), [2_000, 0, 0]);
    }

    #[test]
    fn a_cliff_is_right_up_to_its_length_and_wrong_beyond() {
        let [right, lost, silent] = holds_the_curve("cliff=500", 5..45, 2);
        assert!(
            right > 500 && lost > 500 && silent == 0,
            "{right} {lost} {silent}"
        );
    }

    #[test]
    fn the_cliff_is_at_the_very_token() {
        let made = Made::new(3, 20, 0);
        let length = ask(&model("perfect"), &made.body())["usage"]["prompt_tokens"].clone();
        let length = length.as_u64().expect("a count");
        let at =
            |tokens: u64| said(&ask(&model(&format!("cliff={tokens}")), &made.body())).to_owned();
        assert_eq!(at(length), made.value);
        assert_eq!(at(length - 1), NO_IDEA);
    }

    #[test]
    fn recall_decays_with_length_as_stated() {
        let [right, lost, _] = holds_the_curve("decay=500", 5..60, 2);
        assert!(right > 500 && lost > 500, "{right} {lost}");
        let [_, lost, silent] = holds_the_curve("decay=500,seed=1", 20..40, 0);
        assert!(lost == 0 && silent > 300, "{lost} {silent}");
    }

    #[test]
    fn the_middle_is_lost_as_stated() {
        let [right, lost, _] = holds_the_curve("middle=0.9", 10..40, 2);
        assert!(right > 300 && lost > 300, "{right} {lost}");
    }

    #[test]
    fn a_flaky_model_fails_by_request_and_not_by_prompt() {
        holds_the_curve("flaky=0.2,seed=1", 0..20, 2);
        let model = model("flaky=0.5");
        let body = Made::new(1, 5, 0).body();
        let right = (0..2_000)
            .filter(|_| said(&ask(&model, &body)) != NO_IDEA)
            .count();
        // Four standard deviations of 2,000 fair draws are 89; five leave one in a million.
        assert!((888..=1_112).contains(&right), "{right} of 2000");
    }

    #[test]
    fn all_but_flaky_models_give_one_prompt_one_answer_and_another_seed_other_answers() {
        let bodies: Vec<_> = (0..200).map(|seed| Made::new(seed, 10, 3).body()).collect();
        let answers = |name: &str| -> Vec<String> {
            let model = model(name);
            bodies
                .iter()
                .map(|body| said(&ask(&model, body)).to_owned())
                .collect()
        };
        assert_eq!(answers("decay=200"), answers("decay=200"));
        assert_ne!(answers("decay=200"), answers("decay=200,seed=2"));
        assert_eq!(answers("flaky=0.5,seed=2"), answers("flaky=0.5,seed=2"));
        assert_ne!(answers("flaky=0.5"), answers("flaky=0.5"));
    }

    #[test]
    fn a_value_swapped_in_the_body_changes_the_answer() {
        for (seed, name) in (0..50).flat_map(|seed| [(seed, "perfect"), (seed, "grep")]) {
            let made = Made::new(seed, 10, 2);
            let model = model(name);
            assert_eq!(said(&ask(&model, &made.body())), made.value);
            let swapped = String::from_utf8(made.body()[0].to_vec()).expect("UTF-8");
            let swapped = swapped.replace(&made.value, "another-42");
            assert_eq!(said(&ask(&model, &[Bytes::from(swapped)])), "another-42");
            let gone = made.text().replacen(&made.value, "", 1);
            assert_ne!(said(&ask(&model, &body(&gone))), made.value);
        }
    }

    #[test]
    fn a_prompt_without_question_or_fact_is_not_answered() {
        let model = model("perfect");
        assert_eq!(said(&ask(&model, &body("Hello."))), NO_IDEA);
        let made = Made::new(1, 5, 3);
        assert_eq!(said(&ask(&model, &body(&made.question()))), NO_IDEA);
        let empty = ask(&model, &one(json!({ "messages": [] })));
        assert_eq!(empty["usage"]["prompt_tokens"], TEMPLATE_TOKENS);
    }

    #[test]
    fn depth_is_counted_in_tokens_of_the_whole_prompt() {
        let mind = Mind::new(Truth::parse("perfect").expect("a truth")).expect("a mind");
        for seed in 0..100 {
            let (start, end) = Made::new(seed, 30, 0).halves();
            let request = one(json!({ "messages": [
                { "role": "system", "content": "Be brief, please." },
                { "role": "user", "content": format!("{start}{end}") },
            ]}));
            let request = ChatRequest::read(&request).expect("a request");
            let before = tokens("Be brief, please.") + tokens(&start) + TEMPLATE_TOKENS;
            // The space in front of the needle is a token or the beginning of one.
            let got = mind.read(&request).expect("a prompt").before_tokens;
            assert!(
                got.abs_diff(before) <= 1,
                "{got} where {before} were expected"
            );
        }
    }

    #[test]
    fn a_system_message_and_parts_are_read_and_counted() {
        let model = model("perfect");
        let made = Made::new(5, 30, 1);
        let (start, end) = made.halves();
        let reply = ask(
            &model,
            &one(json!({ "messages": [
                { "role": "system", "content": "Be brief." },
                { "role": "user", "content": [
                    { "type": "text", "text": start }, { "type": "text", "text": end },
                ]},
            ]})),
        );
        assert_eq!(said(&reply), made.value);
        let count = |text: &str| tokens(text);
        let expected = count("Be brief.") + count(&made.text()) + TEMPLATE_TOKENS;
        assert_eq!(reply["usage"]["prompt_tokens"], expected);
    }

    #[test]
    fn halves_cut_at_a_safe_place_have_as_many_tokens_as_the_whole() {
        for seed in 0..300 {
            let text = Made::new(seed, 10, 2).text();
            let whole = tokens(&text);
            for at in (0..text.len()).step_by(37) {
                let cut = safe_cut(&text, 0, text.floor_char_boundary(at));
                let halves = tokens(&text[..cut]) + tokens(&text[cut..]);
                assert_eq!(halves, whole, "cut at {cut}: {text}");
            }
        }
    }

    #[test]
    fn a_long_text_counted_in_stretches_has_as_many_tokens_as_the_whole() {
        let mind = Mind::new(Truth::parse("perfect").expect("a truth")).expect("a mind");
        let long = (0..).map(|seed| Made::new(seed, 50, 2).text());
        let long = long.take(700).collect::<Vec<_>>().join("\n");
        let unbroken = "那天没有什么值得注意的事。".repeat(STRETCH_BYTES / 20);
        for text in [&long, &unbroken, &format!("{unbroken} {long}{unbroken}")] {
            assert!(text.len() > STRETCH_BYTES);
            let whole = mind.tokenizer.count(text).expect("a count");
            assert_eq!(mind.count(text).expect("a count"), whole);
        }
    }

    #[test]
    fn a_shared_beginning_is_reported_as_cached() {
        let model = model("perfect");
        let hay = "Nothing of note was said that day. ".repeat(20_000);
        let cached = |text: &str| -> u64 {
            let usage = ask(&model, &body(text))["usage"].clone();
            assert!(
                usage["prompt_tokens_details"]["cached_tokens"].as_u64()
                    < usage["prompt_tokens"].as_u64()
            );
            usage["prompt_tokens_details"]["cached_tokens"]
                .as_u64()
                .expect("a count")
        };
        assert_eq!(cached(&format!("{hay}one")), 0);
        let all = tokens(&hay);
        let warm = cached(&format!("{hay}two"));
        assert!(warm > all * 85 / 100 && warm <= all, "{warm} of {all}");
        assert_eq!(cached(&format!("Well. {hay}one")), 0);
        // Whole blocks, less the newline that stands for the end of the message.
        let blocks = &hay[..4 * super::super::prefix::BLOCK_BYTES - 1];
        cached(blocks);
        assert_eq!(cached(blocks), tokens(blocks) + TEMPLATE_TOKENS - 1);
    }

    #[test]
    fn forty_megabytes_are_read_with_the_right_answer() {
        let made = Made::new(11, 40, 5);
        let (start, end) = made.halves();
        let hay = "\"Nothing\" of note was said; 那天没有什么值得注意的事。 😀\n";
        let hay = hay.repeat(20_000_000 / hay.len());
        let text = [&start, &hay[..], &end]
            .concat()
            .replacen(&start, &format!("{start}{hay} "), 1);
        assert!(text.len() > 40_000_000);
        let slices: Vec<Bytes> = body(&text)
            .concat()
            .chunks(1 << 20)
            .map(Bytes::copy_from_slice)
            .collect();
        let clock = std::time::Instant::now();
        let read = ChatRequest::read(&slices).expect("a good request");
        let question = reader::question(&read.text, &read.messages).expect("a question");
        let fact = reader::fact(&read.text, question).expect("a fact");
        assert_eq!(
            (fact.value, fact.at),
            (&*made.value, text.len() - end.len())
        );
        assert_eq!(reader::siblings(&read.text, fact).len(), 5);
        // Well under a second even where nothing is optimised and every core is busy.
        assert!(clock.elapsed().as_secs() < 5, "{:?}", clock.elapsed());
    }
}
