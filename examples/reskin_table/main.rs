//! Makes the table of the re-skin and the list of its volumes out of the bundled texts and word lists.
//!
//! ```text
//! cargo run --release --example reskin_table            compares with what is shipped
//! cargo run --release --example reskin_table -- --write  replaces it
//! ```
//!
//! The same texts and lists give the same bytes on every machine. A new table makes other volumes,
//! so it must go with another `PURPOSE` in `src/corpus/reskin.rs`.
// Its output is its report.
#![allow(clippy::print_stdout)]

mod census;
mod grouping;
mod invented;
mod lexicon;
mod omissions;
mod tagger;

use anyhow::{Context, Result, bail, ensure};
use census::{Census, Sort};
use depthfinder::corpus::reskin::{self, Reskin, Table, VOLUMES};
use lexicon::Lexicon;
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;
use std::time::Instant;

/// Names are grouped by frequency alone.
const NAMES_A_GROUP: usize = 24;
const LEVEL: i32 = 19;

fn main() -> Result<()> {
    let is_written = match std::env::args().nth(1).as_deref() {
        None => false,
        Some("--write") => true,
        Some(other) => bail!("unknown argument {other}: --write or nothing"),
    };
    let began = Instant::now();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpora");
    let texts = reskin::sources()?;
    let list = std::fs::read(root.join("names/wordnet.txt.zst"))?;
    let lexicon = Lexicon::new(&String::from_utf8(zstd::decode_all(&list[..])?)?);
    let table = table(&texts, &lexicon)?;
    let packed = zstd::bulk::compress(table.as_bytes(), LEVEL)?;
    println!(
        "table: {} bytes, {} packed, made in {:.1} s",
        table.len(),
        packed.len(),
        began.elapsed().as_secs_f64()
    );
    let reskin = Reskin::new(Table::parse(&table)?, texts)?;
    let mut listed = String::new();
    for number in 0..VOLUMES {
        let text = reskin.volume(number)?;
        let digest = blake3::hash(text.as_bytes());
        writeln!(listed, "{} {}", text.len(), digest.to_hex())?;
    }
    println!(
        "{VOLUMES} volumes, {:.1} s in all",
        began.elapsed().as_secs_f64()
    );
    for (name, made) in [
        ("en/reskin.table.zst", &packed[..]),
        ("en/reskin.volumes", listed.as_bytes()),
    ] {
        let path = root.join(name);
        if is_written {
            std::fs::write(&path, made).with_context(|| path.display().to_string())?;
        } else {
            let shipped = std::fs::read(&path).with_context(|| path.display().to_string())?;
            ensure!(shipped == made, "{name} is not what the sources give");
            println!("{name} is what the sources give");
        }
    }
    Ok(())
}

fn table(texts: &[(String, String)], lexicon: &Lexicon) -> Result<String> {
    let census = Census::of(texts, lexicon);
    let allowed = census.allowed(lexicon);
    let tagged = tagger::tag(&census.tokens, &allowed);
    let mut table = String::from("reskin 1\n");
    let joined = |group: &[u32]| -> String {
        let words: Vec<&str> = group
            .iter()
            .map(|&at| &census.words[at as usize].text[..])
            .collect();
        words.join(" ")
    };
    let groups = grouping::groups(&census, &tagged, &allowed);
    for group in groups.iter().filter(|group| group.len() > 1) {
        writeln!(table, "s {}", joined(group))?;
    }
    let mut named: Vec<u32> = (0u32..)
        .zip(&census.words)
        .filter(|(_, word)| word.sort == Sort::Name)
        .map(|(at, _)| at)
        .collect();
    named.sort_by_key(|&at| {
        let word = &census.words[at as usize];
        (std::cmp::Reverse(word.count), &word.text)
    });
    let models: Vec<&str> = named
        .iter()
        .map(|&at| &census.words[at as usize].text[..])
        .collect();
    let known: BTreeSet<&str> = census.words.iter().map(|word| &word.text[..]).collect();
    let invented = invented::names(&models, named.len(), &known, lexicon);
    let count = (named.len() / NAMES_A_GROUP).max(1);
    for at in 0..count {
        let range = named.len() * at / count..named.len() * (at + 1) / count;
        let names = invented[range.clone()].join(" ");
        writeln!(table, "n {} | {names}", joined(&named[range]))?;
    }
    println!(
        "{} words, {} groups, {} names",
        census.words.len() - 3,
        groups.len() + count,
        named.len()
    );
    let omissions = omissions::omissions(texts, &Table::parse(&table)?);
    let bytes: usize = omissions
        .iter()
        .map(|omission| omission.to - omission.from)
        .sum();
    println!("{} omissions, {bytes} bytes", omissions.len());
    for omission in omissions {
        writeln!(
            table,
            "o {} {} {}",
            omission.text, omission.from, omission.to
        )?;
    }
    Ok(table)
}
