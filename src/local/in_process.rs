//! The engine in this process as an endpoint: template, tokens, prefix reuse.

use super::engine::{Engine, Stopped, TooLong};
use crate::endpoint::openai::role;
use crate::endpoint::{Ask, Endpoint, Served};
use crate::gguf::Metadata;
use crate::reply::{Failure, Reply, Stop, Timing, Usage};
use crate::template::ChatTemplate;
use crate::tokens::Tokenizer;
use anyhow::{Context, Result};
use futures_util::future::BoxFuture;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Instant;

/// A model that runs inside this process, one question at a time.
pub struct InProcess {
    served: Served,
    shared: Arc<Shared>,
}

struct Shared {
    engine: Mutex<Engine>,
    tokenizer: Arc<Tokenizer>,
    template: Option<ChatTemplate>,
    stops: Vec<u32>,
}

impl InProcess {
    /// Loads a GGUF.
    ///
    /// # Errors
    /// When the file is no GGUF, or of an architecture that the engine does not run.
    pub fn load(
        path: &Path,
        name: &str,
        metadata: &Metadata,
        tokenizer: Arc<Tokenizer>,
        threads: Option<usize>,
    ) -> Result<InProcess> {
        let engine = Engine::load(path, threads)?;
        let served = Served {
            model: name.to_string(),
            software: Some("depthfinder's engine".into()),
            window_tokens: Some(engine.info().context_tokens),
            trained_window_tokens: metadata.context_tokens(),
            dialect: "in-process".into(),
            ..Served::default()
        };
        let stops = [
            "tokenizer.ggml.eos_token_id",
            "tokenizer.ggml.eot_token_id",
            "tokenizer.ggml.eom_token_id",
        ]
        .iter()
        .filter_map(|key| u32::try_from(metadata.integer(key)?).ok())
        .collect();
        let template = ChatTemplate::of(metadata)?;
        Ok(InProcess {
            served,
            shared: Arc::new(Shared {
                engine: Mutex::new(engine),
                tokenizer,
                template,
                stops,
            }),
        })
    }
}

impl Endpoint for InProcess {
    fn served(&self) -> &Served {
        &self.served
    }

    fn ask<'a>(&'a self, ask: &'a Ask) -> BoxFuture<'a, Result<Reply, Failure>> {
        let shared = self.shared.clone();
        let ask = ask.clone();
        let model = self.served.model.clone();
        Box::pin(async move {
            let broken = |cause: String| Failure::Broken { cause };
            tokio::task::spawn_blocking(move || shared.answer(&ask, model))
                .await
                .map_err(|error| broken(error.to_string()))?
                .map_err(|error| match error.downcast_ref::<TooLong>() {
                    Some(long) => Failure::TooLong {
                        said: long.to_string(),
                        window_tokens: Some(long.context),
                    },
                    None => broken(format!("{error:#}")),
                })
        })
    }
}

impl Shared {
    fn answer(&self, ask: &Ask, model: String) -> Result<Reply> {
        let began = Instant::now();
        let ms = |since: Instant| since.elapsed().as_secs_f64() * 1000.0;
        let prompt = ask.prompt.text();
        let earlier: Vec<(&str, String)> = ask
            .earlier
            .iter()
            .map(|turn| (role(turn.side), turn.text.text()))
            .collect();
        let earlier = earlier.iter().map(|(role, text)| (*role, text.as_str()));
        let turns: Vec<(&str, &str)> = earlier.chain([("user", prompt.as_str())]).collect();
        let rendered = match &self.template {
            Some(template) => template.render_turns(ask.system.as_deref(), &turns)?,
            // A base model has no roles: what was said is a text.
            None => {
                let texts: Vec<&str> = turns.iter().map(|(_, text)| *text).collect();
                texts.join("\n\n")
            }
        };
        let ids = self.tokenizer.encode(&rendered)?;
        let mut engine = self
            .engine
            .lock()
            .ok()
            .context("the engine is in an unknown state after a failure")?;
        let mut first_text_ms = None;
        let generated = engine.generate(
            &ids,
            ask.max_output_tokens as usize,
            &self.stops,
            &mut |_| {
                first_text_ms.get_or_insert_with(|| ms(began));
                true
            },
        )?;
        Ok(Reply {
            text: self.tokenizer.decode(&generated.tokens)?,
            reasoning: String::new(),
            stop: match generated.stopped {
                Stopped::Stop => Stop::End,
                Stopped::Length => Stop::Length,
                Stopped::Cancelled => Stop::Other("cancelled".into()),
            },
            usage: Usage {
                prompt_tokens: Some(generated.prompt_tokens),
                cached_tokens: Some(generated.cached_tokens),
                output_tokens: Some(generated.tokens.len() as u64),
                ..Usage::default()
            },
            timing: Timing {
                first_text_ms,
                total_ms: ms(began),
                server: Some(
                    serde_json::json!({"prefill_ms": generated.prefill_ms, "decode_ms": generated.decode_ms}),
                ),
                ..Timing::default()
            },
            model: Some(model),
            system_fingerprint: None,
            request_id: None,
            provider: None,
            cut: None,
            id: None,
            headers: std::collections::BTreeMap::new(),
        })
    }
}
