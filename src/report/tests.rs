//! Reports on the summaries of the gallery.

use super::*;
use crate::chart;
use crate::chart::samples::{gallery, summary, task};

fn sample(name: &str) -> Summary {
    let found = gallery().into_iter().find(|(other, _)| *other == name);
    found.unwrap_or_else(|| panic!("no sample {name}")).1
}

#[test]
fn the_report_says_what_the_curve_shows_with_its_intervals() {
    let report = markdown(&sample("plain"), "outputs/run");
    assert!(
        report.starts_with("# smollm2-360m-instruct: accuracy by prompt length\n"),
        "{report}"
    );
    for expected in [
        "Accuracy at 4,000 tokens: 100 % (15/15, 95 % interval 78–100 %); at 128,000 tokens: 47 % \
         (7/15, 95 % interval 21–73 %).",
        "At the shortest length, 4,000 tokens, it is undecided: the interval of 78–100 % includes the \
         threshold of 85 %. More samples would decide it.",
        "15 questions on 5 haystacks at each length.",
        "| length (tokens) | right / scored | haystacks | accuracy | 95 % interval | substring rule | void |",
        "| ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
        "| 16,000 | 12/15 | 5 | 80 % | 52–96 % | 13/15 | 0 |",
        "Intervals are by Clopper-Pearson",
        "![Accuracy by prompt length](accuracy.png)",
        "![Accuracy by prompt length and depth](heatmap.png)",
        "- Advertised window: 131,072 tokens",
        "depthfinder report outputs/run",
        "depthfinder show outputs/run TRIAL",
    ] {
        assert!(report.contains(expected), "{expected} is not in\n{report}");
    }
    assert!(!report.contains("effective length"), "{report}");
    assert!(!report.contains("## Void trials"), "{report}");
}

#[test]
fn a_length_passes_only_with_five_haystacks_behind_it() {
    let of = |haystacks| {
        let right = |_, _| (8, 8, 0);
        markdown(
            &summary("m", vec![task("t", &[4000, 8000], 5, haystacks, right)]),
            "run",
        )
    };
    let five = of(5);
    assert!(
        five.contains("It passes at every tested length up to 8,000 tokens"),
        "{five}"
    );
    let four = of(4);
    assert!(!four.contains("It passes at every tested length"), "{four}");
    assert!(
        four.contains("this rests on 4 haystacks, and fewer than five haystacks give no"),
        "{four}"
    );
}

#[test]
fn a_curve_passes_up_to_its_first_fall_and_no_further() {
    let dip = |length, _| (10, if length == 8000 { 2 } else { 10 }, 0);
    let report = markdown(
        &summary("m", vec![task("t", &[4000, 8000, 16_000], 5, 6, dip)]),
        "run",
    );
    assert!(
        report.contains("It passes at every tested length up to 4,000 tokens"),
        "{report}"
    );
    assert!(
        report.contains("At 8,000 tokens it fails: the interval of 10–34 % lies below 85 %."),
        "{report}"
    );
}

#[test]
fn void_trials_are_no_hiding_place() {
    let hidden = |length, _| if length == 8000 { (8, 8, 8) } else { (8, 8, 0) };
    let report = markdown(
        &summary("m", vec![task("t", &[4000, 8000], 5, 6, hidden)]),
        "run",
    );
    assert!(
        report.contains("It passes at every tested length up to 4,000 tokens"),
        "{report}"
    );
    let expected = "At 8,000 tokens the answers pass, but not if the 40 void trials there counted as failures.";
    assert!(report.contains(expected), "{report}");
    let hidden = |_, _| (2, 0, 8);
    let failing = markdown(&summary("m", vec![task("t", &[4000], 5, 6, hidden)]), "run");
    let expected = "the answers fail, but not if the 40 void trials there counted as right.";
    assert!(failing.contains(expected), "{failing}");
    assert!(
        report.contains("| t | too-long | 20 | the server refused the prompt as too long"),
        "{report}"
    );
    assert!(
        report.contains("start the server with a larger window"),
        "{report}"
    );
}

#[test]
fn nothing_scored_is_said_and_never_a_number() {
    let report = markdown(&sample("nothing"), "run");
    assert!(
        report.contains("not known (nothing was scored, 15 void trials)"),
        "{report}"
    );
    assert!(report.contains("No answer was scored."), "{report}");
    assert!(
        report.contains("| 4,000 | 0/0 | 0 | – | – | 0/0 | 15 |"),
        "{report}"
    );
    assert!(!report.contains("NaN"), "{report}");
    let empty = markdown(&summary("m", Vec::new()), "run");
    assert!(
        empty.contains("Nothing was asked.") && !empty.contains("!["),
        "{empty}"
    );
}

#[test]
fn warnings_and_settings_are_printed_and_markup_stays_text() {
    let mut hostile = sample("plain");
    hostile.model = "a|b *c* <img src=x> _d_ niah_single".to_owned();
    hostile.warnings = vec!["- one\n# two".to_owned()];
    hostile.settings = vec!["temperature 0.7 instead of 0".to_owned()];
    let report = markdown(&hostile, "my run's");
    assert!(
        report.starts_with("# a\\|b \\*c\\* \\<img src=x\\> \\_d\\_ niah_single: accuracy"),
        "{report}"
    );
    assert!(
        report.contains("## Warnings\n\n- \\- one # two\n"),
        "{report}"
    );
    assert!(
        report.contains("- temperature 0.7 instead of 0\n"),
        "{report}"
    );
    assert!(
        report.contains("depthfinder report 'my run'\\''s'"),
        "{report}"
    );
    let page = html(&hostile, "run", &Pictures::default());
    assert!(
        !page.contains("<img") && page.contains("&lt;img src=x&gt;"),
        "{page}"
    );
    assert!(
        !page.contains("<svg") && !page.contains("<figure"),
        "{page}"
    );
}

#[test]
fn a_dossier_leads_with_the_verdict_and_holds_all_that_it_rests_on() {
    let report = markdown(&sample("hole"), "outputs/run");
    assert!(
        report.starts_with("# sim:hole: is the claimed 128k window real?\n\n**VERIFIED except depth 40–60 % for literal retrieval: sim:hole finds "),
        "{report}"
    );
    for expected in [
        "## The ladder",
        "| length (tokens) | right / answered | void | refusals | 95 % at every look | evidence for | evidence against | what decided it | needed at the last look |",
        "verified by the evidence",
        "A length is verified from 20 on and refuted from 60 on, which is 3 times as much",
        "## The effective length",
        "Certified: the effective length is at least 128,000 tokens",
        "Depth 40–60 % fails at 128,000 tokens: ",
        "The weakest region is 8,000 to 128,000 tokens, depth 40–60 %: ",
        "(p = 0.001, adjusted for having looked at every region",
        "selected: the region was chosen for its answers",
        "![Accuracy by prompt length](accuracy.png)",
        "![Accuracy by prompt length and depth](heatmap.png)",
        "## Controls",
        "| the text without the fact | 0/6 | 0 | 2,000 |",
        "Isolated: every question has a text, facts and a wording of its own",
        "- Claim: 128,000 tokens, prompt and answer together",
        "- Plan hash, registered before the first question: 0a0a",
        "depthfinder report outputs/run",
        "depthfinder show outputs/run TRIAL",
    ] {
        assert!(report.contains(expected), "{expected} is not in\n{report}");
    }
    for other in [
        "Advertised window",
        "accuracy by prompt length\n",
        "NaN",
        "If void questions",
    ] {
        assert!(!report.contains(other), "{other} is in\n{report}");
    }
    let page = page("hole");
    let lead = page.find("VERIFIED except depth").expect("the verdict");
    assert!(lead < page.find("<figure>").expect("a picture"), "{page}");
}

#[test]
fn a_dossier_says_what_each_kind_of_verdict_needs_said() {
    let of = |name| markdown(&sample(name), "run");
    let all: [(&str, &[&str]); 8] = [
        (
            "refuted",
            &[
                "refuted by the evidence",
                "| 39,063 | 0/0 | 0 | 0 | – | – | – | not asked | of 400: ",
            ],
        ),
        (
            "not_served",
            &[
                "not served: three prompts met the end of the window",
                "open: the verdict did not need it",
                "at least 1 s apart",
            ],
        ),
        (
            "undecided",
            &[
                "undecided at its last look",
                "No length is certified either way.",
            ],
        ),
        (
            "search",
            &[
                "Lengths that the search asked beside the ladder:",
                "- Search after the verdict: from ",
            ],
        ),
        (
            "shared",
            &[
                "Shared: five texts at each length hold twenty facts each",
                "| length (tokens) | right / answered by text | Tarone's z | p | do the texts differ? |",
            ],
        ),
        (
            "relative",
            &["- Threshold: 85 % of the rate in short texts (93 of 100 right): verified above "],
        ),
        (
            "flaky",
            &[
                "## If void questions or refusals are left out",
                "asked again once; one that stays void counts as wrong where VERIFIED is at stake",
            ],
        ),
        (
            "leak",
            &[
                "- Leak in control 17 (no needle, 8,000 tokens): to \"What is the special magic number for Oslo?\" the model answered \"4829173\"; the prompt says ",
            ],
        ),
    ];
    for (name, parts) in all {
        let report = of(name);
        for part in parts {
            assert!(report.contains(part), "{name}: {part} is not in\n{report}");
        }
        assert!(!report.contains("NaN"), "{name}: {report}");
    }
    assert!(of("unasked").contains("UNDECIDED"), "{}", of("unasked"));
}

/// Reads CSV by the rules of RFC 4180, written from the RFC and not from the writer.
fn read_csv(text: &str) -> Vec<Vec<String>> {
    let (mut rows, mut row, mut field) = (Vec::new(), Vec::new(), String::new());
    let mut quoted = false;
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '"' if quoted && rest.peek() == Some(&'"') => {
                field.push('"');
                rest.next();
            }
            '"' => quoted = !quoted,
            ',' if !quoted => row.push(std::mem::take(&mut field)),
            '\n' if !quoted => {
                row.push(std::mem::take(&mut field));
                rows.push(std::mem::take(&mut row));
            }
            c => field.push(c),
        }
    }
    rows
}

#[test]
fn csv_gives_every_cell_back() {
    let mut voids = sample("voids");
    voids.tasks[0].task = "a \"quoted\", task\non two lines".to_owned();
    let rows = read_csv(&csv(&voids));
    assert_eq!(
        rows[0].join(" "),
        "task length_tokens depth_percent n right void accuracy interval_low interval_high"
    );
    let cells = &voids.tasks[0].cells;
    assert_eq!(rows.len(), cells.len() + 1);
    for (row, cell) in rows[1..].iter().zip(cells) {
        assert_eq!(row[0], voids.tasks[0].task);
        assert_eq!(row[1].parse(), Ok(cell.length_tokens));
        assert_eq!(row[2].parse(), Ok(cell.depth_percent));
        assert_eq!(
            [&row[3], &row[4], &row[5]].map(|n| n.parse()),
            [cell.n, cell.right, cell.void].map(Ok)
        );
        assert_eq!(row[6].parse().ok(), cell.accuracy);
        assert_eq!(
            row[7].parse().ok(),
            cell.interval.map(|interval| interval.low)
        );
        assert_eq!(
            row[8].parse().ok(),
            cell.interval.map(|interval| interval.high)
        );
    }
}

fn page(name: &str) -> String {
    let summary = sample(name);
    let accuracy = chart::accuracy(&summary).expect("a picture");
    let heatmap = chart::heatmap(&summary).expect("a picture");
    html(
        &summary,
        "outputs/run",
        &Pictures {
            accuracy: &accuracy.svg,
            heatmap: &heatmap.svg,
            kinds: "",
        },
    )
}

#[test]
fn the_page_is_whole_and_asks_for_nothing() {
    for name in ["three", "voids", "nothing", "hole", "leak", "not_served"] {
        let page = page(name);
        assert_eq!(page.matches("<svg ").count(), 2);
        for forbidden in [
            "<script", "<link", "src=", "href=", "url(", "@import", "onload",
        ] {
            assert!(!page.contains(forbidden), "{name}: {forbidden}");
        }
        // It is well-formed but for the void elements of the head, so that a reader of XML, which
        // we did not write, finds every element closed.
        let body = &page[page.find("<main>").expect("main")..page.find("</body>").expect("body")];
        let wrapped =
            format!("<svg xmlns=\"http://www.w3.org/2000/svg\"><desc>{body}</desc></svg>");
        let read = resvg::usvg::Tree::from_str(&wrapped, &resvg::usvg::Options::default());
        assert!(read.is_ok(), "{name}: {read:?}");
    }
}

/// Writes pages for people to look at:
/// `cargo test --lib pages_to_look_at -- --ignored`, then open `target/pictures`.
#[test]
#[ignore = "writes files for people to look at"]
fn pages_to_look_at() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("target/pictures");
    std::fs::create_dir_all(&folder).expect("a folder");
    for name in ["plain", "three", "voids", "hole", "search", "shared"] {
        std::fs::write(folder.join(format!("{name}.html")), page(name)).expect("HTML written");
        let text = markdown(&sample(name), "outputs/run");
        std::fs::write(folder.join(format!("{name}.md")), text).expect("Markdown written");
    }
}

#[test]
fn a_dossier_on_several_kinds_of_use_tells_each_under_its_own_headings() {
    let report = markdown(&sample("kinds_mixed"), "outputs/run");
    for expected in [
        "**VERIFIED for literal retrieval; REFUTED for aggregation (effective length below 32,000 tokens)",
        "| literal retrieval | niah_single | VERIFIED | at least 128,000 tokens | 35/35 | ",
        "| associative retrieval | associative | UNDECIDED | not certified | 90/100 | ",
        "| aggregation | sum | REFUTED | below 32,000 tokens | 0/0 | ",
        "## Associative retrieval (associative)",
        "## Literal retrieval: the ladder",
        "## Aggregation: the effective length",
        "A verdict that names no kind needs literal retrieval, associative retrieval and aggregation",
        "- Chance that any verdict of the 3 kinds is wrong: 5 % at most in each direction, 1.7 % for each of them",
    ] {
        assert!(report.contains(expected), "{expected} is not in\n{report}");
    }
    assert_eq!(report.matches("](heatmap.png)").count(), 1);
    assert_eq!(report.matches("](accuracy.png)").count(), 1);
    let pictures = Pictures::default();
    let page = html(&sample("kinds_verified"), "run", &pictures);
    assert!(
        page.contains("together, so that the verdict names no kind"),
        "{page}"
    );
}
