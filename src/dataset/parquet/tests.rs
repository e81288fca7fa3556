//! Tables that pyarrow wrote, and the same with bytes changed.

use crate::dataset::tests::{file, refused};
use crate::dataset::{Columns, Dataset, Kind};
use proptest::prelude::*;
use std::path::{Path, PathBuf};

/// A file that pyarrow wrote (`tests/datasets/write.py`).
fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/datasets")
        .join(name)
}

#[test]
fn tables_of_a_common_writer_are_read_however_they_are_packed() {
    let open = |name| Dataset::open(&fixture(name), None, &Columns::default()).expect("a set");
    let snappy = open("mrcr-snappy.parquet");
    assert_eq!((snappy.kind(), snappy.len()), (Kind::Mrcr, 40));
    for (name, rows) in [("mrcr-zstd-v2.parquet", 16), ("mrcr-gzip.parquet", 9)] {
        let other = open(name);
        assert_eq!(other.len(), rows, "{name}");
        assert_ne!(other.digest(), snappy.digest());
        // Backwards, so that nothing is found because it was read last.
        for index in (0..rows).rev() {
            let (item, expected) = (other.item(index), snappy.item(index));
            let item = item.expect("an item");
            assert_eq!(item, expected.expect("an item"), "{name} {index}");
            assert_eq!(item.messages.len(), 13);
            assert_eq!(item.score(&item.answers[0]).credit, 1.0);
            assert!(item.depth_percent.is_some_and(|depth| depth > 0.0));
            let wanted = &item.answers[0][10..];
            assert!(
                item.messages.iter().any(|(_, said)| said == wanted),
                "{name} {index}"
            );
        }
    }
}

#[test]
fn a_table_says_the_same_as_its_rows_written_as_lines() {
    let open = |name| Dataset::open(&fixture(name), None, &Columns::default()).expect("a set");
    let lines = open("generic.jsonl");
    assert_eq!((lines.kind(), lines.len()), (Kind::Generic, 60));
    for name in ["generic-small-pages.parquet", "generic-plain.parquet"] {
        let table = open(name);
        assert_eq!(table.len(), 60);
        for index in 0..60 {
            let outline = &table.outlines()[index];
            assert_eq!(
                (outline.line, &outline.id),
                (index as u64 + 1, &format!("row-{index}"))
            );
            assert_eq!(outline.length_tokens.is_none(), index % 5 == 0);
            assert_eq!(
                outline.text_bytes,
                lines.outlines()[index].text_bytes,
                "{name} {index}"
            );
            let (item, expected) = (table.item(index), lines.item(index));
            assert_eq!(
                item.expect("an item"),
                expected.expect("an item"),
                "{name} {index}"
            );
        }
    }
    let columns = Columns {
        prompt: Some("extra".to_owned()),
        ..Columns::default()
    };
    let nested = Dataset::open(&fixture("generic-plain.parquet"), None, &columns);
    let told = format!("{:#}", nested.expect_err("a nested column"));
    assert!(
        told.ends_with("row 1: `extra` is neither a text nor a list of messages"),
        "{told}"
    );
}

#[test]
fn a_broken_table_is_an_error_that_says_what_to_do() {
    let good = std::fs::read(fixture("mrcr-gzip.parquet")).expect("a table");
    let told = refused(&good[..good.len() - 1], &Columns::default());
    assert!(
        told.contains("does not end like one; fetch it again"),
        "{told}"
    );
    let mut bent = good.clone();
    // In the only page of the prompts.
    bent[6000..6060].fill(0xFF);
    let told = refused(&bent, &Columns::default());
    assert!(
        told.contains("column `prompt`: a page ") && told.contains("; write it as JSON Lines"),
        "{told}"
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn no_changed_table_makes_the_reader_fail_but_by_an_error(
        which in 0..4_usize,
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        in_footer in any::<bool>(),
    ) {
        let names = ["mrcr-zstd-v2", "mrcr-gzip", "generic-small-pages", "generic-plain"];
        let name = format!("{}.parquet", names[which]);
        let mut bytes = std::fs::read(fixture(&name)).expect("a table");
        let from = if in_footer { bytes.len() - bytes.len() / 8 } else { 4 };
        for (at, byte) in changes {
            let at = from + at.index(bytes.len() - from);
            bytes[at] = byte;
        }
        let (_folder, path) = file("set.parquet", &bytes);
        match Dataset::open(&path, None, &Columns::default()) {
            Ok(set) => for index in 0..set.len() {
                let _ = set.item(index);
            }
            Err(error) => {
                let told = format!("{error:#}");
                prop_assert!(!told.contains('\n'), "{}", told);
            }
        }
    }
}
