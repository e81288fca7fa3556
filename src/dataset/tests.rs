//! Sets as others write them, and rules held to what the originals give.

use super::*;
use proptest::prelude::*;
use serde_json::{Value, json};
use std::io::Write as _;

/// A file of a name with some bytes in a folder that goes with it.
pub fn file(name: &str, bytes: &[u8]) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join(name);
    std::fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
    std::fs::write(&path, bytes).expect("written");
    (folder, path)
}

/// Opens a file of some bytes, whatever its kind.
fn opened(name: &str, bytes: &[u8]) -> Result<(tempfile::TempDir, Dataset)> {
    let (folder, path) = file(name, bytes);
    Ok((folder, Dataset::open(&path, None, &Columns::default())?))
}

/// The whole error of opening some bytes, which is one line.
pub fn refused(bytes: &[u8], columns: &Columns) -> String {
    let (_folder, path) = file("set.jsonl", bytes);
    let error = Dataset::open(&path, None, columns).expect_err("no set");
    let told = format!("{error:#}");
    assert!(!told.contains('\n') && told.contains("set.jsonl"), "{told}");
    told
}

/// A record as RULER's `niah.py` writes it.
fn niah(index: i64, length: u64, at: u64) -> Value {
    json!({
        "index": index,
        "input": "A special magic number is hidden within the following text. Make sure to \
                  memorize it.\nthe text\nWhat is the special magic number for x?",
        "outputs": ["1234567"],
        "length": length,
        "length_w_model_temp": length,
        "answer_prefix": " The special magic number for x mentioned in the provided text is",
        "token_position_answer": at,
    })
}

fn mrcr_row() -> Value {
    let conversation = json!([
        {"role": "user", "content": "write a poem about tapirs"},
        {"role": "assistant", "content": "Oh tapir"},
        {"role": "user", "content": "Prepend aYooSG8CQg to the 1st (1 indexed) poem."},
    ]);
    json!({
        "prompt": conversation.to_string(),
        "answer": "aYooSG8CQgOh tapir",
        "random_string_to_prepend": "aYooSG8CQg",
        "n_needles": 2,
        "desired_msg_index": 1,
        "total_messages": 4,
        "n_chars": 120,
    })
}

#[test]
fn every_rule_gives_what_the_original_gives() {
    let vectors = include_str!("../../tests/vectors/dataset_rules.jsonl");
    let mut held = 0;
    for (at, line) in vectors.lines().enumerate() {
        let row: Value = serde_json::from_str(line).expect("a vector");
        let reply = row["reply"].as_str().expect("a reply");
        let answers: Vec<String> = serde_json::from_value(row["answers"].clone()).expect("answers");
        let prefix = row["prefix"].as_str().unwrap_or_default().to_owned();
        let rules = [
            Rule::RulerAll,
            Rule::RulerPart,
            Rule::Mrcr { prefix },
            Rule::Any,
            Rule::All,
            Rule::Exact,
        ];
        for rule in rules {
            let Some(expected) = row[rule.name()].as_f64() else {
                continue;
            };
            let scored = rule.score(reply, &answers);
            let name = rule.name();
            assert!(
                (scored.credit - expected).abs() < 1e-12,
                "line {}: {name} gives {} for {expected}: {reply:?} {answers:?}",
                at + 1,
                scored.credit
            );
            let from = if name == "mrcr" { 0.5 } else { 1.0 };
            assert_eq!(scored.right, expected >= from, "line {}: {name}", at + 1);
            held += 1;
        }
    }
    assert!(held > 1000, "{held}");
}

#[test]
fn the_ratio_of_long_answers_is_quick_and_not_symmetric() {
    let words = [
        "tapir", "river", "moon", "of", "the", "quiet", "and", "stone",
    ];
    let said = |seed: usize| -> String {
        let word = |at: usize| words[(at * at + seed * at / 3 + at / 7) % words.len()];
        (0..2000).map(|at| word(at).to_owned() + " ").collect()
    };
    let (a, b) = (said(1), said(5));
    assert!(a.chars().count() > 9_000);
    let begun = std::time::Instant::now();
    assert_eq!(ratio(&a, &a), 1.0);
    assert!(ratio(&a, &b) < 1.0);
    assert!(begun.elapsed().as_secs() < 5, "{:?}", begun.elapsed());
    // The worked example of the documentation of difflib.
    assert_eq!((ratio("tide", "diet"), ratio("diet", "tide")), (0.25, 0.5));
}

#[test]
fn a_ruler_file_is_read_as_ruler_sends_it() {
    let text = format!("{}\n{}\n", niah(17, 4096, 992), niah(17, 4096, 3968));
    let (_folder, set) = opened("niah_single_2/validation.jsonl", text.as_bytes()).expect("a set");
    assert_eq!((set.kind(), set.len()), (Kind::Ruler, 2));
    let item = set.item(0).expect("an item");
    // RULER writes the place of the needle over the index, so that two records may share it.
    assert_eq!(
        (item.id.as_str(), set.outlines()[1].id.as_str()),
        ("1", "2")
    );
    assert_eq!(item.task.as_deref(), Some("niah_single_2"));
    assert_eq!(
        (item.length_tokens, item.output_tokens),
        (Some(4096), Some(128))
    );
    assert_eq!(item.depth_percent, Some(25.0));
    let (role, prompt) = &item.messages[0];
    assert_eq!((*role, item.messages.len()), (Role::User, 1));
    assert!(
        prompt.ends_with("for x? The special magic number for x mentioned in the provided text is")
    );
    assert!(item.score("it is 1234567.").right && !item.score("123456").right);
}

#[test]
fn questions_of_ruler_need_one_of_their_answers_and_all_else_needs_all() {
    let qa = json!({"index": 0, "input": "Answer the question based on the given documents. Only",
                    "outputs": ["Denver Broncos", "Broncos"], "length": 900});
    let vt = json!({"index": 1, "input": "Memorize and track the chain(s) of variable assignment",
                    "outputs": ["AAAAA", "BBBBB"], "length": 900});
    let text = format!("{qa}\n{vt}");
    let (_folder, set) = opened("some.jsonl", text.as_bytes()).expect("a set");
    let (qa, vt) = (set.item(0).expect("an item"), set.item(1).expect("an item"));
    assert_eq!(
        (qa.task.as_deref(), qa.output_tokens),
        (Some("qa"), Some(32))
    );
    assert_eq!(
        (vt.task.as_deref(), vt.output_tokens),
        (Some("vt"), Some(30))
    );
    assert!(qa.score("the broncos").right);
    assert_eq!(
        vt.score("aaaaa"),
        Scored {
            credit: 0.5,
            right: false
        }
    );
    let (_folder, set) = opened("qa_2.jsonl", text.as_bytes()).expect("a set");
    assert_eq!(set.item(1).expect("an item").rule, Rule::RulerPart);
}

#[test]
fn a_row_of_mrcr_is_a_conversation_and_its_answer() {
    let (_folder, set) = opened("m.jsonl", mrcr_row().to_string().as_bytes()).expect("a set");
    assert_eq!(set.kind(), Kind::Mrcr);
    let item = set.item(0).expect("an item");
    assert_eq!(item.messages.len(), 3);
    assert_eq!(item.messages[1], (Role::Assistant, "Oh tapir".to_owned()));
    assert_eq!(item.task.as_deref(), Some("mrcr_2needle"));
    assert_eq!((item.depth_percent, item.length_tokens), (Some(25.0), None));
    assert_eq!(
        item.score("aYooSG8CQgOh tapir"),
        Scored {
            credit: 1.0,
            right: true
        }
    );
    assert_eq!(
        item.score("Oh tapir"),
        Scored {
            credit: 0.0,
            right: false
        }
    );
}

#[test]
fn a_set_of_no_fixed_form_is_read_by_its_usual_columns() {
    let text = concat!(
        "\u{feff}{\"question\":\"Who?\",\"answer\":\"Emma\",\"context_length\":\"8192\",",
        "\"depth\":0.25,\"category\":\"who\",\"_id\":\"a\"}\r\n\r\n   \r\n",
        "{\"messages\":[{\"role\":\"system\",\"content\":\"Be brief.\"},{\"role\":\"user\",",
        "\"content\":[{\"type\":\"text\",\"text\":\"Wh\"},{\"text\":\"en?\"}]}],",
        "\"answers\":[1815,\"then\"],\"depth\":1,\"_id\":7}"
    );
    let (_folder, set) = opened("set.jsonl", text.as_bytes()).expect("a set");
    assert_eq!((set.kind(), set.len()), (Kind::Generic, 2));
    let (first, second) = (set.item(0).expect("an item"), set.item(1).expect("an item"));
    assert_eq!((first.id.as_str(), second.id.as_str()), ("a", "7"));
    assert_eq!(
        (first.length_tokens, first.depth_percent),
        (Some(8192), Some(25.0))
    );
    assert_eq!(
        (second.length_tokens, second.depth_percent),
        (None, Some(100.0))
    );
    assert_eq!(second.messages[0], (Role::System, "Be brief.".to_owned()));
    assert_eq!(second.messages[1], (Role::User, "When?".to_owned()));
    assert_eq!(second.answers, ["1815", "then"]);
    assert!(second.score("in 1815").right && !second.score("in 1816").right);
    assert_eq!(set.outlines()[1].line, 4);
    assert_eq!(set.digest(), blake3::hash(text.as_bytes()).to_string());
}

#[test]
fn columns_of_other_names_are_named_and_then_must_be_there() {
    let text = json!({"text": "Who?", "gold": ["A", "B"], "n": "many", "where": 50}).to_string();
    let mut columns = Columns {
        prompt: Some("text".to_owned()),
        answers: Some("gold".to_owned()),
        depth: Some("where".to_owned()),
        matching: Matching::All,
        ..Columns::default()
    };
    let (_folder, path) = file("set.jsonl", text.as_bytes());
    let set = Dataset::open(&path, None, &columns).expect("a set");
    let item = set.item(0).expect("an item");
    assert_eq!((&item.rule, item.depth_percent), (&Rule::All, Some(50.0)));
    assert_eq!(item.score("only a").credit, 0.5);
    columns.length = Some("n".to_owned());
    assert!(refused(text.as_bytes(), &columns).ends_with("line 1: `n` is not a count of tokens"));
    let told = refused(text.as_bytes(), &Columns::default());
    assert!(
        told.contains("no known kind of set") && told.contains("`gold`"),
        "{told}"
    );
}

#[test]
fn what_is_wrong_is_said_in_one_line_with_its_place() {
    let good = json!({"prompt": "p", "answer": "a", "depth": 10}).to_string();
    let after_good = |line: &str| format!("{good}\n\n{line}\n").into_bytes();
    let zipped = b"\x1F\x8B\x08\x00".to_vec();
    let cases: [(Vec<u8>, &str); 12] = [
        (Vec::new(), "holds no record"),
        (b"\n \n".to_vec(), "holds no record"),
        (
            after_good("{\"prompt\": \"p\""),
            "line 3: no JSON object: EOF while parsing an object",
        ),
        (after_good("17"), "line 3: no JSON object: not an object"),
        (
            after_good("{} {}"),
            "line 3: no JSON object: trailing characters",
        ),
        (
            after_good("{\"prompt\": \"p\"}"),
            "line 3: no column for the answers among `prompt`; name it",
        ),
        (
            after_good("{\"prompt\": 3, \"answer\": 1}"),
            "line 3: `prompt` is neither a text nor",
        ),
        (
            after_good("{\"prompt\": \"p\", \"answer\": \" \"}"),
            "line 3: an answer in `answer` is empty",
        ),
        (
            after_good("{\"prompt\": \"p\", \"answer\": [{}]}"),
            "line 3: `answer` holds something that",
        ),
        (
            after_good("{\"prompt\": \"p\", \"answer\": 1, \"depth\": 101}"),
            "line 3: a depth of 101 %",
        ),
        (zipped, "it is compressed; unpack it first (gunzip)"),
        (
            b"\xEF\xBB\xBF [{\"prompt\": 1}]".to_vec(),
            "write a record a line (jq -c '.[]')",
        ),
    ];
    for (bytes, words) in cases {
        let told = refused(&bytes, &Columns::default());
        assert!(told.contains(words), "{told} lacks {words}");
    }
    let (_folder, path) = file("set.jsonl", good.as_bytes());
    let forced = Dataset::open(&path, Some(Kind::Mrcr), &Columns::default()).expect_err("no");
    let told = format!("{forced:#}");
    assert!(
        told.contains("line 1: no `random_string_to_prepend`"),
        "{told}"
    );
    let set = Dataset::open(&path, None, &Columns::default()).expect("a set");
    assert!(set.item(1).is_err());
    std::fs::write(&path, "x".repeat(good.len())).expect("written");
    let told = format!("{:#}", set.item(0).expect_err("another file"));
    assert!(
        told.contains("line 1: the file has changed since it was opened"),
        "{told}"
    );
}

#[test]
fn only_what_a_record_says_of_itself_is_kept_of_a_large_file() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("large.jsonl");
    let mut out = std::fs::File::create(&path).expect("a file");
    let text = "word ".repeat(400_000);
    for id in 0..8 {
        let row = json!({"id": id, "prompt": text, "answer": format!("a{id}"), "length": 400_000});
        writeln!(out, "{row}").expect("written");
    }
    let set = Dataset::open(&path, None, &Columns::default()).expect("a set");
    let outline = &set.outlines()[7];
    assert_eq!((outline.id.as_str(), outline.text_bytes), ("7", 2_000_002));
    let item = set.item(7).expect("an item");
    assert_eq!(
        (item.messages[0].1.len(), item.answers[0].as_str()),
        (2_000_000, "a7")
    );
}

proptest! {
    #[test]
    fn no_bytes_make_the_reader_fail_but_by_an_error(bytes in bytes()) {
        let (_folder, path) = file("set.jsonl", &bytes);
        for kind in [None, Some(Kind::Ruler), Some(Kind::Mrcr), Some(Kind::Generic)] {
            match Dataset::open(&path, kind, &Columns::default()) {
                Ok(set) => for index in 0..set.len() {
                    if let Ok(item) = set.item(index) {
                        prop_assert!(!item.answers.is_empty() && !item.messages.is_empty());
                        let credit = item.score("a reply").credit;
                        prop_assert!((0.0..=1.0).contains(&credit));
                    }
                }
                Err(error) => {
                    let told = format!("{error:#}");
                    prop_assert!(!told.contains('\n'), "{}", told);
                }
            }
        }
    }

    #[test]
    fn a_ratio_is_a_share_and_that_of_equal_texts_is_one(a in "[a-d呐😀]{0,300}", b in "[a-d呐😀]{0,300}") {
        let found = ratio(&a, &b);
        prop_assert!((0.0..=1.0).contains(&found));
        prop_assert_eq!(ratio(&a, &a), 1.0);
    }
}

/// Bytes at random, and good files with some bytes changed.
fn bytes() -> impl Strategy<Value = Vec<u8>> {
    let good = prop_oneof![
        Just(niah(1, 4096, 100).to_string()),
        Just(mrcr_row().to_string()),
        Just(json!({"prompt": "p\u{e9}", "answers": ["a"], "depth": 0.5}).to_string()),
    ];
    let changes = prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4);
    let broken = (good, changes).prop_map(|(line, changes)| {
        let mut bytes = line.into_bytes();
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        bytes
    });
    prop_oneof![
        1 => prop::collection::vec(any::<u8>(), 0..200),
        3 => broken,
    ]
}
