//! The four times of an answer and the clocks that end a wait, on loopback.

use crate::network::{FINISH, MS, TEXT, large, stream};
use crate::server::Server;
use crate::{COMPLETE, ask, asked, endpoint, options, run};
use depthfinder::endpoint::Endpoint;
use depthfinder::reply::Failure;
use std::thread::sleep;
use std::time::Instant;

#[test]
fn upload_head_first_text_and_end_have_their_own_times() {
    let server = Server::start(|connection| {
        // Loopback buffers hold a few megabytes; the rest waits for the reader.
        sleep(MS(300));
        connection.read_rest();
        sleep(MS(150));
        connection.write("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n");
        sleep(MS(150));
        connection.write(
            "data: {\"choices\":[{\"delta\":{\"role\":\"assistant\",\"content\":null}}]}\n\n",
        );
        sleep(MS(150));
        connection.write(TEXT);
        sleep(MS(150));
        connection.write(FINISH);
        connection.write("data: [DONE]\n\n");
    });
    let timing = run(endpoint(options(&server)).ask(&ask(large(24))))
        .expect("an answer")
        .timing;
    let uploaded = timing.uploaded_ms.expect("uploaded");
    let headers = timing.headers_ms.expect("headers");
    let first = timing.first_text_ms.expect("text");
    assert!(uploaded > 250.0, "{timing:?}");
    assert!(headers > uploaded + 100.0, "{timing:?}");
    assert!(first > headers + 250.0, "{timing:?}");
    assert!(timing.total_ms > first + 100.0, "{timing:?}");
}

fn timed_out(failure: Failure) -> (u64, String) {
    match failure {
        Failure::TimedOut {
            after_ms,
            waiting_for,
        } => (after_ms, waiting_for),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_server_that_never_answers_meets_the_first_event_clock() {
    let server = Server::start(|connection| {
        connection.read_rest();
        sleep(MS(5000));
    });
    let (after_ms, waiting_for) = timed_out(asked(&server).expect_err("silence"));
    assert_eq!(
        (after_ms, waiting_for.as_str()),
        (2500, "the answer to begin")
    );
}

#[test]
fn a_head_without_a_body_meets_the_first_event_clock_and_not_the_idle_clock() {
    let server = stream(|_| sleep(MS(5000)));
    let (after_ms, waiting_for) = timed_out(asked(&server).expect_err("silence"));
    assert_eq!(
        (after_ms, waiting_for.as_str()),
        (2500, "the first byte of the answer")
    );
}

#[test]
fn a_long_prefill_between_head_and_first_byte_is_waited_for() {
    let server = stream(|connection| {
        sleep(MS(900));
        connection.write(COMPLETE);
    });
    assert_eq!(asked(&server).expect("an answer").text, "42");
}

#[test]
fn keep_alive_comments_do_not_hold_the_first_event_clock() {
    let server = stream(|connection| {
        while connection.is_open() {
            connection.write(": keep-alive\n\n");
            sleep(MS(50));
        }
    });
    let began = Instant::now();
    let (after_ms, waiting_for) = timed_out(asked(&server).expect_err("comments"));
    assert_eq!(after_ms, 2500);
    assert!(
        waiting_for.contains("bytes of keep-alive came"),
        "{waiting_for}"
    );
    assert!(began.elapsed() < MS(4500));
}

#[test]
fn keep_alive_comments_do_hold_the_idle_clock() {
    let server = stream(|connection| {
        connection.write(TEXT);
        for _ in 0..16 {
            sleep(MS(50));
            connection.write(": keep-alive\n\n");
        }
        connection.write(FINISH);
    });
    assert_eq!(asked(&server).expect("an answer").text, "42");
}

#[test]
fn silence_inside_an_answer_meets_the_idle_clock() {
    let server = stream(|connection| {
        connection.write(TEXT);
        sleep(MS(5000));
    });
    let (after_ms, waiting_for) = timed_out(asked(&server).expect_err("silence"));
    assert_eq!(
        (after_ms, waiting_for.as_str()),
        (400, "the next byte of the answer")
    );
}

#[test]
fn the_end_counts_from_the_last_event_where_the_connection_stays_open() {
    let server = stream(|connection| {
        connection.write(TEXT);
        connection.write(FINISH);
        sleep(MS(5000));
    });
    let reply = asked(&server).expect("an answer");
    assert_eq!(reply.text, "42");
    assert_eq!(reply.usage.prompt_tokens, None);
    assert!(reply.timing.total_ms < 900.0, "{:?}", reply.timing);
}

#[test]
fn comments_for_ever_hold_neither_an_answer_nor_its_end() {
    for (before, is_answer) in [(TEXT.to_owned(), false), (format!("{TEXT}{FINISH}"), true)] {
        let server = stream(move |connection| {
            connection.write(&before);
            while connection.is_open() {
                connection.write(": keep-alive\n\n");
                sleep(MS(50));
            }
        });
        let began = Instant::now();
        let outcome = asked(&server);
        assert!(began.elapsed() < MS(4500));
        if is_answer {
            assert_eq!(outcome.expect("an answer").text, "42");
        } else {
            let (after_ms, waiting_for) = timed_out(outcome.expect_err("comments"));
            let waited = (after_ms, waiting_for.as_str());
            assert_eq!(waited, (2500, "the next event of the answer"));
        }
    }
}
