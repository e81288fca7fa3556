//! The documents are held to the code: commands parse, fields and reasons are all described, links lead somewhere.

#[path = "docs/disputes.rs"]
mod disputes;
#[path = "docs/markdown.rs"]
mod markdown;
#[path = "docs/samples.rs"]
mod samples;
#[path = "docs/sets.rs"]
mod sets;
#[path = "docs/verdicts.rs"]
mod verdicts;

use clap::{CommandFactory, Parser};
use depthfinder::answer::{Right, ValueType};
use depthfinder::cli::Cli;
use depthfinder::journal::{Outcome, Row};
use depthfinder::reply::Stop;
use depthfinder::run::void_reason;
use depthfinder::score::{self, Class, Question};
use depthfinder::task::{Kind, Task};
use markdown::{blocks, read, rows_below, spans, words};
use samples::Field;
use std::collections::BTreeSet;
use std::process::Command;

const DOCUMENTS: [&str; 5] = [
    "README.md",
    "METHOD.md",
    "FORMAT.md",
    "CHANGELOG.md",
    "outputs/README.md",
];

/// The commands of a document's shell blocks that run this program, each as its arguments.
fn commands(document: &str) -> Vec<Vec<String>> {
    let lines = blocks(&read(document), "sh");
    let lines = lines.iter().flat_map(|block| block.lines());
    lines
        .filter_map(|line| {
            let rest = line
                .strip_prefix("cargo run --release -- ")
                .or_else(|| line.strip_prefix("depthfinder "))?;
            Some(words(rest))
        })
        .collect()
}

#[test]
fn every_command_shown_is_one_that_can_be_typed() {
    let mut seen = BTreeSet::new();
    for document in DOCUMENTS {
        for arguments in commands(document) {
            let typed = std::iter::once("depthfinder").chain(arguments.iter().map(String::as_str));
            if let Err(error) = Cli::try_parse_from(typed) {
                panic!("{document}: {arguments:?}: {error}");
            }
            seen.extend(arguments.first().cloned());
        }
    }
    for command in ["sweep", "show", "report", "serve"] {
        assert!(
            seen.contains(command),
            "no example of {command} among {seen:?}"
        );
    }
}

#[test]
fn every_sweep_of_a_simulated_model_shown_has_a_plan() {
    let mut planned = 0;
    for document in DOCUMENTS {
        for arguments in commands(document) {
            if arguments[0] != "sweep" || !arguments[1].starts_with("sim:") {
                continue;
            }
            let output = Command::new(env!("CARGO_BIN_EXE_depthfinder"))
                .args(&arguments)
                .arg("--dry-run")
                .output()
                .expect("runs");
            let said = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success(), "{document}: {arguments:?}: {said}");
            planned += 1;
        }
    }
    assert!(planned >= 2);
}

#[test]
fn every_flag_and_command_named_in_the_text_exists() {
    let cli = Cli::command();
    let flags: BTreeSet<String> = cli
        .get_subcommands()
        .flat_map(|command| command.get_arguments())
        .filter_map(|argument| argument.get_long())
        .map(|long| format!("--{long}"))
        .chain(["--help".into(), "--version".into()])
        .collect();
    for document in DOCUMENTS {
        for span in spans(&read(document)) {
            if span.starts_with("cargo ") {
                continue;
            }
            for word in span.split([' ', '=']).filter(|word| word.starts_with("--")) {
                assert!(flags.contains(word), "{document}: `{span}` names {word}");
            }
            let Some(command) = span.strip_prefix("depthfinder ") else {
                continue;
            };
            let name = command.split(' ').next().unwrap_or_default();
            assert!(
                cli.find_subcommand(name).is_some(),
                "{document}: `{span}` names no command"
            );
        }
    }
    let hidden: Vec<&str> = cli
        .get_subcommands()
        .map(clap::Command::get_name)
        .filter(|name| {
            *name != "help" && !read("README.md").contains(&format!("`depthfinder {name}"))
        })
        .collect();
    assert!(hidden.is_empty(), "README.md does not name {hidden:?}");
}

#[test]
fn continuous_integration_runs_the_test_command_of_the_readme() {
    let shown: BTreeSet<String> = blocks(&read("README.md"), "sh")
        .iter()
        .flat_map(|block| block.lines())
        .filter(|line| line.starts_with("cargo test"))
        .map(str::to_owned)
        .collect();
    let [command] = Vec::from_iter(&shown)[..] else {
        panic!("README.md shows {shown:?}: it must be one command");
    };
    assert!(
        read(".ci/run").lines().any(|line| line == command),
        ".ci/run has no line `{command}`"
    );
}

#[test]
fn no_figure_is_left_to_be_filled_in() {
    for document in DOCUMENTS {
        let left = read(document).matches("FIGURE").count();
        assert_eq!(left, 0, "{document} waits for {left} figures");
    }
}

/// The tasks of a table cell: names in backticks, `x_1` … `_3` standing for all three.
fn tasks_of_cell(cell: &str) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for (at, part) in cell.split('`').enumerate() {
        if at % 2 == 0 {
            continue;
        }
        let Some(last) = part.strip_prefix('_') else {
            names.push(part.to_owned());
            continue;
        };
        let stem = names.last().and_then(|name| name.rsplit_once('_'));
        let (stem, first) = stem
            .map(|(stem, first)| (stem.to_owned(), first.to_owned()))
            .expect(cell);
        let number = |text: &str| text.parse::<u32>().expect(cell);
        names.extend((number(&first) + 1..=number(last)).map(|nth| format!("{stem}_{nth}")));
    }
    names
}

#[test]
fn the_table_of_kinds_names_every_task_under_its_own_kind() {
    let method = read("METHOD.md");
    let table: Vec<&str> = method
        .lines()
        .filter(|line| {
            Kind::ALL
                .iter()
                .any(|kind| line.starts_with(&format!("| `{}` |", kind.name())))
        })
        .collect();
    assert_eq!(table.len(), Kind::ALL.len());
    for (line, kind) in table.iter().zip(Kind::ALL) {
        let cell = line.split('|').nth(3).expect("three cells");
        let mut told = tasks_of_cell(cell);
        let of_kind = Task::all().filter(|task| task.kind() == kind);
        let mut known: Vec<String> = of_kind.map(|task| task.name().to_owned()).collect();
        told.sort();
        known.sort();
        assert_eq!(told, known, "{line}");
    }
}

#[test]
fn links_lead_somewhere() {
    let mut dead = Vec::new();
    for document in DOCUMENTS {
        for target in markdown::links(&read(document)) {
            if target.contains("://") {
                continue;
            }
            let (path, anchor) = target.split_once('#').unwrap_or((&target, ""));
            let linked = match path {
                "" => markdown::root().join(document),
                path => markdown::root()
                    .join(document)
                    .parent()
                    .expect("a folder")
                    .join(path),
            };
            let leads = match anchor {
                "" => linked.exists(),
                anchor => std::fs::read_to_string(&linked)
                    .is_ok_and(|text| markdown::anchors(&text).iter().any(|a| a == anchor)),
            };
            if !leads {
                dead.push(format!("{document}: {target}"));
            }
        }
    }
    assert!(dead.is_empty(), "dead links:\n{}", dead.join("\n"));
}

/// The fields that FORMAT.md describes below a heading.
fn described(heading: &str) -> Vec<Field> {
    let table = rows_below(&read("FORMAT.md"), heading);
    let fields: Vec<Field> = table.iter().map(|row| Field::of(row)).collect();
    assert!(fields.len() > 3, "{heading}: {fields:?}");
    fields
}

#[test]
fn every_field_is_described_with_its_type_and_every_description_is_true() {
    let run = samples::run();
    samples::compare("Intents", &described("Intents"), &run.intents);
    let rows = [samples::rows(run), verdicts::rows()].concat();
    samples::compare("Rows", &described("Rows"), &rows);
    let controls = [samples::controls(run), verdicts::controls()].concat();
    samples::compare("Controls", &described("Controls"), &controls);
    samples::compare(
        "Fingerprints",
        &described("Fingerprints"),
        &samples::prints(run),
    );
    samples::compare("Items", &described("Items"), &sets::rows());
    let files = [
        samples::run_files(run),
        verdicts::run_files(),
        sets::run_files(),
    ]
    .concat();
    samples::compare("run.json", &described("run.json"), &files);
    let mut summaries = [samples::summaries(run), verdicts::summaries()].concat();
    summaries.push(verdicts::plain_summary());
    summaries.extend(sets::summaries());
    samples::compare("summary.json", &described("summary.json"), &summaries);
    samples::compare(
        "comparison.json",
        &described("comparison.json"),
        &samples::comparisons(run),
    );
    samples::compare(
        "design.json",
        &described("design.json"),
        &disputes::designs(),
    );
    samples::compare(
        "dispute.json",
        &described("dispute.json"),
        &disputes::disputes(&run.file),
    );
    samples::compare("gate.json", &described("gate.json"), &samples::gates());
    samples::compare(
        "Baselines",
        &described("Baselines"),
        &samples::baselines(run),
    );
    samples::compare(
        "claims --json",
        &described("claims --json"),
        &samples::claims(),
    );
    let columns: Vec<String> = described("cells.csv")
        .into_iter()
        .map(|field| field.path)
        .collect();
    assert_eq!(run.cells.lines().next(), Some(columns.join(",").as_str()));
}

#[test]
fn every_class_is_described_and_the_examples_are_scored_as_stated() {
    let method = read("METHOD.md");
    let table = rows_below(&method, "Scoring");
    let (examples, classes): (Vec<_>, Vec<_>) = table
        .iter()
        .partition(|row| matches!(row[1].as_str(), "end" | "length"));
    let described: BTreeSet<String> = classes.iter().flat_map(|row| spans(&row[1])).collect();
    let all: BTreeSet<String> = Class::ALL.iter().map(|class| class.name().into()).collect();
    assert_eq!(described, all);
    assert!(examples.len() >= 12);
    let distractors = ["7431220".to_owned(), "5550198".to_owned()];
    for row in examples {
        let question = Question {
            right: &Right::one(ValueType::Numbers, "4829173"),
            distractors: &distractors,
            key: "gentle-otter",
            language: "en",
        };
        let stop = match row[1].as_str() {
            "length" => Stop::Length,
            _ => Stop::End,
        };
        let answer = &spans(&row[0])[0];
        let judged = score::judge(&question, answer, &stop, &mut || None);
        assert_eq!(spans(&row[2]), [judged.class.name()], "{answer}");
    }
}

/// Rows that are void for every reason that the code can give.
fn void_rows(row: &Row) -> Vec<Row> {
    let Outcome::Reply(reply) = &row.outcome else {
        panic!("an answered row");
    };
    let expected = row.prompt.expected_tokens.expect("known");
    let mut cut = reply.clone();
    cut.usage.prompt_tokens = Some(expected / 2);
    let mut over = reply.clone();
    over.usage.prompt_tokens = Some(expected * 2);
    let mut none = reply.clone();
    none.text.clear();
    none.usage.output_tokens = Some(0);
    let mut clamped = reply.clone();
    clamped.text = "The number is".into();
    clamped.stop = Stop::Length;
    clamped.usage.output_tokens = Some(1);
    let mut told = reply.clone();
    told.cut = Some("compressed".into());
    [cut, over, none, clamped, told]
        .into_iter()
        .map(Outcome::Reply)
        .chain(samples::failures().into_iter().map(Outcome::Failure))
        .map(|outcome| Row {
            outcome,
            ..row.clone()
        })
        .collect()
}

#[test]
fn every_reason_of_void_trials_is_described_and_has_its_own_advice() {
    let run = samples::run();
    let reasons: BTreeSet<String> = void_rows(&run.answered)
        .iter()
        .map(|row| void_reason(row).expect("void"))
        .collect();
    // Reasons are written with hyphens, and nothing else in these files is.
    for file in ["src/run/settle.rs", "src/reply.rs"] {
        let source = read(file);
        let literals = source.split('"').skip(1).step_by(2).filter(|literal| {
            literal.contains('-') && literal.bytes().all(|b| b.is_ascii_lowercase() || b == b'-')
        });
        for literal in literals {
            assert!(
                reasons.contains(literal),
                "{file} has `{literal}`: try it here too"
            );
        }
    }
    let described: BTreeSet<String> = rows_below(&read("METHOD.md"), "Void trials")
        .iter()
        .flat_map(|row| spans(&row[0]))
        .collect();
    assert_eq!(described, reasons);

    let mut summary = run.summary.clone();
    summary.tasks[0].voids = reasons.iter().map(|reason| (reason.clone(), 1)).collect();
    let names = Class::ALL.iter().map(|class| (class.name().to_owned(), 1));
    summary.tasks[0].classes = names.collect();
    let report = depthfinder::report::markdown(&summary, "run");
    assert!(!report.contains("read the rows of this reason"), "{report}");
    assert!(
        !report.contains("| 1 |  |"),
        "a class without a meaning: {report}"
    );
}
