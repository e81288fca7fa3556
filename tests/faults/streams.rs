//! Answers that come broken: silence, pings, torn characters, and parts that are left out.

use crate::asked::{End, Reply, Server};
use crate::vendor::{VENDORS, Vendor};
use crate::{NO_IDEA, VALUE, prompt};
use std::time::{Duration, Instant};

const SHORT: Duration = Duration::from_millis(400);

fn ask(fault: &str, vendor: Vendor, stream: bool) -> Reply {
    let server = Server::start(&format!("perfect,fault={fault}"));
    let (path, body) = vendor.question(&[("user", &prompt(5, 5))], stream, 64);
    server.post_for(&path, &body, SHORT * 4)
}

/// The answer of a server that does nothing wrong.
fn right(vendor: Vendor, stream: bool) -> Reply {
    let server = Server::start("perfect");
    let (path, body) = vendor.question(&[("user", &prompt(5, 5))], stream, 64);
    server.post(&path, &body)
}

/// A body with the ids taken out, which are others for every answer: sixteen hex digits.
fn without_ids(body: &[u8]) -> Vec<u8> {
    let mut body = body.to_vec();
    let parts = body.split_mut(|byte| !matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    for id in parts.filter(|part| part.len() >= 16) {
        id.fill(b'0');
    }
    body
}

#[test]
fn silence_before_the_answer_lasts_as_long_as_it_says() {
    for vendor in VENDORS {
        let reply = ask("stall-before", vendor, true);
        assert_eq!((reply.status, reply.end), (0, End::Open), "{vendor:?}");
        let clock = Instant::now();
        let reply = ask("stall-before=400ms", vendor, true);
        assert!(clock.elapsed() >= SHORT);
        assert_eq!(vendor.hear(&reply).text, VALUE, "{vendor:?}");
    }
}

#[test]
fn silence_within_the_answer_comes_after_half_of_it() {
    for vendor in VENDORS {
        for stream in [false, true] {
            let whole = without_ids(&right(vendor, stream).body());
            let reply = ask("stall-mid", vendor, stream);
            assert_eq!((reply.status, reply.end), (200, End::Open), "{vendor:?}");
            let half = without_ids(&reply.body());
            assert!(whole.starts_with(&half), "{vendor:?}");
            assert!(!half.is_empty() && half.len() < whole.len(), "{vendor:?}");
            let clock = Instant::now();
            let reply = ask("stall-mid=400ms", vendor, stream);
            assert!(clock.elapsed() >= SHORT);
            let body = without_ids(&reply.body());
            assert_eq!((reply.end, body), (End::Whole, whole), "{vendor:?}");
        }
    }
}

#[test]
fn a_connection_that_breaks_leaves_half_an_answer() {
    for vendor in VENDORS {
        for stream in [false, true] {
            let whole = without_ids(&right(vendor, stream).body());
            let reply = ask("break-mid", vendor, stream);
            assert_eq!(reply.status, 200);
            assert!(
                matches!(reply.end, End::Early | End::Reset),
                "{vendor:?} {:?}",
                reply.end
            );
            let half = without_ids(&reply.body());
            assert!(
                whole.starts_with(&half) && half.len() < whole.len(),
                "{vendor:?}"
            );
        }
    }
}

#[test]
fn signs_of_life_go_on_and_say_nothing() {
    let both = VENDORS.map(|vendor| [(vendor, true), (vendor, false)]);
    for (vendor, streams) in both.concat() {
        let server = Server::start("perfect,fault=keep-alive-for-ever=20ms");
        let (path, body) = vendor.question(&[("user", &prompt(5, 5))], streams, 64);
        let mut stream = server.connect();
        let body = body.to_string();
        let head = crate::asked::head("POST", &path, body.len());
        std::io::Write::write_all(&mut stream, (head + &body).as_bytes()).expect("a request");
        // The pings never pause so long; the client ends it.
        let copy = stream.try_clone().expect("a handle");
        let reader = std::thread::spawn(move || Reply::read(stream, SHORT * 20));
        std::thread::sleep(SHORT);
        copy.shutdown(std::net::Shutdown::Both).expect("an end");
        let reply = reader.join().expect("a reply");
        assert!(reply.chunks.len() >= 3, "{vendor:?}: {reply:?}");
        let ping = match vendor {
            _ if !streams => "\n",
            Vendor::Anthropic => "event: ping\ndata: {\"type\": \"ping\"}\n\n",
            Vendor::Ollama => "\n",
            _ => ": keep-alive\n\n",
        };
        for chunk in &reply.chunks {
            assert_eq!(chunk, ping.as_bytes(), "{vendor:?}");
        }
    }
}

#[test]
fn characters_are_torn_at_the_edges_of_chunks_and_nothing_is_lost() {
    for vendor in VENDORS {
        let reply = ask("split-utf8", vendor, true);
        let torn = |chunk: &&Vec<u8>| std::str::from_utf8(chunk).is_err();
        let torn = reply.chunks.iter().filter(torn).count();
        // Both quotes are torn, and each leaves two halves.
        assert!(torn >= 4, "{vendor:?}: {torn}");
        assert_eq!(vendor.hear(&reply).text, format!("“{VALUE}”"), "{vendor:?}");
        let reply = ask("split-utf8", vendor, false);
        assert_eq!(
            (reply.end, vendor.hear(&reply).text),
            (End::Whole, format!("“{VALUE}”"))
        );
    }
}

#[test]
fn what_is_left_out_is_left_out_and_nothing_else() {
    for vendor in VENDORS {
        for stream in [false, true] {
            let plain = vendor.hear(&right(vendor, stream));
            assert!(plain.usage.is_some() && plain.finish.is_some());
            let heard = |fault: &str| {
                let reply = ask(fault, vendor, stream);
                assert_eq!(
                    (reply.status, reply.end),
                    (200, End::Whole),
                    "{fault} {vendor:?}"
                );
                let heard = vendor.hear(&reply);
                assert_eq!(heard.text, VALUE, "{fault} {vendor:?}");
                heard
            };
            let bare = heard("no-usage");
            assert_eq!(
                (bare.usage, &bare.finish),
                (None, &plain.finish),
                "{vendor:?}"
            );
            assert_eq!(bare.done, plain.done);
            let open = heard("no-done");
            assert_eq!(open.usage, plain.usage, "{vendor:?}");
            assert_eq!(open.finish, plain.finish, "{vendor:?}");
            // Where the mark is an event of its own, it is gone.
            let marked = matches!(vendor, Vendor::Chat | Vendor::Anthropic);
            assert_eq!(open.done, plain.done && !marked, "{vendor:?}");
            let cut = heard("no-finish");
            // An answer in Responses' shape is in progress until it is done.
            let unsaid = [None, Some("in_progress")];
            assert!(
                unsaid.contains(&cut.finish.as_deref()),
                "{vendor:?} {:?}",
                cut.finish
            );
            assert!(!cut.done, "{vendor:?}");
        }
    }
}

#[test]
fn errors_come_after_a_status_of_200_in_the_vendors_framing() {
    for vendor in VENDORS {
        for stream in [false, true] {
            let reply = ask("error-in-200", vendor, stream);
            assert_eq!((reply.status, reply.end), (200, End::Whole));
            let heard = vendor.hear(&reply);
            assert!(heard.error.is_some(), "{vendor:?} {stream}");
            assert_eq!(heard.finish, None, "{vendor:?}");
            assert!(heard.text.len() < VALUE.len() && VALUE.starts_with(&heard.text));
        }
        let reply = ask("html-502", vendor, true);
        assert_eq!(
            (reply.status, reply.header("content-type")),
            (502, Some("text/html"))
        );
        assert!(reply.text().contains("<h1>502 Bad Gateway</h1>"));
    }
}

#[test]
fn answers_that_are_none_say_so_in_the_vendors_way() {
    for vendor in VENDORS {
        for stream in [false, true] {
            let [done, cut] = vendor.finishes();
            let heard = |fault: &str| vendor.hear(&ask(fault, vendor, stream));
            let plain = vendor.hear(&right(vendor, stream));
            let (whole, _, output) = plain.usage.expect("usage");

            let empty = heard("empty-answer");
            assert_eq!(
                (empty.text.as_str(), empty.finish.as_deref()),
                ("", Some(done))
            );
            assert_eq!(empty.usage, Some((whole, 0, 0)), "{vendor:?} {stream}");

            let named = heard("wrong-model=other-9");
            assert_eq!(
                (named.model.as_str(), named.text.as_str()),
                ("other-9", VALUE)
            );
            assert_eq!(plain.model, "sim:perfect");

            let reasoned = heard("reasoning-eats-budget");
            assert_eq!(
                (reasoned.text.as_str(), reasoned.finish.as_deref()),
                ("", Some(cut))
            );
            assert!(
                reasoned.reasoning.starts_with("Let me look at the text"),
                "{vendor:?}"
            );
            assert_eq!(reasoned.reasoning.split(' ').count(), 64);
            assert_eq!(reasoned.usage, Some((whole, 0, 64)), "{vendor:?}");

            let clamped = heard("clamped-output=1");
            assert_eq!(clamped.finish.as_deref(), Some(cut));
            assert!(!clamped.text.is_empty() && VALUE.starts_with(&clamped.text));
            assert_eq!(clamped.usage, Some((whole, 0, 1)));
            assert_eq!(heard("clamped-output=50").usage, Some((whole, 0, output)));
        }
    }
}

#[test]
fn a_cache_gives_the_answer_of_the_question_before_as_it_was() {
    for vendor in VENDORS {
        let server = Server::start("perfect,fault=old-answer");
        let heard = |text: &str| {
            let (path, body) = vendor.question(&[("user", text)], true, 64);
            vendor.hear(&server.post(&path, &body))
        };
        let first = heard(&prompt(5, 5));
        assert_eq!(first.text, VALUE);
        let other = prompt(9, 5).replace(VALUE, "1000001");
        assert_eq!(heard(&other), first, "{vendor:?}");
        let third = heard("Hello.");
        assert_eq!(third.text, "1000001", "{vendor:?}");
        assert_eq!(heard("Hello there.").text, NO_IDEA);
    }
}
