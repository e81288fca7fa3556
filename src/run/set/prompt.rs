//! An item of a set as a question: the conversation in pieces, counted, with its output budget.

use super::SetRunner;
use super::settle;
use crate::dataset::{Item, Role};
use crate::endpoint::{Ask, Side, Turn};
use crate::journal::{Outcome, SCHEMA, SetPrompt, SetRow};
use crate::reconcile::{Basis, Expected};
use crate::reply::Failure;
use crate::rope::{Piece, Rope, escape};
use anyhow::{Context as _, Result, bail, ensure};
use bytes::Bytes;

/// Tokens that a chat template puts around an earlier turn, more or less: 5 in ChatML (5.5 measured
/// with SmolLM2 over twelve turns), none where texts are joined.
const TURN_TOKENS: u64 = 5;
/// By how much that may be off for each of them.
const TURN_TOLERANCE_TOKENS: u64 = 8;
/// Kept free in a window beside prompt and answer, as for trials.
const WINDOW_MARGIN_TOKENS: u64 = 16;

/// A conversation as it is sent.
pub struct Conversation {
    /// The set's own system message.
    pub system: Option<String>,
    /// What was said before.
    pub earlier: Vec<Turn>,
    /// The last message, which asks.
    pub prompt: Rope,
}

/// An item ready to be asked, and the row of an attempt that has not been made.
pub(super) struct Posed {
    pub ask: Ask,
    pub row: SetRow,
}

/// Takes messages apart as every dialect can send them.
///
/// # Errors
/// Where a system message follows other ones, where the last message is not the user's, or where
/// there is nothing to ask: no dialect could send it as it is, and another conversation would not
/// be the set's.
pub fn conversation(messages: Vec<(Role, String)>) -> Result<Conversation> {
    let mut system: Option<String> = None;
    let mut turns: Vec<Turn> = Vec::new();
    for (role, text) in messages {
        let side = match role {
            Role::System if turns.is_empty() => {
                system = Some(match system {
                    Some(before) => format!("{before}\n\n{text}"),
                    None => text,
                });
                continue;
            }
            Role::System => bail!("a system message follows other messages"),
            Role::User => Side::User,
            Role::Assistant => Side::Model,
        };
        let mut rope = Rope::new();
        rope.push(Piece {
            json: Bytes::from(escape(&text)),
            raw: Bytes::from(text),
        });
        turns.push(Turn { side, text: rope });
    }
    let last = turns.pop().context("there is no message")?;
    ensure!(
        last.side == Side::User,
        "the last message is not the user's"
    );
    ensure!(last.text.raw_bytes() > 0, "the last message is empty");
    Ok(Conversation {
        system,
        earlier: turns,
        prompt: last.text,
    })
}

impl Conversation {
    /// All texts in order, each with its role.
    fn texts(&self) -> impl Iterator<Item = (&'static str, Vec<&[u8]>)> {
        fn raw(rope: &Rope) -> Vec<&[u8]> {
            rope.pieces().iter().map(|piece| &piece.raw[..]).collect()
        }
        let system = self.system.iter();
        let system = system.map(|system| ("system", vec![system.as_bytes()]));
        let earlier = self.earlier.iter().map(|turn| match turn.side {
            Side::User => ("user", raw(&turn.text)),
            Side::Model => ("assistant", raw(&turn.text)),
        });
        system.chain(earlier).chain([("user", raw(&self.prompt))])
    }

    /// The digest that rows hold.
    pub fn blake3_hex(&self) -> String {
        let mut hasher = blake3::Hasher::new();
        for (role, text) in self.texts() {
            hasher.update(role.as_bytes()).update(b"\n");
            for piece in text {
                hasher.update(piece);
            }
            hasher.update(&[0]);
        }
        hasher.finalize().to_hex().to_string()
    }

    fn bytes(&self) -> u64 {
        let texts = self.texts().flat_map(|(_, text)| text);
        texts.map(|piece| piece.len() as u64).sum()
    }

    /// All pieces as one text, for a server that counts.
    fn joined(&self) -> Rope {
        let mut rope = Rope::new();
        let earlier = self.earlier.iter().map(|turn| &turn.text);
        for text in earlier.chain([&self.prompt]) {
            for piece in text.pieces() {
                rope.push(piece.clone());
            }
        }
        rope
    }
}

/// The exact words of an item as it is sent: the text alone where it is one message, else a line
/// of JSON for each.
pub fn shown(conversation: &Conversation) -> Result<Vec<u8>> {
    if conversation.system.is_none() && conversation.earlier.is_empty() {
        return Ok(conversation.prompt.text().into_bytes());
    }
    let mut lines = Vec::new();
    for (role, text) in conversation.texts() {
        let text = String::from_utf8(text.concat()).context("a message is no UTF-8")?;
        let line = serde_json::json!({"role": role, "content": text});
        lines.extend(line.to_string().into_bytes());
        lines.push(b'\n');
    }
    Ok(lines)
}

impl Posed {
    /// Reads an item and counts it.
    pub async fn of(runner: &SetRunner<'_>, at: usize) -> Result<Posed> {
        let mut item = runner.dataset.item(at)?;
        let id = item.id.clone();
        let posed = async {
            let conversation = conversation(std::mem::take(&mut item.messages))?;
            Posed::counted(runner, at, item, conversation).await
        };
        posed
            .await
            .with_context(|| format!("item {id} cannot be asked"))
    }

    async fn counted(
        runner: &SetRunner<'_>,
        at: usize,
        item: Item,
        conversation: Conversation,
    ) -> Result<Posed> {
        let (settings, endpoint) = (&runner.settings, runner.endpoint);
        let count = |text: &str| runner.tokenizer.count(text);
        let mut text_tokens = conversation.system.as_deref().map_or(Ok(0), count)?;
        for turn in &conversation.earlier {
            text_tokens += count(&turn.text.text())?;
        }
        text_tokens += count(&conversation.prompt.text())?;
        let difference = match settings.basis {
            Basis::Counted { .. } => {
                let counted = endpoint.count_tokens(&conversation.joined()).await;
                counted.map(|counted| counted as i64 - text_tokens as i64)
            }
            _ => None,
        };
        let earlier = conversation.earlier.len() as u64 + u64::from(conversation.system.is_some());
        let expected = settings
            .basis
            .expected(text_tokens, difference)
            .map(|expected| Expected {
                tokens: expected.tokens + TURN_TOKENS * earlier,
                tolerance_tokens: expected.tolerance_tokens + TURN_TOLERANCE_TOKENS * earlier,
            });
        let row = SetRow {
            schema: SCHEMA,
            item: at as u64,
            id: item.id,
            attempt: 0,
            at_ms: 0,
            task: item.task,
            length_tokens: item.length_tokens,
            depth_percent: item.depth_percent,
            rule: item.rule,
            prompt: SetPrompt {
                blake3: conversation.blake3_hex(),
                bytes: conversation.bytes(),
                turns: conversation.earlier.len() as u64 + 1,
                text_tokens,
                expected_tokens: expected.map(|expected| expected.tokens),
                tolerance_tokens: expected.map(|expected| expected.tolerance_tokens),
                exact: matches!(settings.basis, Basis::Exact { .. }),
            },
            max_output_tokens: 0,
            outcome: Outcome::Failure(Failure::Broken {
                cause: "not asked".into(),
            }),
            settled: false,
            void: None,
            credit: None,
            right: None,
            answers: item.answers,
        };
        let window_tokens = endpoint.served().window_tokens;
        let budget = match item.output_tokens {
            Some(stated) => budget(
                settings.max_output_tokens,
                stated + runner.reasoning_tokens,
                text_tokens,
                window_tokens,
            ),
            None => settle::budget(
                settings.max_output_tokens,
                count(&row.answers.join("\n"))?,
                text_tokens,
                window_tokens,
            ),
        };
        ensure!(
            settings.system.is_none() || conversation.system.is_none(),
            "it has a system message of its own: leave --system out"
        );
        let system = conversation.system.or_else(|| settings.system.clone());
        Ok(Posed {
            ask: Ask {
                system,
                earlier: conversation.earlier,
                prompt: conversation.prompt,
                shared_pieces: 0,
                max_output_tokens: budget,
                temperature: settings.temperature,
                reasoning: settings.reasoning.clone(),
            },
            row,
        })
    }
}

/// The output budget of an item: what was asked for, or what the set states where that is more and
/// the window has room for it.
fn budget(asked: u64, stated: u64, prompt_tokens: u64, window_tokens: Option<u64>) -> u64 {
    let room = window_tokens
        .filter(|window| *window > prompt_tokens)
        .map_or(u64::MAX, |window| {
            window.saturating_sub(prompt_tokens + WINDOW_MARGIN_TOKENS)
        });
    stated.min(room).max(asked)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(messages: &[(Role, &str)]) -> Result<Conversation> {
        let owned = messages.iter();
        conversation(
            owned
                .map(|(role, text)| (*role, (*text).to_owned()))
                .collect(),
        )
    }

    #[test]
    fn a_conversation_keeps_its_order_and_its_digest_is_the_one_documented() {
        let whole = said(&[
            (Role::System, "be"),
            (Role::System, "brief"),
            (Role::User, "one"),
            (Role::Assistant, "two"),
            (Role::User, "three"),
        ])
        .expect("a conversation");
        assert_eq!(whole.system.as_deref(), Some("be\n\nbrief"));
        assert_eq!(whole.prompt.text(), "three");
        let sides: Vec<Side> = whole.earlier.iter().map(|turn| turn.side).collect();
        assert_eq!(sides, [Side::User, Side::Model]);
        let written = b"system\nbe\n\nbrief\0user\none\0assistant\ntwo\0user\nthree\0";
        assert_eq!(
            whole.blake3_hex(),
            blake3::hash(written).to_hex().to_string()
        );
        assert_eq!(whole.bytes(), 9 + 3 + 3 + 5);
        assert_eq!(whole.joined().text(), "onetwothree");
    }

    #[test]
    fn what_no_dialect_can_send_as_it_is_is_refused() {
        let told = |messages: &[(Role, &str)]| {
            said(messages).map(|_| ()).expect_err("refused").to_string()
        };
        let late = told(&[(Role::User, "one"), (Role::System, "be brief")]);
        assert_eq!(late, "a system message follows other messages");
        let last = told(&[(Role::User, "one"), (Role::Assistant, "two")]);
        assert_eq!(last, "the last message is not the user's");
        assert_eq!(told(&[(Role::System, "be")]), "there is no message");
        assert_eq!(told(&[(Role::User, "")]), "the last message is empty");
    }

    #[test]
    fn a_budget_is_what_the_set_states_where_that_is_more_and_there_is_room() {
        assert_eq!(budget(64, 30, 1_000, None), 64);
        assert_eq!(budget(64, 2_000, 1_000, None), 2_000);
        assert_eq!(budget(64, 2_000, 7_000, Some(8_192)), 1_176);
        assert_eq!(budget(64, 2_000, 8_190, Some(8_192)), 64);
    }

    #[test]
    fn one_message_is_shown_as_its_text_and_several_as_lines() {
        let one = said(&[(Role::User, "a\nb")]).expect("a conversation");
        assert_eq!(shown(&one).expect("UTF-8"), b"a\nb");
        let two = said(&[(Role::User, "a"), (Role::Assistant, "b"), (Role::User, "c")])
            .expect("a conversation");
        let lines = String::from_utf8(shown(&two).expect("UTF-8")).expect("UTF-8");
        assert_eq!(lines.lines().count(), 3);
        assert_eq!(
            lines.lines().nth(1),
            Some(r#"{"role":"assistant","content":"b"}"#)
        );
    }
}
