//! depthfinder measures how deep a model's context window really is.
//!
//! The modules in floor order tell the story. A module imports only from lower floors, which
//! `tests/floors.rs` holds.
//!
//! ```text
//! secret ─┐
//!         ├─ plan ── trial ── task: facts + question ─┐
//! corpus ── index ── haystack (exact token budget) ───┴─ prompt (a rope of shared slices)
//!                                                          │
//!                                           endpoint ── reply or failure ── journal row (always)
//!                                                                              │
//!                                      void? ── score ── cell ── summary ── charts, report
//! ```

// floor 0: words and numbers that everything else is made of
pub mod answer; // what an answer looks like, and by which rule it is right
pub mod form; // sentences with blanks: filled in, and found again in a text
pub mod length; // token lengths as people write them: 4k, 128k, 10M
pub mod reply; // what came back: an answer with its accounts, or a failure that says why not
pub mod rope; // a prompt as a list of shared slices, raw and escaped for JSON
pub mod seed; // the one place of randomness
pub mod stats; // intervals and sequential tests: no number without its error

// floor 1: what is read
pub mod claims; // windows that vendors and hosts advertise, as data
pub mod corpus; // the texts that haystacks are cut from
pub mod dataset; // other people's test sets, with their own rules
pub mod gguf; // what the weights say of themselves
pub mod names; // the word lists that keys and answers are drawn from
pub mod number; // numbers as people read them
pub mod reconcile; // what a server's count of a prompt says of it
pub mod search; // the effective length: a certified bracket, and a model's interval beside it

// floor 2: what is cut and counted
pub mod language; // languages as data: sentences, number words, names
pub mod lexicon; // which words a corpus holds, so that facts are known to be absent
pub mod sentence; // where a text may be cut
pub mod study; // a verification: what is claimed, what is asked next, what it comes to
pub mod tokens; // counting tokens

// floor 3: what a prompt is made of
pub mod fact; // fresh facts: unique in the run, absent from the text
pub mod index; // the corpus cut into units whose token counts add up
pub mod template; // the chat template around a prompt

// floor 4
pub mod haystack; // the way through the corpus that one haystack takes
pub mod task; // the kinds of questions: what is planted and what is asked

// floor 5
pub mod prompt; // a finished prompt of an exact length
pub mod score; // the class of an answer, by rules alone

// floor 6: the plan of a run, and those who answer
pub mod canary; // control prompts that show what was cut
pub mod endpoint; // the seam to whoever answers, and the OpenAI-compatible dialect
pub mod ground; // what haystacks are laid out of: the corpus asked for, and texts that tasks bring
pub mod plan; // the grid of trials, in the order they are asked
pub mod price; // what tokens cost, as data

// floor 7
pub mod journal; // every attempt a line, flushed before anything else hears of it
pub mod local; // models on this machine
pub mod sim; // a simulated model with a known truth

// floor 8
pub mod identity; // who is really answering: signals, each with its strength

// floor 9
pub mod run; // trials into rows: order, retries, caps, interruption

// floor 10
pub mod comparison; // pairs of answers to the same prompts
pub mod summary; // rows into cells, curve and counts

// floor 11
pub mod chart; // pictures of a summary
pub mod dispute; // one disputed score: another model, unstable, or known by heart
pub mod gate; // a stored baseline against a new deployment: PASS, FAIL or NEUTRAL

// floor 12
pub mod report; // what people read

// floor 13
pub mod cli; // the command line, and all printing
