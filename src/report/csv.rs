//! The cells as CSV.

use crate::summary::Summary;

const COLUMNS: [&str; 9] = [
    "task",
    "length_tokens",
    "depth_percent",
    "n",
    "right",
    "void",
    "accuracy",
    "interval_low",
    "interval_high",
];

/// A line for each cell, below a line of names.
pub fn write(summary: &Summary) -> String {
    let mut out = COLUMNS.join(",");
    out.push('\n');
    for task in &summary.tasks {
        for cell in &task.cells {
            let share = |share: Option<f64>| share.map_or(String::new(), |share| share.to_string());
            let fields = [
                quoted(&task.task),
                cell.length_tokens.to_string(),
                cell.depth_percent.to_string(),
                cell.n.to_string(),
                cell.right.to_string(),
                cell.void.to_string(),
                share(cell.accuracy),
                share(cell.interval.map(|interval| interval.low)),
                share(cell.interval.map(|interval| interval.high)),
            ];
            out.push_str(&fields.join(","));
            out.push('\n');
        }
    }
    out
}

/// A field, in quotes where it holds what would end it.
fn quoted(field: &str) -> String {
    if field.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", field.replace('"', "\"\""))
    } else {
        field.to_owned()
    }
}
