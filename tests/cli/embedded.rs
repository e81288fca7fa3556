//! Texts, word lists and fonts are in the binary: it needs no repository and no machine of a certain kind.

use crate::support::{Place, names};

#[test]
fn an_empty_folder_and_an_empty_home_are_enough_for_all_charts() {
    let place = Place::new();
    let cache = place.path("cache");
    let told = place
        .depthfinder("sweep sim:perfect --lengths 512,1k --depths 3")
        .cache(cache.clone())
        .ends(0);
    assert_eq!(place.names(), ["cache", "outputs"]);
    assert_eq!(names(&cache), ["index"]);
    let outputs = names(&place.path("outputs"));
    assert_eq!(outputs.len(), 1, "{outputs:?}");
    assert!(
        outputs[0].ends_with("-sim-perfect-niah_multikey"),
        "{outputs:?}"
    );
    let run = place.run(&format!("outputs/{}", outputs[0]));
    assert_eq!(
        names(run.path()),
        [
            "accuracy.png",
            "accuracy.svg",
            "cells.csv",
            "heatmap.png",
            "heatmap.svg",
            "journal.jsonl",
            "report.html",
            "report.md",
            "run.json",
            "summary.json",
        ]
    );
    for picture in ["accuracy", "heatmap"] {
        let png = run.bytes(&format!("{picture}.png"));
        assert!(png.starts_with(b"\x89PNG\r\n\x1a\n") && png.len() > 10_000);
        let svg = String::from_utf8(run.bytes(&format!("{picture}.svg"))).expect("UTF-8");
        // Letters are drawn, so that no reader needs the font.
        assert!(svg.contains("<path") && !svg.contains("<text"), "{picture}");
    }
    let summary = run.json("summary.json");
    assert_eq!(summary["totals"]["scored"], 10);
    assert_eq!(summary["tasks"][0]["curve"][1]["right"], 5);
    assert!(
        told.stdout.contains("100.0 %") && told.stdout.contains("outputs/"),
        "{told}"
    );
}
