//! What is seen while a run or a fetch goes on: a bar on a terminal, plain lines elsewhere.

use super::screen;
use crate::journal::{Outcome, Row, SetRow};
use crate::local::Progress;
use crate::number::grouped;
use crate::price::Price;
use crate::reply::Reply;
use crate::run::{Event, Sink};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::IsTerminal;
use std::time::{Duration, Instant};

/// Plain lines are at least this far apart.
const LINE_EVERY: Duration = Duration::from_secs(5);

/// The view of a run.
pub struct Progressing {
    bar: Option<ProgressBar>,
    quiet: bool,
    price: Option<Price>,
    planned: u64,
    settled: u64,
    scored: u64,
    right: u64,
    void: u64,
    tokens: u64,
    cached: u64,
    output: u64,
    began: Instant,
    told: Instant,
    session: u64,
}

impl Progressing {
    /// A view; silent where `quiet`.
    pub fn new(quiet: bool, price: Option<Price>) -> Progressing {
        let bar = (!quiet && std::io::stderr().is_terminal()).then(|| {
            let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr_with_hz(8));
            if let Ok(style) =
                ProgressStyle::with_template("{bar:24} {pos}/{len} {msg} {elapsed} eta {eta}")
            {
                bar.set_style(style);
            }
            bar
        });
        Progressing {
            bar,
            quiet,
            price,
            planned: 0,
            settled: 0,
            scored: 0,
            right: 0,
            void: 0,
            tokens: 0,
            cached: 0,
            output: 0,
            began: Instant::now(),
            told: Instant::now(),
            session: 0,
        }
    }

    /// Takes the bar away.
    pub fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }

    fn record(&mut self, row: &Row) {
        let reply = match &row.outcome {
            Outcome::Reply(reply) => Some(reply),
            Outcome::Failure(_) => None,
        };
        let right = row.judged.as_ref().map(|judged| judged.class.is_right());
        self.attempt(reply, row.prompt.text_tokens, row.settled, right);
    }

    fn record_item(&mut self, row: &SetRow) {
        self.attempt(row.reply(), row.prompt.text_tokens, row.settled, row.right);
    }

    /// Counts an attempt; `right` is none where it is void.
    fn attempt(
        &mut self,
        reply: Option<&Reply>,
        text_tokens: u64,
        settled: bool,
        right: Option<bool>,
    ) {
        if let Some(reply) = reply {
            self.tokens += reply.usage.prompt_tokens.unwrap_or(text_tokens);
            self.cached += reply.usage.cached_tokens.unwrap_or(0);
            self.output += reply.usage.output_tokens.unwrap_or(0);
        }
        if settled {
            self.settled += 1;
            self.session += 1;
            match right {
                Some(right) => {
                    self.scored += 1;
                    self.right += u64::from(right);
                }
                None => self.void += 1,
            }
        }
        let message = self.message();
        match &self.bar {
            Some(bar) => {
                bar.set_position(self.settled);
                bar.set_message(message);
            }
            None => self.line(&message),
        }
    }

    fn message(&self) -> String {
        let seconds = self.began.elapsed().as_secs_f64().max(1e-3);
        let mut parts = vec![format!("{} right of {}", self.right, self.scored)];
        if self.void > 0 {
            parts.push(format!("{} void", self.void));
        }
        parts.push(format!(
            "{} tokens ({}/s)",
            grouped(self.tokens),
            grouped((self.tokens as f64 / seconds) as u64)
        ));
        if self.cached > 0 {
            parts.push(format!("{} cached", grouped(self.cached)));
        }
        if let Some(price) = self.price.filter(|price| *price != Price::FREE) {
            parts.push(format!("${:.3}", price.usd(self.tokens, self.output)));
        }
        parts.join(", ")
    }

    fn say(&self, line: String) {
        match &self.bar {
            Some(bar) => bar.println(line),
            None if !self.quiet => screen::note(&line),
            None => {}
        }
    }

    fn line(&mut self, message: &str) {
        if self.quiet || (self.told.elapsed() < LINE_EVERY && self.settled < self.planned) {
            return;
        }
        self.told = Instant::now();
        screen::note(&format!("{}/{} {message}", self.settled, self.planned));
    }
}

impl Sink for Progressing {
    fn see(&mut self, event: &Event<'_>) {
        match event {
            Event::Began { planned, done } => {
                (self.planned, self.settled) = (*planned, *done);
                if let Some(bar) = &self.bar {
                    bar.set_length(*planned);
                    bar.set_position(*done);
                    bar.reset_eta();
                    bar.enable_steady_tick(Duration::from_millis(250));
                } else if !self.quiet && *done > 0 {
                    screen::note(&match planned {
                        0 => format!("{done} trials were asked before"),
                        _ => format!("{done} of {planned} trials were asked before"),
                    });
                }
            }
            Event::Grown { planned } => {
                self.planned = *planned;
                if let Some(bar) = &self.bar {
                    bar.set_length(*planned);
                }
            }
            Event::Control { nth, of } => match &self.bar {
                Some(bar) => bar.set_message(format!("control {nth} of {of}")),
                None if self.quiet || self.told.elapsed() < LINE_EVERY => {}
                None => {
                    self.told = Instant::now();
                    screen::note(&format!("control {nth} of {of}"));
                }
            },
            Event::Pausing {
                wait_ms,
                length_tokens,
            } => {
                let seconds = *wait_ms as f64 / 1000.0;
                self.say(match length_tokens {
                    Some(tokens) => format!(
                        "prompts of {} tokens are refused or cut; asked again in {seconds:.0} s, to see whether that stays so",
                        grouped(*tokens)
                    ),
                    None => format!("the next window of time begins in {seconds:.0} s"),
                });
            }
            Event::Recorded(row) => self.record(row),
            Event::RecordedItem(row) => self.record_item(row),
            Event::Waiting { wait_ms, failure } => {
                self.say(format!(
                    "{failure}; asked again in {:.1} s",
                    *wait_ms as f64 / 1000.0
                ));
            }
        }
    }
}

/// The view of a fetch.
pub struct Fetching {
    bar: Option<ProgressBar>,
    quiet: bool,
}

impl Fetching {
    /// A view; silent where `quiet`.
    pub fn new(quiet: bool) -> Fetching {
        Fetching { bar: None, quiet }
    }

    /// Hears of a fetch.
    pub fn see(&mut self, progress: &Progress<'_>) {
        match progress {
            Progress::Step(step) => self.say(step),
            Progress::Bytes {
                done_bytes,
                total_bytes,
            } if !self.quiet && std::io::stderr().is_terminal() => {
                let bar = self.bar.get_or_insert_with(|| {
                    let bar =
                        ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr_with_hz(8));
                    if let Ok(style) = ProgressStyle::with_template(
                        "{bar:24} {bytes}/{total_bytes} {bytes_per_sec} eta {eta}",
                    ) {
                        bar.set_style(style);
                    }
                    bar
                });
                if let Some(total) = total_bytes {
                    bar.set_length(*total);
                }
                bar.set_position(*done_bytes);
            }
            Progress::Bytes { .. } => {}
        }
    }

    /// A line about what is going on.
    pub fn say(&mut self, line: &str) {
        self.done();
        if !self.quiet {
            screen::note(line);
        }
    }

    /// Takes the bar away.
    pub fn done(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }
}
