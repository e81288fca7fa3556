//! An endpoint: one wire, one dialect, and what was learnt of the server on the way.

use crate::endpoint::dialect::Dialect;
use crate::endpoint::discover;
use crate::endpoint::exchange::{Patience, converse, fetch};
use crate::endpoint::ollama::{self, NumCtx};
use crate::endpoint::pace::{Noted, Pace};
use crate::endpoint::shape::Shape;
use crate::endpoint::wire::{Request, Wire};
use crate::endpoint::{Ask, Endpoint, Served};
use crate::reply::{Failure, Reply};
use crate::rope::Rope;
use anyhow::bail;
use futures_util::future::BoxFuture;
use std::sync::{Arc, Mutex, PoisonError};

/// Most changes of shape in one ask: each field once, and once more where another ask in flight
/// changed the shape meanwhile.
const LADDER: usize = 4;

/// Room that is made in a window for answers, in output budgets.
const ROOMY_OUTPUTS: u64 = 4;

/// Most of a count's answer that is read: some servers list the tokens, and ten million of them
/// are about 70 MB.
const COUNT_LIMIT_BYTES: usize = 512 << 20;

/// A server that is spoken to in its dialect.
pub struct Speaker {
    wire: Arc<dyn Wire>,
    dialect: Box<dyn Dialect>,
    served: Served,
    patience: Patience,
    pace: Pace,
    shape: Mutex<Shape>,
    num_ctx: Option<NumCtx>,
}

impl Speaker {
    /// A server reached over this wire, asked for `served.model`.
    pub fn new(wire: Arc<dyn Wire>, dialect: Box<dyn Dialect>, served: Served) -> Speaker {
        Speaker {
            wire,
            dialect,
            served,
            patience: Patience::default(),
            pace: Pace::default(),
            shape: Mutex::default(),
            num_ctx: None,
        }
    }

    /// For a dialect whose requests choose the window: the choice that it shares.
    pub fn with_num_ctx(mut self, num_ctx: NumCtx) -> Speaker {
        self.num_ctx = Some(num_ctx);
        self
    }

    /// How long the first event may take.
    pub fn with_patience(mut self, patience: Patience) -> Speaker {
        self.patience = patience;
        self
    }

    /// How fast questions may follow each other.
    pub fn with_pace(mut self, pace: Pace) -> Speaker {
        self.pace = pace;
        self
    }

    fn shape(&self) -> Shape {
        self.shape
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    async fn ask_once(&self, ask: &Ask) -> Result<Reply, Failure> {
        let mut changes = 0;
        loop {
            let shape = self.shape();
            let request = self.dialect.request(&self.served.model, ask, &shape);
            self.check_size(&request)?;
            let draft = self.dialect.draft();
            // Waited for before any clock starts: a pause of ours is no latency of the server's.
            let bytes = request.body.len_bytes();
            let turn = self.pace.turn(bytes, ask.max_output_tokens).await;
            let wire = Noted {
                wire: &*self.wire,
                pace: &self.pace,
            };
            match converse(&wire, request, &self.patience, draft).await? {
                Ok(reply) => {
                    self.pace.settle(turn, &reply.usage);
                    return Ok(reply);
                }
                Err(refusal) if changes < LADDER => {
                    changes += 1;
                    let mut current = self.shape.lock().unwrap_or_else(PoisonError::into_inner);
                    // Another ask in flight may have learnt the same lesson first.
                    if *current == shape {
                        match self.dialect.adapted(&shape, &refusal, ask) {
                            Some(adapted) => *current = adapted,
                            None => return Err(refusal.failure()),
                        }
                    }
                }
                Err(refusal) => return Err(refusal.failure()),
            }
        }
    }

    async fn ready(&self, prompt_tokens: u64, output_tokens: u64) -> anyhow::Result<()> {
        let needed = prompt_tokens + output_tokens;
        let Some(num_ctx) = &self.num_ctx else {
            return discover::fits(&self.served, needed).map_err(anyhow::Error::msg);
        };
        // An answer that runs out of its budget is asked once more with a larger one, and another
        // window would load the model again.
        let most = self.served.trained_window_tokens.unwrap_or(u64::MAX);
        let wanted = (prompt_tokens + ROOMY_OUTPUTS * output_tokens).min(most.max(needed));
        num_ctx.choose(wanted);
        let model = &self.served.model;
        match ollama::load(&*self.wire, model, Some(wanted)).await? {
            Some(loaded) if loaded < needed => bail!(
                "{model} was loaded with a window of {loaded} tokens where {needed} are needed, \
                 for want of memory: ask for shorter --lengths, or free memory and run again"
            ),
            _ => Ok(()),
        }
    }

    /// A body that the server is known to refuse is not sent: minutes of upload would end in a
    /// broken connection.
    fn check_size(&self, request: &Request) -> Result<(), Failure> {
        let bytes = request.body.len_bytes();
        match self.served.body_limit_bytes {
            Some(limit) if bytes > limit => Err(Failure::Refused {
                status: 413,
                said: format!(
                    "a body of {:.1} MB was not sent: this server takes at most {:.1} MB",
                    bytes as f64 / 1e6,
                    limit as f64 / 1e6
                ),
            }),
            _ => Ok(()),
        }
    }

    async fn count(&self, text: &Rope) -> Option<u64> {
        if !self.served.tokenize {
            return None;
        }
        let count = self.dialect.count(&self.served, text)?;
        self.check_size(&count.request).ok()?;
        let patience = self.patience.for_bytes(count.request.body.len_bytes());
        let fetching = fetch(
            &*self.wire,
            count.request,
            count.to_root,
            patience,
            COUNT_LIMIT_BYTES,
        );
        let (_, body) = fetching.await.ok()?.ok()?;
        (count.read)(&body)
    }
}

impl Endpoint for Speaker {
    fn served(&self) -> &Served {
        &self.served
    }

    fn ask<'a>(&'a self, ask: &'a Ask) -> BoxFuture<'a, Result<Reply, Failure>> {
        Box::pin(self.ask_once(ask))
    }

    fn count_tokens<'a>(&'a self, text: &'a Rope) -> BoxFuture<'a, Option<u64>> {
        Box::pin(self.count(text))
    }

    fn make_ready<'a>(
        &'a self,
        prompt_tokens: u64,
        output_tokens: u64,
    ) -> BoxFuture<'a, anyhow::Result<()>> {
        Box::pin(self.ready(prompt_tokens, output_tokens))
    }

    fn adaptations(&self) -> Vec<String> {
        self.shape().adaptations()
    }
}
