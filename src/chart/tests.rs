//! Pictures of every shape in the gallery, checked by reading them back.

use super::canvas::{Drawing, paint};
use super::samples::{doublings, gallery, middle_loss, suite, summary, task};
use super::*;
use crate::task::{SUITES, Task};
use resvg::{tiny_skia, usvg};

/// Every drawing of the gallery with its name.
fn drawings() -> Vec<(String, Drawing)> {
    let mut all = Vec::new();
    for (name, summary) in gallery() {
        let drawn = [
            ("accuracy", curve(&summary)),
            ("heatmap", heatmap::draw(&summary)),
        ];
        for (kind, drawing) in drawn {
            let drawing = drawing.unwrap_or_else(|error| panic!("{name} {kind}: {error:#}"));
            all.push((format!("{name}-{kind}"), drawing));
        }
    }
    for (name, tasks) in suites() {
        let drawing = heatmap::draw(&suite(&tasks)).expect("a heatmap");
        all.push((format!("{name}-heatmap"), drawing));
    }
    all
}

/// Suites of the program by name, and all its tasks with a set of somebody else's.
fn suites() -> Vec<(&'static str, Vec<&'static str>)> {
    let suites = SUITES
        .iter()
        .map(|(name, tasks, _)| (*name, tasks.to_vec()));
    let all = Task::all().map(Task::name).chain(["mrcr_2needle"]);
    suites.chain([("all", all.collect())]).collect()
}

/// The drawing that [`accuracy`] makes.
fn curve(summary: &Summary) -> Result<Drawing> {
    match summary.is_study() {
        true => ladder::draw(summary),
        false => accuracy::draw(summary),
    }
}

fn tree(source: &str) -> usvg::Tree {
    usvg::Tree::from_str(source, &font::options()).expect("valid SVG")
}

/// All texts with what they cover on the paper.
fn texts(group: &usvg::Group, found: &mut Vec<(String, usvg::Rect)>) {
    for node in group.children() {
        match node {
            usvg::Node::Group(group) => texts(group, found),
            usvg::Node::Text(text) => {
                let said = text.chunks().iter().map(|chunk| chunk.text()).collect();
                found.push((said, text.abs_stroke_bounding_box()));
            }
            usvg::Node::Path(_) | usvg::Node::Image(_) => {}
        }
    }
}

#[test]
fn every_character_drawn_has_a_glyph() {
    for (name, drawing) in drawings() {
        let missing = font::missing(&tree(&drawing.source));
        assert_eq!(missing, Vec::<String>::new(), "{name}");
    }
}

#[test]
fn nothing_is_cut_and_no_text_lies_on_another() {
    for (name, drawing) in drawings() {
        let tree = tree(&drawing.source);
        let (width, height) = (tree.size().width(), tree.size().height());
        let mut found = Vec::new();
        texts(tree.root(), &mut found);
        assert!(found.len() > 10, "{name}: {} texts", found.len());
        for (at, (text, place)) in found.iter().enumerate() {
            assert!(
                place.left() >= 12.0 && place.right() <= width - 12.0,
                "{name}: {text:?} at {place:?} is too near the edge of {width}"
            );
            assert!(
                place.top() >= 12.0 && place.bottom() <= height - 12.0,
                "{name}: {text:?} at {place:?} is too near the edge of {height}"
            );
            for (other, there) in &found[..at] {
                // Runs of one line stand at whole units of the drawing.
                const ROUNDING_PX: f32 = 0.1;
                let apart = place.left() >= there.right() - ROUNDING_PX
                    || there.left() >= place.right() - ROUNDING_PX
                    || place.top() >= there.bottom()
                    || there.top() >= place.bottom();
                assert!(apart, "{name}: {text:?} lies on {other:?}");
            }
        }
    }
}

#[test]
fn a_heatmap_of_many_tasks_stays_a_page_with_its_kinds_in_order() {
    for (name, tasks) in suites() {
        let summary = suite(&tasks);
        let drawing = heatmap::draw(&summary).expect("a heatmap");
        let tree = tree(&drawing.source);
        let (width, height) = (tree.size().width(), tree.size().height());
        let most = if tasks.len() > 18 { 2_900.0 } else { 1_900.0 };
        assert!(
            width < 1_350.0 && height < most,
            "{name}: {width} by {height}"
        );
        let mut found = Vec::new();
        texts(tree.root(), &mut found);
        let place = |said: &str| {
            let text = found.iter().find(|(text, _)| text == said);
            text.unwrap_or_else(|| panic!("{name}: no {said}")).1.top()
        };
        let kinds: Vec<f32> = summary
            .kinds
            .iter()
            .map(|kind| place(kind.kind.words()))
            .collect();
        assert!(kinds.is_sorted(), "{name}: {kinds:?}");
        for (kind, top) in summary.kinds.iter().zip(&kinds) {
            let next = kinds.iter().find(|next| *next > top).copied();
            for task in &kind.tasks {
                let at = place(task);
                assert!(at > *top && at < next.unwrap_or(height), "{name}: {task}");
            }
        }
    }
}

#[test]
fn the_svg_needs_no_font_and_no_file() {
    let no_fonts = usvg::Options::default();
    assert!(no_fonts.fontdb.is_empty(), "the reader must know no font");
    let shapes = [
        "plain-",
        "three-",
        "voids-",
        "wide-",
        "hole-",
        "not_served-",
    ];
    for (name, drawing) in drawings() {
        if !shapes.iter().any(|shape| name.starts_with(shape)) {
            continue;
        }
        let picture = drawing.picture().expect("a picture");
        for forbidden in ["<text", "font", "href", "url(", "<style", "<script", "id="] {
            assert!(!picture.svg.contains(forbidden), "{name} holds {forbidden}");
        }
        let alone = usvg::Tree::from_str(&picture.svg, &no_fonts).expect("valid SVG");
        let (ours, theirs) = (picture.png, paint(&alone).expect("PNG"));
        let ours = tiny_skia::Pixmap::decode_png(&ours).expect("PNG");
        let theirs = tiny_skia::Pixmap::decode_png(&theirs).expect("PNG");
        assert_eq!(
            (ours.width(), ours.height()),
            (theirs.width(), theirs.height())
        );
        // Coordinates are rounded to a two-hundredth of a pixel, which shifts a few edges by a shade.
        let differ = |(ours, theirs): &(&u8, &u8)| ours.abs_diff(**theirs) > 24;
        let bytes = ours.data().iter().zip(theirs.data());
        let different = bytes.filter(differ).count() as f64 / ours.data().len() as f64;
        assert!(different < 1e-4, "{name}: {different}");
    }
}

#[test]
fn text_is_truly_painted() {
    let mut blank = summary("m", vec![task("t", &[4000], 1, 1, |_, _| (1, 1, 0))]);
    let one = accuracy(&blank).expect("a picture");
    blank.model = "w".to_owned();
    let other = accuracy(&blank).expect("a picture");
    assert_ne!(one.png, other.png);
}

#[test]
fn names_with_markup_or_unknown_letters_are_drawn_as_they_are_or_marked() {
    let mut hostile = summary(
        "<b>\"ሰላም\" & \u{1}\u{202E}co</b>",
        vec![task("a<b", &doublings(1000, 3), 3, 3, middle_loss(2))],
    );
    hostile.corpus = "line\nbreak".to_owned();
    hostile.tokenizer = String::new();
    for drawing in [accuracy::draw(&hostile), heatmap::draw(&hostile)] {
        let drawing = drawing.expect("a drawing");
        let tree = tree(&drawing.source);
        assert_eq!(font::missing(&tree), Vec::<String>::new());
        let mut found = Vec::new();
        texts(tree.root(), &mut found);
        let title = &found[0].0;
        assert!(
            title.starts_with("<b>\"□□□\" & ") && title.ends_with("co</b>"),
            "{title:?}"
        );
        assert!(
            found
                .iter()
                .any(|(text, _)| text.contains("corpus line break"))
        );
        assert!(
            drawing
                .picture()
                .expect("a picture")
                .svg
                .contains("aria-label=\"Accuracy of &lt;b&gt;")
        );
    }
}

#[test]
fn long_model_names_keep_their_ends() {
    let (_, wide) = gallery()
        .into_iter()
        .find(|(name, _)| *name == "wide")
        .expect("wide");
    let mut found = Vec::new();
    texts(
        tree(&accuracy::draw(&wide).expect("a drawing").source).root(),
        &mut found,
    );
    let title = &found[0].0;
    assert!(
        title.starts_with("/srv/models/") && title.ends_with("-of-00002.gguf"),
        "{title}"
    );
    assert!(title.contains('…'));
}

#[test]
fn what_was_measured_stands_in_the_pictures() {
    let (_, voids) = gallery()
        .into_iter()
        .find(|(name, _)| *name == "voids")
        .expect("voids");
    let said = |drawing: Result<Drawing>| {
        let mut found = Vec::new();
        texts(tree(&drawing.expect("a drawing").source).root(), &mut found);
        found.into_iter().map(|(text, _)| text).collect::<Vec<_>>()
    };
    let curve = said(accuracy::draw(&voids));
    for expected in [
        "19/19",
        "4/8",
        "50 %",
        "12",
        "20",
        "120k",
        "advertised window: 131,072",
        "85 %",
    ] {
        assert!(
            curve.iter().any(|text| text == expected),
            "{expected} is not in {curve:?}"
        );
    }
    let map = said(heatmap::draw(&voids));
    for expected in [
        "3/3",
        "1/2",
        "16–84",
        "120k",
        "nothing scored",
        "void trials, not scored",
    ] {
        assert!(
            map.iter().any(|text| text == expected),
            "{expected} is not in {map:?}"
        );
    }
    assert_eq!(map.iter().filter(|text| *text == "1/2").count(), 4);
    let basis = map
        .iter()
        .find(|text| text.contains("per cell"))
        .expect("a basis");
    assert!(
        basis.contains("2–4 questions per cell · 8–20 questions on 4 haystacks per length"),
        "{basis}"
    );
}

#[test]
fn a_title_of_many_scripts_stands_in_one_line_and_is_as_wide_as_it_was_measured() {
    let (_, scripts) = gallery()
        .into_iter()
        .find(|(name, _)| *name == "scripts")
        .expect("scripts");
    let title = &scripts.model;
    let drawing = accuracy::draw(&scripts).expect("a drawing");
    let mut found = Vec::new();
    texts(tree(&drawing.source).root(), &mut found);
    let runs = script::runs(title);
    let letters: Vec<&str> = runs
        .iter()
        .filter_map(|run| match run {
            script::Run::Letters { text, .. } => Some(text.as_str()),
            script::Run::Gap => None,
        })
        .collect();
    assert!(letters.len() > 6, "{letters:?}");
    let drawn: Vec<&str> = found[..letters.len()]
        .iter()
        .map(|(text, _)| text.as_str())
        .collect();
    assert_eq!(drawn, letters);
    let (first, last) = (found[0].1, found[letters.len() - 1].1);
    let width = font::width_px(title, 19.0, font::Weight::Bold).expect("a width");
    let off = f64::from(last.right() - first.left()) - width;
    assert!(off.abs() < 4.0, "{off} of {width}");
}

#[test]
fn names_that_find_no_room_above_the_threshold_stand_below_it() {
    let samples = gallery().into_iter().map(|(_, summary)| summary);
    let mut samples = samples.filter(|one| !one.is_study() && one.dataset.is_none());
    let mut summary = samples.next().expect("a sweep");
    let task = summary.tasks[0].clone();
    summary.tasks = ["ada", "boole", "curie", "dirac", "euler", "fermi"]
        .map(|name| {
            let mut task = task.clone();
            task.task = name.to_owned();
            for point in &mut task.curve {
                point.accuracy = Some(summary.threshold + 0.05);
            }
            task
        })
        .to_vec();
    let drawing = accuracy::draw(&summary).expect("a drawing");
    let mut found = Vec::new();
    texts(tree(&drawing.source).root(), &mut found);
    for task in &summary.tasks {
        // Once beside its line and once beside its counts.
        let places = found.iter().filter(|(text, _)| *text == task.task);
        let beside = places.max_by(|a, b| a.1.left().total_cmp(&b.1.left()));
        let (_, place) = beside.expect("its name");
        for (other, there) in &found {
            let is_apart = place.left() >= there.right()
                || there.left() >= place.right()
                || place.top() >= there.bottom()
                || there.top() >= place.bottom();
            assert!(is_apart || place == there, "{} lies on {other}", task.task);
        }
    }
}

/// What a drawing of a sample says.
fn said(name: &str, draw: fn(&Summary) -> Result<Drawing>) -> Vec<String> {
    let sample = gallery().into_iter().find(|(other, _)| *other == name);
    let drawing = draw(&sample.expect("a sample").1).expect("a drawing");
    let mut found = Vec::new();
    texts(tree(&drawing.source).root(), &mut found);
    found.into_iter().map(|(text, _)| text).collect()
}

#[test]
fn each_length_of_a_ladder_is_named_by_what_became_of_it() {
    let expected: [(&str, &[&str]); 6] = [
        (
            "verified",
            &["verified", "25/25", "100 %", "claimed: 128k", "threshold"],
        ),
        ("refuted", &["refuted", "not asked", "claimed: 10M"]),
        ("not_served", &["not served", "open", "5/5", "claimed: 1M"]),
        ("undecided", &["undecided", "open"]),
        ("relative", &["verified above", "refuted below"]),
        ("flaky", &["void"]),
    ];
    for (name, words) in expected {
        let found = said(name, curve);
        for word in words {
            assert!(
                found.iter().any(|text| text == word),
                "{name}: {word} is not in {found:?}"
            );
        }
        assert!(
            !found.iter().any(|text| text.contains("advertised")),
            "{name}: {found:?}"
        );
        let whole = found.join(" ");
        assert!(whole.contains("for literal retrieval"), "{name}: {whole}");
        assert!(whole.contains("95 % at every look"), "{name}: {whole}");
    }
    let whole = said("search", curve).join(" ");
    assert!(
        whole.contains("small points: lengths of the search"),
        "{whole}"
    );
    assert!(
        whole.contains("shaded: certified effective length, "),
        "{whole}"
    );
}

#[test]
fn kinds_of_use_have_a_ladder_each_under_a_heading_that_tells_its_verdict() {
    let found = said("kinds_mixed", curve);
    for text in [
        "literal retrieval (niah_single): VERIFIED, effective length at least 128,000 tokens",
        "associative retrieval (associative): UNDECIDED",
        "aggregation (sum): REFUTED, effective length below 32,000 tokens",
    ] {
        assert_eq!(
            found.iter().filter(|said| *said == text).count(),
            1,
            "{text} in {found:?}"
        );
    }
    let count = |text: &str| found.iter().filter(|said| *said == text).count();
    assert_eq!(count("claimed: 128k"), 3);
    assert_eq!(count("prompt length (tokens, log scale)"), 1);
    let map = said("kinds_mixed", heatmap::draw).join(" ");
    assert!(map.contains("REFUTED for aggregation"), "{map}");
}

#[test]
fn the_weakest_region_is_outlined_where_chance_would_seldom_give_it() {
    let key = |name| said(name, heatmap::draw).join(" ");
    assert!(key("hole").contains("weakest region: "), "{}", key("hole"));
    assert!(
        !key("verified").contains("weakest region"),
        "{}",
        key("verified")
    );
}

#[test]
fn a_summary_without_lengths_is_an_error_and_not_an_empty_picture() {
    for tasks in [Vec::new(), vec![task("t", &[], 3, 1, |_, _| (1, 1, 0))]] {
        let empty = summary("m", tasks);
        let errors = [accuracy(&empty), heatmap(&empty)].map(|drawn| drawn.expect_err("nothing"));
        assert!(
            errors[0].to_string().contains("no length was asked"),
            "{}",
            errors[0]
        );
        assert!(
            errors[1].to_string().contains("no cell was asked"),
            "{}",
            errors[1]
        );
    }
}

/// Writes the gallery for people to look at:
/// `cargo test --lib pictures_to_look_at -- --ignored`, then open `target/pictures`.
#[test]
#[ignore = "writes files for people to look at"]
fn pictures_to_look_at() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("target/pictures");
    std::fs::create_dir_all(&folder).expect("a folder");
    for (name, drawing) in drawings() {
        let picture = drawing.picture().expect("a picture");
        std::fs::write(folder.join(format!("{name}.svg")), picture.svg).expect("SVG written");
        std::fs::write(folder.join(format!("{name}.png")), picture.png).expect("PNG written");
    }
}
