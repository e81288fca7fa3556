//! Counts the tokens of a prompt where a vendor has a path for it.

use super::{Answer, Responder, Turn, UNSTATED_WINDOW_TOKENS, json, wrong};
use crate::sim::body::ChatRequest;
use crate::sim::dialect::{Dialect, anthropic, gemini, responses};
use crate::sim::mind::TEMPLATE_TOKENS;
use anyhow::Result;
use bytes::Bytes;
use serde_json::json as object;

/// What vLLM's `/tokenize` lists for each token of the template.
const TEMPLATE_ID: u32 = 200_012;

impl Responder {
    pub(super) fn count(&self, dialect: Dialect, turn: &Turn, body: &[Bytes]) -> Answer {
        if dialect == Dialect::Anthropic && turn.head.anthropic_version.is_none() {
            return wrong(dialect, 400, "anthropic-version: header is required");
        }
        let counted = ChatRequest::read(dialect, body)
            .map_err(|error| (400, error))
            .and_then(|request| {
                let mind = self.mind_for(&request);
                let counted = mind.and_then(|mind| mind.length(&request));
                counted.map_err(|error| (500, error))
            });
        match counted {
            Ok(tokens) => json(
                200,
                &match dialect {
                    Dialect::Gemini => gemini::count(tokens),
                    Dialect::Responses => responses::input_tokens(tokens),
                    _ => anthropic::count(tokens),
                },
            ),
            Err((status, error)) => wrong(dialect, status, &format!("{error:#}")),
        }
    }

    pub(super) fn tokenize(&self, body: &[Bytes]) -> Answer {
        let ids = || -> Result<Vec<u32>> {
            let request = ChatRequest::read_prompt(body)?;
            let mind = self.mind_for(&request)?;
            let mut ids = Vec::new();
            if !request.is_bare {
                ids.resize(TEMPLATE_TOKENS as usize, TEMPLATE_ID);
            }
            for at in 0..request.messages.len() {
                ids.extend(mind.encode(request.message(at))?);
            }
            Ok(ids)
        };
        let window = self.mind.truth().declared_window_tokens();
        match ids() {
            Ok(ids) => json(
                200,
                &object!({
                    "count": ids.len(),
                    "max_model_len": window.unwrap_or(UNSTATED_WINDOW_TOKENS),
                    "tokens": ids,
                    "token_strs": null,
                }),
            ),
            Err(error) => wrong(Dialect::Chat, 400, &format!("{error:#}")),
        }
    }
}
