//! Caps and refused budgets, with an endpoint whose manners are invented.

use super::*;
use crate::endpoint::Served;
use crate::reply::{Stop, Timing, Usage};
use futures_util::future::{BoxFuture, join_all};
use std::sync::Mutex;

/// Refuses budgets below `least_output` in these words, and counts a token for each four bytes.
struct Invented {
    served: Served,
    least_output: u64,
    said: &'static str,
    budgets: Mutex<Vec<u64>>,
}

fn invented(least_output: u64, said: &'static str) -> Invented {
    Invented {
        served: Served::default(),
        least_output,
        said,
        budgets: Mutex::default(),
    }
}

impl Endpoint for Invented {
    fn served(&self) -> &Served {
        &self.served
    }

    fn ask<'a>(&'a self, ask: &'a Ask) -> BoxFuture<'a, Result<Reply, Failure>> {
        Box::pin(async move {
            self.budgets
                .lock()
                .expect("a list")
                .push(ask.max_output_tokens);
            // Questions that are asked together are under way together.
            tokio::task::yield_now().await;
            if ask.max_output_tokens < self.least_output {
                return Err(Failure::Refused {
                    status: 400,
                    said: self.said.to_owned(),
                });
            }
            Ok(Reply {
                text: "OK".into(),
                reasoning: String::new(),
                stop: Stop::End,
                usage: Usage {
                    prompt_tokens: Some(ask.prompt.raw_bytes() / 4),
                    output_tokens: Some(1),
                    ..Usage::default()
                },
                timing: Timing::default(),
                model: None,
                system_fingerprint: None,
                request_id: None,
                provider: None,
                cut: None,
                id: None,
                headers: Default::default(),
            })
        })
    }
}

fn asker<'a>(endpoint: &'a Invented, record: &'a Record, budget: &'a Budget) -> Asker<'a> {
    Asker {
        endpoint,
        side: Side::Target,
        record,
        budget,
        retries: 0,
        concurrency: 4,
        floor: Floor::default(),
    }
}

fn probing(text: String, max_output_tokens: u64) -> Probing {
    Probing {
        signal: "test",
        probe: "one".to_owned(),
        haystack: None,
        text,
        max_output_tokens,
        temperature: None,
    }
}

#[tokio::test]
async fn a_server_that_takes_no_budget_of_one_token_is_asked_with_sixteen_from_then_on() {
    for said in ["max_tokens must be at least 16", "bad request"] {
        let folder = tempfile::tempdir().expect("a folder");
        let record = Record::begin(folder.path()).expect("a record");
        let (endpoint, budget) = (invented(16, said), Budget::default());
        let asker = asker(&endpoint, &record, &budget);
        assert!(asker.cuts_anywhere());
        for _ in 0..2 {
            let reply = asker.ask(&probing("a".into(), 1)).await.expect("no halt");
            assert!(reply.is_ok(), "{said}: {reply:?}");
        }
        assert_eq!(*endpoint.budgets.lock().expect("a list"), [1, 16, 16]);
        assert!(!asker.cuts_anywhere());
        assert_eq!(record.attempts().len(), 3, "every attempt is kept");
    }
}

#[tokio::test]
async fn a_refusal_that_more_output_does_not_help_is_no_reason_to_ask_each_question_twice() {
    let folder = tempfile::tempdir().expect("a folder");
    let record = Record::begin(folder.path()).expect("a record");
    let (endpoint, budget) = (invented(100, "not that"), Budget::default());
    let asker = asker(&endpoint, &record, &budget);
    for _ in 0..2 {
        let reply = asker.ask(&probing("a".into(), 1)).await.expect("no halt");
        assert!(reply.is_err());
    }
    assert_eq!(*endpoint.budgets.lock().expect("a list"), [1, 16, 1]);
    assert!(asker.cuts_anywhere());
}

#[tokio::test]
async fn questions_under_way_count_against_the_cap_until_they_are_settled() {
    let folder = tempfile::tempdir().expect("a folder");
    let record = Record::begin(folder.path()).expect("a record");
    let endpoint = invented(1, "");
    let budget = Budget::new(None, Some(2_500), None, None);
    let asker = asker(&endpoint, &record, &budget);
    let long = probing("word ".repeat(800), 1);
    let asked = join_all((0..4).map(|_| asker.ask(&long))).await;
    let capped = asked
        .iter()
        .filter(|asked| matches!(asked, Err(Halt::Capped(_))));
    assert_eq!(capped.count(), 2, "{asked:?}");
    assert_eq!(budget.spent().prompt_tokens, 2_000);
    assert_eq!(budget.spent().questions, 2);
    // What was held back for them and not used is free again.
    let short = asker.ask(&probing("word ".repeat(300), 1)).await;
    assert!(short.is_ok(), "{short:?}");
    assert!(matches!(asker.ask(&long).await, Err(Halt::Capped(_))));
    assert!(budget.spent().prompt_tokens <= 2_500);
}
